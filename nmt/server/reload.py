"""New versions of an export, opened beside the one that is served, as TF Serving does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nmt.checksums import CHECKSUMS
from nmt.errors import InputError, first_line
from nmt.server.backends import Backend, ServedFolder, find


@contextmanager
def newest_version(
    folder: Path,
    served: ServedFolder,
    content: object,
    open_version: Callable[[ServedFolder], Backend],
    switch: Callable[[Backend], object],
    report: Callable[[str], object],
    seconds: float = 2.0,
) -> Iterator[None]:
    """Switch to the newest version of an export whenever it is another one, until the block ends.

    A version is another one if its number is, or its content, as after it was removed and exported anew. It is opened
    when its files have stayed the same from one look to the next. One that cannot be opened is reported once, and the
    version that is served stays. If the newest version is removed, the one before it is served.

    Arguments:
        folder: the folder of the versions.
        served: the version that is served at first.
        content: its :func:`content_of`, from before it was opened.
        open_version: checks, opens and warms a version, or raises ``InputError``.
        switch: takes what is served from now on.
        report: takes the news.
        seconds: between two looks.
    """
    ended = threading.Event()

    def watch() -> None:
        current, seen, tried = (served.version, content), None, None
        while not ended.wait(seconds):
            place, state = _look(folder)
            steady, seen = state == seen, state
            if not steady or state == tried:
                continue
            tried = state
            try:
                if place is None:
                    raise InputError(str(state))
                found = (place.version, content_of(place))
                if found == current:
                    continue
                switch(open_version(place._replace(name=served.name)))
            except Exception as error:  # a program may fail in any way, and the server must keep running
                reason = str(error) if isinstance(error, InputError) else f"{folder}: {first_line(error)}."
                report(f"{reason} Version {current[0]} of {served.name} is served as before.")
            else:
                current = found
                report(f"Version {place.version} of {served.name} is served now.")

    watcher = threading.Thread(target=watch, name="nmt-versions", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def content_of(place: ServedFolder) -> object:
    """Return what tells a version from another one of the same number: its checksums, or the state of its files.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        if (place.folder / CHECKSUMS).is_file():
            return (place.folder / CHECKSUMS).read_bytes()
        return _files(place)
    except OSError as error:
        raise InputError(f"The folder {place.folder} cannot be read: {error.strerror}.") from None


def _files(place: ServedFolder) -> list[tuple[Path, int, int]]:
    """Return the files of a version, and what changes whenever they do."""
    files = sorted(path for path in place.folder.rglob("*") if path.is_file())
    return [(path, path.stat().st_size, path.stat().st_mtime_ns) for path in files]


def _look(folder: Path) -> tuple[ServedFolder | None, object]:
    """Return the newest version, and what changes whenever its files do; or no version, and why."""
    try:
        place = find(folder)
        return place, _files(place)
    except (InputError, OSError) as error:
        return None, str(error)
