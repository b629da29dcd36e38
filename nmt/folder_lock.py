"""One process at a time in a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from nmt.atomic_write import make_folder
from nmt.errors import InputError

LOCK = ".lock"


def check_unlocked(folder: Path, command: str) -> None:
    """Check that no process is at work in a folder, if there is one, before long preparations.

    Only :func:`folder_lock` keeps others out afterwards.

    Arguments:
        folder, command: see :func:`folder_lock`.

    Raises:
        InputError: if another process is at work there, or the folder cannot be used.
    """
    if folder.is_dir():
        with folder_lock(folder, command):
            pass


@contextlib.contextmanager
def folder_lock(folder: Path, command: str) -> Iterator[None]:
    """Keep other processes out of a folder, which is made if there is none.

    The lock is the operating system's, so a killed process leaves an empty file at most, and bars nobody.

    Arguments:
        folder: the folder, locked by the file ``.lock`` in it.
        command: the command that works in it, for the message.

    Raises:
        InputError: if another process is at work there already, or the folder cannot be used.
    """
    try:
        make_folder(folder)
        lock = FileLock(folder / LOCK, blocking=False)
        lock.acquire()
    except Timeout:
        raise InputError(f"Another {command} is at work in {folder}. Wait for it, or stop it.") from None
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be used: {error.strerror}.") from None
    try:
        yield
    finally:
        # Removed while it is held. Who has opened it meanwhile finds, once it is locked, that it is gone.
        with contextlib.suppress(OSError):  # Windows removes no open file
            (folder / LOCK).unlink()
        lock.release()
