"""What is done to characters before text is cut into pieces: the rules of ``text.normalization``.

``nfc``: a letter and its marks become one character where Unicode has one (``e`` and U+0301 become ``é``, jamo become
syllables), every kind of white space becomes a space, and control characters go. All else is written as it is read:
``10²`` stays ``10²``, and what is invisible, such as the joiners U+200C and U+200D, stays invisible.

``nfkc``: besides, characters that look alike become one: ``²`` is ``2``, ``½`` is ``1⁄2``, ``，`` is ``,``, ``Ａ`` is
``A``. A model can write none of those on the left. Joiners stay here, too, and so do accents
that stand alone, such as ``´``.

``none``: nothing but that spaces are joined. A text in another normal form than the training's is unknown.

``nmt_nfkc``: SentencePiece's own rules, of models from before ``nfkc``. U+200C and direction marks become spaces.

SentencePiece replaces the longest sequence of characters that its rules know, wherever one begins. The rules are
compiled into the ``.spm.model`` file, so every program that opens it follows them.

``auto`` is decided by the training pairs, see :func:`choose`.

Unicode Standard Annex #15, *Unicode Normalization Forms*, https://www.unicode.org/reports/tr15/.
"""

from __future__ import annotations

import itertools
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache

# White space that breaks a line counts as a space, too.
_SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"
# A byte order mark has no meaning inside a text, and U+FFFD stands for bytes that were no text.
_REMOVED, _REPLACED = "\ufeff", "\ufffd"
# White space, control characters and those two: a rule that Unicode's normal forms do not ask for is for one of them.
_SPECIAL = re.compile(f"[\\s\\x00-\\x1f\\x7f-\\x9f{_REMOVED}{_REPLACED}]")
# Characters that are looked at together: in most such blocks there is no rule.
_BLOCK = 256


# Letters and digits in another width, and in their usual one. Wide punctuation is usual in Chinese and Japanese.
_WIDE = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uff9f]")
_USUAL = re.compile("[0-9A-Za-z\u30a1-\u30fa]")
# Characters that nfkc makes something else of: 10² becomes 102.
_MEANT = ("<super>", "<sub>", "<fraction>", "<circle>")
# The share of lines with either width that makes a mixture.
_MIXED = 0.01


def choose(lines: Iterable[str]) -> str:
    """Return the rules that suit a text: ``nfkc`` if its letters and digits come in two widths, otherwise ``nfc``.

    Each width must be in one line of a hundred, and characters such as ``²`` and ``½``, of which ``nfkc`` makes others,
    in less than a tenth as many lines as the rarer width.

    >>> choose(["10 km", "Tom"]), choose(["１０ km", "10 km"]), choose(["１０ km", "10 m²", "10²"])
    ('nfc', 'nfkc', 'nfc')
    """
    meant = _meant()
    count = wide = usual = other = 0
    for line in lines:
        count += 1
        if line.isascii():
            usual += _USUAL.search(line) is not None
            continue
        wide += _WIDE.search(line) is not None
        usual += _USUAL.search(line) is not None
        other += meant.search(line) is not None
    rarer = min(wide, usual)
    return "nfkc" if rarer and rarer >= _MIXED * count and 10 * other < rarer else "nfc"


@cache
def _meant() -> re.Pattern[str]:
    folded = (block for block in _blocks() if not unicodedata.is_normalized("NFKC", block))
    found = [c for block in folded for c in block if unicodedata.decomposition(c).startswith(_MEANT)]
    return re.compile(f"[{''.join(map(re.escape, found))}]")


@cache
def nfkc_rules() -> str:
    """Return the rules of ``nfkc`` as SentencePiece reads them.

    >>> "B2\\t32\\n" in nfkc_rules(), "200C\\t" in nfkc_rules()
    (True, False)
    """
    rules = dict(_nfc())
    widths: dict[str, list[str]] = {}
    for code in range(1, sys.maxunicode + 1):
        character = chr(code)
        folded = unicodedata.normalize("NFKC", character)
        # An accent that stands alone would become a space with a mark on it.
        if folded == character or folded.startswith(" ") or (character in rules and rules[character] in ("", " ")):
            continue
        rules[character] = folded
        if unicodedata.decomposition(character).startswith(("<wide>", "<narrow>")):
            widths.setdefault(folded, []).append(character)
    # Rules are not applied to what a rule wrote, so a wide letter needs one for each mark that may follow it.
    for given, becomes in tuple(rules.items()):
        if len(given) == 2 and len(becomes) == 1:
            marks = [given[1], *widths.get(given[1], ())]
            for letter, mark in itertools.product([given[0], *widths.get(given[0], ())], marks):
                rules.setdefault(letter + mark, becomes)
    return _written({given: becomes for given, becomes in rules.items() if given != becomes})


def _written(rules: dict[str, str]) -> str:
    return "".join(f"{_code_points(given)}\t{_code_points(becomes)}\n" for given, becomes in sorted(rules.items()))


@cache
def nfc_rules() -> str:
    """Return the rules of ``nfc`` as SentencePiece reads them: a line of code points, a tab, and what they become.

    >>> "65 301\\tE9\\n" in nfc_rules()
    True
    """
    return _written(_nfc())


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


def _blocks() -> Iterator[str]:
    """Yield all characters but U+0000, in order, as strings."""
    for start in range(0, sys.maxunicode + 1, _BLOCK):
        yield "".join(map(chr, range(max(start, 1), start + _BLOCK)))


def _candidates() -> Iterator[str]:
    """Yield every character that may need a rule, and its neighbours."""
    for block in _blocks():
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
