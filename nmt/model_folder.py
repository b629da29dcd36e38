"""A model's folder: its parts, and how it is written. No TensorFlow is needed, so a wrong folder is refused at once."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nmt import config as configuration
from nmt.atomic_write import leftovers, write_folder
from nmt.checksums import CHECKSUMS
from nmt.config import Config
from nmt.errors import InputError
from nmt.folder_lock import LOCK

CONFIG = "config.toml"
WEIGHTS = "model.weights.h5"
SHORTLIST = "shortlist.npz"
HEAD = "alignment.npz"
CONFIDENCE = "confidence.json"
LABELS = "labels.txt"
JOURNAL = "metrics.jsonl"
LOGS = "logs"
STATE = "training/state.npz"
EPOCHS = "training/epochs"
CORRECTIONS = "corrections"
CORRECTED = f"{CORRECTIONS}/state.json"

# The files of a model that are read, and the most bytes that each may have.
_LARGEST = {
    CONFIG: 2**20,
    CHECKSUMS: 2**20,
    "*.spm.model": 2**28,
    LABELS: 2**26,
    WEIGHTS: 2**40,
    SHORTLIST: 2**32,
    HEAD: 2**32,
    CONFIDENCE: 2**22,
    STATE: 2**42,
    f"{CORRECTIONS}/*": 2**40,
    JOURNAL: 2**28,
}

_LARGEST_CORRECTED = 2**16
# What the keys that a recorded config lacks mean: it is from before they existed.
OLDER = Config(text=configuration.Text(normalization="nmt_nfkc"))

# The last line of a config. Without it, a file that was cut short would be read as one with more defaults.
_COMPLETE = "# end of config"


def read_config(folder: Path) -> Config:
    """Read a model folder's config.

    Raises:
        InputError: if there is no such folder, or it holds no model, or its config is damaged.
    """
    try:
        if not folder.is_dir():
            raise InputError(f"There is no model folder {folder}.")
        if not (folder / CONFIG).is_file():
            raise InputError(f"{folder} is not a model folder: it has no {CONFIG}.")
    except OSError as error:
        raise InputError(f"The model folder {folder} cannot be read: {error.strerror}.") from None
    check_files(folder, _LARGEST)
    config = configuration.from_file(folder / CONFIG, OLDER)
    if _COMPLETE not in (folder / CONFIG).read_text(encoding="utf-8"):
        raise InputError(f"{folder / CONFIG} was cut short: its last line, '{_COMPLETE}', is missing.")
    return config


def corrected_weights(folder: Path) -> list[str]:
    """Return the checksums of the weights that belong to the corrections of a model, the newest first.

    The last one is that of the weights before the first correction. Without corrections there is none.

    Raises:
        InputError: if the file that has them is damaged.
    """
    path = folder / CORRECTED
    if not path.is_file():
        return []
    try:
        if path.stat().st_size > _LARGEST_CORRECTED:
            raise ValueError
        found = json.loads(path.read_text(encoding="utf-8"))["weights"]
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{path} is damaged. Remove {path.parent} to begin the corrections anew.") from None
    return found


def require_weights(path: Path) -> None:
    """Check that the file of a model's weights is there.

    Raises:
        InputError: if it is missing.
    """
    if not path.is_file():
        raise InputError(
            f"The model has no weights yet: {path} is missing. Was its training stopped in the first epoch?"
        )


def check_files(folder: Path, largest: Mapping[str, int]) -> None:
    """Check that the files of a folder are in it, and are files.

    Arguments:
        folder: the folder. It may itself be a link.
        largest: names or patterns, each with the most bytes that such a file may have.

    Raises:
        InputError: if one leads out of the folder, is larger, or is a device or a pipe.
    """
    whole = os.path.realpath(folder)
    for pattern, size in largest.items():
        for path in sorted(folder.glob(pattern)):
            target = Path(os.path.realpath(path))
            if not target.is_relative_to(whole):
                raise InputError(f"{path} leads out of the folder, to {target}. Copy the file itself.")
            try:
                about = target.stat()
            except OSError as error:
                raise InputError(f"{path} cannot be read: {error.strerror}.") from None
            if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):
                raise InputError(f"{path} is no file.")
            if stat.S_ISREG(about.st_mode) and about.st_size > size:
                raise InputError(f"{path} has more than {size:,} bytes, which no such file has.")


def read_journal(folder: Path) -> list[dict[str, Any]]:
    """Read the records of a run, one for each epoch.

    Raises:
        InputError: if the folder holds no model, or its records are missing or damaged.
    """
    read_config(folder)
    path = folder / JOURNAL
    try:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. It should hold a record for each epoch.") from None
    except (ValueError, RecursionError):
        records = [None]
    if not all(isinstance(record, dict) for record in records):
        raise InputError(f"{path} is damaged: it must hold one JSON object on each line, one for each epoch.")
    return records


def source_scripts(folder: Path) -> list[str]:
    """Return the scripts of the sources that a translator was trained on; none if its run did not record them.

    Raises:
        InputError: if the records of its run are damaged.
    """
    records = read_journal(folder) if (folder / JOURNAL).exists() else []
    # An older version may have trained the first epochs.
    found = records[-1].get("source_scripts", []) if records else []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise InputError(f"{folder / JOURNAL} is damaged: source_scripts must be a list of names.")
    return found


def config_text(config: Config) -> bytes:
    """Return the content of a model's config file."""
    return f"{configuration.to_toml(config)}\n{_COMPLETE}\n".encode()


