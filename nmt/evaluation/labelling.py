"""Scores of labels: accuracy, F1 of each label and their mean, and which label is taken for which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LabelScores:
    """How well labels were found, from the matrix of counts ``n_ij``: label i was taken for label j::

        accuracy     sum_i n_ii / sum_ij n_ij
        precision_i  n_ii / sum_k n_ki        recall_i  n_ii / sum_k n_ik
        F1_i         2 n_ii / (sum_k n_ki + sum_k n_ik)
        macro F1     the mean of F1_i over the labels that occur, in the references or in what was found

    Attributes:
        names: of the labels.
        confusion: ``n``, ``(labels, labels)``.

    >>> scores = label_scores(["a", "a", "b"], ["a", "b", "b"], ["a", "b"])
    >>> round(scores.accuracy, 3), round(scores.macro_f1, 3)
    (0.667, 0.667)
    """

    names: tuple[str, ...]
    confusion: np.ndarray

    @property
    def count(self) -> int:
        """The number of labels that were compared."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """The share of right labels."""
        return float(np.trace(self.confusion) / max(self.count, 1))

    @property
    def f1(self) -> np.ndarray:
        """F1 of each label, ``(labels,)``; 0 of one that does not occur."""
        total = self.confusion.sum(0) + self.confusion.sum(1)
        return 2 * np.diag(self.confusion) / np.maximum(total, 1)

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the labels that occur."""
        occurs = self.confusion.sum(0) + self.confusion.sum(1) > 0
        return float(self.f1[occurs].mean()) if occurs.any() else 0.0

    def rows(self) -> list[tuple[str, int, float, float, float]]:
        """Return for each label its name, how often it occurs, its precision, recall and F1."""
        right = np.diag(self.confusion)
        precision = right / np.maximum(self.confusion.sum(0), 1)
        recall = right / np.maximum(self.confusion.sum(1), 1)
        counts = self.confusion.sum(1)
        return [
            (name, int(counts[i]), float(precision[i]), float(recall[i]), float(self.f1[i]))
            for i, name in enumerate(self.names)
        ]


def label_scores(references: Iterable[str], found: Iterable[str], names: Sequence[str]) -> LabelScores:
    """Return the scores of labels that were found, beside the references.

    Arguments:
        references, found: one label for each text or token.
        names: all labels.
    """
    numbers = {name: number for number, name in enumerate(names)}
    confusion = np.zeros([len(names), len(names)], np.int64)
    for right, given in zip(references, found, strict=True):
        confusion[numbers[right], numbers[given]] += 1
    return LabelScores(tuple(names), confusion)
