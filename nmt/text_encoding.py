"""The encoding of people's text files: UTF-8, with or without a byte order mark. Others are named."""

from __future__ import annotations

import re
import unicodedata

from nmt.errors import InputError

BOM = "\ufeff"

# What chardet chooses among, by the kind of word that it is asked about: accents stand among plain letters, and letters
# of other alphabets do not.
_CENTRAL = ("windows-1250", "iso-8859-2")
_ACCENTS = ("windows-1252", *_CENTRAL, "windows-1254", "windows-1257")
_CAPITALS = ("windows-1251", "koi8-r")
_ALPHABETS = (
    *_CAPITALS, "windows-1253", "windows-1255", "windows-1256", "cp874",
    "cp949", "cp932", "euc-jp", "gb18030", "big5",
)  # fmt: skip
# Those that are named where they give the same text: others hold two of them.
_BETTER_KNOWN = ("windows-1252", "euc-kr", "shift_jis")
_SAMPLE = 2**16
_HIGH, _LETTERS = re.compile(b"[\x80-\xff]"), re.compile(b"[\x80-\xff]{2}")
_CELL = re.compile(rb"(?<![^\n\t<>\x80-\xff])[^\n\t<>\x80-\xff]*+[\x80-\xff][^\n\t<>]*")
_PLAIN, _BEYOND = re.compile(b"[a-zA-Z]"), re.compile(rb"(?<![a-zA-Z])[a-zA-Z]*+[\x80-\xff][a-zA-Z\x80-\xff]*")
# In a text, letters and punctuation are at least this share of the characters beyond ASCII.
_MIN_SHARE = 0.7
# And at most this share stands where no such character does: a capital after a small letter, as in потомуЯ, a sign
# between small letters, other than these, or a letter beside one of another of these alphabets.
_MISPLACED, _IN_WORDS = 0.01, "’·…–—"
_SEPARATE = {"LATIN", "GREEK", "CYRILLIC", "HEBREW", "ARABIC"}
# Fewer bytes beyond ASCII show no accents, and no alphabet.
_ACCENTED, _ALPHABETIC = 4, 8
# How sure of an alphabet chardet has to be, and how much surer than of any other.
_SURE, _SURER = 0.02, 1.2
# What a text in UTF-16 without a mark mostly has: Latin, Cyrillic, the punctuation of Asia, kana, ideographs, Hangul.
_WIDE = re.compile(r"[\s\x20-\x7e\u00a0-\u017f\u0400-\u045f\u2010-\u2026\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3]")

