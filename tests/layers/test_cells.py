"""The recurrent cells, against NumPy written from their formulas and against Keras's own cells."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.layers.cells import CELLS, Cell, GRUCell, LSTMCell, SimpleRNNCell, make_cell

BATCH, TIME, WIDTH, UNITS = 3, 7, 5, 11
KERAS = {
    "rnn": keras.layers.SimpleRNNCell,
    "gru": lambda units: keras.layers.GRUCell(units, reset_after=True),
    "lstm": keras.layers.LSTMCell,
}
every_cell = pytest.mark.parametrize("kind", list(CELLS))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_by_formula(x, states, kernel, recurrent, bias):
    h = np.tanh(x @ kernel + states[0] @ recurrent + bias)
    return h, [h]


def gru_by_formula(x, states, kernel, recurrent, bias):
    (h,) = states
    w_z, w_r, w_n = np.split(kernel, 3, axis=1)
    u_z, u_r, u_n = np.split(recurrent, 3, axis=1)
    # Keras's layout has a bias on either side; for the gates only their sum counts.
    b_z, b_r, _ = np.split(bias.sum(0), 3)
    b_n, c_n = bias[0, 2 * UNITS :], bias[1, 2 * UNITS :]
    z = sigmoid(x @ w_z + h @ u_z + b_z)
    r = sigmoid(x @ w_r + h @ u_r + b_r)
    n = np.tanh(x @ w_n + b_n + r * (h @ u_n + c_n))
    h = z * h + (1 - z) * n
    return h, [h]


def lstm_by_formula(x, states, kernel, recurrent, bias):
    h, c = states
    w, u, b = np.split(kernel, 4, axis=1), np.split(recurrent, 4, axis=1), np.split(bias, 4)
    i, f, g, o = (x @ w[k] + h @ u[k] + b[k] for k in range(4))
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return h, [h, c]


FORMULAS = {"rnn": rnn_by_formula, "gru": gru_by_formula, "lstm": lstm_by_formula}


def random(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def built(kind, rng):
    """A cell whose weights, biases too, are all different."""
    cell = make_cell(kind, UNITS, kind)
    cell.build((None, WIDTH))
    cell.set_weights([0.5 * random(rng, *weight.shape) for weight in cell.weights])
    return cell


@every_cell
def test_one_step_follows_the_formula(kind):
    rng = np.random.default_rng(2)
    cell = built(kind, rng)
    x, states = random(rng, BATCH, WIDTH), [random(rng, BATCH, UNITS) for _ in range(cell.states)]
    output, new = cell(x, states)
    weights = [weight.astype(np.float64) for weight in cell.get_weights()]
    wanted_output, wanted = FORMULAS[kind](x.astype(np.float64), [s.astype(np.float64) for s in states], *weights)
    np.testing.assert_allclose(output, wanted_output, atol=1e-6)
    for one, other in zip(new, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@every_cell
def test_one_step_equals_kerass_cell_with_the_same_weights(kind):
    rng = np.random.default_rng(3)
    cell, theirs = built(kind, rng), KERAS[kind](UNITS)
    theirs.build((None, WIDTH))
    theirs.set_weights(cell.get_weights())
    x, states = random(rng, BATCH, WIDTH), [random(rng, BATCH, UNITS) for _ in range(cell.states)]
    output, new = cell(x, states)
    wanted_output, wanted = theirs(x, states)
    np.testing.assert_allclose(output, wanted_output, atol=1e-6)
    for one, other in zip(new, tf.nest.flatten(wanted), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@every_cell
def test_runs_inside_keras_rnn_as_kerass_cell_does(kind):
    rng = np.random.default_rng(5)
    ours = keras.layers.RNN(make_cell(kind, UNITS, kind), return_sequences=True, return_state=True)
    theirs = keras.layers.RNN(KERAS[kind](UNITS), return_sequences=True, return_state=True)
    x, mask = random(rng, BATCH, TIME, WIDTH), np.arange(TIME) < np.array([[7], [4], [1]])
    theirs.build(x.shape)
    ours.build(x.shape)
    ours.set_weights([0.5 * random(rng, *weight.shape) for weight in theirs.weights])
    theirs.set_weights(ours.get_weights())
    for one, other in zip(ours(x, mask=mask), theirs(x, mask=mask), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@every_cell
def test_projecting_all_words_at_once_is_projecting_each(kind):
    rng = np.random.default_rng(7)
    cell, x = built(kind, rng), random(rng, BATCH, TIME, WIDTH)
    each = np.stack([cell.project(tf.constant(x[:, t])) for t in range(TIME)], axis=1)
    np.testing.assert_allclose(cell.project(tf.constant(x)), each, atol=1e-6)


def test_a_gru_of_zeros_halves_its_state():
    cell = GRUCell(2)
    cell.build((None, 3))
    cell.set_weights([np.zeros(weight.shape) for weight in cell.weights])
    # z = sigmoid(0) = 1/2 and n = tanh(0) = 0, so h = 1/2 * h + 1/2 * 0.
    output, _ = cell(tf.ones([1, 3]), [tf.constant([[0.5, -0.25]])])
    np.testing.assert_array_equal(output, [[0.25, -0.125]])


def test_an_lstm_of_zeros_halves_its_memory():
    cell = LSTMCell(2)
    cell.build((None, 3))
    cell.set_weights([np.zeros(weight.shape) for weight in cell.weights])
    # Each gate is sigmoid(0) = 1/2 and g = tanh(0) = 0, so c = c / 2 and h = tanh(c / 2) / 2.
    # With c = ln 3: tanh(ln 3 / 2) = (3 - 1) / (3 + 1) = 1/2, so h = 1/4.
    output, (_, memory) = cell(tf.ones([1, 3]), [tf.ones([1, 2]), tf.fill([1, 2], np.log(3.0).astype(np.float32))])
    np.testing.assert_allclose(memory, np.full([1, 2], np.log(3.0) / 2), rtol=1e-6)
    np.testing.assert_allclose(output, [[0.25, 0.25]], rtol=1e-6)


def test_an_rnn_adds_what_it_reads_to_what_it_knows():
    cell = SimpleRNNCell(1)
    cell.build((None, 1))
    cell.set_weights([np.array([[2.0]]), np.array([[3.0]]), np.array([0.5])])
    # 2 * 1/4 + 3 * (-1/3) + 1/2 = 0, and tanh(0) = 0; without the state it would be tanh(1).
    output, _ = cell(tf.constant([[0.25]]), [tf.constant([[-1 / 3]])])
    np.testing.assert_allclose(output, [[0.0]], atol=1e-7)
    output, _ = cell(tf.constant([[0.25]]), [tf.constant([[0.0]])])
    np.testing.assert_allclose(output, [[np.tanh(1.0)]], rtol=1e-6)


def test_a_gru_by_hand():
    # One unit, no biases, W = (ln 4, ln 9, 1) for z, r and n, U = (0, 0, 10). It reads 1 with a state of 0.1:
    #   z = sigmoid(ln 4) = 4/5, r = sigmoid(ln 9) = 9/10, n = tanh(1 + 9/10 * 10 * 0.1) = tanh(1.9)
    #   h = 4/5 * 0.1 + 1/5 * tanh(1.9)
    cell = GRUCell(1)
    cell.build((None, 1))
    cell.set_weights([np.array([[np.log(4), np.log(9), 1.0]]), np.array([[0.0, 0.0, 10.0]]), np.zeros([2, 3])])
    output, (state,) = cell(tf.ones([1, 1]), [tf.fill([1, 1], 0.1)])
    np.testing.assert_allclose(output, [[0.08 + 0.2 * np.tanh(1.9)]], rtol=1e-6)
    np.testing.assert_array_equal(state, output)


def test_an_lstm_by_hand():
    # One unit that reads 1 with a state of h = 0 and c = 5; W = (ln 9, ln 4, ln 2, 0) for i, f, g, o:
    #   i = sigmoid(ln 9) = 9/10, f = sigmoid(ln 4) = 4/5, o = sigmoid(0) = 1/2
    #   g = tanh(ln 2) = (4 - 1) / (4 + 1) = 3/5
    #   c = 4/5 * 5 + 9/10 * 3/5 = 4 + 0.54 and h = tanh(4.54) / 2
    cell = LSTMCell(1)
    cell.build((None, 1))
    cell.set_weights([np.log([[9.0, 4.0, 2.0, 1.0]]), np.ones([1, 4]), np.zeros(4)])
    output, (_, memory) = cell(tf.ones([1, 1]), [tf.zeros([1, 1]), tf.fill([1, 1], 5.0)])
    np.testing.assert_allclose(memory, [[4.54]], rtol=1e-6)
    np.testing.assert_allclose(output, [[np.tanh(4.54) / 2]], rtol=1e-6)


def test_the_gates_of_a_gru_by_hand():
    # As above: z = sigmoid(ln 4) = 4/5 and r = sigmoid(ln 9) = 9/10. With U = (ln 4, 0, 0) and a state of -1 the
    # update gate has ln 4 - ln 4 = 0, hence 1/2.
    cell = GRUCell(1)
    cell.build((None, 1))
    cell.set_weights([np.array([[np.log(4), np.log(9), 1.0]]), np.array([[np.log(4), 0.0, 0.0]]), np.zeros([2, 3])])
    projected = cell.project(tf.ones([2, 1]))
    gates = cell.open_gates(projected, (tf.constant([[0.0], [-1.0]]),))
    assert list(gates) == ["update", "reset"]
    np.testing.assert_allclose(gates["update"], [[0.8], [0.5]], rtol=1e-6)
    np.testing.assert_allclose(gates["reset"], [[0.9], [0.9]], rtol=1e-6)


def test_the_gates_of_an_lstm_by_hand():
    # As above: i = sigmoid(ln 9) = 9/10, f = sigmoid(ln 4) = 4/5 and o = sigmoid(0) = 1/2.
    cell = LSTMCell(1)
    cell.build((None, 1))
    cell.set_weights([np.log([[9.0, 4.0, 2.0, 1.0]]), np.ones([1, 4]), np.zeros(4)])
    gates = cell.open_gates(cell.project(tf.ones([1, 1])), (tf.zeros([1, 1]), tf.fill([1, 1], 5.0)))
    assert list(gates) == ["input", "forget", "output"]
    np.testing.assert_allclose(tf.concat(list(gates.values()), -1), [[0.9, 0.8, 0.5]], rtol=1e-6)


def test_a_plain_rnn_has_no_gates():
    assert make_cell("rnn", 3, "cell").open_gates(tf.ones([2, 3]), (tf.ones([2, 3]),)) == {}


def test_the_forget_gate_starts_open_and_all_else_at_zero():
    cell = LSTMCell(3)
    cell.build((None, 5))
    np.testing.assert_array_equal(cell.bias, [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0])  # i, f, g, o


@every_cell
def test_weights_have_the_shapes_of_kerass(kind):
    cell, theirs = make_cell(kind, UNITS, kind), KERAS[kind](UNITS)
    cell.build((None, WIDTH))
    theirs.build((None, WIDTH))
    assert [tuple(weight.shape) for weight in cell.weights] == [tuple(weight.shape) for weight in theirs.weights]


@every_cell
def test_the_first_state_is_zeros_for_the_batch(kind):
    state = make_cell(kind, UNITS, kind).zero_state(tf.ones([BATCH, TIME, WIDTH]))
    assert len(state) == (2 if kind == "lstm" else 1)
    for part in state:
        np.testing.assert_array_equal(part, np.zeros([BATCH, UNITS]))


@every_cell
def test_a_cell_comes_back_from_its_config(kind):
    cell = make_cell(kind, UNITS, "mine")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(cell))
    assert type(again) is type(cell)
    assert again.get_config() == cell.get_config()
    assert (again.units, again.name) == (UNITS, "mine")


@pytest.mark.parametrize("units", [0, -1])
def test_a_cell_needs_units(units):
    with pytest.raises(ValueError, match="units must be 1 or more"):
        GRUCell(units)


def test_an_unknown_cell_is_an_error_that_names_the_known():
    with pytest.raises(ValueError, match=r"no cell 'elman'.*rnn, gru, lstm"):
        make_cell("elman", 3, "cell")


def test_the_base_class_is_no_cell():
    with pytest.raises(TypeError, match="base class of CELLS"):
        Cell(3).step(tf.ones([2, 3]), (tf.ones([2, 3]),))


@every_cell
@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_a_cell_can_have_weights_of_any_float(kind: str, dtype: str) -> None:
    cell = make_cell(kind, UNITS, "cell", dtype)
    cell.build((None, WIDTH))
    assert {weight.dtype for weight in cell.weights} == {dtype}
