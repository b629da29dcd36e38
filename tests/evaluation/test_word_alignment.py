"""The alignment of words is that of their pieces, and no weight is lost or made."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nmt.evaluation.alignment import WordAlignment, by_word, words

WORDS = {
    "one piece a word": (["▁I", "▁ate"], (("I", "ate"), (0, 1))),
    "several pieces": (["▁n", "eu", "n", "▁ba", "p"], (("neun", "bap"), (0, 0, 0, 1, 1))),
    "a space alone": (["▁", "rice", "▁", "▁tea"], (("rice", "tea"), (0, 0, 1, 1))),
    "no space in front": (["rice", "s", "▁tea"], (("rices", "tea"), (0, 0, 1))),
    "hangul": (["▁나", "는", "▁밥", "을"], (("나는", "밥을"), (0, 0, 1, 1))),
    "a space inside": (["▁a▁b", "c"], (("abc",), (0, 0))),
    "nothing": ([], ((), ())),
}


@pytest.mark.parametrize(("pieces", "expected"), WORDS.values(), ids=WORDS)
def test_pieces_make_words(pieces: list[str], expected: tuple) -> None:
    assert words(pieces) == expected


def test_weights_of_words_by_hand() -> None:
    source = ["▁mi", "na", "▁bap"]
    target = ["▁Mi", "na", "▁rice"]
    weights = np.array(
        [
            [0.5, 0.3, 0.1, 0.1],
            [0.1, 0.5, 0.2, 0.2],
            [0.0, 0.1, 0.7, 0.2],
        ]
    )
    found = by_word(source, target, weights)
    assert (found.source, found.target) == (("mina", "bap"), ("Mina", "rice"))
    # Mina: mina ((0.5 + 0.3) + (0.1 + 0.5)) / 2 = 0.7, bap (0.1 + 0.2) / 2 = 0.15; rice: mina 0.1, bap 0.7.
    np.testing.assert_allclose(found.weights, [[0.7, 0.15], [0.1, 0.7]], atol=1e-12)
    assert found.strongest("Mina") == "mina"
    assert found.strongest("rice") == "bap"


def test_the_first_word_of_a_spelling_is_asked() -> None:
    found = by_word(["▁a", "▁b"], ["▁the", "▁the"], np.array([[0.1, 0.9], [0.8, 0.2]]))
    assert found.strongest("the") == "b"
    with pytest.raises(ValueError, match="tuple"):
        found.strongest("tea")


pieces = st.lists(st.sampled_from(["▁", "▁a", "▁bc", "d", "ef"]), min_size=1, max_size=11)


@settings(max_examples=100, deadline=None)
@given(source=pieces, target=pieces, data=st.data())
def test_no_weight_is_lost_or_made(source: list[str], target: list[str], data: st.DataObject) -> None:
    # Two columns past the source, and a row past the target.
    shape = (len(target) + 1, len(source) + 2)
    weights = data.draw(arrays(np.float64, shape, elements=st.floats(0, 1)))
    found = by_word(source, target, weights)
    assert found.weights.shape == (len(found.target), len(found.source))
    inside = weights[: len(target), : len(source)]
    _, places = words(target)
    for row, total in enumerate(found.weights.sum(1)):
        totals = [inside[piece].sum() for piece, place in enumerate(places) if place == row]
        assert total == pytest.approx(np.mean(totals), abs=1e-9)
    counts = np.bincount(places)
    np.testing.assert_allclose((found.weights * counts[:, None]).sum(), inside.sum(), atol=1e-9)


@pytest.mark.parametrize(("source", "target"), [([], ["▁I"]), (["▁na"], []), ([], [])])
def test_an_alignment_of_nothing(source: list[str], target: list[str]) -> None:
    found = by_word(source, target, np.zeros([len(target), len(source) + 1]))
    assert found.weights.shape == (len(target), len(source))


def test_alignments_are_equal_if_their_weights_are():
    first, same, other = (WordAlignment(("a",), ("b",), np.array([[weight]])) for weight in (1.0, 1.0, 0.5))
    assert first == same and first != other and len({first, same}) == 1
