"""Strings on their way into a graph and out of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import tensorflow as tf


def encoded(texts: Sequence[str]) -> tf.Tensor:
    """Return what feeds a graph: UTF-8, with a question mark for what has none, such as half a surrogate pair."""
    return tf.constant([text.encode("utf-8", "replace") for text in texts], tf.string)


def decoded(raw: bytes) -> str:
    """Return a string that a graph wrote."""
    return raw.decode("utf-8", "replace")


def continued(given: str, begun: bytes, written: bytes) -> str:
    """Return a given beginning and what was added to it.

    Arguments:
        given: the beginning. It may have characters that no piece spells.
        begun: the beginning as its pieces spell it.
        written: all that was written, which begins with ``begun``.

    >>> continued("h東", b"h", b"hello")
    'h東ello'
    """
    return given + decoded(written)[len(decoded(begun)) :]


def one_line(text: str) -> str:
    """Replace what a terminal or an editor might take for a line break, or for a command, by a space.

    >>> one_line("a\\u2028b\\x1b[2J")
    'a b [2J'
    """
    return "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
