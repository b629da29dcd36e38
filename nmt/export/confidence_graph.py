"""The confidence of :mod:`nmt.evaluation.confidence` on tensors, for an export that needs no line of this package.

The words of both sides are those that their pieces spell. Where normalisation splits or joins words of a source, the
package goes by its text, and the confidence may be slightly another.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from nmt.data.tokenizers import Tokenizer, Tokenizers
from nmt.evaluation.confidence import LOWEST, UNREAD, Calibrated, Confidence

_SPACE = "▁"


class ConfidenceGraph:
    """Adds a confidence to the outputs of a search.

    Arguments:
        confidence: what the translator has learned.
        tokenizers: of the translator.
        aligned: whether its translations have an alignment.
    """

    def __init__(self, confidence: Confidence, tokenizers: Tokenizers, aligned: bool) -> None:
        self.confidence = confidence
        self.aligned = aligned
        self._source, self._target = (_Pieces(side) for side in (tokenizers.source, tokenizers.target))

    def __call__(self, outputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Return ``confidence`` ``(batch,)``, ``words`` and ``word_confidences`` ``(batch, words)``.

        Arguments:
            outputs: of :meth:`nmt.inference.graph.TranslationGraph.translate`; the best of each row is looked at.
        """
        tokens, lengths, unfinished = (outputs[name][:, 0] for name in ("tokens", "lengths", "unfinished"))
        lengths = tf.cast(lengths, tf.int32)
        target = self._target.words(tokens, lengths)
        rows = tf.shape(tokens)[0]
        scores = tf.maximum(tf.cast(outputs["token_scores"][:, 0], tf.float32), LOWEST)
        # The score of the end follows the last piece; one more column makes room for it.
        scores = tf.pad(scores, [[0, 0], [0, 1]])[:, : tf.shape(tokens)[1] + 1]
        number = lengths + tf.cast(~unfinished, tf.int32)
        scores = tf.where(tf.sequence_mask(number, tf.shape(scores)[1]), scores, 0.0)
        pieces = scores[:, :-1]
        count = tf.reduce_sum(target.member, 1)
        real = count > 0
        words = tf.reduce_sum(tf.cast(real, tf.float32), 1, keepdims=True)
        size = tf.maximum(count, 1.0)
        mean = tf.einsum("bjw,bj->bw", target.member, pieces) / size
        lowest = tf.reduce_min(tf.where(target.member > 0, pieces[:, :, None], 0.0), 1)
        before = tf.pad(scores, [[0, 0], [1, 0]])[:, : tf.shape(pieces)[1]]
        whole = tf.reduce_sum(scores, 1, keepdims=True) / tf.cast(tf.maximum(number, 1), tf.float32)[:, None]
        every = tf.ones_like(mean)
        evidence = [
            mean,
            lowest,
            tf.exp(lowest),
            tf.einsum("bjw,bj->bw", target.first, before),
            tf.einsum("bjw,bj->bw", target.last, scores[:, 1:]),
            whole * every,
            tf.math.log1p(words) * every,
        ]
        strongest, left_out = tf.zeros_like(mean), tf.zeros([rows])
        if self.aligned:
            source = self._source.words(outputs["source"], tf.cast(outputs["source_lengths"], tf.int32))
            weights = tf.cast(outputs["alignment"][:, 0], tf.float32)[:, : tf.shape(tokens)[1]]
            weights = tf.einsum("bjw,bji,biv->bwv", target.member, weights, source.member) / size[:, :, None]
            strongest = tf.reduce_max(weights, 2)
            taken = tf.reduce_sum(weights, 1)
            best = tf.gather(taken, tf.argmax(weights, 2), batch_dims=1)
            evidence += [strongest, 1 - tf.reduce_sum(weights, 2), best - strongest]
            read = tf.reduce_sum(source.member, 1) > 0
            unread = tf.reduce_sum(tf.cast(read & (taken < UNREAD), tf.float32), 1)
            left_out = unread / tf.maximum(tf.reduce_sum(tf.cast(read, tf.float32), 1), 1.0)
        else:
            evidence += [tf.zeros_like(mean)] * 3
        logits = _logit(self.confidence.word, evidence)
        shares = tf.where(real, _probability(self.confidence.word, logits), 0.0)
        least = words[:, 0]
        some = tf.maximum(least, 1.0)
        translation = [
            whole[:, 0],
            tf.reduce_min(scores, 1),
            tf.maximum(tf.reduce_sum(scores, 1), 10 * LOWEST),
            tf.math.log1p(least),
            tf.reduce_sum(tf.where(real, logits, 0.0), 1) / some,
            tf.reduce_min(tf.where(real, logits, np.inf), 1),
            tf.cast(unfinished, tf.float32),
            tf.reduce_sum(tf.where(real, strongest, 0.0), 1) / some,
            left_out,
        ]
        found = _probability(self.confidence.translation, _logit(self.confidence.translation, translation))
        return {
            "confidence": tf.where(least > 0, found, 0.0),
            "words": self._target.spelled(tokens, target, real),
            "word_confidences": shares,
        }


