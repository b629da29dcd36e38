"""A few hostile lines through the doors that a trained model opens quickly."""

from pathlib import Path

from command_line import nmt
from servers import tiny_model

from proving.proof import Proof
from proving.text import Done, Doors


def run(arguments, stdin: bytes) -> Done:
    done = nmt(*arguments, stdin=stdin)
    return Done(done.returncode, done.stdout, done.stderr.decode())


def test_each_line_has_its_answer(tmp_path: Path) -> None:
    tiny_model(tmp_path / "model")
    proof = Proof("text", "lines", seed=1)
    doors = Doors(proof, tmp_path, tmp_path, run, long_every=90)
    doors.translate(100)
    doors.data(100)
    assert not proof.faults
    assert proof.tried.total() == 203
