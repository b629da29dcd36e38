"""How sure one can be of a translation and of each of its words: probabilities that keep what they promise.

A word of a translation is *right* if it stands in the reference as well, in the same order: if it belongs to the
longest common subsequence of the words of both. Ueffing and Ney 2007, https://aclanthology.org/J07-1003, call this the
criterion of the word error rate. A translation is right to the share ``2 c / (|y| + |r|)``, where ``c`` of the words of
the translation ``y`` and of the reference ``r`` are common to both. This is the probability that a word, drawn from
both, is in both; 1 is the reference itself.

A model is surer of itself than it should be (Guo et al. 2017, https://arxiv.org/abs/1706.04599). So its scores are only
evidence: a logistic regression weighs them together with the alignment and the length, and isotonic regression
(Zadrozny and Elkan 2002) turns the result into a probability. Both learn from development pairs, each of which is
judged by what the others taught.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

# A token that the model holds to be less likely tells no more than this log-probability.
LOWEST = -10.0
# A source word with less weight than this in all target words together is left out of the translation.
UNREAD = 0.25
_FOLDS = 5
_RIDGE = 1.0
# The smallest number of examples that a step of the isotonic regression averages.
_STEP = 30
_BINS = 10
# A word is weak if its confidence is less than this part of the share of words that are right.
_WEAK = 2 / 3

WORD_EVIDENCE = (
    "mean score of its pieces", "lowest score of its pieces", "lowest probability of its pieces", "score before it",
    "score after it", "mean score of the translation", "logarithm of the number of words", "strongest link",
    "weight on the end of the source", "weight of other words on the same source word",
)  # fmt: skip
TRANSLATION_EVIDENCE = (
    "mean score", "lowest score", "whole score", "logarithm of the number of words", "mean evidence of its words",
    "lowest evidence of its words", "whether it has no end", "mean of the strongest links", "source words left out",
)  # fmt: skip


class Written(NamedTuple):
    """A translation, as far as it says how sure the model was.

    Attributes:
        places: the word of each piece, in ascending order.
        scores: the log-probability of each piece and, where it was written, of the end.
        weights: the alignment of words ``(target words, source words)``; ``None`` without one.
        unfinished: whether it has no end.
    """

    places: Sequence[int]
    scores: Sequence[float]
    weights: np.ndarray | None
    unfinished: bool


class Example(NamedTuple):
    """A translation that was compared with its reference.

    Attributes:
        written: the translation.
        right: whether each of its words is right.
        share: to which share the whole is.
    """

    written: Written
    right: Sequence[bool]
    share: float


@dataclass(frozen=True)
class Calibrated:
    """From evidence to a probability.

    Attributes:
        center, scale: of each piece of evidence.
        weights, bias: of the logistic regression, over evidence with mean 0 and variance 1.
        logits, probabilities: the steps of the isotonic regression; between them it is interpolated.
    """

    center: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: float
    logits: np.ndarray
    probabilities: np.ndarray

    def logit(self, evidence: np.ndarray) -> np.ndarray:
        """Return what the regression makes of evidence ``(examples, kinds)``."""
        return (evidence - self.center) / self.scale @ self.weights + self.bias

    def probability(self, logit: np.ndarray) -> np.ndarray:
        """Return the calibrated probability of each logit."""
        return np.interp(logit, self.logits, self.probabilities)


@dataclass(frozen=True)
class Confidence:
    """What was learned from development pairs.

    Attributes:
        word: for a word.
        translation: for the whole.
        pairs: how many pairs taught it.
        usual: the share of the words of their translations that are right.
    """

    word: Calibrated
    translation: Calibrated
    pairs: int
    usual: float

    @property
    def weak(self) -> float:
        """The confidence below which a word is weak, and marked: two thirds of the usual one."""
        return _WEAK * self.usual

    def of(self, written: Written) -> tuple[float, list[float]] | None:
        """Return the confidence of a translation, and of each of its words; ``None`` if it has no words."""
        if not len(written.places):
            return None
        logits = self.word.logit(word_evidence(written))
        whole = self.translation.logit(translation_evidence(written, logits)[None])
        return float(self.translation.probability(whole)[0]), self.word.probability(logits).tolist()


def right_words(translation: Sequence[str], reference: Sequence[str]) -> list[bool]:
    """Return for each word of a translation whether it is in the longest common subsequence with the reference.

    >>> right_words("I ate the old rice".split(), "I ate rice today".split())
    [True, True, False, False, True]
    """
    begin, end = 0, 0
    shorter = min(len(translation), len(reference))
    while begin < shorter and translation[begin] == reference[begin]:
        begin += 1
    while end < shorter - begin and translation[-1 - end] == reference[-1 - end]:
        end += 1
    y, r = translation[begin : len(translation) - end], reference[begin : len(reference) - end]
    # longest[i][j] is the length for what follows word i and word j.
    longest = [[0] * (len(r) + 1) for _ in range(len(y) + 1)]
    for i in range(len(y) - 1, -1, -1):
        here, below = longest[i], longest[i + 1]
        for j in range(len(r) - 1, -1, -1):
            here[j] = below[j + 1] + 1 if y[i] == r[j] else max(below[j], here[j + 1])
    right, i, j = [False] * len(y), 0, 0
    while i < len(y) and j < len(r):
        if y[i] == r[j]:
            right[i] = True
            i, j = i + 1, j + 1
        elif longest[i + 1][j] >= longest[i][j + 1]:
            i += 1
        else:
            j += 1
    return [True] * begin + right + [True] * end


def example(written: Written, translation: Sequence[str], reference: Sequence[str]) -> Example:
    """Compare the words of a translation with those of its reference."""
    right = right_words(translation, reference)
    return Example(written, right, 2 * sum(right) / max(1, len(translation) + len(reference)))


def word_evidence(written: Written) -> np.ndarray:
    """Return what is known of each word: ``(words, 10)``, see ``WORD_EVIDENCE``.

    >>> two = Written([0, 0, 1], [-1.0, -3.0, -0.5, -0.25], np.array([[0.7, 0.2], [0.1, 0.8]]), False)
    >>> word_evidence(two).round(2).tolist()[0]
    [-2.0, -3.0, 0.05, 0.0, -0.5, -1.19, 1.1, 0.7, 0.1, 0.1]
    """
    places, scores = np.asarray(written.places), np.maximum(np.asarray(written.scores, float), LOWEST)
    pieces = scores[: len(places)]
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    counts = np.diff(starts, append=len(places))
    lowest = np.minimum.reduceat(pieces, starts)
    around = np.concatenate([[0.0], scores, [0.0]])
    number = len(starts)
    evidence = np.zeros([number, len(WORD_EVIDENCE)])
    evidence[:, 0] = np.add.reduceat(pieces, starts) / counts
    evidence[:, 1] = lowest
    evidence[:, 2] = np.exp(lowest)
    evidence[:, 3] = around[starts]
    evidence[:, 4] = around[starts + counts + 1]
    evidence[:, 5] = scores.mean()
    evidence[:, 6] = np.log(1 + number)
    if written.weights is not None and written.weights.size:
        rows = np.arange(number)
        best = written.weights.argmax(1)
        strongest = written.weights[rows, best]
        evidence[:, 7] = strongest
        evidence[:, 8] = 1 - written.weights.sum(1)
        evidence[:, 9] = written.weights.sum(0)[best] - strongest
    return evidence


def translation_evidence(written: Written, logits: np.ndarray) -> np.ndarray:
    """Return what is known of a whole translation: ``(9,)``, see ``TRANSLATION_EVIDENCE``.

    Arguments:
        written: the translation.
        logits: of its words.
    """
    scores = np.maximum(np.asarray(written.scores, float), LOWEST)
    linked = written.weights is not None and written.weights.size
    return np.array(
        [
            scores.mean(),
            scores.min(),
            max(scores.sum(), 10 * LOWEST),
            np.log(1 + len(logits)),
            logits.mean(),
            logits.min(),
            float(written.unfinished),
            written.weights.max(1).mean() if linked else 0.0,  # type: ignore[union-attr]
            (written.weights.sum(0) < UNREAD).mean() if linked else 0.0,  # type: ignore[union-attr]
        ]
    )


def learn_confidence(examples: Sequence[Example]) -> tuple[Confidence, Confidences]:
    """Learn from translations that were compared with their references.

    Arguments:
        examples: at least as many as there are folds, 5, each with words.

    Returns:
        What was learned from all, and what each was given by what the other folds taught: how good it is on text that
        it has not seen.
    """
    folds = np.arange(len(examples)) % _FOLDS
    words = [word_evidence(each.written) for each in examples]
    fold_of_word = np.repeat(folds, [len(each) for each in words])
    evidence, right = np.concatenate(words), np.concatenate([np.asarray(each.right, float) for each in examples])
    word, word_logits, word_held = _calibrate(evidence, right, fold_of_word)
    ends = np.cumsum([len(each) for each in words])[:-1]
    logits = np.split(word_logits, ends)
    wholes = np.stack([translation_evidence(each.written, own) for each, own in zip(examples, logits, strict=True)])
    shares = np.array([each.share for each in examples])
    translation, _, held = _calibrate(wholes, shares, folds)
    found = Confidences(word_held.tolist(), right.tolist(), held.tolist(), shares.tolist())
    return Confidence(word, translation, len(examples), float(right.mean())), found


def _calibrate(evidence: np.ndarray, right: np.ndarray, folds: np.ndarray) -> tuple[Calibrated, np.ndarray, np.ndarray]:
    """Learn from all examples, and return also the logit and the probability that the other folds give to each."""
    logits, held = np.zeros(len(right)), np.zeros(len(right))
    for fold in range(_FOLDS):
        own = folds == fold
        logits[own] = _regression(evidence[~own], right[~own]).logit(evidence[own])
    for fold in range(_FOLDS):
        own = folds == fold
        held[own] = np.interp(logits[own], *isotonic(logits[~own], right[~own]))
    whole = _regression(evidence, right)
    found, probabilities = isotonic(logits, right)
    return replace(whole, logits=found, probabilities=probabilities), logits, held


def _regression(evidence: np.ndarray, right: np.ndarray, passes: int = 25) -> Calibrated:
    """Fit the logistic regression by Newton's method; its steps are still missing."""
    center, scale = evidence.mean(0), evidence.std(0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    x = np.concatenate([(evidence - center) / scale, np.ones([len(evidence), 1])], 1)
    ridge = np.diag([*[_RIDGE] * evidence.shape[1], 1e-3])
    weights = np.zeros(x.shape[1])
    for _ in range(passes):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (p - right) + ridge @ weights
        curve = (x * np.maximum(p * (1 - p), 1e-6)[:, None]).T @ x + ridge
        change = np.linalg.solve(curve, slope)
        weights = weights - np.clip(change, -2, 2)
        if np.abs(change).max() < 1e-8:
            break
    return Calibrated(
        center,
        scale=scale,
        weights=weights[:-1],
        bias=float(weights[-1]),
        logits=np.zeros(1),
        probabilities=np.zeros(1),
    )


def isotonic(logits: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps of the isotonic regression: where they are, and the probability there, both ascending.

    Neighbours are pooled until no mean is below the one before it (pool adjacent violators), and until each step has
    30 examples. A step of ``n`` examples of which ``k`` are right has ``(k + 1) / (n + 2)``: nothing is certain.

    >>> logits, probabilities = isotonic(np.arange(100.0), np.arange(100) >= 50)
    >>> probabilities.round(2).tolist()
    [0.02, 0.98]
    """
    order = np.argsort(logits, kind="stable")
    # For each step: examples, right ones, sum of the logits.
    steps: list[list[float]] = []
    for logit, value in zip(logits[order].tolist(), right[order].tolist(), strict=True):
        steps.append([1.0, float(value), logit])
        while len(steps) > 1 and steps[-2][1] * steps[-1][0] >= steps[-1][1] * steps[-2][0]:
            _pool(steps)
    pooled: list[list[float]] = []
    for step in steps:
        pooled.append(step)
        if len(pooled) > 1 and pooled[-2][0] < _STEP:
            _pool(pooled)
    if len(pooled) > 1 and pooled[-1][0] < _STEP:
        _pool(pooled)
    number, good, total = np.array(pooled).T
    # Where logits are equal, rounding can put the mean of a step just below the mean of the one before it.
    return np.maximum.accumulate(total / number), np.maximum.accumulate((good + 1) / (number + 2))


def _pool(steps: list[list[float]]) -> None:
    last = steps.pop()
    steps[-1] = [one + other for one, other in zip(steps[-1], last, strict=True)]


class Reliability(NamedTuple):
    """Whether probabilities keep what they promise.

    Attributes:
        number: of what was judged.
        right: the share that was right.
        error: the expected calibration error.
        ranking: how often something right has a higher confidence than something wrong, half of the ties included;
            ``None`` if all was right, or nothing.
    """

    number: int
    right: float
    error: float
    ranking: float | None


@dataclass
class Confidences:
    """Confidences, and what was right, gathered from translations.

    Attributes:
        words, words_right: of each word its confidence, and 1 if it is right.
        wholes, shares: of each translation its confidence, and to which share it is right.
    """

    words: list[float]
    words_right: list[float]
    wholes: list[float]
    shares: list[float]

    def add(self, whole: float, words: Sequence[float], compared: Example) -> None:
        """Add a translation with its confidence."""
        self.words += words
        self.words_right += map(float, compared.right)
        self.wholes.append(whole)
        self.shares.append(compared.share)

    def report(self) -> dict[str, Reliability]:
        """Return how reliable those of words and of translations are."""
        return {
            "words": reliability(np.array(self.words), np.array(self.words_right)),
            "translations": reliability(np.array(self.wholes), np.array(self.shares)),
        }


def calibration_error(confidences: np.ndarray, right: np.ndarray) -> float:
    """Return the expected calibration error, over ten bins of equal width.

    ``sum over bins b of n_b / n |mean of right in b - mean of confidences in b|``; Naeini et al. 2015.

    >>> calibration_error(np.array([0.9, 0.9, 0.6, 0.6]), np.array([1, 1, 1, 0]))  # (2 * 0.1 + 2 * 0.1) / 4
    0.1
    """
    bins = np.minimum((confidences * _BINS).astype(int), _BINS - 1)
    apart = np.bincount(bins, right - confidences, minlength=_BINS)
    return round(float(np.abs(apart).sum() / len(confidences)), 10)


def reliability(confidences: np.ndarray, right: np.ndarray) -> Reliability:
    """Judge confidences by what was right. With shares, something is taken for right if its share is 1."""
    good = right >= 1
    ranking = None
    if good.any() and not good.all():
        _, places, counts = np.unique(confidences, return_inverse=True, return_counts=True)
        # The mean rank of equal ones; the sum of ranks gives the area under the curve (Mann and Whitney 1947).
        ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
        n, m = int(good.sum()), int((~good).sum())
        ranking = float((ranks[good].sum() - n * (n + 1) / 2) / (n * m))
    return Reliability(len(right), float(right.mean()), calibration_error(confidences, right), ranking)


def reliability_lines(gathered: Confidences) -> list[str]:
    """Return a line about words and one about translations."""
    lines = []
    right = {"words": "right", "translations": "mean share right"}
    for what, each in gathered.report().items():
        ranks = "" if each.ranking is None else f", a right one above a wrong one in {100 * each.ranking:.1f} %"
        lines.append(
            f"confidence in {what}: {100 * each.right:.1f} % {right[what]} of {each.number:,}, expected calibration "
            f"error {100 * each.error:.2f} %{ranks}"
        )
    return lines
