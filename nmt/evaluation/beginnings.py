"""Beginnings of lines, which a language model continues to show what it has learned."""

from __future__ import annotations

from collections.abc import Sequence


def beginning(line: str) -> str:
    """Return the first third of a line's words, or of its letters where it is one word.

    >>> beginning("we went home"), beginning("hello")
    ('we', 'he')
    """
    words = line.split()
    return " ".join(words[: -(-len(words) // 3)]) if len(words) > 1 else line[: -(-len(line) // 3)]


def evenly_by_length(lengths: Sequence[int], count: int) -> list[int]:
    """Return the places of ``count`` lines from the shortest to the longest.

    >>> evenly_by_length([5, 1, 9, 3, 7], 3)
    [1, 0, 2]
    """
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    count = min(count, len(order))
    return [order[round(k * (len(order) - 1) / max(count - 1, 1))] for k in range(count)]
