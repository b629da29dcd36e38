"""A small part of the proof of locks; two exports at once are in the tests of the atomic write."""

from pathlib import Path

from proving.locks import killed_holder


def test_a_killed_holder_bars_nobody(tmp_path: Path) -> None:
    assert killed_holder(tmp_path / "folder") == ""
