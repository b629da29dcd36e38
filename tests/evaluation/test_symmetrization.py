"""Links of two directions joined, with results that were found by hand."""

import numpy as np
import pytest

from nmt.evaluation.alignment import WordAlignment
from nmt.evaluation.alignment_error import strongest_links
from nmt.evaluation.symmetrization import SYMMETRIZATIONS, both_ways, grow_diag, grow_diag_final

#        0 1 2 3   source; rows are target words: F forward only, B backward only, X both
#   0    X F . .   (1, 0) is beside (0, 0), and source word 1 has no link: added
#   1    . . B .   (2, 1) lies diagonally to (1, 0), and both of its words have no link: added
#   2    . . F .   (2, 2) is beside (2, 1), and target word 2 has no link: added
#   3    B . . .   (0, 3) has no neighbour; target word 3 has no link: added at the end
#   4    F . . F   target word 4: (0, 4) is beside (0, 3), which came too late to grow; both are tried at the end
FORWARD = {(0, 0), (1, 0), (2, 2), (0, 4), (3, 4)}
BACKWARD = {(0, 0), (2, 1), (0, 3)}
GROWN = {(0, 0), (1, 0), (2, 1), (2, 2)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("intersection", {(0, 0)}),
        ("union", FORWARD | BACKWARD),
        ("grow-diag", GROWN),
        # Forward first: (0, 4), since target word 4 has no link yet; (3, 4), since source word 3 has none. Then (0, 3).
        ("grow-diag-final", GROWN | {(0, 4), (3, 4), (0, 3)}),
    ],
)
def test_the_links_of_two_directions_are_joined(name: str, expected: set[tuple[int, int]]) -> None:
    assert SYMMETRIZATIONS[name](FORWARD, BACKWARD) == expected


def test_a_link_whose_words_both_have_links_does_not_grow() -> None:
    # (0, 1) is beside both links of the intersection, and neither of its words is free.
    both = {(0, 0), (1, 1)}
    assert grow_diag(both | {(0, 1)}, both) == both
    assert grow_diag_final(both | {(0, 1)}, both) == both


def test_without_an_intersection_nothing_grows() -> None:
    assert grow_diag({(0, 0)}, {(1, 1)}) == frozenset()
    assert grow_diag_final({(0, 0)}, {(1, 1)}) == {(0, 0), (1, 1)}
    assert all(join([], []) == frozenset() for join in SYMMETRIZATIONS.values())


def test_the_weights_of_one_direction_are_read_both_ways() -> None:
    # Three target words, five source words; a row may leave weight to the end of the source.
    weights = np.array(
        [
            [0.5, 0.3, 0.0, 0.0, 0.2],  # forward 0; the most of columns 0 and 1
            [0.0, 0.1, 0.7, 0.2, 0.0],  # forward 2; the most of columns 2 and 3
            [0.1, 0.0, 0.0, 0.1, 0.3],  # more than any is at the end: no link; the most of column 4
        ]
    )
    given = WordAlignment(tuple("abcde"), tuple("xyz"), weights)
    assert strongest_links(given) == {(0, 0), (2, 1)}
    assert both_ways(given, "intersection") == {(0, 0), (2, 1)}
    # (1, 0) and (3, 1) lie beside those of the intersection; (4, 2) lies diagonally to (3, 1).
    assert both_ways(given) == both_ways(given, "union") == {(0, 0), (1, 0), (2, 1), (3, 1), (4, 2)}
    # A source word that no target word has any weight on is linked to none.
    weights[:, 4] = 0
    assert both_ways(given, "union") == {(0, 0), (1, 0), (2, 1), (3, 1)}
    for shape in ((0, 3), (2, 0), (0, 0)):
        assert both_ways(WordAlignment(("a",) * shape[1], ("b",) * shape[0], np.zeros(shape))) == frozenset()
