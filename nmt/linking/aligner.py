"""A word aligner: hidden Markov models of both directions, learned from sentence pairs alone."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np

from nmt.errors import InputError
from nmt.evaluation.alignment import split_words
from nmt.evaluation.alignment_error import Link
from nmt.evaluation.symmetrization import SYMMETRIZATIONS
from nmt.linking.hidden_markov import Batch, HiddenMarkovModel, batches_of_pairs, posteriors, train_hidden_markov

# Pairs whose words are held in memory for learning.
LEARNED = 500_000
# Words of a sentence. Those after them are neither learned from nor linked: memory grows with the square.
LONGEST = 200
_WINDOW = 2_000
# A word that is seen no more often than this is known by its beginning: 먹었던 and 먹었다 are one, as link and linked.
_RARE = 5
# Letters of a beginning; a syllable of Hangul and a Chinese character count for two.
_LETTERS = 4
_UNKNOWN = 0
_FEWEST_PAIRS = 2

Pair = tuple[str, str]


@dataclass(frozen=True)
class Posteriors:
    """How likely the links of a pair are, ``(target words, source words)`` each, of at most the first 200 words a side.

    Attributes:
        forward: of the model in which each target word comes from a source word; a row sums to one, less the
            probability that the word comes from none.
        backward: of the other direction; a column sums to one or less.
    """

    forward: np.ndarray
    backward: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """The mean of both directions, the probability of each link."""
        return (self.forward + self.backward) / 2

    def directions(self) -> tuple[frozenset[Link], frozenset[Link]]:
        """Return the likeliest link of each target word, and of each source word, if it is likelier than none.

        >>> both = Posteriors(np.array([[0.9, 0.05], [0.1, 0.2]]), np.array([[0.6, 0.1], [0.3, 0.8]]))
        >>> [sorted(links) for links in both.directions()]  # (source word, target word)
        [[(0, 0)], [(0, 0), (1, 1)]]
        """
        forward = {(int(row.argmax()), j) for j, row in enumerate(self.forward) if _likelier(row)}
        backward = {(i, int(row.argmax())) for i, row in enumerate(self.backward.T) if _likelier(row)}
        return frozenset(forward), frozenset(backward)

    def links(self, symmetrization: str = "grow-diag-final") -> frozenset[Link]:
        """Return the links of both directions joined, see :mod:`nmt.evaluation.symmetrization`."""
        return SYMMETRIZATIONS[symmetrization](*self.directions())


@dataclass(frozen=True)
class WordAligner:
    """What was learned from sentence pairs.

    Attributes:
        sources, targets: the words of each side and their ids, and behind a space the beginnings of rare words; 0 is
            any other word.
        forward: the model in which each target word comes from a source word.
        backward: the model of the other direction.
    """

    sources: dict[str, int]
    targets: dict[str, int]
    forward: HiddenMarkovModel
    backward: HiddenMarkovModel

    def align(self, pairs: Sequence[Pair]) -> list[Posteriors]:
        """Return how likely each link of these pairs is. They need not be among those that were learned from."""
        sides = enumerate((self.sources, self.targets))
        ids = [[ids_of(words_of(pair[side]), known) for pair in pairs] for side, known in sides]
        found = [Posteriors(*(np.zeros([len(y), len(x)]) for _ in range(2))) for x, y in zip(*ids, strict=True)]
        for batch in batches_of_pairs(*ids):
            forward, backward = posteriors(self.forward, batch), posteriors(self.backward, batch.reversed)
            for row, i in enumerate(batch.rows):
                part = slice(len(ids[1][i])), slice(len(ids[0][i]))
                found[i].forward[part] = forward[row][part]
                found[i].backward[part] = backward[row].T[part]
        return found

    def align_all(self, pairs: Iterable[Pair]) -> Iterator[Posteriors]:
        """Align pairs as they come."""
        rest = iter(pairs)
        while window := list(islice(rest, _WINDOW)):
            yield from self.align(window)


def learn(pairs: Iterable[Pair]) -> WordAligner:
    """Learn from sentence pairs, of which the first 500,000 are read.

    Words are what stands between plain spaces. Upper and lower case are not told apart, nor are rare words with the
    same beginning: in a language with many endings most forms of a word are rare.

    Raises:
        InputError: if there are fewer than two pairs with words on both sides.

    >>> aligner = learn([("na bap", "I rice"), ("na mul", "I water"), ("neo bap", "you rice")])
    >>> sorted(aligner.align([("neo mul", "you water")])[0].links())
    [(0, 0), (1, 1)]
    """
    texts = list(islice(pairs, LEARNED))
    sources, targets = (vocabulary(words_of(pair[side]) for pair in texts) for side in (0, 1))
    ids = [[ids_of(words_of(pair[side]), known) for pair in texts] for side, known in enumerate((sources, targets))]
    del texts
    corpus = batches_of_pairs(*ids)
    refuse_too_few(corpus)
    backward: list[Batch] = [batch.reversed for batch in corpus]
    # NumPy's long operations let the other thread compute.
    with ThreadPoolExecutor(2) as pool:
        models = pool.map(train_hidden_markov, (corpus, backward), (len(targets) + 1, len(sources) + 1))
        return WordAligner(sources, targets, *models)


def _likelier(row: np.ndarray) -> bool:
    """Return whether the likeliest link of a word is likelier than that it has none."""
    return bool(row.size) and float(row.max()) > 0 and float(row.max()) >= 1 - float(row.sum())


def refuse_too_few(corpus: Iterable[Batch]) -> None:
    """Check that there are pairs to learn from.

    Raises:
        InputError: if there are fewer than two.
    """
    if sum(len(batch.rows) for batch in corpus) < _FEWEST_PAIRS:
        raise InputError("There are too few pairs to learn word links from: at least two need words on both sides.")


def words_of(text: str) -> list[str]:
    """Return the words that are read of a text, in small letters."""
    return [word.casefold() for word in split_words(text)[:LONGEST]]


def vocabulary(sentences: Iterable[Sequence[str]]) -> dict[str, int]:
    """Return the ids of words, from 1 on; rare words are known by their beginnings."""
    counts = Counter(word for words in sentences for word in words)
    kept: Counter[str] = Counter()
    for word, count in counts.items():
        kept[word if count > _RARE else _beginning(word)] += count
    # Frequent words have small ids.
    return {word: number for number, (word, _) in enumerate(kept.most_common(), _UNKNOWN + 1)}


def ids_of(words: Sequence[str], known: dict[str, int]) -> np.ndarray:
    """Return the ids of words: their own, or those of their beginnings, or 0."""
    return np.array([known.get(word, 0) or known.get(_beginning(word), _UNKNOWN) for word in words], np.int32)


def _beginning(word: str) -> str:
    """Return what rare words with the same beginning have in common, which is no word itself.

    >>> _beginning("linked"), _beginning("먹었던"), _beginning("a")
    (' link', ' 먹었', ' a')
    """
    letters, width = [], 0
    for letter in unicodedata.normalize("NFC", word):
        if width >= _LETTERS:
            break
        letters.append(letter)
        width += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
    return f" {''.join(letters)}"
