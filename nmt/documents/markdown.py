"""Markdown: paragraphs, headings, lists and tables. Code, HTML, addresses and the marks themselves stay.

Emphasis, links and tags inside a line move with their words; code, formulas and addresses are words that stay as they
are. A link that is named by its own words, ``[guide]``, gets the name that its definition has: ``[Anleitung][guide]``.

markdown-it-py says which lines are text. A paragraph of several lines is one text, put on as many lines again.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from nmt.documents.entities import unescape
from nmt.documents.fields import BREAK, Field, Opened, broken, opened, paragraph
from nmt.documents.parts import Kind, Part, Parts, Token, match_marks, spelled
from nmt.documents.tags import Tags

_PREFIX = re.compile(r"(?:[ \t>]|[-*+][ \t]+|\d+[.)][ \t]+|#{1,6}[ \t]+|\[[ xX]\][ \t]+)*")
_UNDERLINE = re.compile(r"[ \t>]*(?:=+|-+)[ \t]*")
# Beyond CommonMark: what defines the term on the line above, and a formula of several lines.
_DEFINITION = re.compile(r"[ \t>]*:[ \t]+(?=\S)")
_FORMULA = re.compile(r"[ \t>]*\$\$(?:(?!\$\$).)+\$\$\s*", re.DOTALL)
# The first line of a quote that GitHub shows as an alert.
_ALERT = re.compile(r"\[!(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*", re.IGNORECASE)
_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n.*?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)", re.DOTALL)
_PUNCTUATION = r"[!-/:-@\[-`{-~]"
# Where a link leads to, with parentheses in it as deep as this, and its title.
_DEEP = 5
_PATH = r"(?:\\.|[^\s\\()])*+"
for _ in range(_DEEP):
    _PATH = rf"(?:\\.|[^\s\\()]|\({_PATH}\))*+"
_TITLE = r""""(?:\\.|[^"\\])*+"|'(?:\\.|[^'\\])*+'|\((?:\\.|[^()\\])*+\)"""
_ADDRESS = rf"\(\s*+(?:<(?:\\.|[^<>\n\\])*+>|(?!<){_PATH})(?:\s++(?:{_TITLE}))?+\s*+\)"
# The label of a definition has no more characters.
_LABEL = 999
# Escapes, how code begins, formulas, footnotes, images and links with their addresses, addresses alone, how HTML
# begins, hard breaks, emphasis, and what a heading ends with: signs, or its name in braces.
_MARKS = re.compile(
    rf"(?P<escaped>\\{_PUNCTUATION})|(?P<ticks>`++)|(?P<math>\$\$(?s:(?!\$\$).)++\$\$|(?<!\w)\$(?=\S)[^$\n]*+(?<=\S)\$(?!\w))"
    rf"|(?P<note>\[\^[^\[\]\n]+\]:?)"
    rf"|(?P<begin>!?\[)|(?P<end>\](?:{_ADDRESS}|\[[^\[\]\n]*\])?)"
    r"|(?P<address><(?:[A-Za-z][A-Za-z0-9+.-]*:[^<>\s]*|[^<>\s@]+@[^<>\s]+)>|https?://[^\s)>\]]+)"
    r"|(?P<tag><(?=[A-Za-z/!?]))"
    r"|(?P<hard>(?:(?<! )  +|\\)(?:\r\n?|\n)[ \t>]*)|(?P<emphasis>\*++|_++|~~)"
    r"|(?P<closed>(?<![ \t])[ \t]+(?:#+|\{[#.][^{}\n]*\})[ \t]*$)",
    re.MULTILINE,
)
_TICKS = re.compile("`+")
# markdown-it takes a carriage return alone for the end of a line, too.
_LINE_END = re.compile(r"\r\n?|\n")
_ESCAPES = re.compile(rf"\\({_PUNCTUATION})|&#?[A-Za-z0-9]{{1,40}};")
# What would be a mark in a translation; its last character is escaped.
_TAKEN = re.compile(
    rf"\\(?={_PUNCTUATION})|`|\*(?!\s|$)|(?<!\s)(?<!^)\*|(?<!\w)_(?!\s)|(?<!\s)_(?!\w)|[\[\]]"
    r"|<(?=[A-Za-z/!?])|&(?=#?[A-Za-z0-9]+;)|~(?=~)|(?<!\w)\$(?=\S)(?=[^$\n]*+(?<=\S)\$(?!\w))"
)
# What would begin a block at the start of a line, or make a heading of the line above; a backslash goes before the last
# character of a number, and before the first of anything else.
_END = r"[ \t]*(?=[\r\n]|\Z)"
_BLOCK = re.compile(
    rf">|[-+*](?=\s|\Z)|#{{1,6}}(?=\s|\Z)|(?:=+|-+){_END}"
    rf"|(?:(?:-[ \t]*){{3,}}|(?:\*[ \t]*){{3,}}|(?:_[ \t]*){{3,}}){_END}"
    r"|(?P<number>\d{1,9})[.)](?=\s|\Z)"
)
_EMPHASIS = frozenset("*_~")
_KINDS: dict[str, Kind] = {"address": "kept", "math": "kept", "hard": "break"}
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
    known: dict[str, Any] = {}
    blocks = reader.parse(_LINE_END.sub("\n", body), known)
    labels = known.get("references", {})
    for n, token in enumerate(blocks):
        if token.type in ("td_open", "th_open"):
            cell = True
        elif token.type in ("td_close", "th_close"):
            cell = False
        elif token.type == "inline" and token.map:
            if not cell:
                first_of_quote = [each.type for each in blocks[n - 2 : n]] == ["blockquote_open", "paragraph_open"]
                fields += _paragraph(
                    text,
                    lines=[(lines[row], lines[row + 1]) for row in range(*token.map)],
                    labels=labels,
                    inline=inline,
                    first_of_quote=first_of_quote,
                )
            elif token.map[0] != row:
                row = token.map[0]
                fields += _row(text, start=lines[row], end=lines[row + 1], labels=labels, inline=inline)
    return opened(text, fields, (), mark)


