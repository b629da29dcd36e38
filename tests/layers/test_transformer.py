"""The Transformer, against its equations in NumPy; one word at a time equals all at once, and no word sees the next."""

import warnings
from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.layers.transformer import KeyValueCache, Positions, TransformerDecoder, TransformerEncoder

BATCH, TARGET, SOURCE, MEMORY, INNER, LAYERS, HEADS = 3, 4, 5, 7, 13, 2, 2
UNITS = 3 * HEADS
ROWS = 11  # of learned positions
MASK = np.arange(SOURCE) < np.array([[5], [2], [1]])
either_position = pytest.mark.parametrize("positions", [0, ROWS], ids=["waves", "learned"])


def random(rng, *shape):
    return tf.constant(rng.normal(size=shape), tf.float32)


def filled(layer, seed):
    """Give every weight, biases too, a value of its own."""
    rng = np.random.default_rng(seed)
    layer.set_weights([0.5 * random(rng, *weight.shape).numpy() for weight in layer.weights])
    return layer


@cache
def encoder(**options):
    made = TransformerEncoder(UNITS, HEADS, INNER, LAYERS, **options)
    made.build((None, None, UNITS))
    return filled(made, 2)


@cache
def decoder(**options):
    made = TransformerDecoder(UNITS, HEADS, INNER, LAYERS, **options)
    made.build((None, None, UNITS), (None, None, MEMORY))
    return filled(made, 3)


def arguments(batch=BATCH, target=TARGET, source=SOURCE):
    """Word vectors and annotations."""
    rng = np.random.default_rng(5)
    return random(rng, batch, target, UNITS), random(rng, batch, source, MEMORY)


# The equations once more, for one row at a time, with its real words only, in float64 and with loops.


def own(layer):
    return [weight.astype(np.float64) for weight in layer.get_weights()]


def placed(layer, words):
    """Sections 3.4 and 3.5."""
    if layer.places.learned:
        (table,) = own(layer.places)
        return words * np.sqrt(UNITS) + table[: len(words)]
    return words * np.sqrt(UNITS) + waves(range(len(words)), UNITS)


def waves(places, units):
    table = np.zeros([len(places), units])
    for row, t in enumerate(places):
        for column in range(units):
            angle = t / 10_000 ** (column // 2 * 2 / units)
            table[row, column] = np.cos(angle) if column % 2 else np.sin(angle)
    return table


def norm(layer, x):
    gain, bias = own(layer)
    mean = x.mean(-1, keepdims=True)
    return gain * (x - mean) / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5) + bias


def attend(layer, queries, words, causal=False):
    """Equation 1 and section 3.2.2: contexts, and the weights of each head."""
    w_q, b_q, w_k, b_k, w_v, b_v, w_o, b_o = own(layer)
    d = UNITS // HEADS
    mixed, weights = np.zeros([len(queries), UNITS]), np.zeros([HEADS, len(queries), len(words)])
    for n in range(HEADS):
        part = slice(n * d, (n + 1) * d)
        for i, query in enumerate(queries):
            seen = range(i + 1 if causal else len(words))
            e = [(query @ w_q + b_q)[part] @ (words[j] @ w_k + b_k)[part] / np.sqrt(d) for j in seen]
            for j in seen:
                weights[n, i, j] = np.exp(e[j]) / np.exp(e).sum()
                mixed[i, part] += weights[n, i, j] * (words[j] @ w_v + b_v)[part]
    return mixed @ w_o + b_o, weights


def network(layers, x):
    """Equation 2."""
    (w_1, b_1), (w_2, b_2) = (own(layer) for layer in layers)
    return np.maximum(0, x @ w_1 + b_1) @ w_2 + b_2


def encoded(layer, words):
    """Annotations, and the weights ``(layers, heads, source, source)`` of self-attention."""
    x, weights = placed(layer, words), []
    for i in range(LAYERS):
        (itself,), (first, last) = layer.looks[i], layer.norms[i]
        context, shares = attend(itself, norm(first, x), norm(first, x))
        weights.append(shares)
        x = x + context
        x = x + network(layer.networks[i], norm(last, x))
    return norm(layer.last_norm, x), np.stack(weights)


def decoded(layer, words, values):
    """Readouts, and the weights ``(layers, heads, target, source)`` of cross-attention."""
    x, weights = placed(layer, words), []
    for i in range(LAYERS):
        (itself, cross), (first, second, last) = layer.looks[i], layer.norms[i]
        x = x + attend(itself, norm(first, x), norm(first, x), causal=True)[0]
        context, shares = attend(cross, norm(second, x), values)
        weights.append(shares)
        x = x + context
        x = x + network(layer.networks[i], norm(last, x))
    return norm(layer.last_norm, x), np.stack(weights)


