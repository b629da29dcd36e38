"""The decoder: one word at a time equals all at once, values and gradients, wherever the context enters.

Each kind is held against its equations, and dropout is as promised.
"""

from functools import cache, partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.layers.attention import (
    ATTENTIONS,
    BahdanauAttention,
    DotAttention,
    FixedContext,
    GeneralAttention,
    ScaledDotAttention,
    make_attention,
)
from nmt.layers.cells import CELLS
from nmt.layers.context import CONTEXTS
from nmt.layers.decoder import Decoder

BATCH, TARGET, SOURCE, WIDTH, MEMORY, UNITS, READOUT, ATTENTION = 3, 2, 5, 7, 11, 13, 17, 19
MASK = np.arange(SOURCE) < np.array([[5], [2], [1]])
every_kind = pytest.mark.parametrize(("cell", "layers"), [(cell, layers) for cell in CELLS for layers in (1, 2)])
every_context = pytest.mark.parametrize("context", list(CONTEXTS))
# What the decoder may attend to: every kind of attention, the sentence in one vector, nothing.
ATTENDED = {
    **{kind: partial(make_attention, kind, ATTENTION) for kind in ATTENTIONS},
    "two_heads": lambda: ScaledDotAttention(2 * ATTENTION, heads=2),
    "fixed": lambda: FixedContext(UNITS),
    "nothing": lambda: None,
}
UNALIGNED = ("fixed", "nothing")
DEEP = {"layer_norm": True, "residual": True}
# Attention, context, cell, layers and options. Bahdanau's attention without options is in every_kind.
DECODERS = [
    *[
        (attended, context, "gru", 1, {})
        for attended in ATTENDED
        for context in CONTEXTS
        if context != "feed" or attended not in UNALIGNED
    ],
    *[("bahdanau", context, cell, 2, DEEP) for context in CONTEXTS for cell in CELLS],
    *[("general", context, cell, 1, {}) for context in ("output", "feed") for cell in ("rnn", "lstm")],
    ("two_heads", "output", "lstm", 2, {"residual": True}),
    ("dot", "feed", "rnn", 2, {"layer_norm": True}),
    ("fixed", "input", "lstm", 2, DEEP),
    ("fixed", "output", "rnn", 2, {}),
    ("nothing", "input", "lstm", 2, DEEP),
    ("nothing", "output", "rnn", 2, {}),
]
every_decoder = pytest.mark.parametrize(
    ("attended", "context", "cell", "layers", "options"),
    DECODERS,
    ids=["-".join([*map(str, kind[:4]), *kind[4]]) for kind in DECODERS],
)


def random(rng, *shape):
    return tf.constant(rng.normal(size=shape), tf.float32)


def memory_width(attended):
    return UNITS if attended in ATTENTIONS and ATTENTIONS[attended].needs_equal_width else MEMORY


def fresh(cell="gru", layers=1, seed=2, readout=READOUT, attended="bahdanau", **options):
    """A decoder whose weights, biases too, are all different."""
    rng = np.random.default_rng(seed)
    decoder = Decoder(UNITS, readout=readout, attention=ATTENDED[attended](), cell=cell, layers=layers, **options)
    decoder.build((None, None, WIDTH), None if attended == "nothing" else (None, None, memory_width(attended)))
    decoder.set_weights([0.3 * random(rng, *weight.shape).numpy() for weight in decoder.weights])
    return decoder


built = cache(fresh)  # for those that leave it as it is


def arguments(cell="gru", layers=1, batch=BATCH, target=TARGET, source=SOURCE, attended="bahdanau"):
    """Word vectors, annotations and the first state."""
    rng = np.random.default_rng(3)
    states = CELLS[cell].states
    state = tuple(tuple(random(rng, batch, UNITS) for _ in range(states)) for _ in range(layers))
    values = None if attended == "nothing" else random(rng, batch, source, memory_width(attended))
    return random(rng, batch, target, WIDTH), values, state


