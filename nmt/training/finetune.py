"""Fine-tuning: a model begins with the weights of another one, with new pieces in its vocabulary if there are any."""

from __future__ import annotations

import keras
import numpy as np

from nmt.data.tokenizers import Tokenizer, Tokenizers
from nmt.data.vocabulary_growth import replaced
from nmt.models.caption_model import CaptionModel
from nmt.models.encoder_model import EncoderModel
from nmt.models.language_model import LanguageModel
from nmt.models.masked_language_model import MaskedLanguageModel
from nmt.models.seq2seq import Seq2Seq

Network = Seq2Seq | CaptionModel | LanguageModel | EncoderModel


def begin_with(model: Network, tokenizers: Tokenizers, start: Network, start_tokenizers: Tokenizers) -> None:
    """Give a new model the weights of another one, whose vocabulary is the first part of its own.

    An old token keeps its row. The row of a new one is the mean of the rows of the tokens that spelled it before, in
    the embeddings and, if it is not tied, in the output layer.

    Arguments:
        model, tokenizers: the new model.
        start, start_tokenizers: the model to begin with.
    """
    if isinstance(start, MaskedLanguageModel) and not isinstance(model, MaskedLanguageModel):
        begin_with_encoder(model, tokenizers, start, start_tokenizers)
        return
    rows: dict[int, tuple[int, Tokenizer, Tokenizer]]
    if isinstance(model, EncoderModel):
        grown = (start_tokenizers.source, tokenizers.source)
        rows = {id(model.source_embedding.embeddings): (0, *grown)}
        if isinstance(model, MaskedLanguageModel):
            rows[id(model.output_bias)] = (0, *grown)
        _assign(model, start, rows)
        return
    target = (start_tokenizers.target, tokenizers.target)
    rows = {id(model.target_embedding.embeddings): (0, *target), id(model.output_bias): (0, *target)}
    if isinstance(model, Seq2Seq) and model.tied != "all":
        rows[id(model.source_embedding.embeddings)] = (0, start_tokenizers.source, tokenizers.source)
    if not model.tied_output:
        rows[id(model.output_kernel)] = (1, *target)
    _assign(model, start, rows)


def begin_with_encoder(
    model: Network, tokenizers: Tokenizers, start: MaskedLanguageModel, start_tokenizers: Tokenizers
) -> None:
    """Give a classifier or a tagger the token vectors and the encoder of a pretrained one.

    Arguments:
        model, tokenizers, start, start_tokenizers: see :func:`begin_with`.
    """
    assert isinstance(model, EncoderModel)
    rows = {id(model.source_embedding.embeddings): (0, start_tokenizers.source, tokenizers.source)}
    _assign(model.source_embedding, start.source_embedding, rows)
    _assign(model.encoder, start.encoder, rows)


def _assign(
    model: Network | keras.Layer, start: Network | keras.Layer, rows: dict[int, tuple[int, Tokenizer, Tokenizer]]
) -> None:
    """Give a model, or a part of one, the weights of another; ``rows`` has those with a row for each token, by id."""
    for new, old in zip(model.trainable_variables, start.trainable_variables, strict=True):
        values = np.asarray(old)
        new.assign(grown_rows(values, *rows[id(new)]) if id(new) in rows else values)


def grown_rows(values: np.ndarray, axis: int, before: Tokenizer, now: Tokenizer) -> np.ndarray:
    """Add a row to ``values`` for each new token: the mean of the rows of the tokens that it replaces.

    Arguments:
        values: an array with a row for each old token along ``axis``.
        axis: the axis of the vocabulary.
        before, now: the tokenizers of the old and the new vocabulary.

    Returns:
        The array with a row for each token of the new vocabulary, the old ones first.

    >>> import numpy as np
    >>> from nmt.data import tokenizers
    >>> pieces = tokenizers.train_tokenizers([("a b", "a b")] * 9).source
    >>> grown_rows(np.ones([pieces.vocabulary, 2]), 0, pieces, pieces).shape == (pieces.vocabulary, 2)
    True
    """
    new = now.pieces(range(before.vocabulary, now.vocabulary))
    means = [np.mean(np.take(values, replaced(before, piece), axis), axis, keepdims=True) for piece in new]
    return np.concatenate([values, *means], axis).astype(values.dtype)
