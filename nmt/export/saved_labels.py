"""An export of a classifier or a tagger for TF Serving: texts in; labels, probabilities and what they rest on out.

It is a version of ``NAME/`` like that of a translator, see :mod:`nmt.export.saved_model`, with other signatures.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from nmt.export.saved_model import pieces_by_id, write_archive, write_next
from nmt.inference.labeller import Labeller
from nmt.signatures import CLASSIFIER_SIGNATURES, TAGGER_SIGNATURES


def export(labeller: Labeller, to: Path, card: Callable[[int], str] | None = None) -> Path:
    """Write the next version of an export, and return its folder.

    Arguments:
        labeller: a trained classifier or tagger.
        to: ``saved_models/NAME``; created if it does not exist.
        card: returns the text of the model card for the number of a version; without it there is no card.

    Raises:
        InputError: if the place cannot be written to.
    """
    return write_next(to, lambda folder: write(labeller, folder), card)


def write(labeller: Labeller, folder: Path) -> None:
    """Write the SavedModel, the requests that warm it up, and checksums."""
    tags = labeller.reading.tags
    functions = tagging(labeller) if tags else classifying(labeller)
    signatures = TAGGER_SIGNATURES if tags else CLASSIFIER_SIGNATURES
    write_archive(folder, functions, signatures, [labeller.tokenizers.source])


def classifying(labeller: Labeller) -> dict[str, Callable]:
    """Return the function of each signature of a classifier, from tensors to tensors."""
    names = tf.constant(labeller.labels.names)
    pieces = tf.constant(pieces_by_id(labeller.tokenizers.source))

    # Traced, and written, once for both.
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def classify(text: tf.Tensor) -> dict[str, tf.Tensor]:
        found = labeller.graph.label(text, labeller.config.decoding.max_length)
        probabilities, order = tf.math.top_k(found["probabilities"], len(labeller.labels.names))
        return {
            "labels": tf.gather(names, order),
            "probabilities": probabilities,
            "tokens": tf.gather(pieces, found["source"]),
            "attention": found["attention"],
            "truncated": found["truncated"],
        }

    def serving_default(text: tf.Tensor) -> dict[str, tf.Tensor]:
        found = classify(text)
        return {
            "label": found["labels"][:, 0],
            "probability": found["probabilities"][:, 0],
            "truncated": found["truncated"],
        }

    return {"serving_default": serving_default, "classify": classify}


def tagging(labeller: Labeller) -> dict[str, Callable]:
    """Return the function of each signature of a tagger, from tensors to tensors."""
    names = tf.constant(labeller.labels.names)

    # Traced, and written, once for both.
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def tag(text: tf.Tensor) -> dict[str, tf.Tensor]:
        found = labeller.graph.label(text, labeller.config.decoding.max_length)
        likeliest = tf.gather(names, tf.argmax(found["probabilities"], -1))
        there = tf.reduce_max(found["probabilities"], -1) > 0
        return {
            "tokens": found["tokens"],
            "labels": tf.where(there, likeliest, ""),
            "probabilities": found["probabilities"],
            "names": tf.repeat(tf.expand_dims(names, 0), tf.shape(text)[0], 0),
            "truncated": found["truncated"],
        }

    def serving_default(text: tf.Tensor) -> dict[str, tf.Tensor]:
        found = tag(text)
        return {name: found[name] for name in ("tokens", "labels", "truncated")}

    return {"serving_default": serving_default, "tag": tag}
