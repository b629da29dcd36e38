"""Links of two directions joined, with results that were found by hand."""

import pytest

from nmt.evaluation.symmetrization import SYMMETRIZATIONS, grow_diag, grow_diag_final

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
