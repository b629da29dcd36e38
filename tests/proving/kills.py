"""Commands that are killed at random moments and run again end as if nothing had happened.

A run is a process of its own, which ends itself with SIGKILL at one of its moments or some milliseconds later: after a
batch, before and after each ``fsync`` and rename, in the writing of a checkpoint, while the development set is scored.
It is run again, or resumed, and killed again, until it ends. Then everything is compared with the undisturbed run: of
a training weights, journal, state of the optimizer and of the random numbers, and the steps in the event files; of an
export its files, numbers and answers; of a comparison its record, models and texts; of a translation its lines.
"""

from __future__ import annotations

import json
import os
import random
import signal
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import command_line
import h5py
import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  (its operations are in an export)
from command_line import PAIRS, TINY
from tensorboard.compat.proto.event_pb2 import Event

from nmt.comparison.results import RECORD
from nmt.model_folder import CONFIG, JOURNAL, LOGS, STATE, WEIGHTS
from proving.proof import Proof, options, preload, run_command

# Kills of one run, before it is left alone.
KILLS = 4
TRANSFORMER = ["model.architecture=transformer", "model.heads=2", "model.feed_forward=32"]
LANGUAGE_MODEL = ["model.architecture=language-model"]
# Each has the name of a kind of KINDS at its start, or reads pairs.
CONFIGS = {
    "recurrent": [],
    "transformer": TRANSFORMER,
    "language model": LANGUAGE_MODEL,
    "averages": ["training.average_decay=0.9", "training.average_epochs=2"],
    "averages, transformer": [*TRANSFORMER, "training.average_epochs=3"],
    "accumulation": ["training.accumulate=3", "training.batch_size=4", "training.save_minutes=0"],
    "bpe dropout": ["text.sampling=0.3", "training.save_minutes=0"],
    "unigram sampling": ["text.kind=unigram", "text.vocabulary_size=auto", "text.sampling=0.2"],
    "guided alignment": ["training.guided_alignment=0.1", "training.save_minutes=0"],
    "scheduled sampling": ["training.scheduled_sampling=0.5", "training.save_minutes=0"],
    "every batch saved": [*TRANSFORMER, "training.save_minutes=0", "model.word_dropout=0.1"],
    "limited steps": ["training.steps=17", "training.schedule=linear", "training.save_minutes=0"],
    "batches of tokens": ["training.batch_unit=tokens", "training.batch_size=60", "training.weight_decay=0.01"],
    "language model, every batch saved": [*LANGUAGE_MODEL, "training.average_decay=0.9", "training.save_minutes=0"],
    "classifier": ["model.architecture=classifier", "training.save_minutes=0", "model.recurrent_dropout=0.2"],
    "tagger": ["model.architecture=tagger", "model.encoder=transformer", *TRANSFORMER[1:], "training.save_minutes=0"],
    "captions": ["model.source=features", "training.save_minutes=0", "model.word_dropout=0.2"],
    "masked tokens": ["model.architecture=masked-language-model", *TRANSFORMER[1:], "training.save_minutes=0"],
}
# What each kind of training reads, and the settings of TINY that would do nothing for it.
PLAIN = (["--text", "train.txt", "--dev-text", "dev.txt"], {"model.attention_units"})
KINDS = {
    "language model": PLAIN,
    "masked tokens": PLAIN,
    "classifier": (["--labels", "labels.tsv"], {"training.alignment_head"}),
    "tagger": (["--tags", "tags.tsv"], {"training.alignment_head", "model.attention_units"}),
    "captions": (["--source", "features.npy", "--target", "train.txt"], {"training.alignment_head"}),
}
PAIRED = (["--pairs", "train.tsv", "--dev-pairs", "dev.tsv"], set[str]())
# Of a record in the journal: what the clock and the machine decide.
CLOCKS = ("seconds", "val_seconds", "memory_mb", "tokens/s", "labels/s")


