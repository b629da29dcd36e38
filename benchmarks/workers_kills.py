"""A part of ``workers.py``: a worker is killed at a random moment, and the run is resumed."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import socket
import sys
import threading
import time
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nmt.model_folder import CONFIG, JOURNAL, WEIGHTS

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow takes seconds to import; each worker is forked from a process that has.
WARM = get_context("forkserver")
WARM.set_forkserver_preload(["nmt.training.fit", "nmt.doctor.quick", "nmt.cli"])
# After the death of a worker the others may take these seconds to end.
_ENDED = 15.0
_CLOCKS = ("seconds", "val_seconds", "memory_mb", "tokens/s")
_SETTINGS = [
    "text.vocabulary_size=500", "text.kind=bpe", "model.units=16", "model.embedding=16", "model.attention_units=16",
    "training.batch_size=48", "training.epochs=2", "training.save_minutes=0", "training.learning_rate=0.01",
    "training.alignment_head=off", "training.confidence=off", "data.buckets=2",
]  # fmt: skip


def free_ports(count: int) -> list[int]:
    """Return ports that no other program is given by chance: those for outgoing connections begin at 32768."""
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().randint(15000, 30000)
        try:
            socket.create_server(("", port)).close()
        except OSError:
            continue
        found += [port] if port not in found else []
    return found


def tf_configs(count: int) -> list[str]:
    """Return the ``TF_CONFIG`` of each of so many workers on this machine."""
    addresses = [f"localhost:{port}" for port in free_ports(count)]
    return [
        json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})
        for index in range(count)
    ]


class Moments:
    """Counts what a worker does, in a file, and kills it some seconds after one of these moments.

    Arguments:
        log: the file that gets a line for each moment.
        last: the number of that moment, from 1; 0 for none.
        delay: the seconds.
        patient: whether no worker of the run is killed, so that one that is silent is only slow.
    """

    def __init__(self, log: Path, last: int, delay: float, patient: bool) -> None:
        self.log, self.last, self.delay, self.patient, self.count = log, last, delay, patient, 0

    def watch(self, owner: Any, name: str) -> None:
        """Make a moment of each call of a function."""
        function = getattr(owner, name)

        def watched(*arguments: Any, **keywords: Any) -> Any:
            self.count += 1
            with self.log.open("a") as file:
                file.write(f"{name}\n")
            if self.count == self.last:
                timer = threading.Timer(self.delay, os.kill, (os.getpid(), signal.SIGKILL))
                timer.daemon = True
                timer.start()
            return function(*arguments, **keywords)

        setattr(owner, name, watched)


def _command(arguments: list[str], tf_config: str, log: str, moments: Moments) -> None:
    import keras
    import tensorflow as tf

    from nmt import cli
    from nmt.training import cluster, workers
    from nmt.training.callbacks import DevScores, Journal, KeepBest
    from nmt.training.checkpoint import Checkpoint
    from nmt.training.training_model import TrainingModel

    if moments.patient:
        workers.HEARTBEAT = 200  # on a busy machine a worker can seem dead
    # Graphs of a few numbers: to optimize them would take longer than they do.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    tf.config.threading.set_intra_op_parallelism_threads(1)
    # The meeting, what the workers tell one another between steps, each batch, and what the chief writes.
    for owner, name in (
        (cluster, "meet"), (workers.Workers, "__init__"), (workers.Workers, "_sum_row"), (TrainingModel, "train_step"),
        (Checkpoint, "save"), (DevScores, "on_epoch_end"), (Journal, "on_epoch_end"), (KeepBest, "on_epoch_end"),
        (keras.callbacks.CallbackList, "on_train_batch_end"),
    ):  # fmt: skip
        moments.watch(owner, name)
    for number in (1, 2):
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(file, number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w") for number in (1, 2))
    if tf_config:
        os.environ["TF_CONFIG"] = tf_config
    sys.argv = ["nmt", *arguments]
    cli.main()


class Run:
    """The processes of a run, each with its log.

    Arguments:
        arguments: of ``nmt``.
        count: of workers.
        place, name: the folder for their logs, and the beginning of the logs' names.
        killed: the worker that is killed, the number of the moment, and the seconds after it.
    """

    def __init__(
        self, arguments: list[str], count: int, place: Path, name: str, killed: tuple[int, int, float] = (0, 0, 0.0)
    ) -> None:
        self.began = time.monotonic()
        self.logs = [place / f"{name}-{index}.log" for index in range(count)]
        self.moments = [place / f"{name}-{index}.moments" for index in range(count)]
        worker, last, delay = killed
        self.processes: list[BaseProcess] = [
            WARM.Process(
                target=_command,
                args=(
                    arguments,
                    tf_config,
                    str(self.logs[index]),
                    Moments(self.moments[index], last if index == worker else 0, delay, not last),
                ),
            )
            for index, tf_config in enumerate(tf_configs(count) if count > 1 else [""])
        ]
        for process in self.processes:
            process.start()

    def end(self, seconds: float = 600.0) -> list[int | None]:
        """Wait for all, and return their exit codes; None for one that had to be ended."""
        limit = time.monotonic() + seconds
        for process in self.processes:
            process.join(max(0.0, limit - time.monotonic()))
        codes = [process.exitcode for process in self.processes]
        for process in self.processes:
            process.kill()
            process.join()
        self.seconds = time.monotonic() - self.began
        return codes

    def said(self, index: int) -> str:
        """Return the last line of a worker's messages."""
        lines = self.logs[index].read_text(errors="replace").splitlines() if self.logs[index].exists() else []
        return next((line for line in reversed(lines) if line.startswith("nmt: ")), "")


