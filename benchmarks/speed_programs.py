"""Parts of ``speed.py`` that run programs: the start of commands, the server, and other systems."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from socket import socket

from measuring import Row, Setting, apart, in_turns, ratios, seconds

from nmt.client import Client
from nmt.errors import InputError, WorkFailed

# Pairs of the small corpus whose first training step is waited for.
_PAIRS = 500
# The command `nmt train`, ended after its first step.
_FIRST_STEP = """
import os, sys
from nmt.tf_import import import_tensorflow
import_tensorflow()
from nmt.training import callbacks
def ended(self, batch, logs=None):
    os._exit(0)
callbacks.StopOnNonFinite.on_train_batch_end = ended
from nmt.cli import main
main()
"""
# What JoeyNMT and OpenNMT-tf log of their speed.
SPEEDS = {
    "joeynmt": re.compile(r"Tokens per Sec:\s*([\d.,]+)"),
    "opennmt-tf": re.compile(r"\(\d+ source, ([\d.,]+) target\)"),
}


def _run(command: list[str], stdin: str = "") -> None:
    done = subprocess.run(command, input=stdin, text=True, capture_output=True)
    if done.returncode:
        raise WorkFailed(f"{' '.join(command[:6])} … ended with {done.returncode}: {done.stderr.strip()[-500:]}")


def start(setting: Setting) -> list[Row]:
    """Seconds from the start of a process, and as multiples of the import of TensorFlow in the same round."""
    nmt = [sys.executable, "-m", "nmt.cli"]
    line = setting.test_lines(1)[0]
    small = [setting.place / f"small.{side}" for side in ("source", "target")]
    for file, original in zip(small, (setting.source, setting.target), strict=True):
        with original.open(encoding="utf-8") as lines:
            file.write_text("".join(islice(lines, _PAIRS)), encoding="utf-8")

    def first_step() -> None:
        folder = setting.place / "first-step"
        given = ["train", "--source", str(small[0]), "--target", str(small[1]), "--to", str(folder)]
        _run([sys.executable, "-c", _FIRST_STEP, *given])
        shutil.rmtree(folder, ignore_errors=True)

    works: dict[str, Callable[[], None]] = {
        "python -c 'import tensorflow'": lambda: _run([sys.executable, "-c", "import tensorflow"]),
        "nmt --help": lambda: _run([*nmt, "--help"]),
        "nmt translate, one line": lambda: _run([*nmt, "translate", str(setting.model)], f"{line}\n"),
        f"nmt train, {_PAIRS} pairs, until the first step is done": first_step,
    }
    found = in_turns({name: partial(seconds, work) for name, work in works.items()}, setting.rounds)
    tensorflow, help_, one_line, step = found
    rows = [
        Row("start", name=name, unit="s", values=values, goal="≤ 0.5" if name == help_ else "")
        for name, values in found.items()
    ]
    for name, goal in ((one_line, "≤ 1.2"), (step, "≤ 2")):
        multiples = ratios(found[name], found[tensorflow])
        rows.append(Row("start", name=f"{name}, as multiples of the import", unit="times", values=multiples, goal=goal))
    return rows


@contextmanager
def _server(model: Path) -> Iterator[str]:
    """Run ``nmt serve`` on a free port, and yield the address of its model."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "nmt.cli", "serve", str(model), "--port", str(port)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}/v1/models/{model.resolve().name}"
    finally:
        server.terminate()
        server.wait(60)


def load(url: str, sources: list[str], clients: int, lasting: float) -> tuple[float, list[float], int]:
    """Let clients ask one sentence after another over a connection each.

    Returns:
        Sentences a second, the milliseconds of each, and the number of failures, which count in neither.
    """
    times: list[float] = []
    failures: list[Exception] = []
    end = time.perf_counter() + lasting

    def ask(number: int) -> None:
        with Client(url, retries=0) as client:
            place = number * 37
            while time.perf_counter() < end:
                began = time.perf_counter()
                try:
                    client.translate([sources[place % len(sources)]], details=False)
                except (InputError, WorkFailed) as error:
                    failures.append(error)
                else:
                    times.append(1000 * (time.perf_counter() - began))
                place += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(times) / lasting, times, len(failures)


def serve(setting: Setting) -> list[Row]:
    """Sentences a second of one client and of 16, which share a process beside the server's, in turns."""
    sources = setting.test_lines(1000)
    rates: dict[int, list[float]] = {1: [], 16: []}
    middle: dict[int, list[float]] = {1: [], 16: []}
    last: dict[int, list[float]] = {1: [], 16: []}
    failed = 0
    with _server(setting.model) as url:
        with Client(url, deadline=600, retries=300) as client:
            client.translate(sources[:16])
        for _ in range(min(setting.rounds, 3)):
            for clients in rates:
                rate, times, failures = load(url, sources, clients, setting.seconds)
                rates[clients].append(rate)
                middle[clients].append(statistics.median(times))
                last[clients].append(sorted(times)[int(0.95 * len(times))])
                failed += failures
    rows = []
    for clients, name in ((1, "one client"), (16, "16 clients")):
        rows.append(Row("serve", name, "sentences/s", rates[clients]))
        rows.append(Row("serve", f"{name}, a sentence, median", "ms", middle[clients]))
        rows.append(Row("serve", f"{name}, a sentence, 95th percentile", "ms", last[clients]))
    rows.append(
        Row("serve", name="16 clients against one", unit="times", values=ratios(rates[16], rates[1]), goal="≥ 4")
    )
    rows.append(Row("serve", name="failed requests", unit="", values=[float(failed)], goal="0"))
    return rows


def peer_speeds(command: list[str], pattern: re.Pattern[str], lasting: float) -> list[float]:
    """Run a training for some seconds, end it, and return the tokens a second that it logged but the first.

    Raises:
        InputError: if it cannot be started, or logs no speed.
    """
    try:
        peer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    except OSError as error:
        raise InputError(f"{command[0]} cannot be started: {error.strerror}.") from None
    stop = threading.Timer(lasting, peer.terminate)
    stop.start()
    assert peer.stdout
    output = peer.stdout.read()
    stop.cancel()
    peer.wait()
    found = [float(number.replace(",", "")) for number in pattern.findall(output)]
    if len(found) < 2:
        raise InputError(
            f"'{' '.join(command)}' logged its speed {len(found)} times in {lasting:.0f} s, and two are needed: "
            f"{output.strip()[-300:]}"
        )
    return found[1:]


def peers(setting: Setting) -> list[Row]:
    """Target tokens a second of other systems beside ours, program by program, in turns."""
    from speed_training import whole_program

    def ours() -> float:
        return apart(whole_program, setting)

    def of(name: str, command: list[str]) -> float:
        return statistics.median(peer_speeds(command, SPEEDS[name], setting.seconds))

    measures: dict[str, Callable[[], float]] = {"ours": ours}
    measures |= {name: partial(of, name, command) for name, command in setting.peers.items()}
    found = in_turns(measures, min(setting.rounds, 2))
    goals = {"joeynmt": "≥ 3.5", "opennmt-tf": "≥ 1.4"}
    rows = [Row("peers", name, "tokens/s", values) for name, values in found.items()]
    for name in setting.peers:
        rows.append(
            Row(
                "peers",
                name=f"ours against {name}",
                unit="times",
                values=ratios(found["ours"], found[name]),
                goal=goals[name],
            )
        )
    return rows
