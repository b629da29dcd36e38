"""Where a corpus is cut into the stretches of consecutive rows that an epoch reads in a random order. No TensorFlow."""

from __future__ import annotations

import math

from nmt.data.corpora import Corpus
from nmt.data.line_index import EVERY

# The number of stretches aimed at, and the most places of the index in one: reads stay few and of a fair size.
_STRETCHES, _LONGEST = 1024, 16
# A buffer holds about a hundred stretches, so a smaller one gets shorter ones: with seventeen a sorted corpus made
# batches of neighbours, which cost a point of BLEU. Still shorter ones would be too many to list.
_MIXED, _SHORTEST = 97, 8
# A buffer of this size gets the longest.
FULL_BUFFER = _MIXED * _LONGEST * EVERY


def stretches(corpus: Corpus, buffer: int = 100_000) -> list[tuple[int, int, float]]:
    """Return ``(first, count, share)`` for each stretch of an epoch: ``share`` of its rows are read, drawn at random.

    Rows with a weight of 2.5 are in three stretches, the last of which has a share of 0.5.

    >>> from nmt.data.corpora import from_pairs
    >>> stretches(from_pairs([("a", "b")] * 100))
    [(0, 64, 1.0), (64, 36, 1.0)]
    """
    length = min(EVERY * max(1, min(_LONGEST, corpus.size // (EVERY * _STRETCHES))), max(_SHORTEST, buffer // _MIXED))
    found = []
    for first, count, weight in corpus.spans():
        shares = [1.0] * math.floor(weight) + ([weight % 1] if weight % 1 else [])
        for begin in range(first, first + count, length):
            found += [(begin, min(length, first + count - begin), share) for share in shares]
    return found
