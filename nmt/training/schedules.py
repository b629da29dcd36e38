"""Schedules of the learning rate."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("nmt")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise, then a constant rate, or one that falls with the root of the steps, or linearly::

        n = step + 1
        rate = scale * peak * min(n / warmup, 1)                                      decay "constant"
        rate = scale * peak * min(n / warmup, sqrt(warmup / n))                       decay "inverse_root"
        rate = scale * peak * min(n / warmup, max((total - n) / (total - warmup), 0.01))     decay "linear"

    The second is that of Vaswani et al. 2017, equation 3, https://arxiv.org/abs/1706.03762, written with its peak.
    ``scale`` is lowered on a plateau. ``total`` may change during a run that ends by the clock.

    Arguments:
        peak: the highest rate.
        warmup: steps of the rise, 1 or more; with 1 the first step has the highest rate.
        decay: ``constant``, ``inverse_root`` or ``linear``.
        total: steps of the whole run, for ``linear``.
        scale: what the rate begins with.

    Raises:
        ValueError: for any other decay, for a rise of no steps, and for ``linear`` if ``total`` is not more than
            ``warmup``.

    >>> schedule = WarmUp(0.1, warmup=4, decay="inverse_root")
    >>> [round(float(schedule(step)), 4) for step in (0, 3, 15)]
    [0.025, 0.1, 0.05]
    """

    def __init__(self, peak: float, warmup: int, decay: str = "constant", total: int = 0, scale: float = 1.0) -> None:
        if decay not in ("constant", "inverse_root", "linear"):
            raise ValueError(f"There is no decay '{decay}'. Known: constant, inverse_root, linear.")
        if warmup < 1:
            raise ValueError(f"warmup must be 1 or more, not {warmup}: with 1 the first step has the highest rate.")
        if decay == "linear" and total <= warmup:
            raise ValueError(f"A linear decay over {total} steps leaves nothing after a rise of {warmup}.")
        self.peak = peak
        self.warmup = warmup
        self.decay = decay
        self.total = keras.Variable(float(total), trainable=False, name="total")
        self.scale = keras.Variable(scale, trainable=False, name="scale")

    def span(self, warmup: int, steps: int) -> None:
        """Set the rise and the end by the steps of the run. A step that is traced already keeps its rise.

        Arguments:
            warmup: steps of the rise, at most all.
            steps: of the whole run.
        """
        self.warmup = min(warmup, steps)
        self.total.assign(steps + 1)

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        n = tf.cast(step, tf.float32) + 1
        return tf.convert_to_tensor(self.scale) * self.peak * tf.minimum(n / self.warmup, self._fall(n))

    def _fall(self, n: tf.Tensor) -> tf.Tensor:
        if self.decay == "inverse_root":
            return tf.math.rsqrt(n / self.warmup)
        if self.decay == "linear":
            total = tf.convert_to_tensor(self.total)
            return tf.maximum((total - n) / tf.maximum(total - self.warmup, 1.0), 0.01)
        return tf.ones_like(n)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "warmup": self.warmup,
            "decay": self.decay,
            "total": int(tf.convert_to_tensor(self.total)),
            "scale": float(tf.convert_to_tensor(self.scale)),
        }
