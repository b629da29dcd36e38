"""Functions from tensors to tensors as the signatures of a SavedModel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

# A function and the tensors that it takes, which have names.
Signature = tuple[Callable[..., dict[str, tf.Tensor]], Sequence[tf.TensorSpec]]


def save_functions(folder: Path, functions: Mapping[str, Signature], resources: Iterable[Any] = ()) -> None:
    """Write functions, and the variables that they read, as a SavedModel.

    Each is traced once, which is most of the work. ``keras.export.ExportArchive`` would trace them twice: to find their
    variables, and again while it saves, when TensorFlow looks for traces of another kind.

    Arguments:
        folder: a new folder.
        functions: each by the name of its signature.
        resources: what they use besides variables, such as the tokenizers of tensorflow-text.

    Raises:
        OSError, tf.errors.OpError: if it cannot be written.
    """
    module = tf.Module()
    traced = {
        name: tf.function(function, takes, autograph=False).get_concrete_function()
        for name, (function, takes) in functions.items()
    }
    for name, function in traced.items():
        setattr(module, name, function)
    module.used = list({id(variable): variable for each in traced.values() for variable in each.variables}.values())
    module.resources = list(resources)
    tf.saved_model.save(module, str(folder), signatures=traced)
