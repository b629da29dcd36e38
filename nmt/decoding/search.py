"""Greedy search, and what all searches share: the step protocol and the hypotheses.

A *step* maps the last tokens and the state to the logits of the next tokens. A search knows nothing else of a model, so
every model that has a step can be searched, and a test can search a table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

from nmt.decoding.constraints import Constraints, append, without
from nmt.decoding.history import ARRAYS, Buffers, History


class Step(Protocol):
    """The step protocol: one more token.

    Call arguments:
        tokens: the last tokens written, ``(batch,)``.
        state: any nest of tensors ``(batch, …)``.
        memory: any nest of tensors ``(batch, …)``, the same at every step.

    Returns:
        Logits ``(batch, vocabulary)``, the next state, and the alignment ``(batch, source)``.
    """

    def __call__(self, tokens: tf.Tensor, state: Any, memory: Any) -> tuple[tf.Tensor, Any, tf.Tensor]: ...


class Recorder(NamedTuple):
    """What a search records of each step for a model that links the tokens afterwards, when all are known.

    Attributes:
        width: of a record; 0 if the model links as it writes, so that its alignment is kept.
        record: returns the record ``(batch, width)`` from the state after a step.
        stepped: returns the part of a memory that the steps read.
    """

    width: int
    record: Callable[[Any], tf.Tensor]
    stepped: Callable[[Any], Any]

    def keep(self, alignment: tf.Tensor, state: Any) -> tf.Tensor:
        """Return what is kept of a step: its record, or without one its alignment. Both in float32."""
        return tf.cast(self.record(state) if self.width else alignment, tf.float32)

    def size(self, source: int | tf.Tensor) -> int | tf.Tensor:
        """Return the width of what is kept, beside ``source``, that of an alignment."""
        return self.width or source


def recorder(model: Any) -> Recorder:
    """Return what a search records for a model: nothing, unless it has the methods ``record`` and ``stepped``.

    >>> recorder(object()).width
    0
    """
    width = getattr(model, "record_width", 0)
    return Recorder(width, model.record, model.stepped) if width else NOTHING


NOTHING = Recorder(0, lambda state: state, lambda memory: memory)


class Hypotheses(NamedTuple):
    """The best hypotheses of each row, the best first.

    Attributes:
        tokens: ``(batch, n_best, target)``, without BOS; zero from EOS on.
        lengths: ``(batch, n_best)``, tokens before EOS.
        scores: ``(batch, n_best)``, the log-probability of the tokens and, where it was written, of EOS.
        ranks: ``(batch, n_best)``, what they are ordered by: the score after all penalties; ``-inf`` where there was
            no other hypothesis.
        token_scores: ``(batch, n_best, target)``, the log-probability of each token, that of EOS after the last.
        alignment: ``(batch, n_best, target, source)``, zero from EOS on. A search that records returns its records
            here, ``(batch, n_best, target, width)``.
    """

    tokens: tf.Tensor
    lengths: tf.Tensor
    scores: tf.Tensor
    ranks: tf.Tensor
    token_scores: tf.Tensor
    alignment: tf.Tensor


def unfinished(found: Hypotheses, constraints: Constraints) -> tf.Tensor:
    """Return whether each hypothesis ``(batch, n_best)`` has no EOS, because it reached its maximum length."""
    limits = tf.expand_dims(tf.cast(constraints.max_length, tf.int32), 1)
    # A source without pieces has an empty translation and a limit of zero.
    return (found.lengths >= limits) & (limits > 0)


class _GreedyLoop(NamedTuple):
    """The variables of the greedy loop. *Active* are the rows that the step runs on.

    Attributes:
        t: the number of the step, ``()``.
        rows: ``(active,)``, their numbers.
        last_tokens: ``(active,)``.
        writing: ``(active,)``, whether a row has neither ended nor reached its maximum length.
        tokens: ``(active, max_steps)`` if repetitions matter; otherwise without columns.
        state, memory: of the step.
        history: tokens, their scores, and alignments, of all rows.
    """

    t: tf.Tensor
    rows: tf.Tensor
    last_tokens: tf.Tensor
    writing: tf.Tensor
    tokens: tf.Tensor
    state: Any
    memory: Any
    history: Buffers


def likeliest(logits: tf.Tensor, t: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Pick the token with the highest logit, ``(batch,)`` from ``(batch, vocabulary)``."""
    return tf.argmax(logits, -1, output_type=tf.int32)


