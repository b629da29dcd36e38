"""Subtitles: SubRip and WebVTT. Only the words of the cues change; numbers, time codes, settings and notes stay.

Tags inside a line move with their words: ``<i>`` to ``</i>``, and of SubStation Alpha ``{\\i1}`` to ``{\\i0}``. The
times of WebVTT inside a line, ``<00:01.500>``, stay in their order.

The places of the texts are found here, and not by a library that writes the file anew, so that every other byte stays.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from functools import partial

from nmt.documents.entities import unescape
from nmt.documents.fields import Field, Opened, opened, paragraph
from nmt.documents.parts import Kind, Parts, Token
from nmt.documents.tags import WHOLE_TAG
from nmt.errors import InputError

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
# Readings above a word, tags as in HTML, times, the name of who speaks, which may have any sign, and tags of
# SubStation Alpha.
_TAGS = re.compile(rf"<rt>[^<>]*+</rt>|{WHOLE_TAG.pattern}|<[\d:.]+>|<v(?=[.\s])[^<>\n]*>|\{{\\[^{{}}\n]*\}}")
# What begins with a time and has nothing but times and signs: time codes with another arrow, or half of them.
_BROKEN = re.compile(r"\s*(?:\d+:\d{2}:\d{2}[.,]\d+|\d{2}:\d{2}[.,]\d+\s*[=>→–—-])[\s\d:.,=>→–—-]*")
_SWITCH = re.compile(r"\{\\([bisu])([01])\}")
_TIME_INSIDE = re.compile(r"<[\d:.]+>")
_NO_CUE = ("WEBVTT", "NOTE", "STYLE", "REGION")
# Each line that is said by another person begins with a dash.
_SPEAKER = re.compile(r"\s*(?:<[^<>\n]*>|\{\\[^{}\n]*\})*\s*[-–—]\s*(?=\S)")


def read(text: str, name: str, mark: str, inline: bool = True) -> Opened:
    """Open a ``.srt`` or ``.vtt`` file.

    Arguments:
        text: the file.
        name: of the file.
        mark: see :func:`~nmt.documents.fields.opened`.
        inline: whether a text has the tags inside its lines; otherwise it is what stands between two tags.

    Raises:
        InputError: if it has no cue, or a time code that cannot be read.
    """
    lines = []
    start = 0
    for line in text.splitlines(keepends=True):
        lines.append((start, line.rstrip("\r\n")))
        start += len(line)
    fields: list[Field] = []
    notes: list[str] = []
    cues, before, number = 0, 0, 0
    vtt = name.lower().endswith(".vtt")
    while number < len(lines):
        line = lines[number][1]
        if not _is_timing(line):
            after = _after_block(lines, number) if line.startswith(_NO_CUE) or vtt else number + 1
            if vtt and not line.startswith(_NO_CUE):
                after = next((n for n in range(number, after) if _is_timing(lines[n][1])), after)
                notes += _untimed(lines, number, after)
            number = max(after, number + 1)
            continue
        begin, end = _times(line, f"{name}, line {number + 1}")
        if end < begin:
            notes.append(f"Line {number + 1}: the cue ends before it begins.")
        if begin < before:
            notes.append(f"Line {number + 1}: the cue begins before the one above it has ended.")
        cues, before, number = cues + 1, end, number + 1
        first = number
        number = _after_text(lines, number, vtt)
        notes += _without_times(lines, first, number)
        fields += _cue(text, lines[first:number], vtt, inline)
    if not cues:
        raise InputError(f"{name} has no cue: no line has a time code, as in 00:00:01,000 --> 00:00:02,000.")
    return opened(text, fields, notes, mark)


def _times(line: str, where: str) -> tuple[int, int]:
    """Return the milliseconds of a line of time codes."""
    found = _TIMING.fullmatch(line)
    if not found:
        raise InputError(
            f"{where}: '{line.strip()[:60]}' is no time code as in 00:00:01,000 --> 00:00:02,000. Repair it."
        )
    numbers = [int(each or 0) for each in found.groups()[:3] + found.groups()[4:7]]
    thousandths = [int(found[4].ljust(3, "0")), int(found[8].ljust(3, "0"))]
    begin, end = (
        ((numbers[i] * 60 + numbers[i + 1]) * 60 + numbers[i + 2]) * 1000 + thousandths[i // 3] for i in (0, 3)
    )
    return begin, end


def _after_block(lines: list[tuple[int, str]], number: int) -> int:
    while number < len(lines) and lines[number][1].strip():
        number += 1
    return number


def _after_text(lines: list[tuple[int, str]], number: int, vtt: bool) -> int:
    """Return where the text of a cue ends. In SubRip, text continues after a blank line unless a cue follows."""
    while True:
        number = _after_block(lines, number)
        following = number
        while following < len(lines) and not lines[following][1].strip():
            following += 1
        if vtt or following == len(lines) or _begins_cue(lines, following):
            return number
        number = following


def _begins_cue(lines: list[tuple[int, str]], number: int) -> bool:
    """Return whether a cue begins at a line: its number, or its time codes."""
    if _is_timing(lines[number][1]):
        return True
    return number + 1 < len(lines) and _is_timing(lines[number + 1][1]) and lines[number][1].strip().isdigit()


def _is_timing(line: str) -> bool:
    """Return whether a line has time codes, perhaps some that cannot be read."""
    return "-->" in line or bool(_BROKEN.fullmatch(line))


def _without_times(lines: list[tuple[int, str]], first: int, end: int) -> Iterator[str]:
    """Yield a note for each number after a blank line in the text of a cue: a cue without time codes, perhaps."""
    for number in range(first + 1, end - 1):
        if lines[number][1].strip().isdigit() and not lines[number - 1][1].strip() and lines[number + 1][1].strip():
            yield f"Line {number + 1}: no time codes follow this number, so it was read as text of the cue above it."


def _untimed(lines: list[tuple[int, str]], first: int, end: int) -> Iterator[str]:
    """Yield a note if a block of WebVTT, up to its time codes if it has any, is more than the name of a cue."""
    named = end < len(lines) and _is_timing(lines[end][1])
    said = [n for n in range(first, end - 1 if named else end) if re.search(r"[^\W\d_]", lines[n][1])]
    if said:
        yield f"Line {said[0] + 1}: no time codes stand above this text, so it is not translated."


def _cue(text: str, lines: list[tuple[int, str]], vtt: bool, inline: bool) -> Iterator[Field]:
    """Yield the fields of a cue: one over all its lines, or one a line where several people speak."""
    groups: list[list[tuple[int, str]]] = []
    for line in lines:
        if not line[1].strip():
            groups.append([])
        elif not groups or _SPEAKER.match(line[1]):
            groups.append([line])
        else:
            groups[-1].append(line)
    for group in filter(None, groups):
        start, end = group[0][0], group[-1][0] + len(group[-1][1])
        if dash := _SPEAKER.match(group[0][1]):
            start += dash.end()
        read, write = (unescape, _escaped) if vtt else (str, str)
        for field in paragraph(
            text, start=start, end=end, tokens=_tokens(text, start, end), read=read, write=write, inline=inline
        ):
            yield field._replace(written=partial(_in_order, field))


def _tokens(text: str, start: int, end: int) -> Iterator[Token]:
    for found in _TAGS.finditer(text, start, end):
        kind: Kind = "alone"
        name = ""
        if (tag := (found["name"] or "").lower()) == "br":
            kind = "break"
        elif found["name"] or found[0].startswith("<v"):
            kind, name = "closing" if found["slash"] else "opening", (tag or "v").partition(".")[0]
        elif switch := _SWITCH.fullmatch(found[0]):
            kind, name = "opening" if switch[2] == "1" else "closing", "\\" + switch[1]
        yield Token(*found.span(), kind, name)


def _in_order(field: Field, found: Parts) -> str:
    """Write a field with the times inside its lines in their order."""
    times = iter([part.raw for part in field.parts if _TIME_INSIDE.fullmatch(part.raw)])
    return field.written(
        [part._replace(raw=next(times)) if _TIME_INSIDE.fullmatch(part.raw) else part for part in found]
    )


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)
