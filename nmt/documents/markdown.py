"""Markdown: paragraphs, headings, lists and tables. Code, HTML, addresses and the marks themselves stay.

markdown-it-py says which lines are text. A paragraph of several lines is one text, put on as many lines again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nmt.documents.fields import Field, Opened, opened, runs

_PREFIX = re.compile(r"(?:[ \t>]|[-*+][ \t]+|\d+[.)][ \t]+|#{1,6}[ \t]+|\[[ xX]\][ \t]+)*")
_UNDERLINE = re.compile(r"[ \t>]*(?:=+|-+)[ \t]*")
_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n.*?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)", re.DOTALL)
# Code, images and links with their addresses, footnotes, HTML, addresses alone, hard breaks, and emphasis.
_PROTECTED = re.compile(
    r"(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`)"
    r"|!\[|\]\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)|\]\[[^\]\n]*\]|\[\^[^\]\n]+\]:?|[\[\]]"
    r"|<[^<>\n]+>|https?://[^\s)>\]]+"
    r"|(?:(?<! )  +|\\)(?:\r\n?|\n)[ \t>]*|\*{1,3}|(?<!\w)_{1,3}|_{1,3}(?!\w)|~~|(?<![ \t])[ \t]+#+[ \t]*$",
    re.DOTALL | re.MULTILINE,
)
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
    for token in MarkdownIt("commonmark").enable("table").parse(_LINE_END.sub("\n", body)):
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
    yield from runs(text, start.end(), lines[-1][1], _PROTECTED)


def _row(text: str, start: int, end: int) -> Iterator[Field]:
    for found in _CELL.finditer(text, start, end):
        yield from runs(text, found.start(), found.end(), _PROTECTED)
