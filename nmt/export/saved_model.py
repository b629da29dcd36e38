"""An export for TF Serving: strings in, strings out, with no line of this package.

The server reads ``NAME/VERSION/``, takes the highest version, and looks for new ones every second. So a version appears
whole or not at all. Each holds a SavedModel with the signatures of :mod:`nmt.signatures`, requests that the
server replays before it answers anyone, and a card for people.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from nmt import checksums
from nmt.atomic_write import write_version
from nmt.config import Decoding, check_decoding
from nmt.data.tokenizers import EOS, PAD, Tokenizer
from nmt.errors import InputError
from nmt.export.confidence_graph import ConfidenceGraph
from nmt.export.versions import check_place
from nmt.inference.graph import TranslationGraph
from nmt.inference.saved_functions import save_functions
from nmt.inference.translator import Translator
from nmt.signatures import SIGNATURES, Signature

WARMUP = Path("assets.extra", "tf_serving_warmup_requests")

# The score of a translation that was not found: JSON has no infinity.
NO_SCORE = tf.float32.min

# Characters that may end a line or control a terminal. The translator also replaces them by a space.
BREAKS = r"[\p{Cc}\x{2028}\x{2029}]"


def export(translator: Translator, to: Path, settings: Decoding, card: Callable[[int], str] | None = None) -> Path:
    """Write the next version of an export, and return its folder.

    Arguments:
        translator: a trained model.
        to: ``saved_models/NAME``; created if it does not exist.
        settings: how to search; it cannot be chosen later.
        card: returns the text of the model card for the number of a version; without it there is no card.

    Raises:
        InputError: if the place cannot be written to, or the search draws at random.
    """
    check_decoding(dataclasses.replace(translator.config, decoding=settings), exported=True)
    return write_next(to, lambda folder: write(translator, folder, settings), card)


def write_next(to: Path, write: Callable[[Path], None], card: Callable[[int], str] | None = None) -> Path:
    """Write the next version of an export, and return its folder.

    Arguments:
        to: ``saved_models/NAME``; created if it does not exist.
        write: writes a version into a new folder.
        card: returns the text of the model card for the number of a version; without it there is no card.

    Raises:
        InputError: if the place cannot be written to.
    """
    check_place(to)

    def number(folder: Path, version: int) -> None:
        if card:
            (folder / "card.md").write_text(card(version), encoding="utf-8")

    try:
        version = write_version(to, write, number)
    except (OSError, tf.errors.OpError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.message
        raise InputError(f"{to} cannot be written: {reason}. No version was made.") from None
    return to / str(version)


def write(translator: Translator, folder: Path, settings: Decoding) -> None:
    """Write the SavedModel, the requests that warm it up, and checksums."""
    tokenizers = {translator.tokenizers.source, translator.tokenizers.target}
    write_archive(folder, endpoints(translator, settings), SIGNATURES, tokenizers)


def write_archive(
    folder: Path,
    endpoints: Mapping[str, Callable],
    signatures: Mapping[str, Signature],
    tokenizers: Iterable[Tokenizer],
) -> None:
    """Write a SavedModel of these functions, the requests that warm it up, and checksums.

    Arguments:
        folder: a new folder.
        endpoints: the function of each signature, from tensors to tensors.
        signatures: their inputs and outputs.
        tokenizers: that the functions use.
    """
    functions = {
        name: (endpoint, [tf.TensorSpec(part.shape, part.dtype, key) for key, part in signatures[name].inputs.items()])
        for name, endpoint in endpoints.items()
    }
    save_functions(folder, functions, [tokenizer.resource for tokenizer in tokenizers])
    (folder / WARMUP).parent.mkdir()
    _write_warmup(folder / WARMUP, signatures)
    parts = (path for path in folder.rglob("*") if path.is_file())
    checksums.write(folder, sorted(path.relative_to(folder).as_posix() for path in parts))


def endpoints(translator: Translator, settings: Decoding) -> dict[str, Callable]:
    """Return the function of each signature, from tensors to tensors."""
    graph = TranslationGraph(translator.searched, translator.tokenizers, translator.shortlist)
    rated = translator.confidence and ConfidenceGraph(translator.confidence, translator.tokenizers, translator.aligned)
    pieces = [pieces_by_id(tokenizer) for tokenizer in (translator.tokenizers.source, translator.tokenizers.target)]

    # Traced, and written, once for both.
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def search(text: tf.Tensor) -> dict[str, tf.Tensor]:
        no_numbers = tf.zeros([tf.shape(text)[0], 0])
        outputs = graph.translate(
            settings, prefixed=False, texts=text, prefixes=tf.fill(tf.shape(text), ""), numbers=no_numbers
        )
        return search_outputs(outputs)

    def serving_default(text: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = search(text)
        return {
            "translation": outputs["text"][:, 0],
            "score": outputs["scores"][:, 0],
            "source_truncated": outputs["truncated"],
            "unfinished": outputs["unfinished"][:, 0],
        }

    def translate(text: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = search(text)
        return {
            "translations": outputs["text"],
            "scores": outputs["scores"],
            "source_tokens": tf.gather(pieces[0], outputs["source"]),
            "target_tokens": tf.gather(pieces[1], outputs["tokens"][:, 0]),
            "alignment": outputs["alignment"][:, 0],
            "source_truncated": outputs["truncated"],
            "unfinished": outputs["unfinished"],
            **(rated(outputs) if rated else {}),
        }

    def score(source: tf.Tensor, target: tf.Tensor) -> dict[str, tf.Tensor]:
        return score_outputs(graph.score(source, target, tf.constant(settings.max_length)), pieces[1])

    return {"serving_default": serving_default, "translate": translate, "score": score}


def search_outputs(outputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Return the outputs of a graph's search as the signatures answer them: texts of one line, and finite scores."""
    found = outputs["ranks"] > tf.float32.min
    return {
        **outputs,
        "text": tf.where(found, tf.strings.regex_replace(outputs["text"], BREAKS, " "), ""),
        "scores": tf.where(found, outputs["scores"], NO_SCORE),
        "unfinished": found & outputs["unfinished"],
    }


