"""Features: vectors of numbers as the source of a text, such as those of the cells of a picture. And their captions.

A ``.npy`` file holds ``(n, cells, width)`` numbers, or ``(n, rows, columns, width)``, the cells of a grid, or
``(n, width)``, one cell. A CSV has the numbers of an example on each line. The numbers are checked once, when the file
is opened; after that a ``.npy`` file is read where it is wanted, and need not fit into memory.

A corpus of captions is one of pairs, whose sources are the numbers of rows of the features, from 0 on: so it is split,
shuffled and shared as every corpus is, and the pipeline looks the rows up.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nmt.config import Config, from_dict
from nmt.data.corpora import Corpus, from_pairs, from_text, joined_checksum, read_lines, unreadable
from nmt.errors import InputError, first_line
from nmt.tf_import import as_written

if TYPE_CHECKING:
    import tensorflow as tf

ENDINGS = (".npy", ".csv")
# Numbers that are looked at in one go.
_TOGETHER = 2**22


@dataclass(frozen=True)
class Features:
    """Vectors of numbers, all of the same shape.

    Attributes:
        name: how errors call them.
        values: ``(n, cells, width)``, any type of real number; perhaps a file that is mapped into memory.
        checksum: of all of them.
        mean, deviation: ``(width,)``, those of each number over all cells; a deviation of 0 is given as 1.
    """

    name: str
    values: np.ndarray = field(repr=False)
    checksum: int
    mean: np.ndarray = field(repr=False)
    deviation: np.ndarray = field(repr=False)

    @property
    def cells(self) -> int:
        """Cells of each example."""
        return self.values.shape[1]

    @property
    def width(self) -> int:
        """Numbers of each cell."""
        return self.values.shape[2]

    def rows(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return some examples, ``(rows, cells, width)`` in float32."""
        return np.asarray(self.values[np.asarray(numbers, np.int64)], np.float32)


def open_features(path: Path, cells: int = 0) -> Features:
    """Open a ``.npy`` file, or any other file as a CSV of numbers, and check all of them.

    Arguments:
        path: the file.
        cells: into how many cells the numbers of an example are divided, where the file does not say so.

    Raises:
        InputError: if it cannot be read, holds anything but finite real numbers, or lines of different lengths.

    >>> open_features(Path("pictures.npy")).cells               # doctest: +SKIP
    36
    """
    path = Path(path)
    values = _from_npy(path) if path.suffix.lower() == ".npy" else _from_csv(path)
    return features_of(values, str(path), cells)


def features_of(values: np.ndarray, name: str = "the array of features", cells: int = 0) -> Features:
    """Check an array ``(n, cells, width)``, ``(n, rows, columns, width)`` or ``(n, width)``.

    Arguments:
        values: the array.
        name: what the error calls it.
        cells: into how many cells each row of ``(n, width)`` is divided; 0: it is one cell.

    Raises:
        InputError: if it is of another shape or holds anything but finite real numbers.

    >>> found = features_of(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> found.cells, found.width, found.mean.tolist(), found.deviation.tolist()
    (1, 2, [2.0, 5.0], [1.0, 1.0])
    """
    if values.dtype.kind not in "fiub":
        raise InputError(f"{name} holds values of the type {values.dtype}, and features are real numbers.")
    if values.ndim not in (2, 3, 4) or 0 in values.shape:
        raise InputError(
            f"{name} has the shape {values.shape}, and features have (n, cells, width), or (n, rows, columns, width), "
            "or (n, width), each of them 1 or more."
        )
    if values.ndim == 2:
        divided = cells or 1
        if values.shape[1] % divided:
            raise InputError(
                f"{name} has {values.shape[1]} numbers for each example, which model.source_cells = {divided} cells "
                "cannot share evenly."
            )
        values = values.reshape(len(values), divided, -1)
    elif values.ndim == 4:
        values = values.reshape(len(values), values.shape[1] * values.shape[2], values.shape[3])
    return Features(name, values, *_checked_statistics(values, name))