# A mark at the start of a file. UTF-32's begins with that of UTF-16, so it comes first.
_MARKS = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def decode(raw: bytes, where: str) -> str:
    """Decode UTF-8.

    Arguments:
        raw: the bytes, of a line or of a whole file.
        where: the line or the file, for the error, which adds the line if it is a file.

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
            f"{_advice(raw[max(0, error.start - _SAMPLE // 2) :])}"
        ) from error


def _advice(raw: bytes) -> str:
    name = seems(raw)
    if not name:
        return "Which encoding it is in is not known. Convert the text to UTF-8, for example with iconv."
    # A few bytes are the same letters in several encodings.
    if len(_HIGH.findall(raw[:_SAMPLE])) < _ACCENTED:
        return f"It may be {name}: `iconv -f {name} -t UTF-8 OLD > NEW` makes UTF-8 of it. Look whether it reads right."
    return f"It seems to be {name}: `iconv -f {name} -t UTF-8 OLD > NEW` makes UTF-8 of it."


def seems(raw: bytes) -> str:
    """Return the encoding that bytes seem to be in, which are not UTF-8; empty if none makes sense or two are likely.

    Fewer than eight bytes beyond ASCII show no alphabet, and fewer than four may at most be in Windows-1252, the
    commonest encoding of letters with accents.

    `chardet <https://chardet.readthedocs.io>`_ says which of those for one kind of alphabet it is. It knows no text in
    capitals of Russian, whose two encodings differ in which letters are small, so it is asked about small ones too.

    >>> seems("나는 밥을".encode("euc-kr")), seems("ごはんを".encode("shift-jis")), seems("Käse".encode("cp1252"))
    ('EUC-KR', 'SHIFT_JIS', 'WINDOWS-1252')
    >>> seems("МОСКВА ГОВОРИТ".encode("cp1251")), seems("똠방각하를".encode("cp949")), seems("밥".encode("cp949"))
    ('WINDOWS-1251', 'CP949', '')
    >>> seems("It costs £5.".encode("cp1252")), seems(bytes(range(128, 256)))
    ('', '')
    """
    sample = raw[:_SAMPLE]
    words = _BEYOND.findall(sample)
    high = len(_HIGH.findall(sample))
    plain = sum(len(_PLAIN.findall(word)) for word in words)
    # A text in UTF-8 with a few broken letters is in no other encoding.
    kept = sum(not letter.isascii() and len(letter.encode()) for letter in sample.decode("utf-8", "ignore"))
    if not words or kept > 0.9 * high:
        return ""
    # A sign that stands alone, such as that of pounds, is no letter of another alphabet.
    accents = plain >= 0.5 * (sum(map(len, words)) - plain) or not _LETTERS.search(sample)
    if not accents and high < _ALPHABETIC:
        return ""
    best = _with_accents(sample) if accents else _in_an_alphabet(sample)
    text = best and _readable(sample, best)
    name = next((name for name in (*_BETTER_KNOWN, best) if text and _readable(sample, name) == text), "")
    return "" if high < _ACCENTED and name != _ACCENTS[0] else name.upper()


def _with_accents(raw: bytes) -> str:
    sure = _sureness(raw, _ACCENTS)
    name = max(sure, key=lambda each: sure[each])
    # The commonest is right as well where it is nearly as likely, as in a short text.
    if sure.get(_ACCENTS[0], 0) > 0.8 * sure[name]:
        return _ACCENTS[0]
    # These two differ in few letters, which only one of them has among the controls.
    if name in _CENTRAL and all(sure.get(each, 0) > 0.99 * sure[name] for each in _CENTRAL):
        return _CENTRAL[0] if re.search(rb"[\x80-\x9f]", raw) else _CENTRAL[1]
    return name


def _in_an_alphabet(raw: bytes) -> str:
    """Return which encoding of another alphabet bytes are in; empty if another one is nearly as likely."""
    sure = _sureness(raw, _ALPHABETS)
    for name in _CAPITALS:
        small = _readable(raw, name).lower().encode(name, "ignore")
        found = _sureness(small, _ALPHABETS) if small else sure
        if found.get(name) == max(found.values()):
            sure[name] = max(sure.get(name, 0), found[name])
    best = max(sure, key=lambda each: sure[each])
    # These two differ in the letters that Ukrainian has and Russian does not.
    if best == "koi8-r" and not _readable(raw, best):
        best, sure["koi8-u"] = "koi8-u", sure.pop(best)
    next_best = max((sure[each] for each in sure if each != best), default=0.0)
    return best if sure[best] > max(_SURE, _SURER * next_best) else ""


def _sureness(raw: bytes, names: tuple[str, ...]) -> dict[str, float]:
    """Return how sure chardet is of each of some encodings."""
    import chardet  # takes time, and is needed for an error alone

    # It reads the beginning, which may be all in plain letters.
    raw = b"\n".join(_CELL.findall(raw)) or raw
    found = chardet.detect_all(
        raw, ignore_threshold=True, include_encodings=names, no_match_encoding=names[0], empty_input_encoding=names[0]
    )
    sure: dict[str, float] = {}
    for each in found:
        sure.setdefault((each["encoding"] or "").lower(), each["confidence"])
    return sure


def _readable(raw: bytes, name: str) -> str:
    """Return bytes as text; empty if an encoding makes no sense of them."""
    # A sample may end inside a character.
    for end in (0, 1, 2, 3):
        try:
            text = raw[: len(raw) - end].decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
        beyond = [(i, unicodedata.category(letter)) for i, letter in enumerate(text) if not letter.isascii()]
        known = sum(kind[0] in "LMP" for _, kind in beyond) > _MIN_SHARE * len(beyond)
        misplaced = sum(_is_misplaced(text[max(0, i - 1) : i + 2], kind) for i, kind in beyond)
        return text if known and misplaced <= _MISPLACED * len(beyond) else ""
    return ""


def _is_misplaced(around: str, kind: str) -> bool:
    """Return whether a character is where none of its kind stands in a text.

    Arguments:
        around: it, between its neighbours.
        kind: its general category in Unicode.

    >>> _is_misplaced("уЯ", "Lu"), _is_misplaced("i‡o", "Po"), _is_misplaced("l’e", "Pf"), _is_misplaced("ذà", "Ll")
    (True, True, False, True)
    """
    if len(around) < 2:
        return False
    before, letter, after = around[0], around[1], around[2:]
    if kind[0] == "L":
        two = {unicodedata.name(each, "").partition(" ")[0] for each in (before, letter) if not each.isascii()}
        return (kind == "Lu" and before.islower()) or (len(two) == 2 and two <= _SEPARATE)
    # Marks, and signs that nobody sees, belong to words.
    return (kind[0] in "SP" or kind == "Cc") and letter not in _IN_WORDS and before.islower() and after.islower()


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
