"""A file of links that is written window by window: after a kill at any moment the work continues from there.

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


def content(names: Iterable[Path], checksum: Any) -> dict[str, Any]:
    """Return what a file of links depends on: files or folders, by what is in them."""
    return {"names": [str(each) for each in names], "checksum": checksum}


def _compared(fact: Any) -> Any:
    return fact.get("checksum") if isinstance(fact, dict) else fact


def _shown(fact: Any) -> str:
    names = fact.get("names") if isinstance(fact, dict) else None
    return ", ".join(map(str, names)) if isinstance(names, list) else str(fact)


class LinksFile:
    """One file that is being written.

    Arguments:
        to: the file.
        facts: what its lines depend on: pairs, aligner or model, format. What :func:`content` returns is compared by
            its checksum, and shown by its names.
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
        if not resume and self._state.exists() and self._part.exists():
            raise InputError(
                f"{self._part} is unfinished. Add --resume to continue it, or remove it and {self._state}."
            )
        if resume:
            begun = self._begun()["begun with"]
            for key in sorted({*begun, *self._facts}):
                before, now = begun.get(key), self._facts.get(key)
                if _compared(before) != _compared(now):
                    it = f"now it is {_shown(now)}" if _shown(before) != _shown(now) else "it has changed since"
                    raise InputError(
                        f"{self._part} was begun with {key} = {_shown(before)}, and {it}. "
                        f"Continue it as it was begun, or remove it and {self._state}."
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
        windows = lines(number)
        try:
            self._fill(windows, number, size, resume)
        except Exception:
            if self._part.exists() and self._state.exists() and not self._begun()["lines"]:  # nothing to go on from
                self._part.unlink(missing_ok=True)
                self._state.unlink(missing_ok=True)
            raise
        self._part.replace(self.to)
        self._state.unlink()

    def _fill(self, windows: Iterable[list[str]], number: int, size: int, resume: bool) -> None:
        with self._part.open("r+b" if resume else "w+b") as out:
            if out.seek(0, os.SEEK_END) < size:
                raise InputError(f"{self._part} is shorter than it was. Remove it and {self._state}, and begin again.")
            # What a killed process wrote past the last window that was safe.
            out.truncate(size)
            out.seek(size)
            self._keep(number, size)
            for window in windows:
                out.write("".join(f"{line}\n" for line in window).encode("utf-8", "surrogateescape"))
                number += len(window)
                out.flush()
                os.fsync(out.fileno())
                self._keep(number, out.tell())

    def _keep(self, number: int, size: int) -> None:
        state = {"begun with": self._facts, "lines": number, "bytes": size}
        write_file(self._state, json.dumps(state, ensure_ascii=False).encode())

    def _begun(self) -> dict[str, Any]:
        try:
            if not self._part.exists():
                raise FileNotFoundError
            state = json.loads(self._state.read_text(encoding="utf-8"))
            whole = all(type(state[key]) is int and state[key] >= 0 for key in ("lines", "bytes"))
            if not whole or not isinstance(state["begun with"], dict):
                raise TypeError
        except FileNotFoundError:
            raise InputError(
                f"{self._part} or {self._state} does not exist: there is nothing to continue. Leave out --resume."
            ) from None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            raise InputError(f"{self._state} is damaged. Remove it and {self._part}, and begin again.") from None
        return state
