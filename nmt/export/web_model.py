"""The model of a page: TFLite with a signature for each of a few lengths, because a browser cannot resize inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from nmt.config import Decoding, beam_size, max_ratio
from nmt.data.tokenizers import EOS, PAD
from nmt.decoding.strategies import EXTRA, with_spares
from nmt.export.stored_in_int8 import runnable, stored
from nmt.inference.lite import Quantize, all_converted, search_function
from nmt.inference.translator import Translator

# Tokens that a signature reads, EOS included. The last one reads decoding.max_length.
_LENGTHS = (17, 65)
_FIELDS = ("tokens", "lengths", "scores", "token_scores", "alignment")


class WebSignature(NamedTuple):
    """One signature of the model.

    Its input is ``source`` ``(1, reads)``: ids with EOS, then zeros. Its outputs have the same size for every text:
    ``tokens`` and ``token_scores`` ``(1, hypotheses, writes)``, ``lengths``, ``scores``, ``ranks`` and ``unfinished``
    ``(1, hypotheses)``, ``alignment`` ``(1, hypotheses, writes, reads)``. A greedy search has no ``ranks``: they would
    be the tensor ``scores`` again, and the runtime in the browser loses one of two outputs that are the same tensor.

    Attributes:
        name: of the signature.
        reads: the number of tokens that it reads, with EOS.
        writes: the largest number of tokens that it writes.
        hypotheses: how many it returns.
    """

    name: str
    reads: int
    writes: int
    hypotheses: int


def signatures(settings: Decoding) -> list[WebSignature]:
    """Return the signatures for a search, the shortest first.

    >>> [(each.reads, each.writes) for each in signatures(Decoding(max_length=200))]
    [(17, 58), (65, 200), (201, 200)]
    """
    longest = settings.max_length + 1
    hypotheses = with_spares(settings).n_best
    return [
        WebSignature(f"translate_{reads}", reads, _most_written(settings, reads - 1), hypotheses)
        for reads in (*(length for length in _LENGTHS if length < longest), longest)
    ]


def _most_written(settings: Decoding, pieces: int) -> int:
    """Return the most tokens of a translation of a number of pieces: see ``strategies.constraints_for``."""
    most = math.ceil(max_ratio(settings) * pieces) + EXTRA
    least = max(settings.min_length, math.ceil(settings.min_ratio * pieces))
    return min(max(most, least + 1), settings.max_length)


def convert(translator: Translator, settings: Decoding, quantize: Quantize) -> bytes:
    """Return the TFLite model with all :func:`signatures`, in the form in which it is stored."""
    several = beam_size(settings) > 1
    search = search_function(translator, settings, (*_FIELDS, "ranks") if several else _FIELDS)
    functions = {
        each.name: (_padded(search, each), [tf.TensorSpec([1, each.reads], tf.int32, "source")])
        for each in signatures(settings)
    }
    if quantize == "int8":
        return stored(all_converted(functions, "none"))
    return all_converted(functions, quantize)


def _padded(search: Callable, signature: WebSignature) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Return a search of which every output has the same size for every text."""
    writes, hypotheses = signature.writes, signature.hypotheses

    def translate(source: tf.Tensor) -> dict[str, tf.Tensor]:
        found = search(source)
        missing = writes - tf.shape(found["tokens"])[2]
        outputs = {}
        for name, each in found.items():
            each = tf.cast(each, tf.int32) if each.dtype == tf.bool else each
            if name in ("tokens", "token_scores", "alignment"):
                each = tf.pad(each, [[0, 0], [0, 0], [0, missing], [0, 0]][: len(each.shape)])
                rest = [each.shape[-1]] if name == "alignment" else []
                outputs[name] = tf.reshape(each, [1, hypotheses, writes, *rest])
            else:
                outputs[name] = tf.reshape(each, [1, hypotheses])
        return outputs

    return translate


class Runner:
    """The model in the interpreter of this machine: what a page does, in Python.

    Arguments:
        model: the TFLite model, as it is stored.
        all_signatures: its :func:`signatures`.
    """

    def __init__(self, model: bytes, all_signatures: Sequence[WebSignature]) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._signatures = all_signatures
        self._interpreter = Interpreter(model_content=runnable(model))
        self._runs = {each.name: self._interpreter.get_signature_runner(each.name) for each in self._signatures}

    def search(self, ids: Sequence[int], signature: WebSignature | None = None) -> dict[str, np.ndarray]:
        """Return the outputs for the ids of a text, without EOS, of the shortest signature that reads them all."""
        chosen = signature or next(each for each in self._signatures if each.reads > len(ids))
        source = np.full([1, chosen.reads], PAD, np.int32)
        source[0, : len(ids) + 1] = [*ids, EOS]
        outputs: dict[str, Any] = self._runs[chosen.name](source=source)
        return {name: np.asarray(output)[0] for name, output in outputs.items()}
