"""Parts of ``workers.py``: what several workers learn, and how long their steps take, beside one process."""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from workers_kills import WARM, free_ports

from nmt.config import with_settings
from nmt.data.corpora import from_files
from nmt.presets import preset
from nmt.synthetic import demo
from nmt.training.cluster import Cluster

# Dropout draws for each worker's rows, and one process would draw for all rows at once.
_NO_DROPOUT = [f"model.{kind}=0" for kind in ("dropout", "embedding_dropout", "context_dropout", "output_dropout")]


# Rounds of steps before the first that is measured.
_FIRST = 2


class Asked:
    """A process that answers questions: it makes the parts of a run, and then measures what it is asked for."""

    def __init__(self, work: Callable[..., None], *arguments: Any, **named: Any) -> None:
        self.pipe, other = WARM.Pipe()
        self.process = WARM.Process(target=work, args=(other, *arguments), kwargs=named, daemon=True)
        self.process.start()
        other.close()


def _parts(place: Path, settings: list[str], workers: Any = None, threads: int = 0) -> tuple[Any, Any, Any]:
    """Return the parts of a run of the demo's network, its corpus and its development set."""
    import tensorflow as tf

    from nmt.training.inputs import run_parts

    if threads and workers is None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    # At the demo's own rate Adam makes much of a difference in rounding: the workers could not be compared.
    config = with_settings(preset("comparison", 0)[0], settings)
    corpus, dev = (from_files(place / f"{split}.ko", place / f"{split}.en") for split in ("train", "dev"))
    return run_parts(config, corpus, dev, workers=workers), corpus, dev


def _joined(cluster: Cluster, threads: int) -> Any:
    import tensorflow as tf

    from nmt.training import workers

    workers.HEARTBEAT = 200  # on a busy machine a worker can seem dead
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    return workers.Workers(cluster)


def _worker_steps(workers: Any, parts: Any) -> Any:
    from nmt.training.worker_steps import WorkerSteps

    asked, stop = threading.Event(), threading.Event()
    return WorkerSteps(workers, parts.model, parts.schedule, parts.pipeline, asked=asked, stop=stop, clocked=False)


def _addresses(count: int) -> tuple[str, ...]:
    return tuple(f"localhost:{port}" for port in free_ports(count))


def equal_part(given: argparse.Namespace, place: Path) -> None:
    """Train workers, and one process with their batches joined, for 300 steps without dropout."""
    demo.write(place)
    steps = 40 if given.quick else 300
    for epsilon in (1e-8, 1e-3):
        for count in (2, 4):
            addresses = _addresses(count)
            runs = [
                Asked(_learn, place, count, cluster=Cluster(addresses, index, ""), steps=steps, epsilon=epsilon)
                for index in range(count)
            ]
            found = [run.pipe.recv() for run in runs]
            alone = Asked(_learn, place, count, cluster=None, steps=steps, epsilon=epsilon).pipe.recv()
            among = all(
                np.array_equal(one, other)
                for weights, _ in found[1:]
                for one, other in zip(found[0][0], weights, strict=True)
            )
            apart = [np.abs(one - other) for one, other in zip(found[0][0], alone[0], strict=True)]
            every = np.concatenate([difference.ravel() for difference in apart])
            print(
                f"Adam's epsilon {epsilon:g}, {count} workers, {steps} steps: their weights are "
                f"{'equal bit for bit' if among else 'NOT equal'}; against one process the largest difference is "
                f"{every.max():.2g}, {np.mean(every <= 1e-5):.3%} are within 1e-5; dev BLEU {found[0][1]:.2f} and "
                f"{alone[1]:.2f}",
                flush=True,
            )


