"""Sampling: draw each word by its probability, instead of the likeliest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf


def draws(seed: int, lines: Sequence[int], words: int) -> np.ndarray:
    """Return numbers from 0 to 1, ``(lines, words)``, a row of them for each line's number.

    The numbers of a line depend on the seed and its number alone: neither on its batch nor on the device.

    >>> bool((draws(1, [5, 6, 7], 2)[1:] == draws(1, [6, 7], 2)).all())
    True
    """
    generators = [np.random.Generator(np.random.Philox(key=[seed, line])) for line in lines]
    return np.array([generator.random(words) for generator in generators], np.float32).reshape(len(lines), words)


def sampled(
    numbers: tf.Tensor, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Return a way to pick words for :func:`~nmt.decoding.search.greedy`.

    The words are put in order of their probability ``softmax(logits / temperature)``. With ``top_k`` only so many are
    left (Fan et al. 2018, https://arxiv.org/abs/1805.04833); with ``top_p`` only the first whose probabilities add up
    to that (Holtzman et al. 2020, https://arxiv.org/abs/1904.09751). Of these, the one is taken at which the sum of
    probabilities passes a random number.

    Arguments:
        numbers: ``(batch, words)``, see :func:`draws`: one for each word that may be written.
        temperature: above 0; small is sure, large is wild.
        top_k: 0 leaves all.
        top_p: 1 leaves all.

    >>> pick = sampled(tf.constant([[0.7], [0.7]]), top_k=2)
    >>> logits = tf.math.log([[0.25, 0.45, 0.3], [0.6, 0.1, 0.3]])
    >>> pick(logits, tf.constant(0)).numpy().tolist()  # 0.7 lies behind 0.45 / 0.75, and behind 0.6 / 0.9
    [2, 2]
    """

    def pick(logits: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
        vocabulary = tf.shape(logits)[1]
        values, words = tf.math.top_k(logits / temperature, tf.minimum(top_k, vocabulary) if top_k else vocabulary)
        probabilities = tf.nn.softmax(values)
        before = tf.cumsum(probabilities, axis=1, exclusive=True)
        probabilities = tf.where(before < top_p, probabilities, 0.0)
        upto = tf.cumsum(probabilities, axis=1)
        # Rounding must not lead past the last word that is left.
        aim = numbers[:, t] * upto[:, -1]
        passed = tf.reduce_sum(tf.cast(upto <= tf.expand_dims(aim, 1), tf.int32), 1)
        left = tf.reduce_sum(tf.cast(probabilities > 0, tf.int32), 1)
        return tf.gather(words, tf.minimum(passed, left - 1), axis=1, batch_dims=1)

    return pick
