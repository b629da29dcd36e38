"""Text and pieces: SentencePiece models, trained on the corpus and used inside the graph.

Kudo and Richardson 2018, *SentencePiece*, https://arxiv.org/abs/1808.06226. With a vocabulary of subword pieces hardly
any word is unknown, no language needs a tokenizer of its own, and decoding gives back the text (after normalisation).
Four ids are fixed: ``<pad>`` 0, ``<unk>`` 1, ``<s>`` 2, ``</s>`` 3.
"""

from __future__ import annotations

import bisect
import contextlib
import io
import itertools
import math
import random
import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import tensorflow as tf

from nmt.data.normalization import choose, nfc_rules, nfkc_rules
from nmt.data.piece_sampling import PieceSampler
from nmt.data.sentencepiece_model import ModelProto, without_path
from nmt.data.source_noise import noisy
from nmt.data.vocabulary_sample import SentenceSample
from nmt.documents.sentences import script_of
from nmt.errors import InputError
from nmt.evaluation import scripts
from nmt.evaluation.alignment import WORD, Words, split_words, words
from nmt.tf_import import sentencepiece_tokenizer

PAD, UNK, BOS, EOS = range(4)

# SentencePiece holds its sentences in memory. More distinct ones than these do not improve the vocabulary.
SENTENCES = 300_000
_LONGEST_LINE = 4192
TAB = "\t"
# The names of rules in a model's file, and what the config calls them. Rules of this package all have the first name.
_OWN = "user_defined"
_RULES = {_OWN: "nfc", "nmt_nfkc": "nmt_nfkc", "identity": "none"}


