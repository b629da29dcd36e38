"""HTML: the words between tags. Tags, scripts, styles, code and comments stay byte for byte, also where none is closed.

A page is read once from its start to its end, in time that grows with its length only: what a tag, a comment or a
script lacks its end for is kept with all that follows, as a browser shows none of it.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator

from nmt.documents.fields import Field, Opened, opened, runs

# What is inside these is no language.
_SKIPPED = frozenset({
    "script", "style", "code", "pre", "kbd", "samp", "var", "textarea", "svg", "math", "template", "noscript",
})  # fmt: skip
_VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
})  # fmt: skip
# What is inside these is no tag either.
_RAW = {tag: re.compile(rf"</{tag}(?=[\s/>])", re.IGNORECASE) for tag in ("script", "style", "textarea")}
# Only inside these does a slash at the end of a tag close it.
_FOREIGN = ("svg", "math")
# Elements whose end tag may be left out: the tags that end each, and the elements it does not reach out of.
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "div", "dl", "fieldset", "footer", "form", "h1", "h2", "h3", "h4",
    "h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre", "section", "table", "ul",
})  # fmt: skip
_ENDED_BY = {
    "p": (_BLOCKS, {"td", "th", "button", "object"}),
    "li": ({"li"}, {"ul", "ol", "menu"}),
    "dt": ({"dt", "dd"}, {"dl"}),
    "dd": ({"dt", "dd"}, {"dl"}),
    "option": ({"option", "optgroup"}, {"select"}),
    "td": ({"td", "th", "tr", "tbody", "thead", "tfoot"}, {"table"}),
    "th": ({"td", "th", "tr", "tbody", "thead", "tfoot"}, {"table"}),
    "tr": ({"tr", "tbody", "thead", "tfoot"}, {"table"}),
}
# Elements that are searched for the one that a tag ends: without a limit, hostile pages would take quadratic time.
_DEEP = 64

_BEGIN = re.compile(r"<(?=[A-Za-z/!?])")
_COMMENT_END = re.compile(r"--!?>")
_START_TAG = re.compile(r"""<([A-Za-z][^\s/>]*+)(?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')|=)*+>""")
_END_TAG = re.compile(r"</([A-Za-z][^\s/>]*+)")
_ATTRIBUTE = re.compile(r"""([^\s/>=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]++)))?+""")
# A page collapses white space, so a text is one line whatever breaks it has.
_NOTHING = re.compile(r"(?!)")


class _Elements:
    """The elements that are open at a place of a page, and from which one on nothing is translated."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._count: Counter[str] = Counter()
        self._kept_from: int | None = None

    @property
    def kept(self) -> bool:
        return self._kept_from is not None

    def open(self, name: str, kept: bool, closed: bool) -> None:
        self._end_those_before(name)
        if name in _VOID or (closed and any(self._count[each] for each in _FOREIGN)):
            return
        if kept and self._kept_from is None:
            self._kept_from = len(self._names)
        self._names.append(name)
        self._count[name] += 1

    def close(self, name: str) -> None:
        if self._count[name]:
            while self._pop() != name:
                pass

    def _end_those_before(self, name: str) -> None:
        """End the elements that the start of another ends, such as an item before the next item."""
        for ended, (by, borders) in _ENDED_BY.items():
            if name in by and self._count[ended]:
                for each in self._names[: -_DEEP - 1 : -1]:
                    if each == ended:
                        self.close(ended)
                        break
                    if each in borders:
                        break

    def _pop(self) -> str:
        name = self._names.pop()
        self._count[name] -= 1
        if self._kept_from == len(self._names):
            self._kept_from = None
        return name


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Yield where text stands that is to be translated."""
    elements = _Elements()
    place = 0
    while begin := _BEGIN.search(text, place):
        start = begin.start()
        if start > place and not elements.kept:
            yield place, start
        end: int | None = None
        if text.startswith("<!--", start):
            comment = _COMMENT_END.search(text, start + 2)
            end = comment.end() if comment else None
        elif tag := _START_TAG.match(text, start):
            name, end = tag[1].lower(), tag.end()
            elements.open(name, name in _SKIPPED or _is_marked(tag[0]), tag[0].endswith("/>"))
            if name in _RAW:
                last = _RAW[name].search(text, end)
                end = last.start() if last else None
        elif text[start + 1] in "/!?":
            if close := _END_TAG.match(text, start):
                elements.close(close[1].lower())
            end = text.find(">", start) + 1 or None
        if end is None:
            return
        place = end
    if place < len(text) and not elements.kept:
        yield place, len(text)


def _is_marked(tag: str) -> bool:
    """Return whether a tag says that what is inside is not to be translated."""
    if "translate" not in tag.lower():
        return False
    given = {match[1].lower(): match[2] or match[3] or match[4] or "" for match in _ATTRIBUTE.finditer(tag, 1)}
    return given.get("translate", "").lower() == "no" or "notranslate" in given.get("class", "").split()


def read(text: str, name: str, mark: str) -> Opened:
    """Open a ``.html`` file.

    >>> opened = read("<p>Rice &amp; bread<p>ate <code>x = 1</code><b>You", "a.html", "")
    >>> opened.texts
    ['Rice & bread', 'ate', 'You']
    >>> opened.written(["A < B", "C", "D"])
    b'<p>A &lt; B<p>C <code>x = 1</code><b>D'
    """
    fields: list[Field] = []
    for start, end in _places(text):
        fields += runs(text, start, end, _NOTHING, _read, _write)
    return opened(text, fields, (), mark)


def _read(text: str) -> str:
    return " ".join(html.unescape(text).split(" "))


def _write(text: str) -> str:
    return html.escape(text, quote=False)
