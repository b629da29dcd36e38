"""Text with the tags of HTML or XML, and with placeholders, read into parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from nmt.documents import tags
from nmt.documents.entities import unescape
from nmt.documents.parts import Kind, Part, Parts, match_marks
from nmt.documents.verbatim import PLACEHOLDER

Format = Literal["text", "html", "xml"]

# What is inside these elements of XLIFF is a code of another format.
_CODES = frozenset({"bpt", "ept", "ph", "it"})
# What has other ends than ">" in XML.
_XML_ENDS = (("<![CDATA[", "]]>"), ("<?", "?>"))
# Entities that XML has without a definition; what any other says is unknown.
_XML_ENTITY = re.compile(r"&(?:(amp|lt|gt|quot|apos|#\d{1,40}|#x[0-9A-Fa-f]{1,40});|[\w:.-]{1,200};)")
_BREAK = re.compile(r"<br[\s/>]", re.IGNORECASE)


class Tagged(NamedTuple):
    """A text with tags.

    Attributes:
        parts: of it.
        broken: what is wrong with the markup and what comes of it, without a full stop; empty if nothing is.
        rest: what lacks its end, with all that follows it, as it was written: a browser shows none of it.
    """

    parts: Parts
    broken: str = ""
    rest: str = ""


def read_tagged(text: str, form: Format = "html") -> Tagged:
    """Read a text.

    Tags that are not closed, or close nothing, are marks that stand alone, so none is lost; ``broken`` says so. What
    follows a tag or a comment without an end is the ``rest``.

    Arguments:
        text: with markup.
        form: ``html``; ``xml``, where every element is closed and names are told apart by case; or ``text``, which has
            placeholders and no tags.

    >>> read_tagged("<b>밥을</b>  {n}<br>").parts[:4]
    (Part(kind='opening', raw='<b>'), Part(kind='text', raw='밥을'), Part(kind='closing', raw='</b>'), \
Part(kind='text', raw=' '))
    >>> read_tagged("<b>밥을").broken
    '<b> is not closed, so it is moved by itself'
    """
    reader = _Reader(text, form)
    if form == "text":
        reader.read_text(0, len(text))
    else:
        reader.read_markup()
    return reader.result()


def with_placeholders(parts: Parts) -> Parts:
    """Return parts in which placeholders of what is said are kept.

    >>> [part.raw for part in with_placeholders([Part("text", "dear {name}!")])]
    ['dear ', '{name}', '!']
    """
    return tuple(
        found for part in parts for found in (read_tagged(part.raw, "text").parts if part.kind == "text" else (part,))
    )


class _Reader:
    """Reads one text, from its start to its end."""

    def __init__(self, text: str, form: Format) -> None:
        self._raw, self._form = text, form
        # Each part, and of a tag its name.
        self._parts: list[Part] = []
        self._names: list[str] = []
        self._ends: dict[int, int] | None = None
        self._broken = self._rest = ""

    def result(self) -> Tagged:
        """Return what was read. A tag without a partner stands alone."""
        found = match_marks((part.kind, name) for part, name in zip(self._parts, self._names, strict=True))
        if found.unpaired is not None:
            part = self._parts[found.unpaired]
            reason = "is not closed" if part.kind == "opening" else "closes nothing"
            self._broken = f"{part.raw} {reason}, so it is moved by itself"
        whole = {*found.ends, *found.ends.values()}
        parts = [
            part._replace(kind="alone") if part.kind in ("opening", "closing") and n not in whole else part
            for n, part in enumerate(self._parts)
        ]
        # Spaces at both ends belong to no sentence. In plain text they are an indent.
        return Tagged(tuple(parts if self._form == "text" else _stripped(parts)), self._broken, self._rest)

    def read_markup(self) -> None:
        """Read text and tags, up to a tag that has no end."""
        raw, place = self._raw, 0
        while begin := tags.BEGIN.search(raw, place):
            start = begin.start()
            self.read_text(place, start)
            end = self._tag(start)
            if end is None:
                self._broken = f"'{raw[start : start + 20]}' has no end, so nothing from there on is translated"
                self._rest = raw[len(raw[:start].rstrip()) :]
                return
            place = end
        self.read_text(place, len(raw))

    def read_text(self, start: int, end: int) -> None:
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
            self._add(raw if self._form == "text" else unescape(raw))
            return
        place = 0
        parts: list[str] = []
        for match in _XML_ENTITY.finditer(raw):
            parts.append(raw[place : match.start()])
            place = match.end()
            if match[1]:
                parts.append(unescape(match[0]))
                continue
            self._add("".join(parts))
            self._keep(match[0])
            parts.clear()
        self._add("".join([*parts, raw[place:]]))

    def _add(self, text: str) -> None:
        if self._form != "text":
            # An entity for a no-break space is no space that may be joined with others.
            text = re.sub(r"[ \t\r\n\f]+", " ", text)
        if text:
            self._part("text", text)

    def _keep(self, raw: str) -> None:
        self._part("kept", raw)

    def _part(self, kind: Kind, raw: str, name: str = "") -> None:
        self._parts.append(Part(kind, raw))
        self._names.append(name)

    def _tag(self, start: int) -> int | None:
        """Read the tag that begins here, and return where it ends."""
        raw = self._raw
        if tag := tags.START_TAG.match(raw, start):
            return self._start_tag(tag)
        end = self._end_of_tag(start)
        if end is None:
            return None
        if close := tags.END_TAG.match(raw, start):
            self._part("closing", raw[start:end], self._name(close[1]))
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
        self._part("opening", tag[0], name)
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
        ends_line = self._form == "html" and _BREAK.match(self._raw, start, end)
        self._part("break" if ends_line else "alone", self._raw[start:end])
        return end


def _stripped(parts: list[Part]) -> list[Part]:
    """Return parts without the spaces at both ends."""
    for place, strip in ((0, str.lstrip), (-1, str.rstrip)):
        if parts and parts[place].kind == "text":
            parts[place] = parts[place]._replace(raw=strip(parts[place].raw))
    return [part for part in parts if part.raw]
