"""Gettext catalogues, ``.po``: messages without a translation get one. Message ids, contexts and comments stay.

Tags inside a message move with their words, and placeholders are words that stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from nmt.documents.fields import Opened, paragraph, spliced
from nmt.documents.parts import Kind, Parts, Token
from nmt.documents.tags import VOID
from nmt.errors import InputError

# Tags, and placeholders of C, Python, JavaScript and Qt, entities, and addresses.
_MARKS = re.compile(
    r"<(?P<slash>/?)(?P<name>[A-Za-z][\w.:-]*)[^<>\n]*>|<[^<>\n]+>"
    r"|(?P<kept>%\([^()\s]*\)[-+ #0-9.]*[A-Za-z]|%(?:\d+\$)?[-+#0-9.]*(?:ll|[hlzjt])?[A-Za-z]|(?<!\d)%L?\d{1,2}|%%"
    r"|\$?\{[^{}]*\}|&#?[A-Za-z0-9]+;|https?://[^\s<>]+)"
)
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
        raise InputError(f"{name} needs polib, which is not installed: pip install nmt[documents].") from None
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
            places.append(
                (entry, number, message, list(paragraph(message, 0, len(message), _tokens(message), inline=inline)))
            )
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
        return f"{mark}{str(catalogue).rstrip()}{end}".encode("utf-8", "replace")

    return Opened(texts, written)


def _tokens(message: str) -> Iterator[Token]:
    for found in _MARKS.finditer(message):
        name = (found["name"] or "").lower()
        kind: Kind = "alone"
        if found["kept"]:
            kind = "kept"
        elif name and name not in VOID and not found[0].endswith("/>"):
            kind = "closing" if found["slash"] else "opening"
        yield Token(*found.span(), kind, name)
