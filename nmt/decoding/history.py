"""What a search writes at each step, kept in one of two ways: as arrays, or as tensors of a fixed size for TFLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf

Buffers = tuple[Any, ...]


class History(Protocol):
    """Holds one value of each kind for each step, in buffers that are variables of the search's loop.

    Attributes:
        drops_rows: whether a search may run its step on fewer rows as others end, so that shapes change on the way.
    """

    drops_rows: bool

    def empty(self, steps: tf.Tensor, zeros: Sequence[tf.Tensor]) -> Buffers:
        """Return buffers of ``steps`` values, zeros until they are written.

        Arguments:
            steps: the number of values, ``()``.
            zeros: for each kind a tensor of zeros with the shape and type of a value.
        """
        ...

    def write(self, buffers: Buffers, t: tf.Tensor, values: Sequence[tf.Tensor]) -> Buffers:
        """Return the buffers with the values of step ``t``."""
        ...

    def stack(self, buffers: Buffers, steps: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Return the values of all steps, time first: ``(steps, …)`` each."""
        ...


class ArrayHistory:
    """Arrays of tensors: a step costs what it writes."""

    drops_rows = True

    def empty(self, steps: tf.Tensor, zeros: Sequence[tf.Tensor]) -> Buffers:
        # Values that are never written take the shape of the first, which may be known in the graph only.
        return tuple(
            tf.TensorArray(zero.dtype, tf.maximum(steps, 1), clear_after_read=False, element_shape=zero.shape).write(
                0, zero
            )
            for zero in zeros
        )

    def write(self, buffers: Buffers, t: tf.Tensor, values: Sequence[tf.Tensor]) -> Buffers:
        return tuple(buffer.write(t, value) for buffer, value in zip(buffers, values, strict=True))

    def stack(self, buffers: Buffers, steps: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return tuple(buffer.stack()[:steps] for buffer in buffers)


class DenseHistory:
    """Tensors ``(steps, …)`` that each step copies: TFLite has no arrays for a batch of any size."""

    drops_rows = False

    def empty(self, steps: tf.Tensor, zeros: Sequence[tf.Tensor]) -> Buffers:
        return tuple(tf.zeros(tf.concat([[steps], tf.shape(zero)], 0), zero.dtype) for zero in zeros)

    def write(self, buffers: Buffers, t: tf.Tensor, values: Sequence[tf.Tensor]) -> Buffers:
        # A scatter would copy less, but it refuses a batch without rows and an alignment without columns.
        return tuple(
            tf.concat([buffer[:t], tf.expand_dims(value, 0), buffer[t + 1 :]], 0)
            for buffer, value in zip(buffers, values, strict=True)
        )

    def stack(self, buffers: Buffers, steps: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return buffers


ARRAYS, DENSE = ArrayHistory(), DenseHistory()
