"""What the proofs share: their options, their progress, and how they end."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence


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


def options(about: str, count: int, arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read ``--count`` and ``--seed``."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--count", type=int, default=count, help=f"how many (default: {count:,})")
    parser.add_argument("--seed", type=int, default=1, help="(default: 1)")
    return parser.parse_args(arguments)
