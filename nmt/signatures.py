"""The signatures of an export: the names, types and shapes that every server and client agree on."""

from __future__ import annotations

from typing import NamedTuple

from nmt.errors import InputError


class TensorInfo(NamedTuple):
    """One input or output. ``None`` in its shape is any size; the first is the batch."""

    dtype: str
    shape: tuple[int | None, ...]


class Signature(NamedTuple):
    """The inputs and outputs of one signature, by name."""

    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]


_STRINGS, _NUMBERS, _FLAGS = TensorInfo("string", (None,)), TensorInfo("float32", (None,)), TensorInfo("bool", (None,))

SIGNATURES = {
    # The best translation of each text and its log-probability; whether the text was longer than the model reads, and
    # whether the translation has no end token, because it reached its maximum length.
    "serving_default": Signature(
        {"text": _STRINGS},
        {"translation": _STRINGS, "score": _NUMBERS, "source_truncated": _FLAGS, "unfinished": _FLAGS},
    ),
    # The n best translations, the best first. For the best one also the pieces of both sides, padded with empty
    # strings, and the alignment: a row for each target piece, a column for each source piece and, last, for the
    # source's end. What was cut is told as above, "unfinished" for each translation.
    "translate": Signature(
        {"text": _STRINGS},
        {
            "translations": TensorInfo("string", (None, None)),
            "scores": TensorInfo("float32", (None, None)),
            "source_tokens": TensorInfo("string", (None, None)),
            "target_tokens": TensorInfo("string", (None, None)),
            "alignment": TensorInfo("float32", (None, None, None)),
            "source_truncated": _FLAGS,
            "unfinished": TensorInfo("bool", (None, None)),
        },
    ),
    # Given translations: their log-probability, the pieces with the end, and the log-probability of each.
    "score": Signature(
        {"source": _STRINGS, "target": _STRINGS},
        {
            "log_probability": _NUMBERS,
            "tokens": TensorInfo("string", (None, None)),
            "token_scores": TensorInfo("float32", (None, None)),
        },
    ),
}

# The signatures of the export of a language model: how it continues each text, the likeliest way and by a draw,
# which the seed decides, and the log-probability of given texts with the number of their pieces, the end included. A
# text that is longer than the model reads is truncated: nothing was added to it.
_COMPLETION = {"completion": _STRINGS, "score": _NUMBERS, "truncated": _FLAGS, "unfinished": _FLAGS}
LANGUAGE_SIGNATURES = {
    "serving_default": Signature({"text": _STRINGS}, _COMPLETION),
    "sample": Signature({"text": _STRINGS, "seed": TensorInfo("int64", (None,))}, _COMPLETION),
    "score": Signature({"text": _STRINGS}, {"log_probability": _NUMBERS, "pieces": TensorInfo("int32", (None,))}),
}

# What "translate" also answers where a model has learned a confidence: that of the best translation, its words, and the
# confidence of each, padded with empty strings and zeros. A translation without words has 0. One whose confidence is
# not known has UNRATED, and no words.
UNRATED = -1.0
CONFIDENCE_OUTPUTS = {
    "confidence": _NUMBERS,
    "words": TensorInfo("string", (None, None)),
    "word_confidences": TensorInfo("float32", (None, None)),
}

# The signatures of the export of a classifier: the label of each text, and all labels, the likeliest first, with the
# pieces that were read, padded with empty strings, and the weight of each in the decision.
CLASSIFIER_SIGNATURES = {
    "serving_default": Signature({"text": _STRINGS}, {"label": _STRINGS, "probability": _NUMBERS, "truncated": _FLAGS}),
    "classify": Signature(
        {"text": _STRINGS},
        {
            "labels": TensorInfo("string", (None, None)),
            "probabilities": TensorInfo("float32", (None, None)),
            "tokens": TensorInfo("string", (None, None)),
            "attention": TensorInfo("float32", (None, None)),
            "truncated": _FLAGS,
        },
    ),
}

# Those of a tagger: the words or characters that were read, padded with empty strings, and the label of each; and the
# probabilities of all labels in the order of their names.
_TAGGED = {
    "tokens": TensorInfo("string", (None, None)),
    "labels": TensorInfo("string", (None, None)),
    "truncated": _FLAGS,
}
TAGGER_SIGNATURES = {
    "serving_default": Signature({"text": _STRINGS}, _TAGGED),
    "tag": Signature(
        {"text": _STRINGS},
        {
            **_TAGGED,
            "probabilities": TensorInfo("float32", (None, None, None)),
            "names": TensorInfo("string", (None, None)),
        },
    ),
}


def caption_signatures(cells: int, width: int) -> dict[str, Signature]:
    """Return the signatures of the export of a model of features, for examples of shape ``(cells, width)``.

    The best caption and its log-probability, and whether it has no end token. ``caption`` has the n best; for the best
    one also its pieces, padded with empty strings, and the weight of each cell for each piece. ``score`` has what that
    of a translator has. An example with a number that is not finite has no caption.

    >>> caption_signatures(36, 49)["serving_default"].inputs["features"].shape
    (None, 36, 49)
    """
    features = TensorInfo("float32", (None, cells, width))
    captions = {
        "captions": TensorInfo("string", (None, None)),
        "scores": TensorInfo("float32", (None, None)),
        "tokens": TensorInfo("string", (None, None)),
        "attention": TensorInfo("float32", (None, None, None)),
        "unfinished": TensorInfo("bool", (None, None)),
    }
    best = {"caption": _STRINGS, "score": _NUMBERS, "unfinished": _FLAGS}
    return {
        "serving_default": Signature({"features": features}, best),
        "caption": Signature({"features": features}, captions),
        "score": Signature({"features": features, "caption": _STRINGS}, SIGNATURES["score"].outputs),
    }


# Outputs that exports of earlier versions lack. What they would say is then unknown.
ADDED_OUTPUTS = ("source_truncated", "unfinished")

# The signature of a TFLite model of strings, for one sentence at a time. The pieces are those of "translate". An empty
# string follows the target pieces, and a row of zeros follows in the alignment: TFLite cannot return an empty tensor.
ON_DEVICE = Signature(
    {"text": TensorInfo("string", (1,))},
    {
        "translation": TensorInfo("string", (1,)),
        "score": TensorInfo("float32", (1,)),
        "source_tokens": TensorInfo("string", (1, None)),
        "target_tokens": TensorInfo("string", (1, None)),
        "alignment": TensorInfo("float32", (1, None, None)),
        "truncated": TensorInfo("bool", (1,)),  # the source
        "unfinished": TensorInfo("bool", (1,)),
    },
)


def check_on_device(kind: str, n_best: int) -> None:
    """Make sure that a TFLite model can take strings with this text.kind and decoding.n_best.

    Raises:
        InputError: if TFLite cannot cut the text into pieces, or return that many translations.

    >>> check_on_device("unigram", n_best=2)
    Traceback (most recent call last):
    nmt.errors.InputError: A TFLite model of strings gives the best translation alone: decoding.n_best must be 1, not 2.
    """
    if kind != "unigram":
        raise InputError(
            f"--strings is not possible with text.kind = '{kind}': TFLite's tokenizer cuts text as a unigram model "
            "does. Leave --strings out, and translate.py cuts the text; or train with text.kind = 'unigram'."
        )
    if n_best > 1:
        raise InputError(
            f"A TFLite model of strings gives the best translation alone: decoding.n_best must be 1, not {n_best}."
        )
