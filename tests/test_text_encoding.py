"""The encodings of text files."""

from __future__ import annotations

from pathlib import Path

import pytest

from nmt.data.corpora import from_tsv
from nmt.errors import InputError
from nmt.text_encoding import decode_start


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_other_encodings_are_named_with_the_way_out(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_bytes("go\tgeh\n".encode(encoding))
    with pytest.raises(InputError, match=f"line 1 is in {encoding.upper()}. .*iconv -f {encoding.upper()} -t UTF-8"):
        from_tsv(path)


@pytest.mark.parametrize("text", ["", "a", "가나", "a\0b", "\0"])
def test_utf_8_is_read_with_and_without_the_mark(text: str) -> None:
    assert decode_start(text.encode(), "a file") == decode_start(text.encode("utf-8-sig"), "a file") == text
