"""The recurrent decoder: writes the target, and for each word looks at the source."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.layers.attention import Attention, FixedContext, Memory
from nmt.layers.cells import State, make_cell
from nmt.layers.encoder import run
from nmt.layers.recurrence import dense, scan
from nmt.layers.residual import Depth


@keras.saving.register_keras_serializable("nmt")
class Decoder(keras.layers.Layer):
    """A recurrent decoder, and where the context enters it.

    With ``y_{i-1}`` the vector of the word before target word i, and ``h`` the annotations of the source:

    ``input``, Bahdanau et al. 2015, https://arxiv.org/abs/1409.0473: into the recurrence, and the query is the state
    before it::

        c_i = attention(s_{i-1}, h)                  the context (equation 5)
        s_i = cell(W y_{i-1} + C c_i, s_{i-1})       the state (section 3.1; C as in appendix A.2.2)
        t_i = tanh(W_o [s_i ; c_i ; y_{i-1}] + b_o)  the readout, from which the output layer picks the word

    ``output``, Luong et al. 2015, https://arxiv.org/abs/1508.04025: into the readout, and the query is the new state::

        s_i = cell(W y_{i-1}, s_{i-1})
        c_i = attention(s_i, h)
        t_i = tanh(W_o [s_i ; c_i] + b_o)            (equation 5)

    ``feed``, the same paper, section 3.3: as ``output``, and the last readout is fed to the next step, which so knows
    where the decoder has looked::

        s_i = cell(W y_{i-1} + F t_{i-1}, s_{i-1})

    Layers above the first read those below. With ``input`` the first layer asks, otherwise the topmost; the readout
    takes the topmost. Bahdanau's readout is a maxout of ``s_{i-1}``; one tanh layer of ``s_i`` does as well and leaves
    room to tie the output to the embeddings.

    With :class:`FixedContext` for attention the context is the first state, the same at every word: what there was
    before attention. With ``None`` there is no context at all, and the decoder is a language model.

    There is one equation and there are two ways to run it. :meth:`step` writes one word; it is what a search calls. The
    call, for teacher forcing, knows all words beforehand and takes out of the loop what does not depend on the step
    before: ``W y`` and the readout, the upper layers, and with ``output`` the attention, which then looks for all words
    at once. A test holds the two equal.

    Arguments:
        units: width of the state.
        readout: width of ``t_i``.
        attention: a layer of :mod:`nmt.layers.attention`, or ``None``.
        cell: ``gru``, ``lstm`` or ``rnn``.
        layers: recurrent layers.
        dropout: share of units dropped between layers.
        context_dropout: share of units dropped from the contexts, the same ones all through a sentence.
        context: ``input``, ``output`` or ``feed``.
        layer_norm, residual: see :class:`~nmt.layers.residual.Depth`.

    Call arguments:
        inputs: word vectors ``y``, shape ``(batch, target, width)``.
        values: the annotations ``h``, shape ``(batch, source, memory width)``; ``None`` without attention.
        state: the first state, a tuple with a tuple of tensors ``(batch, units)`` for each layer.
        values_mask: ``(batch, source)``, true at real words.

    Returns:
        The readouts ``(batch, target, readout)`` and the alignment ``(batch, target, source)``, whose last dimension is
        empty where nothing is looked at.

    Raises:
        ValueError: if the cell or ``context`` is unknown, there is no layer, a fixed context is to be fed, or the state
            is of another number of layers.

    >>> from nmt.layers.attention import BahdanauAttention
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
        attention: Attention | None,
        cell: str = "gru",
        layers: int = 1,
        dropout: float = 0.0,
        context_dropout: float = 0.0,
        context: str = "input",
        layer_norm: bool = False,
        residual: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if layers < 1:
            raise ValueError(f"layers must be 1 or more, not {layers}.")
        if context not in ("input", "output", "feed"):
            raise ValueError(f"context cannot be '{context}'. Known: input, output, feed.")
        if context == "feed" and (attention is None or isinstance(attention, FixedContext)):
            raise ValueError("Input feeding tells where the decoder has looked, so it needs an attention.")
        self.supports_masking = True
        self.units = units
        self.readout = readout
        self.attention = attention
        self.cell = cell
        self.layers = layers
        self.dropout = dropout
        self.context_dropout = context_dropout
        self.context = context
        self.layer_norm = layer_norm
        self.residual = residual
        self.cells = [make_cell(cell, units, f"cell_{i}", self.dtype_policy) for i in range(layers)]
        self.depth = Depth(layers, units, dropout, layer_norm, residual, dtype=self.dtype_policy)
        self.readout_layer = keras.layers.Dense(readout, activation="tanh", name="readout", dtype=self.dtype_policy)
        self.seeds = keras.random.SeedGenerator()

    @property
    def aligned(self) -> bool:
        """Whether there is an alignment."""
        return self.attention is not None and not isinstance(self.attention, FixedContext)

    def build(self, inputs_shape: tuple, values_shape: tuple | None = None, state_shape: Any = None) -> None:
        below, width = inputs_shape[-1], self.units
        self.cells[0].build((None, below))
        for cell in self.cells[1:]:
            cell.build((None, self.units))
        self.depth.build()
        if self.attention is not None:
            assert values_shape is not None
            if not self.attention.built:  # a reloaded one is
                self.attention.build((None, self.units), values_shape)
            context = self.attention.context_width(values_shape[-1])
            gates = self.cells[0].gates * self.units
            if self.context == "input":
                self.context_kernel = self.add_weight((context, gates), "glorot_uniform", name="context_kernel")
            if self.context == "feed":
                self.feed_kernel = self.add_weight((self.readout, gates), "glorot_uniform", name="feed_kernel")
            width += context + (below if self.context == "input" else 0)
        self.readout_layer.build((None, width))

    def remember(
        self, values: tf.Tensor | None, mask: tf.Tensor | None, summary: Any = (), training: bool = False
    ) -> Memory:
        """Make the memory that :meth:`step` looks at, from annotations, their mask and the first state."""
        summary = tuple(tuple(layer) for layer in summary)  # a reloaded model brings lists
        if summary and len(summary) != self.layers:
            raise ValueError(f"The state has {len(summary)} layers, and the decoder has {self.layers}.")
        if self.attention is None:
            return Memory((), (), (), summary)
        if isinstance(self.attention, FixedContext):
            values = summary[-1][0]
        memory = self.attention.remember(values, mask)
        return memory._replace(values=self._drop_values(memory.values, training), summary=summary)

    def zero_state(self, like: tf.Tensor) -> tuple[State, ...]:
        """Return a first state of zeros, for the batch of ``like``: that of a language model."""
        return tuple(cell.zero_state(like) for cell in self.cells)

    def initial_state(self, memory: Memory, max_steps: int | tf.Tensor | None = None) -> tuple[State, ...]:
        """Return the state before the first word. A recurrent state needs no ``room``."""
        if self.context != "feed":
            return memory.summary
        first = memory.summary[0][0]
        return (*memory.summary, (tf.zeros([tf.shape(first)[0], self.readout], first.dtype),))

    def step(
        self, inputs: tf.Tensor, state: tuple[State, ...], memory: Memory, training: bool = False
    ) -> tuple[tf.Tensor, tuple[State, ...], tf.Tensor]:
        """Write one word.

        Arguments:
            inputs: ``y_{i-1}``, shape ``(batch, width)``.
            state: from :meth:`initial_state`, then from the step before.
            memory: from :meth:`remember`.

        Returns:
            The readout ``(batch, readout)``, the next state, and the alignment ``(batch, source)``.
        """
        return self._step(self.cells[0].project(inputs), inputs, state, memory, training)

    def call(
        self,
        inputs: tf.Tensor,
        values: tf.Tensor | None,
        state: tuple[State, ...],
        values_mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        memory = self.remember(values, values_mask, state, training)
        projected = self.cells[0].project(inputs)
        if self.context == "feed":
            return self._fed(projected, inputs, memory, training)
        if self.aligned and self.context == "input":
            outputs, contexts, alignment = self._looking(projected, memory)
        else:
            if self.attention is not None and self.context == "input":
                fixed, _ = self.attention.attend(inputs, memory)
                projected += dense(fixed, self.context_kernel)
            outputs, _ = run(self.cells[0], projected, state=memory.summary[0], projected=True)
        outputs = self.depth.after(0, inputs, outputs)
        for i, cell in enumerate(self.cells[1:], 1):
            above, _ = run(cell, self.depth.before(i, outputs, training), state=memory.summary[i])
            outputs = self.depth.after(i, outputs, above)
        if not (self.aligned and self.context == "input"):
            contexts, alignment = self._look(outputs, memory)
        return self._read(outputs, contexts, inputs), alignment

    def _looking(self, projected: tf.Tensor, memory: Memory) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Run the first layer with its looks at the source: outputs, contexts and alignment."""
        assert self.attention is not None
        width = self.context_kernel.shape[0]

        def attend(projected: tf.Tensor, state: State) -> tuple[tuple[tf.Tensor, ...], State]:
            context, weights = self._look(state[0], memory)
            output, state = self.cells[0].step(projected + dense(context, self.context_kernel), state)
            return (output, context, weights), state

        outputs, _ = scan(attend, projected, memory.summary[0], outputs=(self.units, width, memory.mask.shape[1]))
        return outputs

    def _fed(
        self, projected: tf.Tensor, inputs: tf.Tensor, memory: Memory, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Run the whole step in the loop, since its end is fed to the next."""

        def write(projected: tf.Tensor, state: Any) -> tuple[tuple[tf.Tensor, ...], Any]:
            readout, state, weights = self._step(projected, None, state, memory, training)
            return (readout, weights), state

        outputs, _ = scan(write, projected, self.initial_state(memory), outputs=(self.readout, memory.mask.shape[1]))
        return outputs

    def _step(
        self, projected: tf.Tensor, inputs: tf.Tensor | None, state: tuple[State, ...], memory: Memory, training: bool
    ) -> tuple[tf.Tensor, tuple[State, ...], tf.Tensor]:
        """Write one word from ``W y + b``."""
        if self.context == "feed":
            (fed,) = state[-1]
            projected += dense(fed, self.feed_kernel)
        if self.context == "input":
            context, alignment = self._look(state[0][0], memory)
            if self.attention is not None:
                projected += dense(context, self.context_kernel)
        output, first = self.cells[0].step(projected, state[0])
        output, states = self.depth.after(0, output, output), [first]
        for i, cell in enumerate(self.cells[1:], 1):
            above, new = cell.step(cell.project(self.depth.before(i, output, training)), state[i])
            output = self.depth.after(i, output, above)
            states.append(new)
        if self.context != "input":
            context, alignment = self._look(output, memory)
        readout = self._read(output, context, inputs)
        if self.context == "feed":
            states.append((readout,))
        return readout, tuple(states), alignment

    def _look(self, query: tf.Tensor, memory: Memory) -> tuple[tf.Tensor, tf.Tensor]:
        """Return context and alignment, both of no width where there is nothing to look at."""
        if self.attention is None:
            nothing = tf.zeros_like(query[..., :0])
            return nothing, nothing
        return self.attention.attend(query, memory)

    def _read(self, outputs: tf.Tensor, contexts: tf.Tensor, inputs: tf.Tensor | None) -> tf.Tensor:
        """Return the readouts."""
        parts = [outputs]
        if self.attention is not None:
            parts += [contexts, inputs] if self.context == "input" else [contexts]
        return self.readout_layer(tf.concat(parts, -1))

    def _drop_values(self, values: tf.Tensor, training: bool) -> tf.Tensor:
        # A context is a sum over the memory, so to drop a unit of every value is to drop it from every context, and
        # needs no random numbers inside the loop.
        if not training or not self.context_dropout:
            return values
        rank = values.shape.rank
        shape = (None,) * rank if rank == 2 else (None,) * (rank - 2) + (1, None)
        return keras.random.dropout(values, self.context_dropout, noise_shape=shape, seed=self.seeds)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask of the target words for the readouts; the alignment has none."""
        return previous_mask

    def get_config(self) -> dict[str, Any]:
        own = ("units", "readout", "cell", "layers", "dropout", "context_dropout", "context", "layer_norm", "residual")
        config = {**super().get_config(), **{name: getattr(self, name) for name in own}}
        return {**config, "attention": keras.saving.serialize_keras_object(self.attention)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Decoder:
        return cls(**{**config, "attention": keras.saving.deserialize_keras_object(config["attention"])})
