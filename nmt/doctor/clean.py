"""Cleaning: pairs without what the doctor finds, and a reason for each pair that was left out.

The pairs are read twice. The first reading mends each line (:mod:`nmt.doctor.mend`), judges what can be judged of a
pair alone (:mod:`nmt.doctor.rules`), and writes numbers of the others to a temporary folder: their lengths, their
scripts and, as :mod:`nmt.doctor.repeats` does, hashes. What depends on all pairs is decided from these numbers. The
second reading writes the pairs that are left. Memory holds one byte for each pair, and the disk about 40.
"""

from __future__ import annotations

import gzip
import io
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from nmt.data.corpora import REPORT_HEADERS, Corpus
from nmt.doctor.mend import MENDS
from nmt.doctor.repeats import LINE, Parts, bits_for
from nmt.doctor.rules import (
    KEPT,
    NAMES,
    NUMBERS,
    REMOVES,
    Judged,
    Rules,
    Scorer,
    Totals,
    find_repeats,
    repeats_by_rule,
    usual_scores,
)
from nmt.doctor.survey import PairBatch, pair_batches

_ONE_CELL = dict.fromkeys(map(ord, "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"), " ")

Follow = Callable[[Iterable[PairBatch], str, int], Iterable[PairBatch]]


@dataclass
class Cleaned:
    """What a cleaning did.

    Attributes:
        pairs: how many were read.
        kept: how many were written.
        removed: how many each rule left out.
        mended: how many of the pairs that were written each rule changed.
    """

    pairs: int
    kept: int = 0
    removed: dict[str, int] = field(default_factory=dict)
    mended: dict[str, int] = field(default_factory=dict)


