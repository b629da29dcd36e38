"""One process at a time works in a folder, and a killed one bars nobody; two exports at once are two versions."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import command_line
from command_line import PAIRS, TINY, nmt

from nmt.errors import InputError
from nmt.export.versions import versions
from nmt.folder_lock import folder_lock
from proving.proof import Proof, options


def hold(folder: str) -> None:
    """Lock a folder and keep it."""
    with folder_lock(Path(folder), "nmt train"):
        (Path(folder) / "held").touch()
        time.sleep(300)


def killed_holder(folder: Path) -> str:
    """Kill the holder of a lock, and return what is wrong then, or nothing."""
    process = command_line.warm_process(hold, (str(folder),))
    process.start()
    while not (folder / "held").exists() and process.is_alive():
        time.sleep(0.01)
    try:
        with folder_lock(folder, "nmt train"):
            return "a second process got in beside the first"
    except InputError:
        pass
    finally:
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    try:
        with folder_lock(folder, "nmt train"):
            return ""
    except InputError as error:
        return f"the killed holder bars the way: {error}"


def together(*commands: list[str]) -> list[tuple[int, str]]:
    """Run commands at the same time, and return their exit codes and messages."""
    found: dict[int, tuple[int, str]] = {}

    def run(number: int) -> None:
        result = nmt(*commands[number])
        found[number] = (result.returncode, result.stderr.decode(errors="replace"))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(commands))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[number] for number in range(len(commands))]


def prove(count: int, seed: int, place: Path) -> Proof:
    """Let processes meet in a folder ``count`` times."""
    proof = Proof("locks", "meetings", seed)
    for number in range(count):
        if what := killed_holder(place / f"held-{number}"):
            proof.fault(f"holder {number}", what)
        proof.add("killed holders")
    pairs, model = place / "pairs.tsv", place / "model"
    pairs.write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS[:41]), encoding="utf-8")
    train = ["train", "--pairs", str(pairs), *TINY, "--to"]
    assert not nmt(*train, model).returncode
    for number in range(count):
        to = place / f"saved-{number}" / "model"
        ended = together(*[["export", str(model), "--to", str(to)]] * 2)
        if any(code for code, _ in ended) or versions(to) != [1, 2]:
            proof.fault(f"exports {number}", f"{ended}, versions {versions(to)}")
        proof.add("two exports at once")
        for kind, more in (("new", []), ("resumed", ["--resume", "--set", "training.epochs=40"])):
            ended = together(*[[*train, str(place / f"trained-{number}"), *more]] * 2)
            codes = sorted(code for code, _ in ended)
            if codes != [0, 2]:
                proof.fault(f"trainings {number}, {kind}", f"{codes}, not one done and one refused: {ended}")
            proof.add(f"two trainings at once, {kind}")
    return proof


def main() -> int:
    """Run the proof."""
    given = options(__doc__.splitlines()[0], count=5)
    with tempfile.TemporaryDirectory(prefix="locks-") as place:
        return prove(given.count, given.seed, Path(place)).end()


if __name__ == "__main__":
    sys.exit(main())
