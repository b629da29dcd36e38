"""A translator with an alignment head: it translates as before, and its alignment is that of the head."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from nmt.layers.alignment_head import AlignmentHead
from nmt.models.base import TokenWeights
from nmt.models.seq2seq import Seq2Seq


class LinkedMemory(NamedTuple):
    """The memory of a translator, and what its alignment head attends to.

    Attributes:
        decoder: the memory that steps attend to.
        keys: ``(batch, source, units)``, the keys of the head.
        mask: ``(batch, source)``, true at real tokens.
    """

    decoder: Any
    keys: tf.Tensor
    mask: tf.Tensor


class LinkedModel:
    """A translator with an alignment head. Logits and states are those of the translator, bit for bit.

    A search records with each step the part of the head's query that is known by then. After the search, when all
    tokens are known, :meth:`link` turns the records into the alignment. The alignment that :meth:`step` returns is
    still what the decoder attends to: a coverage penalty counts that.

    Arguments:
        model: the translator.
        head: taught on the states of this translator.
    """

    aligned = True

    def __init__(self, model: Seq2Seq, head: AlignmentHead) -> None:
        self.model = model
        self.head = head
        self.record_width = head.units

    def encode(self, source: tf.Tensor) -> LinkedMemory:
        """Return the memory of source ids ``(batch, source)``."""
        encoded = self.model.run_encoder(source)
        memory = self.model.decoder.remember(encoded.annotations, encoded.mask, encoded.initial_state)
        return LinkedMemory(memory, self.head.key(encoded.annotations), encoded.mask)

    def stepped(self, memory: LinkedMemory) -> Any:
        """Return the part of the memory that :meth:`initial_state` and :meth:`step` read."""
        return memory.decoder

    def initial_state(self, memory: Any, max_steps: int | tf.Tensor | None = None) -> tuple[Any, tf.Tensor]:
        """Return the translator's state before the first step, and an empty record."""
        state = self.model.initial_state(memory, max_steps)
        batch = tf.shape(tf.nest.flatten(state)[0])[0]
        return state, tf.zeros([batch, self.record_width], self.model.compute_dtype)

    def step(
        self, tokens: tf.Tensor, state: tuple[Any, tf.Tensor], memory: Any, weights: TokenWeights | None = None
    ) -> tuple[tf.Tensor, tuple[Any, tf.Tensor], tf.Tensor]:
        """Compute one step of the translator; see :meth:`nmt.models.base.TextModel.step`."""
        readout, inner, attention = self.model.read_token(tokens, state[0], memory, weights)
        return self.model.write_token(readout, weights), (inner, self.head.ask(readout)), attention

    def token_weights(self, tokens: tf.Tensor) -> TokenWeights:
        """Return the weights of some target tokens, ``(tokens,)``, for :meth:`step`."""
        return self.model.token_weights(tokens)

    def record(self, state: tuple[Any, tf.Tensor]) -> tf.Tensor:
        """Return what a search keeps of a step, from the state after it: ``(batch, record_width)``."""
        return state[1]

    def link(self, records: tf.Tensor, tokens: tf.Tensor, memory: LinkedMemory) -> tf.Tensor:
        """Return the alignment ``(batch, n_best, target, source)``.

        Arguments:
            records: of each step, ``(batch, n_best, target, record_width)``.
            tokens: that were written, ``(batch, n_best, target)``.
            memory: from :meth:`encode`.
        """
        # All hypotheses of a sentence have one memory, so their tokens are queries side by side.
        shape = tf.shape(tokens)
        flat = tf.reshape(tokens, [shape[0], shape[1] * shape[2]])
        asked = tf.reshape(records, [shape[0], shape[1] * shape[2], self.record_width])
        weights = self._attend(tf.cast(asked, memory.keys.dtype), flat, memory)
        return tf.reshape(weights, [shape[0], shape[1], shape[2], tf.shape(memory.mask)[1]])

    def score_pairs(self, source: tf.Tensor, read: tf.Tensor, written: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Read given translations; see :meth:`nmt.models.base.TextModel.score_pairs`."""
        encoded = self.model.run_encoder(source)
        readouts, _ = self.model.read_target(read, encoded)
        memory = LinkedMemory((), self.head.key(encoded.annotations), encoded.mask)
        return self.model.write_token(readouts), self._attend(self.head.ask(readouts), written, memory)

    def _attend(self, asked: tf.Tensor, written: tf.Tensor, memory: LinkedMemory) -> tf.Tensor:
        vectors = self.model.target_embedding(written)
        return tf.cast(self.head.attend(asked, vectors, memory.keys, memory.mask), tf.float32)
