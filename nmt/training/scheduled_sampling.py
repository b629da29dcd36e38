"""Scheduled sampling: training reads some of the model's own predictions in place of the true tokens."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.data.tokenizers import PAD


def mix_predictions(target: tf.Tensor, predictions: tf.Tensor, share: Any, seed: Any = None) -> tf.Tensor:
    """Replace a share of the target tokens that a model will read by its own predictions of them.

    Scheduled sampling, Bengio et al. 2015, https://arxiv.org/abs/1506.03099, in the parallel form of Duckworth et al.
    2019, https://arxiv.org/abs/1906.04331: all predictions are made in one pass over the true tokens, so no token waits
    for the one before. BOS and padding stay as they are, and no gradient passes through.

    Arguments:
        target: ``BOS y_1 … y_n``, shape ``(batch, target)``.
        predictions: the likeliest tokens in the places of ``y_1 … y_n EOS``, shape ``(batch, target)``.
        share: the probability that a token is replaced, a number from 0 to 1 or a scalar tensor.
        seed: a ``keras.random.SeedGenerator``.

    Returns:
        The tokens to read, ``(batch, target)``.

    >>> target = tf.constant([[2, 5, 6, 0]])
    >>> mix_predictions(target, tf.constant([[7, 8, 9, 3]]), share=1.0).numpy().tolist()
    [[2, 7, 8, 0]]
    """
    # The token read at place t is predicted at place t - 1.
    predictions = tf.concat([target[:, :1], tf.cast(predictions[:, :-1], target.dtype)], 1)
    share = tf.cast(tf.convert_to_tensor(share), tf.float32)
    chosen = keras.random.uniform(tf.shape(target), dtype="float32", seed=seed) < share
    first = tf.range(tf.shape(target)[1]) == 0
    return tf.stop_gradient(tf.where(chosen & (target != PAD) & ~first, predictions, target))
