"""Pictures, in files and in notebooks: an alignment, a run, and scores by length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from rich.cells import cell_len

from nmt.errors import InputError
from nmt.evaluation.alignment import WordAlignment
from nmt.evaluation.by_length import LengthBin
from nmt.evaluation.judge import BLEU, NAMES, PERPLEXITY, best_epoch, quality
from nmt.plotting import picture

# Words of one side. More would be too small to read, or the file too big to open.
MAX_WORDS = 100

# Inches: of the cells of one side together, and of a cell.
_LONGEST_SIDE, _SMALLEST_CELL, _LARGEST_CELL, _CELL_HEIGHT = 14.0, 0.14, 0.95, 0.42

# Cells in which a number can be read, and cells that an SVG can draw one by one.
_MAX_NUMBERS, _MAX_SHAPES = 400, 2500


def heat_map(
    alignment: WordAlignment, path: Path | None = None, title: str | None = None, note: str = ""
) -> picture.Picture:
    """Draw the weights of each target word, a row, on each source word, a column: links, or what a decoder attends to.

    It grows with the words, up to 100 by 100; a note beneath it says what is left out.

    Arguments:
        alignment: weights ``(target words, source words)`` from 0 to 1.
        path: of the picture, ``.png`` or ``.svg``; without it nothing is written.
        title: above it.
        note: beneath it, such as which of the two it shows.

    Returns:
        The picture, which a notebook shows.

    Raises:
        InputError: if it cannot be written there.
    """
    if path:
        picture.check_picture(path)
    source = [picture.shown(word) for word in alignment.source[:MAX_WORDS]]
    target = [picture.shown(word) for word in alignment.target[:MAX_WORDS]]
    weights = np.clip(alignment.weights[:MAX_WORDS, :MAX_WORDS], 0, 1)
    with picture.style():
        if not source or not target:
            figure = Figure(figsize=(4, 1))
            figure.text(0.5, 0.5, "No words to draw.", ha="center", va="center")
        else:
            figure = _cells(source, target, weights)
        if title:
            across = max(figure.get_figwidth(), 3.5)
            figure.suptitle(
                picture.heading(title, across), fontsize=11, x=0.0, y=1.0, ha="left", va="bottom", linespacing=1.3
            )
        left_out = [
            f"the first {MAX_WORDS} of {len(every):,} {side} words"
            for every, side in ((alignment.source, "source"), (alignment.target, "target"))
            if len(every) > MAX_WORDS
        ]
        notes = [note] * bool(note) + [f"Drawn: {' and '.join(left_out)}."] * bool(left_out)
        for words in notes:
            picture.note(figure, words)
        return _kept(figure, path)


def _kept(figure: Figure, path: Path | None) -> picture.Picture:
    if path:
        picture.save(figure, path)
    return picture.Picture(figure)


def _cells(source: list[str], target: list[str], weights: np.ndarray) -> Figure:
    """Draw the cells, their words and the colour bar."""
    across, down, size, level = _sizes(source, target)
    wide, high = across * len(source), down * len(target)
    label = 0.25 + max(map(cell_len, target)) * size * 0.55 / 72
    head = 0.25 + (size / 72 if level else max(map(cell_len, source)) * size * 0.55 / 72)
    bar = 0.55
    figure = Figure(figsize=(label + wide + bar, head + high))
    whole_wide, whole_high = figure.get_size_inches()
    axes = figure.add_axes((label / whole_wide, 0, wide / whole_wide, high / whole_high))
    mesh = axes.pcolormesh(
        weights, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=0.8 if down > 0.25 else 0.2
    )
    mesh.set_rasterized(weights.size > _MAX_SHAPES)
    axes.invert_yaxis()
    axes.xaxis.tick_top()
    axes.set_xticks(np.arange(len(source)) + 0.5, source, fontsize=size, rotation=0 if level else 90)
    axes.set_yticks(np.arange(len(target)) + 0.5, target, fontsize=size)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if weights.size <= _MAX_NUMBERS and min(across, down) > 0.26:
        _numbers(axes, weights, min(9.0, across * 72 / 3.2))
    bar_high = min(high, 2.5)
    place = (
        (label + wide + 0.2) / whole_wide,
        (high - bar_high) / whole_high,
        0.12 / whole_wide,
        bar_high / whole_high,
    )
    colours = figure.colorbar(mesh, cax=figure.add_axes(place), ticks=[0, 0.5, 1])
    colours.ax.set_yticklabels(["0 %", "50 %", "100 %"], fontsize=8)
    colours.ax.tick_params(length=2, color="#666666")
    colours.outline.set_visible(False)  # type: ignore[operator]
    return figure


def _sizes(source: list[str], target: list[str]) -> tuple[float, float, float, bool]:
    """Return a cell's width and height in inches, the font size, and whether the source words are horizontal."""
    widest = max(map(cell_len, source)) * 10 * 0.58 / 72 + 0.12
    if widest <= _LARGEST_CELL and max(0.5, widest) * len(source) <= 9 and _CELL_HEIGHT * len(target) <= 9:
        return max(0.5, widest), _CELL_HEIGHT, 10.0, True
    cell = min(_CELL_HEIGHT, max(_SMALLEST_CELL, _LONGEST_SIDE / max(len(source), len(target))))
    return cell, cell, min(10.0, cell * 72 * 0.72), False


