"""How fast this package is on this machine: one table, from the training step to the server.

    python benchmarks/speed.py --source train.de --target train.en --test-source test.de --test-reference test.en \\
        --model MODEL --json speed.json --figure growth.png

Without files it uses the built-in corpus, and without a model it trains one first, by ``nmt train`` with no other
option. ``--quick`` takes minutes, and its figures are rough. ``--only training,beam`` measures some parts:

    training   target tokens a second, beside the matrix products alone and beside stock Keras layers
    cores      the same of whole programs: ours with a part of a batch for each core, ours with whole batches, all stock
    step       milliseconds of each part of a training step
    memory     peak with a vocabulary of 64,000, beside a loss on all logits at once
    input      how long a step waits for its batch
    beam       sentences a second with a beam of 5 and greedily, in batches of 64
    sentence   milliseconds of one sentence: Translator, C library, TFLite on one thread
    core       source tokens a second on one core: with a shortlist, with int8
    start      nmt --help, one line, the first training step, beside the import of TensorFlow
    serve      nmt serve with 16 clients against one
    corpus     time and memory of an epoch's batches by the size of the corpus
    growth     time by source length, target length, vocabulary and beam
    peers      other systems, where --joeynmt or --opennmt-tf gives a command that trains them on the same pairs

What is compared takes turns, A B A B, in one process or shortly after one another, and a ratio is the median of the
ratios of the rounds: on a shared machine nothing else means much. Each part has a process of its own.
"""

from __future__ import annotations

import argparse
import importlib
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from measuring import Row, Setting, apart, surroundings

from nmt.errors import InputError, WorkFailed

# The module and the function of each part.
PARTS = {
    "training": ("speed_training", "training"),
    "cores": ("speed_training", "cores"),
    "step": ("speed_training", "step"),
    "memory": ("speed_training", "memory"),
    "input": ("speed_training", "input_"),
    "beam": ("speed_translating", "beam"),
    "sentence": ("speed_translating", "sentence"),
    "core": ("speed_translating", "core"),
    "start": ("speed_programs", "start"),
    "serve": ("speed_programs", "serve"),
    "corpus": ("speed_growth", "corpus"),
    "growth": ("speed_growth", "growth"),
    "peers": ("speed_programs", "peers"),
}
_TRANSLATING = ("beam", "sentence", "core", "start", "serve")
# The sizes that other systems were measured with.
YARDSTICK = ["text.kind=bpe", "text.vocabulary_size=8000"]


def measure(part: str, setting: Setting) -> list[Row]:
    """Measure a part in this process."""
    module, function = PARTS[part]
    return getattr(importlib.import_module(module), function)(setting)


def draw(rows: list[Row], path: Path) -> None:
    """Draw what grew with what."""
    importlib.import_module("speed_growth").figure(rows, path)


def number(value: float) -> str:
    """Return a number with as many digits as mean something.

    >>> number(4321.5), number(12.345), number(0.71234), number(0)
    ('4,322', '12.3', '0.712', '0')
    """
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 or not value else f"{value:.1f}" if size >= 10 else f"{value:.3g}"


def table(rows: list[Row]) -> list[str]:
    """Return the lines of the table.

    >>> print(*table([Row("start", "nmt --help", "s", [0.2, 0.1, 0.4], "≤ 0.5")])[2:])
    | start | nmt --help | 0.2 s | 0.1 to 0.4 | 3 | ≤ 0.5 |
    """
    lines = ["| part | what | median | lowest to highest | rounds | to reach |", "|---|---|---|---|---|---|"]
    for row in rows:
        name = row.name if row.at is None else f"{row.name}, {row.axis} {row.at:,.0f}"
        spread = f"{number(min(row.values))} to {number(max(row.values))}"
        middle = f"{number(row.median)} {row.unit}".strip()
        lines.append(f"| {row.part} | {name} | {middle} | {spread} | {len(row.values)} | {row.goal} |")
    return lines


def chosen(names: str | None, peers: dict[str, list[str]]) -> list[str]:
    """Return the parts that ``--only`` names, or all.

    Raises:
        InputError: for a part that does not exist, or other systems without a command.
    """
    if names is None:
        return [part for part in PARTS if part != "peers" or peers]
    parts = [name.strip() for name in names.split(",")]
    for name in parts:
        if name not in PARTS:
            raise InputError(f"There is no part '{name}'. Known: {', '.join(PARTS)}.")
    if "peers" in parts and not peers:
        raise InputError("The part 'peers' needs a command, with --joeynmt or --opennmt-tf.")
    return parts


