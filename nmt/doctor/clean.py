"""Cleaning: pairs without what the doctor finds, and a reason for each pair that was left out.

The pairs are read twice. The first reading mends each line (:mod:`nmt.doctor.mend`), judges what can be judged of a
pair alone, and writes numbers of the others to a temporary folder: their lengths, their scripts and, as
:mod:`nmt.doctor.repeats` does, hashes. What depends on all pairs is decided from these numbers. The second reading
writes the pairs that are left. Memory holds one byte for each pair, and the disk about 40.
"""

from __future__ import annotations

import gzip
import io
import tempfile
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from nmt.data.corpora import Corpus
from nmt.doctor.lengths import RatioTally
from nmt.doctor.mend import MENDS, mended
from nmt.doctor.repeats import KEY, LINE, OTHER, Parts, bits_for, mixed, numbers
from nmt.doctor.survey import JUDGED, LONG, Batch, batches, main_scripts
from nmt.evaluation import scripts

# The rules that leave a pair out, in the order in which they judge, and what they leave out.
REMOVES = {
    "long": f"a side of more than {LONG:,} characters",
    "blank": "a side without text",
    "lost": "a side with U+FFFD, where a conversion lost a character",
    "copies": "two sides with the same text",
    "overlap": "a source or a target that is in another split, but for case and punctuation",
    "script": "a side that is mostly in letters of another script than its side",
    "ratio": "two sides whose lengths are far from the usual ratio",
    "duplicates": "a pair that repeats an earlier one",
    "near-duplicates": "a pair that repeats an earlier one but for case and punctuation",
    "score": "a translation that a model gives a score far below the usual one; with --model",
}
# What `nmt clean` does without being asked. Folding to KC changes what is written, as ² to 2.
DEFAULT = frozenset({*REMOVES, *MENDS, "line-ends"} - {"nfkc"})

# Standard deviations below the median, estimated by the median absolute deviation, at which a score is out of line.
_OUT_OF_LINE = 4.0
# And so much below it at least: a model that knows its pairs by heart gives them all nearly the same score.
_LEAST_BELOW = 1.0
_KEPT = 0
_NUMBER = {name: number for number, name in enumerate(REMOVES, 1)}
_NAME = {number: name for name, number in _NUMBER.items()}
_NOT_JUDGED = -1
_SIDES = ("source", "target")
_ONE_CELL = dict.fromkeys(map(ord, "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"), " ")

# Takes sources and targets, and returns the log-probability per piece of each.
Scorer = Callable[[Sequence[str], Sequence[str]], Sequence[float]]
Follow = Callable[[Iterable[Batch], str, int], Iterable[Batch]]


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


class _Letters(dict[int, int | None]):
    """What ``str.translate`` does to each character: letters, marks and digits stay."""

    def __missing__(self, code: int) -> int | None:
        self[code] = code if unicodedata.category(chr(code))[0] in "LMN" else None
        return self[code]


_LETTERS = _Letters()


def loose(line: str) -> str:
    """Return the letters and digits of a line without case, by which near-duplicates are the same.

    >>> loose("He said: “No, Tom!”"), loose("..."), loose("１０ km")
    ('hesaidnotom', '...', '10km')
    """
    plain = line if line.isascii() else unicodedata.normalize("NFKC", line)
    return plain.casefold().translate(_LETTERS) or line.strip()


