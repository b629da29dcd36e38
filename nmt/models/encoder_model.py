"""The base class of models that are an encoder alone: source embeddings, an encoder, and an output layer."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from nmt.layers.encoder import Encoder
from nmt.layers.transformer import TransformerEncoder
from nmt.models.base import build_once, embedding_layer


class EncodedText(NamedTuple):
    """A text as the encoder reads it.

    Attributes:
        annotations: ``(batch, source, width)``.
        state: the last states of the topmost layer ``(batch, width)``; empty for a Transformer.
        mask: ``(batch, source)``, true at real tokens.
    """

    annotations: tf.Tensor
    state: tuple[tf.Tensor, ...]
    mask: tf.Tensor


class EncoderModel(keras.Model):
    """An encoder with an output layer, without a decoder.

    Arguments:
        vocabulary: number of tokens; id 0 is padding.
        embedding: width of a token vector.
        encoder: an :class:`Encoder` without a bridge, or a :class:`TransformerEncoder`.
        labels: number of labels.
        embedding_dropout, output_dropout: shares of units dropped from token vectors and before the output layer.
        word_dropout: share of tokens whose whole vector is dropped.

    Raises:
        ValueError: if there are fewer than two labels.
    """

    def __init__(
        self,
        vocabulary: int,
        embedding: int,
        encoder: Encoder | TransformerEncoder,
        labels: int,
        embedding_dropout: float = 0.0,
        output_dropout: float = 0.0,
        word_dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if labels < 2:
            raise ValueError(f"labels must be 2 or more, not {labels}: with one there is nothing to tell apart.")
        self.vocabulary = vocabulary
        self.embedding = embedding
        self.labels = labels
        self.embedding_dropout = embedding_dropout
        self.output_dropout = output_dropout
        self.word_dropout = word_dropout
        self.encoder: Any = encoder
        # Files of weights name these attributes.
        self.source_embedding = embedding_layer(vocabulary, embedding, "source_embedding", self.dtype_policy)
        self.drop_embedding = keras.layers.Dropout(embedding_dropout, dtype=self.dtype_policy)
        self.drop_words = keras.layers.Dropout(word_dropout, noise_shape=(None, None, 1), dtype=self.dtype_policy)
        self.drop_output = keras.layers.Dropout(output_dropout, dtype=self.dtype_policy)
        self.output_layer = self.make_output()

    def make_output(self) -> keras.layers.Dense:
        """Return the output layer, which reads vectors as wide as an annotation."""
        return keras.layers.Dense(self.labels, name="output_layer", dtype=self.dtype_policy)

    def build(self, input_shape: Any = None) -> None:
        build_once(self.source_embedding)
        build_once(self.encoder, (None, None, self.embedding))
        build_once(self.output_layer, (None, self.encoder.width))
        self.built = True

    def annotate(self, source: tf.Tensor, training: bool = False) -> EncodedText:
        """Run the encoder over ids ``(batch, source)``."""
        mask = source != 0
        vectors = self.drop_embedding(self.source_embedding(source), training=training)
        if self.word_dropout:
            vectors = self.drop_words(vectors, training=training)
        annotations, state = self.encoder(vectors, mask=mask, training=training)
        return EncodedText(annotations, tuple(state[-1]) if state else (), mask)

    def logits(self, vectors: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return logits ``(…, labels)``, in float32, for vectors ``(…, width)``."""
        return tf.cast(self.output_layer(self.drop_output(vectors, training=training)), tf.float32)

    def get_config(self) -> dict[str, Any]:
        own = ("vocabulary", "embedding", "labels", "embedding_dropout", "output_dropout", "word_dropout")
        part = keras.saving.serialize_keras_object(self.encoder)
        return {**super().get_config(), **{name: getattr(self, name) for name in own}, "encoder": part}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> EncoderModel:
        encoder = keras.saving.deserialize_keras_object(config["encoder"], custom_objects)
        return cls(**{**config, "encoder": encoder})


def source_of(inputs: tf.Tensor | dict[str, tf.Tensor]) -> tf.Tensor:
    """Return the ids of a call's inputs, which are the ids alone or have them as ``source``."""
    return inputs["source"] if isinstance(inputs, dict) else inputs
