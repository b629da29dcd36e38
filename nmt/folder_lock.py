"""One process at a time in a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import Timeout

from nmt.atomic_write import make_folder
from nmt.errors import InputError
from nmt.file_lock import file_lock

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

    Arguments:
        folder: the folder, locked by the file ``.lock`` in it.
        command: the command that works in it, for the message.

    Raises:
        InputError: if another process is at work there already, or the folder cannot be used.
    """
    with contextlib.ExitStack() as held:
        try:
            make_folder(folder)
            held.enter_context(file_lock(folder / LOCK))
        except Timeout:
            raise InputError(f"Another {command} is at work in {folder}. Wait for it, or stop it.") from None
        except OSError as error:
            raise InputError(f"The folder {folder} cannot be used: {error.strerror or error}.") from None
        yield
