"""A word aligner in a file: what it learned from some pairs, to link others with.

The file is an ``npz`` of plain numbers. Words are stored as UTF-8, one a line, in the order of their ids.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nmt.atomic_write import write_file
from nmt.errors import InputError, as_typed
from nmt.linking.aligner import WordAligner
from nmt.linking.hidden_markov import FIRST, JUMPS, HiddenMarkovModel
from nmt.stored_arrays import read_npz

_LARGEST = 2**36
# What is learned is smoothed, so nothing but the lexicon has zeros. Within these limits no sentence has probability 0.
_MIN, _PROBABLE, _MAX = 1e-30, 1 + 1e-9, 1e12
_PARTS = ("keys", "lexicon", "unlinked", "jumps", "first")
_SIDES, _DIRECTIONS = ("sources", "targets"), ("forward", "backward")


def write(path: Path, aligner: WordAligner, learned_from: int) -> None:
    """Write an aligner, whole or not at all.

    Arguments:
        path: the file.
        aligner: what was learned.
        learned_from: the checksum of the pairs.

    Raises:
        OSError: if it cannot be written.
    """
    arrays = {side: _packed(getattr(aligner, side)) for side in _SIDES}
    for direction in _DIRECTIONS:
        model = getattr(aligner, direction)
        arrays |= {f"{direction}_{part}": getattr(model, part) for part in _PARTS}

    def fill(aside: Path) -> None:
        with aside.open("wb") as file:
            np.savez(file, allow_pickle=False, learned_from=np.int64(learned_from), **arrays)

    write_file(path, fill)


def read(path: Path) -> tuple[WordAligner, int]:
    """Read an aligner, and the checksum of the pairs that it was learned from.

    Raises:
        InputError: if there is none, or it is damaged.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}. `nmt align --pairs F --keep {as_typed(path)}` makes it.")
    names = [*_SIDES, *(f"{direction}_{part}" for direction in _DIRECTIONS for part in _PARTS), "learned_from"]
    try:
        arrays = read_npz(path, min(_LARGEST, path.stat().st_size + 2**16), names)
        sources, targets = (_words(arrays[side]) for side in _SIDES)
        sizes = (len(sources) + 1, len(targets) + 1)
        models = [
            _model({part: arrays[f"{direction}_{part}"] for part in _PARTS}, *pair)
            for direction, pair in zip(_DIRECTIONS, (sizes, sizes[::-1]), strict=True)
        ]
        if arrays["learned_from"].shape or arrays["learned_from"].dtype != np.int64:
            raise ValueError("it is damaged")
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be used as an aligner: {error}. Make it again with --keep.") from None
    return WordAligner(sources, targets, *models), int(arrays["learned_from"])


def _packed(words: dict[str, int]) -> np.ndarray:
    return np.frombuffer("\n".join(words).encode("utf-8", "surrogateescape"), np.uint8)


def _words(packed: np.ndarray) -> dict[str, int]:
    if packed.dtype != np.uint8 or packed.ndim != 1:
        raise ValueError("it is damaged")
    listed = packed.tobytes().decode("utf-8", "surrogateescape").split("\n")
    words = {word: number for number, word in enumerate(listed, 1)}
    if len(words) != len(listed):
        raise ValueError("it has a word twice")
    return words


def _model(arrays: dict[str, np.ndarray], sources: int, targets: int) -> HiddenMarkovModel:
    """Return the model of a direction, if its numbers fit the words.

    Raises:
        ValueError: if they do not.
    """
    keys, lexicon = arrays["keys"], arrays["lexicon"]
    shapes = {"unlinked": (targets,), "jumps": (targets, JUMPS), "first": (FIRST,), "lexicon": keys.shape}
    if keys.dtype != np.int64 or keys.ndim != 1 or not len(keys):
        raise ValueError("it is damaged")
    for name, shape in shapes.items():
        numbers = arrays[name]
        if (
            numbers.shape != shape
            or numbers.dtype != np.float64
            or not np.isfinite(numbers).all()
            or (numbers < (0 if name == "lexicon" else _MIN)).any()
            or (numbers > (_PROBABLE if name in ("lexicon", "unlinked") else _MAX)).any()
        ):
            raise ValueError("its numbers do not fit its words")
    if keys[0] < 0 or keys[-1] >= sources * targets or (np.diff(keys) <= 0).any():
        raise ValueError("its numbers do not fit its words")
    return HiddenMarkovModel(
        keys, lexicon=lexicon, unlinked=arrays["unlinked"], jumps=arrays["jumps"], first=arrays["first"]
    )
