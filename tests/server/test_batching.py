"""The queue: joined, fair, bounded, and one request's fault is its own."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

import pytest

from nmt.server import batching
from nmt.server.batching import Batcher, Full, Stopping

# A worker that dies leaves the server without its share, and nobody would hear of it here.
pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


class Work:
    """Doubles numbers once the gate is open, and remembers each batch."""

    def __init__(self) -> None:
        self.batches: list[tuple[Any, list[int]]] = []
        self.gate = threading.Event()

    def __call__(self, key: Any, rows: list[int]) -> list[int]:
        self.batches.append((key, rows))
        self.gate.wait(10)
        if 13 in rows:
            raise RuntimeError("13 brings bad luck")
        return [2 * row for row in rows]


def busy(size: int = 4, max_waiting: int = 100) -> tuple[Batcher, Work]:
    """Return a batcher whose worker is at work on row 0 until the gate opens."""
    work = Work()
    batcher = Batcher(work, size, max_waiting)
    batcher.submit("a", [0])
    while not work.batches:
        time.sleep(0.001)
    return batcher, work


def test_what_waits_is_joined_and_each_request_gets_its_own() -> None:
    batcher, work = busy()
    jobs = [batcher.submit("a", rows) for rows in ([1], [2, 3], [4])]
    work.gate.set()
    assert [job.future.result(10) for job in jobs] == [[2], [4, 6], [8]]
    assert work.batches[1:] == [("a", [1, 2, 4, 3])]
    batcher.close()


def test_a_large_request_does_not_hold_up_a_small_one() -> None:
    batcher, work = busy()
    large = batcher.submit("a", list(range(100, 120)))
    small = batcher.submit("a", [7])
    other = batcher.submit("b", [8])
    work.gate.set()
    assert large.future.result(10) == [2 * row for row in range(100, 120)]
    assert (small.future.result(10), other.future.result(10)) == ([14], [16])
    assert work.batches[1] == ("a", [100, 7, 101, 102])
    assert work.batches[2] == ("b", [8])
    batcher.close()


def test_the_fault_of_one_is_not_that_of_the_others() -> None:
    batcher, work = busy()
    good, bad, also = (batcher.submit("a", [row]) for row in (1, 13, 2))
    work.gate.set()
    assert (good.future.result(10), also.future.result(10)) == ([2], [4])
    with pytest.raises(RuntimeError, match="bad luck"):
        bad.future.result(10)
    assert batcher.submit("a", [5]).future.result(10) == [10]
    batcher.close()


def test_the_queue_has_a_bound_and_room_again_later() -> None:
    batcher, work = busy(max_waiting=3)
    job = batcher.submit("a", [1, 2])
    with pytest.raises(Full):
        batcher.submit("a", [3, 4])
    assert batcher.waiting == 2
    work.gate.set()
    assert job.future.result(10) == [2, 4]
    assert batcher.submit("a", [3, 4, 5]).future.result(10) == [6, 8, 10]
    batcher.close()


def test_rows_that_nobody_waits_for_are_not_worked_on() -> None:
    batcher, work = busy()
    dropped, kept = batcher.submit("a", [1]), batcher.submit("a", [2])
    batcher.drop(dropped)
    work.gate.set()
    assert kept.future.result(10) == [4]
    with pytest.raises(CancelledError):
        dropped.future.result(10)
    assert work.batches[1:] == [("a", [2])]
    batcher.close()


def test_a_request_can_be_dropped_while_it_is_worked_on() -> None:
    batcher, work = busy(size=2)
    dropped = batcher.submit("a", [1, 2, 3, 4])
    work.gate.set()
    while len(work.batches) < 2:
        time.sleep(0.0001)
    batcher.drop(dropped)
    assert batcher.submit("a", [5]).future.result(10) == [10]
    batcher.close()


def test_closing_answers_what_was_accepted_and_accepts_no_more() -> None:
    batcher, work = busy()
    job = batcher.submit("b", [1])
    closing = threading.Thread(target=batcher.close)
    closing.start()
    while batcher.alive:
        time.sleep(0.001)
    with pytest.raises(Stopping):
        batcher.submit("b", [2])
    work.gate.set()
    closing.join(10)
    assert not closing.is_alive()
    assert job.future.result(0) == [2]


def test_no_rows_are_answered_by_none() -> None:
    batcher, work = busy()
    assert batcher.submit("a", []).future.result(0) == []
    work.gate.set()
    batcher.close()


def both_at_work(rows: int, size: int = 100) -> tuple[Batcher, list[list[int]], threading.Event, Any]:
    """Return two workers with rows of one request, which wait for the gate. A batch with 12 or 13 in it fails."""
    taken: list[list[int]] = []
    gate = threading.Event()

    def work(key: Any, batch: list[int]) -> list[int]:
        taken.append(batch)
        gate.wait(10)
        if {12, 13} & set(batch):
            raise RuntimeError("13 brings bad luck")
        return [2 * row for row in batch]

    batcher = Batcher(work, size, max_waiting=100, workers=2)
    job = batcher.submit("a", list(range(rows)))
    wait_for(lambda: len(taken) == 2)
    return batcher, taken, gate, job


def wait_for(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_workers_share_the_rows_of_a_request() -> None:
    batcher, taken, gate, job = both_at_work(11)
    # 11 rows for two workers: the first takes half of them, rounded up, the second half of 5 + 6 in work: the rest.
    assert sorted(map(len, taken)) == [5, 6]
    gate.set()
    assert job.future.result(10) == [2 * row for row in range(11)]
    batcher.close()
    assert not batcher.alive


def test_a_worker_leaves_the_others_their_share() -> None:
    batcher, taken, gate, job = both_at_work(8)
    later = [batcher.submit("a", [row]) for row in range(20, 30)]
    gate.set()
    assert [each.future.result(10) for each in (job, *later)] == [
        [2 * row for row in range(8)],
        *([2 * row] for row in range(20, 30)),
    ]
    # Whoever is first finds 10 rows waiting and 4 or 8 in work, so it takes 5 to 9 of them, never all.
    assert max(map(len, taken[2:])) < 10
    batcher.close()


def test_a_request_that_two_workers_fail_with_fails_once() -> None:
    batcher, taken, gate, job = both_at_work(26)
    # Rows 0 to 12 and 13 to 25: each has one that fails.
    assert sorted(map(len, taken)) == [13, 13]
    gate.set()
    with pytest.raises(RuntimeError, match="bad luck"):
        job.future.result(10)
    wait_for(lambda: not batcher._in_work)
    # Both are still there: each waits at the gate with its half.
    gate.clear()
    later = batcher.submit("a", list(range(20, 30)))
    wait_for(lambda: len(taken) == 4)
    assert batcher.alive
    gate.set()
    assert later.future.result(10) == [2 * row for row in range(20, 30)]
    batcher.close()


def test_what_is_answered_is_no_longer_in_work() -> None:
    batcher, taken, gate, job = both_at_work(11)
    gate.set()
    job.future.result(10)
    wait_for(lambda: not batcher._in_work)
    gate.clear()
    later = batcher.submit("a", list(range(20, 31)))
    # Were 11 rows still in work, the first would find 22 of them, and take all that wait.
    wait_for(lambda: sum(map(len, taken)) == 22)
    assert sorted(map(len, taken[2:])) == [5, 6]
    gate.set()
    assert later.future.result(10) == [2 * row for row in range(20, 31)]
    batcher.close()


def test_few_rows_are_not_shared() -> None:
    work = Work()
    work.gate.set()
    batcher = Batcher(work, size=100, max_waiting=100, workers=2)
    assert batcher.submit("a", [1, 2, 3, 4]).future.result(10) == [2, 4, 6, 8]
    assert work.batches == [("a", [1, 2, 3, 4])]
    batcher.close()


def test_clients_that_were_answered_together_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "_WAIT", 10.0)
    batcher, work = busy()
    both = [batcher.submit("a", [row]) for row in (1, 2)]
    work.gate.set()
    assert [job.future.result(5) for job in both] == [[2], [4]]
    one = batcher.submit("a", [3])
    time.sleep(0.05)
    assert len(work.batches) == 2
    other = batcher.submit("a", [4])
    # Not the whole pause: all who may come are there.
    assert (one.future.result(5), other.future.result(5)) == ([6], [8])
    assert work.batches[2:] == [("a", [3, 4])]
    batcher.close()


def test_a_single_client_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "_WAIT", 10.0)
    batcher, work = busy()
    work.gate.set()
    for row in (1, 2, 3):
        assert batcher.submit("a", [row]).future.result(5) == [2 * row]
    batcher.close()
