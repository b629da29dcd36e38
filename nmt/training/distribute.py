"""Several devices of one machine."""

from __future__ import annotations

from functools import cache

import tensorflow as tf

from nmt.errors import InputError


def replicas() -> int:
    """Return how many devices share the batch that is being learned from, where this is called."""
    return tf.distribute.get_strategy().num_replicas_in_sync if tf.distribute.has_strategy() else 1


def sum_over_replicas(values: list[tf.Tensor]) -> list[tf.Tensor]:
    """Return the sums of what each device has; with one device, what it has."""
    if replicas() == 1 or tf.distribute.in_cross_replica_context():
        return values
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def strategy(devices: int) -> tf.distribute.Strategy:
    """Return how a model is trained on so many devices: GPUs if there are any, CPUs otherwise.

    Each batch is cut in as many parts, each device learns from one, and the gradients are added up.

    Raises:
        InputError: if the machine has fewer.

    >>> strategy(1).num_replicas_in_sync
    1
    """
    if devices == 1:
        return tf.distribute.get_strategy()
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    found = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(found) < devices:
        raise InputError(
            f"training.devices = {devices}, and TensorFlow sees {len(found)} {kind}{'s' * (len(found) > 1)}."
        )
    return _mirrored(tuple(found[:devices]))


@cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    # Two of the same devices would mix up their sums in one process.
    return tf.distribute.MirroredStrategy(devices)
