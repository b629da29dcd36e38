"""HTML: the words between tags. Tags, scripts, styles, code and comments stay byte for byte, also where none is closed.

A page is read once from its start to its end, in time that grows with its length only: what a tag, a comment or a
script lacks its end for is kept with all that follows, as a browser shows none of it.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nmt.documents.entities import unescape
from nmt.documents.fields import BREAK, CHARACTERS, MARKS, Field, Opened, broken, opened, paragraph
from nmt.documents.parts import spelled
from nmt.documents.tagged import read_tagged
from nmt.documents.tags import BEGIN, COMMENT_END, END_TAG, INLINE, RAW, SKIPPED, START_TAG, VOID, is_kept

# Only inside these does a slash at the end of a tag close it.
_FOREIGN = ("svg", "math")
# Elements whose end tag may be left out: the tags that end each, and the elements it does not reach out of.
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "div", "dl", "fieldset", "footer", "form", "h1", "h2", "h3", "h4",
    "h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre", "section", "table", "ul",
})  # fmt: skip
_ENDED_BY = {
    "p": (_BLOCKS, {"td", "th", "button", "object"}),
    "li": ({"li"}, {"ul", "ol", "menu"}),
    "dt": ({"dt", "dd"}, {"dl"}),
    "dd": ({"dt", "dd"}, {"dl"}),
    "option": ({"option", "optgroup"}, {"select"}),
    "td": ({"td", "th", "tr", "tbody", "thead", "tfoot"}, {"table"}),
    "th": ({"td", "th", "tr", "tbody", "thead", "tfoot"}, {"table"}),
    "tr": ({"tr", "tbody", "thead", "tfoot"}, {"table"}),
}
# Elements that are searched for the one that a tag ends: without a limit, hostile pages would take quadratic time.
_DEEP = 64


class _Elements:
    """The elements that are open at a place of a page, and from which one on nothing is translated."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._count: Counter[str] = Counter()
        self._kept_from: int | None = None

    @property
    def kept(self) -> bool:
        return self._kept_from is not None

    def open(self, name: str, kept: bool, closed: bool) -> None:
        self._end_those_before(name)
        if name in VOID or (closed and any(self._count[each] for each in _FOREIGN)):
            return
        if kept and self._kept_from is None:
            self._kept_from = len(self._names)
        self._names.append(name)
        self._count[name] += 1

    def close(self, name: str) -> None:
        if self._count[name]:
            while self._pop() != name:
                pass

    def _end_those_before(self, name: str) -> None:
        """End the elements that the start of another ends, such as an item before the next item."""
        for ended, (by, borders) in _ENDED_BY.items():
            if name in by and self._count[ended]:
                for each in self._names[: -_DEEP - 1 : -1]:
                    if each == ended:
                        self.close(ended)
                        break
                    if each in borders:
                        break

    def _pop(self) -> str:
        name = self._names.pop()
        self._count[name] -= 1
        if self._kept_from == len(self._names):
            self._kept_from = None
        return name


class _PagePart(NamedTuple):
    """A part of a page: text, or a tag.

    Attributes:
        start, end: where it stands.
        name: of the tag; ``!`` for a comment, empty for text.
        kept_before, kept_after: whether what stands right before it, and right after it, is not to be translated.
    """

    start: int
    end: int
    name: str
    kept_before: bool
    kept_after: bool

    @property
    def kept(self) -> bool:
        return self.kept_before or self.kept_after

    @property
    def is_text(self) -> bool:
        return not self.name


def _parts(text: str) -> Iterator[_PagePart]:
    """Yield the parts of a page. What lacks its end, and all that follows, is left out."""
    elements = _Elements()
    place = 0
    while begin := BEGIN.search(text, place):
        start = begin.start()
        if start > place:
            yield _PagePart(place, end=start, name="", kept_before=elements.kept, kept_after=elements.kept)
        end: int | None = None
        name = "!"
        was_kept = elements.kept
        raw = None
        if text.startswith("<!--", start):
            comment = COMMENT_END.search(text, start + 2)
            end = comment.end() if comment else None
        elif tag := START_TAG.match(text, start):
            name, end = tag[1].lower(), tag.end()
            elements.open(name, name in SKIPPED or is_kept(tag[0]), tag[0].endswith("/>"))
            raw = RAW.get(name)
        elif text[start + 1] in "/!?":
            if close := END_TAG.match(text, start):
                name = close[1].lower()
                elements.close(name)
            end = text.find(">", start) + 1 or None
        if end is None:
            return
        yield _PagePart(start, end=end, name=name, kept_before=was_kept, kept_after=elements.kept)
        if raw:
            last = raw.search(text, end)
            if not last:
                return
            end = last.start()
        place = end
    if place < len(text):
        yield _PagePart(place, end=len(text), name="", kept_before=elements.kept, kept_after=elements.kept)


