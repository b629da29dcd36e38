"""A small part of the proof of writes: the quickest command that fills a folder, and one that replaces a file."""

import os
from pathlib import Path

import pytest

from nmt.atomic_write import make_folder
from proving.proof import Proof
from proving.writes import COMMANDS, Moment, half, known, prove_command


def test_a_corpus_is_old_or_new_after_every_failure(tmp_path: Path) -> None:
    proof = Proof("writes", "failures", 3)
    prove_command(proof, "corpus", tmp_path, tmp_path / "place", points=1)
    assert not proof.faults
    assert proof.tried.total() > 60


def test_the_proof_sees_a_file_that_is_half_there() -> None:
    """A content that is neither the old nor the new one, and a folder without one of its files."""
    moments = [
        Moment("begin", {".": (1, None)}, {}, {}),
        Moment("end", {".": (1, None), "deep/new/corpus/a": (2, b"all"), "deep/new/corpus/b": (3, b"all")}, {}, {}),
    ]
    final = {"deep/new/corpus/a", "deep/new/corpus/b"}

    def told(state: dict[str, bytes | None]) -> str:
        return half(COMMANDS["corpus"], state, known(moments), final)

    assert not told({}) and not told(dict.fromkeys(final, b"all"))
    assert "has 1 bytes" in told({"deep/new/corpus/a": b"a", "deep/new/corpus/b": b"all"})
    assert "has only" in told({"deep/new/corpus/a": b"all"})


def test_each_new_folder_is_synced_in_the_one_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced, fsync = [], os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda number: (synced.append(os.readlink(f"/proc/self/fd/{number}")), fsync(number))
    )
    make_folder(tmp_path / "a" / "b")
    assert sorted(synced) == [str(tmp_path), str(tmp_path / "a")]
    assert (tmp_path / "a" / "b").is_dir()
