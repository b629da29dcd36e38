"""What a run of ``nmt batch`` reads and writes, so that ``--resume`` continues this run and no other.

The names of the output tell a file of the input by its place among all of them. So with another file among them, or
with another export, what is there would be kept for what it is not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nmt.checksums import CHECKSUMS, digest
from nmt.errors import InputError
from nmt.folder_lock import LOCK
from nmt.model_folder import CONFIG, JOURNAL, LOGS, STATE


def record_path(prefix: str) -> str:
    """Return the path of the record.

    >>> record_path("out/library")
    'out/library-run.json'
    """
    return f"{prefix}-run.json"


def describe_run(place: Path, files: Mapping[str, int], form: str, lines: int) -> dict[str, Any]:
    """Return the record of a run.

    Arguments:
        place: the folder of a version of an export, or that of a model.
        files: of the input, with their sizes in bytes.
        form: of the output.
        lines: of a file of output.
    """
    return {"export": _checksum(place), "files": dict(files), "format": form, "lines": lines}


def _checksum(place: Path) -> str:
    """Return the SHA-256 of the list of an export's checksums, or of its files, for older ones have no list.

    Of a model all files count but those of its training. Its config counts whole, since it says how to search.
    """
    if not (place / CONFIG).is_file() and (place / CHECKSUMS).is_file():
        return digest(place / CHECKSUMS)
    left_out = (JOURNAL, LOCK, CHECKSUMS, LOGS, Path(STATE).parts[0])
    files = sorted(path.relative_to(place) for path in place.rglob("*") if path.is_file())
    known = [(path.as_posix(), _sum(place / path)) for path in files if path.parts[0] not in left_out]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_same(prefix: str, text: str, now: Mapping[str, Any]) -> None:
    """Make sure that the run whose output is there was this one.

    Arguments:
        prefix: of the output.
        text: what is in its record; empty if that cannot be read.
        now: the record of this run.

    Raises:
        InputError: if it was another one, or if nothing tells what it was.
    """
    path = record_path(prefix)
    try:
        before = json.loads(text)
        files = dict(before["files"])
    except (ValueError, TypeError, KeyError):
        raise InputError(
            f"--resume needs {path}, which tells what the files of --output {prefix} were made from, and it cannot be "
            "read. Name another --output."
        ) from None
    reason = _difference(before, now, files)
    if reason:
        raise InputError(
            f"--resume continues the run that began --output {prefix}, and this is another one: {reason}. Run it as "
            "before, or name another --output."
        )


def _difference(before: Mapping[str, Any], now: Mapping[str, Any], files: Mapping[str, int]) -> str | None:
    if before.get("export") != now["export"]:
        return "the model or export is not the same"
    if before.get("format") != now["format"]:
        return f"--format was {before.get('format')}"
    if before.get("lines") != now["lines"]:
        return f"a file of output has {now['lines']} lines, and had {before.get('lines')}"
    for file in now["files"]:
        if file not in files:
            return f"{file} was not among its files"
    for file, size in files.items():
        if file not in now["files"]:
            return f"{file} is missing"
        if now["files"][file] != size:
            return f"{file} had {size:,} bytes and has {now['files'][file]:,}"
    return None
