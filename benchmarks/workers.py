"""Training on several machines, measured on one: a process for each worker, joined by TensorFlow's collectives.

    python benchmarks/workers.py PART [--quick]

    equal      two and four workers against one process with the same batches: weights, and BLEU of the development set
    overhead   two workers on a core each against one process on two, which computes batches in parts or whole: steps,
               and where the time goes
    kills      kill -9 of a worker at random moments; the run is resumed with as many workers, and with others
    reading    memory and time of opening a corpus and of batches of an epoch, by the number of pairs
    mixing     neighbours in a sorted corpus that are in one batch, against a true shuffle
    sorted     a sorted corpus that is larger than the shuffle buffer against the same one shuffled

All use the built-in corpus. What is compared takes turns, and a ratio is the median of those of the rounds.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
from pathlib import Path

PARTS = {
    "equal": "workers_steps",
    "overhead": "workers_steps",
    "kills": "workers_kills",
    "reading": "workers_corpus",
    "mixing": "workers_corpus",
    "sorted": "workers_corpus",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--quick", action="store_true", help="fewer steps, kills and pairs; rough figures")
    parser.add_argument("--whole", action="store_true", help="read whole epochs, not only 500,000 pairs of each")
    parser.add_argument("--seeds", type=int, default=2, help="trainings on each order, for sorted")
    parser.add_argument("--batch", type=int, default=64, help="sentences of a step, of all workers, for overhead")
    parser.add_argument("--count", type=int, default=20, help="kills")
    parser.add_argument("--first", type=int, default=0, help="the number of the first kill, to go on with a run")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workers-") as place:
        getattr(importlib.import_module(PARTS[given.part]), f"{given.part}_part")(given, Path(place))


if __name__ == "__main__":
    main()
