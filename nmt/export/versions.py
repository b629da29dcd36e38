"""The versions of an export: folders named by numbers, as TF Serving expects them."""

from __future__ import annotations

from pathlib import Path

from nmt.errors import InputError


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
