"""The places of a marked-up text that hold text. All that is outside them stays byte for byte."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from nmt.documents.parts import Part, Parts, Token, match_marks, paired, plain, spelled
from nmt.documents.sentences import script_of
from nmt.documents.verbatim import spaces
from nmt.evaluation import scripts

# The end of a line inside a paragraph, with the indent or the quotation marks of the next one.
# Spaces are looked at from their first one only, or many of them would take long.
BREAK = re.compile(r"(?:(?<![ \t])[ \t]+)?(?:\r\n?|\n)[ \t>]*")
# A paragraph with more marks than this, or more characters, is cut at its marks: placing them would take long.
MARKS, CHARACTERS = 1000, 20_000


class Field(NamedTuple):
    """A place that holds text.

    Attributes:
        start, end: where it stands in the file.
        parts: what it says, on one line, and the marks inside.
        written: turns a translation into what stands there instead.
    """

    start: int
    end: int
    parts: Parts
    written: Callable[[Parts], str]


@dataclass(frozen=True)
class Opened:
    """A file whose texts can be replaced.

    Attributes:
        texts: what is to be translated.
        written: takes a translation for each text, and returns the new file.
        notes: what its owner should know, a sentence each.
    """

    texts: Sequence[Parts]
    written: Callable[[Sequence[Parts]], bytes]
    notes: tuple[str, ...] = ()


def spliced(text: str, fields: Sequence[Field], translations: Sequence[Parts]) -> str:
    """Return a text with the translation of each field in its place."""
    parts, position = [], 0
    for field, translation in zip(fields, translations, strict=True):
        parts += [text[position : field.start], field.written(translation)]
        position = field.end
    return "".join([*parts, text[position:]])


def opened(text: str, fields: Iterable[Field], notes: Sequence[str] = (), mark: str = "") -> Opened:
    """Return a file of plain text with these fields. ``mark`` is what stood before it, a byte order mark or nothing."""
    found = sorted(fields, key=lambda field: field.start)

    def written(translations: Sequence[Parts]) -> bytes:
        return (mark + spliced(text, found, translations)).encode("utf-8", "replace")

    return Opened([field.parts for field in found], written, tuple(notes))


def paragraph(
    text: str,
    start: int,
    end: int,
    tokens: Iterable[Token],
    read: Callable[[str], str] = str,
    write: Callable[[str], str] = str,
    inline: bool = True,
    spell: Callable[[Parts, Callable[[str], str]], str] = spelled,
) -> Iterator[Field]:
    """Yield the field of a paragraph, if it says anything: a letter or a digit outside of its marks.

    Marks that stand at its ends and are around all of it, or around nothing, stay outside. A text over several lines is
    one, and its translation is put on as many lines.

    Arguments:
        text: the file.
        start, end: where the paragraph stands.
        tokens: its marks, and what is kept, in their order.
        read, write: undo and do the escapes of the format.
        inline: whether marks are parts of the text. Otherwise the text between two marks is a field of its own, and
            marks stay where they are.
        spell: writes the parts of a translation, of which some end lines, with the escapes of the format.

    >>> text = "*I ate <b>rice</b> and\\n  bread.*"
    >>> marks = [Token(0, 1, "opening", "*"), Token(7, 10, "opening", "b"), Token(14, 18, "closing", "b"),
    ...          Token(31, 32, "closing", "*")]
    >>> (field,) = paragraph(text, 0, len(text), marks)
    >>> spelled(field.parts)
    'I ate <b>rice</b> and bread.'
    >>> spliced(text, [field], [plain("ICH ASS ALLES BROT.")])
    '*ICH ASS\\n  ALLES BROT.*'
    >>> [spelled(each.parts) for each in paragraph(text, 0, len(text), marks, inline=False)]
    ['I ate', 'rice', 'and bread.']
    """
    marks = found = paired(list(tokens))
    if inline:
        start, end, found = _trimmed(text, start, end, found)
    if inline and len(found) <= MARKS and end - start <= CHARACTERS:
        fields = list(_whole(text, start=start, end=end, tokens=found, read=read, write=write, spell=spell))
        marks = [mark for mark in marks if mark.end <= start or mark.start >= end]
    else:
        fields = []
        position = start
        for mark in (*found, Token(end, end, "alone")):
            fields += _whole(
                text, start=position, end=max(mark.start, position), tokens=[], read=read, write=write, spell=spell
            )
            position = max(position, mark.end)
    if any(mark.written for mark in marks):
        fields = _with_marks(text, fields, marks)
    yield from fields


def _with_marks(text: str, fields: list[Field], marks: Sequence[Token]) -> list[Field]:
    """Let the last field inside a pair hold the mark that ends the pair, if that is written in another way.

    Arguments:
        text: the file.
        fields: of a paragraph.
        marks: those that are in no field.
    """
    starts = [field.start for field in fields]
    for first, last in match_marks((each.kind, each.name) for each in marks).ends.items():
        begin, after = bisect_left(starts, marks[first].end), bisect_left(starts, marks[last].start)
        if begin < after and marks[last].written:
            fields[after - 1] = _with_mark(text, fields[after - 1], marks[last], alone=after - begin == 1)
    return fields


def _with_mark(text: str, field: Field, mark: Token, alone: bool) -> Field:
    """Return a field that extends to the end of a mark. A pair whose only field comes out as it was stays as it is."""

    def written(found: Parts) -> str:
        inside = field.written(found)
        if alone and inside == text[field.start : field.end]:
            return text[field.start : mark.end]
        return f"{inside}{text[field.end : mark.start]}{mark.written}"

    return field._replace(end=mark.end, written=written)


def _whole(
    text: str,
    start: int,
    end: int,
    tokens: Sequence[Token],
    read: Callable[[str], str],
    write: Callable[[str], str],
    spell: Callable[[Parts, Callable[[str], str]], str],
) -> Iterator[Field]:
    """Yield the field of a text, without the spaces around it."""
    pieces: list[tuple[int, int, Token | None]] = []
    position = start
    for mark in tokens:
        pieces += [(position, mark.start, None), (mark.start, mark.end, mark)]
        position = mark.end
    pieces.append((position, end, None))
    if not any(any(map(str.isalnum, text[begin:after])) for begin, after, token in pieces if token is None):
        return
    inside = text[start:end]
    first = start + len(inside) - len(inside.lstrip())
    last = start + len(inside.rstrip())
    parts: list[Part] = []
    breaks: list[str] = []
    for begin, after, token in pieces:
        begin, after = max(begin, first), min(after, last)
        if token is not None:
            parts.append(Part(token.kind, token.written or text[begin:after]))
        elif after > begin:
            breaks += BREAK.findall(text, begin, after)
            parts += plain(read(_joined(BREAK.split(text[begin:after]))))
    source = spelled(parts), text[first:last]
    yield Field(first, last, tuple(parts), partial(_written, source, breaks, write, spell))


def _trimmed(text: str, start: int, end: int, tokens: list[Token]) -> tuple[int, int, list[Token]]:
    """Leave out at both ends the marks that can stay there, with the spaces around them."""
    ends = match_marks((each.kind, each.name) for each in tokens).ends
    first, last = 0, len(tokens)
    while first < last:
        left, right = tokens[first], tokens[last - 1]
        at_start = not text[start : left.start].strip()
        at_end = not text[right.end : end].strip()
        if at_start and left.kind in ("alone", "break"):
            start, first = left.end, first + 1
        elif at_end and right.kind in ("alone", "break"):
            end, last = right.start, last - 1
        elif at_start and at_end and ends.get(first) == last - 1:
            start, end, first, last = left.end, right.start, first + 1, last - 1
        else:
            break
    return start, end, tokens[first:last]


def _written(
    source: tuple[str, str],
    breaks: Sequence[str],
    write: Callable[[str], str],
    spell: Callable[[Parts, Callable[[str], str]], str],
    found: Parts,
) -> str:
    # What comes out as it was stands as it did, line by line, with the escapes that it had.
    return source[1] if spelled(found) == source[0] else spell(broken(found, breaks), write)


def _joined(lines: Sequence[str]) -> str:
    """Join the lines of a paragraph: with a space, unless both letters are of a script that has none."""
    text = lines[0]
    for line in lines[1:]:
        spaceless = {script_of(text[-1:]), script_of(line[:1])} <= set(scripts.SPACELESS)
        text += line if spaceless else f" {line}"
    return text


def broken(parts: Parts, breaks: Sequence[str]) -> Parts:
    """Put a text on one line more than there are breaks, of nearly equal length. What is kept stays whole.

    >>> spelled(broken(plain("one two three four"), ["\\n"])), spelled(broken(plain("one"), ["\\n", "\\n"]))
    ('one two\\nthree four', 'one')
    """
    if not breaks:
        return parts
    seen = [part.raw if part.kind in ("text", "kept") else "" for part in parts]
    waiting = list(zip(_ends("".join(seen), parts, len(breaks) + 1), breaks, strict=False))[::-1]
    found: list[Part] = []
    length = 0
    for part, raw in zip(parts, seen, strict=True):
        if part.kind != "text":
            found.append(part)
            length += len(raw)
            continue
        position = 0
        while waiting and waiting[-1][0][1] <= length + len(raw):
            (begin, after), mark = waiting.pop()
            found += [*plain(raw[position : begin - length]), Part("break", mark)]
            position = after - length
        found += plain(raw[position:])
        length += len(raw)
    return found


def _ends(text: str, parts: Parts, lines: int) -> list[tuple[int, int]]:
    """Return where the lines of a text end but the last, and where the next begins: a space lies between."""
    places: list[tuple[int, int]] = []
    spaceless = script_of(text) in scripts.SPACELESS
    length = 0
    for part in parts:
        if part.kind == "text" and spaceless:
            places += [(length + n, length + n) for n in range(len(part.raw))]
        elif part.kind == "text":
            places += [(length + begin, length + end) for begin, end in spaces(part.raw)]
        length += len(part.raw) if part.kind in ("text", "kept") else 0
    places = [place for place in places if place[0] > 0 and place[1] < length]
    found: list[tuple[int, int]] = []
    start = position = 0
    for count in range(lines, 1, -1):
        # A line takes a word if at least half of it is within its share of what is left.
        while position < len(places) and places[position][0] <= start:
            position += 1
        if position == len(places):
            break
        share = (length - start) / count
        while position + 1 < len(places):
            begin, after = places[position][0] - start, places[position + 1][0] - start
            if (begin + after) / 2 >= share:
                break
            position += 1
        else:
            if (places[position][0] + length) / 2 - start < share:
                break
        found.append(places[position])
        start = places[position][1]
    return found
