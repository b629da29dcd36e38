"""One reading of a split: everything that can be counted pair by pair, in memory that does not grow."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nmt.doctor import repeats
from nmt.doctor.findings import ExamplePair, Finding, Foreign, Repeated, Side, Split, example
from nmt.doctor.lengths import LengthTally, RatioTally
from nmt.doctor.mend import has_entities, has_tags, is_cell
from nmt.doctor.repeats import EXAMPLES
from nmt.evaluation import scripts

Pairs = list[tuple[str, str]]
# The rank and the line of an example, and the example.
_Ranked = list[tuple[float, int, ExamplePair]]

# Limits on a batch: pairs, and characters, so that a few long lines do not take much memory.
_TOGETHER, _CHARACTERS = 8192, 1_000_000
# A ratio of lengths is judged if a side has this many characters: the ratio of "Hi." means nothing.
JUDGED = 30
LONG = 1000
# A line is mostly in a script if it has this many letters of it: "3 km" is not yet Latin.
MOSTLY = 5
_MAX_WORDS, _MAX_CHARACTERS = 1000, 10_000
_COMMON = 8


@dataclass(frozen=True)
class PairBatch:
    """Some pairs.

    Attributes:
        lines: ``(pairs,)``, the number of each, ascending.
    """

    lines: np.ndarray
    sources: Sequence[str]
    targets: Sequence[str]

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def first(self) -> int:
        """The line of the first pair."""
        return int(self.lines[0])

    def example(self, place: int) -> ExamplePair:
        """Return the pair at a place, as it is shown."""
        return example(int(self.lines[place]), self.sources[place], self.targets[place])


def pair_batches(pairs: Iterable[tuple[str, str]], first: int = 1) -> Iterator[PairBatch]:
    """Cut a stream of pairs into batches.

    >>> [(batch.first, len(batch)) for batch in pair_batches([("a", "b")] * 10_000)]
    [(1, 8192), (8193, 1808)]
    """
    held: Pairs = []
    characters = 0
    for pair in pairs:
        held.append(pair)
        characters += len(pair[0]) + len(pair[1])
        if len(held) >= _TOGETHER or characters >= _CHARACTERS:
            yield _consecutive(first, held)
            first += len(held)
            held, characters = [], 0
    if held:
        yield _consecutive(first, held)


def _consecutive(first: int, pairs: Pairs) -> PairBatch:
    return PairBatch(np.arange(first, first + len(pairs)), *zip(*pairs, strict=True))


class _Finder:
    """Counts lines, and keeps the first few, in whatever order batches come."""

    def __init__(self) -> None:
        self._count = 0
        self._examples: list[ExamplePair] = []

    def add(self, where: np.ndarray, batch: PairBatch) -> None:
        """Count the lines of a batch where the booleans ``(lines,)`` are true."""
        number = int(np.count_nonzero(where))
        if number and (len(self._examples) < EXAMPLES or batch.first < self._examples[-1].line):
            self._keep([batch.example(int(place)) for place in np.flatnonzero(where)[:EXAMPLES]])
        self._count += number

    def merge(self, other: _Finder) -> None:
        """Count what another one counted."""
        self._keep(other._examples)
        self._count += other._count

    def _keep(self, fresh: Sequence[ExamplePair]) -> None:
        self._examples = sorted([*self._examples, *fresh], key=lambda one: one.line)[:EXAMPLES]

    def result(self) -> Finding:
        return Finding(self._count, tuple(self._examples))


class _SideTally:
    """Counts one side of a split."""

    def __init__(self) -> None:
        self._words, self._characters = LengthTally(_MAX_WORDS), LengthTally(_MAX_CHARACTERS)
        # How often each code point occurs, up to the highest one that occurs.
        self._codes = np.zeros(0, np.int64)
        kinds = ("blank", "control", "replacement", "decomposed", "folded", "long", "entities", "quoted", "tags")
        self._found = {kind: _Finder() for kind in kinds}
        self._with = [_Finder() for _ in scripts.SCRIPTS]
        self._mostly = [_Finder() for _ in scripts.SCRIPTS]

    def add(self, lines: Sequence[str], batch: PairBatch) -> scripts.Census:
        """Count the lines of a batch's side."""
        census = scripts.census(lines)
        self._words.add(census.words)
        self._characters.add(census.characters)
        self._codes = _summed(self._codes, census.codes)
        decomposed, folded = _forms(lines)
        for kind, where in {
            "blank": np.fromiter((not line.strip() for line in lines), bool, len(lines)),
            "control": census.classes[:, scripts.CONTROL] > 0,
            "replacement": census.classes[:, scripts.REPLACEMENT] > 0,
            "decomposed": decomposed,
            "folded": folded,
            "long": census.characters > LONG,
            "entities": _each(has_entities, lines),
            "quoted": _each(is_cell, lines),
            "tags": _each(has_tags, lines),
        }.items():
            self._found[kind].add(where, batch)
        letters = census.classes[:, -len(scripts.SCRIPTS) :]
        seen = np.flatnonzero(letters.any(0))
        most = main_scripts(census)
        for script in seen.tolist():
            self._with[script].add(letters[:, script] > 0, batch)
            self._mostly[script].add(most == script, batch)
        return census

    def merge(self, other: _SideTally) -> None:
        """Count what another one counted."""
        self._words.merge(other._words)
        self._characters.merge(other._characters)
        self._codes = _summed(self._codes, other._codes)
        for kind, finder in self._found.items():
            finder.merge(other._found[kind])
        for own, others in ((self._with, other._with), (self._mostly, other._mostly)):
            for finder, another in zip(own, others, strict=True):
                finder.merge(another)

    def letters(self) -> dict[str, int]:
        """Return the letters of each script, the commonest first."""
        used = np.flatnonzero(self._codes)
        counts = np.bincount(scripts.character_classes()[used], self._codes[used], scripts.CLASSES).astype(np.int64)
        named = zip(scripts.SCRIPTS, counts[-len(scripts.SCRIPTS) :].tolist(), strict=True)
        return dict(sorted(((name, count) for name, count in named if count), key=lambda item: -item[1]))

    def result(self, expected: tuple[str, ...] | None) -> Side:
        """Return what was counted. ``None`` derives the expected scripts from the letters."""
        letters = self.letters()
        expected = scripts.expected(letters) if expected is None else expected
        foreign = tuple(self._foreign(name, count) for name, count in letters.items() if name not in expected)
        found = {kind: finder.result() for kind, finder in self._found.items()}
        return Side(
            words=self._words.result(),
            characters=self._characters.result(),
            scripts=letters,
            expected=expected,
            foreign=foreign if expected else (),
            **found,
        )

    def _foreign(self, script: str, characters: int) -> Foreign:
        number = scripts.SCRIPTS.index(script)
        used = np.flatnonzero(self._codes)
        used = used[scripts.character_classes()[used] == number + scripts.CLASSES - len(scripts.SCRIPTS)]
        common = used[np.argsort(-self._codes[used], kind="stable")[:_COMMON]]
        return Foreign(
            script=script,
            characters=characters,
            common=tuple(map(chr, common.tolist())),
            lines=self._with[number].result(),
            mostly=self._mostly[number].result(),
        )


