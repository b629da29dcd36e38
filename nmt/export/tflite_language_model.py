"""An export of a language model for a device: a TFLite model of ids, the tokenizer, and a program that uses both."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from nmt.config import Decoding, check_decoding
from nmt.data.tokenizers import UNK
from nmt.decoding.constraints import Constraints
from nmt.export.saved_language_model import searching_and_drawing
from nmt.export.tflite import write_folder
from nmt.inference.completer import Completer
from nmt.inference.lite import Quantize, UnalignedModel, all_converted, dense_search

# The fields of hypotheses that the program on a device reads.
_FIELDS = ("tokens", "lengths", "scores")


def export(completer: Completer, to: Path, settings: Decoding, quantize: Quantize = "none", card: str = "") -> None:
    """Write a new folder with all a device needs; :class:`nmt.export.tflite_runtime.Completer` opens it.

    ``model.tflite`` has two signatures. ``complete`` takes ``source``, ids ``(batch, prefix)`` of the beginnings with
    zeros after them, and searches; ``sample`` also takes ``numbers``, random ones ``(batch, max_length)``, and draws.
    Both return ``tokens`` ``(batch, 1, target)``, ``lengths``, ``scores`` and ``unfinished`` ``(batch, 1)``.

    Arguments:
        completer: a trained language model.
        to: the folder; new or empty.
        settings: how to search and what to draw from, see :func:`nmt.export.saved_language_model.export`.
        quantize: the type of the stored weights.
        card: the text of the model card; without it there is no card.

    Raises:
        InputError: if the folder holds something, or a setting is not for a language model.
    """
    check_decoding(dataclasses.replace(completer.config, decoding=settings), exported=True)
    write_folder(
        to,
        model=lambda: convert(completer, settings, quantize),
        card=card,
        tokenizers=completer.tokenizers,
        contents={"task": "complete", "max_length": settings.max_length, "n_best": 1, "aligned": False},
        program="complete.py",
    )


def convert(completer: Completer, settings: Decoding, quantize: Quantize = "none") -> bytes:
    """Return the TFLite model, for any batch and length. It runs in every interpreter."""
    searching, drawing = searching_and_drawing(settings)
    source = tf.TensorSpec([None, None], tf.int32, "source")
    numbers = tf.TensorSpec([None, settings.max_length], tf.float32, "numbers")
    functions = {
        "complete": (_function(completer, searching), [source]),
        "sample": (_function(completer, drawing), [source, numbers]),
    }
    return all_converted(functions, quantize)


def _function(completer: Completer, settings: Decoding) -> Callable[..., dict[str, tf.Tensor]]:
    """Return the function from the ids of beginnings, and random numbers if it draws, to hypotheses."""
    model = UnalignedModel(completer.model)

    def complete(source: tf.Tensor, numbers: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        rows = tf.shape(source)[0]
        limits = tf.fill([rows], settings.max_length)
        constraints = Constraints(limits, prefix=source, no_repeat=settings.no_repeat, unknown=UNK)
        mask = tf.zeros([rows, 1], tf.bool)
        return dense_search(
            model, settings, source, mask=mask, constraints=constraints, numbers=numbers, fields=_FIELDS
        )

    return complete
