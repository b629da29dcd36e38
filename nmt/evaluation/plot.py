"""Pictures of an alignment, so far in the terminal."""

from __future__ import annotations

from rich.style import Style
from rich.table import Table
from rich.text import Text

from nmt.evaluation.alignment import WordAlignment

_SHADES = " ░▒▓█"


def table(alignment: WordAlignment) -> Table:
    """Draw an alignment as a table: a row a target word, a column a source word.

    Each cell shows its weight as a bar and in per cent; the strongest of a row is marked. It reads without colour, too.
    """
    drawn = Table(box=None, pad_edge=False, padding=(0, 1))
    drawn.add_column("")
    for word in alignment.source:
        drawn.add_column(Text(word, style="bold"), justify="right", no_wrap=True)
    for word, row in zip(alignment.target, alignment.weights, strict=True):
        strongest = int(row.argmax()) if len(row) else -1
        drawn.add_row(Text(word, style="bold"), *[_cell(float(w), j == strongest) for j, w in enumerate(row)])
    return drawn


def _cell(weight: float, strongest: bool) -> Text:
    """Draw one weight, ``0.93`` as ``██ * 93``, the star for the strongest of its row."""
    shade = _SHADES[min(int(weight * len(_SHADES)), len(_SHADES) - 1)]
    style = Style(bold=strongest, color="green" if strongest else None, dim=weight < 0.1)
    return Text(f"{shade * 2} {'*' if strongest else ' '}{round(100 * weight):3d}", style=style)