def greedy(
    step: Step,
    state: Any,
    memory: Any,
    source: int | tf.Tensor,
    constraints: Constraints,
    *,
    bos: int,
    eos: int,
    pick: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor] = likeliest,
    history: History = ARRAYS,
    recorder: Recorder = NOTHING,
) -> Hypotheses:
    """Write the likeliest token at each step, until every row has ended or reached its maximum length.

    Rows do not depend on each other, and each has its own constraints. The step runs on rows that are still written, if
    ``history`` allows that their number changes.

    Arguments:
        step: see :class:`Step`.
        state: the initial state.
        memory: what the step attends to.
        source: the size of the alignment's last dimension.
        constraints: what each row must obey.
        bos: the token before the first. Neither it nor PAD, 0, is ever written.
        eos: the token after the last; not equal to ``bos``.
        pick: chooses tokens ``(active,)`` from the logits that ``constraints`` allow, the number of the step, and the
            numbers of the rows.
        history: how the steps are kept.
        recorder: what is kept of each step in place of the alignment.

    >>> def count(tokens, state, memory):  # 1, 2, 3 and so on
    ...     return tf.one_hot(tokens + 1, 9) * 99, state, tf.ones([1, 1])
    >>> greedy(count, (), (), 1, Constraints(tf.constant([8])), bos=0, eos=4).tokens.numpy().tolist()
    [[[1, 2, 3, 0, 0, 0, 0, 0]]]
    """
    max_steps = history.bound(constraints.max_steps)
    batch = tf.shape(constraints.max_length)[0]
    drops = history.drops_rows

    def continues(loop: _GreedyLoop) -> tf.Tensor:
        return tf.reduce_any(loop.writing)

    def advance(loop: _GreedyLoop) -> tuple[_GreedyLoop]:
        t, rows, writing = loop.t, loop.rows, loop.writing
        limits = constraints.gather(rows) if drops else constraints
        logits, state, alignment = step(loop.last_tokens, loop.state, loop.memory)
        logits, kept = tf.cast(logits, tf.float32), recorder.keep(alignment, state)
        allowed = limits.allowed(logits, loop.tokens, t, bos=bos, eos=eos)
        tokens = pick(without(allowed, limits.excluded(t, loop.last_tokens, bos, eos)), t, rows)
        scores = tf.gather(logits, tokens, axis=1, batch_dims=1) - tf.reduce_logsumexp(logits, -1)
        written = writing & (tokens != eos)
        values = (
            tf.where(written, tokens, 0),
            tf.where(writing, scores, 0.0),
            kept * tf.expand_dims(tf.cast(written, tf.float32), 1),
        )
        after = _GreedyLoop(
            t=t + 1,
            rows=rows,
            last_tokens=tokens,
            writing=written & (t + 1 < tf.cast(limits.max_length, tf.int32)),
            tokens=append(loop.tokens, t, values[0]) if constraints.no_repeat else loop.tokens,
            state=state,
            memory=loop.memory,
            history=history.write(loop.history, t, _in_rows(values, rows, batch) if drops else values),
        )
        return (_of_those_that_write(after) if drops else after,)

    zeros = (tf.zeros([batch], tf.int32), tf.zeros([batch]), tf.zeros([batch, recorder.size(source)]))
    first = _GreedyLoop(
        t=tf.constant(0),
        rows=tf.range(batch),
        last_tokens=tf.fill([batch], bos),
        writing=tf.cast(constraints.max_length, tf.int32) > 0,
        tokens=tf.zeros([batch, max_steps if constraints.no_repeat else 0], tf.int32),
        state=state,
        memory=memory,
        history=history.empty(max_steps, zeros),
    )
    if drops:
        first = _of_those_that_write(first)
    (last,) = tf.while_loop(continues, advance, (first,), maximum_iterations=max_steps)
    tokens, token_scores, alignment = history.stack(last.history, max_steps)
    tokens, token_scores = tf.transpose(tokens), tf.transpose(token_scores)
    # PAD is never written.
    lengths, scores = tf.math.count_nonzero(tokens, 1, dtype=tf.int32), tf.reduce_sum(token_scores, 1)
    found = (tokens, lengths, scores, scores, token_scores, tf.transpose(alignment, [1, 0, 2]))
    return Hypotheses(*(tf.expand_dims(part, 1) for part in found))


def _in_rows(values: tuple[tf.Tensor, ...], rows: tf.Tensor, batch: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Return values ``(active, …)`` in the rows of the batch, ``(batch, …)``, and zeros in the others."""
    # The place of each row among the active ones, from 1, and 0 for the others. A scatter of the values themselves
    # fails where they have no columns, as the alignment of a language model.
    places = tf.scatter_nd(tf.expand_dims(rows, 1), tf.range(1, tf.size(rows) + 1), [batch])
    return tuple(tf.gather(tf.concat([tf.zeros_like(value[:1]), value], 0), places) for value in values)


def _of_those_that_write(loop: _GreedyLoop) -> _GreedyLoop:
    """Return the loop with the rows that are still written as its active ones."""
    parts = (loop.rows, loop.last_tokens, loop.writing, loop.tokens, loop.state, loop.memory)

    def chosen() -> Any:
        left = tf.reshape(tf.where(loop.writing), [-1])
        return tf.nest.map_structure(lambda part: tf.gather(part, left), parts)

    rows, last_tokens, writing, tokens, state, memory = tf.cond(
        tf.reduce_all(loop.writing), lambda: tf.nest.map_structure(tf.identity, parts), chosen
    )
    return loop._replace(rows=rows, last_tokens=last_tokens, writing=writing, tokens=tokens, state=state, memory=memory)


def repeat_rows(parts: Any, times: int) -> Any:
    """Repeat every row of a nest of tensors ``(batch, …)``, side by side: ``(batch * times, …)``.

    >>> repeat_rows(tf.constant([5, 7]), 2).numpy().tolist()
    [5, 5, 7, 7]
    """

    def repeat(part: tf.Tensor) -> tf.Tensor:
        return tf.gather(part, tf.range(tf.shape(part)[0] * times) // times)

    return tf.nest.map_structure(repeat, parts)
