"""Exports of a language model go on as the package does: the likeliest way, and drawn with the same seed."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from nmt.config import Config, with_settings
from nmt.data.tokenizers import train_tokenizers
from nmt.errors import InputError
from nmt.export import saved_language_model, tflite, tflite_language_model, tflite_runtime
from nmt.inference.completer import Completer
from nmt.models.build import build_model

LINES = ["hello world", "we went home", "I ate rice today"] * 9
# An empty beginning, one that ends with a space, a letter that no piece spells, one too long, a control character.
TEXTS = ["he", "", "I ate ", "東h", "hello " * 30, "a\x0bb"]
SETTINGS = ["model.architecture=language-model", "text.kind=bpe", "model.units=6", "model.embedding=6"]
SETTINGS += ["decoding.max_length=11", "decoding.sample=true", "decoding.top_p=0.9", "decoding.temperature=0.8"]
TRANSFORMER = ["model.decoder=transformer", "model.heads=2", "model.feed_forward=5"]


def made(*settings: str) -> Completer:
    """A model whose weights are far from zero, so that rounding decides nothing."""
    tokenizers = train_tokenizers([("", line) for line in LINES], "bpe", 40)
    config = with_settings(Config(), [*SETTINGS, *settings])
    model = build_model(config, 40, 40)
    rng = np.random.default_rng(2)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    return Completer(model, tokenizers, config)


def expected(completer: Completer, seed: int | None) -> list:
    if seed is None:
        return completer.complete(TEXTS, sample=False, temperature=1.0, top_p=1.0)
    return [completer.complete([text], seed=seed)[0] for text in TEXTS]


def test_a_saved_model_completes_draws_and_scores_as_the_completer_does(tmp_path: Path) -> None:
    completer = made()
    folder = saved_language_model.export(completer, tmp_path / "lm", completer.decoding(), lambda version: "a card")
    assert {path.name for path in folder.iterdir()} >= {"card.md", "saved_model.pb", "assets.extra", "checksums.json"}
    signatures = tf.saved_model.load(str(folder)).signatures
    text = tf.constant([text.encode() for text in TEXTS])
    for seed, inputs in ((None, {}), (7, {"seed": tf.fill([len(TEXTS)], tf.constant(7, tf.int64))})):
        answer = signatures["serving_default" if seed is None else "sample"](text=text, **inputs)
        wanted = expected(completer, seed)
        assert [each.decode() for each in answer["completion"].numpy()] == [each.text for each in wanted]
        for flag in ("truncated", "unfinished"):
            assert answer[flag].numpy().tolist() == [getattr(each, flag) for each in wanted]
        np.testing.assert_allclose(answer["score"], [each.score for each in wanted], atol=1e-4)
    answer = signatures["score"](text=text)
    scores, pieces = zip(*completer.score(TEXTS), strict=True)
    np.testing.assert_allclose(answer["log_probability"], scores, atol=1e-4)
    assert answer["pieces"].numpy().tolist() == list(pieces)


def test_a_device_completes_and_draws_as_the_completer_does(tmp_path: Path) -> None:
    completer = made(*TRANSFORMER)
    tflite_language_model.export(completer, tmp_path / "device", completer.decoding(), card="a card")
    assert (tmp_path / "device" / "complete.py").is_file()
    device = tflite_runtime.Completer(tmp_path / "device")
    for found, wanted in zip(device.complete(TEXTS), expected(completer, None), strict=True):
        assert (found.text, found.tokens) == (wanted.text, wanted.tokens)
        assert (found.truncated, found.unfinished) == (wanted.truncated, wanted.unfinished)
        assert found.score == pytest.approx(wanted.score, abs=1e-3)
    drawn = completer.complete(TEXTS, first=3, seed=7)
    assert [each.text for each in device.complete(TEXTS, 3, sample=True, seed=7)] == [each.text for each in drawn]
    with pytest.raises(TypeError, match="list"):
        device.complete("he")
    with pytest.raises(ValueError, match="can complete, and this is to translate"):
        tflite_runtime.Translator(tmp_path / "device")


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(InputError, match="is not empty"):
        tflite.write_folder(tmp_path, model=bytes, card="", tokenizers=None, contents={}, program="complete.py")
