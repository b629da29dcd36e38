"""The recurrent encoder: from source vectors to one annotation for each token, and the decoder's initial state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from nmt.layers.cells import Cell, State, make_cell
from nmt.layers.recurrence import scan
from nmt.layers.recurrent_dropout import draw_recurrent_mask
from nmt.layers.residual import ResidualStack


@keras.saving.register_keras_serializable("nmt")
class Encoder(keras.layers.Layer):
    """A stack of recurrent layers in one direction or both, with a bridge to the decoder.

    Bahdanau et al. 2015, section 3.2 and appendix A.2.1, https://arxiv.org/abs/1409.0473::

        h_j = [forward_j ; backward_j]     the annotation of token j, from both directions (equation 7)
        s_0 = tanh(W_s h_last)             the bridge, here from the last states of both directions

    Arguments:
        units: width of each direction.
        cell: ``gru``, ``lstm`` or ``rnn``.
        layers: number of recurrent layers; each reads the annotations of the one below.
        bidirectional: whether the source is also read backwards.
        bridge: units and layers of the decoder whose initial state is computed. With ``None`` it is the last state of
            the top layer, both directions merged.
        dropout: share of units dropped between layers.
        recurrent_dropout: share of units of a state dropped from the recurrence, see
            :mod:`nmt.layers.recurrent_dropout`.
        merge: ``concat`` or ``sum``: how the two directions become one annotation.
        layer_norm, residual: see :class:`~nmt.layers.residual.ResidualStack`.

    Call arguments:
        inputs: token vectors, shape ``(batch, source, width)``.
        mask: ``(batch, source)``, true at real tokens, with no padding between them. Padding changes nothing: the
            annotations of real tokens and the states do not depend on it. Annotations at padding are not zero.

    Returns:
        The annotations ``(batch, source, width)``, with a width of ``2 * units`` where two directions are concatenated,
        and the initial state of the decoder, a tuple with a tuple of tensors ``(batch, units)`` for each of its layers.

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
        recurrent_dropout: float = 0.0,
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
        self.recurrent_dropout = recurrent_dropout
        self.merge = merge
        self.layer_norm = layer_norm
        self.residual = residual
        self.supports_masking = True
        self.forward_cells = [make_cell(cell, units, f"forward_{i}", self.dtype_policy) for i in range(layers)]
        self.backward_cells = [
            make_cell(cell, units, f"backward_{i}", self.dtype_policy) for i in range(layers if bidirectional else 0)
        ]
        self.depth = ResidualStack(
            layers, self.width, dropout=dropout, layer_norm=layer_norm, residual=residual, dtype=self.dtype_policy
        )
        # One for each tensor of the decoder's state. Files of weights name these attributes.
        width, depth = self.bridge or (0, 0)
        self.bridges = [
            keras.layers.Dense(width, activation="tanh", name=f"bridge_{i}", dtype=self.dtype_policy)
            for i in range(depth * self.forward_cells[0].states)
        ]
        # Files of weights hold the seeds, and those of models without this dropout have none here.
        self.seeds = keras.random.SeedGenerator() if recurrent_dropout else None

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
            below = self.depth.before(i, annotations, training)
            directions = [self._run(forward, below, mask, training=training)]
            if self.bidirectional:
                directions.append(self._run(self.backward_cells[i], below, mask, training=training, reverse=True))
            outputs = self._merge([outputs for outputs, _ in directions])
            last = tuple(self._merge(parts) for parts in zip(*[state for _, state in directions], strict=True))
            annotations = self.depth.after(i, annotations, outputs)
        return annotations, self._bridge(last)

    def _run(
        self, cell: Cell, inputs: tf.Tensor, mask: tf.Tensor | None, *, training: bool, reverse: bool = False
    ) -> tuple[tf.Tensor, State]:
        """Run the cell of one layer and direction over the source."""
        dropped = None
        if training and self.seeds is not None:
            dropped = draw_recurrent_mask(cell.zero_state(inputs), self.recurrent_dropout, self.seeds)
        return run_cell(cell, inputs, mask, reverse=reverse, recurrent_mask=dropped)

    def _merge(self, directions: Sequence[tf.Tensor]) -> tf.Tensor:
        """Return one tensor ``(…, width)`` from one or two ``(…, units)``."""
        return tf.add_n(list(directions)) if self.merge == "sum" else tf.concat(directions, -1)

    def _bridge(self, last: State) -> tuple[State, ...]:
        """Return the decoder's initial state from the last states ``(batch, width)`` of the top layer."""
        if not self.bridge:
            return (last,)
        made = [bridge(last[i % len(last)]) for i, bridge in enumerate(self.bridges)]
        return tuple(tuple(made[i : i + len(last)]) for i in range(0, len(made), len(last)))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        # The annotations keep the mask of the tokens; the states have none.
        return previous_mask

    def get_config(self) -> dict[str, Any]:
        own = ["units", "cell", "layers", "bidirectional", "bridge", "dropout", "recurrent_dropout", "merge"]
        own += ["layer_norm", "residual"]
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def run_cell(
    cell: Cell,
    inputs: tf.Tensor,
    mask: tf.Tensor | None = None,
    reverse: bool = False,
    state: State | None = None,
    projected: bool = False,
    recurrent_mask: tf.Tensor | None = None,
) -> tuple[tf.Tensor, State]:
    """Run one cell over time: outputs ``(batch, time, units)`` and the last state.

    Arguments:
        cell: the cell.
        inputs: ``(batch, time, width)``, or with ``projected`` what ``cell.project`` returns, ``(batch, time, gates *
            units)``.
        mask, reverse: see :func:`~nmt.layers.recurrence.scan`.
        state: the initial state; zeros if not given.
        projected: whether ``inputs`` are projected.
        recurrent_mask: ``(batch, units)``, see :mod:`nmt.layers.recurrent_dropout`.
    """

    def step(projected: tf.Tensor, state: State) -> tuple[tuple[tf.Tensor, ...], State]:
        output, state = cell.step(projected, state, recurrent_mask)
        return (output,), state

    inputs = inputs if projected else cell.project(inputs)
    (outputs,), last = scan(
        step,
        inputs,
        state or cell.zero_state(inputs),
        mask=mask,
        reverse=reverse,
        outputs=(cell.units,),
    )
    return outputs, last
