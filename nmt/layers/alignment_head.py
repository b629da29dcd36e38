"""An alignment head: which source token a written token came from, once the token is known.

The attention of a decoder decides what to write, so it asks before the token is known. That is why its weights link
words only mostly. The head asks afterwards.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.layers.attention import masked_softmax
from nmt.layers.recurrence import dense


@keras.saving.register_keras_serializable("nmt")
class AlignmentHead(keras.layers.Layer):
    """Links written tokens to source tokens. It reads a translator's states, and changes none of them::

        q_i  = W t_i + Y y_i + b                   t_i: the readout after step i; y_i: the vector of the token it wrote
        a_ij = softmax_j(q_i' K h_j / sqrt(d))     h_j: the annotations of the source

    The attention of a decoder knows what came before ``y_i``, not ``y_i`` itself. Chen et al. 2020,
    https://arxiv.org/abs/2004.14837, find the same in the Transformer and also let the query know it.

    Arguments:
        units: ``d``, the width of queries and keys.

    Call arguments:
        readouts: ``t``, shape ``(batch, target, readout)``.
        vectors: ``y``, shape ``(batch, target, embedding)``.
        values: ``h``, shape ``(batch, source, width)``.
        values_mask: ``(batch, source)``, true at real tokens.

    Returns:
        The weights ``(batch, target, source)``. A row sums to one, and is exactly zero on padding.

    Raises:
        ValueError: if ``units`` is not positive.

    >>> head = AlignmentHead(7)
    >>> weights = head(tf.ones([2, 3, 5]), tf.ones([2, 3, 11]), tf.ones([2, 4, 13]), tf.sequence_mask([4, 2]))
    >>> print(weights[:, 0].numpy().round(2))
    [[0.25 0.25 0.25 0.25]
     [0.5  0.5  0.   0.  ]]
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be 1 or more, not {units}.")
        self.supports_masking = True
        self.units = units

    def build(self, readouts_shape: tuple, vectors_shape: tuple, values_shape: tuple) -> None:
        shapes = (("readout_kernel", readouts_shape), ("vector_kernel", vectors_shape), ("key_kernel", values_shape))
        for name, shape in shapes:
            setattr(self, name, self.add_weight((shape[-1], self.units), "glorot_uniform", name=name))
        self.bias = self.add_weight((self.units,), "zeros", name="bias")

    def call(
        self, readouts: tf.Tensor, vectors: tf.Tensor, values: tf.Tensor, values_mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        mask = tf.ones(tf.shape(values)[:2], tf.bool) if values_mask is None else values_mask
        return self.attend(self.ask(readouts), vectors, self.key(values), mask)

    def ask(self, readouts: tf.Tensor) -> tf.Tensor:
        """Return ``W t_i + b``, the part of the query that is known before the token is: ``(…, units)``."""
        return dense(readouts, self.readout_kernel) + self.bias

    def key(self, values: tf.Tensor) -> tf.Tensor:
        """Return the keys ``K h_j``, ``(batch, source, units)``."""
        return dense(values, self.key_kernel)

    def attend(self, asked: tf.Tensor, vectors: tf.Tensor, keys: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Return the weights ``(batch, target, source)``.

        Arguments:
            asked: from :meth:`ask`, ``(batch, target, units)``.
            vectors: ``y``, ``(batch, target, embedding)``.
            keys: from :meth:`key`.
            mask: ``(batch, source)``, true at real tokens.
        """
        query = asked + dense(vectors, self.vector_kernel)
        scores = dense(query, keys, transpose=True) * self.units**-0.5
        return masked_softmax(scores, tf.expand_dims(mask, 1))

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Return nothing: the weights do not have the mask of the source."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
