"""A labeller labels, and its exports for a server and a device do as it does."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from nmt.commands.label import attended
from nmt.config import Config, with_settings
from nmt.data.labels import Labels
from nmt.data.tokenizers import train_tokenizers
from nmt.errors import InputError
from nmt.export import saved_labels, tflite_labels, tflite_runtime
from nmt.inference import strings
from nmt.inference.completer import Completer
from nmt.inference.labeller import Labeller
from nmt.models.build import build_model

LINES = ["hello world", "we went home", "I ate rice today"] * 9
# A blank text, one too long, a letter that no piece spells, spaces at the ends.
TEXTS = ["we went home", "", "hello " * 30, "東h I", "  rice  today "]
SMALL = ["model.units=6", "model.embedding=6", "decoding.max_length=11", "decoding.batch_size=2"]
TRANSFORMER = ["model.encoder=transformer", "model.heads=2", "model.feed_forward=5"]


def made(architecture: str, *settings: str) -> Labeller:
    """A model whose weights are far from zero, so that rounding decides nothing."""
    kind = "char" if "text.kind=char" in settings else "bpe"
    tokenizers = train_tokenizers([(line, "") for line in LINES], kind, 40 if kind == "bpe" else "auto")
    own = [f"model.architecture={architecture}", f"text.kind={kind}", *SMALL, *settings]
    config = with_settings(Config(), own)
    model = build_model(config, tokenizers.source.vocabulary, 3)
    rng = np.random.default_rng(2)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    return Labeller(model, tokenizers, config, Labels(("bad", "good", "so so")))


def test_a_classifier_and_its_exports_give_one_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labeller = made("classifier", "model.attention_units=5")
    wanted = labeller.classify(TEXTS)
    with monkeypatch.context() as patch:  # of a text without end only the start is cut into pieces
        patch.setattr(strings, "_READ", 90)
        (start,) = labeller.classify(TEXTS[2:3])
        assert (start.text, start.label, start.tokens) == (TEXTS[2], wanted[2].label, wanted[2].tokens)
        assert len(TEXTS[2]) > 90 and start.truncated
    assert [each.text for each in wanted] == TEXTS and [each.truncated for each in wanted] == [
        False,
        False,
        True,
        False,
        False,
    ]
    for found in wanted:
        assert found.label == max(found.probabilities, key=found.probabilities.__getitem__)
        assert found.tokens[-1] == "</s>" and len(found.tokens) == len(found.attention)
        assert sum(found.attention) == pytest.approx(1) and sum(found.probabilities.values()) == pytest.approx(1)
    words, weights = wanted[0].words()
    assert words == ("we", "went", "home", "</s>") and sum(weights) == pytest.approx(1)
    drawn = attended(wanted[0])
    assert (drawn.source, drawn.target, drawn.weights.shape) == (words, (wanted[0].label,), (1, 4))
    folder = saved_labels.export(labeller, tmp_path / "server")
    answer = tf.saved_model.load(str(folder)).signatures["classify"](text=tf.constant([t.encode() for t in TEXTS]))
    tflite_labels.export(labeller, tmp_path / "device", card="a card")
    device = tflite_runtime.Labeller(tmp_path / "device")
    for row, (each, found) in enumerate(zip(wanted, device.label(TEXTS), strict=True)):
        assert (found.labels, found.tokens, found.truncated) == ((each.label,), each.tokens, each.truncated)
        chances = [each.probabilities[name] for name in labeller.labels.names]
        np.testing.assert_allclose(found.probabilities[0], chances, atol=1e-4)
        np.testing.assert_allclose(found.attention, each.attention, atol=1e-4)
        names = [name.decode() for name in answer["labels"][row].numpy()]
        assert names == sorted(each.probabilities, key=each.probabilities.__getitem__, reverse=True)
        np.testing.assert_allclose(answer["probabilities"][row], sorted(chances, reverse=True), atol=1e-4)
        length = len(each.tokens)
        assert [piece.decode() for piece in answer["tokens"][row].numpy() if piece] == list(each.tokens)
        np.testing.assert_allclose(answer["attention"][row, :length], each.attention, atol=1e-4)
        assert bool(answer["truncated"][row]) == each.truncated
    with pytest.raises(ValueError, match="can label, and this is to translate"):
        tflite_runtime.Translator(tmp_path / "device")
    labeller.save(tmp_path / "model")
    again = Labeller.load(tmp_path / "model").classify(TEXTS[:1])[0]
    assert again.label == wanted[0].label and again.probabilities == pytest.approx(wanted[0].probabilities, abs=1e-5)
    with pytest.raises(InputError, match="which labels texts"):
        Completer.load(tmp_path / "model")
    with pytest.raises(TypeError, match="use classify"):
        labeller.tag(TEXTS)


@pytest.mark.parametrize("settings", [TRANSFORMER, ["text.kind=char"]], ids=["words", "characters"])
def test_a_tagger_labels_every_token_and_so_does_a_device(settings: list[str], tmp_path: Path) -> None:
    labeller = made("tagger", *settings)
    wanted = labeller.tag(TEXTS)
    letters = "text.kind=char" in settings
    assert wanted[0].tokens == (tuple("we went home")[:11] if letters else ("we", "went", "home"))
    assert wanted[4].tokens[-1] == ("d" if letters else "today")  # the eleventh
    assert wanted[1].labels == () and wanted[2].truncated
    for found in wanted:
        assert len(found.tokens) == len(found.labels) == len(found.probabilities)
        np.testing.assert_allclose(found.probabilities.sum(-1), 1, atol=1e-5)
    tflite_labels.export(labeller, tmp_path / "device")
    device = tflite_runtime.Labeller(tmp_path / "device")
    for each, found in zip(wanted, device.label(TEXTS), strict=True):
        assert (found.tokens, found.labels, found.truncated) == (each.tokens, each.labels, each.truncated)
        np.testing.assert_allclose(found.probabilities, each.probabilities, atol=1e-4)
    answer = saved_labels.tagging(labeller)["tag"](tf.constant([text.encode() for text in TEXTS]))
    for row, each in enumerate(wanted):
        assert [name.decode() for name in answer["labels"][row].numpy() if name] == list(each.labels)
        assert [token.decode() for token in answer["tokens"][row].numpy() if token] == list(each.tokens)
    with pytest.raises(TypeError, match="use tag"):
        labeller.classify(TEXTS)
