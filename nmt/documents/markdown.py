"""Markdown: paragraphs, headings, lists and tables. Code, HTML, addresses and the marks themselves stay.

markdown-it-py says which lines are text. A paragraph of several lines is one text, put on as many lines again.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

from nmt.documents.fields import Field, Opened, opened, runs

_PREFIX = re.compile(r"(?:[ \t>]|[-*+][ \t]+|\d+[.)][ \t]+|#{1,6}[ \t]+|\[[ xX]\][ \t]+)*")
_UNDERLINE = re.compile(r"[ \t>]*(?:=+|-+)[ \t]*")
_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n.*?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)", re.DOTALL)
# Escapes, how code and comments begin, images and links with their addresses, footnotes, HTML, addresses alone, hard
# breaks, and emphasis.
_PROTECTED = re.compile(
    r"(?P<escaped>\\[\\`])|(?P<ticks>`++)|(?P<comment><!--)"
    r"|!\[|\]\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)|\]\[[^\]\n]*\]|\[\^[^\[\]\n]+\]:?|[\[\]]"
    r"|<(?:[^<>\n]+|[A-Za-z/!?][^<>]*)>|https?://[^\s)>\]]+"
    r"|(?:(?<! )  +|\\)(?:\r\n?|\n)[ \t>]*|\*{1,3}|(?<!\w)_{1,3}|_{1,3}(?!\w)|~~|(?<![ \t])[ \t]+#+[ \t]*$",
    re.MULTILINE,
)
_TICKS = re.compile("`+")
# markdown-it takes a carriage return alone for the end of a line, too.
_LINE_END = re.compile(r"\r\n?|\n")
_CELL = re.compile(r"(?:\\\||`[^`\n]*`|[^|\n])+")


def read(text: str, name: str, mark: str) -> Opened:
    """Open a ``.md`` file.

    >>> opened = read("# Rice\\n\\n- I **ate** `x`,\\n  and you.\\n\\n```\\ncode here\\n```\\n", "a.md", "")
    >>> opened.texts
    ['Rice', 'I', 'ate', ', and you.']
    """
    from markdown_it import MarkdownIt

    begins = _FRONT_MATTER.match(text)
    first = begins.end() if begins else 0
    body = text[first:]
    lines = [first, *(match.end() + first for match in _LINE_END.finditer(body)), len(text)]
    fields: list[Field] = []
    row = -1
    cell = False
    # Only blocks are needed. What is inside a paragraph is found by this module, in time that grows with its length.
    reader = MarkdownIt("commonmark").enable("table").disable(["inline", "text_join"])
    for token in reader.parse(_LINE_END.sub("\n", body)):
        if token.type in ("td_open", "th_open"):
            cell = True
        elif token.type in ("td_close", "th_close"):
            cell = False
        elif token.type == "inline" and token.map:
            if not cell:
                fields += _paragraph(text, [(lines[n], lines[n + 1]) for n in range(*token.map)])
            elif token.map[0] != row:
                row = token.map[0]
                fields += _row(text, lines[row], lines[row + 1])
    return opened(text, fields, (), mark)


def _paragraph(text: str, lines: list[tuple[int, int]]) -> Iterator[Field]:
    while len(lines) > 1 and _UNDERLINE.fullmatch(text[slice(*lines[-1])].rstrip("\r\n")):
        lines = lines[:-1]
    start = _PREFIX.match(text, *lines[0])
    assert start  # it may be empty
    yield from runs(text, start.end(), lines[-1][1], _protected)


def _row(text: str, start: int, end: int) -> Iterator[Field]:
    for found in _CELL.finditer(text, start, end):
        yield from runs(text, found.start(), found.end(), _protected)


def _protected(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where something stands that stays as it is. Code ends with as many backticks as it begins with.

    >>> text = "an `x`` y` and ``z"
    >>> [text[start:end] for start, end in _protected(text, 0, len(text))]
    ['`x`` y`']
    """
    ticks: dict[int, list[int]] = defaultdict(list)
    for run in _TICKS.finditer(text, start, end):
        ticks[len(run[0])].append(run.start())
    position, comments = start, True
    while found := _PROTECTED.search(text, position, end):
        position = found.end()
        if found["escaped"]:
            continue
        if found["comment"]:
            # A search for the end of each would take long if there is none.
            last = text.find("-->", position, end) + 3 if comments else 2
            comments = last > 2
            position = max(position, last)
        if opened_by := found["ticks"]:
            ends = ticks[len(opened_by)]
            next_one = bisect_left(ends, position)
            if next_one == len(ends):
                continue
            position = ends[next_one] + len(opened_by)
        yield found.start(), position
