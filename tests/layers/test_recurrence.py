"""The loop over time: its order, its mask, and its gradients."""

from contextlib import nullcontext

import numpy as np
import pytest
import tensorflow as tf

from nmt.layers.recurrence import dense, dense_loops, scan

BATCH, TIME, UNITS = 3, 5, 7


def random(rng, *shape):
    return tf.constant(rng.normal(size=shape), tf.float32)


@pytest.mark.parametrize(
    ("inputs", "kernel", "equation"),
    [
        ((2, 5), (5, 7), "bi,ij->bj"),
        ((2, 3, 5), (5, 7), "bti,ij->btj"),
        ((2, 3, 11, 5), (5, 7), "btki,ij->btkj"),
        ((2, 5), (2, 5, 7), "bi,bij->bj"),
        ((2, 3, 5), (2, 5, 7), "bti,bij->btj"),
    ],
)
@pytest.mark.parametrize("transpose", [False, True])
def test_dense_multiplies_the_last_dimension(inputs, kernel, equation, transpose):
    rng = np.random.default_rng(2)
    x, w = random(rng, *inputs), random(rng, *kernel)
    given = tf.linalg.matrix_transpose(w) if transpose else w
    product = dense(x, given, transpose=transpose)
    np.testing.assert_allclose(product, np.einsum(equation, x, w), atol=1e-5)


def test_dense_keeps_what_is_known_of_the_shape():
    shapes = []

    @tf.function(input_signature=[tf.TensorSpec([None, 3, None, 5])])
    def trace(x):
        shapes.append(dense(x, tf.ones([5, 7])).shape.as_list())
        return x

    trace.get_concrete_function()
    assert shapes == [[None, 3, None, 7]]


def add_up(x, state):
    """The state is the sum of all that was read; the outputs are the sum and what was read."""
    total = state + x
    return (total, x), total


# By hand: 1, 1 + 2, 1 + 2 + 4 forwards; 4, 4 + 2, 4 + 2 + 1 backwards, each in its place.
# Where the mask is false the sum that is handed on stays as it was.
@pytest.fixture(params=["arrays", "dense"])
def both_loops(request):
    with dense_loops() if request.param == "dense" else nullcontext():
        yield


with_both_loops = pytest.mark.usefixtures("both_loops")


@with_both_loops
@pytest.mark.parametrize(
    ("mask", "reverse", "at_real_words", "last"),
    [
        (None, False, [1, 3, 7], 7),
        (None, True, [7, 6, 4], 7),
        ([1, 1, 0], False, [1, 3], 3),
        ([1, 1, 0], True, [3, 2], 3),
        ([0, 1, 1], False, [2, 6], 6),
        ([0, 1, 1], True, [6, 4], 6),
        ([1, 0, 1], False, [1, 5], 5),
        ([0, 0, 0], False, [], 0),
    ],
)
def test_a_running_sum(mask, reverse, at_real_words, last):
    inputs = tf.constant([[[1.0], [2.0], [4.0]]])
    booleans = None if mask is None else tf.cast([mask], tf.bool)
    (sums, read), state = scan(
        add_up, inputs=inputs, state=tf.zeros([1, 1]), mask=booleans, reverse=reverse, outputs=(1, 1)
    )
    real = slice(None) if mask is None else np.array(mask, bool)
    assert sums.numpy()[0, real, 0].tolist() == at_real_words
    assert state.numpy().tolist() == [[last]]
    np.testing.assert_array_equal(read, inputs)  # outputs keep their places either way


@with_both_loops
def test_rows_have_masks_of_their_own():
    inputs = tf.constant([[[1.0], [2.0], [4.0]]] * 3)
    _, state = scan(add_up, inputs, tf.zeros([3, 1]), tf.sequence_mask([2, 3, 0]), outputs=(1, 1))
    assert state.numpy().ravel().tolist() == [3, 7, 0]


@with_both_loops
def test_a_state_may_be_any_nest():
    def step(x, state):
        new = {"sum": state["sum"] + x, "parts": (state["parts"][0] * 2,)}
        return (new["sum"],), new

    first = {"sum": tf.zeros([1, 1]), "parts": (tf.ones([1, 2]),)}
    _, state = scan(
        step,
        inputs=tf.constant([[[1.0], [2.0], [4.0]]]),
        state=first,
        mask=tf.constant([[True, False, True]]),
        reverse=False,
        outputs=(1,),
    )
    assert state["sum"].numpy().tolist() == [[5]]
    assert state["parts"][0].numpy().tolist() == [[4, 4]]  # doubled at the two real words


