"""The rules of a cleaning: what they find in a pair by itself, and what depends on all pairs.

A pair is judged in steps. :meth:`Rules.judge` judges what can be judged of it alone, and gives numbers for the rest:
its scripts, its ratio of lengths and its hashes. :class:`Totals` adds up how the pairs are written on the whole, from
which :meth:`Totals.judge` tells pairs in another script or with a ratio far from the usual one. :func:`find_repeats`
finds the pairs that repeat others among records of the same hashes, and :func:`usual_scores` the limit of scores.

``nmt clean`` takes these steps with files of this machine (:mod:`nmt.doctor.clean`), and :class:`nmt.beam.Clean` on
those of many.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nmt.data.corpora import Corpus
from nmt.doctor.lengths import RatioTally
from nmt.doctor.mend import MENDS, mended
from nmt.doctor.repeats import KEY, LINE, OTHER, mixed, numbers
from nmt.doctor.survey import JUDGED, LONG, main_scripts, pair_batches
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
_MIN_BELOW = 1.0
KEPT = 0
NUMBERS = {name: number for number, name in enumerate(REMOVES, 1)}
NAMES = {number: name for name, number in NUMBERS.items()}
NOT_JUDGED = -1
_SIDES = ("source", "target")

# Takes sources and targets, and returns the log-probability per piece of each.
Scorer = Callable[[Sequence[str], Sequence[str]], Sequence[float]]


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
            for batch in pair_batches(corpus.pairs()):
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


@dataclass(frozen=True)
class Judged:
    """What is known of some pairs by themselves.

    Attributes:
        verdicts: ``(pairs,)``, the number of the rule that leaves each out, as in :data:`NUMBERS`, or ``KEPT``.
        others: ``(pairs,)``, where the sentence of another split is that an overlapping pair has; below 0 for a target.
        alive: ``(pairs,)``, whether it is kept so far and has text on both sides.
        scripts: ``(pairs, 2)``, the script that each side is mostly in.
        ratios: ``(pairs,)``, the place of the ratio of lengths, or ``NOT_JUDGED``.
        keys: ``(pairs, 2)``, the hash of the pair but for case and punctuation, and that of the pair.
        octaves, long: ``(alive,)``, what :class:`nmt.doctor.lengths.RatioTally` counts.
        letters: ``(2, scripts)``, the letters of each script in the sides of the pairs that are alive.
    """

    verdicts: np.ndarray
    others: np.ndarray
    alive: np.ndarray
    scripts: np.ndarray
    ratios: np.ndarray
    keys: np.ndarray
    octaves: np.ndarray
    long: np.ndarray
    letters: np.ndarray

    def records(self, lines: np.ndarray) -> np.ndarray:
        """Return what :func:`find_repeats` takes, for pairs that are alive.

        Arguments:
            lines: ``(pairs,)``, their numbers.
        """
        # A pair without text on one side can be kept, but repeats nothing.
        return np.column_stack([self.keys, lines.astype(np.uint64)])[self.alive]


class Totals:
    """How the pairs are written on the whole: their ratios of lengths, and the letters of their sides."""

    def __init__(self) -> None:
        self.ratio = RatioTally()
        self._letters = np.zeros((2, len(scripts.SCRIPTS)), np.int64)

    def add(self, judged: Judged) -> None:
        """Count some pairs."""
        self.ratio.add(judged.octaves, judged.long)
        self._letters += judged.letters

    def merge(self, other: Totals) -> None:
        """Count what others counted."""
        self.ratio.merge(other.ratio)
        self._letters += other._letters

    def expected(self) -> list[tuple[str, ...]]:
        """Return the scripts of both sides."""
        return [scripts.expected(dict(zip(scripts.SCRIPTS, each, strict=True))) for each in self._letters.tolist()]

    def judge(self, main: np.ndarray, ratios: np.ndarray, names: Collection[str]) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the rules that depend on the whole, with which pairs each leaves out, ``(pairs,)``.

        Arguments:
            main, ratios: of :class:`Judged`.
            names: of the rules that are followed.
        """
        if "script" in names:
            foreign = np.zeros((2, len(scripts.SCRIPTS) + 1), bool)  # the last place is that of -1: too few letters
            for number, expected in enumerate(self.expected()):
                foreign[number, :-1] = [bool(expected) and script not in expected for script in scripts.SCRIPTS]
            yield "script", foreign[0, main[:, 0]] | foreign[1, main[:, 1]]
        if "ratio" in names:
            low, high = self.ratio.bounds()
            yield "ratio", (ratios != NOT_JUDGED) & ((ratios < low) | (ratios > high))


