"""The characters of each line by their script, counted for many lines at once.

Every code point has one class: a script (for its letters and marks), common to all scripts (digits, punctuation,
emoji), white space, a control or invisible character, or U+FFFD, which marks what a conversion lost. The script is the
first word of the Unicode name, ``HANGUL SYLLABLE BAB``; Han is found by its ranges.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

COMMON, SPACE, CONTROL, REPLACEMENT = range(4)
_FIRST = 4
SCRIPTS = (
    "Latin", "Hangul", "Han", "Kana", "Cyrillic", "Greek", "Arabic", "Hebrew", "Devanagari", "Bengali", "Gurmukhi",
    "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Thai", "Lao", "Tibetan", "Myanmar",
    "Khmer", "Georgian", "Armenian", "Ethiopic", "Mongolian", "Bopomofo", "Syriac", "Thaana", "Cherokee", "other",
)  # fmt: skip
CLASSES = _FIRST + len(SCRIPTS)

# Scripts that put no space between words.
SPACELESS = ("Han", "Kana", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan")

_CODES = 0x110000
# Characters that are counted at once, with twenty bytes or more for each; what ends a word, and the start of a line.
_TOGETHER = 2**21
_BLANK = ("", " ", "\n")
_NAMED = {script.upper(): number for number, script in enumerate(SCRIPTS, _FIRST)}
_NAMED |= {"HIRAGANA": _NAMED["KANA"], "KATAKANA": _NAMED["KANA"], "KATAKANA-HIRAGANA": _NAMED["KANA"]}
_NAMED |= {"CJK": _NAMED["HAN"], "IDEOGRAPHIC": _NAMED["HAN"]}
_BLOCKS = ((0x3400, 0xA000, "HAN"), (0xAC00, 0xD7A4, "HANGUL"), (0x20000, 0x32400, "HAN"))
_NAMES_END = 0x20000
# Soft hyphen, zero-width space, word joiner, byte order mark; separators that end no line here; marks and overrides of
# direction, which reverse what is printed; fillers that look like spaces; tags. Joiners are left out: scripts need
# them.
_INVISIBLE = frozenset((
    0x00AD, 0x115F, 0x1160, 0x180E, 0x200B, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2060, 0x2065),
    *range(0x2066, 0x2070), 0x3164, 0xFEFF, 0xFFA0, *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080),
))  # fmt: skip


@cache
def character_classes() -> np.ndarray:
    """Return the class of each code point, ``(code points,)`` of one byte each: one megabyte.

    >>> [SCRIPTS[character_classes()[ord(letter)] - 4] for letter in "aé밥飯めж"]
    ['Latin', 'Latin', 'Hangul', 'Han', 'Kana', 'Cyrillic']
    >>> [int(character_classes()[ord(letter)]) for letter in "7!\\x00\\ufffd"]
    [0, 0, 2, 3]
    """
    classes = np.zeros(_CODES, np.uint8)
    blocks = np.zeros(_CODES, bool)
    for begin, end, script in _BLOCKS:
        classes[begin:end] = _NAMED[script]
        blocks[begin:end] = True
    # Private use and surrogates.
    for begin, end in ((0xD800, 0xF900), (0xF0000, _CODES)):
        classes[begin:end] = CONTROL
        blocks[begin:end] = True
    for code in np.flatnonzero(~blocks[:_NAMES_END]).tolist():
        classes[code] = _class(code)
    classes.flags.writeable = False
    return classes


def _class(code: int) -> int:
    character = chr(code)
    category = unicodedata.category(character)
    if code in _INVISIBLE or (category == "Cc" and character not in "\t\n"):
        return CONTROL
    if character.isspace():
        return SPACE
    if code == 0xFFFD:
        return REPLACEMENT
    if category[0] not in "LM" and code not in (0x3007,):
        return COMMON
    words = unicodedata.name(character, "").split()
    if words[:1] in (["FULLWIDTH"], ["HALFWIDTH"]):
        words = words[1:]
    if words and words[0] in _NAMED:
        return _NAMED[words[0]]
    # Such as GLAGOLITIC; a MODIFIER LETTER belongs to no script.
    return _NAMED["OTHER"] if category in ("Lo", "Lu", "Ll") and {"LETTER", "SYLLABLE"} & set(words) else COMMON


@dataclass(frozen=True)
class Census:
    """The characters of some lines.

    Attributes:
        characters: ``(lines,)``.
        words: ``(lines,)``: what stands between plain spaces.
        classes: ``(lines, classes)``, the characters of each class.
        codes: ``(codes,)``, how often each code point occurs, up to the highest one that occurs.
    """

    characters: np.ndarray
    words: np.ndarray
    classes: np.ndarray
    codes: np.ndarray


def census(lines: Sequence[str]) -> Census:
    """Count characters, words and classes, in all lines at once: a loop in Python takes a hundred times as long.

    Memory does not grow with a line: of a long one a part is counted at a time, and the lines beside it together.

    >>> found = census(["밥 ate", ""])
    >>> found.characters.tolist(), found.words.tolist()
    ([5, 0], [2, 0])
    """
    if sum(map(len, lines)) <= _TOGETHER:
        return _counted(lines)
    codes = np.zeros(_CODES, np.int64)
    rows = []
    for together in _groups(lines):
        one = _counted(together) if len(together) > 1 else _counted_in_parts(together[0])
        # Each has a number for every code point, so they are added as they come.
        codes[: len(one.codes)] += one.codes
        rows.append((one.characters, one.words, one.classes))
    characters, words, classes = map(np.concatenate, zip(*rows, strict=True))
    return Census(characters, words, classes, np.trim_zeros(codes, "b"))


def _groups(lines: Sequence[str]) -> Iterator[list[str]]:
    """Yield lines that may be counted at once, in order; a line that is longer stands alone."""
    group: list[str] = []
    size = 0
    for line in lines:
        if group and size + len(line) > _TOGETHER:
            yield group
            group, size = [], 0
        group.append(line)
        size += len(line)
    if group:
        yield group


def _counted_in_parts(line: str) -> Census:
    parts = [line[begin : begin + _TOGETHER] for begin in range(0, len(line), _TOGETHER)]
    if len(parts) < 2:
        return _counted([line])
    codes = np.zeros(_CODES, np.int64)
    words, classes = 0, np.zeros((1, CLASSES), np.int64)
    for before, part in itertools.pairwise(["", *parts]):
        one = _counted([part])
        # A word that is cut begins in one part only.
        words += int(one.words[0]) - (before[-1:] not in _BLANK and part[0] not in _BLANK)
        classes += one.classes
        codes[: len(one.codes)] += one.codes
    return Census(np.array([len(line)]), np.array([words]), classes, codes)


def _counted(lines: Sequence[str]) -> Census:
    known = character_classes()
    characters = np.fromiter(map(len, lines), np.int64, len(lines))
    # A line end after each line separates its last word from the first word of the next line.
    codes = np.frombuffer(("\n".join(lines) + "\n").encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = np.cumsum(characters + 1) - 1
    blank = (codes == ord(" ")) | (codes == ord("\n"))
    begins = ~blank
    begins[1:] &= blank[:-1]
    # The words of a line are those that begin between the last line end and its own.
    words = np.diff(np.cumsum(begins)[ends], prepend=0)
    where = np.repeat(np.arange(len(lines), dtype=np.int32) * CLASSES, characters + 1) + known[codes]
    classes = np.bincount(where, minlength=len(lines) * CLASSES).reshape(len(lines), CLASSES)
    classes[:, SPACE] -= 1
    counted = np.bincount(codes)
    counted[ord("\n")] -= len(lines)
    return Census(characters, words, classes, counted)


def expected(letters: Mapping[str, int]) -> tuple[str, ...]:
    """Return the scripts that a text is written in, given the letters of each: the commonest, or two for Japanese.

    >>> expected({"Hangul": 900, "Latin": 80}), expected({"Han": 50, "Kana": 50, "Latin": 1}), expected({})
    (('Hangul',), ('Han', 'Kana'), ())
    """
    if not sum(letters.values()):
        return ()
    most = max(letters, key=lambda script: letters[script])
    kana = letters.get("Kana", 0)
    if most in ("Han", "Kana") and kana * 50 > letters.get("Han", 0):
        return ("Han", "Kana")
    return (most,)


def script_counts(lines: Sequence[str]) -> dict[str, int]:
    """Return how many lines have most of their letters in each script. Lines without letters are left out.

    >>> script_counts(["나는 GPU를 샀다", "I ate 밥", "1 + 1"])
    {'Latin': 1, 'Hangul': 1}
    """
    letters = census(lines).classes[:, _FIRST:] if lines else np.zeros([0, len(SCRIPTS)], np.int64)
    main = letters[letters.any(axis=1)].argmax(axis=1)
    counted = np.bincount(main, minlength=len(SCRIPTS)).tolist()
    return {script: count for script, count in zip(SCRIPTS, counted, strict=True) if count}


def shown(character: str) -> str:
    """Return a character in readable form: itself, or its number if it is invisible.

    >>> shown("ж"), shown("\\x07")
    ('ж', 'U+0007')
    """
    kind = character_classes()[ord(character)]
    return f"U+{ord(character):04X}" if kind in (CONTROL, SPACE, REPLACEMENT) else character


def visible(text: str) -> str:
    """Return a text with its control and invisible characters as numbers.

    >>> visible("a\\u200bb\\x07")
    'a[U+200B]b[U+0007]'
    """
    classes = character_classes()
    return "".join(f"[{shown(each)}]" if classes[ord(each)] == CONTROL else each for each in text)
