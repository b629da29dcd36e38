"""What a search writes at each step, kept in one of three ways: as arrays, for TFLite, or for XLA."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf

Buffers = tuple[Any, ...]


class History(Protocol):
    """Holds one value of each kind for each step, in buffers that are variables of the search's loop.

    Attributes:
        drops_rows: whether a greedy search may run its step on fewer rows as others end, so that shapes change on the
            way.
        fixed_shapes: whether no shape of a search may depend on values: those of its inputs say all of them.
    """

    drops_rows: bool
    fixed_shapes: bool

    def bound(self, steps: tf.Tensor) -> int | tf.Tensor:
        """Return for how many steps there is a place, of a search that takes up to ``steps``, ``()``."""
        ...

    def empty(self, steps: int | tf.Tensor, zeros: Sequence[tf.Tensor]) -> Buffers:
        """Return buffers of ``steps`` values, zeros until they are written.

        Arguments:
            steps: the number of values, ``()``, from :meth:`bound`.
            zeros: for each kind a tensor of zeros with the shape and type of a value.
        """
        ...

    def write(self, buffers: Buffers, t: tf.Tensor, values: Sequence[tf.Tensor]) -> Buffers:
        """Return the buffers with the values of step ``t``."""
        ...

    def stack(self, buffers: Buffers, steps: int | tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Return the values of all steps, time first: ``(steps, …)`` each."""
        ...


class ArrayHistory:
    """Arrays of tensors: a step costs what it writes."""

    drops_rows = True
    fixed_shapes = False

    def bound(self, steps: tf.Tensor) -> int | tf.Tensor:
        return steps

    def empty(self, steps: int | tf.Tensor, zeros: Sequence[tf.Tensor]) -> Buffers:
        # Values that are never written take the shape of the first, which may be known in the graph only.
        return tuple(
            tf.TensorArray(zero.dtype, tf.maximum(steps, 1), clear_after_read=False, element_shape=zero.shape).write(
                0, zero
            )
            for zero in zeros
        )

    def write(self, buffers: Buffers, t: tf.Tensor, values: Sequence[tf.Tensor]) -> Buffers:
        return tuple(buffer.write(t, value) for buffer, value in zip(buffers, values, strict=True))

    def stack(self, buffers: Buffers, steps: int | tf.Tensor) -> tuple[tf.Tensor, ...]:
        return tuple(buffer.stack()[:steps] for buffer in buffers)


class DenseHistory:
    """Tensors ``(steps, …)`` that each step copies: TFLite has no arrays for a batch of any size."""

    drops_rows = False
    fixed_shapes = False

    def bound(self, steps: tf.Tensor) -> int | tf.Tensor:
        return steps

    def empty(self, steps: int | tf.Tensor, zeros: Sequence[tf.Tensor]) -> Buffers:
        return tuple(tf.zeros(tf.concat([[steps], tf.shape(zero)], 0), zero.dtype) for zero in zeros)

    def write(self, buffers: Buffers, t: tf.Tensor, values: Sequence[tf.Tensor]) -> Buffers:
        # A scatter would copy less, but it refuses a batch without rows and an alignment without columns.
        return tuple(
            tf.concat([buffer[:t], tf.expand_dims(value, 0), buffer[t + 1 :]], 0)
            for buffer, value in zip(buffers, values, strict=True)
        )

    def stack(self, buffers: Buffers, steps: int | tf.Tensor) -> tuple[tf.Tensor, ...]:
        return buffers


class BoundedHistory(ArrayHistory):
    """Arrays with a place for every step that any search may take: XLA compiles no shape that depends on values.

    The hypotheses of a search then have as many places, zeros after what was written, whatever their maximum lengths.

    Arguments:
        max_length: the number of places, no less than the maximum length of any row.
    """

    drops_rows = False
    fixed_shapes = True

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length

    def bound(self, steps: tf.Tensor) -> int | tf.Tensor:
        return self.max_length


ARRAYS, DENSE = ArrayHistory(), DenseHistory()
