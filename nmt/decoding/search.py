"""Search on nothing but the step protocol: what a hypothesis is, and the loop that writes one word after another.

A *step* takes the last words and the state to the scores of the next words. A search knows no more than this of a
model, so every model that has a step can be searched, and a fake step can test the search.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

from nmt.decoding.constraints import Constraints, never


class Step(Protocol):
    """The step protocol: one word further.

    Call arguments:
        tokens: the last words written, ``(batch,)``.
        state: any nest of tensors ``(batch, …)``.
        memory: any nest of tensors ``(batch, …)``, the same at every step.

    Returns:
        Logits ``(batch, vocabulary)``, the next state, and the alignment ``(batch, source)``.
    """

    def __call__(self, tokens: tf.Tensor, state: Any, memory: Any) -> tuple[tf.Tensor, Any, tf.Tensor]: ...


class Hypotheses(NamedTuple):
    """The best translations of each row, the best first.

    Attributes:
        tokens: ``(batch, best, target)``, without start; zero from the end token on.
        lengths: ``(batch, best)``, words before the end token.
        scores: ``(batch, best)``, the log-probability of the words and, where it was written, of the end token.
        ranks: ``(batch, best)``, what they are ordered by: the score after all penalties; ``-inf`` where there was no
            other hypothesis.
        token_scores: ``(batch, best, target)``, the log-probability of each word, the end token's after the last.
        alignment: ``(batch, best, target, source)``, zero from the end token on.
    """

    tokens: tf.Tensor
    lengths: tf.Tensor
    scores: tf.Tensor
    ranks: tf.Tensor
    token_scores: tf.Tensor
    alignment: tf.Tensor


def likeliest(logits: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    """Pick the word with the highest score, ``(batch,)`` from ``(batch, vocabulary)``."""
    return tf.argmax(logits, -1, output_type=tf.int32)


def greedy(
    step: Step,
    state: Any,
    memory: Any,
    source: int | tf.Tensor,
    constraints: Constraints,
    start: int,
    end: int,
    pick: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] = likeliest,
) -> Hypotheses:
    """Write the likeliest word at each step, until every row has ended or reached its limit.

    Rows do not see each other: each has a limit of its own, so what it is batched with does not change it.

    Arguments:
        step: see :class:`Step`.
        state: the state before the first word.
        memory: what the step looks at.
        source: the size of the alignment's last dimension.
        demands: what each row must be.
        start: the token before the first word. Neither it nor the padding, 0, is ever written.
        end: the token after the last; not that before the first.
        pick: chooses the words from the scores of those that ``demands`` allow, at a time.

    >>> def spell(tokens, state, memory):  # counts up: 1, 2, 3 and so on
    ...     return tf.one_hot(tokens + 1, 9) * 99, state, tf.ones([1, 1])
    >>> greedy(spell, (), (), 1, Constraints(tf.constant([8])), start=0, end=4).tokens.numpy().tolist()
    [[[1, 2, 3, 0, 0, 0, 0, 0]]]
    """
    most = tf.cast(constraints.most, tf.int32)
    batch = tf.shape(most)[0]
    longest = tf.reduce_max(tf.concat([most, [0]], 0))
    # Buffers of a fixed size rather than arrays that grow: TFLite has no other loop that takes any batch.
    tokens = tf.zeros([batch, longest], tf.int32)
    token_scores = tf.zeros([batch, longest], tf.float32)
    looks = tf.zeros([longest, batch, source], tf.float32)
    lengths = tf.zeros([batch], tf.int32)
    last = tf.fill([batch], start)

    def going(lengths: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
        return (last != end) & (lengths < most)

    def more(t: tf.Tensor, last: tf.Tensor, lengths: tf.Tensor, *_: Any) -> tf.Tensor:
        return (t < longest) & tf.reduce_any(going(lengths, last))

    def body(t: tf.Tensor, last: tf.Tensor, lengths: tf.Tensor, state: Any, *buffers: tf.Tensor) -> tuple:
        tokens, token_scores, looks = buffers
        live = going(lengths, last)
        logits, state, looked = step(last, state, memory)
        logits, looked = tf.cast(logits, tf.float32), tf.cast(looked, tf.float32)
        words = pick(never(constraints.allowed(logits, tokens, t, start, end), start), t)
        score = tf.gather(logits, words, axis=1, batch_dims=1) - tf.reduce_logsumexp(logits, -1)
        wrote = live & (words != end)
        here = tf.range(longest) == t
        return (
            t + 1,
            tf.where(live, words, last),
            lengths + tf.cast(wrote, tf.int32),
            state,
            tf.where(tf.expand_dims(wrote, 1) & here, tf.expand_dims(words, 1), tokens),
            tf.where(tf.expand_dims(live, 1) & here, tf.expand_dims(score, 1), token_scores),
            put(looks, t, looked * tf.expand_dims(tf.cast(wrote, tf.float32), 1)),
        )

    _, _, lengths, _, tokens, token_scores, looks = tf.while_loop(
        more, body, (0, last, lengths, state, tokens, token_scores, looks), maximum_iterations=longest
    )
    scores = tf.reduce_sum(token_scores, 1)
    found = (tokens, lengths, scores, scores, token_scores, tf.transpose(looks, [1, 0, 2]))
    return Hypotheses(*(tf.expand_dims(part, 1) for part in found))


def put(buffer: tf.Tensor, t: tf.Tensor, now: tf.Tensor) -> tf.Tensor:
    """Return a buffer ``(time, …)`` with ``now`` at time ``t``."""
    # A scatter would copy less, and refuses a batch without rows and an alignment without columns.
    return tf.concat([buffer[:t], tf.expand_dims(now, 0), buffer[t + 1 :]], 0)


def repeated(parts: Any, times: int) -> Any:
    """Repeat every row of a nest of tensors ``(batch, …)``, side by side: ``(batch * times, …)``.

    >>> repeated(tf.constant([5, 7]), 2).numpy().tolist()
    [5, 5, 7, 7]
    """

    def repeat(part: tf.Tensor) -> tf.Tensor:
        return tf.gather(part, tf.range(tf.shape(part)[0] * times) // times)

    return tf.nest.map_structure(repeat, parts)