def score_outputs(outputs: Mapping[str, tf.Tensor], pieces: Sequence[str]) -> dict[str, tf.Tensor]:
    """Return what the signature ``score`` answers, from the outputs of a graph and the piece of each id."""
    end = tf.one_hot(outputs["lengths"][:, 0], tf.shape(outputs["token_scores"])[2], dtype=tf.int32) * EOS
    tokens = tf.pad(outputs["tokens"][:, 0], [[0, 0], [0, 1]])[:, : tf.shape(end)[1]]
    return {
        "log_probability": outputs["scores"][:, 0],
        "tokens": tf.gather(pieces, tokens + tf.where(outputs["unfinished"], 0, end)),
        "token_scores": outputs["token_scores"][:, 0],
    }


def pieces_by_id(tokenizer: Tokenizer) -> list[str]:
    """Return the piece of each id; PAD's is empty."""
    return ["" if i == PAD else piece for i, piece in enumerate(tokenizer.pieces(range(tokenizer.vocabulary)))]


def _write_warmup(path: Path, signatures: Mapping[str, Signature]) -> None:
    """Write requests of every signature, in the format that the server replays."""
    from tensorflow_serving.apis.predict_pb2 import PredictRequest
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog

    with tf.io.TFRecordWriter(str(path)) as writer:
        for rows in (1, 3):
            for name, signature in signatures.items():
                request = PredictRequest()
                request.model_spec.signature_name = name
                for key, part in signature.inputs.items():
                    value: Any = "a b c" if part.dtype == "string" else 1
                    shape = (rows, *part.shape[1:])
                    request.inputs[key].CopyFrom(tf.make_tensor_proto(value, part.dtype, shape))
                log = PredictionLog(predict_log=PredictLog(request=request))
                writer.write(log.SerializeToString())
