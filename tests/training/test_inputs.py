"""The limit of a translation's length fits the training pairs."""

import numpy as np
import pytest

from nmt.config import Config, with_settings
from nmt.training.inputs import fit_max_ratio

# Two pieces are read and 30 written, both with the end token beside: 31 are 10 and 10.5 for each of the two.
LONG = np.array([[5, 9], [3, 31]])


@pytest.mark.parametrize(
    ("given", "started", "ratio"),
    [
        ("auto", False, 10.5),
        ("4.0", False, 4.0),  # what was asked for
        ("4.0", True, 10.5),  # the limit of the model to begin with, which rises
        ("12.0", True, 12.0),
        ("0.5", True, 0.5),  # nobody's default: it was asked for
    ],
)
def test_all_targets_fit(given: str, started: bool, ratio: float) -> None:
    config = fit_max_ratio(with_settings(Config(), [f"decoding.max_ratio={given}"]), LONG, started)
    assert config.decoding.max_ratio == ratio


def test_the_limit_is_never_lower_than_without_pairs() -> None:
    assert fit_max_ratio(Config(), np.array([[5, 3], [7, 2]])).decoding.max_ratio == 3.0


def test_a_language_model_has_no_such_limit() -> None:
    config = with_settings(Config(), ["model.architecture=language-model"])
    assert fit_max_ratio(config, np.array([[1, 31]])) == config
