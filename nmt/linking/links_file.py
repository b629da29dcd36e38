"""A file of links that is written window by window: after a kill at any moment the work goes on from there.

The lines go to ``LINKS.part``; after each window ``LINKS.part.json`` is replaced, which says how far the work has come
and what it was begun with. At the end the file gets its name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from filelock import Timeout

from nmt.atomic_write import write_file
from nmt.errors import InputError
from nmt.file_lock import file_lock

# From the number of the first pair to windows of lines, one for each pair.
Lines = Callable[[int], Iterable[list[str]]]


class LinksFile:
    """One file that is being written.

    Arguments:
        to: the file.
        facts: what its lines depend on: pairs, aligner or model, format.
    """

    def __init__(self, to: Path, facts: dict[str, Any]) -> None:
        self.to = to
        self._facts = json.loads(json.dumps(facts))
        self._part, self._state = Path(f"{to}.part"), Path(f"{to}.part.json")

    def check(self, resume: bool) -> None:
        """Check, before anything is learned, that the file can be written, or its writing continued.

        Raises:
            InputError: if there is a file, or an unfinished one and ``resume`` is not asked for, or the other way
                round; if what was begun depends on something else.
        """
        if self.to.exists():
            raise InputError(f"{self.to} exists, and is not overwritten. Name a new file with --to.")
        if not self.to.resolve().parent.is_dir():
            raise InputError(f"{self.to} cannot be written: there is no folder {self.to.resolve().parent}.")
        if not resume and self._state.exists():
            raise InputError(
                f"{self._part} is unfinished. Add --resume to continue it, or remove it and {self._state}."
            )
        if resume:
            begun = self._begun()["begun with"]
            for key in sorted({*begun, *self._facts}):
                if begun.get(key) != self._facts.get(key):
                    raise InputError(
                        f"{self._part} was begun with {key} = {begun.get(key)}, and now it is {self._facts.get(key)}. "
                        "Continue it as it was begun, or remove it."
                    )

    def write(self, lines: Lines, resume: bool) -> None:
        """Write the file, from its beginning or from where it was left.

        Raises:
            InputError: see :meth:`check`; or if another process is writing the same file.
            OSError: if it cannot be written.
        """
        try:
            with file_lock(Path(f"{self.to}.lock")):
                self.check(resume)
                self._write(lines, resume)
        except Timeout:
            raise InputError(f"Another process is writing {self.to}. Wait for it, or name another file.") from None

    def _write(self, lines: Lines, resume: bool) -> None:
        number, size = 0, 0
        if resume:
            state = self._begun()
            number, size = state["lines"], state["bytes"]
        with self._part.open("r+b" if resume else "w+b") as out:
            if out.seek(0, os.SEEK_END) < size:
                raise InputError(f"{self._part} is shorter than it was. Remove it and {self._state}, and begin again.")
            # What a killed process wrote past the last window that was safe.
            out.truncate(size)
            out.seek(size)
            self._keep(number, size)
            for window in lines(number):
                out.write("".join(f"{line}\n" for line in window).encode("utf-8", "surrogateescape"))
                number += len(window)
                out.flush()
                os.fsync(out.fileno())
                self._keep(number, out.tell())
        self._part.replace(self.to)
        self._state.unlink()

    def _keep(self, number: int, size: int) -> None:
        state = {"begun with": self._facts, "lines": number, "bytes": size}
        write_file(self._state, json.dumps(state, ensure_ascii=False).encode())

    def _begun(self) -> dict[str, Any]:
        try:
            state = json.loads(self._state.read_text(encoding="utf-8"))
            whole = all(type(state[key]) is int and state[key] >= 0 for key in ("lines", "bytes"))
            if not whole or not isinstance(state["begun with"], dict):
                raise TypeError
        except FileNotFoundError:
            raise InputError(
                f"{self._state} does not exist: there is nothing to continue. Leave out --resume."
            ) from None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            raise InputError(f"{self._state} is damaged. Remove it and {self._part}, and begin again.") from None
        return state
