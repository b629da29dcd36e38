"""Attention, against its equations in NumPy, a case by hand, and Keras's own layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.layers.attention import BahdanauAttention, masked_softmax

BATCH, TARGET, SOURCE, QUERY, WIDTH, UNITS = 3, 2, 5, 7, 11, 13
MASK = np.arange(SOURCE) < np.array([[5], [2], [1]])


def random(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def built(rng, query=QUERY, width=WIDTH, units=UNITS):
    attention = BahdanauAttention(units)
    attention.build((None, query), (None, None, width))
    attention.set_weights([random(rng, *weight.shape) for weight in attention.weights])
    return attention


def by_equations(attention, query, values, mask):
    """Equations 5 and 6 for one query at a time, with loops over the rows and words."""
    w, u, v = (weight.astype(np.float64) for weight in attention.get_weights())
    contexts, weights = np.zeros([len(query), values.shape[2]]), np.zeros(values.shape[:2])
    for b in range(len(query)):
        energies = {j: v @ np.tanh(query[b] @ w + values[b, j] @ u) for j in np.flatnonzero(mask[b])}
        total = sum(np.exp(e) for e in energies.values())
        for j, e in energies.items():
            weights[b, j] = np.exp(e) / total
            contexts[b] += weights[b, j] * values[b, j]
    return contexts, weights


def test_follows_the_equations():
    rng = np.random.default_rng(2)
    attention, query, values = built(rng), random(rng, BATCH, QUERY), random(rng, BATCH, SOURCE, WIDTH)
    context, weights = attention(query, values, values_mask=MASK)
    wanted_context, wanted_weights = by_equations(attention, query, values, MASK)
    np.testing.assert_allclose(context, wanted_context, atol=1e-5)
    np.testing.assert_allclose(weights, wanted_weights, atol=1e-6)


def test_without_a_mask_every_word_is_real():
    rng = np.random.default_rng(3)
    attention, query, values = built(rng), random(rng, BATCH, QUERY), random(rng, BATCH, SOURCE, WIDTH)
    wanted, _ = by_equations(attention, query, values, np.ones([BATCH, SOURCE], bool))
    np.testing.assert_allclose(attention(query, values)[0], wanted, atol=1e-5)


def test_two_words_by_hand():
    # Let a = ln(3) / 2, so that tanh(a) = (3 - 1) / (3 + 1) = 1/2. With W and U the identity and v = (ln 3, ln 3):
    #   s = (a, 0), h_1 = (-a, 0): e_1 = v' tanh(0, 0) = 0               exp(e_1) = 1
    #               h_2 = (0, a):  e_2 = v' tanh(a, a) = v' (1/2, 1/2) = ln 3  exp(e_2) = 3
    # The weights are 1/4 and 3/4, and the context is 1/4 (-a, 0) + 3/4 (0, a) = (-a/4, 3a/4).
    a, three = np.log(3) / 2, np.log(3)
    attention = BahdanauAttention(2)
    attention.build((None, 2), (None, None, 2))
    attention.set_weights([np.eye(2), np.eye(2), np.array([three, three])])
    context, weights = attention(tf.constant([[a, 0.0]], tf.float32), tf.constant([[[-a, 0], [0, a]]], tf.float32))
    np.testing.assert_allclose(weights, [[0.25, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(context, [[-a / 4, 3 * a / 4]], rtol=1e-6)


def test_equals_kerass_additive_attention_with_the_same_weights():
    rng = np.random.default_rng(5)
    attention, query, values = built(rng), random(rng, BATCH, TARGET, QUERY), random(rng, BATCH, SOURCE, WIDTH)
    query_kernel, key_kernel, score_vector = attention.get_weights()
    theirs = keras.layers.AdditiveAttention()
    inputs = [query @ query_kernel, values, values @ key_kernel]  # query, value, key: Keras's layer projects nothing
    theirs.build([part.shape for part in inputs])
    theirs.set_weights([score_vector])
    wanted, wanted_weights = theirs(inputs, mask=[None, tf.constant(MASK)], return_attention_scores=True)
    context, weights = attention(query, values, values_mask=MASK)
    np.testing.assert_allclose(weights, wanted_weights, atol=1e-6)
    np.testing.assert_allclose(context, wanted, atol=1e-6)


def test_many_queries_at_once_are_as_each_alone():
    rng = np.random.default_rng(7)
    attention, queries, values = built(rng), random(rng, BATCH, TARGET, QUERY), random(rng, BATCH, SOURCE, WIDTH)
    contexts, weights = attention(queries, values, values_mask=MASK)
    assert contexts.shape == (BATCH, TARGET, WIDTH)
    assert weights.shape == (BATCH, TARGET, SOURCE)
    for i in range(TARGET):
        context, weight = attention(queries[:, i], values, values_mask=MASK)
        np.testing.assert_allclose(contexts[:, i], context, atol=1e-6)
        np.testing.assert_allclose(weights[:, i], weight, atol=1e-6)


def test_a_memory_made_once_gives_what_the_call_gives():
    rng = np.random.default_rng(11)
    attention, query, values = built(rng), random(rng, BATCH, QUERY), random(rng, BATCH, SOURCE, WIDTH)
    memory = attention.remember(tf.constant(values), tf.constant(MASK))
    np.testing.assert_allclose(memory.keys, values @ attention.get_weights()[1], atol=1e-5)
    for one, other in zip(
        attention.attend(tf.constant(query), memory), attention(query, values, values_mask=MASK), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@given(
    lengths=st.lists(st.integers(0, SOURCE), min_size=1, max_size=4),
    scale=st.sampled_from([0.0, 1.0, 50.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_weights_sum_to_one_over_real_words_and_are_zero_on_padding(lengths, scale, seed):
    rng = np.random.default_rng(seed)
    mask = np.arange(SOURCE) < np.array(lengths)[:, None]
    attention = built(rng)
    values = scale * random(rng, len(lengths), SOURCE, WIDTH)
    context, weights = (part.numpy() for part in attention(random(rng, len(lengths), QUERY), values, values_mask=mask))
    assert (weights[~mask] == 0).all()
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(-1), np.array(lengths) > 0, atol=1e-5)
    assert np.isfinite(context).all()


def test_a_row_of_padding_sees_nothing_and_teaches_nothing():
    rng = np.random.default_rng(13)
    attention = built(rng)
    values = tf.constant(random(rng, 2, SOURCE, WIDTH))
    mask = tf.sequence_mask([0, 3], SOURCE)
    with tf.GradientTape() as tape:
        tape.watch(values)
        context, weights = attention(random(rng, 2, QUERY), values, values_mask=mask)
        loss = tf.reduce_sum(context**2)
    gradients = tape.gradient(loss, [values, *attention.trainable_weights])
    np.testing.assert_array_equal(context[0], np.zeros(WIDTH))
    np.testing.assert_array_equal(weights[0], np.zeros(SOURCE))
    np.testing.assert_array_equal(gradients[0][0], np.zeros([SOURCE, WIDTH]))
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert np.abs(gradients[0][1]).max() > 0


def test_the_softmax_takes_no_notice_of_what_is_masked_and_does_not_overflow():
    # exp(1000) is infinite, but only differences count: two equal scores share the whole.
    scores = tf.constant([[1000.0, 1000.0, 3000.0], [-1000.0, -np.inf, 7.0]])
    weights = masked_softmax(scores, tf.constant([[True, True, False], [True, True, False]]))
    np.testing.assert_array_equal(weights, [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])


def test_a_mask_of_an_embedding_arrives_by_itself():
    rng = np.random.default_rng(17)
    attention, query, ids = built(rng), random(rng, BATCH, QUERY), np.where(MASK, 3, 0)
    values = keras.layers.Embedding(5, WIDTH, mask_zero=True)(ids)
    _, weights = attention(query, values)
    _, wanted = attention(query, values.numpy(), values_mask=MASK)
    np.testing.assert_array_equal(weights, wanted)
    assert (weights.numpy()[~MASK] == 0).all()


def test_comes_back_from_its_config():
    attention = BahdanauAttention(UNITS, name="mine")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(attention))
    assert again.get_config() == attention.get_config()
    assert (again.units, again.name) == (UNITS, "mine")


def test_needs_units():
    with pytest.raises(ValueError, match="units must be 1 or more"):
        BahdanauAttention(0)
