"""A comparison as people read it: Markdown with pictures, and HTML in one file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from nmt.comparison.summary import HEADINGS, Row, Summary
from nmt.plotting import fonts
from nmt.plotting.figures import learning_curves, length_curve
from nmt.plotting.html import escaped, hangul_font

LENGTHS, CURVES = "bleu-by-length.svg", "learning-curves.svg"

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; font-src data:">
<title>Models compared</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>Models compared</h1>
{body}
</main>
</body>
</html>
"""

_WORDS = {
    "lengths": "A model that holds the whole source in one fixed vector lets go as sentences grow; one that looks back "
    "does not have to.",
    "curves": "BLEU of the development set after each epoch. Thin lines are single runs, the thick one their mean.",
    "samples": "From the shortest test sentence to the longest, by the first run of each model.",
    "speeds": "Speeds of translating were measured in turn, three rounds, and are medians. Those of training come from "
    "each run's own time and mean something only on a quiet machine.",
}


def write_report(summary: Summary, folder: Path) -> list[Path]:
    """Write ``comparison.md``, its pictures, and ``comparison.html``, and return their paths.

    Raises:
        InputError: if one cannot be written.
    """
    pictures = _pictures(summary, folder)
    for name, content in (
        ("comparison.md", markdown(summary, pictures)),
        ("comparison.html", page(summary, folder, pictures)),
    ):
        fonts.write(folder / name, content.encode("utf-8", "replace"), [Path(name).suffix])
    return [folder / "comparison.html", folder / "comparison.md", *(folder / name for name in pictures)]


def _pictures(summary: Summary, folder: Path) -> list[str]:
    """Draw what there is to draw."""
    drawn = []
    if summary.lengths:
        length_curve(summary.lengths, folder / LENGTHS)
        drawn.append(LENGTHS)
    if summary.curves:
        learning_curves(summary.curves, folder / CURVES)
        drawn.append(CURVES)
    return drawn


def markdown(summary: Summary, pictures: list[str]) -> str:
    """Return the report as Markdown, with links to the pictures beside it."""
    parts = [
        "# Models compared",
        _table([HEADINGS, *(row.cells() for row in summary.rows)]),
        *_failed(summary.rows),
        _WORDS["speeds"],
    ]
    if LENGTHS in pictures:
        parts += ["## BLEU by the length of the source", _WORDS["lengths"], f"![BLEU by length]({LENGTHS})"]
        parts.append(_table(_lengths(summary)))
    if CURVES in pictures:
        parts += ["## How they learned", _WORDS["curves"], f"![Learning curves]({CURVES})"]
    if summary.samples and summary.lengths:
        parts += ["## What they write", _WORDS["samples"]]
        for source, reference, written in summary.samples:
            lines = [("source", source), ("reference", reference), *written.items()]
            parts.append("\n".join(f"- *{_cell(name)}*: {_cell(text)}" for name, text in lines))
    parts += ["## What was compared", "\n".join(f"- {name}: {_cell(text)}" for name, text in summary.facts)]
    return "\n\n".join(parts) + "\n"


def _lengths(summary: Summary) -> list[Sequence[str]]:
    """Return the rows of a table of BLEU by length, the headings first: each with the interval of 95 %."""
    found: list[Sequence[str]] = [("source words", "sentences", *summary.lengths)]
    for bins in zip(*summary.lengths.values(), strict=True):
        scores = (f"{each.bleu:.1f} ({each.low:.1f} to {each.high:.1f})" for each in bins)
        found.append((bins[0].span, str(bins[0].sentences), *scores))
    return found


def _table(rows: list[Sequence[str]]) -> str:
    lines = [" | ".join(map(_cell, cells)) for cells in rows]
    lines.insert(1, " | ".join(["---"] + ["---:"] * (len(rows[0]) - 1)))
    return "\n".join(f"| {line} |" for line in lines)


def _failed(rows: list[Row]) -> list[str]:
    """Say of each model which of its runs failed, and why."""
    return [f"**{_cell(row.name)}** failed, {_cell(why)}" for row in rows for why in row.failures]


def _cell(text: str) -> str:
    """Escape what Markdown would read as its own.

    >>> print(_cell("a|b *c*"))
    a\\|b \\*c\\*
    """
    return re.sub(r"([\\`*_\[\]|<>])", r"\\\1", text).replace("\n", " ")


def page(summary: Summary, folder: Path, pictures: list[str]) -> str:
    """Return the report as one HTML file that asks nobody for anything."""
    parts = [
        _rows([HEADINGS, *(row.cells() for row in summary.rows)]),
        *_failures(summary.rows),
        f"<p class='note'>{_WORDS['speeds']}</p>",
    ]
    for name, heading, words in (
        (LENGTHS, "BLEU by the length of the source", "lengths"),
        (CURVES, "How they learned", "curves"),
    ):
        if name in pictures:
            parts.append(f"<h2>{heading}</h2><p>{_WORDS[words]}</p><figure>{_picture(folder / name, heading)}</figure>")
            parts += [_rows(_lengths(summary))] if name == LENGTHS else []
    if summary.samples and summary.lengths:
        parts.append(f"<h2>What they write</h2><p>{_WORDS['samples']}</p>")
        parts += [_sample(*sample) for sample in summary.samples]
    facts = "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(text)}</dd>" for name, text in summary.facts)
    parts.append(f"<h2>What was compared</h2><dl class='facts'>{facts}</dl>")
    style = resources.files("nmt.comparison").joinpath("page.css").read_text(encoding="utf-8")
    return _PAGE.format(style=hangul_font("".join(parts)) + style, body="\n".join(parts))


def _rows(rows: list[Sequence[str]]) -> str:
    heads = "".join(f"<th scope='col'>{escaped(name)}</th>" for name in rows[0])
    lines = "".join(
        f"<tr><th scope='row'>{escaped(name)}</th>" + "".join(f"<td>{escaped(cell)}</td>" for cell in cells) + "</tr>"
        for name, *cells in rows[1:]
    )
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"
    return f"<div class='scroll' tabindex='0'>{table}</div>"


def _failures(rows: list[Row]) -> list[str]:
    return [
        f"<p class='failed'><b>{escaped(row.name)}</b> failed, {escaped(why)}</p>"
        for row in rows
        for why in row.failures
    ]


def _picture(path: Path, label: str) -> str:
    drawn = path.read_text(encoding="utf-8")
    # From the root element on: an XML declaration and a doctype have no place inside a page.
    return drawn[drawn.index("<svg") :].replace("<svg", f"<svg role='img' aria-label='{escaped(label)}'", 1)


def _sample(source: str, reference: str, written: dict[str, str]) -> str:
    lines = [("source", source), ("reference", reference), *written.items()]
    shown = "".join(f"<dt>{escaped(name)}</dt><dd dir='auto'>{escaped(text)}</dd>" for name, text in lines)
    return f"<dl class='sample'>{shown}</dl>"
