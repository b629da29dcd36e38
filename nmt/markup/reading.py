"""A text with marks, read into plain text and marks.

A *mark* is a pair of tags around some characters, or a tag that stands alone at a place. What must come out letter by
letter, a placeholder or an element whose content is no language, is one character of a private range in the plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from nmt.documents.parts import Part, Parts
from nmt.documents.tagged import Format, read_tagged
from nmt.errors import InputError

# A text has at most this many marks, a pair of tags or a tag alone each. Placing them takes time that grows with their
# square, and with that of its words.
MAX_MARKS = 1000
# Private characters, which no language uses.
_FIRST, PRIVATE_CHARACTERS = 0xF0000, 65_534
PRIVATE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010fffd]")

_TOO_MANY = (
    f"It has more than {MAX_MARKS:,} pairs of tags and tags alone, or {PRIVATE_CHARACTERS:,} placeholders, and no more "
    "are placed at once. Split it."
)
_NUMBER = re.compile(r"[+-]?\d[\d.,:/]*", re.ASCII)


class Mark(NamedTuple):
    """A pair of tags, or a tag that stands alone.

    Attributes:
        start, end: the characters it is around, ``text[start:end]``; equal where nothing is inside, as for a tag alone.
        opening, closing: the tags; ``closing`` is empty for a tag alone.
        parent: the index of the innermost pair it is in, -1 without one.
        before, after: whether there was a space before it, and after it.
        breaks: whether it ends a line, and stands for a space.
    """

    start: int
    end: int
    opening: str
    closing: str = ""
    parent: int = -1
    before: bool = False
    after: bool = False
    breaks: bool = False


class Marked(NamedTuple):
    """A text without its markup.

    Attributes:
        text: plain text; each of ``kept`` is one private character in it.
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
    """Read a text with tags; see :func:`nmt.documents.tagged.read_tagged` and :func:`marked`.

    >>> found = read("나는 <b>밥을 <i>많이</i></b> 먹었다 &amp; {name}<br>")
    >>> found.text[:15], [(each.opening, each.start, each.end) for each in found.marks]
    ('나는 밥을 많이 먹었다 & ', [('<b>', 3, 8), ('<i>', 6, 8), ('<br>', 16, 16)])
    >>> list(found.kept.values())
    ['{name}']
    """
    found = read_tagged(text, form)
    return marked(found.parts, first)._replace(broken=found.broken, rest=found.rest)


def marked(parts: Parts, first: int = 0) -> Marked:
    """Return a text without its marks, and the marks.

    Arguments:
        parts: of the text.
        first: how many private characters are taken already by texts that are translated together.

    Raises:
        InputError: if there are more than 1,000 pairs of marks and marks alone, or 65,534 parts that are kept.
    """
    pieces = list(_split(parts))
    written: list[str] = []
    length = 0
    kept: dict[str, str] = {}
    marks: list[Mark] = []
    inside: list[int] = []
    for place, (kind, raw) in enumerate(pieces):
        text = ""
        if kind == "kept":
            if len(kept) >= PRIVATE_CHARACTERS:
                raise InputError(_TOO_MANY)
            text = chr(_FIRST + (first + len(kept)) % PRIVATE_CHARACTERS)
            kept[text] = raw
        elif kind == "closing":
            index = inside.pop()
            marks[index] = marks[index]._replace(end=length, closing=raw)
        elif kind != "text":
            if len(marks) >= MAX_MARKS:
                raise InputError(_TOO_MANY)
            before = place > 0 and pieces[place - 1].kind == "text" and pieces[place - 1].raw[-1].isspace()
            after = place + 1 < len(pieces) and pieces[place + 1].kind == "text" and pieces[place + 1].raw[0].isspace()
            parent = inside[-1] if inside else -1
            marks.append(
                Mark(
                    length,
                    end=length,
                    opening=raw,
                    closing="",
                    parent=parent,
                    before=before,
                    after=after,
                    breaks=kind == "break",
                )
            )
            if kind == "opening":
                inside.append(len(marks) - 1)
        if kind in ("text", "break"):
            text = raw if kind == "text" else " "
            beside = kind == "break" or (place > 0 and pieces[place - 1].kind not in ("text", "kept"))
            # Spaces on both sides of a mark are one.
            if beside and text[0] == " " and written and written[-1][-1] == " ":
                text = text[1:]
        if text:
            written.append(text)
            length += len(text)
    whole = "".join(written)
    if marks:
        # A break that stands at an end is no space of a sentence.
        cut = len(whole) - len(whole.lstrip())
        whole = whole.strip()
        marks = [
            mark._replace(start=min(max(mark.start - cut, 0), len(whole)), end=min(max(mark.end - cut, 0), len(whole)))
            for mark in marks
        ]
    return Marked(whole, tuple(_trimmed(whole, mark) for mark in marks), kept)


def _split(parts: Parts) -> Iterator[Part]:
    """Yield parts; private characters of a text are kept, so that they are not taken for those of :func:`marked`."""
    for part in parts:
        if part.kind != "text":
            yield part
            continue
        place = 0
        for match in PRIVATE.finditer(part.raw):
            if match.start() > place:
                yield Part("text", part.raw[place : match.start()])
            yield Part("kept", match[0])
            place = match.end()
        if place < len(part.raw):
            yield Part("text", part.raw[place:])


def _trimmed(text: str, mark: Mark) -> Mark:
    """Leave the spaces at both ends of what a pair is around outside."""
    if not mark.closing:
        return mark
    inside = text[mark.start : mark.end]
    start = mark.start + len(inside) - len(inside.lstrip())
    return mark._replace(start=start, end=max(start, mark.start + len(inside.rstrip())))


def restored(text: str, found: Marked) -> Parts:
    """Return the parts of a text in which private characters stand for what is kept.

    >>> found = read("{name} ate", "text")
    >>> restored(found.text[:1] + " hat gegessen", found)
    [Part(kind='kept', raw='{name}'), Part(kind='text', raw=' hat gegessen')]
    """
    return [
        Part("kept", found.kept.get(part.raw, part.raw)) if part.kind == "kept" else part
        for part in _split([Part("text", text)])
    ]
