"""Exports of a model with an alignment head, or with a shifted attention, link as the translator does."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from command_line import PAIRS
from exported import trained, untrained_transformer

from nmt.decoding.ensemble import Ensemble
from nmt.export import tflite, tflite_runtime, web, web_check, web_model
from nmt.export.saved_model import endpoints
from nmt.inference.head_file import new_head
from nmt.inference.translator import Translator

TEXTS = [ko for ko, _ in PAIRS[:5]] + ["나는", "漢字 나는 밥을 먹었다"]


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    plain = trained(tmp_path_factory.mktemp("linked"))
    head = new_head(plain.model, 5)  # type: ignore[arg-type]
    return Translator(plain.model, plain.tokenizers, plain.config, heads=[head])


def test_a_device_links_as_the_head_does(linked: Translator, tmp_path: Path) -> None:
    tflite.export(linked, tmp_path / "device", linked.decoding())
    device = tflite_runtime.Translator(tmp_path / "device")
    for found, expected in zip(device.translate(TEXTS), linked.translate(TEXTS), strict=True):
        assert found.text == expected.text
        np.testing.assert_allclose(found.alignment, expected.alignment, atol=1e-4)


def test_a_server_links_as_the_head_does(linked: Translator) -> None:
    outputs = endpoints(linked, linked.decoding(beam=2, n_best=2))["translate"](tf.constant(TEXTS))
    for i, expected in enumerate(linked.translate(TEXTS, beam=2)):
        length, width = np.shape(expected.alignment)
        np.testing.assert_allclose(outputs["alignment"][i, :length, :width], expected.alignment, atol=1e-5)
        assert not outputs["alignment"][i, length:].numpy().any()


def test_a_shifted_attention_links_on_a_server_also_in_an_ensemble() -> None:
    shifted = untrained_transformer(shifted=True)
    text = "나는 밥을 먹었다"
    (expected,) = shifted.translate([text])
    assert expected.tokens and np.ptp(expected.alignment, 0).max() > 1e-3  # rows differ
    # The model beside it has no links, so those of the ensemble are those of the one.
    both = Ensemble([shifted.model, shifted.model])
    together = Translator(both, shifted.tokenizers, shifted.config, heads=[*shifted.heads, None])
    outputs = endpoints(together, together.decoding())["translate"](tf.constant([text]))
    np.testing.assert_allclose(outputs["alignment"][0], expected.alignment, atol=1e-5)


def test_a_shifted_attention_links_on_a_device_and_on_a_page(tmp_path: Path) -> None:
    shifted = untrained_transformer(shifted=True)
    text = "나는 밥을 먹었다"
    (expected,) = shifted.translate([text])
    settings = shifted.decoding()
    tflite.export(shifted, tmp_path / "device", settings)
    (found,) = tflite_runtime.Translator(tmp_path / "device").translate([text])
    assert found.text == expected.text
    np.testing.assert_allclose(found.alignment, expected.alignment, atol=1e-4)
    model = web_model.convert(shifted, settings, "none")
    about = web.About("toy", ("ko", "en"), "", "")
    assert web.contents(model, translator=shifted, settings=settings, quantize="none", about=about)["linked"] is True
    assert (
        web.contents(model, translator=untrained_transformer(), settings=settings, quantize="none", about=about)[
            "linked"
        ]
        is False
    )
    runner = web_model.Runner(model, web_model.signatures(settings))
    outputs = runner.search(shifted.tokenizers.source.ids(text), web_model.signatures(settings)[0])
    assert web_check.spelt(shifted.tokenizers, outputs) == expected.text
    length, width = np.shape(expected.alignment)
    np.testing.assert_allclose(outputs["alignment"][0, :length, :width], expected.alignment, atol=1e-4)