def _learn(pipe: Connection, place: Path, count: int, cluster: Cluster | None, steps: int, epsilon: float) -> None:
    import keras
    import tensorflow as tf

    from nmt.evaluation.scores import score
    from nmt.inference.translator import Translator

    workers = _joined(cluster, 1) if cluster else None
    parts, corpus, dev = _parts(place, _NO_DROPOUT, workers)
    model = parts.model
    model.optimizer.epsilon = epsilon
    if workers:

        class Enough(keras.callbacks.Callback):
            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                self.model.stop_training = batch + 1 == steps

        _worker_steps(workers, parts).epoch(keras.callbacks.CallbackList([Enough()], model=model), 0, 0, True)
    else:
        ids = tf.TensorSpec([None, None], tf.int32)
        data = tf.data.Dataset.from_generator(
            lambda: _joined_batches(parts.pipeline, corpus, count, steps),
            output_signature=({"source": ids, "target": ids}, ids),
        )
        model.fit(data, shuffle=False, verbose=0)
    assert int(np.asarray(model.optimizer.iterations)) == steps
    weights = [np.asarray(variable) for variable in model.network.trainable_variables]
    bleu = 0.0
    if not workers or workers.is_chief:
        parts.kept.set_weights(model.network.get_weights())
        sources, targets = zip(*dev.pairs(), strict=True)
        found = Translator(parts.kept, parts.tokenizers, parts.config).translate(list(sources))
        bleu = score([each.text for each in found], list(targets)).bleu
    pipe.send((weights, bleu))
    if workers:
        workers.any(False)  # the others wait for the chief


