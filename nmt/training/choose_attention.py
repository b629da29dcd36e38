"""Which cross-attention of a Transformer links its tokens best, where they are the input of a step."""

from __future__ import annotations

import logging

import numpy as np
import tensorflow as tf

from nmt.config import Config
from nmt.data.corpora import Corpus
from nmt.data.evenly_spaced import evenly_spaced
from nmt.data.tokenizers import Tokenizers
from nmt.errors import InputError
from nmt.models.seq2seq import Seq2Seq
from nmt.models.shifted import ShiftedAttention
from nmt.training.teach_alignment import linked_pairs, linked_pipeline

logger = logging.getLogger(__name__)

# Pairs that are linked, and how many of them the attentions are compared on.
_LINKED, _COMPARED = 10_000, 1000


def choose(model: Seq2Seq, tokenizers: Tokenizers, config: Config, corpus: Corpus) -> ShiftedAttention:
    """Return the layer and head whose attention, shifted by a step, agrees best with the links of a corpus.

    These are its own links or, without any, those that a word aligner finds in its pairs. What is compared is the share
    of the linked target tokens whose largest weight falls on a source token that they are linked to; of equal ones the
    first wins, and the mean of the heads of a layer counts as one. See :class:`~nmt.models.shifted.ShiftedModel`.

    Aligners read 10,000 pairs. 1,000 of these, spread evenly, are compared.

    The logger of this module logs what was chosen, with level INFO.

    Arguments:
        model: the trained Transformer. It does not change.
        tokenizers: those it was trained with.
        config: the whole configuration.
        corpus: pairs to choose with, best those of development.

    Raises:
        InputError: if the model is no Transformer, or no pair is left to compare with.
    """
    if config.model.architecture != "transformer":
        raise InputError(
            "Only a Transformer can be linked by its own attention: model.architecture is "
            f"'{config.model.architecture}'. Teach it an alignment head: leave out --shifted."
        )
    triples = evenly_spaced(linked_pairs(corpus, tokenizers, config, _LINKED), _COMPARED)
    pipeline, _ = linked_pipeline(triples, tokenizers, config, corpus.name)

    @tf.function(reduce_retracing=True, autograph=False)
    def compare(inputs: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        _, layers = model.decoder.read_whole(model.target_embedding(inputs["target"]), model.encode(inputs["source"]))
        # (batch, layers, heads and their mean, target, source)
        weights = tf.stack([tf.concat([each, tf.reduce_mean(each, 1, keepdims=True)], 1) for each in layers], 1)
        best = tf.argmax(weights[:, :, :, 1:], -1)
        # EOS, the last that is written, is not read, and it has no link.
        links = inputs["links"][:, :-1] > 0
        width = tf.shape(links)[-1]
        right = tf.reduce_any(tf.one_hot(best, width, True, False) & links[:, None, None], -1)
        return tf.reduce_sum(tf.cast(right, tf.int32), [0, 3]), tf.reduce_sum(
            tf.cast(tf.reduce_any(links, -1), tf.int32)
        )

    found = [compare(inputs) for inputs, _ in pipeline.epoch(0)]
    right = np.asarray(tf.add_n([each for each, _ in found]))
    total = sum(int(linked) for _, linked in found)
    if not total:
        raise InputError(f"No token of {corpus.name} is linked, so no attention can be chosen by its pairs.")
    heads = right.shape[-1] - 1
    layer, head = divmod(int(np.argmax(right)), heads + 1)
    chosen = ShiftedAttention(layer, None if head == heads else head)
    name = "the mean of its heads" if chosen.head is None else f"head {chosen.head}"
    logger.info(
        f"Of {right.size} attentions, that of layer {chosen.layer} and {name}, both counted from 0, agrees best: "
        f"{right.max() / total:.1%} of {total:,} linked tokens."
    )
    return chosen
