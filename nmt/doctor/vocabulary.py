"""How SentencePiece cuts the splits: with the vocabulary that training would learn, and with others.

SentencePiece cuts each word on its own, so it is enough to cut each different word of a sample once. This module needs
TensorFlow, so no other module of the doctor imports it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import tensorflow as tf

from nmt.config import Config
from nmt.data.corpora import Corpus
from nmt.data.tokenizers import SENTENCES, UNK, Tokenizer, Tokenizers, fitting_size, train_tokenizers
from nmt.doctor.findings import Cutting, Size, Split, Use, Vocabulary, Word, cut
from nmt.errors import InputError
from nmt.evaluation.alignment import split_words

logger = logging.getLogger(__name__)

SIZES = (1000, 2000, 4000, 8000, 16_000)
# Pairs that the vocabulary is learned from, pairs for each other size, and pairs that are measured in each split.
_LEARNED, _COMPARED, _MEASURED = 40_000, 20_000, 20_000
# Characters of a sample: memory and time grow with them.
_CHARACTERS = 6_000_000
# Characters of a side that are looked at: more than a vocabulary is learned from, and than a model reads.
_START = 10_000
_WORDS = 8
_TOGETHER = 4096

Sample = list[tuple[str, str]]


def vocabulary(config: Config, corpora: Sequence[Corpus], splits: Sequence[Split]) -> Vocabulary:
    """Learn the vocabulary of a config from the first corpus and measure it on all corpora, beside other sizes.

    It is learned from up to 40,000 pairs, evenly spread, and each of the other sizes from 20,000. A training learns
    from more if there are more, so its pieces differ a little; their number is the same if the sample allows it.

    Raises:
        InputError: if the text allows no vocabulary of the size that is asked for.
    """
    kind, joint, asked, rules = (
        config.text.kind,
        config.text.joint,
        config.text.vocabulary_size,
        config.text.normalization,
    )
    learned = _sample(corpora[0], splits[0], _LEARNED)
    exact = len(learned) == corpora[0].size
    logger.info(f"Learning a vocabulary from {len(learned):,} pairs")
    tokenizers = _learned(learned, corpora[0], config, exact)
    uses = []
    for corpus, split in zip(corpora, splits, strict=True):
        logger.info(f"Cutting {corpus.name} into pieces")
        uses.append(_use(corpus.name, _sample(corpus, split, _MEASURED), tokenizers, config))
    compared = _sample(corpora[0], splits[0], _COMPARED)
    sizes = []
    # For characters or words there is no size to choose.
    for size in (*SIZES, "auto") if kind in ("unigram", "bpe") else ():
        logger.info(f"Trying a vocabulary of {size if isinstance(size, str) else format(size, ',')} pieces")
        try:
            other = train_tokenizers(compared, kind=kind, vocabulary_size=size, joint=joint, normalization=rules)
        except InputError:
            # The sample has too few different pieces, or more characters than the size allows.
            continue
        sizes.append(_size(size, other, compared))
    return Vocabulary(
        kind=kind,
        joint=joint,
        asked=str(asked),
        pieces=_pieces(tokenizers),
        learned_from=len(learned),
        exact=exact,
        uses=tuple(uses),
        sizes=tuple(sizes),
        sizes_from=len(compared),
    )


def _learned(sample: Sample, corpus: Corpus, config: Config, exact: bool) -> Tokenizers:
    """Learn from a sample what training would learn from the whole corpus."""
    kind, joint, size = config.text.kind, config.text.joint, config.text.vocabulary_size
    rules = config.text.normalization
    spread = islice(corpus.pairs(), 0, None, -(-corpus.size // SENTENCES))
    if exact or size != "auto" or not joint or kind not in ("unigram", "bpe"):
        try:
            return train_tokenizers(sample, kind=kind, vocabulary_size=size, joint=joint, normalization=rules)
        except InputError:
            if exact:
                raise
            # Perhaps only the larger sample of a training has this many pieces.
            return train_tokenizers(spread, kind=kind, vocabulary_size=size, joint=joint, normalization=rules)
    fitting = fitting_size((side for pair in spread for side in pair), kind)
    try:
        return train_tokenizers(sample, kind=kind, vocabulary_size=fitting, joint=joint, normalization=rules)
    except InputError:
        # The whole corpus allows this many pieces, the sample does not.
        return train_tokenizers(sample, kind=kind, vocabulary_size="auto", joint=joint, normalization=rules)


def _sample(corpus: Corpus, split: Split, max_pairs: int) -> Sample:
    """Return pairs that are spread evenly over a corpus, fewer if they are long, and of a long side its start."""
    usual = split.source.characters.median + split.target.characters.median
    every = -(-corpus.size // max(1, min(max_pairs, int(_CHARACTERS / max(usual, 1)))))
    sample: Sample = []
    characters = 0
    for number, (source, target) in enumerate(corpus.pairs()):
        if number % every:
            continue
        sample.append((source[:_START], target[:_START]))
        characters += sum(map(len, sample[-1]))
        if characters > 2 * _CHARACTERS:
            sample, every = sample[::2], 2 * every
            characters = sum(len(side) for pair in sample for side in pair)
    return sample


def _pieces(tokenizers: Tokenizers) -> tuple[int, ...]:
    return (
        (tokenizers.source.vocabulary,)
        if tokenizers.joint
        else (tokenizers.source.vocabulary, tokenizers.target.vocabulary)
    )


def _size(size: int | str, tokenizers: Tokenizers, sample: Sample) -> Size:
    source, target = (
        _cutting(side, _cut(side, tokenizer), tokenizer) for side, tokenizer in _sides(sample, tokenizers)
    )
    return Size(str(size), _pieces(tokenizers), source, target)


def _sides(sample: Sample, tokenizers: Tokenizers) -> Iterator[tuple[list[str], Tokenizer]]:
    yield [source for source, _ in sample], tokenizers.source
    yield [target for _, target in sample], tokenizers.target


def _use(name: str, sample: Sample, tokenizers: Tokenizers, config: Config) -> Use:
    """Measure a vocabulary on a split."""
    cuttings, lengths = [], []
    for side, tokenizer in _sides(sample, tokenizers):
        pieces = _cut(side, tokenizer)
        cuttings.append(_cutting(side, pieces, tokenizer))
        lengths.append([sum(len(pieces[word]) for word in split_words(line)) for line in side])
    longest = [max(pair) for pair in zip(*lengths, strict=True)]
    empty = sum(min(pair) == 0 for pair in zip(*lengths, strict=True))
    max_length = config.data.max_length
    dropped = sum(min(pair) == 0 or max(pair) > max_length for pair in zip(*lengths, strict=True))
    return Use(
        split=name,
        sample=len(sample),
        source=cuttings[0],
        target=cuttings[1],
        dropped=dropped,
        too_long=dropped - empty,
        shortened=sum(length > config.decoding.max_length for length in lengths[0]),
        longest=max(longest),
    )


def _cut(lines: Sequence[str], tokenizer: Tokenizer) -> dict[str, list[int]]:
    """Return the ids of each different word."""
    words = list({word: None for line in lines for word in split_words(line)})
    found: dict[str, list[int]] = {}
    for begin in range(0, len(words), _TOGETHER):
        some = words[begin : begin + _TOGETHER]
        found.update(zip(some, tokenizer.encode(tf.constant(some)).to_list(), strict=True))
    return found


def _cutting(lines: Sequence[str], pieces: dict[str, list[int]], tokenizer: Tokenizer) -> Cutting:
    """Count how the words of some lines are cut."""
    counts = Counter(word for line in lines for word in split_words(line))
    total = sum(counts.values())
    # The length of each piece without the mark of a word's beginning.
    letters = [len(piece.removeprefix("▁")) for piece in tokenizer.pieces(range(tokenizer.vocabulary))]
    unknown, spelt, whole, number = Counter[str](), Counter[str](), 0, 0
    for word, count in counts.items():
        ids = pieces[word]
        number += count * len(ids)
        if UNK in ids:
            unknown[word] = count
        elif len(ids) == 1:
            whole += count
        elif len(word) >= 3 and all(letters[each] <= 1 for each in ids):
            spelt[word] = count
    some = max(total, 1)

    def commonest(words: Counter[str]) -> tuple[Word, ...]:
        return tuple(
            Word(cut(word), count, cut(" ".join(tokenizer.pieces(pieces[word]))))
            for word, count in words.most_common(_WORDS)
        )

    return Cutting(
        words=total,
        pieces=number / max(len(lines), 1),
        whole=whole / some,
        unknown=unknown.total() / some,
        spelt=spelt.total() / some,
        unknown_words=commonest(unknown),
        spelt_words=commonest(spelt),
    )