def rows(*tensors):
    return zip(*[np.asarray(tensor, np.float64) for tensor in tensors], strict=True)


def test_positions_by_hand():
    # For 4 units the rates are 1 and 10000^(-2/4) = 1/100. At place 0: sin 0, cos 0, sin 0, cos 0. At place 1: sin 1,
    # cos 1, sin 0.01, cos 0.01. At place 100 the last two are sin 1 and cos 1. Words are doubled, for sqrt(4) = 2.
    words = tf.constant([[[0.5, 0, 0, -1.0], [0, 0, 0, 0], [0, 0, 0, 0]]])
    wanted = [
        [1.0, 1.0, 0.0, -1.0],
        [0.841471, 0.540302, 0.0099998, 0.99995],
        [-0.506366, 0.862319, 0.841471, 0.540302],
    ]
    np.testing.assert_allclose(Positions()(words, tf.constant([0, 1, 100]))[0], wanted, atol=1e-5)


@pytest.mark.parametrize("units", [5, 6])
def test_positions_follow_their_formula(units):
    rng = np.random.default_rng(7)
    words = random(rng, BATCH, TARGET, units)
    wanted = words * np.sqrt(units) + waves(range(TARGET), units)
    np.testing.assert_allclose(Positions()(words, tf.range(TARGET)), wanted, atol=1e-5)


@either_position
def test_positions_of_single_words_are_those_of_each_row(positions):
    rng = np.random.default_rng(11)
    layer, words, places = Positions(positions), random(rng, BATCH, UNITS), [7, 0, 3]
    found = layer(words, tf.constant(places))
    for row, t in enumerate(places):
        np.testing.assert_allclose(found[row], layer(words[row : row + 1, None], tf.constant([t]))[0, 0], atol=1e-6)


def test_learned_positions_are_a_row_of_weights_for_each_place():
    rng = np.random.default_rng(13)
    layer, words = Positions(ROWS), random(rng, BATCH, TARGET, UNITS)
    layer.build(words.shape)
    table = random(rng, ROWS, UNITS)
    layer.set_weights([table.numpy()])
    np.testing.assert_allclose(layer(words, tf.range(TARGET)), words * np.sqrt(UNITS) + table[:TARGET], atol=1e-6)
    assert Positions().weights == []


@either_position
def test_the_encoder_follows_the_equations(positions):
    layer, (words, _) = encoder(positions=positions), arguments(target=SOURCE)
    annotations, initial_state = layer(words, mask=MASK)
    assert annotations.shape == (BATCH, SOURCE, UNITS)
    assert layer.width == UNITS
    assert initial_state == ()
    for found, row, real in zip(annotations.numpy(), np.asarray(words, np.float64), MASK, strict=True):
        np.testing.assert_allclose(found[real], encoded(layer, row[real])[0], atol=1e-5)
    whole = np.stack([encoded(layer, row)[0] for (row,) in rows(words)])
    np.testing.assert_allclose(layer(words)[0], whole, atol=1e-5)


def test_self_attention_shows_each_head_of_each_layer():
    layer, (words, _) = encoder(dropout=0.5), arguments(target=SOURCE)
    found = np.stack(layer.self_attention(words, MASK))
    assert found.shape == (LAYERS, BATCH, HEADS, SOURCE, SOURCE)
    for row, (own_words,) in enumerate(rows(words)):
        real = MASK[row]
        wanted = encoded(layer, own_words[real])[1]
        np.testing.assert_allclose(found[:, row][..., real, :][..., real], wanted, atol=1e-5)
        assert (found[:, row][..., ~real] == 0).all()


@either_position
def test_the_decoder_follows_the_equations(positions):
    layer, (words, values) = decoder(positions=positions), arguments()
    readouts, alignment = layer(words, values, values_mask=MASK)
    assert readouts.shape == (BATCH, TARGET, UNITS)
    assert layer.readout == UNITS
    for row, (own_words, own_values) in enumerate(rows(words, values)):
        wanted, weights = decoded(layer, own_words, own_values[MASK[row]])
        np.testing.assert_allclose(readouts[row], wanted, atol=1e-5)
        np.testing.assert_allclose(alignment[row].numpy()[:, MASK[row]], weights[-1].mean(0), atol=1e-5)
        assert (alignment[row].numpy()[:, ~MASK[row]] == 0).all()


