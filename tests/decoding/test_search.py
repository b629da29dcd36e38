"""Greedy search, on steps that read a table: what they write is known."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.decoding.constraints import Constraints
from nmt.decoding.history import ARRAYS, DENSE, BoundedHistory
from nmt.decoding.search import Hypotheses, greedy

BOS, EOS, VOCABULARY, SOURCE = 2, 3, 11, 5


def table_step(tokens, state, memory):
    """Read the scores of row b at time t after word w from ``memory[0][b, t, w]``; the state counts the steps."""
    scores, weights = memory
    now = tf.gather(scores, state, batch_dims=1)
    return tf.gather(now, tokens, batch_dims=1), state + 1, tf.gather(weights, state, batch_dims=1)


def search(scores, weights, limits, history=ARRAYS, **wanted):
    memory = (tf.constant(scores, tf.float32), tf.constant(weights, tf.float32))
    first = tf.zeros([len(scores)], tf.int32)
    constraints = Constraints(tf.constant(limits, tf.int32), **wanted)
    return greedy(
        table_step,
        state=first,
        memory=memory,
        source=weights.shape[2],
        constraints=constraints,
        bos=BOS,
        eos=EOS,
        history=history,
    )


def random_tables(seed, rows, steps):
    """Scores that rule out nothing, and an alignment that is different everywhere."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=[rows, steps, VOCABULARY, VOCABULARY]) * 2
    scores[:, :, :, EOS] += 2  # so that rows end, sooner or later
    return scores.astype(np.float32), rng.uniform(0.1, 1, size=[rows, steps, SOURCE]).astype(np.float32)


def spelling(words):
    """A table after which the search must write ``words``, whatever it wrote before."""
    return np.stack([np.tile(99.0 * np.eye(VOCABULARY)[word], [VOCABULARY, 1]) for word in words])


def by_hand(scores, weights, limit, fewest=0):
    """One row in plain Python: words, score and alignment."""
    last, words, score, seen = BOS, [], 0.0, []
    for t in range(limit):
        row = scores[t, last].astype(np.float64)
        # Not written, though they have their share of the probability.
        excluded = [0, BOS, EOS] if t < fewest else [0, BOS]
        last = max(set(range(len(row))) - set(excluded), key=lambda word: row[word])
        score += row[last] - np.log(np.exp(row).sum())
        if last == EOS:
            break
        words.append(last)
        seen.append(weights[t])
    return words, score, np.array(seen).reshape(-1, weights.shape[1])


def check(found: Hypotheses, row, words, score, alignment):
    length = len(words)
    assert int(found.lengths[row, 0]) == length
    assert found.tokens.numpy()[row, 0, :length].tolist() == words
    assert not found.tokens.numpy()[row, 0, length:].any()
    assert float(found.scores[row, 0]) == pytest.approx(score, abs=1e-4)
    np.testing.assert_allclose(found.alignment[row, 0, :length], alignment, atol=1e-6)
    assert not found.alignment.numpy()[row, 0, length:].any()


def test_rows_end_where_they_end():
    words = [[7, 5, EOS, 9, 9], [EOS, 9, 9, 9, 9], [4, 6, 8, 10, EOS]]
    found = search(np.stack([spelling(row) for row in words]), np.ones([3, 5, SOURCE]), [5, 5, 5])
    assert found.tokens.numpy()[:, 0].tolist() == [[7, 5, 0, 0, 0], [0, 0, 0, 0, 0], [4, 6, 8, 10, 0]]
    assert found.lengths.numpy()[:, 0].tolist() == [2, 0, 4]


