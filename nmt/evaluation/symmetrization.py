"""One set of links from those of two directions.

A word aligner gives each target word one source word. Run the other way it gives each source word one target word.
What both say is nearly always right, and what only one says is often needed. Och and Ney 2003,
https://aclanthology.org/J03-1002, section 4; Koehn et al. 2003, https://aclanthology.org/N03-1017, section 4.5.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from nmt.evaluation.alignment import WordAlignment
from nmt.evaluation.alignment_error import Link, strongest_links

Links = frozenset[Link]

# The neighbours of a link, first those beside it and then the diagonal ones.
_NEIGHBOURS = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


def intersection(forward: Collection[Link], backward: Collection[Link]) -> Links:
    """Return the links that both directions have.

    >>> sorted(intersection({(0, 0), (1, 1)}, {(0, 0), (2, 1)}))
    [(0, 0)]
    """
    return frozenset(forward) & frozenset(backward)


def union(forward: Collection[Link], backward: Collection[Link]) -> Links:
    """Return the links that one of the directions has.

    >>> sorted(union({(0, 0), (1, 1)}, {(0, 0), (2, 1)}))
    [(0, 0), (1, 1), (2, 1)]
    """
    return frozenset(forward) | frozenset(backward)


def grow_diag(forward: Collection[Link], backward: Collection[Link]) -> Links:
    """Grow the intersection towards the union.

    A link of the union is added if it lies beside or diagonally to one that is there, and if one of its words, the
    source word or the target word, has no link yet. This is repeated until nothing is added.

    >>> sorted(grow_diag({(0, 0), (1, 1), (3, 3)}, {(0, 0), (0, 1)}))  # (3, 3) has no neighbour
    [(0, 0), (0, 1), (1, 1)]
    """
    candidates = union(forward, backward)
    links = set(intersection(forward, backward))
    sources, targets = {i for i, _ in links}, {j for _, j in links}
    added = True
    while added:
        added = False
        for i, j in sorted(links):
            for down, right in _NEIGHBOURS:
                new = (i + down, j + right)
                if new in candidates and new not in links and (new[0] not in sources or new[1] not in targets):
                    links.add(new)
                    sources.add(new[0])
                    targets.add(new[1])
                    added = True
    return frozenset(links)


def grow_diag_final(forward: Collection[Link], backward: Collection[Link]) -> Links:
    """Grow the intersection, then add links for the words that have none, first the forward ones.

    A link of one direction is added if its source word or its target word has no link yet.

    >>> sorted(grow_diag_final({(0, 0), (1, 1), (3, 3)}, {(0, 0), (0, 1)}))
    [(0, 0), (0, 1), (1, 1), (3, 3)]
    """
    links = set(grow_diag(forward, backward))
    for direction in (forward, backward):
        for i, j in sorted(direction):
            if all(i != source for source, _ in links) or all(j != target for _, target in links):
                links.add((i, j))
    return frozenset(links)


SYMMETRIZATIONS: dict[str, Callable[[Collection[Link], Collection[Link]], Links]] = {
    "grow-diag-final": grow_diag_final,
    "grow-diag": grow_diag,
    "intersection": intersection,
    "union": union,
}


def both_ways(alignment: WordAlignment, symmetrization: str = "grow-diag") -> Links:
    """Return the links of one soft alignment, read both ways: each target word has one, and each source word.

    The weights of a target word say which source word it came from, see
    :func:`~nmt.evaluation.alignment_error.strongest_links`; those of all target words on one source word say which of
    them it went to. So words that two others came from are linked to both, although a row of weights names one.

    Arguments:
        alignment: with weights ``(target words, source words)``.
        symmetrization: how the two are joined, one of ``SYMMETRIZATIONS``.

    >>> weights = np.array([[0.9, 0.1, 0], [0, 0.6, 0.4]])  # the third source word has no target word of its own
    >>> sorted(both_ways(WordAlignment(("na", "jal", "ja"), ("I", "sleep"), weights)))
    [(0, 0), (1, 1), (2, 1)]
    """
    weights = alignment.weights
    backward: set[Link] = set()
    if weights.size:
        best = np.argmax(weights, 0)
        backward = {(i, int(j)) for i, j in enumerate(best) if weights[j, i] > 0}
    return SYMMETRIZATIONS[symmetrization](strongest_links(alignment), backward)
