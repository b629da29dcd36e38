"""A small part of the proof of kills: drawn pieces, each batch saved, so that most of a run is a place to resume."""

from pathlib import Path

from proving.kills import prove


def test_a_killed_training_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    proof = prove(2, seed=5, place=tmp_path, configs=["bpe dropout"])
    assert not proof.faults
    assert proof.tried.total() == 2
