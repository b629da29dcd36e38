"""Strings on their way into a graph and out of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

import tensorflow as tf


def encoded(texts: Sequence[str]) -> tf.Tensor:
    """Return texts as UTF-8, ``(batch,)``. What cannot be encoded, as half a surrogate pair, is a question mark."""
    return tf.constant([text.encode("utf-8", "replace") for text in texts], tf.string)


def text_list(texts: Iterable[str], what: str = "texts") -> list[str]:
    """Return texts as a list.

    A generator can be read only once, and item 0 of a shuffled pandas column is the row with the label 0, wherever it
    stands. So whatever is given is read here, once, in its order.

    Arguments:
        texts: what was given.
        what: they are, for the message.

    Raises:
        TypeError: for one string, whose letters would be taken for texts.

    >>> text_list(letter for letter in "ab")
    ['a', 'b']
    """
    if isinstance(texts, str):
        raise TypeError(f"Give a list of {what}, not one string.")
    return list(texts)


# SentencePiece takes some hundred bytes for each character of a text, of which a model reads some hundred pieces.
_READ = 1_000_000


def readable(text: str) -> str:
    """Return so much of the start of a text as any model reads.

    >>> len(readable(" " * 9 + "나는 밥을 먹었다 " * 10**6))
    1000000
    """
    return text if len(text) <= _READ else text.lstrip()[:_READ]


def decoded(raw: bytes) -> str:
    """Return a string that a graph wrote."""
    return raw.decode("utf-8", "replace")


def continued(given: str, begun: bytes, written: bytes) -> str:
    """Return a given beginning with what was added to it.

    Arguments:
        given: the beginning. It may have characters that no piece spells.
        begun: the beginning as its pieces spell it.
        written: the whole text written, which begins with ``begun``.

    >>> continued("h東", b"h", b"hello")
    'h東ello'
    >>> continued("I ate ", b"I ate", b"I ate rice")
    'I ate rice'
    """
    added = decoded(written)[len(decoded(begun)) :]
    return given + (added.removeprefix(" ") if given[-1:].isspace() else added)


def one_line(text: str) -> str:
    """Replace characters that a terminal or an editor may take for a line break or a command by spaces.

    >>> one_line("a\\u2028b\\x1b[2J")
    'a b [2J'
    """
    return "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
