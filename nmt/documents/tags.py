"""The tags of HTML and XML, as they stand in a text."""

from __future__ import annotations

import re

from nmt.documents.parts import Token

# A "<" that begins a tag, a comment or a declaration, and not one that is a sign of its own.
BEGIN = re.compile(r"<(?=[A-Za-z/!?])")
COMMENT_END = re.compile(r"--!?>")
START_TAG = re.compile(r"""<([A-Za-z][^\s/>]*+)(?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')|=)*+>""")
END_TAG = re.compile(r"</([A-Za-z][^\s/>]*+)")
# A whole tag as https://spec.commonmark.org/0.31.2/#raw-html has it. No part of it may hold a quotation mark by itself:
# so a text with many that are begun and not ended is not read again and again.
WHOLE_TAG = re.compile(
    r"<(?P<slash>/?)(?P<name>[A-Za-z][A-Za-z0-9_.:-]*+)"
    r"""(?:\s++[^\s"'<>/=`]++(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'<>`]++))?+)*+\s*+/?>"""
)
_DECLARATION = re.compile(r"<![A-Za-z][^<>]*+>")
_OTHER_ENDS = (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"))
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


class Tags:
    """The tags inside a part of a text that has other marks, too. A ``<`` that begins no whole tag is text.

    >>> text = "a <b> c <code>x = <i>y</i></code><br> d < e > f <!-- g"
    >>> tags = Tags(text, 0, len(text))
    >>> found = [tags.at(begin.start()) for begin in BEGIN.finditer(text)]
    >>> [(text[each.start:each.end], each.kind) for each in found if each][:2]
    [('<b>', 'opening'), ('<code>x = <i>y</i></code>', 'kept')]
    >>> found[-2:]
    [Token(start=33, end=37, kind='break', name='', written=''), None]
    >>> Tags("<icon/>", 0, 7).at(0)
    Token(start=0, end=7, kind='alone', name='', written='')
    """

    def __init__(self, text: str, start: int, end: int) -> None:
        self._text, self._start, self._end = text, start, end
        # Where the elements end whose tags begin here, found all at once: a search for each would take long.
        self._ends: dict[int, int] | None = None
        # The ends that are not to be found any more.
        self._lacking: set[str] = set()

    def at(self, start: int) -> Token | None:
        """Return the tag that begins at a place, or the whole element if nothing inside it is for translation."""
        found = WHOLE_TAG.match(self._text, start, self._end)
        if found is None:
            end = self._end_of_other(start)
            return Token(start, end, "alone") if end else None
        name = found["name"].lower()
        if found["slash"]:
            return Token(*found.span(), "closing", f"<{name}")
        if name in VOID or found[0].endswith("/>"):
            return Token(*found.span(), "break" if name == "br" else "alone")
        last = self._end_of(start) if name in SKIPPED or is_kept(found[0]) else None
        if last:
            return Token(start, last, "kept")
        return Token(*found.span(), "opening", f"<{name}")

    def _end_of_other(self, start: int) -> int:
        """Return where a comment, an instruction or a declaration ends, 0 if none begins here."""
        for begin, last in _OTHER_ENDS:
            if self._text.startswith(begin, start):
                if last not in self._lacking:
                    place = self._text.find(last, start + len(begin), self._end)
                    if place >= 0:
                        return place + len(last)
                    self._lacking.add(last)
                return 0
        found = _DECLARATION.match(self._text, start, self._end)
        return found.end() if found else 0

    def _end_of(self, start: int) -> int | None:
        if self._ends is None:
            self._ends = {}
            waiting: dict[str, list[int]] = {}
            for tag in WHOLE_TAG.finditer(self._text, self._start, self._end):
                name = tag["name"].lower()
                if not tag["slash"] and not tag[0].endswith("/>"):
                    waiting.setdefault(name, []).append(tag.start())
                elif tag["slash"] and waiting.get(name):
                    self._ends[waiting[name].pop()] = tag.end()
        return self._ends.get(start)
