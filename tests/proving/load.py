"""`nmt serve` under load: 64 clients for half an hour, some slow, half-closed or dripping.

Memory stays level, none fails but those told 429, and the 99th percentile of the latency stays below 64 clients times
the latency of one alone, times a margin. A stop under load answers what was accepted, and so does the change to a new
version of an export.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from command_line import PAIRS, nmt
from servers import Serving, parsed, serving

from nmt.model_folder import CONFIG
from proving.malformed import request, resident, statuses
from proving.proof import Proof

CLIENTS = 64
# Of each sixteen clients, one of each of these kinds; the others are plain.
ODD = ("slow reader", "half-closed", "dripping")
MARGIN = 3.0
# Bytes of memory that the server may gain in an hour, by a line through what it has after the warm-up.
GROWTH = 100_000_000
WARM_UP = 1 / 3
# Times that the memory is told while it runs.
TOLD = 30
# Seconds that a client waits.
PATIENCE = 10.0
TEXTS = [source for source, _ in PAIRS]


class Load:
    """Clients that ask again as soon as they are answered.

    Arguments:
        proof: counts requests and keeps faults.
        server: what they ask.
        name: of the model.
    """

    def __init__(self, proof: Proof, server: Serving, name: str) -> None:
        self.proof, self.server = proof, server
        self.path = f"/v1/models/{name}:predict"
        self.latencies: list[float] = []
        self.known = len(proof.faults)
        self.ending = threading.Event()
        self.stopped = threading.Event()
        self._lock = threading.Lock()

    @property
    def failed(self) -> bool:
        """Whether there is a fault since the begin."""
        return len(self.proof.faults) > self.known

    def alone(self, requests: int = 40) -> float:
        """Return the median latency of one client alone, in seconds."""
        rng = random.Random(self.proof.seed)
        for _ in range(requests):
            self._one("plain", rng)
        found = float(np.median(self.latencies))
        self.latencies.clear()
        return found

    def run(self, seconds: float) -> list[tuple[float, int]]:
        """Keep all clients busy and return the memory of the server at moments."""
        began, memory, told = time.monotonic(), [], 0
        self.threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()
        while (passed := time.monotonic() - began) < seconds and not self.failed:
            memory.append((passed, resident(self.server.process.pid)))
            if passed >= told * seconds / TOLD:
                told += 1
                print(f"load: after {passed:,.0f} s {memory[-1][1] / 1e6:,.1f} MB", file=sys.stderr)
            time.sleep(min(1.0, seconds / 20))
        return memory

    def reload(self, versions: Path) -> None:
        """Add a version of an export while all clients ask, and wait until it answers."""
        newest = max(int(place.name) for place in versions.iterdir() if place.name.isdecimal())
        shutil.copytree(versions / str(newest), versions / ".next")
        (versions / ".next").rename(versions / str(newest + 1))
        deadline = time.monotonic() + 60
        while self.server.ask("GET", "/readyz")[2]["version"] != newest + 1:
            if time.monotonic() > deadline:
                self.proof.fault("reload", f"version {newest + 1} is not served: {self.server.news[-2000:]}")
                return
            time.sleep(0.1)
        self.proof.add("reload under load")

    def join(self) -> None:
        """Wait for all clients."""
        self.ending.set()
        for thread in self.threads:
            thread.join()

    def _client(self, number: int) -> None:
        rng = random.Random(f"{self.proof.seed} {number}")
        kind = ODD[number % 16] if number % 16 < len(ODD) else "plain"
        while not self.ending.is_set():
            self._one(kind, rng)

    def _one(self, kind: str, rng: random.Random) -> None:
        texts = rng.choices(TEXTS, k=rng.choice([1, 1, 1, 2, 5]))
        data = request("POST", self.path, json.dumps({"instances": texts}).encode())
        began = time.monotonic()
        whole = False
        answer = b""
        try:
            with socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE) as connection:
                if kind == "dripping":
                    for start in range(0, len(data), 40):
                        connection.sendall(data[start : start + 40])
                        time.sleep(0.02)
                else:
                    connection.sendall(data)
                began, whole = time.monotonic(), True
                if kind == "half-closed":
                    connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(16 if kind == "slow reader" else 65536):
                    answer += part
                    if kind == "slow reader":
                        time.sleep(0.02)
        except OSError as error:
            self._failed(kind, whole, began, f"{error!r} after {answer[:300]!r}")
            return
        codes = statuses(answer)
        if codes == [200]:
            _, _, found = parsed(answer)
            if len(found["predictions"]) != len(texts):
                self.proof.fault(kind, f"{len(texts)} sentences have the answer {found}")
            with self._lock:
                self.proof.add(kind)
                if kind in ("plain", "half-closed"):
                    self.latencies.append(time.monotonic() - began)
        elif codes == [429]:
            with self._lock:
                self.proof.add("told 429")
            time.sleep(1)
        else:
            self._failed(kind, whole, began, f"answered {answer[:300]!r}")

    def _failed(self, kind: str, whole: bool, began: float, what: str) -> None:
        """Keep a failure, unless the server had been told to stop before the whole request was sent."""
        if self.stopped.is_set() and (not whole or began > self.told):
            return
        after = f", {time.monotonic() - self.told:.1f} s after the stop" if self.stopped.is_set() else ""
        with self._lock:
            self.proof.fault(f"{kind}, sent {time.monotonic() - began:.1f} s ago{after}", what)

    def stop(self) -> None:
        """Stop the server while all clients ask, and see that it answers what it accepted."""
        self.told = time.monotonic()
        self.stopped.set()
        self.ending.set()
        if (code := self.server.stop(signal.SIGTERM)) != 0:
            self.proof.fault("stop", f"code {code}: {self.server.news[-2000:]}")
        self.proof.add("stop under load")


def slope(memory: Sequence[tuple[float, int]]) -> float:
    """Return the bytes by which memory grows in an hour, after the warm-up.

    >>> round(slope([(0, 999), (100, 1000), (200, 1010), (300, 1020), (400, 1030)]))
    360
    """
    kept = np.array(memory[int(len(memory) * WARM_UP) :], float)
    return float(np.polyfit(kept[:, 0], kept[:, 1], 1)[0] * 3600)


def prove(proof: Proof, server: Serving, name: str, seconds: float, versions: Path | None = None) -> None:
    """Put a server under load, give it a new version of the export that it serves, if it serves one, and stop it."""
    load = Load(proof, server, name)
    alone = load.alone()
    memory = load.run(seconds)
    if versions:
        load.reload(versions)
    latencies = np.array(load.latencies)
    load.stop()
    load.join()
    if not len(latencies) or load.failed:
        proof.fault("load", f"{len(latencies)} answers")
        return
    bound, last = MARGIN * CLIENTS * alone, float(np.percentile(latencies, 99))
    growth, gained = slope(memory), memory[-1][1] - memory[int(len(memory) * WARM_UP)][1]
    print(
        f"load: {len(latencies) / seconds:.1f} requests a second; alone {alone:.4f} s, "
        f"half {np.median(latencies):.3f} s, 99th {last:.3f} s, bound {bound:.3f} s; "
        f"memory {memory[-1][1] / 1e6:,.1f} MB, {growth / 1e6:,.1f} an hour over the last {1 - WARM_UP:.0%} of it"
    )
    if last > bound:
        proof.fault("latency", f"the 99th percentile is {last:.3f} s, and the bound {bound:.3f} s")
    # A line through a short time says little: what was gained must be much, too.
    if growth > GROWTH and gained > GROWTH / 2:
        proof.fault("memory", f"grows by {growth:,.0f} bytes an hour, {gained:,} so far")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the proof."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="of load (default: 30)")
    parser.add_argument("--seed", type=int, default=1, help="(default: 1)")
    parser.add_argument("--model", type=Path, help="a model's folder or an export (default: that of nmt demo, trained)")
    asked = parser.parse_args(arguments)
    proof = Proof("load", "requests", asked.seed)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        model = asked.model or place / "demo"
        if asked.model is None:
            done = nmt("demo", "--to", model)
            assert done.returncode == 0, done.stderr.decode()
        with serving(model, place / "news", installed=True) as server:
            prove(proof, server, model.resolve().name, 60 * asked.minutes)
        if (model / CONFIG).exists():
            done = nmt("export", model, "--to", place / "exports" / "demo")
            assert done.returncode == 0, done.stderr.decode()
            with serving(place / "exports" / "demo", place / "news-of-export", installed=True) as server:
                prove(proof, server, "demo", 6 * asked.minutes, versions=place / "exports" / "demo")
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
