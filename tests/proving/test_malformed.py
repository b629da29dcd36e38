"""A few malformed requests to a real server."""

from pathlib import Path

from servers import serving, tiny_model

from proving.malformed import prove
from proving.proof import Proof


def test_each_is_refused_and_the_server_goes_on(tmp_path: Path) -> None:
    proof = Proof("malformed", "requests", seed=1)
    with serving(tiny_model(tmp_path / "model"), tmp_path / "news") as server:
        prove(proof, server, 400)
        assert server.stop() == 0
    assert not proof.faults
    assert proof.tried.total() == 400
