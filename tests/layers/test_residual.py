"""Between the layers of a stack: dropout, normalisation, residual connections, one at a time and together."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.layers.residual import ResidualStack

BATCH, TIME, WIDTH, LAYERS = 3, 5, 7, 2


def random(rng, *shape):
    return tf.constant(rng.normal(size=shape), tf.float32)


def built(**options):
    rng = np.random.default_rng(2)
    stack = ResidualStack(LAYERS, WIDTH, **options)
    stack.build()
    stack.set_weights([random(rng, *weight.shape).numpy() for weight in stack.weights])
    return stack


def given_to(*shape):
    """What a layer has read, and what it made of it."""
    rng = np.random.default_rng(3)
    return random(rng, *shape, WIDTH), random(rng, *shape, WIDTH)


def normalised(stack, layer, outputs):
    """Ba et al. 2016, equation 3, over the units of each word by itself."""
    gain, bias = (weight.astype(np.float64) for weight in stack.norms[layer].get_weights())
    outputs = np.asarray(outputs, np.float64)
    mean = outputs.mean(-1, keepdims=True)
    variance = ((outputs - mean) ** 2).mean(-1, keepdims=True)
    return gain * (outputs - mean) / np.sqrt(variance + 1e-5) + bias


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("shape", [(BATCH,), (BATCH, TIME)], ids=["step", "words"])
@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("residual", [False, True])
def test_follows_the_formula(layer, shape, layer_norm, residual):
    stack, (inputs, outputs) = built(layer_norm=layer_norm, residual=residual), given_to(*shape)
    wanted = normalised(stack, layer, outputs) if layer_norm else np.asarray(outputs)
    if residual and layer:  # the first layer has read words, which are of another width
        wanted = wanted + inputs
    np.testing.assert_allclose(stack.after(layer, inputs, outputs), wanted, atol=1e-5)
    np.testing.assert_array_equal(stack.before(layer, inputs), inputs)


def test_by_hand():
    # (1, 3) has mean 2 and deviations -1 and 1, whose mean square is 1: normalised it is (-1, 1). With gain (2, 2) and
    # bias (0, 1) it is (-2, 3), and with the residual (10, 20) that makes (8, 23).
    stack = ResidualStack(2, 2, layer_norm=True, residual=True)
    stack.build()
    stack.norms[1].set_weights([np.array([2.0, 2.0]), np.array([0.0, 1.0])])
    found = stack.after(1, tf.constant([[10.0, 20.0]]), tf.constant([[1.0, 3.0]]))
    np.testing.assert_allclose(found, [[8.0, 23.0]], atol=1e-4)


def test_does_nothing_unless_told():
    stack, (inputs, outputs) = built(), given_to(BATCH)
    assert stack.weights == []
    for layer in range(LAYERS):
        assert stack.after(layer, inputs, outputs) is outputs
        np.testing.assert_array_equal(stack.before(layer, inputs, training=True), inputs)


def test_the_first_layer_may_read_words_of_another_width():
    stack, (_, outputs) = built(layer_norm=True, residual=True), given_to(BATCH)
    found = stack.after(0, tf.ones([BATCH, WIDTH + 4]), outputs)
    np.testing.assert_allclose(found, normalised(stack, 0, outputs), atol=1e-5)


def test_each_layer_has_a_normalisation_of_its_own():
    stack, (inputs, outputs) = built(layer_norm=True), given_to(BATCH)
    assert [tuple(weight.shape) for weight in stack.trainable_weights] == [(WIDTH,)] * 2 * LAYERS
    assert np.abs(stack.after(0, inputs, outputs) - stack.after(1, inputs, outputs)).max() > 0.1


def test_a_residual_leads_around_the_layer():
    stack, (inputs, outputs) = built(residual=True, layer_norm=True), given_to(BATCH)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = tf.reduce_sum(stack.after(1, inputs, outputs))
    np.testing.assert_array_equal(tape.gradient(loss, inputs), np.ones([BATCH, WIDTH]))


def test_dropout_is_before_every_layer_but_the_first_and_in_training_only():
    stack, inputs = built(dropout=0.5), tf.ones([23, WIDTH])
    np.testing.assert_array_equal(stack.before(1, inputs), inputs)
    np.testing.assert_array_equal(stack.before(0, inputs, training=True), inputs)
    dropped, again = (stack.before(1, inputs, training=True).numpy() for _ in range(2))
    # A kept unit becomes 1 / (1 - 1/2) = 2.
    assert set(np.unique(dropped)) == {0.0, 2.0}
    assert 0.25 < (dropped > 0).mean() < 0.75  # 161 coins: six deviations of 1/2 / sqrt(161) to either side
    assert (dropped != again).any()


def test_what_was_read_is_added_as_it_was_before_its_dropout():
    stack, (inputs, outputs) = built(dropout=0.5, residual=True), given_to(BATCH)
    stack.before(1, inputs, training=True)
    np.testing.assert_allclose(stack.after(1, inputs, outputs), inputs + outputs, atol=1e-6)


def test_comes_back_from_its_config():
    stack = ResidualStack(LAYERS, width=WIDTH, dropout=0.25, layer_norm=True, residual=True, name="mine")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(stack))
    assert again.get_config() == stack.get_config()
    assert (again.layers, again.width, again.dropout, again.layer_norm, again.residual, again.name) == (
        LAYERS,
        WIDTH,
        0.25,
        True,
        True,
        "mine",
    )