def _paragraphs(text: str) -> Iterator[list[_PagePart]]:
    """Yield the paragraphs of a page: texts, and the tags inside a line that stand between them."""
    gathered: list[_PagePart] = []
    for part in _parts(text):
        if part.is_text or part.name in INLINE or part.name == "!":
            gathered.append(part)
            continue
        yield gathered
        gathered = []
    yield gathered


def _trimmed(text: str, parts: list[_PagePart]) -> list[_PagePart]:
    """Leave out at both ends what can stay there: elements that reach out of a paragraph, tags that stand alone."""
    first, last = 0, len(parts)
    if parts and parts[0].kept_before:
        first = next((n for n, part in enumerate(parts) if not part.kept_after), last)
        first += first < last and parts[first].kept_before
    if first < last and parts[-1].kept_after:
        last = next(n for n in range(last, first - 1, -1) if n == first or not parts[n - 1].kept_after)
        last -= last > first and parts[last - 1].kept_after
    while first < last and _stays(text, parts[first], at_start=True):
        first += 1
    while first < last and _stays(text, parts[last - 1], at_start=False):
        last -= 1
    return parts[first:last]


def _stays(text: str, part: _PagePart, at_start: bool) -> bool:
    if part.is_text:
        return not text[part.start : part.end].strip()
    ends = text.startswith("</", part.start)
    return not part.kept and (part.name in VOID or part.name == "!" or ends == at_start)


def read(text: str, name: str, mark: str, inline: bool = True) -> Opened:
    """Open a ``.html`` file.

    Arguments:
        text: the page.
        name: of the file.
        mark: see :func:`~nmt.documents.fields.opened`.
        inline: whether a text is a paragraph with the tags inside its lines; otherwise it is what stands between two
            tags.

    >>> from nmt.documents.parts import plain, spelled
    >>> opened = read("<p>Rice &amp; bread<p>ate <code>x = 1</code><b>You", "a.html", "", inline=False)
    >>> [spelled(each) for each in opened.texts]
    ['Rice & bread', 'ate', 'You']
    >>> opened.written([plain("A < B"), plain("C"), plain("D")])
    b'<p>A &lt; B<p>C <code>x = 1</code><b>D'
    >>> [spelled(each) for each in read("<p>Rice &amp; <i>bread</i><p>ate <code>x</code>", "a.html", "").texts]
    ['Rice & <i>bread</i>', 'ate <code>x</code>']
    """
    fields: list[Field] = []
    for parts in _paragraphs(text):
        parts = _trimmed(text, parts) if inline else parts
        said = [part for part in parts if part.is_text and not part.kept]
        if not inline:
            for part in said:
                fields += paragraph(text, start=part.start, end=part.end, tokens=(), read=_read, write=_write)
        elif said and len(parts) <= MARKS and parts[-1].end - parts[0].start <= CHARACTERS:
            fields += _marked(text, parts[0].start, parts[-1].end, said)
        else:
            for part in said:
                fields += _marked(text, part.start, part.end, [part])
    return opened(text, fields, (), mark)


def _marked(text: str, start: int, end: int, said: Sequence[_PagePart]) -> Iterator[Field]:
    """Yield the field of a paragraph, if it has a letter or a digit outside of its tags."""
    words = "".join(text[part.start : part.end] for part in said)
    if not any(map(str.isalnum, words)):
        return
    inside = text[start:end]
    start += len(inside) - len(inside.lstrip())
    found = read_tagged(inside.strip())
    yield Field(
        start,
        start + len(inside.strip()),
        found.parts,
        lambda parts: spelled(broken(parts, BREAK.findall(words.strip())), _write) + found.rest,
    )


def _read(text: str) -> str:
    return " ".join(unescape(text).split(" "))


def _write(text: str) -> str:
    return html.escape(text, quote=False)
