"""Pooling against its equation in NumPy, and the weights of padding."""

import keras
import numpy as np
import tensorflow as tf

from nmt.layers.pooling import AttentionPooling, last_annotation, mean_pooling

BATCH, SOURCE, WIDTH, UNITS = 2, 3, 5, 7
MASK = np.array([[True, True, False], [True, True, True]])
VALUES = np.random.default_rng(3).normal(size=[BATCH, SOURCE, WIDTH]).astype(np.float32)


def test_attention_pooling_follows_the_equation_and_gives_padding_no_weight():
    layer = AttentionPooling(UNITS, name="mine")
    layer.build((None, None, WIDTH))
    rng = np.random.default_rng(5)
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.weights])
    vector, weights = layer(VALUES, mask=tf.constant(MASK))
    kernel, query = layer.get_weights()
    for row in range(BATCH):
        values = VALUES[row][MASK[row]]
        e = np.array([query @ np.tanh(h @ kernel) for h in values])
        a = np.exp(e) / np.exp(e).sum()
        np.testing.assert_allclose(weights[row].numpy()[MASK[row]], a, atol=1e-5)
        np.testing.assert_allclose(vector[row], a @ values, atol=1e-5)
    assert float(weights[0, 2]) == 0
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config() and again.units == UNITS


def test_the_mean_and_the_last_are_of_real_tokens():
    mean, weights = mean_pooling(tf.constant(VALUES), tf.constant(MASK))
    np.testing.assert_allclose(mean, [VALUES[0, :2].mean(0), VALUES[1].mean(0)], atol=1e-6)
    np.testing.assert_allclose(weights, [[0.5, 0.5, 0.0], [1 / 3] * 3], atol=1e-6)
    np.testing.assert_array_equal(last_annotation(tf.constant(VALUES), tf.constant(MASK)), [VALUES[0, 1], VALUES[1, 2]])