class _Words:
    """Which pieces belong to which word, each ``(batch, pieces, words)``, ones and zeros.

    Attributes:
        place: ``(batch, pieces)``, the word of each piece.
        member: all pieces of a word.
        first, last: its first and its last piece.
    """

    def __init__(self, place: tf.Tensor, real: tf.Tensor) -> None:
        width = tf.shape(place)[1]
        member = tf.one_hot(tf.where(real, place, -1), width)
        empty = tf.zeros_like(member[:, :1])
        self.place = place
        self.member = member
        self.first = member * (1 - tf.concat([empty, member[:, :-1]], 1))
        self.last = member * (1 - tf.concat([member[:, 1:], empty], 1))


class _Pieces:
    """The pieces of one side, by their ids."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        names = tokenizer.pieces(range(tokenizer.vocabulary))
        self._begins = np.array([name.startswith(_SPACE) for name in names])
        self._alone = np.array([bool(name) and not name.replace(_SPACE, "") for name in names])
        self._spelling = [name.replace(_SPACE, "") for name in names]

    def words(self, ids: tf.Tensor, lengths: tf.Tensor) -> _Words:
        """Return the words of ids ``(batch, pieces)``, of which ``lengths`` are real.

        As :func:`nmt.evaluation.alignment.words` does: a space alone belongs to the word that follows, or to the last.
        """
        real = tf.sequence_mask(lengths, tf.shape(ids)[1])
        begins, alone = tf.gather(self._begins, ids), tf.gather(self._alone, ids)
        # Spaces alone begin one word together.
        follows = tf.pad(alone, [[0, 0], [1, 0]])[:, : tf.shape(ids)[1]]
        first = tf.range(tf.shape(ids)[1])[None] == 0
        place = tf.cumsum(tf.cast((first | (begins & ~follows)) & real, tf.int32), 1) - 1
        # A word of nothing but spaces at the end is none.
        blank = tf.reduce_all(alone | ~real | (place < tf.reduce_max(place, 1, keepdims=True)), 1)
        most = tf.reduce_max(place, 1) - tf.cast(blank & (tf.reduce_max(place, 1) > 0), tf.int32)
        return _Words(tf.minimum(place, most[:, None]), real)

    def spelled(self, ids: tf.Tensor, words: _Words, real: tf.Tensor) -> tf.Tensor:
        """Return the words ``(batch, words)``; those that are not real are empty strings."""
        shape = tf.shape(ids)
        spelling = tf.gather(tf.constant(self._spelling), ids)
        spelling = tf.where(tf.reduce_sum(words.member, 2) > 0, spelling, "")
        places = tf.maximum(words.place, 0) + tf.range(shape[0])[:, None] * shape[1]
        joined = tf.strings.unsorted_segment_join(
            tf.reshape(spelling, [-1]), tf.reshape(places, [-1]), shape[0] * shape[1]
        )
        return tf.where(real, tf.reshape(joined, shape), "")


def _logit(part: Calibrated, evidence: Sequence[tf.Tensor]) -> tf.Tensor:
    factors = (part.weights / part.scale).astype(np.float32)
    bias = np.float32(part.bias - (part.center / part.scale * part.weights).sum())
    return tf.add_n([float(factor) * each for factor, each in zip(factors, evidence, strict=True)]) + bias


def _probability(part: Calibrated, logit: tf.Tensor) -> tf.Tensor:
    """Interpolate between the steps, as ``numpy.interp`` does."""
    x, y = part.logits.astype(np.float32), part.probabilities.astype(np.float32)
    if len(x) == 1:
        return tf.fill(tf.shape(logit), y[0])
    flat = tf.clip_by_value(tf.reshape(logit, [-1]), x[0], x[-1])
    after = tf.clip_by_value(tf.reduce_sum(tf.cast(x < flat[:, None], tf.int32), 1), 1, len(x) - 1)
    x0, x1, y0, y1 = (tf.gather(values, places) for values in (x, y) for places in (after - 1, after))
    return tf.reshape(y0 + (y1 - y0) * (flat - x0) / tf.maximum(x1 - x0, 1e-9), tf.shape(logit))
