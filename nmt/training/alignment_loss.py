"""Guided alignment: given word links teach the attention where to attend."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nmt.training.distribute import sum_over_replicas

# The smallest weight whose inverse, the gradient of its logarithm, is finite.
_MIN_WEIGHT = np.finfo(np.float32).tiny


def alignment_losses(links: tf.Tensor, alignment: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return ``-sum_s G_ts log a_ts`` of every target position t, and which are guided: both ``(batch, target)``.

    Arguments:
        links, alignment: as those of :func:`alignment_loss`.

    >>> losses, guided = alignment_losses(tf.constant([[[0.5, 0.5], [0.0, 0.0]]]), tf.constant([[[0.5, 0.5]] * 2]))
    >>> [round(float(loss), 4) + 0.0 for loss in losses[0]], guided.numpy().tolist()  # ln 2, and none for zeros
    ([0.6931, 0.0], [[True, False]])
    """
    links = tf.cast(links, tf.float32)
    # In half precision all weights near one have the same logarithm.
    alignment = tf.cast(alignment, tf.float32)
    linked = links > 0
    # Weights without a link may be zero, as on padding, and 0 * log 0 is not a number. They become 1, whose logarithm
    # is 0 and has no gradient. A linked weight can vanish, too, when its score is low.
    weights = tf.where(linked, tf.maximum(alignment, _MIN_WEIGHT), tf.ones_like(alignment))
    return -tf.reduce_sum(links * tf.math.log(weights), -1), tf.reduce_any(linked, -1)


def alignment_loss(links: tf.Tensor, alignment: tf.Tensor) -> tf.Tensor:
    """Return the cross-entropy of an alignment against given links, averaged over the guided positions of the batch::

        loss = sum over guided t of (-sum_s G_ts log a_ts) / number of guided t

    Chen et al. 2016, https://arxiv.org/abs/1607.01628; Garg et al. 2019, https://arxiv.org/abs/1909.02074, apply it to
    one head of a Transformer. A position whose row of ``G`` is zero is not guided: padding, EOS, tokens without links.
    Without a guided position the loss is zero.

    Arguments:
        links: ``G``, ``(batch, target, source)``; a row sums to one or is zero.
        alignment: ``a``, of the same shape; a row sums to one, and may be zero on padding.

    >>> alignment = tf.constant([[[0.5, 0.5], [0.25, 0.75]]])
    >>> round(float(alignment_loss(tf.constant([[[1.0, 0.0], [0.0, 1.0]]]), alignment)), 4)  # (ln 2 + ln 4/3) / 2
    0.4904
    """
    losses, guided = alignment_losses(links, alignment)
    # Several devices share a batch: their losses add up to that of the whole, however the links are spread.
    (places,) = sum_over_replicas([tf.reduce_sum(tf.cast(guided, tf.float32))])
    return tf.reduce_sum(losses) / tf.maximum(places, 1)


class AlignmentLoss(keras.metrics.Metric):
    """The mean of :func:`alignment_losses` over all guided positions of an epoch.

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
