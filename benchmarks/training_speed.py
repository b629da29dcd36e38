"""How fast a model trains on your own pairs: target tokens per second.

    python benchmarks/training_speed.py --source train.de --target train.en --steps 150 --set text.vocabulary_size=8000

Runs the real pipeline and the real training step on batches of the first epoch, and prints the median over windows of
20 steps, the machine, and the command. On a shared machine, figures are meaningful only side by side.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from nmt.config import Config, with_settings
from nmt.data.corpora import from_files
from nmt.training.fit import fit_tokenizers, make_pipeline
from nmt.training.setup import make_training_model

_WINDOW = 20


class Clock(keras.callbacks.Callback):
    """Record the time after each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.times.append(time.perf_counter())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    config = with_settings(Config(), arguments.settings)
    corpus = from_files(arguments.source, arguments.target)
    tokenizers = fit_tokenizers(config, corpus, print)
    pipeline, _ = make_pipeline(config, corpus, tokenizers, print)
    sizes = (tokenizers.source.vocabulary, tokenizers.target.vocabulary)
    model, _ = make_training_model(config, arguments.steps, *sizes)
    print(f"{model.count_params():,} parameters")
    batches = pipeline.epoch(0).take(arguments.steps)
    tokens = [int(np.count_nonzero(target)) for _, target in batches.as_numpy_iterator()]
    clock = Clock()
    model.fit(batches, callbacks=[clock], verbose=0, shuffle=False)
    # The first steps trace the graph and fill the caches.
    speeds = [
        sum(tokens[i + 1 : i + 1 + _WINDOW]) / (clock.times[i + _WINDOW] - clock.times[i])
        for i in range(10, len(clock.times) - _WINDOW, _WINDOW)
    ]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("command:", " ".join(sys.argv))
    print(
        f"target tokens a second: median {statistics.median(speeds):,.0f}, "
        f"lowest {min(speeds):,.0f}, highest {max(speeds):,.0f} of {len(speeds)} windows of {_WINDOW} steps"
    )


if __name__ == "__main__":
    main()
