"""Sampling: by the probabilities, within what is left, the same for a line wherever it stands."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.decoding.sampling import random_numbers, sampler

VOCABULARY = 7
LOGITS = tf.math.log([[0.05, 0.3, 0.02, 0.25, 0.03, 0.2, 0.15]])


def frequencies(count=20_000, **options):
    numbers = tf.constant(random_numbers(3, [0], count).T)
    words = sampler(numbers, **options)(tf.repeat(LOGITS, count, 0), tf.constant(0), tf.range(count)).numpy()
    return np.bincount(words, minlength=VOCABULARY) / count


def test_words_come_as_often_as_they_are_likely():
    np.testing.assert_allclose(frequencies(), np.exp(LOGITS)[0], atol=0.015)


def test_temperature_sharpens_and_flattens():
    for temperature in (0.5, 2.0):
        powers = np.exp(LOGITS.numpy()[0] / temperature)
        np.testing.assert_allclose(frequencies(temperature=temperature), powers / powers.sum(), atol=0.015)


def test_top_k_leaves_the_likeliest_alone():
    # .3 and .25 of .55.
    expected = [0, 0.3 / 0.55, 0, 0.25 / 0.55, 0, 0, 0]
    np.testing.assert_allclose(frequencies(top_k=2), expected, atol=0.015)


def test_top_p_leaves_the_first_that_reach_it():
    # .3 + .25 is below .6, so .2 is the last that is left: of .75.
    expected = [0, 0.3 / 0.75, 0, 0.25 / 0.75, 0, 0.2 / 0.75, 0]
    np.testing.assert_allclose(frequencies(top_p=0.6), expected, atol=0.015)


@pytest.mark.parametrize("options", [{"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-3}], ids=str)
def test_what_leaves_one_word_is_greedy(options):
    assert frequencies(100, **options)[1] == 1


def test_more_words_than_there_are_leave_all():
    np.testing.assert_array_equal(frequencies(100, top_k=99), frequencies(100))


def test_forbidden_words_are_never_drawn():
    logits = tf.where([True, False, True, True, False, True, True], LOGITS, -float("inf"))
    for number in (0.0, 0.5, 0.99999994):
        assert int(sampler(tf.constant([[number]]))(logits, tf.constant(0), tf.range(1))[0]) not in (1, 4)


@given(seed=st.integers(0, 2**31 - 1), first=st.integers(0, 10**9), rows=st.integers(0, 5), words=st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_the_numbers_of_a_line_depend_on_seed_and_line_alone(seed, first, rows, words):
    together = random_numbers(seed, range(first, first + rows), words)
    assert together.shape == (rows, words) and together.dtype == np.float32
    assert ((together >= 0) & (together <= 1)).all()
    for row in range(rows):
        np.testing.assert_array_equal(together[row : row + 1], random_numbers(seed, [first + row], words))


def test_another_seed_gives_other_numbers():
    assert not np.array_equal(random_numbers(1, range(3), 5), random_numbers(2, range(3), 5))
