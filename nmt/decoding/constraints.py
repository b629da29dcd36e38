"""Constraints on hypotheses: their lengths, a prefix, phrases they must contain, and no repetition."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from nmt.decoding.phrases import Phrases

PAD = 0
_NEVER = -float("inf")


class Constraints(NamedTuple):
    """Constraints on the hypotheses of each row.

    A constraint changes which tokens may be chosen and never a score: the log-probability of a hypothesis is what the
    model gives it under teacher forcing.

    Attributes:
        max_length: ``(batch,)``, the maximum number of tokens, EOS included.
        min_length: the minimum number of tokens, EOS not included: of every row, or ``(batch,)``.
        prefix: ``(batch, prefix)``, the tokens that each row begins with, zeros after them. It overrides all other
            constraints.
        no_repeat: no sequence of this many tokens is written twice; 0 allows all.
        unknown: the token that stands for what no piece spells. It is never written, except in a prefix; PAD if there
            is none.
        space: the token that spells a space alone. EOS does not follow it at the beginning: the text would be blank.
            PAD if it may.
        phrases: what each row must contain, for :class:`~nmt.decoding.phrase_beam.PhraseBeamSearch`; no other search
            follows them.
    """

    max_length: tf.Tensor
    min_length: int | tf.Tensor = 0
    prefix: tf.Tensor | None = None
    no_repeat: int = 0
    unknown: int = PAD
    space: int | tf.Tensor = PAD
    phrases: Phrases | None = None

    @property
    def max_steps(self) -> tf.Tensor:
        """The maximum number of steps of any row, ``()``; 0 without rows."""
        return tf.reduce_max(tf.concat([tf.cast(self.max_length, tf.int32), [0]], 0))

    def gather(self, rows: tf.Tensor) -> Constraints:
        """Return the constraints on some rows, ``(rows,)``."""
        min_length = self.min_length if isinstance(self.min_length, int) else tf.gather(self.min_length, rows)
        prefix = None if self.prefix is None else tf.gather(self.prefix, rows)
        phrases = None if self.phrases is None else self.phrases.gather(rows)
        return self._replace(
            max_length=tf.gather(self.max_length, rows), min_length=min_length, prefix=prefix, phrases=phrases
        )

    def allowed(self, logits: tf.Tensor, tokens: tf.Tensor, t: tf.Tensor, bos: int, eos: int) -> tf.Tensor:
        """Return the logits with ``-inf`` for tokens that must not come next.

        Those of :meth:`excluded` are left to the search: that is cheaper. If no other token is left, EOS is allowed,
        unless it is among those.

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
        masks_eos = not self._excludes_eos() and not (isinstance(self.min_length, int) and self.min_length == 0)
        if masks_eos:
            too_short = tf.expand_dims(t < tf.broadcast_to(self.min_length, tf.shape(logits)[:1]), 1)
            allowed = tf.where(too_short & (ids == eos), _NEVER, allowed)
        if self.no_repeat or masks_eos:
            others = without(allowed, _penalties((PAD, bos, self.unknown), eos))
            nothing_left = tf.reduce_max(others, 1, keepdims=True) == _NEVER
            allowed = tf.where(nothing_left & (ids == eos), logits, allowed)
        if self.prefix is not None:
            now = tf.cast(tf.range(tf.shape(self.prefix)[1]) == t, self.prefix.dtype)
            given = tf.expand_dims(tf.reduce_sum(self.prefix * now, 1), 1)
            free = tf.where((ids == self.unknown) & (self.unknown != PAD), _NEVER, allowed)
            allowed = tf.where(given != 0, tf.where(ids == given, logits, _NEVER), free)
        return allowed

    def excluded(self, t: tf.Tensor, last_tokens: tf.Tensor, bos: int, eos: int) -> tf.Tensor:
        """Return what is added to the logits of the first tokens, for what :meth:`allowed` leaves out.

        It is ``-inf`` for the tokens that are never written, and for EOS where every row is still too short, or where
        a row has but a space; else 0.

        Arguments:
            t: the number of tokens written so far.
            last_tokens: ``(rows,)``.
            bos, eos: the tokens before the first and after the last one.

        Returns:
            ``(first,)``, or if a space alone is excluded ``(rows, first)``.
        """
        # A prefix may hold the unknown token.
        never = (PAD, bos) if self.unknown == PAD or self.prefix is not None else (PAD, bos, self.unknown)
        penalties = _penalties(never, eos)
        ends = np.arange(len(penalties)) == eos
        result = tf.constant(penalties)
        if self._excludes_eos():
            result = tf.where(ends & (t < self.min_length), _NEVER, result)
        if isinstance(self.space, int) and self.space == PAD:
            return result
        blank = tf.expand_dims((last_tokens == self.space) & (t == 1), 1)
        return tf.where(blank & ends, _NEVER, result)

    def _excludes_eos(self) -> bool:
        """Return whether EOS waits for the same number of tokens in every row, whatever else is wanted."""
        same = isinstance(self.min_length, int) and self.min_length > 0
        return same and not self.no_repeat and self.prefix is None


def _penalties(tokens: tuple[int, ...], eos: int) -> np.ndarray:
    penalties = np.zeros([max(*tokens, eos) + 1], np.float32)
    penalties[list(tokens)] = _NEVER
    return penalties


def without(logits: tf.Tensor, penalties: tf.Tensor) -> tf.Tensor:
    """Return logits ``(batch, vocabulary)`` with penalties, see :meth:`Constraints.excluded`, added to the first."""
    # Comparing every token with each of those that are left out took as long as the product of the output layer.
    first = tf.shape(penalties)[-1]
    return tf.concat([logits[:, :first] + penalties, logits[:, first:]], 1)


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
