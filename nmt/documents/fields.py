"""The places of a marked-up text that hold text. All that is outside them stays byte for byte."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from nmt.documents.sentences import script_of
from nmt.documents.verbatim import words
from nmt.evaluation import scripts

# The end of a line inside a paragraph, with the indent or the quotation marks of the next one.
# Spaces are looked at from their first one only, or many of them would take long.
BREAK = re.compile(r"(?:(?<![ \t])[ \t]+)?(?:\r\n?|\n)[ \t>]*")


class Field(NamedTuple):
    """A place that holds text.

    Attributes:
        start, end: where it stands in the file.
        text: what it says, on one line.
        written: turns a translation into what stands there instead.
    """

    start: int
    end: int
    text: str
    written: Callable[[str], str]


@dataclass(frozen=True)
class Opened:
    """A file whose texts can be replaced.

    Attributes:
        texts: what is to be translated.
        written: takes a translation for each text, and returns the new file.
        notes: what its owner should know, a sentence each.
        marked: whether the texts have tags inside, as HTML.
    """

    texts: Sequence[str]
    written: Callable[[Sequence[str]], bytes]
    notes: tuple[str, ...] = ()
    marked: bool = False


def spliced(text: str, fields: Sequence[Field], translations: Sequence[str]) -> str:
    """Return a text with the translation of each field in its place."""
    parts, position = [], 0
    for field, translation in zip(fields, translations, strict=True):
        parts += [text[position : field.start], field.written(translation)]
        position = field.end
    return "".join([*parts, text[position:]])


def opened(
    text: str, fields: Iterable[Field], notes: Sequence[str] = (), mark: str = "", marked: bool = False
) -> Opened:
    """Return a file of plain text with these fields. ``mark`` is what stood before it, a byte order mark or nothing."""
    found = sorted(fields)

    def written(translations: Sequence[str]) -> bytes:
        return (mark + spliced(text, found, translations)).encode("utf-8", "replace")

    return Opened([field.text for field in found], written, tuple(notes), marked)


def runs(
    text: str,
    start: int,
    end: int,
    protected: re.Pattern[str] | Callable[[str, int, int], Iterable[tuple[int, int]]],
    read: Callable[[str], str] = str,
    write: Callable[[str], str] = str,
) -> Iterator[Field]:
    """Yield the fields of a paragraph: what stands between its tags, and has a letter or a digit.

    A field that goes over several lines is one text, and its translation is put on as many lines.

    Arguments:
        text: the file.
        start, end: where the paragraph stands.
        protected: what stays as it is: tags, code, addresses. A pattern, or what yields their starts and ends.
        read, write: undo and do the escapes of the format.

    >>> text = "I ate <b>rice</b> and\\n  bread."
    >>> fields = list(runs(text, 0, len(text), re.compile("<.*?>")))
    >>> [field.text for field in fields]
    ['I ate', 'rice', 'and bread.']
    >>> spliced(text, fields, ["ICH ASS", "REIS", "UND ALLES BROT."])
    'ICH ASS <b>REIS</b> UND ALLES\\n  BROT.'
    """
    position = start
    if isinstance(protected, re.Pattern):
        kept_places: Iterable[tuple[int, int]] = (match.span() for match in protected.finditer(text, start, end))
    else:
        kept_places = protected(text, start, end)
    for begin, after in (*kept_places, (end, end)):
        inside = text[position:begin]
        kept = inside.strip()
        if any(map(str.isalnum, kept)):
            first = position + len(inside) - len(inside.lstrip())
            breaks = BREAK.findall(kept)
            lines = BREAK.split(kept)
            yield Field(first, first + len(kept), read(_joined(lines)), partial(_rewritten, breaks, write))
        position = max(position, after)


def _rewritten(breaks: Sequence[str], write: Callable[[str], str], found: str) -> str:
    return write(wrapped(found, breaks))


def _joined(lines: Sequence[str]) -> str:
    """Join the lines of a paragraph: with a space, unless both letters are of a script that has none."""
    text = lines[0]
    for line in lines[1:]:
        spaceless = {script_of(text[-1:]), script_of(line[:1])} <= set(scripts.SPACELESS)
        text += line if spaceless else f" {line}"
    return text


def wrapped(text: str, breaks: Sequence[str]) -> str:
    """Put a text on one line more than there are breaks, of nearly equal length. Placeholders stay whole.

    >>> wrapped("one two three four", ["\\n"]), wrapped("one", ["\\n", "\\n"])
    ('one two\\nthree four', 'one')
    """
    units, space = deque(words(text)), " "
    if script_of(text) in scripts.SPACELESS:
        units, space = deque(text), ""
    lines: list[str] = []
    left = len(text)
    for count in range(len(breaks) + 1, 0, -1):
        line = ""
        while units and (not line or count == 1 or len(line) + (len(space) + len(units[0])) / 2 < left / count):
            line += (space if line else "") + units.popleft()
        left -= len(line)
        if line:
            lines.append(line)
    return "".join(line + (breaks[i] if i + 1 < len(lines) else "") for i, line in enumerate(lines))