def _checked_statistics(values: np.ndarray, name: str) -> tuple[int, np.ndarray, np.ndarray]:
    """Return the checksum, the mean and the deviation of features; refuse what is not finite."""
    summed = hashlib.blake2b(repr((values.shape, values.dtype.str)).encode(), digest_size=7)  # fits into an int64
    count, mean, squares = 0, np.zeros(values.shape[2]), np.zeros(values.shape[2])
    step = max(1, _TOGETHER // math.prod(values.shape[1:]))
    for first in range(0, len(values), step):
        part = np.ascontiguousarray(values[first : first + step])
        summed.update(part.tobytes())
        with np.errstate(over="ignore"):  # what is too large for float32 is refused just here
            finite = np.isfinite(part.astype(np.float32)).all((1, 2))
        if not finite.all():
            number = first + int(np.argmin(finite))
            raise InputError(
                f"{name}, example {number + 1}: there is a value that is no finite number, such as NaN. Leave the "
                "example out, with its caption, or put a number there."
            )
        rows = part.reshape(-1, values.shape[2]).astype(np.float64)
        # Chan et al. 1983: means of parts are joined without a loss of digits.
        away = rows.mean(0) - mean
        both = count + len(rows)
        squares += ((rows - rows.mean(0)) ** 2).sum(0) + away**2 * count * len(rows) / both
        mean += away * len(rows) / both
        count = both
    deviation = np.sqrt(squares / count)
    # A number that never changes says nothing, and is no reason to divide by zero.
    tiny = deviation <= 1e-6 * np.maximum(1.0, np.abs(mean))
    checksum = int.from_bytes(summed.digest(), "big")
    return checksum, mean.astype(np.float32), np.where(tiny, 1.0, deviation).astype(np.float32)


def _from_npy(path: Path) -> np.ndarray:
    try:
        # Nothing is unpickled, and a shape that the file is too small for is refused.
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise unreadable(path, error) from None
    except Exception as error:  # a damaged header raises anything
        if "pickle" in str(error) or "Python objects" in str(error):
            raise InputError(
                f"{path} is no array of numbers that numpy.save wrote, and nothing else is read."
            ) from None
        raise InputError(f"{path} is no array of numbers that numpy.save wrote: {first_line(error)}") from None
    if not isinstance(found, np.ndarray):
        found.close()
        raise InputError(
            f"{path} is no array of numbers that numpy.save wrote: it holds several, as numpy.savez writes them. Save "
            "one of them as a file of its own."
        )
    return found


def _from_csv(path: Path) -> np.ndarray:
    rows: list[np.ndarray] = []
    for number, line in enumerate(read_lines(path), 1):
        try:
            with np.errstate(over="ignore"):  # what is too large for float32 is refused below
                row = np.array([float(part) for part in line.split(",")], np.float32)
        except ValueError:
            raise InputError(
                f"{path}, line {number}: {_wrong(line)!r} is no number. A CSV of features has the numbers of an "
                "example on each line, with commas between them, and no heading."
            ) from None
        if not np.isfinite(row).all():
            raise InputError(f"{path}, line {number}: there is a value that is no finite number, such as NaN.")
        if rows and len(row) != len(rows[0]):
            raise InputError(
                f"{path}, line {number}: there are {len(row)} numbers, and {len(rows[0])} on the lines before it. All "
                "lines need the same number."
            )
        rows.append(row)
    return np.stack(rows)


def _wrong(line: str) -> str:
    """Return the first part of a line that is no number."""
    for part in line.split(","):
        try:
            float(part)
        except ValueError:
            return part.strip()[:40]
    return line[:40]


def looks_like_features(path: Path) -> bool:
    """Return whether a file is one of features by its name, and if it is a CSV, by its first two lines.

    The first may be a heading, which is refused when the file is read.

    >>> looks_like_features(Path("pictures.npy")), looks_like_features(Path("train.ko"))
    (True, False)
    """
    ending = Path(path).suffix.lower()
    if ending != ".csv":
        return ending == ".npy"
    try:
        lines = list(itertools.islice(read_lines(Path(path)), 2))
    except InputError:
        return False
    headed = len(lines) == 2 and lines[0].count(",") == lines[1].count(",") > 0
    return _all_numbers(lines[0]) or (headed and _all_numbers(lines[1])) if lines else False


def _all_numbers(line: str) -> bool:
    try:
        return all(math.isfinite(float(part)) for part in line.split(","))
    except ValueError:
        return False


@dataclass(frozen=True)
class CaptionCorpus(Corpus):
    """Captions of features. The source of a pair is the number of a row of the features."""

    name: str
    features: Features
    captions: Corpus
    seekable = True

    @property
    def size(self) -> int:  # type: ignore[override]
        return self.captions.size

    @property
    def checksum(self) -> int:  # type: ignore[override]
        return joined_checksum(self.features.checksum, self.captions.checksum)

    def dataset(self) -> tf.data.Dataset:
        import tensorflow as tf

        numbers = tf.data.Dataset.range(self.size).map(as_written(tf.strings.as_string))
        captions = self.captions.dataset().map(as_written(lambda _, caption: caption))
        return tf.data.Dataset.zip((numbers, captions))

    def rows(self, first: int, count: int) -> list[tuple[str, ...]]:
        found = self.captions.rows(first, count)
        return [(str(number), caption) for number, (_, caption) in enumerate(found, first)]

    def pairs(self) -> Iterator[tuple[str, str]]:
        return ((str(number), caption) for number, (_, caption) in enumerate(self.captions.pairs()))


def open_captions(source: Path, target: Path, cells: int = 0) -> CaptionCorpus:
    """Open features and their captions: line N of the captions describes example N.

    Raises:
        InputError: see :func:`open_features`; or if their numbers differ.
    """
    return _joined(open_features(source, cells), from_text(target))


def captions_of(values: np.ndarray, captions: Sequence[str], cells: int = 0) -> CaptionCorpus:
    """Hold features and their captions in memory.

    Raises:
        InputError: see :func:`features_of`; or if their numbers differ.

    >>> corpus = captions_of(np.ones([2, 3, 5]), ["a circle", "a square"])
    >>> corpus.size, list(corpus.pairs())
    (2, [('0', 'a circle'), ('1', 'a square')])
    """
    return _joined(features_of(values, cells=cells), from_pairs([("", line) for line in captions], "the captions"))


def _joined(features: Features, captions: Corpus) -> CaptionCorpus:
    if len(features.values) != captions.size:
        raise InputError(
            f"{features.name} has {len(features.values):,} examples and {captions.name} {captions.size:,} lines: line "
            "N of the captions must describe example N."
        )
    return CaptionCorpus(f"{Path(features.name).name} + {captions.name}", features, captions)


def corpus_features(corpus: Corpus) -> Features | None:
    """Return the features that the sources of a corpus number, or ``None`` if its sources are text."""
    whole = corpus.whole
    return whole.features if isinstance(whole, CaptionCorpus) else None


def with_shape(config: Config, *corpora: Corpus) -> Config:
    """Return the config of a model of features with their shape; that of another model as it is.

    Raises:
        InputError: if a corpus has text instead, or the other way round, or features of another shape.
    """
    for corpus in corpora:
        features = corpus_features(corpus)
        m = config.model
        if m.source != "features":
            if features:
                raise InputError(f"{corpus.name} has features for a source: set model.source = 'features'.")
            continue
        if features is None:
            raise InputError(
                f"model.source = 'features' needs numbers for a source, and {corpus.name} has text: name a .npy or "
                ".csv file as the source, and its captions as the target."
            )
        check_shape(config, features)
        shape = {"source_cells": features.cells, "source_width": features.width}
        config = from_dict({"model": shape}, config)
    return config


def check_shape(config: Config, features: Features) -> None:
    """Check that a model reads features of this shape.

    Raises:
        InputError: if it does not.
    """
    m = config.model
    for wanted, found, what in (
        (m.source_cells, features.cells, "cells for each example"),
        (m.source_width, features.width, "numbers for each cell"),
    ):
        if wanted and wanted != found:
            raise InputError(
                f"{features.name} has {found} {what}, and the model reads {wanted} "
                f"(model.source_{'cells' if 'cells' in what else 'width'})."
            )
