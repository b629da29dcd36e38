"""Parts of ``speed.py``: how fast a trained model translates."""

from __future__ import annotations

import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from decoding_speed import timed
from exports import on_device, served
from measuring import Row, Setting, in_turns, seconds

from nmt.data.corpora import from_files
from nmt.evaluation.scores import score
from nmt.export import saved_model, tflite
from nmt.inference.link_shortlist import make
from nmt.inference.parallel import batched, share_cores
from nmt.inference.translator import Translator
from nmt.models.seq2seq import Seq2Seq

# The exact search of the yardstick: no hypothesis is dropped that could still win.
EXACT: dict[str, Any] = {"beam": 5, "length_penalty": 1.0, "prune": 0.0, "patience": 0.0, "n_best": 1, "batch_size": 64}
GREEDY: dict[str, Any] = {"beam": 1, "length_penalty": 0.0, "n_best": 1, "batch_size": 64}


def beam(setting: Setting) -> list[Row]:
    """Sentences a second in batches of 64, strings to strings, with a beam of 5 and greedily, and their BLEU."""
    translator = Translator.load(setting.model, parallel_batches=share_cores())
    pairs = list(from_files(setting.test_source, setting.test_reference).pairs())[: setting.size(128, 1000)]
    sources, references = [left for left, _ in pairs], [right for _, right in pairs]
    searches: dict[str, dict[str, Any]] = {"beam 5, exact": EXACT, "greedy": GREEDY}
    if translator.shortlist:
        searches |= {f"{name}, shortlist": {**how, "shortlist": True} for name, how in list(searches.items())}
    rows, measures = [], {}
    for name, how in searches.items():
        _, texts = timed(translator, sources, how)
        rows.append(Row("beam", f"BLEU, {name}", "BLEU", [score(texts, references).bleu]))
        measures[name] = lambda how=how: len(sources) / timed(translator, sources, how)[0]
    found = in_turns(measures, setting.rounds)
    return [Row("beam", f"{name}, batches of 64", "sentences/s", values) for name, values in found.items()] + rows


def sentence(setting: Setting) -> list[Row]:
    """Milliseconds of one sentence, greedily: medians of each repeat. All are asked one sentence, then the next one."""
    translator, lite = Translator.load(setting.model), Translator.load(setting.model, lite=True)
    how = translator.decoding(**GREEDY)
    lines = setting.test_lines(setting.size(30, 200))
    goals = {
        "Translator": "≤ 8",
        "Translator, lite": "≤ 8",
        "C library, SavedModel": "≤ 6",
        "TFLite, one thread": "≤ 3",
    }
    with tempfile.TemporaryDirectory(dir=setting.place) as place:
        folder = saved_model.export(translator, Path(place, "served"), how, lambda version: "")
        asks: dict[str, Callable[[list[str]], Any]] = {
            "Translator": lambda texts: [found.text for found in translator.translate(texts, **GREEDY)],
            "Translator, lite": lambda texts: [found.text for found in lite.translate(texts, **GREEDY)],
            "C library, SavedModel": served(folder)[0],
        }
        for name, quantize in (("TFLite, one thread", "none"), ("TFLite, one thread, int8", "int8")):
            device = Path(place, quantize)
            tflite.export(translator, device, how, quantize)  # type: ignore[arg-type]
            asks[name] = on_device(device)[0]
        for ask in asks.values():
            for line in lines[:5]:
                ask([line])
        rounds: dict[str, list[float]] = {name: [] for name in asks}
        for _ in range(setting.rounds):
            times: dict[str, list[float]] = {name: [] for name in asks}
            for line in lines:
                for name, ask in asks.items():
                    began = time.perf_counter()
                    ask([line])
                    times[name].append(1000 * (time.perf_counter() - began))
            for name, each in times.items():
                rounds[name].append(statistics.median(each))
    return [
        Row("sentence", name=name, unit="ms", values=values, goal=goals.get(name, ""))
        for name, values in rounds.items()
    ]


def core(setting: Setting) -> list[Row]:
    """Source tokens a second on one core, greedily: with a shortlist, with int8, and neither."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    translator = Translator.load(setting.model, parallel_batches=share_cores())
    pairs = islice(from_files(setting.source, setting.target).pairs(), setting.size(2000, 30_000))
    shortlist = translator.shortlist or make(translator, batched(pairs, 256))
    short = Translator(
        translator.model,
        tokenizers=translator.tokenizers,
        config=translator.config,
        parallel_batches=1,
        shortlist=shortlist,
        heads=translator.heads,
    )
    lines = setting.test_lines(setting.size(100, 1000))
    pieces = int(translator.tokenizers.source.encode(lines).row_lengths().numpy().sum())
    megabytes = (setting.model / "model.weights.h5").stat().st_size / 1e6
    with tempfile.TemporaryDirectory(dir=setting.place) as place:
        device = Path(place, "device")
        how = dataclasses.replace(translator.decoding(**GREEDY), shortlist=False)
        tflite.export(translator, device, how, "int8")
        small = (device / "model.tflite").stat().st_size / 1e6
        asks: dict[str, Callable[[], Any]] = {
            f"Translator, {megabytes:.1f} MB": lambda: translator.translate(lines, **GREEDY),
            f"Translator with shortlist, {megabytes:.1f} MB": lambda: short.translate(lines, **GREEDY, shortlist=True),
            f"TFLite int8, {small:.1f} MB": lambda: ask(lines),
        }
        ask, _ = on_device(device)

        for translate in asks.values():
            translate()
        speeds = {name: lambda translate=translate: pieces / seconds(translate) for name, translate in asks.items()}
        found = in_turns(speeds, setting.rounds)
    assert isinstance(translator.model, Seq2Seq)
    parameters = translator.model.count_params()
    return [
        Row(
            "core",
            name=f"{name}, {parameters:,} parameters, one core",
            unit="source tokens/s",
            values=values,
            goal="≥ 6,000",
        )
        for name, values in found.items()
    ]
