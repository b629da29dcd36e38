"""Where the lines of a file begin, so that it can be read from any of them.

The index is learned while the file is read for the first time, and holds the place of every 64th line: 8 bytes for 64
lines. A ``.gz`` file has no places to go to; there the state of the decompressor is kept every 4 MB of its text, about
40 KB each time, and reading begins at the nearest one before.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Lines from one place to the next.
EVERY = 64
_BETWEEN_STATES = 2**22
_PART = 2**16
# zlib reads the header and the checksum of gzip itself.
_GZIP = 31


def is_gzip(path: Path) -> bool:
    """Return whether a file is compressed, by its name."""
    return path.suffix.lower() == ".gz"


class LineIndex:
    """The places of a file's lines.

    Arguments:
        path: a regular file, plain or ``.gz``.

    Attributes:
        inner_return: whether a line holds a carriage return before its end; known once the file has been read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.inner_return = False
        self._places = array("q")
        self._states: list[_AccessPoint] = []

    def first_reading(self) -> Iterator[bytes]:
        """Yield all lines with their ends, and learn where they begin."""
        self.inner_return, self._places, self._states = False, array("q"), []
        place = 0
        for number, line in enumerate(self._lines(0, self._states)):
            if number % EVERY == 0:
                self._places.append(place)
            place += len(line)
            if b"\r" in line and b"\r" in line.rstrip(b"\r\n"):
                self.inner_return = True
            yield line

    def lines_from(self, number: int) -> Iterator[bytes]:
        """Yield the lines with their ends from line ``number`` on, counted from 0."""
        if number // EVERY >= len(self._places):
            return
        lines = self._lines(self._places[number // EVERY], None)
        for _ in range(number % EVERY):
            next(lines, None)
        yield from lines

    def _lines(self, place: int, states: list[_AccessPoint] | None) -> Iterator[bytes]:
        if not is_gzip(self.path):
            with self.path.open("rb") as file:
                file.seek(place)
                yield from file
            return
        before = [state for state in self._states if state.text <= place]
        rest: list[bytes] = []
        skip = place - before[-1].text if before else place
        for text in _decompressed(self.path, before[-1] if before else None, states):
            if skip >= len(text):
                skip -= len(text)
                continue
            first, *more = text[skip:].split(b"\n")
            skip = 0
            rest.append(first)
            for line in more:
                yield b"".join(rest) + b"\n"
                rest = [line]
        if last := b"".join(rest):
            yield last


@dataclass(frozen=True)
class _AccessPoint:
    """A place to begin decompressing at: ``raw`` bytes read, ``text`` bytes written, and whether a member has begun."""

    raw: int
    text: int
    within: bool
    decompressor: Any


def _decompressed(path: Path, state: _AccessPoint | None, states: list[_AccessPoint] | None) -> Iterator[bytes]:
    """Yield the text of a gzip file in parts, from a state or the beginning, and add states on the way.

    Raises:
        EOFError, zlib.error: if it is cut short or not gzip.
    """
    decompressor = state.decompressor.copy() if state else zlib.decompressobj(_GZIP)
    raw, text = (state.raw, state.text) if state else (0, 0)
    last, begun = text, state is not None and state.within
    with path.open("rb") as file:
        file.seek(raw)
        while part := file.read(_PART):
            raw += len(part)
            # Another member may follow, as `cat a.gz b.gz` makes them, or zeros.
            part = part if begun else part.lstrip(b"\0")
            full = bool(part)
            while part or full:
                # A limit, since a few bytes can hold megabytes of text.
                made = decompressor.decompress(part, _PART)
                part, full, begun = decompressor.unconsumed_tail, len(made) == _PART, not decompressor.eof
                text += len(made)
                if made:
                    yield made
                if decompressor.eof:
                    part, full = decompressor.unused_data.lstrip(b"\0"), False
                    decompressor = zlib.decompressobj(_GZIP)
                if states is not None and text - last >= _BETWEEN_STATES:
                    states.append(_AccessPoint(raw - len(part), text, begun, decompressor.copy()))
                    last = text
    if begun:
        raise EOFError