def step_by_step(decoder, inputs, values, state, mask):
    """What the call returns, from steps."""
    memory = decoder.remember(values, mask, state)
    state = decoder.initial_state(memory)
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
    wanted, wanted_alignment = step_by_step(decoder, inputs=inputs, values=values, state=state, mask=tf.constant(MASK))
    np.testing.assert_allclose(readouts, wanted, atol=1e-5)
    np.testing.assert_allclose(alignment, wanted_alignment, atol=1e-5)


@every_decoder
def test_steps_repeated_equal_the_call_wherever_the_context_enters(attended, context, cell, layers, options):
    decoder = built(cell, layers, attended=attended, context=context, **options)
    inputs, values, state = arguments(cell, layers, target=3, attended=attended)
    readouts, alignment = decoder(inputs, values, state, values_mask=MASK)
    wanted, wanted_alignment = step_by_step(decoder, inputs=inputs, values=values, state=state, mask=tf.constant(MASK))
    assert readouts.shape == (BATCH, 3, READOUT)
    assert alignment.shape == (BATCH, 3, SOURCE if decoder.aligned else 0)
    np.testing.assert_allclose(readouts, wanted, atol=1e-5)
    np.testing.assert_allclose(alignment, wanted_alignment, atol=1e-5)


def gradients(forward, decoder, inputs, values, state):
    given_ = [inputs, *([] if values is None else [values]), *tf.nest.flatten(state)]
    with tf.GradientTape() as tape:
        tape.watch(given_)
        readouts, alignment = forward(inputs, values, state)
        loss = tf.reduce_sum(tf.sin(readouts)) + tf.reduce_sum(alignment * tf.range(alignment.shape[-1], dtype="float"))
    zero = tf.UnconnectedGradients.ZERO
    return tape.gradient(loss, [*given_, *decoder.trainable_weights], unconnected_gradients=zero)


@every_kind
@pytest.mark.parametrize("training", [True, False])
def test_gradients_of_the_call_equal_those_of_the_steps(cell, layers, training):
    decoder, given_ = built(cell, layers), arguments(cell, layers, target=3)
    found = gradients(lambda *a: decoder(*a, values_mask=MASK, training=training), decoder, *given_)
    wanted = gradients(lambda *a: step_by_step(decoder, *a, tf.constant(MASK)), decoder, *given_)
    for one, other in zip(found, wanted, strict=True):
        assert np.abs(other).max() > 0
        np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-4)


@every_decoder
def test_gradients_equal_those_of_the_steps_wherever_the_context_enters(attended, context, cell, layers, options):
    decoder = built(cell, layers, attended=attended, context=context, **options)
    given_ = arguments(cell, layers, target=3, attended=attended)
    found = gradients(lambda *a: decoder(*a, values_mask=MASK, training=True), decoder, *given_)
    wanted = gradients(lambda *a: step_by_step(decoder, *a, tf.constant(MASK)), decoder, *given_)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-4)
    of_inputs, *rest = found
    first_state = rest[0 if attended == "nothing" else 1]
    assert np.abs(of_inputs).max() > 0
    assert np.abs(first_state).max() > 0
    if attended != "nothing":  # what is not attended to is not learned from
        assert (np.abs(rest[0]).max() > 0) == decoder.aligned
    for weight, gradient in zip(decoder.trainable_weights, found[-len(decoder.trainable_weights) :], strict=True):
        # A bias adds as much to the scores of all words, which the softmax takes no notice of.
        assert np.abs(gradient).max() > 0 or weight.name == "key_bias"


def gradients_in_a_graph_equal_the_eager_ones(compiled, cell="gru", layers=1, **options):
    decoder, (inputs, values, state) = built(cell, layers, **options), arguments(cell, layers, target=3)

    def forward(*given_):
        return gradients(lambda *a: decoder(*a, values_mask=MASK, training=True), decoder, *given_)

    wanted = forward(inputs, values, state)
    found = tf.function(forward, jit_compile=compiled)(inputs, values, state)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("compiled", [False, True], ids=["graph", "xla"])
