"""The report of a comparison: Markdown with pictures, and HTML in one file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from nmt.comparison.summary import Row, Summary, headings
from nmt.plotting.figures import learning_curves, length_curve
from nmt.plotting.html import file_page
from nmt.plotting.picture import write

LENGTHS, CURVES = "score-by-length.svg", "learning-curves.svg"

_WORDS = {
    "lengths": "A model that holds the whole source in one fixed vector gets worse as sentences grow; one with "
    "attention does not have to.",
    "curves": "of the development set after each epoch. Thin lines are single runs, the thick one their mean.",
    "samples": "From the shortest test sentence to the longest, by the first run of each model.",
    "completions": "From the shortest test line to the longest, each begun with its first third: how the first run of "
    "each model continues it.",
    "speeds": "Translation speeds are medians of three rounds in which the models took turns. Training speeds come "
    "from each run's own time and can be compared only on a quiet machine.",
}


def write_report(summary: Summary, folder: Path) -> list[Path]:
    """Write ``comparison.md``, its pictures, and ``comparison.html``, and return their paths.

    Raises:
        InputError: if one cannot be written.
    """
    pictures = _pictures(summary, folder)
    for name, content in (
        ("comparison.md", markdown(summary, pictures)),
        ("comparison.html", comparison_page(summary, folder, pictures)),
    ):
        write(folder / name, content.encode("utf-8", "replace"), [Path(name).suffix])
    return [folder / "comparison.html", folder / "comparison.md", *(folder / name for name in pictures)]


def _pictures(summary: Summary, folder: Path) -> list[str]:
    """Draw the pictures that the summary has data for, and return their names."""
    drawn = []
    if summary.lengths:
        length_curve(summary.lengths, folder / LENGTHS)
        drawn.append(LENGTHS)
    if summary.curves:
        learning_curves(summary.curves, folder / CURVES, summary.score)
        drawn.append(CURVES)
    return drawn


def markdown(summary: Summary, pictures: list[str]) -> str:
    """Return the report as Markdown, with links to the pictures beside it."""
    parts = [
        "# Models compared",
        _table(_rows(summary)),
        *_failed(summary.rows),
        _WORDS["speeds"],
    ]
    if LENGTHS in pictures:
        parts += [f"## {_by_length(summary)}", _WORDS["lengths"], f"![{_by_length(summary)}]({LENGTHS})"]
        parts.append(_table(_lengths(summary)))
    if CURVES in pictures:
        parts += ["## How they learned", _about_curves(summary), f"![Learning curves]({CURVES})"]
    if samples := _samples(summary):
        parts += ["## What they write", _WORDS[_about_samples(summary)]]
        for lines in samples:
            parts.append("\n".join(f"- *{_cell(name)}*: {_cell(text)}" for name, text in lines))
    parts += ["## What was compared", "\n".join(f"- {name}: {_cell(text)}" for name, text in summary.facts)]
    return "\n\n".join(parts) + "\n"


def _rows(summary: Summary) -> list[Sequence[str]]:
    """Return the rows of the table of all models, the headings first."""
    return [headings(summary.plain), *(row.cells(summary.plain) for row in summary.rows)]


def _by_length(summary: Summary) -> str:
    metrics = {each.metric for bins in summary.lengths.values() for each in bins}
    return f"{' or '.join(sorted(metrics))} by the length of the source"


def _about_curves(summary: Summary) -> str:
    if summary.plain:
        return f"Perplexity {_WORDS['curves']} The lower, the better."
    return f"{summary.score} {_WORDS['curves']}"


def _about_samples(summary: Summary) -> str:
    return "completions" if summary.plain else "samples"


def _samples(summary: Summary) -> list[list[tuple[str, str]]]:
    """Return what the models write: for each sample its texts, each with a name."""
    given = ("beginning", "line") if summary.plain else ("source", "reference")
    return [
        [(given[0], source), (given[1], reference), *written.items()]
        for source, reference, written in summary.samples
        if written
    ]


def _lengths(summary: Summary) -> list[Sequence[str]]:
    """Return the rows of a table of scores by length, the headings first: each with the interval of 95 %."""
    found: list[Sequence[str]] = [("source words", "sentences", *summary.lengths)]
    for bins in zip(*summary.lengths.values(), strict=True):
        scores = (f"{each.score:.1f} ({each.low:.1f} to {each.high:.1f})" for each in bins)
        found.append((bins[0].span, str(bins[0].sentences), *scores))
    return found


def _table(rows: list[Sequence[str]]) -> str:
    lines = [" | ".join(map(_cell, cells)) for cells in rows]
    lines.insert(1, " | ".join(["---"] + ["---:"] * (len(rows[0]) - 1)))
    return "\n".join(f"| {line} |" for line in lines)


def _failed(rows: list[Row]) -> list[str]:
    """Return which runs of each model failed, and why."""
    return [f"**{_cell(row.name)}** failed, {_cell(why)}" for row in rows for why in row.failures]


def _cell(text: str) -> str:
    """Escape the characters that Markdown would interpret.

    >>> print(_cell("a|b *c*"))
    a\\|b \\*c\\*
    """
    return re.sub(r"([\\`*_\[\]|<>])", r"\\\1", text).replace("\n", " ")


def comparison_page(summary: Summary, folder: Path, pictures: list[str]) -> str:
    """Return the report as one HTML file, with the pictures inside."""
    sections = [
        {"heading": heading, "words": words, "picture": _picture(folder / name, heading), "rows": rows}
        for name, heading, words, rows in (
            (LENGTHS, _by_length(summary), _WORDS["lengths"], _lengths(summary) if summary.lengths else []),
            (CURVES, "How they learned", _about_curves(summary), []),
        )
        if name in pictures
    ]
    return file_page(
        "comparison",
        "Models compared",
        rows=_rows(summary),
        failures=[(row.name, why) for row in summary.rows for why in row.failures],
        speeds=_WORDS["speeds"],
        pictures=sections,
        samples=_samples(summary),
        about_samples=_WORDS[_about_samples(summary)],
        facts=summary.facts,
    )


def _picture(path: Path, label: str) -> Markup:
    drawn = path.read_text(encoding="utf-8")
    # From the root element on: an XML declaration and a doctype have no place inside a page.
    root = Markup("<svg role='img' aria-label='{}'").format(label)
    return Markup(drawn[drawn.index("<svg") :].replace("<svg", root, 1))
