"""Where the context enters a recurrent decoder: the equations of one step, and the whole target at once.

There is one class for each ``context`` of a :class:`~nmt.layers.decoder.Decoder`, and one for a decoder without
attention. All have the same two methods, and a test holds the results equal:

``step`` computes one step; a search calls it. ``teacher_forcing`` reads a given target and computes outside the loop
over time what does not depend on the step before.

Symbols and shapes: ``y`` is a token vector, ``(batch, width)`` or ``(batch, target, width)``; ``s`` the state,
``(batch, units)``; ``c`` the context, ``(batch, context width)``; ``t`` the readout, ``(batch, readout)``; ``h`` the
memory of the source. A state of the decoder is a tuple with a tuple of tensors ``(batch, units)`` for each recurrent
layer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from nmt.layers.attention import FixedContext, Memory
from nmt.layers.cells import State
from nmt.layers.recurrence import dense, scan

if TYPE_CHECKING:
    from nmt.layers.decoder import Decoder

# Readout or readouts, then state if there is one, then alignment.
Step = tuple[tf.Tensor, tuple[State, ...], tf.Tensor]
Sequence = tuple[tf.Tensor, tf.Tensor]


class Context(ABC):
    """The base class: one step, and the whole target at once."""

    @abstractmethod
    def build(self, decoder: Decoder, width: int, context: int) -> int:
        """Create the weights of this kind and return the width of what the readout reads.

        Arguments:
            decoder: the layer that owns the weights.
            width, context: the widths of a token vector and of a context.
        """

    def initial_state(self, decoder: Decoder, memory: Memory) -> tuple[State, ...]:
        """Return the state before the first step: for each layer a tuple of tensors ``(batch, units)``."""
        return memory.initial_state

    @abstractmethod
    def step(
        self, decoder: Decoder, inputs: tf.Tensor, state: tuple[State, ...], memory: Memory, training: bool
    ) -> Step:
        """Compute one step: the readout ``(batch, readout)``, the next state, the alignment ``(batch, source)``.

        Arguments:
            decoder: the layer that owns the weights.
            inputs: ``y_{i-1}``, ``(batch, width)``.
            state: from :meth:`initial_state`, then from the step before.
            memory: of the source, ``h``.
            training: whether units are dropped between layers.
        """

    @abstractmethod
    def teacher_forcing(self, decoder: Decoder, inputs: tf.Tensor, memory: Memory, training: bool) -> Sequence:
        """Read a given target: readouts ``(batch, target, readout)`` and alignment ``(batch, target, source)``.

        Arguments:
            decoder, memory, training: as those of :meth:`step`.
            inputs: ``y``, ``(batch, target, width)``.
        """


class NoContext(Context):
    """No attention and no context: a language model::

    s_i = cell(W y_{i-1}, s_{i-1})
    t_i = tanh(W_o s_i + b_o)
    """

    def build(self, decoder: Decoder, width: int, context: int) -> int:
        return decoder.units

    def step(
        self, decoder: Decoder, inputs: tf.Tensor, state: tuple[State, ...], memory: Memory, training: bool
    ) -> Step:
        output, state = decoder.recur(decoder.cells[0].project(inputs), state, memory, training)
        return decoder.readout_layer(output), state, tf.zeros_like(output[..., :0])

    def teacher_forcing(self, decoder: Decoder, inputs: tf.Tensor, memory: Memory, training: bool) -> Sequence:
        outputs = decoder.recur_over_time(decoder.cells[0].project(inputs), memory, training)
        return decoder.readout_layer(outputs), tf.zeros_like(outputs[..., :0])


class InputContext(Context):
    """The context enters the recurrence; the query is the state before it.

    Bahdanau et al. 2015, https://arxiv.org/abs/1409.0473::

        c_i = attention(s_{i-1}, h)                  the context (equation 5)
        s_i = cell(W y_{i-1} + C c_i, s_{i-1})       the state (section 3.1; C as in appendix A.2.2)
        t_i = tanh(W_o [s_i ; c_i ; y_{i-1}] + b_o)  the readout

    The first layer attends, the topmost gives the readout.
    """

    def build(self, decoder: Decoder, width: int, context: int) -> int:
        gates = decoder.cells[0].gates * decoder.units
        decoder.context_kernel = decoder.add_weight((context, gates), "glorot_uniform", name="context_kernel")
        return decoder.units + context + width

    def step(
        self, decoder: Decoder, inputs: tf.Tensor, state: tuple[State, ...], memory: Memory, training: bool
    ) -> Step:
        context, alignment = decoder.attention.attend(state[0][0], memory)
        projected = decoder.cells[0].project(inputs) + dense(context, decoder.context_kernel)
        output, state = decoder.recur(projected, state, memory, training)
        return decoder.readout_layer(tf.concat([output, context, inputs], -1)), state, alignment

    def teacher_forcing(self, decoder: Decoder, inputs: tf.Tensor, memory: Memory, training: bool) -> Sequence:
        cell = decoder.cells[0]

        def attend_and_recur(projected: tf.Tensor, state: State) -> tuple[tuple[tf.Tensor, ...], State]:
            context, weights = decoder.attention.attend(state[0], memory)
            projected = projected + dense(context, decoder.context_kernel)
            output, state = cell.step(projected, state, memory.recurrent_mask(0))
            return (output, context, weights), state

        widths = (decoder.units, decoder.context_kernel.shape[0], memory.mask.shape[1])
        (outputs, contexts, alignment), _ = scan(
            attend_and_recur, cell.project(inputs), memory.initial_state[0], outputs=widths
        )
        outputs = decoder.upper_layers_over_time(outputs, memory, training)
        return decoder.readout_layer(tf.concat([outputs, contexts, inputs], -1)), alignment


class FixedInputContext(InputContext):
    """As :class:`InputContext`, with a context that is the same at every step, so it does not depend on a state."""

    def teacher_forcing(self, decoder: Decoder, inputs: tf.Tensor, memory: Memory, training: bool) -> Sequence:
        contexts, alignment = decoder.attention.attend(inputs, memory)
        projected = decoder.cells[0].project(inputs) + dense(contexts, decoder.context_kernel)
        outputs = decoder.recur_over_time(projected, memory, training)
        return decoder.readout_layer(tf.concat([outputs, contexts, inputs], -1)), alignment


class OutputContext(Context):
    """The context enters the readout; the query is the new state.

    Luong et al. 2015, https://arxiv.org/abs/1508.04025::

        s_i = cell(W y_{i-1}, s_{i-1})
        c_i = attention(s_i, h)
        t_i = tanh(W_o [s_i ; c_i] + b_o)            (equation 5)

    The topmost layer attends. In teacher forcing no context is part of the loop: all steps attend at once.
    """

    def build(self, decoder: Decoder, width: int, context: int) -> int:
        return decoder.units + context

    def step(
        self, decoder: Decoder, inputs: tf.Tensor, state: tuple[State, ...], memory: Memory, training: bool
    ) -> Step:
        projected = decoder.cells[0].project(inputs)
        return self._step(decoder, projected, state, memory=memory, training=training)

    def _step(
        self, decoder: Decoder, projected: tf.Tensor, state: tuple[State, ...], *, memory: Memory, training: bool
    ) -> Step:
        """Compute one step from ``projected``, ``W y_{i-1} + b`` of shape ``(batch, gates * units)``."""
        output, state = decoder.recur(projected, state, memory, training)
        context, alignment = decoder.attention.attend(output, memory)
        return decoder.readout_layer(tf.concat([output, context], -1)), state, alignment

    def teacher_forcing(self, decoder: Decoder, inputs: tf.Tensor, memory: Memory, training: bool) -> Sequence:
        outputs = decoder.recur_over_time(decoder.cells[0].project(inputs), memory, training)
        contexts, alignment = decoder.attention.attend(outputs, memory)
        return decoder.readout_layer(tf.concat([outputs, contexts], -1)), alignment


class FeedContext(OutputContext):
    """Input feeding: as :class:`OutputContext`, and the last readout enters the recurrence.

    Luong et al. 2015, section 3.3. It tells the decoder where it has attended before::

        s_i = cell(W y_{i-1} + F t_{i-1}, s_{i-1})

    The state has one more part, ``t_{i-1}``, zeros at first. In teacher forcing the whole step is part of the loop.
    """

    def build(self, decoder: Decoder, width: int, context: int) -> int:
        gates = decoder.cells[0].gates * decoder.units
        decoder.feed_kernel = decoder.add_weight((decoder.readout, gates), "glorot_uniform", name="feed_kernel")
        return super().build(decoder, width, context)

    def initial_state(self, decoder: Decoder, memory: Memory) -> tuple[State, ...]:
        first = memory.initial_state[0][0]
        return (*memory.initial_state, (tf.zeros([tf.shape(first)[0], decoder.readout], first.dtype),))

    def _step(
        self, decoder: Decoder, projected: tf.Tensor, state: tuple[State, ...], *, memory: Memory, training: bool
    ) -> Step:
        *recurrent, (last_readout,) = state
        projected += dense(last_readout, decoder.feed_kernel)
        readout, state, alignment = super()._step(
            decoder, projected, tuple(recurrent), memory=memory, training=training
        )
        return readout, (*state, (readout,)), alignment

    def teacher_forcing(self, decoder: Decoder, inputs: tf.Tensor, memory: Memory, training: bool) -> Sequence:
        def step(projected: tf.Tensor, state: Any) -> tuple[tuple[tf.Tensor, ...], Any]:
            readout, state, weights = self._step(decoder, projected, state, memory=memory, training=training)
            return (readout, weights), state

        (readouts, alignment), _ = scan(
            step,
            decoder.cells[0].project(inputs),
            self.initial_state(decoder, memory),
            outputs=(decoder.readout, memory.mask.shape[1]),
        )
        return readouts, alignment


# The names are those of model.context in the config; a test holds the two equal.
CONTEXTS: dict[str, type[Context]] = {"input": InputContext, "output": OutputContext, "feed": FeedContext}


def make_context(kind: str, attention: Any) -> Context:
    """Return the object that computes the steps of a decoder with this ``context`` and attention.

    Raises:
        ValueError: for an unknown kind, or input feeding without an attention.

    >>> make_context("input", None).__class__.__name__
    'NoContext'
    """
    if kind not in CONTEXTS:
        raise ValueError(f"context cannot be '{kind}'. Known: {', '.join(CONTEXTS)}.")
    fixed = isinstance(attention, FixedContext)
    if kind == "feed" and (attention is None or fixed):
        raise ValueError("Input feeding tells the decoder where it has attended, so it needs an attention.")
    if attention is None:
        return NoContext()
    return FixedInputContext() if fixed and kind == "input" else CONTEXTS[kind]()