def test_gradients_in_a_graph_equal_the_eager_ones(compiled):
    gradients_in_a_graph_equal_the_eager_ones(compiled)


@pytest.mark.parametrize("context", ["output", "feed"])
def test_gradients_in_a_graph_equal_the_eager_ones_wherever_the_context_enters(context):
    gradients_in_a_graph_equal_the_eager_ones(False, "lstm", 2, attended="two_heads", context=context, **DEEP)


def own(layer):
    return [weight.astype(np.float64) for weight in layer.get_weights()]


def attend(decoder, query, values):
    """Context and weights: the attention's own equations are tested beside it."""
    return decoder.attention(tf.constant(query, tf.float32), values, values_mask=MASK)


def recurrence(cell, inputs, before, more=0.0):
    """An RNN's step; ``more`` is what the context or the last readout adds to what it reads."""
    kernel, recurrent, bias = own(cell)
    return np.tanh(inputs @ kernel + more + before @ recurrent + bias)


def read(decoder, *parts):
    kernel, bias = own(decoder.readout_layer)
    return np.tanh(np.concatenate(parts, -1) @ kernel + bias)


def test_one_step_follows_the_equations():
    decoder, (inputs, values, ((before,),)) = built("rnn"), arguments("rnn")
    word = inputs[:, 0]
    readout, ((state,),), alignment = decoder.step(word, ((before,),), decoder.remember(values, tf.constant(MASK)))
    # The query is the state before the step.
    context, weights = attend(decoder, before, values)
    wanted = recurrence(decoder.cells[0], word, before, context @ decoder.context_kernel.numpy())
    np.testing.assert_allclose(alignment, weights, atol=1e-6)
    np.testing.assert_allclose(state, wanted, atol=1e-5)
    np.testing.assert_allclose(readout, read(decoder, wanted, context, word), atol=1e-5)


@pytest.mark.parametrize("attended", ["bahdanau", "dot", "two_heads"])
def test_a_step_with_the_context_in_the_readout_follows_the_equations(attended):
    decoder = built("rnn", attended=attended, context="output")
    inputs, values, ((before,),) = arguments("rnn", attended=attended)
    word = inputs[:, 0]
    readout, ((state,),), alignment = decoder.step(word, ((before,),), decoder.remember(values, tf.constant(MASK)))
    wanted = recurrence(decoder.cells[0], word, before)
    # The query is the state after the step.
    context, weights = attend(decoder, wanted, values)
    np.testing.assert_allclose(state, wanted, atol=1e-5)
    np.testing.assert_allclose(alignment, weights, atol=1e-5)
    np.testing.assert_allclose(readout, read(decoder, wanted, context), atol=1e-5)


@pytest.mark.parametrize("attended", ["bahdanau", "dot", "two_heads"])
def test_two_steps_with_the_last_readout_fed_follow_the_equations(attended):
    decoder = built("rnn", attended=attended, context="feed")
    inputs, values, ((before,),) = arguments("rnn", attended=attended)
    memory = decoder.remember(values, tf.constant(MASK), ((before,),))
    state = decoder.initial_state(memory)
    fed = np.zeros([BATCH, READOUT])  # nothing was written yet
    for t in range(TARGET):
        np.testing.assert_allclose(state[-1][0], fed, atol=1e-5)
        readout, state, alignment = decoder.step(inputs[:, t], state, memory)
        before = recurrence(decoder.cells[0], inputs[:, t], before, fed @ decoder.feed_kernel.numpy())
        context, weights = attend(decoder, before, values)
        fed = read(decoder, before, context)
        np.testing.assert_allclose(state[0][0], before, atol=1e-5)
        np.testing.assert_allclose(alignment, weights, atol=1e-5)
        np.testing.assert_allclose(readout, fed, atol=1e-5)