class Rules:
    """Rules that are followed.

    Arguments:
        names: of :data:`REMOVES` and :data:`nmt.doctor.mend.MENDS`.
        splits: those that must share nothing with the pairs.
    """

    def __init__(self, names: Collection[str], splits: Sequence[Corpus] = ()) -> None:
        self.names = frozenset(names)
        self.others = _Others(splits if "overlap" in self.names else (), self.names)

    def mended(self, lines: Sequence[str]) -> list[str]:
        """Return lines after the rules that mend. A line that is too long is not looked into."""
        limit = LONG if "long" in self.names else None
        return ["" if limit and len(line) > limit else mended(line, self.names)[0] for line in lines]

    def changed(self, given: tuple[str, str]) -> tuple[tuple[str, str], list[str]]:
        """Return a pair after the rules that mend, and which of them changed it."""
        (source, by_source), (target, by_target) = (mended(side, self.names) for side in given)
        return (source, target), [rule for rule in MENDS if rule in by_source or rule in by_target]

    def judge(self, sources: Sequence[str], targets: Sequence[str]) -> Judged:
        """Judge pairs by themselves."""
        size = len(sources)
        texts = [self.mended(side) for side in (sources, targets)]
        census = [scripts.census(side) for side in texts]
        keys = [numbers(side) for side in texts]
        near = [numbers([loose(text) for text in side]) for side in texts]
        found = [self.others.find(side, near[side]) for side in range(2)]
        blank = np.zeros(size, bool)
        for written in texts:
            blank |= np.fromiter((not text.strip() for text in written), bool, size)
        holds = {
            "long": np.fromiter(
                (max(map(len, pair)) > LONG for pair in zip(sources, targets, strict=True)), bool, size
            ),
            "blank": blank,
            "lost": sum(each.classes[:, scripts.REPLACEMENT] for each in census) > 0,
            "copies": (keys[0] == keys[1]) & ~blank,
            "overlap": (found[0] > 0) | (found[1] > 0),
        }
        verdicts, others = np.zeros(size, np.uint8), np.zeros(size, np.int64)
        for rule, where in holds.items():
            if rule in self.names:
                now = where & (verdicts == KEPT)
                verdicts[now] = NUMBERS[rule]
                if rule == "overlap":
                    # An overlap of the target is told by a number below 0.
                    others = np.where(now, np.where(found[0] > 0, found[0], -found[1]), 0)
        alive = (verdicts == KEPT) & ~blank
        characters = [each.characters[alive] for each in census]
        octaves = np.log2(characters[1] / characters[0])
        long = np.maximum(*characters) >= JUDGED
        ratios = np.full(size, NOT_JUDGED, np.int16)
        ratios[alive] = np.where(long, RatioTally.places(octaves), NOT_JUDGED)
        return Judged(
            verdicts=verdicts,
            others=others,
            alive=alive,
            scripts=np.stack([main_scripts(each) for each in census], 1).astype(np.int8),
            ratios=ratios,
            keys=np.stack([mixed(*near), mixed(*keys)], 1),
            octaves=octaves,
            long=long,
            letters=np.stack([each.classes[alive, -len(scripts.SCRIPTS) :].sum(0) for each in census]),
        )

    def reason(
        self, rule: str, given: tuple[str, str], other: int, score: float, totals: Totals, usual: tuple[float, float]
    ) -> str:
        """Say why a pair was left out.

        Arguments:
            rule: that left it out.
            given: the pair as it was.
            other: the line that it repeats, or where the sentence is that it shares.
            score: of a model.
            totals: of all pairs.
            usual: the usual score and the limit, of :func:`usual_scores`.
        """
        if rule == "long":
            longer = int(len(given[1]) > len(given[0]))
            return f"the {_SIDES[longer]} has {len(given[longer]):,} characters"
        texts = [mended(side, self.names)[0] for side in given]
        if rule == "blank":
            return f"the {' and the '.join(_SIDES[i] for i in range(2) if not texts[i].strip())} is blank"
        if rule == "lost":
            return f"the {' and the '.join(_SIDES[i] for i in range(2) if chr(0xFFFD) in texts[i])} has U+FFFD"
        if rule == "copies":
            return "both sides are the same"
        if rule == "overlap":
            return f"the {_SIDES[int(other < 0)]} is that of {self.others.said(abs(other))}"
        if rule == "script":
            return self._foreign(texts, totals)
        if rule == "ratio":
            ratio = totals.ratio.result()
            found = len(texts[1]) / len(texts[0])
            return (
                f"the target has {found:.2g} characters for each of the source; {ratio.median:.2g} is usual, and "
                f"{ratio.median / ratio.limit:.2g} to {ratio.median * ratio.limit:.2g} is kept"
            )
        if rule == "duplicates":
            return f"the pair of line {other}"
        if rule == "near-duplicates":
            return f"the pair of line {other}, but for case and punctuation"
        return f"{score:.2f} for each piece, where {usual[0]:.2f} is usual and {usual[1]:.2f} the limit"

    def _foreign(self, texts: list[str], totals: Totals) -> str:
        for name, text, expected in zip(_SIDES, texts, totals.expected(), strict=True):
            main = int(main_scripts(scripts.census([text]))[0])
            if expected and main >= 0 and scripts.SCRIPTS[main] not in expected:
                return f"the {name} is mostly in {scripts.SCRIPTS[main]} letters, not in {' and '.join(expected)}"
        raise AssertionError(texts)


