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
    firsts, counts, shares = (np.array(column) for column in zip(*found, strict=True))
    columns = len(corpus.rows(0, 1)[0])

    def read(place: np.int64, epoch: np.int64) -> list[Any]:
        rows = corpus.rows(int(firsts[place]), int(counts[place]))
        if shares[place] < 1:
            drawn = np.random.default_rng([seed, int(epoch), int(place)]).random(len(rows)) < shares[place]
            rows = list(itertools.compress(rows, drawn))
        # A column of its own type, also when no row is left.
        return [
            np.array([row[column].encode("utf-8", "surrogatepass") for row in rows], object)
            for column in range(columns)
        ]

    def rows(place: tf.Tensor) -> tuple[tf.Tensor, ...]:
        made = tf.numpy_function(read, [place, epoch], [tf.string] * columns)
        for column in made:
            column.set_shape([None])
        return tuple(made)

    epoch = tf.cast(epoch, tf.int64)
    order = tf.data.Dataset.range(len(found)).shuffle(
        len(found), seed=seed * 1_000_003 + epoch, reshuffle_each_iteration=False
    )
    return order.shard(workers, worker).map(rows, num_parallel_calls=2, deterministic=True).unbatch()


def spread_pairs(corpus: Corpus, count: int) -> Iterator[tuple[str, str]]:
    """Return about ``count`` pairs that are spread over the corpus, or the first ones of one that is read in order."""
    if corpus.size <= count or not corpus.seekable:
        return itertools.islice(corpus.pairs(), count)
    places = np.linspace(0, corpus.size - EVERY, max(1, count // EVERY)).astype(int)
    return ((row[0], row[1]) for place in places for row in corpus.rows(int(place), EVERY))