@pytest.mark.parametrize("context", ["input", "output"])
def test_two_steps_with_a_fixed_context_follow_the_equations(context):
    decoder = built("rnn", attended="fixed", context=context)
    inputs, values, ((first,),) = arguments("rnn", attended="fixed")
    memory = decoder.remember(values, tf.constant(MASK), ((first,),))
    state, before = decoder.initial_state(memory), first
    for t in range(TARGET):
        readout, state, alignment = decoder.step(inputs[:, t], state, memory)
        if context == "input":
            before = recurrence(decoder.cells[0], inputs[:, t], before, first @ decoder.context_kernel.numpy())
            wanted = read(decoder, before, first, inputs[:, t])
        else:
            before = recurrence(decoder.cells[0], inputs[:, t], before)
            wanted = read(decoder, before, first)
        np.testing.assert_allclose(state[0][0], before, atol=1e-5)
        np.testing.assert_allclose(readout, wanted, atol=1e-5)
        assert alignment.shape == (BATCH, 0)


@pytest.mark.parametrize("context", ["input", "output"])
def test_a_step_of_a_language_model_follows_the_equations(context):
    decoder = built("rnn", attended="nothing", context=context)
    inputs, _, ((before,),) = arguments("rnn", attended="nothing")
    memory = decoder.remember(None, None, ((before,),))
    readout, ((state,),), alignment = decoder.step(inputs[:, 0], decoder.initial_state(memory), memory)
    wanted = recurrence(decoder.cells[0], inputs[:, 0], before)
    np.testing.assert_allclose(state, wanted, atol=1e-5)
    np.testing.assert_allclose(readout, read(decoder, wanted), atol=1e-5)
    assert alignment.shape == (BATCH, 0)


def normalised(layer, x):
    gain, bias = own(layer)
    mean = x.mean(-1, keepdims=True)
    return gain * (x - mean) / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5) + bias


@every_context
def test_a_step_of_two_layers_follows_the_equations(context):
    decoder = built("rnn", 2, context=context, **DEEP)
    inputs, values, ((lower,), (upper,)) = arguments("rnn", 2)
    word = np.asarray(inputs[:, 0], np.float64)
    memory = decoder.remember(values, tf.constant(MASK), ((lower,), (upper,)))
    readout, state, alignment = decoder.step(inputs[:, 0], decoder.initial_state(memory), memory)
    if context == "input":
        # The first layer asks, from its state as it is.
        seen, weights = attend(decoder, lower, values)
        new_lower = recurrence(decoder.cells[0], word, lower, seen @ decoder.context_kernel.numpy())
    else:
        new_lower = recurrence(decoder.cells[0], word, lower)
    first = normalised(decoder.depth.norms[0], new_lower)
    new_upper = recurrence(decoder.cells[1], first, upper)
    top = first + normalised(decoder.depth.norms[1], new_upper)
    if context != "input":
        # The topmost asks, from what it gives.
        seen, weights = attend(decoder, top, values)
    np.testing.assert_allclose(state[0][0], new_lower, atol=1e-5)
    np.testing.assert_allclose(state[1][0], new_upper, atol=1e-5)
    np.testing.assert_allclose(alignment, weights, atol=1e-5)
    wanted = read(decoder, top, seen, word) if context == "input" else read(decoder, top, seen)
    np.testing.assert_allclose(readout, wanted, atol=1e-5)


def test_a_state_and_a_context_side_by_side_are_what_the_readout_reads():
    # A state of 4 numbers and a context of 4 make 8; with the word of 3 before them, as Bahdanau has it, 11.
    decoder = Decoder(4, 5, DotAttention(), context="output")
    decoder(tf.ones([2, 6, 3]), tf.ones([2, 7, 4]), ((tf.ones([2, 4]),),))
    assert tuple(decoder.readout_layer.kernel.shape) == (8, 5)
    decoder = Decoder(4, 5, DotAttention(), context="input")
    decoder(tf.ones([2, 6, 3]), tf.ones([2, 7, 4]), ((tf.ones([2, 4]),),))
    assert tuple(decoder.readout_layer.kernel.shape) == (11, 5)
    assert tuple(decoder.context_kernel.shape) == (4, 3 * 4)  # a block for each gate


