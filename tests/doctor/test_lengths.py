"""Lengths and ratios, counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.doctor.lengths import LengthTally, RatioTally


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(0, 300), min_size=1), min_size=1))
def test_the_counts_do_not_depend_on_the_batches(batches: list[list[int]]) -> None:
    tally = LengthTally(100)
    for batch in batches:
        tally.add(np.array(batch))
    every = [length for batch in batches for length in batch]
    found = tally.result()
    assert found.mean == pytest.approx(np.mean(every))
    assert found.longest == max(every)
    assert sum(bar.count for bar in found.bars) == len(every)
    assert found.median == min(100, np.quantile(every, 0.5, method="inverted_cdf"))
    assert all(one.high + 1 == other.low for one, other in zip(found.bars, found.bars[1:], strict=False))


def test_one_very_long_line_does_not_flatten_the_bars() -> None:
    tally = LengthTally(10_000)
    tally.add(np.array([*range(1, 13)] * 100 + [9000]))
    bars = tally.result().bars
    assert [(bar.low, bar.high, bar.count) for bar in bars[:2]] == [(1, 1, 100), (2, 2, 100)]
    assert (bars[-1].low, bars[-1].high, bars[-1].count) == (13, 9000, 1)


def test_no_line_has_no_bar() -> None:
    found = LengthTally(10).result()
    assert (found.mean, found.median, found.bars) == (0.0, 0.0, ())
    assert RatioTally().result().bars == ()


def test_a_ratio_is_suspicious_by_the_spread_of_the_others() -> None:
    # All have twice as many characters but two of a hundred and two, which have 16 times as many and one of 32.
    octaves = np.array([1.0] * 100 + [5.0, -4.0])
    tally = RatioTally()
    tally.add(octaves, np.ones(102, bool))
    found = tally.result()
    assert (found.median, found.limit, found.suspicious) == (2.0, 4.0, 2)
    assert sum(bar.count for bar in found.bars) == 102
    # Where half of the pairs lie a whole octave from the median, 16 times is not far: 5 octaves, at most 10 times.
    wide = RatioTally()
    wide.add(np.array([0.0] * 30 + [1.0] * 40 + [2.0] * 30 + [4.0]), np.ones(101, bool))
    assert (round(wide.result().limit, 6), wide.result().suspicious) == (10.0, 0)


def test_short_pairs_are_not_judged() -> None:
    tally = RatioTally()
    tally.add(np.array([0.0] * 10 + [6.0]), np.array([True] * 10 + [False]))
    assert tally.result().suspicious == 0
