"""The versions of an export: folders named by numbers, as TF Serving expects them, and which model they are of."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from nmt.atomic_write import write_file
from nmt.checksums import digest
from nmt.errors import InputError, as_typed
from nmt.model_folder import WEIGHTS, require_weights

# Beside the versions, not in one: servers read only what is named by a number.
_ORIGIN = ".origin.json"


def versions(folder: Path) -> list[int]:
    """Return the numbers of the versions in a folder, the oldest first."""
    if not folder.is_dir():
        return []
    return sorted(int(place.name) for place in folder.iterdir() if place.name.isdecimal() and place.is_dir())


def check_place(to: Path) -> None:
    """Make sure that versions may be written into a folder.

    Raises:
        InputError: if it is a file, or holds anything but versions.
    """
    if to.exists() and not to.is_dir():
        raise InputError(f"{to} is a file. An export is a folder with a folder for each version.")
    names = [place.name for place in to.iterdir()] if to.is_dir() else []
    others = [name for name in names if not name.isdecimal() and not name.startswith(".")]
    if others:
        raise InputError(f"{to} holds {others[0]}, so it is not the folder of an export. Name another with --to.")


def origin(model: Path, to: Path, languages: str | None) -> dict[str, str]:
    """Return what tells a model from another one whose folder has the same name.

    Arguments:
        model: the folder of the model: if its own name is a link, it stays the same when that leads to a newer one.
        to: the folder of the versions.
        languages: as in ``ko-en``, if they were named.

    Raises:
        InputError: if the model has no weights.
    """
    # From here, so that it stays the same when all is moved together, and as a checksum: an export is passed on.
    place = _unfolded(model)
    with suppress(ValueError):  # another drive of Windows
        place = os.path.relpath(place, _unfolded(to))
    require_weights(model / WEIGHTS)
    found = {"folder": hashlib.sha256(os.fsencode(place)).hexdigest(), "weights": digest(model / WEIGHTS)}
    return found | ({"languages": languages} if languages else {})


def _unfolded(folder: Path) -> str:
    """Return the path of a folder that is the same however it was typed: only its last name may be a link."""
    if folder.name in ("", ".."):
        return os.path.realpath(folder)
    return os.path.join(os.path.realpath(folder.parent), folder.name)


def check_origin(to: Path, model: Path, found: dict[str, str]) -> None:
    """Make sure that the next version is of the model of the last one. Where that is not recorded, it may be.

    A model trained anew in the same folder is the same one, and so are one whose folder was moved, and one that is said
    to translate the same languages.

    Arguments:
        to: the folder of the versions.
        model: the folder of the model.
        found: its :func:`origin`.

    Raises:
        InputError: if it is of another one.
    """
    known = _recorded(to)
    same = any(known.get(key) == value for key, value in found.items())
    if versions(to) and known and not same:
        raise InputError(
            f"{to} holds versions of another model, of another folder than {model}, and a server would change to this "
            f"one. Name it anew with --name, or write --name {as_typed(Path(to.name))} if it is their next version."
        )


def _recorded(to: Path) -> dict[str, Any]:
    """Return the origin that is recorded; nothing from before it was recorded, or if it was touched by hand."""
    try:
        known = json.loads((to / _ORIGIN).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def record_origin(to: Path, found: dict[str, str]) -> None:
    """Record which model the newest version is of. Languages that were named for this model before stay recorded.

    Arguments:
        to: the folder of the versions.
        found: the :func:`origin` of the model.

    Raises:
        InputError: if it cannot be written.
    """
    known = _recorded(to)
    if "languages" in known and any(known.get(key) == found[key] for key in ("folder", "weights")):
        found = {"languages": known["languages"]} | found
    try:
        write_file(to / _ORIGIN, (json.dumps(found) + "\n").encode())
    except OSError as error:
        raise InputError(f"{to / _ORIGIN} cannot be written: {error.strerror}.") from None
