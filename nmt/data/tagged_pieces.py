"""The pieces of the tokens that a tagger labels: each token is cut by itself, so none is lost or joined to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from nmt.data.tokenizers import UNK, Tokenizer


class TaggedPieces(NamedTuple):
    """The pieces of some texts.

    Attributes:
        ids: ``(batch, None)``, without start and end.
        places: ``(batch, None)``, for each token the place of the piece that stands for it: its first one, as Devlin et
            al. 2019, section 5.3, have it; of a character its only one.
    """

    ids: tf.RaggedTensor
    places: tf.RaggedTensor


def split_tokens(texts: tf.Tensor, characters: bool) -> tf.RaggedTensor:
    """Return the tokens ``(batch, None)`` of strings ``(batch,)``: their characters, or the words between spaces."""
    return tf.strings.unicode_split(texts, "UTF-8") if characters else tf.strings.split(texts)


def tagged_pieces(
    tokenizer: Tokenizer,
    tokens: tf.RaggedTensor,
    characters: bool,
    encode: Callable[[tf.Tensor], tf.RaggedTensor] | None = None,
) -> TaggedPieces:
    """Return the pieces of tokens ``(batch, None)``.

    A token that no piece spells, such as a control character, has the unknown token. The last piece of a
    character counts: a piece for the space before it, which a tokenizer adds, says nothing. A space is the piece of a
    space.

    Arguments:
        tokenizer: that of the model.
        tokens: from :func:`split_tokens`.
        characters: whether they are characters.
        encode: how strings are cut, if not by ``tokenizer.encode``.
    """
    pieces = (encode or tokenizer.encode)(tokens.flat_values)
    number = tf.cast(pieces.row_lengths(), tf.int64)
    spare = tokenizer.space if characters and tokenizer.space else UNK
    with_spare = tf.concat([pieces, tf.fill([pieces.nrows(), 1], spare)], 1)
    kept = tf.maximum(number, 1)
    position = tf.ragged.range(tf.cast(with_spare.row_lengths(), tf.int64))
    last = tf.expand_dims(kept - 1, 1)
    chosen = (position == last) if characters else (position <= last)
    pieces = tf.ragged.boolean_mask(with_spare, chosen)
    counts = tf.ones_like(kept) if characters else kept
    before = tf.concat([[tf.constant(0, tf.int64)], tf.cumsum(counts)], 0)
    starts = tf.cast(tokens.row_starts(), tf.int64)
    offsets = tf.repeat(tf.gather(before, starts), tf.cast(tokens.row_lengths(), tf.int64))
    places = tokens.with_flat_values(tf.cast(before[:-1] - offsets, tf.int32))
    return TaggedPieces(tokens.with_values(pieces).merge_dims(1, 2), places)
