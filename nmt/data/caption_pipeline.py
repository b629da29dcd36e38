"""From captions of features to batches, ``({"source": x, "target": ids}, ids)``, on the way of any pipeline.

Rows of features are looked up when a batch is complete: what is shuffled is their numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from nmt.data.features import Features
from nmt.data.framing import fitting_rows, framed
from nmt.data.pipeline import COUNTED, Pipeline, bucket_by_length, encode_examples, shift
from nmt.data.tokenizers import BOS, EOS, PAD, Tokenizer
from nmt.tf_import import as_written


def caption_lengths(
    pairs: Iterable[Sequence[Any]], tokenizer: Tokenizer, cells: int, max_length: int
) -> Iterator[np.ndarray]:
    """Yield, thousands at a time, ``(captions, 2)``: the cells and the pieces, each with one more for an end.

    Captions that are blank or longer than ``max_length`` are left out. No graph is built.
    """
    pairs = iter(pairs)
    while rows := list(itertools.islice(pairs, COUNTED)):
        found = np.asarray(tokenizer.lengths([row[1] for row in rows]))
        kept = found[(found > 0) & (found <= max_length)] + 1
        yield np.stack([np.full_like(kept, cells + 1), kept], 1)


@dataclass(frozen=True)
class CaptionPipeline(Pipeline):
    """Batches of captions for training; see :class:`~nmt.data.pipeline.Pipeline`.

    Attributes:
        features: those that the sources number.
    """

    features: Features | None = None

    @as_written
    def _batches(
        self, pairs: tf.data.Dataset, sampling: float, seed: tuple[int | tf.Tensor, ...] = ()
    ) -> tf.data.Dataset:
        tokenizer = self.tokenizers.target
        assert self.features is not None
        features = self.features

        def encode(drawn: tf.Tensor, numbers: tf.Tensor, captions: tf.Tensor) -> tuple[Any, Any]:
            y = tokenizer.sample(captions, sampling, drawn) if sampling else tokenizer.encode(captions)
            rows = fitting_rows(self.max_length, y)
            ids = framed(y, before=[BOS], after=[EOS], rows=rows)
            return tf.gather(tf.strings.to_number(numbers, tf.int64), rows), ids

        def look_up(numbers: tf.Tensor, ids: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            found = tf.numpy_function(features.rows, [numbers], tf.float32, stateful=False)
            found.set_shape([None, features.cells, features.width])
            return shift(found, ids)

        batches = bucket_by_length(
            encode_examples(pairs, encode, seed),
            lambda number, ids: tf.size(ids, tf.int64) - 1,
            bounds=self.buckets.targets,
            batch_size=self.batch_size,
            batch_unit=self.batch_unit,
            shapes=lambda bound: ([], [bound + 1]),
            padding=(np.int64(0), PAD),
        )
        return batches.map(as_written(look_up))