@with_both_loops
def test_any_batch_and_any_time_in_a_graph():
    @tf.function(input_signature=[tf.TensorSpec([None, None, 1]), tf.TensorSpec([None, None], tf.bool)])
    def total(inputs, mask):
        (sums, _), state = scan(add_up, inputs, tf.zeros_like(inputs[:, 0]), mask, outputs=(1, 1))
        return sums, state

    for batch, time in [(2, 3), (1, 5), (0, 3)]:
        sums, state = total(tf.ones([batch, time, 1]), tf.ones([batch, time], tf.bool))
        np.testing.assert_array_equal(sums[:, :, 0], np.tile(np.arange(1, time + 1), (batch, 1)))
        np.testing.assert_array_equal(state, np.full([batch, 1], time))


@with_both_loops
@pytest.mark.parametrize("shape", [[2, 3], [2, None], [None, 3]])
def test_a_graph_may_know_its_batch_or_its_time(shape):
    @tf.function(input_signature=[tf.TensorSpec([*shape, 1]), tf.TensorSpec(shape, tf.bool)])
    def total(inputs, mask):
        first = tf.zeros([tf.shape(inputs)[0], 1])
        (sums, _), state = scan(add_up, inputs, first, mask, outputs=(1, 1))
        return sums, state

    sums, state = total(tf.ones([2, 3, 1]), tf.ones([2, 3], tf.bool))
    np.testing.assert_array_equal(sums[:, :, 0], [[1, 2, 3]] * 2)
    np.testing.assert_array_equal(state, [[3], [3]])


@with_both_loops
def test_no_steps_at_all_leave_the_first_state():
    (sums, _), state = scan(add_up, tf.zeros([2, 0, 1]), tf.fill([2, 1], 7.0), outputs=(1, 1))
    assert sums.shape == (2, 0, 1)
    assert state.numpy().tolist() == [[7], [7]]


def unrolled(step, inputs, state, mask, reverse, outputs):
    """The loop written out in Python, for :func:`scan` to be held against."""
    written = [None] * inputs.shape[1]
    for t in reversed(range(inputs.shape[1])) if reverse else range(inputs.shape[1]):
        written[t], new = step(inputs[:, t], state)
        state = new if mask is None else tf.where(mask[:, t, None], new, state)
    return tuple(tf.stack([y[i] for y in written], 1) for i in range(len(outputs))), state


def weighed_by_place(tensor):
    places = tf.reshape(tf.range(tf.size(tensor)), tf.shape(tensor))
    return tensor * tf.cos(tf.cast(places, tensor.dtype))


def results_and_gradients(loop, inputs, mask, reverse, state, kernel):
    """The loss weighs every place of both outputs and of the last state differently."""

    def step(x, state):
        new = tf.tanh(x + dense(state, kernel))
        return (new, x * state), new

    with tf.GradientTape() as tape:
        tape.watch([inputs, state, kernel])
        flat = tf.nest.flatten(loop(step, inputs, state, mask, reverse, outputs=(UNITS, UNITS)))
        loss = tf.add_n([tf.reduce_sum(weighed_by_place(part)) for part in flat])
    return flat, tape.gradient(loss, [inputs, state, kernel])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_results_and_gradients_are_those_of_the_loop_written_out(mode, masked, reverse):
    rng = np.random.default_rng(3)
    inputs, state, kernel = (random(rng, *s) for s in [(BATCH, TIME, UNITS), (BATCH, UNITS), (UNITS, UNITS)])
    mask = tf.sequence_mask([TIME, 3, 1], TIME) if masked else None

    def found():
        return results_and_gradients(scan, inputs=inputs, mask=mask, reverse=reverse, state=state, kernel=kernel)

    run = found if mode == "eager" else tf.function(found, jit_compile=mode == "xla")
    wanted = results_and_gradients(unrolled, inputs=inputs, mask=mask, reverse=reverse, state=state, kernel=kernel)
    for one, other in zip(tf.nest.flatten(run()), tf.nest.flatten(wanted), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-5)
