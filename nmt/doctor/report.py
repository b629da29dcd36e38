"""The findings in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table as Drawn
from rich.text import Text

from nmt.doctor import tables
from nmt.doctor.findings import Advice, Diagnosis, Split

_BLOCKS = " ▏▎▍▌▋▊▉█"
_BAR = 24
# Lines of an example; the page has more.
_LINES = 3
_MARKS = {"do": ("!", "bold red"), "look": ("?", "bold yellow"), "know": ("·", "cyan")}


def report(diagnosis: Diagnosis) -> Iterator[RenderableType]:
    """Yield the parts of the report. The advice comes last, where it stays visible."""
    for split in diagnosis.splits:
        yield from _split(split)
    if diagnosis.overlaps:
        yield Rule(Text(f"Overlap with {diagnosis.overlaps[0].first}"), align="left")
        yield _table(tables.overlaps(diagnosis.overlaps))
        for overlap in diagnosis.overlaps:
            yield from _examples(tables.overlap_examples(overlap))
    if vocabulary := diagnosis.vocabulary:
        yield Rule("Pieces", align="left")
        yield Text(tables.learned(vocabulary))
        yield _table(tables.uses(vocabulary))
        for what, words in tables.poorly_cut_words(vocabulary):
            yield Text.assemble((f"{what}: ", "dim"), words)
        if vocabulary.sizes:
            yield Text(
                f"\nOther sizes, on {vocabulary.sizes_from:,} pairs: pieces and shares of words, source and target"
            )
            yield _table(tables.sizes(vocabulary))
    if diagnosis.forecast:
        yield Rule("What training takes here", align="left")
        yield Text(diagnosis.forecast.text)
    yield Rule("What to do", align="left")
    yield from map(_advice, diagnosis.advice)
    for line in diagnosis.preset:
        yield Text(line, style="dim")


def _split(split: Split) -> Iterator[RenderableType]:
    yield Rule(Text(f"{split.name}: {split.pairs:,} pairs"), align="left")
    yield _table(tables.findings(split))
    yield Text()
    yield _table(tables.of_pairs(split))
    yield Text()
    drawn = Drawn.grid(padding=(0, 4))
    parts = [_histogram(histogram) for histogram in tables.histograms(split)]
    for begin in range(0, len(parts), 2):
        drawn.add_row(*parts[begin : begin + 2])
    yield drawn
    yield from _examples(tables.examples(split))


def _table(table: tables.Table) -> Drawn:
    drawn = Drawn(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, head in enumerate(table.heads):
        drawn.add_column(head, justify="right" if place else "left", no_wrap=True)
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    return drawn


def _histogram(histogram: tables.Histogram) -> RenderableType:
    most = max((count for _, count in histogram.bars), default=1)
    drawn = Drawn.grid(padding=(0, 1))
    drawn.add_column(justify="right", no_wrap=True)
    drawn.add_column(no_wrap=True)
    drawn.add_column(justify="right", no_wrap=True)
    for span, count in histogram.bars:
        drawn.add_row(span, Text(_bar(count / max(most, 1)), style="cyan"), f"{count:,}")
    return Group(Text(histogram.title, style="bold"), drawn, Text())


def _bar(part: float) -> str:
    """Draw a share as a bar, to an eighth of a column.

    >>> _bar(1.0) == "█" * 24, len(_bar(0.5)), _bar(0.0)
    (True, 12, '')
    """
    eighths = round(part * _BAR * 8)
    full, rest = divmod(max(eighths, 1 if part else 0), 8)
    return "█" * full + (_BLOCKS[rest] if rest else "")


def _examples(shown: Iterable[tables.Shown]) -> Iterator[RenderableType]:
    for each in shown:
        yield Text(each.title, style="bold")
        drawn = Drawn.grid(padding=(0, 2, 0, 0), expand=True)
        drawn.add_column(justify="right", no_wrap=True, style="dim")
        drawn.add_column(ratio=1, overflow="fold")
        drawn.add_column(ratio=1, overflow="fold")
        for line, source, target in each.lines[:_LINES]:
            drawn.add_row(line, Text(source), Text(target))
        yield Padding(drawn, (0, 0, 0, 2))


def _advice(advice: Advice) -> RenderableType:
    mark, style = _MARKS[advice.level]
    drawn = Drawn.grid(padding=(0, 1, 0, 0))
    drawn.add_row(Text(mark, style=style), Text(advice.text))
    return drawn
