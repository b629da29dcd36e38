"""Some seconds of load on a real server, and a stop under it."""

from pathlib import Path

from servers import export, serving, tiny_model

from proving.load import prove
from proving.proof import Proof


def test_none_fails_and_a_stop_answers_what_was_accepted(tmp_path: Path) -> None:
    proof = Proof("load", "requests", seed=1)
    with serving(tiny_model(tmp_path / "model"), tmp_path / "news") as server:
        prove(proof, server, "model", seconds=1.5)
    # How long it takes depends on what else this machine does.
    assert [fault for fault in proof.faults if "latency" not in fault] == []
    assert proof.tried["plain"] > 40 and proof.tried["stop under load"] == 1


def test_a_new_version_of_an_export_is_served_without_a_failed_request(tmp_path: Path) -> None:
    proof = Proof("load", "requests", seed=1)
    export(tmp_path / "upper" / "1")
    with serving(tmp_path / "upper", tmp_path / "news", "--trust") as server:
        prove(proof, server, "upper", seconds=0.5, versions=tmp_path / "upper")
    assert [fault for fault in proof.faults if "latency" not in fault] == []
    assert proof.tried["reload under load"] == proof.tried["stop under load"] == 1