class _Others:
    """The sentences of the other splits, by which a pair overlaps."""

    def __init__(self, splits: Sequence[Corpus], mends: Collection[str]) -> None:
        self.names = [corpus.name for corpus in splits]
        keys: list[list[np.ndarray]] = [[], []]
        places: list[list[np.ndarray]] = [[], []]
        for number, corpus in enumerate(splits):
            for batch in batches(corpus.pairs()):
                for side, lines in enumerate((batch.sources, batch.targets)):
                    texts = [mended(line, mends)[0] for line in lines]
                    full = np.fromiter((bool(text.strip()) for text in texts), bool, len(texts))
                    keys[side].append(numbers([loose(text) for text in texts])[full])
                    # One number for a split and a line of it.
                    lines_of = np.arange(batch.first, batch.first + len(batch))[full]
                    places[side].append(lines_of * len(splits) + number)
        self._known = []
        for side in range(2):
            every = np.concatenate([np.empty(0, np.uint64), *keys[side]])
            known, first = np.unique(every, return_index=True)
            self._known.append((known, np.concatenate([np.empty(0, np.int64), *places[side]])[first]))

    def find(self, side: int, keys: np.ndarray) -> np.ndarray:
        """Return where each sentence of a side is, as :meth:`said` reads it; 0 if it is in no split."""
        known, places = self._known[side]
        if not len(known):
            return np.zeros(len(keys), np.int64)
        near = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        return np.where(known[near] == keys, places[near], 0)

    def said(self, place: int) -> str:
        line, number = divmod(place, len(self.names))
        return f"line {line} of {self.names[number]}"


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

    def add(self, main: np.ndarray, places: np.ndarray) -> None:
        """Add the main scripts ``(lines, 2)`` and the places of the ratios ``(lines,)`` of a batch."""
        for file, values, kind in zip(self._written, (main, places), (np.int8, np.int16), strict=True):
            file.write(values.astype(kind).tobytes())

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
        now = where & (self.verdicts[lines] == _KEPT)
        self.verdicts[lines] = np.where(now, _NUMBER[rule], self.verdicts[lines])
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
        self.corpus, self._rules, self._scorer, self._follow = corpus, frozenset(rules), scorer, follow
        self._others = _Others(others if "overlap" in rules else (), self._rules)
        self._ratio = RatioTally()
        self._letters = np.zeros((2, len(scripts.SCRIPTS)), np.int64)
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
                for batch in self._follow(batches(self.corpus.pairs()), "Reading", size):
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

    def _mended(self, batch: Batch) -> tuple[list[str], list[str]]:
        """Return both sides after the rules that mend. A line that is too long is not looked into."""
        limit = LONG if "long" in self._rules else None
        sides = []
        for lines in (batch.sources, batch.targets):
            sides.append(["" if limit and len(line) > limit else mended(line, self._rules)[0] for line in lines])
        return sides[0], sides[1]

    def _look(self, batch: Batch, judgement: _Judgement, hashes: Parts) -> None:
        """Judge the pairs of a batch by themselves, and count what the others are judged by."""
        lines = slice(batch.first - 1, batch.first - 1 + len(batch))
        texts = self._mended(batch)
        census = [scripts.census(side) for side in texts]
        keys = [numbers(side) for side in texts]
        near = [numbers([loose(text) for text in side]) for side in texts]
        found = [self._others.find(side, near[side]) for side in range(2)]
        blank = np.zeros(len(batch), bool)
        for written in texts:
            blank |= np.fromiter((not text.strip() for text in written), bool, len(written))
        lost = sum(each.classes[:, scripts.REPLACEMENT] for each in census) > 0
        raw = (batch.sources, batch.targets)
        holds = {
            "long": np.fromiter((max(len(one), len(other)) > LONG for one, other in zip(*raw, strict=True)), bool),
            "blank": blank,
            "lost": lost,
            "copies": (keys[0] == keys[1]) & ~blank,
            "overlap": (found[0] > 0) | (found[1] > 0),
        }
        for rule, where in holds.items():
            if rule in self._rules:
                now = judgement.remove(lines, where, rule)
                if rule == "overlap" and now.any():
                    # An overlap of the target is told by a number below 0.
                    judgement.other[lines] = np.where(now, np.where(found[0] > 0, found[0], -found[1]), 0)
        alive = (judgement.verdicts[lines] == _KEPT) & ~blank
        places = np.full(len(batch), _NOT_JUDGED, np.int64)
        if alive.any():
            characters = [each.characters[alive] for each in census]
            octaves = np.log2(characters[1] / characters[0])
            long = np.maximum(*characters) >= JUDGED
            self._ratio.add(octaves, long)
            places[alive] = np.where(long, RatioTally.places(octaves), _NOT_JUDGED)
        for number, each in enumerate(census):
            self._letters[number] += each.classes[alive, -len(scripts.SCRIPTS) :].sum(0)
        judgement.add(np.stack([main_scripts(each) for each in census], 1), places)
        # A pair without text on one side can be kept, but repeats nothing.
        numbered = np.arange(batch.first, batch.first + len(batch), dtype=np.uint64)
        records = np.stack([mixed(near[0], near[1]), mixed(keys[0], keys[1]), numbered], 1)
        hashes.add(records[alive])

    def _expected(self) -> list[tuple[str, ...]]:
        """Return the scripts of both sides."""
        return [scripts.expected(dict(zip(scripts.SCRIPTS, each, strict=True))) for each in self._letters.tolist()]

    def _judge_all(self, judgement: _Judgement) -> None:
        """Judge what depends on how the pairs are written on the whole."""
        foreign = np.zeros((2, len(scripts.SCRIPTS) + 1), bool)  # the last place is that of -1: too few letters
        for number, expected in enumerate(self._expected()):
            foreign[number, :-1] = [bool(expected) and script not in expected for script in scripts.SCRIPTS]
        low, high = self._ratio.bounds()
        for lines, main, places in judgement.read():
            if "script" in self._rules:
                judgement.remove(lines, foreign[0, main[:, 0]] | foreign[1, main[:, 1]], "script")
            if "ratio" in self._rules:
                judgement.remove(lines, (places != _NOT_JUDGED) & ((places < low) | (places > high)), "ratio")

    def _judge_repeats(self, judgement: _Judgement, hashes: Parts) -> None:
        """Leave out all but the first of equal pairs, and of those that are nearly equal."""
        if not {"duplicates", "near-duplicates"} & self._rules:
            return
        for records in hashes.parts():
            records = records[judgement.verdicts[records[:, LINE].astype(np.int64) - 1] == _KEPT]
            if not len(records):
                continue
            lines = records[:, LINE].astype(np.int64)
            new_near = np.append(True, records[1:, KEY] != records[:-1, KEY])
            new_pair = new_near | np.append(True, records[1:, OTHER] != records[:-1, OTHER])
            # Records are sorted by key, pair and line, so the first of equal pairs comes first.
            heads = np.flatnonzero(new_pair)
            head = heads[np.cumsum(new_pair) - 1]
            group = np.cumsum(new_near) - 1
            first = np.full(group[-1] + 1, np.iinfo(np.int64).max)
            np.minimum.at(first, group, lines)
            repeated = lines != lines[head]
            if "duplicates" in self._rules:
                now = judgement.remove(lines - 1, repeated, "duplicates")
                judgement.other[lines[now] - 1] = lines[head][now]
            if "near-duplicates" in self._rules:
                # What repeats a pair word for word is not a near-duplicate, unless that pair is one.
                near = lines[head] != first[group]
                now = judgement.remove(lines - 1, near, "near-duplicates")
                judgement.other[lines[now] - 1] = first[group][now]

    def _judge_scores(self, judgement: _Judgement, scores: np.ndarray, scorer: Scorer) -> None:
        """Leave out the pairs whose scores are far below the median."""
        for batch in self._follow(batches(self.corpus.pairs()), "Scoring", self.corpus.size):
            alive = np.flatnonzero(judgement.verdicts[batch.first - 1 : batch.first - 1 + len(batch)] == _KEPT)
            sources, targets = self._mended(batch)
            found = scorer([sources[i] for i in alive], [targets[i] for i in alive])
            scores[batch.first - 1 + alive] = found
        kept = scores[judgement.verdicts == _KEPT]
        if not len(kept):
            return
        middle = float(np.median(kept))
        deviation = 1.4826 * float(np.median(np.abs(kept - middle)))
        self._usual = middle, middle - max(_OUT_OF_LINE * deviation, _LEAST_BELOW)
        for start in range(0, len(scores), 2**16):
            lines = slice(start, min(start + 2**16, len(scores)))
            judgement.remove(lines, scores[lines] < self._usual[1], "score")

    def _write(self, judgement: _Judgement, scores: np.ndarray, files: list[IO[str]], folder: Path) -> Cleaned:
        cleaned = Cleaned(self.corpus.size)
        removed = dict.fromkeys([rule for rule in REMOVES if rule in self._rules], 0)
        changed = dict.fromkeys([rule for rule in MENDS if rule in self._rules], 0)
        with _opened(folder / "removed.tsv") as left_out, _opened(folder / "changed.tsv") as altered:
            left_out.write("line\trule\treason\tsource\ttarget\n")
            altered.write("line\trules\tsource\ttarget\n")
            further = self.corpus.further_cells()
            for batch in self._follow(batches(self.corpus.pairs()), "Writing", self.corpus.size):
                for i, given in enumerate(zip(batch.sources, batch.targets, strict=True)):
                    line, more = batch.first + i, next(further)
                    if verdict := int(judgement.verdicts[line - 1]):
                        rule = _NAME[verdict]
                        removed[rule] += 1
                        score = float(scores[line - 1]) if rule == "score" else 0.0
                        reason = self._reason(rule, given, int(judgement.other[line - 1]), score)
                        left_out.write(_row(str(line), rule, reason, *given, *more))
                        continue
                    (source, by_source), (target, by_target) = (mended(side, self._rules) for side in given)
                    rules = [rule for rule in changed if rule in by_source or rule in by_target]
                    for rule in rules:
                        changed[rule] += 1
                    if rules:
                        altered.write(_row(str(line), " ".join(rules), *given, *more))
                    cleaned.kept += 1
                    if len(files) == 1:
                        files[0].write(_row(source, target, *more))
                    else:
                        for file, side in zip(files, (source, target), strict=True):
                            file.write(f"{side}\n")
        cleaned.removed, cleaned.mended = removed, changed
        return cleaned

    def _reason(self, rule: str, given: tuple[str, str], other: int, score: float) -> str:
        """Say why a pair was left out."""
        if rule == "long":
            longer = int(len(given[1]) > len(given[0]))
            return f"the {_SIDES[longer]} has {len(given[longer]):,} characters"
        texts = [mended(side, self._rules)[0] for side in given]
        if rule == "blank":
            return f"the {' and the '.join(_SIDES[i] for i in range(2) if not texts[i].strip())} is blank"
        if rule == "lost":
            return f"the {' and the '.join(_SIDES[i] for i in range(2) if chr(0xFFFD) in texts[i])} has U+FFFD"
        if rule == "copies":
            return "both sides are the same"
        if rule == "overlap":
            return f"the {_SIDES[int(other < 0)]} is that of {self._others.said(abs(other))}"
        if rule == "script":
            return self._foreign(texts)
        if rule == "ratio":
            usual = self._ratio.result()
            found = len(texts[1]) / len(texts[0])
            return (
                f"the target has {found:.2g} characters for each of the source; {usual.median:.2g} is usual, and "
                f"{usual.median / usual.limit:.2g} to {usual.median * usual.limit:.2g} is kept"
            )
        if rule == "duplicates":
            return f"the pair of line {other}"
        if rule == "near-duplicates":
            return f"the pair of line {other}, but for case and punctuation"
        return f"{score:.2f} for each piece, where {self._usual[0]:.2f} is usual and {self._usual[1]:.2f} the limit"

    def _foreign(self, texts: list[str]) -> str:
        for name, text, expected in zip(_SIDES, texts, self._expected(), strict=True):
            main = int(main_scripts(scripts.census([text]))[0])
            if expected and main >= 0 and scripts.SCRIPTS[main] not in expected:
                return f"the {name} is mostly in {scripts.SCRIPTS[main]} letters, not in {' and '.join(expected)}"
        raise AssertionError(texts)


def _row(*cells: str) -> str:
    return "\t".join(cell.translate(_ONE_CELL) for cell in cells) + "\n"


def _opened(path: Path) -> IO[str]:
    if path.name.lower().endswith(".gz"):
        # Without the time, the same pairs make the same bytes.
        return io.TextIOWrapper(gzip.GzipFile(path, "wb", mtime=0), "utf-8", newline="\n")
    return path.open("w", encoding="utf-8", newline="\n")
