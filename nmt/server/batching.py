"""Requests joined into batches: some workers, and a bounded queue that serves all requests in turn."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from typing import Any

# Seconds that a batch waits for more requests. A single client never waits.
_WAIT = 0.004
# Fewer rows than these are not worth a batch of their own.
_MIN_BATCH = 4


class Full(Exception):
    """The queue is full."""


class Stopping(Exception):
    """The server is stopping and accepts nothing more."""


class Job:
    """The rows of a request, and the answers so far.

    Attributes:
        future: their answers, in order.
    """

    def __init__(self, key: Hashable, rows: Sequence[Any]) -> None:
        self.key = key
        self.rows = rows
        self.answers: list[Any] = [None] * len(rows)
        self.future: Future[list[Any]] = Future()
        self.dealt = 0
        self.done = 0
        self.dropped = False
        self.failed = False

    @property
    def left(self) -> int:
        """Rows that no batch has taken yet."""
        return 0 if self.dropped else len(self.rows) - self.dealt


class Batcher:
    """Worker threads that answer rows, those of several requests together.

    Rows are joined if they have the same key. A batch takes a row from each waiting request in turn, so a large request
    does not delay a small one. Each worker takes its share of the rows, so while one is at work the answers of another
    are sent and the next requests are read.

    Arguments:
        run: answers rows of one key. Several workers call it at once.
        size: the largest number of rows in a batch.
        max_waiting: the largest number of rows that may wait.
        report: called with the number of rows of each batch.
        workers: the number of batches that are answered at once.
    """

    def __init__(
        self,
        run: Callable[[Any, list[Any]], list[Any]],
        size: int,
        max_waiting: int,
        report: Callable[[int], object] = lambda rows: None,
        workers: int = 1,
    ) -> None:
        self._run, self._size, self._max_waiting, self._report = run, size, max_waiting, report
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._in_work = 0
        self._workers = [
            threading.Thread(target=self._work, name=f"nmt-batches-{i}", daemon=True) for i in range(workers)
        ]
        for worker in self._workers:
            worker.start()

    @property
    def waiting(self) -> int:
        """Rows that no batch has taken yet."""
        with self._changed:
            return self._waiting()

    @property
    def alive(self) -> bool:
        """Whether the workers run and accept rows."""
        return all(worker.is_alive() for worker in self._workers) and not self._closing

    def submit(self, key: Hashable, rows: Sequence[Any]) -> Job:
        """Put rows into the queue.

        Raises:
            Full: if they do not all fit.
            Stopping: after :meth:`close`.
        """
        job = Job(key, rows)
        with self._changed:
            if self._closing:
                raise Stopping
            if self._waiting() + len(rows) > self._max_waiting:
                raise Full
            if rows:
                self._jobs.append(job)
                self._changed.notify_all()
            else:
                job.future.set_result([])
        return job

    def drop(self, job: Job) -> None:
        """Remove a job from the queue because nobody waits for it any more."""
        with self._changed:
            job.dropped = True
            if job in self._jobs:
                self._jobs.remove(job)
        job.future.cancel()

    def close(self) -> None:
        """Accept nothing more, and return when all that was accepted is answered."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for worker in self._workers:
            worker.join()

    def _waiting(self) -> int:
        return sum(job.left for job in self._jobs)

    def _work(self) -> None:
        last = 0
        while (batch := self._deal(last)) is not None:
            requests = len({id(job) for job, _ in batch})
            last = min(requests, self._size) if requests > 1 else 0
            self._answer(batch)
            with self._changed:
                self._in_work -= len(batch)

    def _deal(self, expected: int) -> list[tuple[Job, int]] | None:
        """Wait for rows and return a batch of one key, or ``None`` at the end.

        Arguments:
            expected: the number of requests that this worker has answered together, which may ask again.
        """
        with self._changed:
            while not self._jobs:
                if self._closing:
                    return None
                self._changed.wait()
            # Clients that were answered together often ask again together. Without a pause the first would be alone.
            deadline = time.monotonic() + _WAIT
            while self._waiting() < expected and (left := deadline - time.monotonic()) > 0 and not self._closing:
                self._changed.wait(left)
            if not self._jobs:
                return []
            share = -(-(self._waiting() + self._in_work) // len(self._workers))
            size = min(self._size, max(share, _MIN_BATCH))
            key = self._jobs[0].key
            alike = [job for job in self._jobs if job.key == key]
            batch: list[tuple[Job, int]] = []
            while len(batch) < size and (alike := [job for job in alike if job.left]):
                for job in alike[: size - len(batch)]:
                    batch.append((job, job.dealt))
                    job.dealt += 1
            taken = {id(job) for job, _ in batch}
            # Unfinished jobs move to the end, so that other keys have their turn.
            rest = [job for job in self._jobs if id(job) in taken and job.left]
            self._jobs = deque([*(job for job in self._jobs if id(job) not in taken), *rest])
            self._in_work += len(batch)
            return batch

    def _answer(self, batch: list[tuple[Job, int]]) -> None:
        if not batch:
            return
        self._report(len(batch))
        try:
            found = self._run(batch[0][0].key, [job.rows[i] for job, i in batch])
            answered = list(zip(batch, found, strict=True))
        except Exception as error:
            jobs = {id(job): job for job, _ in batch}
            if len(jobs) == 1:
                self._fail(batch[0][0], error)
            else:
                # One of them may have caused it, and only that one must fail.
                for job in jobs.values():
                    self._answer([(each, i) for each, i in batch if each is job])
            return
        for (job, i), answer in answered:
            job.answers[i] = answer
            with self._changed:
                job.done += 1
                ends = job.done == len(job.rows)
            if ends and job.future.set_running_or_notify_cancel():
                job.future.set_result(job.answers)

    def _fail(self, job: Job, error: Exception) -> None:
        with self._changed:
            first, job.failed = not job.failed, True
            job.dropped = True
            if job in self._jobs:
                self._jobs.remove(job)
        # Another worker may have failed with other rows of it.
        if first and job.future.set_running_or_notify_cancel():
            job.future.set_exception(error)
