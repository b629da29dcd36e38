"""The kinds of attention by name, without TensorFlow, so that settings are checked in no time."""

from __future__ import annotations

from typing import NamedTuple


class AttentionKind(NamedTuple):
    """A kind of attention.

    Attributes:
        layer: the name of its class in :mod:`nmt.layers.attention`.
        units: whether it takes ``units``, ``model.attention_units`` in the config.
        heads: whether it takes ``heads``, ``model.heads`` in the config.
    """

    layer: str
    units: bool = False
    heads: bool = False


# A new kind is its class and one line here, which makes it a value of model.attention, too. The class says the same of
# units and heads, and a test holds the two equal.
ATTENTION_KINDS = {
    "bahdanau": AttentionKind("BahdanauAttention", units=True),
    "dot": AttentionKind("DotAttention"),
    "general": AttentionKind("GeneralAttention"),
    "concat": AttentionKind("ConcatAttention", units=True),
    "scaled_dot": AttentionKind("ScaledDotAttention", units=True, heads=True),
    "cosine": AttentionKind("CosineAttention"),
}
