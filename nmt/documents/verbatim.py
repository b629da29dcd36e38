"""What comes out of a translation letter by letter: placeholders of programs, addresses and numbers."""

from __future__ import annotations

import re

# The characters of an address on the web.
_SIGNS = r"[\w\-.~:/?#\[\]@!$&'*+,;=%]"
# No part of it may look at the same characters again and again: texts are hostile.
PLACEHOLDER = re.compile(
    r"&#?[A-Za-z0-9]{1,40};"  # entities, in which there is none
    rf"|(?:https?|ftp)://(?:{_SIGNS}|\({_SIGNS}{{0,200}}\))*(?:[\w/=&#%+~$*-]|\({_SIGNS}{{0,200}}\))"  # addresses
    r"|(?<![\w.%+-])[\w.%+-]++@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)+"
    r"|\$?\{\{[^{}]{0,200}\}\}|[$#%]?\{[^{}]{0,200}\}"  # {name} ${name} #{name} {{ name }}
    r"|(?<!\d)%(?:\([^()\s]{0,200}\)|\d{1,3}\$)?[-+#0]*+\d*+(?:\.\d++)?+(?:ll|[hlzjt])?[sdifgeExXcrupa@](?![A-Za-z])|%%"
    # Numbers. A date or a time ends before a part that is none, and no part is the start of another try.
    r"|(?<![\w.,])[+-]?\d++(?:[.,]\d++)*+(?![A-Za-z0-9_])(?:[:/]\d++(?:[.,]\d++)*+(?![A-Za-z0-9_]))*+",
    re.ASCII,
)
_SPACE = re.compile(rf"{PLACEHOLDER.pattern}|(?P<space>[ \t\r\n\f]++)", re.ASCII)


def spaces(text: str) -> list[tuple[int, int]]:
    """Return where spaces stand that are not inside a placeholder: ``(start, end)``.

    >>> spaces("dear {{ user.name }}, hello")
    [(4, 5), (21, 22)]
    """
    return [match.span() for match in _SPACE.finditer(text) if match["space"]]
