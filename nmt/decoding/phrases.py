"""Phrases that a translation must contain, and how far a hypothesis has come with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf


class Phrases(NamedTuple):
    """The phrases that the hypotheses of each row must contain, in any order, without a token in two of them.

    The *progress* of a hypothesis is the number of tokens it has of each phrase, ``(batch, phrases)``. A phrase is
    written as a whole: once it has begun, its next token follows.

    Attributes:
        tokens: ``(batch, phrases, longest)``, zeros after the last token of each; a phrase of zeros is none.
        spans: ``(batch, phrases, 2)``, the source tokens that each phrase translates: the first, and that after the
            last; equal if that is not known.
        starts: ``(vocabulary,)``, whether each token begins a word, so that a phrase may stand before it.
    """

    tokens: tf.Tensor
    spans: tf.Tensor
    starts: tf.Tensor

    @property
    def lengths(self) -> tf.Tensor:
        """The number of tokens of each phrase, ``(batch, phrases)``."""
        return tf.math.count_nonzero(self.tokens, 2, dtype=tf.int32)

    @property
    def total(self) -> tf.Tensor:
        """The number of tokens of all phrases of a row, ``(batch,)``."""
        return tf.math.count_nonzero(self.tokens, [1, 2], dtype=tf.int32)

    def gather(self, rows: tf.Tensor) -> Phrases:
        """Return the phrases of some rows."""
        return Phrases(tf.gather(self.tokens, rows), tf.gather(self.spans, rows), self.starts)

    def start(self) -> tf.Tensor:
        """Return the progress before the first token."""
        return tf.zeros_like(self.tokens[:, :, 0])

    def following(self, progress: tf.Tensor) -> tf.Tensor:
        """Return the next token of each phrase, ``(batch, phrases)``; 0 where it is whole.

        >>> phrases = phrases_of([[([7, 8], (0, 0)), ([5], (0, 0))]], [True] * 9)
        >>> phrases.following(tf.constant([[1, 1]])).numpy().tolist()
        [[8, 0]]
        """
        tokens = tf.pad(self.tokens, [[0, 0], [0, 0], [0, 1]])
        return tf.gather(tokens, progress, axis=2, batch_dims=2)

    def is_begun(self, progress: tf.Tensor) -> tf.Tensor:
        """Return whether each phrase has begun and is not whole, ``(batch, phrases)``."""
        return (progress > 0) & (progress < self.lengths)


def attended(spans: tf.Tensor, alignment: tf.Tensor) -> tf.Tensor:
    """Return the weight on the source tokens of each span, ``(batch, phrases)``.

    Arguments:
        spans: ``(batch, phrases, 2)``, see :class:`Phrases`.
        alignment: of a step, ``(batch, source)``.

    >>> attended(tf.constant([[[1, 3], [0, 0]]]), tf.constant([[0.5, 0.25, 0.25]])).numpy().tolist()
    [[0.5, 0.0]]
    """
    places = tf.range(tf.shape(alignment)[1])
    inside = (places >= spans[:, :, :1]) & (places < spans[:, :, 1:])
    return tf.reduce_sum(tf.where(inside, tf.expand_dims(tf.cast(alignment, tf.float32), 1), 0.0), 2)


def phrases_of(
    rows: Sequence[Sequence[tuple[Sequence[int], tuple[int, int]]]], starts: np.ndarray | Sequence[bool]
) -> Phrases:
    """Return the phrases of some rows, each with its tokens and its span.

    >>> phrases = phrases_of([[([7, 8], (0, 2)), ([5], (3, 4))], []], [True] * 9)
    >>> phrases.tokens.numpy().tolist(), phrases.spans.numpy().tolist()
    ([[[7, 8], [5, 0]], [[0, 0], [0, 0]]], [[[0, 2], [3, 4]], [[0, 0], [0, 0]]])
    """
    most = max(map(len, rows), default=0)
    longest = max((len(tokens) for row in rows for tokens, _ in row), default=0)
    tokens, spans = np.zeros([len(rows), most, max(longest, 1)], np.int32), np.zeros([len(rows), most, 2], np.int32)
    for i, row in enumerate(rows):
        for j, (phrase, span) in enumerate(row):
            tokens[i, j, : len(phrase)], spans[i, j] = phrase, span
    return Phrases(tf.constant(tokens), tf.constant(spans), tf.constant(starts, tf.bool))
