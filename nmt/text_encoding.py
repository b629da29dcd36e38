"""The encoding of people's text files: UTF-8, with or without a byte order mark. Others are named."""

from __future__ import annotations

import re

from nmt.errors import InputError

BOM = "\ufeff"

# Encodings, with the first and the last of the letters that a text in them mostly has.
_LETTERS = {
    "EUC-KR": ("\uac00", "\ud7a3"),
    "EUC-JP": ("\u3000", "\u9fff"),
    "SHIFT_JIS": ("\u3000", "\u9fff"),
    "WINDOWS-1251": ("\u0410", "\u0451"),
    "KOI8-R": ("\u0410", "\u0451"),
    "CP949": ("\uac00", "\ud7a3"),
    "GB18030": ("\u4e00", "\u9fff"),
    "BIG5": ("\u4e00", "\u9fff"),
    "WINDOWS-1252": ("\u00c0", "\u017f"),
}
_ACCENTS, _JAPANESE = ("WINDOWS-1252",), ("EUC-JP", "SHIFT_JIS")
_MOST, _SAMPLE = 0.7, 2**16
# A word with a letter beyond ASCII.
_WORD = re.compile(r"(?<![a-zA-Z])[a-zA-Z]*+[^\x00-\x7f][^\W\d_]*")
_PLAIN = re.compile("[a-zA-Z]")
_CAPITAL_INSIDE = re.compile("[\u0430-\u0451][\u0410-\u042f]")
# What a text in UTF-16 without a mark mostly has: Latin, Cyrillic, the punctuation of Asia, kana, ideographs, Hangul.
_WIDE = re.compile(r"[\s\x20-\x7e\u00a0-\u017f\u0400-\u045f\u2010-\u2026\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3]")

# A mark at the start of a file. UTF-32's begins with that of UTF-16, so it comes first.
_MARKS = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def decode(raw: bytes, where: str) -> str:
    """Decode UTF-8.

    Arguments:
        raw: the bytes, of a line or of a whole file.
        where: the line or the file, for the error. Of a file the line is added.

    Raises:
        InputError: if the bytes are not UTF-8.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line, begin = raw.count(b"\n", 0, error.start) + 1, raw.rfind(b"\n", 0, error.start) + 1
        where += f", line {line}" if b"\n" in raw else ""
        raise InputError(
            f"{where}: byte {error.start + 1 - begin} of the line, 0x{raw[error.start]:02x}, is not UTF-8. "
            f"{_advice(raw)}"
        ) from error


def _advice(raw: bytes) -> str:
    name = seems(raw)
    if not name:
        return "Convert the text to UTF-8, for example with iconv."
    return f"It seems to be {name}: `iconv -f {name} -t UTF-8 OLD > NEW` makes UTF-8 of it."


def seems(raw: bytes) -> str:
    """Return the encoding that bytes seem to be in, which are not UTF-8; empty if none makes sense of them.

    It is the one in which most characters beyond ASCII are letters of the script that it was made for.

    >>> seems("나는 밥을".encode("euc-kr")), seems("ごはんを".encode("shift-jis")), seems("Käse".encode("cp1252"))
    ('EUC-KR', 'SHIFT_JIS', 'WINDOWS-1252')
    >>> seems("Он ушёл".encode("cp1251")), seems("똠방각하".encode("cp949")), seems(bytes(range(128, 256)))
    ('WINDOWS-1251', 'CP949', '')
    """
    best, most = "", _MOST
    for name, (first, last) in _LETTERS.items():
        # A sample may end inside a character.
        for end in (0, 1):
            try:
                text = raw[: min(len(raw), _SAMPLE) - end].decode(name)
            except UnicodeDecodeError:
                continue
            share = _share(name, text, first, last)
            if share > most:
                best, most = name, share
            break
    return best


def _share(name: str, text: str, first: str, last: str) -> float:
    """Return how likely an encoding is: the share of its letters in what it makes of bytes beyond ASCII, or 0."""
    words = _WORD.findall(text)
    plain = sum(c.isascii() for word in words for c in word)
    other = [c for c in text if not c.isascii()]
    # Accents stand among plain letters, and letters of other alphabets do not.
    mixed = sum(bool(_PLAIN.search(word)) for word in words) >= max(1, len(words) / 2)
    if not other or (len(other) <= plain or (mixed and first <= "\u0451")) != (name in _ACCENTS):
        return 0.0
    share = sum(first <= c <= last for c in other) / len(other)
    if name in _JAPANESE and sum("\u3041" <= c <= "\u30ff" for c in other) < len(other) / 5:
        return 0.0
    # Its own syllables, which EUC-KR spells in parts, are rare in Korean.
    if name == "CP949" and sum(len(c.encode("euc-kr", "ignore")) > 2 for c in other) > 0.3 * len(other):
        return 0.0
    # Simplified Chinese is nearly all in the older and smaller GB 2312.
    if name == "GB18030" and sum(not c.encode("gb2312", "ignore") for c in other) > 0.3 * len(other):
        return 0.0
    if first == "\u0410" and len(_CAPITAL_INSIDE.findall(text)) > len(words) / 5:
        return 0.0
    if first == "\u0410" and sum(c.islower() for c in other) < sum(c.isupper() for c in other):
        return 0.0  # the two encodings of Russian differ in which letters are small
    return share


def wide_encoding(raw: bytes) -> str:
    """Return which form of UTF-16 without a mark bytes seem to be; empty if they make sense in none.

    >>> wide_encoding("나는 밥을 먹었다.".encode("utf-16-le")), wide_encoding(bytes(range(1, 31)))
    ('UTF-16LE', '')
    """
    for name in ("UTF-16LE", "UTF-16BE"):
        try:
            text = raw[:_SAMPLE].decode(name)
        except UnicodeDecodeError:
            continue
        if len(_WIDE.findall(text)) > 0.95 * len(text):
            return name
    return ""


def decode_start(raw: bytes, where: str) -> str:
    """Decode the start of a file, such as its first line: a byte order mark is skipped, UTF-16 and UTF-32 are named.

    Raises:
        InputError: if the bytes are not UTF-8.

    >>> decode_start("\ufeffunits".encode(), "a file")
    'units'
    >>> decode_start("units".encode("utf-16-le"), "a.toml")
    Traceback (most recent call last):
    nmt.errors.InputError: a.toml is in UTF-16LE. Convert it to UTF-8: iconv -f UTF-16LE -t UTF-8 OLD > NEW
    """
    if name := other_encoding(raw):
        raise InputError(f"{where} is in {name}. Convert it to UTF-8: iconv -f {name} -t UTF-8 OLD > NEW")
    return decode(raw, where).removeprefix(BOM)


def other_encoding(raw: bytes) -> str | None:
    """Return the name of an encoding other than UTF-8 that the start of a file shows."""
    for mark, name in _MARKS.items():
        if raw.startswith(mark):
            return name
    # Without a mark, the zeros in the first letters of most languages' files show it.
    zeros = tuple(byte == 0 for byte in raw[:4])
    names: dict[tuple[bool, ...], str] = {
        (False, True, True, True): "UTF-32LE",
        (True, True, True, False): "UTF-32BE",
        (False, True, False, True): "UTF-16LE",
        (True, False, True, False): "UTF-16BE",
    }
    return names.get(zeros)
