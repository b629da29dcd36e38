"""The loop over time that training runs, and the products in and around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import tensorflow as tf

_dense_loops = ContextVar("dense_loops", default=False)


@contextmanager
def dense_loops() -> Iterator[None]:
    """Trace :func:`scan` with tensors of a fixed size that each step copies, instead of arrays.

    TFLite has no other loop for a batch of any size. Elsewhere arrays are faster, and so is their gradient.
    """
    token = _dense_loops.set(True)
    try:
        yield
    finally:
        _dense_loops.reset(token)


def dense(inputs: tf.Tensor, kernel: Any, transpose: bool = False) -> tf.Tensor:
    """Multiply the last dimension of ``inputs`` by ``kernel``, or by its transpose.

    Arguments:
        inputs: ``(batch, width)`` or ``(batch, time, width)``, of any rank with a kernel of rank 2.
        kernel: ``(width, units)`` for the whole batch, or ``(batch, width, units)`` with a matrix for each row.
        transpose: whether the last two dimensions of the kernel are swapped.

    With a kernel of rank 2 this is one product of rank 2: a product of rank 3 would become a ``tensordot``, which is
    slower and has no gradient in a loop under XLA.

    >>> dense(tf.ones([2, 3, 5]), tf.ones([5, 7])).shape
    TensorShape([2, 3, 7])
    >>> dense(tf.ones([2, 5]), tf.ones([2, 5, 7])).shape
    TensorShape([2, 7])
    """
    kernel = tf.convert_to_tensor(kernel)
    if kernel.shape.rank == 3:
        if inputs.shape.rank == 3:
            return tf.matmul(inputs, kernel, transpose_b=transpose)
        return tf.squeeze(tf.matmul(tf.expand_dims(inputs, 1), kernel, transpose_b=transpose), 1)
    if inputs.shape.rank == 2:
        return tf.matmul(inputs, kernel, transpose_b=transpose)
    outputs = tf.matmul(tf.reshape(inputs, [-1, inputs.shape[-1]]), kernel, transpose_b=transpose)
    outputs = tf.reshape(outputs, tf.concat([tf.shape(inputs)[:-1], [outputs.shape[-1]]], 0))
    outputs.set_shape([*inputs.shape[:-1], outputs.shape[-1]])
    return outputs


def scan(
    step: Callable[[tf.Tensor, Any], tuple[tuple[tf.Tensor, ...], Any]],
    inputs: tf.Tensor,
    state: Any,
    mask: tf.Tensor | None = None,
    reverse: bool = False,
    outputs: tuple[int | None, ...] = (None,),
) -> tuple[tuple[tf.Tensor, ...], Any]:
    """Run ``step`` over time.

    Arguments:
        step: ``(inputs_t, state) -> (tuple of outputs_t, state)``.
        inputs: ``(batch, time, width)``.
        state: the initial state, any nest of tensors ``(batch, units)``.
        mask: ``(batch, time)``; where it is false the state does not change, so padding has no effect.
        reverse: run from the last step to the first; outputs keep their places.
        outputs: the width of each output, ``None`` if it is not known; within :func:`dense_loops` all must be known.

    Returns:
        The outputs, each ``(batch, time, its width)``, and the last state. At padding an output is not zero: it is what
        ``step`` computes from the padding and the state so far, and should not be read.
    """
    if _dense_loops.get():
        return _scan_dense(step, inputs, state, mask=mask, reverse=reverse, outputs=outputs)
    time, batch = tf.shape(inputs)[1], inputs.shape[0]
    read_inputs = _by_time(inputs)
    read_mask = None if mask is None else _by_time(tf.expand_dims(mask, -1))
    arrays = tuple(tf.TensorArray(inputs.dtype, time, element_shape=[batch, width]) for width in outputs)

    def body(count: tf.Tensor, state: Any, arrays: tuple[tf.TensorArray, ...]) -> tuple:
        t = time - 1 - count if reverse else count
        x = read_inputs.read(t)
        x.set_shape([batch, inputs.shape[-1]])
        y, new = step(x, state)
        if read_mask is not None:
            real = read_mask.read(t)
            new = tf.nest.map_structure(lambda n, old: tf.where(real, n, old), new, state)
        return count + 1, new, tuple(array.write(t, out) for array, out in zip(arrays, y, strict=True))

    # Without maximum_iterations XLA has no gradient for the loop.
    _, state, arrays = tf.while_loop(lambda count, *_: count < time, body, (0, state, arrays), maximum_iterations=time)
    by_row = tuple(tf.transpose(array.stack(), [1, 0, 2]) for array in arrays)
    for out, width in zip(by_row, outputs, strict=True):
        out.set_shape([batch, inputs.shape[1], width])
    return by_row, state


def _scan_dense(
    step: Callable,
    inputs: tf.Tensor,
    state: Any,
    *,
    mask: tf.Tensor | None,
    reverse: bool,
    outputs: tuple[int | None, ...],
) -> tuple[tuple[tf.Tensor, ...], Any]:
    """Do what :func:`scan` does, with tensors of a fixed size only."""
    by_time = tf.transpose(inputs, [1, 0, 2])
    real = None if mask is None else tf.expand_dims(tf.transpose(mask), -1)
    time, batch = tf.shape(by_time)[0], tf.shape(by_time)[1]

    def body(count: tf.Tensor, state: Any, written: tuple[tf.Tensor, ...]) -> tuple:
        t = time - 1 - count if reverse else count
        y, new = step(by_time[t], state)
        if real is not None:
            here = real[t]
            new = tf.nest.map_structure(lambda n, old: tf.where(here, n, old), new, state)
        now = tuple(
            tf.concat([old[:t], tf.expand_dims(out, 0), old[t + 1 :]], 0) for old, out in zip(written, y, strict=True)
        )
        for old, changed in zip(written, now, strict=True):
            changed.set_shape(old.shape)  # the static shape must be the same in every iteration
        return count + 1, new, now

    first = tuple(tf.zeros([time, batch, width], inputs.dtype) for width in outputs)
    _, state, written = tf.while_loop(lambda count, *_: count < time, body, (0, state, first), maximum_iterations=time)
    return tuple(tf.transpose(part, [1, 0, 2]) for part in written), state


def _by_time(tensor: tf.Tensor) -> tf.TensorArray:
    """Return ``(batch, time, …)`` as an array with one element ``(batch, …)`` for each time step."""
    order = [1, 0, *range(2, tensor.shape.rank)]
    return tf.TensorArray(tensor.dtype, tf.shape(tensor)[1]).unstack(tf.transpose(tensor, order))
