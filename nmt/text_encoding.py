"""The encoding of people's text files: UTF-8, with or without a byte order mark. Others are named."""

from __future__ import annotations

from nmt.errors import InputError

BOM = "\ufeff"

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
            "Convert the text to UTF-8, for example with iconv."
        ) from error


def decode_start(raw: bytes, where: str) -> str:
    """Decode the start of a file, such as its first line: a byte order mark is skipped, UTF-16 and UTF-32 are named.

    Raises:
        InputError: if the bytes are not UTF-8.

    >>> decode_start("\ufeffunits".encode(), "a file")
    'units'
    >>> decode_start("units".encode("utf-16-le"), "a.toml")
    Traceback (most recent call last):
    nmt.errors.InputError: a.toml is in UTF-16-LE. Convert it to UTF-8: iconv -f UTF-16-LE -t UTF-8 OLD > NEW
    """
    if name := _other_encoding(raw):
        raise InputError(f"{where} is in {name}. Convert it to UTF-8: iconv -f {name} -t UTF-8 OLD > NEW")
    return decode(raw, where).removeprefix(BOM)


def _other_encoding(raw: bytes) -> str | None:
    """Return the name of an encoding other than UTF-8 that the start of a file shows."""
    for mark, name in _MARKS.items():
        if raw.startswith(mark):
            return name
    # Without a mark, the zeros in the first letters of most languages' files show it.
    zeros = tuple(byte == 0 for byte in raw[:4])
    names: dict[tuple[bool, ...], str] = {
        (False, True, True, True): "UTF-32-LE",
        (True, True, True, False): "UTF-32-BE",
        (False, True, False, True): "UTF-16-LE",
        (True, False, True, False): "UTF-16-BE",
    }
    return names.get(zeros)
