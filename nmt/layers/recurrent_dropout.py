"""Dropout of a recurrent state: the same units at all steps of a sentence."""

from __future__ import annotations

import keras
import tensorflow as tf

from nmt.layers.cells import State


def draw_recurrent_mask(state: State, rate: float, seed: keras.random.SeedGenerator) -> tf.Tensor:
    """Draw the units of ``h`` that are dropped from the products with ``U`` at every step of a sentence.

    Gal and Ghahramani 2016, https://arxiv.org/abs/1512.05287, equation 7 with one mask for all gates::

        m = b / (1 - p),  each element of b is 1 with probability 1 - p, else 0      once for a sentence
        U h_{t-1}  becomes  U (m * h_{t-1})                                          at every step

    With another mask at each step, noise would add up over time. What a gate keeps of the old state, such as
    ``z_t * h_{t-1}``, keeps all units, unlike in Keras's own cells: a dropped unit is not forgotten.

    Arguments:
        state: of the layer, tensors ``(batch, units)``; only its shape and type matter.
        rate: ``p``, the share of units.
        seed: where the random numbers come from.

    Returns:
        ``m``, shape ``(batch, units)``.

    >>> mask = draw_recurrent_mask((tf.zeros([2, 1000]),), 0.5, keras.random.SeedGenerator(7))
    >>> sorted(set(mask.numpy().ravel().tolist()))
    [0.0, 2.0]
    """
    return keras.random.dropout(tf.ones_like(state[0]), rate, seed=seed)
