"""Counts of lengths, for any number of lines, and the few bars that show them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_BARS = 12


@dataclass(frozen=True)
class Bar:
    """The number of lines with a length from ``low`` to ``high``, both included."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Lengths:
    """Lengths of the lines of a side.

    Attributes:
        mean, median, longest: of all lines.
        low, high: 5 % and 95 % of the lines are at most this long.
        bars: the lengths in about a dozen steps; the last one also counts all longer lines.
    """

    mean: float
    median: float
    low: float
    high: float
    longest: int
    bars: tuple[Bar, ...]


class LengthTally:
    """Counts lengths. Those above ``max_length`` are counted as ``max_length``, so memory does not grow."""

    def __init__(self, max_length: int) -> None:
        self._counts = np.zeros(max_length + 1, np.int64)
        self._sum = 0
        self._longest = 0

    def add(self, lengths: np.ndarray) -> None:
        """Count the lengths of some lines."""
        size = len(self._counts)
        self._counts += np.bincount(np.minimum(lengths, size - 1), minlength=size)
        self._sum += int(lengths.sum())
        self._longest = max(self._longest, int(lengths.max(initial=0)))

    def merge(self, other: LengthTally) -> None:
        """Count what another tally of the same ``max_length`` counted."""
        self._counts += other._counts
        self._sum += other._sum
        self._longest = max(self._longest, other._longest)

    @property
    def total(self) -> int:
        """The sum of all lengths."""
        return self._sum

    def result(self) -> Lengths:
        """Return what was counted.

        >>> tally = LengthTally(100)
        >>> tally.add(np.array([1, 2, 2, 7]))
        >>> found = tally.result()
        >>> found.mean, found.median, found.longest, found.bars[1]
        (3.0, 2.0, 7, Bar(low=2, high=2, count=2))
        """
        number = int(self._counts.sum())
        low, median, high = (_quantile(self._counts, share) for share in (0.05, 0.5, 0.95))
        mean = self._sum / max(number, 1)
        return Lengths(
            mean=mean, median=median, low=low, high=high, longest=self._longest, bars=_bars(self._counts, self._longest)
        )


def _quantile(counts: np.ndarray, share: float) -> float:
    """Return the length that a share of the lines does not exceed, given the number of lines of each length."""
    if not counts.any():
        return 0.0
    return float(np.quantile(np.arange(len(counts)), share, weights=counts, method="inverted_cdf"))


def _bars(counts: np.ndarray, longest: int) -> tuple[Bar, ...]:
    """Put the counts into bars of a round width, which depends on 99 % of the lines and not on the longest one."""
    if not counts.sum():
        return ()
    begin = int(np.flatnonzero(counts)[0])
    usual = int(_quantile(counts, 0.99))
    width = _round_up((usual - begin + 1) / _BARS)
    begin -= begin % width if width > 1 else 0
    bars = []
    for low in range(begin, usual + 1, width):
        high = low + width - 1
        bars.append(Bar(low, high, int(counts[low : high + 1].sum())))
    rest = int(counts[int(bars[-1].high) + 1 :].sum())
    return (*bars, Bar(bars[-1].high + 1, max(longest, bars[-1].high + 1), rest)) if rest else tuple(bars)


def _round_up(width: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50 ... that is at least ``width``."""
    scale = 1
    while True:
        for step in (1, 2, 5):
            if step * scale >= width:
                return step * scale
        scale *= 10


# Ratios are counted on a scale of octaves: 16 steps for each doubling, from 1/256 to 256.
_STEPS, _OCTAVES = 16, 8


@dataclass(frozen=True)
class Ratio:
    """Target characters per source character.

    Attributes:
        median: of the pairs with text on both sides; exact to 2 %.
        bars: the number of pairs around ..., median / 2, median, 2 median, ...: half octaves.
        limit: a long pair is suspicious if its ratio is this many times larger or smaller than the median.
        suspicious: the number of suspicious pairs.
    """

    median: float
    bars: tuple[Bar, ...]
    limit: float
    suspicious: int


class RatioTally:
    """Counts ratios of lengths. The ratios of short sentences mean little and count only for the bars."""

    def __init__(self) -> None:
        self._counts = np.zeros((2, 2 * _OCTAVES * _STEPS + 1), np.int64)

    def add(self, octaves: np.ndarray, long: np.ndarray) -> None:
        """Count ratios, given as their logarithms to base 2, and which pairs are long enough to be judged."""
        place = self.places(octaves)
        for kind, chosen in enumerate((place, place[long])):
            self._counts[kind] += np.bincount(chosen, minlength=self._counts.shape[1])

    def merge(self, other: RatioTally) -> None:
        """Count what another tally counted."""
        self._counts += other._counts

    @staticmethod
    def places(octaves: np.ndarray) -> np.ndarray:
        """Return the place of each ratio, given as its logarithm to base 2, on the scale that counts them."""
        place = np.clip(np.rint(octaves * _STEPS), -_OCTAVES * _STEPS, _OCTAVES * _STEPS).astype(np.int64)
        return place + _OCTAVES * _STEPS

    def bounds(self) -> tuple[float, float]:
        """Return the least and the greatest place that is not suspicious, of a long pair."""
        every, _ = self._counts
        middle = _quantile(every, 0.5)
        spread = max(_quantile(every, 0.75) - middle, middle - _quantile(every, 0.25))
        limit = min(max(2.0 * _STEPS, 5.0 * spread), math.log2(10) * _STEPS)
        return middle - limit, middle + limit

    def result(self) -> Ratio:
        """Return the median, the bars, and the number of pairs far from the median.

        The limit depends on the data: four times the median, or up to ten times if the middle half of the ratios is
        spread widely.
        """
        every, long = self._counts
        low, high = self.bounds()
        middle, limit = (low + high) / 2, (high - low) / 2
        places = np.arange(len(long))
        away = (places < low) | (places > high)
        median = 2 ** ((middle - _OCTAVES * _STEPS) / _STEPS) if every.sum() else 0.0
        return Ratio(median, _octave_bars(every, middle), 2 ** (limit / _STEPS), int(long[away].sum()))


def _octave_bars(counts: np.ndarray, middle: float) -> tuple[Bar, ...]:
    if not counts.sum():
        return ()
    half = _STEPS // 2
    # The middle bar is centred on the median.
    halves = np.rint((np.arange(len(counts)) - middle) / half).astype(int)
    bars = []
    for number in range(-6, 7):
        inside = halves == number
        if number in (-6, 6):
            inside = halves <= -6 if number < 0 else halves >= 6
        centre = (middle - _OCTAVES * _STEPS) / _STEPS + number / 2
        bars.append(Bar(2 ** (centre - 0.25), 2 ** (centre + 0.25), int(counts[inside].sum())))
    full = [place for place, bar in enumerate(bars) if bar.count]
    return tuple(bars[full[0] : full[-1] + 1])
