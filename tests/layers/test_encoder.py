"""The encoder: against Keras's layers, blind to padding and neighbours, with a bridge to the decoder."""

from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.layers.attention import BahdanauAttention
from nmt.layers.cells import CELLS, make_cell
from nmt.layers.encoder import Encoder, run_cell

BATCH, SOURCE, WIDTH, UNITS = 3, 5, 7, 11
MASK = np.arange(SOURCE) < np.array([[5], [2], [1]])
DEEP = {"merge": "sum", "layer_norm": True, "residual": True}
KERAS = {"rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}


def random(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def built(encoder, seed=2):
    """Give every weight, biases too, a value of its own."""
    rng = np.random.default_rng(seed)
    encoder.build((None, None, WIDTH))
    encoder.set_weights([0.5 * random(rng, *weight.shape) for weight in encoder.weights])
    return encoder


@cache
def of_kind(cell, layers, options):
    """An encoder with a bridge and some of what makes it deep."""
    return built(Encoder(UNITS, cell, layers, bridge=(13, 1), **{name: DEEP[name] for name in options}))


def words(seed=3, batch=BATCH, source=SOURCE):
    return random(np.random.default_rng(seed), batch, source, WIDTH)


@pytest.mark.parametrize("cell", list(CELLS))
@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "padded"])
@pytest.mark.parametrize("merge", ["concat", "sum"])
def test_reads_in_both_directions_as_kerass_bidirectional_layer(cell, mask, merge):
    encoder, inputs = built(Encoder(UNITS, cell, merge=merge)), words()
    theirs = keras.layers.Bidirectional(KERAS[cell](UNITS, return_sequences=True, return_state=True), merge_mode=merge)
    theirs.build(inputs.shape)
    theirs.forward_layer.set_weights(encoder.forward_cells[0].get_weights())
    theirs.backward_layer.set_weights(encoder.backward_cells[0].get_weights())
    wanted, *states = theirs(inputs, mask=None if mask is None else tf.constant(mask))
    annotations, (state,) = encoder(inputs, mask=mask)
    real = np.ones([BATCH, SOURCE], bool) if mask is None else mask
    assert encoder.width == (2 * UNITS if merge == "concat" else UNITS)
    np.testing.assert_allclose(annotations.numpy()[real], wanted.numpy()[real], atol=1e-6)
    half = len(states) // 2
    for found, forward, backward in zip(state, states[:half], states[half:], strict=True):
        both = np.concatenate([forward, backward], -1) if merge == "concat" else forward + backward
        np.testing.assert_allclose(found, both, atol=1e-6)


def test_reads_one_way_as_kerass_gru():
    encoder, inputs = built(Encoder(UNITS, bidirectional=False)), words()
    theirs = keras.layers.GRU(UNITS, return_sequences=True, return_state=True)
    theirs.build(inputs.shape)
    theirs.set_weights(encoder.get_weights())
    wanted, last = theirs(inputs, mask=tf.constant(MASK))
    annotations, ((state,),) = encoder(inputs, mask=MASK)
    assert encoder.width == UNITS
    np.testing.assert_allclose(annotations.numpy()[MASK], wanted.numpy()[MASK], atol=1e-6)
    np.testing.assert_allclose(state, last, atol=1e-6)


