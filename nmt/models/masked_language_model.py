"""An encoder that names masked tokens: what a classifier or a tagger can begin with."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.layers.recurrence import dense
from nmt.layers.transformer import TransformerEncoder
from nmt.models.encoder_model import EncoderModel, source_of


@keras.saving.register_keras_serializable("nmt")
class MaskedLanguageModel(EncoderModel):
    """A Transformer's encoder, and an output layer that names the token at every place, Devlin et al. 2019::

        logits = E t + b,    t = max(0, W h + c)

    ``E`` are the token vectors, with which the output layer is tied. :mod:`nmt.data.masked_tokens` masks the tokens.

    Arguments:
        vocabulary, embedding, encoder: see :class:`~nmt.models.encoder_model.EncoderModel`.
        embedding_dropout, output_dropout, word_dropout: as those of :class:`Seq2Seq`.

    Call arguments:
        inputs: ids ``(batch, source)``, padded with 0, or ``{"source": ids}``.

    Returns:
        Logits ``(batch, source, vocabulary)``.

    >>> encoder = TransformerEncoder(units=6, heads=2, feed_forward=13, layers=1)
    >>> MaskedLanguageModel(20, 6, encoder)(tf.constant([[7, 2, 3]])).shape
    TensorShape([1, 3, 20])
    """

    def __init__(self, vocabulary: int, embedding: int, encoder: TransformerEncoder, **kwargs: Any) -> None:
        super().__init__(vocabulary, embedding, encoder, **{**kwargs, "labels": vocabulary})

    def make_output(self) -> keras.layers.Dense:
        return keras.layers.Dense(self.embedding, "relu", name="output_layer", dtype=self.dtype_policy)

    def build(self, input_shape: Any = None) -> None:
        self.output_bias = self.add_weight((self.vocabulary,), "zeros", name="output_bias")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor | dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        annotations = self.annotate(source_of(inputs), training).annotations
        vectors = self.output_layer(self.drop_output(annotations, training=training))
        logits = dense(vectors, self.source_embedding.embeddings, transpose=True) + self.output_bias
        return tf.cast(logits, tf.float32)
