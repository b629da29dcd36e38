"""From features to hypotheses in one graph. A captioner runs it, and an export stores it."""

from __future__ import annotations

from functools import partial

import tensorflow as tf

from nmt.config import Decoding
from nmt.data.tokenizers import UNK, Tokenizers
from nmt.decoding.strategies import constraints_for, with_spares
from nmt.inference.graph import Outputs, score_pieces, search_tokens, written_texts
from nmt.models.caption_model import CaptionModel


class CaptionGraph:
    """What a captioner does, on tensors.

    Both methods return the fields of :class:`~nmt.decoding.search.Hypotheses`, ``text`` ``(batch, n_best)``, and
    ``unfinished`` ``(batch, n_best)``, whether a hypothesis has no EOS, because it reached its maximum length.

    Arguments:
        model: the trained model.
        tokenizers: those it was trained with.
    """

    def __init__(self, model: CaptionModel, tokenizers: Tokenizers) -> None:
        self.model = model
        self.tokenizers = tokenizers

    def caption(self, settings: Decoding, features: tf.Tensor, numbers: tf.Tensor) -> Outputs:
        """Describe features ``(batch, cells, width)``.

        Arguments:
            settings: the section ``decoding`` of a config.
            features: what is described.
            numbers: the random numbers of sampling, see :func:`~nmt.decoding.strategies.numbers_for`.
        """
        shape = tf.shape(features)
        lengths = tf.fill([shape[0]], shape[1])
        constraints = constraints_for(settings, lengths, None, unknown=UNK, space=self.tokenizers.target.space)
        mask = tf.ones([shape[0], shape[1] if self.model.aligned else 0], tf.bool)
        memory = self.model.encode(features)
        found = search_tokens(
            self.model, with_spares(settings), memory, mask=mask, constraints=constraints, numbers=numbers
        )
        return written_texts(settings, self.tokenizers, found, constraints)

    def score(self, features: tf.Tensor, captions: tf.Tensor, max_length: tf.Tensor) -> Outputs:
        """Score ``captions`` ``(batch,)`` of features, of each of which ``max_length``, ``()``, pieces are read."""
        pieces = self.tokenizers.target.encode(captions)
        scored = score_pieces(partial(self.model.score_pairs, features), pieces, max_length)
        return {**scored, "text": tf.expand_dims(captions, 1)}
