"""Some seconds of load on a real server, and a stop under it."""

from pathlib import Path

from servers import serving, tiny_model

from proving.load import prove
from proving.proof import Proof


def test_none_fails_and_a_stop_answers_what_was_accepted(tmp_path: Path) -> None:
    proof = Proof("load", "requests", seed=1)
    with serving(tiny_model(tmp_path / "model"), tmp_path / "news") as server:
        prove(proof, server, "model", seconds=1.5)
    # How long it takes depends on what else this machine does.
    assert [fault for fault in proof.faults if "latency" not in fault] == []
    assert proof.tried["plain"] > 40 and proof.tried["stop under load"] == 1
