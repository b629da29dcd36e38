"""What TF Serving's batching parameters do to an export under load: requests a second, and how long each takes.

python benchmarks/batching.py saved_models/my-model/1 lines.txt

Threads stand for clients: each asks for one sentence, waits for the answer, and asks again. Batches are closed as TF
Serving closes them: when they are full, or when their first request has waited for ``batch_timeout_micros``; so many
batches as there are ``num_batch_threads`` are translated at once. The server itself is not run. Settings take turns.
On a busy machine only the processor time of a request can be compared: it says how many requests a server can answer.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Setting:
    """Parameters as in batching.config."""

    max_batch_size: int
    batch_timeout_micros: int
    num_batch_threads: int


# The last one of each kind is left as in the kit while the others change.
SETTINGS = [
    Setting(1, 0, 2),
    *(Setting(64, timeout, 2) for timeout in (0, 1000, 5000, 20_000)),
    *(Setting(size, 5000, 2) for size in (4, 16)),
    *(Setting(64, 5000, threads) for threads in (1, 4)),
]


class Batches:
    """A queue of requests, and threads that answer them in batches.

    Arguments:
        run: answers some texts.
        setting: when a batch is closed.
    """

    def __init__(self, run: Callable[[list[str]], Sequence[Any]], setting: Setting) -> None:
        self._run, self._setting = run, setting
        self._waiting: deque[tuple[float, str, Future[Any]]] = deque()
        self._changed = threading.Condition()
        self._ends = False
        self.sizes: list[int] = []
        self._threads = [threading.Thread(target=self._work) for _ in range(setting.num_batch_threads)]
        for thread in self._threads:
            thread.start()

    def ask(self, text: str) -> Any:
        """Return the answer to a text, when it is there."""
        future: Future[Any] = Future()
        with self._changed:
            self._waiting.append((time.monotonic(), text, future))
            self._changed.notify()
        return future.result()

    def close(self) -> None:
        """End the threads."""
        with self._changed:
            self._ends = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while batch := self._take():
            self.sizes.append(len(batch))
            for (_, _, future), answer in zip(batch, self._run([text for _, text, _ in batch]), strict=True):
                future.set_result(answer)

    def _take(self) -> list[tuple[float, str, Future[Any]]]:
        with self._changed:
            while True:
                if self._ends:
                    return []
                if self._waiting:
                    left = self._waiting[0][0] + self._setting.batch_timeout_micros / 1e6 - time.monotonic()
                    if len(self._waiting) >= self._setting.max_batch_size or left <= 0:
                        size = min(self._setting.max_batch_size, len(self._waiting))
                        return [self._waiting.popleft() for _ in range(size)]
                    self._changed.wait(left)
                else:
                    self._changed.wait()


def load(batches: Batches, texts: Sequence[str], clients: int, seconds: float) -> list[float]:
    """Let clients ask for a time, and return how long each request took."""
    took: list[float] = []
    end = time.monotonic() + seconds

    def client(number: int) -> None:
        for text in itertools.islice(itertools.cycle(texts), number, None, clients):
            begin = time.monotonic()
            if begin > end:
                return
            batches.ask(text)
            took.append(time.monotonic() - begin)

    threads = [threading.Thread(target=client, args=[number]) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path, help="a version of an export")
    parser.add_argument("texts", type=Path, help="sentences, one per line")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each setting in each round")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()

    from nmt.tf_import import import_tensorflow

    import_tensorflow()
    import tensorflow as tf

    translate = tf.saved_model.load(str(given.export)).signatures["serving_default"]
    texts = given.texts.read_text("utf-8").splitlines()[:2000]

    def run(some: list[str]) -> Sequence[Any]:
        return translate(text=tf.constant(some))["translation"].numpy().tolist()

    run(texts[:64])
    took: dict[Setting, list[float]] = {setting: [] for setting in SETTINGS}
    rates: dict[Setting, list[float]] = {setting: [] for setting in SETTINGS}
    work: dict[Setting, float] = dict.fromkeys(SETTINGS, 0.0)
    sizes: dict[Setting, list[int]] = {setting: [] for setting in SETTINGS}
    for _ in range(given.rounds):
        for setting in SETTINGS:
            batches = Batches(run, setting)
            begin, used = time.monotonic(), time.process_time()
            answered = load(batches, texts, given.clients, given.seconds)
            rates[setting].append(len(answered) / (time.monotonic() - begin))
            work[setting] += time.process_time() - used
            batches.close()
            took[setting] += answered
            sizes[setting] += batches.sizes
    print(f"{given.clients} clients, one sentence a request, {given.rounds} rounds of {given.seconds:g} s in turns\n")
    heads = ["max_batch_size", "batch_timeout_micros", "num_batch_threads", "requests/s", "processor, ms", "median, ms"]
    print(f"| {' | '.join([*heads, '95 %, ms', 'batch'])} |")
    print("|---|---|---|---|---|---|---|---|")
    for setting in SETTINGS:
        ordered = sorted(took[setting])
        print(
            f"| {setting.max_batch_size} | {setting.batch_timeout_micros:,} | {setting.num_batch_threads} "
            f"| {statistics.median(rates[setting]):,.0f} | {1000 * work[setting] / len(ordered):.1f} "
            f"| {1000 * statistics.median(ordered):.1f} "
            f"| {1000 * ordered[int(0.95 * (len(ordered) - 1))]:.1f} | {statistics.mean(sizes[setting]):.1f} |"
        )


if __name__ == "__main__":
    main()
