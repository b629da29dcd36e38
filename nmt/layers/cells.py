"""Recurrent cells.

A cell splits its step in two, because only one half depends on the step before::

    projected = cell.project(inputs)              # W x_t + b for all t at once: one large product
    output, state = cell.step(projected_t, state) # U h_{t-1} and the gates: inside the loop

The loop is :func:`nmt.layers.recurrence.scan`. The weights have the same layout as in Keras's own cells, so they can be
copied from one to the other.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.layers.recurrence import dense

State = tuple[tf.Tensor, ...]


class Cell(keras.layers.Layer):
    """The base class of all cells. Each weight has ``gates`` blocks of ``units`` columns.

    It is also a Keras cell and runs inside ``keras.layers.RNN``.

    Arguments:
        units: width of the state, ``h`` in the formulas.

    Call arguments:
        inputs: ``x_t``, shape ``(batch, width)``.
        states: ``states`` tensors of shape ``(batch, units)``; the first is the output.

    Returns:
        The output ``(batch, units)`` and the next states.

    Raises:
        ValueError: if ``units`` is not positive.
    """

    gates = 1
    states = 1

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be 1 or more, not {units}.")
        self.units = units
        self.state_size = [units] * self.states if self.states > 1 else units

    def build(self, input_shape: tuple) -> None:
        width = self.gates * self.units
        self.kernel = self.add_weight((input_shape[-1], width), "glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight((self.units, width), "orthogonal", name="recurrent_kernel")
        self.bias = self.add_weight(self.bias_shape(), self.first_bias, name="bias")

    def bias_shape(self) -> tuple[int, ...]:
        """Return the shape of the bias."""
        return (self.gates * self.units,)

    def first_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """Return the initial bias."""
        return keras.ops.zeros(shape, dtype)

    def project(self, inputs: tf.Tensor) -> tf.Tensor:
        """Return ``W x + b`` for inputs of any rank: ``(…, width)`` to ``(…, gates * units)``."""
        return dense(inputs, self.kernel) + self.bias

    def project_state(self, h: tf.Tensor, recurrent_mask: tf.Tensor | None = None) -> tf.Tensor:
        """Return ``U h``, or ``U (m * h)`` with a mask: ``(batch, units)`` to ``(batch, gates * units)``."""
        return tf.matmul(h if recurrent_mask is None else recurrent_mask * h, self.recurrent_kernel)

    def step(
        self, projected: tf.Tensor, state: State, recurrent_mask: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, State]:
        """Compute the output and the next state.

        Arguments:
            projected: ``W x_t + b`` from :meth:`project`, shape ``(batch, gates * units)``.
            state: ``states`` tensors ``(batch, units)`` from the step before.
            recurrent_mask: ``m``, ``(batch, units)``, see :mod:`nmt.layers.recurrent_dropout`; without it no unit of
                ``h_{t-1}`` is dropped.

        Returns:
            The output ``(batch, units)`` and the next state, with the same shapes as ``state``.
        """
        raise TypeError("Cell is the base class of CELLS. Use one of them.")

    def open_gates(self, projected: tf.Tensor, state: State) -> dict[str, tf.Tensor]:
        """Return how far each gate is open in a step, from 0 to 1, ``(batch, units)`` each.

        Arguments:
            projected, state: as those of :meth:`step`.

        Returns:
            The gates by name.

        A GRU has ``update`` (``z``) and ``reset`` (``r``), an LSTM ``input`` (``i``), ``forget`` (``f``) and ``output``
        (``o``), and a plain RNN none.

        >>> cell = GRUCell(3)
        >>> cell.build((None, 5))
        >>> gates = cell.open_gates(tf.zeros([1, 9]), (tf.zeros([1, 3]),))
        >>> {name: gate.numpy().tolist() for name, gate in gates.items()}
        {'update': [[0.5, 0.5, 0.5]], 'reset': [[0.5, 0.5, 0.5]]}
        """
        return {}

    def call(self, inputs: tf.Tensor, states: Any) -> tuple[tf.Tensor, Any]:
        output, state = self.step(self.project(inputs), tuple(tf.nest.flatten(states)))
        return output, list(state)

    def zero_state(self, like: tf.Tensor) -> State:
        """Return a state of zeros for the batch of ``like``: ``states`` tensors ``(batch, units)``."""
        return (tf.zeros([tf.shape(like)[0], self.units], like.dtype),) * self.states

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("nmt")
class SimpleRNNCell(Cell):
    """``h_t = tanh(W x_t + U h_{t-1} + b)``, Elman 1990, *Finding Structure in Time*.

    >>> cell = SimpleRNNCell(3)
    >>> output, states = cell(tf.zeros([2, 5]), [tf.zeros([2, 3])])
    >>> output.shape
    TensorShape([2, 3])
    """

    def step(
        self, projected: tf.Tensor, state: State, recurrent_mask: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, State]:
        h = tf.tanh(projected + self.project_state(state[0], recurrent_mask))
        return h, (h,)


@keras.saving.register_keras_serializable("nmt")
class GRUCell(Cell):
    """Gated recurrent unit, Cho et al. 2014, https://arxiv.org/abs/1406.1078, equations 5 to 8::

        z_t = sigmoid(W_z x_t + U_z h_{t-1} + b_z)
        r_t = sigmoid(W_r x_t + U_r h_{t-1} + b_r)
        n_t = tanh(W_n x_t + b_n + r_t * (U_n h_{t-1} + c_n))
        h_t = z_t * h_{t-1} + (1 - z_t) * n_t

    The reset gate comes after the product with ``U_n``, as in cuDNN and Keras, so that one product serves all gates.

    >>> cell = GRUCell(3)
    >>> output, states = cell(tf.zeros([2, 5]), [tf.zeros([2, 3])])
    >>> [tuple(weight.shape) for weight in cell.weights]
    [(5, 9), (3, 9), (2, 9)]
    """

    gates = 3

    def bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units)

    def project(self, inputs: tf.Tensor) -> tf.Tensor:
        return dense(inputs, self.kernel) + tf.unstack(self.bias)[0]

    def step(
        self, projected: tf.Tensor, state: State, recurrent_mask: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, State]:
        (h,) = state
        z, r, x_n, h_n = self._parts(projected, h, recurrent_mask)
        n = tf.tanh(x_n + r * h_n)
        h = n + z * (h - n)
        return h, (h,)

    def open_gates(self, projected: tf.Tensor, state: State) -> dict[str, tf.Tensor]:
        z, r, _, _ = self._parts(projected, state[0])
        return {"update": z, "reset": r}

    def _parts(
        self, projected: tf.Tensor, h: tf.Tensor, recurrent_mask: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return ``z``, ``r``, ``W_n x + b_n`` and ``U_n h + c_n``, each ``(batch, units)``."""
        _, recurrent_bias = tf.unstack(self.bias)
        # Splits, not slices: the gradient of a slice is a whole matrix of zeros with the slice in it.
        x_z, x_r, x_n = tf.split(projected, 3, -1)
        h_z, h_r, h_n = tf.split(self.project_state(h, recurrent_mask) + recurrent_bias, 3, -1)
        return tf.sigmoid(x_z + h_z), tf.sigmoid(x_r + h_r), x_n, h_n


