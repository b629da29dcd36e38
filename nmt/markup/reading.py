"""A text with markup, read into plain text and marks.

A *mark* is a pair of tags around some characters, or a tag that stands alone at a place. What must come out letter by
letter, a placeholder or an element whose content is no language, is one character of a private range in the plain text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from nmt.documents import tags
from nmt.documents.verbatim import PLACEHOLDER
from nmt.errors import InputError

Format = Literal["text", "html", "xml"]
FORMATS: tuple[Format, ...] = ("text", "html", "xml")

# A text has at most this many marks, a pair of tags or a tag alone each. Placing them takes time that grows with their
# square.
MOST = 1000
# Private characters, which no language uses.
_FIRST, PRIVATE_CHARACTERS = 0xF0000, 65_534
PRIVATE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010fffd]")

_NUMBER = re.compile(r"[+-]?\d[\d.,:/]*", re.ASCII)
_SPACE = re.compile(r"\s+")
# What is inside these elements of XLIFF is a code of another format.
_CODES = frozenset({"bpt", "ept", "ph", "it"})
# What has other ends than ">" in XML.
_XML_ENDS = (("<![CDATA[", "]]>"), ("<?", "?>"))
# Entities that XML has without a definition; what any other says is unknown.
_XML_ENTITY = re.compile(r"&(?:(amp|lt|gt|quot|apos|#\d{1,40}|#x[0-9A-Fa-f]{1,40});|[\w:.-]{1,200};)")


class Mark(NamedTuple):
    """A pair of tags, or a tag that stands alone.

    Attributes:
        start, end: the characters it is around, ``text[start:end]``; equal where nothing is inside, as for a tag alone.
        opening, closing: the tags; ``closing`` is empty for a tag alone.
        parent: the index of the innermost pair it is in, -1 without one.
        before, after: whether there was a space before it, and after it.
    """

    start: int
    end: int
    opening: str
    closing: str = ""
    parent: int = -1
    before: bool = False
    after: bool = False


class Marked(NamedTuple):
    """A text without its markup.

    Attributes:
        text: plain text on one line; each of ``kept`` is one private character in it.
        marks: in the order in which they begin, so that a parent comes before its children.
        kept: what each private character stands for, as it was written.
        broken: what is wrong with the markup and what comes of it, without a full stop; empty if nothing is.
        rest: what lacks its end, with all that follows it, as it was written: a browser shows none of it.
    """

    text: str
    marks: tuple[Mark, ...] = ()
    kept: dict[str, str] = {}
    broken: str = ""
    rest: str = ""


def is_number(kept: str) -> bool:
    """Return whether something kept is a number: a model may know how to copy it.

    >>> is_number("1,000"), is_number("{n}")
    (True, False)
    """
    return _NUMBER.fullmatch(kept) is not None


def read(text: str, form: Format = "html", first: int = 0) -> Marked:
    """Read a text.

    Tags that are not closed, or close nothing, are marks that stand alone, so none is lost; ``broken`` says so. What
    follows a tag or a comment without an end is the ``rest``.

    Arguments:
        text: with markup.
        form: ``html``; ``xml``, where every element is closed and names are told apart by case; or ``text``, which has
            placeholders and no tags.
        first: how many private characters are taken already by texts that are translated together.

    Raises:
        InputError: if there are more than 1,000 pairs of tags and tags alone, or 65,534 placeholders.

    >>> found = read("나는 <b>밥을 <i>많이</i></b> 먹었다 &amp; {name}<br>")
    >>> found.text[:15], [(each.opening, each.start, each.end) for each in found.marks]
    ('나는 밥을 많이 먹었다 & ', [('<b>', 3, 8), ('<i>', 6, 8), ('<br>', 16, 16)])
    >>> list(found.kept.values()), read("<b>밥을").broken
    (['{name}'], '<b> is not closed, so it is moved by itself')
    """
    reader = _Reader(text, form, first)
    if form == "text":
        reader.run(0, len(text))
    else:
        reader.markup()
    return reader.result()


class _Open(NamedTuple):
    """An element that is not closed yet: the index of its mark, its name as it is compared, and its tag."""

    mark: int
    name: str
    tag: str


class _Reader:
    """Reads one text, from its start to its end."""

    def __init__(self, text: str, form: Format, first: int) -> None:
        self._raw, self._form, self._first = text, form, first
        self._parts: list[str] = []
        self._length = 0
        self._kept: dict[str, str] = {}
        self._marks: list[Mark] = []
        self._open: list[_Open] = []
        self._ends: dict[int, int] | None = None
        self._broken = self._rest = ""

    def result(self) -> Marked:
        for each in self._open:
            self._break(f"{each.tag} is not closed, so it is moved by itself")
            self._unpair(each.mark)
        text = "".join(self._parts)
        marks = [self._trimmed(text, mark) for mark in self._marks]
        # Spaces at both ends belong to no sentence. In plain text they are an indent.
        cut = 0 if self._form == "text" else len(text) - len(text.lstrip())
        text = text if self._form == "text" else text.strip()
        marks = [
            mark._replace(start=min(max(mark.start - cut, 0), len(text)), end=min(max(mark.end - cut, 0), len(text)))
            for mark in marks
        ]
        return Marked(text, tuple(marks), self._kept, self._broken, self._rest)

    def markup(self) -> None:
        raw, place = self._raw, 0
        while begin := tags.BEGIN.search(raw, place):
            start = begin.start()
            self.run(place, start)
            end = self._tag(start)
            if end is None:
                self._break(f"'{raw[start : start + 20]}' has no end, so nothing from there on is translated")
                self._rest = raw[len(raw[:start].rstrip()) :]
                return
            place = end
        self.run(place, len(raw))

    def run(self, start: int, end: int) -> None:
        """Read text between tags."""
        place = start
        for match in PLACEHOLDER.finditer(self._raw, start, end):
            if match[0].startswith("&"):
                continue
            self._text(self._raw[place : match.start()])
            self._keep(match[0])
            place = match.end()
        self._text(self._raw[place:end])

    def _text(self, raw: str) -> None:
        if self._form != "xml":
            self._plain(raw if self._form == "text" else html.unescape(raw))
            return
        place = 0
        parts: list[str] = []
        for match in _XML_ENTITY.finditer(raw):
            parts.append(raw[place : match.start()])
            place = match.end()
            if match[1]:
                parts.append(html.unescape(match[0]))
                continue
            self._plain("".join(parts))
            self._keep(match[0])
            parts.clear()
        self._plain("".join([*parts, raw[place:]]))

    def _plain(self, text: str) -> None:
        place = 0
        for match in PRIVATE.finditer(text):
            self._add(text[place : match.start()])
            self._keep(match[0])
            place = match.end()
        self._add(text[place:])

    def _add(self, text: str) -> None:
        if self._form != "text":
            # An entity for a no-break space is no space that may be joined with others.
            text = re.sub(r"[ \t\r\n\f]+", " ", text)
            if text.startswith(" ") and self._parts and self._parts[-1].endswith(" "):
                text = text[1:]
        if text:
            self._parts.append(text)
            self._length += len(text)

    def _keep(self, raw: str) -> None:
        self._check_count()
        character = chr(_FIRST + (self._first + len(self._kept)) % PRIVATE_CHARACTERS)
        self._kept[character] = raw
        self._parts.append(character)
        self._length += 1

    def _check_count(self) -> None:
        if len(self._marks) >= MOST or len(self._kept) >= PRIVATE_CHARACTERS:
            raise InputError(
                f"It has more than {MOST:,} pairs of tags and tags alone, or {PRIVATE_CHARACTERS:,} placeholders, and"
                " no more are placed at once. Split it."
            )

    def _tag(self, start: int) -> int | None:
        """Read the tag that begins here, and return where it ends."""
        raw = self._raw
        if tag := tags.START_TAG.match(raw, start):
            return self._start_tag(tag)
        end = self._end_of_tag(start)
        if end is None:
            return None
        if close := tags.END_TAG.match(raw, start):
            self._close(self._name(close[1]), start, end)
            return end
        return self._alone(start, end)

    def _end_of_tag(self, start: int) -> int | None:
        """Return where anything but a start tag ends that begins here, ``None`` if nowhere."""
        raw = self._raw
        if raw.startswith("<!--", start):
            comment = tags.COMMENT_END.search(raw, start + 2)
            return comment.end() if comment else None
        for begin, end in _XML_ENDS if self._form == "xml" else ():
            if raw.startswith(begin, start):
                place = raw.find(end, start + len(begin))
                return place + len(end) if place >= 0 else None
        return raw.find(">", start) + 1 or None

    def _start_tag(self, tag: re.Match[str]) -> int | None:
        name = self._name(tag[1])
        if tag[0].endswith("/>") or (self._form == "html" and name in tags.VOID):
            return self._alone(tag.start(), tag.end())
        codes = tags.SKIPPED if self._form == "html" else _CODES
        if name in codes or tags.is_kept(tag[0]):
            if end := self._end_of(tag.start()):
                self._keep(self._raw[tag.start() : end])
                return end
            if self._form == "html" and name in tags.RAW:
                return None
        self._mark(tag.start(), tag.end())
        self._open.append(_Open(len(self._marks) - 1, name, tag[0]))
        return tag.end()

    def _name(self, name: str) -> str:
        return name.lower() if self._form == "html" else name

    def _end_of(self, start: int) -> int | None:
        """Return where the element ends whose tag begins here, ``None`` if nowhere."""
        if self._ends is None:
            # All elements at once: a search for the end of each would take long.
            self._ends = dict(self._elements())
        return self._ends.get(start)

    def _elements(self) -> Iterator[tuple[int, int]]:
        """Yield where each element begins and ends that is closed. A tag in a comment closes nothing."""
        raw, place = self._raw, 0
        waiting: dict[str, list[int]] = {}
        while begin := tags.BEGIN.search(raw, place):
            start = begin.start()
            if tag := tags.START_TAG.match(raw, start):
                name, place = self._name(tag[1]), tag.end()
                if tag[0].endswith("/>"):
                    continue
                waiting.setdefault(name, []).append(start)
                if self._form == "html" and name in tags.RAW:
                    close = tags.RAW[name].search(raw, place)
                    if not close:
                        return
                    place = close.start()
                continue
            end = self._end_of_tag(start)
            if end is None:
                return
            place = end
            if (found := tags.END_TAG.match(raw, start)) and (starts := waiting.get(self._name(found[1]))):
                yield starts.pop(), end

    def _alone(self, start: int, end: int) -> int:
        self._mark(start, end)
        if self._form == "html" and re.match(r"<br[\s/>]", self._raw[start:end], re.IGNORECASE):
            self._add(" ")
        return end

    def _mark(self, start: int, end: int) -> None:
        self._check_count()
        before = self._raw[start - 1 : start].isspace()
        after = self._raw[end : end + 1].isspace()
        parent = self._open[-1].mark if self._open else -1
        self._marks.append(
            Mark(self._length, self._length, self._raw[start:end], parent=parent, before=before, after=after)
        )

    def _close(self, name: str, start: int, end: int) -> None:
        tag = self._raw[start:end]
        if not any(each.name == name for each in self._open):
            self._break(f"{tag} closes nothing, so it is moved by itself")
            self._mark(start, end)
            return
        while (last := self._open.pop()).name != name:
            self._break(f"{last.tag} is not closed, so it is moved by itself")
            self._unpair(last.mark)
        self._marks[last.mark] = self._marks[last.mark]._replace(end=self._length, closing=tag)

    def _unpair(self, index: int) -> None:
        """Let what is inside a tag that is not closed be inside the one around it."""
        parent = self._marks[index].parent
        for place in range(index + 1, len(self._marks)):
            if self._marks[place].parent == index:
                self._marks[place] = self._marks[place]._replace(parent=parent)

    def _break(self, reason: str) -> None:
        self._broken = self._broken or reason

    def _trimmed(self, text: str, mark: Mark) -> Mark:
        """Leave the spaces at both ends of what a pair is around outside."""
        if not mark.closing:
            return mark
        inside = text[mark.start : mark.end]
        start = mark.start + len(inside) - len(inside.lstrip())
        return mark._replace(start=start, end=max(start, mark.start + len(inside.rstrip())))


def restored(text: str, marked: Marked) -> str:
    """Put what is kept back into the place of its private characters, and what was not read behind it all.

    >>> marked = read("{name} ate", "text")
    >>> restored(marked.text[:1] + " hat gegessen", marked)
    '{name} hat gegessen'
    """
    return PRIVATE.sub(lambda match: marked.kept.get(match[0], match[0]), text) + marked.rest
