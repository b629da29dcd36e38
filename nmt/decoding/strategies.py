"""The ways to search, as a config's section ``decoding`` names them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from nmt.config import Config, Decoding, from_dict
from nmt.decoding.beam import Penalties, Pruning, beam
from nmt.decoding.constraints import Constraints
from nmt.decoding.sampling import draws, sampled
from nmt.decoding.search import Hypotheses, greedy, repeated
from nmt.errors import InputError


def chosen(config: Config, vocabulary: int, **changes: Any) -> Decoding:
    """Return the section with changes.

    Arguments:
        config: the whole configuration.
        vocabulary: number of target pieces.
        changes: keys of the section that are different this time.

    Raises:
        InputError: if a key or value does not exist, makes no sense, or the beam is larger than the vocabulary.

    >>> chosen(Config(), 8000, beam=5).beam
    5
    """
    how = from_dict({"decoding": changes}, config).decoding if changes else config.decoding
    if how.beam > vocabulary:
        raise InputError(
            f"decoding.beam = {how.beam} is larger than the vocabulary, which has {vocabulary} pieces. Five to ten is "
            "usual."
        )
    return how


def find(
    model: Any,
    how: Decoding,
    memory: Any,
    mask: tf.Tensor,
    constraints: Constraints,
    numbers: tf.Tensor,
    start: int,
    end: int,
) -> Hypotheses:
    """Search as ``how`` says: greedily, with a beam, or by sampling.

    Arguments:
        model: has the parts of the step protocol.
        how: the section ``decoding`` of a config.
        memory: from ``model.encode``, for ``batch`` rows.
        mask: ``(batch, source)``, true at source words that should be covered; no columns if there is no alignment.
        demands: what the hypotheses of each row must be.
        numbers: ``(batch, n_best * max_length)``, the draws of sampling; unused without it.
        start, end: the tokens before the first and after the last word.
    """
    # A step reads the start and all words but the last.
    state = model.initial_state(memory, tf.reduce_max(tf.concat([constraints.most, [1]], 0)))
    if how.beam > 1:
        penalties = Penalties(how.length_penalty, how.length_normalization == "plain", how.coverage_penalty)
        pruning = Pruning(how.prune or math.inf, how.patience or math.inf)
        return beam(model.step, state, memory, mask, constraints, start, end, how.beam, how.n_best, penalties, pruning)
    width = tf.shape(mask)[1]
    if not how.sample:
        return greedy(model.step, state, memory, width, constraints, start, end)
    pick = sampled(tf.reshape(numbers, [-1, how.max_length]), how.temperature, how.top_k, how.top_p)
    state, memory = repeated((state, memory), how.n_best)
    constraints = constraints._replace(
        most=repeated(constraints.most, how.n_best),
        least=None if constraints.least is None else repeated(constraints.least, how.n_best),
        prefix=None if constraints.prefix is None else repeated(constraints.prefix, how.n_best),
    )
    return _by_rank(greedy(model.step, state, memory, width, constraints, start, end, pick), how.n_best)


def numbers_for(how: Decoding, lines: Sequence[int]) -> tf.Tensor:
    """Return the draws that :func:`find` needs for the lines of these numbers."""
    return tf.constant(draws(how.seed, lines, how.n_best * how.max_length if how.sample else 0))


def constraints_for(how: Decoding, lengths: tf.Tensor, begun: tf.RaggedTensor | None) -> Constraints:
    """Return the demands on translations of sources with so many pieces."""

    def times(ratio: float) -> tf.Tensor:
        return tf.cast(tf.math.ceil(ratio * tf.cast(lengths, tf.float32)), tf.int32)

    # What goes on for much longer than its source has begun to repeat itself.
    most = times(how.max_ratio) + 10
    if begun is not None:
        most += tf.cast(begun.row_lengths(), tf.int32)
    most = tf.where(lengths > 0, tf.clip_by_value(most, 1, how.max_length), 0)
    least = tf.maximum(times(how.min_ratio), how.min_length) if how.min_ratio or how.min_length else None
    if least is not None:
        most = tf.where(lengths > 0, tf.minimum(tf.maximum(most, least + 1), how.max_length), 0)
    return Constraints(most, least, None if begun is None else begun.to_tensor(0), how.no_repeat)


def _by_rank(found: Hypotheses, n_best: int) -> Hypotheses:
    """Turn one hypothesis a row, ``(batch * n_best, 1, …)``, into ``(batch, n_best, …)``, the best first."""
    together = [tf.reshape(part, tf.concat([[-1, n_best], tf.shape(part)[2:]], 0)) for part in found]
    _, order = tf.math.top_k(Hypotheses(*together).ranks, n_best)
    return Hypotheses(*(tf.gather(part, order, axis=1, batch_dims=1) for part in together))
