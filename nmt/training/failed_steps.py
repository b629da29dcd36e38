"""What ends the steps of a training from outside, a corpus that changes or too little memory, as a sentence."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import tensorflow as tf

from nmt.data.corpora import Corpus
from nmt.errors import WorkFailed, first_line

# What a file that is gone, cut short or changed leads to, read by tf.data or by Python within it.
_UNREADABLE = (
    tf.errors.NotFoundError,
    tf.errors.DataLossError,
    tf.errors.UnknownError,
    tf.errors.InvalidArgumentError,
)

# The operation that asks the pipeline for a batch, where TensorFlow says in which one an error was. An error of the
# model on a GPU may name IteratorGetNext/_2 as well, which is a copy of the batch.
_OF_PIPELINE = re.compile(r"\{\{node \w*IteratorGetNext\w*\}\}|\[\[\w*IteratorGetNext\w*\]\]|\[Op:IteratorGetNext\w*\]")


@contextlib.contextmanager
def explain_failed_steps(corpus: Corpus, dev: Corpus) -> Iterator[None]:
    """Say in a sentence why steps failed, where it was the reading of a corpus or the memory.

    Arguments:
        corpus, dev: what the steps within this context read.

    Raises:
        WorkFailed: instead of TensorFlow's error. Errors of the model's own operations are raised as they are.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise WorkFailed(
            f"There is not enough memory for this training: {_cause(error)}. With more of it, the run can be "
            "resumed. Otherwise begin again with a lower training.batch_size or data.max_length, or a smaller model."
        ) from error
    except _UNREADABLE as error:
        if not _OF_PIPELINE.search(error.message):
            raise
        names = " or ".join(dict.fromkeys([corpus.whole.name, dev.whole.name]))
        raise WorkFailed(
            f"{names} can no longer be read as when the run began: {_cause(error)}. Bring the files back as they were; "
            "the run can then be resumed. If nothing has changed them, this is a bug in nmt."
        ) from error


def _cause(error: tf.errors.OpError) -> str:
    """Return the line of TensorFlow's message that says what happened; the others say where in its graph."""
    found = re.search(r"Iterator::\S+: (.+)", error.message) or re.search(r"(.+)\n\s*\[\[", error.message)
    return (found[1].strip()[:200] if found else first_line(error)).rstrip(".")
