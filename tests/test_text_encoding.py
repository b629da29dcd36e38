"""The encodings of text files."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from nmt.data.corpora import from_tsv
from nmt.errors import InputError
from nmt.text_encoding import decode_start, seems


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_other_encodings_are_named_with_the_way_out(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_bytes("go\tgeh\n".encode(encoding))
    with pytest.raises(InputError, match=r"line 1 is in UTF-\d\d.*: iconv -f UTF-") as refusal:
        from_tsv(path)
    # The command that it says.
    name = str(refusal.value).partition("iconv -f ")[2].split()[0]
    assert subprocess.run(["iconv", "-f", name, "-t", "UTF-8", path], stdout=subprocess.PIPE).stdout == b"go\tgeh\n"


# Letters beyond ASCII alone do not tell the encodings of Russian and of East Asia apart.
KOREAN, JAPANESE, CHINESE, RUSSIAN = (
    "나는 밥을 먹었다.",
    "私はご飯を食べました。東京都で会議が開催された。",
    "我吃了饭。",
    "Я съел рис. Он ушёл.",
)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (KOREAN, "EUC-KR"), (JAPANESE, "SHIFT_JIS"), (JAPANESE, "EUC-JP"), (CHINESE, "GB18030"), (RUSSIAN, "KOI8-R"),
        (RUSSIAN, "WINDOWS-1251"), ("Où ça ?", "WINDOWS-1252"),
        ("Où ça ? Déjà vu, l’été à la mer.", "WINDOWS-1252"), ("L’été à la mer.", "WINDOWS-1252"),
        ("Är du så gå på å i å.", "WINDOWS-1252"),
    ],
)  # fmt: skip
def test_an_encoding_is_named_among_plain_letters_too(text: str, encoding: str) -> None:
    assert seems(text.encode(encoding)) == encoding
    assert seems(f"<p class='a few plain letters'>{text}</p>".encode(encoding)) == encoding


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Źdźbło trawy, święty żółw.", "cp1250"),
        ("Καλημέρα σας, τι κάνετε;", "cp1253"),
        ("مرحبا بكم في البيت", "cp1256"),
    ],
)
def test_russian_and_chinese_are_not_seen_in_other_encodings(text: str, encoding: str) -> None:
    assert seems(text.encode(encoding)) in ("", "WINDOWS-1252")


def test_a_long_line_of_letters_takes_little_time() -> None:
    begun = time.process_time()
    assert seems(b"a" * 2**16) == "" and seems(b"a" * 60_000 + "é".encode("cp1252")) == "WINDOWS-1252"
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("text", ["", "a", "가나", "a\0b", "\0"])
def test_utf_8_is_read_with_and_without_the_mark(text: str) -> None:
    assert decode_start(text.encode(), "a file") == decode_start(text.encode("utf-8-sig"), "a file") == text