def _joined_batches(pipeline: Any, corpus: Any, count: int, steps: int) -> Iterator[Any]:
    """Yield the batches of all workers, each joined to one."""
    from nmt.training.inputs import workers_share
    from nmt.training.worker_steps import WorkerSteps

    held: list[Any] = [None] * count
    taken: list[list[Any]] = [[] for _ in range(count)]
    barrier = threading.Barrier(count)

    def share(index: int) -> None:
        class One:
            cluster = Cluster(_addresses(count), index, "")

            def __init__(self) -> None:
                self.count = count

            def gather(self, own: np.ndarray) -> np.ndarray:
                held[index] = own
                barrier.wait()
                found = np.stack(held)
                barrier.wait()
                return found

        one: Any = One()
        reader = WorkerSteps.__new__(WorkerSteps)
        reader.workers, reader.pipeline = one, workers_share(pipeline, corpus, one)
        taken[index] = list(itertools.islice(reader.batches(0, 0), steps))

    threads = [threading.Thread(target=share, args=[index]) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    def joined(rows: list[Any]) -> np.ndarray:
        width = max(each.shape[1] for each in rows)
        return np.concatenate([np.pad(each.numpy(), [(0, 0), (0, width - each.shape[1])]) for each in rows])

    for each in zip(*taken, strict=True):
        names = each[0][0]
        yield {name: joined([inputs[name] for inputs, _ in each]) for name in names}, joined([out for _, out in each])


def overhead_part(given: argparse.Namespace, place: Path) -> None:
    """Measure steps in turns: one process on two cores, two workers on a core each, and two that do not talk."""
    demo.write(place)
    steps, rounds = (20, 5) if given.quick else (100, 8)
    size = given.batch
    addresses = _addresses(2)

    def asked_for(cluster: Cluster | None, threads: int, batch: int = size, batch_parts: str = "1") -> Asked:
        return Asked(_pace, place, cluster=cluster, threads=threads, batch=batch, steps=steps, batch_parts=batch_parts)

    kinds = {
        # As `nmt train` does it: each core computes half of the batch.
        "one process": [asked_for(None, 2, batch_parts="auto")],
        "whole batches": [asked_for(None, 2)],
        "two workers": [asked_for(Cluster(addresses, index, ""), 1) for index in range(2)],
        "two apart": [asked_for(None, 1, batch=size // 2) for _ in range(2)],
    }
    for asked in kinds.values():
        for one in asked:
            one.pipe.recv()  # it has traced its steps
    found: dict[str, list[dict[str, float]]] = {name: [] for name in kinds}
    for number in range(rounds):
        for name, asked in kinds.items():
            for one in asked:
                one.pipe.send("steps")
            each = [one.pipe.recv() for one in asked]
            row = {key: max(one[key] for one in each) for key in each[0]}
            row["processor"] = sum(one["processor"] for one in each)
            found[name].append(row)
            told = ", ".join(f"{key} {value:.1f}" for key, value in row.items())
            print(f"round {number + 1}, {name}: ms a step: {told}", flush=True)
    for name, other in itertools.product(("two workers", "two apart"), ("one process", "whole batches")):
        for key in ("wall", "processor"):
            ratios = [one[key] / alone[key] for one, alone in zip(found[name], found[other], strict=True)]
            print(f"{name} against {other}, {key}: {statistics.median(ratios):.3f} of "
                  f"{[round(value, 2) for value in sorted(ratios)]}")  # fmt: skip
    for one in kinds["two workers"]:
        one.pipe.send("reduce")
    numbers, seconds = kinds["two workers"][0].pipe.recv()
    kinds["two workers"][1].pipe.recv()
    print(f"all-reduce of {numbers:,} numbers alone: {1000 * seconds:.2f} ms")
    for asked in kinds.values():
        for one in asked:
            one.pipe.send("end")


def _pace(
    pipe: Connection, place: Path, cluster: Cluster | None, threads: int, batch: int, steps: int, batch_parts: str
) -> None:
    """Train as ``nmt train`` does, and stop after every ``steps`` steps until asked for more."""
    import keras
    import tensorflow as tf

    workers = _joined(cluster, threads) if cluster else None
    parts, *_ = _parts(place, [f"training.batch_size={batch}", f"training.batch_parts={batch_parts}"], workers, threads)
    spent = {"batch": 0.0, "shapes": 0.0}

    def timed(function: Callable[..., Any], key: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                spent[key] += time.perf_counter() - began

        return call

    class Pace(keras.callbacks.Callback):
        count, begun = 0, (0.0, 0.0)

        def on_train_batch_end(self, number: int, logs: Any = None) -> None:
            self.count += 1
            if self.count % steps or self.count < _FIRST * steps:
                return  # the shapes that come first are traced
            if self.count == _FIRST * steps:
                pipe.send("ready")
            else:
                wall, processor = (now - then for now, then in zip(_clocks(), self.begun, strict=True))
                times = {"wall": wall, "processor": processor, **(spent if workers else {})}
                pipe.send({key: 1000 * value / steps for key, value in times.items()})
            while (order := pipe.recv()) == "reduce":
                pipe.send(_reduce(workers, parts.model))
            if order == "end":
                os._exit(0)
            spent.update(dict.fromkeys(spent, 0.0))
            self.begun = _clocks()

    pace = Pace()
    if workers is None:
        batches = tf.data.Dataset.range(1000).flat_map(parts.pipeline.epoch)
        parts.model.fit(batches.prefetch(4), shuffle=False, callbacks=[pace], verbose=0)
        return
    together = _worker_steps(workers, parts)
    workers.gather = timed(workers.gather, "shapes")
    original = together.batches

    def batches_timed(epoch: int, first: int) -> Iterator[Any]:
        found = original(epoch, first)
        following = timed(lambda: next(found, None), "batch")
        while (batch := following()) is not None:
            yield batch

    together.batches = batches_timed
    listed = keras.callbacks.CallbackList([pace], model=parts.model)
    for epoch in range(1000):
        together.epoch(listed, epoch, 0, True)


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _reduce(workers: Any, model: Any) -> tuple[int, float]:
    """Sum zeros, as many as there are weights, over all workers; return how many, and the seconds of a sum."""
    import tensorflow as tf

    size = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)

    def within(row: tf.Tensor) -> Any:
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(row))

    add = tf.function(lambda row: workers.strategy.run(within, args=(row,)), autograph=False)
    zeros = tf.zeros([size])
    add(zeros)
    began = time.perf_counter()
    for _ in range(20):
        add(zeros)
    return size, (time.perf_counter() - began) / 20
