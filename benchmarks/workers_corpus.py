"""Parts of ``workers.py``: reading corpora of several sizes, and learning from a sorted one."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measuring import apart

from nmt.config import Config, with_settings
from nmt.data.corpora import Corpus, from_tsv
from nmt.data.pipeline import Buckets
from nmt.data.stretches import Stretches, stretches
from nmt.data.tokenizers import Tokenizers, train_tokenizers
from nmt.synthetic import demo

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
_BUFFER = 20_000
# Pairs of an epoch that are read without --whole.
_READ = 500_000


def reading_part(given: argparse.Namespace, place: Path) -> None:
    """Open 10^5, 10^6 and 10^7 pairs, and make batches of an epoch, each in a process of its own."""
    lines = _training_lines(place)
    cells = (line.rstrip("\n").partition("\t") for line in lines)
    train_tokenizers((source, target) for source, _, target in cells).save(place)
    print("pairs, opening: seconds of processor, pairs/s, MB; batches of an epoch: the same", flush=True)
    first: tuple[float, ...] = ()
    for pairs in (30_000, 100_000, 300_000) if given.quick else (100_000, 1_000_000, 10_000_000):
        file = place / "pairs.tsv"
        whole, rest = divmod(pairs, len(lines))
        with file.open("w", encoding="utf-8") as out:
            for _ in range(whole):
                out.writelines(lines)
            out.writelines(lines[:rest])
        most = pairs if given.whole else min(pairs, _READ)
        opened, opened_mb, read, read_mb, count = apart(_read, file, place, most)
        found = (pairs / opened, opened_mb, count / read, read_mb)
        first = first or found
        print(
            f"{pairs:,}: {opened:.1f} s, {found[0]:,.0f}, {opened_mb:,.0f} MB; of an epoch {count:,} in {read:.1f} s, "
            f"{found[2]:,.0f}, {read_mb:,.0f} MB; against the first: "
            + ", ".join(f"{b / a:.3f}" for a, b in zip(first, found, strict=True)),
            flush=True,
        )


def _read(file: Path, tokenizers: Path, most: int) -> tuple[float, float, float, float, int]:
    from nmt.training.inputs import make_pipeline
    from nmt.training.memory import peak_mb

    began = time.process_time()
    corpus = from_tsv(file)
    opened, opened_mb = time.process_time() - began, peak_mb()
    config = with_settings(Config(), [f"data.shuffle_buffer={_BUFFER}"])
    pipeline, _ = make_pipeline(config, corpus, Tokenizers.load(tokenizers, joint=True))
    began, count = time.process_time(), 0
    for _, batch in pipeline.epoch(0):
        count += len(batch)
        if count >= most:
            break
    return opened, opened_mb, time.process_time() - began, peak_mb(), count


def mixing_part(given: argparse.Namespace, place: Path) -> None:
    """Count the neighbours of a pair in a sorted file, 16 before and 16 after it, that are in its batch."""
    from nmt.data import mixing

    chance = random.Random(1)
    words = [f"w{number}" for number in range(5000)]
    made = [
        "\t".join(" ".join(chance.choices(words, k=chance.randint(3, 20))) for _ in range(2)) + "\n"
        for _ in range(100_000 if given.quick else 1_000_000)
    ]
    for lines, buffer, batch in ((_training_lines(place), 1_085, 64), (made, len(made) // 10, 80)):
        texts = sorted((line.rstrip("\n") for line in lines), key=lambda line: (len(line), line))
        file = place / "numbered.tsv"
        file.write_text("".join(f"{number}\tx\n" for number in range(len(texts))), encoding="utf-8")
        corpus, shapes = from_tsv(file), _shapes(texts)
        own = stretches(corpus, buffer)[0][1]
        print(f"{len(texts):,} pairs, batches of {batch}")
        print(
            f"  a true shuffle: {_near(np.random.default_rng(1).permutation(len(texts)), shapes, batch):.3f}",
            flush=True,
        )
        for length in sorted({1, own, 11, 64}):
            mixing.stretches = _cut(length)
            rows = mixing.mixed_rows(corpus, 1, 0, buffer=buffer).shuffle(buffer, seed=1).batch(1024)
            order = np.concatenate([numbers.astype(int) for numbers, _ in rows.as_numpy_iterator()])
            mark = ", as nmt reads it" if length == own else ""
            print(
                f"  a buffer of {buffer:,}, stretches of {length}{mark}: {_near(order, shapes, batch):.3f}", flush=True
            )
        mixing.stretches = stretches


def _cut(length: int) -> Callable[..., Stretches]:
    """Return a function in place of ``stretches``, which makes them of one length."""

    def cut(corpus: Corpus, buffer: int = 0) -> Stretches:
        return Stretches(((0, corpus.size, 1.0, length),))

    return cut


def _shapes(lines: list[str]) -> list[int]:
    """Return the shape of the batch of each pair, as if a piece were four letters."""
    cells = [line.split("\t") for line in lines]
    sizes = np.array([[len(source) // 4 + 1, len(target) // 4 + 1] for source, target in cells])
    buckets = Buckets.fit(sizes, 8, 100)
    rows = np.searchsorted(buckets.targets, sizes[:, 1])
    return (rows * 100 + np.sum(buckets.sources[rows] < sizes[:, :1], 1)).tolist()


def _near(order: np.ndarray, shapes: list[int], size: int) -> float:
    """Return how many neighbours of a pair are in its batch, on average over all whole batches."""
    held: dict[int, list[int]] = {}
    near = pairs = 0
    for number in order.tolist():
        batch = held.setdefault(shapes[number], [])
        batch.append(number)
        if len(batch) == size:
            found = np.sort(batch)
            # Each two that are near count for both.
            near += 2 * int(np.sum(np.searchsorted(found, found + 16, side="right") - np.arange(size) - 1))
            pairs += size
            batch.clear()
    return near / pairs


def sorted_part(given: argparse.Namespace, place: Path) -> None:
    """Train on the demo's corpus sorted and shuffled, with a buffer that holds a twentieth of it."""
    lines = _training_lines(place)
    orders = {
        "sorted": sorted(lines, key=lambda line: (len(line), line)),
        "shuffled": random.Random(1).sample(lines, len(lines)),
    }
    for name, ordered in orders.items():
        (place / f"{name}.tsv").write_text("".join(ordered), encoding="utf-8")
    scores: dict[str, list[float]] = {name: [] for name in orders}
    for seed in range(1, (1 if given.quick else given.seeds) + 1):
        for name in orders:
            to = place / "model"
            settings = [
                f"data.shuffle_buffer={len(lines) // 20}", f"training.seed={seed}", "training.alignment_head=off",
                "training.confidence=off",
            ]  # fmt: skip
            dev = [f"--dev-source={place / 'data' / 'dev.ko'}", f"--dev-target={place / 'data' / 'dev.en'}"]
            command = ["train", "--preset=demo", f"--pairs={place / name}.tsv", *dev, f"--to={to}"]
            subprocess.run(
                [sys.executable, "-m", "nmt.cli", *command, *(f"--set={setting}" for setting in settings)],
                check=True, capture_output=True,
            )  # fmt: skip
            journal = [json.loads(line) for line in (to / "metrics.jsonl").read_text().splitlines()]
            bleu = [record["val_bleu"] for record in journal]
            scores[name].append(max(bleu))
            print(f"seed {seed}, {name}: dev BLEU of each epoch {[round(value, 2) for value in bleu]}", flush=True)
            shutil.rmtree(to)
    means = {name: statistics.mean(values) for name, values in scores.items()}
    spread = {name: round(statistics.stdev(values), 2) for name, values in scores.items() if len(values) > 1}
    print(f"{means}: {means['sorted'] - means['shuffled']:+.2f}; deviation over seeds {spread}")


def _training_lines(place: Path) -> list[str]:
    demo.write(place / "data")
    sides = [(place / "data" / f"train.{side}").read_text(encoding="utf-8").splitlines() for side in ("ko", "en")]
    return [f"{source}\t{target}\n" for source, target in zip(*sides, strict=True)]
