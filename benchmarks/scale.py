"""What a training on several workers would take, from pieces that were measured: time, memory, disk and network.

python benchmarks/scale.py --pairs 100e6 --rate 13882 --parameters 2.78e6 --gigabits 10

Nothing is run: the table is arithmetic, so put in your own figures. ``nmt data --forecast`` measures the rate of a
model on your pairs, and the size of ``model.weights.h5`` by 4 is the number of its parameters.

A step on n workers, of batches of B target tokens in all, takes

    max(B / (n * rate), pairs of B / (n * reading)) + 4 * parameters * 2 (n - 1) / n / bandwidth + 2 (n - 1) * latency

since each worker computes its share of the batch, reads ahead meanwhile, and then sends and receives the gradients in a
ring, 4 bytes for each parameter. What a transfer that begins before the step's end would hide, is left out.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields

WORKERS = (1, 4, 16, 64)
# A last doubling that saves less than this share of the time does not pay: half of it would be ideal.
_PAYS = 0.25


@dataclass(frozen=True)
class Pieces:
    """What is known of the run. The defaults are of docs/measured.md, and assumptions on the corpus and the network.

    Attributes:
        pairs, tokens: of the corpus, and target tokens of a pair.
        epochs: how often the corpus is read.
        batch: target tokens of a step, of all workers together.
        rate: target tokens a second of one worker.
        parameters: of the model.
        reading: pairs a second that one worker makes into batches.
        checking: pairs a second that are read and checked once, before the start.
        vocabulary: seconds until the vocabulary is learned, from a sample of the same size for any corpus.
        gigabits: of the network, a second, in each direction.
        latency: seconds until a message arrives.
        checkpoint: seconds between two checkpoints.
        disk: bytes a second that a checkpoint is written with.
        pair_bytes: of a pair in the files.
        memory: megabytes of a worker that do not depend on the corpus, at the peak.
        score: seconds that scoring the development set takes after an epoch, while the others wait.
    """

    pairs: float = 100e6
    tokens: float = 25.0
    epochs: float = 1.0
    batch: float = 32_768.0
    rate: float = 13_882.0
    parameters: float = 2.78e6
    reading: float = 32_000.0
    checking: float = 310_000.0
    vocabulary: float = 60.0
    gigabits: float = 10.0
    latency: float = 50e-6
    checkpoint: float = 600.0
    disk: float = 100e6
    pair_bytes: float = 150.0
    memory: float = 1702.0
    score: float = 60.0


@dataclass(frozen=True)
class Cost:
    """What a run takes on a number of workers.

    Attributes:
        seconds: in all.
        start: of these until the first step.
        step: of one step; ``network`` of these for the gradients.
        sent: bytes that each worker sends in a step.
        memory: megabytes of a worker.
        read: bytes that each worker reads from the disk.
        kept: bytes of the checkpoint and the two sets of weights on the disk.
        efficiency: how much of n times the speed of one worker is left.
    """

    workers: int
    seconds: float
    start: float
    step: float
    network: float
    sent: float
    memory: float
    read: float
    kept: float
    efficiency: float


def cost(given: Pieces, workers: int) -> Cost:
    """Return what a run takes.

    >>> of_the_run = dict(pairs=1e6, tokens=10, batch=1e4, vocabulary=0, checkpoint=1e9, score=0)
    >>> pieces = Pieces(rate=1e4, parameters=1e6, reading=1e6, checking=1e6, gigabits=8, latency=0, **of_the_run)
    >>> round(cost(pieces, 1).seconds)  # 1,000 steps, after a second of checking
    1001
    >>> round(cost(pieces, 2).step, 4)  # half a second, and 4 MB by 1 GB/s
    0.504
    """
    sent = 4 * given.parameters * 2 * (workers - 1) / workers
    network = sent / (given.gigabits * 1e9 / 8) + 2 * (workers - 1) * given.latency
    compute = given.batch / (workers * given.rate)
    reading = given.batch / given.tokens / (workers * given.reading)
    step = max(compute, reading) + network
    start = given.pairs / given.checking + given.vocabulary
    # Weights and two moments of Adam, and the weights alone for the best epoch and the last.
    state, weights = 12 * given.parameters, 4 * given.parameters
    steps = given.pairs * given.epochs * given.tokens / given.batch
    running = steps * step + given.epochs * given.score
    running *= 1 + state / given.disk / given.checkpoint
    seconds = start + running
    alone = seconds if workers == 1 else cost(given, 1).seconds
    return Cost(
        workers=workers,
        seconds=seconds,
        start=start,
        step=step,
        network=network,
        sent=sent,
        # 8 bytes for each 64 lines of the corpus, of which each worker knows where all begin; and the order of an
        # epoch, 8 bytes for each stretch of 16 lines or more.
        memory=given.memory + given.pairs / 64 * 8 / 1e6 + min(given.pairs / 16, 2**22) * 8 / 1e6,
        read=given.pairs * given.pair_bytes * (1 + given.epochs / workers),
        kept=state + 2 * weights,
        efficiency=alone / (workers * seconds),
    )


def pays_until(given: Pieces) -> int:
    """Return the largest number of workers, doubled from one, whose last doubling saves a quarter of the time."""
    workers = 1
    while workers < 2**20 and cost(given, 2 * workers).seconds <= (1 - _PAYS) * cost(given, workers).seconds:
        workers *= 2
    return workers


def table(given: Pieces) -> str:
    """Return the table and the place where it stops paying."""
    lines = [
        "| workers | hours | speed-up | a step, ms (of it network) | sent a step, MB | start, min | memory each, MB "
        "| read each, GB | worker-hours |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for workers in WORKERS:
        found = cost(given, workers)
        cells = (
            f"{workers}",
            f"{found.seconds / 3600:,.1f}",
            f"{workers * found.efficiency:.1f}",
            f"{1000 * found.step:,.0f} ({1000 * found.network:,.0f})",
            f"{found.sent / 1e6:.1f}",
            f"{found.start / 60:.0f}",
            f"{found.memory:,.0f}",
            f"{found.read / 1e9:.1f}",
            f"{workers * found.seconds / 3600:,.0f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    kept, corpus = cost(given, 1).kept / 1e6, given.pairs * given.pair_bytes / 1e9
    lines += [
        "",
        f"On the disk {kept:,.0f} MB for the checkpoint and two sets of weights, and {corpus:,.0f} GB for the corpus.",
        f"Up to {pays_until(given)} workers, each doubling saves a quarter of the time or more.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for each in fields(Pieces):
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=float, default=each.default)
    print(table(Pieces(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