@pytest.mark.parametrize(("layer", "head"), [(None, None), (None, 1), (0, None), (0, 1), (1, 0)])
def test_the_alignment_is_of_the_layer_and_the_head_that_were_asked_for(layer, head):
    made, (words, values) = decoder(layer=layer, head=head), arguments()
    _, alignment = made(words, values)
    memory = made.remember(values, None)
    _, _, first = made.step(words[:, 0], made.initial_state(memory, 1), memory)
    for row, (own_words, own_values) in enumerate(rows(words, values)):
        weights = decoded(made, own_words, own_values)[1][-1 if layer is None else layer]
        wanted = weights.mean(0) if head is None else weights[head]
        np.testing.assert_allclose(alignment[row], wanted, atol=1e-5)
        np.testing.assert_allclose(first[row], wanted[0], atol=1e-5)


def test_the_readouts_are_the_same_whatever_is_shown():
    words, values = arguments()
    wanted = decoder()(words, values)[0]
    np.testing.assert_array_equal(decoder(layer=0, head=1)(words, values)[0], wanted)


def step_by_step(layer, words, values, mask, max_steps=TARGET):
    """What the call returns, from steps."""
    memory = layer.remember(values, mask)
    state = layer.initial_state(memory, max_steps)
    readouts, alignment = [], []
    for t in range(words.shape[1]):
        readout, state, weights = layer.step(words[:, t], state, memory)
        readouts.append(readout)
        alignment.append(weights)
    return tf.stack(readouts, 1), tf.stack(alignment, 1)


@pytest.mark.parametrize("max_steps", [TARGET, TARGET + 3], ids=["exact", "larger"])
@either_position
def test_steps_repeated_equal_the_call(positions, max_steps):
    layer, (words, values) = decoder(positions=positions), arguments()
    found = step_by_step(layer, words=words, values=values, mask=tf.constant(MASK), max_steps=max_steps)
    for one, other in zip(found, layer(words, values, values_mask=MASK), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def gradients(forward, layer, words, values):
    with tf.GradientTape() as tape:
        tape.watch([words, values])
        readouts, alignment = forward(words, values)
        loss = tf.reduce_sum(tf.sin(readouts)) + tf.reduce_sum(alignment * tf.range(alignment.shape[-1], dtype="float"))
    found = tape.gradient(loss, [words, values, *layer.trainable_weights])
    return [tf.convert_to_tensor(part) for part in found]  # those of learned positions name their rows


@pytest.mark.parametrize(("positions", "training"), [(0, False), (ROWS, True)], ids=["waves", "learned-training"])
def test_gradients_of_the_call_equal_those_of_the_steps(positions, training):
    layer, (words, values) = decoder(positions=positions), arguments(target=3)
    found = gradients(lambda *a: layer(*a, values_mask=MASK, training=training), layer, words, values)
    wanted = gradients(lambda *a: step_by_step(layer, *a, tf.constant(MASK)), layer, words, values)
    paths = ["words", "values", *[weight.path for weight in layer.trainable_weights]]
    for path, one, other in zip(paths, found, wanted, strict=True):
        # A bias adds as much to the scores of all words, which the softmax takes no notice of.
        assert np.abs(one).max() > 0 or path.endswith("key_bias")
        np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-4)


def test_rows_may_have_come_to_different_places():
    layer, (words, values) = decoder(), arguments()
    counts, max_steps = [3, 0, 1], TARGET + 1
    states = []
    for row, count in enumerate(counts):
        here = slice(row, row + 1)
        memory = layer.remember(values[here], tf.constant(MASK[here]))
        state = layer.initial_state(memory, max_steps)
        for t in range(count):
            _, state, _ = layer.step(words[here, t], state, memory)
        states.append(state)
    state = tf.nest.map_structure(lambda *parts: tf.concat(parts, 0), *states)
    np.testing.assert_array_equal(state.count, counts)
    here = tf.stack([words[row, count] for row, count in enumerate(counts)])
    readouts, state, alignment = layer.step(here, state, layer.remember(values, tf.constant(MASK)))
    wanted, weights = layer(words, values, values_mask=MASK)
    np.testing.assert_array_equal(state.count, [count + 1 for count in counts])
    for row, count in enumerate(counts):
        np.testing.assert_allclose(readouts[row], wanted[row, count], atol=1e-5)
        np.testing.assert_allclose(alignment[row], weights[row, count], atol=1e-5)


