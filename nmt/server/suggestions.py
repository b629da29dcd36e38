"""Better translations that clients suggest: kept as pairs, which ``nmt clean`` and ``nmt train`` read."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import BinaryIO

from nmt.errors import InputError
from nmt.server.languages import direction

# A server that anybody may ask must not fill the disk: bytes of all files together.
LARGEST = 64 * 2**20
_PART = 2**20
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)])
_ONE_CELL = _CONTROLS | dict.fromkeys(map(ord, "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"), " ")


def one_cell(text: str) -> str:
    r"""Return a text on one line, without control characters and without spaces at its ends.

    >>> one_cell("\x1b[2JI\twent\n")
    '[2JI went'
    """
    return text.translate(_ONE_CELL).strip()


class Suggestions:
    """A folder with a file for each pair of languages, such as ``ko-en.tsv``: source, a tab, what was suggested.

    Arguments:
        folder: it is made if it is missing.

    Raises:
        InputError: if it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writing = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder} cannot hold suggestions: {error.strerror}. Name another folder.") from None
        if not os.access(folder, os.W_OK):
            raise InputError(f"{folder} cannot hold suggestions: you may not write there. Name another folder.")

    def add(self, source: str, target: str, text: str, suggested: str) -> bool:
        """Add a pair to the file of its languages, as a whole, if it is not there yet. ``False`` if the folder is full.

        Arguments:
            source, target: codes of languages, which must be checked, because they name a file.
            text, suggested: the pair, each as :func:`one_cell` writes it.

        Raises:
            OSError: if it cannot be written.
        """
        row = f"{one_cell(text)}\t{one_cell(suggested)}".encode("utf-8", "replace") + b"\n"
        # Without a buffer, a write that fails leaves nothing that is written later.
        with self._writing, (self._folder / f"{source}-{target}.tsv").open("a+b", buffering=0) as file:
            # A row that was written by hand, or only in part, may have no end. This one would be joined to it.
            added = row if _ended(file) else b"\n" + row
            if self._size() + len(added) > LARGEST:
                return False
            if _holds(file, row):
                return True
            size = file.seek(0, os.SEEK_END)
            written = 0
            try:
                while written < len(added):
                    written += file.write(added[written:])
            except OSError:
                file.truncate(size)
                raise
        return True

    def _size(self) -> int:
        """Return how many bytes the files of all languages have."""
        return sum(file.stat().st_size for file in self._folder.glob("*-*.tsv") if direction(file.stem))


def _ended(file: BinaryIO) -> bool:
    """Return whether the last row of a file has an end, or there is none."""
    if not file.seek(0, os.SEEK_END):
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _holds(file: BinaryIO, row: bytes) -> bool:
    """Return whether a row is in a file, where the last may have no end. It is read in parts: it may be large."""
    file.seek(0)
    wanted, read = b"\n" + row, b"\n"
    while part := file.read(_PART):
        read += part
        if wanted in read:
            return True
        # The end of this part may be the beginning of the row.
        read = read[-len(wanted) + 1 :]
    return read == wanted[:-1]
