"""A Transformer whose alignment is its own cross-attention, read where each written token is the input."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from nmt.layers.transformer import TransformerDecoder
from nmt.models.base import TokenWeights
from nmt.models.seq2seq import Seq2Seq


class ShiftedAttention(NamedTuple):
    """Which cross-attention links tokens.

    Attributes:
        layer: of the decoder, from 0.
        head: of the layer, from 0; the mean of all heads if ``None``.

    >>> ShiftedAttention(layer=2)
    ShiftedAttention(layer=2, head=None)
    """

    layer: int
    head: int | None = None


class ShiftedModel:
    """A Transformer that links a token by the cross-attention of the next step, where the token is the input::

        link(y_i) = a_(i+1)        a_t: the attention of step t, which reads y_(t-1)

    The attention of the step that writes ``y_i`` does not know it; that of the next step does. Chen et al. 2020,
    https://arxiv.org/abs/2004.14837, call this *Shift-Att*. The last token is the input of no step of a search, so all
    tokens are read once more after it. Logits are those of the translator, bit for bit in a search.

    It takes the place of a :class:`~nmt.models.linked.LinkedModel`, and nothing is taught.

    Arguments:
        model: the translator, a Transformer.
        attention: which layer and head.
        bos: the token before the first one.

    Raises:
        ValueError: if the model has no such layer or head.

    >>> from nmt.config import Config, with_settings
    >>> from nmt.models.build import build_model
    >>> sizes = ["model.units=6", "model.embedding=6", "model.heads=2", "model.feed_forward=5"]
    >>> model = build_model(with_settings(Config(), ["model.architecture=transformer", *sizes]), 11, 13)
    >>> linked = ShiftedModel(model, ShiftedAttention(0, 1), bos=2)
    >>> source, read, written = tf.constant([[5, 7, 3]]), tf.constant([[2, 8, 4, 9]]), tf.constant([[8, 4, 9, 3]])
    >>> logits, links = linked.score_pairs(source, read, written)
    >>> logits.shape, links.shape
    (TensorShape([1, 4, 13]), TensorShape([1, 4, 3]))
    """

    aligned = True
    # A search keeps one number of each step, which nobody reads, instead of an alignment.
    record_width = 1

    def __init__(self, model: Seq2Seq, attention: ShiftedAttention, bos: int) -> None:
        sizes = (model.decoder.layers, model.decoder.heads) if isinstance(model.decoder, TransformerDecoder) else (0, 0)
        layers, heads = sizes
        if not 0 <= attention.layer < layers or (attention.head is not None and not 0 <= attention.head < heads):
            raise ValueError(f"it is read from {attention}, and the model has {layers} layers with {heads} heads")
        self.model = model
        self.attention = attention
        self.bos = bos

    def encode(self, source: tf.Tensor) -> Any:
        """Return the memory of source ids ``(batch, source)``."""
        return self.model.encode(source)

    def stepped(self, memory: Any) -> Any:
        """Return the part of the memory that :meth:`initial_state` and :meth:`step` read: all of it."""
        return memory

    def initial_state(self, memory: Any, max_steps: int | tf.Tensor | None = None) -> Any:
        """Return the translator's state before the first step."""
        return self.model.initial_state(memory, max_steps)

    def step(
        self, tokens: tf.Tensor, state: Any, memory: Any, weights: TokenWeights | None = None
    ) -> tuple[tf.Tensor, Any, tf.Tensor]:
        """Compute one step of the translator; see :meth:`nmt.models.base.TextModel.step`."""
        return self.model.step(tokens, state, memory, weights)

    def token_weights(self, tokens: tf.Tensor) -> TokenWeights:
        """Return the weights of some target tokens, ``(tokens,)``, for :meth:`step`."""
        return self.model.token_weights(tokens)

    def record(self, state: Any) -> tf.Tensor:
        """Return what a search keeps of a step, ``(batch, 1)``."""
        return tf.zeros_like(tf.expand_dims(tf.nest.flatten(state)[0], 1), tf.float32)

    def link(self, records: tf.Tensor, tokens: tf.Tensor, memory: Any) -> tf.Tensor:
        """Return the alignment ``(batch, n_best, target, source)``.

        Arguments:
            records: not used.
            tokens: that were written, ``(batch, n_best, target)``.
            memory: from :meth:`encode`.
        """
        del records
        shape = tf.shape(tokens)
        flat = tf.reshape(tokens, [shape[0] * shape[1], shape[2]])
        rows = tf.range(shape[0] * shape[1]) // shape[1]
        repeated = tf.nest.map_structure(lambda part: tf.gather(part, rows), memory)
        begin = tf.fill([tf.shape(flat)[0], 1], tf.cast(self.bos, flat.dtype))
        weights = self._read(tf.concat([begin, flat], 1), repeated)[1][:, 1:]
        return tf.reshape(weights, [shape[0], shape[1], shape[2], tf.shape(weights)[2]])

    def score_pairs(self, source: tf.Tensor, read: tf.Tensor, written: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Read given translations; see :meth:`nmt.models.base.TextModel.score_pairs`."""
        del written
        readouts, weights = self._read(read, self.encode(source))
        # EOS is not read: a model with learned positions has no place for it. It is linked as the token before it.
        last = tf.math.count_nonzero(read, 1, keepdims=True, dtype=tf.int32) - 1
        following = tf.minimum(tf.expand_dims(tf.range(1, tf.shape(read)[1] + 1), 0), last)
        return self.model.write_token(readouts), tf.gather(weights, following, batch_dims=1)

    def _read(self, tokens: tf.Tensor, memory: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the readouts and the attention ``(batch, target, source)`` of the steps that read tokens."""
        readouts, layers = self.model.decoder.read_whole(self.model.target_embedding(tokens), memory)
        weights = layers[self.attention.layer]
        chosen = tf.reduce_mean(weights, 1) if self.attention.head is None else weights[:, self.attention.head]
        return readouts, tf.cast(chosen, tf.float32)
