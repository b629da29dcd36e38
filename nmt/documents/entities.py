"""Characters as HTML and XML write them."""

from __future__ import annotations

import html
import re

# Python reads no number of thousands of digits, and the number of a character has at most seven, or six of base 16.
_ZEROS = re.compile(r"(&#[xX]?)0++(?=[0-9a-fA-F])")
_TOO_LARGE = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9a-fA-F]{7,}+);?")


def unescape(text: str) -> str:
    """Return a text with the characters that its character references stand for, as ``html.unescape`` does.

    A number of any length that is no character stands for U+FFFD.

    >>> unescape("rice &amp; bread &#48; &#x1F35A; &#00048;"), unescape(f"&#{'1' * 5000}; &#x{'F' * 5000};")
    ('rice & bread 0 🍚 0', '� �')
    """
    try:
        return html.unescape(text)
    except ValueError:
        return html.unescape(_TOO_LARGE.sub("\ufffd", _ZEROS.sub(r"\1", text)))
