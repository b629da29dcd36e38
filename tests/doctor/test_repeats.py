"""Repeats and overlaps, against Python's own dictionaries."""

from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.doctor import repeats as module
from nmt.doctor.repeats import Hashes, numbers, repeats, shared

WORDS = st.sampled_from(["a", "b", "c", "d", "e"])
PAIRS = st.lists(st.tuples(WORDS, WORDS), max_size=30)


def hashes(folder: Path, name: str, pairs: list[tuple[str, str]], bits: int) -> Hashes:
    found = Hashes(folder, name, bits)
    for begin in range(0, len(pairs), 7):
        some = pairs[begin : begin + 7]
        lines = np.arange(begin + 1, begin + 1 + len(some))
        found.add(numbers([source for source, _ in some]), numbers([target for _, target in some]), lines)
    return found


@pytest.mark.parametrize(("bits", "held"), [(0, 10**6), (3, 5)], ids=["in memory", "on disk"])
@settings(deadline=None, max_examples=50)
@given(pairs=PAIRS)
def test_repeats_are_exact(bits: int, held: int, pairs: list[tuple[str, str]]) -> None:
    with TemporaryDirectory() as place, mock.patch.object(module, "_HELD", held):
        found = repeats(hashes(Path(place), "x", pairs, bits))
    targets, sources = defaultdict(set), defaultdict(set)
    for source, target in pairs:
        targets[source].add(target)
        sources[target].add(source)
    assert found.pairs == len(pairs) - len(set(pairs))
    assert (found.sources, found.targets) == (len(pairs) - len(targets), len(pairs) - len(sources))
    assert found.several_targets == sum(len(each) > 1 for each in targets.values())
    assert found.several_sources == sum(len(each) > 1 for each in sources.values())
    assert all(one < other and pairs[one - 1] == pairs[other - 1] for one, other in found.pair_lines)
    assert bool(found.pair_lines) == bool(found.pairs)
    for one, other in found.source_lines:
        assert pairs[one - 1][0] == pairs[other - 1][0]
        assert pairs[one - 1][1] != pairs[other - 1][1]
    assert len(found.source_lines) == min(5, found.several_targets)
    assert len(found.target_lines) == min(5, found.several_sources)


@pytest.mark.parametrize(("bits", "held"), [(0, 10**6), (3, 5)], ids=["in memory", "on disk"])
@settings(deadline=None, max_examples=50)
@given(first=PAIRS, other=PAIRS)
def test_overlaps_are_exact(bits: int, held: int, first: list[tuple[str, str]], other: list[tuple[str, str]]) -> None:
    with TemporaryDirectory() as place, mock.patch.object(module, "_HELD", held):
        found = shared(hashes(Path(place), "x", first, bits), hashes(Path(place), "y", other, bits))
    for side, count, lines in ((0, found.sources, found.source_lines), (1, found.targets, found.target_lines)):
        there = [line for line, pair in enumerate(other, 1) if pair[side] in {known[side] for known in first}]
        assert count == len(there)
        assert [line for line, _ in lines] == there[:5]
        assert all(other[line - 1][side] == first[known - 1][side] for line, known in lines)
    assert found.pairs == sum(pair in first for pair in other)


def test_what_is_on_disk_is_not_held(tmp_path: Path) -> None:
    with mock.patch.object(module, "_HELD", 10):
        found = hashes(tmp_path, "x", [(str(i), str(-i)) for i in range(100)], 2)
        sizes = [file.stat().st_size for file in tmp_path.iterdir()]
    # 98 of the 100 pairs were written by the time the last came, 14 at a time, 24 bytes a record, on two sides.
    assert sum(sizes) == 2 * 24 * 98
    assert len(sizes) == 8
    assert sum(len(part) for part in found.parts(0)) == 100
