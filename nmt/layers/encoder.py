"""The encoder: reads the source and writes an annotation beside each word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from nmt.layers.cells import Cell, State, make_cell
from nmt.layers.recurrence import scan
from nmt.layers.residual import Depth


@keras.saving.register_keras_serializable("nmt")
class Encoder(keras.layers.Layer):
    """A stack of recurrent layers, read one way or both, with a bridge to the decoder.

    Bahdanau et al. 2015, section 3.2 and appendix A.2.1, https://arxiv.org/abs/1409.0473::

        h_j = [forward_j ; backward_j]     the annotation of word j: the sentence as seen from there (equation 7)
        s_0 = tanh(W_s h_last)             the bridge, here from the last states of both directions

    Arguments:
        units: width of each direction.
        cell: ``gru``, ``lstm`` or ``rnn``.
        layers: recurrent layers, each of which reads the annotations of the one below.
        bidirectional: read backwards too; annotations are then ``2 * units`` wide.
        bridge: width and number of layers of the decoder whose first state is made, or ``None`` for the states as they
            are: those of the top layer, ``(forward, backward)`` concatenated.
        dropout: share of units dropped between layers.
        merge: ``concat`` or ``sum``, what is done with the two directions.
        layer_norm, residual: see :class:`~nmt.layers.residual.Depth`.

    Call arguments:
        inputs: word vectors, shape ``(batch, source, width)``.
        mask: ``(batch, source)``, true at real words, which must not be interrupted by padding. Padding changes
            nothing: annotations at real words and the states do not depend on it.

    Returns:
        The annotations ``(batch, source, width)``, of ``2 * units`` where two directions are concatenated, and the
        state, a tuple with a tuple of tensors ``(batch, units)`` for each layer of the decoder.

    Raises:
        ValueError: if the cell or ``merge`` is unknown, or there is no layer.

    >>> encoder = Encoder(units=7, bridge=(5, 1))
    >>> annotations, state = encoder(tf.ones([2, 3, 11]))
    >>> annotations.shape, state[0][0].shape
    (TensorShape([2, 3, 14]), TensorShape([2, 5]))
    """

    def __init__(
        self,
        units: int,
        cell: str = "gru",
        layers: int = 1,
        bidirectional: bool = True,
        bridge: tuple[int, int] | None = None,
        dropout: float = 0.0,
        merge: str = "concat",
        layer_norm: bool = False,
        residual: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if layers < 1:
            raise ValueError(f"layers must be 1 or more, not {layers}.")
        if merge not in ("concat", "sum"):
            raise ValueError(f"merge cannot be '{merge}'. Known: concat, sum.")
        self.units = units
        self.cell = cell
        self.layers = layers
        self.bidirectional = bidirectional
        self.bridge: tuple[int, ...] | None = tuple(bridge) if bridge else None
        self.dropout = dropout
        self.merge = merge
        self.layer_norm = layer_norm
        self.residual = residual
        self.supports_masking = True
        self.forward_cells = [make_cell(cell, units, f"forward_{i}", self.dtype_policy) for i in range(layers)]
        self.backward_cells = [
            make_cell(cell, units, f"backward_{i}", self.dtype_policy) for i in range(layers if bidirectional else 0)
        ]
        self.depth = Depth(layers, self.width, dropout, layer_norm, residual, dtype=self.dtype_policy)
        # One for each tensor of the decoder's state.
        width, depth = self.bridge or (0, 0)
        self.bridges = [
            keras.layers.Dense(width, activation="tanh", name=f"bridge_{i}", dtype=self.dtype_policy)
            for i in range(depth * self.forward_cells[0].states)
        ]

    @property
    def width(self) -> int:
        """Width of an annotation."""
        return self.units * (2 if self.bidirectional and self.merge == "concat" else 1)

    def build(self, input_shape: tuple) -> None:
        for i in range(self.layers):
            shape = input_shape if i == 0 else (*input_shape[:-1], self.width)
            self.forward_cells[i].build(shape)
            if self.bidirectional:
                self.backward_cells[i].build(shape)
        for bridge in self.bridges:
            bridge.build((None, self.width))
        self.depth.build()

    def call(
        self, inputs: tf.Tensor, mask: tf.Tensor | None = None, training: bool = False
    ) -> tuple[tf.Tensor, tuple[State, ...]]:
        annotations, last = inputs, ()
        for i, forward in enumerate(self.forward_cells):
            words = self.depth.before(i, annotations, training)
            sides = [run(forward, words, mask)]
            if self.bidirectional:
                sides.append(run(self.backward_cells[i], words, mask, reverse=True))
            outputs = self._merged([outputs for outputs, _ in sides])
            last = tuple(self._merged(parts) for parts in zip(*[state for _, state in sides], strict=True))
            annotations = self.depth.after(i, annotations, outputs)
        return annotations, self._first_state(last)

    def _merged(self, sides: Sequence[tf.Tensor]) -> tf.Tensor:
        return tf.add_n(list(sides)) if self.merge == "sum" else tf.concat(sides, -1)

    def _first_state(self, last: State) -> tuple[State, ...]:
        """Turn the top layer's last states into the decoder's first."""
        if not self.bridge:
            return (last,)
        made = [bridge(last[i % len(last)]) for i, bridge in enumerate(self.bridges)]
        return tuple(tuple(made[i : i + len(last)]) for i in range(0, len(made), len(last)))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        # The annotations keep the mask of the words; the states have none.
        return previous_mask

    def get_config(self) -> dict[str, Any]:
        own = ("units", "cell", "layers", "bidirectional", "bridge", "dropout", "merge", "layer_norm", "residual")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def run(
    cell: Cell,
    inputs: tf.Tensor,
    mask: tf.Tensor | None = None,
    reverse: bool = False,
    state: State | None = None,
    projected: bool = False,
) -> tuple[tf.Tensor, State]:
    """Run one cell over ``inputs`` ``(batch, time, width)``: outputs ``(batch, time, units)`` and the last state.

    With ``projected`` the inputs are what ``cell.project`` gives.
    """

    def step(projected: tf.Tensor, state: State) -> tuple[tuple[tf.Tensor, ...], State]:
        output, state = cell.step(projected, state)
        return (output,), state

    inputs = inputs if projected else cell.project(inputs)
    (outputs,), last = scan(step, inputs, state or cell.zero_state(inputs), mask, reverse, (cell.units,))
    return outputs, last
