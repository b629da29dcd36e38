"""From strings to labels in one graph. A labeller runs it, and an export stores it."""

from __future__ import annotations

import tensorflow as tf

from nmt.data.framing import framed
from nmt.data.labels import Reading
from nmt.data.tagged_pieces import split_tokens, tagged_pieces
from nmt.data.tokenizers import EOS, PAD, Tokenizers
from nmt.models.classifier import SequenceClassifier
from nmt.models.tagger import SequenceTagger

Outputs = dict[str, tf.Tensor]


class LabelGraph:
    """What a labeller does, on tensors of strings.

    Arguments:
        model: the trained model.
        tokenizers: those it was trained with.
        reading: what it labels.
    """

    def __init__(self, model: SequenceClassifier | SequenceTagger, tokenizers: Tokenizers, reading: Reading) -> None:
        self.model = model
        self.tokenizer = tokenizers.source
        self.reading = reading

    def label(self, texts: tf.Tensor, max_length: int | tf.Tensor) -> Outputs:
        """Label strings ``(batch,)``, of which ``max_length`` pieces are read.

        Returns:
            ``truncated`` ``(batch,)``, whether a text has more pieces. A classifier adds ``probabilities``
            ``(batch, labels)``, ``source`` ``(batch, source)``, the ids that were read with EOS, and ``attention``
            ``(batch, source)``, the weight of each. A tagger adds ``probabilities`` ``(batch, tokens, labels)``, zeros
            behind the tokens that were read, and ``tokens`` ``(batch, tokens)``, strings, empty ones behind them.
        """
        return self._tag(texts, max_length) if self.reading.tags else self._classify(texts, max_length)

    def _classify(self, texts: tf.Tensor, max_length: int | tf.Tensor) -> Outputs:
        assert isinstance(self.model, SequenceClassifier)
        pieces = self.tokenizer.encode(texts)
        read = pieces[:, :max_length]
        source = _with_eos(read)
        logits, weights = self.model.attend(source)
        return {
            "probabilities": tf.nn.softmax(logits),
            "source": source,
            "attention": weights,
            "truncated": pieces.row_lengths() > read.row_lengths(),
        }

    def _tag(self, texts: tf.Tensor, max_length: int | tf.Tensor) -> Outputs:
        tokens = split_tokens(texts, self.reading.characters)
        ids, places = tagged_pieces(self.tokenizer, tokens, self.reading.characters)
        limit = tf.cast(max_length, tf.int32)
        there = places < limit
        read, tokens = tf.ragged.boolean_mask(places, there), tf.ragged.boolean_mask(tokens, there)
        logits = self.model(_with_eos(ids[:, :max_length]))
        found = tf.gather(tf.nn.softmax(logits), read.to_tensor(0), axis=1, batch_dims=1)
        real = tf.sequence_mask(read.row_lengths(), tf.shape(found)[1])
        return {
            "probabilities": tf.where(tf.expand_dims(real, 2), found, 0.0),
            "tokens": tokens.to_tensor(""),
            "truncated": places.row_lengths() > read.row_lengths(),
        }


def _with_eos(ids: tf.RaggedTensor) -> tf.Tensor:
    """Return ids ``(batch, source)``, each row with EOS, then zeros."""
    return framed(ids, after=[EOS]).to_tensor(PAD)
