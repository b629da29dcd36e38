"""Gettext catalogues, ``.po``: messages without a translation get one. Message ids, contexts and comments stay.

Tags inside a message move with their words, and placeholders are words that stay as they are. Blank lines, lines that
are indented or begin with a bullet, and tabs stay where they are: what stands between them is translated separately.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from nmt.documents.fields import Field, Opened, paragraph, spliced
from nmt.documents.parts import Parts, Token
from nmt.documents.tags import Tags
from nmt.documents.verbatim import PLACEHOLDER
from nmt.errors import InputError

# How tags begin, and placeholders, of Qt, too.
_MARKS = re.compile(rf"(?P<tag><)|{PLACEHOLDER.pattern}|(?<!\d)%L?\d{{1,2}}", re.ASCII)
# A line, and what it begins with if it is indented or an item of a list.
_LINE = re.compile(r"(?P<lead>[ \t]*+(?:(?:[-*+•–—]|\d{1,3}[.)])[ \t]+)?+)(?P<said>[^\n]*+)\n?+")
# What stands between the columns of a line.
_TABS = re.compile(r"(?<![ \t]) *\t[ \t]*+")
_COLUMNS = re.compile(rf"{_TABS.pattern}|(?<![ \t.!?]) {{2,}}+")
# A comment, a string, or a keyword with one.
_WELL_FORMED = re.compile(
    r"""(?:\#.*|(?:(?:msgctxt|msgid|msgid_plural|msgstr(?:\[\d+\])?)\s*)?"(?:[^"\\]|\\.)*+")?""", re.DOTALL
)
# The entry that says of what kind the catalogue is, and the empty comments at its top.
_HEAD = re.compile(r'^[ \t]*+msgid\s++(?:""\s++)++msgstr\s', re.MULTILINE)
_EMPTY_COMMENTS = re.compile(r"(?:\s*+#[ \t]*+(?=[\r\n]))*+")
_WRAPPED = 78
# polib opens the file that a text names. No path is as long as this, so that a text of any content is only a text.
_NO_PATH = "\n" + " " * 2**15


def read(text: str, name: str, mark: str, inline: bool = True) -> Opened:
    """Open a ``.po`` file.

    Arguments:
        text: the file.
        name: of the file.
        mark: see :func:`~nmt.documents.fields.opened`.
        inline: whether a text has its tags and placeholders inside; otherwise it is what stands between two of them.

    Raises:
        InputError: if polib is missing, or the file is not a catalogue.
    """
    try:
        import polib
    except ImportError:
        raise InputError(
            f"{name} needs polib, which is not installed: in the clone of this project, pip install -e '.[documents]'."
        ) from None
    _check_lines(text, name)
    longest = max(map(len, text.splitlines()), default=0)
    try:
        catalogue = polib.pofile(
            text + _NO_PATH, encoding="utf-8", wrapwidth=-1 if longest > _WRAPPED + 2 else _WRAPPED
        )
    except (OSError, ValueError) as error:
        raise InputError(f"{name} is not a catalogue of gettext: {error}.") from None
    # A message, where its translation goes, and its fields.
    places: list[tuple[Any, Any, str, list]] = []
    for entry in catalogue:
        if entry.obsolete or entry.translated() or "fuzzy" in entry.flags:
            continue
        if entry.msgid_plural:
            wanted = {n: entry.msgid if n == 0 else entry.msgid_plural for n in entry.msgstr_plural or {0: "", 1: ""}}
        else:
            wanted = {None: entry.msgid}
        for number, message in wanted.items():
            places.append((entry, number, message, list(_fields(message, inline))))
    texts = [field.parts for *_, fields in places for field in fields]

    def written(translations: Sequence[Parts]) -> bytes:
        left = iter(translations)
        for entry, number, message, fields in places:
            found = spliced(message, fields, [next(left) for _ in fields])
            if number is None:
                entry.msgstr = found
            else:
                entry.msgstr_plural[number] = found
        end = "\n" if text.endswith("\n") else ""
        whole = f"{mark}{_with_head_of(text, catalogue).rstrip()}{end}"
        if text.partition("\n")[0].endswith("\r"):
            whole = whole.replace("\n", "\r\n")
        return whole.encode("utf-8", "replace")

    return Opened(texts, written)


def _with_head_of(text: str, catalogue: Any) -> str:
    """Return a catalogue as polib writes it, with no more at its top than its file has there.

    polib writes a comment and an entry in any case, and leaves out empty comments above others.
    """
    found = f"{catalogue}\n"
    if not catalogue.header:
        found = found.removeprefix("#\n")
    if not _HEAD.search(text):
        found = found.replace(f"{catalogue.metadata_as_entry()}\n", "", 1)
    above = _EMPTY_COMMENTS.match(text)
    assert above  # it may be empty
    return "#\n" * above[0].count("#") + found


def _check_lines(text: str, name: str) -> None:
    """Refuse a line that polib would leave out without a word.

    Raises:
        InputError: for a line that is none of a catalogue, such as a string that does not end.
    """
    for number, line in enumerate(text.splitlines(), 1):
        if not _WELL_FORMED.fullmatch(line.strip()):
            raise InputError(
                f"{name} is not a catalogue of gettext: line {number}, {line.strip()[:60]!r}, is neither a comment nor "
                "a string between two quotation marks."
            )


def _fields(message: str, inline: bool) -> Iterator[Field]:
    """Yield the fields of a message, in their order."""
    tokens = list(_tokens(message))
    cuts = iter([(0, 0), *_cuts(message), (len(message), len(message))])
    number = 0
    for (_, start), (end, _) in pairwise(_outside(cuts, tokens)):
        first = number
        while number < len(tokens) and tokens[number].start < end:
            number += 1
        yield from paragraph(message, start, end, tokens[first:number], inline=inline)


def _outside(cuts: Iterator[tuple[int, int]], tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """Yield the separators that are not inside a mark."""
    number = 0
    for start, end in cuts:
        while number < len(tokens) and tokens[number].end <= start:
            number += 1
        if number == len(tokens) or tokens[number].start >= end:
            yield start, end


def _cuts(message: str) -> Iterator[tuple[int, int]]:
    """Yield where each separator between the fields of a message begins and ends.

    >>> message = "Options:\\n  -a   all files\\n\\nOpen\\tCtrl+O"
    >>> [message[start:end] for start, end in _cuts(message)]
    ['\\n  ', '   ', '\\n', '\\n', '\\t']
    """
    own = False
    for line in _LINE.finditer(message):
        start = line.start()
        if start == len(message):
            return
        was_own, own = own, bool(line["lead"]) or not line["said"]
        if start and (own or was_own):
            yield start - 1, line.end("lead")
        elif own:
            yield start, line.end("lead")
        for gap in (_COLUMNS if line["lead"][:1].isspace() else _TABS).finditer(message, *line.span("said")):
            yield gap.span()


def _tokens(message: str) -> Iterator[Token]:
    """Yield the tags and placeholders of a message, in their order."""
    tags = Tags(message, 0, len(message))
    position = 0
    while found := _MARKS.search(message, position):
        position = found.end()
        token = tags.at(found.start()) if found["tag"] else Token(*found.span(), "kept")
        if token:
            position = token.end
            yield token
