"""A model from a config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nmt.config import Config
from nmt.errors import InputError
from nmt.layers.attention import ATTENTIONS, Attention, FixedContext, make_attention
from nmt.layers.cells import CELLS
from nmt.layers.decoder import Decoder
from nmt.layers.encoder import Encoder
from nmt.layers.features import FeatureEncoder
from nmt.layers.transformer import TransformerDecoder, TransformerEncoder
from nmt.models.caption_model import CaptionModel
from nmt.models.classifier import SequenceClassifier
from nmt.models.language_model import LanguageModel
from nmt.models.masked_language_model import MaskedLanguageModel
from nmt.models.seq2seq import Seq2Seq
from nmt.models.tagger import SequenceTagger


def build_model(config: Config, source_vocabulary: int | None = None, target_vocabulary: int | None = None) -> Any:
    """Return a new model with its weights, ready to compile and fit.

    Arguments:
        config: the whole configuration.
        source_vocabulary, target_vocabulary: numbers of tokens; ``text.vocabulary_size`` if not given. A language model
            and a model of features use only the second. For a classifier or a tagger that is the number of labels.

    Returns:
        A :class:`Seq2Seq`, :class:`CaptionModel`, :class:`LanguageModel`, :class:`MaskedLanguageModel`,
        :class:`SequenceClassifier` or :class:`SequenceTagger`.

    Raises:
        InputError: if one of both sizes is not given and the config's is ``auto``.

    >>> import tensorflow as tf
    >>> from nmt.config import Config, with_settings
    >>> config = with_settings(Config(), ["text.vocabulary_size=50", "model.units=8"])
    >>> build_model(config)({"source": tf.constant([[7, 9, 3]]), "target": tf.constant([[2, 5]])}).shape
    TensorShape([1, 2, 50])
    """
    size = config.text.vocabulary_size
    if size == "auto" and (source_vocabulary is None or target_vocabulary is None):
        raise InputError("text.vocabulary_size is 'auto', so build_model needs the size of each vocabulary.")
    make = ARCHITECTURES[config.model.architecture]
    model = make(config, source_vocabulary or int(size), target_vocabulary or int(size))
    model.build()
    return model


def recurrent(config: Config, source_vocabulary: int, target_vocabulary: int) -> Seq2Seq | CaptionModel:
    """Return a recurrent encoder, or one of features, and a recurrent decoder, not built yet.

    Arguments:
        config, source_vocabulary, target_vocabulary: as those of :func:`build_model`.
    """
    m = config.model
    attention = ATTENTIONS.get(m.attention)
    if m.source == "features":
        layer = make_attention(m.attention, m.attention_units, m.heads) if attention else FixedContext(m.units)
        bridge = (m.units, m.decoder_layers, CELLS[m.cell].states)
        return _caption_model(config, target_vocabulary, bridge, _recurrent_decoder(config, layer))
    encoder = _recurrent_encoder(
        config,
        bridge=(m.units, m.decoder_layers),
        # The sum of both directions is as wide as the decoder's state.
        merge="sum" if attention and attention.needs_equal_width else "concat",
    )
    layer = make_attention(m.attention, m.attention_units, m.heads) if attention else FixedContext(m.units)
    decoder = _recurrent_decoder(config, layer)
    return _seq2seq(config, source_vocabulary, target_vocabulary, encoder=encoder, decoder=decoder)


def transformer(config: Config, source_vocabulary: int, target_vocabulary: int) -> Seq2Seq | CaptionModel:
    """Return a Transformer, or its decoder behind an encoder of features, not built yet.

    Arguments:
        config, source_vocabulary, target_vocabulary: as those of :func:`build_model`.
    """
    m = config.model
    shared = _stack(config)
    features = m.source == "features"
    # Before the decoder: the order in which layers are made decides on their random weights.
    encoder = None if features else TransformerEncoder(layers=m.encoder_layers, **shared)
    decoder = TransformerDecoder(
        layers=m.decoder_layers,
        layer=None if m.alignment_layer == "last" else int(m.alignment_layer) - 1,
        head=None if m.alignment_head == "mean" else int(m.alignment_head) - 1,
        **shared,
    )
    if features:
        return _caption_model(config, target_vocabulary, None, decoder)
    return _seq2seq(config, source_vocabulary, target_vocabulary, encoder=encoder, decoder=decoder)


def language_model(config: Config, source_vocabulary: int, target_vocabulary: int) -> LanguageModel:
    """Return a language model, recurrent or a Transformer, not built yet. It has no source.

    Arguments:
        config, source_vocabulary, target_vocabulary: as those of :func:`build_model`.
    """
    m = config.model
    decoder = (
        TransformerDecoder(layers=m.decoder_layers, cross_attention=False, **_stack(config))
        if m.decoder == "transformer"
        else _recurrent_decoder(config, None)
    )
    return LanguageModel(target_vocabulary, m.embedding, decoder, tied=m.tied, **_dropouts(config))


def classifier(config: Config, vocabulary: int, labels: int) -> SequenceClassifier:
    """Return a classifier, not built yet: an encoder, recurrent or a Transformer, that has one label for a text.

    Arguments:
        config: the whole configuration.
        vocabulary, labels: numbers of tokens and of labels.
    """
    m = config.model
    return SequenceClassifier(
        vocabulary,
        embedding=m.embedding,
        encoder=_encoder(config),
        labels=labels,
        pooling=m.pooling,
        attention_units=m.attention_units,
        **_dropouts(config),
    )


def tagger(config: Config, vocabulary: int, labels: int) -> SequenceTagger:
    """Return a tagger, not built yet: an encoder, recurrent or a Transformer, that has a label for every token.

    Arguments:
        config: the whole configuration.
        vocabulary, labels: numbers of tokens and of labels.
    """
    return SequenceTagger(vocabulary, config.model.embedding, _encoder(config), labels, **_dropouts(config))


def masked_language_model(config: Config, vocabulary: int, target_vocabulary: int) -> MaskedLanguageModel:
    """Return a Transformer's encoder that names masked tokens, not built yet.

    Arguments:
        config, vocabulary, target_vocabulary: as those of :func:`build_model`.
    """
    encoder = TransformerEncoder(layers=config.model.encoder_layers, **_stack(config))
    return MaskedLanguageModel(vocabulary, config.model.embedding, encoder, **_dropouts(config))


# The names are those of model.architecture in the config; a test holds the two equal.
ARCHITECTURES: dict[str, Callable[[Config, int, int], Any]] = {
    "recurrent": recurrent,
    "transformer": transformer,
    "language-model": language_model,
    "classifier": classifier,
    "tagger": tagger,
    "masked-language-model": masked_language_model,
}


def _encoder(config: Config) -> Encoder | TransformerEncoder:
    """Return the encoder of a classifier or a tagger, which has no bridge to a decoder."""
    m = config.model
    if m.encoder == "transformer":
        return TransformerEncoder(layers=m.encoder_layers, **_stack(config))
    return _recurrent_encoder(config)


def _recurrent_encoder(config: Config, **more: Any) -> Encoder:
    m = config.model
    return Encoder(
        m.units,
        m.cell,
        layers=m.encoder_layers,
        bidirectional=m.bidirectional,
        dropout=m.dropout,
        recurrent_dropout=m.recurrent_dropout,
        layer_norm=m.layer_norm,
        residual=m.residual,
        **more,
    )


def _stack(config: Config) -> dict[str, Any]:
    """Return the arguments of every stack of a Transformer."""
    m = config.model
    return {
        "units": m.units,
        "heads": m.heads,
        "feed_forward": m.feed_forward,
        "dropout": m.dropout,
        "positions": m.max_positions if m.positions == "learned" else 0,
    }


def _recurrent_decoder(config: Config, attention: Attention | None) -> Decoder:
    m = config.model
    return Decoder(
        m.units,
        m.embedding,
        attention,
        m.cell,
        layers=m.decoder_layers,
        dropout=m.dropout,
        recurrent_dropout=m.recurrent_dropout,
        context_dropout=m.context_dropout,
        context=m.context,
        layer_norm=m.layer_norm,
        residual=m.residual,
    )


def _caption_model(
    config: Config, vocabulary: int, bridge: tuple[int, int, int] | None, decoder: Decoder | TransformerDecoder
) -> CaptionModel:
    m = config.model
    if not (m.source_cells and m.source_width):
        raise InputError(
            "model.source_cells and model.source_width are not known before there are features: set both, or train."
        )
    encoder = FeatureEncoder(m.units, bridge, positions=m.source_cells if m.positions == "learned" else 0)
    return CaptionModel(
        m.source_width,
        vocabulary=vocabulary,
        embedding=m.embedding,
        encoder=encoder,
        decoder=decoder,
        tied=m.tied,
        **_dropouts(config),
    )


def _seq2seq(config: Config, source_vocabulary: int, target_vocabulary: int, *, encoder: Any, decoder: Any) -> Seq2Seq:
    m = config.model
    return Seq2Seq(
        source_vocabulary,
        target_vocabulary,
        embedding=m.embedding,
        encoder=encoder,
        decoder=decoder,
        tied=m.tied,
        **_dropouts(config),
    )


def _dropouts(config: Config) -> dict[str, float]:
    return {name: getattr(config.model, name) for name in ("embedding_dropout", "output_dropout", "word_dropout")}
