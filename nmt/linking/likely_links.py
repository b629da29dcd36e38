"""The links of training pairs that both directions together hold to be likely, as an alignment head learns them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nmt.evaluation.alignment_error import Link, pharaoh
from nmt.linking.agreeing import link
from nmt.linking.aligner import Pair

# A link has at least this probability, and at least this part of that of its source word's likeliest link, unless it is
# the likeliest of its target word. Chosen on the dev pairs of the built-in corpus.
_LIKELY, _BESIDE = 0.3, 0.6


def likely_links(weights: np.ndarray) -> set[Link]:
    """Return the likeliest link of each target word, and those near the likeliest of a source word.

    Arguments:
        weights: ``(target words, source words)``, the probabilities of links, of both directions together.

    >>> pharaoh(likely_links(np.array([[0.9, 0.3, 0.0], [0.1, 0.6, 0.5], [0.1, 0.4, 0.1]])))
    '0-0 1-1 1-2 2-1'
    """
    strongest = weights >= weights.max(1, keepdims=True, initial=0)
    beside = weights >= _BESIDE * weights.max(0, initial=0)
    targets, sources = ((weights >= _LIKELY) & (strongest | beside)).nonzero()
    return set(zip(sources.tolist(), targets.tolist(), strict=True))


def linked_lines(pairs: Sequence[Pair]) -> list[str]:
    """Return the likely links of pairs that were learned from these pairs alone, as ``0-0 1-2``.

    Raises:
        InputError: if there are fewer than two pairs with words on both sides.

    >>> linked_lines([("na bap", "I rice"), ("na mul", "I water"), ("neo bap", "you rice"), ("neo mul", "you water")])
    ['0-0 1-1', '0-0 1-1', '0-0 1-1', '0-0 1-1']
    """
    return [pharaoh(likely_links(found.mean)) for found in link(pairs)]
