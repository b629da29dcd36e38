"""An export of a classifier or a tagger for a device: a TFLite model of ids, the tokenizer, and a program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from nmt.export.tflite import write_folder
from nmt.inference.labeller import Labeller
from nmt.inference.lite import Quantize, all_converted
from nmt.layers.recurrence import dense_loops
from nmt.models.classifier import SequenceClassifier


def export(labeller: Labeller, to: Path, quantize: Quantize = "none", card: str = "") -> None:
    """Write a new folder with all a device needs; :class:`nmt.export.tflite_runtime.Labeller` opens it.

    ``model.tflite`` takes ``source``, ids ``(batch, source)`` with the end token and zeros after it. It returns
    ``probabilities`` ``(batch, labels)`` and ``attention`` ``(batch, source)``, or of a tagger ``probabilities``
    ``(batch, source, labels)``.

    Arguments:
        labeller: a trained classifier or tagger.
        to: the folder; new or empty.
        quantize: the type of the stored weights.
        card: the text of the model card; without it there is no card.

    Raises:
        InputError: if the folder holds something.
    """
    reading = labeller.reading
    contents = {
        "task": "label",
        "max_length": labeller.config.decoding.max_length,
        "aligned": False,
        "names": list(labeller.labels.names),
        "tags": reading.tags,
        "characters": reading.characters,
    }
    write_folder(
        to,
        model=lambda: convert(labeller, quantize),
        card=card,
        tokenizers=labeller.tokenizers,
        contents=contents,
        program="label.py",
    )


def convert(labeller: Labeller, quantize: Quantize = "none") -> bytes:
    """Return the TFLite model, for any batch and length. It runs in every interpreter."""
    source = tf.TensorSpec([None, None], tf.int32, "source")
    return all_converted({"label": (_function(labeller), [source])}, quantize)


def _function(labeller: Labeller) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Return the function from ids to probabilities, and of a classifier to the weights of its tokens."""
    model = labeller.model

    def label(source: tf.Tensor) -> dict[str, tf.Tensor]:
        with dense_loops():
            if not isinstance(model, SequenceClassifier):
                return {"probabilities": tf.nn.softmax(model(source))}
            logits, weights = model.attend(source)
            return {"probabilities": tf.nn.softmax(logits), "attention": weights}

    return label
