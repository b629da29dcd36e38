"""A confusion matrix as a picture: which label was taken for which."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from nmt.evaluation.labelling import LabelScores
from nmt.plotting import picture

# Labels that are drawn, the most frequent ones, and those whose cells have a number.
_MAX_LABELS, _NUMBERED = 50, 16


def confusion_matrix(scores: LabelScores, path: Path | None = None) -> picture.Picture:
    """Draw a row for each right label: the share of its texts or tokens that each label was given to, in per cent.

    The rows are in the order of the names. If there are more than 50 labels, the most frequent are drawn, and a
    note says so.

    Arguments:
        scores: with the counts.
        path: of the picture, ``.png`` or ``.svg``; without it nothing is written.

    Returns:
        The picture, which a notebook shows.

    Raises:
        InputError: if the picture cannot be written there.
    """
    if path:
        picture.check_picture(path)
    counts = scores.confusion
    chosen = np.sort(np.argsort(-(counts.sum(0) + counts.sum(1)), kind="stable")[:_MAX_LABELS])
    shares = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    shares = shares[np.ix_(chosen, chosen)]
    names = [picture.shown(scores.names[i], max_length=16) for i in chosen]
    side = max(2.5, min(14.0, 0.42 * len(names) + 1))
    with picture.style():
        figure = Figure(figsize=(side + 1, side), layout="constrained")
        axes = figure.subplots()
        shown = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, aspect="equal")
        axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 4 else 0)
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("found")
        axes.set_ylabel("right")
        axes.spines[:].set_visible(False)
        if len(names) <= _NUMBERED:
            for i, j in np.ndindex(shares.shape):
                if counts[chosen[i], chosen[j]]:
                    colour = "white" if shares[i, j] > 55 else "black"
                    text = f"{shares[i, j]:.0f}" if shares[i, j] >= 1 else "<1"
                    axes.text(j, i, text, ha="center", va="center", color=colour, fontsize=8)
        figure.colorbar(shown, ax=axes, shrink=0.8, label="% of a row")
        figure.suptitle(
            f"Accuracy {scores.accuracy:.1%}, macro F1 {100 * scores.macro_f1:.1f}", fontsize=11, x=0.0, ha="left"
        )
        if len(scores.names) > _MAX_LABELS:
            picture.note(figure, f"Drawn: the {_MAX_LABELS} most frequent of {len(scores.names):,} labels.")
        if path:
            picture.save(figure, path)
        return picture.Picture(figure)
