"""Sampling: each token is drawn by its probability, instead of the likeliest being taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf


def random_numbers(seed: int, lines: Sequence[int], count: int) -> np.ndarray:
    """Return random numbers from 0 to 1, ``(lines, count)``: one row for the number of each line.

    The numbers of a line depend on the seed and on the line's number alone: neither on its batch nor on the device.

    >>> bool((random_numbers(1, [5, 6, 7], 2)[1:] == random_numbers(1, [6, 7], 2)).all())
    True
    """
    if not count:
        return np.zeros([len(lines), 0], np.float32)
    generators = [np.random.Generator(np.random.Philox(key=[seed, line])) for line in lines]
    return np.array([generator.random(count) for generator in generators], np.float32).reshape(len(lines), count)


def sampler(
    numbers: tf.Tensor, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
    """Return a function that picks tokens for :func:`~nmt.decoding.search.greedy`.

    Token ``y`` is drawn with the probability ``softmax(logits / temperature)_y``, renormalised over the tokens that are
    left. The tokens are sorted by it. ``top_k`` leaves the first ``k`` (Fan et al. 2018,
    https://arxiv.org/abs/1805.04833, section 5.3). ``top_p`` leaves the smallest set of first tokens whose
    probabilities add up to at least ``p``: nucleus sampling, Holtzman et al. 2020, https://arxiv.org/abs/1904.09751,
    equation 2. Of these, the token is taken at which the cumulative sum passes the random number (the inverse of the
    distribution function).

    Arguments:
        numbers: ``(batch, steps)``, see :func:`random_numbers`: one for each token that may be written.
        temperature: above 0; small is close to greedy, large is close to uniform.
        top_k: 0 leaves all.
        top_p: 1 leaves all.

    >>> pick = sampler(tf.constant([[0.7], [0.7]]), top_k=2)
    >>> logits = tf.math.log([[0.25, 0.45, 0.3], [0.6, 0.1, 0.3]])
    >>> pick(logits, tf.constant(0), tf.range(2)).numpy().tolist()  # 0.7 lies behind 0.45 / 0.75, and behind 0.6 / 0.9
    [2, 2]
    """

    def pick(logits: tf.Tensor, t: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        vocabulary = tf.shape(logits)[1]
        values, tokens = tf.math.top_k(logits / temperature, tf.minimum(top_k, vocabulary) if top_k else vocabulary)
        probabilities = tf.nn.softmax(values)
        before = tf.cumsum(probabilities, axis=1, exclusive=True)
        probabilities = tf.where(before < top_p, probabilities, 0.0)
        cumulative = tf.cumsum(probabilities, axis=1)
        # Rounding must not lead past the last token that is left.
        threshold = tf.gather(numbers[:, t], rows) * cumulative[:, -1]
        passed = tf.reduce_sum(tf.cast(cumulative <= tf.expand_dims(threshold, 1), tf.int32), 1)
        left = tf.reduce_sum(tf.cast(probabilities > 0, tf.int32), 1)
        return tf.gather(tokens, tf.minimum(passed, left - 1), axis=1, batch_dims=1)

    return pick
