"""The rules of ``nmt clean`` as a transform: the same pairs are left, with the same reasons for the others.

Pairs are judged by themselves, then by how all of them are written, then against those that they repeat. For this they
are grouped by hashes, so that pairs that may repeat each other meet in one process, from whichever shard they come.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import AsSingleton, TaggedOutput

from nmt.beam.export_handler import ScoreHandler, keyed_inference
from nmt.beam.pairs import HASH_BITS, Pair, as_batches, in_batches
from nmt.data.corpora import Corpus
from nmt.doctor.clean import Cleaned
from nmt.doctor.mend import MENDS
from nmt.doctor.repeats import in_order, part_of
from nmt.doctor.rules import (
    DEFAULT,
    KEPT,
    NAMES,
    NUMBERS,
    REMOVES,
    Judged,
    Rules,
    Totals,
    find_repeats,
    repeats_by_rule,
)
from nmt.doctor.rules import usual_scores as usual
from nmt.doctor.survey import PairBatch
from nmt.errors import InputError
from nmt.translation import Translation


@dataclass(frozen=True)
class Removed:
    """A pair that was left out.

    Attributes:
        rule: that left it out.
        reason: in words.
        cells: the pair as it was, and whatever followed it.
    """

    rule: str
    reason: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class _Out:
    """A pair that was left out, before its reason is written: that depends on all pairs."""

    rule: str
    other: int
    score: float
    cells: tuple[str, ...]


class Clean(beam.PTransform):
    """Numbered pairs ``(line, (source, target))``, as of :class:`nmt.beam.ReadPairs`, to a dictionary of

    * ``kept``: the pairs that are left, mended: ``(line, (source, target))``;
    * ``removed``: ``(line, Removed)``, with the rule and the reason;
    * ``changed``: ``(line, (rules, source, target))`` of pairs that are left and were mended, as they were;
    * ``counts``: one :class:`nmt.doctor.clean.Cleaned`.

    Arguments:
        rules: their names, of :data:`nmt.doctor.rules.REMOVES` and :data:`nmt.doctor.mend.MENDS`. How lines end is a
            matter of the files, so ``line-ends`` does nothing here.
        others: splits that must share nothing with the pairs, as of :func:`nmt.data.corpora.from_tsv`. They are read
            when the pipeline is made.
        export: the folder of a version of an export, which the rule ``score`` asks; without it there is no such rule.
        threads: of TensorFlow, in each process.
        trust: whether to run the export whatever its operations are, see :mod:`nmt.export.operations`.
    """

    def __init__(
        self,
        rules: Collection[str] = DEFAULT,
        others: Sequence[Corpus] = (),
        export: str | Path | None = None,
        threads: int = 1,
        trust: bool = False,
    ) -> None:
        super().__init__()
        known = {"line-ends", *MENDS, *REMOVES}
        if unknown := sorted(set(rules) - known):
            raise InputError(f"There is no rule '{unknown[0]}'. The rules are {', '.join(sorted(known))}.")
        self.handler = None if export is None else ScoreHandler(export, threads, trust)
        self._rules = Rules(set(rules) - ({"score"} if export is None else set()), others)

    def expand(self, pairs: Any) -> dict[str, Any]:
        rules = self._rules
        judged, partial = in_batches(pairs) | "By themselves" >> beam.ParDo(_Judge(rules)).with_outputs(
            "totals", main="judged"
        )
        totals = AsSingleton(partial | "Totals" >> beam.CombineGlobally(_Sum()))
        alive, single, out = judged | "By the whole" >> beam.ParDo(_JudgeAll(rules), totals).with_outputs(
            "single", "out", main="alive"
        )
        first, repeats = (
            alive
            | "By hash" >> beam.GroupByKey()
            | "Repeats" >> beam.ParDo(_Repeats(rules)).with_outputs("out", main="first")
        )
        kept, outs = (first, single) | "What is left" >> beam.Flatten(), [out, repeats]
        limits: Any = (0.0, 0.0)
        if self.handler is not None and "score" in rules.names:
            scored = (
                kept
                | "To score" >> beam.MapTuple(lambda line, cells: ((line, cells), tuple(rules.mended(cells[:2]))))
                | keyed_inference(self.handler)
                | "By the piece" >> beam.MapTuple(lambda pair, found: (pair, _by_piece(found)))
            )
            limits = AsSingleton(
                scored | "Scores" >> beam.Map(lambda row: row[1]) | "Usual scores" >> beam.CombineGlobally(_Usual())
            )
            kept, low = scored | "By the score" >> beam.ParDo(_JudgeScore(), limits).with_outputs("out", main="kept")
            outs.append(low)
        removed = outs | "Left out" >> beam.Flatten() | "Reasons" >> beam.Map(_reasoned, rules, totals, limits)
        written, changed = kept | "Mend" >> beam.ParDo(_Mend(rules)).with_outputs("changed", main="kept")
        counted = (
            (
                pairs | "All" >> beam.Map(lambda pair: "pairs"),
                written | "Kept" >> beam.Map(lambda pair: "kept"),
                removed | "Removed" >> beam.Map(lambda row: ("removed", row[1].rule)),
                changed | "Changed" >> beam.FlatMap(lambda row: [("mended", rule) for rule in row[1][0].split()]),
            )
            | "Each" >> beam.Flatten()
            | beam.combiners.Count.PerElement()
            | beam.combiners.ToDict()
            | "Cleaned" >> beam.Map(_cleaned, rules.names)
        )
        return {"kept": written, "removed": removed, "changed": changed, "counts": counted}


class _Judge(beam.DoFn):
    """Lists of pairs to what is known of them by themselves, in batches, and to totals."""

    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self._rules = rules

    def process(self, element: Iterable[Pair]) -> Iterator[Any]:
        for batch, more in as_batches(element):
            judged = self._rules.judge(batch.sources, batch.targets)
            totals = Totals()
            totals.add(judged)
            yield batch, more, judged
            yield TaggedOutput("totals", totals)


class _Sum(beam.CombineFn):
    """Adds up totals."""

    def create_accumulator(self, *args: Any, **kwargs: Any) -> Totals:
        return Totals()

    def add_input(self, mutable_accumulator: Totals, element: Totals, *args: Any, **kwargs: Any) -> Totals:
        mutable_accumulator.merge(element)
        return mutable_accumulator

    def merge_accumulators(self, accumulators: Iterable[Totals], *args: Any, **kwargs: Any) -> Totals:
        total = Totals()
        for each in accumulators:
            total.merge(each)
        return total

    def extract_output(self, accumulator: Totals, *args: Any, **kwargs: Any) -> Totals:
        return accumulator


class _JudgeAll(beam.DoFn):
    """Batches to pairs that may repeat others, by the part of their hashes, to those without text, and to the rest."""

    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self._rules = rules

    def process(self, element: tuple[PairBatch, list[tuple[str, ...]], Judged], totals: Totals) -> Iterator[Any]:
        batch, more, judged = element
        verdicts = judged.verdicts.copy()
        for rule, where in totals.judge(judged.scripts, judged.ratios, self._rules.names):
            verdicts[where & (verdicts == KEPT)] = NUMBERS[rule]
        records = np.column_stack([judged.keys, batch.lines.astype(np.uint64)])
        parts = part_of(records, HASH_BITS)
        for place, line in enumerate(batch.lines.tolist()):
            cells = (batch.sources[place], batch.targets[place], *more[place])
            if verdict := int(verdicts[place]):
                yield TaggedOutput("out", (line, _Out(NAMES[verdict], int(judged.others[place]), 0.0, cells)))
            elif judged.alive[place]:
                yield int(parts[place]), (records[place].tobytes(), cells)
            else:
                yield TaggedOutput("single", (line, cells))


class _Repeats(beam.DoFn):
    """All pairs of a part to those that repeat none before them, and to the others.

    The pairs may be many, so only their hashes are held, 24 bytes each.
    """

    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self._rules = rules

    def process(self, element: tuple[int, Iterable[tuple[bytes, tuple[str, ...]]]]) -> Iterator[Any]:
        _, pairs = element
        records = in_order(np.frombuffer(b"".join(record for record, _ in pairs), np.uint64).reshape(-1, 3))
        lines, head, first = find_repeats(records)
        verdicts, others = np.zeros(len(lines), np.uint8), np.zeros(len(lines), np.int64)
        for rule, where, repeats in repeats_by_rule(lines, head, first, self._rules.names):
            now = where & (verdicts == KEPT)
            verdicts[now], others[now] = NUMBERS[rule], repeats[now]
        out = {int(lines[i]): (NAMES[int(verdicts[i])], int(others[i])) for i in np.flatnonzero(verdicts)}
        for record, cells in pairs:
            line = int.from_bytes(record[16:], "little")
            if line in out:
                yield TaggedOutput("out", (line, _Out(*out[line], 0.0, cells)))
            else:
                yield line, cells


class _Usual(beam.CombineFn):
    """Scores to the usual one and the limit. A median needs all of them, 4 bytes each."""

    def create_accumulator(self, *args: Any, **kwargs: Any) -> list[np.ndarray]:
        return []

    def add_input(self, mutable_accumulator: list[np.ndarray], element: float, *args: Any, **kwargs: Any) -> Any:
        mutable_accumulator.append(np.array([element], np.float32))
        return self.compact(mutable_accumulator) if len(mutable_accumulator) > 1000 else mutable_accumulator

    def merge_accumulators(self, accumulators: Iterable[list[np.ndarray]], *args: Any, **kwargs: Any) -> Any:
        return self.compact([each for some in accumulators for each in some])

    def compact(self, accumulator: list[np.ndarray], *args: Any, **kwargs: Any) -> list[np.ndarray]:
        return [np.concatenate(accumulator)] if accumulator else []

    def extract_output(self, accumulator: list[np.ndarray], *args: Any, **kwargs: Any) -> tuple[float, float]:
        return usual(np.concatenate(accumulator)) if accumulator else (0.0, 0.0)


class _JudgeScore(beam.DoFn):
    """Scored pairs to those that are not out of line, and to the others."""

    def process(self, element: tuple[Pair, float], limits: tuple[float, float]) -> Iterator[Any]:
        (line, cells), score = element
        if score < limits[1]:
            yield TaggedOutput("out", (line, _Out("score", 0, score, cells)))
        else:
            yield line, cells


class _Mend(beam.DoFn):
    """Pairs to themselves, mended, and to those that were mended, as they were."""

    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self._rules = rules

    def process(self, element: Pair) -> Iterator[Any]:
        line, (source, target, *more) = element
        mended, rules = self._rules.changed((source, target))
        yield line, (*mended, *more)
        if rules:
            yield TaggedOutput("changed", (line, (" ".join(rules), source, target, *more)))


def _by_piece(found: Translation) -> float:
    """Return a score by the piece, as ``nmt clean`` keeps it."""
    return float(np.float32(found.score / max(len(found.token_scores), 1)))


def _reasoned(row: tuple[int, _Out], rules: Rules, totals: Totals, limits: tuple[float, float]) -> tuple[int, Removed]:
    line, out = row
    given = out.cells[0], out.cells[1]
    return line, Removed(
        out.rule,
        rules.reason(out.rule, given=given, other=out.other, score=out.score, totals=totals, usual=limits),
        out.cells,
    )


def _cleaned(counts: dict[Any, int], names: Collection[str]) -> Cleaned:
    return Cleaned(
        counts.get("pairs", 0),
        counts.get("kept", 0),
        {rule: counts.get(("removed", rule), 0) for rule in REMOVES if rule in names},
        {rule: counts.get(("mended", rule), 0) for rule in MENDS if rule in names},
    )
