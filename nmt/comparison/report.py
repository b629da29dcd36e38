"""A comparison as people read it: Markdown with pictures, and HTML in one file."""

from __future__ import annotations

import html
import io
import re
from importlib import resources
from pathlib import Path

from nmt.comparison.summary import HEADINGS, Row, Summary
from nmt.evaluation import canvas
from nmt.evaluation.pictures import learning_curves, length_curve

LENGTHS, CURVES = "bleu-by-length.svg", "learning-curves.svg"

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
        canvas.write(folder / name, content.encode("utf-8", "replace"), [Path(name).suffix])
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
    parts = ["# Models compared", _table(summary.rows), *_failed(summary.rows), _WORDS["speeds"]]
    if LENGTHS in pictures:
        parts += ["## BLEU by the length of the source", _WORDS["lengths"], f"![BLEU by length]({LENGTHS})"]
    if CURVES in pictures:
        parts += ["## How they learned", _WORDS["curves"], f"![Learning curves]({CURVES})"]
    if summary.samples and summary.lengths:
        parts += ["## What they write", _WORDS["samples"]]
        for source, reference, written in summary.samples:
            lines = [("source", source), ("reference", reference), *written.items()]
            parts.append("\n".join(f"- *{_cell(name)}*: {_cell(text)}" for name, text in lines))
    parts += ["## What was compared", "\n".join(f"- {name}: {_cell(text)}" for name, text in summary.facts)]
    return "\n\n".join(parts) + "\n"


def _table(rows: list[Row]) -> str:
    lines = [HEADINGS, ["---"] + ["---:"] * (len(HEADINGS) - 1), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _failed(rows: list[Row]) -> list[str]:
    """Say of each model which of its runs failed, and why."""
    return [f"**{_cell(row.name)}** failed, {_cell(why)}" for row in rows for why in row.failures]


def _cell(text: str) -> str:
    """Escape what Markdown would read as its own."""
    return re.sub(r"([\\`*_\[\]|<>])", r"\\\1", text).replace("\n", " ") if text != "---" and text != "---:" else text


def page(summary: Summary, folder: Path, pictures: list[str]) -> str:
    """Return the report as one HTML file that asks nobody for anything."""
    heads = "".join(f"<th scope='col'>{html.escape(name)}</th>" for name in HEADINGS)
    rows = "".join(
        f"<tr><th scope='row'>{html.escape(name)}</th>"
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in (row.cells() for row in summary.rows)
    )
    failed = "".join(
        f"<p class='failed'><b>{html.escape(row.name)}</b> failed, {html.escape(why)}</p>"
        for row in summary.rows
        for why in row.failures
    )
    parts = [
        f"<div class='scroll' tabindex='0'><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>",
        failed,
    ]
    parts.append(f"<p class='note'>{_WORDS['speeds']}</p>")
    for name, heading, words in (
        (LENGTHS, "BLEU by the length of the source", "lengths"),
        (CURVES, "How they learned", "curves"),
    ):
        if name in pictures:
            drawn = (folder / name).read_text(encoding="utf-8")
            # From the root element on: an XML declaration and a doctype have no place inside a page.
            picture = drawn[drawn.index("<svg") :]
            label = f"<svg role='img' aria-label='{html.escape(heading)}'"
            parts.append(
                f"<h2>{heading}</h2><p>{_WORDS[words]}</p><figure>{picture.replace('<svg', label, 1)}</figure>"
            )
    if summary.samples and summary.lengths:
        parts.append(f"<h2>What they write</h2><p>{_WORDS['samples']}</p>")
        parts += [_sample(*sample) for sample in summary.samples]
    facts = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in summary.facts)
    parts.append(f"<h2>What was compared</h2><dl class='facts'>{facts}</dl>")
    style = resources.files("nmt.comparison").joinpath("page.css").read_text(encoding="utf-8")
    whole = io.StringIO()
    whole.write("<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n")
    whole.write("<meta name='viewport' content='width=device-width, initial-scale=1'>\n")
    whole.write("<meta name='color-scheme' content='light dark'>\n")
    whole.write(
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    )
    whole.write(
        f"<title>Models compared</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n<h1>Models compared</h1>\n"
    )
    whole.write("\n".join(parts))
    whole.write("\n</main>\n</body>\n</html>\n")
    return whole.getvalue()


def _sample(source: str, reference: str, written: dict[str, str]) -> str:
    lines = [("source", source), ("reference", reference), *written.items()]
    shown = "".join(f"<dt>{html.escape(name)}</dt><dd dir='auto'>{html.escape(text)}</dd>" for name, text in lines)
    return f"<dl class='sample'>{shown}</dl>"
