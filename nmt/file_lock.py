"""A lock file, held by one process at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout


@contextlib.contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold a lock file, which is made, and removed in the end.

    The lock is the operating system's, so a killed process leaves an empty file at most, and bars nobody.

    Raises:
        filelock.Timeout: if another process holds it.
        OSError: if the file cannot be made or locked.
    """
    lock = FileLock(path, blocking=False)
    try:
        lock.acquire()
    except Timeout:
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
