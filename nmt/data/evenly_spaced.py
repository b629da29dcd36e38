"""Some of many items, from all of a list: a file may be sorted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def evenly_spaced(items: Sequence[Any], limit: int) -> list[Any]:
    """Return up to ``limit`` items of a sequence, evenly spaced.

    >>> evenly_spaced(list(range(11)), 4), evenly_spaced("abc", 4), evenly_spaced([], 4)
    ([0, 2, 5, 8], ['a', 'b', 'c'], [])
    """
    count = min(limit, len(items))
    return [items[i * len(items) // count] for i in range(count)]
