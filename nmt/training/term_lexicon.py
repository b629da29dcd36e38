"""Words and their translations, found in sentence pairs, for annotations of terms.

A word aligner links the words of the pairs, see :mod:`nmt.linking`. A source word and a target word that it links in
both directions, often enough for both, translate each other as a term does. Function words are linked to many others,
and so are left out.
"""

from __future__ import annotations

import logging
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable

from nmt.config import Config
from nmt.data.corpora import Corpus
from nmt.data.mixing import spread_pairs
from nmt.data.term_annotations import AnnotatedCorpus, TermLexicon, cores
from nmt.errors import InputError
from nmt.evaluation.alignment import split_words
from nmt.linking.aligner import learn

logger = logging.getLogger(__name__)

# Pairs that are linked, spread over the corpus.
_PAIRS = 100_000
# How often two words are linked at least, and at least which share of the links of the source and of the target word.
_OFTEN, _OF_SOURCE, _OF_TARGET = 3, 0.1, 0.05


def with_annotations(config: Config, corpus: Corpus) -> Corpus:
    """Return a corpus of which ``data.term_annotations`` is the share of annotated pairs; the corpus itself if it is 0.

    The words come from at most about 100,000 pairs, which are spread over the corpus if it can be read anywhere.

    The logger of this module logs how many words are known, with level INFO.

    Raises:
        InputError: if there are too few pairs to link words, or no word is a term.
    """
    if not config.data.term_annotations:
        return corpus
    begun = time.monotonic()
    lexicon = learn_lexicon(spread_pairs(corpus, _PAIRS))
    if not lexicon.translations:
        raise InputError(
            f"No word of {corpus.name} is linked to another often enough to be a term: set data.term_annotations=0."
        )
    logger.info(
        f"{len(lexicon.translations):,} source words have translations that annotations may have; the words of the "
        f"pairs were linked in {time.monotonic() - begun:.1f} s."
    )
    return AnnotatedCorpus(
        corpus.name,
        size=corpus.size,
        corpus=corpus,
        lexicon=lexicon,
        share=config.data.term_annotations,
        seed=config.training.seed,
    )


def learn_lexicon(pairs: Iterable[tuple[str, str]]) -> TermLexicon:
    """Return the words that translate each other in sentence pairs, with what target words stand between.

    Raises:
        InputError: if there are fewer than two pairs with words on both sides.
    """
    texts = list(pairs)
    counts: Counter[tuple[str, str]] = Counter()
    for (source, target), found in zip(texts, learn(texts).align_all(texts), strict=True):
        forward, backward = found.directions()
        xs, ys = (list(map(_core, split_words(text))) for text in (source, target))
        counts.update((xs[i], ys[j]) for i, j in forward & backward if xs[i] and ys[j])
    of_source, of_target = Counter[str](), Counter[str]()
    for (x, y), number in counts.items():
        of_source[x] += number
        of_target[y] += number
    translations: dict[str, set[str]] = defaultdict(set)
    for (x, y), number in counts.items():
        if number >= _OFTEN and number >= _OF_SOURCE * of_source[x] and number >= _OF_TARGET * of_target[y]:
            translations[x].add(y)
    bases = _bases(translations)
    followers: dict[str, set[str]] = defaultdict(set)
    leaders: dict[str, set[str]] = defaultdict(set)
    for _, target in texts:
        words = ["", *(target[slice(*place)] for place in cores(target)), ""]
        for before, word, after in zip(words, words[1:], words[2:], strict=False):
            if word in bases:
                followers[before].add(word)
                leaders[after].add(word)
    return TermLexicon(
        {x: frozenset(ys) for x, ys in translations.items()},
        bases,
        {before: tuple(sorted(words)) for before, words in followers.items()},
        {after: frozenset(words) for after, words in leaders.items()},
    )


def _core(word: str) -> str:
    """Return a word without punctuation around it."""
    places = cores(word)
    return word[slice(*places[0])] if places else ""


def _bases(translations: dict[str, set[str]]) -> dict[str, str]:
    """Return for each target word what it and other translations of one source word begin with.

    That is at least half of the word, and three letters or a syllable of Hangul; or it is the word itself.

    >>> sorted(_bases({"apple": {"사과를", "사과가"}, "ate": {"먹었다"}}).items())
    [('먹었다', '먹었다'), ('사과가', '사과'), ('사과를', '사과')]
    """
    found: dict[str, str] = {}
    for words in translations.values():
        for word in words:
            shared = [_shared(word, other) for other in words if other != word]
            base = min((each for each in shared if _is_base(each, word)), key=len, default=word)
            # The source word with the shortest beginning tells most of a word's forms.
            found[word] = min(found.get(word, word), base, key=len)
    return found


def _is_base(shared: str, word: str) -> bool:
    wide = any(unicodedata.east_asian_width(letter) in "WF" for letter in shared)
    return 2 * len(shared) >= len(word) and (wide or len(shared) > 2)


def _shared(one: str, other: str) -> str:
    length = next((i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    return one[: min(len(one), len(other)) if length is None else length]
