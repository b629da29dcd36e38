"""Constraints: what may come next, on logits one can see through."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.decoding.beam import BeamSearch
from nmt.decoding.constraints import Constraints, without
from nmt.decoding.search import greedy

BOS, EOS, VOCABULARY = 2, 3, 11
MAX_LENGTH = tf.constant([9, 9])


def forbidden(constraints, tokens, t):
    """The tokens that are excluded in each row, PAD aside; the logits of the others are as they were."""
    tokens = tf.constant(tokens)
    logits = np.random.default_rng(1).normal(size=[tokens.shape[0], VOCABULARY]).astype(np.float32)
    allowed = constraints.allowed(tf.constant(logits), tokens=tokens, t=tf.constant(t), bos=BOS, eos=EOS).numpy()
    np.testing.assert_array_equal(allowed[np.isfinite(allowed)], logits[np.isfinite(allowed)])
    return [[int(token) for token in np.flatnonzero(np.isneginf(row)) if token] for row in allowed]


def test_eos_waits_for_the_minimum_length():
    constraints = Constraints(MAX_LENGTH, min_length=tf.constant([1, 2]))
    assert forbidden(constraints, [[5, 0, 0], [5, 0, 0]], 1) == [[], [EOS]]


def test_a_prefix_leaves_one_token_whatever_else_is_wanted():
    constraints = Constraints(MAX_LENGTH, tf.constant([5, 5]), tf.constant([[7, 7, EOS], [8, 0, 0]]), no_repeat=1)
    others = [word for word in range(1, VOCABULARY) if word != 7]
    assert forbidden(constraints, [[7, 0, 0], [8, 0, 0]], 1) == [others, [EOS, 8]]
    assert forbidden(constraints, [[7, 7, 0, 0], [8, 5, 0, 0]], 2)[0] == [w for w in range(1, VOCABULARY) if w != EOS]
    # Past its end there is no prefix.
    assert forbidden(constraints, [[7, 7, 9, 0], [8, 5, 6, 0]], 3)[1] == [EOS, 5, 6, 8]


@given(
    n=st.integers(1, 4),
    rows=st.lists(st.lists(st.integers(4, 6), min_size=6, max_size=6), min_size=1, max_size=3),
    t=st.integers(0, 6),
)
@settings(max_examples=100, deadline=None)
def test_no_sequence_is_written_twice(n, rows, t):
    written = [row[:t] for row in rows]
    expected = []
    for row in written:
        seen = {tuple(row[i : i + n]) for i in range(len(row) - n + 1)}
        again = [w for w in range(4, VOCABULARY) if len(row) >= n - 1 and (*row[len(row) - n + 1 :], w) in seen]
        expected.append(again)
    padded = [row + [0] * (6 - t) for row in written]
    assert forbidden(Constraints(tf.fill([len(rows)], 9), no_repeat=n), padded, t) == expected


@pytest.mark.parametrize("longest", [0, 1, 2])
def test_a_sequence_longer_than_the_limit_is_never_repeated(longest):
    constraints = Constraints(tf.constant([1]), no_repeat=3)
    assert forbidden(constraints, np.zeros([1, longest], np.int32), 0) == [[]]


def test_where_nothing_else_is_left_eos_is_allowed():
    # Every token but PAD, BOS and EOS was written.
    written = [[1, *range(4, VOCABULARY), 0]]
    constraints = Constraints(tf.constant([20]), tf.constant([15]), no_repeat=1)
    assert EOS not in forbidden(constraints, written, 8)[0]
    assert EOS in forbidden(constraints, [[1, 4, 5, 0, 0, 0, 0, 0, 0]], 3)[0]


@pytest.mark.parametrize("prefix", [None, [[0, 0]], [[1, 5]]])
def test_the_unknown_token_is_written_only_in_a_prefix(prefix):
    given = None if prefix is None else tf.constant(prefix)
    constraints = Constraints(tf.constant([9]), prefix=given, unknown=1)
    logits = tf.constant([[0.0, 9.0, 0.0, 0.0, 1.0, 0.5]])
    left = without(
        constraints.allowed(logits, tokens=tf.zeros([1, 0], tf.int32), t=0, bos=BOS, eos=EOS),
        constraints.excluded(0, tf.constant([BOS]), BOS, EOS),
    )
    assert int(tf.argmax(left[0])) == (1 if prefix == [[1, 5]] else 4)


@pytest.mark.parametrize("size", [1, 3])
def test_a_space_is_not_a_whole_translation(size):
    """A space and then EOS are the likeliest; the next best is written in its place, later EOS may follow a space."""

    def step(tokens, state, memory):
        following = tf.constant([0, 0, 5, 0, 3, 3, 4, 0])  # of BOS the space, of the space EOS
        second = tf.constant([0, 0, 4, 0, 5, 4, 5, 0])
        logits = 9 * tf.one_hot(tf.gather(following, tokens), 8) + 6 * tf.one_hot(tf.gather(second, tokens), 8)
        return logits, state, tf.ones([tf.shape(tokens)[0], 1])

    def best(**constraints):
        limits = Constraints(tf.constant([6]), **constraints)
        if size == 1:
            found = greedy(step, state=(), memory=(), source=1, constraints=limits, bos=BOS, eos=EOS)
        else:
            mask = tf.ones([1, 1], tf.bool)
            found = BeamSearch(step, (), mask, limits, bos=BOS, eos=EOS, size=size, n_best=1).run(())
        return found.tokens[0, 0, : int(found.lengths[0, 0])].numpy().tolist()

    assert best() == best(space=7) == [5]
    assert best(space=5) == ([5, 4] if size == 1 else [4])
    assert best(space=5, min_length=1) == best(space=5)
    assert best(space=5, prefix=tf.constant([[5, 6]]))[:2] == [5, 6]
