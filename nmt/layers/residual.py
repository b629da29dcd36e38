"""What makes deep stacks of recurrent layers learn: dropout, normalisation, residual connections."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("nmt")
class Depth(keras.layers.Layer):
    """What lies between the recurrent layers of a stack::

        x_{i+1} = x_i + norm(layer_i(dropout(x_i)))      the first layer has neither dropout nor x_i

    Residual connections are those of He et al. 2016, https://arxiv.org/abs/1512.03385, the normalisation that of Ba et
    al. 2016, https://arxiv.org/abs/1607.06450. It stands after the recurrence and not inside it, so that all words are
    normalised at once.

    Arguments:
        layers: how many layers the stack has.
        width: width of what a layer gives.
        dropout: share of units dropped between layers.
        layer_norm: normalise what each layer gives.
        residual: add what each layer but the first has read.

    >>> depth = Depth(2, 5, layer_norm=True, residual=True)
    >>> depth.build()
    >>> depth.after(1, tf.ones([3, 5]), tf.zeros([3, 5])).numpy().tolist()[0]  # 1 + norm(0)
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
        """Return what layer number ``layer`` reads, from what the one below gave."""
        return self.drop(inputs, training=training) if layer else inputs

    def after(self, layer: int, inputs: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """Return what layer number ``layer`` gives on, from what came before its dropout and what it made of it."""
        if self.layer_norm:
            outputs = self.norms[layer](outputs)
        return inputs + outputs if self.residual and layer else outputs

    def get_config(self) -> dict[str, Any]:
        own = ("layers", "width", "dropout", "layer_norm", "residual")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