def test_a_readout_by_hand():
    # State and context side by side, (0.2, -0.1 ; 0.56, 0.14), and a kernel that adds the first of either and takes the
    # second of the one from the second of the other: tanh(0.2 + 0.56) and tanh(0.14 + 0.1).
    decoder = Decoder(2, 2, DotAttention(), "rnn", context="output")
    decoder.build((None, None, 2), (None, None, 2))
    # The recurrence gives tanh of what it reads.
    decoder.cells[0].set_weights([np.eye(2), np.zeros([2, 2]), np.zeros(2)])
    decoder.readout_layer.set_weights([np.array([[1, 0], [0, -1], [1, 0], [0, 1]]), np.zeros(2)])
    word = tf.constant(np.arctanh([[[0.2, -0.1]]]), tf.float32)
    # Only one source token, so the context is its annotation whatever its score.
    readouts, alignment = decoder(word, tf.constant([[[0.56, 0.14]]]), ((tf.zeros([1, 2]),),))
    np.testing.assert_allclose(readouts, np.tanh([[[0.76, 0.24]]]), rtol=1e-5)
    np.testing.assert_array_equal(alignment, [[[1.0]]])


@pytest.mark.parametrize("attended", list(ATTENDED))
def test_there_is_an_alignment_where_there_is_an_attention(attended):
    assert built(attended=attended).aligned == (attended not in UNALIGNED)


@pytest.mark.parametrize("layers", [1, 2])
def test_the_fixed_context_is_the_first_state_of_the_topmost_layer(layers):
    decoder = fresh("lstm", layers, readout=UNITS, attended="fixed", context="output")
    # A readout of tanh(context): zeros for the state, ones from each unit of the context to its own readout.
    decoder.readout_layer.set_weights([np.concatenate([np.zeros([UNITS, UNITS]), np.eye(UNITS)]), np.zeros(UNITS)])
    inputs, values, state = arguments("lstm", layers, attended="fixed")
    readouts, alignment = decoder(inputs, values, state, values_mask=MASK)
    np.testing.assert_allclose(readouts, np.repeat(np.tanh(state[-1][0])[:, None], TARGET, 1), atol=1e-5)
    assert alignment.shape == (BATCH, TARGET, 0)


@pytest.mark.parametrize("context", ["input", "output"])
def test_with_a_fixed_context_no_annotation_is_read(context):
    decoder, (inputs, values, state) = built(attended="fixed", context=context), arguments(attended="fixed")
    readouts, _ = decoder(inputs, values, state)
    np.testing.assert_array_equal(decoder(inputs, values + 1.0, state, values_mask=MASK)[0], readouts)
    np.testing.assert_array_equal(decoder(inputs, None, state)[0], readouts)


def test_a_language_model_has_weights_for_words_and_states_only():
    for context in ("input", "output"):
        decoder = Decoder(UNITS, READOUT, None, context=context)
        readouts, alignment = decoder(*arguments(attended="nothing"))
        shapes = [tuple(weight.shape) for weight in decoder.trainable_weights]
        assert shapes == [(WIDTH, 3 * UNITS), (UNITS, 3 * UNITS), (2, 3 * UNITS), (UNITS, READOUT), (READOUT,)]
        assert readouts.shape == (BATCH, TARGET, READOUT)
        assert alignment.shape == (BATCH, TARGET, 0)


@pytest.mark.parametrize(("cell", "layers"), [("gru", 1), ("lstm", 2)])
def test_a_language_model_begins_with_zeros_for_the_batch(cell, layers):
    state = built(cell, layers, attended="nothing").zero_state(tf.ones([5, 2, WIDTH]))
    assert [len(layer) for layer in state] == [CELLS[cell].states] * layers
    for part in tf.nest.flatten(state):
        np.testing.assert_array_equal(part, np.zeros([5, UNITS]))


