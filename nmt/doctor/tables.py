"""The findings as rows of words and numbers, for the terminal and the page to draw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nmt.doctor.findings import Diagnosis, ExamplePair, Finding, Overlap, Side, Split, Vocabulary
from nmt.doctor.lengths import Bar
from nmt.evaluation import scripts


@dataclass(frozen=True)
class Table:
    """Rows under heads; the first column holds words, the others hold numbers."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Histogram:
    """How many lines have each length."""

    title: str
    bars: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Shown:
    """Example lines under a heading, each with its line number or numbers."""

    title: str
    lines: tuple[tuple[str, str, str], ...]


def findings(split: Split) -> Table:
    """Return what is counted on each side."""
    pairs, counts = split.pairs, split.repeated.counts
    sides = split.source, split.target
    rows = [
        ("written in", *(" and ".join(side.expected) or "-" for side in sides)),
        ("words per line, mean", *(f"{side.words.mean:.1f}" for side in sides)),
        ("words, 5 to 95 %, longest", *(_range(side, "words") for side in sides)),
        ("characters per line, mean", *(f"{side.characters.mean:.1f}" for side in sides)),
        ("characters, 5 to 95 %, longest", *(_range(side, "characters") for side in sides)),
        ("blank", *(share(side.blank.count, pairs) for side in sides)),
        ("repeat an earlier line", share(counts.sources, pairs), share(counts.targets, pairs)),
        ("with several partners", f"{counts.several_targets:,}", f"{counts.several_sources:,}"),
        ("with letters of other scripts", *(_foreign(side) for side in sides)),
        ("mostly in other scripts", *(share(sum(x.mostly.count for x in side.foreign), pairs) for side in sides)),
        ("control characters", *(share(side.control.count, pairs) for side in sides)),
        ("U+FFFD", *(share(side.replacement.count, pairs) for side in sides)),
        ("not in NFC", *(share(side.decomposed.count, pairs) for side in sides)),
        ("changed by NFKC", *(share(side.folded.count, pairs) for side in sides)),
        ("over 1,000 characters", *(share(side.long.count, pairs) for side in sides)),
        ("with HTML entities", *(share(side.entities.count, pairs) for side in sides)),
        ("quoted by a spreadsheet", *(share(side.quoted.count, pairs) for side in sides)),
        ("with tags, such as <i>", *(share(side.tags.count, pairs) for side in sides)),
    ]
    # A row with nothing on either side is left out.
    return Table(("", "source", "target"), tuple(row for row in rows if set(row[1:]) not in ({"-"}, {"0"})))


def of_pairs(split: Split) -> Table:
    """Return the counts of both sides together."""
    counts = split.repeated.counts
    rows = (
        ("target characters per source character, median", f"{split.ratio.median:.2f}"),
        (f"over {split.ratio.limit:.1f} times away from it", share(split.ratio.suspicious, split.pairs)),
        ("pairs that repeat an earlier one", share(counts.pairs, split.pairs)),
        ("pairs of a text and its copy", share(split.copies.count, split.pairs)),
    )
    return Table(("", "pairs"), rows)


def histograms(split: Split) -> list[Histogram]:
    """Return the lengths and their ratio."""
    sides = (("source", split.source), ("target", split.target))
    found = [Histogram(f"words in a {name}", _spans(side.words.bars)) for name, side in sides]
    found += [Histogram(f"characters in a {name}", _spans(side.characters.bars)) for name, side in sides]
    ratios = tuple((f"{bar.low:.2g}-{bar.high:.2g}", bar.count) for bar in split.ratio.bars)
    return [*found, Histogram("target characters per source character", ratios)]


def examples(split: Split) -> Iterator[Shown]:
    """Yield the example lines of each kind of finding."""
    repeated = split.repeated
    yield from _shown("the same text on both sides", split.copies.examples)
    yield from _shown("lengths far from the usual ratio", split.far.examples)
    yield from _shown("pairs that repeat an earlier one", repeated.pairs)
    yield from _shown("a source with two targets", tuple(one for couple in repeated.sources[:3] for one in couple))
    yield from _shown("a target with two sources", tuple(one for couple in repeated.targets[:3] for one in couple))
    for name, side in (("source", split.source), ("target", split.target)):
        for what, found in _kinds(side):
            yield from _shown(f"{name}: {what}", found.examples)


def _kinds(side: Side) -> Iterator[tuple[str, Finding]]:
    yield "blank", side.blank
    for foreign in side.foreign:
        letters = " ".join(map(scripts.shown, foreign.common))
        if foreign.mostly.count:
            yield f"mostly in {foreign.script} letters ({letters})", foreign.mostly
        elif foreign.script != "Latin":
            yield f"with {foreign.script} letters ({letters})", foreign.lines
    yield "control or invisible characters", side.control
    yield "U+FFFD, a lost character", side.replacement
    yield "not in NFC", side.decomposed
    yield "changed by NFKC", side.folded
    yield "over 1,000 characters", side.long
    yield "with HTML entities", side.entities
    yield "quoted by a spreadsheet", side.quoted
    yield "with tags, such as <i>", side.tags


