"""All workers take batches of one shape, and every batch is taken once."""

import random
import threading
from typing import Any

import numpy as np

from nmt.training.shared_batches import plan, shared_batches


def run(shares: list[list[tuple[int, int]]], shapes: int = 5) -> list[list[tuple[int, int]]]:
    """The batches ``(shape, number)`` that each worker takes of its share, all at once."""
    counts: dict[int, list[np.ndarray]] = {}
    barrier = threading.Barrier(len(shares))
    taken: list[list[tuple[int, int]]] = [[] for _ in shares]
    held: list[Any] = [None] * len(shares)

    def worker(index: int) -> None:
        def gather(own: np.ndarray) -> np.ndarray:
            held[index] = own
            barrier.wait()
            found = np.stack(held)
            barrier.wait()
            return found

        batches = shared_batches(
            shares[index], shape_of=lambda b: b[0], shapes=shapes, gather=gather, seed=(7, 1), blank=lambda: (0, -1)
        )
        taken[index] = list(batches)

    threads = [threading.Thread(target=worker, args=[index]) for index in range(len(shares))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not counts
    return taken


def shares(workers: int, batches: int) -> list[list[tuple[int, int]]]:
    chance = random.Random(3)
    return [[(chance.choice([0, 1, 1, 2, 3, 3, 3, 4]), i) for i in range(batches - w % 2)] for w in range(workers)]


def test_every_batch_is_taken_once_and_all_take_as_many() -> None:
    given = shares(3, 211)
    taken = run(given)
    for own, found in zip(given, taken, strict=True):
        assert sorted(batch for batch in found if batch[1] >= 0) == sorted(own)
    assert len({len(found) for found in taken}) == 1
    # One worker has a batch less, and leaves one step blank; a few more where another shape is all that is left.
    assert sum(number < 0 for found in taken for _, number in found) <= 3


def test_nearly_all_steps_have_one_shape() -> None:
    taken = run(shares(2, 400))
    same = [len({shape for shape, _ in step}) == 1 for step in zip(*taken, strict=True)]
    assert np.mean(same) > 0.9
    assert taken == run(shares(2, 400))


def test_one_worker_alone_takes_its_own() -> None:
    (own,) = shares(1, 50)
    assert sorted(run([own])[0]) == sorted(own)


def test_what_waits_too_long_goes_without_a_partner() -> None:
    # 70 batches of shapes that the other has none of; 64 may wait.
    assert plan(np.array([[70, 0, 0], [0, 75, 0]]))[1] == 6
