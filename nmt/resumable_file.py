"""A file that is written window by window: after a kill at any moment the work continues from there.

The lines go to ``FILE.part``; after each window ``FILE.part.json`` is replaced, which says how far the work has come
and what it was begun with. At the end the file gets its name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from filelock import Timeout

from nmt.atomic_write import rename, write_file
from nmt.errors import InputError
from nmt.file_lock import file_lock

# How the names of what stands beside a file end while it is written.
PART, LOCK = ".part", ".lock"


def content(names: Iterable[Path], checksum: Any) -> dict[str, Any]:
    """Return, as a fact of a :class:`ResumableFile`, files or folders by what is in them."""
    return {"names": [str(each) for each in names], "checksum": checksum}


class ResumableFile:
    """One file that is being written.

    Arguments:
        to: the file.
        facts: what its lines depend on by name, as JSON. What :func:`content` returns is compared by its checksum, and
            shown by its names.
        counted: the names of what the writer counts, which tells it how far it has come.
        defaults: of a fact that is a table, by its name, what the keys mean that it lacks: an earlier version of the
            program had fewer.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = ResumableFile(Path(folder, "letters"), {"alphabet": "latin"})
    ...     file.check(resume=False)
    ...     with file.open(resume=False) as opened:
    ...         opened.append(["a", "b"], {"lines": 2})
    ...     file.to.read_text()
    'a\\nb\\n'
    """

    def __init__(
        self,
        to: Path,
        facts: Mapping[str, Any],
        counted: Iterable[str] = ("lines",),
        defaults: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.to = to
        self._defaults = defaults or {}
        self._zeros = dict.fromkeys(counted, 0)
        self._facts = json.loads(json.dumps(facts))
        self._part, self._state = Path(f"{to}{PART}"), Path(f"{to}{PART}.json")

    def check(self, resume: bool) -> None:
        """Check, before anything is learned or opened, that the file can be written, or its writing continued.

        Raises:
            InputError: if there is a file, or an unfinished one and ``resume`` is not asked for, or the other way
                round; if what was begun depends on something else.
        """
        if self.to.exists():
            finished = " It is finished: nothing is left to continue." if resume and not self._part.exists() else ""
            raise InputError(f"{self.to} exists, and is not overwritten.{finished or ' Name a new file with --to.'}")
        if not self.to.resolve().parent.is_dir():
            raise InputError(f"{self.to} cannot be written: there is no folder {self.to.resolve().parent}.")
        if resume:
            self._compare(self._begun()["begun with"])
        elif self._part.exists():
            if self._state.exists():
                raise InputError(
                    f"{self._part} is unfinished. Add --resume to continue it, or remove it and {self._state}."
                )
            raise InputError(f"{self._part} exists, and is not overwritten. Remove it, or name a new file with --to.")

    @property
    def unfinished(self) -> bool:
        """Whether there is something to continue."""
        return self._part.exists() and self._state.exists()

    @contextmanager
    def open(self, resume: bool) -> Iterator[OpenFile]:
        """Open the file at its beginning or where it was left, and give it its name in the end.

        A stop before the first window leaves nothing; after it, what is there can be continued.

        Raises:
            InputError: see :meth:`check`; or if another process is writing the same file.
            OSError: if it cannot be written.
        """
        try:
            with file_lock(Path(f"{self.to}{LOCK}")):
                self.check(resume)
                yield from self._open(resume)
        except Timeout:
            raise InputError(f"Another process is writing {self.to}. Wait for it, or name another file.") from None

    def _open(self, resume: bool) -> Iterator[OpenFile]:
        state: dict[str, Any] = self._begun() if resume else {"progress": self._zeros, "bytes": 0}
        if not resume:
            # Before the part, so that no part is ever without its state.
            self._keep(self._zeros, 0)
        with self._part.open("r+b" if resume else "w+b") as out:
            if out.seek(0, os.SEEK_END) < state["bytes"]:
                raise InputError(f"{self._part} is shorter than it was. Remove it and {self._state}, and begin again.")
            # What a killed process wrote past the last window that was safe.
            out.truncate(state["bytes"])
            opened = OpenFile(out, state["progress"], self._keep)
            try:
                yield opened
            except BaseException:
                opened.discarded = opened.discarded or opened.progress == self._zeros
                raise
            finally:
                if opened.discarded:
                    # What could not be written cannot be written now either.
                    with suppress(OSError):
                        out.close()
                    self._part.unlink(missing_ok=True)
                    self._state.unlink(missing_ok=True)
        if not opened.discarded:
            rename(self._part, self.to)
            self._state.unlink()

    def _compare(self, begun: Mapping[str, Any]) -> None:
        for key in sorted({*begun, *self._facts}):
            before, now = begun.get(key), self._facts.get(key)
            if self._compared(key, before) != self._compared(key, now):
                it = f"now it is {_shown(now)}" if _shown(before) != _shown(now) else "it has changed since"
                raise InputError(
                    f"{self._part} was begun with {key} = {_shown(before)}, and {it}. "
                    f"Continue it as it was begun, or remove it and {self._state}."
                )

    def _compared(self, key: str, fact: Any) -> Any:
        if isinstance(fact, dict) and "names" in fact:
            return fact.get("checksum")
        return {**self._defaults[key], **fact} if key in self._defaults and isinstance(fact, dict) else fact

    def _keep(self, progress: Mapping[str, int], size: int) -> None:
        state = {"begun with": self._facts, "progress": progress, "bytes": size}
        write_file(self._state, json.dumps(state).encode())

    def _begun(self) -> dict[str, Any]:
        try:
            if not self._part.exists():
                raise FileNotFoundError
            state = json.loads(self._state.read_text(encoding="utf-8"))
            numbers = [state["bytes"], *state["progress"].values()]
            whole = isinstance(state["begun with"], dict) and state["progress"].keys() == self._zeros.keys()
            if not (whole and all(type(n) is int and n >= 0 for n in numbers)):
                raise TypeError
        except FileNotFoundError:
            raise InputError(
                f"{self._part} or {self._state} does not exist: there is nothing to continue. Leave out --resume."
            ) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InputError(f"{self._state} is damaged. Remove it and {self._part}, and begin again.") from None
        return state


class OpenFile:
    """A file of :meth:`ResumableFile.open` while it is written.

    Attributes:
        progress: how far the work has come, as its writer counts it; zeros at the beginning.
        discarded: whether the file goes away at the end.
    """

    def __init__(
        self, out: BinaryIO, progress: Mapping[str, int], keep: Callable[[Mapping[str, int], int], None]
    ) -> None:
        self._out = out
        self._keep = keep
        self.progress = dict(progress)
        self.discarded = False

    def lines(self) -> Iterator[bytes]:
        """Yield the lines that are there, without their ends. Read them all before anything is appended."""
        self._out.seek(0)
        yield from (line.rstrip(b"\n") for line in self._out)

    def append(self, lines: Iterable[str], progress: Mapping[str, int]) -> None:
        """Add a window of lines, and wait until they and the progress are on disk."""
        self._out.seek(0, os.SEEK_END)
        self._out.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
        self._out.flush()
        os.fsync(self._out.fileno())
        self._keep(progress, self._out.tell())
        self.progress = dict(progress)

    def discard(self) -> None:
        """Leave nothing of the file in the end."""
        self.discarded = True


def _shown(fact: Any) -> str:
    names = fact.get("names") if isinstance(fact, dict) else None
    return ", ".join(map(str, names)) if isinstance(names, list) else str(fact)
