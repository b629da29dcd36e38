"""What is done to characters before text is cut into pieces: the rules of ``text.normalization``.

``nfc``: a letter and its marks become one character where Unicode has one (``e`` and U+0301 become ``é``, jamo become
syllables), every kind of white space becomes a space, and control characters go. All else is written as it is read:
``10²`` stays ``10²``, and what is invisible, such as the joiners U+200C and U+200D, stays invisible.

``nmt_nfkc``, SentencePiece's own rules: characters that look alike become one: ``²`` is ``2``, ``½`` is ``1⁄2``, ``，``
is ``,``, ``Ａ`` is ``A``, and U+200C and direction marks become spaces. A model can write none of those on the left.

SentencePiece replaces the longest sequence of characters that its rules know, wherever one begins. The rules are
compiled into the ``.spm.model`` file, so every program that opens it follows them.

Unicode Standard Annex #15, *Unicode Normalization Forms*, https://www.unicode.org/reports/tr15/.
"""

from __future__ import annotations

import itertools
import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache

# White space that breaks a line counts as a space, too.
_SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"
# A byte order mark has no meaning inside a text, and U+FFFD stands for bytes that were no text.
_REMOVED, _REPLACED = "\ufeff", "\ufffd"
# White space, control characters and those two: a rule that Unicode's normal forms do not ask for is for one of them.
_SPECIAL = re.compile(f"[\\s\\x00-\\x1f\\x7f-\\x9f{_REMOVED}{_REPLACED}]")
# Characters that are looked at together: in most such blocks there is no rule.
_BLOCK = 256


@cache
def nfc_rules() -> str:
    """Return the rules of ``nfc`` as SentencePiece reads them: a line of code points, a tab, and what they become.

    >>> "65 301\\tE9\\n" in nfc_rules()
    True
    """
    return "".join(f"{_code_points(given)}\t{_code_points(becomes)}\n" for given, becomes in sorted(_nfc().items()))


def _nfc() -> dict[str, str]:
    rules: dict[str, str] = {}
    for character in _candidates():
        kind = unicodedata.category(character)
        if kind == "Cs":
            continue
        if kind == "Zs" or character in _SPACES or character == _REPLACED:
            rules[character] = " "
        elif kind == "Cc" or character == _REMOVED:
            rules[character] = ""
        elif (composed := unicodedata.normalize("NFC", character)) != character:
            rules[character] = composed
        elif (apart := unicodedata.normalize("NFD", character)) != character:
            rules.update(dict.fromkeys(_spellings(character, apart) - {character}, character))
    return {given: becomes for given, becomes in rules.items() if given != becomes}


def _candidates() -> Iterator[str]:
    """Yield every character that may need a rule, and its neighbours."""
    for start in range(0, sys.maxunicode + 1, _BLOCK):
        block = "".join(map(chr, range(max(start, 1), start + _BLOCK)))
        normal = unicodedata.is_normalized("NFC", block) and unicodedata.is_normalized("NFD", block)
        if not normal or _SPECIAL.search(block):
            yield from block


def _spellings(character: str, apart: str) -> set[str]:
    """Return the sequences that are canonically equal to a composed character.

    Arguments:
        character: the character.
        apart: its full decomposition: a letter and its marks.
    """
    letter, marks = apart[0], apart[1:]
    orders = {letter + "".join(order) for order in itertools.permutations(marks)}
    spellings = {spelling for spelling in orders if unicodedata.normalize("NFC", spelling) == character}
    for spelling in tuple(spellings):
        for end in range(2, len(spelling)):
            start = unicodedata.normalize("NFC", spelling[:end])
            if len(start) == 1:
                spellings.add(start + spelling[end:])
    return spellings


def _code_points(text: str) -> str:
    return " ".join(f"{ord(character):X}" for character in text)
