"""Quality and speed of search strategies: BLEU, chrF, sentences per second, and the time of one sentence.

    python benchmarks/decoding_speed.py MODEL --source test.de --reference test.en \
        --way beam=1 --way beam=5,length_penalty=1 --rounds 3

The strategies take turns, so that other work of the machine affects all of them alike. The speed is from strings to
translations, with the model loaded once, after a first pass that traces the graphs.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from nmt.data.corpora import from_files
from nmt.evaluation.scores import score
from nmt.inference.parallel import share_cores
from nmt.inference.translator import Translator


def read_strategy(text: str) -> dict[str, Any]:
    """Read ``key=value,key=value``, keys of the config's section ``decoding``."""
    pairs = (part.partition("=") for part in text.split(","))
    return {key: tomllib.loads(f"value = {value}")["value"] for key, _, value in pairs}


def timed(translator: Translator, sources: list[str], how: dict[str, Any]) -> tuple[float, list[str]]:
    began = time.perf_counter()
    texts = [found.text for found in translator.translate(sources, **how)]
    return time.perf_counter() - began, texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--way", action="append", required=True, help="as in beam=5,length_penalty=1")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--singles", type=int, default=200, help="sentences translated one by one")
    arguments = parser.parse_args()
    pairs = list(from_files(arguments.source, arguments.reference).pairs())
    sources, references = [left for left, _ in pairs], [right for _, right in pairs]
    translator = Translator.load(arguments.model, parallel_batches=share_cores())
    strategies = {text: read_strategy(text) for text in arguments.way}
    scores = {name: score(timed(translator, sources, how)[1], references) for name, how in strategies.items()}
    seconds: dict[str, list[float]] = {name: [] for name in strategies}
    for _ in range(arguments.rounds):
        for name, how in strategies.items():
            seconds[name].append(timed(translator, sources, how)[0])
    single: dict[str, list[float]] = {name: [] for name in strategies}
    for sentence in sources[: arguments.singles]:
        for name, how in strategies.items():
            single[name].append(1000 * timed(translator, [sentence], how)[0])
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("command:", " ".join(sys.argv))
    print("| strategy | BLEU | chrF | sentences/s (least to most) | one sentence, median and 95th, ms |")
    print("|---|---|---|---|---|")
    for name in strategies:
        rates = sorted(len(sources) / each for each in seconds[name])
        ordered = sorted(single[name]) or [float("nan")]
        last = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        print(
            f"| {name} | {scores[name].bleu:.2f} | {scores[name].chrf:.2f} | {statistics.median(rates):.0f} "
            f"({rates[0]:.0f} to {rates[-1]:.0f}) | {statistics.median(ordered):.1f}, {last:.1f} |"
        )
    print("signature:", next(iter(scores.values())).bleu_signature)


if __name__ == "__main__":
    main()
