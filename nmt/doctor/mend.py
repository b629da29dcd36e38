"""Faults of a single line that can be mended: how each is recognised, and what the line becomes.

The doctor counts the lines that have them (:mod:`nmt.doctor.survey`), and ``nmt clean`` mends them
(:mod:`nmt.doctor.clean`).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Collection

from nmt.evaluation import scripts

# No character has a number of more digits, and Python reads none of thousands.
_ENTITY = re.compile("&(?:[A-Za-z][A-Za-z0-9]*|#[0-9]{1,9}|#[xX][0-9A-Fa-f]{1,8});")
# The tags that web pages, subtitles and translation memories leave behind. "a < b" and "<name>" are text.
_BREAKING = "br|p|div|li|ul|ol|td|th|tr|table|hr|h[1-6]"
_INLINE = "a|abbr|b|big|bpt|c|cite|code|del|em|ept|font|g|i|img|ins|it|mark|ph|q|s|seg|small|span|strong|sub|sup|tt|u|x"
_TAG = re.compile(rf"</?(?P<name>{_BREAKING}|{_INLINE})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_BREAKS = re.compile(_BREAKING, re.IGNORECASE)
_SPACES = re.compile(" {2,}")
# What breaks a line somewhere, and a tab, which separates columns.
_SEPARATORS = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"
_TO_SPACES = dict.fromkeys(map(ord, _SEPARATORS), " ")
# An entity may have been written as an entity, as in "&amp;quot;". More often than this it is no accident.
_TIMES = 3


def has_entities(line: str) -> bool:
    """Return whether a line has characters as HTML writes them.

    >>> has_entities("rice &amp; bread"), has_entities("R&D; AT&T &nbsp")
    (True, False)
    """
    return "&" in line and any(html.unescape(each) != each for each in _ENTITY.findall(line))


def without_entities(line: str) -> str:
    """Return a line with the characters that its entities stand for. What breaks a line is a space.

    >>> without_entities("Tom &amp;amp; I said &quot;no&quot;")
    'Tom & I said "no"'
    """
    for _ in range(_TIMES):
        if not has_entities(line):
            break
        line = _ENTITY.sub(lambda found: html.unescape(found[0]), line).translate(_TO_SPACES)
    return line


def is_cell(line: str) -> bool:
    """Return whether a line is as a spreadsheet writes a cell that holds a quotation mark.

    >>> is_cell('"She said ""no""."'), is_cell('"no"')
    (True, False)
    """
    inside = line[1:-1]
    return '""' in inside and line[0] == line[-1] == '"' and '"' not in inside.replace('""', "")


def without_cell(line: str) -> str:
    """Return what a spreadsheet's cell holds.

    >>> without_cell('"She said ""no""."')
    'She said "no".'
    """
    return line[1:-1].replace('""', '"') if is_cell(line) else line


def has_tags(line: str) -> bool:
    """Return whether a line has tags of HTML, subtitles or a translation memory.

    >>> has_tags("an <i>old</i> house"), has_tags("a < b, b > c, <name>")
    (True, False)
    """
    return "<" in line and _TAG.search(line) is not None


def without_tags(line: str) -> str:
    """Return a line without its tags; one that begins a new line becomes a space.

    >>> without_tags("an <i>old</i> house<br/>and a <b>new</b> one")
    'an old house and a new one'
    """
    if not has_tags(line):
        return line
    bare = _TAG.sub(lambda found: " " if _BREAKS.fullmatch(found["name"]) else "", line)
    return _SPACES.sub(" ", bare).strip()


def without_controls(line: str) -> str:
    """Return a line without control and invisible characters; joiners stay, and what breaks a line is a space.

    >>> without_controls("I\\u200b ate\\x07\\u2028rice"), without_controls("می\\u200cخواهم") == "می\\u200cخواهم"
    ('I ate rice', True)
    """
    if line.isascii() and line.isprintable():
        return line
    classes = scripts.character_classes()
    line = line.translate(_TO_SPACES)
    return "".join(letter for letter in line if classes[ord(letter)] != scripts.CONTROL)


def composed(line: str) -> str:
    """Return a line in normal form C.

    >>> composed("cafe\\u0301")
    'café'
    """
    return line if line.isascii() else unicodedata.normalize("NFC", line)


def folded(line: str) -> str:
    """Return a line in normal form KC: full-width letters become plain ones, and ``²`` becomes ``2``.

    >>> folded("Ｎｏ．")
    'No.'
    """
    return line if line.isascii() else unicodedata.normalize("NFKC", line)


# The rules that mend a line, in the order in which they do: a cell can hold entities, and an entity a tag.
MENDS: dict[str, Callable[[str], str]] = {
    "quoting": without_cell,
    "entities": without_entities,
    "tags": without_tags,
    "controls": without_controls,
    "nfc": composed,
    "nfkc": folded,
}


def mended(line: str, rules: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """Return a line after the rules, and which of them changed it.

    >>> mended("&lt;b&gt;rice&lt;/b&gt;", ["entities", "tags", "nfc"])
    ('rice', ('entities', 'tags'))
    """
    # Only these characters call for a rule that a printable line of ASCII could need.
    if line.isascii() and line.isprintable() and "&" not in line and "<" not in line and '""' not in line:
        return line, ()
    changed = []
    for name, mend in MENDS.items():
        if name in rules and (after := mend(line)) != line:
            line = after
            changed.append(name)
    return line, tuple(changed)
