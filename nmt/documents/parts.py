"""A text with marks inside its lines, as the parts that it is made of.

Each reader of files says how its own marks are read and written. What moves them, :mod:`nmt.markup`, knows only parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

Kind = Literal["text", "kept", "opening", "closing", "alone", "break"]


class Part(NamedTuple):
    """A part of a text.

    Attributes:
        kind: ``text`` is what is said; ``kept`` a word of the sentence that comes out letter by letter, such as code;
            ``opening`` and ``closing`` are the marks around some words, always in pairs, and nested; ``alone`` is a
            mark that stands at a place; ``break`` is one that ends a line, and stands for a space.
        raw: text without escapes, or a mark as it stands in the file.
    """

    kind: Kind
    raw: str


Parts = Sequence[Part]


class Token(NamedTuple):
    """A mark in a file, or what is kept, and where it stands.

    Attributes:
        start, end: where it stands.
        kind: see :class:`Part`.
        name: of a mark that may be one of a pair; both have the same name.
        written: what stands there once the words before it are translated, if that is not what stands there now.
    """

    start: int
    end: int
    kind: Kind
    name: str = ""
    written: str = ""


def plain(text: str) -> Parts:
    """Return the parts of a text without marks."""
    return (Part("text", text),) if text else ()


def said(parts: Parts) -> str:
    """Return what is said, without marks and without what is kept.

    >>> said([Part("text", "I "), Part("opening", "<b>"), Part("text", "ate"), Part("closing", "</b>")])
    'I ate'
    """
    return "".join(part.raw for part in parts if part.kind == "text")


def spelled(parts: Parts, write: Callable[[str], str] = str) -> str:
    """Return parts as they stand in a file.

    Arguments:
        parts: of a text.
        write: does the escapes of the format in what is said.
    """
    return "".join(write(part.raw) if part.kind == "text" else part.raw for part in parts)


class Pairs(NamedTuple):
    """Which marks belong together.

    Attributes:
        ends: the index of the closing mark of each pair, by that of its opening mark.
        unpaired: the index of the first mark that lacks its partner, ``None`` if all have one.
    """

    ends: dict[int, int]
    unpaired: int | None


def match_marks(marks: Iterable[tuple[Kind, str]]) -> Pairs:
    """Find the pairs among marks: a closing mark ends the last one of its name that is open, and all opened after it.

    Arguments:
        marks: the kind and the name of each.

    >>> match_marks([("opening", "b"), ("opening", "i"), ("closing", "b"), ("closing", "i")])
    Pairs(ends={0: 2}, unpaired=1)
    """
    ends: dict[int, int] = {}
    unpaired: int | None = None
    waiting: list[tuple[int, str]] = []
    names: Counter[str] = Counter()
    for index, (kind, name) in enumerate(marks):
        if kind == "opening":
            waiting.append((index, name))
            names[name] += 1
        elif kind == "closing" and not names[name]:
            unpaired = index if unpaired is None else unpaired
        elif kind == "closing":
            while True:
                begin, other = waiting.pop()
                names[other] -= 1
                if other == name:
                    break
                unpaired = begin if unpaired is None else unpaired
            ends[begin] = index
    if waiting and unpaired is None:
        unpaired = waiting[-1][0]
    return Pairs(ends, unpaired)


def paired(tokens: Sequence[Token]) -> list[Token]:
    """Return marks of which those without a partner stand alone.

    >>> [each.kind for each in paired([Token(0, 1, "opening", "*"), Token(5, 6, "closing", "_")])]
    ['alone', 'alone']
    """
    ends = match_marks((each.kind, each.name) for each in tokens).ends
    whole = {*ends, *ends.values()}
    return [
        each._replace(kind="alone") if each.kind in ("opening", "closing") and n not in whole else each
        for n, each in enumerate(tokens)
    ]