class Moments:
    """Counts the moments of a process, and kills it at or after one of them.

    Arguments:
        log: the file that gets a line for each moment.
        last: the number of the moment, from 1; 0 for none.
        delay: seconds after it.
    """

    def __init__(self, log: str, last: int, delay: float) -> None:
        self.log, self.last, self.delay, self.count = Path(log), last, delay, 0

    def pass_by(self, name: str) -> None:
        self.count += 1
        with self.log.open("a") as file:
            file.write(f"{name}\n")
        if self.count == self.last:
            if self.delay:
                timer = threading.Timer(self.delay, _kill)
                timer.daemon = True
                timer.start()
            else:
                _kill()

    def watch(self, owner: Any, name: str, after: bool = True) -> None:
        """Make a moment of the begin and the end of each call of a function."""
        function: Callable[..., Any] = getattr(owner, name)

        def watched(*arguments: Any, **keywords: Any) -> Any:
            self.pass_by(f"before {name}")
            result = function(*arguments, **keywords)
            if after:
                self.pass_by(f"after {name}")
            return result

        setattr(owner, name, watched)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def child(command: list[str], streams: list[str], env: dict[str, str], folder: str, moments: Moments) -> None:
    """Run a command, and kill it at one of its moments."""
    from nmt.inference.searcher import Searcher
    from nmt.training.callbacks import DevScores, DevText, Journal, KeepBest
    from nmt.training.checkpoint import Checkpoint, SaveCheckpoint

    for module, name in ((os, "replace"), (os, "rename"), (os, "fsync"), (os, "write"), (np, "savez")):
        moments.watch(module, name)
    for kind in (DevScores, DevText, Journal, KeepBest):
        moments.watch(kind, "on_epoch_end")
    moments.watch(SaveCheckpoint, "on_train_batch_end")
    moments.watch(Searcher, "_search_all")
    names = Checkpoint.variables

    def named(self: Checkpoint) -> list[Any]:
        found = names(self)
        moments.log.with_name("names").write_text("\n".join(getattr(v, "path", v.name) for v in found))
        return found

    Checkpoint.variables = named  # type: ignore[method-assign]
    command_line._command(command, streams, env, folder)


@dataclass
class Ended:
    """How a process ended: its exit code, negative for a signal, its messages, and its moments."""

    code: int
    error: str
    moments: list[str]


def run(arguments: list[str], place: Path, last: int = 0, delay: float = 0.0) -> Ended:
    """Run a command in a process of its own."""
    log = place / "moments"
    log.write_text("")
    code, error = run_command(arguments, place, place, child, Moments(str(log), last, delay))
    return Ended(code, error, log.read_text().splitlines())


