"""How much time and memory ``nmt data`` takes, for given files and for generated corpora of any size.

    python benchmarks/data_doctor.py --lines 500000 5000000
    python benchmarks/data_doctor.py --files train.es train.en dev.es dev.en test.es test.en

A generated line is two random sentences of the built-in corpus; every hundredth line repeats the one before it. The
peak is that of the whole process, as the system counts it. The peak of importing TensorFlow alone is printed beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import time
from pathlib import Path

from nmt.synthetic import demo

Cost = tuple[float, float, int]


def cost(command: list[str], output: Path) -> Cost:
    """Run a command; return its seconds, its processor seconds, and its peak memory in MiB."""
    began = time.monotonic()
    action = (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    child = os.posix_spawn(command[0], command, os.environ, file_actions=[action])
    _, status, used = os.wait4(child, 0)
    if status:
        sys.exit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024


def write(folder: Path, lines: int, seed: int = 1) -> list[Path]:
    """Write a corpus of ``lines`` pairs; return its two files."""
    pairs = [(pair.source, pair.target) for pair in demo.pairs("train")]
    drawn = random.Random(seed)
    files = [folder / "generated.ko", folder / "generated.en"]
    with files[0].open("w", encoding="utf-8") as sources, files[1].open("w", encoding="utf-8") as targets:
        before = ("", "")
        for line in range(1, lines + 1):
            if line % 100:
                one, other = (pairs[int(len(pairs) * drawn.random())] for _ in range(2))
                before = (f"{one[0]}. {other[0]}.\n", f"{one[1]}. {other[1]}.\n")
            sources.write(before[0])
            targets.write(before[1])
    return files


def measure(name: str, files: list[Path], folder: Path) -> None:
    """Print the row of the table for ``nmt data`` on these files."""
    output = folder / "found.json"
    command = [sys.executable, "-m", "nmt.cli", "data", *map(str, files), "--json"]
    seconds, processor, peak = cost(command, output)
    found = json.loads(output.read_text(encoding="utf-8"))
    pairs = sum(split["pairs"] for split in found["splits"])
    repeated = found["splits"][0]["repeated"]["counts"]["pairs"]
    print(f"| {name} | {pairs:,} | {repeated:,} | {seconds:.0f} | {processor:.0f} | {peak:,} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, nargs="*", default=[], help="of generated corpora")
    parser.add_argument("--files", type=Path, nargs="*", default=[], help="of nmt data")
    arguments = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("command:", " ".join(sys.argv))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        quiet = "import os; os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'; import tensorflow, tensorflow_text"
        seconds, _, peak = cost([sys.executable, "-c", quiet], folder / "nothing")
        print(f"importing TensorFlow alone: {seconds:.0f} s, {peak:,} MiB")
        print("| corpus | pairs | repeated pairs | seconds | of the processor | peak, MiB |\n|---|---|---|---|---|---|")
        if arguments.files:
            measure(arguments.files[0].stem, arguments.files, folder)
        for lines in arguments.lines:
            measure("generated", write(folder, lines), folder)


if __name__ == "__main__":
    main()