def test_rows_may_change_places_with_their_state():
    layer, (words, values) = decoder(), arguments()
    order = [2, 0, 1]
    memory = layer.remember(values, tf.constant(MASK))
    _, state, _ = layer.step(words[:, 0], layer.initial_state(memory, TARGET), memory)
    wanted, _, _ = layer.step(words[:, 1], state, memory)
    turned = tf.nest.map_structure(lambda part: tf.gather(part, order), (words, state, memory))
    found, _, _ = layer.step(turned[0][:, 1], *turned[1:])
    np.testing.assert_allclose(found, tf.gather(wanted, order), atol=1e-6)


def test_a_state_begins_empty_for_as_many_steps_as_asked_for():
    layer, (_, values) = decoder(), arguments()
    state = layer.initial_state(layer.remember(values, None), 19)
    assert isinstance(state, KeyValueCache)
    np.testing.assert_array_equal(state.count, np.zeros(BATCH))
    assert len(state.keys) == len(state.values) == LAYERS
    for part in (*state.keys, *state.values):
        np.testing.assert_array_equal(part, np.zeros([BATCH, HEADS, 19, UNITS // HEADS]))


def test_a_state_without_max_steps_is_an_error():
    layer, (_, values) = decoder(), arguments()
    with pytest.raises(ValueError, match="needs max_steps, the largest number of tokens"):
        layer.initial_state(layer.remember(values, None))


def test_places_of_the_cache_that_no_token_has_are_never_read():
    layer, (words, values) = decoder(), arguments()
    memory = layer.remember(values, None)
    state = layer.initial_state(memory, TARGET)
    rubbish = state._replace(
        keys=tuple(part + 7.0 for part in state.keys), values=tuple(part - 7.0 for part in state.values)
    )
    for t in range(2):
        wanted, state, _ = layer.step(words[:, t], state, memory)
        found, rubbish, _ = layer.step(words[:, t], rubbish, memory)
        np.testing.assert_allclose(found, wanted, atol=1e-6)


@given(
    lengths=st.lists(st.integers(1, SOURCE), min_size=1, max_size=3),
    padding=st.integers(0, 3),
    positions=st.sampled_from([0, ROWS]),
)
@settings(max_examples=10, deadline=None)
def test_an_annotation_never_depends_on_padding_or_neighbours(lengths, padding, positions):
    layer, (words, _) = encoder(positions=positions), arguments(len(lengths), SOURCE + padding)
    mask = np.arange(SOURCE + padding) < np.array(lengths)[:, None]
    annotations, _ = layer(words, mask=mask)
    for row, length in enumerate(lengths):
        alone, _ = layer(words[row : row + 1, :length])
        np.testing.assert_allclose(annotations[row, :length], alone[0], atol=1e-5)


@given(
    lengths=st.lists(st.integers(1, SOURCE), min_size=1, max_size=3),
    padding=st.integers(0, 3),
    target=st.integers(1, TARGET),
    read=st.integers(1, TARGET),
)
@settings(max_examples=10, deadline=None)
def test_a_word_never_depends_on_later_words_nor_on_padding_nor_on_neighbours(lengths, padding, target, read):
    layer, (words, values) = decoder(), arguments(len(lengths), target, SOURCE + padding)
    mask = np.arange(SOURCE + padding) < np.array(lengths)[:, None]
    readouts, alignment = layer(words, values, values_mask=mask)
    for row, length in enumerate(lengths):
        here = slice(row, row + 1)
        # The row alone, with its own source words only and a target that is cut to the same number of words.
        alone, weights = layer(words[here, :read], values[here, :length])
        np.testing.assert_allclose(readouts[row, :read], alone[0], atol=1e-5)
        np.testing.assert_allclose(alignment[row, :read, :length], weights[0], atol=1e-5)
        assert not alignment.numpy()[row, :, length:].any()


def decoder_alone(**options):
    """A decoder without cross-attention."""
    made = TransformerDecoder(UNITS, HEADS, INNER, LAYERS, cross_attention=False, **options)
    made.build((None, None, UNITS))
    return filled(made, 13)


@either_position
def test_a_decoder_alone_follows_the_equations_and_so_do_its_steps(positions):
    layer, (words, _) = decoder_alone(positions=positions), arguments()
    readouts, alignment = layer(words, None)
    memory = layer.remember(None, None, layer.zero_state(words[:, 0]))
    state = layer.initial_state(memory, TARGET + 3)
    assert alignment.shape == (BATCH, TARGET, 0) and not layer.aligned
    for row, (own_words,) in enumerate(rows(words)):
        x = placed(layer, own_words)
        for (itself,), (first, last), inner in zip(layer.looks, layer.norms, layer.networks, strict=True):
            x = x + attend(itself, norm(first, x), norm(first, x), causal=True)[0]
            x = x + network(inner, norm(last, x))
        np.testing.assert_allclose(readouts[row], norm(layer.last_norm, x), atol=1e-5)
    for t in range(TARGET):
        readout, state, weights = layer.step(words[:, t], state, memory)
        np.testing.assert_allclose(readout, readouts[:, t], atol=1e-5)
        assert weights.shape == (BATCH, 0)


def test_nothing_before_a_token_moves_when_it_changes():
    layer, (words, _) = decoder_alone(), arguments()
    readouts = layer(words, None)[0].numpy()
    for t in range(TARGET):
        changed = words.numpy()
        changed[:, t, 0] += 1  # one unit: the norms would take away what all have in common
        moved = np.abs(layer(tf.constant(changed), None)[0].numpy() - readouts).max((0, 2))
        np.testing.assert_array_equal(moved[:t], 0)
        assert (moved[t:] > 1e-3).all()
        shown = layer.causal_attention(tf.constant(changed))
        assert len(shown) == LAYERS and shown[0].shape == (BATCH, HEADS, TARGET, TARGET)
        assert not shown[0].numpy()[:, :, t, t + 1 :].any()
        np.testing.assert_allclose(tf.reduce_sum(shown[1], -1), 1, atol=1e-5)


def test_a_decoder_alone_has_no_alignment_to_choose():
    with pytest.raises(ValueError, match="no layer or head"):
        TransformerDecoder(UNITS, HEADS, INNER, LAYERS, head=1, cross_attention=False)
    with pytest.raises(ValueError, match="without cross-attention"):
        decoder().causal_attention(arguments()[0])


def test_a_word_learns_from_itself_and_those_before_only():
    layer, (words, values) = decoder(), arguments()
    for t in range(TARGET):
        with tf.GradientTape() as tape:
            tape.watch(words)
            loss = tf.reduce_sum(layer(words, values)[0][:, t] ** 2)
        touched = np.abs(tape.gradient(loss, words)).max((0, 2))
        np.testing.assert_array_equal(touched > 0, np.arange(TARGET) <= t)


def test_every_annotation_sees_the_whole_sentence():
    layer, (words, _) = encoder(), arguments(target=SOURCE)
    with tf.GradientTape() as tape:
        tape.watch(words)
        loss = tf.reduce_sum(layer(words, mask=MASK)[0][:, 0] ** 2)
    touched = np.abs(tape.gradient(loss, words)).max(-1)
    np.testing.assert_array_equal(touched > 0, MASK)


def test_every_token_attends_to_real_source_tokens_only():
    words, values = arguments()
    alignment = decoder()(words, values, values_mask=MASK)[1].numpy()
    np.testing.assert_allclose(alignment.sum(-1), np.ones([BATCH, TARGET]), atol=1e-5)
    np.testing.assert_array_equal(alignment > 0, np.repeat(MASK[:, None], TARGET, 1))


def test_a_mask_of_an_embedding_arrives_by_itself_and_is_handed_on():
    ids = np.where(MASK, 3, 0)
    vectors = keras.layers.Embedding(5, UNITS, mask_zero=True)(ids)
    layer, (words, _) = encoder(), arguments()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Keras warns where a mask is lost
        annotations, _ = layer(vectors)
    np.testing.assert_array_equal(annotations, layer(vectors.numpy(), mask=MASK)[0])
    writer = TransformerDecoder(UNITS, HEADS, INNER, LAYERS)
    _, alignment = writer(words, annotations)
    np.testing.assert_array_equal(alignment.numpy() > 0, np.repeat(MASK[:, None], TARGET, 1))


def test_dropout_works_in_training_only():
    (words, values), plain = arguments(), (encoder(), decoder())
    for layer, without, given_ in zip(
        (encoder(dropout=0.5), decoder(dropout=0.5)), plain, [(words,), (words, values)], strict=True
    ):
        still = layer(*given_)[0]
        np.testing.assert_array_equal(still, without(*given_)[0])
        np.testing.assert_allclose(without(*given_, training=True)[0], still, atol=1e-6)
        dropped, again = layer(*given_, training=True)[0], layer(*given_, training=True)[0]
        assert np.abs(dropped - still).max() > 0.01
        assert np.abs(dropped - again).max() > 0.01


def test_a_graph_for_any_length_gives_what_is_given_eagerly():
    reader, writer = encoder(positions=ROWS), decoder()
    anything = [tf.TensorSpec([None, None, width]) for width in (UNITS, UNITS, MEMORY)]

    @tf.function(input_signature=[*anything, tf.TensorSpec([None, None], tf.bool)], reduce_retracing=True)
    def graph(source, words, values, mask):
        memory = writer.remember(values, mask)
        state = writer.initial_state(memory, tf.shape(words)[1])
        first, state, _ = writer.step(words[:, 0], state, memory)
        return reader(source, mask=mask)[0], writer(words, values, values_mask=mask), first

    for target in (TARGET, 2):
        words, values = arguments(target=target)
        source = arguments(target=SOURCE)[0]
        annotations, (readouts, alignment), first = graph(source, words, values, tf.constant(MASK))
        wanted, weights = writer(words, values, values_mask=MASK)
        np.testing.assert_allclose(annotations, reader(source, mask=MASK)[0], atol=1e-5)
        np.testing.assert_allclose(readouts, wanted, atol=1e-5)
        np.testing.assert_allclose(alignment, weights, atol=1e-5)
        np.testing.assert_allclose(first, wanted[:, 0], atol=1e-5)


@either_position
def test_computes_in_half_precision_nearly_the_same(positions):
    words, values = arguments()
    source = arguments(target=SOURCE)[0]

    def results(read, write):
        return read(source, mask=MASK)[0], *write(words, values, values_mask=MASK)

    wanted = results(encoder(positions=positions), decoder(positions=positions))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        found = results(encoder.__wrapped__(positions=positions), decoder.__wrapped__(positions=positions))
    finally:
        keras.config.set_dtype_policy(before)
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == tf.bfloat16
        assert np.abs(tf.cast(one, "float32") - other).mean() < 0.05


@pytest.mark.parametrize(
    "layer",
    [
        TransformerEncoder(
            UNITS, heads=HEADS, feed_forward=INNER, layers=LAYERS, dropout=0.25, positions=ROWS, name="mine"
        ),
        TransformerDecoder(
            UNITS,
            heads=HEADS,
            feed_forward=INNER,
            layers=LAYERS,
            dropout=0.25,
            positions=ROWS,
            layer=0,
            head=1,
            name="mine",
        ),
        TransformerDecoder(UNITS, HEADS, INNER, LAYERS, name="mine"),
        TransformerDecoder(UNITS, HEADS, INNER, LAYERS, cross_attention=False, name="mine"),
        Positions(ROWS, name="mine"),
    ],
    ids=["encoder", "decoder", "plain", "alone", "positions"],
)
def test_comes_back_from_its_config(layer):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
    assert again.name == "mine"
    own_names = {"units", "heads", "feed_forward", "layers", "dropout", "positions", "layer", "head", "learned"}
    own_names |= {"cross_attention"}
    for name in own_names & set(vars(layer)):
        assert getattr(again, name) == getattr(layer, name)


def test_what_comes_back_computes_the_same():
    layer, (words, values) = decoder(positions=ROWS, layer=0, head=1), arguments()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    again(words, values)
    again.set_weights(layer.get_weights())
    for one, other in zip(again(words, values), layer(words, values), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", [TransformerEncoder, TransformerDecoder])
def test_heads_must_divide_the_units(kind):
    with pytest.raises(ValueError, match="5 heads do not divide 6 units"):
        kind(6, 5, INNER, LAYERS)


@pytest.mark.parametrize("kind", [TransformerEncoder, TransformerDecoder])
@pytest.mark.parametrize("layers", [0, -1])
def test_needs_layers(kind, layers):
    with pytest.raises(ValueError, match=f"layers must be 1 or more, not {layers}"):
        kind(UNITS, HEADS, INNER, layers)


@pytest.mark.parametrize("layer", [-1, LAYERS])
def test_the_layer_that_is_shown_must_be_there(layer):
    with pytest.raises(ValueError, match=f"no layer {layer}: they are numbered from 0 to 1"):
        TransformerDecoder(UNITS, HEADS, INNER, LAYERS, layer=layer)


@pytest.mark.parametrize("head", [-1, HEADS])
def test_the_head_that_is_shown_must_be_there(head):
    with pytest.raises(ValueError, match=f"no head {head}: they are numbered from 0 to 1"):
        TransformerDecoder(UNITS, HEADS, INNER, LAYERS, head=head)
