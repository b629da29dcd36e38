"""One to many: from vectors that are no text, such as the cells of a picture, to the logits of every next token."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.layers.attention import Memory
from nmt.layers.decoder import Decoder
from nmt.layers.features import FeatureEncoder
from nmt.layers.transformer import TransformerDecoder
from nmt.models.base import Encoded, TextModel, build_once


@keras.saving.register_keras_serializable("nmt")
class CaptionModel(TextModel):
    """Features, attention and decoder: from a vector for each cell to the logits of every next token.

    Arguments:
        width: numbers of a cell.
        vocabulary: number of target tokens; id 0 is padding.
        embedding: width of a token vector, and of the readout.
        encoder: a :class:`FeatureEncoder`, with a bridge to a :class:`Decoder`.
        decoder: a :class:`Decoder` or :class:`TransformerDecoder`.
        tied: ``none``, or ``output``: the output layer uses the embeddings.
        embedding_dropout, output_dropout, word_dropout: as those of :class:`Seq2Seq`.

    Call arguments:
        inputs: ``{"source": features (batch, cells, width), "target": ids (batch, target)}``, the target beginning with
            BOS.

    Returns:
        Logits ``(batch, target, vocabulary)``. :meth:`teacher_forcing` returns the alignment as well.

    Raises:
        ValueError: if ``tied`` is unknown, or the sizes of what it ties differ.

    >>> from nmt.layers.attention import BahdanauAttention
    >>> decoder = Decoder(units=5, readout=6, attention=BahdanauAttention(4))
    >>> model = CaptionModel(11, 20, 6, FeatureEncoder(7, bridge=(5, 1, 1)), decoder)
    >>> model({"source": tf.ones([2, 3, 11]), "target": tf.constant([[2, 9], [2, 8]])}).shape
    TensorShape([2, 2, 20])
    """

    def __init__(
        self,
        width: int,
        vocabulary: int,
        embedding: int,
        encoder: FeatureEncoder,
        decoder: Decoder | TransformerDecoder,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary, embedding, decoder, **kwargs)
        self.width = width
        self.vocabulary = vocabulary
        self.encoder = encoder

    @property
    def input_dtype(self) -> str:
        """What Keras casts features to before a call: in half precision large ones would lose what differs."""
        return "float32"

    def build(self, input_shape: Any = None) -> None:
        build_once(self.encoder, (None, None, self.width))
        build_once(self.decoder, (None, None, self.embedding), (None, None, self.encoder.width))
        super().build(input_shape)

    def encode(self, source: tf.Tensor) -> Memory:
        """Return the memory of features ``(batch, cells, width)``, which every step attends to."""
        encoded = self.run_encoder(source)
        return self.decoder.remember(encoded.annotations, encoded.mask, encoded.initial_state)

    def run_encoder(self, source: tf.Tensor | None, training: bool = False) -> Encoded:
        annotations, initial_state = self.encoder(source)
        return Encoded(annotations, initial_state, tf.ones(tf.shape(annotations)[:2], tf.bool))

    def get_config(self) -> dict[str, Any]:
        part = keras.saving.serialize_keras_object(self.encoder)
        own = ("width", "vocabulary")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}, "encoder": part}
