"""Where a corpus is cut into the stretches of consecutive rows that an epoch reads in a random order. No TensorFlow."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

from nmt.data.corpora import Corpus
from nmt.data.line_index import EVERY

# A buffer holds some six thousand stretches, or as many as it has rows: then a batch has few neighbours of a sorted
# corpus, which docs/measured.md counts. Their order takes 8 bytes for each, so there are at most four million.
_MIXED, _LONGEST, _STRETCHES = 6_000, 16, 2**22
# To reach a place of a compressed file takes as long as reading thousands of lines, so fewer places are read from: a
# buffer holds a hundred stretches or more, and a stretch one to four parts of the index.
_MIXED_COMPRESSED, _SHORTEST_COMPRESSED, _PARTS, _ROWS_OF_A_PART = 97, 8, 4, 1024 * EVERY


@dataclass(frozen=True)
class Stretches(Sequence[tuple[int, int, float]]):
    """``(first, count, share)`` of each stretch of an epoch: ``share`` of its rows are read, drawn at random.

    They are not listed, as there may be millions.

    Attributes:
        spans: ``(first, count, share, length)`` for rows that are cut together, into stretches of ``length`` rows; the
            last one of a span may have fewer.
    """

    spans: tuple[tuple[int, int, float, int], ...]

    @cached_property
    def _ends(self) -> list[int]:
        return list(itertools.accumulate(-(-count // length) for _, count, _, length in self.spans))

    @property
    def rows(self) -> int:
        """The rows of all stretches, of each as often as it is read."""
        return sum(count for _, count, _, _ in self.spans)

    def __len__(self) -> int:
        return self._ends[-1] if self.spans else 0

    @overload
    def __getitem__(self, number: int) -> tuple[int, int, float]: ...

    @overload
    def __getitem__(self, number: slice) -> list[tuple[int, int, float]]: ...

    def __getitem__(self, number: int | slice) -> tuple[int, int, float] | list[tuple[int, int, float]]:
        if isinstance(number, slice):
            return [self[each] for each in range(len(self))[number]]
        number = range(len(self))[number]
        span = bisect.bisect_right(self._ends, number)
        first, count, share, length = self.spans[span]
        begin = (number - (self._ends[span - 1] if span else 0)) * length
        return first + begin, min(length, count - begin), share


def stretches(corpus: Corpus, buffer: int = 100_000) -> Stretches:
    """Return the stretches of an epoch.

    Rows with a weight of 2.5 are in three stretches, the last of which has a share of 0.5. Those of a compressed file
    are longer than those of the files beside it.

    Arguments:
        corpus: a :attr:`~nmt.data.corpora.Corpus.seekable` one.
        buffer: rows that are mixed after they are read.

    >>> from nmt.data.corpora import from_pairs
    >>> list(stretches(from_pairs([("a", "b")] * 35)))
    [(0, 16, 1.0), (16, 16, 1.0), (32, 3, 1.0)]
    """
    cut = list(_cut_by_kind(corpus))
    parts = max(1, min(_PARTS, sum(count for _, count, _, slow in cut if slow) // _ROWS_OF_A_PART))
    slow_length = min(EVERY * parts, max(_SHORTEST_COMPRESSED, buffer // _MIXED_COMPRESSED))
    # A row with a weight below 1 is in a stretch as well: it is drawn when that is read.
    rows = sum(count * math.ceil(weight) for _, count, weight, slow in cut if not slow)
    length = max(1, min(_LONGEST, buffer // _MIXED), -(-rows // _STRETCHES))
    spans = []
    for first, count, weight, slow in cut:
        shares = [1.0] * math.floor(weight) + ([weight % 1] if weight % 1 else [])
        spans += [(first, count, share, slow_length if slow else length) for share in shares]
    return Stretches(tuple(spans))


def _cut_by_kind(corpus: Corpus) -> Iterator[tuple[int, int, float, bool]]:
    """Yield ``(first, count, weight, slow)`` for rows of one weight, all or none of which are in compressed files."""
    ranges = corpus.compressed_rows()
    places = sorted({place for first, count in ranges for place in (first, first + count)})
    for first, count, weight in corpus.spans():
        bounds = [first, *(place for place in places if first < place < first + count), first + count]
        for begin, end in itertools.pairwise(bounds):
            before = bisect.bisect_right(ranges, begin, key=lambda each: each[0]) - 1
            yield begin, end - begin, weight, before >= 0 and begin < sum(ranges[before])
