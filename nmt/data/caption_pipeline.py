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
from nmt.data.pipeline import Pipeline, shift
from nmt.data.tokenizers import BOS, EOS, PAD, Tokenizer
from nmt.tf_import import as_written

_TOGETHER, _COUNTED = 256, 4096


def caption_lengths(
    pairs: Iterable[Sequence[Any]], tokenizer: Tokenizer, cells: int, max_length: int
) -> Iterator[np.ndarray]:
    """Yield, thousands at a time, ``(captions, 2)``: the cells and the pieces, each with one more for an end.

    Captions that are blank or longer than ``max_length`` are left out. No graph is built.
    """
    pairs = iter(pairs)
    while rows := list(itertools.islice(pairs, _COUNTED)):
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

        def read(number: tf.Tensor, rows: tuple[tf.Tensor, ...]) -> tuple[Any, Any]:
            numbers, captions = rows
            drawn = tf.stack([*(tf.cast(part, tf.int64) for part in seed), number])
            y = tokenizer.sample(captions, sampling, drawn) if sampling else tokenizer.encode(captions)
            fits = (y.row_lengths() > 0) & (y.row_lengths() <= self.max_length)
            y = tf.ragged.boolean_mask(y, fits)
            ends = [tf.fill([y.nrows(), 1], token) for token in (BOS, EOS)]
            ids = tf.concat([ends[0], y, ends[1]], 1)
            return tf.boolean_mask(tf.strings.to_number(numbers, tf.int64), fits), ids

        rows = pairs.batch(_TOGETHER).enumerate().map(as_written(read), num_parallel_calls=2, deterministic=True)
        # A row of a ragged tensor is still called ragged, which padded_batch refuses.
        examples = rows.unbatch().map(lambda *parts: tuple(tf.convert_to_tensor(part) for part in parts))
        return self._bucketed(examples)

    def _bucketed(self, examples: tf.data.Dataset) -> tf.data.Dataset:
        """Group captions of similar length into padded batches, each with its rows of features."""
        bounds = tf.constant(self.buckets.targets, tf.int64)

        def place(number: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
            return tf.cast(tf.searchsorted(bounds, [tf.size(ids, tf.int64) - 1])[0], tf.int64)

        def size(key: tf.Tensor) -> tf.Tensor:
            if self.batch_unit == "sentences":
                return tf.constant(self.batch_size, tf.int64)
            return tf.maximum(self.batch_size // bounds[key], 1)

        def batch(key: tf.Tensor, group: tf.data.Dataset) -> tf.data.Dataset:
            return group.padded_batch(size(key), ([], [bounds[key] + 1]), (np.int64(0), PAD))

        assert self.features is not None
        features = self.features

        def look_up(numbers: tf.Tensor, ids: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            found = tf.numpy_function(features.rows, [numbers], tf.float32, stateful=False)
            found.set_shape([None, features.cells, features.width])
            return shift(found, ids)

        batches = examples.group_by_window(as_written(place), as_written(batch), window_size_func=as_written(size))
        return batches.map(as_written(look_up))
