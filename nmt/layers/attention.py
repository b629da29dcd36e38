"""Attention: at each target word, a weighted look back at every source word.

Bahdanau, Cho and Bengio 2015, *Neural Machine Translation by Jointly Learning to Align and Translate*,
https://arxiv.org/abs/1409.0473.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from nmt.layers.loop import dense


class Memory(NamedTuple):
    """What the decoder may look at, made once a sentence.

    Attributes:
        values: ``(batch, source, units)``, what a context is mixed from.
        keys: ``(batch, source, attention units)``, what a query is compared with.
        mask: ``(batch, source)``, true at real words.
        summary: the state a decoder begins with.
    """

    values: tf.Tensor
    keys: tf.Tensor
    mask: tf.Tensor
    summary: Any = ()


@keras.saving.register_keras_serializable("nmt")
class BahdanauAttention(keras.layers.Layer):
    """Additive attention, Bahdanau et al. 2015, section 3.1 and appendix A.1.2::

        e_ij = v' tanh(W s_{i-1} + U h_j)                  how well source word j fits target word i
        a_ij = exp(e_ij) / sum_k exp(e_ik)    (equation 6) the weights: they sum to one over the source
        c_i  = sum_j a_ij h_j                 (equation 5) the context: the memory as seen from word i

    The weights are exactly zero where the mask is false.

    Arguments:
        units: width of the hidden layer in which queries and keys are compared.

    Call arguments:
        query: ``s_{i-1}``, shape ``(batch, query width)``, or ``(batch, target, query width)`` for many words at once.
        values: ``h``, shape ``(batch, source, width)``.
        values_mask: ``(batch, source)``, true at real words; Keras fills it in from a masked embedding.

    Returns:
        The context ``(batch, width)`` and the weights ``(batch, source)``, with a target dimension in second place if
        the query has one.

    Raises:
        ValueError: if ``units`` is not positive.

    >>> attention = BahdanauAttention(7)
    >>> context, weights = attention(tf.ones([2, 3]), tf.ones([2, 5, 11]), tf.sequence_mask([5, 4]))
    >>> context.shape, weights.shape
    (TensorShape([2, 11]), TensorShape([2, 5]))
    >>> print(weights.numpy().round(2))
    [[0.2  0.2  0.2  0.2  0.2 ]
     [0.25 0.25 0.25 0.25 0.  ]]
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be 1 or more, not {units}.")
        self.units = units
        self.supports_masking = True

    def build(self, query_shape: tuple, values_shape: tuple) -> None:
        self.query_kernel = self.add_weight((query_shape[-1], self.units), "glorot_uniform", name="query_kernel")
        self.key_kernel = self.add_weight((values_shape[-1], self.units), "glorot_uniform", name="key_kernel")
        self.score_vector = self.add_weight(
            (self.units,), keras.initializers.RandomNormal(stddev=0.1), name="score_vector"
        )

    def call(
        self, query: tf.Tensor, values: tf.Tensor, values_mask: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return self.attend(query, self.remember(values, values_mask))

    def remember(self, values: tf.Tensor, mask: tf.Tensor | None = None) -> Memory:
        """Make the memory of ``values``: the keys ``U h_j`` do not depend on the query, so they are made once."""
        if mask is None:
            mask = tf.ones(tf.shape(values)[:2], tf.bool)
        return Memory(values, dense(values, self.key_kernel), tf.cast(mask, tf.bool))

    def attend(self, query: tf.Tensor, memory: Memory) -> tuple[tf.Tensor, tf.Tensor]:
        """Return context and weights for a query, as the call does, on a memory made before."""
        projected = dense(query, self.query_kernel)
        keys, mask = memory.keys, memory.mask
        if query.shape.rank == 3:
            keys, mask = tf.expand_dims(keys, 1), tf.expand_dims(mask, 1)
        hidden = tf.tanh(tf.expand_dims(projected, -2) + keys)
        weights = masked_softmax(tf.reduce_sum(hidden * self.score_vector, -1), mask)
        return dense(weights, memory.values), weights

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def masked_softmax(scores: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Softmax over the last dimension, exactly zero where ``mask`` is false, also where it is false everywhere.

    >>> masked_softmax(tf.constant([[1.0, 1.0, 9.0]]), tf.constant([[True, True, False]])).numpy().tolist()
    [[0.5, 0.5, 0.0]]
    """
    weights = tf.nn.softmax(tf.where(mask, scores, scores.dtype.min))
    return tf.where(mask, weights, tf.zeros([], weights.dtype))
