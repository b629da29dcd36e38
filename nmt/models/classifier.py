"""Many to one: an encoder that gives a whole text one label."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.layers.encoder import Encoder
from nmt.layers.pooling import AttentionPooling, last_annotation, mean_pooling
from nmt.layers.transformer import TransformerEncoder
from nmt.models.base import build_once
from nmt.models.encoder_model import EncoderModel, source_of

POOLINGS = ("attention", "mean", "last")


@keras.saving.register_keras_serializable("nmt")
class SequenceClassifier(EncoderModel):
    """An encoder, one vector for the whole text, and an output layer: the logits of its label.

    The vector is the ``last`` state (of a recurrent encoder, both directions; of a Transformer the annotation of the
    last token, which is EOS), the ``mean`` of the annotations, or the mean that an ``attention`` weighs, see
    :class:`~nmt.layers.pooling.AttentionPooling`.

    Arguments:
        vocabulary, embedding, encoder, labels: see :class:`~nmt.models.encoder_model.EncoderModel`.
        pooling: ``attention``, ``mean`` or ``last``.
        attention_units: width of the attention's hidden layer.
        embedding_dropout, output_dropout, word_dropout: as those of :class:`Seq2Seq`.

    Call arguments:
        inputs: ids ``(batch, source)``, padded with 0, or ``{"source": ids}``.

    Returns:
        Logits ``(batch, labels)``. :meth:`attend` returns the weights of the tokens as well.

    Raises:
        ValueError: if the pooling is unknown, or there are fewer than two labels.

    >>> model = SequenceClassifier(20, 5, Encoder(units=7), labels=3)
    >>> model(tf.constant([[7, 9, 3], [5, 3, 0]])).shape
    TensorShape([2, 3])
    """

    def __init__(
        self,
        vocabulary: int,
        embedding: int,
        encoder: Encoder | TransformerEncoder,
        labels: int,
        pooling: str = "attention",
        attention_units: int = 64,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary, embedding, encoder, labels, **kwargs)
        if pooling not in POOLINGS:
            raise ValueError(f"pooling cannot be '{pooling}'. Known: {', '.join(POOLINGS)}.")
        self.pooling = pooling
        self.attention_units = attention_units
        self.pool = (
            AttentionPooling(attention_units, name="pool", dtype=self.dtype_policy) if pooling == "attention" else None
        )

    def build(self, input_shape: Any = None) -> None:
        if self.pool is not None:
            build_once(self.pool, (None, None, self.encoder.width))
        super().build(input_shape)

    def call(self, inputs: tf.Tensor | dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        return self.attend(source_of(inputs), training)[0]

    def attend(self, source: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Classify, and say what the label rests on.

        Arguments:
            source: ids ``(batch, source)``.
            training: whether units are dropped.

        Returns:
            Logits ``(batch, labels)`` and the weights of the tokens ``(batch, source)``, which sum to one: the mean's
            are equal, and those of the last state are zero but at the last token.
        """
        found = self.annotate(source, training)
        if self.pool is not None:
            vector, weights = self.pool(found.annotations, mask=found.mask)
        elif self.pooling == "mean":
            vector, weights = mean_pooling(found.annotations, found.mask)
        else:
            vector = found.state[0] if found.state else last_annotation(found.annotations, found.mask)
            real = tf.cast(found.mask, tf.float32)
            weights = last_annotation(tf.linalg.diag(real), found.mask)
        return self.logits(vector, training), weights

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pooling": self.pooling, "attention_units": self.attention_units}
