"""The doctor's counts as a transform: the same findings as ``nmt data``, from pairs in any number of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import AsDict, AsIter, TaggedOutput
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from nmt.beam.pairs import HASH_BITS, Pair, as_batches, in_batches
from nmt.doctor.examine import overlap, repeated_lines, repeats_with_examples, shared_lines
from nmt.doctor.findings import Overlap, Split
from nmt.doctor.repeats import Counted, in_order, join_repeats, join_shared, part_of, repeats_of, shared_of
from nmt.doctor.survey import PairSurvey as Counts

# The number of a split, and how its counts are called: repeats, or what it shares with the first split.
_Kind = tuple[str, int]


class Survey(beam.PTransform):
    """Splits of numbered pairs to one ``(splits, overlaps)``, as :func:`nmt.doctor.examine.survey_corpora` returns it.

    It takes a dictionary ``{name: pairs}`` whose first split holds the training pairs, or the pairs of one split. Pairs
    are ``(line, (source, target))``, as of :class:`nmt.beam.ReadPairs`.

    Arguments:
        name: of the split, if there is only one.
    """

    def __init__(self, name: str = "the pairs") -> None:
        super().__init__()
        self._name = name

    def expand(self, pairs: Any) -> Any:
        splits: dict[str, Any] = pairs if isinstance(pairs, dict) else {self._name: pairs}
        names = list(splits)
        surveys, records = [], []
        for number, (name, some) in enumerate(splits.items()):
            counted, numbers = in_batches(some, name) | f"Count {name}" >> beam.ParDo(
                _Count(name, number)
            ).with_outputs("records", main="counts")
            surveys.append(counted | f"Number {name}" >> beam.Map(lambda found, n=number: (n, found)))
            records.append(numbers)
        counts = AsDict(surveys | "All counts" >> beam.Flatten() | "Merge" >> beam.CombinePerKey(_merged))
        parts = (
            records
            | "All records" >> beam.Flatten()
            | "By hash" >> beam.GroupByKey()
            | "Compare" >> beam.FlatMap(_compared, len(names))
            | "By split" >> beam.GroupByKey()
            | "Join" >> beam.MapTuple(_joined)
        )
        joined = AsDict(parts)
        examples = [
            some | f"Examples of {name}" >> beam.ParDo(_Examples(number), joined)
            for number, (name, some) in enumerate(splits.items())
        ]
        texts = AsIter(examples | "All examples" >> beam.Flatten())
        pipeline = next(iter(splits.values())).pipeline
        return pipeline | beam.Create([names]) | "Findings" >> beam.Map(_findings, counts, joined, texts)


class _Count(beam.DoFn):
    """Lists of pairs to counts, once for all of a bundle, and to records of hashes by side and part."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__()
        self._name, self._number = name, number

    def start_bundle(self) -> None:
        self._counts = Counts(self._name)

    def process(self, element: Iterable[Pair]) -> Iterator[Any]:
        for batch, _ in as_batches(element):
            sources, targets, lines = self._counts.add(batch)
            for side, (keys, others) in enumerate(((sources, targets), (targets, sources))):
                records = np.column_stack([keys, others, lines.astype(np.uint64)])
                parts = part_of(records, HASH_BITS)
                for part in np.unique(parts).tolist():
                    yield TaggedOutput("records", ((side, part), (self._number, records[parts == part].tobytes())))

    def finish_bundle(self) -> Iterator[Any]:
        yield WindowedValue(self._counts, GlobalWindow().max_timestamp(), [GlobalWindow()])


def _merged(surveys: Iterable[Counts]) -> Counts:
    first, *others = surveys
    total = Counts(first.name)
    for each in (first, *others):
        total.merge(each)
    return total


def _compared(
    part: tuple[tuple[int, int], Iterable[tuple[int, bytes]]], splits: int
) -> Iterator[tuple[_Kind, Counted]]:
    """Yield what the records of a part repeat in their own split, and share with the first one."""
    (side, _), records = part
    held: list[list[bytes]] = [[] for _ in range(splits)]
    for number, some in records:
        held[number].append(some)
    found = [in_order(np.frombuffer(b"".join(each), np.uint64).reshape(-1, 3)) for each in held]
    for number, each in enumerate(found):
        yield ("repeats", number), repeats_of(side, each)
        if number:
            yield ("shared", number), shared_of(side, found[0], each)


def _joined(kind: _Kind, counted: Iterable[Counted]) -> tuple[_Kind, Any]:
    # In one order, so that the same pairs give the same examples.
    rows = sorted(counted, key=lambda one: (one.side, one.numbers, one.examples))
    return kind, join_repeats(rows) if kind[0] == "repeats" else join_shared(rows)


class _Examples(beam.DoFn):
    """Pairs to those that are shown."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def start_bundle(self) -> None:
        self._lines: set[int] | None = None

    def process(self, element: Pair, joined: Mapping[_Kind, Any]) -> Iterator[tuple[int, int, tuple[str, str]]]:
        if self._lines is None:
            repeats, shared = (joined.get((kind, self._number)) for kind in ("repeats", "shared"))
            self._lines = (repeated_lines(repeats) if repeats else set()) | (shared_lines(shared) if shared else set())
        line, cells = element
        if line in self._lines:
            yield self._number, line, (cells[0], cells[1])


def _findings(
    names: Sequence[str],
    counts: Mapping[int, Counts],
    joined: Mapping[_Kind, Any],
    examples: Iterable[tuple[int, int, tuple[str, str]]],
) -> tuple[tuple[Split, ...], tuple[Overlap, ...]]:
    texts: list[dict[int, tuple[str, str]]] = [{} for _ in names]
    for number, line, pair in examples:
        texts[number][line] = pair
    surveys = [counts.get(number) or Counts(name) for number, name in enumerate(names)]
    expected = surveys[0].expected()
    splits, overlaps = [], []
    for number, (name, survey) in enumerate(zip(names, surveys, strict=True)):
        known = joined.get(("repeats", number), join_repeats(()))
        splits.append(survey.result(expected, repeats_with_examples(known, texts[number])))
        if number:
            shared = joined.get(("shared", number), join_shared(()))
            overlaps.append(overlap(shared, (name, names[0]), splits[number].pairs, texts[number]))
    return tuple(splits), tuple(overlaps)
