"""What a translation must be: how short, how long, how it begins, and that it does not repeat itself."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

PADDING = 0
_NEVER = -float("inf")


class Constraints(NamedTuple):
    """Constraints on the translation of each row.

    Attributes:
        most: ``(batch,)``, the most words, end token included.
        least: ``(batch,)``, the fewest words, end token not included.
        prefix: ``(batch, words)``, the words each row begins with, zeros after them. They go before all other demands.
        no_repeat: no sequence of so many words is written twice; 0 allows all.

    A demand changes what may be chosen and never a score: the log-probability of a translation is what the model gives
    it when it is forced to write it.
    """

    most: tf.Tensor
    least: tf.Tensor | None = None
    prefix: tf.Tensor | None = None
    no_repeat: int = 0

    def allowed(self, logits: tf.Tensor, tokens: tf.Tensor, t: tf.Tensor, start: int, end: int) -> tf.Tensor:
        """Return the logits with ``-inf`` for words that must not come next.

        Padding and the start are not ruled out here: that is quicker done among the few that are chosen from. Where
        nothing else is left, the end may come.

        Arguments:
            logits: ``(batch, vocabulary)``.
            tokens: ``(batch, longest)``, the ``t`` words written so far, zeros after them.
            t: how many there are.
            start, end: the tokens before the first and after the last word.

        >>> logits, tokens = tf.zeros([1, 7]), tf.constant([[4, 5, 4, 0]])
        >>> constraints = Constraints(tf.constant([4]), no_repeat=2)
        >>> constraints.allowed(logits, tokens, 3, start=2, end=3)[0, 3:].numpy().tolist()
        [0.0, 0.0, -inf, 0.0]
        """
        words = tf.range(tf.shape(logits)[1])
        chosen = logits
        if self.no_repeat:
            chosen = _without_repeats(chosen, tokens, t, self.no_repeat)
        if self.least is not None:
            early = tf.expand_dims(t < self.least, 1)
            chosen = tf.where(early & (words == end), _NEVER, chosen)
        if self.no_repeat or self.least is not None:
            stuck = tf.reduce_max(never(chosen, start), 1, keepdims=True) == _NEVER
            chosen = tf.where(stuck & (words == end), logits, chosen)
        if self.prefix is not None:
            here = tf.cast(tf.range(tf.shape(self.prefix)[1]) == t, self.prefix.dtype)
            given = tf.expand_dims(tf.reduce_sum(self.prefix * here, 1), 1)
            chosen = tf.where(given != 0, tf.where(words == given, logits, _NEVER), chosen)
        return chosen


def never(logits: tf.Tensor, start: int) -> tf.Tensor:
    """Return logits with ``-inf`` for what is no word: padding and the start."""
    words = tf.range(tf.shape(logits)[1])
    return logits + tf.where((words == PADDING) | (words == start), _NEVER, 0.0)


def _without_repeats(logits: tf.Tensor, tokens: tf.Tensor, t: tf.Tensor, n: int) -> tf.Tensor:
    """Forbid each word that followed, earlier in the row, the ``n - 1`` words that were written last."""
    places = tf.maximum(tf.shape(tokens)[1] - n + 1, 0)
    # Whether the n-gram at each place is whole, and whether it begins with the last n - 1 words.
    same = tf.expand_dims(tf.range(places) + n - 1 < t, 0)
    for k in range(n - 1):
        here = tf.cast(tf.range(tf.shape(tokens)[1]) == t - n + 1 + k, tokens.dtype)
        last = tf.reduce_sum(tokens * here, 1, keepdims=True)
        same = same & (tokens[:, k : places + k] == last)
    # Padding stands for "none": it is never written anyway.
    followed = tf.where(same, tokens[:, n - 1 :], PADDING)
    rows = tf.broadcast_to(tf.expand_dims(tf.range(tf.shape(tokens)[0]), 1), tf.shape(followed))
    return tf.tensor_scatter_nd_min(logits, tf.stack([rows, followed], -1), tf.fill(tf.shape(followed), _NEVER))