def test_rows_have_limits_of_their_own():
    words = [[7, 7, 7, 7, 7], [5, 5, 5, 5, 5], [4, EOS, 9, 9, 9], [6, 6, 6, 6, 6]]
    found = search(np.stack([spelling(row) for row in words]), np.ones([4, 5, SOURCE]), [3, 5, 4, 0])
    assert found.tokens.numpy()[:, 0].tolist() == [[7, 7, 7, 0, 0], [5, 5, 5, 5, 5], [4, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert found.lengths.numpy()[:, 0].tolist() == [3, 5, 1, 0]
    assert found.scores.numpy()[3, 0] == 0


def test_each_word_depends_on_the_word_before():
    # After the start 5, after 5 an 8, after 8 the end: the table is the same at all times.
    after = np.zeros([VOCABULARY, VOCABULARY])
    after[BOS, 5] = after[5, 8] = after[8, EOS] = 1
    found = search(np.tile(after, [1, 7, 1, 1]), np.ones([1, 7, SOURCE]), [7])
    assert found.tokens.numpy()[:, 0].tolist() == [[5, 8, 0, 0, 0, 0, 0]]


def test_the_score_of_a_limit_reached_has_no_end_token():
    # Every word has a score of 0 but for ln 10 of the chosen one: of 10 / (10 + 10) + 10 others 1 / 20 each,
    # so the chosen word has probability 1/2. Two words at the limit are ln 1/4, and with an end ln 1/8.
    chosen = np.log(10.0) * np.stack([spelling([4, 6, EOS]), spelling([4, 6, EOS])]) / 99
    found = search(chosen, np.ones([2, 3, SOURCE]), [2, 3])
    assert found.lengths.numpy()[:, 0].tolist() == [2, 2]
    np.testing.assert_allclose(found.scores[:, 0], [np.log(1 / 4), np.log(1 / 8)], rtol=1e-6)


def test_an_alignment_row_for_each_word_and_zeros_from_the_end_on():
    weights = np.arange(1.0, 1 + 2 * 3 * SOURCE).reshape(2, 3, SOURCE)
    found = search(np.stack([spelling([4, EOS, 9]), spelling([4, 6, 8])]), weights, [3, 3])
    assert found.alignment.shape == (2, 1, 3, SOURCE)
    np.testing.assert_array_equal(found.alignment[0, 0], [weights[0, 0], np.zeros(SOURCE), np.zeros(SOURCE)])
    np.testing.assert_array_equal(found.alignment[1, 0], weights[1])


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_best_word_at_each_step(seed):
    scores, weights = random_tables(seed, rows=7, steps=6)
    limits = [6, 1, 0, 3, 6, 5, 2]
    found = search(scores, weights, limits)
    for row, limit in enumerate(limits):
        check(found, row, *by_hand(scores[row], weights[row], limit))


@pytest.mark.parametrize("fewest", [1, 2, 5])
@pytest.mark.parametrize("of_each_row", [False, True])
def test_no_row_is_shorter_than_the_minimum(fewest, of_each_row):
    scores, weights = random_tables(3, rows=7, steps=6)
    limits = [6, 1, 0, 3, 6, 5, 2]
    found = search(scores, weights, limits, min_length=tf.fill([7], fewest) if of_each_row else fewest)
    for row, limit in enumerate(limits):
        check(found, row, *by_hand(scores[row], weights[row], limit, fewest))


def test_no_rows_give_no_rows():
    found = search(*random_tables(2, rows=0, steps=3), [])
    assert [part.shape[0] for part in found] == [0] * 6
    assert found.alignment.shape == (0, 1, 0, SOURCE)


@given(seed=st.integers(0, 999), limits=st.lists(st.integers(0, 6), min_size=1, max_size=5), chosen=st.integers(0, 4))
@settings(max_examples=40, deadline=None)
def test_a_row_alone_is_as_in_a_batch(seed, limits, chosen):
    scores, weights = random_tables(seed, len(limits), steps=6)
    row = chosen % len(limits)
    together = search(scores, weights, limits)
    alone = search(scores[row : row + 1], weights[row : row + 1], limits[row : row + 1])
    check(
        together,
        row=row,
        words=alone.tokens.numpy()[0, 0, : alone.lengths[0, 0]].tolist(),
        score=float(alone.scores[0, 0]),
        alignment=alone.alignment[0, 0, : alone.lengths[0, 0]],
    )


def test_runs_on_rows_that_have_not_ended_and_stops_when_all_have():
    calls = []

    def counted(tokens, state, memory):
        calls.append(tokens.numpy().tolist())
        return table_step(tokens, state, memory)

    table = np.stack([spelling([4, EOS, 9, 9, 9]), spelling([4, 6, EOS, 9, 9])])
    memory = (tf.constant(table, tf.float32), tf.ones([2, 5, SOURCE]))
    greedy(
        counted,
        state=tf.zeros([2], tf.int32),
        memory=memory,
        source=SOURCE,
        constraints=Constraints(tf.constant([5, 5])),
        bos=BOS,
        eos=EOS,
    )
    # Fed with the start, the first words, and then the second of the row that goes on, without the other.
    assert calls == [[BOS, BOS], [4, 4], [6]]


def test_any_batch_in_a_graph():
    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, VOCABULARY, VOCABULARY]),
            tf.TensorSpec([None, None, None]),
            tf.TensorSpec([None], tf.int32),
        ]
    )
    def graph(scores, weights, limits):
        first = tf.zeros(tf.shape(limits), tf.int32)
        return greedy(
            table_step,
            state=first,
            memory=(scores, weights),
            source=tf.shape(weights)[2],
            constraints=Constraints(limits),
            bos=BOS,
            eos=EOS,
        )

    for limits in [[6, 2, 4], [5], [], [0, 0]]:
        scores, weights = random_tables(7, len(limits), steps=6)
        found = graph(scores, weights, tf.constant(limits, tf.int32))
        assert found.tokens.shape == (len(limits), 1, max(limits, default=0))
        for row, limit in enumerate(limits):
            check(found, row, *by_hand(scores[row], weights[row], limit))


