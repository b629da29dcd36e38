"""Many to many: an encoder that gives each token of a text a label."""

from __future__ import annotations

import keras
import tensorflow as tf

from nmt.models.encoder_model import EncoderModel, source_of


@keras.saving.register_keras_serializable("nmt")
class SequenceTagger(EncoderModel):
    """An encoder and an output layer: the logits of a label for every token.

    Arguments:
        vocabulary, embedding, encoder, labels: see :class:`~nmt.models.encoder_model.EncoderModel`.
        embedding_dropout, output_dropout, word_dropout: as those of :class:`Seq2Seq`.

    Call arguments:
        inputs: ids ``(batch, source)``, padded with 0, or ``{"source": ids}``.

    Returns:
        Logits ``(batch, source, labels)``.

    Raises:
        ValueError: if there are fewer than two labels.

    >>> from nmt.layers.encoder import Encoder
    >>> SequenceTagger(20, 5, Encoder(units=7), labels=3)(tf.constant([[7, 9, 3, 0], [5, 3, 0, 0]])).shape
    TensorShape([2, 4, 3])
    """

    def call(self, inputs: tf.Tensor | dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        return self.logits(self.annotate(source_of(inputs), training).annotations, training)
