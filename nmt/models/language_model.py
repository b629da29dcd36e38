"""A decoder without a source: from the tokens so far to the logits of the next."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.layers.attention import Memory
from nmt.layers.decoder import Decoder
from nmt.layers.transformer import TransformerDecoder
from nmt.models.base import Encoded, TextModel, build_once


@keras.saving.register_keras_serializable("nmt")
class LanguageModel(TextModel):
    """A decoder without a source: from the tokens so far to the logits of the next.

    Arguments:
        vocabulary: number of tokens; id 0 is padding.
        embedding: width of a token vector, and of the readout.
        decoder: a :class:`Decoder` without attention, or a :class:`TransformerDecoder` without cross-attention.
        tied: ``none``, or ``output``: the output layer uses the embeddings.
        embedding_dropout, output_dropout, word_dropout: as those of :class:`Seq2Seq`.

    Call arguments:
        inputs: ``{"target": ids (batch, target)}``, beginning with BOS.

    Returns:
        Logits ``(batch, target, vocabulary)``.

    Raises:
        ValueError: if ``tied`` is unknown, or the sizes of what it ties differ.

    >>> model = LanguageModel(30, 5, Decoder(6, 5, None))
    >>> model({"target": tf.constant([[2, 8, 6, 4]])}).shape
    TensorShape([1, 4, 30])
    """

    def __init__(self, vocabulary: int, embedding: int, decoder: Decoder | TransformerDecoder, **kwargs: Any) -> None:
        super().__init__(vocabulary, embedding, decoder, **kwargs)
        self.vocabulary = vocabulary

    def build(self, input_shape: Any = None) -> None:
        build_once(self.decoder, (None, None, self.embedding))
        super().build(input_shape)

    def encode(self, source: tf.Tensor) -> Memory:
        """Return a memory that holds only an initial state, for the rows of ``source``, ``(batch, …)``."""
        like = tf.zeros([tf.shape(source)[0], self.embedding], self.compute_dtype)
        return self.decoder.remember(None, None, self.decoder.zero_state(like))

    def run_encoder(self, source: tf.Tensor | None, training: bool = False) -> Encoded:
        return Encoded()

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary": self.vocabulary}