def _paragraph(
    text: str, lines: list[tuple[int, int]], labels: Collection[str], inline: bool, first_of_quote: bool
) -> Iterator[Field]:
    if first_of_quote and _ALERT.fullmatch(text, _after_prefix(text, *lines[0]), lines[0][1]):
        lines = lines[1:]
        if not lines:
            return
    while len(lines) > 1 and _UNDERLINE.fullmatch(text[slice(*lines[-1])].rstrip("\r\n")):
        lines = lines[:-1]
    if _FORMULA.fullmatch(text, lines[0][0], lines[-1][1]):
        return
    # Each definition is a text of its own.
    begins = [n for n, line in enumerate(lines) if not n or _DEFINITION.match(text, *line)]
    for n, after in pairwise([*begins, len(lines)]):
        # After a blank line, too, as Pandoc and Markdown Extra write it.
        definition = _DEFINITION.match(text, *lines[n])
        start = definition.end() if definition else _after_prefix(text, *lines[n])
        yield from _field(text, start=start, end=lines[after - 1][1], labels=labels, inline=inline)


def _after_prefix(text: str, start: int, end: int) -> int:
    """Return where the words of a line begin."""
    prefix = _PREFIX.match(text, start, end)
    assert prefix  # it may be empty
    return prefix.end()


def _row(text: str, start: int, end: int, labels: Collection[str], inline: bool) -> Iterator[Field]:
    for found in _CELL.finditer(text, start, end):
        yield from _field(text, start=found.start(), end=found.end(), labels=labels, inline=inline, also="|")


def _field(text: str, start: int, end: int, labels: Collection[str], inline: bool, also: str = "") -> Iterator[Field]:
    spelling = _Spelling(also)
    tokens = _tokens(text, start, end, labels)
    for field in paragraph(
        text,
        start=start,
        end=end,
        tokens=tokens,
        read=spelling.read,
        write=spelling.write,
        inline=inline,
        spell=_in_lines,
    ):
        yield field._replace(written=partial(_between, field))


def _in_lines(found: Parts, write: Callable[[str], str]) -> str:
    """Write parts, with an escape where a line would begin a block."""
    lines: list[list[Part]] = [[]]
    for part in found:
        lines[-1].append(part)
        if part.kind == "break" and _LINE_END.search(part.raw):
            lines.append([])
    written = []
    for line in lines:
        text = spelled(line, write)
        start = len(text) - len(text.lstrip(" \t"))
        block = _BLOCK.match(text, start)
        if block and line[0].kind == "text":
            place = block.end("number") if block["number"] else start
            text = f"{text[:place]}\\{text[place:]}"
        written.append(text)
    return "".join(written)


