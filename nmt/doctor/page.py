"""The findings as a page for the browser: one file that needs no other, no script, and asks nobody for anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import resources

from nmt.doctor import tables
from nmt.doctor.findings import Diagnosis, Split
from nmt.plotting.html import escaped, hangul_font

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; font-src data:">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="quiet">{heading}</p>
{body}
</main>
</body>
</html>
"""

_LEVELS = {"do": "Do", "look": "Look", "know": "Know"}


def page(diagnosis: Diagnosis, title: str = "What is in the pairs") -> str:
    """Return a page of HTML with the advice first, then everything that was counted, with examples.

    The file holds its own style and links to nothing; every text in it is escaped.
    """
    body = "\n".join(_sections(diagnosis))
    heading = escaped(tables.heading(diagnosis))
    style = resources.files("nmt.doctor").joinpath("page.css").read_text(encoding="utf-8")
    return _PAGE.format(title=escaped(title), style=hangul_font(body) + style, heading=heading, body=body)


def _sections(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield the sections."""
    yield _section("What to do", _advice(diagnosis))
    for split in diagnosis.splits:
        yield _section(f"{split.name}: {split.pairs:,} pairs", _split(split))
    if diagnosis.overlaps:
        shown = (one for overlap in diagnosis.overlaps for one in tables.overlap_examples(overlap))
        inside = _table(tables.overlaps(diagnosis.overlaps)) + _examples(shown)
        yield _section(f"What stands in {diagnosis.overlaps[0].first}, too", inside)
    if vocabulary := diagnosis.vocabulary:
        listed = "".join(
            f"<dt>{escaped(what)}</dt><dd>{escaped(words)}</dd>" for what, words in tables.words(vocabulary)
        )
        inside = f"<p>{escaped(tables.learned(vocabulary))}</p>" + _table(tables.uses(vocabulary))
        inside += f"<dl>{listed}</dl>" if listed else ""
        if vocabulary.sizes:
            inside += (
                f"<h3>Other sizes, on {vocabulary.sizes_from:,} pairs: pieces, and shares of words of source and "
                "target</h3>" + _table(tables.sizes(vocabulary))
            )
        yield _section("Pieces", inside)
    if diagnosis.forecast:
        lines = "".join(f"<p>{escaped(line)}</p>" for line in diagnosis.forecast.text.splitlines())
        yield _section("What training takes here", lines)


def _section(title: str, inside: str) -> str:
    return f"<section>\n<h2>{escaped(title)}</h2>\n{inside}\n</section>"


def _advice(diagnosis: Diagnosis) -> str:
    items = "".join(
        f'<li class="{one.level}"><b>{_LEVELS[one.level]}</b> <span>{escaped(one.text)}</span></li>\n'
        for one in diagnosis.advice
    )
    preset = "\n".join(map(escaped, diagnosis.preset))
    return f'<ul class="advice">\n{items}</ul>' + (f"<pre>{preset}</pre>" if preset else "")


def _split(split: Split) -> str:
    bars = "".join(map(_histogram, tables.histograms(split)))
    return (
        f'<div class="beside">{_table(tables.findings(split))}{_table(tables.of_pairs(split))}</div>'
        f'<div class="bars">{bars}</div>' + _examples(tables.examples(split))
    )


def _table(table: tables.Table) -> str:
    heads = "".join(f'<th scope="col">{escaped(head)}</th>' if head else "<td></td>" for head in table.heads)
    rows = "".join(
        f'<tr><th scope="row">{escaped(row[0])}</th>'
        + "".join(f"<td>{escaped(cell)}</td>" for cell in row[1:])
        + "</tr>\n"
        for row in table.rows
    )
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>'


def _histogram(histogram: tables.Histogram) -> str:
    most = max((count for _, count in histogram.bars), default=1) or 1
    rows = "".join(
        f'<tr><th scope="row">{escaped(span)}</th>'
        f'<td class="bar"><i style="width:{100 * count / most:.1f}%"></i></td><td>{count:,}</td></tr>'
        for span, count in histogram.bars
    )
    return f'<table class="histogram"><caption>{escaped(histogram.title)}</caption><tbody>{rows}</tbody></table>'


def _examples(shown: Iterable[tables.Shown]) -> str:
    return "".join(
        f'<details><summary>{escaped(each.title)}</summary>\n<div class="scroll"><table class="lines"><tbody>'
        + "".join(
            f'<tr><th scope="row">{escaped(line)}</th><td dir="auto">{escaped(source)}</td>'
            f'<td dir="auto">{escaped(target)}</td></tr>'
            for line, source, target in each.lines
        )
        + "</tbody></table></div></details>\n"
        for each in shown
    )
