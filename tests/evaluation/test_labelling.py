"""Accuracy, F1 and the confusion matrix by hand; and its picture."""

import numpy as np
import pytest

from nmt.evaluation.labelling import LabelScores, label_scores
from nmt.plotting.confusion import confusion_matrix

# A: 3 of 4 found, once taken for B. B: found. C: taken for A. D occurs nowhere.
RIGHT, FOUND = "AAAABC", "AAABBA"


def test_scores_by_hand(tmp_path):
    scores = label_scores(RIGHT, FOUND, "ABCD")
    np.testing.assert_array_equal(scores.confusion, [[3, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])
    assert scores.count == 6 and scores.accuracy == pytest.approx(4 / 6)
    # A: precision 3/4, recall 3/4; B: 1/2 and 1, F1 2/3; C: nothing right, 0. D does not count.
    assert scores.macro_f1 == pytest.approx((3 / 4 + 2 / 3 + 0) / 3)
    assert [round(f1, 4) for *_, f1 in scores.rows()] == [0.75, 0.6667, 0.0, 0.0]
    assert scores.rows()[1][:3] == ("B", 1, 0.5)
    confusion_matrix(scores, tmp_path / "c.svg")
    confusion_matrix(LabelScores(tuple(map(str, range(60))), np.eye(60, dtype=int)), tmp_path / "many.png")
    assert (tmp_path / "c.svg").read_text().startswith("<?xml") and (tmp_path / "many.png").stat().st_size > 1000


def test_nothing_has_no_score():
    assert label_scores("", "", "AB").macro_f1 == label_scores("", "", "AB").accuracy == 0