def with_gradients(read, inputs, variables):
    """Outputs at real words, last states, and the gradients of a loss of both by inputs and weights."""
    inputs = tf.constant(inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs, states, real = read(inputs)
        parts = [tf.boolean_mask(outputs, real), *states]
        loss = tf.add_n([tf.reduce_sum(tf.sin(part)) for part in parts])
    return [*parts, *tape.gradient(loss, [inputs, *variables])]


@pytest.mark.parametrize("cell", list(CELLS))
@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "padded"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])
def test_a_cell_is_run_as_kerass_layer_with_the_same_weights_and_learns_the_same(cell, mask, reverse):
    rng = np.random.default_rng(5)
    ours = make_cell(cell, UNITS, cell)
    ours.build((None, WIDTH))
    ours.set_weights([0.5 * random(rng, *weight.shape) for weight in ours.weights])
    theirs = KERAS[cell](UNITS, return_sequences=True, return_state=True, go_backwards=reverse)
    theirs.build((None, None, WIDTH))
    theirs.set_weights(ours.get_weights())
    real = np.ones([BATCH, SOURCE], bool) if mask is None else mask

    def read(inputs):
        outputs, state = run_cell(ours, inputs, None if mask is None else tf.constant(mask), reverse)
        return outputs, state, real

    def wanted(inputs):
        outputs, *state = theirs(inputs, mask=None if mask is None else tf.constant(mask))
        # Keras's layer leaves what it has read backwards in the order in which it was read.
        return (tf.reverse(outputs, [1]) if reverse else outputs), state, real

    found = with_gradients(read, words(), ours.trainable_weights)
    for one, other in zip(found, with_gradients(wanted, words(), theirs.trainable_weights), strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("merge", ["concat", "sum"])
def test_one_direction_is_the_same_however_two_would_be_merged(merge):
    encoder = built(Encoder(UNITS, bidirectional=False, merge=merge))
    wanted, last = run_cell(encoder.forward_cells[0], tf.constant(words()), tf.constant(MASK))
    annotations, ((state,),) = encoder(words(), mask=MASK)
    assert encoder.width == UNITS
    np.testing.assert_array_equal(annotations, wanted)
    np.testing.assert_array_equal(state, last[0])


def normalised(layer, x):
    gain, bias = (weight.astype(np.float64) for weight in layer.get_weights())
    x = np.asarray(x, np.float64)
    mean = x.mean(-1, keepdims=True)
    return gain * (x - mean) / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5) + bias


@pytest.mark.parametrize("merge", ["concat", "sum"])
@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("residual", [False, True])
def test_what_lies_between_layers_follows_its_formula(merge, layer_norm, residual):
    encoder = built(Encoder(UNITS, "lstm", 3, merge=merge, layer_norm=layer_norm, residual=residual))
    annotations, state = encoder(words(), mask=MASK)
    wanted = tf.constant(words())
    for i, (forward, backward) in enumerate(zip(encoder.forward_cells, encoder.backward_cells, strict=True)):
        one = Encoder(UNITS, "lstm", merge=merge)
        one.build(wanted.shape)
        one.forward_cells[0].set_weights(forward.get_weights())
        one.backward_cells[0].set_weights(backward.get_weights())
        outputs, last = one(wanted, mask=MASK)
        if layer_norm:
            outputs = normalised(encoder.depth.norms[i], outputs)
        wanted = tf.constant(outputs + wanted if residual and i else outputs, tf.float32)
    assert annotations.shape[-1] == encoder.width == wanted.shape[-1]
    np.testing.assert_allclose(annotations.numpy()[MASK], wanted.numpy()[MASK], atol=1e-5)
    # The states are those of the cells themselves.
    for one, other in zip(tf.nest.flatten(state), tf.nest.flatten(last), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_second_layer_reads_the_annotations_of_the_first():
    both, inputs = built(Encoder(UNITS, layers=2)), words()
    first, second = Encoder(UNITS), Encoder(UNITS)
    first.build(inputs.shape)
    second.build((None, None, 2 * UNITS))
    for i, one in enumerate([first, second]):
        one.forward_cells[0].set_weights(both.forward_cells[i].get_weights())
        one.backward_cells[0].set_weights(both.backward_cells[i].get_weights())
    annotations, ((state,),) = both(inputs, mask=MASK)
    wanted, ((last,),) = second(first(inputs, mask=MASK)[0], mask=MASK)
    np.testing.assert_allclose(annotations, wanted, atol=1e-6)
    np.testing.assert_allclose(state, last, atol=1e-6)


@given(
    lengths=st.lists(st.integers(1, SOURCE), min_size=1, max_size=3),
    padding=st.integers(0, 3),
    kind=st.sampled_from(
        [("gru", 1, ()), ("gru", 2, ()), ("lstm", 1, ("merge",)), ("rnn", 2, ()), ("gru", 2, tuple(DEEP))]
    ),
)
@settings(max_examples=20, deadline=None)
def test_a_row_never_depends_on_its_padding_or_its_neighbours(lengths, padding, kind):
    encoder = of_kind(*kind)
    inputs = words(batch=len(lengths), source=SOURCE + padding)
    mask = np.arange(SOURCE + padding) < np.array(lengths)[:, None]
    annotations, state = encoder(inputs, mask=mask)
    for row, length in enumerate(lengths):
        alone, first = encoder(inputs[row : row + 1, :length], mask=mask[row : row + 1, :length])
        np.testing.assert_allclose(annotations[row, :length], alone[0], atol=1e-5)
        for part, wanted in zip(tf.nest.flatten(state), tf.nest.flatten(first), strict=True):
            np.testing.assert_allclose(part[row], wanted[0], atol=1e-5)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("cell", "parts"), [("gru", 1), ("rnn", 1), ("lstm", 2)])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_bridge_has_a_state_for_each_layer_of_the_decoder(cell, parts, layers, bidirectional):
    _, state = Encoder(UNITS, cell, bidirectional=bidirectional, bridge=(13, layers))(words())
    assert [[tuple(part.shape) for part in layer] for layer in state] == [[(BATCH, 13)] * parts] * layers