@every_context
def test_the_state_before_the_first_word_is_what_the_encoder_said(context):
    decoder, (_, values, state) = built("lstm", 2, context=context), arguments("lstm", 2)
    first = decoder.initial_state(decoder.remember(values, None, state))
    for one, other in zip(tf.nest.flatten(first[:2]), tf.nest.flatten(state), strict=True):
        np.testing.assert_array_equal(one, other)
    rest = tf.nest.flatten(first[2:])  # what is fed: no readout yet
    assert [tuple(part.shape) for part in rest] == ([(BATCH, READOUT)] if context == "feed" else [])
    assert not any(part.numpy().any() for part in rest)


def test_the_query_of_an_lstm_is_its_output_and_not_its_memory():
    decoder, (inputs, values, ((h, c),)) = built("lstm"), arguments("lstm")
    _, _, alignment = decoder.step(inputs[:, 0], ((h, c),), decoder.remember(values, tf.constant(MASK)))
    np.testing.assert_allclose(alignment, decoder.attention(h, values, values_mask=MASK)[1], atol=1e-6)


@given(
    lengths=st.lists(st.integers(1, SOURCE), min_size=1, max_size=3),
    padding=st.integers(0, 3),
    target=st.integers(1, 3),
    kind=st.sampled_from(
        [("bahdanau", "input", cell, 1, {}) for cell in CELLS] + [kind for kind in DECODERS if kind[0] != "nothing"]
    ),
)
@settings(max_examples=25, deadline=None)
def test_a_row_never_depends_on_its_padding_or_its_neighbours(lengths, padding, target, kind):
    attended, context, cell, layers, options = kind
    decoder = built(cell, layers, attended=attended, context=context, **options)
    inputs, values, state = arguments(
        cell, layers=layers, batch=len(lengths), target=target, source=SOURCE + padding, attended=attended
    )
    mask = np.arange(SOURCE + padding) < np.array(lengths)[:, None]
    readouts, alignment = decoder(inputs, values, state, values_mask=mask)
    for row, length in enumerate(lengths):
        here = slice(row, row + 1)
        first = tf.nest.map_structure(lambda part, here=here: part[here], state)
        # The row alone, with its own words only and a target that goes no further than its first word.
        alone, weights = decoder(inputs[here, :1], values[here, :length], first)
        np.testing.assert_allclose(readouts[row, :1], alone[0], atol=1e-5)
        if decoder.aligned:
            np.testing.assert_allclose(alignment[row, :1, :length], weights[0], atol=1e-5)
            assert not alignment.numpy()[row, :, length:].any()


@every_context
def test_every_step_attends_to_real_source_tokens_only(context):
    inputs, values, state = arguments()
    alignment = built(context=context)(inputs, values, state, values_mask=MASK)[1].numpy()
    np.testing.assert_allclose(alignment.sum(-1), np.ones([BATCH, TARGET]), atol=1e-6)
    np.testing.assert_array_equal(alignment > 0, np.repeat(MASK[:, None], TARGET, 1))


def test_a_mask_of_an_embedding_arrives_by_itself():
    decoder, (inputs, _, state) = built(), arguments()
    values = keras.layers.Embedding(5, MEMORY, mask_zero=True)(np.where(MASK, 3, 0))
    _, alignment = decoder(inputs, values, state)
    np.testing.assert_array_equal(alignment.numpy() > 0, np.repeat(MASK[:, None], TARGET, 1))


def showing_contexts(**options):
    """A decoder whose readout is tanh(context): zeros but for ones from each unit of the context to its own readout."""
    decoder = fresh(readout=MEMORY, **options)
    kernel = np.zeros(decoder.readout_layer.kernel.shape)
    kernel[UNITS : UNITS + MEMORY] = np.eye(MEMORY)
    decoder.readout_layer.set_weights([kernel, np.zeros(MEMORY)])
    return decoder


