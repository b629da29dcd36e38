"""The memory of a process is known with and without the module that Windows does not have."""

from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from command_line import program

from nmt.training import memory

# In a process of its own: one that has run other tests has held gigabytes.
PROGRAM = """
import numpy as np
from nmt.training import memory
before = memory.peak_mb()
held = np.ones(int(before * 1e6 / 8) + 20_000_000)  # more than all that was held so far
after = memory.peak_mb()
assert held.nbytes / 1e6 < after < memory.machine_mb()
del held
assert memory.peak_mb() >= after
"""


def test_the_peak_grows_with_what_is_held_and_never_falls() -> None:
    done = program(PROGRAM)
    assert done.returncode == 0, done.stderr.decode()


def test_windows_tells_the_peak_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def process() -> Any:
        return SimpleNamespace(memory_info=lambda: SimpleNamespace(peak_wset=137_000_000))

    monkeypatch.setattr(memory, "resource", None)
    monkeypatch.setattr(psutil, "Process", process)
    assert memory.peak_mb() == 137.0
