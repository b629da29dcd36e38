"""Several batches at a time: a step is too small to keep every core busy, and steps of other batches are at hand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import tensorflow as tf

# Each holds the scores of a vocabulary for all its hypotheses.
_MOST = 8
# Fewer than these are not worth a batch of their own.
_FEWEST = 4


def share_cores() -> None:
    """Give each of the batches that are worked on together its share of the cores, rather than all to each in turn.

    A third faster on two cores. For a process that translates; it must come before TensorFlow's first operation.

    Raises:
        RuntimeError: if TensorFlow has begun.
    """
    tf.config.threading.set_intra_op_parallelism_threads(-(-_cores() // _MOST))


def abreast(work: Callable[[list], Any], groups: Iterable[list]) -> None:
    """Call ``work`` for each group, a few at a time, and raise what it raises.

    >>> found = []
    >>> abreast(found.extend, [["a"], ["b", "c"]])
    >>> sorted(found)
    ['a', 'b', 'c']
    """
    groups = list(groups)
    if len(groups) < 2 or together() < 2:
        for group in groups:
            work(group)
        return
    with ThreadPoolExecutor(together()) as pool:
        for _ in pool.map(work, groups):
            pass


def together() -> int:
    """Return how many batches are worked on at a time."""
    # As many as there are cores where each has one, and otherwise two that fill each other's gaps.
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    return min(_MOST, _cores()) if threads else 2


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shared_out(items: Sequence, most: int) -> Iterator[list]:
    """Cut a sequence into batches of at most ``most``, so small that there is work for every thread.

    >>> list(shared_out("abcdefgh", 64))  # two threads
    [['a', 'b', 'c', 'd'], ['e', 'f', 'g', 'h']]
    """
    return batched(items, min(most, max(_FEWEST, -(-len(items) // max(1, together())))))


def batched(items: Iterable, size: int) -> Iterator[list]:
    """Cut a stream into lists of ``size``.

    >>> list(batched("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk
