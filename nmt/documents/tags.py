"""The tags of HTML and XML, as they stand in a text."""

from __future__ import annotations

import re

# A "<" that begins a tag, a comment or a declaration, and not one that is a sign of its own.
BEGIN = re.compile(r"<(?=[A-Za-z/!?])")
COMMENT_END = re.compile(r"--!?>")
START_TAG = re.compile(r"""<([A-Za-z][^\s/>]*+)(?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')|=)*+>""")
END_TAG = re.compile(r"</([A-Za-z][^\s/>]*+)")
# What is inside these is no tag either.
RAW = {tag: re.compile(rf"</{tag}(?=[\s/>])", re.IGNORECASE) for tag in ("script", "style", "textarea")}
_ATTRIBUTE = re.compile(r"""([^\s/>=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]++)))?+""")

# What is inside these is no language.
SKIPPED = frozenset({
    "script", "style", "code", "pre", "kbd", "samp", "var", "textarea", "svg", "math", "template", "noscript",
})  # fmt: skip
VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
})  # fmt: skip
# Elements that stand within a sentence.
INLINE = frozenset({
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img",
    "ins", "kbd", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var",
    "wbr",
})  # fmt: skip


def is_kept(tag: str) -> bool:
    """Return whether a start tag says that what is inside is not to be translated.

    >>> is_kept("<span translate='no'>"), is_kept('<b class="x notranslate">'), is_kept("<b title='translate=no'>")
    (True, True, False)
    """
    if "translate" not in tag.lower():
        return False
    given = {match[1].lower(): match[2] or match[3] or match[4] or "" for match in _ATTRIBUTE.finditer(tag, 1)}
    return given.get("translate", "").lower() == "no" or "notranslate" in given.get("class", "").split()