def test_the_bridge_is_one_tanh_layer_of_the_last_states():
    encoder, inputs = built(Encoder(UNITS, "lstm", bridge=(13, 2))), words()
    plain = Encoder(UNITS, "lstm")
    plain.build(inputs.shape)
    plain.set_weights(encoder.get_weights()[:6])
    _, ((h, c),) = plain(inputs, mask=MASK)
    _, state = encoder(inputs, mask=MASK)
    # The rows of the bridge: h and c of the first layer, h and c of the second.
    found = tf.nest.flatten(state)
    for part, last, bridge in zip(found, [h, c, h, c], encoder.bridges, strict=True):
        kernel, bias = bridge.get_weights()
        np.testing.assert_allclose(part, np.tanh(last @ kernel + bias), atol=1e-5)
    assert len({part.numpy().tobytes() for part in found}) == 4


def test_dropout_works_between_layers_in_training_only():
    encoder, inputs = built(Encoder(UNITS, layers=2, dropout=0.5)), words()
    still, _ = encoder(inputs)
    np.testing.assert_array_equal(encoder(inputs)[0], still)
    dropped, again = encoder(inputs, training=True)[0], encoder(inputs, training=True)[0]
    assert np.abs(dropped - still).max() > 0.01
    assert np.abs(dropped - again).max() > 0.01


@pytest.mark.parametrize(("layers", "dropout"), [(2, 0.0), (1, 0.5)])
def test_training_is_the_same_where_nothing_is_dropped(layers, dropout):
    encoder, inputs = built(Encoder(UNITS, layers=layers, dropout=dropout, bridge=(13, 1))), words()
    for one, other in zip(
        tf.nest.flatten(encoder(inputs, mask=MASK, training=True)),
        tf.nest.flatten(encoder(inputs, mask=MASK)),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize(("cell", "options"), [*[(cell, {}) for cell in CELLS], ("lstm", DEEP)])
def test_gradients_in_training_are_those_of_the_plain_loop(cell, options):
    encoder, inputs = built(Encoder(UNITS, cell, layers=2, bridge=(13, 1), **options)), tf.constant(words())

    def gradients(training):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            annotations, state = encoder(inputs, mask=MASK, training=training)
            loss = tf.add_n([tf.reduce_sum(tf.sin(part)) for part in [annotations[:, 0], *tf.nest.flatten(state)]])
        return tape.gradient(loss, [inputs, *encoder.trainable_weights])

    for one, other in zip(gradients(True), gradients(False), strict=True):
        assert np.abs(other).max() > 0
        np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-4)


