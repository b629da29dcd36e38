"""The encoder of features: from vectors that are no text to annotations that a decoder attends to."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nmt.layers.cells import State
from nmt.layers.recurrence import dense
from nmt.layers.transformer import Positions


@keras.saving.register_keras_serializable("nmt")
class FeatureEncoder(keras.layers.Layer):
    """An encoder without recurrence: each cell becomes an annotation by itself, and their mean the initial state.

    As in Xu et al. 2015, *Show, Attend and Tell*, https://arxiv.org/abs/1502.03044, section 3.1.2, where a cell is a
    part of a picture::

        h_j = tanh(W z_j + p_j)              the annotation of cell j
        s_0 = tanh(W_s mean_j h_j + b_s)     the bridge to a recurrent decoder
        z_j = (x_j - m) / d                  with mean m and deviation d of each number over the training data

    ``p_j`` says where cell j is: one row of weights for each cell, or the sine and cosine of a Transformer.

    Arguments:
        units: width of an annotation.
        bridge: units, layers and tensors a layer of the recurrent decoder's state; ``None`` for a Transformer.
        positions: number of learned positions, or 0 for sine and cosine.

    Call arguments:
        inputs: ``x``, shape ``(batch, cells, width)``.

    Returns:
        The annotations ``(batch, cells, units)``, and the initial state of the decoder, a tuple with a tuple of tensors
        ``(batch, units)`` for each of its layers.

    >>> encoder = FeatureEncoder(units=7, bridge=(5, 2, 1))
    >>> annotations, state = encoder(tf.ones([2, 3, 11]))
    >>> annotations.shape, len(state), state[0][0].shape
    (TensorShape([2, 3, 7]), 2, TensorShape([2, 5]))
    """

    def __init__(
        self, units: int, bridge: tuple[int, int, int] | None = None, positions: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.bridge: tuple[int, ...] | None = tuple(bridge) if bridge else None
        self.positions = positions
        # Files of weights name these attributes.
        self.places = Positions(positions, dtype=self.dtype_policy)
        width, layers, tensors = self.bridge or (0, 0, 1)
        self.tensors = tensors
        self.bridges = [
            keras.layers.Dense(width, activation="tanh", name=f"bridge_{i}", dtype=self.dtype_policy)
            for i in range(layers * tensors)
        ]

    @property
    def width(self) -> int:
        """Width of an annotation."""
        return self.units

    @property
    def input_dtype(self) -> str:
        """What Keras casts features to before a call: in half precision large ones would lose what differs."""
        return "float32"

    def build(self, input_shape: tuple) -> None:
        width = input_shape[-1]
        self.mean = self.add_weight((width,), "zeros", trainable=False, autocast=False, name="mean")
        self.deviation = self.add_weight((width,), "ones", trainable=False, autocast=False, name="deviation")
        self.kernel = self.add_weight((width, self.units), "glorot_uniform", name="kernel")
        self.places.build((None, None, self.units))
        for bridge in self.bridges:
            bridge.build((None, self.units))

    def call(self, inputs: tf.Tensor) -> tuple[tf.Tensor, tuple[State, ...]]:
        scaled = tf.cast((tf.cast(inputs, tf.float32) - self.mean) / self.deviation, self.compute_dtype)
        cells = tf.range(tf.shape(inputs)[1])
        # Positions scale what they are given by the root of the units, as it suits token vectors.
        vectors = dense(scaled, self.kernel) * self.units**-0.5
        annotations = tf.tanh(self.places(vectors, cells))
        mean_annotation = tf.reduce_mean(annotations, 1)
        made = [bridge(mean_annotation) for bridge in self.bridges]
        return annotations, tuple(tuple(made[i : i + self.tensors]) for i in range(0, len(made), self.tensors))

    def standardize(self, mean: np.ndarray, deviation: np.ndarray) -> None:
        """Set the mean and the deviation ``(width,)`` of each number over the training data, of which none is 0."""
        self.mean.assign(mean)
        self.deviation.assign(deviation)

    def get_config(self) -> dict[str, Any]:
        own = ("units", "bridge", "positions")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