def files(arguments: argparse.Namespace, place: Path) -> dict[str, Path]:
    """Return the files that were given, or those of the built-in corpus.

    Raises:
        InputError: if only some were given, or one does not exist.
    """
    named = {name: getattr(arguments, name) for name in ("source", "target", "test_source", "test_reference")}
    given = [name for name, path in named.items() if path]
    if given and len(given) < len(named):
        missing = next(name for name in named if name not in given)
        raise InputError(
            f"Name all four files, or none for the built-in corpus: --{missing.replace('_', '-')} is missing."
        )
    if not given:
        from nmt.synthetic import demo

        demo.write(place)
        return dict(
            zip(named, (place / f"{name}" for name in ("train.ko", "train.en", "test.ko", "test.en")), strict=True)
        )
    for path in named.values():
        if not path.is_file():
            raise InputError(f"There is no file {path}.")
    return named


def train(source: Path, target: Path, to: Path, quick: bool) -> None:
    """Train a model as a user would.

    Raises:
        WorkFailed: if that fails.
    """
    command = [sys.executable, "-m", "nmt.cli", "train", "--source", source, "--target", target, "--to", to]
    short = ["--set", "training.steps=300"] if quick else []
    if subprocess.run([*map(str, command), *short], stdout=subprocess.DEVNULL).returncode:
        raise WorkFailed("The model to measure could not be trained.")


def run(arguments: argparse.Namespace, place: Path) -> None:
    given = {"joeynmt": arguments.joeynmt, "opennmt-tf": arguments.opennmt_tf}
    peers = {name: shlex.split(command) for name, command in given.items() if command}
    parts = chosen(arguments.only, peers)
    if arguments.rounds is not None and arguments.rounds < 1:
        raise InputError("--rounds must be 1 or more.")
    own = arguments.source is not None
    named = files(arguments, place)
    model = arguments.model
    if model is None and set(parts) & set(_TRANSLATING):
        model = place / "model"
        print("Training a model to measure.", file=sys.stderr, flush=True)
        train(named["source"], named["target"], model, arguments.quick)
    setting = Setting(
        **named,
        model=model,
        settings=[*(YARDSTICK if own else []), *arguments.settings],
        quick=arguments.quick,
        rounds=arguments.rounds or (2 if arguments.quick else 5),
        seconds=arguments.seconds or (10 if arguments.quick else 60),
        place=place,
        peers=peers,
    )
    rows: list[Row] = []
    about = surroundings(sys.argv)
    for part in parts:
        print(f"Measuring: {part}", file=sys.stderr, flush=True)
        rows += apart(measure, part, setting)
        if arguments.json:  # what is there survives a part that fails
            found: dict[str, Any] = {**about, "quick": arguments.quick, "rows": [row.as_json() for row in rows]}
            arguments.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    load = "" if about["load"] is None else f", load {about['load']:.1f} before"
    print(f"{about['processor']}, {about['cores']} cores{load}")
    print(", ".join(f"{name} {version}" for name, version in about["versions"].items()))
    print("command:", about["command"])
    print(*table(rows), sep="\n")
    if arguments.figure:
        apart(draw, rows, arguments.figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--source", "--target", "--test-source", "--test-reference"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--model", type=Path, help="a trained model's folder")
    parser.add_argument("--only", metavar="PARTS", help="as in training,beam")
    parser.add_argument("--quick", action="store_true", help="minutes instead of an hour, and rough")
    parser.add_argument("--rounds", type=int, help="repeats (default: 5, or 2 with --quick)")
    parser.add_argument("--seconds", type=float, help="under load, and of a peer's training (default: 60, or 10)")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE", help="of trainings")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the same figures, with the value of each round")
    parser.add_argument("--figure", type=Path, metavar="FILE.png", help="a picture of what grows with what")
    parser.add_argument("--joeynmt", metavar="COMMAND", help="as in 'ENV/bin/python -m joeynmt train FILE --skip-test'")
    parser.add_argument("--opennmt-tf", metavar="COMMAND", help="as in 'ENV/bin/onmt-main --model … train'")
    arguments = parser.parse_args()
    if arguments.seconds is not None and arguments.seconds <= 0:
        parser.error("--seconds must be more than 0.")
    try:
        with tempfile.TemporaryDirectory(prefix="nmt-speed-") as place:
            run(arguments, Path(place))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except WorkFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
