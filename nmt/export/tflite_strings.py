"""An export for a device that takes strings: TFLite with the tokenizers in it, as operations of tensorflow-text."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import tensorflow as tf
import tensorflow_text

from nmt.config import Decoding
from nmt.data.tokenizers import EOS, PAD, UNK, Tokenizer, Tokenizers
from nmt.errors import InputError
from nmt.export import tflite
from nmt.inference.lite import Quantize, converted, search_function
from nmt.inference.translator import Translator
from nmt.signatures import ON_DEVICE, check_on_device

# The first character of a piece that begins a word.
_SPACE = "▁"

# Texts that normalisation changes or removes, that no vocabulary has, or that resemble a special piece.
_HARD = [
    "",
    " ",
    "  a  b ",
    "\u200b",
    "\u3000a",
    "ﬀ ① Ａ ｱﾊﾟ e\u0301",
    "\u1112\u1161\u11ab",
    "😀👍🏽 \U000f0000",
    "<s> </s>",
]
_HARD += ["<unk><pad>", "▁ a▁b", "a\u2028b\tc\x01d", "\ufeffa\u00adb"]
_PROBES = 1000


def export(translator: Translator, to: Path, settings: Decoding, quantize: Quantize = "none", card: str = "") -> None:
    """Write a new folder with a model that takes a sentence and returns its translation.

    ``model.tflite`` has the signature :data:`~nmt.signatures.ON_DEVICE`, and needs tensorflow-text's operations.

    Arguments:
        translator, to, settings, quantize, card: see :func:`nmt.export.tflite.export`.

    Raises:
        InputError: if the folder holds something, the search samples or returns several translations, or
            TFLite's tokenizer cuts or spells text differently from the translator's.
    """
    check_on_device(translator.config.text.kind, settings.n_best)
    check_equal(translator.tokenizers)
    tflite.write(
        translator,
        to,
        settings,
        model=lambda: convert(translator, settings, quantize),
        card=card,
        tokenizers=None,
    )


def convert(translator: Translator, settings: Decoding, quantize: Quantize = "none") -> bytes:
    """Return the TFLite model."""
    (name, part), *_ = ON_DEVICE.inputs.items()
    takes = tf.TensorSpec(part.shape, part.dtype, name)
    return converted(translation_function(translator, settings), takes, quantize, custom=True)


def translation_function(translator: Translator, settings: Decoding) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Return the function from one sentence ``(1,)`` to the outputs of :data:`~nmt.signatures.ON_DEVICE`."""
    search = search_function(translator, settings)
    tokenize = tokenize_function(translator.tokenizers.source)
    detokenize = detokenize_function(translator.tokenizers.target)
    pieces = [
        ["", *side.pieces(range(1, side.vocabulary))]
        for side in (translator.tokenizers.source, translator.tokenizers.target)
    ]

    def translate(text: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = tokenize(text)
        read = ids[: settings.max_length]
        source = tf.expand_dims(tf.concat([read, [EOS]], 0), 0)
        found = search(source)
        length = found["lengths"][0, 0]
        tokens = found["tokens"][0, 0, :length]
        outputs = {
            "translation": detokenize(tokens),
            "score": tf.where(tf.size(read) > 0, found["scores"][:, 0], 0.0),
            "source_tokens": tf.gather(pieces[0], source),
            "target_tokens": tf.gather(pieces[1], tf.expand_dims(tf.concat([tokens, [PAD]], 0), 0)),
            "alignment": tf.pad(found["alignment"][:, 0, :length], [[0, 0], [0, 1], [0, 0]]),
            "truncated": tf.expand_dims(tf.size(ids) > settings.max_length, 0),
            "unfinished": found["unfinished"][:, 0],
        }
        return {name: each for name, each in outputs.items() if name != "alignment" or translator.aligned}

    return translate


def tokenize_function(tokenizer: Tokenizer) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return the function from strings ``(1,)`` to ids ``(pieces,)``, without BOS and EOS."""
    fast = tensorflow_text.FastSentencepieceTokenizer(tokenizer.model)
    return lambda text: fast.tokenize(text).values


def detokenize_function(tokenizer: Tokenizer) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return the function from ids ``(pieces,)``, without BOS and EOS, to strings ``(1,)``."""
    fast, space = tensorflow_text.FastSentencepieceTokenizer(tokenizer.model), _space(tokenizer)

    def detokenize(tokens: tf.Tensor) -> tf.Tensor:
        kept = normalize_start(tokens, space)
        # TFLite ignores row splits of 64 bits without an error.
        return fast.detokenize(tf.RaggedTensor.from_row_splits(kept, tf.stack([0, tf.size(kept)]), validate=False))

    return detokenize


def normalize_start(tokens: tf.Tensor, space: int) -> tf.Tensor:
    """Return ids ``(pieces,)`` whose start TFLite spells as SentencePiece does.

    TFLite removes the space from the first piece, whatever it is. SentencePiece removes it from the first piece that
    spells something, but not from UNK. So leading spaces are skipped, and PAD, which spells nothing, is put before
    UNK.

    >>> normalize_start(tf.constant([7, 7, UNK, 9]), space=7).numpy().tolist()
    [0, 1, 9]
    """
    length = tf.size(tokens)
    places = tf.where(tokens == space, length, tf.range(length))
    kept = tokens[tf.reduce_min(tf.concat([places, [length]], 0)) :]
    unknown = tf.reduce_sum(tf.cast(kept[:1] == UNK, tf.int32))
    return tf.concat([tf.fill([unknown], PAD), kept], 0)


def check_equal(tokenizers: Tokenizers) -> None:
    """Make sure that TFLite's tokenizers do what the translator's do, by trying them.

    Raises:
        InputError: if one cuts or spells a text differently.
    """
    for tokenizer in {tokenizers.source, tokenizers.target}:
        fast, rows = tensorflow_text.FastSentencepieceTokenizer(tokenizer.model), _rows(tokenizer)
        spelt = tokenizer.decode(tf.ragged.constant(rows, tf.int32, row_splits_dtype=tf.int64))
        if tokenizer is tokenizers.source:
            texts = tf.concat([_HARD, spelt], 0)
            _compare(texts.numpy(), tokenizer.encode(texts).to_list(), fast.tokenize(texts).to_list(), "cuts")
        if tokenizer is tokenizers.target:
            begin = tf.function(partial(normalize_start, space=_space(tokenizer)), [tf.TensorSpec([None], tf.int32)])
            kept = [begin(tf.constant(row, tf.int32)).numpy().tolist() for row in rows]
            ours = fast.detokenize(tf.ragged.constant(kept, tf.int32, row_splits_dtype=tf.int32))
            _compare(rows, spelt.numpy().tolist(), ours.numpy().tolist(), "spells")


def _rows(tokenizer: Tokenizer) -> list[list[int]]:
    """Return sequences of ids to try: drawn from all pieces, some after an unusual start."""
    space = _space(tokenizer)
    starts = [[], [UNK], [space], [space, space], [space, UNK], [UNK, space]]
    draw = random.Random(1)
    pieces = [UNK, *range(EOS + 1, tokenizer.vocabulary)]
    drawn = ([draw.choice(pieces) for _ in range(draw.randrange(8))] for _ in range(_PROBES))
    return [*starts, *([*(draw.choice(starts) if i % 4 == 0 else []), *row] for i, row in enumerate(drawn))]


def _space(tokenizer: Tokenizer) -> int:
    """Return the id of a space alone, or PAD, which is never written, if there is none."""
    ids = {piece: i for i, piece in enumerate(tokenizer.pieces(range(tokenizer.vocabulary)))}
    return ids.get(_SPACE, PAD)


def _compare(given: list, expected: list, found: list, what: str) -> None:
    for one, mine, other in zip(given, expected, found, strict=True):
        if mine != other:
            shown = one.decode() if isinstance(one, bytes) else one
            raise InputError(
                f"TFLite's tokenizer {what} {shown!r} as {other!r}, but this model's as {mine!r}: it would translate "
                "differently. Leave --strings out, and translate.py uses SentencePiece."
            )
