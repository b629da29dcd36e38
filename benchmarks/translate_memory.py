"""How much memory ``nmt translate`` takes for files of different lengths.

    python benchmarks/translate_memory.py MODEL --source test.de --lines 2000 200000 --options --beam 5

Each file repeats the lines of the source until it is long enough. The peak is that of the whole process, as the system
counts it.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import sys
import tempfile
import time
from pathlib import Path


def peak(command: list[str]) -> tuple[int, float]:
    """Run a command; return its peak memory in MiB and its seconds."""
    began = time.monotonic()
    child = os.posix_spawn(
        command[0],
        command,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, used = os.wait4(child, 0)
    if status:
        sys.exit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return used.ru_maxrss // 1024, time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--lines", type=int, nargs="+", default=[2000, 200_000])
    parser.add_argument("--options", nargs=argparse.REMAINDER, default=[], help="of nmt translate, last")
    arguments = parser.parse_args()
    lines = arguments.source.read_bytes().splitlines(keepends=True)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("command:", " ".join(sys.argv))
    print("| lines | peak, MiB | seconds |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        for number in arguments.lines:
            file = Path(place, "lines")
            with file.open("wb") as opened:
                opened.writelines(itertools.islice(itertools.cycle(lines), number))
            program = [sys.executable, "-m", "nmt.cli", "translate", str(arguments.model), str(file)]
            mebibytes, seconds = peak([*program, *arguments.options])
            print(f"| {number:,} | {mebibytes:,} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