def _tidied(parts: Parts) -> list[Part]:
    """Put spaces and ends of lines that stand at the ends of emphasis outside of it, where it would be none.

    Emphasis of nothing, as of a word that the translation does without, is left out: its signs would be shown.

    >>> spelled(_tidied([Part("opening", "*"), Part("text", " a "), Part("closing", "*")]))
    ' *a* '
    >>> spelled(_tidied([Part("text", "a"), Part("opening", "**"), Part("closing", "**")]))
    'a'
    """
    for_closing = _outwards(parts[::-1], "closing", -1)
    out: list[Part] = []
    for part in _outwards(for_closing[::-1], "opening", 1):
        if part.kind == "closing" and out and out[-1].kind == "opening" and _EMPHASIS.issuperset(out[-1].raw):
            out.pop()
        else:
            out.append(part)
    return out


def _outwards(parts: Parts, mark: Kind, step: int) -> list[Part]:
    out: list[Part] = []
    for part in parts:
        place = len(out)
        while place and out[place - 1].kind == mark and _EMPHASIS.issuperset(out[place - 1].raw):
            place -= 1
        if place == len(out) or not (
            part.kind == "text" or (part.kind == "break" and not part.raw.strip("\\ \t\r\n>"))
        ):
            out.append(part)
            continue
        inside = part.raw.lstrip() if step > 0 else part.raw.rstrip()
        if part.kind == "break":
            inside = ""
        if len(inside) < len(part.raw):
            if place and out[place - 1].kind == "text":
                beside = out[place - 1].raw
                out[place - 1] = Part("text", beside.rstrip() if step > 0 else beside.lstrip())
            out.insert(place, part if part.kind == "break" else Part("text", " "))
        if inside:
            out.append(Part("text", inside))
    return out


def _between(field: Field, found: Parts) -> str:
    """Write a field with its hard breaks between words: at an end they would be the end of a paragraph."""
    found = _tidied(found)
    shown = [n for n, part in enumerate(found) if part.kind in ("text", "kept") and part.raw.strip()] or [0]
    lost = [n for n, part in enumerate(found) if part.kind == "break" and not shown[0] < n < shown[-1]]
    # Two ends of lines with nothing between them would be the end of a paragraph, too.
    ends = [n for n, part in enumerate(found) if part.kind == "break" and _LINE_END.search(part.raw)]
    lost += [n for before, n in pairwise(ends) if bisect_left(shown, before) == bisect_left(shown, n) and n not in lost]
    if lost:
        kept = [part for n, part in enumerate(found) if n not in set(lost)]
        found = list(broken(kept, [found[n].raw for n in lost]))
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
            character = match[1] or unescape(match[0])
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


def _tokens(text: str, start: int, end: int, labels: Collection[str] = ()) -> list[Token]:
    """Return the marks of a paragraph. Code ends with as many backticks as it begins with.

    Arguments:
        text: the file.
        start, end: where the paragraph stands.
        labels: of the definitions of the file, as markdown-it compares them.

    >>> text = "an `x`` y` and ``z *a **b***"
    >>> [text[each.start:each.end] for each in _tokens(text, 0, len(text))]
    ['`x`` y`', '*', '**', '**', '*']
    """
    ticks: dict[int, list[int]] = defaultdict(list)
    for run in _TICKS.finditer(text, start, end):
        ticks[len(run[0])].append(run.start())
    tokens: list[Token] = []
    tags = Tags(text, start, end)
    position = start
    while found := _MARKS.search(text, position, end):
        begin, position = found.span()
        kind = found.lastgroup
        if kind == "ticks":
            ends = ticks[position - begin]
            next_one = bisect_left(ends, position)
            if next_one < len(ends):
                position += ends[next_one] - begin
                tokens.append(Token(begin, position, "kept"))
        elif kind in ("begin", "end"):
            tokens.append(Token(begin, position, "opening" if kind == "begin" else "closing", "["))
        elif kind == "tag":
            if token := tags.at(begin):
                position = token.end
                tokens.append(token)
        elif kind == "emphasis":
            tokens.append(Token(begin, position, "text", text[begin]))
        elif kind != "escaped":
            tokens.append(Token(begin, position, _KINDS.get(str(kind), "alone")))
    return _emphasized(text, _labelled(text, tokens, labels) if labels else tokens)


