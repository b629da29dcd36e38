"""The decoder: writes the target, and before each word looks at the source."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.layers.attention import BahdanauAttention, Memory
from nmt.layers.cells import State, make_cell
from nmt.layers.encoder import run
from nmt.layers.loop import dense, scan


@keras.saving.register_keras_serializable("nmt")
class Decoder(keras.layers.Layer):
    """A recurrent decoder whose context enters the recurrence, Bahdanau et al. 2015, https://arxiv.org/abs/1409.0473.

    For target word i, with ``y_{i-1}`` the vector of the word before it::

        c_i = attention(s_{i-1}, h)                  the context (equation 5)
        s_i = cell(W y_{i-1} + C c_i, s_{i-1})       the state (equation 4; C as in appendix A.2.2)
        t_i = tanh(W_o [s_i ; c_i ; y_{i-1}] + b_o)  the readout, from which the output layer picks the word

    Layers above the first read the states of the one below; the readout takes the topmost. The paper's readout is a
    maxout of ``s_{i-1}``; one tanh layer of ``s_i`` does as well and leaves room to tie the output to the embeddings.

    There is one equation and there are two ways to run it. :meth:`step` writes one word; it is what a search calls. The
    call, for teacher forcing, knows all words beforehand and takes out of the loop what does not depend on the step
    before: ``W y``, the upper layers and the readout. A test holds the two equal.

    Arguments:
        units: width of the state.
        readout: width of ``t_i``.
        attention: a layer with ``remember`` and ``attend``, such as :class:`BahdanauAttention`.
        cell: ``gru``, ``lstm`` or ``rnn``.
        layers: recurrent layers.
        dropout: share of units dropped between layers.
        context_dropout: share of units dropped from the contexts, the same ones all through a sentence.

    Call arguments:
        inputs: word vectors ``y``, shape ``(batch, target, width)``.
        values: the annotations ``h``, shape ``(batch, source, memory width)``.
        state: the first state, a tuple with a tuple of tensors ``(batch, units)`` for each layer.
        values_mask: ``(batch, source)``, true at real words.

    Returns:
        The readouts ``(batch, target, readout)`` and the alignment ``(batch, target, source)``.

    Raises:
        ValueError: if the cell is unknown, or there is no layer.

    >>> decoder = Decoder(units=7, readout=5, attention=BahdanauAttention(3))
    >>> state = ((tf.zeros([2, 7]),),)
    >>> readouts, alignment = decoder(tf.ones([2, 4, 11]), tf.ones([2, 6, 13]), state)
    >>> readouts.shape, alignment.shape
    (TensorShape([2, 4, 5]), TensorShape([2, 4, 6]))
    """

    def __init__(
        self,
        units: int,
        readout: int,
        attention: BahdanauAttention,
        cell: str = "gru",
        layers: int = 1,
        dropout: float = 0.0,
        context_dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if layers < 1:
            raise ValueError(f"layers must be 1 or more, not {layers}.")
        self.supports_masking = True
        self.units = units
        self.readout = readout
        self.attention = attention
        self.cell = cell
        self.layers = layers
        self.dropout = dropout
        self.context_dropout = context_dropout
        self.cells = [make_cell(cell, units, f"cell_{i}") for i in range(layers)]
        self.readout_layer = keras.layers.Dense(readout, activation="tanh", name="readout")
        self.between = keras.layers.Dropout(dropout)
        # A context is a sum over the memory, so to drop a unit of every value is to drop it from every context, and
        # needs no random numbers inside the loop.
        self.drop_values = keras.layers.SpatialDropout1D(context_dropout)

    def build(self, inputs_shape: tuple, values_shape: tuple, state_shape: Any = None) -> None:
        context, below = values_shape[-1], inputs_shape[-1]
        if not self.attention.built:  # a reloaded one is
            self.attention.build((None, self.units), values_shape)
        self.cells[0].build((None, below))
        for cell in self.cells[1:]:
            cell.build((None, self.units))
        self.context_kernel = self.add_weight(
            (context, self.cells[0].gates * self.units), "glorot_uniform", name="context_kernel"
        )
        self.readout_layer.build((None, self.units + context + below))

    def remember(self, values: tf.Tensor, mask: tf.Tensor | None, summary: Any = (), training: bool = False) -> Memory:
        """Make the memory that :meth:`step` looks at."""
        memory = self.attention.remember(values, mask)
        return memory._replace(values=self.drop_values(values, training=training), summary=summary)

    def step(
        self, inputs: tf.Tensor, state: tuple[State, ...], memory: Memory, training: bool = False
    ) -> tuple[tf.Tensor, tuple[State, ...], tf.Tensor]:
        """Write one word.

        Arguments:
            inputs: ``y_{i-1}``, shape ``(batch, width)``.
            state: as the call's.
            memory: from :meth:`remember`.

        Returns:
            The readout ``(batch, readout)``, the next state, and the alignment ``(batch, source)``.
        """
        output, first, context, alignment = self._attend(self.cells[0].project(inputs), state[0], memory)
        states = [first]
        for cell, last in zip(self.cells[1:], state[1:], strict=True):
            output, new = cell.step(cell.project(self.between(output, training=training)), last)
            states.append(new)
        return self.readout_layer(tf.concat([output, context, inputs], -1)), tuple(states), alignment

    def call(
        self,
        inputs: tf.Tensor,
        values: tf.Tensor,
        state: tuple[State, ...],
        values_mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        state = tuple(tuple(layer) for layer in state)  # a reloaded model brings lists
        memory = self.remember(values, values_mask, training=training)

        def attend(projected: tf.Tensor, state: State) -> tuple[tuple[tf.Tensor, ...], State]:
            output, state, context, weights = self._attend(projected, state, memory)
            return (output, context, weights), state

        (outputs, contexts, alignment), _ = scan(
            attend,
            self.cells[0].project(inputs),
            state[0],
            outputs=(self.units, values.shape[-1], values.shape[1]),
        )
        for cell, first in zip(self.cells[1:], state[1:], strict=True):
            outputs, _ = run(cell, self.between(outputs, training=training), state=first)
        return self.readout_layer(tf.concat([outputs, contexts, inputs], -1)), alignment

    def _attend(
        self, projected: tf.Tensor, state: State, memory: Memory
    ) -> tuple[tf.Tensor, State, tf.Tensor, tf.Tensor]:
        """Run the first layer, the one that looks at the source: output, state, context and alignment."""
        context, alignment = self.attention.attend(state[0], memory)
        projected += dense(context, self.context_kernel)
        output, state = self.cells[0].step(projected, state)
        return output, state, context, alignment

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask of the target words for the readouts; the alignment has none."""
        return previous_mask

    def get_config(self) -> dict[str, Any]:
        own = ("units", "readout", "cell", "layers", "dropout", "context_dropout")
        config = {**super().get_config(), **{name: getattr(self, name) for name in own}}
        return {**config, "attention": keras.saving.serialize_keras_object(self.attention)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Decoder:
        return cls(**{**config, "attention": keras.saving.deserialize_keras_object(config["attention"])})
