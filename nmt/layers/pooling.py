"""Pooling: from one annotation for each token to one vector for a whole text."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.layers.attention import masked_softmax
from nmt.layers.recurrence import dense


@keras.saving.register_keras_serializable("nmt")
class AttentionPooling(keras.layers.Layer):
    """A weighted mean of annotations, whose weights are learned and can be drawn.

    Lin et al. 2017, https://arxiv.org/abs/1703.03130, equation 5, with one head::

        e_j = v' tanh(W h_j)
        a_j = exp(e_j) / sum_k exp(e_k)      zero at padding
        m   = sum_j a_j h_j

    Arguments:
        units: width of the hidden layer.

    Call arguments:
        inputs: annotations ``h``, shape ``(batch, source, width)``.
        mask: ``(batch, source)``, true at real tokens, of which each row has one at least.

    Returns:
        The vector ``m``, ``(batch, width)``, and the weights ``(batch, source)``, which sum to one.

    >>> vector, weights = AttentionPooling(7)(tf.ones([3, 2, 5]), mask=tf.constant([[True, False]] * 3))
    >>> vector.shape, weights.numpy()[0].tolist()
    (TensorShape([3, 5]), [1.0, 0.0])
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        self.kernel = self.add_weight((input_shape[-1], self.units), "glorot_uniform", name="kernel")
        self.query = self.add_weight((self.units,), keras.initializers.RandomUniform(-0.1, 0.1), name="query")

    def call(self, inputs: tf.Tensor, mask: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        query = tf.cast(tf.convert_to_tensor(self.query), inputs.dtype)
        scores = tf.reduce_sum(tf.tanh(dense(inputs, self.kernel)) * query, -1)
        # In half precision the sum over a text is too coarse.
        scores = tf.cast(scores, tf.float32)
        weights = masked_softmax(scores, tf.ones_like(scores, tf.bool) if mask is None else mask)
        return weighted_mean(inputs, weights), weights

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        """Return no mask: there is one vector for each row."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def weighted_mean(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Return ``sum_j a_j h_j``, ``(batch, width)``, for values ``(batch, source, width)``."""
    return tf.reduce_sum(values * tf.cast(tf.expand_dims(weights, -1), values.dtype), 1)


def mean_pooling(values: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the mean of the annotations of real tokens, and the weights that make it one, all the same.

    >>> mean_pooling(tf.constant([[[2.0], [4.0], [9.0]]]), tf.constant([[True, True, False]]))[0].numpy()
    array([[3.]], dtype=float32)
    """
    weights = masked_softmax(tf.zeros_like(values[..., 0], tf.float32), mask)
    return weighted_mean(values, weights), weights


def last_annotation(values: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Return the annotation ``(batch, width)`` of the last real token of each row.

    >>> last_annotation(tf.constant([[[2.0], [4.0], [9.0]]]), tf.constant([[True, True, False]])).numpy()
    array([[4.]], dtype=float32)
    """
    last = tf.reduce_sum(tf.cast(mask, tf.int32), 1, keepdims=True) - 1
    chosen = tf.equal(tf.range(tf.shape(mask)[1]), last)
    return tf.reduce_sum(tf.where(tf.expand_dims(chosen, -1), values, tf.zeros_like(values)), 1)
