"""A model's folder: its parts, and how it is written. No TensorFlow is needed, so a wrong folder is told at once."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nmt import config as configuration
from nmt.atomic_write import write_folder
from nmt.config import Config
from nmt.errors import InputError

CONFIG = "config.toml"
WEIGHTS = "model.weights.h5"
JOURNAL = "metrics.jsonl"
LOGS = "logs"
STATE = "training/state.npz"
EPOCHS = "training/epochs"

# The last line of a config. Without it, a file that was cut short would be read as one with more defaults.
_COMPLETE = "# end of config"


def read_config(folder: Path) -> Config:
    """Read a model folder's config.

    Raises:
        InputError: if there is no such folder, or it holds no model.
    """
    try:
        if not folder.is_dir():
            raise InputError(f"There is no model folder {folder}.")
        if not (folder / CONFIG).is_file():
            raise InputError(f"{folder} is no model folder: it has no {CONFIG}.")
    except OSError as error:
        raise InputError(f"The model folder {folder} cannot be read: {error.strerror}.") from None
    config = configuration.from_file(folder / CONFIG)
    if _COMPLETE not in (folder / CONFIG).read_text(encoding="utf-8"):
        raise InputError(f"{folder / CONFIG} was cut short: its last line, '{_COMPLETE}', is missing.")
    return config


def read_journal(folder: Path) -> list[dict[str, Any]]:
    """Read the records of a run, one an epoch.

    Raises:
        InputError: if the folder holds no model, or its records are missing or damaged.
    """
    read_config(folder)
    path = folder / JOURNAL
    try:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. It has a record for each epoch.") from None
    except ValueError:
        records = [None]
    if not all(isinstance(record, dict) for record in records):
        raise InputError(f"{path} is damaged: it must hold a JSON object a line, one for each epoch.")
    return records


def config_text(config: Config) -> bytes:
    """Return the content of a model's config file."""
    return f"{configuration.to_toml(config)}\n{_COMPLETE}\n".encode()


def check_new(folder: Path) -> None:
    """Check that a model may be written into ``folder``.

    Raises:
        InputError: if it is a file, holds something, or cannot be made.
    """
    try:
        used = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        parent = next(place for place in folder.resolve().parents if place.exists())
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be used: {error.strerror}.") from None
    if used:
        what = "holds another model" if (folder / CONFIG).exists() else "is not empty"
        raise InputError(f"{folder} {what}. Name a new folder with --to (a run goes on by --resume).")
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"The folder {folder} cannot be made: {parent} cannot be written to.")


def check_same(folder: Path, config: Config) -> None:
    """Check that the run in ``folder`` can be resumed with ``config``.

    Raises:
        InputError: if it was made with another text, data or model, or with other settings of the training that cannot
            change in the middle of a run.
    """
    before = read_config(folder)
    for key, old, new in _changes(before, config, "text", "data", "model"):
        raise InputError(
            f"{key} was {old!r} in the run to resume and is {new!r} now. Only keys of [training] and [decoding] can "
            "change."
        )
    for key, old, new in _changes(before, config, "training"):
        if key == "training.accumulate" or (key == "training.average_decay" and not (old and new)):
            raise InputError(
                f"{key} was {old!r} in the run to resume and is {new!r} now. What is half added up could not be gone "
                "on with, so it stays as it was for the whole run."
            )
        if key == "training.guided_alignment" and not (old and new):
            raise InputError(
                f"{key} was {old:g} in the run to resume and is {new:g} now. A run learns from word links from its "
                "beginning to its end, or not at all; only the weight can change."
            )


def check_continues(start: Path, config: Config) -> None:
    """Check that training can begin with the model in ``start``: it must have the same text and the same network.

    Raises:
        InputError: if it has not.
    """
    for key, old, new in _changes(read_config(start), config, "text", "model"):
        if not key.endswith(("dropout", ".sampling")):
            raise InputError(
                f"{key} is {old!r} in {start}, the model to begin with, and {new!r} now. Leave it out: the text and "
                "the network are that model's."
            )


def _changes(before: Config, config: Config, *sections: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield the name, the old and the new value of each key that differs in these sections."""
    for section in sections:
        for field in dataclasses.fields(getattr(config, section)):
            old, new = (getattr(getattr(each, section), field.name) for each in (before, config))
            if old != new:
                yield f"{section}.{field.name}", old, new


def make(folder: Path, fill: Callable[[Path], None]) -> None:
    """Make a new folder, whole or not at all, by what ``fill`` writes into one beside it.

    Raises:
        InputError: if the place cannot be written to.
    """
    check_new(folder)
    try:
        # The config comes last: without it there is no model.
        write_folder(folder, fill, last=CONFIG)
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be made: {error.strerror}.") from None
