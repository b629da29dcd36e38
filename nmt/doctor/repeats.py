"""Repeats: duplicates in a corpus, and what two corpora share, for any number of lines.

Each sentence becomes a number of 64 bits (BLAKE2b). The numbers are written to a temporary folder, in parts by their
first bits, and each part is sorted on its own. So memory holds one part, and the disk 48 bytes for each pair. Counts
are exact unless two sentences get the same number: among ten million sentences the chance is one in 300,000.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

EXAMPLES = 5

# Records in a part, so that it sorts quickly in a few megabytes.
_PART = 2**18
# This limits the number of parts, each of which is a file.
_MAX_BITS = 8
# Records held before they are written.
_HELD = 2**18

KEY, OTHER, LINE = range(3)


def numbers(lines: Sequence[str]) -> np.ndarray:
    """Return a number of 64 bits for each line, equal for equal texts; spaces around them are ignored.

    >>> one, other, third = numbers(["rice", " rice ", "Rice"])
    >>> bool(one == other), bool(one == third)
    (True, False)
    """
    blake2b = hashlib.blake2b
    digests = [blake2b(line.strip().encode("utf-8", "surrogatepass"), digest_size=8).digest() for line in lines]
    return np.frombuffer(b"".join(digests), np.uint64)


@dataclass(frozen=True)
class Repeats:
    """Lines of a corpus that repeat earlier ones; pairs with a blank side are left out.

    Attributes:
        pairs: lines with the pair of an earlier line.
        sources, targets: lines with the source, or the target, of an earlier line.
        several_targets, several_sources: sources with more than one target; targets with more than one source.
        pair_lines, source_lines, target_lines: a few, as (earlier line, later line): of equal pairs, of a source with
            two targets, and of a target with two sources.
    """

    pairs: int
    sources: int
    targets: int
    several_targets: int
    several_sources: int
    pair_lines: tuple[tuple[int, int], ...]
    source_lines: tuple[tuple[int, int], ...]
    target_lines: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Shared:
    """Lines of a corpus that are also in the first one.

    Attributes:
        sources, targets, pairs: lines of this corpus whose source, target, or both together are in the first one.
        source_lines, target_lines: a few, as (line here, line of the first corpus).
    """

    sources: int
    targets: int
    pairs: int
    source_lines: tuple[tuple[int, int], ...]
    target_lines: tuple[tuple[int, int], ...]


class Parts:
    """Records of (key, another number, line) in parts by the first bits of the key.

    Arguments:
        folder: a temporary folder; few records write nothing into it.
        name: of the files in it.
        bits: there are ``2**bits`` parts.
    """

    def __init__(self, folder: Path, name: str, bits: int) -> None:
        self._folder, self._name, self._bits = folder, name, bits
        self._held: list[np.ndarray] = []
        self._number = 0

    def add(self, records: np.ndarray) -> None:
        """Add records ``(records, 3)``."""
        self._held.append(records)
        self._number += len(records)
        if self._number >= _HELD:
            self._write()

    def _write(self) -> None:
        records = np.concatenate(self._held)
        parts = part_of(records, self._bits)
        order = np.argsort(parts, kind="stable")
        ends = np.cumsum(np.bincount(parts, minlength=2**self._bits))
        for part, end in enumerate(ends):
            begin = ends[part - 1] if part else 0
            if end > begin:
                with self._file(part).open("ab") as file:
                    file.write(records[order[begin:end]].tobytes())
        self._held.clear()
        self._number = 0

    def _file(self, part: int) -> Path:
        return self._folder / f"{self._name}.{part}"

    def part(self, number: int) -> np.ndarray:
        """Return the records of a part, sorted by key, then by the other number, then by line."""
        path = self._file(number)
        stored = np.fromfile(path, np.uint64).reshape(-1, 3) if path.exists() else np.empty((0, 3), np.uint64)
        held = [records[part_of(records, self._bits) == number] for records in self._held]
        return in_order(np.concatenate([stored, *held]))

    def parts(self) -> Iterator[np.ndarray]:
        """Yield the sorted records of each part."""
        for number in range(2**self._bits):
            yield self.part(number)


def part_of(records: np.ndarray, bits: int) -> np.ndarray:
    """Return the part of each record, by the first bits of its key."""
    # A shift by all 64 bits would leave the number as it is.
    return (records[:, KEY] >> np.uint64(32) >> np.uint64(32 - bits)).astype(np.int64)


def in_order(records: np.ndarray) -> np.ndarray:
    """Return records by key, then by the other number, then by line."""
    return records[np.lexsort((records[:, LINE], records[:, OTHER], records[:, KEY]))]


class Hashes:
    """The numbers of a corpus's sentences.

    Arguments:
        folder: a temporary folder; a small corpus writes nothing into it.
        name: of the corpus, in that folder.
        bits: there are ``2**bits`` parts; corpora that are compared need the same number.
    """

    def __init__(self, folder: Path, name: str, bits: int = 0) -> None:
        self.bits = bits
        self._sides = [Parts(folder, f"{name}.{side}", bits) for side in ("source", "target")]

    def add(self, sources: np.ndarray, targets: np.ndarray, lines: np.ndarray) -> None:
        """Add the numbers of some pairs and their lines."""
        lines = lines.astype(np.uint64)
        for parts, key, other in zip(self._sides, (sources, targets), (targets, sources), strict=True):
            parts.add(np.stack([key, other, lines], 1))

    def parts(self, side: int) -> Iterator[np.ndarray]:
        """Yield the sorted records of each part by the source (0) or the target (1)."""
        yield from self._sides[side].parts()


def bits_for(lines: int) -> int:
    """Return the number of bits that choose the part, for a number of lines.

    >>> bits_for(20_000), bits_for(5_000_000), bits_for(10**10)
    (0, 5, 8)
    """
    return min(_MAX_BITS, max(0, (max(lines, 1) - 1) // _PART).bit_length())


@dataclass(frozen=True)
class Counted:
    """What was counted of a side in a part, or in several.

    Attributes:
        side: 0 for the sources, 1 for the targets.
        numbers: of :func:`repeats_of` the lines of repeated pairs and of repeated sentences, and the sentences with
            several others; of :func:`shared_of` the lines whose sentence is shared, and those whose pair is.
        examples: a few pairs of lines of each kind.
    """

    side: int
    numbers: tuple[int, ...]
    examples: tuple[tuple[tuple[int, int], ...], ...]


def repeats(hashes: Hashes) -> Repeats:
    """Count the lines that repeat earlier ones."""
    return join_repeats(repeats_of(side, records) for side in range(2) for records in hashes.parts(side))


def join_repeats(counted: Iterable[Counted]) -> Repeats:
    """Return what was counted in all parts of both sides."""
    (sources, by_source), (targets, by_target) = _joined(counted, kinds=2, numbers=3, by=1)
    return Repeats(
        pairs=sources[0],
        sources=sources[1],
        targets=targets[1],
        several_targets=sources[2],
        several_sources=targets[2],
        pair_lines=by_source[0],
        source_lines=by_source[1],
        target_lines=by_target[1],
    )


def _joined(
    counted: Iterable[Counted], *, kinds: int, numbers: int, by: int
) -> list[tuple[list[int], list[tuple[tuple[int, int], ...]]]]:
    """Return the sums and the first examples of each side, those that come first by one of their lines."""
    sums = np.zeros((2, numbers), np.int64)
    examples: list[list[list[tuple[int, int]]]] = [[[] for _ in range(kinds)] for _ in range(2)]
    for one in counted:
        sums[one.side] += one.numbers
        for kind, couples in enumerate(one.examples):
            examples[one.side][kind] = _earliest([*examples[one.side][kind], *couples], by)
    return [(sums[side].tolist(), list(map(tuple, examples[side]))) for side in range(2)]


def repeats_of(side: int, records: np.ndarray) -> Counted:
    """Count repeated pairs, repeated sentences and those with several others in a part, and return the first lines.

    Arguments:
        side: 0 if the key is that of the source, 1 if it is that of the target.
        records: of a part, sorted.
    """
    if not len(records):
        return Counted(side, (0, 0, 0), ((), ()))
    new_key = np.ones(len(records), bool)
    new_key[1:] = records[1:, KEY] != records[:-1, KEY]
    new_pair = new_key.copy()
    new_pair[1:] |= records[1:, OTHER] != records[:-1, OTHER]
    heads = np.flatnonzero(new_pair)
    lines = records[:, LINE].astype(np.int64)
    # The first two lines of each repeated pair; for each key with several others, the first lines of two of them.
    second = np.flatnonzero(~new_pair & np.append(False, new_pair[:-1]))
    fork = heads[1:][~new_key[heads[1:]] & new_key[heads[:-1]]]
    before = heads[:-1][~new_key[heads[1:]] & new_key[heads[:-1]]]
    counts = len(records) - len(heads), len(records) - int(new_key.sum()), len(fork)
    twice, several = _couples(lines[second - 1], lines[second]), _couples(lines[before], lines[fork])
    return Counted(side, counts, (tuple(twice), tuple(several)))


def shared(first: Hashes, other: Hashes) -> Shared:
    """Count the lines of another corpus that are also in the first one, on either side and as pairs."""
    return join_shared(
        shared_of(side, known, records)
        for side in range(2)
        for known, records in zip(first.parts(side), other.parts(side), strict=True)
    )


def join_shared(counted: Iterable[Counted]) -> Shared:
    """Return what was counted in all parts of both sides."""
    (sources, by_source), (targets, by_target) = _joined(counted, kinds=1, numbers=2, by=0)
    return Shared(
        sources=sources[0],
        targets=targets[0],
        pairs=sources[1],
        source_lines=by_source[0],
        target_lines=by_target[0],
    )


def shared_of(side: int, known: np.ndarray, records: np.ndarray) -> Counted:
    """Count the lines of a part that are also in the same part of the first corpus.

    Arguments:
        side: 0 if the key is that of the source, 1 if it is that of the target.
        known: the records of the first corpus, sorted.
        records: those of the other one, sorted.
    """
    if not len(known) or not len(records):
        return Counted(side, (0, 0), ((),))
    place = np.minimum(np.searchsorted(known[:, KEY], records[:, KEY]), len(known) - 1)
    there = known[place, KEY] == records[:, KEY]
    pairs = np.isin(mixed(records[:, KEY], records[:, OTHER]), mixed(known[:, KEY], known[:, OTHER]))
    here, first = records[there, LINE].astype(np.int64), known[place[there], LINE].astype(np.int64)
    order = np.argsort(here, kind="stable")[:EXAMPLES]
    couples = tuple((int(here[i]), int(first[i])) for i in order)
    return Counted(side, (int(there.sum()), int(pairs.sum())), (couples,))


def mixed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return one number for both sides of each pair."""
    return (one * np.uint64(0x9E3779B97F4A7C15)) ^ other


def _couples(one: np.ndarray, other: np.ndarray) -> list[tuple[int, int]]:
    earlier, later = np.minimum(one, other), np.maximum(one, other)
    chosen = np.argsort(later, kind="stable")[:EXAMPLES]
    return [(int(earlier[i]), int(later[i])) for i in chosen]


def _earliest(couples: list[tuple[int, int]], by: int) -> list[tuple[int, int]]:
    """Return the few that come first in a file."""
    return sorted(couples, key=lambda couple: couple[by])[:EXAMPLES]
