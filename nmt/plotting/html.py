"""A page of alignments for the browser: one file that needs no other and asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Sequence
from html import escape
from importlib import resources

import numpy as np

from nmt.evaluation.alignment import WordAlignment
from nmt.plotting.fonts import part_of_font

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="how">Point at a word, or go to it with the Tab key, to see what it looked at, or what looked at it.</p>
<noscript><p>The lines between the words are drawn by a script, which is off here. The tables hold every number.</p>
</noscript>
{sections}
</main>
<script>{script}</script>
</body>
</html>
"""

_SECTION = """<section aria-labelledby="t{number}">
<h2 id="t{number}" dir="auto"{source_lang}>{title}</h2>
{score}<div class="links">
<svg aria-hidden="true"></svg>
<div class="row" role="group" aria-label="source words">{source}</div>
<div class="row" role="group" aria-label="target words">{target}</div>
</div>
<p class="said" aria-hidden="true"></p>
<div class="scroll" role="region" aria-label="weights of {label}" tabindex="0">
<table>
<caption>Per cent of each target word's look that went to each source word{end}.</caption>
<thead><tr><td></td>{heads}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>
</section>"""


def page(
    alignments: Sequence[tuple[str, WordAlignment, float | None]],
    title: str = "What each word looked at",
    languages: tuple[str, str] = ("", ""),
) -> str:
    """Return a page of HTML that shows alignments, each as words with lines between them and as a table.

    Pointing at a word, or going to it with the Tab key, brings out its lines, its cells and their per cents. The file
    holds its own style and script and links to nothing; every text in it is escaped, and its policy lets the browser
    run no script but the page's own.

    Arguments:
        alignments: a heading, such as the source, an alignment with weights ``(target words, source words)``, and the
            log-probability of the translation or ``None``.
        title: of the page.
        languages: of the source and the target, such as ``("ko", "en")``; empty where they are not known. By these a
            browser chooses the font and a screen reader the voice.

    >>> made = page([("na", WordAlignment(("na",), ("<I>",), np.array([[0.9]])), -0.1)])
    >>> "&lt;I&gt;" in made, "<I>" in made
    (True, False)
    """
    style, script = _part("page.css"), _part("page.js")
    texts = [title, *(text for heading, drawn, _ in alignments for text in (heading, *drawn.source, *drawn.target))]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _PAGE.format(
        policy=f"default-src 'none'; style-src 'unsafe-inline'; font-src data:; script-src 'sha256-{digest}'",
        title=escaped(title),
        style=hangul_font("".join(texts)) + style,
        script=script,
        sections="\n".join(_section(number, *each, languages) for number, each in enumerate(alignments, start=1)),
    )


def hangul_font(text: str) -> str:
    """Return the style that brings the Hangul of a text along, for a machine that has none."""
    hangul = [letter for letter in text if unicodedata.name(letter, "").startswith("HANGUL")]
    if not hangul:
        return ""
    data = base64.b64encode(part_of_font(hangul)).decode()
    return (
        '@font-face { font-family: "nmt Hangul"; font-display: block; unicode-range: U+1100-11FF, U+3130-318F, '
        f"U+A960-A97F, U+AC00-D7FF; src: url(data:font/ttf;base64,{data}); }}\n"
    )


def _section(number: int, title: str, alignment: WordAlignment, score: float | None, languages: tuple[str, str]) -> str:
    """Draw one alignment."""
    weights = np.clip(np.nan_to_num(alignment.weights), 0, 1)
    source_lang, target_lang = (f' lang="{escaped(language)}"' for language in languages)
    heads = "".join(f'<th scope="col" dir="auto"{source_lang}>{escaped(word)}</th>' for word in alignment.source)
    return _SECTION.format(
        number=number,
        title=escaped(title),
        label=escaped(title),
        source_lang=source_lang,
        score="" if score is None else f'<p class="score">log-probability {score:.2f}</p>\n',
        source=_chips(alignment.source, alignment.target, weights.T, "is looked at by", source_lang),
        target=_chips(alignment.target, alignment.source, weights, "looks at", target_lang),
        end="; the rest of a row went to the end of the sentence" if _has_end(weights) else "",
        heads=heads,
        rows="\n".join(
            f'<tr><th scope="row" dir="auto"{target_lang}>{escaped(word)}</th>{_cells(row)}</tr>'
            for word, row in zip(alignment.target, weights, strict=True)
        ),
    )


def _chips(words: Sequence[str], others: Sequence[str], weights: np.ndarray, verb: str, lang: str) -> str:
    """Draw the words of a side; what each would say aloud names the three that matter most to it."""
    chips = []
    for word, row in zip(words, weights, strict=True):
        most = [i for i in np.argsort(-row, kind="stable")[:3] if row[i] >= 0.01]
        names = ", ".join(f"{others[i]} {100 * row[i]:.0f} %" for i in most) or "nothing"
        label = escaped(f"{word} {verb} {names}")
        chips.append(f'<button type="button" dir="auto"{lang} aria-label="{label}">{escaped(word)}</button>')
    return "".join(chips)


def _cells(row: np.ndarray) -> str:
    """Draw the cells of a target word; the script takes the weights from them."""
    hot = ["", ' class="hot"']
    return "".join(f'<td style="--w:{w:.3f}"{hot[w >= 0.7]}>{100 * w:.0f}</td>' for w in map(float, row))


def _has_end(weights: np.ndarray) -> bool:
    """Tell whether some row went to more than its words."""
    return bool(weights.size) and bool((weights.sum(1) < 0.995).any())


def escaped(words: str) -> str:
    """Escape words for a text or an attribute; what HTML may not hold becomes a replacement character.

    >>> escaped('a "b" <c> \\x00')
    'a &quot;b&quot; &lt;c&gt; �'
    """
    # Control characters and halves of surrogate pairs.
    legal = ("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in ("Cc", "Cs") else c for c in words)
    return escape("".join(legal))


def _part(name: str) -> str:
    """Return the text of a file beside this one."""
    return resources.files("nmt.plotting").joinpath(name).read_text(encoding="utf-8")
