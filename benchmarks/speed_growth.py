"""Parts of ``speed.py``: how times grow, and a figure of it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from measuring import Row, Setting, apart, in_turns, ratios

from nmt.config import Config, Decoding, with_settings
from nmt.data.corpora import from_files
from nmt.data.tokenizers import BOS, EOS, Tokenizers
from nmt.decoding.constraints import Constraints
from nmt.decoding.strategies import search
from nmt.errors import InputError
from nmt.models.build import build_model
from nmt.plotting import picture
from nmt.training.inputs import fit_tokenizers, make_pipeline
from nmt.training.memory import peak_mb
from nmt.training.setup import make_training_model

# Where only one of them changes, the others are these.
_LENGTH, _VOCABULARY = 15, 8000
_LENGTHS, _VOCABULARIES, _BEAMS = (5, 10, 20, 40, 80), (1000, 4000, 16_000, 64_000), (1, 2, 5, 10, 20)
# Sentences of a search, and steps that it is made to take.
_SEARCHED, _STEPS = 16, 20


def growth(setting: Setting) -> list[Row]:
    """Milliseconds of a training step by lengths and vocabulary, and of a search by its beam, on random tokens."""
    config = with_settings(Config(), setting.settings)
    measures: dict[str, Callable[[], float]] = {}
    where: dict[str, tuple[str, str, int]] = {}

    def add(what: str, axis: str, at: int, work: Callable[[], object]) -> None:
        work()  # traces it
        name = f"{what}, {axis} {at:,}"
        measures[name], where[name] = lambda: _milliseconds(work, setting.size(2, 10)), (what, axis, at)

    step = "a training step"
    for axis in ("source length", "target length"):
        model, _ = make_training_model(config, 1000, _VOCABULARY, _VOCABULARY)
        for at in _LENGTHS:
            sizes = {"source length": _LENGTH, "target length": _LENGTH, axis: at}
            add(
                step,
                axis,
                at,
                _step(
                    model,
                    config=config,
                    vocabulary=_VOCABULARY,
                    source=sizes["source length"],
                    target=sizes["target length"],
                ),
            )
    for at in _VOCABULARIES:
        model, _ = make_training_model(config, 1000, at, at)
        add(step, "vocabulary", at, _step(model, config=config, vocabulary=at, source=_LENGTH, target=_LENGTH))
    network = build_model(config, _VOCABULARY, _VOCABULARY)
    for at in _BEAMS:
        add(f"a search of {_SEARCHED} sentences and {_STEPS} steps", "beam", at, _search(network, at))
    found = in_turns(measures, setting.rounds)
    return [Row("growth", where[name][0], "ms", values, "", *where[name][1:]) for name, values in found.items()]


def _milliseconds(work: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        work()
    return 1000 * (time.perf_counter() - began) / times


def _step(model: Any, config: Config, vocabulary: int, source: int, target: int) -> Callable[[], object]:
    rng = np.random.default_rng(1)
    left, right = (rng.integers(4, vocabulary, [config.training.batch_size, n], np.int32) for n in (source, target))
    return lambda: model.train_on_batch({"source": left, "target": right}, right)


def _search(network: Any, beam: int) -> Callable[[], object]:
    """Return a search of random sentences that can neither end before its last step nor be cut before."""
    source = tf.constant(np.random.default_rng(1).integers(4, _VOCABULARY, [_SEARCHED, _LENGTH], np.int32))

    @tf.function(autograph=False)
    def run() -> tf.Tensor:
        limits = Constraints(tf.fill([_SEARCHED], _STEPS), min_length=_STEPS)
        memory, numbers = network.encode(source), tf.zeros([_SEARCHED, 0])
        how = Decoding(beam=beam)
        return search(
            network, settings=how, memory=memory, mask=source > 0, constraints=limits, numbers=numbers, bos=BOS, eos=EOS
        ).tokens

    return run


def _epoch(settings: list[str], source: Path, target: Path, folder: Path) -> tuple[float, float, int]:
    """Make the batches of an epoch; return their processor time, the peak of memory in MB, and the number of pairs."""
    config = with_settings(Config(), settings)
    corpus, tokenizers = from_files(source, target), Tokenizers.load(folder, config.text.joint)
    pipeline, _ = make_pipeline(config, corpus, tokenizers)
    began = time.process_time()
    pairs = 0
    for _, batch in pipeline.epoch(0):
        pairs += len(batch)
    return time.process_time() - began, peak_mb(), pairs


def corpus(setting: Setting) -> list[Row]:
    """Processor time and memory of an epoch's batches, of the corpus written once, 10 and 100 times."""
    config = with_settings(Config(), setting.settings)
    keras.utils.set_random_seed(config.training.seed)
    folder = setting.place / "tokenizers"
    folder.mkdir()
    fit_tokenizers(config, from_files(setting.source, setting.target)).save(folder)
    times = (1, 3, 10) if setting.quick else (1, 10, 100)
    rows: list[Row] = []
    each: dict[int, list[float]] = {count: [] for count in times}
    peaks: dict[int, list[float]] = {count: [] for count in times}
    sizes: dict[int, int] = {}
    for round_ in range(1 if setting.quick else min(setting.rounds, 2)):
        for count in times:
            files = [setting.place / f"{count}.{side}" for side in ("source", "target")]
            for file, original in zip(files, (setting.source, setting.target), strict=True):
                if not round_:
                    _repeat(original, file, count)
            seconds, peak, sizes[count] = apart(_epoch, setting.settings, *files, folder)
            each[count].append(1e6 * seconds / sizes[count])
            peaks[count].append(peak)
    for count in times:
        at = float(sizes[count])
        per_pair, whole = each[count], [sizes[count] * value / 1e6 for value in each[count]]
        rows.append(Row("corpus", name="batches of an epoch", unit="s", values=whole, goal="", axis="pairs", at=at))
        rows.append(Row("corpus", f"{sizes[count]:,} pairs, processor time of a pair", "µs", per_pair))
        rows.append(Row("corpus", f"{sizes[count]:,} pairs, peak of memory", "MB", peaks[count]))
    first, last = times[-2], times[-1]
    rows.append(
        Row(
            "corpus",
            name=f"time of a pair, {last}× against {first}×",
            unit="",
            values=ratios(each[last], each[first]),
            goal="0.9 to 1.1",
        )
    )
    rows.append(
        Row(
            "corpus",
            name=f"memory, {last}× against {first}×",
            unit="",
            values=ratios(peaks[last], peaks[first]),
            goal="1",
        )
    )
    return rows


