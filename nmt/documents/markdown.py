"""Markdown: paragraphs, headings, lists and tables. Code, HTML, addresses and the marks themselves stay.

Emphasis, links and tags inside a line move with their words; code and addresses are words that stay as they are.

markdown-it-py says which lines are text. A paragraph of several lines is one text, put on as many lines again.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from nmt.documents.fields import Field, Opened, broken, opened, paragraph
from nmt.documents.parts import Kind, Parts, Token, pairs
from nmt.documents.tags import VOID

_PREFIX = re.compile(r"(?:[ \t>]|[-*+][ \t]+|\d+[.)][ \t]+|#{1,6}[ \t]+|\[[ xX]\][ \t]+)*")
_UNDERLINE = re.compile(r"[ \t>]*(?:=+|-+)[ \t]*")
_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n.*?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)", re.DOTALL)
_PUNCTUATION = r"[!-/:-@\[-`{-~]"
# Escapes, how code and comments begin, footnotes, images and links with their addresses, HTML, addresses alone, hard
# breaks, and emphasis.
_MARKS = re.compile(
    rf"(?P<escaped>\\{_PUNCTUATION})|(?P<ticks>`++)|(?P<comment><!--)|(?P<note>\[\^[^\[\]\n]+\]:?)"
    r"|(?P<begin>!?\[)|(?P<end>\](?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)|\[[^\]\n]*\])?)"
    r"|(?P<address><(?:[A-Za-z][A-Za-z0-9+.-]*:[^<>\s]*|[^<>\s@]+@[^<>\s]+)>|https?://[^\s)>\]]+)"
    r"|(?P<tag><(?:[^<>\n]+|[A-Za-z/!?][^<>]*)>)"
    r"|(?P<hard>(?:(?<! )  +|\\)(?:\r\n?|\n)[ \t>]*)|(?P<emphasis>\*++|_++|~~)|(?P<closed>(?<![ \t])[ \t]+#+[ \t]*$)",
    re.MULTILINE,
)
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)")
_TICKS = re.compile("`+")
# markdown-it takes a carriage return alone for the end of a line, too.
_LINE_END = re.compile(r"\r\n?|\n")
_ESCAPES = re.compile(rf"\\({_PUNCTUATION})|&#?[A-Za-z0-9]{{1,40}};")
# What would be a mark in a translation; its last character is escaped.
_TAKEN = re.compile(
    rf"^(?:[-+>#]|\d+[.)])(?=\s)|\\(?={_PUNCTUATION})|`|\*(?!\s|$)|(?<!\s)(?<!^)\*|(?<!\w)_(?!\s)|(?<!\s)_(?!\w)|[\[\]]"
    r"|<(?=[A-Za-z/!?])|&(?=#?[A-Za-z0-9]+;)|~(?=~)"
)
_KINDS: dict[str, Kind] = {"address": "kept", "hard": "break"}
_CELL = re.compile(r"(?:\\\||`[^`\n]*`|[^|\n])+")


def read(text: str, name: str, mark: str, inline: bool = True) -> Opened:
    """Open a ``.md`` file.

    Arguments:
        text: the file.
        name: of the file.
        mark: see :func:`~nmt.documents.fields.opened`.
        inline: whether a text has the marks inside its lines; otherwise it is what stands between two marks.

    >>> from nmt.documents.parts import spelled
    >>> text = "# Rice\\n\\n- I **ate** `x`,\\n  and you.\\n\\n```\\ncode here\\n```\\n"
    >>> [spelled(each) for each in read(text, "a.md", "").texts]
    ['Rice', 'I **ate** `x`, and you.']
    >>> [spelled(each) for each in read(text, "a.md", "", inline=False).texts]
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
                fields += _paragraph(text, [(lines[n], lines[n + 1]) for n in range(*token.map)], inline)
            elif token.map[0] != row:
                row = token.map[0]
                fields += _row(text, lines[row], lines[row + 1], inline)
    return opened(text, fields, (), mark)


def _paragraph(text: str, lines: list[tuple[int, int]], inline: bool) -> Iterator[Field]:
    while len(lines) > 1 and _UNDERLINE.fullmatch(text[slice(*lines[-1])].rstrip("\r\n")):
        lines = lines[:-1]
    start = _PREFIX.match(text, *lines[0])
    assert start  # it may be empty
    yield from _field(text, start.end(), lines[-1][1], inline)


def _row(text: str, start: int, end: int, inline: bool) -> Iterator[Field]:
    for found in _CELL.finditer(text, start, end):
        yield from _field(text, found.start(), found.end(), inline, "|")


def _field(text: str, start: int, end: int, inline: bool, also: str = "") -> Iterator[Field]:
    spelling = _Spelling(also)
    for field in paragraph(text, start, end, _tokens(text, start, end), spelling.read, spelling.write, inline):
        yield field._replace(written=partial(_between, field))


def _between(field: Field, found: Parts) -> str:
    """Write a field with its hard breaks between words: at an end they would be the end of a paragraph."""
    shown = [n for n, part in enumerate(found) if part.kind in ("text", "kept") and part.raw.strip()] or [0]
    lost = [part.raw for n, part in enumerate(found) if part.kind == "break" and not shown[0] < n < shown[-1]]
    if lost:
        found = broken([part for part in found if part.kind != "break" or part.raw not in lost], lost)
    return field.written(found)


