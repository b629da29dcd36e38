"""A folder opens as the model that was saved, or saving is refused; the policy of Keras changes nothing."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from exported import untrained_transformer

from nmt.config import Config, with_settings
from nmt.data.labels import Labels
from nmt.data.tokenizers import train_tokenizers
from nmt.errors import InputError
from nmt.inference.labeller import Labeller
from nmt.inference.translator import Translator
from nmt.layers.attention import ATTENTIONS, DotAttention
from nmt.models.build import build_model
from nmt.saving import load_weights

TOKENIZERS = train_tokenizers([("ab cd", "ef gh")], "char")
VOCABULARIES = (TOKENIZERS.source.vocabulary, TOKENIZERS.target.vocabulary)
RECURRENT = ["text.kind=char", "model.units=6", "model.embedding=6", "model.attention=dot", "decoding.max_length=5"]
TRANSFORMER = ["text.kind=char", "model.architecture=transformer", "model.units=6", "model.embedding=6"]
TRANSFORMER += ["model.feed_forward=5", "model.encoder_layers=1", "model.decoder_layers=1", "model.heads=2"]


class ReversedAttention(DotAttention):
    """It attends to what fits least, and Keras does not know it."""

    def score(self, query: Any, keys: Any) -> Any:
        return -super().score(query, keys)


@pytest.mark.parametrize(
    ("settings", "other"),
    [
        (TRANSFORMER, "model.heads=3"),
        (TRANSFORMER, "model.alignment_head=1"),
        ([*RECURRENT, "model.decoder_layers=2"], "model.residual=true"),
        ([*RECURRENT, "model.attention=general"], "model.output_dropout=0.5"),
    ],
)
def test_a_model_of_another_config_is_not_saved(settings: list[str], other: str, tmp_path: Path) -> None:
    config = with_settings(Config(), settings)
    model = build_model(with_settings(config, [other]), *VOCABULARIES)
    with pytest.raises(InputError, match="do not fit the config"):
        Translator(model, TOKENIZERS, config).save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_classifier_of_another_pooling_is_not_saved(tmp_path: Path) -> None:
    settings = ["text.kind=char", "model.architecture=classifier", "model.units=6", "model.embedding=6"]
    config = with_settings(Config(), [*settings, "model.pooling=mean"])
    model = build_model(with_settings(config, ["model.pooling=last"]), VOCABULARIES[0], 2)
    with pytest.raises(InputError, match="do not fit the config"):
        Labeller(model, TOKENIZERS, config, Labels(("a", "b"))).save(tmp_path / "model")


def test_an_attention_of_ones_own_is_saved_with_its_config_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ATTENTIONS, "reversed", ReversedAttention)
    plain = with_settings(Config(), RECURRENT)
    own = dataclasses.replace(plain, model=dataclasses.replace(plain.model, attention="reversed"))
    model = build_model(own, *VOCABULARIES)
    with pytest.raises(InputError, match="do not fit the config"):
        Translator(model, TOKENIZERS, plain).save(tmp_path / "plain")
    # A compiled model is saved without its optimizer, and Keras cannot make another one from its config.
    model.compile(keras.optimizers.Adam(0.1), "mse")
    Translator(model, TOKENIZERS, own).save(tmp_path / "own")
    again = build_model(own, *VOCABULARIES)
    load_weights(again, tmp_path / "own" / "model.weights.h5")
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["transformer", "recurrent"])
def test_a_model_is_opened_in_float32_whatever_the_policy_of_keras(kind: str, tmp_path: Path) -> None:
    if kind == "transformer":
        translator, text = untrained_transformer(), "나는 밥을 먹었다"
    else:
        config = with_settings(Config(), [*RECURRENT, "model.cell=lstm"])
        translator, text = Translator(build_model(config, *VOCABULARIES), TOKENIZERS, config), "ab"
    translator.save(tmp_path / "model")
    (wanted,) = translator.translate([text])
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        loaded = Translator.load(tmp_path / "model")
        (found,) = loaded.translate([text])
        loaded.save(tmp_path / "again")
    finally:
        keras.config.set_dtype_policy(before)
    assert loaded.model.compute_dtype == "float32"  # type: ignore[union-attr]
    assert (found.text, found.tokens) == (wanted.text, wanted.tokens)
    assert found.score == pytest.approx(wanted.score, abs=1e-4)
