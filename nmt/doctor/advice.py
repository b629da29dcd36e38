"""What to do about the findings, in plain sentences with numbers. Only faults are mentioned."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from nmt.config import Text, with_settings
from nmt.doctor.findings import Advice, Finding, Level, Overlap, Side, Split, Use, Vocabulary
from nmt.evaluation import scripts
from nmt.presets import fit_preset

# A line stays one line: what looks like a line break afterwards is a space.
UNESCAPE = (
    "python3 -X utf8 -c \"import html; [print(*html.unescape(x).splitlines()) for x in open(0, newline='\\n')]\" "
    "< OLD > NEW"
)
CLEAN = (
    "nmt clean FILES --to DIR mends what can be mended of this, and leaves out the rest with a reason for each pair."
)
WELL = "All is well: nothing was found that would harm a training."


def advice(
    splits: Sequence[Split], overlaps: Sequence[Overlap], vocabulary: Vocabulary | None, max_length: int
) -> list[Advice]:
    """Return what to do, the most serious first. If nothing is wrong, the first sentence says so."""
    found = [*of_pairs(splits, overlaps)]
    if any(one.level != "know" for one in found):
        found.append(Advice("know", CLEAN))
    if vocabulary:
        found += [one for number, use in enumerate(vocabulary.uses) for one in _of_use(use, max_length, not number)]
        found += _of_vocabulary(vocabulary, splits[0])
    if len(splits) == 1:
        found.append(
            Advice("know", "No split was named to compare with the training pairs; nmt train will hold some out.")
        )
    if all(one.level == "know" for one in found):
        found.insert(0, Advice("know", WELL))
    order = ("do", "look", "know")
    return sorted(found, key=lambda one: order.index(one.level))


def of_pairs(splits: Sequence[Split], overlaps: Sequence[Overlap]) -> Iterator[Advice]:
    """Yield what the pairs themselves call for, before any vocabulary."""
    for split in splits:
        yield from _of_split(split)
        yield from _of_repeats(split)
        for name, side, other in (("source", split.source, split.target), ("target", split.target, split.source)):
            yield from _of_side(split.name, name, found=side, other=other, pairs=split.pairs)
    for overlap in overlaps:
        yield from _of_overlap(overlap)


def of_lines(split: Split, overlaps: Sequence[Overlap]) -> Iterator[Advice]:
    """Yield what plain text calls for, read as pairs without a source. Blank lines between paragraphs are usual."""
    lines = dataclasses.replace(split.target, blank=Finding(0, ()))
    yield from _of_side(split.name, "line", found=lines, other=lines, pairs=split.pairs)
    for overlap in overlaps:
        if (shared := overlap.counts.targets) >= max(0.2 * overlap.pairs, 1):
            yield Advice(
                "do",
                f"{overlap.split}: {_share(shared, overlap.pairs)} of the lines are also in {overlap.first}. Scores on "
                "what was trained on are too good; keep each in one file only.",
            )


def _level(count: int, pairs: int, do: float, look: float = 0.0) -> Level | None:
    """Return how serious a fault in ``count`` of the pairs is, or ``None`` if it is too rare to mention."""
    share = count / max(pairs, 1)
    if not count or share < look:
        return None
    return "do" if share >= do else "look"


def _share(count: int, pairs: int) -> str:
    """Return a number of pairs with its share.

    >>> _share(7, 2000), _share(1, 1_000_000), _share(5, 5)
    ('7 (0.35 %)', '1 (under 0.01 %)', '5 (100 %)')
    """
    per_cent = 100 * count / max(pairs, 1)
    shown = "under 0.01" if per_cent < 0.01 else f"{per_cent:.2g}" if per_cent < 10 else f"{per_cent:.0f}"
    return f"{count:,} ({shown} %)"


def _where(found: Finding) -> str:
    """Name the first lines, where they are known."""
    if not found.examples:
        return ""
    lines = [f"{one.line:,}" for one in found.examples[:3]]
    return f" ({'line' if found.count == 1 else 'lines'} {', '.join(lines)}{', ...' if found.count > 3 else ''})"


def _of_split(split: Split) -> Iterator[Advice]:
    name, pairs = split.name, split.pairs
    if level := _level(split.copies.count, pairs, do=0.02, look=0.001):
        yield Advice(
            level,
            f"{name}: {_share(split.copies.count, pairs)} of the pairs have the same text on both sides"
            f"{_where(split.copies)}. The model learns to copy; remove what was not translated.",
        )
    if level := _level(split.ratio.suspicious, pairs, do=0.01):
        yield Advice(
            level,
            f"{name}: {_share(split.ratio.suspicious, pairs)} of the pairs have lengths far from the usual ratio of "
            f"{split.ratio.median:.2g}, {split.ratio.limit:.1f} times or more{_where(split.far)}. They may not be "
            "translations of each other; look at them, and remove those that are not.",
        )


def _of_repeats(split: Split) -> Iterator[Advice]:
    name, pairs, counts = split.name, split.pairs, split.repeated.counts
    if level := _level(counts.pairs, pairs, do=0.05, look=0.01):
        yield Advice(
            level,
            f"{name}: {_share(counts.pairs, pairs)} of the lines repeat an earlier pair"
            f"{_where(Finding(counts.pairs, split.repeated.pairs))}. They count more than others; keep one of each.",
        )
    if counts.sources - counts.pairs > 0.2 * pairs:
        yield Advice(
            "look",
            f"{name}: {counts.several_targets:,} sources have more than one target. A model writes one of them and is "
            "scored against another. This is natural for replies (--preset chatbot), but not for translations.",
        )
    if counts.targets - counts.pairs > 0.3 * pairs:
        yield Advice(
            "look",
            f"{name}: {_share(counts.targets, pairs)} of the lines have a target that repeats an earlier one. The "
            "model may fall back on the commonest ones.",
        )


def _of_side(split: str, side: str, found: Side, other: Side, pairs: int) -> Iterator[Advice]:
    """Yield what one side calls for."""
    lines = f"{split}: {{}} of the {side}s"
    if level := _level(found.blank.count, pairs, do=0.01):
        yield Advice(
            level,
            f"{lines.format(_share(found.blank.count, pairs))} are blank{_where(found.blank)}. Training leaves such "
            "pairs out; if there should be text, the files may not match line by line.",
        )
    if level := _level(found.replacement.count, pairs, do=0.001):
        yield Advice(
            level,
            f"{lines.format(_share(found.replacement.count, pairs))} have U+FFFD{_where(found.replacement)}: "
            "characters were lost when the text was converted. Convert it again from the original.",
        )
    if level := _level(found.control.count, pairs, do=0.05):
        yield Advice(
            level,
            f"{lines.format(_share(found.control.count, pairs))} have control or invisible characters"
            f"{_where(found.control)}. Remove them: invisible ones become part of the vocabulary, and training drops "
            "the others.",
        )
    if level := _level(found.decomposed.count, pairs, do=0.01):
        mixed = "are" if found.decomposed.count == pairs else "mix normal forms: they are"
        yield Advice(
            level,
            f"{lines.format(_share(found.decomposed.count, pairs))} {mixed} not in NFC{_where(found.decomposed)}. "
            "Training and scores compose them by themselves; other programs may not: normalise to NFC.",
        )
    if found.folded.count - found.decomposed.count > 0.05 * pairs:
        yield Advice(
            "know",
            f"{lines.format(_share(found.folded.count, pairs))} change under NFKC{_where(found.folded)}, such as "
            "full-width forms. They are learned as they stand unless letters or digits come in two widths; "
            "text.normalization = 'nfkc' makes plain forms of them, which also turns ² into 2.",
        )
    if found.long.count:
        yield Advice(
            "look" if found.long.count >= 0.001 * pairs else "know",
            f"{lines.format(_share(found.long.count, pairs))} have more than 1,000 characters{_where(found.long)}. "
            "Split them into sentences; training leaves out what is longer than data.max_length.",
        )
    if level := _level(found.entities.count, pairs, do=0.001):
        yield Advice(
            level,
            f"{lines.format(_share(found.entities.count, pairs))} have HTML entities such as &quot; or &#39;"
            f"{_where(found.entities)}, and a model would learn to write them. Turn them into characters: {UNESCAPE}",
        )
    if level := _level(found.quoted.count, pairs, do=0.001):
        yield Advice(
            level,
            f'{lines.format(_share(found.quoted.count, pairs))} are quoted as spreadsheets quote cells, with "" for '
            f"each quotation mark inside{_where(found.quoted)}. Read a TSV from a spreadsheet with --tsv-quoting; in "
            "other files remove the quoting.",
        )
    if level := _level(found.tags.count, pairs, do=0.01, look=0.001):
        yield Advice(
            level,
            f"{lines.format(_share(found.tags.count, pairs))} have tags such as <i>{_where(found.tags)}, and a model "
            "would learn to write them. nmt clean removes them.",
        )
    yield from _of_scripts(split, side, found=found, other=other, pairs=pairs)


def _of_scripts(split: str, side: str, found: Side, other: Side, pairs: int) -> Iterator[Advice]:
    written = " and ".join(found.expected)
    letters = sum(found.scripts.values())
    for foreign in found.foreign:
        if level := _level(foreign.mostly.count, pairs, do=0.05, look=0.002):
            swapped = foreign.script in other.expected
            yield Advice(
                level,
                f"{split}: {_share(foreign.mostly.count, pairs)} of the {side}s are mostly in {foreign.script} "
                f"letters, not in {written}{_where(foreign.mostly)}. "
                + ("Sides may be swapped, or lines not translated." if swapped else "They may be another language."),
            )
        elif foreign.script != "Latin" and foreign.characters <= 0.01 * letters and foreign.lines.count >= 3:
            yield Advice(
                "know",
                f"{split}: {_share(foreign.lines.count, pairs)} of the {side}s have {foreign.script} letters, such as "
                f"{' '.join(map(scripts.shown, foreign.common[:4]))}{_where(foreign.lines)}. Letters that only look "
                f"like {written} ones make different words.",
            )


def _of_overlap(overlap: Overlap) -> Iterator[Advice]:
    counts, pairs = overlap.counts, overlap.pairs
    level: Level = "do" if counts.sources >= 0.02 * pairs or counts.targets >= 0.2 * pairs else "look"
    if max(counts.sources, counts.targets) < 0.002 * pairs or not max(counts.sources, counts.targets):
        return
    yield Advice(
        level,
        f"{overlap.split}: {_share(counts.sources, pairs)} of the sources and {_share(counts.targets, pairs)} of the "
        f"targets are also in {overlap.first}{_where(Finding(counts.sources, overlap.sources or overlap.targets))}. "
        "Scores on what was trained on are too good; keep each in one split only.",
    )


def _of_use(use: Use, max_length: int, first: bool) -> Iterator[Advice]:
    if level := _level(use.too_long, use.sample, do=0.01):
        yield Advice(
            level,
            f"{use.split}: {_share(use.too_long, use.sample)} of {use.sample:,} pairs have more than data.max_length = "
            f"{max_length} pieces, up to {use.longest:,}, and are left out of training. Split them, or raise it.",
        )
    if use.shortened:
        yield Advice(
            "look",
            f"{use.split}: {_share(use.shortened, use.sample)} of {use.sample:,} sources are longer than translating "
            "reads and would be cut. Split them, or raise decoding.max_length.",
        )
    for side, cutting in (("source", use.source), ("target", use.target)):
        if cutting.unknown >= 0.002:
            words = ", ".join(scripts.visible(word.word) for word in cutting.unknown_words[:3])
            yield Advice(
                "do" if cutting.unknown >= 0.02 else "look",
                f"{use.split}: {100 * cutting.unknown:.2g} % of the {side} words have a character that the vocabulary "
                f"does not know ({words}). Train on text that has them.",
            )
        if first and cutting.spelt >= 0.1:
            words = ", ".join(scripts.visible(word.word) for word in cutting.spelt_words[:3])
            yield Advice(
                "look",
                f"{use.split}: {100 * cutting.spelt:.0f} % of the {side} words are spelt character by character "
                f"({words}). A larger text.vocabulary_size keeps more of them together.",
            )


def _of_vocabulary(vocabulary: Vocabulary, first: Split) -> Iterator[Advice]:
    use = vocabulary.uses[0]
    pieces = " and ".join(f"{number:,}" for number in vocabulary.pieces)
    sides = ((use.source, first.source), (use.target, first.target))
    spaceless = any(set(side.expected) & set(scripts.SPACELESS) for _, side in sides)
    whole = (
        ""
        if spaceless
        else f"; it keeps {100 * use.source.whole:.0f} % of the source and {100 * use.target.whole:.0f} % of the "
        "target words whole"
    )
    yield Advice(
        "know",
        f"text.vocabulary_size = {vocabulary.asked}: {pieces} pieces, {use.source.pieces:.1f} for a source and "
        f"{use.target.pieces:.1f} for a target{whole}.",
    )


def preset_for(pairs: int, text: Text) -> tuple[str, ...]:
    """Return what ``--preset auto`` would choose for a number of pairs, and the kind and the sides of ``[text]``.

    >>> preset_for(4_682, Text())[0]
    'Settings for 4,682 pairs (--preset auto): so few pairs are soon known by heart without much dropout, and small
    batches make more steps.'
    """
    settings = [f"text.kind={text.kind}", f"text.joint={str(text.joint).lower()}"]
    return tuple(fit_preset("auto", pairs, "pairs", lambda base: with_settings(base, settings))[1])
