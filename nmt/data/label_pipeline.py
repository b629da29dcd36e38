"""From labelled texts to batches, on the way of :mod:`nmt.data.pipeline`: ``({"source": ids}, labels)``.

The labels of a classifier are numbers ``(batch,)``. Those of a tagger are ``(batch, source)``: the number of its label
at the piece that stands for a token, and -1 everywhere else, which the loss leaves out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from nmt.data.framing import fitting_rows, framed
from nmt.data.labels import Labels, Reading, is_blank
from nmt.data.pipeline import COUNTED, Pipeline, as_written, bucket_by_length, encode_examples
from nmt.data.tagged_pieces import split_tokens, tagged_pieces
from nmt.data.tokenizers import EOS, PAD, Tokenizer

# The label of what has none.
NONE = -1


def label_lengths(
    pairs: Iterable[Sequence[Any]], tokenizer: Tokenizer, reading: Reading, max_length: int
) -> Iterator[np.ndarray]:
    """Yield, thousands at a time, ``(texts, 2)``: a one, and the number of pieces of a text with its end.

    Texts that are blank or longer than ``max_length`` are left out. No graph is built.
    """
    pairs = iter(pairs)
    while rows := list(itertools.islice(pairs, COUNTED)):
        texts = [row[0] if isinstance(row[0], str) else row[0].decode("utf-8", "replace") for row in rows]
        if not reading.tags:
            found = np.asarray(tokenizer.lengths(texts))
        elif reading.characters:
            found = np.array([len(text) for text in texts])
        else:
            words = [reading.tokens(text) for text in texts]
            flat = np.maximum(tokenizer.lengths([word for each in words for word in each] or [""]), 1)
            ends = np.cumsum([0, *map(len, words)])
            found = np.array([flat[a:b].sum() for a, b in itertools.pairwise(ends)])
        there = np.array([not is_blank(text) for text in texts])
        kept = found[there & (found > 0) & (found <= max_length)] + 1
        yield np.stack([np.ones_like(kept), kept], 1)


class SourcePipeline(Pipeline):
    """Batches whose shape is that of the source alone: what an encoder writes has a place for each token, or one."""

    nothing: ClassVar[int] = NONE

    @property
    def shapes(self) -> int:
        return len(self.buckets.targets)

    def bound(self, inputs: dict[str, tf.Tensor], output: tf.Tensor) -> tf.Tensor:
        return tf.shape(inputs["source"], tf.int64)[1]

    def shape_of(self, batch: Any) -> int:
        return int(np.searchsorted(self.buckets.targets, batch[0]["source"].shape[1]))


@dataclass(frozen=True)
class LabelPipeline(SourcePipeline):
    """Batches of labelled texts for training; see :class:`~nmt.data.pipeline.Pipeline`.

    Attributes:
        labels: of the model.
        reading: what is labelled.
    """

    labels: Labels = field(default_factory=lambda: Labels(()))
    reading: Reading = field(default_factory=lambda: Reading(tags=False, characters=False))

    @as_written
    def _batches(
        self, pairs: tf.data.Dataset, sampling: float, seed: tuple[int | tf.Tensor, ...] = ()
    ) -> tf.data.Dataset:
        batches = bucket_by_length(
            encode_examples(pairs, self._encoder(sampling), seed),
            lambda ids, labels: tf.size(ids, tf.int64),
            bounds=self.buckets.targets,
            batch_size=self.batch_size,
            batch_unit=self.batch_unit,
            shapes=lambda bound: ([bound], [bound] if self.reading.tags else []),
            padding=(PAD, NONE),
        )
        return batches.map(as_written(lambda ids, labels: ({"source": ids}, labels)))

    def _encoder(self, sampling: float) -> Callable[..., tuple[Any, Any]]:
        """Return the function from strings of texts and labels to ids with EOS and numbers of labels."""
        tokenizer, reading = self.tokenizers.source, self.reading
        names = tf.constant([name.encode("utf-8", "surrogateescape") for name in self.labels.names])
        table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(names, tf.range(len(self.labels.names))), NONE
        )

        def encode(seed: tf.Tensor, texts: tf.Tensor, targets: tf.Tensor) -> tuple[Any, Any]:
            def cut(strings: tf.Tensor) -> tf.RaggedTensor:
                return tokenizer.sample(strings, sampling, seed) if sampling else tokenizer.encode(strings)

            there = tf.strings.strip(texts) != ""
            texts, targets = (tf.boolean_mask(part, there) for part in (texts, targets))
            if reading.tags:
                tokens = split_tokens(texts, reading.characters)
                ids, places = tagged_pieces(tokenizer, tokens, reading.characters, cut)
                numbers = table.lookup(tf.strings.split(targets))
                labels = _at_places(ids, places, numbers)
            else:
                ids, labels = cut(texts), table.lookup(tf.strings.strip(targets))
            rows = fitting_rows(self.max_length, ids)
            return framed(ids, after=[EOS], rows=rows), tf.gather(labels, rows)

        return encode


def _at_places(ids: tf.RaggedTensor, places: tf.RaggedTensor, numbers: tf.RaggedTensor) -> tf.RaggedTensor:
    """Return numbers ``(batch, None)`` of tokens at the places of their pieces and at EOS, which follows, none."""
    # One more for each row's EOS.
    lengths = tf.cast(ids.row_lengths(), tf.int64) + 1
    starts = tf.cumsum(lengths, exclusive=True)
    flat = tf.cast(places.flat_values, tf.int64) + tf.repeat(starts, tf.cast(places.row_lengths(), tf.int64))
    total = tf.reduce_sum(lengths)
    values = tf.tensor_scatter_nd_update(tf.fill([total], NONE), tf.expand_dims(flat, 1), numbers.flat_values)
    return tf.RaggedTensor.from_row_lengths(values, lengths, validate=False)
