"""NumPy's random numbers in a graph: an export draws what the package draws.

Philox-4x64, Salmon et al. 2011, *Parallel Random Numbers: As Easy as 1, 2, 3*, https://doi.org/10.1145/2063384.2063405.
Ten rounds make four numbers of 64 bits from a key of two words and a counter; with two constants ``m``, and the high
and the low word of a product ``x m``::

    (c_0, c_1, c_2, c_3) -> (high(c_2 m_1) ^ c_1 ^ k_0,  low(c_2 m_1),  high(c_0 m_0) ^ c_3 ^ k_1,  low(c_0 m_0))
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_ROUNDS = 10
_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
# Added to the key after each round.
_WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)


def uniform(seeds: tf.Tensor, lines: tf.Tensor, count: int) -> tf.Tensor:
    """Return random numbers from 0 to 1, ``(batch, count)``, those of :func:`~nmt.decoding.sampling.random_numbers`.

    Arguments:
        seeds, lines: whole numbers ``(batch,)``, the key of each row.
        count: the number of numbers.

    >>> from nmt.decoding.sampling import random_numbers
    >>> bool((uniform(tf.constant([7]), tf.constant([3]), 5).numpy() == random_numbers(7, [3], 5)).all())
    True
    """
    blocks = -(-count // 4)
    # NumPy counts before it draws.
    counter = tf.cast(tf.range(1, blocks + 1), tf.uint64)
    zeros = tf.zeros([tf.shape(seeds)[0], blocks], tf.uint64)
    words = [zeros + counter, zeros, zeros, zeros]
    key = [tf.expand_dims(tf.cast(tf.cast(part, tf.int64), tf.uint64), 1) for part in (seeds, lines)]
    for _ in range(_ROUNDS):
        (high_0, low_0), (high_1, low_1) = (_product(words[2 * i], _MULTIPLIERS[i]) for i in range(2))
        xor = tf.bitwise.bitwise_xor
        words = [xor(xor(high_1, words[1]), key[0]), low_1, xor(xor(high_0, words[3]), key[1]), low_0]
        key = [part + _word(added) for part, added in zip(key, _WEYL, strict=True)]
    drawn = tf.reshape(tf.stack(words, 2), [tf.shape(seeds)[0], 4 * blocks])[:, :count]
    # 53 bits are the digits of a number in double precision.
    return tf.cast(tf.cast(tf.bitwise.right_shift(drawn, _word(11)), tf.float64) / 2.0**53, tf.float32)


def _word(value: int) -> tf.Tensor:
    return tf.constant(np.uint64(value), tf.uint64)


def _product(x: tf.Tensor, factor: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the high and the low 64 bits of a product of 128 bits, from those of halves."""
    half, low_bits = _word(32), _word(2**32 - 1)
    x_high, x_low = tf.bitwise.right_shift(x, half), tf.bitwise.bitwise_and(x, low_bits)
    high, low = _word(factor >> 32), _word(factor & (2**32 - 1))
    carried = tf.bitwise.right_shift(x_low * low, half) + tf.bitwise.bitwise_and(x_high * low, low_bits) + x_low * high
    return (
        x_high * high + tf.bitwise.right_shift(x_high * low, half) + tf.bitwise.right_shift(carried, half),
        x * _word(factor),
    )
