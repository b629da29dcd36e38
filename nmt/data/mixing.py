"""The order in which an epoch reads a corpus that is larger than the shuffle buffer, or that many machines share.

A corpus is often sorted: by source, by length, by date. A buffer alone mixes only neighbours. So the corpus is cut into
stretches of consecutive rows, the stretches are read in a random order, and their rows go through the buffer. With
several workers, each reads its share of the stretches and no others. The order depends on the seed and the epoch alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from nmt.data.corpora import Corpus
from nmt.data.line_index import EVERY
from nmt.data.stretches import stretches
from nmt.tf_import import as_written

# Rows that one call of Python reads.
_TOGETHER = 256


@as_written
def mixed_rows(
    corpus: Corpus, seed: int, epoch: int | tf.Tensor, worker: int = 0, workers: int = 1, buffer: int = 100_000
) -> tf.data.Dataset:
    """Return the rows of one epoch, or a worker's share of them, in the random order of the stretches.

    Arguments:
        corpus: a :attr:`~nmt.data.corpora.Corpus.seekable` one.
        seed, epoch: of the order, and of the rows that a weight leaves out.
        worker, workers: whose share of the stretches is read.
        buffer: rows that are mixed after this, on all workers together; see :func:`stretches`.

    Returns:
        ``(source, target)`` strings, or ``(source, target, links)``.
    """
    found = stretches(corpus, buffer)
    columns = len(corpus.rows(0, 1)[0])

    def order(epoch: np.int64) -> np.ndarray:
        return np.random.default_rng([seed, int(epoch)]).permutation(len(found))[worker::workers]

    def drawn(number: int, epoch: int) -> Iterator[tuple[str, ...]]:
        first, count, share = found[number]
        rows = corpus.rows(first, count)
        if share == 1:
            return iter(rows)
        return itertools.compress(rows, np.random.default_rng([seed, epoch, number]).random(len(rows)) < share)

    def read(numbers: np.ndarray, epoch: np.int64) -> list[Any]:
        rows = list(itertools.chain.from_iterable(drawn(number, int(epoch)) for number in numbers.tolist()))
        # A column of its own type, also when no row is left.
        return [
            np.array([row[column].encode("utf-8", "surrogatepass") for row in rows], object)
            for column in range(columns)
        ]

    def rows(numbers: tf.Tensor) -> tuple[tf.Tensor, ...]:
        made = tf.numpy_function(read, [numbers, epoch], [tf.string] * columns)
        for column in made:
            column.set_shape([None])
        return tuple(made)

    epoch = tf.cast(epoch, tf.int64)
    numbers = tf.numpy_function(order, [epoch], tf.int64)
    numbers.set_shape([None])
    together = max(1, _TOGETHER * len(found) // max(1, found.rows))
    read_from = tf.data.Dataset.from_tensor_slices(numbers).batch(together)
    return read_from.map(rows, num_parallel_calls=2, deterministic=True).unbatch()


def spread_pairs(corpus: Corpus, count: int) -> Iterator[tuple[str, str]]:
    """Return about ``count`` pairs that are spread over the corpus, or the first ones of one that is read in order.

    They are as many as :func:`spread_size` says.
    """
    if corpus.size <= count or not corpus.seekable:
        return itertools.islice(corpus.pairs(), count)
    places = np.linspace(0, corpus.size - EVERY, _stretches_of(count)).astype(int)
    return ((row[0], row[1]) for place in places for row in corpus.rows(int(place), EVERY))


def spread_size(corpus: Corpus, count: int) -> int:
    """Return how many pairs :func:`spread_pairs` returns."""
    spread = corpus.size > count and corpus.seekable
    return min(corpus.size, EVERY * _stretches_of(count) if spread else count)


def _stretches_of(count: int) -> int:
    return max(1, count // EVERY)