@every_context
def test_the_same_units_of_the_context_are_dropped_at_all_steps(context):
    inputs, _, state = arguments(batch=23, target=5)
    decoder = showing_contexts(context_dropout=0.5, context=context)
    # Annotations of ones, so every context is ones. A kept unit becomes 1 / (1 - 1/2) = 2, a dropped one 0.
    values = tf.ones([23, SOURCE, MEMORY])
    contexts = np.arctanh(decoder(inputs, values, state, training=True)[0].numpy())
    kept = contexts > 1
    np.testing.assert_allclose(contexts, 2.0 * kept, atol=1e-3)
    np.testing.assert_array_equal(kept, np.repeat(kept[:, :1], 5, 1))
    assert 0.3 < kept.mean() < 0.7  # 253 coins: six deviations of 1/2 / sqrt(253) to either side
    assert len({row.tobytes() for row in kept}) > 1  # rows are dropped from independently
    np.testing.assert_allclose(np.arctanh(decoder(inputs, values, state)[0]), np.ones(contexts.shape), atol=1e-3)


def test_the_same_units_of_a_fixed_context_are_dropped_at_all_steps():
    decoder = fresh(attended="fixed", context_dropout=0.5)
    state = ((tf.ones([23, UNITS]),),)
    memory = decoder.remember(None, None, state, training=True)
    assert set(np.unique(memory.values)) == {0.0, 2.0}
    assert len({row.tobytes() for row in memory.values.numpy()}) > 1
    np.testing.assert_array_equal(memory.initial_state[0][0], state[0][0])  # the state itself is whole


def test_the_same_units_of_each_head_are_dropped_at_all_steps():
    decoder, (_, values, _) = fresh(attended="two_heads", context_dropout=0.5), arguments(batch=23)
    memory, whole = decoder.remember(values, None, training=True), decoder.remember(values, None)
    kept = memory.values.numpy() != 0
    np.testing.assert_allclose(memory.values, np.where(kept, 2.0 * whole.values.numpy(), 0.0), atol=1e-5)
    np.testing.assert_array_equal(kept, np.repeat(kept[:, :, :1], SOURCE, 2))
    assert 0.4 < kept.mean() < 0.6


def test_a_memory_for_training_is_dropped_from_for_steps_too():
    decoder = fresh(context_dropout=0.5)
    memory = decoder.remember(tf.ones([23, SOURCE, MEMORY]), None, training=True)
    assert set(np.unique(memory.values)) == {0.0, 2.0}
    state = [[tf.ones([23, UNITS])]]
    whole = decoder.remember(tf.ones([23, SOURCE, MEMORY]), None, initial_state=state)
    np.testing.assert_array_equal(whole.values, np.ones([23, SOURCE, MEMORY]))
    np.testing.assert_array_equal(memory.keys, whole.keys)  # keys are not dropped from
    assert whole.initial_state == ((state[0][0],),)
    assert memory.initial_state == ()


@every_context
@pytest.mark.parametrize(("layers", "rates"), [(2, {"dropout": 0.5}), (1, {"context_dropout": 0.5})])
def test_dropout_works_in_training_only(layers, rates, context):
    decoder, given_ = fresh(layers=layers, context=context, **rates), arguments(layers=layers)
    still = decoder(*given_)[0]
    np.testing.assert_array_equal(decoder(*given_)[0], still)
    dropped, again = decoder(*given_, training=True)[0], decoder(*given_, training=True)[0]
    assert np.abs(dropped - still).max() > 0.01
    assert np.abs(dropped - again).max() > 0.01


def test_the_alignment_of_the_first_word_is_that_without_dropout():
    decoder, given_ = fresh(context_dropout=0.5), arguments()
    np.testing.assert_allclose(decoder(*given_, training=True)[1][:, 0], decoder(*given_)[1][:, 0], atol=1e-6)


