"""The memory that this process has used, and that of the machine."""

from __future__ import annotations

import sys

import psutil

try:
    import resource
except ModuleNotFoundError:  # Windows has none
    resource = None  # type: ignore[assignment]


def peak_mb() -> float:
    """Return the highest resident memory of this process so far, in megabytes of a million bytes.

    Memory that was freed since is still counted. Memory of a GPU is not.

    >>> peak_mb() > 1
    True
    """
    if resource is None:
        return psutil.Process().memory_info().peak_wset / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def machine_mb() -> float:
    """Return the memory of this machine, in megabytes of a million bytes.

    >>> machine_mb() > 100
    True
    """
    return psutil.virtual_memory().total / 1e6
