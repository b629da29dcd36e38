"""How the learning rate moves."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("nmt")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Rise in a straight line, then stay, or fall as one over the root of the steps::

        rate(step) = scale * peak * min(1, (step + 1) / warmup)            decay "constant"
        rate(step) = scale * peak * min((step + 1) / warmup, sqrt(warmup / (step + 1)))    decay "inverse_root"

    The second is that of Vaswani et al. 2017, equation 3, https://arxiv.org/abs/1706.03762, written with its peak.
    ``scale`` begins at 1; who watches for a plateau multiplies it.

    Arguments:
        peak: the highest rate.
        warmup: steps of the rise.
        decay: ``constant`` or ``inverse_root``.

    >>> schedule = WarmUp(0.1, warmup=4, decay="inverse_root")
    >>> [round(float(schedule(step)), 4) for step in (0, 3, 15)]
    [0.025, 0.1, 0.05]
    """

    def __init__(self, peak: float, warmup: int, decay: str = "constant") -> None:
        if decay not in ("constant", "inverse_root"):
            raise ValueError(f"There is no decay '{decay}'. Known: constant, inverse_root.")
        self.peak = peak
        self.warmup = warmup
        self.decay = decay
        self.scale = keras.Variable(1.0, trainable=False, name="scale")

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        done = (tf.cast(step, tf.float32) + 1) / self.warmup
        shape = tf.minimum(done, tf.math.rsqrt(done) if self.decay == "inverse_root" else 1.0)
        return tf.convert_to_tensor(self.scale) * self.peak * shape

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "warmup": self.warmup, "decay": self.decay}