def find_repeats(records: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``(lines, head, first)``: the line of each pair, the first of equal pairs, and that of nearly equal ones.

    Arguments:
        records: ``(pairs, 3)``, both hashes of :class:`Judged` and the line, sorted; all of equal hashes must be there.

    >>> found = find_repeats(np.array([[7, 1, 3], [7, 1, 9], [7, 2, 1]], np.uint64))
    >>> [part.tolist() for part in found]
    [[3, 9, 1], [3, 3, 1], [1, 1, 1]]
    """
    lines = records[:, LINE].astype(np.int64)
    if not len(records):
        return lines, lines, lines
    new_near = np.append(True, records[1:, KEY] != records[:-1, KEY])
    new_pair = new_near | np.append(True, records[1:, OTHER] != records[:-1, OTHER])
    # Records are sorted by key, pair and line, so the first of equal pairs comes first.
    heads = np.flatnonzero(new_pair)
    head = heads[np.cumsum(new_pair) - 1]
    group = np.cumsum(new_near) - 1
    first = np.full(group[-1] + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, group, lines)
    return lines, lines[head], first[group]


def repeats_by_rule(
    lines: np.ndarray, head: np.ndarray, first: np.ndarray, names: Collection[str]
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield the rules on repeats, with which pairs each leaves out, and the lines that these repeat.

    Arguments:
        lines, head, first: of :func:`find_repeats`.
        names: of the rules that are followed.
    """
    if "duplicates" in names:
        yield "duplicates", lines != head, head
    if "near-duplicates" in names:
        # What repeats a pair word for word is not a near-duplicate, unless that pair is one.
        yield "near-duplicates", head != first, first


def usual_scores(kept: np.ndarray) -> tuple[float, float]:
    """Return the median of the scores of the pairs that are kept, and the limit below which a score is out of line.

    >>> usual_scores(np.array([-1.0, -1.0, -1.25, -1.25], np.float32))
    (-1.125, -2.125)
    """
    middle = float(np.median(kept))
    deviation = 1.4826 * float(np.median(np.abs(kept - middle)))
    return middle, middle - max(_OUT_OF_LINE * deviation, _MIN_BELOW)