class PairSurvey:
    """Counts a split, batch by batch. The batches may come in any order, and may be counted apart and merged.

    Arguments:
        name: of the split.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._pairs = 0
        self._source, self._target = _SideTally(), _SideTally()
        self._copies = _Finder()
        self._ratio = RatioTally()
        # The pairs with the smallest and the largest ratios.
        self._extremes: tuple[_Ranked, _Ranked] = ([], [])

    def add(self, batch: PairBatch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Count a batch.

        Returns:
            The numbers of the sources and of the targets of the pairs with text on both sides, and their lines, for
            :class:`nmt.doctor.repeats.Hashes`.
        """
        self._pairs += len(batch)
        source, target = self._source.add(batch.sources, batch), self._target.add(batch.targets, batch)
        full = np.flatnonzero((source.words > 0) & (target.words > 0))
        keys, others = repeats.numbers(batch.sources), repeats.numbers(batch.targets)
        copies = np.zeros(len(batch), bool)
        copies[full] = keys[full] == others[full]
        self._copies.add(copies, batch)
        octaves = np.log2(target.characters[full] / source.characters[full])
        long = np.maximum(target.characters[full], source.characters[full]) >= JUDGED
        self._ratio.add(octaves, long)
        self._keep_extremes(octaves[long], full[long], batch)
        return keys[full], others[full], batch.lines[full]

    def merge(self, other: PairSurvey) -> None:
        """Count what another one of the same split counted."""
        self._pairs += other._pairs
        self._source.merge(other._source)
        self._target.merge(other._target)
        self._copies.merge(other._copies)
        self._ratio.merge(other._ratio)
        low, high = (_first_of(own + others) for own, others in zip(self._extremes, other._extremes, strict=True))
        self._extremes = low, high

    def _keep_extremes(self, octaves: np.ndarray, places: np.ndarray, batch: PairBatch) -> None:
        """Keep the pairs with the smallest and the largest ratios; which are too far is known only at the end."""
        kept = []
        for known, ranks in zip(self._extremes, (octaves, -octaves), strict=True):
            worst = known[-1][:2] if len(known) == EXAMPLES else (np.inf, 0)
            chosen = np.argsort(ranks, kind="stable")[:EXAMPLES].tolist()
            ranked = [((float(ranks[i]), int(batch.lines[places[i]])), int(places[i])) for i in chosen]
            fresh = [(*rank, batch.example(place)) for rank, place in ranked if rank < worst]
            kept.append(_first_of(known + fresh) if fresh else known)
        self._extremes = kept[0], kept[1]

    def expected(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the scripts of the two sides in the part that was read."""
        return scripts.expected(self._source.letters()), scripts.expected(self._target.letters())

    def result(self, expected: tuple[tuple[str, ...], tuple[str, ...]], repeated: Repeated) -> Split:
        """Return what was counted. The expected scripts are those of the first split."""
        ratio = self._ratio.result()
        middle, limit = np.log2(ratio.median or 1.0), np.log2(ratio.limit)
        low, high = self._extremes
        ranked = [*low, *((-rank, line, one) for rank, line, one in high)]
        # If there are few pairs, some are among both.
        far = {line: (-abs(rank - middle), line, one) for rank, line, one in ranked if abs(rank - middle) > limit}
        away = _first_of(list(far.values()))
        return Split(
            name=self.name,
            pairs=self._pairs,
            source=self._source.result(expected[0]),
            target=self._target.result(expected[1]),
            copies=self._copies.result(),
            ratio=ratio,
            far=Finding(ratio.suspicious, tuple(one for _, _, one in away) if ratio.suspicious else ()),
            repeated=repeated,
        )


def _first_of(ranked: _Ranked) -> _Ranked:
    """Return the few with the smallest ranks, the first lines of equal ones."""
    return sorted(ranked, key=lambda item: item[:2])[:EXAMPLES]


def _summed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the sum of counts, of which one array may be shorter."""
    total = np.zeros(max(len(one), len(other)), np.int64)
    total[: len(one)] += one
    total[: len(other)] += other
    return total


def main_scripts(census: scripts.Census) -> np.ndarray:
    """Return the number of the script that each line is mostly in, ``(lines,)``; -1 with fewer than five letters."""
    letters = census.classes[:, -len(scripts.SCRIPTS) :]
    return np.where(letters.max(1) >= MOSTLY, letters.argmax(1), -1)


def _each(holds: Callable[[str], bool], lines: Sequence[str]) -> np.ndarray:
    """Return for which lines something holds."""
    return np.fromiter(map(holds, lines), bool, len(lines))


def _forms(lines: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return which lines are not in normal form C, and which ones normal form KC changes."""
    normal = unicodedata.is_normalized
    folded = np.fromiter((not (line.isascii() or normal("NFKC", line)) for line in lines), bool, len(lines))
    decomposed = np.zeros(len(lines), bool)
    # What is not in form C is not in form KC either.
    for place in np.flatnonzero(folded).tolist():
        decomposed[place] = not normal("NFC", lines[place])
    return decomposed, folded
