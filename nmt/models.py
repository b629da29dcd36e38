"""A model from a config: one sequence-to-sequence class, an ordinary ``keras.Model``."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.config import Config
from nmt.errors import InputError
from nmt.layers.attention import BahdanauAttention, Memory
from nmt.layers.decoder import Decoder
from nmt.layers.encoder import Encoder
from nmt.layers.loop import dense


@keras.saving.register_keras_serializable("nmt")
class Seq2Seq(keras.Model):
    """Encoder, attention and decoder, from source ids to the scores of every next word.

    The step protocol is all that a search needs::

        memory = model.encode(source_ids)
        state = model.initial_state(memory)
        logits, state, alignment = model.step(token_ids, state, memory)

    Arguments:
        source_vocabulary, target_vocabulary: numbers of pieces; id 0 is padding.
        embedding: width of a word vector, and of the readout.
        encoder, decoder: the layers, see there.
        tied: ``none``; ``output``: the output layer uses the target embeddings; ``all``: so does the source, and both
            sides have one vocabulary.
        embedding_dropout, output_dropout: shares of units dropped from word vectors and from the readout.

    Call arguments:
        inputs: ``{"source": ids (batch, source), "target": ids (batch, target)}``, the target beginning with ``<s>``.

    Returns:
        Logits ``(batch, target, target_vocabulary)``.

    Raises:
        ValueError: if ``tied`` is unknown, or the sizes of what it ties differ.
    """

    def __init__(
        self,
        source_vocabulary: int,
        target_vocabulary: int,
        embedding: int,
        encoder: Encoder,
        decoder: Decoder,
        tied: str = "output",
        embedding_dropout: float = 0.0,
        output_dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if tied not in ("none", "output", "all"):
            raise ValueError(f"tied cannot be '{tied}'. Known: none, output, all.")
        if tied != "none" and decoder.readout != embedding:
            raise ValueError(
                f"A tied output needs a readout as wide as an embedding, {embedding}, not {decoder.readout}."
            )
        if tied == "all" and source_vocabulary != target_vocabulary:
            raise ValueError("tied='all' needs one vocabulary for both sides.")
        self.source_vocabulary = source_vocabulary
        self.target_vocabulary = target_vocabulary
        self.embedding = embedding
        self.tied = tied
        self.embedding_dropout = embedding_dropout
        self.output_dropout = output_dropout
        self.encoder = encoder
        self.decoder = decoder
        self.target_embedding = _embedding(target_vocabulary, embedding, "target_embedding")
        self.source_embedding = (
            self.target_embedding if tied == "all" else _embedding(source_vocabulary, embedding, "source_embedding")
        )
        self.drop_embedding = keras.layers.Dropout(embedding_dropout)
        self.drop_output = keras.layers.Dropout(output_dropout)

    def build(self, input_shape: Any = None) -> None:
        words = (None, None, self.embedding)
        shapes: dict[keras.layers.Layer, list[tuple]] = {
            self.target_embedding: [()],
            self.source_embedding: [()],
            self.encoder: [words],
            self.decoder: [words, (None, None, self.encoder.width)],
        }
        for layer, shape in shapes.items():
            if not layer.built:  # reloaded parts are
                layer.build(*shape)
        if self.tied == "none":
            self.output_kernel = self.add_weight(
                (self.decoder.readout, self.target_vocabulary), "glorot_uniform", name="output_kernel"
            )
        self.output_bias = self.add_weight((self.target_vocabulary,), "zeros", name="output_bias")
        self.built = True

    def train_step(self, data: Any) -> Any:
        """Take one step of training, wholly or not at all.

        At the end of an epoch Keras reads once more, in vain. Without the dependency the parts of a step that need no
        data, such as the seeds of dropout and the count of steps, might move all the same.
        """
        with tf.control_dependencies(tf.nest.flatten(data)):
            return super().train_step(data)

    def call(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        return self.forced(inputs["source"], inputs["target"], training)[0]

    def forced(self, source: tf.Tensor, target: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Read a given target: logits ``(batch, target, vocabulary)`` and alignment ``(batch, target, source)``."""
        annotations, state = self._read(source, training)
        words = self.drop_embedding(self.target_embedding(target), training=training)
        readouts, alignment = self.decoder(words, annotations, state, values_mask=source != 0, training=training)
        return self._logits(self.drop_output(readouts, training=training)), alignment

    def encode(self, source: tf.Tensor) -> Memory:
        """Read source ids ``(batch, source)`` once."""
        annotations, state = self._read(source, training=False)
        return self.decoder.remember(annotations, source != 0, summary=state)

    def initial_state(self, memory: Memory) -> Any:
        """Return the state before the first word."""
        return memory.summary

    def step(self, tokens: tf.Tensor, state: Any, memory: Memory) -> tuple[tf.Tensor, Any, tf.Tensor]:
        """Write one word.

        Arguments:
            tokens: the last words written, ``(batch,)``, ``<s>`` at first.
            state: from the step before.
            memory: from :meth:`encode`.

        Returns:
            Logits ``(batch, vocabulary)``, the next state, and the alignment ``(batch, source)``.
        """
        readout, state, alignment = self.decoder.step(self.target_embedding(tokens), state, memory)
        return self._logits(readout), state, alignment

    def _read(self, source: tf.Tensor, training: bool) -> tuple[tf.Tensor, Any]:
        words = self.drop_embedding(self.source_embedding(source), training=training)
        return self.encoder(words, mask=source != 0, training=training)

    def _logits(self, readouts: tf.Tensor) -> tf.Tensor:
        if self.tied == "none":
            return dense(readouts, self.output_kernel) + self.output_bias
        return dense(readouts, self.target_embedding.embeddings, transpose=True) + self.output_bias

    def get_config(self) -> dict[str, Any]:
        own = ("source_vocabulary", "target_vocabulary", "embedding", "tied", "embedding_dropout", "output_dropout")
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in ("encoder", "decoder")}
        return {**super().get_config(), **{name: getattr(self, name) for name in own}, **parts}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Seq2Seq:
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in ("encoder", "decoder")}
        return cls(**{**config, **parts})


