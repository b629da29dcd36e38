"""``nmt serve`` under load: sentences per second for one client and for many, latencies, and failed requests.

    python benchmarks/serving.py MODEL --source test.de --clients 1 16 --seconds 60

Each client sends one sentence after another over a connection of its own. The clients share a process beside the
server's.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from nmt.client import Client
from nmt.errors import InputError, WorkFailed


def load(url: str, sources: list[str], clients: int, seconds: float) -> tuple[float, float, float, int]:
    """Return sentences per second, the median and 95th percentile in milliseconds, and the number of failures."""
    times: list[float] = []
    failures: list[Exception] = []
    end = time.perf_counter() + seconds

    def ask(number: int) -> None:
        with Client(url, retries=0) as client:
            place = number * 37
            while time.perf_counter() < end:
                began = time.perf_counter()
                try:
                    client.translate([sources[place % len(sources)]], details=False)
                except (InputError, WorkFailed) as error:
                    failures.append(error)
                times.append(time.perf_counter() - began)
                place += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = sorted(times)[int(0.95 * len(times))]
    return len(times) / seconds, 1000 * statistics.median(times), 1000 * last, len(failures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--port", type=int, default=18999)
    arguments = parser.parse_args()
    sources = arguments.source.read_text(encoding="utf-8").splitlines()
    command = [sys.executable, "-m", "nmt.cli", "serve", str(arguments.model), "--port", str(arguments.port)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{arguments.port}/v1/models/{arguments.model.resolve().name}"
    try:
        with Client(url, deadline=120, retries=60) as client:
            client.translate(sources[:16])
        print("command:", " ".join(sys.argv))
        print("| clients | sentences/s | median and 95th, ms | failed |")
        print("|---|---|---|---|")
        for clients in arguments.clients:
            rate, median, last, failed = load(url, sources, clients, arguments.seconds)
            print(f"| {clients} | {rate:.1f} | {median:.0f}, {last:.0f} | {failed} |", flush=True)
    finally:
        server.terminate()
        server.wait(60)


if __name__ == "__main__":
    main()
