"""What a caption attends to: the weights of each word over the cells of a picture, as Xu et al. 2015 draw them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from nmt.errors import InputError
from nmt.plotting import picture

# Words in a picture, and beside each other.
MAX_WORDS, _ACROSS = 40, 6
_INCHES = 1.35


def attention_map(
    words: Sequence[str],
    weights: np.ndarray,
    grid: tuple[int, int],
    pixels: np.ndarray | None = None,
    path: Path | None = None,
    title: str | None = None,
) -> picture.Picture:
    """Draw a picture, and once for each word with the cells dark that the word does not attend to.

    Arguments:
        words: of the caption.
        weights: ``(words, cells)``, from 0 to 1.
        grid: rows and columns of the cells.
        pixels: the picture, ``(height, width)`` or ``(height, width, 3)`` from 0 to 1; without it the weights alone.
        path: of the drawing, ``.png`` or ``.svg``; without it nothing is written.
        title: above it.

    Returns:
        The drawing, which a notebook shows.

    Raises:
        InputError: if it cannot be written there.
        ValueError: if the cells do not fill the grid.
    """
    if path:
        picture.check_picture(path)
    rows, columns = grid
    if weights.shape[1:] != (rows * columns,):
        raise ValueError(f"{weights.shape[1]} cells do not fill {rows} rows of {columns}.")
    shown = [picture.shown(word, max_length=16) for word in words[:MAX_WORDS]]
    first: list[tuple[str, np.ndarray | None]] = [] if pixels is None else [("", None)]
    whole = [*first, *zip(shown, weights, strict=False)]
    across = min(_ACROSS, max(1, len(whole)))
    down = max(1, -(-len(whole) // across))
    shape = (down, across)
    with picture.style():
        figure = Figure(figsize=(_INCHES * across, (_INCHES * rows / columns + 0.3) * down), layout="constrained")
        panels = figure.subplots(*shape, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
        for axes, (word, of_word) in zip(panels, whole, strict=False):
            extent = (0, columns, rows, 0)
            if pixels is not None:
                axes.imshow(pixels, extent=extent, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            if of_word is not None:
                _shade(axes, of_word.reshape(rows, columns), extent, over=pixels is not None)
            axes.set_title(word, fontsize=10, pad=3)
        if title:
            figure.suptitle(picture.heading(title, max(figure.get_figwidth(), 3.5)), fontsize=11, x=0.0, ha="left")
        if len(words) > MAX_WORDS:
            picture.note(figure, f"Drawn: the first {MAX_WORDS} of {len(words):,} words.")
        if path:
            picture.save(figure, path)
        return picture.Picture(figure)


def _shade(axes: object, weights: np.ndarray, extent: tuple[int, int, int, int], over: bool) -> None:
    """Darken the cells with a small weight, beside the largest one."""
    share = weights / max(float(weights.max()), 1e-9)
    draw = axes.imshow  # type: ignore[attr-defined]
    if not over:
        draw(
            weights, extent=extent, cmap="Blues", vmin=0, vmax=max(float(weights.max()), 1e-9), interpolation="nearest"
        )
        return
    dark = np.concatenate([np.zeros((*weights.shape, 3)), 0.85 * (1 - share)[..., None]], -1)
    draw(dark, extent=extent, interpolation="nearest")


def pixels_of(cells: np.ndarray, grid: tuple[int, int]) -> np.ndarray | None:
    """Return the picture whose pixels are the numbers of cells ``(cells, width)``, or ``None`` if they are none.

    They are if a cell is a square of pixels with one or three numbers each, all from 0 to 1, or whole and up to 255.

    >>> pixels_of(np.ones([4, 12]), (2, 2)).shape, pixels_of(np.ones([4, 5]), (2, 2))
    ((4, 4, 3), None)
    """
    rows, columns = grid
    values: np.ndarray = np.asarray(cells, np.float32)
    if cells.dtype.kind in "iu" and values.max() > 1:
        values = values / 255
    for channels in (3, 1):
        side = math.isqrt(values.shape[1] // channels)
        if side * side * channels == values.shape[1] and values.min() >= 0 and values.max() <= 1:
            parts = values.reshape(rows, columns, side, side, channels).swapaxes(1, 2)
            whole = parts.reshape(rows * side, columns * side, channels)
            return whole if channels == 3 else whole[..., 0]
    return None


def grid_of(cells: int, given: str | None = None) -> tuple[int, int]:
    """Return rows and columns of the cells: those that were given, as ``6x6``, or a square, or one row.

    Raises:
        InputError: if what was given is no such pair, or has another number of cells.

    >>> grid_of(36), grid_of(7), grid_of(6, "2x3")
    ((6, 6), (1, 7), (2, 3))
    """
    if given is None:
        side = math.isqrt(cells)
        return (side, side) if side * side == cells else (1, cells)
    parts = given.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and 0 < int(part) <= cells for part in parts):
        raise InputError(f"'{given}' is no grid. Write rows and columns, as in --grid 6x6.")
    rows, columns = map(int, parts)
    if rows * columns != cells:
        raise InputError(f"A grid of {rows} by {columns} has {rows * columns} cells, and the model reads {cells}.")
    return rows, columns
