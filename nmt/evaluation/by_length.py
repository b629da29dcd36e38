"""Scores by the length of the source, with intervals: how a model's scores change as sentences grow.

Koehn 2004, *Statistical Significance Tests for Machine Translation Evaluation*, https://aclanthology.org/W04-3250.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import sacrebleu
from rich.table import Table
from rich.text import Text

from nmt.evaluation.alignment import split_words
from nmt.evaluation.scores import bleu_signature, choose_tokenizer, composed, why_bleu_fails

RESAMPLES = 1000

_MAX_BINS = 6


@dataclass(frozen=True)
class LengthBin:
    """The score of the sentences whose sources have about the same length.

    Attributes:
        shortest, longest: source words, both included.
        length: their mean length.
        sentences: the number of sentences.
        metric: ``BLEU``, or ``chrF`` where BLEU says little, see :func:`~nmt.evaluation.scores.why_bleu_fails`.
        score: that of the sentences, 0 to 100; the mean of several runs.
        low, high: the interval that holds 95 % of the scores of bootstrap resamples.
        signature: sacreBLEU's.
    """

    shortest: int
    longest: int
    length: float
    sentences: int
    metric: str
    score: float
    low: float
    high: float
    signature: str

    @property
    def span(self) -> str:
        """The lengths in it, such as ``8-11``."""
        return f"{self.shortest}-{self.longest}" if self.longest > self.shortest else str(self.shortest)


def by_length(
    sources: Sequence[str],
    hypotheses: Sequence[str],
    references: Sequence[str],
    bins: Sequence[int] | None = None,
    seed: int = 0,
) -> list[LengthBin]:
    """Score translations in bins of source length, in words.

    The interval of a bin is Koehn's (2004, section 3.3): ``n`` of its ``n`` sentences are drawn with replacement, 1,000
    times, and the interval reaches from the 2.5th to the 97.5th percentile of their scores. All models that translated
    the same sources are scored on the same draws. sacreBLEU's own bootstrap is not used: it reports the mean and half
    the width, for one run.

    Arguments:
        sources, hypotheses, references: sentences.
        bins: the longest length of each bin but the last, such as ``[10, 20]`` for up to 10, 11 to 20 and more words.
            By default at most six bins with about equal numbers of sentences. A bin without a sentence is left out.
        seed: of the draws.

    Returns:
        The bins, from short to long.

    Raises:
        ValueError: if there are no sentences, their numbers differ, or the bins do not rise.

    >>> right = ["I ate rice", "I ate rice today ."]
    >>> for found in by_length(["a", "a b c"], ["x x x", "I ate rice today ."], right, bins=[2]):
    ...     print(found.span, found.sentences, found.metric, found.score)
    1-2 1 BLEU 0.0
    3 1 BLEU 100.0
    """
    return by_length_of_runs(sources, [hypotheses], references, bins=bins, seed=seed)


def by_length_of_runs(
    sources: Sequence[str],
    runs: Sequence[Sequence[str]],
    references: Sequence[str],
    bins: Sequence[int] | None = None,
    seed: int = 0,
) -> list[LengthBin]:
    """Score the translations of several runs of one recipe, as ``by_length`` does those of one.

    A bin has the mean score of the runs. For its interval, all ``r`` of the ``r`` runs are also drawn with replacement,
    so that its width includes the effect of the seed as well as that of the test set.

    Arguments:
        sources, references: sentences.
        runs: the translations of each run.
        bins, seed: as those of ``by_length``.

    Raises:
        ValueError: if there are no sentences or no runs, their numbers differ, or the bins do not rise.

    >>> twice = by_length_of_runs(["a b"], [["x"], ["I ate rice today ."]], ["I ate rice today ."], bins=[])
    >>> [(found.score, found.low, found.high) for found in twice]
    [(50.0, 0.0, 100.0)]
    """
    if not sources or not runs or not all(len(sources) == len(texts) == len(references) for texts in runs):
        counts = " and ".join(f"{len(texts)}" for texts in runs) or "no"
        raise ValueError(
            f"{counts} translations of {len(sources)} sources cannot be scored against {len(references)} references."
        )
    lengths = np.array([len(split_words(source)) for source in sources])
    edges = _quantiles(lengths) if bins is None else list(bins)
    if any(b <= a for a, b in pairwise(edges)):
        raise ValueError(f"The bins {edges} do not rise.")
    # A length that is an edge belongs to the bin that ends there.
    places = np.searchsorted(edges, lengths, side="left")
    metric: Metric = Chrf() if why_bleu_fails(references) else Bleu(choose_tokenizer(references))
    found = []
    for place in map(int, np.unique(places)):
        chosen = np.flatnonzero(places == place).tolist()
        shortest = max(int(lengths.min()), edges[place - 1] + 1) if place else int(lengths.min())
        longest = min(int(lengths.max()), edges[place]) if place < len(edges) else int(lengths.max())
        found.append(
            _scored(
                [[run[i] for i in chosen] for run in runs],
                [references[i] for i in chosen],
                shortest=shortest,
                longest=longest,
                length=float(lengths[chosen].mean()),
                seed=seed,
                metric=metric,
            )
        )
    return found


def table(bins: Sequence[LengthBin]) -> Table:
    """Show the bins, one per row, with the signature beneath."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 1))
    (metric,) = {each.metric for each in bins}
    for name in ("source words", "sentences", metric, "95 % interval"):
        drawn.add_column(name, justify="right", no_wrap=True)
    for each in bins:
        drawn.add_row(each.span, f"{each.sentences:,}", f"{each.score:.2f}", f"{each.low:.2f} to {each.high:.2f}")
    # In a caption the signature would be broken at the width of the columns.
    whole = Table.grid()
    whole.add_row(drawn)
    for signature in sorted({each.signature for each in bins}):
        whole.add_row(Text(signature, style="dim"))
    whole.add_row(Text(f"95 % of {RESAMPLES:,} bootstrap resamples of the sentences", style="dim"))
    return whole


