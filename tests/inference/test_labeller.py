"""A labeller keeps the order of what it is given."""

import keras
import pytest

from nmt.config import Config, with_settings
from nmt.data.labels import Labels
from nmt.data.tokenizers import train_tokenizers
from nmt.inference.labeller import Labeller
from nmt.models.build import build_model

TEXTS = ["we went home", "", "I ate", "a longer one"]


def made(architecture: str) -> Labeller:
    """A model that has learned nothing."""
    tokenizers = train_tokenizers([(text, "") for text in TEXTS if text], "char")
    settings = [f"model.architecture={architecture}", "text.kind=char", "model.units=6", "model.embedding=6"]
    config = with_settings(Config(), settings)
    keras.utils.set_random_seed(1)
    model = build_model(config, tokenizers.source.vocabulary, 2)
    return Labeller(model, tokenizers, config, Labels(("bad", "good")))


@pytest.mark.parametrize("architecture", ["classifier", "tagger"])
def test_texts_of_a_generator_keep_their_order_and_one_string_is_refused(architecture: str) -> None:
    labeller = made(architecture)
    for label in (labeller.tag if architecture == "tagger" else labeller.classify, labeller.predicted):
        assert label(text for text in TEXTS) == label(TEXTS)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="not one string"):
            label("we")
    results = labeller.tag(TEXTS) if architecture == "tagger" else labeller.classify(TEXTS)
    assert results[0] != results[2] and len({*results, *results}) == len(TEXTS)
