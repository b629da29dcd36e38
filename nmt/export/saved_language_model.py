"""An export of a language model for TF Serving: the beginning of a text in, the whole text out.

It is a version of ``NAME/`` like that of a translator, see :mod:`nmt.export.saved_model`, with other signatures: the
likeliest continuation, one that is drawn, and the log-probability of a given text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from nmt.config import Decoding, check_decoding
from nmt.decoding.philox import uniform
from nmt.export.saved_model import BREAKS, write_archive, write_next
from nmt.inference.completer import Completer
from nmt.inference.graph import CompletionGraph
from nmt.signatures import LANGUAGE_SIGNATURES

# What Python calls a space, which a beginning may end with: added text begins with no second one.
_SPACE_AT_END = r"(?s).*[\s\x0b\p{Z}\x1c-\x1f\x{85}]"


def export(completer: Completer, to: Path, settings: Decoding, card: Callable[[int], str] | None = None) -> Path:
    """Write the next version of an export, and return its folder.

    Arguments:
        completer: a trained language model.
        to: ``saved_models/NAME``; created if it does not exist.
        settings: how to search, and with ``sample`` also what the signature ``sample`` draws from: temperature, top_k
            and top_p. It cannot be chosen later.
        card: returns the text of the model card for the number of a version; without it there is no card.

    Raises:
        InputError: if the place cannot be written to, or a setting is not for a language model.
    """
    check_decoding(dataclasses.replace(completer.config, decoding=settings), exported=True)
    return write_next(to, lambda folder: write(completer, folder, settings), card)


def write(completer: Completer, folder: Path, settings: Decoding) -> None:
    """Write the SavedModel, the requests that warm it up, and checksums."""
    write_archive(folder, endpoints(completer, settings), LANGUAGE_SIGNATURES, [completer.tokenizers.target])


def searching_and_drawing(settings: Decoding) -> tuple[Decoding, Decoding]:
    """Return the settings of a search that draws nothing, and those of one that draws.

    >>> [each.sample for each in searching_and_drawing(Decoding(sample=True, top_p=0.9))]
    [False, True]
    """
    plain = dataclasses.replace(
        settings, sample=False, temperature=Decoding.temperature, top_k=Decoding.top_k, top_p=Decoding.top_p
    )
    return plain, dataclasses.replace(settings, sample=True, beam=1)


def endpoints(completer: Completer, settings: Decoding) -> dict[str, Callable]:
    """Return the function of each signature, from tensors to tensors."""
    graph = CompletionGraph(completer.model, completer.tokenizers)
    searching, drawing = searching_and_drawing(settings)

    def completed(how: Decoding, text: tf.Tensor, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = graph.complete(how, text, numbers)
        truncated = outputs["truncated"]
        whole = tf.where(truncated, text, continued(text, outputs["begun"], outputs["text"]))
        return {
            "completion": tf.strings.regex_replace(whole, BREAKS, " "),
            "score": outputs["scores"],
            "truncated": truncated,
            "unfinished": outputs["unfinished"] & ~truncated,
        }

    def serving_default(text: tf.Tensor) -> dict[str, tf.Tensor]:
        return completed(searching, text, tf.zeros([tf.shape(text)[0], 0]))

    def sample(text: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        return completed(drawing, text, uniform(seed, tf.zeros_like(seed), drawing.max_length))

    def score(text: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = graph.score(text, tf.constant(completer.max_pieces))
        return {"log_probability": outputs["scores"], "pieces": tf.cast(outputs["lengths"], tf.int32)}

    return {"serving_default": serving_default, "sample": sample, "score": score}


def continued(given: tf.Tensor, begun: tf.Tensor, written: tf.Tensor) -> tf.Tensor:
    """Return given beginnings with what was added to each, see :func:`nmt.inference.strings.continued`.

    >>> continued(tf.constant(["I ate "]), tf.constant(["I ate"]), tf.constant(["I ate rice"])).numpy()[0]
    b'I ate rice'
    """
    length = tf.strings.length(written)
    start = tf.minimum(tf.strings.length(begun), length)
    added = tf.strings.substr(written, start, length - start)
    spaced = tf.strings.regex_full_match(given, _SPACE_AT_END)
    return given + tf.where(spaced, tf.strings.regex_replace(added, "^ ", ""), added)
