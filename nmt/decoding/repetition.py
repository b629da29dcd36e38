"""A phrase that is repeated without end: a translation that ran into its limit is cut back to the first copy."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from nmt.decoding.constraints import Constraints
from nmt.decoding.search import Hypotheses, unfinished

# The longest phrase that is looked for, how often it must stand at the end, and the fewest tokens that this must be.
_LONGEST, _COPIES, _TOKENS = 20, 4, 8


def stop_repetition(found: Hypotheses, constraints: Constraints) -> tuple[Hypotheses, tf.Tensor]:
    """Cut hypotheses that repeat a phrase until they reach their maximum length.

    A model that was trained for too short a time, or on other text than it reads, may fall into a circle: *a dog and a
    dog and a dog and …*. With ``w`` the tokens of a hypothesis without EOS, and ``r(p)`` the number of tokens at its
    end with ``w[i] = w[i - p]``, the last ``r(p)`` tokens are left out if the phrase of ``p`` tokens stands there four
    times or more, in eight tokens or more. So one copy is kept. If several ``p`` fit, the one that leaves out most
    decides. What the model ended itself stays as it is, and so does what a prefix or a minimum length asks for.

    Arguments:
        found: hypotheses of a search.
        constraints: those of the search.

    Returns:
        The hypotheses, whose ``ranks`` stay, and whether each was not ended by the model, ``(batch, n_best)``.

    >>> tokens = tf.constant([[[9, 7, 7, 7, 7, 7, 7, 7, 7]]])
    >>> scores, weights = tf.fill([1, 1, 9], -0.5), tf.ones([1, 1, 9, 1])
    >>> found = Hypotheses(tokens, tf.constant([[9]]), tf.constant([[-4.5]]), tf.constant([[-4.5]]), scores, weights)
    >>> cut, cut_off = stop_repetition(found, Constraints(tf.constant([9])))
    >>> cut.tokens.numpy().tolist(), float(cut.scores[0, 0]), bool(cut_off[0, 0])
    ([[[9, 7, 0, 0, 0, 0, 0, 0, 0]]], -1.0, True)
    """
    cut_off = unfinished(found, constraints)
    places = tf.range(tf.shape(found.tokens)[2])
    periods = tf.constant(np.arange(1, _LONGEST + 1, dtype=np.int32)[:, None])
    earlier = places - periods  # (periods, target)
    before = tf.gather(found.tokens, tf.maximum(earlier, 0), axis=2)
    differs = (tf.expand_dims(found.tokens, 2) != before) | (earlier < 0)
    # The last token that does not repeat the one a phrase before: (batch, n_best, periods).
    inside = places < tf.reshape(found.lengths, tf.concat([tf.shape(found.lengths), [1, 1]], 0))
    last = tf.reduce_max(tf.where(differs & inside, places, -1), 3)
    repeats = tf.expand_dims(found.lengths, 2) - 1 - last
    phrase = tf.squeeze(periods, 1)
    endless = (repeats >= (_COPIES - 1) * phrase) & (repeats + phrase >= _TOKENS)
    left_out = tf.reduce_max(tf.where(endless & tf.expand_dims(cut_off, 2), repeats, 0), 2)
    lengths = tf.maximum(found.lengths - left_out, tf.minimum(found.lengths, _shortest(constraints)))
    kept = places < tf.expand_dims(lengths, 2)
    # EOS, where there is one, stands behind the last token, and nothing was left out.
    scored = kept | tf.expand_dims(lengths == found.lengths, 2)
    token_scores = tf.where(scored, found.token_scores, 0.0)
    return (
        Hypotheses(
            tokens=tf.where(kept, found.tokens, 0),
            lengths=lengths,
            scores=tf.where(lengths == found.lengths, found.scores, tf.reduce_sum(token_scores, 2)),
            ranks=found.ranks,
            token_scores=token_scores,
            alignment=tf.where(tf.expand_dims(kept, 3), found.alignment, 0.0),
        ),
        cut_off,
    )


def _shortest(constraints: Constraints) -> tf.Tensor:
    """Return the number of tokens that must be kept, ``(batch, 1)``."""
    shortest = tf.broadcast_to(tf.cast(constraints.min_length, tf.int32), tf.shape(constraints.max_length))
    if constraints.prefix is not None:
        given = tf.math.count_nonzero(constraints.prefix, 1, dtype=tf.int32)
        shortest = tf.maximum(shortest, given)
    return tf.expand_dims(shortest, 1)
