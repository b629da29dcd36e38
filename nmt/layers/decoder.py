"""The recurrent decoder: it writes the target, and attends to the source at each step."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.layers.attention import Attention, FixedContext, Memory
from nmt.layers.cells import State, make_cell
from nmt.layers.context import make_context
from nmt.layers.encoder import run_cell
from nmt.layers.recurrent_dropout import draw_recurrent_mask
from nmt.layers.residual import ResidualStack


@keras.saving.register_keras_serializable("nmt")
class Decoder(keras.layers.Layer):
    """A recurrent decoder. Its ``context`` says where the context of the attention enters it.

    With ``y_{i-1}`` the vector of the token before target position i, ``h`` the annotations of the source, ``s_i`` the
    state, ``c_i`` the context and ``t_i`` the readout, from which the output layer predicts token i::

        s_0 = tanh(W_s h_last)                         the bridge of the encoder; zeros in a language model

        c_i = attention(s_{i-1}, h)                    ``input``, Bahdanau et al. 2015,
        s_i = cell(W y_{i-1} + C c_i, s_{i-1})         https://arxiv.org/abs/1409.0473
        t_i = tanh(W_o [s_i ; c_i ; y_{i-1}] + b_o)

        s_i = cell(W y_{i-1}, s_{i-1})                 ``output``, Luong et al. 2015,
        c_i = attention(s_i, h)                        https://arxiv.org/abs/1508.04025
        t_i = tanh(W_o [s_i ; c_i] + b_o)

        s_i = cell(W y_{i-1} + F t_{i-1}, s_{i-1})     ``feed``, the same paper, section 3.3; the rest as ``output``

    :mod:`nmt.layers.context` has one class for each. In a stack each layer reads the one below. With ``input`` the
    first layer attends, otherwise the topmost; the readout reads the topmost. Bahdanau's readout is a maxout of
    ``s_{i-1}``; one tanh layer of ``s_i`` works as well and can be tied to the embeddings.

    With :class:`FixedContext` as attention the context is the initial state of the topmost layer, the same at every
    step, as before attention was invented. With ``None`` there is no context at all, and the decoder is a language
    model.

    There are two ways to run the same equations. :meth:`step` computes one step; a search calls it. The call is for
    teacher forcing: it knows all tokens beforehand, so it computes outside the loop what does not depend on the step
    before, such as ``W y``, the readout and the upper layers. A test holds the two equal.

    Arguments:
        units: width of the state.
        readout: width of ``t_i``.
        attention: a layer of :mod:`nmt.layers.attention`, or ``None``.
        cell: ``gru``, ``lstm`` or ``rnn``.
        layers: number of recurrent layers.
        dropout: share of units dropped between layers.
        recurrent_dropout: share of units of a state dropped from the recurrence, see
            :mod:`nmt.layers.recurrent_dropout`.
        context_dropout: share of units dropped from the contexts, the same units at all steps of a sentence.
        context: ``input``, ``output`` or ``feed``.
        layer_norm, residual: see :class:`~nmt.layers.residual.ResidualStack`.

    Call arguments:
        inputs: token vectors ``y``, shape ``(batch, target, width)``.
        values: the annotations ``h``, shape ``(batch, source, memory width)``; ``None`` without attention.
        state: the initial state ``s_0``, a tuple with a tuple of tensors ``(batch, units)`` for each layer; zeros if
            it is ``None``.
        values_mask: ``(batch, source)``, true at real tokens.

    Returns:
        The readouts ``(batch, target, readout)`` and the alignment ``(batch, target, source)``. Without an attention
        the last dimension of the alignment is 0.

    Raises:
        ValueError: if the cell or ``context`` is unknown, there is no layer, ``context`` is ``feed`` without an
            attention, or the state has another number of layers.

    >>> from nmt.layers.attention import BahdanauAttention
    >>> decoder = Decoder(units=7, readout=5, attention=BahdanauAttention(3))
    >>> state = ((tf.zeros([2, 7]),),)
    >>> readouts, alignment = decoder(tf.ones([2, 4, 11]), tf.ones([2, 6, 13]), state)
    >>> readouts.shape, alignment.shape
    (TensorShape([2, 4, 5]), TensorShape([2, 4, 6]))
    """

    # Created by the kind of context that needs them.
    context_kernel: keras.Variable
    feed_kernel: keras.Variable

    def __init__(
        self,
        units: int,
        readout: int,
        attention: Attention | None,
        cell: str = "gru",
        layers: int = 1,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        context_dropout: float = 0.0,
        context: str = "input",
        layer_norm: bool = False,
        residual: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if layers < 1:
            raise ValueError(f"layers must be 1 or more, not {layers}.")
        self.supports_masking = True
        self.units = units
        self.readout = readout
        self.attention: Any = attention
        self.cell = cell
        self.layers = layers
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.context_dropout = context_dropout
        self.context = context
        self.layer_norm = layer_norm
        self.residual = residual
        self.steps = make_context(context, attention)
        # Files of weights name these attributes.
        self.cells = [make_cell(cell, units, f"cell_{i}", self.dtype_policy) for i in range(layers)]
        self.depth = ResidualStack(
            layers, units, dropout=dropout, layer_norm=layer_norm, residual=residual, dtype=self.dtype_policy
        )
        self.readout_layer = keras.layers.Dense(readout, activation="tanh", name="readout", dtype=self.dtype_policy)
        self.seeds = keras.random.SeedGenerator()

    @property
    def aligned(self) -> bool:
        """Whether there is an alignment."""
        return self.attention is not None and self.attention.aligned

    def build(self, inputs_shape: tuple, values_shape: tuple | None = None, state_shape: Any = None) -> None:
        width, context = inputs_shape[-1], 0
        self.cells[0].build((None, width))
        for cell in self.cells[1:]:
            cell.build((None, self.units))
        self.depth.build()
        if self.attention is not None:
            assert values_shape is not None
            if not self.attention.built:  # a reloaded attention is built already
                self.attention.build((None, self.units), values_shape)
            context = self.attention.context_width(values_shape[-1])
        self.readout_layer.build((None, self.steps.build(self, width, context)))

    def remember(
        self, values: tf.Tensor | None, mask: tf.Tensor | None, initial_state: Any = (), training: bool = False
    ) -> Memory:
        """Return the memory that :meth:`step` attends to.

        Arguments:
            values, initial_state: as ``values`` and ``state`` of the call.
            mask: ``(batch, source)``, true at real tokens.
            training: whether units are dropped from the contexts and from the recurrence.

        Raises:
            ValueError: if the initial state has another number of layers.
        """
        initial_state = tuple(tuple(layer) for layer in initial_state)  # a reloaded model passes lists
        if initial_state and len(initial_state) != self.layers:
            raise ValueError(f"The state has {len(initial_state)} layers, and the decoder has {self.layers}.")
        masks: tuple[tf.Tensor, ...] = ()
        if training and self.recurrent_dropout:
            masks = tuple(draw_recurrent_mask(layer, self.recurrent_dropout, self.seeds) for layer in initial_state)
        if self.attention is None:
            return Memory(values=(), keys=(), mask=(), initial_state=initial_state, recurrent_masks=masks)
        if isinstance(self.attention, FixedContext):
            values = initial_state[-1][0]
        memory = self.attention.remember(values, mask)
        values = self._drop_values(memory.values, training)
        return memory._replace(values=values, initial_state=initial_state, recurrent_masks=masks)

    def zero_state(self, like: tf.Tensor) -> tuple[State, ...]:
        """Return an initial state of zeros for the batch of ``like``, ``(batch, …)``, as a language model has it.

        It is a tuple with a tuple of tensors ``(batch, units)`` for each layer.
        """
        return tuple(cell.zero_state(like) for cell in self.cells)

    def initial_state(self, memory: Memory, max_steps: int | tf.Tensor | None = None) -> tuple[State, ...]:
        """Return the state before the first step: a tuple with a tuple of tensors ``(batch, units)`` for each layer.

        Input feeding adds a tuple with the last readout, zeros ``(batch, readout)``. A recurrent state does not depend
        on ``max_steps``.
        """
        return self.steps.initial_state(self, memory)

    def step(
        self, inputs: tf.Tensor, state: tuple[State, ...], memory: Memory, training: bool = False
    ) -> tuple[tf.Tensor, tuple[State, ...], tf.Tensor]:
        """Compute one step.

        Arguments:
            inputs: ``y_{i-1}``, shape ``(batch, width)``.
            state: from :meth:`initial_state`, then from the step before.
            memory: from :meth:`remember`.
            training: whether units are dropped between layers.

        Returns:
            The readout ``(batch, readout)``, the next state, and the alignment ``(batch, source)``.
        """
        return self.steps.step(self, inputs, state, memory=memory, training=training)

    def call(
        self,
        inputs: tf.Tensor,
        values: tf.Tensor | None,
        state: tuple[State, ...] | None = None,
        values_mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        state = self.zero_state(inputs) if state is None else state
        memory = self.remember(values, values_mask, state, training)
        return self.steps.teacher_forcing(self, inputs, memory, training)

    def recur(
        self, projected: tf.Tensor, state: tuple[State, ...], memory: Memory, training: bool
    ) -> tuple[tf.Tensor, tuple[State, ...]]:
        """Run all layers for one step.

        Arguments:
            projected: what the first cell reads, ``(batch, gates * units)``.
            state: of every layer.
            memory: says which units are dropped from the recurrence.
            training: whether units are dropped between layers.

        Returns:
            The output of the topmost layer ``(batch, units)``, and the next state.
        """
        output, first = self.cells[0].step(projected, state[0], memory.recurrent_mask(0))
        output, states = self.depth.after(0, output, output), [first]
        for i, cell in enumerate(self.cells[1:], 1):
            projected = cell.project(self.depth.before(i, output, training))
            above, new = cell.step(projected, state[i], memory.recurrent_mask(i))
            output = self.depth.after(i, output, above)
            states.append(new)
        return output, tuple(states)

    def recur_over_time(self, projected: tf.Tensor, memory: Memory, training: bool) -> tf.Tensor:
        """Run all layers over a target, one layer after the other, from the initial state.

        Arguments:
            projected: what the first cell reads, ``(batch, target, gates * units)``.
            memory: has the initial state of the layers, and says which units are dropped from the recurrence.
            training: whether units are dropped between layers.

        Returns:
            The outputs of the topmost layer, ``(batch, target, units)``.
        """
        outputs = self._over_time(0, projected, memory, projected=True)
        return self.upper_layers_over_time(outputs, memory, training)

    def upper_layers_over_time(self, outputs: tf.Tensor, memory: Memory, training: bool) -> tf.Tensor:
        """Return the outputs of the topmost layer from those of the first, both ``(batch, target, units)``."""
        outputs = self.depth.after(0, outputs, outputs)
        for i in range(1, self.layers):
            above = self._over_time(i, self.depth.before(i, outputs, training), memory)
            outputs = self.depth.after(i, outputs, above)
        return outputs

    def _over_time(self, layer: int, inputs: tf.Tensor, memory: Memory, projected: bool = False) -> tf.Tensor:
        """Run one layer, counted from 0, over a target from its initial state: ``(batch, target, units)``."""
        outputs, _ = run_cell(
            self.cells[layer],
            inputs,
            state=memory.initial_state[layer],
            projected=projected,
            recurrent_mask=memory.recurrent_mask(layer),
        )
        return outputs

    def _drop_values(self, values: tf.Tensor, training: bool) -> tf.Tensor:
        # A context is a weighted sum of the values, so dropping a unit of every value drops it from every context, and
        # no random numbers are needed inside the loop.
        if not training or not self.context_dropout:
            return values
        rank = values.shape.rank
        shape = (None,) * rank if rank == 2 else (None,) * (rank - 2) + (1, None)
        return keras.random.dropout(values, self.context_dropout, noise_shape=shape, seed=self.seeds)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask of the target tokens for the readouts; the alignment has none."""
        return previous_mask

    def get_config(self) -> dict[str, Any]:
        own = ["units", "readout", "cell", "layers", "dropout", "recurrent_dropout", "context_dropout", "context"]
        own += ["layer_norm", "residual"]
        config = {**super().get_config(), **{name: getattr(self, name) for name in own}}
        return {**config, "attention": keras.saving.serialize_keras_object(self.attention)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Decoder:
        return cls(**{**config, "attention": keras.saving.deserialize_keras_object(config["attention"])})
