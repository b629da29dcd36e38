"""The memory that this process has taken, and that there is."""

from __future__ import annotations

import os
import resource
import sys


def peak_mb() -> float:
    """Return the most resident memory that this process has had so far, in megabytes of a million bytes.

    It is a high-water mark: what was freed since is still counted. What lies on a GPU is not.

    >>> peak_mb() > 1
    True
    """
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most * (1 if sys.platform == "darwin" else 1024) / 1e6


def machine_mb() -> float:
    """Return the memory of this machine, in megabytes of a million bytes.

    >>> machine_mb() > 100
    True
    """
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6
