"""The links of training pairs that both directions together hold to be likely, as an alignment head learns them."""

from __future__ import annotations

from collections.abc import Sequence

from nmt.evaluation.alignment_error import pharaoh
from nmt.linking.agreeing import link
from nmt.linking.aligner import Pair, Posteriors

# The probability from which on the mean of both directions is a link, chosen on the built-in corpus.
LIKELY = 0.3


def likely_links(found: Posteriors) -> set[tuple[int, int]]:
    """Return the links ``(source word, target word)`` that both directions together hold to be likely."""
    targets, sources = (found.mean >= LIKELY).nonzero()
    return set(zip(sources.tolist(), targets.tolist(), strict=True))


def linked_lines(pairs: Sequence[Pair]) -> list[str]:
    """Return the likely links of pairs that were learned from these pairs alone, as ``0-0 1-2``.

    Raises:
        InputError: if there are fewer than two pairs with words on both sides.

    >>> linked_lines([("na bap", "I rice"), ("na mul", "I water"), ("neo bap", "you rice"), ("neo mul", "you water")])
    ['0-0 1-1', '0-0 1-1', '0-0 1-1', '0-0 1-1']
    """
    return [pharaoh(likely_links(found)) for found in link([(source, target) for source, target in pairs])]
