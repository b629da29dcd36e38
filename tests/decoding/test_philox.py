"""The generator in a graph draws what NumPy's does."""

import numpy as np
import tensorflow as tf

from nmt.decoding.philox import uniform
from nmt.decoding.sampling import random_numbers


def test_it_draws_what_numpy_draws_for_every_key():
    keys = [(0, 0), (7, 0), (123_456_789, 5), (2**31 - 1, 2**40)]
    found = uniform(*(tf.constant(part, tf.int64) for part in zip(*keys, strict=True)), 11)
    wanted = [random_numbers(seed, [line], 11)[0] for seed, line in keys]
    np.testing.assert_array_equal(found, wanted)
    assert uniform(tf.zeros([0], tf.int64), tf.zeros([0], tf.int64), 3).shape == (0, 3)
