"""How much words attend to the cells that they name."""

import numpy as np

from nmt.evaluation.alignment_error import Gold
from nmt.evaluation.captions import attention_share


def test_words_that_the_model_did_not_read_do_not_count() -> None:
    weights = [np.array([[0.1, 0.9], [0.75, 0.25]])]
    read, after = frozenset({(0, 1)}), frozenset({(1, 2)})
    assert attention_share(weights, [Gold(read | after, read | after)]) == (0.75, 0.5, 1)
    assert attention_share(weights, [Gold(after, after)]) is None
