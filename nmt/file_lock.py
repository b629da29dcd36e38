"""A lock file, held by one process at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout


@contextlib.contextmanager
def file_lock(path: Path, by_name: bool = True) -> Iterator[None]:
    """Hold a lock file, which is made, and removed in the end.

    The lock is the operating system's, so a killed process leaves an empty file at most, and keeps no other process
    out.

    Arguments:
        path: the file.
        by_name: whether the file itself is the lock on a file system that has no others. There a process that is killed
            bars those of other machines until somebody removes the file.

    Raises:
        filelock.Timeout: if another process holds it.
        OSError: if the file cannot be made or locked.
    """
    lock = FileLock(path, blocking=False, fallback_to_soft=by_name)
    try:
        lock.acquire()
    except (Timeout, PermissionError):  # another user's may be held
        raise
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()  # what was made to be locked
        raise
    try:
        yield
    finally:
        # Removed while it is held. A process that has opened it meanwhile finds, once it has the lock, that it is gone.
        with contextlib.suppress(OSError):  # Windows removes no open file
            path.unlink()
        lock.release()
