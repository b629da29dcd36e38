"""Files and folders that are written whole or not at all, even if the power fails.

New content is written to a temporary name in the same folder, synced to disk, and renamed; the rename is synced too. A
stop at any moment leaves either the old content or all of the new content.
"""

from __future__ import annotations

import errno
import glob
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import Timeout

from nmt.file_lock import file_lock

# The name of the folder inside an existing one from which its parts are moved into it.
_UNFINISHED = ".unfinished."
# What the name of a file begins with until all of it is on disk.
_PART = ".part."
# Seconds to wait for another process that is writing the same file.
_PATIENCE = 120


def write_file(path: Path, content: bytes | Callable[[Path], None]) -> None:
    """Write a file, or leave the old one as it is. If two processes write it at once, one waits for the other.

    Arguments:
        path: the file. An existing one is replaced.
        content: its bytes, or a function that writes a file at a given path, in the same folder and with the same
            ending.

    Raises:
        OSError: if it cannot be written.
    """
    aside = _part_of(path)
    with _locked_part(aside):
        try:
            if isinstance(content, bytes):
                aside.write_bytes(content)
            else:
                content(aside)
            _sync(aside)
            rename(aside, path)
        finally:
            aside.unlink(missing_ok=True)


@contextmanager
def _locked_part(aside: Path) -> Iterator[None]:
    """Keep others from writing the same part meanwhile.

    Raises:
        OSError: if another process is writing it for longer than it should take, or another user may be.
    """
    lock, until = aside.with_name(f"{aside.name}.lock"), time.monotonic() + _PATIENCE
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(file_lock(lock, by_name=False))
            except Timeout:
                if time.monotonic() > until:
                    raise OSError(errno.EBUSY, "another process is writing it") from None
                time.sleep(0.02)
                continue
            except PermissionError:
                raise
            except OSError:  # a file system without locks, or a name that is as long as can be
                pass
            break
        yield


def check_file(path: Path) -> None:
    """Check that :func:`write_file` may make a file, before long work whose result it is to hold.

    Arguments:
        path: the file, in a folder that exists.

    Raises:
        OSError: if its folder cannot be written to, or its name is too long.
    """
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, f"no file can be made in {path.parent}")
    longest = _longest_name(path.parent)
    over = len(os.fsencode(_part_of(path).name)) - longest
    if longest >= 0 and over > 0:
        raise OSError(errno.ENAMETOOLONG, f"its name is too long by {over} byte{'' if over == 1 else 's'}")


def _part_of(path: Path) -> Path:
    return path.with_name(f"{_PART}{path.name}")


def _longest_name(folder: Path) -> int:
    """Return how many bytes a name in a folder may have; -1 if that is not known."""
    if not hasattr(os, "pathconf"):  # Windows
        return -1
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except OSError:  # a file system that does not tell
        return -1


def rename(path: Path, to: Path) -> None:
    """Give a file that is on disk its name in the same folder, so that it still has it after a power failure.

    Raises:
        OSError: if it cannot be renamed.
    """
    os.replace(path, to)
    _sync(to.parent)


def write_folder(folder: Path, fill: Callable[[Path], None], last: str = "") -> None:
    """Write a new folder, or leave nothing.

    Arguments:
        folder: the folder. Folders above it are made. If it exists and is empty, perhaps as a mount point or a working
            directory, its parts are moved into it one by one, from a folder inside it. :func:`leftovers` finds what a
            killed process has left of this, and the next call replaces it.
        fill: writes into a given folder.
        last: the part that is moved last then, without which the folder counts as incomplete.

    Raises:
        OSError: if it cannot be written, or another process has made the folder meanwhile.
    """
    folder = folder.resolve()
    if not folder.exists():
        make_folder(folder.parent)
        with _aside(folder.parent, f".{folder.name}.") as aside:
            fill(aside)
            _sync_all(aside)
            aside.rename(folder)
            _sync(folder.parent)
        return
    left = [path for path in leftovers(folder) if path.name.startswith(_UNFINISHED)]
    with _temporary(Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder))) as aside:
        fill(aside)
        _sync_all(aside)
        places = {part: folder / part.name for part in sorted(aside.iterdir(), key=lambda part: part.name == last)}
        try:
            for part, place in places.items():
                _remove(place)  # of a process that was killed; a folder is not replaced by a rename
                part.replace(place)
                _sync(folder)
        except (OSError, KeyboardInterrupt):
            for place in places.values():
                _remove(place)
            raise
        _sync(folder.parent)
    for path in left:
        shutil.rmtree(path, ignore_errors=True)


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)


