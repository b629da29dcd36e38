"""Files and folders that are written whole or not at all, even if the power fails.

New content is written to a temporary name in the same folder, synced to disk, and renamed; the rename is synced too. A
stop at any moment leaves either the old content or all of the new content.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_file(path: Path, content: bytes | Callable[[Path], None]) -> None:
    """Write a file, or leave the old one as it is.

    Arguments:
        path: the file. An existing one is replaced.
        content: its bytes, or a function that writes a file at a given path, in the same folder and with the same
            ending.

    Raises:
        OSError: if it cannot be written.
    """
    aside = path.with_name(f".part.{path.name}")
    try:
        if isinstance(content, bytes):
            aside.write_bytes(content)
        else:
            content(aside)
        _sync(aside)
        os.replace(aside, path)
        _sync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def write_folder(folder: Path, fill: Callable[[Path], None], last: str = "") -> None:
    """Write a new folder, or leave nothing.

    Arguments:
        folder: the folder. Folders above it are made. If it exists and is empty, perhaps as a mount point or a working
            directory, its parts are moved into it one by one.
        fill: writes into a given folder.
        last: the part that is moved last then, without which the folder counts as incomplete.

    Raises:
        OSError: if it cannot be written.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        aside.chmod(0o755)
        fill(aside)
        for path in sorted(aside.rglob("*"), reverse=True):
            _sync(path)
        _sync(aside)
        if folder.exists():
            for part in sorted(aside.iterdir(), key=lambda part: part.name == last):
                shutil.move(part, folder / part.name)
                _sync(folder)
        else:
            aside.rename(folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _sync(path: Path) -> None:
    """Wait until a file, or the list of what is in a folder, is on disk."""
    folder = path.is_dir()
    if folder and os.name == "nt":  # Windows opens no folder
        return
    # Windows syncs only what is open for writing.
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot sync a folder. The rename is done then, and they keep their own order.
        if not folder or error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)