class Metric(Protocol):
    """A corpus score that is computed from sums over sentences, so that a resample needs no texts.

    Attributes:
        name: ``BLEU`` or ``chrF``.
        signature: sacreBLEU's.
    """

    name: str
    signature: str

    def statistics(self, hypotheses: list[str], references: list[str]) -> np.ndarray:
        """Return the summands of each sentence, ``(sentences, sums)``."""

    def score(self, sums: np.ndarray) -> float:
        """Return the score of a corpus by its sums, as sacreBLEU computes it."""


class Bleu:
    """BLEU: the sums are both lengths, correct n-grams and all n-grams for n = 1 to 4."""

    name = "BLEU"

    def __init__(self, tokenizer: str) -> None:
        self.tokenizer = tokenizer
        self.signature = bleu_signature(tokenizer)

    def statistics(self, hypotheses: list[str], references: list[str]) -> np.ndarray:
        # The effective order changes a sentence's score, not its counts; without it sacreBLEU warns at each sentence.
        one = sacrebleu.BLEU(tokenize=self.tokenizer, effective_order=True)
        scores = [one.sentence_score(text, [right]) for text, right in zip(hypotheses, references, strict=True)]
        return np.array([[s.sys_len, s.ref_len, *s.counts, *s.totals] for s in scores], dtype=np.int64)

    def score(self, sums: np.ndarray) -> float:
        written, right, *grams = (int(number) for number in sums)
        return float(sacrebleu.BLEU.compute_bleu(grams[:4], grams[4:], written, right, smooth_method="exp").score)


class Chrf:
    """chrF2: the sums are, for n = 1 to 6, the character n-grams of the hypothesis, of the reference, and of both.

    Precision ``P`` and recall ``R`` are means over those n that both sides have, and spaces do not count::

        chrF = 5 P R / (4 P + R)
    """

    name = "chrF"

    def __init__(self) -> None:
        chrf = sacrebleu.CHRF()
        chrf.corpus_score(["a"], [["a"]])  # the number of references is part of the signature
        self.signature = str(chrf.get_signature())

    def statistics(self, hypotheses: list[str], references: list[str]) -> np.ndarray:
        return np.array(
            [
                [count for n in range(1, 7) for count in _counts(text, right, n)]
                for text, right in zip(map(_unspaced, hypotheses), map(_unspaced, references), strict=True)
            ],
            dtype=np.int64,
        )

    def score(self, sums: np.ndarray) -> float:
        written, right, both = sums.reshape(6, 3).T
        known = (written > 0) & (right > 0)
        if not known.any():
            return 0.0
        precision, recall = np.mean(both[known] / written[known]), np.mean(both[known] / right[known])
        return float(500 * precision * recall / (4 * precision + recall)) if precision + recall else 0.0


def _unspaced(text: str) -> str:
    return "".join(text.split())


def _counts(text: str, right: str, n: int) -> tuple[int, int, int]:
    """Return the numbers of n-grams of a text, of its reference, and of both."""
    written, wanted = (Counter(each[i : i + n] for i in range(len(each) - n + 1)) for each in (text, right))
    return written.total() if wanted else 0, wanted.total(), (written & wanted).total()


def _quantiles(lengths: np.ndarray) -> list[int]:
    """Return the longest length of each bin but the last, for bins with about equal numbers of sentences.

    >>> _quantiles(np.arange(1, 13))
    [2, 4, 6, 8, 10]
    >>> _quantiles(np.array([3, 3, 3]))
    []
    """
    shares = np.arange(1, _MAX_BINS) / _MAX_BINS
    edges = np.unique(np.quantile(lengths, shares, method="inverted_cdf"))
    # The longest length closes the last bin, which has no edge.
    return [int(edge) for edge in edges if edge < lengths.max()]


def _scored(
    runs: list[list[str]],
    references: list[str],
    shortest: int,
    longest: int,
    length: float,
    seed: int,
    metric: Metric,
) -> LengthBin:
    """Score the sentences of a bin."""
    runs, references = [composed(texts) for texts in runs], composed(references)
    statistics = [metric.statistics(texts, references) for texts in runs]
    # Two generators, so that models with more or fewer runs are scored on the same sentences.
    generator, run_generator = np.random.default_rng(seed), np.random.default_rng([seed, len(runs)])
    count = len(references)
    resampled = []
    for _ in range(RESAMPLES):
        # How often each sentence was drawn is all that the sums need.
        times = np.bincount(generator.integers(count, size=count), minlength=count)
        each = [metric.score(times @ counts) for counts in statistics]
        resampled.append(np.mean([each[i] for i in run_generator.integers(len(runs), size=len(runs))]))
    low, high = np.percentile(resampled, [2.5, 97.5])
    return LengthBin(
        shortest=shortest,
        longest=longest,
        length=length,
        sentences=count,
        metric=metric.name,
        score=round(float(np.mean([metric.score(counts.sum(0)) for counts in statistics])), 10),
        low=round(float(low), 10),
        high=round(float(high), 10),
        signature=metric.signature,
    )
