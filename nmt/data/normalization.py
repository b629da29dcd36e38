"""What is done to characters before text is cut into pieces: the rules of ``text.normalization``.

SentencePiece replaces the longest sequence of characters that its rules know, wherever one begins. The rules are
compiled into the ``.spm.model`` file, so every program that opens it follows them.

SentencePiece's own rules, ``nmt_nfkc``, also change what is written: ``10²`` becomes ``102``, ½ becomes ``1⁄2``, and
the joiners U+200C and U+200D become spaces. The rules here, ``nfc``, keep all of that. They fold only what a reader
takes for the same text:

- Unicode's form NFC: a letter and its combining marks become one character where there is one;
- white space of any kind becomes a space, and control characters are removed, as by ``nmt_nfkc``;
- full-width letters and digits, half-width katakana, Latin ligatures such as ﬁ and the shapes of Arabic letters become
  the ordinary ones.
"""

from __future__ import annotations

import itertools
import unicodedata
from functools import cache

import sentencepiece

# Zero-width (non-)joiners: they part or join letters within a word.
_JOINERS = "\u200c\u200d"
_SHAPES = ("<initial>", "<medial>", "<final>", "<isolated>")


@cache
def nfc_rules() -> str:
    """Return the rules as SentencePiece reads them: a line of code points, a tab, and what they become.

    >>> "65 301\\tE9\\n" in nfc_rules()
    True
    """
    rules = _spaces() | _folded() | _composed()
    # SentencePiece follows a rule once: what it writes must be normal already.
    return "".join(f"{_code_points(old)}\t{_code_points(new)}\n" for old, new in sorted(rules.items()))


def _characters() -> list[str]:
    # No other plane has a character that decomposes, nor one that is white space.
    return [chr(code) for code in itertools.chain(range(1, 0xD800), range(0xE000, 0x30000))]


def _spaces() -> dict[str, str]:
    """Return what SentencePiece's own rules turn into a space or remove."""
    own = sentencepiece.SentencePieceNormalizer(rule_name="nmt_nfkc")
    kinds = ("Cc", "Cf", "Zs", "Zl", "Zp", "So")
    found = {}
    for character in _characters():
        if unicodedata.category(character) in kinds and character not in (*_JOINERS, " "):
            new = own.normalize(f"a{character}b").removeprefix("▁")[1:-1].replace("▁", " ")
            if new in ("", " "):
                found[character] = new
    return found


def _folded() -> dict[str, str]:
    """Return the other forms of letters and digits."""
    found = {}
    for character in _characters():
        kind = unicodedata.decomposition(character).partition(" ")[0]
        if not kind.startswith("<"):
            continue
        code, new = ord(character), unicodedata.normalize("NFKC", character)
        wide = kind == "<wide>" and new.isascii() and new.isalnum()
        katakana = kind == "<narrow>" and 0xFF66 <= code <= 0xFF9D
        ligature = 0xFB00 <= code <= 0xFB06
        arabic = kind in _SHAPES and code < 0xFEFD and not 0xFDF0 <= code <= 0xFDFF and " " not in new
        if wide or katakana or ligature or arabic:
            found[character] = new
    # A mark of voice after half-width katakana has a character of its own.
    for narrow, full in list(found.items()):
        for mark, combining in (("\uff9e", "\u3099"), ("\uff9f", "\u309a")):
            voiced = unicodedata.normalize("NFC", full + combining)
            if len(voiced) == 1 and 0xFF66 <= ord(narrow) <= 0xFF9D:
                found[narrow + mark] = voiced
    return found


def _composed() -> dict[str, str]:
    """Return the sequences that NFC writes otherwise: those that are one character, and those in another order."""
    found = {}
    for character in _characters():
        decomposed = unicodedata.normalize("NFD", character)
        if decomposed == character:
            continue
        new = unicodedata.normalize("NFC", character)
        if new != character:
            found[character] = new
        for sequence in {decomposed, *_partly(decomposed)}:
            if sequence != new:
                found[sequence] = new
    return found


def _partly(decomposed: str) -> list[str]:
    """Return the sequences that are equal to a decomposed character: marks in any order, the first ones composed."""
    base, marks = decomposed[0], decomposed[1:]
    orders = {"".join(order) for order in itertools.permutations(marks)}
    same = []
    for order in orders:
        for length in range(len(order) + 1):
            sequence = unicodedata.normalize("NFC", base + order[:length]) + order[length:]
            if unicodedata.normalize("NFD", sequence) == decomposed:
                same.append(sequence)
    return same


def _code_points(text: str) -> str:
    return " ".join(f"{ord(character):X}" for character in text)
