"""Files that wait to be fetched are bounded by their bytes, and none makes room for another unfetched."""

import pytest

from nmt.server import kept_files
from nmt.server.kept_files import KeptFiles


def test_a_file_is_fetched_as_often_as_one_likes() -> None:
    files = KeptFiles(max_bytes=5_000, seconds=60)
    key = files.add("a.txt", b"one", ".txt")
    assert key.endswith(".txt") and files.fetch("another") is None
    for _ in range(2):
        file = files.fetch(key)
        assert file is not None and (file.name, file.content) == ("a.txt", b"one")


def test_only_fetched_files_make_room() -> None:
    files = KeptFiles(max_bytes=5_000, seconds=60)
    keys = []
    while files.has_room():
        keys.append(files.add("a.txt", b"1" * 700, ".txt"))
    assert len(keys) == 3  # 1,700 bytes each with what else a file takes
    assert all(files.fetch(key) for key in keys[1:])
    assert files.has_room()
    assert files.fetch(keys[0]) and not files.fetch(keys[1]) and files.fetch(keys[2])


def test_a_file_is_kept_for_some_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 7.0
    monkeypatch.setattr(kept_files.time, "monotonic", lambda: now)
    files = KeptFiles(max_bytes=1_500, seconds=60)
    key = files.add("a.txt", b"1" * 700, ".txt")
    now = 67.0
    assert not files.has_room() and files.fetch(key)
    now = 67.1
    assert files.fetch(key) is None and files.has_room()
