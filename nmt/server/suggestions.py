"""Better translations that clients suggest: kept as pairs, which ``nmt clean`` and ``nmt train`` read."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from nmt.errors import InputError

# A server that anybody may ask must not fill the disk.
LARGEST = 64 * 2**20
_ONE_CELL = dict.fromkeys(map(ord, "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"), " ")


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
        """Add a pair to the file of its languages, as a whole. ``False`` if the file is full.

        Arguments:
            source, target: codes of languages, which must be checked, because they name a file.
            text, suggested: the pair; what would begin a cell or a line in it becomes a space.

        Raises:
            OSError: if it cannot be written.
        """
        cells = [each.translate(_ONE_CELL).strip() for each in (text, suggested)]
        row = "\t".join(cells).encode("utf-8", "replace") + b"\n"
        # Without a buffer, a write that fails leaves nothing that is written later.
        with self._writing, (self._folder / f"{source}-{target}.tsv").open("ab", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size + len(row) > LARGEST:
                return False
            written = 0
            try:
                while written < len(row):
                    written += file.write(row[written:])
            except OSError:
                file.truncate(size)
                raise
        return True
