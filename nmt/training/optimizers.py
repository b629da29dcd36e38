"""Adam with one fused operation for each variable."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from nmt.tf_import import resource_handle
from nmt.training.distribute import replicas, sum_over_replicas


class Rates(NamedTuple):
    """What a step of Adam has for all variables: the learning rate, and ``β_1^t`` and ``β_2^t`` of step ``t``."""

    learning_rate: tf.Tensor
    beta_1_power: tf.Tensor
    beta_2_power: tf.Tensor


@keras.saving.register_keras_serializable("nmt")
class Adam(keras.optimizers.Adam):
    """Keras's Adam, with TensorFlow's fused operation for the update. With the gradient ``g`` of a weight ``w``::

        m = β_1 m + (1 - β_1) g         v = β_2 v + (1 - β_2) g^2
        w = w - α sqrt(1 - β_2^t) / (1 - β_1^t)  m / (sqrt(v) + ε)

    Kingma and Ba 2015, https://arxiv.org/abs/1412.6980, the form before section 2.1. Keras writes the update as a dozen
    operations, each of which reads all weights; the fused one reads them once and gives the same numbers. On two cores
    that halves the time of the optimizer.

    With ``use_ema`` each step also moves an average ``a`` of each weight, with the steps ``t`` before it and the decay
    ``d``, ``ema_momentum``::

        a = d_t a + (1 - d_t) w         d_t = min(d, t / (9 + t))

    Polyak and Juditsky 1992, https://doi.org/10.1137/0330046, in the form of TensorFlow's
    ``ExponentialMovingAverage(num_updates=...)``. Keras has ``d_t = d`` from the second step on, and the first weights
    then count for the first thousands of steps; here the average is about that of the last tenth of all steps, until
    the decay is reached: with 0.999 after 8,991 steps.

    An optimizer of one's own cannot do without private parts of Keras 3.15: its momenta, averages, schedule and counter
    of batches have no public names, see :mod:`nmt.tf_import`.

    Raises:
        ValueError: at the first step, for ``amsgrad``, which the operation does not have.

    >>> weight = keras.Variable([1.0, 1.0])
    >>> Adam(0.1).apply([tf.constant([3.0, -2.0])], [weight])
    >>> print(weight.numpy().round(2))  # the first step is α long, whatever the gradient
    [0.9 1.1]
    """

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        # An embedding's gradient is a list of rows, one for each token read, and Keras would clip by the norm of the
        # list without adding up the rows of a token that was read twice. Adam moves all rows anyway.
        grads = [None if g is None else tf.convert_to_tensor(g) for g in grads]
        super().apply(self._shared(grads), trainable_variables)

    def _clip_gradients(self, grads: list[Any]) -> list[Any]:
        """Clip gradients by their norm without a copy of their squares. A private method of Keras 3.15."""
        if not self.global_clipnorm:
            return super()._clip_gradients(grads)
        norm = tf.sqrt(2 * tf.add_n([tf.cast(tf.nn.l2_loss(g), tf.float32) for g in grads if g is not None]))
        # As in Keras, everything is NaN if the norm is infinite.
        scale = self.global_clipnorm * tf.minimum(1 / norm, 1 / self.global_clipnorm) + (norm - norm)
        return [None if g is None else g * tf.cast(scale, g.dtype) for g in grads]

    def _shared(self, grads: list[Any]) -> list[Any]:
        """Add up the gradients of several devices, so that the sum is clipped; Keras would clip each one before it."""
        if replicas() == 1 or self.gradient_accumulation_steps:
            return grads
        sums = iter(sum_over_replicas([g for g in grads if g is not None]))
        return [None if g is None else next(sums) for g in grads]

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> list[Any]:
        """Return gradients that are added up already; Keras would add up those of all devices once more.

        A private method of Keras 3.15, see :mod:`nmt.tf_import`.
        """
        return super()._all_reduce_sum_gradients(grads_and_vars) if self.gradient_accumulation_steps else grads_and_vars

    def finalize_variable_values(self, var_list: Any) -> None:
        """Leave the weights as they are when ``fit`` ends; Keras would replace them by their averages.

        A resumed run needs the weights. The averages are in :meth:`averages`.
        """

    def _update_model_variables_moving_average(self, trainable_variables: list[Any]) -> None:
        """Move the averages towards the weights, at each step and not at each batch while gradients accumulate.

        A private method of Keras 3.15, see :mod:`nmt.tf_import`.
        """
        steps = tf.cast(self.iterations, tf.float32)
        share = 1 - tf.minimum(self.ema_momentum, steps / (9 + steps))
        if self.gradient_accumulation_steps:
            stepped = (tf.convert_to_tensor(self._iterations) + 1) % self.gradient_accumulation_steps == 0
            share *= tf.cast(stepped, tf.float32)
        for weight, average in zip(trainable_variables, self._model_variables_moving_average, strict=True):
            # One operation that reads and writes each average in place; its "gradient" is how far it is off.
            tf.raw_ops.ResourceApplyGradientDescent(
                var=resource_handle(average), alpha=tf.cast(share, average.dtype), delta=average - weight
            )

    def _get_current_learning_rate(self) -> Any:
        """Return the rate of the next step; Keras would ask the schedule for that of the next batch.

        The two differ while gradients accumulate. A private method of Keras 3.15, see :mod:`nmt.tf_import`.
        """
        schedule = self._learning_rate
        if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
            return schedule(self.iterations)
        return super()._get_current_learning_rate()

    def averages(self) -> list[Any]:
        """Return the moving averages of the weights, in the order of the weights; with ``use_ema`` only."""
        return self._model_variables_moving_average

    def _backend_update_step(self, grads: Any, trainable_variables: Any, learning_rate: tf.Tensor) -> None:
        """Update all variables; what is the same for each of them is computed once.

        A private method of Keras 3.15, see :mod:`nmt.tf_import`. It hands its last argument to each ``update_step``.
        """
        step = tf.cast(self.iterations + 1, tf.float32)
        rates = Rates(tf.cast(learning_rate, tf.float32), self.beta_1**step, self.beta_2**step)
        super()._backend_update_step(grads, trainable_variables, rates)

    def update_step(self, gradient: Any, variable: tf.Variable, rates: Rates) -> None:
        if self.amsgrad:
            raise ValueError("The fused Adam has no amsgrad.")
        place = self._get_variable_index(variable)
        first, second = self._momentums[place], self._velocities[place]
        dtype = variable.dtype
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=resource_handle(first),
            v=resource_handle(second),
            beta1_power=tf.cast(rates.beta_1_power, dtype),
            beta2_power=tf.cast(rates.beta_2_power, dtype),
            lr=tf.cast(rates.learning_rate, dtype),
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(self.beta_2, dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=gradient,
        )
