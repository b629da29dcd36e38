"""A model from a config."""

from __future__ import annotations

from typing import Any

from nmt.config import Config
from nmt.errors import InputError
from nmt.layers.attention import FixedContext, make_attention
from nmt.layers.decoder import Decoder
from nmt.layers.encoder import Encoder
from nmt.layers.transformer import TransformerDecoder, TransformerEncoder
from nmt.models.language_model import LanguageModel
from nmt.models.seq2seq import Seq2Seq


def build_model(
    config: Config, source_vocabulary: int | None = None, target_vocabulary: int | None = None
) -> Seq2Seq | LanguageModel:
    """Make a model, with its weights, ready to compile and fit.

    Arguments:
        config: the whole configuration.
        source_vocabulary, target_vocabulary: numbers of pieces; ``text.vocabulary_size`` where they are not given. A
            language model has the second only.

    Raises:
        InputError: if no vocabulary size is given and the config's is ``auto``.

    >>> import tensorflow as tf
    >>> from nmt.config import Config, with_settings
    >>> config = with_settings(Config(), ["text.vocabulary_size=50", "model.units=8"])
    >>> build_model(config)({"source": tf.constant([[7, 9, 3]]), "target": tf.constant([[2, 5]])}).shape
    TensorShape([1, 2, 50])
    """
    size, m = config.text.vocabulary_size, config.model
    if size == "auto" and (source_vocabulary is None or target_vocabulary is None):
        raise InputError("text.vocabulary_size is 'auto', so build_model must be told the size of each vocabulary.")
    source, target = source_vocabulary or int(size), target_vocabulary or int(size)
    dropouts = (m.embedding_dropout, m.output_dropout, m.word_dropout)
    model: Seq2Seq | LanguageModel
    if m.architecture == "language-model":
        model = LanguageModel(target, m.embedding, _recurrent_decoder(config), m.tied, *dropouts)
    else:
        encoder, decoder = _transformer(config) if m.architecture == "transformer" else _recurrent(config)
        model = Seq2Seq(source, target, m.embedding, encoder, decoder, m.tied, *dropouts)
    model.build()
    return model


def _recurrent(config: Config) -> tuple[Encoder, Decoder]:
    m = config.model
    # A score that compares states number by number needs annotations as wide as the decoder's states.
    merge = "sum" if m.attention in ("dot", "cosine") else "concat"
    encoder = Encoder(
        m.units,
        m.cell,
        m.encoder_layers,
        m.bidirectional,
        (m.units, m.decoder_layers),
        m.dropout,
        merge,
        m.layer_norm,
        m.residual,
    )
    return encoder, _recurrent_decoder(config)


def _recurrent_decoder(config: Config) -> Decoder:
    m = config.model
    attention: Any = None
    if m.architecture == "recurrent":
        attention = (
            FixedContext(m.units) if m.attention == "none" else make_attention(m.attention, m.attention_units, m.heads)
        )
    return Decoder(
        m.units,
        m.embedding,
        attention,
        m.cell,
        m.decoder_layers,
        m.dropout,
        m.context_dropout,
        m.context,
        m.layer_norm,
        m.residual,
    )


def _transformer(config: Config) -> tuple[TransformerEncoder, TransformerDecoder]:
    m = config.model
    learned = m.max_positions if m.positions == "learned" else 0
    shape = (m.units, m.heads, m.feed_forward)
    layer = None if m.alignment_layer == "last" else int(m.alignment_layer) - 1
    head = None if m.alignment_head == "mean" else int(m.alignment_head) - 1
    return (
        TransformerEncoder(*shape, m.encoder_layers, m.dropout, learned),
        TransformerDecoder(*shape, m.decoder_layers, m.dropout, learned, layer=layer, head=head),
    )
