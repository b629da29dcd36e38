"""An export for a device: a TFLite model of ids, the tokenizers, and a program that uses both."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import tensorflow as tf

from nmt import model_folder as folders
from nmt.config import Decoding, check_decoding
from nmt.data.tokenizers import BOS, EOS, PAD, UNK, Tokenizers
from nmt.decoding.history import DENSE
from nmt.decoding.repetition import stop_repetition
from nmt.decoding.strategies import constraints_for, search, with_spares
from nmt.errors import InputError
from nmt.export import tflite_runtime
from nmt.inference.translator import Translator
from nmt.layers.recurrence import dense_loops
from nmt.tf_import import quantize_dense_layers_whole

Quantize = Literal["none", "float16", "int8"]


def export(translator: Translator, to: Path, settings: Decoding, quantize: Quantize = "none", card: str = "") -> None:
    """Write a new folder with all a device needs.

    ``model.tflite`` takes ``source``, ids ``(batch, source)`` with the end token and zeros after it, and returns the
    fields of :class:`~nmt.decoding.search.Hypotheses` that a translation needs, and ``unfinished``
    ``(batch, n_best)``: whether a hypothesis has no end token. With several they are all of the beam, where a text may
    be written twice; ``translate.py`` keeps the ``n_best`` different ones.

    Arguments:
        translator: a trained model.
        to: the folder; new or empty.
        settings: how to search; it cannot be chosen later.
        quantize: the type of the stored weights. With ``int8``, products are also computed in integers; a
            page does otherwise, see :mod:`nmt.export.stored_in_int8`.
        card: the text of the model card; without it there is no card.

    Raises:
        InputError: if the folder holds something, or the search draws at random.
    """
    write(
        translator,
        to,
        settings,
        model=lambda: convert(translator, settings, quantize),
        card=card,
        tokenizers=translator.tokenizers,
    )


def write(
    translator: Translator,
    to: Path,
    settings: Decoding,
    *,
    model: Callable[[], bytes],
    card: str,
    tokenizers: Tokenizers | None,
) -> None:
    """Write a new folder that :mod:`nmt.export.tflite_runtime` reads.

    Arguments:
        translator, to, settings, card: see :func:`export`.
        model: makes the TFLite model.
        tokenizers: to write beside it; ``None`` for a model that takes strings.

    Raises:
        InputError: see :func:`export`.
    """
    check_decoding(dataclasses.replace(translator.config, decoding=settings), exported=True)
    if settings.shortlist:
        # An interpreter that has read sentences of other lengths before then gave some an empty translation.
        raise InputError("An export for a device searches the whole vocabulary: set decoding.shortlist=false.")
    limits = {"max_length": settings.max_length, "n_best": settings.n_best, "aligned": translator.aligned}
    write_folder(to, model=model, card=card, tokenizers=tokenizers, contents=limits, program="translate.py")


def write_folder(
    to: Path,
    *,
    model: Callable[[], bytes],
    card: str,
    tokenizers: Tokenizers | None,
    contents: dict[str, Any],
    program: str,
) -> None:
    """Write a new folder with a TFLite model, its tokenizers, and the program that runs it.

    Arguments:
        to: the folder; new or empty.
        model: makes the TFLite model.
        card: the text of the model card; without it there is no card.
        tokenizers: to write beside it; ``None`` for a model that takes strings.
        contents: what the program must know, beside the names and checksums of the files.
        program: its name in the folder.

    Raises:
        InputError: if the folder holds something, or the model cannot be converted.
    """
    folders.check_new(to)
    try:
        converted = model()
    except (OSError, tf.errors.OpError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.message
        raise InputError(f"The model cannot be converted: {reason}. Nothing was written to {to}.") from None

    def fill(aside: Path) -> None:
        (aside / "model.tflite").write_bytes(converted)
        if tokenizers:
            tokenizers.save(aside)
        models = [path.name for path in sorted(aside.glob("*.spm.model"))]
        named = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in aside.iterdir()}
        listed = {
            "format": tflite_runtime.FORMAT,
            "files": named,
            "takes": "ids" if models else "strings",
            **({"source": models[0], "target": models[-1]} if models else {}),
            **contents,
        }
        listed["digest"] = tflite_runtime.digest(listed)
        (aside / tflite_runtime.CONTENTS).write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")
        (aside / program).write_bytes(Path(tflite_runtime.__file__).read_bytes())
        if card:
            (aside / "card.md").write_text(card, encoding="utf-8")

    folders.make(to, fill)


def convert(translator: Translator, settings: Decoding, quantize: Quantize = "none") -> bytes:
    """Return the TFLite model, for any batch and length. It runs in every interpreter."""
    return converted(search_function(translator, settings), tf.TensorSpec([None, None], tf.int32, "source"), quantize)


def converted(translate: Callable, takes: tf.TensorSpec, quantize: Quantize, custom: bool = False) -> bytes:
    """Return a function as a TFLite model.

    Arguments:
        translate: from one tensor to tensors by name.
        takes: its input.
        quantize: the type of the stored weights.
        custom: whether to allow operations that are not built into an interpreter.
    """
    return all_converted({"translate": (translate, [takes])}, quantize, custom)


def all_converted(
    signatures: Mapping[str, tuple[Callable, Sequence[tf.TensorSpec]]], quantize: Quantize, custom: bool = False
) -> bytes:
    """Return several functions as the signatures of one TFLite model, which has their weights once.

    Arguments:
        signatures: by name, each a function and its inputs.
        quantize, custom: see :func:`converted`.
    """
    archive = keras.export.ExportArchive()
    for name, (function, takes) in signatures.items():
        archive.add_endpoint(name, function, list(takes))
    with tempfile.TemporaryDirectory() as place:
        archive.write_out(place, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(place, signature_keys=list(signatures))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.allow_custom_ops = custom
        if quantize != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if quantize == "int8":
            quantize_dense_layers_whole(converter)
        return converter.convert()


# The fields of hypotheses that the program on a device reads.
OUTPUTS = ("tokens", "lengths", "scores", "ranks", "alignment")


def search_function(
    translator: Translator, settings: Decoding, fields: Sequence[str] = OUTPUTS
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Return the function from source ids to ``fields`` of hypotheses, and ``unfinished``."""
    aligned = translator.aligned
    model = translator.searched if aligned else Unaligned(translator.searched)

    space = translator.tokenizers.target.space

    def translate(source: tf.Tensor) -> dict[str, tf.Tensor]:
        mask = (source != PAD) & (source != EOS)
        lengths = tf.reduce_sum(tf.cast(mask, tf.int32), 1)
        constraints = constraints_for(settings, lengths, prefix=None, unknown=UNK, space=space)
        with dense_loops():
            found = search(
                model,
                with_spares(settings),
                memory=model.encode(source),
                mask=mask if aligned else mask[:, :1],
                constraints=constraints,
                numbers=tf.zeros([tf.shape(source)[0], 0]),
                bos=BOS,
                eos=EOS,
                history=DENSE,
            )
        found, cut_off = stop_repetition(found, constraints)
        outputs = {name: getattr(found, name) for name in fields}
        return {**outputs, "unfinished": cut_off}

    return translate


class Unaligned:
    """A model without attention, with an alignment of one column of zeros: TFLite needs at least one column."""

    def __init__(self, model: Any) -> None:
        self.encode, self.initial_state, self._step = model.encode, model.initial_state, model.step

    def step(self, tokens: tf.Tensor, state: Any, memory: Any) -> tuple[tf.Tensor, Any, tf.Tensor]:
        logits, state, _ = self._step(tokens, state, memory)
        return logits, state, tf.zeros([tf.shape(logits)[0], 1])
