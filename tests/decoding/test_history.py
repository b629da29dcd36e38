"""What a search keeps of its steps is the same in arrays and in dense buffers."""

import numpy as np
import pytest
import tensorflow as tf

from nmt.decoding.history import ARRAYS, DENSE

both = pytest.mark.parametrize("history", [ARRAYS, DENSE], ids=["arrays", "dense"])


def kept(history, rows, source, steps, written):
    """Write value ``t + 1`` at some steps, into histories of two kinds."""
    zeros = (tf.zeros([rows], tf.int32), tf.zeros([rows, source]))
    buffers = history.empty(steps, zeros)
    for t in written:
        buffers = history.write(buffers, tf.constant(t), [zero + tf.cast(t + 1, zero.dtype) for zero in zeros])
    return history.stack(buffers, steps)


@both
def test_values_stand_at_their_steps_and_the_others_are_zero(history):
    numbers, weights = kept(history, 2, 3, steps=5, written=[0, 1, 3])
    assert numbers.numpy().tolist() == [[1, 1], [2, 2], [0, 0], [4, 4], [0, 0]]
    np.testing.assert_array_equal(weights, np.tile(np.array([1, 2, 0, 4, 0])[:, None, None], (1, 2, 3)))


@both
@pytest.mark.parametrize(("rows", "source", "steps"), [(0, 3, 5), (2, 0, 5), (2, 3, 0), (0, 0, 0)])
def test_nothing_has_a_shape(history, rows, source, steps):
    @tf.function(input_signature=[tf.TensorSpec([], tf.int32)] * 3, autograph=False)
    def graph(rows, source, steps):
        return kept(history, rows, source, steps, written=[])

    for numbers, weights in (
        kept(history, rows=rows, source=source, steps=steps, written=[]),
        graph(rows, source, steps),
    ):
        assert numbers.shape == (steps, rows) and numbers.dtype == tf.int32
        assert weights.shape == (steps, rows, source)
