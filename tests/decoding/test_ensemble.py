"""An ensemble: the mean of probabilities, on models that read tables."""

import numpy as np
import pytest
import tensorflow as tf

from nmt.decoding.constraints import Constraints
from nmt.decoding.ensemble import Ensemble
from nmt.decoding.search import greedy

BOS, EOS, VOCABULARY, SOURCE = 2, 3, 7, 5


class Table:
    """A model whose next word depends on the last alone, and whose state counts the steps."""

    def __init__(self, seed, aligned=True):
        rng = np.random.default_rng(seed)
        self.logits = tf.constant(rng.normal(size=[VOCABULARY, VOCABULARY]), tf.float32)
        self.weights = tf.constant(rng.dirichlet(np.ones(SOURCE), size=VOCABULARY), tf.float32)
        self.aligned = aligned

    def encode(self, source):
        return tf.cast(source, tf.float32)

    def initial_state(self, memory, max_steps=None):
        return tf.zeros([tf.shape(memory)[0]])

    def step(self, tokens, state, memory):
        alignment = tf.gather(self.weights, tokens) if self.aligned else tf.zeros([tf.size(tokens), 0])
        return tf.gather(self.logits, tokens), state + 1, alignment

    def teacher_forcing(self, source, target):
        return tf.gather(self.logits, target), tf.gather(self.weights, target)


def test_the_next_word_has_the_mean_probability():
    one, two = Table(1), Table(2)
    both = Ensemble([one, two])
    memory = both.encode(tf.ones([3, SOURCE]))
    tokens = tf.constant([2, 4, 6])
    logits, state, alignment = both.step(tokens, both.initial_state(memory), memory)
    expected = sum(tf.nn.softmax(tf.gather(model.logits, tokens)) for model in (one, two)) / 2
    np.testing.assert_allclose(np.exp(logits), expected, rtol=1e-5)
    np.testing.assert_allclose(tf.reduce_sum(tf.exp(logits), 1), np.ones(3), rtol=1e-5)
    np.testing.assert_allclose(
        alignment, (tf.gather(one.weights, tokens) + tf.gather(two.weights, tokens)) / 2, rtol=1e-5
    )
    assert [part.numpy().tolist() for part in state] == [[1, 1, 1]] * 2


def test_a_model_with_itself_is_itself():
    model = Table(3)
    found = []
    for each in (model, Ensemble([model, model, model])):
        memory = each.encode(tf.ones([2, SOURCE]))
        constraints = Constraints(tf.constant([6, 4]))
        found.append(
            greedy(
                each.step,
                state=each.initial_state(memory),
                memory=memory,
                source=SOURCE,
                constraints=constraints,
                bos=BOS,
                eos=EOS,
            )
        )
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_teacher_forcing_equals_the_steps():
    both = Ensemble([Table(4), Table(5)])
    target = tf.constant([[2, 5, 6, 4]])
    logits, alignment = both.teacher_forcing(tf.ones([1, SOURCE]), target)
    memory = both.encode(tf.ones([1, SOURCE]))
    for t in range(4):
        stepped, _, seen = both.step(target[:, t], both.initial_state(memory), memory)
        np.testing.assert_allclose(logits[:, t], stepped, atol=1e-5)
        np.testing.assert_allclose(alignment[:, t], seen, atol=1e-6)


def test_the_alignment_is_that_of_the_aligned_models():
    both = Ensemble([Table(6, aligned=False), Table(7)])
    memory = both.encode(tf.ones([1, SOURCE]))
    tokens = tf.constant([4])
    np.testing.assert_allclose(
        both.step(tokens, both.initial_state(memory), memory)[2], both.models[1].weights[4:5], rtol=1e-6
    )
    assert both.aligned and not Ensemble([Table(6, aligned=False)]).aligned


def test_of_nothing_there_is_none():
    with pytest.raises(ValueError, match="at least one model"):
        Ensemble([])
