"""Several batches at once: one step is too small to keep every core busy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import tensorflow as tf

from nmt.cores import cores

# If TensorFlow gives all cores to each operation, two batches fill each other's gaps.
PARALLEL_BATCHES = 2
# Each batch holds the scores of a vocabulary for all its hypotheses, so more would take too much memory.
_MAX_PARALLEL = 8
# Fewer sentences than these are not worth a batch of their own.
_MIN_BATCH = 4


def share_cores() -> int:
    """Give each parallel batch its share of the cores, and return how many batches to run at once.

    On two cores this is a third faster than giving all cores to each operation in turn. It is for a process that
    translates, and must be called before TensorFlow's first operation.

    Raises:
        RuntimeError: if TensorFlow has already started.
    """
    tf.config.threading.set_intra_op_parallelism_threads(-(-cores() // _MAX_PARALLEL))
    return min(_MAX_PARALLEL, cores())


def run_parallel(work: Callable[[list], Any], batches: Iterable[list], parallel_batches: int) -> None:
    """Call ``work`` for each batch, ``parallel_batches`` of them at once, and raise its first error.

    >>> found = []
    >>> run_parallel(found.extend, [["a"], ["b", "c"]], parallel_batches=2)
    >>> sorted(found)
    ['a', 'b', 'c']
    """
    batches = list(batches)
    if min(len(batches), parallel_batches) < 2:
        for batch in batches:
            work(batch)
        return
    with ThreadPoolExecutor(parallel_batches) as pool:
        for _ in pool.map(work, batches):
            pass


def split(items: Sequence, size: int, parallel_batches: int) -> Iterator[list]:
    """Cut a sequence into batches of at most ``size``, small enough that there is one for every thread.

    >>> list(split("abcdefgh", 64, parallel_batches=2))
    [['a', 'b', 'c', 'd'], ['e', 'f', 'g', 'h']]
    """
    return batched(items, min(size, max(_MIN_BATCH, -(-len(items) // parallel_batches))))


def batched(items: Iterable, size: int) -> Iterator[list]:
    """Cut a stream into lists of ``size``.

    >>> list(batched("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk
