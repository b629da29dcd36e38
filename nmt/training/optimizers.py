"""Adam in one operation a variable."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("nmt")
class Adam(keras.optimizers.Adam):
    """Keras's Adam, with TensorFlow's fused operation for the update.

    Kingma and Ba 2015, https://arxiv.org/abs/1412.6980, the form before section 2.1. Keras writes the update as a dozen
    operations, each of which walks through all weights; the fused one walks once, and gives the same numbers. On two
    cores that is half the time of the optimizer.
    """

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        # An embedding's gradient is a list of rows, one for each word read, and Keras would clip by the norm of the
        # list without adding up the rows of a word that was read twice. Adam moves all rows anyway.
        super().apply([None if g is None else tf.convert_to_tensor(g) for g in grads], trainable_variables)

    def update_step(self, gradient: Any, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        if self.amsgrad:
            raise ValueError("The fused Adam has no amsgrad.")
        place = self._get_variable_index(variable)
        first, second = self._momentums[place], self._velocities[place]
        dtype = variable.dtype
        step = tf.cast(self.iterations + 1, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=first._value.handle,
            v=second._value.handle,
            beta1_power=tf.cast(self.beta_1, dtype) ** step,
            beta2_power=tf.cast(self.beta_2, dtype) ** step,
            lr=tf.cast(learning_rate, dtype),
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(self.beta_2, dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=gradient,
        )
