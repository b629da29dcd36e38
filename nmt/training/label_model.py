"""What training adds to a classifier or a tagger: its loss, its metrics, and steps that can be repeated exactly."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.data.label_pipeline import NONE
from nmt.models.encoder_model import EncoderModel
from nmt.training.distribute import sum_over_replicas
from nmt.training.losses import KERAS_MEAN, check_reduction
from nmt.training.metrics import Perplexity, TokenAccuracy
from nmt.training.training_model import TrainingModel


@keras.saving.register_keras_serializable("nmt")
class LabelCrossEntropy(keras.losses.Loss):
    """Cross-entropy of labels with label smoothing, averaged over what has a label::

        loss = sum of l(y) / number of labels
        l(y) = (1 - e) * -log p(y) + e * mean over labels k of -log p(k)

    Arguments:
        label_smoothing: ``e``.
        reduction: Keras's default, since it is always this mean.

    Call arguments:
        y_true: numbers of labels ``(batch,)`` or ``(batch, source)``, -1 where there is none.
        y_pred: logits, with the labels as their last dimension.

    >>> loss = LabelCrossEntropy()(tf.constant([[1, -1]]), tf.zeros([1, 2, 4]))
    >>> round(float(loss), 4)  # ln 4: all four labels are equally likely, and what has none does not count
    1.3863
    """

    def __init__(
        self, label_smoothing: float = 0.0, name: str = "loss", reduction: str = KERAS_MEAN, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        check_reduction(self, reduction)
        self.label_smoothing = label_smoothing

    def __call__(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: Any = None) -> tf.Tensor:
        # Keras would average over texts, of which some have more tokens.
        if sample_weight is not None:
            raise ValueError("LabelCrossEntropy gives every label the same weight and takes no sample_weight.")
        with tf.name_scope(self.name):
            return self.call(y_true, y_pred)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        labels, there = tf.maximum(y_true, 0), tf.cast(y_true != NONE, tf.float32)
        log_p = tf.nn.log_softmax(tf.cast(y_pred, tf.float32))
        right = tf.gather(log_p, labels, axis=-1, batch_dims=len(labels.shape))
        losses = -(1 - self.label_smoothing) * right - self.label_smoothing * tf.reduce_mean(log_p, -1)
        (count,) = sum_over_replicas([tf.reduce_sum(there)])
        return tf.reduce_sum(losses * there) / tf.maximum(count, 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


class LabelTrainingModel(TrainingModel):
    """A classifier or a tagger as it is trained: ``compile`` and ``fit`` this one, then save and use ``network``.

    Plain ``model.compile`` and ``model.fit`` on the network work as well if no run is resumed.

    Arguments:
        network: the model that learns, with its weights.
        parts: in how many parts a step computes a batch, see :mod:`nmt.training.batch_parts`.

    Call arguments:
        inputs: ``{"source": ids}``.

    Returns:
        Logits ``(batch, labels)``, or of a tagger ``(batch, source, labels)``.
    """

    def __init__(self, network: EncoderModel, parts: int = 1, **kwargs: Any) -> None:
        super().__init__(network, parts=parts, **kwargs)

    def _read(self, inputs: dict[str, tf.Tensor], training: bool) -> Any:
        return self.network(inputs["source"], training=training)

    def _write(self, read: Any, inputs: dict[str, tf.Tensor], training: bool) -> Any:
        return read

    def loss_and_gradients(self, x: Any, y: Any, sample_weight: Any = None) -> tuple[Any, tf.Tensor, list[Any]]:
        with tf.GradientTape() as tape:
            logits = self(x, training=True)
            loss = self.compute_loss(x, y, logits, sample_weight, training=True)
        return logits, loss, tape.gradient(loss, self.trainable_weights)

    def rows(self, y: tf.Tensor) -> tf.Tensor:
        return tf.math.count_nonzero(tf.reduce_any(tf.reshape(y, [tf.shape(y)[0], -1]) != NONE, 1), dtype=tf.int32)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> tf.Tensor:
        return self.cross_entropy(y, y_pred, sample_weight)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        if len(y_pred.shape) == 2:  # one label is a sequence of one
            y, y_pred = tf.expand_dims(y, 1), tf.expand_dims(y_pred, 1)
        for metric in self.token_metrics:
            metric.update_state(y, y_pred)
        return self.get_metrics_result()


def label_metrics() -> list[keras.metrics.Metric]:
    """Return the metrics of labels: the perplexity, ``exp`` of the mean ``-log p``, and the accuracy."""
    return [Perplexity(nothing=NONE), TokenAccuracy(nothing=NONE)]
