"""Neural machine translation with attention, on Keras 3 and TensorFlow.

The public names. Each is imported when it is first used, so that ``import nmt`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nmt.config import Config, with_settings
    from nmt.inference.captioner import Captioner
    from nmt.inference.completer import Completer, Completion
    from nmt.inference.labeller import Labeller
    from nmt.inference.translator import Translator
    from nmt.layers.attention import (
        BahdanauAttention,
        ConcatAttention,
        CosineAttention,
        DotAttention,
        GeneralAttention,
        ScaledDotAttention,
    )
    from nmt.layers.decoder import Decoder
    from nmt.layers.encoder import Encoder
    from nmt.layers.features import FeatureEncoder
    from nmt.layers.pooling import AttentionPooling
    from nmt.layers.transformer import TransformerDecoder, TransformerEncoder
    from nmt.models.build import build_model
    from nmt.models.caption_model import CaptionModel
    from nmt.models.classifier import SequenceClassifier
    from nmt.models.language_model import LanguageModel
    from nmt.models.masked_language_model import MaskedLanguageModel
    from nmt.models.seq2seq import Seq2Seq
    from nmt.models.tagger import SequenceTagger
    from nmt.training.fit import fit
    from nmt.training.losses import MaskedCrossEntropy
    from nmt.training.metrics import Perplexity, TokenAccuracy
    from nmt.training.optimizers import Adam
    from nmt.training.schedules import WarmUp

_HOMES = {
    "Adam": "nmt.training.optimizers",
    "AttentionPooling": "nmt.layers.pooling",
    "BahdanauAttention": "nmt.layers.attention",
    "CaptionModel": "nmt.models.caption_model",
    "Captioner": "nmt.inference.captioner",
    "Completer": "nmt.inference.completer",
    "Completion": "nmt.inference.completer",
    "ConcatAttention": "nmt.layers.attention",
    "Config": "nmt.config",
    "CosineAttention": "nmt.layers.attention",
    "Decoder": "nmt.layers.decoder",
    "DotAttention": "nmt.layers.attention",
    "Encoder": "nmt.layers.encoder",
    "FeatureEncoder": "nmt.layers.features",
    "GeneralAttention": "nmt.layers.attention",
    "Labeller": "nmt.inference.labeller",
    "LanguageModel": "nmt.models.language_model",
    "MaskedCrossEntropy": "nmt.training.losses",
    "MaskedLanguageModel": "nmt.models.masked_language_model",
    "Perplexity": "nmt.training.metrics",
    "ScaledDotAttention": "nmt.layers.attention",
    "Seq2Seq": "nmt.models.seq2seq",
    "SequenceClassifier": "nmt.models.classifier",
    "SequenceTagger": "nmt.models.tagger",
    "TokenAccuracy": "nmt.training.metrics",
    "TransformerDecoder": "nmt.layers.transformer",
    "TransformerEncoder": "nmt.layers.transformer",
    "Translation": "nmt.translation",
    "Translator": "nmt.inference.translator",
    "WarmUp": "nmt.training.schedules",
    "build_model": "nmt.models.build",
    "fit": "nmt.training.fit",
    "with_settings": "nmt.config",
}

__all__ = [
    "Adam",
    "AttentionPooling",
    "BahdanauAttention",
    "CaptionModel",
    "Captioner",
    "Completer",
    "Completion",
    "ConcatAttention",
    "Config",
    "CosineAttention",
    "Decoder",
    "DotAttention",
    "Encoder",
    "FeatureEncoder",
    "GeneralAttention",
    "Labeller",
    "LanguageModel",
    "MaskedCrossEntropy",
    "MaskedLanguageModel",
    "Perplexity",
    "ScaledDotAttention",
    "Seq2Seq",
    "SequenceClassifier",
    "SequenceTagger",
    "TokenAccuracy",
    "TransformerDecoder",
    "TransformerEncoder",
    "Translation",
    "Translator",
    "WarmUp",
    "build_model",
    "fit",
    "with_settings",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nmt' has no attribute {name!r}")
    if name not in ("Config", "with_settings"):
        import_module("nmt.tf_import").check_backend()
        # Keras finds the class of a saved part only if its module was imported, so all are imported together.
        for home in sorted(set(_HOMES.values()) - {_HOMES["fit"]}):
            import_module(home)
    return getattr(import_module(_HOMES[name]), name)
