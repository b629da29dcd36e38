"""Links of pairs by four hidden Markov models: both directions, of words and of their parts.

Words that always occur together cannot be told apart by counting: of 카페에 갔다 and *went to the cafe*, *to* may come
from either. The parts of the words can: *to* explains 에 better than *cafe* does. Counts of parts have faults of their
own, because endings that mean nothing in the other language take what is left over. So in every pass each model learns
from what others found:

- A link is likelier if the other direction finds it, too: ``f(i, j) (b(i, j) + 1/2)`` and ``b(i, j) (f(i, j) + 1)``,
  normalized to the sum before. Liang et al. 2006, https://aclanthology.org/N06-1014, multiply without what is added
  here, so that a word which has no link in one direction has none in the other.
- Where a word comes from is half what the model of words says and half what the model of parts says. What a word gets
  is divided among its parts as they themselves say.
- The model in which words come from parts reads them from the last to the first. In *to the cafe* it knows where *the*
  came from before it asks for *to*, so it makes other errors than the model of whole words.

Words are cut on the side that has more different words, see :mod:`nmt.linking.word_parts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import NamedTuple

import numpy as np

from nmt.linking.aligner import Pair, Posteriors, ids_of, refuse_too_few, vocabulary, words_of
from nmt.linking.hidden_markov import (
    Batch,
    Expectations,
    HiddenMarkovModel,
    batches_of_pairs,
    count_links,
    expectation_maximisation,
    expected_links,
    lexicon_places,
    padded,
    uniform_model,
)
from nmt.linking.word_parts import count_parts

# Whether each pass of learning knows positions.
_PASSES = (*[False] * 6, *[True] * 6)
# Added to the links of the other direction, where words come from the side that is cut, and where they go to it.
_DOUBTS = 0.5, 1.0
_MIN_SUM = 1e-12


class _CutBatch(NamedTuple):
    """Sentence pairs of similar length, whose source is the side that is cut.

    Attributes:
        words, parts: the pairs, with the words of the source whole, and cut.
        last_first: see :attr:`~nmt.linking.hidden_markov.Batch.last_first`.
        inside: ``(rows, parts, words)``, whether a part lies inside a word.
        places: of the links of each of the four models in its lexicon.
    """

    words: Batch
    parts: Batch
    last_first: np.ndarray
    inside: np.ndarray
    places: tuple[np.ndarray, ...]

    @property
    def directions(self) -> tuple[Batch, Batch, Batch, Batch]:
        """What each of the four models reads."""
        mirrored = self.parts._replace(target=np.take_along_axis(self.parts.target, self.last_first, 1))
        return self.words, mirrored, self.words.reversed, self.parts.reversed

    def mirrored(self, found: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the links of the four models, those of the second with its targets in the other order."""
        words, parts, *others = found
        return [words, np.take_along_axis(parts, self.last_first[:, :, None], 1), *others]


def link(pairs: Sequence[Pair]) -> list[Posteriors]:
    """Learn from pairs, and return how likely each of their links is.

    Raises:
        InputError: if there are fewer than two pairs with words on both sides.

    >>> found = link([("na bap", "I rice"), ("na mul", "I water"), ("neo bap", "you rice"), ("neo mul", "you water")])
    >>> sorted(found[3].links())
    [(0, 0), (1, 1)]
    """
    sides = [[words_of(pair[side]) for pair in pairs] for side in (0, 1)]
    first, second = (len({word for words in side for word in words}) for side in sides)
    turned = second > first
    corpus, sizes = _read(sides[::-1] if turned else sides)
    refuse_too_few(batch.words for batch in corpus)
    models = [uniform_model([batch.directions[n] for batch in corpus], size) for n, size in enumerate(sizes)]
    corpus = [batch._replace(places=tuple(map(lexicon_places, models, batch.directions))) for batch in corpus]
    # NumPy's long operations let the other thread compute.
    halves = [corpus[::2], corpus[1::2]]
    found = [Posteriors(*(np.zeros([len(y), len(x)]) for _ in range(2))) for x, y in zip(*sides, strict=True)]
    with ThreadPoolExecutor(2) as pool:

        def counted(models: Sequence[HiddenMarkovModel], positions: bool) -> list[Expectations]:
            one, other = pool.map(partial(_counted, models, positions), halves)
            for counts, more in zip(one, other, strict=True):
                counts.add(more)
            return one

        models = expectation_maximisation(models, counted, _PASSES)
        for row, forward, backward in chain(*pool.map(partial(_links, models), halves)):
            if turned:
                forward, backward = backward.T, forward.T
            place = slice(len(forward)), slice(forward.shape[1])
            found[row].forward[place], found[row].backward[place] = forward, backward
    return found