def _bracketed(tokens: list[Token]) -> dict[int, int]:
    """Return which token ends each pair of brackets, by the one that begins it."""
    return match_marks((each.kind if each.name == "[" else "alone", each.name) for each in tokens).ends


def _labelled(text: str, tokens: list[Token], labels: Collection[str]) -> list[Token]:
    """Let the links and images that are named by their own words keep that name when the words are translated.

    >>> text = "see the [guide], the [manual][] and [none]"
    >>> [each.written for each in _labelled(text, _tokens(text, 0, len(text)), {"GUIDE", "MANUAL"})]
    ['', '][guide]', '', '][manual]', '', '']
    """
    from markdown_it.common.utils import normalizeReference

    found = tokens.copy()
    for first, last in _bracketed(tokens).items():
        begin, end = tokens[first].end, tokens[last].start
        if text[end : tokens[last].end] not in ("]", "][]") or end - begin > _LABEL:
            continue
        label = BREAK.sub(" ", text[begin:end])
        if normalizeReference(label) in labels:
            found[last] = tokens[last]._replace(written=f"][{' '.join(label.split())}]")
    return found


class _Run(NamedTuple):
    """A run of signs of emphasis that may begin some.

    Attributes:
        start, end: where those that are left stand.
        sign: which it is.
        length: of the whole run.
        both: whether it may end emphasis as well.
    """

    start: int
    end: int
    sign: str
    length: int
    both: bool

    def fits(self, sign: str, length: int, both: bool) -> bool:
        """Return whether a run ends what this one begins: of three signs, one that can do both is not torn."""
        torn = (self.both or both) and (self.length + length) % 3 == 0 and (self.length % 3 or length % 3)
        return self.sign == sign and not torn


def _emphasized(text: str, tokens: list[Token]) -> list[Token]:
    """Pair the runs of signs of emphasis as https://spec.commonmark.org/0.31.2/#emphasis-and-strong-emphasis says.

    Links bind closer: emphasis does not begin in one and end outside of it.
    """
    links = _bracketed(tokens)
    closed = set(links.values())
    found: list[Token] = []
    # The runs that may begin emphasis in each link that is open; and how many of them, from the first one on, fit no
    # run of some kind: without these the search would take long.
    levels: list[tuple[list[_Run], dict[tuple[str, int, bool], int]]] = [([], {})]
    for number, token in enumerate(tokens):
        if token.kind != "text":
            if number in closed:
                found += [_lone(text, run.start, run.end) for run in levels.pop()[0]]
            if number in links:
                levels.append(([], {}))
            if token.name == "[" and number not in links and number not in closed:
                token = token._replace(kind="alone")
            found.append(token)
            continue
        runs, none = levels[-1]
        opens, closes = _sides(text, token)
        start, length = token.start, token.end - token.start
        key = (token.name, length % 3, opens)
        while closes and start < token.end:
            least = none.get(key, 0)
            last = len(runs) - 1
            while last >= least and not runs[last].fits(token.name, length, opens):
                last -= 1
            if last < least:
                none[key] = len(runs)
                break
            found += [_lone(text, run.start, run.end) for run in runs[last + 1 :]]
            run = runs[last]
            del runs[last:]
            none.update({each: min(number, last) for each, number in none.items()})
            size = 2 if min(run.end - run.start, token.end - start) >= 2 else 1
            name = f"{token.name}{start}"
            found += [Token(run.end - size, run.end, "opening", name), Token(start, start + size, "closing", name)]
            start += size
            if run.end - size > run.start:
                runs.append(run._replace(end=run.end - size))
        if opens and start < token.end:
            runs.append(_Run(start, end=token.end, sign=token.name, length=length, both=closes))
        elif closes and start < token.end:
            found.append(_lone(text, start, token.end))
    found += [_lone(text, run.start, run.end) for runs, _ in levels for run in runs]
    return sorted(found)


def _lone(text: str, start: int, end: int) -> Token:
    """Return signs that are no emphasis: a part of the word that they stand in, or by themselves."""
    inside = text[start - 1 : start].isalnum() and text[end : end + 1].isalnum()
    return Token(start, end, "kept" if inside else "alone")


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
