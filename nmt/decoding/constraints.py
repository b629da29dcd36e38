"""Constraints on hypotheses: their lengths, a prefix, and no repetition."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

PAD = 0
_NEVER = -float("inf")


class Constraints(NamedTuple):
    """Constraints on the hypotheses of each row.

    A constraint changes which tokens may be chosen and never a score: the log-probability of a hypothesis is what the
    model gives it under teacher forcing.

    Attributes:
        max_length: ``(batch,)``, the maximum number of tokens, EOS included.
        min_length: ``(batch,)``, the minimum number of tokens, EOS not included.
        prefix: ``(batch, prefix)``, the tokens that each row begins with, zeros after them. It overrides all other
            constraints.
        no_repeat: no sequence of this many tokens is written twice; 0 allows all.
        unknown: the token that stands for what no piece spells. It is never written, except in a prefix; PAD if there
            is none.
    """

    max_length: tf.Tensor
    min_length: tf.Tensor | None = None
    prefix: tf.Tensor | None = None
    no_repeat: int = 0
    unknown: int = PAD

    @property
    def max_steps(self) -> tf.Tensor:
        """The maximum number of steps of any row, ``()``; 0 without rows."""
        return tf.reduce_max(tf.concat([tf.cast(self.max_length, tf.int32), [0]], 0))

    def gather(self, rows: tf.Tensor) -> Constraints:
        """Return the constraints on some rows, ``(rows,)``."""
        min_length, prefix = (
            None if part is None else tf.gather(part, rows) for part in (self.min_length, self.prefix)
        )
        return Constraints(tf.gather(self.max_length, rows), min_length, prefix, self.no_repeat, self.unknown)

    def allowed(self, logits: tf.Tensor, tokens: tf.Tensor, t: tf.Tensor, bos: int, eos: int) -> tf.Tensor:
        """Return the logits with ``-inf`` for tokens that must not come next.

        Those of :meth:`excluded` are left to the search: that is cheaper among the few candidates. If no other token is
        left, EOS is allowed.

        Arguments:
            logits: ``(batch, vocabulary)``.
            tokens: ``(batch, max_steps)``, the ``t`` tokens written so far, zeros after them; used only with
                ``no_repeat``.
            t: the number of tokens written so far.
            bos, eos: the tokens before the first and after the last one.

        >>> logits, tokens = tf.zeros([1, 7]), tf.constant([[4, 5, 4, 0]])
        >>> constraints = Constraints(tf.constant([4]), no_repeat=2)
        >>> constraints.allowed(logits, tokens, 3, bos=2, eos=3)[0, 3:].numpy().tolist()
        [0.0, 0.0, -inf, 0.0]
        """
        ids = tf.range(tf.shape(logits)[1])
        allowed = logits
        if self.no_repeat:
            allowed = _without_repeats(allowed, tokens, t, self.no_repeat)
        if self.min_length is not None:
            too_short = tf.expand_dims(t < self.min_length, 1)
            allowed = tf.where(too_short & (ids == eos), _NEVER, allowed)
        if self.no_repeat or self.min_length is not None:
            nothing_left = tf.reduce_max(without(allowed, (PAD, bos, self.unknown)), 1, keepdims=True) == _NEVER
            allowed = tf.where(nothing_left & (ids == eos), logits, allowed)
        if self.prefix is not None:
            now = tf.cast(tf.range(tf.shape(self.prefix)[1]) == t, self.prefix.dtype)
            given = tf.expand_dims(tf.reduce_sum(self.prefix * now, 1), 1)
            free = tf.where((ids == self.unknown) & (self.unknown != PAD), _NEVER, allowed)
            allowed = tf.where(given != 0, tf.where(ids == given, logits, _NEVER), free)
        return allowed

    def excluded(self, bos: int) -> tuple[int, ...]:
        """Return the tokens that are never written, and that :meth:`allowed` leaves to the search."""
        # A prefix may hold the unknown token.
        return (PAD, bos) if self.unknown == PAD or self.prefix is not None else (PAD, bos, self.unknown)


def without(logits: tf.Tensor, tokens: tuple[int, ...]) -> tf.Tensor:
    """Return logits ``(batch, vocabulary)`` with ``-inf`` for some tokens."""
    # They are among the first. Comparing every token with each of them took as long as the product of the output layer.
    first = np.zeros([max(tokens) + 1], np.float32)
    first[list(tokens)] = _NEVER
    others = tf.zeros([tf.shape(logits)[1] - len(first)])
    return logits + tf.concat([first, others], 0)


def append(tokens: tf.Tensor, t: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """Return tokens ``(rows, max_steps)`` with ``last`` ``(rows,)`` in column ``t``."""
    return tf.where(tf.range(tf.shape(tokens)[1]) == t, tf.expand_dims(last, 1), tokens)


def _without_repeats(logits: tf.Tensor, tokens: tf.Tensor, t: tf.Tensor, n: int) -> tf.Tensor:
    """Forbid each token that followed, earlier in the row, the ``n - 1`` tokens that were written last."""
    count = tf.maximum(tf.shape(tokens)[1] - n + 1, 0)
    # Whether the n-gram that begins at each index is complete, and whether it begins with the last n - 1 tokens.
    same = tf.expand_dims(tf.range(count) + n - 1 < t, 0)
    for k in range(n - 1):
        column = tf.cast(tf.range(tf.shape(tokens)[1]) == t - n + 1 + k, tokens.dtype)
        last = tf.reduce_sum(tokens * column, 1, keepdims=True)
        same = same & (tokens[:, k : count + k] == last)
    # PAD stands for "none": it is never written anyway.
    followed = tf.where(same, tokens[:, n - 1 :], PAD)
    rows = tf.broadcast_to(tf.expand_dims(tf.range(tf.shape(tokens)[0]), 1), tf.shape(followed))
    # Counts of how often each is forbidden, ``(rows, vocabulary)``: TFLite has no scatter of minima.
    counts = tf.scatter_nd(tf.stack([rows, followed], -1), tf.fill(tf.shape(followed), 1), tf.shape(logits))
    return tf.where(counts > 0, _NEVER, logits)
