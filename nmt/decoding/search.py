"""Greedy search, on nothing but the step protocol.

A *step* takes the last words and the state to the scores of the next words. A search knows no more than this of a
model, so every model that has a step can be searched, and a fake step can test the search.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import tensorflow as tf


class Step(Protocol):
    """The step protocol: one word further.

    Arguments:
        tokens: the last words written, ``(batch,)``.
        state: any nest of tensors ``(batch, …)``.
        memory: any nest of tensors ``(batch, …)``, the same at every step.

    Returns:
        Logits ``(batch, vocabulary)``, the next state, and the alignment ``(batch, source)``.
    """

    def __call__(self, tokens: tf.Tensor, state: Any, memory: Any) -> tuple[tf.Tensor, Any, tf.Tensor]: ...


class Hypotheses(NamedTuple):
    """One translation for each row.

    Attributes:
        tokens: ``(batch, target)``, without start; zero from the end token on.
        lengths: ``(batch,)``, words before the end token.
        scores: ``(batch,)``, the log-probability of the words and, where it was written, of the end token.
        alignment: ``(batch, target, source)``, zero from the end token on.
    """

    tokens: tf.Tensor
    lengths: tf.Tensor
    scores: tf.Tensor
    alignment: tf.Tensor


def greedy(
    step: Step,
    state: Any,
    memory: Any,
    source: int | tf.Tensor,
    limits: tf.Tensor,
    start: int,
    end: int,
    prefix: tf.Tensor | None = None,
) -> Hypotheses:
    """Write the likeliest word at each step, until every row has ended or reached its limit.

    Rows do not see each other: each has a limit of its own, so what it is batched with does not change it.

    Arguments:
        step: see :class:`Step`.
        state: the state before the first word.
        memory: what the step looks at.
        source: the size of the alignment's last dimension.
        limits: ``(batch,)``, the most words each row may have, end token included.
        start: the token before the first word.
        end: the token after the last; not that before the first.
        prefix: ``(batch, words)``, the words each row begins with, zeros after them; they count in scores and limits.

    >>> def spell(tokens, state, memory):  # counts up: 1, 2, 3 and so on
    ...     return tf.one_hot(tokens + 1, 9) * 99, state, tf.ones([1, 1])
    >>> greedy(spell, (), (), 1, tf.constant([8]), start=0, end=4).tokens.numpy().tolist()
    [[1, 2, 3, 0, 0, 0, 0, 0]]
    """
    limits = tf.cast(limits, tf.int32)
    batch = tf.shape(limits)[0]
    longest = tf.reduce_max(tf.concat([limits, [0]], 0))
    # Buffers of a fixed size rather than arrays that grow: TFLite has no other loop that takes any batch.
    tokens = tf.zeros([batch, longest], tf.int32)
    alignment = tf.zeros([batch, longest, source], tf.float32)
    scores = tf.zeros([batch], tf.float32)
    lengths = tf.zeros([batch], tf.int32)
    last = tf.fill([batch], start)

    def going(lengths: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
        return (last != end) & (lengths < limits)

    def more(t: tf.Tensor, last: tf.Tensor, lengths: tf.Tensor, *_: Any) -> tf.Tensor:
        return (t < longest) & tf.reduce_any(going(lengths, last))

    def body(
        t: tf.Tensor, last: tf.Tensor, lengths: tf.Tensor, scores: tf.Tensor, state: Any, *buffers: tf.Tensor
    ) -> tuple:
        live = going(lengths, last)
        logits, state, looked = step(last, state, memory)
        logits, looked = tf.cast(logits, tf.float32), tf.cast(looked, tf.float32)
        best = tf.argmax(logits, -1, output_type=tf.int32)
        if prefix is not None:
            given = tf.reduce_sum(prefix * tf.cast(tf.range(tf.shape(prefix)[1]) == t, prefix.dtype), 1)
            best = tf.where(given != 0, given, best)
        top = tf.gather(logits, best, axis=1, batch_dims=1) - tf.reduce_logsumexp(logits, -1)
        wrote = live & (best != end)
        here = tf.range(longest) == t
        tokens = tf.where(tf.expand_dims(wrote, 1) & here, tf.expand_dims(best, 1), buffers[0])
        alignment = tf.where(
            tf.reshape(wrote, [-1, 1, 1]) & tf.reshape(here, [1, -1, 1]), tf.expand_dims(looked, 1), buffers[1]
        )
        return (
            t + 1,
            tf.where(live, best, last),
            lengths + tf.cast(wrote, tf.int32),
            scores + tf.where(live, top, 0.0),
            state,
            tokens,
            alignment,
        )

    _, _, lengths, scores, _, tokens, alignment = tf.while_loop(
        more, body, (0, last, lengths, scores, state, tokens, alignment), maximum_iterations=longest
    )
    return Hypotheses(tokens, lengths, scores, alignment)
