"""The arithmetic of a run on many workers, against numbers worked out by hand, and the batches of the load."""

import importlib.util
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest


def script(name: str) -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", path)
    assert spec and spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_run_on_four_workers() -> None:
    scale = script("scale")
    pieces = scale.Pieces(
        pairs=2e6, tokens=20, epochs=3, batch=40_000, rate=10_000, parameters=5e6, reading=5000, checking=100_000,
        vocabulary=30, gigabits=8, latency=1e-3, checkpoint=600, disk=60e6, pair_bytes=100, memory=1000, score=100,
    )  # fmt: skip
    found = scale.cost(pieces, 4)
    # 40,000 tokens by 4 workers of 10,000 a second: 1 s. Their 2,000 pairs would take 0.1 s to read.
    # 20 MB of gradients, one and a half times, by 1 GB/s: 30 ms; six messages of 1 ms.
    assert found.sent == 30e6 and found.network == pytest.approx(0.036) and found.step == pytest.approx(1.036)
    # 3,000 steps, 300 s of scores, a 60 MB checkpoint in 1 s of each 600, and 20 + 30 s before the first step.
    assert found.seconds == pytest.approx(50 + (3000 * 1.036 + 300) * (1 + 1 / 600))
    alone = 50 + (3000 * 4 + 300) * (1 + 1 / 600)
    assert found.efficiency == pytest.approx(alone / (4 * found.seconds))
    assert (found.memory, found.read, found.kept) == (1001.25, 2e8 * 1.75, 100e6)
    # Where reading is the slowest, it counts.
    slow = scale.cost(scale.Pieces(**{**vars(pieces), "reading": 100}), 1)
    assert slow.step == 20


def test_doublings_pay_until_the_network_takes_as_long_as_the_step() -> None:
    scale = script("scale")
    # A step takes 1 s on one worker, and from two workers on at most 0.1 s for the gradients.
    pieces = scale.Pieces(batch=1e4, rate=1e4, parameters=12.5e6, gigabits=8, latency=0, vocabulary=0, checking=1e12,
                          checkpoint=1e12, score=0)  # fmt: skip
    # From 1 to 2, 4, 8, 16 and 32 workers: 1, 0.55, 0.325, 0.2125, 0.15625, and 0.128, which saves less than a fifth.
    assert scale.pays_until(pieces) == 16
    assert "Up to 16 workers" in scale.table(pieces)


def test_batches_are_closed_when_they_are_full_or_late() -> None:
    batching = script("batching")
    free = threading.Event()

    def run(texts: list[str]) -> list[str]:
        free.wait(10)
        return [text.upper() for text in texts]

    batches = batching.Batches(run, batching.Setting(3, 10_000, 1))
    found: dict[str, str] = {}
    threads = [threading.Thread(target=lambda text=text: found.update({text: batches.ask(text)})) for text in "abcdefg"]
    for thread in threads:
        thread.start()
    free.set()
    for thread in threads:
        thread.join()
    batches.close()
    assert found == {text: text.upper() for text in "abcdefg"}
    assert sum(batches.sizes) == 7 and max(batches.sizes) <= 3
