"""A file that has been read once can be read from any of its lines."""

import gzip
import zlib
from pathlib import Path

import pytest

from nmt.data import line_index
from nmt.data.line_index import LineIndex

LINES = [f"line {i} {'x' * (i % 17)}\n".encode() for i in range(331)] + [b"the last has no end"]


def plain(path: Path) -> None:
    path.write_bytes(b"".join(LINES))


def compressed(path: Path) -> None:
    path.write_bytes(gzip.compress(b"".join(LINES)))


def two_members(path: Path) -> None:
    # As `cat a.gz b.gz` makes them, the cut within a line, and zeros at the end.
    text = b"".join(LINES)
    path.write_bytes(gzip.compress(text[:1009]) + gzip.compress(text[1009:]) + bytes(13))


@pytest.mark.parametrize(
    ("make", "name"), [(plain, "a.txt"), (compressed, "a.gz"), (two_members, "b.gz")], ids=["plain", "gz", "members"]
)
def test_every_line_is_found_again(make: object, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # States and parts so small that many are needed.
    monkeypatch.setattr(line_index, "_BETWEEN_STATES", 256)
    monkeypatch.setattr(line_index, "_PART", 131)
    path = tmp_path / name
    make(path)  # type: ignore[operator]
    index = LineIndex(path)
    assert list(index.first_reading()) == LINES
    for number in (0, 1, 63, 64, 65, 200, 330, 331, 332, 1000):
        assert list(index.lines_from(number)) == LINES[number:]


@pytest.mark.parametrize("kept", [7, 100, -1])
def test_a_file_cut_short_is_noticed(kept: int, tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b"".join(LINES))[:kept])
    with pytest.raises(EOFError):
        list(LineIndex(path).first_reading())


def test_what_is_no_gzip_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "text.gz"
    path.write_bytes(b"".join(LINES))
    with pytest.raises(zlib.error):
        list(LineIndex(path).first_reading())
