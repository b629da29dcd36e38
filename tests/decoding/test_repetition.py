"""A circle that a search falls into is cut to its first copy; everything else stays."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.decoding.constraints import Constraints
from nmt.decoding.repetition import stop_repetition
from nmt.decoding.search import Hypotheses, greedy

EOS, TARGET, SOURCE = 3, 30, 2


def hypotheses(rows: list[list[int]]) -> Hypotheses:
    """One row of a batch for each list of tokens; every token, and EOS, costs one more than the one before."""
    tokens = np.zeros([len(rows), 1, TARGET], np.int32)
    scores = np.zeros([len(rows), 1, TARGET], np.float32)
    for number, row in enumerate(rows):
        ends = len(row) < TARGET
        tokens[number, 0, : len(row)] = row
        scores[number, 0, : len(row) + ends] = -np.arange(1, len(row) + 1 + ends)
    lengths = np.array([[len(row)] for row in rows], np.int32)
    total = scores.sum(2)
    alignment = (tokens != 0)[..., None] * np.full([1, 1, 1, SOURCE], 0.5, np.float32)
    return Hypotheses(*map(tf.constant, (tokens, lengths, total, total, scores, alignment)))


def cut(rows: list[list[int]], **constraints: object) -> list[list[int]]:
    limits = Constraints(tf.fill([len(rows)], TARGET), **constraints)
    found, _ = tf.function(stop_repetition)(hypotheses(rows), limits)
    return [row[:length].tolist() for row, length in zip(found.tokens[:, 0].numpy(), found.lengths[:, 0], strict=True)]


def test_what_runs_into_its_limit_keeps_one_copy() -> None:
    assert cut([[7] * 30]) == [[7]]
    assert cut([[9, 8, *[5, 6, 7] * 9, 5]]) == [[9, 8, 5, 6, 7]]
    # Four copies of six tokens; three copies are not enough.
    assert cut([[9, 9, 9, 8, 8, 8, *[1, 2, 4, 5, 6, 7] * 4]]) == [[9, 9, 9, 8, 8, 8, 1, 2, 4, 5, 6, 7]]
    three = [*range(4, 16), *[1, 2, 4, 5, 6, 7] * 3]
    assert cut([three]) == [three]
    # Four copies of one token are but four tokens.
    few = [*range(4, 30), 5, 5, 5, 5]
    assert cut([few]) == [few]


def test_what_the_model_ended_itself_stays() -> None:
    rows = [[7] * 29, [5, 6] * 8, []]
    assert cut(rows) == rows
    found, cut_off = stop_repetition(hypotheses(rows), Constraints(tf.fill([3], TARGET)))
    assert not np.any(cut_off)
    for part, before in zip(found, hypotheses(rows), strict=True):
        np.testing.assert_array_equal(part, before)


def test_a_prefix_and_a_minimum_length_are_kept() -> None:
    prefix = tf.constant([[7, 7, 7, 7, 7], [7, 0, 0, 0, 0]])
    assert cut([[7] * 30, [7] * 30], prefix=prefix) == [[7] * 5, [7]]
    assert cut([[7] * 30, [7] * 30], min_length=4) == [[7] * 4] * 2
    assert cut([[7] * 30, [7] * 30], min_length=tf.constant([2, 9])) == [[7] * 2, [7] * 9]


def test_the_rest_follows_the_tokens() -> None:
    found, cut_off = stop_repetition(hypotheses([[9, *[5, 6] * 14, 5], [4, 5]]), Constraints(tf.fill([2], TARGET)))
    assert cut_off.numpy().tolist() == [[True], [False]]
    assert found.scores.numpy().tolist() == [[-6.0], [-6.0]]  # -1 - 2 - 3, and two tokens and EOS
    assert found.ranks[0, 0] < -400
    np.testing.assert_array_equal(found.token_scores[:, 0, :4], [[-1, -2, -3, 0], [-1, -2, -3, 0]])
    np.testing.assert_array_equal(found.alignment[:, 0, :4, 0], [[0.5, 0.5, 0.5, 0], [0.5, 0.5, 0, 0]])


def plain(row: list[int]) -> list[int]:
    """The rule once more, in Python."""
    left_out = 0
    for period in range(1, 21):
        repeats = 0
        while repeats < len(row) - period and row[-1 - repeats] == row[-1 - repeats - period]:
            repeats += 1
        if repeats >= 3 * period and repeats + period >= 8:
            left_out = max(left_out, repeats)
    return row[: len(row) - left_out]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(4, 5), max_size=12), st.lists(st.integers(4, 6), min_size=1, max_size=6))
def test_it_is_the_rule_in_python(beginning: list[int], phrase: list[int]) -> None:
    row = (beginning + phrase * TARGET)[:TARGET]
    assert cut([row]) == [plain(row)]


def test_a_greedy_search_that_goes_round_in_circles_is_stopped() -> None:
    def step(tokens: tf.Tensor, state: tuple, memory: tuple) -> tuple:  # 4, 5, 6, 4, 5, 6, …
        following = tf.where((tokens >= 4) & (tokens < 6), tokens + 1, 4)
        return tf.one_hot(following, 7) * 9, state, tf.ones([1, 1])

    constraints = Constraints(tf.constant([23]))
    found, cut_off = stop_repetition(
        greedy(step, state=(), memory=(), source=1, constraints=constraints, bos=2, eos=EOS), constraints
    )
    assert found.tokens[0, 0, :5].numpy().tolist() == [4, 5, 6, 0, 0] and cut_off.numpy().tolist() == [[True]]
