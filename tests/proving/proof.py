"""What the proofs share: their options, their progress, how they end, and how they run a command."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import command_line


class Proof:
    """Counts what was tried and what was found.

    Arguments:
        name: of the module.
        unit: what is counted, in the plural.
        seed: that repeats the proof.
    """

    def __init__(self, name: str, unit: str, seed: int) -> None:
        self.name, self.unit, self.seed = name, unit, seed
        self.tried: Counter[str] = Counter()
        self.faults: list[str] = []
        self.began = self.told = time.monotonic()

    def add(self, kind: str, count: int = 1) -> None:
        """Count something tried, and show how far the proof is every 20 seconds."""
        self.tried[kind] += count
        if time.monotonic() - self.told > 20:
            self.told = time.monotonic()
            print(f"{self.name}: {self}", file=sys.stderr, flush=True)

    def fault(self, case: str, what: str) -> None:
        """Keep a difference, with the case that shows it again."""
        self.faults.append(f"seed {self.seed}, {case}: {what}")
        print(f"{self.name}: DIFFERS: {self.faults[-1]}", file=sys.stderr, flush=True)

    def __str__(self) -> str:
        seconds = time.monotonic() - self.began
        return f"{self.tried.total():,} {self.unit}, {len(self.faults)} differ, {seconds:,.0f} seconds"

    def end(self) -> int:
        """Print the summary and return the exit code."""
        print(f"{self.name} --seed {self.seed}: {self}")
        for kind, count in sorted(self.tried.items()):
            print(f"  {count:6,}  {kind}")
        for fault in self.faults:
            print(f"  DIFFERS  {fault}")
        return 1 if self.faults else 0


def options(
    about: str, count: int, arguments: Sequence[str] | None = None, parts: Collection[str] = ()
) -> argparse.Namespace:
    """Read ``--count`` and ``--seed``, and ``--only`` where a proof has parts."""
    parser = argparse.ArgumentParser(description=about)
    if parts:
        parser.add_argument("--only", nargs="+", choices=parts, metavar="PART", help=f"of {', '.join(parts)}")
    parser.add_argument("--count", type=int, default=count, help=f"how many (default: {count:,})")
    parser.add_argument("--seed", type=int, default=1, help="(default: 1)")
    return parser.parse_args(arguments)


def run_command(
    arguments: Sequence[str],
    folder: Path,
    aside: Path,
    child: Callable[..., None] = command_line._command,
    *more: Any,
) -> tuple[int, str]:
    """Run a command in a process of its own, and return its exit code, negative for a signal, and its messages.

    Arguments:
        arguments: of ``nmt``.
        folder: in which it runs.
        aside: the folder for its streams: ``stdin``, which is empty, ``stdout`` and ``stderr``.
        child: what the process calls instead of the command itself, with its parts and ``more``.
    """
    aside.mkdir(exist_ok=True)
    streams = [str(aside / name) for name in ("stdin", "stdout", "stderr")]
    for stream in streams:
        Path(stream).write_bytes(b"")
    parts = (["nmt", *arguments], streams, dict(os.environ), str(folder))
    process = command_line.warm_process(child, (*parts, *more))
    process.start()
    process.join(300)
    if process.is_alive():
        process.kill()
        process.join()
    assert process.exitcode is not None
    return process.exitcode, Path(streams[2]).read_text(errors="replace")


def preload(*modules: str) -> None:
    """Let the process from which commands are forked import what they need."""
    command_line._WARM.set_forkserver_preload(
        ["tensorflow", "tensorflow_text", "keras", "sacrebleu", "nmt.cli", *modules]
    )
