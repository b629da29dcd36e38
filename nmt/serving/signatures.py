"""What an export answers to: the names, types and shapes that every server and client agree on."""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """One input or output. ``None`` in its shape is a size that may be any; the first is the batch."""

    dtype: str
    shape: tuple[int | None, ...]


class Signature(NamedTuple):
    """The inputs and outputs of one signature, by name."""

    inputs: dict[str, Part]
    outputs: dict[str, Part]


_STRINGS, _NUMBERS = Part("string", (None,)), Part("float32", (None,))

SIGNATURES = {
    # The best translation of each text and the log-probability of it.
    "serving_default": Signature({"text": _STRINGS}, {"translation": _STRINGS, "score": _NUMBERS}),
    # The n best translations, the best first, and of the best one the pieces of both sides, padded with empty strings,
    # and the alignment: each row a piece written, each column a piece read, the last of them the source's end.
    "translate": Signature(
        {"text": _STRINGS},
        {
            "translations": Part("string", (None, None)),
            "scores": Part("float32", (None, None)),
            "source_tokens": Part("string", (None, None)),
            "target_tokens": Part("string", (None, None)),
            "alignment": Part("float32", (None, None, None)),
        },
    ),
    # How likely given translations are: the log-probability, the pieces with the end, and that of each.
    "score": Signature(
        {"source": _STRINGS, "target": _STRINGS},
        {
            "log_probability": _NUMBERS,
            "tokens": Part("string", (None, None)),
            "token_scores": Part("float32", (None, None)),
        },
    ),
}
