"""A few hostile lines through the doors that a trained model opens quickly."""

from pathlib import Path

from command_line import nmt
from servers import TWELVE, tiny_model

from proving.proof import Proof
from proving.text import Done, Doors


def run(arguments, stdin: bytes) -> Done:
    done = nmt(*arguments, stdin=stdin)
    return Done(done.returncode, done.stdout, done.stderr.decode())


def test_an_answer_that_moved_is_seen(tmp_path: Path) -> None:
    proof = Proof("text", "lines", seed=1)
    doors = Doors(proof, tmp_path, tmp_path, run, known_every=7)
    given = doors.lines("translate", 100)
    right = [f"answer to {line}" for line in given]
    doors.compare("translate", given, right, lambda line, answer: "")
    assert not proof.faults
    doors.compare("translate", given, [*right[70:], *right[:70]], lambda line, answer: "")
    assert len(proof.faults) == 1 and " was " in proof.faults[0]


def test_each_line_has_its_answer(tmp_path: Path) -> None:
    tiny_model(tmp_path / "model", *TWELVE)
    proof = Proof("text", "lines", seed=1)
    doors = Doors(proof, tmp_path, tmp_path, run, long_every=90, known_every=7)
    doors.translate(100)
    doors.data(100)
    assert not proof.faults
    assert proof.tried.total() == 203