def _left(model: Path) -> dict[str, Any]:
    """Return the weights and the journal of a model, without what the clock decides."""
    found: dict[str, Any] = {}
    with h5py.File(model / WEIGHTS) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    for number, line in enumerate((model / JOURNAL).read_text().splitlines()):
        record = {key: value for key, value in json.loads(line).items() if key not in _CLOCKS}
        found[f"journal {number}"] = json.dumps(record)
    return found


def _differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    names = sorted(one.keys() | other.keys())
    return [name for name in names if not np.array_equal(np.asarray(one.get(name)), np.asarray(other.get(name)))]


def kills_part(given: argparse.Namespace, place: Path) -> None:
    """Kill one of two workers, see how the other ends, and resume with two and with one or three."""
    from nmt.synthetic import demo

    demo.write(place / "data")
    for side in ("ko", "en"):
        lines = (place / "data" / f"train.{side}").read_text().splitlines(keepends=True)
        (place / f"train.{side}").write_text("".join(lines[:1920]))
        (place / f"dev.{side}").write_text("".join(lines[1920:1960]))
    files = [f"--{kind}={place / name}" for kind, name in (
        ("source", "train.ko"), ("target", "train.en"), ("dev-source", "dev.ko"), ("dev-target", "dev.en")
    )]  # fmt: skip

    def arguments(to: Path) -> list[str]:
        resume = ["--resume"] if (to / CONFIG).exists() else []
        return ["train", *files, "--to", str(to), *(f"--set={setting}" for setting in _SETTINGS), *resume]

    times = []
    for name in ("whole", "again"):
        whole = Run(arguments(place / name), 2, place, name)
        codes = whole.end()
        assert codes == [0, 0], (codes, whole.said(0), whole.said(1))
        times.append(whole.seconds)
    moments = [len(log.read_text().splitlines()) for log in whole.moments]
    expected = _left(place / "whole")
    assert not _differing(expected, _left(place / "again")), "the undisturbed run cannot be repeated"
    print(
        f"the undisturbed run: {times[0]:.1f} and {times[1]:.1f} s, twice the same bit for bit; {moments} moments",
        flush=True,
    )
    ended, equal, other_ended, late, slowest = 0, 0, 0, 0, 0.0
    for number in range(given.first, given.first + given.count):
        chance = random.Random(f"{given.seed} {number}")
        victim, delay, others = chance.randrange(2), chance.uniform(0, 0.3), chance.choice([1, 3])
        last = chance.randint(1, moments[victim])
        to, copy = place / f"case-{number}", place / f"other-{number}"
        run = Run(arguments(to), count=2, place=place, name=to.name, killed=(victim, last, delay))
        run.processes[victim].join()
        killed = time.monotonic()
        over = run.processes[victim].exitcode != -signal.SIGKILL
        was = "before the folder was made" if not (to / CONFIG).exists() else f"after {_epochs(to)} epochs"
        left = run.processes[1 - victim]
        left.join(60)
        took = time.monotonic() - killed
        codes, said = run.end(1), run.said(1 - victim)
        slowest, late = max(slowest, took), late + (took > _ENDED)
        if to.exists():
            shutil.copytree(to, copy)
        results = []
        for target, count in ((to, 2), (copy, others)):
            again = Run(arguments(target), count, place, f"{target.name}-resumed")
            found = again.end()
            results.append(found == [0] * count)
            if not results[-1]:
                print(f"  {count} workers: {found} {[again.said(i) for i in range(count)]}", flush=True)
        same = results[0] and not _differing(expected, _left(to))
        ended, equal, other_ended = ended + results[0], equal + same, other_ended + results[1]
        print(
            f"kill {number + 1}: worker {victim} {delay:.2f} s after moment {last}, {_last(run.moments[victim])}"
            f"{' (it had ended)' if over else ''}, {was}; the "
            f"other ended after {took:.1f} s with {codes[1 - victim]}: {said[:90]} | resumed by 2: "
            f"{'equal' if same else 'ended, DIFFERS' if results[0] else 'FAILED'}; by {others}: "
            f"{'ended' if results[1] else 'FAILED'}",
            flush=True,
        )
        for folder in (to, copy):
            shutil.rmtree(folder, ignore_errors=True)
    print(
        f"{given.count} kills: resumed with two {ended} ended, {equal} equal to the undisturbed run; with one or three "
        f"{other_ended} ended; the other worker ended after at most {slowest:.1f} s, {late} times after more than "
        f"{_ENDED:.0f} s"
    )


def _epochs(model: Path) -> int:
    journal = model / JOURNAL
    return len(journal.read_text().splitlines()) if journal.exists() else 0


def _last(moments: Path) -> str:
    return moments.read_text().splitlines()[-1]
