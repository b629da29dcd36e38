"""A hidden Markov model of word links: each target word is linked to one source word, or to none.

Vogel et al. 1996, https://aclanthology.org/C96-2141::

    p(y, a | x) = prod_i p(a_i | a_{i-1}, y_{i-1}) p(y_i | x_{a_i})

Where a link leads depends on where the last one was, and on the target word there: after *the* comes the noun of the
same source word. Och and Ney 2003, section 2, condition jumps on classes of words in the same way. A target word that
comes from no source word has the probability ``NULL``, and leaves the position as it was.

It is learned by expectation maximisation: first without positions (Model 1 of Brown et al. 1993), then with them. The
lexicon has a sparse Dirichlet prior, whose variational update keeps rare source words from explaining everything in
their sentences (Riley and Gildea 2012, https://aclanthology.org/P12-2060).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

# Longer jumps count as jumps of this length.
_FURTHEST = 10
JUMPS, FIRST = 2 * _FURTHEST + 1, _FURTHEST + 1
NULL = 0.05
_PRIOR = 0.01
# Counts of jumps of any word, that are added to those of each word.
_SMOOTHING = 50.0
# Pairs of a batch, times the square of their longest sentence: few enough for the cache of a core.
_BATCH_SIZE = 100_000
# Whether each pass of learning knows positions.
_PASSES = (*[False] * 4, *[True] * 5)
_NO_WORD = -1


class Batch(NamedTuple):
    """Sentence pairs of similar length.

    Attributes:
        rows: their numbers in the corpus.
        source, target: ``(rows, words)``, ids of words, -1 after the last.
    """

    rows: np.ndarray
    source: np.ndarray
    target: np.ndarray

    @property
    def reversed(self) -> Batch:
        """The same pairs with the sides exchanged."""
        return Batch(self.rows, self.target, self.source)

    @property
    def last_first(self) -> np.ndarray:
        """Where the words of targets stand, from the last to the first, ``(rows, words)``. Padding stays behind."""
        places = np.arange(self.target.shape[1])
        mirrored = (self.target >= 0).sum(1)[:, None] - 1 - places
        return np.where(mirrored >= 0, mirrored, places)


def batches_of_pairs(sources: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> list[Batch]:
    """Return all pairs whose sides both have words, in batches, sorted by length.

    Arguments:
        sources, targets: the ids of the words of each sentence.
    """
    lengths = np.array([(len(y), len(x)) for x, y in zip(sources, targets, strict=True)]).reshape(-1, 2)
    order = [int(i) for i in np.lexsort(lengths.T) if lengths[i].all()]
    found, start = [], 0
    while start < len(order):
        end, longest = start, 0
        while end < len(order):
            longest = max(longest, int(lengths[order[end]].max()))
            if end > start and (end - start + 1) * longest**2 > _BATCH_SIZE:
                break
            end += 1
        rows = order[start:end]
        found.append(Batch(np.array(rows), *(padded([side[i] for i in rows]) for side in (sources, targets))))
        start = end
    return found


@dataclass(frozen=True)
class HiddenMarkovModel:
    """The probabilities of one direction.

    Attributes:
        keys: ``source id * target words + target id`` of each pair of words that occur together, in ascending order.
        lexicon: ``p(y | x)`` of each.
        unlinked: ``(target words,)``, ``p(y)`` of a word that comes from none.
        jumps: ``(target words, 21)``, how likely a jump of -10 to 10 source words is after each target word.
        first: ``(11,)``, how likely each source position is for the first word.
    """

    keys: np.ndarray
    lexicon: np.ndarray
    unlinked: np.ndarray
    jumps: np.ndarray
    first: np.ndarray

    @property
    def target_words(self) -> int:
        """The number of target words."""
        return len(self.unlinked)


class Expectations:
    """What a pass over the corpus counts."""

    def __init__(self, model: HiddenMarkovModel) -> None:
        self.lexicon = np.zeros(len(model.keys))
        self.unlinked = np.zeros(model.target_words)
        self.jumps = np.zeros_like(model.jumps)
        self.first = np.zeros_like(model.first)

    def add(self, other: Expectations) -> None:
        """Add what was counted elsewhere."""
        for name, numbers in vars(self).items():
            numbers += getattr(other, name)


def uniform_model(corpus: Sequence[Batch], target_words: int) -> HiddenMarkovModel:
    """Return a model that knows which words occur together, and nothing else."""
    keys = _distinct(np.concatenate([_distinct(_keys(batch, target_words)[_inside(batch)]) for batch in corpus]))
    distance = np.abs(np.arange(-_FURTHEST, _FURTHEST + 1) - 1)
    return HiddenMarkovModel(
        keys,
        lexicon=np.full(len(keys), 1 / target_words),
        unlinked=np.full(target_words, 1 / target_words),
        jumps=np.tile(np.exp(-distance / 3), (target_words, 1)),
        first=np.ones(FIRST),
    )


def train_hidden_markov(corpus: Sequence[Batch], target_words: int) -> HiddenMarkovModel:
    """Learn the model of one direction.

    Arguments:
        corpus: the pairs.
        target_words: the number of different target words.
    """

    def counted(models: Sequence[HiddenMarkovModel], positions: bool) -> list[Expectations]:
        (model,) = models
        counts = Expectations(model)
        for batch in corpus:
            places = lexicon_places(model, batch)
            count_links(
                counts,
                batch,
                places,
                expected_links(model, batch=batch, counts=counts, positions=positions, places=places),
            )
        return [counts]

    return expectation_maximisation([uniform_model(corpus, target_words)], counted, _PASSES)[0]


def expectation_maximisation(
    models: Sequence[HiddenMarkovModel],
    counted: Callable[[Sequence[HiddenMarkovModel], bool], Sequence[Expectations]],
    passes: Sequence[bool],
) -> list[HiddenMarkovModel]:
    """Return what models become in all passes of learning.

    Arguments:
        models: with which the first pass begins.
        counted: from the models of a pass, and whether it knows positions, to what each of them counts in the corpus.
        passes: whether each of them knows positions.
    """
    models = list(models)
    for positions in passes:
        counts = counted(models, positions)
        models = [_maximised(model, each, positions) for model, each in zip(models, counts, strict=True)]
    return models


def posteriors(model: HiddenMarkovModel, batch: Batch) -> np.ndarray:
    """Return how likely each link is, given the whole pair: ``(rows, target, source)``.

    A row sums to one, less the probability that the word has no link, and is zero after the last word.

    Arguments:
        model: of this direction.
        batch: the pairs.
    """
    return expected_links(model, batch)


def expected_links(
    model: HiddenMarkovModel,
    batch: Batch,
    counts: Expectations | None = None,
    positions: bool = True,
    places: np.ndarray | None = None,
) -> np.ndarray:
    """Return how likely each link is, as :func:`posteriors` does, and count jumps.

    Arguments:
        model: of this direction.
        batch: the pairs.
        counts: to which the expected jumps are added. The links are added by :func:`count_links`.
        positions: whether it matters where the last link was. If not, this is Model 1.
        places: from :func:`lexicon_places`. To look them up takes a quarter of the time.
    """
    if positions:
        return _with_positions(model, batch, counts, places)
    words, unlinked = _emissions(model, batch, places)
    words = words * (1 - NULL) / (batch.source >= 0).sum(1)[:, None, None]
    total = words.sum(2) + unlinked * NULL
    return np.where((batch.target >= 0)[:, :, None], words / total[:, :, None], 0)


def lexicon_places(model: HiddenMarkovModel, batch: Batch) -> np.ndarray:
    """Return where each pair of words is in the lexicon: ``(rows, target, source)``.

    Of words that never occurred together, and of padding, it is the place of another pair.
    """
    places = np.searchsorted(model.keys, _keys(batch, model.target_words))
    return np.where(_inside(batch), np.minimum(places, len(model.keys) - 1), 0).astype(np.int32)


def count_links(counts: Expectations, batch: Batch, places: np.ndarray, found: np.ndarray) -> None:
    """Add the links of a batch to the counts of the lexicon.

    Arguments:
        counts: to which they are added.
        batch: the pairs.
        places: of the links in the lexicon.
        found: how likely they are, both ``(rows, target, source)``.
    """
    counts.lexicon += np.bincount(places.ravel(), found.ravel(), minlength=len(counts.lexicon))
    real = batch.target >= 0
    idle = np.maximum(1 - found.sum(2), 0)[real]
    counts.unlinked += np.bincount(batch.target[real], idle, minlength=len(counts.unlinked))


def _maximised(model: HiddenMarkovModel, counts: Expectations, positions: bool) -> HiddenMarkovModel:
    """Return the model that fits what was counted best. Without ``positions`` its jumps stay as they are."""
    sources = model.keys // model.target_words
    lexicon = counts.lexicon + _PRIOR
    totals = np.maximum(np.bincount(sources, lexicon), _PRIOR)
    lexicon = np.maximum(np.exp(digamma(lexicon) - digamma(totals)[sources]), 1e-12)
    unlinked = counts.unlinked + 0.1
    jumps, first = model.jumps, model.first
    if positions:
        usual = counts.jumps.sum(0) + 0.01
        jumps = counts.jumps + _SMOOTHING * usual / usual.sum()
        jumps = jumps / jumps.sum(1, keepdims=True)
        first = counts.first + 0.001 * counts.first.mean() + 1e-9
    return HiddenMarkovModel(model.keys, lexicon=lexicon, unlinked=unlinked / unlinked.sum(), jumps=jumps, first=first)


def _with_positions(
    model: HiddenMarkovModel, batch: Batch, counts: Expectations | None, places: np.ndarray | None
) -> np.ndarray:
    """Return the links by the forward-backward algorithm, with the pairs in the last dimension of every array.

    What depends on two positions depends on their distance alone, so no array has a number for both: a jump from ``j``
    to ``k`` is read at ``k - j`` of a row of distances, by strides.
    """
    emitted, unlinked = _emissions(model, batch, places)
    words, alone = (1 - NULL) * emitted.transpose(1, 2, 0), NULL * unlinked.T
    real, read = (batch.target >= 0).T, (batch.source >= 0).T.astype(float)
    whole = np.asarray(real.all(1))
    targets, sources, rows = words.shape
    distances = np.clip(np.arange(1 - sources, sources), -_FURTHEST, _FURTHEST) + _FURTHEST
    before = np.maximum(batch.target, 0).T
    by_distance = np.ascontiguousarray(model.jumps.T[distances])
    likely = np.empty([targets, len(distances), rows])
    # A state is a source position and whether the word is linked to it. ``linked`` and ``past`` are the probabilities
    # so far of those that are, and of both; ``leaving`` is ``past`` by the sum of what may be jumped to.
    linked, past, sums, leaving = (np.empty([targets, sources, rows]) for _ in range(4))
    scales = np.ones([targets, rows])
    start = model.first[np.minimum(np.arange(sources), _FURTHEST)][:, None] * read
    reached = stayed = start / start.sum(0)
    for i in range(targets):
        if i:
            stayed = past[i - 1]
            jumps = _by_position(np.take(by_distance, before[i - 1], axis=1, out=likely[i], mode="clip"))
            np.maximum(np.einsum("jkb,kb->jb", jumps, read), 1e-300, out=sums[i])
            reached = np.einsum("jb,jkb->kb", np.divide(stayed, sums[i], out=leaving[i]), jumps)
        here = np.multiply(reached, words[i], out=linked[i])
        both = np.add(here, stayed * alone[i], out=past[i])
        total = both.sum(0)
        scales[i] = np.where(real[i] & (total > 0), total, 1)
        here /= scales[i]
        both /= scales[i]
        if not whole[i]:
            np.copyto(both, past[i - 1] if i else 0, where=~real[i])
    found, after = linked, np.ones([sources, rows])
    jumped = np.zeros_like(likely)
    # ``onward`` with zeros for the furthest jumps: ``onward[j + distance]`` is read by strides, too.
    padded = np.zeros([3 * sources - 2, rows])
    onward = padded[sources - 1 : 2 * sources - 1]
    ahead = as_strided(padded, (sources, 2 * sources - 1, rows), (padded.strides[0], *padded.strides))
    for i in range(targets - 1, -1, -1):
        share = np.einsum("jb,jb->b", past[i], after)
        found[i] *= after
        found[i] *= real[i] / np.maximum(share, 1e-300)
        if i == 0:
            break
        scaled = after / scales[i]
        np.multiply(words[i], scaled, out=onward)
        if counts is not None:
            np.einsum("jb,jdb->db", leaving[i], ahead, out=jumped[i])
        passed = np.einsum("jkb,kb->jb", _by_position(likely[i]), onward) / sums[i] + alone[i] * scaled
        after = passed if whole[i] else np.where(real[i], passed, after)
    if counts is not None:
        if targets > 1:
            _count_jumps(counts, before[:-1], distances, jumped[1:] * likely[1:] * real[1:, None])
        np.add.at(counts.first, np.minimum(np.arange(sources), _FURTHEST), found[0].sum(1))
    return np.ascontiguousarray(found.transpose(2, 0, 1))


def _by_position(likely: np.ndarray) -> np.ndarray:
    """Return ``(from, to, rows)`` of numbers ``(distance, rows)``, a view."""
    sources = (len(likely) + 1) // 2
    back, beside = likely.strides
    return as_strided(likely[sources - 1 :], (sources, sources, likely.shape[1]), (-back, back, beside))


def _count_jumps(counts: Expectations, before: np.ndarray, distances: np.ndarray, jumped: np.ndarray) -> None:
    """Add jumps ``(target, distance, rows)`` to those after each target word ``before``, ``(target, rows)``."""
    kinds, starts = np.unique(distances, return_index=True)
    places = before[:, None] * JUMPS + kinds[:, None]
    numbers = np.add.reduceat(jumped, starts, axis=1)
    counts.jumps += np.bincount(places.ravel(), numbers.ravel(), counts.jumps.size).reshape(counts.jumps.shape)


def _emissions(model: HiddenMarkovModel, batch: Batch, places: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return ``p(y_i | x_j)``, and ``p(y_i)`` of a word without a link."""
    if places is None:
        places = lexicon_places(model, batch)
        # Words of a new pair may not have occurred together.
        words = np.where(model.keys[places] == _keys(batch, model.target_words), model.lexicon[places], 1e-12)
    else:
        words = model.lexicon[places]
    unlinked = np.where(batch.target >= 0, model.unlinked[np.maximum(batch.target, 0)], 1)
    return np.where(_inside(batch), words, 0), unlinked


