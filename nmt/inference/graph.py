"""The whole way in one graph: strings in, hypotheses out. The translator runs it, and an export stores it."""

from __future__ import annotations

import tensorflow as tf

from nmt.config import Decoding
from nmt.data.tokenizers import BOS, EOS, PAD, Tokenizers
from nmt.decoding.ensemble import Ensemble
from nmt.decoding.search import Hypotheses
from nmt.decoding.strategies import constraints_for, find
from nmt.models.seq2seq import Seq2Seq


class Graph:
    """What a model and its tokenizers do to tensors of strings.

    Both ways return the fields of :class:`~nmt.decoding.search.Hypotheses`, and with them:

    - ``source`` ``(batch, source)``: the ids that were read, each row with the end token, then zeros;
    - ``source_lengths`` ``(batch,)``: how many there are before the end token;
    - ``truncated`` ``(batch,)``: whether a text was longer than what is read of it;
    - ``cut`` ``(batch, best)``: whether a hypothesis has no end token.

    Arguments:
        model: the trained model, or several that write together.
        text: the tokenizers it was trained with.
    """

    def __init__(self, model: Seq2Seq | Ensemble, tokenizers: Tokenizers) -> None:
        self.model = model
        self.tokenizers = tokenizers

    def translate(
        self, how: Decoding, prefixed: bool, texts: tf.Tensor, prefixes: tf.Tensor, numbers: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Translate strings ``(batch,)``.

        Arguments:
            how: the section ``decoding`` of a config.
            prefixed: whether translations begin with ``prefixes``.
            texts, prefixes: ``(batch,)``.
            numbers: the draws of sampling, see :func:`~nmt.decoding.strategies.numbers_for`.

        Returns:
            Beside the rest ``text`` ``(batch, best)`` and ``begun`` ``(batch,)``, the prefixes as the pieces spell
            them.
        """
        source, lengths, truncated = self._read(texts, how.max_length)
        memory = self.model.encode(source)
        begun = self.tokenizers.target.encode(prefixes) if prefixed else None
        constraints = constraints_for(how, lengths, begun)
        # The end of the source is looked at when no word is meant: it need not be covered.
        mask = (source != PAD) & (source != EOS)
        mask = mask if self.model.aligned else mask[:, :0]
        found = find(self.model, how, memory, mask, constraints, numbers, BOS, EOS)
        outputs = _outputs(found, source, lengths, truncated)
        cut = found.lengths >= tf.expand_dims(constraints.most, 1)
        begin = self.tokenizers.target.decode(begun) if prefixed else tf.fill(tf.shape(texts), "")
        return {**outputs, "text": self._written(found), "begun": begin, "cut": cut}

    def force(self, sources: tf.Tensor, targets: tf.Tensor, most: tf.Tensor) -> dict[str, tf.Tensor]:
        """Score strings ``(batch,)`` as the translations of others, ``most`` pieces of each side."""
        source, lengths, truncated = self._read(sources, most)
        pieces = self.tokenizers.target.encode(targets)
        kept = pieces[:, :most]
        rows, whole = kept.nrows(), pieces.row_lengths() == kept.row_lengths()
        # What was cut does not end here.
        end = tf.RaggedTensor.from_row_lengths(
            tf.fill([tf.math.count_nonzero(whole, dtype=tf.int32)], EOS), tf.cast(whole, tf.int64)
        )
        written = _padded(tf.concat([kept, end], 1))
        begun = _padded(tf.concat([tf.fill([rows, 1], BOS), kept], 1))[:, : tf.shape(written)[1]]
        logits, alignment = self.model.teacher_forcing(source, begun)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(written, tf.cast(logits, tf.float32))
        token_scores = tf.where(written != PAD, -losses, 0.0)
        scores = tf.reduce_sum(token_scores, 1)
        parts = (kept.to_tensor(PAD), kept.row_lengths(), scores, scores, token_scores, alignment)
        found = Hypotheses(*(tf.expand_dims(part, 1) for part in parts))
        outputs = _outputs(found, source, lengths, truncated | ~whole)
        return {**outputs, "cut": tf.expand_dims(~whole, 1)}

    def _read(self, texts: tf.Tensor, most: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return source ids with the end token, the numbers of pieces before it, and whether a text was cut."""
        pieces = self.tokenizers.source.encode(texts)
        read = pieces[:, :most]
        source = _padded(tf.concat([read, tf.fill([read.nrows(), 1], EOS)], 1))
        return source, tf.cast(read.row_lengths(), tf.int32), pieces.row_lengths() > read.row_lengths()

    def _written(self, found: Hypotheses) -> tf.Tensor:
        """Return the texts ``(batch, best)`` of hypotheses."""
        shape = tf.shape(found.lengths)
        flat = tf.reshape(found.tokens, [shape[0] * shape[1], tf.shape(found.tokens)[2]])
        written = tf.RaggedTensor.from_tensor(flat, lengths=tf.reshape(found.lengths, [-1]))
        return tf.reshape(self.tokenizers.target.decode(written), shape)


def _padded(ids: tf.RaggedTensor) -> tf.Tensor:
    """Return ids ``(batch, None)`` as a tensor that has a column even where it has no row."""
    tensor = ids.to_tensor(PAD)
    return tf.pad(tensor, [[0, 0], [0, tf.maximum(1 - tf.shape(tensor)[1], 0)]])


def _outputs(found: Hypotheses, source: tf.Tensor, lengths: tf.Tensor, truncated: tf.Tensor) -> dict[str, tf.Tensor]:
    return {**found._asdict(), "source": source, "source_lengths": lengths, "truncated": truncated}
