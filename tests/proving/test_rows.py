"""A small part of the proof of rows."""

from proving.rows import TIES, prove


def test_rows_depend_on_no_other_row() -> None:
    proof = prove(16, seed=7, models=["transformer"], searches=["beam"])
    assert not proof.faults and not proof.tried[TIES]
    assert proof.tried.total() >= 16
