"""Sentence pairs in files on any of Beam's file systems, each with its number: to read, and to write in order."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np

from nmt.beam.files import find_input, find_parts, raw_lines, write_text
from nmt.data.corpora import check_no_report, cut_lines, decoded_lines
from nmt.doctor.clean import tsv_row
from nmt.doctor.survey import PairBatch, pair_batches
from nmt.errors import InputError

# Lines of a file that is written, counted before any was left out.
LINES = 100_000
# The hashes of pairs are cut into parts by their first bits, and each part is compared in one process.
HASH_BITS = 8

# The number of a pair, from 1, and its cells: the source, the target, and whatever a TSV has behind them.
Pair = tuple[int, tuple[str, ...]]

_BLOCK = re.compile(r"-\d{5,}\.tsv")
# Pairs that Beam hands over at once.
_AT_ONCE = 8192


class ReadPairs(beam.PTransform):
    """Files to pairs ``(line, (source, target))``, with lines that are numbered through all files in their order.

    So the numbers are those of one file that joins them all. What a TSV has in further columns follows the target. The
    lines are those that ``nmt train`` reads, but for quoted cells.

    Arguments:
        pairs: a pattern of TSV files, or of the files of the sources.
        targets: a pattern of the files of the targets, as many as of the sources.

    Raises:
        InputError: if there are no files, a shard is missing, or the numbers of files differ.
    """

    def __init__(self, pairs: str, targets: str | None = None) -> None:
        super().__init__()
        files = [find_input(pattern, "the pattern") for pattern in (pairs, targets) if pattern]
        if len({len(each) for each in files}) > 1:
            raise InputError(
                f"{pairs} matches {len(files[0]):,} files and {targets} {len(files[1]):,}: each file of sources needs "
                "one of targets."
            )
        self._files = list(enumerate(zip(*files, strict=True)))

    def expand(self, begin: Any) -> Any:
        files = begin.pipeline | beam.Create(self._files)
        # Each file is read twice, so that a line has its number wherever it is read.
        sizes = (
            files
            | "Apart to count" >> beam.Reshuffle()
            | "Count lines" >> beam.MapTuple(lambda number, paths: (number, _lines_in(paths[0])))
        )
        apart = files | "Apart to read" >> beam.Reshuffle()
        read = apart | "Read" >> beam.FlatMap(_numbered, beam.pvalue.AsDict(sizes))
        return read | "Pairs apart" >> beam.Reshuffle()


def _lines_in(path: str) -> int:
    return sum(1 for _ in cut_lines(raw_lines(path), path))


def _numbered(file: tuple[int, Sequence[str]], sizes: dict[int, int]) -> Iterator[Pair]:
    number, paths = file
    first = 1 + sum(size for other, size in sizes.items() if other < number)
    for place, cells in enumerate(read_pairs(paths)):
        yield first + place, cells


def read_pairs(paths: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of a TSV, or the lines of two files.

    Raises:
        InputError: if a line has one column or is no UTF-8, if a TSV is a report of ``nmt clean``, or if one of two
            files is shorter.
    """
    sides = [decoded_lines(raw_lines(path), path) for path in paths]
    if len(sides) == 1:
        for number, line in enumerate(sides[0], 1):
            if number == 1:
                check_no_report(paths[0], line)
            cells = tuple(line.split("\t"))
            if len(cells) < 2:
                raise InputError(
                    f"{paths[0]}, line {number}: there is one column, but a source and a target are needed. Put a tab "
                    "between them, or remove the line."
                )
            yield cells
        return
    for number, (source, target) in enumerate(itertools.zip_longest(*sides), 1):
        if source is None or target is None:
            shorter, longer = paths if source is None else (paths[1], paths[0])
            raise InputError(f"{longer} has a line {number}, which has no partner in {shorter}.")
        yield source, target


class WriteRows(beam.PTransform):
    """Numbered cells ``(line, cells)`` to TSV files ``PREFIX-00000.tsv``, in the order of their lines.

    A character within a cell that ends a cell or a line becomes a space, as ``nmt clean`` writes it.

    Arguments:
        prefix: what the names begin with.

    Raises:
        InputError: if such files are there, for those of a longer run would stay among the new ones.
    """

    def __init__(self, prefix: str) -> None:
        super().__init__()
        if there := find_parts(prefix, _BLOCK, f"the prefix {prefix}"):
            raise InputError(f"{min(there)} is there already. Name another prefix, or remove the files of this one.")
        self._prefix = prefix

    def expand(self, rows: Any) -> Any:
        return (
            rows
            | "By block" >> beam.Map(lambda row: ((row[0] - 1) // LINES, row))
            | beam.GroupByKey()
            | "Write" >> beam.Map(_write_block, self._prefix)
        )


def _write_block(block: tuple[int, Iterable[tuple[int, Sequence[str]]]], prefix: str) -> str:
    number, rows = block
    path = f"{prefix}-{number:05}.tsv"
    write_text(path, "".join(tsv_row(*cells) for _, cells in sorted(rows)))
    return path


def in_batches(pairs: Any, name: str = "pairs") -> Any:
    """Put pairs ``(line, cells)`` into lists of many."""
    return pairs | f"Many {name} at once" >> beam.BatchElements(min_batch_size=_AT_ONCE, max_batch_size=_AT_ONCE)


def as_batches(some: Iterable[Pair]) -> Iterator[tuple[PairBatch, list[tuple[str, ...]]]]:
    """Yield pairs as the doctor takes them, in the order of their lines, with the cells behind source and target."""
    rows = sorted(some)
    begin = 0
    for batch in pair_batches(cells[:2] for _, cells in rows):  # type: ignore[misc]
        part = rows[begin : begin + len(batch)]
        begin += len(part)
        lines = np.fromiter((line for line, _ in part), np.int64, len(part))
        yield PairBatch(lines, batch.sources, batch.targets), [cells[2:] for _, cells in part]
