"""Metrics of training: perplexity and token accuracy."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.training.losses import token_cross_entropy
from nmt.training.vocabulary_loss import TokenScores


class TokenMetric(keras.metrics.Metric):
    """The base class of means over real tokens. A subclass defines what is measured for each token.

    The ids are ``(batch, target)``, with ``nothing`` at padding. Predictions are logits ``(batch, target, vocabulary)``
    or :class:`~nmt.training.vocabulary_loss.TokenScores`. A ``sample_weight`` is refused, as the loss refuses it.
    """

    def __init__(self, name: str, nothing: int = 0, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.nothing = nothing
        self.total = self.add_variable((), "zeros", name="total")
        self.tokens = self.add_variable((), "zeros", name="tokens")

    def update_state(self, y_true: tf.Tensor, y_pred: tf.Tensor | TokenScores, sample_weight: Any = None) -> None:
        if sample_weight is not None:
            raise ValueError(f"{type(self).__name__} gives every token the same weight and takes no sample_weight.")
        y_true = tf.cast(y_true, tf.int32)
        real = tf.cast(y_true != self.nothing, tf.float32)
        y_true = tf.maximum(y_true, 0)
        self.total.assign_add(tf.reduce_sum(tf.cast(self.measure(y_true, y_pred), tf.float32) * real))
        self.tokens.assign_add(tf.reduce_sum(real))

    def measure(self, y_true: tf.Tensor, y_pred: tf.Tensor | TokenScores) -> tf.Tensor:
        """Return a number for every token, ``(batch, target)``, from ids ``(batch, target)`` and predictions."""
        raise TypeError("TokenMetric is a base class. Use Perplexity or TokenAccuracy.")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "nothing": self.nothing}

    def mean(self) -> tf.Tensor:
        return tf.math.divide_no_nan(tf.convert_to_tensor(self.total), tf.convert_to_tensor(self.tokens))


@keras.saving.register_keras_serializable("nmt")
class Perplexity(TokenMetric):
    """``exp`` of the mean ``-log p`` of a real token, without label smoothing.

    Call arguments:
        y_true: ids ``(batch, target)``; those that are ``nothing``, 0 if not given, are not counted.
        y_pred: logits ``(batch, target, vocabulary)``, or the :class:`TokenScores` of a training in chunks.

    Raises:
        ValueError: for a ``sample_weight``.

    >>> metric = Perplexity()
    >>> metric.update_state(tf.constant([[1, 0]]), tf.zeros([1, 2, 4]))
    >>> round(float(metric.result()), 3)
    4.0
    """

    def __init__(self, name: str = "perplexity", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)

    def measure(self, y_true: tf.Tensor, y_pred: tf.Tensor | TokenScores) -> tf.Tensor:
        return y_pred.minus_log_p if isinstance(y_pred, TokenScores) else token_cross_entropy(y_true, y_pred)

    def result(self) -> tf.Tensor:
        return tf.exp(self.mean())


@keras.saving.register_keras_serializable("nmt")
class TokenAccuracy(TokenMetric):
    """The share of real tokens that have the highest logit at their position.

    Call arguments:
        y_true: ids ``(batch, target)``; those that are ``nothing``, 0 if not given, are not counted.
        y_pred: logits ``(batch, target, vocabulary)``, or the :class:`TokenScores` of a training in chunks.

    Raises:
        ValueError: for a ``sample_weight``.

    >>> metric = TokenAccuracy()
    >>> metric.update_state(tf.constant([[1, 2, 0]]), tf.one_hot([[1, 3, 3]], 4))
    >>> float(metric.result())
    0.5
    """

    def __init__(self, name: str = "accuracy", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)

    def measure(self, y_true: tf.Tensor, y_pred: tf.Tensor | TokenScores) -> tf.Tensor:
        if isinstance(y_pred, TokenScores):
            return y_pred.likeliest == y_true
        return tf.argmax(y_pred, -1, output_type=tf.int32) == y_true

    def result(self) -> tf.Tensor:
        return self.mean()