def test_a_mask_of_an_embedding_arrives_by_itself_and_is_handed_on():
    ids = np.where(MASK, 3, 0)
    vectors = keras.layers.Embedding(5, WIDTH, mask_zero=True)(ids)
    encoder = built(Encoder(UNITS, bridge=(13, 1)))
    annotations, ((state,),) = encoder(vectors)
    wanted, ((first,),) = encoder(vectors.numpy(), mask=MASK)
    np.testing.assert_array_equal(annotations, wanted)
    np.testing.assert_array_equal(state, first)
    _, weights = BahdanauAttention(2)(state, annotations)
    assert (weights.numpy()[~MASK] == 0).all()
    assert (weights.numpy()[MASK] > 0).all()


def test_run_begins_with_the_state_it_is_given():
    cell, inputs = built(Encoder(UNITS)).forward_cells[0], words()
    whole, last = run_cell(cell, tf.constant(inputs))
    _, middle = run_cell(cell, tf.constant(inputs[:, :2]))
    rest, end = run_cell(cell, tf.constant(inputs[:, 2:]), state=middle)
    np.testing.assert_allclose(rest, whole[:, 2:], atol=1e-6)
    np.testing.assert_allclose(end[0], last[0], atol=1e-6)


def test_comes_back_from_its_config():
    encoder = Encoder(UNITS, cell="lstm", layers=2, bidirectional=False, bridge=(13, 2), dropout=0.25, name="mine")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(encoder))
    assert again.get_config() == encoder.get_config()
    assert again.get_config()["bridge"] == (13, 2)
    np.testing.assert_array_equal([part.shape for part in tf.nest.flatten(again(words())[1])], [[BATCH, 13]] * 4)


@pytest.mark.parametrize("merge", ["concat", "sum"])
def test_all_its_options_come_back_from_its_config(merge):
    encoder = built(
        Encoder(
            UNITS,
            cell="gru",
            layers=2,
            bidirectional=True,
            bridge=None,
            dropout=0.25,
            merge=merge,
            layer_norm=True,
            residual=True,
            name="mine",
        )
    )
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(encoder))
    assert again.get_config() == encoder.get_config()
    assert (again.merge, again.layer_norm, again.residual, again.width) == (merge, True, True, encoder.width)
    # What was built comes back built.
    again.set_weights(encoder.get_weights())
    np.testing.assert_array_equal(again(words())[0], encoder(words())[0])


def test_computes_in_half_precision_nearly_the_same():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = built(Encoder(UNITS, "lstm", 2, bridge=(13, 1), **DEEP))
        found = half(words(), mask=MASK)
    finally:
        keras.config.set_dtype_policy(before)
    wanted = built(Encoder(UNITS, "lstm", 2, bridge=(13, 1), **DEEP))(words(), mask=MASK)
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(wanted), strict=True):
        assert one.dtype == tf.bfloat16
        np.testing.assert_allclose(tf.cast(one, "float32"), other, atol=0.1)


def test_an_unknown_merge_is_an_error_that_names_the_known():
    with pytest.raises(ValueError, match=r"merge cannot be 'mean'\. Known: concat, sum"):
        Encoder(UNITS, merge="mean")


@pytest.mark.parametrize("layers", [0, -1])
def test_needs_layers(layers):
    with pytest.raises(ValueError, match=f"layers must be 1 or more, not {layers}"):
        Encoder(UNITS, layers=layers)


def test_an_unknown_cell_is_an_error():
    with pytest.raises(ValueError, match="no cell 'elman'"):
        Encoder(UNITS, "elman")