class _Judgement:
    """What is known of each pair after the first reading."""

    def __init__(self, folder: Path, size: int) -> None:
        self.verdicts = np.zeros(size, np.uint8)
        # The line of the pair that is repeated, or where an overlapping sentence is. Only lines left out touch it.
        self.other = np.memmap(folder / "other", np.int64, "w+", shape=(size,))
        self._scripts = folder / "scripts"
        self._places = folder / "places"

    def open(self, held: ExitStack) -> None:
        self._written = [held.enter_context(path.open("wb")) for path in (self._scripts, self._places)]

    def add(self, start: int, judged: Judged) -> None:
        """Add what is known of pairs by themselves, from the place ``start`` on."""
        lines = slice(start, start + len(judged.verdicts))
        self.verdicts[lines] = judged.verdicts
        if judged.others.any():
            self.other[lines] = judged.others
        for file, values in zip(self._written, (judged.scripts, judged.ratios), strict=True):
            file.write(values.tobytes())

    def read(self, together: int = 2**16) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Yield what was added, with the slice of the lines."""
        size = len(self.verdicts)
        with self._scripts.open("rb") as mains, self._places.open("rb") as places:
            for start in range(0, size, together):
                count = min(together, size - start)
                main = np.fromfile(mains, np.int8, 2 * count).reshape(count, 2)
                yield slice(start, start + count), main, np.fromfile(places, np.int16, count)

    def remove(self, lines: slice | np.ndarray, where: np.ndarray, rule: str) -> np.ndarray:
        """Leave out those of some lines for which a boolean is true, and which no rule has left out before."""
        now = where & (self.verdicts[lines] == KEPT)
        self.verdicts[lines] = np.where(now, NUMBERS[rule], self.verdicts[lines])
        return now


class Cleaning:
    """A cleaning of pairs.

    Arguments:
        corpus: the pairs.
        others: splits that must share nothing with it.
        rules: the names of the rules, of :data:`REMOVES` and :data:`nmt.doctor.mend.MENDS`.
        scorer: what the rule ``score`` asks; without it there is no such rule.
        follow: passes batches on, and may show the progress.
    """

    def __init__(
        self,
        corpus: Corpus,
        others: Sequence[Corpus],
        rules: Collection[str],
        scorer: Scorer | None = None,
        follow: Follow = lambda groups, what, total: groups,
    ) -> None:
        self.corpus, self._rules, self._scorer, self._follow = corpus, Rules(rules, others), scorer, follow
        self._totals = Totals()
        self._usual = (0.0, 0.0)

    def write(self, folder: Path, names: Sequence[str]) -> Cleaned:
        """Write the pairs that are left, ``removed.tsv`` and ``changed.tsv`` into a folder.

        What a TSV has in further columns stays behind each pair, in all of them.

        Arguments:
            folder: where to write.
            names: of the files of the pairs: one for a TSV, two for a source and a target.
        """
        size = self.corpus.size
        with tempfile.TemporaryDirectory(prefix="nmt-clean-") as place, ExitStack() as held:
            judgement = _Judgement(Path(place), size)
            hashes = Parts(Path(place), "pairs", bits_for(size))
            with ExitStack() as written:
                judgement.open(written)
                for batch in self._follow(pair_batches(self.corpus.pairs()), "Reading", size):
                    self._look(batch, judgement, hashes)
            self._judge_all(judgement)
            self._judge_repeats(judgement, hashes)
            scores: np.ndarray = np.zeros(0, np.float32)
            if self._scorer:
                scores = np.memmap(Path(place) / "scores", np.float32, "w+", shape=(size,))
                self._judge_scores(judgement, scores, self._scorer)
            return self._write(
                judgement, scores, [held.enter_context(_opened(folder / name)) for name in names], folder
            )

    def _look(self, batch: PairBatch, judgement: _Judgement, hashes: Parts) -> None:
        """Judge the pairs of a batch by themselves, and keep what the others are judged by."""
        judged = self._rules.judge(batch.sources, batch.targets)
        judgement.add(batch.first - 1, judged)
        self._totals.add(judged)
        hashes.add(judged.records(np.arange(batch.first, batch.first + len(batch))))

    def _judge_all(self, judgement: _Judgement) -> None:
        """Judge what depends on how the pairs are written on the whole."""
        for lines, main, ratios in judgement.read():
            for rule, where in self._totals.judge(main, ratios, self._rules.names):
                judgement.remove(lines, where, rule)

    def _judge_repeats(self, judgement: _Judgement, hashes: Parts) -> None:
        """Leave out all but the first of equal pairs, and of those that are nearly equal."""
        if not {"duplicates", "near-duplicates"} & self._rules.names:
            return
        for records in hashes.parts():
            records = records[judgement.verdicts[records[:, LINE].astype(np.int64) - 1] == KEPT]
            lines, head, first = find_repeats(records)
            for rule, where, repeats in repeats_by_rule(lines, head, first, self._rules.names):
                now = judgement.remove(lines - 1, where, rule)
                judgement.other[lines[now] - 1] = repeats[now]

    def _judge_scores(self, judgement: _Judgement, scores: np.ndarray, scorer: Scorer) -> None:
        """Leave out the pairs whose scores are far below the median."""
        for batch in self._follow(pair_batches(self.corpus.pairs()), "Scoring", self.corpus.size):
            alive = np.flatnonzero(judgement.verdicts[batch.first - 1 : batch.first - 1 + len(batch)] == KEPT)
            sources, targets = (self._rules.mended(side) for side in (batch.sources, batch.targets))
            found = scorer([sources[i] for i in alive], [targets[i] for i in alive])
            scores[batch.first - 1 + alive] = found
        kept = scores[judgement.verdicts == KEPT]
        if not len(kept):
            return
        self._usual = usual_scores(kept)
        for start in range(0, len(scores), 2**16):
            lines = slice(start, min(start + 2**16, len(scores)))
            judgement.remove(lines, scores[lines] < self._usual[1], "score")

    def _write(self, judgement: _Judgement, scores: np.ndarray, files: list[IO[str]], folder: Path) -> Cleaned:
        cleaned = Cleaned(self.corpus.size)
        removed = dict.fromkeys([rule for rule in REMOVES if rule in self._rules.names], 0)
        changed = dict.fromkeys([rule for rule in MENDS if rule in self._rules.names], 0)
        with _opened(folder / "removed.tsv") as left_out, _opened(folder / "changed.tsv") as altered:
            for report, header in zip((left_out, altered), REPORT_HEADERS, strict=True):
                report.write(f"{header}\n")
            further = self.corpus.further_cells()
            for batch in self._follow(pair_batches(self.corpus.pairs()), "Writing", self.corpus.size):
                for i, given in enumerate(zip(batch.sources, batch.targets, strict=True)):
                    line, more = batch.first + i, next(further)
                    if verdict := int(judgement.verdicts[line - 1]):
                        rule = NAMES[verdict]
                        removed[rule] += 1
                        score = float(scores[line - 1]) if rule == "score" else 0.0
                        other = int(judgement.other[line - 1])
                        reason = self._rules.reason(
                            rule, given=given, other=other, score=score, totals=self._totals, usual=self._usual
                        )
                        left_out.write(tsv_row(str(line), rule, reason, *given, *more))
                        continue
                    (source, target), rules = self._rules.changed(given)
                    for rule in rules:
                        changed[rule] += 1
                    if rules:
                        altered.write(tsv_row(str(line), " ".join(rules), *given, *more))
                    cleaned.kept += 1
                    if len(files) == 1:
                        files[0].write(tsv_row(source, target, *more))
                    else:
                        for file, side in zip(files, (source, target), strict=True):
                            file.write(f"{side}\n")
        cleaned.removed, cleaned.mended = removed, changed
        return cleaned


def tsv_row(*cells: str) -> str:
    r"""Return a line of a TSV. A character within a cell that ends a line or a cell becomes a space.

    >>> tsv_row("a\tb", "c\u2028d")
    'a b\tc d\n'
    """
    return "\t".join(cell.translate(_ONE_CELL) for cell in cells) + "\n"


def _opened(path: Path) -> IO[str]:
    if path.name.lower().endswith(".gz"):
        # Without the time, the same pairs make the same bytes.
        return io.TextIOWrapper(gzip.GzipFile(path, "wb", mtime=0), "utf-8", newline="\n")
    return path.open("w", encoding="utf-8", newline="\n")
