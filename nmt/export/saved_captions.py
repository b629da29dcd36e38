"""An export of a model of features for TF Serving: numbers in; captions, scores and attention to each cell out.

It is a version of ``NAME/`` like that of a translator, see :mod:`nmt.export.saved_model`, with other signatures.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from nmt.config import Decoding, check_decoding
from nmt.export.saved_model import NO_SCORE, pieces_by_id, score_outputs, search_outputs, write_archive, write_next
from nmt.inference.caption_graph import CaptionGraph
from nmt.inference.captioner import Captioner
from nmt.signatures import caption_signatures


def export(captioner: Captioner, to: Path, settings: Decoding, card: Callable[[int], str] | None = None) -> Path:
    """Write the next version of an export, and return its folder.

    Arguments:
        captioner: a trained model of features.
        to: ``saved_models/NAME``; created if it does not exist.
        settings: how to search; it cannot be chosen later.
        card: returns the text of the model card for the number of a version; without it there is no card.

    Raises:
        InputError: if the place cannot be written to, or the search draws at random.
    """
    check_decoding(dataclasses.replace(captioner.config, decoding=settings), exported=True)
    return write_next(to, lambda folder: write(captioner, folder, settings), card)


def write(captioner: Captioner, folder: Path, settings: Decoding) -> None:
    """Write the SavedModel, the requests that warm it up, and checksums."""
    m = captioner.config.model
    signatures = caption_signatures(m.source_cells, m.source_width)
    write_archive(folder, endpoints(captioner, settings), signatures, [captioner.tokenizers.target])


def endpoints(captioner: Captioner, settings: Decoding) -> dict[str, Callable]:
    """Return the function of each signature, from tensors to tensors."""
    graph = CaptionGraph(captioner.model, captioner.tokenizers)
    pieces = pieces_by_id(captioner.tokenizers.target)
    shape = [None, captioner.config.model.source_cells, captioner.config.model.source_width]

    # Traced, and written, once for both.
    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)], autograph=False)
    def search(features: tf.Tensor) -> dict[str, tf.Tensor]:
        features, finite = _finite(features)
        outputs = search_outputs(graph.caption(settings, features, tf.zeros([tf.shape(features)[0], 0])))
        there = tf.expand_dims(finite, 1)
        return {
            **outputs,
            "text": tf.where(there, outputs["text"], ""),
            "scores": tf.where(there, outputs["scores"], NO_SCORE),
            "unfinished": there & outputs["unfinished"],
            "tokens": tf.where(there, outputs["tokens"][:, 0], 0),
            "alignment": tf.where(tf.expand_dims(there, 2), outputs["alignment"][:, 0], 0.0),
        }

    def serving_default(features: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = search(features)
        return {
            "caption": outputs["text"][:, 0],
            "score": outputs["scores"][:, 0],
            "unfinished": outputs["unfinished"][:, 0],
        }

    def caption(features: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = search(features)
        return {
            "captions": outputs["text"],
            "scores": outputs["scores"],
            "tokens": tf.gather(pieces, outputs["tokens"]),
            "attention": outputs["alignment"],
            "unfinished": outputs["unfinished"],
        }

    def score(features: tf.Tensor, caption: tf.Tensor) -> dict[str, tf.Tensor]:
        features, finite = _finite(features)
        answer = score_outputs(graph.score(features, caption, tf.constant(settings.max_length)), pieces)
        there = tf.expand_dims(finite, 1)
        return {
            "log_probability": tf.where(finite, answer["log_probability"], NO_SCORE),
            "tokens": tf.where(there, answer["tokens"], ""),
            "token_scores": tf.where(there, answer["token_scores"], 0.0),
        }

    return {"serving_default": serving_default, "caption": caption, "score": score}


def _finite(features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return features with zeros for an example that has a number that is not finite, and which examples have none.

    A server cannot refuse one example of a batch, and those beside it have done nothing wrong.
    """
    finite = tf.reduce_all(tf.math.is_finite(features), [1, 2])
    return tf.where(tf.reshape(finite, [-1, 1, 1]), features, 0.0), finite