def _keys(batch: Batch, target_words: int) -> np.ndarray:
    source, target = np.maximum(batch.source, 0).astype(np.int64), np.maximum(batch.target, 0)
    return source[:, None, :] * target_words + target[:, :, None]


def _distinct(numbers: np.ndarray) -> np.ndarray:
    """Return different numbers in ascending order. ``np.unique`` looks them up, which takes several times as long."""
    ordered = np.sort(numbers)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])]


def _inside(batch: Batch) -> np.ndarray:
    return (batch.source >= 0)[:, None, :] & (batch.target >= 0)[:, :, None]


def padded(sentences: Sequence[np.ndarray]) -> np.ndarray:
    """Return sentences as rows of one array, -1 after their last word."""
    padded = np.full([len(sentences), max(map(len, sentences))], _NO_WORD, np.int32)
    for row, sentence in zip(padded, sentences, strict=True):
        row[: len(sentence)] = sentence
    return padded


def digamma(x: np.ndarray) -> np.ndarray:
    """Return the derivative of the logarithm of the gamma function, for positive numbers.

    ``psi(x) = psi(x + 1) - 1 / x``, and for large ``x`` its asymptotic series.

    >>> digamma(np.array([1.0])).round(6).tolist()  # minus Euler's constant
    [-0.577216]
    """
    below = np.zeros_like(x)
    for step in range(6):
        below -= 1 / (x + step)
    large = x + 6
    square = 1 / large**2
    return below + np.log(large) - 0.5 / large - square * (1 / 12 - square * (1 / 120 - square / 252))