def material(place: Path) -> None:
    """Write 41 training pairs, and as many of all else that is trained on, and lines to translate."""
    shuffled = random.Random(0).sample(PAIRS, len(PAIRS))
    train, dev = shuffled[:41], shuffled[41:]
    # subject object verb -> subject verb object
    files = {
        "train.tsv": [f"{source}\t{target}" for source, target in train],
        "links": ["0-0 1-2 2-1" for _ in train],
        "dev.tsv": [f"{source}\t{target}" for source, target in dev],
        "train.txt": [target for _, target in train],
        "dev.txt": [target for _, target in dev],
        "lines.txt": [source for source, _ in shuffled] * 60,
        "labels.tsv": [f"{target}\t{'long' if len(target) > 12 else 'short'}" for _, target in train],
        "tags.tsv": [
            f"{target}\t{' '.join('long' if len(word) > 3 else 'short' for word in target.split())}"
            for _, target in train
        ],
    }
    np.save(place / "features.npy", np.random.default_rng(0).normal(size=(len(train), 5, 3)))
    for name, lines in files.items():
        (place / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def arguments(config: str, to: str, resume: bool) -> list[str]:
    """Return a command, that of a training or of another one, which is the same whenever it is run."""
    if config in OTHERS:
        return OTHERS[config].arguments(to)
    changes = CONFIGS[config]
    named, without = KINDS.get(config.partition(",")[0], PAIRED)
    if "guided" in config:
        named = [*named, "--links", "links"]
    if any("=transformer" in change for change in changes):
        without = without | {"model.attention_units"}
    fixed = [setting for setting in TINY if setting != "--set" and setting.split("=")[0] not in without]
    settings = [*fixed, "training.epochs=3", "text.vocabulary_size=64", *changes]
    return [
        "train",
        *named,
        "--to",
        to,
        *(f"--set={setting}" for setting in settings),
        *(["--resume"] if resume else []),
    ]


def content(model: Path, names: list[str]) -> dict[str, Any]:
    """Return all that a training left, without what the clock decides."""
    found = weights(model)
    with np.load(model / STATE) as state:
        for key in state.files:
            name = names[int(key.removeprefix("variable_"))] if key.startswith("variable_") else key
            found[f"state {key} {name}"] = state[key]
    records = [json.loads(line) for line in (model / JOURNAL).read_text().splitlines()]
    found["journal"] = [{key: value for key, value in record.items() if key not in CLOCKS} for record in records]
    found["config"] = (model / CONFIG).read_text()
    for events in sorted((model / LOGS).rglob("events*")):
        found[f"steps in {events.relative_to(model)}"] = _steps(events.read_bytes())
    found["files"] = sorted(str(path.relative_to(model)) for path in model.rglob("*") if path.is_file())
    return found


def weights(model: Path) -> dict[str, Any]:
    """Return the arrays of a model's weights by name."""
    found: dict[str, Any] = {}
    with h5py.File(model / WEIGHTS) as file:
        file.visititems(
            lambda name, item: found.update({f"weights {name}": item[()]}) if isinstance(item, h5py.Dataset) else None
        )
    return found


def exported(to: Path, output: bytes) -> dict[str, Any]:
    """Return the files, the numbers and the answers of the newest version of an export; all versions must be whole."""
    *others, newest = sorted((path for path in to.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name))
    files = [sorted(str(path.relative_to(each)) for path in each.rglob("*")) for each in (newest, *others)]
    saved = tf.saved_model.load(str(newest))
    stored = tf.train.load_checkpoint(str(newest / "variables" / "variables"))
    answers = saved.signatures["translate"](text=tf.constant([source for source, _ in PAIRS[:5]]))
    return {
        "files": files[0],
        "other versions": [each for each in files if each != files[0]],
        "left aside": [path.name for path in to.parent.glob(".*")] + [path.name for path in to.glob(".*")],
        **{f"numbers {key}": stored.get_tensor(key) for key in stored.get_variable_to_shape_map() if key[0] != "_"},
        **{f"answers {name}": value.numpy() for name, value in answers.items()},
    }


def compared(to: Path, output: bytes) -> dict[str, Any]:
    """Return the record, the weights and the texts of a comparison, without what the clock decides."""
    record = json.loads((to / RECORD).read_text())
    speeds = record.pop("speeds")
    runs = sorted(record.pop("runs"), key=lambda run: run["name"])
    return {
        **record,
        "runs": [{key: value for key, value in run.items() if key != "tokens_per_second"} for run in runs],
        "measured": {name: each["export_bytes"] > 0 for name, each in speeds.items()},
        "texts": {path.name: path.read_text() for path in sorted((to / "texts").iterdir())},
        "files": sorted(path.name for path in to.iterdir()),
        **{f"{path.name} {key}": each for path in (to / "models").iterdir() for key, each in weights(path).items()},
    }


@dataclass(frozen=True)
class Other:
    """A command that is no training.

    Attributes:
        arguments: of the command, by the name of what it writes.
        content: all that it left there, and on standard output, without what the clock decides.
        slow: whether most of its time is spent in other processes, so that kills come at any time.
    """

    arguments: Callable[[str], list[str]]
    content: Callable[[Path, bytes], dict[str, Any]]
    slow: bool = False


FIXED = [
    *(f"--set={setting}" for setting in TINY if setting != "--set" and "attention_units" not in setting),
    "--set=training.save_minutes=0",
    "--set=decoding.max_length=9",
]
OTHERS = {
    "export": Other(lambda to: ["export", "model", "--beam", "2", "--to", f"{to}/model"], exported),
    "compare": Other(
        lambda to: [
            *["compare", "model.attention=none", "model.attention=dot,model.context=output", "--to", to],
            *["--pairs", "train.tsv", "--dev-pairs", "dev.tsv", "--test-pairs", "dev.tsv"],
            *["--seeds", "1", "--steps", "9", *FIXED],
        ],
        compared,
        slow=True,
    ),
    "translate": Other(lambda to: ["translate", "model", "lines.txt"], lambda to, output: {"output": output}),
}
CASES = [*CONFIGS, *OTHERS]


def _steps(records: bytes) -> list[int]:
    steps, place = [], 0
    while place < len(records):
        (length,) = struct.unpack_from("<Q", records, place)
        steps.append(Event.FromString(records[place + 12 : place + 12 + length]).step)
        place += length + 16
    return steps


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Return the names of what is not equal, bit for bit."""
    return [
        name
        for name in sorted(one.keys() | other.keys())
        if name not in one or name not in other or not np.array_equal(np.asarray(one[name]), np.asarray(other[name]))
    ]


def left(config: str, place: Path, to: str) -> dict[str, Any]:
    """Return all that a command left, without what the clock decides."""
    if config not in OTHERS:
        return content(place / to, (place / "names").read_text().split("\n"))
    folder = place / to / "model" if config == "export" else place / to
    return OTHERS[config].content(folder, (place / "stdout").read_bytes())


def prove(count: int, seed: int, place: Path, configs: list[str] | None = None) -> Proof:
    """Kill commands ``count`` times."""
    proof = Proof("kills", "kills", seed)
    material(place)
    names = configs or CASES
    if set(names) & {"export", "translate"}:
        ended = run(["train", "--pairs", "train.tsv", "--dev-pairs", "dev.tsv", "--to", "model", *TINY], place)
        assert not ended.code, ended.error
    undisturbed: dict[str, tuple[dict[str, Any], int, float]] = {}
    case = 0
    while proof.tried.total() < count:
        config = names[case % len(names)]
        chance = random.Random(f"{seed} {case}")
        label = f"case {case} ({config})"
        if config not in undisturbed:
            whole = f"whole-{len(undisturbed)}"
            began = time.monotonic()
            ended = run(arguments(config, whole, resume=False), place)
            if ended.code:
                raise SystemExit(f"{label}: the undisturbed run failed: {ended.error}")
            undisturbed[config] = (left(config, place, whole), len(ended.moments), time.monotonic() - began)
        expected, moments, seconds = undisturbed[config]
        to, killed = f"case-{case}", []
        while True:
            most = len(killed) < KILLS and proof.tried.total() < count
            # A training that is killed late has little left to resume.
            latest = moments if config in OTHERS else max(moments * 6 // 10, 1)
            last = chance.randint(1, latest) if most else 0
            delay = chance.choice([0.0, chance.uniform(0.001, 0.1)])
            if config in OTHERS and OTHERS[config].slow:
                last, delay = min(last, 1), chance.uniform(0.0, seconds)
            resume = (place / to / CONFIG).exists()
            ended = run(arguments(config, to, resume), place, last, delay)
            if ended.code != -signal.SIGKILL:
                break
            where = ended.moments[-1] if ended.moments else "the start"
            killed.append(f"{where} + {1000 * delay:.0f} ms")
            proof.add(config)
            output = (place / "stdout").read_bytes()
            if config == "translate" and not expected["output"].startswith(output):
                proof.fault(label, f"killed at {killed[-1]} it had written {output[-200:]!r}")
        if ended.code:
            proof.fault(label, f"after kills at {killed} it ended with {ended.code}: {ended.error[-600:]}")
        elif found := differences(expected, left(config, place, to)):
            proof.fault(label, f"after kills at {killed}: {found[:5]}")
        case += 1
    return proof


def main() -> int:
    """Run the proof."""
    given = options(__doc__.splitlines()[0], count=100, parts=CASES)
    preload("nmt.training.fit", "nmt.doctor.quick")
    with tempfile.TemporaryDirectory(prefix="kills-") as place:
        return prove(given.count, given.seed, Path(place), given.only).end()


if __name__ == "__main__":
    sys.exit(main())
