"""An export of a model of features for a device: a TFLite model of numbers, the tokenizer, and a program."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from nmt.config import Decoding, check_decoding
from nmt.data.tokenizers import UNK
from nmt.decoding.strategies import constraints_for, with_spares
from nmt.export.tflite import write_folder
from nmt.inference.captioner import Captioner
from nmt.inference.lite import Quantize, UnalignedModel, all_converted, dense_search


def export(captioner: Captioner, to: Path, settings: Decoding, quantize: Quantize = "none", card: str = "") -> None:
    """Write a new folder with all a device needs; :class:`nmt.export.tflite_runtime.Captioner` opens it.

    ``model.tflite`` takes ``features`` ``(batch, cells, width)``, and returns the fields of
    :class:`~nmt.decoding.search.Hypotheses` that a caption needs, and ``unfinished`` ``(batch, n_best)``; see
    :func:`nmt.export.tflite.export`.

    Arguments:
        captioner: a trained model of features.
        to: the folder; new or empty.
        settings: how to search; it cannot be chosen later.
        quantize: the type of the stored weights.
        card: the text of the model card; without it there is no card.

    Raises:
        InputError: if the folder holds something, or the search draws at random.
    """
    check_decoding(dataclasses.replace(captioner.config, decoding=settings), exported=True)
    m = captioner.config.model
    contents = {
        "task": "caption",
        "max_length": settings.max_length,
        "n_best": settings.n_best,
        "aligned": captioner.aligned,
        "cells": m.source_cells,
        "width": m.source_width,
    }
    write_folder(
        to,
        model=lambda: convert(captioner, settings, quantize),
        card=card,
        tokenizers=captioner.tokenizers,
        contents=contents,
        program="caption.py",
    )


def convert(captioner: Captioner, settings: Decoding, quantize: Quantize = "none") -> bytes:
    """Return the TFLite model, for any batch. It runs in every interpreter."""
    m = captioner.config.model
    features = tf.TensorSpec([None, m.source_cells, m.source_width], tf.float32, "features")
    return all_converted({"caption": (_function(captioner, settings), [features])}, quantize)


def _function(captioner: Captioner, settings: Decoding) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Return the function from features to hypotheses."""
    aligned, cells = captioner.aligned, captioner.config.model.source_cells
    model = captioner.model if aligned else UnalignedModel(captioner.model)
    space = captioner.tokenizers.target.space

    def caption(features: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = tf.shape(features)[0]
        constraints = constraints_for(settings, tf.fill([rows], cells), prefix=None, unknown=UNK, space=space)
        mask = tf.ones([rows, cells if aligned else 1], tf.bool)
        return dense_search(model, with_spares(settings), features, mask=mask, constraints=constraints)

    return caption