def _read(sides: Sequence[Sequence[list[str]]]) -> tuple[list[_CutBatch], list[int]]:
    """Return the pairs in batches, and how many different targets each of the four models has.

    Arguments:
        sides: the words of each sentence, first those of the side that is cut.
    """
    different = {word for words in sides[0] for word in words}
    parts = count_parts(different)
    each_cut = {word: parts.cut(word) for word in different}
    cut = [[each_cut[word] for word in words] for words in sides[0]]
    known = [vocabulary(side) for side in sides]
    known_parts = vocabulary([list(chain(*words)) for words in cut])
    words, plain = ([ids_of(each, ids) for each in side] for side, ids in zip(sides, known, strict=True))
    ids = [ids_of(list(chain(*each)), known_parts) for each in cut]
    places = [np.repeat(np.arange(len(each)), [len(word) for word in each]) for each in cut]
    found = []
    for batch in batches_of_pairs(ids, plain):
        whole = padded([words[i] for i in batch.rows])
        inside = padded([places[i] for i in batch.rows])[:, :, None] == np.arange(whole.shape[1])
        plain_words = Batch(batch.rows, whole, batch.target)
        found.append(_CutBatch(plain_words, parts=batch, last_first=batch.last_first, inside=inside, places=()))
    return found, [len(known[1]) + 1, len(known[1]) + 1, len(known[0]) + 1, len(known_parts) + 1]


def _counted(models: Sequence[HiddenMarkovModel], positions: bool, corpus: Sequence[_CutBatch]) -> list[Expectations]:
    """Return what each model counts in some batches of the corpus."""
    counts = [Expectations(model) for model in models]
    for cut in corpus:
        read = list(zip(cut.directions, cut.places, strict=True))
        found = [
            expected_links(model, batch=batch, counts=count, positions=positions, places=places)
            for model, count, (batch, places) in zip(models, counts, read, strict=True)
        ]
        agreements = cut.mirrored(_agreed(cut.mirrored(found), cut.inside))
        for count, (batch, places), agreed in zip(counts, read, agreements, strict=True):
            count_links(count, batch, places, agreed)
    return counts


def _agreed(found: Sequence[np.ndarray], inside: np.ndarray) -> list[np.ndarray]:
    """Return the links of the four models after they have heard each other.

    Arguments:
        found: how likely each link is, ``(rows, target, source)`` of the first two, ``(rows, source, target)`` of the
            others.
        inside: see :class:`_CutBatch`.
    """
    of_cut, to_cut = _DOUBTS
    inside = inside.astype(float)
    words, parts = (_confirmed(one, other, of_cut) for one, other in zip(found[:2], found[2:], strict=True))
    summed = parts @ inside
    both = (words + summed) / 2
    forward = [both, parts * (both / np.maximum(summed, _MIN_SUM) @ inside.transpose(0, 2, 1))]
    return [*forward, *(_confirmed(one, other, to_cut) for one, other in zip(found[2:], forward, strict=True))]


def _confirmed(one: np.ndarray, other: np.ndarray, doubt: float) -> np.ndarray:
    """Return links of one direction, of which those that the other finds, too, are likelier."""
    agreed = one * (other.transpose(0, 2, 1) + doubt)
    return agreed * (one.sum(2, keepdims=True) / np.maximum(agreed.sum(2, keepdims=True), _MIN_SUM))


def _links(
    models: Sequence[HiddenMarkovModel], corpus: Sequence[_CutBatch]
) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Return the numbers of the pairs, and how likely their links are by both directions, ``(target, source)`` each."""
    linked = []
    for cut in corpus:
        words, inside = cut.words, cut.inside
        read = zip(models, cut.directions, cut.places, strict=True)
        found = [expected_links(model, batch, places=places) for model, batch, places in read]
        forward, _, back_words, back_parts = _agreed(cut.mirrored(found), inside)
        # A word is linked where one of its parts is: its first or its last.
        ends = inside.argmax(1), inside.shape[1] - 1 - inside[:, ::-1].argmax(1)
        of_parts = np.maximum(*(np.take_along_axis(back_parts, end[:, :, None], 1) for end in ends))
        backward = ((back_words + of_parts) / 2).transpose(0, 2, 1)
        for row, i in enumerate(words.rows):
            size = slice(int((words.target[row] >= 0).sum())), slice(int((words.source[row] >= 0).sum()))
            linked.append((int(i), forward[row][size], backward[row][size]))
    return linked
