"""What the workers of a run tell one another, through TensorFlow's collectives."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from nmt.tf_import import set_patience
from nmt.training.cluster import Cluster, Contact

# Seconds in which all have joined once they have met, or one has ended; and without a sign of life after which
# a worker is taken for dead.
JOINING, HEARTBEAT = 60.0, 10.0


@contextlib.contextmanager
def ended_after(seconds: float) -> Iterator[None]:
    """End this process with exit code 1, and without a word, unless the context is left in time.

    TensorFlow's join waits an hour for a worker that has ended, and no Python runs meanwhile, not even for a signal.
    """
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


class Workers:
    """The workers of a run, joined: a strategy, and sums of arrays over all of them.

    Every method must be called by all workers, in the same order.

    Arguments:
        cluster: all of them. It must be joined before TensorFlow does anything.
        contact: where the chief says why it ends the run.
    """

    def __init__(self, cluster: Cluster, contact: Contact | None = None) -> None:
        self.cluster = cluster
        self.contact = contact or Contact()
        # One worker is one device: on a machine with several GPUs a worker is started for each.
        gpus = tf.config.list_physical_devices("GPU")
        tf.config.set_visible_devices(gpus[:1], "GPU")
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
            task_type="worker",
            task_id=cluster.index,
            rpc_layer="grpc",
        )
        set_patience(cluster.workers, JOINING, HEARTBEAT)
        with ended_after(JOINING):
            self.strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
        self._sums: dict[str, Any] = {}

    @property
    def count(self) -> int:
        return self.cluster.workers

    @property
    def is_chief(self) -> bool:
        return self.cluster.is_chief

    def sum(self, values: Sequence[Any]) -> list[np.ndarray]:
        """Return the sum of each array over all workers. The shapes and types are the same everywhere."""
        arrays = [np.asarray(value) for value in values]
        found: list[Any] = [None] * len(arrays)
        # A collective takes one type.
        for kind in sorted({array.dtype.str for array in arrays}):
            places = [place for place, array in enumerate(arrays) if array.dtype.str == kind]
            row = self._sum_row(np.concatenate([arrays[place].reshape(-1) for place in places]))
            ends = np.cumsum([arrays[place].size for place in places])
            for place, part in zip(places, np.split(row, ends[:-1]), strict=True):
                found[place] = part.reshape(arrays[place].shape)
        return found

    def _sum_row(self, row: np.ndarray) -> np.ndarray:
        key = row.dtype.str
        if key not in self._sums:

            def within(own: tf.Tensor) -> Any:
                # An argument has no device, and the sum is made where its parts are.
                return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(own))

            self._sums[key] = tf.function(
                lambda own: self.strategy.run(within, args=(own,)),
                input_signature=[tf.TensorSpec([None], row.dtype)],
                autograph=False,
            )
        return np.asarray(self._own(self._sums[key](tf.constant(row))))

    def _own(self, value: Any) -> Any:
        return self.strategy.experimental_local_results(value)[0]

    def gather(self, own: np.ndarray) -> np.ndarray:
        """Return the vectors of all workers, ``(workers, numbers)``."""
        placed = np.zeros([self.count, *own.shape], own.dtype)
        placed[self.cluster.index] = own
        return self.sum([placed])[0]

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set on any worker."""
        return bool(self.sum([np.int32(flag)])[0])

    def from_chief(self, values: Sequence[Any]) -> list[np.ndarray]:
        """Return the chief's arrays; those of the others say the shapes and types."""
        arrays = [np.asarray(value) for value in values]
        # Bits are summed with zeros, so that every type arrives exactly.
        held = [array if self.is_chief else np.zeros_like(array) for array in arrays]
        wide = [array.astype(np.int64) if array.dtype.kind in "iub" else array for array in held]
        return [found.astype(array.dtype) for found, array in zip(self.sum(wide), arrays, strict=True)]

    def assign_from_chief(self, variables: Sequence[Any]) -> None:
        """Give variables the chief's values."""
        for variable, value in zip(variables, self.from_chief([np.asarray(v) for v in variables]), strict=True):
            variable.assign(value)

    def bytes_from_chief(self, contents: list[bytes] | None) -> list[bytes]:
        """Return the chief's bytes; the others give nothing."""
        text = json.dumps([part.hex() for part in contents]).encode() if contents is not None else b""
        (length,) = self.from_chief([np.int64(len(text))])
        held = np.zeros([int(length)], np.int32)
        held[: len(text)] = np.frombuffer(text, np.uint8)
        (found,) = self.from_chief([held])
        return [bytes.fromhex(part) for part in json.loads(found.astype(np.uint8).tobytes())]
