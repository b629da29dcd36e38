"""TensorFlow without its start-up messages, and the private parts of it, Keras, tensorflow-text and TFDS that are used.

Each function that uses a private part says why, and which version it was tested with: pyproject.toml allows only that
minor version. Overrides of private methods are in their subclasses, which also read what else is private there: see
:class:`nmt.training.optimizers.Adam` and :class:`nmt.training.training_model.TrainingModel`. This module imports those
packages inside its functions, so that ``import nmt.tf_import`` costs nothing.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_text


# What Keras imports if it is installed, for pictures and data frames, and no command of this package needs of Keras.
_OPTIONAL = ("IPython", "PIL", "matplotlib", "pandas")


def import_tensorflow() -> None:
    """Import TensorFlow for a command: without its start-up messages, and without what only takes time.

    The messages are notes on the hardware that C++ writes past Python's logging. Everything else that is written
    meanwhile is passed on. What Keras imports only for pictures and data frames is left out, and Python's collector of
    garbage does not search a hundred thousand new objects that all stay.

    Raises:
        InputError: if Keras is set to another backend.
    """
    check_backend()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught, _without(_OPTIONAL), _uncollected():
        os.dup2(caught.fileno(), 2)
        try:
            import tensorflow as tf
            import tensorflow_text  # noqa: F401

            tf.config.list_physical_devices()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            lines = [line for line in caught if not re.match(rb"[IWE]0000 |WARNING: All log messages", line)]
            sys.stderr.write(b"".join(lines).decode("utf-8", "replace"))


@contextlib.contextmanager
def _without(names: Iterable[str]) -> Iterator[None]:
    """Let packages that are not imported yet seem not installed, within this context."""
    hidden: dict[str, Any] = {name: None for name in names if name not in sys.modules}
    sys.modules.update(hidden)
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Collect no garbage within this context, and look for none later among the objects that were made in it."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def check_backend() -> None:
    """Check that Keras will run on TensorFlow, before either is imported.

    Keras reads its backend once, from ``KERAS_BACKEND`` or its file of settings. With another one, layers fail at the
    first TensorFlow operation inside them, with a traceback that names neither.

    Raises:
        InputError: if Keras is set to another backend.
    """
    file = Path(os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")) / "keras.json"
    chosen, where = os.environ.get("KERAS_BACKEND"), "the environment variable KERAS_BACKEND"
    if not chosen:
        where = str(file)
        try:
            chosen = json.loads(file.read_text(encoding="utf-8")).get("backend")
        except (OSError, ValueError, AttributeError, RecursionError):
            return  # Keras takes its default, which is TensorFlow
    if chosen not in (None, "tensorflow"):
        raise InputError(f"nmt runs on TensorFlow, but {where} asks Keras for {chosen!r}: set it to 'tensorflow'.")


def as_written(function: Callable) -> Callable:
    """Return the function of a graph as it is written.

    AutoGraph would search its source for a Python ``if`` or ``for`` over tensors, and there is none in this package. It
    costs seconds at the start of a training, and again where a pipeline is made inside another one.
    """
    import tensorflow as tf

    return tf.autograph.experimental.do_not_convert(function)


def without_autotuning(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Return the same elements, read by an iterator that does not adjust itself. TensorFlow 2.21.

    A thread of autotuning looks at the iterator after 10, 20, 40 ms and so on. It may sleep on when the elements end,
    and then the reader waits for it, up to as long as reading them took.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def sentencepiece_tokenizer(model: bytes) -> tensorflow_text.SentencepieceTokenizer:
    """Return a tokenizer for the graph whose resource has a unique name. tensorflow-text 2.21.

    Otherwise the resource lives only as long as TensorFlow's cache of kernels, which ``tf.random.set_seed`` empties,
    and all resources of an export that is loaded in Python have the same name, so that the first replaces the second.
    With a unique name a resource lives as long as the process.

    Arguments:
        model: the content of a SentencePiece model file.
    """
    import tensorflow as tf
    import tensorflow_text
    from tensorflow_text.python.ops.sentencepiece_tokenizer import gen_sentencepiece_tokenizer

    # FastSentencepieceTokenizer would be quicker, but reads BPE models wrongly.
    tokenizer = tensorflow_text.SentencepieceTokenizer(model=model, out_type=tf.int32)
    name = f"nmt_sentencepiece_{hashlib.sha256(model).hexdigest()}"
    resource = tokenizer._model_resource
    create = functools.partial(gen_sentencepiece_tokenizer.sentencepiece_op, model=model, shared_name=name)
    resource._create_resource = create
    resource._resource_handle = create()
    return tokenizer


def set_patience(workers: int, joining: float, heartbeat: float) -> None:
    """Say how long several workers wait for one another. TensorFlow 2.21.

    ``MultiWorkerMirroredStrategy`` lets them wait an hour until all have joined, and has no public setting for it.

    Arguments:
        workers: how many there are.
        joining: seconds until all have joined.
        heartbeat: seconds without a sign of life after which a worker is taken for dead.
    """
    from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2
    from tensorflow.python.eager import context

    context.context().configure_coordination_service(
        service_type="standalone",
        service_leader="/job:worker/replica:0/task:0",
        cluster_register_timeout_in_ms=round(1000 * joining),
        heartbeat_timeout_in_ms=round(1000 * heartbeat),
        coordinated_jobs=[coordination_config_pb2.CoordinatedJob(name="worker", num_tasks=workers)],
    )


def resource_handle(variable: Any) -> tf.Tensor:
    """Return the handle of a Keras variable, which fused operations take. Keras 3.15 has no public name for it."""
    return variable._value.handle


def is_operation(name: str) -> bool:
    """Return whether TensorFlow has an operation of this name. Its registry has no public name. TensorFlow 2.21."""
    from tensorflow.python.framework import op_def_registry

    return op_def_registry.get(name) is not None


def quantize_dense_layers_whole(converter: tf.lite.TFLiteConverter) -> None:
    """Give each matrix one scale instead of one for each row. TensorFlow 2.21 has no public setting for it.

    With one scale for each row, tied embeddings would be stored twice.
    """
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True


@contextlib.contextmanager
def without_memory() -> Iterator[None]:
    """Create Keras variables that have a shape and take no memory, within this context. Keras 3.15.

    ``StatelessScope`` defers their initialisation; Keras would initialise them all at the end of the next such scope,
    and its list of them is private. The state of Python's random generator, from which Keras takes seeds, is kept.
    """
    import random

    import keras
    from keras.src.backend.common import global_state

    state, waiting = random.getstate(), list(global_state.get_global_attribute("uninitialized_variables", []))
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        random.setstate(state)
        global_state.set_global_attribute("uninitialized_variables", waiting)


@contextlib.contextmanager
def impatient_downloads() -> Iterator[None]:
    """Give up on a silent network after half a minute, within this context.

    TFDS 4.9 tries eleven times with growing pauses and no timeout, so an offline machine waits for minutes or for ever.
    It has no setting for either, so two of its private values are replaced.
    """
    from tensorflow_datasets.core.download import downloader

    retries, opener = downloader.MAX_RETRIES, downloader._open_with_requests
    downloader.MAX_RETRIES = 2
    downloader._open_with_requests = functools.partial(opener, timeout=(10, 60))
    try:
        yield
    finally:
        downloader.MAX_RETRIES, downloader._open_with_requests = retries, opener
