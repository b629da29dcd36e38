"""A captioner's export for a server does as it does."""

import json

import numpy as np
import pytest
import tensorflow as tf

from nmt.config import Config, with_settings
from nmt.data.tokenizers import train_tokenizers
from nmt.export import saved_captions
from nmt.export.tflite_runtime import Caption, _caption_values
from nmt.inference.captioner import Captioner
from nmt.models.build import build_model
from nmt.signatures import caption_signatures

CELLS, WIDTH = 5, 3
LINES = ["", *["a red circle at the top", "two squares", "blue below"] * 9]
SMALL = ["model.source=features", f"model.source_cells={CELLS}", f"model.source_width={WIDTH}", "model.units=6"]
SMALL += ["model.embedding=6", "decoding.max_length=7"]
TRANSFORMER = ["model.architecture=transformer", "model.heads=2", "model.feed_forward=5", "model.encoder_layers=1"]
TRANSFORMER += ["model.decoder_layers=1"]


def test_the_attention_that_is_printed_has_four_places() -> None:
    attention = np.array([[0.0727, 0.0048], [0.25, 0.75]], np.float32)
    values = _caption_values(Caption("a", -0.5, ("▁a", "b"), attention))
    assert json.dumps(values["attention"]) == "[[0.0727, 0.0048], [0.25, 0.75]]"


def made(*settings: str) -> Captioner:
    """A model whose weights are far from zero, so that rounding decides nothing."""
    tokenizers = train_tokenizers([("", line) for line in LINES[1:]], "bpe", 40)
    config = with_settings(Config(), [*SMALL, *settings])
    model = build_model(config, tokenizers.target.vocabulary, tokenizers.target.vocabulary)
    rng = np.random.default_rng(3)
    model.set_weights([np.abs(w) if "deviation" in v.path else w
                       for v in model.weights for w in [rng.normal(size=v.shape)]])  # fmt: skip
    return Captioner(model, tokenizers, config)


@pytest.mark.parametrize(
    ("settings", "search"),
    [(TRANSFORMER, {"beam": 3, "n_best": 2}), (["model.attention=none"], {"beam": 1})],
    ids=["transformer with a beam", "no attention"],
)
def test_an_export_for_a_server_describes_as_the_captioner(settings: list[str], search: dict) -> None:
    captioner = made(*settings)
    how = captioner.decoding(**search)
    values = np.random.default_rng(5).normal(size=[7, CELLS, WIDTH]).astype(np.float32)
    wanted = captioner.hypotheses(values, **search)
    functions = saved_captions.endpoints(captioner, how)
    answer = {name: part.numpy() for name, part in functions["caption"](tf.constant(values)).items()}
    assert set(answer) == set(caption_signatures(CELLS, WIDTH)["caption"].outputs)
    short = functions["serving_default"](tf.constant(values))
    for row, best in enumerate(wanted):
        length = len(best[0].tokens)
        assert [text.decode() for text in answer["captions"][row]] == [each.text for each in best]
        assert short["caption"][row].numpy().decode() == best[0].text
        np.testing.assert_allclose(answer["scores"][row], [each.score for each in best], atol=1e-4)
        assert [piece.decode() for piece in answer["tokens"][row] if piece] == list(best[0].tokens)
        assert [bool(flag) for flag in answer["unfinished"][row]] == [each.unfinished for each in best]
        if captioner.aligned:
            np.testing.assert_allclose(answer["attention"][row, :length], best[0].alignment[:, :CELLS], atol=1e-5)
    # A number that is not finite takes its own caption only.
    values[1, 2, 0] = np.nan
    answer = {name: part.numpy() for name, part in functions["caption"](tf.constant(values)).items()}
    assert [text.decode() for text in answer["captions"][:, 0]] == [
        "" if row == 1 else best[0].text for row, best in enumerate(wanted)
    ]
    assert (
        answer["scores"][1, 0] == tf.float32.min and not any(answer["tokens"][1]) and not answer["attention"][1].any()
    )
    scored = functions["score"](tf.constant(values), tf.constant([best[0].text for best in wanted]))
    given = captioner.score(values[2:], [best[0].text for best in wanted[2:]])
    np.testing.assert_allclose(scored["log_probability"][2:], [each.score for each in given], atol=1e-4)
    assert scored["log_probability"][1] == tf.float32.min
    none = functions["caption"](tf.zeros([0, CELLS, WIDTH]))
    assert none["captions"].shape[0] == 0
