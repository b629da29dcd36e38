"""Word links in the graph: from lines of links to the alignment that each piece should have.

Links join words, and attention joins pieces. The pieces alone tell which of them make a word, so this is worked out
for each batch: sampling may cut a word differently each time. Only the links themselves go through the buckets.
"""

from __future__ import annotations

import tensorflow as tf

from nmt.data.tokenizers import EOS, PAD, UNK, Tokenizer, Tokenizers
from nmt.tf_import import as_written, without_autotuning

# The piece that begins a word begins with this, see nmt.evaluation.alignment.words.
_SPACE = "▁"
# A word of only these may disappear in SentencePiece's normalisation: separators other than the space, control and
# format characters, SentencePiece's own space, and U+FFFD, the replacement character.
_FLEETING = "(?s)(?:.* )?(?:[^ \\PZ]|[\\pC▁\ufffd])+(?: .*)?"


class Guide:
    """The alignment that the pieces of a target should have, by the links of their words.

    Arguments:
        tokenizers: those of both sides.

    Call arguments:
        inputs: ``{"source": ids (batch, source), "target": ids (batch, target), "links": (batch, numbers)}``, where
            the links are ``i j i j …``, padded with -1.
        output: ids ``(batch, target)``, ``y1 … yn </s>``.

    Returns:
        The same, with a matrix ``A`` ``(batch, target, source)`` in place of the links. For target piece ``j`` and
        source piece ``i``, ``A_ji = 1 / n_j`` if their words are linked, and else 0; ``n_j`` is the number of source
        pieces linked to ``j``. A row sums to one, or to zero: for a word without links, for ``</s>`` and for padding.
        The column of the source's ``</s>`` is zero.
    """

    def __init__(self, tokenizers: Tokenizers) -> None:
        self.tokenizers = tokenizers

    def __call__(self, inputs: dict[str, tf.Tensor], output: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        source, links = inputs["source"], inputs["links"]
        rows, numbers = tf.shape(links)[0], tf.shape(links)[1]
        links = tf.reshape(links, [rows, numbers // 2, 2])
        listed = links[:, :, 0] >= 0
        row = tf.broadcast_to(tf.range(rows)[:, tf.newaxis], tf.shape(listed))
        places = tf.maximum(tf.stack([row, links[:, :, 1], links[:, :, 0]], -1), 0)
        shape = [rows, tf.shape(output)[1], tf.shape(source)[1]]
        words = tf.scatter_nd(places, tf.cast(listed, tf.int32), shape) > 0
        pieces = tf.gather(words, _words(output, self.tokenizers.target), batch_dims=1)
        pieces = tf.gather(pieces, _words(source, self.tokenizers.source), axis=2, batch_dims=1)
        inside = tf.expand_dims(_inside(output), 2) & tf.expand_dims(_inside(source), 1)
        matrix = tf.cast(pieces & inside, tf.float32)
        matrix = tf.math.divide_no_nan(matrix, tf.reduce_sum(matrix, -1, keepdims=True))
        return {**inputs, "links": matrix}, output

    def read(
        self, lines: tf.Tensor, source: tf.Tensor, target: tf.Tensor, x: tf.RaggedTensor, y: tf.RaggedTensor
    ) -> tuple[tf.RaggedTensor, tf.Tensor]:
        """Read the links of sentences.

        The words that the pieces of a sentence make may differ from those between its spaces: the normalisation of
        SentencePiece splits some words and drops others, and an unknown word is a piece without a beginning. Such a
        sentence loses its links, since they could be wrong.

        Arguments:
            lines: links, strings ``(batch,)``.
            source, target: the sentences, strings ``(batch,)``.
            x, y: their pieces, ids ``(batch, None)``.

        Returns:
            Numbers ``i j i j …`` of words, ``(batch, None)``, and whether a sentence had links and lost them,
            ``(batch,)``.
        """
        # The lines were checked when the corpus was opened.
        numbers = tf.strings.split(tf.strings.regex_replace(lines, "[^0-9]+", " "))
        numbers = numbers.with_values(tf.strings.to_number(numbers.values, tf.int32))
        trusted = _same_words(source, x, self.tokenizers.source) & _same_words(target, y, self.tokenizers.target)
        kept = tf.gather(trusted, numbers.value_rowids())
        lost = (numbers.row_lengths() > 0) & ~trusted
        return tf.ragged.boolean_mask(numbers, numbers.with_values(kept)), lost


def count_lost(linked: tf.data.Dataset, tokenizers: Tokenizers) -> int:
    """Return how many sentences lose their links, because their pieces make other words than their spaces do.

    Arguments:
        linked: strings ``(source, target, links)``.
        tokenizers: those of both sides.
    """
    guide = Guide(tokenizers)

    def lost(source: tf.Tensor, target: tf.Tensor, lines: tf.Tensor) -> tf.Tensor:
        pieces = tokenizers.source.encode(source), tokenizers.target.encode(target)
        return tf.math.count_nonzero(guide.read(lines, source, target, *pieces)[1])

    counts = without_autotuning(linked.batch(256).map(as_written(lost), num_parallel_calls=2))
    return int(counts.reduce(tf.zeros([], tf.int64), lambda total, count: total + count))


def _same_words(sentences: tf.Tensor, pieces: tf.RaggedTensor, tokenizer: Tokenizer) -> tf.Tensor:
    """Return for each sentence whether its pieces make the same words as its spaces do.

    A word that cannot be dropped gives at least one word. So if the number of words is the same, each gave one.
    """
    known = tf.strings.length(tf.strings.regex_replace(sentences, " *[^ ]+ *", "w"))
    ids = pieces.to_tensor(PAD)
    places = tf.where(ids == PAD, -1, _words(ids, tokenizer))
    same = tf.reduce_max(places, -1) + 1 == known
    same &= ~tf.strings.regex_full_match(sentences, _FLEETING)
    if _SPACE not in tokenizer.pieces(range(tokenizer.vocabulary)):
        # Without a piece for the space alone, an unknown word includes its space, and which words it joined is unknown.
        same &= ~tf.reduce_any(ids == UNK, -1)
    return same


def _words(ids: tf.Tensor, tokenizer: Tokenizer) -> tf.Tensor:
    """Return the word that each piece of ``(batch, pieces)`` belongs to, as ``nmt.evaluation.alignment.words`` does."""
    begins = [piece.startswith(_SPACE) for piece in tokenizer.pieces(range(tokenizer.vocabulary))]
    begun = tf.gather(tf.constant(begins, tf.int32), ids)
    # The first piece begins a word, whatever it is, and that is word 0.
    return tf.cumsum(begun, 1) - begun[:, :1]


def _inside(ids: tf.Tensor) -> tf.Tensor:
    return (ids != PAD) & (ids != EOS)
