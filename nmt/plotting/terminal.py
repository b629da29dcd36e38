"""Alignments as tables in the terminal."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from rich.table import Table
from rich.text import Text

from nmt.evaluation.alignment import WordAlignment

_SHADES = " ░▒▓█"


def table(alignment: WordAlignment) -> Table:
    """Draw an alignment as a table: one row per target word, one column per source word.

    Each cell shows its weight as a bar and in per cent; the strongest of a row is marked, also without colour.
    """
    drawn = Table(box=None, pad_edge=False, padding=(0, 1))
    drawn.add_column("")
    for word in alignment.source:
        drawn.add_column(Text(word, style="bold"), justify="right", no_wrap=True)
    for word, row in zip(alignment.target, alignment.weights, strict=True):
        strongest = int(row.argmax()) if len(row) else -1
        drawn.add_row(Text(word, style="bold"), *[_cell(float(w), j == strongest) for j, w in enumerate(row)])
    return drawn


def wide(alignment: WordAlignment) -> int:
    """Return how many columns of the terminal :func:`table` needs."""
    cells = [max(cell_len(word), len("██ * 93")) + 2 for word in alignment.source]
    return max((cell_len(word) for word in alignment.target), default=0) + 2 + sum(cells)


def strongest(alignment: WordAlignment, count: int = 3) -> Table:
    """Draw an alignment as a list, for sentences too long for a table: a row has a target word and its largest weights.

    Weights below one per cent are left out.
    """
    drawn = Table(box=None, pad_edge=False, padding=(0, 1), show_header=False)
    for word, row in zip(alignment.target, alignment.weights, strict=True):
        largest = [int(j) for j in row.argsort()[::-1][:count] if row[j] >= 0.01]
        drawn.add_row(Text(word, style="bold"), *[Text(f"{alignment.source[j]} {100 * row[j]:.0f}") for j in largest])
    return drawn


def _cell(weight: float, strongest: bool) -> Text:
    """Draw one weight, ``0.93`` as ``██ * 93``, the star for the strongest of its row."""
    shade = _SHADES[min(int(weight * len(_SHADES)), len(_SHADES) - 1)]
    style = Style(bold=strongest, color="green" if strongest else None, dim=weight < 0.1)
    return Text(f"{shade * 2} {'*' if strongest else ' '}{round(100 * weight):3d}", style=style)
