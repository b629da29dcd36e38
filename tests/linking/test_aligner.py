"""A word aligner learns from pairs alone, and links new ones."""

import tracemalloc

import numpy as np
import pytest
from command_line import PAIRS

from nmt.errors import InputError
from nmt.linking.aligner import LONGEST, WordAligner, learn


@pytest.fixture(scope="module")
def aligner() -> WordAligner:
    return learn(PAIRS)


def test_it_links_subject_object_verb_to_subject_verb_object(aligner: WordAligner) -> None:
    found = aligner.align(PAIRS)
    assert all(each.links() == {(0, 0), (1, 2), (2, 1)} for each in found)
    assert min(each.mean[1, 2] for each in found) > 0.5


def test_a_pair_does_not_depend_on_its_neighbours_and_may_have_any_words(aligner: WordAligner) -> None:
    pairs = [PAIRS[3], ("", "I"), ("나는 이것을 먹었다", "I ate THIS"), ("나는", ""), PAIRS[9]]
    together = aligner.align(pairs)
    for pair, found in zip(pairs, together, strict=True):
        (alone,) = aligner.align([pair])
        np.testing.assert_allclose(found.mean, alone.mean, rtol=1e-9)
        assert found.mean.shape == (len(pair[1].split()), len(pair[0].split()))
    assert (2, 1) in together[2].links("union")
    assert together[1].links() == frozenset()
    assert [len(each.forward) for each in aligner.align_all(pairs)] == [3, 1, 3, 0, 3]


def test_words_stand_between_plain_spaces_and_very_long_sentences_are_linked_in_part(aligner: WordAligner) -> None:
    (found,) = aligner.align([("나는\u00a0밥을 먹었다", "I ate rice")])
    assert found.mean.shape == (3, 2)
    (long,) = aligner.align([("나는 " * (LONGEST + 5), "I " * (LONGEST + 7))])
    assert long.mean.shape == (LONGEST, LONGEST)


def test_memory_does_not_grow_with_the_square_of_a_line(aligner: WordAligner) -> None:
    pair = ("나는 " * 20_000, "I " * 20_000)
    tracemalloc.start()
    (found,) = aligner.align([pair])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.links() and peak < 100e6  # a table of all words would take 3.2 GB


def test_rare_words_are_known_by_their_beginnings() -> None:
    # Each form of 먹다 and of "walk" is there once, so that no form tells what it means.
    forms = [("먹었다", "eaten"), ("먹었던", "eat"), ("먹었니", "eats"), ("먹었고", "eatery")]
    pairs = [(f"나는 {ko}", f"I {en}") for ko, en in forms] * 2 + [(f"{ko} 너는", f"{en} you") for ko, en in forms]
    found = learn(pairs)
    assert {" 먹었"} < set(found.sources) and {"나는", "i"} & {*found.sources, *found.targets} == {"나는", "i"}
    (new,) = found.align([("나는 먹었지만", "I eat")])  # a form that was never seen
    assert new.links("intersection") == {(0, 0), (1, 1)}


def test_too_few_pairs_are_refused() -> None:
    with pytest.raises(InputError, match="too few pairs"):
        learn([("나는", "I"), ("", "you")])
