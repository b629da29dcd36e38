"""The limit of a translation's length fits the training pairs, and words that cannot be written are named."""

import numpy as np
import pytest
from logged import logged

from nmt.config import Config, with_settings
from nmt.data.corpora import from_pairs
from nmt.data.tokenizers import train_tokenizers
from nmt.training import inputs
from nmt.training.inputs import with_room

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
    config = with_room(with_settings(Config(), [f"decoding.max_ratio={given}"]), LONG, started)
    assert config.decoding.max_ratio == ratio


def test_the_limit_is_never_lower_than_without_pairs() -> None:
    assert with_room(Config(), np.array([[5, 3], [7, 2]])).decoding.max_ratio == 3.0


def test_a_language_model_has_no_such_limit() -> None:
    config = with_settings(Config(), ["model.architecture=language-model"])
    assert with_room(config, np.array([[1, 31]])) == config


def test_words_that_a_model_to_begin_with_cannot_write_are_named_with_what_helps() -> None:
    """More pieces help where the vocabulary lacks a character, and not where normalisation changes it."""
    pieces = train_tokenizers([("go 1 2", "on 0 1 2")] * 9, "char", normalization="nmt_nfkc")

    def warned(*targets: str) -> str:
        with logged() as lines:
            corpus = from_pairs([("go", target) for target in targets])
            inputs._warn_of_unknown_words(Config(), corpus, pieces, started=True)
        return " ".join(lines)

    assert warned("on 12", "no") == ""
    lacking = warned("on ✓", "no ✓")
    assert "2 target words of the first 2 pairs" in lacking
    assert lacking.endswith("--grow N adds up to N pieces for them to the vocabulary.")
    changed = warned("on 10²", "no 10²", "①")
    assert "3 target words of the first 3 pairs" in changed and "--grow" not in changed
    assert "3 of them, as '10²', are changed by the text.normalization = 'nmt_nfkc'" in changed
    both = warned("on ✓", "10²")
    assert "--grow N" in both and "1 of them, as '10²', are changed by" in both
