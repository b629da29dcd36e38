"""Guided alignment: the attention is shown where to look, by links of words that are given."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nmt.training.distribute import sum_over_replicas

# The least weight whose inverse, the gradient of its logarithm, is a number.
_LEAST = np.finfo(np.float32).tiny


def alignment_losses(links: tf.Tensor, alignment: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return ``-sum_s G_ts log a_ts`` of every place t, and which places are guided: both ``(batch, target)``.

    >>> losses, guided = alignment_losses(tf.constant([[[0.5, 0.5], [0.0, 0.0]]]), tf.constant([[[0.5, 0.5]] * 2]))
    >>> [round(float(loss), 4) + 0.0 for loss in losses[0]], guided.numpy().tolist()  # ln 2, and none for zeros
    ([0.6931, 0.0], [[True, False]])
    """
    links = tf.cast(links, tf.float32)
    # In half precision all weights near one would have the same logarithm.
    alignment = tf.cast(alignment, tf.float32)
    linked = links > 0
    # Where nothing is linked there may be zeros, padding above all. The logarithm of 1 is 0, and so is its gradient:
    # 0 * log 0 would be no number. A linked weight can vanish, too, when a score is low.
    weights = tf.where(linked, tf.maximum(alignment, _LEAST), tf.ones_like(alignment))
    return -tf.reduce_sum(links * tf.math.log(weights), -1), tf.reduce_any(linked, -1)


def alignment_loss(links: tf.Tensor, alignment: tf.Tensor) -> tf.Tensor:
    """Return the cross-entropy of an alignment against given links, averaged over the guided places of the batch::

        loss = sum over guided t of (-sum_s G_ts log a_ts) / number of guided t

    Chen et al. 2016, https://arxiv.org/abs/1607.01628; Garg et al. 2019, https://arxiv.org/abs/1909.02074, give it to
    one head of a Transformer. A place whose row of ``G`` is zero is not
    guided: padding, the end token, words without links. Without a guided place the loss is zero.

    Arguments:
        links: ``G``, ``(batch, target, source)``; a row sums to one or is zero.
        alignment: ``a``, of the same shape; a row sums to one, and may be zero on padding.

    >>> alignment = tf.constant([[[0.5, 0.5], [0.25, 0.75]]])
    >>> round(float(alignment_loss(tf.constant([[[1.0, 0.0], [0.0, 1.0]]]), alignment)), 4)  # (ln 2 + ln 4/3) / 2
    0.4904
    """
    losses, guided = alignment_losses(links, alignment)
    # Several devices share a batch: their losses add up to that of the whole, whoever has the linked words.
    (places,) = sum_over_replicas([tf.reduce_sum(tf.cast(guided, tf.float32))])
    return tf.reduce_sum(losses) / tf.maximum(places, 1)


class AlignmentLoss(keras.metrics.Metric):
    """The mean over the guided places of an epoch of what :func:`alignment_losses` gives each.

    >>> metric = AlignmentLoss()
    >>> metric.update_state(tf.constant([[[0.0, 1.0], [0.0, 0.0]]]), tf.constant([[[0.5, 0.5]] * 2]))
    >>> round(float(metric.result()), 4)
    0.6931
    """

    def __init__(self, name: str = "alignment_loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.total = self.add_variable((), "zeros", name="total")
        self.places = self.add_variable((), "zeros", name="places")

    def update_state(self, links: tf.Tensor, alignment: tf.Tensor) -> None:
        losses, guided = alignment_losses(links, alignment)
        self.total.assign_add(tf.reduce_sum(losses))
        self.places.assign_add(tf.reduce_sum(tf.cast(guided, tf.float32)))

    def result(self) -> tf.Tensor:
        return tf.math.divide_no_nan(tf.convert_to_tensor(self.total), tf.convert_to_tensor(self.places))


class Guidance:
    """What a model needs to learn from links, see :attr:`nmt.models.base.TextModel.guidance`.

    Arguments:
        weight: what the loss is multiplied by before it is added to the cross-entropy.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.metric = AlignmentLoss()

    def loss(self, links: tf.Tensor, alignment: tf.Tensor) -> tf.Tensor:
        """Return what is added to the cross-entropy."""
        return self.weight * alignment_loss(links, alignment)