def leftovers(folder: Path) -> list[Path]:
    """Return what is in a folder that :func:`write_folder` was filling when its process was killed.

    That is all of it, if parts are still missing. A folder that nobody was filling has no leftovers.

    Raises:
        OSError: if the folder cannot be read.
    """
    found = list(folder.iterdir())
    aside = [path for path in found if path.name.startswith(_UNFINISHED) and path.is_dir()]
    return found if any(any(path.iterdir()) for path in aside) else aside


def is_free(folder: Path) -> bool:
    """Return whether :func:`write_folder` may fill a folder: it has nothing but the :func:`leftovers` of that.

    Raises:
        OSError: if the folder cannot be read.
    """
    if not folder.exists():
        return True
    return folder.is_dir() and set(folder.iterdir()) == set(leftovers(folder))


def write_version(
    folder: Path, fill: Callable[[Path], None], number: Callable[[Path, int], None] = lambda aside, version: None
) -> int:
    """Write the next version in a folder of numbered versions, and return its number.

    A version that exists is never replaced: if another process takes the number first, this one takes the next.

    Arguments:
        folder: the folder of the versions. It and the folders above it are made.
        fill: writes into a given folder.
        number: writes there what depends on the version. It is called again if the number has been taken meanwhile, and
            must then replace what it wrote.

    Raises:
        OSError: if it cannot be written.
    """
    folder = folder.resolve()
    make_folder(folder)
    with _aside(folder, ".aside.") as aside:  # no number, so that it counts as no version
        fill(aside)
        while True:
            version = 1 + max((int(path.name) for path in folder.iterdir() if path.name.isdecimal()), default=0)
            number(aside, version)
            _sync_all(aside)
            try:
                aside.rename(folder / str(version))
            except OSError as error:
                # A folder does not take the name of another that holds something.
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
            else:
                break
        _sync(folder)
        _sync(folder.parent)
    return version


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, so that they are still there after a power failure.

    Raises:
        OSError: if it cannot be made.
    """
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in new:
        _sync(place.parent)


@contextmanager
def _aside(parent: Path, prefix: str) -> Iterator[Path]:
    """Make a folder of a new name, after removing those of killed processes.

    A lock file beside each folder tells whether its process is alive. It is made before the folder and removed after
    it, so that no folder stands without one. Where several machines write to one place, its locks must be known to all.
    """
    for lock in parent.glob(f"{glob.escape(prefix)}{'[0-9a-f]' * 8}.lock"):
        with suppress(OSError), file_lock(lock, by_name=False):  # if it is neither held nor gone meanwhile
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
    with ExitStack() as held:
        while True:
            aside = parent / f"{prefix}{secrets.token_hex(4)}"
            try:
                held.enter_context(file_lock(aside.with_name(f"{aside.name}.lock"), by_name=False))
            except Timeout:  # another process has just looked whether it is dead
                continue
            except OSError:  # a file system without locks: what a killed process leaves stays
                pass
            break
        aside.mkdir()
        held.enter_context(_temporary(aside))
        yield aside


@contextmanager
def _temporary(aside: Path) -> Iterator[Path]:
    """Let others read a folder, and remove it in the end if it still has its name."""
    try:
        aside.chmod(0o755)
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _sync_all(folder: Path) -> None:
    """Wait until a folder and all that it holds are on disk."""
    for path in sorted(folder.rglob("*"), reverse=True):
        _sync(path)
    _sync(folder)


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
