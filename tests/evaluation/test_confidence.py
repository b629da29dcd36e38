"""Probabilities that keep what they promise: golden cases by hand, and translations whose truth is drawn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.evaluation.confidence import (
    TRANSLATION_EVIDENCE,
    WORD_EVIDENCE,
    Confidences,
    Example,
    Written,
    calibration_error,
    example,
    isotonic,
    learn_confidence,
    reliability,
    right_words,
    translation_evidence,
    word_evidence,
)


def drawn(number: int, seed: int, sure: float = 1.0) -> list[Example]:
    """Translations whose words are right with a probability that their lowest score tells, overstated by the model."""
    draws, found = np.random.default_rng(seed), []
    for _ in range(number):
        words = int(draws.integers(2, 12))
        places = np.sort(np.concatenate([np.arange(words), draws.integers(0, words, words // 2)]))
        scores = -draws.exponential(0.4, len(places) + 1)
        lowest = np.minimum.reduceat(scores[:-1], np.flatnonzero(np.diff(places, prepend=-1)))
        right = draws.random(words) < 1 / (1 + np.exp(-2 * (sure + lowest)))
        weights = draws.dirichlet(np.ones(words + 1) * 0.3, words)[:, :words]
        found.append(Example(Written(places.tolist(), scores.tolist(), weights, False), right.tolist(), right.mean()))
    return found


@pytest.mark.parametrize(
    ("translation", "reference", "right"),
    [
        # The longest common subsequence is "a b": either order of "b a" alone is shorter.
        ("x a b", "a b c", "011"),
        ("a b c", "a b c", "111"),
        ("b a", "a b", "10"),  # one of both; the first word of the translation goes first
        ("the the cat", "the cat", "101"),
        ("a x b", "a y b", "101"),
        ("", "a", ""),
        ("a", "", "0"),
    ],
)
def test_right_words_are_those_of_the_longest_common_subsequence(translation: str, reference: str, right: str) -> None:
    found = right_words(translation.split(), reference.split())
    assert "".join(str(int(each)) for each in found) in ({right} if right != "10" else {"10", "01"})
    # 2 c / (|y| + |r|)
    whole = example(Written([], [], None, False), translation.split(), reference.split())
    assert whole.share == 2 * right.count("1") / (len(translation.split()) + len(reference.split()))


def test_the_longest_common_subsequence_is_the_longest() -> None:
    draws = np.random.default_rng(3)

    def longest(one: tuple, other: tuple) -> int:
        if not one or not other:
            return 0
        if one[0] == other[0]:
            return 1 + longest(one[1:], other[1:])
        return max(longest(one[1:], other), longest(one, other[1:]))

    for _ in range(40):
        one, other = (tuple(draws.integers(0, 3, draws.integers(0, 7)).tolist()) for _ in range(2))
        found = right_words(one, other)  # type: ignore[arg-type]
        assert sum(found) == longest(one, other)


def test_the_evidence_of_words_by_hand() -> None:
    # Two words of two and one piece, the end, and two source words.
    written = Written([0, 0, 1], [-1.0, -3.0, -0.5, -20.0], np.array([[0.7, 0.2], [0.1, 0.8]]), True)
    found = word_evidence(written)
    assert found.shape == (2, len(WORD_EVIDENCE))
    mean = (-1 - 3 - 0.5 - 10) / 4  # no score is lower than -10
    first = [-2, -3, np.exp(-3), 0, -0.5, mean, np.log(3), 0.7, 0.1, 0.1]
    second = [-0.5, -0.5, np.exp(-0.5), -3, -10, mean, np.log(3), 0.8, 0.1, 0.2]
    np.testing.assert_allclose(found, [first, second], atol=1e-12)
    whole = translation_evidence(written, np.array([2.0, -1.0]))
    assert whole.shape == (len(TRANSLATION_EVIDENCE),)
    np.testing.assert_allclose(whole, [mean, -10, -14.5, np.log(3), 0.5, -1, 1, 0.75, 0], atol=1e-12)


def test_without_an_alignment_and_without_an_end_the_rest_remains() -> None:
    found = word_evidence(Written([0, 1], [-1.0, -2.0], None, True))
    np.testing.assert_allclose(found[:, 4], [-2, 0])  # nothing follows the last piece
    assert not found[:, 7:].any()


def test_steps_ascend_and_pool_what_does_not() -> None:
    # 40 of which all are right come before 40 that are all wrong: one step, 40 of 80, (40 + 1) / (80 + 2).
    logits, probabilities = isotonic(np.arange(80.0), np.repeat([1.0, 0.0], 40))
    assert logits.tolist() == [39.5] and probabilities.tolist() == [0.5]
    # Fewer than 30 examples join their neighbours, whatever they say.
    assert len(isotonic(np.arange(59.0), np.repeat([0.0, 1.0], [29, 30]))[0]) == 1


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(st.floats(-20, 20), min_size=1, max_size=3),
    number=st.integers(30, 300),
    seed=st.integers(0, 10_000),
)
def test_steps_ascend_where_many_logits_are_equal(values: list[float], number: int, seed: int) -> None:
    draws = np.random.default_rng(seed)
    logits, probabilities = isotonic(draws.choice(values, number), draws.integers(0, 2, number))
    assert (np.diff(logits) >= 0).all()
    assert (np.diff(probabilities) >= 0).all()


def test_calibration_errors_by_hand() -> None:
    # Bins 0.1-0.2 and 0.8-0.9: |1/2 - 0.1| * 2/5 + |2/3 - 0.8| * 3/5 = 0.16 + 0.08
    found = calibration_error(np.array([0.1, 0.1, 0.8, 0.8, 0.8]), np.array([0, 1, 1, 1, 0.0]))
    assert found == pytest.approx(0.24)
    assert calibration_error(np.ones(3), np.ones(3)) == 0
    # Pairs of a right and a wrong one: 0.8 > 0.1, 0.8 = 0.8 (half), 0.1 = 0.1 (half), 0.1 < 0.8.
    found = reliability(np.array([0.8, 0.1, 0.8, 0.1]), np.array([1, 1, 0, 0.0])).ranking
    assert found == (1 + 0.5 + 0.5 + 0) / 4
    assert reliability(np.array([0.8, 0.1]), np.ones(2)).ranking is None


def test_what_is_learned_holds_on_other_translations() -> None:
    confidence, held = learn_confidence(drawn(600, 1))
    gathered = Confidences([], [], [], [])
    for each in drawn(600, 2):
        found = confidence.of(each.written)
        assert found is not None
        gathered.add(*found, each)
    for report in (held.report(), gathered.report()):
        words, wholes = report["words"], report["translations"]
        assert words.number > 3000 and wholes.number == 600
        assert words.error < 0.03 and wholes.error < 0.03
        assert words.ranking is not None and words.ranking > 0.65
    # The probability of the lowest piece, taken as it is, promises another share.
    plain = [np.exp(word_evidence(each.written)[:, 1]) for each in drawn(600, 2)]
    assert calibration_error(np.concatenate(plain), np.array(gathered.words_right)) > 0.05


def test_nothing_is_certain_where_all_is_right() -> None:
    confidence, _ = learn_confidence(
        [each._replace(right=[True] * len(each.right), share=1.0) for each in drawn(150, 4)]
    )
    found = confidence.of(drawn(1, 5)[0].written)
    assert found is not None and found[0] == pytest.approx(151 / 152) and max(found[1]) < 1
    assert confidence.of(Written([], [-0.5], None, False)) is None
