"""A small part of the proof; exports are in tests/server/test_operations.py."""

import sys
from pathlib import Path

import pytest

from proving.folders import prove


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells what was opened on Linux only")
def test_damaged_folders_are_refused_or_answer_as_before(tmp_path: Path) -> None:
    proof = prove(60, seed=3, place=tmp_path, kinds=("model", "state"))
    assert proof.faults == [] and proof.tried.total() == 60
    assert any("refused" in kind for kind in proof.tried)
