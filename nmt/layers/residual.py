"""Dropout, normalisation and residual connections, which make deep stacks of recurrent layers trainable."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("nmt")
class ResidualStack(keras.layers.Layer):
    """Dropout, layer normalisation and residual connections between the recurrent layers of a stack::

        x_{i+1} = x_i + norm(layer_i(dropout(x_i)))      the first layer has neither dropout nor x_i

    The residual connections are those of He et al. 2016, https://arxiv.org/abs/1512.03385, the normalisation is that of
    Ba et al. 2016, https://arxiv.org/abs/1607.06450. The normalisation comes after the recurrence and not inside it, so
    all time steps are normalised at once. The recurrent layers themselves are not part of it: its owner calls
    :meth:`before`, runs layer i, and calls :meth:`after`.

    Arguments:
        layers: number of recurrent layers in the stack.
        width: width of a layer's output.
        dropout: share of units dropped between layers.
        layer_norm: normalise the output of each layer.
        residual: add the input of each layer but the first to its output.

    >>> stack = ResidualStack(2, 5, layer_norm=True, residual=True)
    >>> stack.build()
    >>> stack.after(1, tf.ones([3, 5]), tf.zeros([3, 5])).numpy().tolist()[0]  # 1 + norm(0)
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """

    def __init__(
        self,
        layers: int,
        width: int,
        dropout: float = 0.0,
        layer_norm: bool = False,
        residual: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.layers = layers
        self.width = width
        self.dropout = dropout
        self.layer_norm = layer_norm
        self.residual = residual
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.norms = [
            keras.layers.LayerNormalization(epsilon=1e-5, name=f"norm_{i}", dtype=self.dtype_policy)
            for i in range(layers if layer_norm else 0)
        ]

    def build(self, input_shape: Any = None) -> None:
        for norm in self.norms:
            norm.build((None, self.width))

    def before(self, layer: int, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the input of a layer: ``dropout(x_i)``, or ``x_0`` unchanged for the first layer.

        Arguments:
            layer: ``i``, from 0.
            inputs: ``x_i``, one step ``(batch, width)`` or a sequence ``(batch, time, width)``. The input of the first
                layer may have another width.
            training: whether units are dropped.
        """
        return self.drop(inputs, training=training) if layer else inputs

    def after(self, layer: int, inputs: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """Return ``x_{i+1}``: the normalised output of a layer, plus its input from before the dropout.

        Arguments:
            layer: ``i``, from 0.
            inputs: ``x_i``, ``(…, width)``; not used for the first layer, which may read another width.
            outputs: the output of layer i, ``(…, width)``.
        """
        if self.layer_norm:
            outputs = self.norms[layer](outputs)
        return inputs + outputs if self.residual and layer else outputs

    def get_config(self) -> dict[str, Any]:
        own = ("layers", "width", "dropout", "layer_norm", "residual")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
