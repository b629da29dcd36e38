"""The decoder: one word at a time equals all at once, values and gradients, and dropout is as promised."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.layers.attention import BahdanauAttention
from nmt.layers.cells import CELLS
from nmt.layers.decoder import Decoder

BATCH, TARGET, SOURCE, WIDTH, MEMORY, UNITS, READOUT, ATTENTION = 3, 2, 5, 7, 11, 13, 17, 19
MASK = np.arange(SOURCE) < np.array([[5], [2], [1]])
every_kind = pytest.mark.parametrize(("cell", "layers"), [(cell, layers) for cell in CELLS for layers in (1, 2)])


def random(rng, *shape):
    return tf.constant(rng.normal(size=shape), tf.float32)


def built(cell="gru", layers=1, seed=2, readout=READOUT, **rates):
    """A decoder whose weights, biases too, are all different."""
    rng = np.random.default_rng(seed)
    decoder = Decoder(UNITS, readout, BahdanauAttention(ATTENTION), cell, layers, **rates)
    decoder.build((None, None, WIDTH), (None, None, MEMORY))
    decoder.set_weights([0.3 * random(rng, *weight.shape).numpy() for weight in decoder.weights])
    return decoder


def arguments(cell="gru", layers=1, batch=BATCH, target=TARGET, source=SOURCE):
    """Word vectors, annotations and the first state."""
    rng = np.random.default_rng(3)
    states = CELLS[cell].states
    state = tuple(tuple(random(rng, batch, UNITS) for _ in range(states)) for _ in range(layers))
    return random(rng, batch, target, WIDTH), random(rng, batch, source, MEMORY), state


def word_by_word(decoder, inputs, values, state, mask):
    """What the call returns, from steps."""
    memory = decoder.remember(values, mask)
    readouts, alignment = [], []
    for t in range(inputs.shape[1]):
        readout, state, weights = decoder.step(inputs[:, t], state, memory)
        readouts.append(readout)
        alignment.append(weights)
    return tf.stack(readouts, 1), tf.stack(alignment, 1)


@every_kind
def test_steps_repeated_equal_the_call(cell, layers):
    decoder, (inputs, values, state) = built(cell, layers), arguments(cell, layers, target=5)
    readouts, alignment = decoder(inputs, values, state, values_mask=MASK)
    wanted, wanted_alignment = word_by_word(decoder, inputs, values, state, tf.constant(MASK))
    np.testing.assert_allclose(readouts, wanted, atol=1e-5)
    np.testing.assert_allclose(alignment, wanted_alignment, atol=1e-5)


def gradients(forward, decoder, inputs, values, state):
    given_ = [inputs, values, *tf.nest.flatten(state)]
    with tf.GradientTape() as tape:
        tape.watch(given_)
        readouts, alignment = forward(inputs, values, state)
        loss = tf.reduce_sum(tf.sin(readouts)) + tf.reduce_sum(alignment * tf.range(alignment.shape[-1], dtype="float"))
    return tape.gradient(loss, [*given_, *decoder.trainable_weights])


@every_kind
@pytest.mark.parametrize("training", [True, False])
def test_gradients_of_the_call_equal_those_of_the_steps(cell, layers, training):
    decoder, given_ = built(cell, layers), arguments(cell, layers, target=3)
    found = gradients(lambda *a: decoder(*a, values_mask=MASK, training=training), decoder, *given_)
    wanted = gradients(lambda *a: word_by_word(decoder, *a, tf.constant(MASK)), decoder, *given_)
    for one, other in zip(found, wanted, strict=True):
        assert np.abs(other).max() > 0
        np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("compiled", [False, True], ids=["graph", "xla"])
def test_gradients_in_a_graph_equal_the_eager_ones(compiled):
    decoder, (inputs, values, state) = built(), arguments(target=3)

    def forward(*given_):
        return gradients(lambda *a: decoder(*a, values_mask=MASK, training=True), decoder, *given_)

    wanted = forward(inputs, values, state)
    found = tf.function(forward, jit_compile=compiled)(inputs, values, state)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-4)


def test_one_step_follows_the_equations():
    decoder, (inputs, values, ((before,),)) = built("rnn"), arguments("rnn")
    word = inputs[:, 0]
    readout, ((state,),), alignment = decoder.step(word, ((before,),), decoder.remember(values, tf.constant(MASK)))
    # The attention looks from the state before the word; its own equations are tested beside it.
    context, weights = decoder.attention(before, values, values_mask=MASK)
    kernel, recurrent, bias = decoder.cells[0].get_weights()
    wanted = np.tanh(word @ kernel + context @ decoder.context_kernel.numpy() + before @ recurrent + bias)
    output, output_bias = decoder.readout_layer.get_weights()
    np.testing.assert_allclose(alignment, weights, atol=1e-6)
    np.testing.assert_allclose(state, wanted, atol=1e-5)
    wanted = np.tanh(np.concatenate([wanted, context, word], -1) @ output + output_bias)
    np.testing.assert_allclose(readout, wanted, atol=1e-5)


def test_an_lstm_looks_from_its_output_and_not_from_its_memory():
    decoder, (inputs, values, ((h, c),)) = built("lstm"), arguments("lstm")
    _, _, alignment = decoder.step(inputs[:, 0], ((h, c),), decoder.remember(values, tf.constant(MASK)))
    np.testing.assert_allclose(alignment, decoder.attention(h, values, values_mask=MASK)[1], atol=1e-6)


@given(
    lengths=st.lists(st.integers(1, SOURCE), min_size=1, max_size=3),
    padding=st.integers(0, 3),
    target=st.integers(1, 3),
    cell=st.sampled_from(list(CELLS)),
)
@settings(max_examples=20, deadline=None)
def test_a_row_never_depends_on_its_padding_or_its_neighbours(lengths, padding, target, cell):
    decoder = built(cell)
    inputs, values, state = arguments(cell, batch=len(lengths), target=target, source=SOURCE + padding)
    mask = np.arange(SOURCE + padding) < np.array(lengths)[:, None]
    readouts, alignment = decoder(inputs, values, state, values_mask=mask)
    for row, length in enumerate(lengths):
        here = slice(row, row + 1)
        first = tf.nest.map_structure(lambda part, here=here: part[here], state)
        # The row alone, with its own words only and a target that goes no further than its first word.
        alone, weights = decoder(inputs[here, :1], values[here, :length], first)
        np.testing.assert_allclose(readouts[row, :1], alone[0], atol=1e-5)
        np.testing.assert_allclose(alignment[row, :1, :length], weights[0], atol=1e-5)
        assert not alignment.numpy()[row, :, length:].any()


def test_every_word_looks_at_real_source_words_only():
    inputs, values, state = arguments()
    alignment = built()(inputs, values, state, values_mask=MASK)[1].numpy()
    np.testing.assert_allclose(alignment.sum(-1), np.ones([BATCH, TARGET]), atol=1e-6)
    np.testing.assert_array_equal(alignment > 0, np.repeat(MASK[:, None], TARGET, 1))


def test_a_mask_of_an_embedding_arrives_by_itself():
    decoder, (inputs, _, state) = built(), arguments()
    values = keras.layers.Embedding(5, MEMORY, mask_zero=True)(np.where(MASK, 3, 0))
    _, alignment = decoder(inputs, values, state)
    np.testing.assert_array_equal(alignment.numpy() > 0, np.repeat(MASK[:, None], TARGET, 1))


def showing_contexts(**rates):
    """A decoder whose readout is tanh(context): zeros but for ones from each unit of the context to its own readout."""
    decoder = built(readout=MEMORY, **rates)
    kernel = np.zeros([UNITS + MEMORY + WIDTH, MEMORY])
    kernel[UNITS : UNITS + MEMORY] = np.eye(MEMORY)
    decoder.readout_layer.set_weights([kernel, np.zeros(MEMORY)])
    return decoder


def test_the_same_units_of_the_context_are_dropped_at_all_steps():
    inputs, _, state = arguments(batch=23, target=5)
    decoder = showing_contexts(context_dropout=0.5)
    # Annotations of ones, so every context is ones. A kept unit becomes 1 / (1 - 1/2) = 2, a dropped one 0.
    values = tf.ones([23, SOURCE, MEMORY])
    contexts = np.arctanh(decoder(inputs, values, state, training=True)[0].numpy())
    kept = contexts > 1
    np.testing.assert_allclose(contexts, 2.0 * kept, atol=1e-3)
    np.testing.assert_array_equal(kept, np.repeat(kept[:, :1], 5, 1))
    assert 0.3 < kept.mean() < 0.7  # 253 coins: six deviations of 1/2 / sqrt(253) to either side
    assert len({row.tobytes() for row in kept}) > 1  # rows are dropped from independently
    np.testing.assert_allclose(np.arctanh(decoder(inputs, values, state)[0]), np.ones(contexts.shape), atol=1e-3)


def test_a_memory_for_training_is_dropped_from_for_steps_too():
    decoder = built(context_dropout=0.5)
    memory = decoder.remember(tf.ones([23, SOURCE, MEMORY]), None, training=True)
    assert set(np.unique(memory.values)) == {0.0, 2.0}
    whole = decoder.remember(tf.ones([23, SOURCE, MEMORY]), None, summary="mine")
    np.testing.assert_array_equal(whole.values, np.ones([23, SOURCE, MEMORY]))
    np.testing.assert_array_equal(memory.keys, whole.keys)  # where to look is not dropped from
    assert whole.summary == "mine"


@pytest.mark.parametrize(("layers", "rates"), [(2, {"dropout": 0.5}), (1, {"context_dropout": 0.5})])
def test_dropout_works_in_training_only(layers, rates):
    decoder, given_ = built(layers=layers, **rates), arguments(layers=layers)
    still = decoder(*given_)[0]
    np.testing.assert_array_equal(decoder(*given_)[0], still)
    dropped, again = decoder(*given_, training=True)[0], decoder(*given_, training=True)[0]
    assert np.abs(dropped - still).max() > 0.01
    assert np.abs(dropped - again).max() > 0.01


def test_the_alignment_of_the_first_word_is_that_without_dropout():
    decoder, given_ = built(context_dropout=0.5), arguments()
    np.testing.assert_allclose(decoder(*given_, training=True)[1][:, 0], decoder(*given_)[1][:, 0], atol=1e-6)


@pytest.mark.parametrize(("layers", "rates"), [(2, {}), (1, {"dropout": 0.5})])
def test_training_is_the_same_where_nothing_is_dropped(layers, rates):
    decoder, given_ = built(layers=layers, **rates), arguments(layers=layers)
    for one, other in zip(decoder(*given_, training=True), decoder(*given_), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_state_for_too_few_layers_is_an_error():
    inputs, values, state = arguments(layers=1)
    with pytest.raises(ValueError, match="shorter"):
        built(layers=2)(inputs, values, state)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_state_of_lists_does_as_well(cell):
    """A saved functional model has lists where there were tuples: JSON knows no others."""
    decoder, (inputs, values, state) = built(cell), arguments(cell)
    lists = [list(layer) for layer in state]
    np.testing.assert_array_equal(decoder(inputs, values, lists)[0], decoder(inputs, values, state)[0])


def test_comes_back_from_its_config():
    decoder = Decoder(UNITS, READOUT, BahdanauAttention(ATTENTION), "lstm", 2, 0.25, 0.125, name="mine")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(decoder))
    assert again.get_config() == decoder.get_config()
    assert (again.name, again.cell, again.layers, again.dropout, again.context_dropout) == (
        "mine",
        "lstm",
        2,
        0.25,
        0.125,
    )
    assert again.attention.units == ATTENTION
