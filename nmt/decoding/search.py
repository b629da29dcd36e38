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


class _Loop(NamedTuple):
    """The variables of the greedy loop.

    Attributes:
        t: the number of the step, ``()``.
        last_tokens: ``(batch,)``.
        writing: ``(batch,)``, whether a row has neither ended nor reached its maximum length.
        lengths: ``(batch,)``, tokens before EOS.
        tokens: ``(batch, max_steps)`` if repetitions matter; otherwise without columns.
        state: of the step.
        history: tokens, their scores, and alignments.
    """

    t: tf.Tensor
    last_tokens: tf.Tensor
    writing: tf.Tensor
    lengths: tf.Tensor
    tokens: tf.Tensor
    state: Any
    history: Buffers


def likeliest(logits: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
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
    pick: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] = likeliest,
    history: History = ARRAYS,
    recorder: Recorder = NOTHING,
) -> Hypotheses:
    """Write the likeliest token at each step, until every row has ended or reached its maximum length.

    Rows do not depend on each other, and each has its own constraints.

    Arguments:
        step: see :class:`Step`.
        state: the initial state.
        memory: what the step attends to.
        source: the size of the alignment's last dimension.
        constraints: what each row must obey.
        bos: the token before the first. Neither it nor PAD, 0, is ever written.
        eos: the token after the last; not equal to ``bos``.
        pick: chooses tokens ``(batch,)`` from the logits that ``constraints`` allow, and the number of the step.
        history: how the steps are kept.
        recorder: what is kept of each step in place of the alignment.

    >>> def count(tokens, state, memory):  # 1, 2, 3 and so on
    ...     return tf.one_hot(tokens + 1, 9) * 99, state, tf.ones([1, 1])
    >>> greedy(count, (), (), 1, Constraints(tf.constant([8])), bos=0, eos=4).tokens.numpy().tolist()
    [[[1, 2, 3, 0, 0, 0, 0, 0]]]
    """
    max_length, max_steps = tf.cast(constraints.max_length, tf.int32), constraints.max_steps
    batch = tf.shape(max_length)[0]

    def continues(loop: _Loop) -> tf.Tensor:
        return tf.reduce_any(loop.writing)

    def advance(loop: _Loop) -> tuple[_Loop]:
        t, writing = loop.t, loop.writing
        logits, state, alignment = step(loop.last_tokens, loop.state, memory)
        logits, kept = tf.cast(logits, tf.float32), recorder.keep(alignment, state)
        allowed = constraints.allowed(logits, loop.tokens, t, bos=bos, eos=eos)
        tokens = pick(without(allowed, constraints.excluded(t, loop.last_tokens, bos, eos)), t)
        scores = tf.gather(logits, tokens, axis=1, batch_dims=1) - tf.reduce_logsumexp(logits, -1)
        written = writing & (tokens != eos)
        values = (
            tf.where(written, tokens, 0),
            tf.where(writing, scores, 0.0),
            kept * tf.expand_dims(tf.cast(written, tf.float32), 1),
        )
        return (
            _Loop(
                t=t + 1,
                last_tokens=tokens,
                writing=written & (t + 1 < max_length),
                lengths=loop.lengths + tf.cast(written, tf.int32),
                tokens=append(loop.tokens, t, values[0]) if constraints.no_repeat else loop.tokens,
                state=state,
                history=history.write(loop.history, t, values),
            ),
        )

    zeros = (tf.zeros([batch], tf.int32), tf.zeros([batch]), tf.zeros([batch, recorder.size(source)]))
    first = _Loop(
        t=tf.constant(0),
        last_tokens=tf.fill([batch], bos),
        writing=max_length > 0,
        lengths=tf.zeros([batch], tf.int32),
        tokens=tf.zeros([batch, max_steps if constraints.no_repeat else 0], tf.int32),
        state=state,
        history=history.empty(max_steps, zeros),
    )
    (last,) = tf.while_loop(continues, advance, (first,), maximum_iterations=max_steps)
    tokens, token_scores, alignment = history.stack(last.history, max_steps)
    token_scores = tf.transpose(token_scores)
    scores = tf.reduce_sum(token_scores, 1)
    found = (tf.transpose(tokens), last.lengths, scores, scores, token_scores, tf.transpose(alignment, [1, 0, 2]))
    return Hypotheses(*(tf.expand_dims(part, 1) for part in found))


def repeated(parts: Any, times: int) -> Any:
    """Repeat every row of a nest of tensors ``(batch, …)``, side by side: ``(batch * times, …)``.

    >>> repeated(tf.constant([5, 7]), 2).numpy().tolist()
    [5, 5, 7, 7]
    """

    def repeat(part: tf.Tensor) -> tf.Tensor:
        return tf.gather(part, tf.range(tf.shape(part)[0] * times) // times)

    return tf.nest.map_structure(repeat, parts)
