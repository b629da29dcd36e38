"""The loss: the mean cross-entropy of the real tokens."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.training.distribute import sum_over_replicas
from nmt.training.vocabulary_loss import TokenScores


def token_cross_entropy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return ``-log p(target)`` of every token, padding included.

    Arguments:
        targets: ids ``(batch, target)``.
        logits: ``(batch, target, vocabulary)``.

    Returns:
        ``(batch, target)``.
    """
    losses, _ = _softmax_cross_entropy(_flat(logits), tf.reshape(targets, [-1]))
    return tf.reshape(losses, tf.shape(targets))


def _softmax_cross_entropy(logits: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the losses ``(tokens,)`` and their gradient ``(tokens, vocabulary)``.

    Loss and metrics run this operation on the same tensors, so the graph runs it once for both.
    """
    return tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(features=logits, labels=targets)


def _flat(logits: tf.Tensor) -> tf.Tensor:
    flat = tf.reshape(logits, [-1, tf.shape(logits)[-1]])
    # In half precision a sum over the vocabulary is too coarse.
    return tf.cast(flat, tf.float32) if flat.dtype.size < 4 else flat


@tf.custom_gradient
def _smoothed(logits: tf.Tensor, targets: tf.Tensor, smoothing: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """Return the smoothed losses ``(tokens,)``.

    The gradient ``softmax - (1 - e) onehot - e / vocabulary`` is written by hand. TensorFlow's own builds a matrix of
    tokens by vocabulary for each of its three terms, which costs a third of the whole step with 8,000 tokens.
    """
    losses, gradient = _softmax_cross_entropy(logits, targets)
    places = tf.stack([tf.range(tf.size(targets)), targets], 1)
    # e * (mean over w of -log p(w) - -log p(y)): the normaliser of the softmax cancels out.
    smoothed = losses + smoothing * (tf.gather_nd(logits, places) - tf.reduce_mean(logits, -1))

    def backward(upstream: tf.Tensor) -> tuple[tf.Tensor, None, None]:
        share = smoothing / tf.cast(tf.shape(logits)[-1], logits.dtype)
        dense = (gradient - share) * tf.expand_dims(upstream, -1)
        return tf.tensor_scatter_nd_add(dense, places, smoothing * upstream), None, None

    return smoothed, backward


# Keras's name for a mean over a batch. Configs of losses hold it.
KERAS_MEAN = "sum_over_batch_size"


def check_reduction(loss: keras.losses.Loss, reduction: str) -> None:
    """Refuse what a loss that is always a mean would ignore.

    Raises:
        ValueError: for any other reduction than Keras's default.
    """
    if reduction != KERAS_MEAN:
        raise ValueError(f"{type(loss).__name__} is always a mean and has no reduction '{reduction}'. Leave it out.")


@keras.saving.register_keras_serializable("nmt")
class MaskedCrossEntropy(keras.losses.Loss):
    """Cross-entropy with label smoothing, averaged over the real tokens of the batch::

        loss = sum over real tokens of l(y) / number of real tokens
        l(y) = (1 - e) * -log p(y) + e * mean over tokens w of -log p(w)

    Szegedy et al. 2016, section 7, https://arxiv.org/abs/1512.00567. Padding is id 0. A batch of long sentences has
    the same weight as one of short ones.

    Arguments:
        label_smoothing: ``e``.
        reduction: Keras's default, since it is always this mean.

    Call arguments:
        y_true: ids ``(batch, target)``.
        y_pred: logits ``(batch, target, vocabulary)``, or :class:`~nmt.training.vocabulary_loss.TokenScores` that were
            computed with the same ``e``.

    Raises:
        ValueError: for a ``sample_weight`` or another reduction.

    >>> loss = MaskedCrossEntropy()(tf.constant([[1, 0]]), tf.zeros([1, 2, 4]))
    >>> round(float(loss), 4)  # ln 4: all four tokens are equally likely, and the padding does not count
    1.3863
    """

    def __init__(
        self, label_smoothing: float = 0.0, name: str = "loss", reduction: str = KERAS_MEAN, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        check_reduction(self, reduction)
        self.label_smoothing = label_smoothing

    def __call__(self, y_true: tf.Tensor, y_pred: tf.Tensor | TokenScores, sample_weight: Any = None) -> tf.Tensor:
        # Keras would turn the ids into floats and back, and average over sentences.
        if sample_weight is not None:
            raise ValueError("MaskedCrossEntropy gives every real token the same weight and takes no sample_weight.")
        with tf.name_scope(self.name):
            return self.call(y_true, y_pred)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor | TokenScores) -> tf.Tensor:
        targets = tf.reshape(tf.cast(y_true, tf.int32), [-1])
        if isinstance(y_pred, TokenScores):
            total = y_pred.total
        else:
            logits = _flat(y_pred)
            losses = _smoothed(logits, targets, tf.constant(self.label_smoothing, logits.dtype))
            total = tf.reduce_sum(losses * tf.cast(targets != 0, losses.dtype))
        # Several devices share a batch: their losses add up to that of the whole, however long the sentences of each.
        (tokens,) = sum_over_replicas([tf.cast(tf.math.count_nonzero(targets), total.dtype)])
        return total / tf.maximum(tokens, 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
