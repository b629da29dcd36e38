"""Where a corpus is cut into the stretches of consecutive rows that an epoch reads in a random order. No TensorFlow."""

from __future__ import annotations

import math

from nmt.data.corpora import Corpus
from nmt.data.line_index import EVERY

# The number of stretches aimed at, and the most places of the index in one: reads stay few and of a fair size, and a
# buffer of 100,000 rows always holds a hundred stretches.
_STRETCHES, _LONGEST = 1024, 16


def stretches(corpus: Corpus) -> list[tuple[int, int, float]]:
    """Return ``(first, count, share)`` for each stretch of an epoch: ``share`` of its rows are read, drawn at random.

    Rows with a weight of 2.5 are in three stretches, the last of which has a share of 0.5.

    >>> from nmt.data.corpora import from_pairs
    >>> stretches(from_pairs([("a", "b")] * 100))
    [(0, 64, 1.0), (64, 36, 1.0)]
    """
    length = EVERY * max(1, min(_LONGEST, corpus.size // (EVERY * _STRETCHES)))
    found = []
    for first, count, weight in corpus.spans():
        shares = [1.0] * math.floor(weight) + ([weight % 1] if weight % 1 else [])
        for begin in range(first, first + count, length):
            found += [(begin, min(length, first + count - begin), share) for share in shares]
    return found