def build_model(config: Config, source_vocabulary: int | None = None, target_vocabulary: int | None = None) -> Seq2Seq:
    """Make a model, with its weights, ready to compile and fit.

    Arguments:
        config: the whole configuration.
        source_vocabulary, target_vocabulary: numbers of pieces; ``text.vocabulary_size`` where they are not given.

    Raises:
        InputError: if no vocabulary size is given and the config's is ``auto``.

    >>> from nmt.config import Config, with_settings
    >>> config = with_settings(Config(), ["text.vocabulary_size=50", "model.units=8"])
    >>> build_model(config)({"source": tf.constant([[7, 9, 3]]), "target": tf.constant([[2, 5]])}).shape
    TensorShape([1, 2, 50])
    """
    size = config.text.vocabulary_size
    if size == "auto" and (source_vocabulary is None or target_vocabulary is None):
        raise InputError("text.vocabulary_size is 'auto', so build_model must be told the size of each vocabulary.")
    m = config.model
    model = Seq2Seq(
        source_vocabulary or int(size),
        target_vocabulary or int(size),
        m.embedding,
        Encoder(m.units, m.cell, m.encoder_layers, m.bidirectional, (m.units, m.decoder_layers), m.dropout),
        Decoder(
            m.units,
            m.embedding,
            BahdanauAttention(m.attention_units),
            m.cell,
            m.decoder_layers,
            m.dropout,
            m.context_dropout,
        ),
        m.tied,
        m.embedding_dropout,
        m.output_dropout,
    )
    model.build()
    return model


def _embedding(vocabulary: int, width: int, name: str) -> keras.layers.Embedding:
    # Tied to the output, larger numbers would make the first guesses needlessly sure.
    initializer = keras.initializers.RandomNormal(stddev=width**-0.5)
    return keras.layers.Embedding(vocabulary, width, initializer, name=name)
