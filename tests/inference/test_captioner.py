"""A captioner scores captions in the order they are given."""

import keras
import numpy as np
import pytest

from nmt.config import Config, with_settings
from nmt.data.tokenizers import train_tokenizers
from nmt.inference.captioner import Captioner
from nmt.models.build import build_model

CAPTIONS = ["two squares", "", "blue below"]


def test_captions_of_a_generator_are_scored_and_one_string_is_refused() -> None:
    tokenizers = train_tokenizers([("", text) for text in CAPTIONS if text], "char")
    settings = ["model.source=features", "model.source_cells=2", "model.source_width=3", "text.kind=char"]
    config = with_settings(Config(), [*settings, "model.units=6", "model.embedding=6"])
    keras.utils.set_random_seed(1)
    vocabulary = tokenizers.target.vocabulary
    captioner = Captioner(build_model(config, vocabulary, vocabulary), tokenizers, config)
    features = np.zeros([3, 2, 3], np.float32)
    wanted = [each.score for each in captioner.score(features, CAPTIONS)]
    assert [each.score for each in captioner.score(features, (text for text in CAPTIONS))] == wanted  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not one string"):
        captioner.score(features, "abc")