def overlaps(found: tuple[Overlap, ...]) -> Table:
    """Return how many lines of each split are also in the first one."""
    rows = tuple(
        (
            overlap.split,
            *(share(number, overlap.pairs) for number in (overlap.counts.sources, overlap.counts.targets)),
            share(overlap.counts.pairs, overlap.pairs),
        )
        for overlap in found
    )
    return Table(("", "sources", "targets", "pairs"), rows)


def overlap_examples(overlap: Overlap) -> Iterator[Shown]:
    """Yield lines of a split that are also in the first one; the second number is the line there."""
    for name, lines in (("source", overlap.sources), ("target", overlap.targets)):
        yield from _shown(f"{overlap.split}: {name} also in {overlap.first}", lines)


def uses(vocabulary: Vocabulary) -> Table:
    """Return how the vocabulary cuts each side of each split."""
    heads = ("", "pieces per line", "whole", "unknown", "spelt", "too long", "cut")
    rows = []
    for use in vocabulary.uses:
        for side, cutting in (("source", use.source), ("target", use.target)):
            lines = (
                (share(use.too_long, use.sample), share(use.shortened, use.sample)) if side == "source" else ("", "")
            )
            shares = (per_cent(part) for part in (cutting.whole, cutting.unknown, cutting.spelt))
            rows.append((f"{use.split}, {side}", f"{cutting.pieces:.1f}", *shares, *lines))
    return Table(heads, tuple(rows))


def sizes(vocabulary: Vocabulary) -> Table:
    """Return the table of vocabulary sizes."""
    heads = ("vocabulary_size", "pieces", "a source", "a target", "words whole", "", "unknown", "")
    rows = tuple(
        (
            size.size if size.size == "auto" else f"{int(size.size):,}",
            " + ".join(f"{number:,}" for number in size.pieces),
            f"{size.source.pieces:.1f}",
            f"{size.target.pieces:.1f}",
            *(per_cent(part) for part in (size.source.whole, size.target.whole)),
            *(per_cent(part) for part in (size.source.unknown, size.target.unknown)),
        )
        for size in vocabulary.sizes
    )
    return Table(heads, rows)


def poorly_cut_words(vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    """Yield the commonest words that are unknown, or spelt character by character, with how often they occur."""
    for use in vocabulary.uses:
        for side, cutting in (("source", use.source), ("target", use.target)):
            for what, found in (("unknown", cutting.unknown_words), ("spelt", cutting.spelt_words)):
                if found:
                    listed = ", ".join(f"{scripts.visible(word.word)} {word.count:,}" for word in found)
                    yield f"{use.split}, {side}, {what}", listed


def learned(vocabulary: Vocabulary) -> str:
    """Describe the vocabulary in a line."""
    pieces = " and ".join(f"{number:,}" for number in vocabulary.pieces)
    which = "all " if vocabulary.exact else ""
    rest = "." if vocabulary.exact else ", spread evenly; a training learns from more, up to 300,000."
    one = "for both sides" if vocabulary.joint else "one for each side"
    return f"{vocabulary.kind}, {one}, {pieces} pieces, learned from {which}{vocabulary.learned_from:,} pairs{rest}"


def heading(diagnosis: Diagnosis) -> str:
    """Say how many pairs and splits were read."""
    pairs = sum(split.pairs for split in diagnosis.splits)
    return f"{pairs:,} pairs in {len(diagnosis.splits)} split{'s' if len(diagnosis.splits) > 1 else ''}"


def share(count: int, of: int) -> str:
    """Return a number and its share, or a dash for zero.

    >>> share(0, 9), share(12, 1200), share(1, 10**6)
    ('-', '12 (1 %)', '1 (<0.01 %)')
    """
    if not count:
        return "-"
    return f"{count:,} ({per_cent(count / max(of, 1))})"


def per_cent(part: float) -> str:
    """Return a share in per cent, with two digits below ten.

    >>> per_cent(0.0), per_cent(0.00312), per_cent(0.5), per_cent(1e-7)
    ('0 %', '0.31 %', '50 %', '<0.01 %')
    """
    number = 100 * part
    if not number:
        return "0 %"
    return "<0.01 %" if number < 0.01 else f"{number:.2g} %" if number < 10 else f"{number:.0f} %"


def _range(side: Side, what: str) -> str:
    lengths = getattr(side, what)
    return f"{lengths.low:.0f} to {lengths.high:.0f}, {lengths.longest:,}"


def _foreign(side: Side) -> str:
    return ", ".join(f"{foreign.script} {foreign.lines.count:,}" for foreign in side.foreign) or "-"


def _spans(bars: tuple[Bar, ...]) -> tuple[tuple[str, int], ...]:
    return tuple((f"{bar.low:g}" if bar.low == bar.high else f"{bar.low:g}-{bar.high:g}", bar.count) for bar in bars)


def _shown(title: str, lines: tuple[ExamplePair, ...]) -> Iterator[Shown]:
    if lines:
        yield Shown(
            title, tuple((_number(one), scripts.visible(one.source), scripts.visible(one.target)) for one in lines)
        )


def _number(one: ExamplePair) -> str:
    return f"{one.line:,}" + (f" / {one.other:,}" if one.other else "")