def check_new(folder: Path, hint: str = "") -> None:
    """Check that something new may be written into ``folder``.

    Arguments:
        folder: the folder.
        hint: what else the user can do if it is used.

    Raises:
        InputError: if it is a file, is not empty, or cannot be made.
    """
    try:
        used = folder.exists() and (not folder.is_dir() or _holds_something(folder))
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be used: {error.strerror}.") from None
    if used:
        what = "holds another model" if (folder / CONFIG).exists() else "is not empty"
        raise InputError(f"{folder} {what}. Name a new folder{hint}.")
    check_parent(folder, "The folder ")


def check_parent(place: Path, what: str = "") -> None:
    """Check that a file or a folder can be made: that its parent, or the one above that would hold it, takes it.

    Arguments:
        place: the file or the folder.
        what: how the error calls it.

    Raises:
        InputError: if it cannot.
    """
    try:
        parent = next(above for above in place.resolve().parents if above.exists())
    except OSError as error:
        raise InputError(f"{what}{place} cannot be used: {error.strerror}.") from None
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"{what}{place} cannot be made: {parent} cannot be written to.")


def _holds_something(folder: Path) -> bool:
    """Return whether something is in a folder beside what a killed process has left: its lock, or a part of a model."""
    left = {LOCK, *(path.name for path in leftovers(folder))}
    return (folder / CONFIG).exists() or any(path.name not in left for path in folder.iterdir())


def check_same(folder: Path, config: Config) -> None:
    """Check that the run in ``folder`` can be resumed with ``config``.

    Raises:
        InputError: if a key of ``text``, ``data`` or ``model`` has changed, or one of ``training`` that cannot change
            during a run.
    """
    before = read_config(folder)
    config = configuration.settled(config, before.text.normalization)
    for key, old, new in _changes(before, config, ("text", "data", "model")):
        raise InputError(
            f"{key} was {old!r} in the run to resume and is {new!r} now. Only keys of [training] and [decoding] can "
            "change."
        )
    for key, old, new in _changes(before, config, ("training",)):
        if key == "training.accumulate" or (key == "training.average_decay" and not (old and new)):
            raise InputError(
                f"{key} was {old!r} in the run to resume and is {new!r} now. It cannot change during a run, because an "
                "unfinished sum could not be continued."
            )
        if key == "training.guided_alignment" and not (old and new):
            raise InputError(
                f"{key} was {old:g} in the run to resume and is {new:g} now. A run learns from word links from its "
                "beginning to its end, or not at all; only the weight can change."
            )


def check_continues(start: Path, config: Config) -> None:
    """Check that training can begin with the model in ``start``: it must have the same tokenizers and network.

    Raises:
        InputError: if it does not.
    """
    begun = read_config(start)
    if begun.model.architecture == configuration.MASKED and config.model.architecture in configuration.LABELLING:
        begun = configuration.pretrained_for(begun, config)
    for key, old, new in _changes(begun, configuration.settled(config, begun.text.normalization), ("text", "model")):
        if not key.endswith(("dropout", ".sampling")):
            raise InputError(
                f"{key} is {old!r} in {start}, the model to begin with, and {new!r} now. Leave it out: the "
                "tokenizers and the network are those of that model."
            )


def _changes(before: Config, config: Config, sections: tuple[str, ...]) -> Iterator[tuple[str, Any, Any]]:
    """Yield the name, the old and the new value of each key that differs in these sections."""
    for section in sections:
        for field in dataclasses.fields(getattr(config, section)):
            old, new = (getattr(getattr(each, section), field.name) for each in (before, config))
            if old != new:
                yield f"{section}.{field.name}", old, new


def make(folder: Path, fill: Callable[[Path], None]) -> None:
    """Make a new folder, whole or not at all. ``fill`` writes its content into a temporary folder beside it.

    Raises:
        InputError: if the folder is not empty, or cannot be written.
    """
    check_new(folder)
    try:
        # The config comes last: without it there is no model.
        write_folder(folder, fill, last=CONFIG)
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be made: {error.strerror}.") from None
