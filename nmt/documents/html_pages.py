"""HTML: the words between tags. Tags, scripts, styles, code and comments stay byte for byte, also where none is closed.

Python's own parser says where each tag stands, so that the page need not be written anew from a tree.
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from nmt.documents.fields import Field, Opened, opened, runs

# What is inside these is no language.
_SKIPPED = frozenset({
    "script", "style", "code", "pre", "kbd", "samp", "var", "textarea", "svg", "math", "template", "noscript",
})  # fmt: skip
_VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
})  # fmt: skip
# The rest of a tag that is cut off by the end of the file.
_UNFINISHED = re.compile(r"<[A-Za-z/!?].*", re.DOTALL)
# A page collapses white space, so a text is one line whatever breaks it has.
_NOTHING = re.compile(r"(?!)")


class _Places(HTMLParser):
    """Finds where text stands."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self._starts = [0]
        for line in text.split("\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._open: list[str] = []
        self._since: int | None = None
        self.found: list[tuple[int, int]] = []
        self.feed(text)
        self.close()
        self._end(len(text))

    def _here(self) -> int:
        line, column = self.getpos()
        return self._starts[line - 1] + column

    def _text(self) -> None:
        if self._since is None and not self._open:
            self._since = self._here()

    def _end(self, place: int) -> None:
        if self._since is not None and place > self._since:
            self.found.append((self._since, place))
        self._since = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._end(self._here())
        given = dict(attrs)
        kept = given.get("translate") == "no" or "notranslate" in (given.get("class") or "").split()
        if tag not in _VOID and (tag in _SKIPPED or kept or tag in self._open):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._end(self._here())

    def handle_endtag(self, tag: str) -> None:
        self._end(self._here())
        if tag in self._open:
            del self._open[len(self._open) - 1 - self._open[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        self._text()

    def handle_entityref(self, name: str) -> None:
        self._text()

    def handle_charref(self, name: str) -> None:
        self._text()

    def handle_comment(self, data: str) -> None:
        self._end(self._here())

    def handle_decl(self, decl: str) -> None:
        self._end(self._here())

    def handle_pi(self, data: str) -> None:
        self._end(self._here())

    def unknown_decl(self, data: str) -> None:
        self._end(self._here())


def read(text: str, name: str, mark: str) -> Opened:
    """Open a ``.html`` file.

    >>> opened = read("<p>Rice &amp; bread<p>ate <code>x = 1</code><b>You", "a.html", "")
    >>> opened.texts
    ['Rice & bread', 'ate', 'You']
    >>> opened.written(["A < B", "C", "D"])
    b'<p>A &lt; B<p>C <code>x = 1</code><b>D'
    """
    fields: list[Field] = []
    for start, end in _Places(text).found:
        cut = _UNFINISHED.search(text, start, end)
        for field in runs(text, start, cut.start() if cut else end, _NOTHING, _read, _write):
            fields.append(field)
    return opened(text, fields, (), mark)


def _read(text: str) -> str:
    return " ".join(html.unescape(text).split(" "))


def _write(text: str) -> str:
    return html.escape(text, quote=False)