def _numbers(axes: Axes, weights: np.ndarray, size: float) -> None:
    """Write each weight into its cell, in per cent; small ones are faint."""
    for (row, column), weight in np.ndenumerate(weights):
        colour = "white" if weight >= 0.65 else "#1a1a1a" if weight >= 0.1 else "#8a8a8a"
        axes.text(column + 0.5, row + 0.5, f"{100 * weight:.0f}", ha="center", va="center", fontsize=size, color=colour)


def history(records: Sequence[Mapping[str, Any]], path: Path | None = None) -> picture.Picture:
    """Draw a run: the loss, the score of the development set and the learning rate after each epoch.

    Arguments:
        records: one per epoch, as in a model's ``metrics.jsonl``. The score is the one that chooses the best epoch; in
            records of earlier versions it is BLEU, or perplexity if there is no BLEU. A missing or null value is a gap.
            While a score is as low as chance, the perplexity chooses; then this is said.
        path: of the picture, ``.png`` or ``.svg``; without it nothing is written.

    Returns:
        The picture, which a notebook shows.

    Raises:
        InputError: if there is nothing to draw, or the picture cannot be written there.
    """
    if path:
        picture.check_picture(path)
    panels = _panels(records)
    if not panels:
        raise InputError(f"There is nothing to draw{f' in {path}' if path else ''}: no epoch of the run is recorded.")
    epochs = [record.get("epoch", number) for number, record in enumerate(records, start=1)]
    with picture.style():
        heights = [1.0 if title == "learning rate" else 2.4 for title, _ in panels]
        figure = Figure(figsize=(7, 0.7 + sum(heights)), layout="constrained")
        drawn = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (title, curves) in zip(drawn, panels, strict=True):
            _curves(axes, title, epochs, curves)
            if title in NAMES.values():
                _mark_best(axes, records, epochs, curves[0][1])
        drawn[-1].set_xlabel("epoch")
        drawn[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if len(epochs) == 1:
            drawn[-1].set_xticks(epochs)
        return _kept(figure, path)


Curve = tuple[str, list[float]]


def _drawn_score(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the score that is drawn: the one that chose the best epoch, if there is a number of it."""
    watch = records[-1].get("watch") if records else None
    for score in (watch, BLEU):
        if score in NAMES and any(record.get(score) is not None for record in records):
            return str(score)
    return PERPLEXITY


def _panels(records: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Curve]]]:
    """Return the title of each panel and its curves, without curves that have no number."""

    def numbers(key: str) -> list[float]:
        return [float("nan") if record.get(key) is None else float(record[key]) for record in records]

    score = _drawn_score(records)
    # The development set has no links: its loss has no alignment loss in it.
    guided = not np.isnan(numbers("alignment_loss")).all()
    training = "training, with the alignment loss" if guided else "training"
    wanted = [
        ("loss", [(training, numbers("loss")), ("development", numbers("val_loss"))]),
        (NAMES[score], [("development", numbers(score))]),
        ("learning rate", [("", numbers("learning_rate"))]),
    ]
    kept = [(title, [curve for curve in curves if not np.isnan(curve[1]).all()]) for title, curves in wanted]
    return [(title, curves) for title, curves in kept if curves]


def _curves(axes: Axes, title: str, epochs: list[int], curves: list[Curve]) -> None:
    """Draw the curves of one panel."""
    colours = {"training": picture.COLOURS[0], "development": picture.COLOURS[1], "": "#666666"}
    for name, values in curves:
        of = name.partition(",")[0]
        style = "-" if of != "training" else "--"
        axes.plot(epochs, values, style, color=colours[of], label=name, marker="o" if len(epochs) <= 30 else "", ms=4)
    axes.set_ylabel(title)
    axes.grid(True, axis="y")
    every = np.array([values for _, values in curves])
    if title == "perplexity" and np.nanmax(every) > 20 * np.nanmin(every) > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    if title == "learning rate":
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.set_ylim(0, 1.15 * np.nanmax(every) or 1)
    if title == "loss":
        axes.legend()


def _mark_best(axes: Axes, records: Sequence[Mapping[str, Any]], epochs: list[int], values: list[float]) -> None:
    """Mark the epoch that the training kept, and say so where the perplexity decided and another score is drawn."""
    drawn = _drawn_score(records)
    watch = records[-1].get("watch")
    qualities = [quality(record, watch if watch in NAMES else drawn) for record in records]
    best = best_epoch(qualities)
    perplexity = records[best].get(PERPLEXITY)
    axes.plot(epochs[best], values[best], "o", ms=9, mfc="none", mec=picture.COLOURS[1])
    if drawn != PERPLEXITY and perplexity is not None and qualities[best] == -perplexity:
        said = f"best: epoch {epochs[best]}, by its perplexity of {perplexity:,.2f}"
    else:
        said = f"best: {values[best]:,.2f} in epoch {epochs[best]}"
    axes.set_title(said, fontsize=9, loc="right", color="#555555")


def length_curve(series: Mapping[str, Sequence[LengthBin]], path: Path | None = None) -> picture.Picture:
    """Draw scores by the length of the source, with the interval of each bin, for one model or several.

    Arguments:
        series: the bins of each model, by its name.
        path: of the picture, ``.png`` or ``.svg``; without it nothing is written.

    Returns:
        The picture, which a notebook shows.

    Raises:
        InputError: if the picture cannot be written there.
        ValueError: if there is no bin.
    """
    if path:
        picture.check_picture(path)
    if not any(series.values()):
        raise ValueError("There is no bin of lengths to draw.")
    with picture.style():
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        longest = max(each.longest for bins in series.values() for each in bins)
        end = 1.15 * max(each.length for bins in series.values() for each in bins)
        for place, (name, bins) in enumerate(series.items()):
            # Intervals of several models stand side by side, or they would hide each other.
            aside = (place - (len(series) - 1) / 2) * end * 0.008
            _points(axes, name, bins, aside=aside, place=place)
        axes.set_ylim(bottom=0)
        # A few very long sentences would squeeze all the rest.
        axes.set_xlim(0, min(end, 1.03 * longest))
        axes.set_xlabel("words in the source")
        axes.set_ylabel(" or ".join(sorted({each.metric for bins in series.values() for each in bins})))
        axes.grid(True, axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if len(series) > 1:
            axes.legend(fontsize=9, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.3)
        signatures = sorted({each.signature for bins in series.values() for each in bins})
        picture.note(
            figure, f"Thin lines: the lengths of a bin, the last up to {longest}. Bars: 95 % of bootstrap resamples."
        )
        for signature in signatures:
            picture.note(figure, signature)
        return _kept(figure, path)


def _points(axes: Axes, name: str, bins: Sequence[LengthBin], aside: float, place: int) -> None:
    """Draw the bins of one model."""
    colour = picture.COLOURS[place % len(picture.COLOURS)]
    lengths = [each.length + aside for each in bins]
    scores = [each.score for each in bins]
    # A name that begins with an underscore would be left out of the legend.
    label = f" {picture.shown(name, max_length=60)}"
    axes.plot(lengths, scores, marker="osD^vP*"[place % 7], color=colour, ms=5, lw=1.4, label=label)
    axes.vlines(lengths, [each.low for each in bins], [each.high for each in bins], color=colour, lw=1.4)
    shortest, longest = [each.shortest for each in bins], [each.longest for each in bins]
    axes.hlines(scores, shortest, longest, color=colour, lw=0.8, alpha=0.4)


def learning_curves(
    series: Mapping[str, Sequence[Sequence[tuple[int, float]]]], path: Path | None = None, score: str = "BLEU"
) -> picture.Picture:
    """Draw how a development score of models changed with their steps: single runs thin, their mean thick.

    Arguments:
        series: the runs of each model, by its name; a run is a list of points ``(step, score)``.
        path: of the picture, ``.png`` or ``.svg``; without it nothing is written.
        score: the name of the score.

    Returns:
        The picture, which a notebook shows.

    Raises:
        InputError: if the picture cannot be written there.
        ValueError: if there is no point.
    """
    if path:
        picture.check_picture(path)
    if not any(points for runs in series.values() for points in runs):
        raise ValueError("There is no point of a learning curve to draw.")
    with picture.style():
        figure = Figure(figsize=(7, 3.6), layout="constrained")
        axes = figure.subplots()
        for place, (name, runs) in enumerate(series.items()):
            colour, marker = picture.COLOURS[place % len(picture.COLOURS)], "osD^vP*"[place % 7]
            steps, scores = zip(*_mean([points for points in runs if points]), strict=True)
            axes.plot(
                steps,
                scores,
                marker,
                ls="-",
                color=colour,
                ms=5,
                lw=1.6,
                label=f" {picture.shown(name, max_length=60)}",
            )
            for points in runs if len(runs) > 1 else []:
                axes.plot(*zip(*points, strict=True), lw=0.6, alpha=0.5, color=colour)
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        axes.set_xlabel("steps")
        axes.set_ylabel(f"{score}, development set")
        axes.grid(True, axis="y")
        axes.legend(fontsize=9, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.3)
        return _kept(figure, path)


def _mean(runs: Sequence[Sequence[tuple[int, float]]]) -> list[tuple[float, float]]:
    """Return the mean of several curves, point by point, up to the end of the shortest.

    >>> _mean([[(10, 1.0), (20, 3.0)], [(12, 2.0)]])
    [(11.0, 1.5)]
    """
    means = (np.mean(points, 0) for points in zip(*runs, strict=False))
    return [(float(step), float(score)) for step, score in means]
