"""Masked tokens: what an encoder learns from plain text. Devlin et al. 2019, https://arxiv.org/abs/1810.04805, 3.1.

In each text 15 % of the tokens are chosen, one at least. The encoder must name them, from a text in which 80 % of them
are masked, 10 % are another token, drawn at random, and 10 % are left as they are: it must know every token well.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from nmt.data.framing import fitting_rows, framed
from nmt.data.label_pipeline import NONE, SourcePipeline
from nmt.data.pipeline import as_written, bucket_by_length, encode_examples
from nmt.data.tokenizers import BOS, EOS, PAD

# An encoder never reads BOS, so it stands for [MASK]: the tokenizers need no further token.
MASK = BOS
CHOSEN, MASKED, DRAWN = 0.15, 0.8, 0.1
# Tokens that are never chosen or drawn: PAD, UNK, BOS and EOS.
_SPECIAL = 4


def mask_tokens(ids: tf.Tensor, vocabulary: int, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return what an encoder reads, and what it must write.

    Arguments:
        ids: padded with 0, each row with EOS, ``(batch, source)``.
        vocabulary: number of tokens.
        seed: two whole numbers, of the choice: the same ones choose the same tokens.

    Returns:
        The ids with some of them replaced, and the original ids at the places that were chosen, -1 everywhere else,
        both ``(batch, source)``.
    """
    shape = tf.shape(ids)
    order, kind, drawn = (
        tf.random.stateless_uniform(shape, seed + tf.constant([0, i << 40], seed.dtype)) for i in range(3)
    )
    real = ids >= _SPECIAL
    # The tokens with the smallest numbers are chosen, so each text has its share, whatever the numbers are.
    order = tf.where(real, order, 2.0)
    count = tf.reduce_sum(tf.cast(real, tf.float32), 1)
    wanted = tf.where(count > 0, tf.maximum(tf.round(CHOSEN * count), 1.0), 0.0)
    ranks = tf.argsort(tf.argsort(order, axis=1), axis=1)
    chosen = tf.cast(ranks, tf.float32) < tf.expand_dims(wanted, 1)
    others = tf.cast(drawn * tf.cast(vocabulary - _SPECIAL, tf.float32), ids.dtype) + _SPECIAL
    others = tf.minimum(others, vocabulary - 1)
    masked = tf.where(kind < MASKED, MASK, tf.where(kind < MASKED + DRAWN, others, ids))
    return tf.where(chosen, masked, ids), tf.where(chosen, ids, NONE)


@dataclass(frozen=True)
class MaskedPipeline(SourcePipeline):
    """Batches of plain text with masked tokens: ``({"source": ids}, labels)``.

    They are made as those of :class:`~nmt.data.pipeline.Pipeline`. An epoch chooses other tokens than the one before.
    Those of the development set are always the same.
    """

    @as_written
    def _batches(
        self, pairs: tf.data.Dataset, sampling: float, seed: tuple[int | tf.Tensor, ...] = ()
    ) -> tf.data.Dataset:
        tokenizer = self.tokenizers.source
        first, second = [tf.cast(part, tf.int64) for part in seed] or [tf.constant(0, tf.int64)] * 2

        def encode(drawn: tf.Tensor, sources: tf.Tensor, texts: tf.Tensor) -> tuple[tf.RaggedTensor]:
            ids = tokenizer.sample(texts, sampling, drawn) if sampling else tokenizer.encode(texts)
            return (framed(ids, after=[EOS], rows=fitting_rows(self.max_length, ids)),)

        def mask(number: tf.Tensor, parts: tuple[tf.Tensor]) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            inputs, labels = mask_tokens(parts[0], tokenizer.vocabulary, tf.stack([first * 1_000_003 + second, number]))
            return {"source": inputs}, labels

        batches = bucket_by_length(
            encode_examples(pairs, encode, seed),
            lambda ids: tf.size(ids, tf.int64),
            bounds=self.buckets.targets,
            batch_size=self.batch_size,
            batch_unit=self.batch_unit,
            shapes=lambda bound: ([bound],),
            padding=(PAD,),
        )
        return batches.enumerate().map(as_written(mask))
