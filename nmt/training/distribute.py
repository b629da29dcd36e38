"""Training on several devices of one machine."""

from __future__ import annotations

from functools import cache

import tensorflow as tf

from nmt.errors import InputError


def replicas() -> int:
    """Return the number of devices that share each batch, in the scope of this call."""
    return tf.distribute.get_strategy().num_replicas_in_sync if tf.distribute.has_strategy() else 1


def sum_over_replicas(values: list[tf.Tensor]) -> list[tf.Tensor]:
    """Return the sum of each value over all devices; with one device, the values as they are."""
    if replicas() == 1 or tf.distribute.in_cross_replica_context():
        return values
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def strategy(devices: int) -> tf.distribute.Strategy:
    """Return the strategy for a number of devices: GPUs if there are any, CPUs otherwise.

    Each batch is split evenly, each device computes the gradients of its part, and they are added up.

    Raises:
        InputError: if the machine has fewer devices.

    >>> strategy(1).num_replicas_in_sync
    1
    """
    if devices == 1:
        return tf.distribute.get_strategy()
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    found = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(found) < devices:
        raise InputError(
            f"training.devices = {devices}, but TensorFlow sees {len(found)} {kind}{'s' * (len(found) > 1)}."
        )
    return _mirrored(tuple(found[:devices]))


@cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    # Two strategies with the same devices would mix up their sums in one process.
    return tf.distribute.MirroredStrategy(devices)
