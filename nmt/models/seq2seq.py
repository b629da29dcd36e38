"""An encoder and a decoder: from source ids to the logits of every next token."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.layers.attention import Memory
from nmt.layers.decoder import Decoder
from nmt.layers.encoder import Encoder
from nmt.layers.transformer import TransformerDecoder, TransformerEncoder
from nmt.models.base import Encoded, TextModel, build_once, embedding_layer


@keras.saving.register_keras_serializable("nmt")
class Seq2Seq(TextModel):
    """Encoder, attention and decoder: from source ids to the logits of every next token.

    Arguments:
        source_vocabulary, target_vocabulary: numbers of tokens; id 0 is padding.
        embedding: width of a token vector, and of the readout.
        encoder, decoder: the layers, such as :class:`Encoder` and :class:`Decoder`.
        tied: ``none``; ``output``: the output layer uses the target embeddings; ``all``: so does the source, and both
            sides have one vocabulary.
        embedding_dropout, output_dropout: shares of units dropped from token vectors and from the readout.
        word_dropout: share of tokens, on both sides, whose whole vector is dropped.

    Call arguments:
        inputs: ``{"source": ids (batch, source), "target": ids (batch, target)}``, the target beginning with BOS.

    Returns:
        Logits ``(batch, target, target_vocabulary)``. :meth:`teacher_forcing` returns the alignment as well.

    Raises:
        ValueError: if ``tied`` is unknown, or the sizes of what it ties differ.

    >>> from nmt.layers.attention import BahdanauAttention
    >>> encoder = Encoder(8, bidirectional=False, bridge=(6, 1))
    >>> decoder = Decoder(6, 5, BahdanauAttention(7), context="output")
    >>> model = Seq2Seq(20, 30, 5, encoder, decoder)
    >>> model({"source": tf.constant([[7, 5, 3]]), "target": tf.constant([[2, 8, 6, 4]])}).shape
    TensorShape([1, 4, 30])
    """

    ties = ("none", "output", "all")

    def __init__(
        self,
        source_vocabulary: int,
        target_vocabulary: int,
        embedding: int,
        encoder: Encoder | TransformerEncoder,
        decoder: Decoder | TransformerDecoder,
        **kwargs: Any,
    ) -> None:
        super().__init__(target_vocabulary, embedding, decoder, **kwargs)
        if self.tied == "all" and source_vocabulary != target_vocabulary:
            raise ValueError("tied='all' needs one vocabulary for both sides.")
        self.source_vocabulary = source_vocabulary
        self.target_vocabulary = target_vocabulary
        self.encoder = encoder
        self.source_embedding = (
            self.target_embedding
            if self.tied == "all"
            else embedding_layer(source_vocabulary, embedding, "source_embedding", self.dtype_policy)
        )

    def build(self, input_shape: Any = None) -> None:
        vectors = (None, None, self.embedding)
        build_once(self.source_embedding)
        build_once(self.encoder, vectors)
        build_once(self.decoder, vectors, (None, None, self.encoder.width))
        super().build(input_shape)

    def encode(self, source: tf.Tensor) -> Memory:
        """Return the memory of source ids ``(batch, source)``, which every step attends to."""
        encoded = self.run_encoder(source)
        return self.decoder.remember(encoded.annotations, encoded.mask, encoded.initial_state)

    def run_encoder(self, source: tf.Tensor | None, training: bool = False) -> Encoded:
        mask = source != 0
        vectors = self._vectors(self.source_embedding, source, training)
        annotations, initial_state = self.encoder(vectors, mask=mask, training=training)
        return Encoded(annotations, initial_state, mask)

    def get_config(self) -> dict[str, Any]:
        own = ("source_vocabulary", "target_vocabulary")
        part = keras.saving.serialize_keras_object(self.encoder)
        return {**super().get_config(), **{name: getattr(self, name) for name in own}, "encoder": part}