@pytest.mark.parametrize(("layers", "rates"), [(2, {}), (1, {"dropout": 0.5})])
@every_context
def test_training_is_the_same_where_nothing_is_dropped(layers, rates, context):
    decoder, given_ = built(layers=layers, context=context, **rates), arguments(layers=layers)
    for one, other in zip(decoder(*given_, training=True), decoder(*given_), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("layers", [1, 3], ids=["few", "many"])
@every_context
def test_a_state_for_too_few_or_too_many_layers_is_an_error(layers, context):
    inputs, values, state = arguments(layers=layers)
    with pytest.raises(ValueError, match="layer"):
        built(layers=2, context=context)(inputs, values, state)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@every_context
def test_a_state_of_lists_does_as_well(cell, context):
    """A saved functional model has lists where there were tuples: JSON knows no others."""
    decoder, (inputs, values, state) = built(cell, context=context), arguments(cell)
    lists = [list(layer) for layer in state]
    np.testing.assert_array_equal(decoder(inputs, values, lists)[0], decoder(inputs, values, state)[0])


def test_comes_back_from_its_config():
    decoder = Decoder(
        UNITS,
        readout=READOUT,
        attention=BahdanauAttention(ATTENTION),
        cell="lstm",
        layers=2,
        dropout=0.25,
        context_dropout=0.125,
        name="mine",
    )
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


@every_context
@pytest.mark.parametrize("attended", ["scaled_dot", "dot", *UNALIGNED])
def test_attention_and_context_come_back_from_its_config(attended, context):
    if context == "feed" and attended in UNALIGNED:
        return
    decoder = built("lstm", 2, attended=attended, context=context, **DEEP)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(decoder))
    assert again.get_config() == decoder.get_config()
    assert (again.context, again.layer_norm, again.residual) == (context, True, True)
    assert type(again.attention) is type(decoder.attention)
    given_ = arguments("lstm", 2, attended=attended)
    again(*given_)
    again.set_weights(decoder.get_weights())
    np.testing.assert_array_equal(again(*given_)[0], decoder(*given_)[0])


@every_context
def test_computes_in_half_precision_nearly_the_same(context):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = fresh("lstm", 2, attended="two_heads", context=context, **DEEP)
        found = half(*arguments("lstm", 2), values_mask=MASK)
    finally:
        keras.config.set_dtype_policy(before)
    wanted = built("lstm", 2, attended="two_heads", context=context, **DEEP)(*arguments("lstm", 2), values_mask=MASK)
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == tf.bfloat16
        np.testing.assert_allclose(tf.cast(one, "float32"), other, atol=0.05)


@pytest.mark.parametrize("attention", [None, FixedContext(UNITS)], ids=["nothing", "fixed"])
def test_without_an_attention_there_is_nothing_to_feed(attention):
    with pytest.raises(ValueError, match="so it needs an attention"):
        Decoder(UNITS, READOUT, attention, context="feed")


def test_an_unknown_context_is_an_error_that_names_the_known():
    with pytest.raises(ValueError, match=r"context cannot be 'both'\. Known: input, output, feed"):
        Decoder(UNITS, READOUT, GeneralAttention(), context="both")


@pytest.mark.parametrize("layers", [0, -1])
def test_needs_layers(layers):
    with pytest.raises(ValueError, match=f"layers must be 1 or more, not {layers}"):
        Decoder(UNITS, READOUT, GeneralAttention(), layers=layers)


def test_an_unknown_cell_is_an_error():
    with pytest.raises(ValueError, match="no cell 'elman'"):
        Decoder(UNITS, READOUT, GeneralAttention(), "elman")


@pytest.mark.parametrize("attended", [kind for kind in ATTENTIONS if ATTENTIONS[kind].needs_equal_width])
def test_annotations_of_another_width_than_the_state_are_an_error_where_the_score_compares_them(attended):
    inputs, values, state = arguments()
    with pytest.raises(ValueError, match=f"the same width, but they are {UNITS} and {MEMORY} wide"):
        Decoder(UNITS, READOUT, ATTENDED[attended]())(inputs, values, state)
