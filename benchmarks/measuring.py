"""What the parts of ``speed.py`` share: rows of its table, repeats in turns, processes of their own.

It imports no TensorFlow, because the process that starts the parts has none.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path
from typing import Any

# What the figures depend on most.
_PACKAGES = ("tensorflow", "keras", "tensorflow-text", "ai-edge-litert", "numpy")


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        part: which part measured it.
        name: what was measured.
        unit: of the values.
        values: one of each repeat.
        goal: what is to be reached, as words.
        axis, at: what the value grows with, and how much of it there was, for the figure.
    """

    part: str
    name: str
    unit: str
    values: list[float]
    goal: str = ""
    axis: str = ""
    at: float | None = None

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    def as_json(self) -> dict[str, Any]:
        """Return the row for a file."""
        spread = {"median": self.median, "lowest": min(self.values), "highest": max(self.values)}
        return {**asdict(self), **spread}


@dataclass(frozen=True)
class Setting:
    """What is measured, and how long.

    Attributes:
        source, target: the training pairs.
        test_source, test_reference: pairs to translate.
        model: the folder of a trained model.
        settings: of the models that are trained, ``KEY=VALUE``.
        quick: whether minutes matter more than steady figures.
        rounds: repeats of each measurement.
        seconds: that the server is under load, and that a peer trains, each time.
        place: a folder for what is written meanwhile.
        peers: the command of each other system, by its name.
    """

    source: Path
    target: Path
    test_source: Path
    test_reference: Path
    model: Path
    settings: list[str]
    quick: bool
    rounds: int
    seconds: float
    place: Path
    peers: dict[str, list[str]] = field(default_factory=dict)

    def size(self, quick: int, full: int) -> int:
        """Return the one or the other."""
        return quick if self.quick else full

    def test_lines(self, most: int) -> list[str]:
        """Return the first sentences to translate that are not blank."""
        lines = self.test_source.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line.strip()][:most]


def in_turns(named: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure in turns, A B A B, so that other work of the machine affects all alike.

    >>> in_turns({"a": lambda: 1.0, "b": lambda: 2.0}, rounds=2)
    {'a': [1.0, 1.0], 'b': [2.0, 2.0]}
    """
    found: dict[str, list[float]] = {name: [] for name in named}
    for count in range(rounds):
        for name, measure in named.items():
            found[name].append(measure())
            print(f"  round {count + 1}, {name}: {found[name][-1]:,.4g}", file=sys.stderr, flush=True)
    return found


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Return the ratio of each round.

    >>> ratios([6.0, 8.0], [3.0, 2.0])
    [2.0, 4.0]
    """
    return [one / other for one, other in zip(over, under, strict=True)]


def seconds(work: Callable[[], object]) -> float:
    """Return how long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def apart(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a function of a module in a process of its own, and return what it returns.

    Threads, devices and the peak of memory are those of a process, so measurements that share one disturb each other.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **named).result()


def surroundings(command: Sequence[str]) -> dict[str, Any]:
    """Return the machine, the versions and the command."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "processor": _processor(),
        "cores": cores,
        "load": load,
        "versions": versions,
        "command": " ".join(command),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
