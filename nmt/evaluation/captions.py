"""How good captions are: how many are exactly right, and whether words attend to what they name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nmt.evaluation.alignment_error import Gold


class AttentionShare(NamedTuple):
    """How much attention rests where it should.

    Attributes:
        share: the mean over linked words of the weight of all cells that a word is linked to.
        uniform: the same, if all cells had the same weight.
        words: the number of linked words.
    """

    share: float
    uniform: float
    words: int

    def __str__(self) -> str:
        return (
            f"attention on what a word names {self.share:.1%}, with the same weight everywhere {self.uniform:.1%}, of "
            f"{self.words:,} linked words"
        )


def exact_matches(found: Sequence[str], references: Sequence[str]) -> int:
    """Count the texts that are equal to their reference, apart from white space.

    >>> exact_matches(["a red circle", "a circle"], ["a red  circle", "a square"])
    1
    """
    return sum(one.split() == other.split() for one, other in zip(found, references, strict=True))


def attention_share(weights: Sequence[np.ndarray], gold: Sequence[Gold]) -> AttentionShare | None:
    """Return how much words attend to the cells that they are linked to; ``None`` if there is no link.

    Arguments:
        weights: for each caption ``(words, cells)``; a row sums to one. If a caption is too long for the model,
            its last words are missing, and those do not count.
        gold: its links ``(cell, word)``, from 0.

    >>> gold = [Gold(frozenset({(0, 1), (2, 1)}), frozenset({(0, 1), (2, 1)}))]
    >>> attention_share([np.array([[0.1, 0.9, 0.0, 0.0], [0.5, 0.25, 0.25, 0.0]])], gold)  # word 1: 0.5 + 0.25
    AttentionShare(share=0.75, uniform=0.5, words=1)
    """
    shares, uniform = [], []
    for each, links in zip(weights, gold, strict=True):
        by_word: dict[int, list[int]] = {}
        for cell, word in sorted(link for link in links.sure if link[1] < len(each)):
            by_word.setdefault(word, []).append(cell)
        for word, cells in by_word.items():
            shares.append(float(each[word, cells].sum()))
            uniform.append(len(cells) / each.shape[1])
    return AttentionShare(float(np.mean(shares)), float(np.mean(uniform)), len(shares)) if shares else None
