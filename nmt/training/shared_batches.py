"""Batches of one shape on all workers, though each reads its own share of the corpus.

A step ends when its slowest worker does, so all should have sentences of one length. Each worker reads some batches
ahead and counts them by shape, the counts are exchanged, and all follow the same plan: every shape as often as all of
them have it, in a random order. What is left waits for the next round.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

import numpy as np

# Batches that a worker reads ahead in a round, and those that may wait for a partner.
ROUND, _WAITING = 32, 64


def shared_batches(
    batches: Iterable[Any],
    shape_of: Callable[[Any], int],
    shapes: int,
    gather: Callable[[np.ndarray], np.ndarray],
    seed: Hashable,
    blank: Callable[[], Any],
) -> Iterator[Any]:
    """Yield this worker's batches in the order that all workers agree on: as many as the others yield.

    Arguments:
        batches: those of this worker's share.
        shape_of: the number of a batch's shape, below ``shapes``.
        shapes: how many there are.
        gather: returns the vectors of all workers ``(workers, numbers)`` for this worker's; all must call it.
        seed: of the order, the same on all.
        blank: makes a batch with nothing to learn, for a worker that has none left.
    """
    reading = iter(batches)
    waiting: list[deque[Any]] = [deque() for _ in range(shapes)]
    ended, number = False, 0
    while True:
        for _ in range(ROUND):
            batch = None if ended else next(reading, None)
            if batch is None:
                ended = True
                break
            waiting[shape_of(batch)].append(batch)
        counts = gather(np.array([*map(len, waiting), ended], np.int64))
        common, rest = plan(counts)
        order = np.repeat(np.arange(shapes), common)
        np.random.default_rng([*_numbers(seed), number]).shuffle(order)
        for shape in order:
            yield waiting[shape].popleft()
        for _ in range(rest):
            # The others' shapes are other ones; the largest wait least.
            found = next((queue for queue in reversed(waiting) if queue), None)
            yield found.popleft() if found else blank()
        if counts[:, -1].all():
            return
        number += 1


def plan(counts: np.ndarray) -> tuple[np.ndarray, int]:
    """Return how many batches of each shape all workers take, and how many of any shape after that.

    Arguments:
        counts: ``(workers, shapes + 1)``, the batches that wait, and whether the worker has read all of its share.

    >>> plan(np.array([[3, 2, 0], [1, 4, 0]]))  # one of the first shape and two of the second; the rest waits
    (array([1, 2]), 0)
    >>> plan(np.array([[3, 2, 1], [1, 4, 0]]))  # one worker has read all, so nobody waits
    (array([1, 2]), 2)
    """
    waiting, ended = counts[:, :-1], counts[:, -1].astype(bool)
    common = waiting.min(0)
    left = (waiting - common).sum(1)
    # Once one has read all, its partners would wait in vain.
    return common, int(left.max() if ended.any() else max(0, left.min() - _WAITING))


def _numbers(seed: Any) -> list[int]:
    return [int(part) for part in (seed if isinstance(seed, tuple) else (seed,))]
