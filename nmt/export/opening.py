"""Opening a version of an export: checked file by file, and for what it would do, before TensorFlow loads it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nmt.checksums import CHECKSUMS, check, names
from nmt.errors import InputError, first_line
from nmt.export.operations import check_operations
from nmt.model_folder import check_files


def check_no_address(export: str | Path) -> None:
    """Check that an export is named by a path, and not by an address, as of a bucket.

    Raises:
        InputError: if it is an address. A ``Path`` has lost the second of its slashes.

    >>> check_no_address("saved_models/my-model/1")
    >>> check_no_address("gs://bucket/1")
    Traceback (most recent call last):
    nmt.errors.InputError: gs://bucket/1 is an address, and an export is opened from a folder. Copy it to the same path
    on every machine that runs it, and name that.
    """
    if re.match(r"[A-Za-z][\w+.-]+:/", str(export)):  # a letter alone is a drive of Windows
        raise InputError(
            f"{export} is an address, and an export is opened from a folder. Copy it to the same path on every machine "
            "that runs it, and name that."
        )


def open_export(folder: Path, trust: bool = False) -> Any:
    """Return the SavedModel of a version. Its signatures work only as long as this object lives.

    Arguments:
        folder: the folder with ``saved_model.pb``.
        trust: whether to load it whatever its operations are.

    Raises:
        InputError: if it cannot be opened, is not as it was written, or holds operations that no export needs.
    """
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  (its operations are in the graph)

    check_files(folder, {CHECKSUMS: 2**20, "*": 2**40, "*/*": 2**40})
    check(folder, names(folder))
    if not trust:
        check_operations(folder)
    try:
        return tf.saved_model.load(str(folder))
    except Exception as error:  # TensorFlow raises many kinds for a damaged file
        raise InputError(f"{folder} cannot be opened as a SavedModel ({first_line(error)}).") from None
