"""What every model shares: target embeddings, a decoder, an output layer, and the step protocol of a search."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.layers.attention import Memory
from nmt.layers.recurrence import dense


class TextModel(keras.Model):
    """What writes text word by word: target embeddings, a decoder, an output layer.

    The step protocol is all that a search needs::

        memory = model.encode(source_ids)
        state = model.initial_state(memory, room)
        logits, state, alignment = model.step(token_ids, state, memory)

    Arguments:
        vocabulary: number of target pieces; id 0 is padding.
        embedding: width of a word vector.
        decoder: a :class:`Decoder` or :class:`TransformerDecoder`.
        tied: whether the output layer uses the target embeddings.
        embedding_dropout, output_dropout: shares of units dropped from word vectors and from the readout.
        word_dropout: share of words whose whole vector is dropped.
    """

    def __init__(
        self,
        vocabulary: int,
        embedding: int,
        decoder: Any,
        tied: bool,
        embedding_dropout: float,
        output_dropout: float,
        word_dropout: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if tied and decoder.readout != embedding:
            raise ValueError(
                f"A tied output needs a readout as wide as an embedding, {embedding}, not {decoder.readout}."
            )
        self.embedding = embedding
        self.embedding_dropout = embedding_dropout
        self.output_dropout = output_dropout
        self.word_dropout = word_dropout
        self.decoder = decoder
        self.tied_output = tied
        self.target_embedding = embedding_layer(vocabulary, embedding, "target_embedding", self.dtype_policy)
        self.drop_embedding = keras.layers.Dropout(embedding_dropout, dtype=self.dtype_policy)
        self.drop_words = keras.layers.Dropout(word_dropout, noise_shape=(None, None, 1), dtype=self.dtype_policy)
        self.drop_output = keras.layers.Dropout(output_dropout, dtype=self.dtype_policy)
        self.guess_seeds = keras.random.SeedGenerator()
        self.sampling_share: tf.Variable | None = None
        # What shows the attention where to look, in training: nmt.training.alignment_loss.Guidance.
        self.guidance: Any = None

    @property
    def aligned(self) -> bool:
        """Whether its steps have an alignment."""
        return self.decoder.aligned

    def build(self, input_shape: Any = None) -> None:
        vocabulary = self.target_embedding.input_dim
        words = (None, None, self.embedding)
        parts = self._parts(words)
        parts[self.target_embedding] = [()]
        for layer, shape in parts.items():
            if not layer.built:  # reloaded parts are
                layer.build(*shape)
        if not self.tied_output:
            self.output_kernel = self.add_weight(
                (self.decoder.readout, vocabulary), "glorot_uniform", name="output_kernel"
            )
        self.output_bias = self.add_weight((vocabulary,), "zeros", name="output_bias")
        self.built = True

    def _parts(self, words: tuple) -> dict[keras.layers.Layer, list[tuple]]:
        """Return the layers to be built and the shapes of what they read, for word vectors of shape ``words``."""
        raise TypeError("Use Seq2Seq or LanguageModel.")

    def train_step(self, data: Any) -> Any:
        """Take one step of training, wholly or not at all.

        At the end of an epoch Keras reads once more, in vain. Without the dependency the parts of a step that need no
        data, such as the seeds of dropout and the count of steps, might move all the same.
        """
        with tf.control_dependencies([part for part in tf.nest.flatten(data) if part is not None]):
            return super().train_step(data)

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Build nothing: all is built.

        With several devices Keras would take a batch for it and average the parts of the devices, which need not be of
        one size.
        """

    def call(self, inputs: dict[str, tf.Tensor], training: bool = False) -> Any:
        logits, alignment = self.teacher_forcing(inputs.get("source"), inputs["target"], training)
        return (logits, alignment) if self._guided(inputs) else logits

    def _guided(self, inputs: dict[str, tf.Tensor]) -> bool:
        """Tell whether the alignment is to be measured, too. Then it is given out beside the logits.

        It could not wait in the model for the loss: several devices would find each other's.
        """
        return self.guidance is not None and "links" in inputs

    @property
    def metrics(self) -> list[Any]:
        """What Keras resets and reports."""
        return super().metrics + ([] if self.guidance is None else [self.guidance.metric])

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> tf.Tensor:
        if not self._guided(x):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        logits, alignment = y_pred
        loss = super().compute_loss(x, y, logits, sample_weight, training)
        return loss + self.guidance.loss(x["links"], alignment)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        if self._guided(x):
            y_pred, alignment = y_pred
            self.guidance.metric.update_state(x["links"], alignment)
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def teacher_forcing(
        self, source: tf.Tensor | None, target: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Read a given target: logits ``(batch, target, vocabulary)`` and alignment ``(batch, target, source)``."""
        memory = self._read(source, training)
        if training and self.sampling_share is not None:
            target = self.sampled(target, self._write(target, *memory, training=False)[0])
        return self._write(target, *memory, training=training)

    def schedule_sampling(self) -> None:
        """Let training mix the model's own guesses into what it reads, a share of ``sampling_share``, 0 at first."""
        # It is set anew for each epoch, and no part of what was learned.
        self.sampling_share = tf.Variable(0.0, trainable=False)

    def sampled(self, target: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Replace a share of the words that will be read by the model's own guesses of them.

        Scheduled sampling, Bengio et al. 2015, https://arxiv.org/abs/1506.03099, in the parallel form of Duckworth et
        al. 2019, https://arxiv.org/abs/1906.04331: the guesses are made in one pass over the true words, so that no
        word has to wait for the one before. The share is ``sampling_share``.

        Arguments:
            target: ``<s> y_1 … y_n``, shape ``(batch, target)``.
            logits: the scores of ``y_1 … y_n </s>``, shape ``(batch, target, vocabulary)``.
        """
        # The word read at place t was guessed at place t - 1.
        guesses = tf.argmax(logits, -1, output_type=target.dtype)[:, :-1]
        guesses = tf.concat([target[:, :1], guesses], 1)
        share = tf.cast(tf.convert_to_tensor(self.sampling_share), tf.float32)
        chosen = keras.random.uniform(tf.shape(target), dtype="float32", seed=self.guess_seeds) < share
        first = tf.range(tf.shape(target)[1]) == 0
        return tf.stop_gradient(tf.where(chosen & (target != 0) & ~first, guesses, target))

    def initial_state(self, memory: Memory, max_steps: int | tf.Tensor | None = None) -> Any:
        """Return the state before the first word, with room for so many words where a state needs it."""
        return self.decoder.initial_state(memory, max_steps)

    def step(self, tokens: tf.Tensor, state: Any, memory: Memory) -> tuple[tf.Tensor, Any, tf.Tensor]:
        """Write one word.

        Arguments:
            tokens: the last words written, ``(batch,)``, ``<s>`` at first.
            state: from the step before.
            memory: from ``encode``.

        Returns:
            Logits ``(batch, vocabulary)``, the next state, and the alignment ``(batch, source)``.
        """
        readout, state, alignment = self.decoder.step(self.target_embedding(tokens), state, memory)
        return self._logits(readout), state, alignment

    def _read(self, source: tf.Tensor | None, training: bool) -> tuple[Any, Any, Any]:
        """Return annotations, the decoder's first state, and the mask of the source."""
        raise TypeError("Use Seq2Seq or LanguageModel.")

    def _write(
        self, target: tf.Tensor, annotations: Any, state: Any, mask: Any, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        words = self._words(self.target_embedding, target, training)
        if state is None:
            state = self.decoder.zero_state(words)
        readouts, alignment = self.decoder(words, annotations, state, values_mask=mask, training=training)
        return self._logits(self.drop_output(readouts, training=training)), alignment

    def _words(self, embedding: keras.layers.Embedding, ids: tf.Tensor, training: bool) -> tf.Tensor:
        words = self.drop_embedding(embedding(ids), training=training)
        return self.drop_words(words, training=training) if self.word_dropout else words

    def _logits(self, readouts: tf.Tensor) -> tf.Tensor:
        if not self.tied_output:
            return dense(readouts, self.output_kernel) + self.output_bias
        return dense(readouts, self.target_embedding.embeddings, transpose=True) + self.output_bias

    def get_config(self) -> dict[str, Any]:
        own = ("embedding", "embedding_dropout", "output_dropout", "word_dropout")
        part = keras.saving.serialize_keras_object(self.decoder)
        return {**super().get_config(), **{name: getattr(self, name) for name in own}, "decoder": part}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> TextModel:
        parts: dict[str, Any] = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("encoder", "decoder")
            if name in config
        }
        return cls(**{**config, **parts})


def embedding_layer(vocabulary: int, width: int, name: str, dtype: Any) -> keras.layers.Embedding:
    """Make the embedding of ``vocabulary`` tokens, ``width`` numbers each."""
    # Tied to the output, larger numbers would make the first guesses needlessly sure.
    initializer = keras.initializers.RandomNormal(stddev=width**-0.5)
    return keras.layers.Embedding(vocabulary, width, initializer, name=name, dtype=dtype)
