"""Forecasts of ``nmt.training.forecast`` beside the trainings they predict.

    python benchmarks/forecast.py --source train.de --target train.en --dev-source dev.de --dev-target dev.en --epochs 2

For each config, one process forecasts, a second one trains with ``nmt train`` as a user would, and a third one
forecasts again. On a shared machine the same work can take three times as long a minute later. So the truth should be
near the two forecasts, and if these differ much, no forecast could be right. The ratio is the truth divided by the mean
of the two. Seconds per epoch are the mean of the journal's epochs without the first, in which graphs are traced. The
total seconds are those of the process, including the import of TensorFlow.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from nmt.config import Config, from_file, to_toml, with_settings
from nmt.data.corpora import from_files
from nmt.model_folder import read_journal
from nmt.presets import preset
from nmt.synthetic import demo

MODELS: dict[str, list[str]] = {
    "demo": [],
    "gru, dot": ["model.attention=dot", "model.context=output"],
    "transformer, 3 + 3 layers": [
        "model.architecture=transformer",
        "model.encoder_layers=3",
        "model.decoder_layers=3",
    ],
}


def alone(config: Path, files: list[str]) -> None:
    """Forecast in this process and print what was found."""
    from nmt.training.forecast import forecast

    source, target, dev_source, dev_target = map(Path, files)
    corpus, dev = from_files(source, target), from_files(dev_source, dev_target)
    found = forecast(from_file(config), corpus, dev)
    each = {"epoch": found.epoch_seconds, "total": found.seconds, "memory": found.memory_mb}
    print(json.dumps({**each, "parameters": found.parameters}))


def forecast_in_new_process(config: Path, files: list[str]) -> tuple[dict[str, float], float]:
    """Forecast in a process of its own. Return what it found and the seconds that it took."""
    began = time.monotonic()
    command = [sys.executable, __file__, "--alone", str(config), *files]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return json.loads(output.splitlines()[-1]), time.monotonic() - began


def trained(config: Path, files: list[str], folder: Path) -> dict[str, float]:
    """Train in a process of its own and return its seconds and memory."""
    names = ("--source", "--target", "--dev-source", "--dev-target")
    options = [part for pair in zip(names, files, strict=True) for part in pair]
    command = [sys.executable, "-m", "nmt.cli", "train", "--config", str(config), *options, "--to", str(folder)]
    began = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    total, records = time.monotonic() - began, read_journal(folder)
    epochs = [record["seconds"] for record in records]
    return {"epoch": statistics.mean(epochs[1:] or epochs), "total": total, "memory": records[-1]["memory_mb"]}


def compare(name: str, arguments: argparse.Namespace, place: Path) -> list[str]:
    """Return the lines of the table for one config."""
    if name == "demo":
        if not (place / "data").exists():
            demo.write(place / "data")
        files = [str(place / "data" / f"{split}.{side}") for split in ("train", "dev") for side in ("ko", "en")]
        base = preset("demo", 0)[0]
    else:
        files = [arguments.source, arguments.target, arguments.dev_source, arguments.dev_target]
        base = with_settings(Config(), arguments.settings)
    config = place / "config.toml"
    settings = [*MODELS[name], f"training.epochs={arguments.epochs}"]
    config.write_text(to_toml(with_settings(base, settings)), encoding="utf-8")
    first, took = forecast_in_new_process(config, files)
    print(f"{name}: forecast in {took:,.0f} seconds: {first}", file=sys.stderr)
    truth = trained(config, files, place / name)
    second, _ = forecast_in_new_process(config, files)
    lines = []
    for key, what in (("epoch", "seconds an epoch"), ("total", "seconds in all"), ("memory", "peak memory, MB")):
        ratio = truth[key] / statistics.mean([first[key], second[key]])
        lines.append(f"| {name} | {what} | {first[key]:,.0f} | {second[key]:,.0f} | {truth[key]:,.0f} | {ratio:.2f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source")
    parser.add_argument("--target")
    parser.add_argument("--dev-source")
    parser.add_argument("--dev-target")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--alone", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        config, *files = arguments.alone
        alone(Path(config), files)
        return
    given = (arguments.source, arguments.target, arguments.dev_source, arguments.dev_target)
    if arguments.models != ["demo"] and None in given:
        parser.error("all but the demo need --source, --target, --dev-source and --dev-target")
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("command:", " ".join(sys.argv))
    print(f"load before, of 1, 5 and 15 minutes: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")
    print("| config | what | forecast | forecast after | training | ratio |\n|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as place:
        for name in arguments.models:
            print("\n".join(compare(name, arguments, Path(place))), flush=True)
    print(f"load after: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


if __name__ == "__main__":
    main()