class Tokenizer:
    """One SentencePiece model, for the graph and for Python.

    Arguments:
        model: the bytes of a ``.spm.model`` file.

    Raises:
        InputError: if the bytes are not a SentencePiece model, or its ids for ``<pad>``, ``<unk>``, ``<s>`` and
            ``</s>`` are not those of this package.
    """

    def __init__(self, model: bytes) -> None:
        processor = sentencepiece.SentencePieceProcessor()
        try:
            processor.LoadFromSerializedProto(model)
        except RuntimeError:
            raise InputError("the bytes are not a SentencePiece model.") from None
        ids = (processor.pad_id(), processor.unk_id(), processor.bos_id(), processor.eos_id())
        if ids != (PAD, UNK, BOS, EOS):
            raise InputError(f"the ids of <pad>, <unk>, <s>, </s> are {ids}, not {(PAD, UNK, BOS, EOS)}.")
        try:
            processor.id_to_piece(list(range(processor.get_piece_size())))
        except UnicodeDecodeError:
            raise InputError("the bytes are not a SentencePiece model: one of its pieces is no text.") from None
        # The normaliser comes last in the file: a file cut short can lack it and still load.
        spec = ModelProto.FromString(model).normalizer_spec
        if spec.name not in _RULES or bool(spec.precompiled_charsmap) != (spec.name != "identity"):
            raise InputError(
                "the model has no rules of normalisation that are known; it was cut short or made elsewhere."
            )
        self.model = model
        folds = spec.name == _OWN and processor.normalize("²").strip("▁") == "2"
        self.normalization: str = "nfkc" if folds else _RULES[spec.name]
        self.vocabulary: int = processor.get_piece_size()
        # The piece that spells a space alone; PAD if there is none.
        space = processor.piece_to_id("▁")
        self.space: int = PAD if space == UNK else space
        self._processor = processor
        self._samplers: dict[float, PieceSampler] = {}
        # One object only: each one writes its own copy of the model into the graph.
        self._graph = sentencepiece_tokenizer(model)

    def same_vocabulary(self, other: Tokenizer) -> bool:
        """Return whether another tokenizer has the same pieces and rules, so that models can share their ids."""
        return self.model == other.model or without_path(self.model) == without_path(other.model)

    @property
    def resource(self) -> tf.Module:
        """The resource that an export has to hold: it cannot be found from the graph."""
        return self._graph

    def encode(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Turn strings ``(batch,)`` into ids ``(batch, None)``, without start and end."""
        return self._graph.tokenize(texts)

    def ids(self, text: str) -> list[int]:
        """Turn one text into ids, without start and end. No graph is built."""
        return self._processor.encode(text.encode("utf-8", "replace").decode(), out_type=int)

    def spelt(self, ids: Sequence[int]) -> str:
        """Turn the ids of one text into the text. No graph is built."""
        return self._processor.decode(list(ids))

    def lengths(self, texts: Sequence[str] | Sequence[bytes]) -> np.ndarray:
        """Return the number of pieces ``(texts,)`` of each text, without start and end. No graph is built."""
        listed: list[Any] = list(texts)  # a tuple would be read as one text
        rows = self._processor.encode(listed, out_type=int, num_threads=2)
        return np.fromiter(map(len, rows), np.int32, len(rows))

    def sample(self, texts: tf.Tensor, sampling: float, seed: tf.Tensor) -> tf.RaggedTensor:
        """Cut strings ``(batch,)`` at random into ids ``(batch, None)``, so that a model sees a word in many pieces.

        It runs in Python, because the operation of tensorflow-text takes no seed. An export cannot hold it.

        Arguments:
            texts: the strings.
            sampling: see :class:`~nmt.data.piece_sampling.PieceSampler`.
            seed: whole numbers ``(any,)``. The same texts with the same seed are cut in the same way.
        """
        ids, splits = tf.numpy_function(
            lambda rows, numbers: self._drawn(rows, sampling, numbers), [texts, seed], [tf.int32, tf.int64]
        )
        ids.set_shape([None])
        splits.set_shape([None])
        return tf.RaggedTensor.from_row_splits(ids, splits, validate=False)

    def _drawn(self, texts: np.ndarray, sampling: float, seed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sampled ids of all texts in a row, and where each text begins and ends."""
        if sampling not in self._samplers:
            self._samplers[sampling] = PieceSampler(self.model, self._processor, sampling)
        chance = random.Random(repr(seed.tolist()))
        rows = [self._samplers[sampling].ids(text, chance) for text in texts.tolist()]
        splits = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return np.fromiter(itertools.chain.from_iterable(rows), np.int32, splits[-1]), splits

    def noisy(
        self, texts: tf.Tensor, share: float, seed: tf.Tensor, max_length: int, same_words: bool = False
    ) -> tf.Tensor:
        """Return source texts ``(batch,)`` of which some are written in a hurry.

        No text gets more unknown characters: capitals teach nothing where they are unknown. None gets too long: those
        of capitals have two to three times as many pieces. It runs in Python, as :meth:`sample` does. An export cannot
        hold it.

        Arguments:
            texts: the strings.
            share: of the texts that are to change, see :func:`~nmt.data.source_noise.noisy`.
            seed: whole numbers ``(any,)``. The same texts with the same seed change in the same way.
            max_length: the most pieces that a changed text may have.
            same_words: whether the number of words may not change, because they are linked.
        """

        def hurried(row: bytes, chance: random.Random) -> bytes:
            text = row.decode("utf-8", "replace")
            unknown, length = self._unknown(text), len(split_words(text))

            def fits(other: str) -> bool:
                return (
                    len(self.ids(other)) <= max_length
                    and self._unknown(other) <= unknown
                    and not (same_words and len(split_words(other)) != length)
                )

            return noisy(text, chance, fits).encode()

        def changed(rows: np.ndarray, numbers: np.ndarray) -> np.ndarray:
            chance = random.Random(repr(numbers.tolist()))
            made = [hurried(row, chance) if chance.random() < share else row for row in rows.tolist()]
            return np.array(made, object)

        made = tf.numpy_function(changed, [texts, seed], tf.string)
        made.set_shape([None])
        return made

    def _unknown(self, text: str) -> int:
        """Return the number of unknown characters of a text. An unknown piece may have many."""
        spelt: list[str] = self._processor.encode(text.encode("utf-8", "replace").decode(), out_type=str)
        return sum(len(piece) for piece, number in zip(spelt, self.ids(text), strict=True) if number == UNK)

    def decode(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """Turn ids ``(batch, None)``, without start and end, into strings ``(batch,)``."""
        return self._graph.detokenize(ids)

    def words(self, text: str, pieces: Sequence[str]) -> Words:
        """Return the words of a text, separated by plain spaces, and the word that each of its pieces belongs to.

        Where normalisation splits, drops or joins words, or a piece is unknown, the text is needed beside the pieces.

        Arguments:
            text: the text.
            pieces: its first pieces. Words after them are left out.
        """
        spelt = words(pieces)
        if spelt.words == tuple(split_words(text)):
            return spelt
        text = text.encode("utf-8", "replace").decode()
        # SentencePiece counts bytes.
        offsets = [0, *itertools.accumulate(len(letter.encode()) for letter in text)]
        found = list(WORD.finditer(text))
        if not found:
            return spelt
        ends = [offsets[match.end()] for match in found]
        places = []
        for piece in self._processor.encode(text, return_type="proto").pieces[: len(pieces)]:
            # A piece belongs to the word that it ends in, a space alone to the word that follows.
            length = len(piece.surface.rstrip(" \r\n").encode())
            place = bisect.bisect_right(ends, piece.begin + max(length - 1, 0))
            places.append(min(place, len(found) - 1))
        read = found[: max(places, default=-1) + 1]
        return Words(tuple(match[0] for match in read), tuple(places))

    def places(self, text: str) -> list[tuple[int, int]]:
        """Return where each piece of a text stands in it, ``text[start:end]``, as far as normalisation tells."""
        text = text.encode("utf-8", "replace").decode()
        # SentencePiece counts bytes.
        offsets = [0, *itertools.accumulate(len(letter.encode()) for letter in text)]
        pieces = self._processor.encode(text, return_type="proto").pieces
        return [(bisect.bisect_left(offsets, each.begin), bisect.bisect_left(offsets, each.end)) for each in pieces]

    def starts(self) -> list[bool]:
        """Return for each piece whether it begins a word, or is no part of one.

        In a script without spaces each may.
        """
        pieces = self.pieces(range(self.vocabulary))
        first = [piece.startswith("▁") or not any(map(str.isalnum, piece)) for piece in pieces]
        first[: EOS + 1] = [True] * (EOS + 1)
        return [True] * len(first) if script_of("".join(pieces)) in scripts.SPACELESS else first

    def inner_ids(self, text: str) -> list[int]:
        """Turn a text into ids as it stands within a line of a script without spaces: no space comes before it."""
        first, *rest = self._processor.encode(text, out_type=str) or [""]
        bare = first.removeprefix("▁")
        ids = [self._processor.piece_to_id(piece) for piece in ([bare] if bare else []) + rest]
        # Some vocabularies have a piece only with the space.
        return self.ids(text) if UNK in ids else ids

    def frequent(self, limit: int = 100) -> set[str]:
        """Return the ``limit`` most frequent words that are one piece each, in small letters.

        SentencePiece lists the most frequent first.
        """
        pieces = self.pieces(range(EOS + 1, self.vocabulary))
        words = (piece[1:].lower() for piece in pieces if piece.startswith("▁") and piece[1:].isalpha())
        return set(itertools.islice(words, limit))

    def changed_words(self, texts: Iterable[str]) -> Counter[str]:
        """Count the words that do not come back from their pieces: no model with this vocabulary can write them.

        They hold characters that no piece spells, or that normalisation changes to another than NFC.
        """
        words = Counter(word for text in texts for word in unicodedata.normalize("NFC", text).split())
        forms = [form.encode("utf-8", "replace").decode() for form in words]
        read = self._processor.decode(self._processor.encode(forms))
        return Counter({w: words[w] for w, spelt in zip(words, read, strict=True) if "".join(spelt.split()) != w})

    def lacks(self, word: str) -> bool:
        """Return whether a word, after normalisation, has a character that no piece spells."""
        return UNK in self._processor.encode(word)

    def keeps(self, word: str) -> bool:
        """Return whether normalisation leaves a word in NFC as it is."""
        return "".join(self._processor.normalize(word).replace("▁", " ").split()) == word.replace("▁", "")

    def normalized(self, text: str) -> str:
        """Return a text in the form in which the model reads and writes it."""
        return self._processor.normalize(text).replace("▁", " ").strip()

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """Return the piece of each id. A piece that begins a word begins with ``▁``."""
        return [self._processor.id_to_piece(int(i)) for i in ids]


@dataclass(frozen=True)
class Tokenizers:
    """The tokenizers of both sides: the same object twice when the vocabulary is joint."""

    source: Tokenizer
    target: Tokenizer

    @property
    def joint(self) -> bool:
        return self.source is self.target

    def save(self, folder: str | Path) -> None:
        """Write ``joint.spm.model``, or ``source.spm.model`` and ``target.spm.model``."""
        for name in file_names(self.joint):
            tokenizer = self.target if name.startswith("target") else self.source
            Path(folder, name).write_bytes(tokenizer.model)

    @classmethod
    def load(cls, folder: str | Path, joint: bool) -> Tokenizers:
        """Read what ``save`` wrote.

        Raises:
            InputError: if a file is missing or cut short.
        """
        tokenizers = []
        for name in file_names(joint):
            path = Path(folder, name)
            try:
                tokenizers.append(Tokenizer(path.read_bytes()))
            except OSError as error:
                raise InputError(f"{path} cannot be read: {error.strerror}. The model folder is incomplete.") from None
            except InputError as error:
                raise InputError(f"{path} is damaged: {error}") from None
        return cls(tokenizers[0], tokenizers[-1])


def train_tokenizers(
    pairs: Iterable[tuple[str, str]],
    kind: str = "unigram",
    vocabulary_size: int | str = "auto",
    joint: bool = True,
    normalization: str = "auto",
) -> Tokenizers:
    """Train the tokenizers on sentence pairs.

    Arguments:
        pairs: source and target sentences. The distinct ones of each side are learned from with their counts, a uniform
            sample of 300,000 if there are more.
        kind: ``unigram``, ``bpe``, ``char`` or ``word``.
        vocabulary_size: pieces of each model, or ``"auto"``: see :func:`fitting_size`.
        joint: one model for both sides, or one a side.
        normalization: ``auto``, ``nfc``, ``nfkc``, ``none`` or ``nmt_nfkc``, see :mod:`nmt.data.normalization`.

    Raises:
        InputError: if the text allows no vocabulary of that size.
    """
    samples = (SentenceSample(SENTENCES), SentenceSample(SENTENCES))
    for pair in pairs:
        for sample, sentence in zip(samples, pair, strict=True):
            # Plain text has no source, and SentencePiece accepts no empty sentence and leaves out a long one.
            if sentence and not _is_long(sentence):
                sample.add([sentence])
    sides = [list(sample.counts().items()) for sample in samples]
    corpora = [sides[0] + sides[1]] if joint else sides
    names = ["the text"] if joint else ["the source text", "the target text"]
    if normalization == "auto":
        normalization = choose(sentence for counted in corpora for sentence, _ in counted)
    tokenizers = [
        _train_one(counted, kind=kind, vocabulary_size=vocabulary_size, normalization=normalization, name=name)
        for counted, name in zip(corpora, names, strict=True)
    ]
    return Tokenizers(tokenizers[0], tokenizers[-1])


def _is_long(sentence: str) -> bool:
    characters = len(sentence)
    return characters > _LONGEST_LINE or (
        4 * characters > _LONGEST_LINE and len(sentence.encode("utf-8", "surrogatepass")) > _LONGEST_LINE
    )


def fitting_size(sentences: Iterable[str], kind: str) -> int:
    """Return how many pieces suit a text; see :func:`fitting_size_of`.

    >>> fitting_size(["a b c", "a b"] * 1000, "unigram")
    16
    """
    return fitting_size_of(((sentence, 1) for sentence in sentences), kind)


def fitting_size_of(counted: Iterable[tuple[str, int]], kind: str) -> int:
    """Return how many pieces suit a text.

    For ``unigram`` and ``bpe``::

        max(min(2000 sqrt(words / 100000), distinct words, 32000), alphabet)

    Small data wants few pieces, each seen often: so Multi30k gets about 5,000 and IWSLT about 16,000. The alphabet is
    twice the number of distinct characters, since normalisation can add some, and 8 for the special pieces.
    ``char`` gets the alphabet, and ``word`` ``min(distinct words + 4, 32000)``. Words are separated by white space;
    distinct ones are counted up to 300,000.

    Arguments:
        counted: the sentences of the text, each with how often it occurs.
        kind: ``unigram``, ``bpe``, ``char`` or ``word``.

    >>> fitting_size_of([("a b c", 1000), ("a b", 1000)], "unigram")
    16
    """
    words = 0
    forms: set[str] = set()
    characters: set[str] = set()
    for sentence, count in counted:
        split = sentence.split()
        words += count * len(split)
        characters.update(sentence)
        if len(forms) < SENTENCES:
            forms.update(split)
    alphabet = 2 * len(characters) + 8
    if kind == "char":
        return alphabet
    if kind == "word":
        return min(len(forms) + 4, 32_000)
    fitting = round(min(2000 * math.sqrt(words / 100_000), len(forms), 32_000))
    return max(fitting, alphabet)


def file_names(joint: bool) -> list[str]:
    """Return the names of the files of tokenizers in a folder, the source's first."""
    return [f"{name}.spm.model" for name in (["joint"] if joint else ["source", "target"])]


def _train_one(
    counted: list[tuple[str, int]], kind: str, vocabulary_size: int | str, normalization: str, name: str
) -> Tokenizer:
    """Train one model in memory."""
    automatic = vocabulary_size == "auto"
    size = fitting_size_of(counted, kind) if automatic else int(vocabulary_size)
    writer = io.BytesIO()
    try:
        with _normalization(normalization) as rules:
            sentencepiece.SentencePieceTrainer.train(
                # A tab would end the sentence, and SentencePiece reads it as a space anyway.
                sentence_iterator=(f"{sentence.replace(TAB, ' ')}\t{count}" for sentence, count in counted),
                input_format="tsv",
                model_writer=writer,
                model_type=kind,
                vocab_size=size,
                hard_vocab_limit=not automatic,
                character_coverage=1.0,
                pad_id=PAD,
                unk_id=UNK,
                bos_id=BOS,
                eos_id=EOS,
                **rules,
                max_sentence_length=_LONGEST_LINE,
                minloglevel=2,
                num_threads=2,
            )
    except RuntimeError as error:
        raise InputError(_explain(str(error), size, name)) from None
    tokenizer = Tokenizer(without_path(writer.getvalue()))
    if not automatic and tokenizer.vocabulary != size:
        raise InputError(_explain(f"value <= {tokenizer.vocabulary}", size, name))
    return tokenizer


@contextlib.contextmanager
def _normalization(name: str) -> Iterator[dict[str, Any]]:
    """Yield SentencePiece's options for rules: their name, or a file of them."""
    rules = {"nfc": nfc_rules, "nfkc": nfkc_rules}.get(name)
    if not rules:
        yield {"normalization_rule_name": {value: key for key, value in _RULES.items()}[name]}
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.tsv"
        path.write_text(rules(), encoding="utf-8")
        yield {"normalization_rule_tsv": str(path)}


def _explain(message: str, size: int, name: str) -> str:
    """Turn SentencePiece's complaint about the size into a sentence."""
    if most := re.search(r"value <= (\d+)", message):
        return (
            f"text.vocabulary_size = {size} is larger than {name} allows, which is {most[1]}. "
            "'auto' finds a size that fits."
        )
    if "sentences_.empty()" in message or "all_chars_count" in message:
        return f"No vocabulary can be learned: {name} has no line with text of at most {_LONGEST_LINE} bytes."
    if least := re.search(r"smaller than required_chars. \d+ vs (\d+)", message):
        return (
            f"text.vocabulary_size = {size} is too small: the characters of {name} and the four special pieces need "
            f"{least[1]}. 'auto' finds a size that fits."
        )
    return f"SentencePiece cannot learn a vocabulary of {size} pieces from {name}: {message.strip()}"