@keras.saving.register_keras_serializable("nmt")
class LSTMCell(Cell):
    """Long short-term memory, Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000::

        i_t, f_t, o_t = sigmoid(W_{i,f,o} x_t + U_{i,f,o} h_{t-1} + b_{i,f,o})
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)
        c_t = f_t * c_{t-1} + i_t * g_t
        h_t = o_t * tanh(c_t)

    The states are ``(h, c)``. The bias of the forget gate starts at 1, so that memory is kept until the cell learns to
    forget. Columns are in Keras's order: i, f, g, o.

    >>> cell = LSTMCell(3)
    >>> output, states = cell(tf.zeros([2, 5]), [tf.zeros([2, 3]), tf.zeros([2, 3])])
    >>> len(states)
    2
    """

    gates = 4
    states = 2

    def first_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        u = self.units
        zeros, ones = keras.ops.zeros, keras.ops.ones
        return keras.ops.concatenate([zeros(u, dtype), ones(u, dtype), zeros(2 * u, dtype)])

    def step(
        self, projected: tf.Tensor, state: State, recurrent_mask: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, State]:
        h, c = state
        i, f, g, o = self._parts(projected, h, recurrent_mask)
        c = f * c + i * tf.tanh(g)
        h = o * tf.tanh(c)
        return h, (h, c)

    def open_gates(self, projected: tf.Tensor, state: State) -> dict[str, tf.Tensor]:
        i, f, _, o = self._parts(projected, state[0])
        return {"input": i, "forget": f, "output": o}

    def _parts(
        self, projected: tf.Tensor, h: tf.Tensor, recurrent_mask: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return ``i``, ``f``, ``W_g x + U_g h + b_g`` and ``o``, each ``(batch, units)``."""
        i, f, g, o = tf.split(projected + self.project_state(h, recurrent_mask), 4, -1)
        return tf.sigmoid(i), tf.sigmoid(f), g, tf.sigmoid(o)


# The names are those of model.cell in the config; a test holds the two equal.
CELLS: dict[str, type[Cell]] = {"rnn": SimpleRNNCell, "gru": GRUCell, "lstm": LSTMCell}


def make_cell(kind: str, units: int, name: str, dtype: Any = None) -> Cell:
    """Return a new cell, ``rnn``, ``gru`` or ``lstm``, with a state of ``units``.

    Raises:
        ValueError: for any other kind.
    """
    if kind not in CELLS:
        raise ValueError(f"There is no cell '{kind}'. Known: {', '.join(CELLS)}.")
    return CELLS[kind](units, name=name, dtype=dtype)
