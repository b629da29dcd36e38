"""An export for a device: a TFLite model of ids, the tokenizers, and a program that uses both."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from nmt import model_folder as folders
from nmt.config import Decoding, check_decoding
from nmt.data.tokenizers import Tokenizers
from nmt.errors import InputError
from nmt.export import tflite_runtime
from nmt.inference.lite import Quantize, converted, search_function
from nmt.inference.translator import Translator


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
        # In an interpreter it was no faster, and once gave some sentences an empty translation (docs/measured.md).
        raise InputError("An export for a device searches the whole vocabulary: set decoding.shortlist=false.")
    known = {
        "max_length": settings.max_length,
        "n_best": settings.n_best,
        "aligned": translator.aligned,
        "frequent": sorted(translator.tokenizers.target.frequent()),
    }
    write_folder(to, model=model, card=card, tokenizers=tokenizers, contents=known, program="translate.py")


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
        content = model()
    except (OSError, tf.errors.OpError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.message
        raise InputError(f"The model cannot be converted: {reason}. Nothing was written to {to}.") from None

    def fill(aside: Path) -> None:
        (aside / "model.tflite").write_bytes(content)
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
        listed["digest"] = tflite_runtime.description_checksum(listed)
        (aside / tflite_runtime.CONTENTS).write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")
        (aside / program).write_bytes(Path(tflite_runtime.__file__).read_bytes())
        if card:
            (aside / "card.md").write_text(card, encoding="utf-8")

    folders.make(to, fill)


def convert(translator: Translator, settings: Decoding, quantize: Quantize = "none") -> bytes:
    """Return the TFLite model, for any batch and length. It runs in every interpreter."""
    return converted(search_function(translator, settings), tf.TensorSpec([None, None], tf.int32, "source"), quantize)
