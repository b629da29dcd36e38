"""A batch in parts that the cores of a processor compute at the same time.

A step of a recurrent network, or of a small Transformer, is a long chain of small operations. To share each of them
among cores brings little: on two cores a training used 1.4 to 1.8 of them. Parts of a batch do not depend on each other
until their gradients are added up, so each core can have one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import tensorflow as tf

from nmt.config import Training
from nmt.cores import cores

# With fewer sentences or tokens in a part its operations are too small for a core.
_SENTENCES, _TOKENS = 16, 256
# Each part is traced for itself, and each holds the gradients of all weights but the output layer's.
_MAX_PARTS = 8


def batch_parts(training: Training, workers: int = 1) -> int:
    """Return the number of parts of a batch: ``training.batch_parts``, or what suits this machine if that is "auto".

    Arguments:
        training: the settings of the run.
        workers: how many machines share each batch.

    >>> batch_parts(Training(batch_parts=3)), batch_parts(Training(batch_size=31))
    (3, 1)
    """
    if training.batch_parts != "auto":
        return training.batch_parts
    if training.xla == "on" or training.devices > 1 or tf.config.list_physical_devices("GPU"):
        return 1
    least = _SENTENCES if training.batch_unit == "sentences" else _TOKENS
    return max(1, min(cores(), training.batch_size // workers // least, _MAX_PARTS))


def share_cores_among(parts: int) -> None:
    """Let an operation of a part use the part's share of the cores. TensorFlow must not have started for it."""
    if parts > 1:
        # Where TensorFlow has started, the parts are computed at the same time all the same, with too many threads.
        with contextlib.suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(-(-cores() // parts))


def split_rows(inputs: dict[str, tf.Tensor], parts: int) -> list[dict[str, tf.Tensor]]:
    """Cut the tensors of a batch into parts with as many rows each, or one more.

    >>> [part["source"].numpy().tolist() for part in split_rows({"source": tf.constant([[5], [6], [7]])}, 2)]
    [[[5]], [[6], [7]]]
    """
    rows = tf.shape(next(iter(inputs.values())))[0]
    ends = [rows * part // parts for part in range(parts + 1)]
    return [{name: tensor[begin:end] for name, tensor in inputs.items()} for begin, end in pairwise(ends)]


def join_rows(outputs: Sequence[Any]) -> Any:
    """Put what was computed of the parts of a batch together again: tensors and tuples of them.

    >>> join_rows([tf.constant([[0.5]]), tf.constant([[0.25]])]).numpy().tolist()
    [[0.5], [0.25]]
    """
    first = outputs[0]
    if isinstance(first, tuple):
        return tuple(join_rows(each) for each in zip(*outputs, strict=True))
    return None if first is None else tf.concat(outputs, 0)
