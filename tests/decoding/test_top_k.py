"""The largest of each row are those of TensorFlow's own search, ties included."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.decoding.top_k import top_k


@given(
    seed=st.integers(0, 999),
    rows=st.integers(0, 3),
    vocabulary=st.sampled_from([1, 7, 31, 32, 33, 64, 101, 331]),
    count=st.integers(1, 40),
    levels=st.sampled_from([2, 5, 10_000]),
)
@settings(max_examples=100, deadline=None)
def test_equals_top_k(seed, rows, vocabulary, count, levels):
    scores = np.random.default_rng(seed).integers(0, levels, [rows, vocabulary]).astype(np.float32)
    scores[scores == 1] = -np.inf
    count = min(count, vocabulary)
    values, places = top_k(tf.constant(scores), count)
    expected, expected_places = tf.math.top_k(scores, count)
    np.testing.assert_array_equal(values, expected)
    # What pads the last block is minus infinity, too, so only of such words another may be named.
    real = np.isfinite(expected)
    np.testing.assert_array_equal(places.numpy()[real], expected_places.numpy()[real])


@pytest.mark.parametrize("count", [3, tf.constant(3)])
def test_in_a_graph_of_unknown_sizes(count):
    graph = tf.function(lambda scores: top_k(scores, count), input_signature=[tf.TensorSpec([None, None])])
    scores = np.random.default_rng(1).normal(size=[5, 97]).astype(np.float32)
    np.testing.assert_array_equal(graph(scores)[1], np.argsort(-scores, 1)[:, :3])


def test_what_is_left_out_comes_last():
    scores = tf.constant([[9.0, 1.0, 8.0, 2.0], [0.0, 0.5, 0.1, 0.2]])
    values, places = top_k(scores, 3, tf.constant([-np.inf, 0, -np.inf]))
    assert values.numpy().tolist() == [[2.0, 1.0, -np.inf], [0.5, np.float32(0.2), -np.inf]]
    assert places.numpy()[:, :2].tolist() == [[3, 1], [1, 3]]
