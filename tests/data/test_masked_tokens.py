"""Masked tokens: how many, which kinds, and never what has no meaning."""

import dataclasses

import numpy as np
import tensorflow as tf

from nmt.data.corpora import from_pairs
from nmt.data.masked_tokens import MASK, MaskedPipeline, mask_tokens
from nmt.data.pipeline import Buckets
from nmt.data.tokenizers import EOS, Tokenizers, train_tokenizers

VOCABULARY = 97


def test_fifteen_per_cent_are_chosen_and_replaced_as_the_paper_says():
    rng = np.random.default_rng(3)
    ids = rng.integers(4, VOCABULARY, [1000, 41]).astype(np.int32)
    ids[:, -1] = EOS
    ids[500:, 20] = EOS
    ids[500:, 21:] = 0
    read, written = (part.numpy() for part in mask_tokens(tf.constant(ids), VOCABULARY, tf.constant([1, 2], tf.int64)))
    chosen = written != -1
    # 15 % of 40 and of 20 tokens are 6 and 3.
    np.testing.assert_array_equal(chosen.sum(1), [6] * 500 + [3] * 500)
    assert (written[chosen] == ids[chosen]).all() and (read[~chosen] == ids[~chosen]).all()
    assert not chosen[ids < 4].any()
    masked, same = read[chosen] == MASK, read[chosen] == ids[chosen]
    # Of 4,500 chosen ones; a standard deviation of the shares is 0.6 % and 0.45 %.
    assert abs(masked.mean() - 0.8) < 0.03 and abs(same.mean() - 0.1) < 0.025
    others = read[chosen][~masked & ~same]
    assert others.min() >= 4 and others.max() < VOCABULARY and len(set(others)) > 60
    # Every place has its share of the choice.
    assert np.abs(chosen[:500, :40].mean(0) - 0.15).max() < 0.07


def test_a_short_text_has_one_masked_token_and_an_empty_one_none():
    ids = tf.constant([[7, EOS, 0], [EOS, 0, 0], [5, 9, EOS]])
    _, written = mask_tokens(ids, VOCABULARY, tf.constant([1, 2], tf.int64))
    np.testing.assert_array_equal((written.numpy() != -1).sum(1), [1, 0, 1])


def test_an_epoch_chooses_other_tokens_and_the_development_set_always_the_same():
    lines = ["we went home and ate", "hello world"] * 3
    pieces = train_tokenizers([("", line) for line in lines], "bpe", 30).source
    buckets = Buckets.fit(np.array([[1, 9], [1, 12]]), 1, 21)
    corpus = from_pairs([("", line) for line in lines])
    batches = MaskedPipeline(corpus.dataset(), Tokenizers(pieces, pieces), buckets, max_length=20, batch_size=6)

    def taken(dataset):
        return [labels.tolist() for _, labels in dataset.as_numpy_iterator()]

    assert taken(batches.in_order()) == taken(batches.in_order())
    assert taken(batches.epoch(1)) == taken(batches.epoch(1)) != taken(batches.epoch(2))
    for inputs, labels in batches.in_order().as_numpy_iterator():
        assert inputs["source"].shape == labels.shape and ((labels != -1).sum(1) >= 1).all()
    # Blank rows for XLA have nothing to write.
    (usual,), (full,) = (
        dataclasses.replace(batches, batch_size=11, full_batches=full).in_order().as_numpy_iterator()
        for full in (False, True)
    )
    assert len(full[1]) == 11 and full[1][: len(usual[1])].tolist() == usual[1].tolist()
    assert (full[1][len(usual[1]) :] == -1).all() and (full[0]["source"][len(usual[1]) :, 0] == EOS).all()
