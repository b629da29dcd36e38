"""Word spacing as tags: a text without its spaces, and for each character whether a word begins with it.

Korean puts spaces between phrases, and messages are often written without them. A tagger of characters puts them back.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

# A character that begins a word, and one inside a word.
BEGIN, INSIDE = "B", "I"


def without_spaces(text: str) -> str:
    """Return a text without white space, its letters composed (NFC).

    >>> without_spaces("나는 밥을 먹었다")
    '나는밥을먹었다'
    """
    return "".join(unicodedata.normalize("NFC", text).split())


def spacing_tags(text: str) -> str:
    """Return the tags of the characters of :func:`without_spaces`, with spaces between the tags.

    >>> spacing_tags("나는 밥을 먹었다")
    'B I B I B I I'
    """
    words = unicodedata.normalize("NFC", text).split()
    return " ".join(tag for word in words for tag in [BEGIN, *[INSIDE] * (len(word) - 1)])


def spaced(letters: str, tags: Sequence[str]) -> str:
    """Return a text with a space before each character that begins a word. What has no tag is left as it is.

    >>> spaced("나는밥을먹었다", ["B", "I", "B", "I", "B"])
    '나는 밥을 먹었다'
    """
    begins = [tag == BEGIN for tag in tags] + [False] * (len(letters) - len(tags))
    return "".join(f" {letter}" if begin else letter for letter, begin in zip(letters, begins, strict=True)).strip()
