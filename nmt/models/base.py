"""The base class of all models: target embeddings, a decoder, an output layer, and the step protocol of a search."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import keras
import tensorflow as tf

from nmt.layers.attention import Memory
from nmt.layers.recurrence import dense


class Encoded(NamedTuple):
    """The source as the encoder returns it. The decoder turns it into its memory.

    Attributes:
        annotations: ``(batch, source, width)``; ``None`` in a language model.
        initial_state: the initial state of the decoder; ``None`` for zeros.
        mask: ``(batch, source)``, true at real tokens; ``None`` in a language model.
    """

    annotations: Any = None
    initial_state: Any = None
    mask: Any = None


class TokenWeights(NamedTuple):
    """The weights of some target tokens.

    Attributes:
        vectors: ``(tokens, embedding)``, what the decoder reads.
        kernel, bias: ``(tokens, readout)`` and ``(tokens,)``, what the output layer computes their logits with.
    """

    vectors: tf.Tensor
    kernel: tf.Tensor
    bias: tf.Tensor


class TextModel(keras.Model):
    """A model that writes text token by token: target embeddings, a decoder, an output layer.

    The step protocol is all that a search needs::

        memory = model.encode(source_ids)
        state = model.initial_state(memory, max_steps)
        logits, state, alignment = model.step(token_ids, state, memory)

    Arguments:
        vocabulary: number of target tokens; id 0 is padding.
        embedding: width of a token vector.
        decoder: a :class:`Decoder` or :class:`TransformerDecoder`.
        tied: ``none``, or ``output``: the output layer uses the target embeddings.
        embedding_dropout, output_dropout: shares of units dropped from token vectors and from the readout.
        word_dropout: share ``p`` of tokens whose whole vector is dropped in training: ``x_t m_t / (1 - p)`` with
            ``m_t`` 1 with probability ``1 - p``, else 0, drawn for each place (Sennrich et al. 2016,
            https://arxiv.org/abs/1606.02891).

    Raises:
        ValueError: if ``tied`` is unknown, or the output is tied, and a readout is not as wide as a token vector.
    """

    # The values of ``tied``.
    ties: ClassVar[tuple[str, ...]] = ("none", "output")

    def __init__(
        self,
        vocabulary: int,
        embedding: int,
        decoder: Any,
        tied: str = "output",
        embedding_dropout: float = 0.0,
        output_dropout: float = 0.0,
        word_dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if tied not in self.ties:
            raise ValueError(f"tied of a {type(self).__name__} cannot be '{tied}'. Known: {', '.join(self.ties)}.")
        if tied != "none" and decoder.readout != embedding:
            raise ValueError(
                f"A tied output needs a readout as wide as an embedding, {embedding}, not {decoder.readout}."
            )
        self.embedding = embedding
        self.embedding_dropout = embedding_dropout
        self.output_dropout = output_dropout
        self.word_dropout = word_dropout
        self.decoder = decoder
        self.tied = tied
        self.tied_output = tied != "none"
        self.target_embedding = embedding_layer(vocabulary, embedding, "target_embedding", self.dtype_policy)
        self.drop_embedding = keras.layers.Dropout(embedding_dropout, dtype=self.dtype_policy)
        self.drop_words = keras.layers.Dropout(word_dropout, noise_shape=(None, None, 1), dtype=self.dtype_policy)
        self.drop_output = keras.layers.Dropout(output_dropout, dtype=self.dtype_policy)
        # For scheduled sampling in training. If it were created elsewhere, the order in which seeds are drawn would
        # change, hence the initial weights of every model, and the order of variables in checkpoints.
        self.sampling_seed = keras.random.SeedGenerator()

    @property
    def aligned(self) -> bool:
        """Whether there is an alignment."""
        return self.decoder.aligned

    def build(self, input_shape: Any = None) -> None:
        """Create the embeddings and the output layer. A subclass builds its other layers first."""
        vocabulary = self.target_embedding.input_dim
        build_once(self.target_embedding)
        if not self.tied_output:
            self.output_kernel = self.add_weight(
                (self.decoder.readout, vocabulary), "glorot_uniform", name="output_kernel"
            )
        self.output_bias = self.add_weight((vocabulary,), "zeros", name="output_bias")
        self.built = True

    def call(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        logits, _ = self.teacher_forcing(inputs.get("source"), inputs["target"], training)
        return logits

    def teacher_forcing(
        self, source: tf.Tensor | None, target: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Read a given target.

        Arguments:
            source: ids ``(batch, source)``; not used by a language model.
            target: ids ``(batch, target)``, beginning with BOS.
            training: whether units are dropped.

        Returns:
            Logits ``(batch, target, vocabulary)`` and the alignment ``(batch, target, source)``.
        """
        return self.run_decoder(target, self.run_encoder(source, training), training)

    def initial_state(self, memory: Memory, max_steps: int | tf.Tensor | None = None) -> Any:
        """Return the state before the first step. A Transformer needs ``max_steps``, the maximum number of steps."""
        return self.decoder.initial_state(memory, max_steps)

    def step(
        self, tokens: tf.Tensor, state: Any, memory: Memory, weights: TokenWeights | None = None
    ) -> tuple[tf.Tensor, Any, tf.Tensor]:
        """Compute one step.

        Arguments:
            tokens: the last tokens written, ``(batch,)``, BOS at first.
            state: from the step before.
            memory: from ``encode``.
            weights: of the tokens that a search is limited to, from :meth:`token_weights`. Then a token is an index
                among them, and there are logits for them alone.

        Returns:
            Logits ``(batch, vocabulary)``, the next state, and the alignment ``(batch, source)``.
        """
        readout, state, alignment = self.read_token(tokens, state, memory, weights)
        return self.write_token(readout, weights), state, alignment

    def read_token(
        self, tokens: tf.Tensor, state: Any, memory: Memory, weights: TokenWeights | None = None
    ) -> tuple[tf.Tensor, Any, tf.Tensor]:
        """Compute a step as far as its readout ``(batch, readout)``; also the next state and the alignment."""
        vectors = self.target_embedding(tokens) if weights is None else tf.gather(weights.vectors, tokens)
        return self.decoder.step(vectors, state, memory)

    def write_token(self, readouts: tf.Tensor, weights: TokenWeights | None = None) -> tf.Tensor:
        """Return the logits ``(…, vocabulary)`` of readouts ``(…, readout)``."""
        if weights is None:
            return self._logits(readouts)
        return dense(readouts, weights.kernel, transpose=True) + weights.bias

    def score_pairs(self, source: tf.Tensor | None, read: tf.Tensor, written: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the logits of given translations, and the alignment of the tokens that are written.

        Arguments:
            source: ids ``(batch, source)``.
            read: ids ``(batch, target)``, beginning with BOS.
            written: the same one place later, ``(batch, target)``. An alignment head reads them; this model does not.
        """
        return self.teacher_forcing(source, read)

    def token_weights(self, tokens: tf.Tensor) -> TokenWeights:
        """Return the weights of some target tokens, ``(tokens,)``, for :meth:`step`."""
        vectors = tf.gather(self.target_embedding.embeddings, tokens)
        kernel = vectors if self.tied_output else tf.gather(tf.transpose(self.output_kernel), tokens)
        parts = (vectors, kernel, tf.gather(self.output_bias, tokens))
        return TokenWeights(*(tf.cast(part, self.compute_dtype) for part in parts))

    def run_encoder(self, source: tf.Tensor | None, training: bool = False) -> Encoded:
        """Encode source ids ``(batch, source)``; a language model ignores them."""
        raise TypeError("Use Seq2Seq, CaptionModel or LanguageModel.")

    def run_decoder(self, target: tf.Tensor, encoded: Encoded, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the logits ``(batch, target, vocabulary)`` and the alignment of target ids ``(batch, target)``."""
        readouts, alignment = self.read_target(target, encoded, training)
        return self._logits(readouts), alignment

    def read_target(self, target: tf.Tensor, encoded: Encoded, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Return what the output layer reads ``(batch, target, readout)``, and the alignment of target ids."""
        vectors = self._vectors(self.target_embedding, target, training)
        readouts, alignment = self.decoder(
            vectors, encoded.annotations, encoded.initial_state, values_mask=encoded.mask, training=training
        )
        return self.drop_output(readouts, training=training), alignment

    def _vectors(self, embedding: keras.layers.Embedding, ids: tf.Tensor, training: bool) -> tf.Tensor:
        """Return token vectors ``(batch, time, embedding)`` for ids ``(batch, time)``."""
        vectors = self.drop_embedding(embedding(ids), training=training)
        return self.drop_words(vectors, training=training) if self.word_dropout else vectors

    def _logits(self, readouts: tf.Tensor) -> tf.Tensor:
        """Return logits ``(…, vocabulary)`` for readouts ``(…, readout)``."""
        return dense(readouts, self.output_matrix, transpose=self.tied_output) + self.output_bias

    @property
    def output_matrix(self) -> Any:
        """The matrix of the output layer: ``(readout, vocabulary)``, or if it is tied ``(vocabulary, readout)``."""
        return self.target_embedding.embeddings if self.tied_output else self.output_kernel

    def get_config(self) -> dict[str, Any]:
        own = ("embedding", "tied", "embedding_dropout", "output_dropout", "word_dropout")
        part = keras.saving.serialize_keras_object(self.decoder)
        return {**super().get_config(), **{name: getattr(self, name) for name in own}, "decoder": part}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> TextModel:
        parts: dict[str, Any] = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("encoder", "decoder")
            if name in config
        }
        return cls(**{**config, **parts})


def build_once(layer: keras.layers.Layer, *shapes: tuple) -> None:
    """Build a layer for inputs of these shapes, unless it is built already, as one from a saved model is."""
    if not layer.built:
        layer.build(*shapes or [()])


def embedding_layer(vocabulary: int, width: int, name: str, dtype: Any) -> keras.layers.Embedding:
    """Return a new embedding of ``vocabulary`` tokens, ``width`` numbers each."""
    # With a tied output, larger numbers would make the first predictions overconfident.
    initializer = keras.initializers.RandomNormal(stddev=width**-0.5)
    return keras.layers.Embedding(vocabulary, width, initializer, name=name, dtype=dtype)
