"""Arrays in ``npz`` and HDF5 files from anywhere: what a file claims is checked before memory is taken for it.

An ``npz`` is a zip file, and a small one may unpack to gigabytes or claim a shape of any size. An HDF5 file may name
other files: external links, virtual datasets and external storage read them without a word.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nmt.errors import first_line

# Beyond its numbers a file holds names, shapes and structure.
_SLACK = 2**16


def read_npz(path: Path, max_bytes: int, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Read arrays that ``numpy.savez`` wrote.

    Arguments:
        path: the file.
        max_bytes: how much all arrays may take together.
        names: which ones to read; all if not given.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is not such a file, is damaged, or holds more.
    """
    arrays, left = {}, max_bytes
    try:
        with zipfile.ZipFile(path) as archive:
            found = {entry.filename: entry for entry in archive.infolist()}
            for name in found if names is None else [f"{name}.npy" for name in names]:
                if name not in found:
                    raise ValueError(f"it has no array {name.removesuffix('.npy')}")
                if found[name].compress_type != zipfile.ZIP_STORED:
                    raise ValueError(f"{name} is compressed, as no file of this package is")
                with archive.open(name) as member:
                    shape, dtype = _npy_header(member)
                    left -= math.prod(shape) * dtype.itemsize
                    if dtype.hasobject or left < 0:
                        raise ValueError(f"{name} does not belong to this model: its size or its type is another")
                with archive.open(name) as member:
                    arrays[name.removesuffix(".npy")] = np.lib.format.read_array(member, allow_pickle=False)
    except (OSError, ValueError):
        raise
    except Exception as error:  # a damaged zip file and a damaged header raise anything
        raise ValueError(first_line(error)) from None
    return arrays


def _npy_header(member: Any) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(member)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"it is of version {version}")
    shape, _, dtype = read(member)
    if any(size < 0 for size in shape):
        raise ValueError("a size is negative")
    return shape, dtype


def check_h5(path: Path, numbers: int) -> None:
    """Check an HDF5 file of weights before Keras reads it.

    Arguments:
        path: the file.
        numbers: how many numbers all datasets may hold together.

    Raises:
        OSError: if it cannot be read, or is no HDF5 file.
        ValueError: if it holds more, or anything but groups and datasets of plain numbers in the file itself.
    """
    with h5py.File(path, "r") as file:
        left, seen, waiting = numbers, set(), [file["/"]]
        while waiting:
            group = waiting.pop()
            for name in group:
                where = f"{group.name.rstrip('/')}/{name}"
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise ValueError(f"{where} is a link, perhaps to another file")
                part = group[name]
                address = h5py.h5o.get_info(part.id).addr
                if address in seen:
                    raise ValueError(f"{where} is there twice")
                seen.add(address)
                if len(seen) > _SLACK:
                    raise ValueError("it has too many parts")
                if any(part.attrs.get_id(key).get_storage_size() > _SLACK for key in part.attrs):
                    raise ValueError(f"{where} has an attribute that is too large")
                if isinstance(part, h5py.Group):
                    waiting.append(part)
                elif not isinstance(part, h5py.Dataset) or part.dtype.kind not in "fiuV" or part.dtype.itemsize > 8:
                    raise ValueError(f"{where} does not hold numbers")
                elif part.is_virtual or part.external:
                    raise ValueError(f"{where} is in another file")
                elif (left := left - math.prod(part.shape or ())) < 0:
                    raise ValueError(f"it holds more than the {numbers:,} numbers that the config needs")
