"""The rows of ids that fit a batch, with ``<s>`` before them and ``</s>`` after them."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import tensorflow as tf


def fitting_rows(max_length: int, *sides: tf.RaggedTensor) -> tf.Tensor:
    """Return the numbers of the rows that are neither empty nor too long, ``(chosen,)``, int64.

    Arguments:
        max_length: the maximum number of ids in a row.
        sides: ids ``(batch, None)``. Neither side of a pair may be empty or too long.

    >>> fitting_rows(2, tf.ragged.constant([[7], [], [6, 5, 4], [8, 9]])).numpy().tolist()
    [0, 3]
    """
    lengths = [ids.row_lengths() for ids in sides]
    shortest, longest = functools.reduce(tf.minimum, lengths), functools.reduce(tf.maximum, lengths)
    return tf.squeeze(tf.where((shortest > 0) & (longest <= max_length)), 1)


def framed(
    ids: tf.RaggedTensor, before: Sequence[int] = (), after: Sequence[int] = (), rows: tf.Tensor | None = None
) -> tf.RaggedTensor:
    """Return some rows of ids, each between the same ids.

    It is ``tf.concat([before, tf.gather(ids, rows), after], 1)`` in a fifth of the operations, because one gather reads
    the rows and what stands around them. A graph that splits text is traced at each start of a training.

    Arguments:
        ids: ``(batch, None)``, int32.
        before, after: the ids that each row begins and ends with.
        rows: ``(chosen,)``, int64, the rows that are wanted; all if not given.

    Returns:
        ``(chosen, None)``.

    >>> ids, rows = tf.ragged.constant([[7, 4], [], [6]]), tf.constant([2, 0], tf.int64)
    >>> framed(ids, before=[2], after=[3], rows=rows).to_list()
    [[2, 6, 3], [2, 7, 4, 3]]
    """
    # Each of the ids around the rows becomes a row of its own, after those that are there.
    around = [*before, *after]
    count = ids.nrows()
    splits = tf.concat(
        [ids.row_splits, tf.size(ids.flat_values, tf.int64) + tf.range(1, len(around) + 1, dtype=tf.int64)], 0
    )
    values = tf.concat([ids.flat_values, tf.constant(around, ids.dtype)], 0)
    rows = tf.range(count) if rows is None else rows
    # The numbers of the rows that make a new row: those before, its own, and those after.
    places = tf.constant([*range(len(before)), 0, *range(len(before), len(around))], tf.int64)
    own = tf.constant([*[False] * len(before), True, *[False] * len(after)])
    numbers = tf.where(own, tf.expand_dims(rows, 1), count + places)
    gathered = tf.raw_ops.RaggedGather(
        params_nested_splits=[splits],
        params_dense_values=values,
        indices=tf.reshape(numbers, [-1]),
        OUTPUT_RAGGED_RANK=1,
    )
    return tf.RaggedTensor.from_row_splits(
        gathered.output_dense_values, gathered.output_nested_splits[0][:: len(around) + 1], validate=False
    )
