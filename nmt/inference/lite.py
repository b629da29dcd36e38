"""Searches as LiteRT models, and a search of one sentence in LiteRT's interpreter."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import tensorflow as tf

from nmt.config import Decoding, beam_size
from nmt.data.tokenizers import BOS, EOS, PAD, UNK
from nmt.decoding.constraints import Constraints
from nmt.decoding.ensemble import Ensemble
from nmt.decoding.history import DENSE
from nmt.decoding.repetition import stop_repetition
from nmt.decoding.strategies import constraints_for, graph_settings, search, with_spares
from nmt.errors import InputError, first_line
from nmt.inference.saved_functions import save_functions
from nmt.layers.recurrence import dense_loops
from nmt.tf_import import quantize_dense_layers_whole

if TYPE_CHECKING:
    from nmt.inference.translator import Translator

Quantize = Literal["none", "float16", "int8"]

# What converters and interpreters are asked for.
SIGNATURE = "translate"


class LiteSearch:
    """Greedy searches of one sentence, in LiteRT's interpreter on one thread.

    A search is some hundred small operations a token. For each of them TensorFlow takes longer than LiteRT, which runs
    them one after another in the order in which they were written down. The numbers are the same but for rounding.

    A model is converted when its settings are first asked for, which takes seconds, with the weights that it then has.
    Several threads may ask; they take turns.

    Arguments:
        translator: whose model is searched.
    """

    def __init__(self, translator: Translator) -> None:
        self._lock = Lock()
        self._runner = lru_cache(4)(lambda settings: _runner(translator, settings))

    @staticmethod
    def serves(settings: Decoding) -> bool:
        """Return whether it searches with these settings: greedily, with the whole vocabulary."""
        return beam_size(settings) == 1 and settings.n_best == 1 and not settings.sample and not settings.shortlist

    def __call__(self, settings: Decoding, source: np.ndarray) -> dict[str, np.ndarray]:
        """Search.

        Arguments:
            settings: the section ``decoding`` of a config.
            source: the ids of one sentence and EOS, ``(1, source)``.

        Returns:
            The fields of :class:`~nmt.decoding.search.Hypotheses`, and ``unfinished`` ``(1, 1)``.

        Raises:
            InputError: if the model cannot be converted.
        """
        with self._lock:
            return self._runner(graph_settings(settings))(source=source)


def _runner(translator: Translator, settings: Decoding) -> Callable[..., dict[str, np.ndarray]]:
    from ai_edge_litert.interpreter import Interpreter

    function = search_function(translator, settings, (*OUTPUTS, "token_scores"))
    # The converter runs a loop over a known number of rows faster; but of a Transformer, whose cache of keys grows by
    # its loop, it then refuses it. In an ensemble one may stand beside a recurrent model.
    alone = not isinstance(translator.searched, Ensemble)
    rows = 1 if alone and translator.config.model.architecture == "recurrent" else None
    try:
        model = converted(function, tf.TensorSpec([rows, None], tf.int32, "source"), "none")
    except Exception as error:  # the converter has errors of its own, which have no public name
        reason = error.strerror if isinstance(error, OSError) else first_line(error)
        raise InputError(f"The model cannot be converted for LiteRT: {reason}. Open it without lite=True.") from error
    return Interpreter(model_content=model, num_threads=1).get_signature_runner(SIGNATURE)


def converted(translate: Callable, takes: tf.TensorSpec, quantize: Quantize, custom: bool = False) -> bytes:
    """Return a function as a TFLite model.

    Arguments:
        translate: from one tensor to tensors by name.
        takes: its input.
        quantize: the type of the stored weights.
        custom: whether to allow operations that are not built into an interpreter.
    """
    return all_converted({SIGNATURE: (translate, [takes])}, quantize, custom)


def all_converted(
    signatures: Mapping[str, tuple[Callable, Sequence[tf.TensorSpec]]], quantize: Quantize, custom: bool = False
) -> bytes:
    """Return several functions as the signatures of one TFLite model, which has their weights once.

    Arguments:
        signatures: by name, each a function and its inputs.
        quantize, custom: see :func:`converted`.
    """
    with tempfile.TemporaryDirectory() as place:
        save_functions(Path(place), signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(place, signature_keys=list(signatures))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.allow_custom_ops = custom
        # A note on the converter, for which the whole model would be read and written once more in Python.
        converter.exclude_conversion_metadata = True
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
    model = translator.searched if aligned else UnalignedModel(translator.searched)

    space = translator.tokenizers.target.space

    def translate(source: tf.Tensor) -> dict[str, tf.Tensor]:
        mask = (source != PAD) & (source != EOS)
        lengths = tf.reduce_sum(tf.cast(mask, tf.int32), 1)
        constraints = constraints_for(settings, lengths, prefix=None, unknown=UNK, space=space)
        covered = mask if aligned else mask[:, :1]
        return dense_search(model, with_spares(settings), source, mask=covered, constraints=constraints, fields=fields)

    return translate


def dense_search(
    model: Any,
    settings: Decoding,
    source: tf.Tensor,
    *,
    mask: tf.Tensor,
    constraints: Constraints,
    numbers: tf.Tensor | None = None,
    fields: Sequence[str] = OUTPUTS,
) -> dict[str, tf.Tensor]:
    """Return ``fields`` of the hypotheses of a search that TFLite can run, and ``unfinished``.

    Arguments:
        model, settings, mask, constraints: see :func:`~nmt.decoding.strategies.search`.
        source: what the model encodes.
        numbers: the same, if it draws.
        fields: of :class:`~nmt.decoding.search.Hypotheses`.
    """
    with dense_loops():
        found = search(
            model,
            settings,
            memory=model.encode(source),
            mask=mask,
            constraints=constraints,
            numbers=tf.zeros([tf.shape(source)[0], 0]) if numbers is None else numbers,
            bos=BOS,
            eos=EOS,
            history=DENSE,
        )
    found, cut_off = stop_repetition(found, constraints)
    return {**{name: getattr(found, name) for name in fields}, "unfinished": cut_off}


class UnalignedModel:
    """A model without attention, with an alignment of one column of zeros: TFLite needs at least one column."""

    def __init__(self, model: Any) -> None:
        self.encode, self.initial_state, self._step = model.encode, model.initial_state, model.step

    def step(self, tokens: tf.Tensor, state: Any, memory: Any) -> tuple[tf.Tensor, Any, tf.Tensor]:
        logits, state, _ = self._step(tokens, state, memory)
        return logits, state, tf.zeros([tf.shape(logits)[0], 1])