class _Spelling:
    """How the characters of a paragraph are written: what is escaped in the source is escaped in the translation.

    Arguments:
        also: what is escaped in any case, beside what would be taken for a mark.
    """

    def __init__(self, also: str = "") -> None:
        self._spelled: dict[str, str] = {}
        self._bare: set[str] = set()
        self._also = also

    def read(self, text: str) -> str:
        """Undo escapes.

        >>> spelling = _Spelling()
        >>> spelling.read(r"2 \\* 3 &lt; 7\\."), spelling.write("< 7. * _x_")
        ('2 * 3 < 7.', '&lt; 7\\\\. \\\\* \\\\_x\\\\_')
        """
        parts: list[str] = []
        position = 0
        for match in _ESCAPES.finditer(text):
            self._bare.update(text[position : match.start()])
            character = match[1] or html.unescape(match[0])
            if len(character) == 1:
                self._spelled[character] = match[0]
            parts += [text[position : match.start()], character]
            position = match.end()
        self._bare.update(text[position:])
        return "".join([*parts, text[position:]])

    def write(self, text: str) -> str:
        """Do escapes."""
        taken = {match.end() - 1 for match in _TAKEN.finditer(text)}
        return "".join(
            self._spelled[each]
            if each in self._spelled and each not in self._bare
            else f"\\{each}"
            if each in self._also or n in taken
            else each
            for n, each in enumerate(text)
        )


def _tokens(text: str, start: int, end: int) -> list[Token]:
    """Return the marks of a paragraph. Code ends with as many backticks as it begins with.

    >>> text = "an `x`` y` and ``z *a **b***"
    >>> [text[each.start:each.end] for each in _tokens(text, 0, len(text))]
    ['`x`` y`', '*', '**', '**', '*']
    """
    ticks: dict[int, list[int]] = defaultdict(list)
    for run in _TICKS.finditer(text, start, end):
        ticks[len(run[0])].append(run.start())
    tokens: list[Token] = []
    position, comments = start, True
    while found := _MARKS.search(text, position, end):
        begin, position = found.span()
        kind = found.lastgroup
        if kind == "comment":
            # A search for the end of each would take long if there is none.
            last = text.find("-->", position, end) + 3 if comments else 2
            comments = last > 2
            position = max(position, last)
            tokens.append(Token(begin, position, "alone"))
        elif kind == "ticks":
            ends = ticks[position - begin]
            next_one = bisect_left(ends, position)
            if next_one < len(ends):
                position += ends[next_one] - begin
                tokens.append(Token(begin, position, "kept"))
        elif kind in ("begin", "end"):
            tokens.append(Token(begin, position, "opening" if kind == "begin" else "closing", "["))
        elif kind == "tag":
            tokens.append(_tag(found))
        elif kind == "emphasis":
            tokens.append(Token(begin, position, "text", text[begin]))
        elif kind != "escaped":
            tokens.append(Token(begin, position, _KINDS.get(str(kind), "alone")))
    return _emphasized(text, tokens)


def _tag(found: re.Match[str]) -> Token:
    tag = _TAG.match(found[0])
    name = tag[2].lower() if tag else ""
    if tag is None or name in VOID or found[0].endswith("/>"):
        return Token(*found.span(), "alone")
    return Token(*found.span(), "closing" if tag[1] else "opening", f"<{name}")


class _Run(NamedTuple):
    """A run of signs of emphasis that may begin some: where those that are left stand, and which sign it is."""

    start: int
    end: int
    sign: str


def _emphasized(text: str, tokens: list[Token]) -> list[Token]:
    """Pair the runs of signs of emphasis as https://spec.commonmark.org/0.31.2/#emphasis-and-strong-emphasis says.

    Links bind closer: emphasis does not begin in one and end outside of it.
    """
    links = pairs((each.kind if each.name == "[" else "alone", each.name) for each in tokens).ends
    closed = set(links.values())
    found: list[Token] = []
    # The runs that may begin emphasis in each link that is open, and how many of each sign.
    levels: list[tuple[list[_Run], Counter[str]]] = [([], Counter())]
    for number, token in enumerate(tokens):
        if token.kind != "text":
            if number in closed:
                found += [Token(run.start, run.end, "alone") for run in levels.pop()[0]]
            if number in links:
                levels.append(([], Counter()))
            if token.name == "[" and number not in links and number not in closed:
                token = token._replace(kind="alone")
            found.append(token)
            continue
        runs, count = levels[-1]
        opens, closes = _sides(text, token)
        start = token.start
        while closes and start < token.end and count[token.name]:
            while (run := runs.pop()).sign != token.name:
                count[run.sign] -= 1
                found.append(Token(run.start, run.end, "alone"))
            size = 2 if min(run.end - run.start, token.end - start) >= 2 else 1
            name = f"{token.name}{start}"
            found += [Token(run.end - size, run.end, "opening", name), Token(start, start + size, "closing", name)]
            start += size
            if run.end - size > run.start:
                runs.append(run._replace(end=run.end - size))
            else:
                count[token.name] -= 1
        if opens and start < token.end:
            runs.append(_Run(start, token.end, token.name))
            count[token.name] += 1
        elif closes and start < token.end:
            found.append(Token(start, token.end, "alone"))
    found += [Token(run.start, run.end, "alone") for runs, _ in levels for run in runs]
    return sorted(found)


def _sides(text: str, run: Token) -> tuple[bool, bool]:
    """Return whether a run of signs can begin emphasis, and whether it can end some."""
    before, after = text[run.start - 1 : run.start] if run.start else "", text[run.end : run.end + 1]
    space = not before.strip(), not after.strip()
    sign = [bool(each) and unicodedata.category(each)[0] in "PS" for each in (before, after)]
    left = not space[1] and (not sign[1] or space[0] or sign[0])
    right = not space[0] and (not sign[0] or space[1] or sign[1])
    if run.name == "_":
        return left and (not right or sign[0]), right and (not left or sign[1])
    return left, right
