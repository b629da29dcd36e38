"""Checksums of what belongs together in a folder: config, tokenizers and weights, or the files of an export.

``checksums.json`` holds the SHA-256 of each file. So a file that was cut short, changed, or copied from another folder
is named before it is opened. Only the sections ``[text]`` and ``[model]`` of a config count: search and training may be
changed by hand. A folder without ``checksums.json``, as older versions wrote it, is opened unchecked, and stays so: a
list of some files would call the others damaged.

Two files cannot be replaced in one step. So before a file is replaced, :func:`expect` notes the checksum of the new
content beside that of the old one, and either is right: a stop between two steps leaves a folder that opens.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

from nmt.atomic_write import write_file
from nmt.errors import InputError

CHECKSUMS = "checksums.json"

# The sections of a config that belong to the weights.
_SECTIONS = ("text", "model")
_LARGEST = 1_000_000


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, of a config that of the sections that belong to the weights."""
    if path.suffix == ".toml":
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        text = json.dumps([values.get(section) for section in _SECTIONS], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: Path, names: Iterable[str]) -> None:
    """Write the checksums of files of a folder that is being made."""
    _write(folder, {name: [digest(folder / name)] for name in names})


def expect(folder: Path, name: str, aside: Path) -> None:
    """Note the checksum of a file's new content, which is about to take its place, if the folder has checksums.

    Arguments:
        folder: the folder of the file.
        name: the file.
        aside: a file with its new content.
    """
    known = _read(folder)
    if known is None:
        return
    before = [digest(folder / name)] if (folder / name).is_file() else []
    new = digest(aside)
    known[name] = [new, *(each for each in before if each != new and each in known.get(name, []))]
    _write(folder, known)


def replace(folder: Path, name: str, content: bytes | Callable[[Path], None]) -> None:
    """Replace a file of a folder, and its checksum if the folder has checksums.

    Arguments:
        folder, name: see :func:`expect`.
        content: see :func:`nmt.atomic_write.write_file`.

    Raises:
        OSError: if it cannot be written.
    """

    def fill(aside: Path) -> None:
        if isinstance(content, bytes):
            aside.write_bytes(content)
        else:
            content(aside)
        expect(folder, name, aside)

    write_file(folder / name, fill)


def check(folder: Path, names: Iterable[str]) -> None:
    """Check files of a folder against its checksums. A file that is missing is not looked at here.

    Raises:
        InputError: if one is not as it was saved.
    """
    known = _read(folder)
    if known is None:
        return
    for name in names:
        path = folder / name
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
            raise InputError(f"{path} leads out of the folder. Copy the file itself.")
        if path.is_file() and digest(path) not in known.get(name, []):
            part = " in [text] or [model]" if path.suffix == ".toml" else ""
            raise InputError(
                f"{path} is not as it was saved{part}: it was cut short, changed, or copied from another folder. "
                f"Copy the whole folder again. If the change is meant, delete {folder / CHECKSUMS}."
            )


def names(folder: Path) -> list[str]:
    """Return the files that a folder has checksums of.

    Raises:
        InputError: if they cannot be read.
    """
    return sorted(_read(folder) or {})


def _read(folder: Path) -> dict[str, list[str]] | None:
    path = folder / CHECKSUMS
    try:
        with path.open("rb") as file:
            known = json.loads(file.read(_LARGEST).decode())
        valid = isinstance(known, dict) and all(
            isinstance(each, list) and all(isinstance(one, str) for one in each) and b"\0" not in os.fsencode(name)
            for name, each in known.items()
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        valid = False
    if not valid:
        raise InputError(f"{path} is damaged. Copy the whole folder again.")
    return known


def _write(folder: Path, known: dict[str, list[str]]) -> None:
    write_file(folder / CHECKSUMS, (json.dumps(known, indent=1, sort_keys=True) + "\n").encode())