def test_padding_and_start_are_never_written():
    # Both would be the likeliest by far.
    table = np.zeros([1, 2, VOCABULARY, VOCABULARY])
    table[..., 0] = table[..., BOS] = 50
    table[..., 7] = 1
    assert search(table, np.ones([1, 2, SOURCE]), [2]).tokens.numpy().tolist() == [[[7, 7]]]


@given(seed=st.integers(0, 999), limits=st.lists(st.integers(0, 6), max_size=5), no_repeat=st.integers(0, 2))
@settings(max_examples=20, deadline=None)
def test_both_histories_give_the_same(seed, limits, no_repeat):
    tables = random_tables(seed, len(limits), steps=6)
    found = [search(*tables, limits, history, no_repeat=no_repeat) for history in (ARRAYS, DENSE)]
    arrays, dense = (each._asdict() for each in found)
    for name, one in arrays.items():
        # With arrays, rows that have ended are dropped, and Eigen sums the logits of fewer rows in another order.
        summed = name in ("scores", "ranks", "token_scores")
        np.testing.assert_allclose(one, dense[name], rtol=0, atol=1e-5 if summed else 0)


def test_a_search_that_xla_compiled_gives_the_same_and_zeros_behind():
    tables, limits = random_tables(5, 4, steps=6), [6, 0, 3, 5]
    compiled = tf.function(lambda: search(*tables, limits, BoundedHistory(8)), jit_compile=True, autograph=False)
    for name, plain, found in zip(Hypotheses._fields, search(*tables, limits), compiled(), strict=True):
        found = found.numpy()
        if found.ndim > 2:
            assert found.shape[2] == 8 and not found[:, :, 6:].any()
            found = found[:, :, :6]
        np.testing.assert_allclose(found, plain, atol=1e-5, err_msg=name)


def test_rows_of_a_model_without_an_alignment_end_one_by_one():
    def count(tokens, state, memory):
        return tf.one_hot(tokens + 1, 9) * 99, state, tf.zeros([tf.shape(tokens)[0], 0])

    found = greedy(count, state=(), memory=(), source=0, constraints=Constraints(tf.constant([2, 5, 0])), bos=0, eos=7)
    assert found.tokens.numpy().tolist() == [[[1, 2, 0, 0, 0]], [[1, 2, 3, 4, 5]], [[0] * 5]]
    assert found.alignment.shape == (3, 1, 5, 0)
