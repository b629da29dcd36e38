"""The cache of graphs keeps those that were used last, and the texts of a row differ."""

import numpy as np
import pytest
import tensorflow as tf
from command_line import PAIRS

from nmt.config import Decoding
from nmt.data.tokenizers import train_tokenizers
from nmt.decoding.constraints import Constraints
from nmt.decoding.search import Hypotheses
from nmt.inference.graph import GraphCache, written_texts


def test_the_number_of_graphs_is_bounded() -> None:
    made = []
    graphs = GraphCache(lambda settings: made.append(settings.beam), size=3)
    for size in (1, 2, 3, 4, 2, 1, 4):  # 1 was dropped for 4, and 3 for 1: the one that was used least recently
        graphs(Decoding(beam=size))
    assert (len(graphs), made) == (3, [1, 2, 3, 4, 1])


@pytest.mark.parametrize("sample", [True, False])
def test_only_texts_that_are_drawn_may_be_equal(sample: bool) -> None:
    tokenizers = train_tokenizers(PAIRS, "char")
    tokens = tf.expand_dims(tokenizers.target.encode([PAIRS[0][1]] * 2).to_tensor(), 0)
    length = tokens.shape[2]
    zeros = tf.zeros([1, 2])
    found = Hypotheses(
        tokens=tokens,
        lengths=tf.fill([1, 2], length),
        scores=zeros,
        ranks=zeros,
        token_scores=tf.zeros([1, 2, length]),
        alignment=tf.zeros([1, 2, length, 1]),
    )
    limits = Constraints(tf.constant([length + 1]))
    outputs = written_texts(Decoding(n_best=2, sample=sample), tokenizers, found, limits)
    assert [text.decode() for text in outputs["text"][0].numpy()] == [PAIRS[0][1]] * 2
    assert outputs["ranks"].numpy().tolist() == [[0.0, 0.0 if sample else -np.inf]]