def _repeat(original: Path, file: Path, times: int) -> None:
    with file.open("wb") as out:
        for _ in range(times):
            with original.open("rb") as lines:
                shutil.copyfileobj(lines, out)


def figure(rows: list[Row], path: Path) -> None:
    """Draw what grew with what: a panel for each axis, medians with their spread."""
    axes_of: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.at is not None:
            axes_of.setdefault((row.axis, row.name), []).append(row)
    if not axes_of:
        raise InputError(f"Nothing that was measured grows, so {path} is not drawn: --only growth,corpus does.")
    with picture.style():
        columns = min(3, len(axes_of))
        lines = -(-len(axes_of) // columns)
        drawn = Figure(figsize=(3.4 * columns, 2.9 * lines), layout="constrained")
        panels = list(drawn.subplots(lines, columns, squeeze=False).flat)
        for panel, ((axis, name), measured) in zip(panels, axes_of.items(), strict=False):
            measured.sort(key=lambda row: row.at or 0)
            at, medians = [row.at or 0 for row in measured], [row.median for row in measured]
            panel.plot(at, medians, "o-", color=picture.COLOURS[0], ms=5, lw=1.6)
            panel.vlines(
                at, [min(row.values) for row in measured], [max(row.values) for row in measured], picture.COLOURS[0]
            )
            panel.set_xlim(left=0)
            panel.set_ylim(bottom=0)
            panel.set_title(name, fontsize=10)
            panel.set_xlabel(axis)
            panel.set_ylabel(measured[0].unit)
            panel.grid(True)
        for panel in panels[len(axes_of) :]:
            panel.set_visible(False)
        picture.save(drawn, path)
