"""An encoder alone: a label for a text, or one for each token; padding changes nothing; an ordinary life in Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.config import Config, pretrained_for, with_settings
from nmt.data.tokenizers import train_tokenizers
from nmt.layers.encoder import Encoder
from nmt.models.build import build_model
from nmt.models.classifier import SequenceClassifier
from nmt.training.finetune import begin_with

LETTERS = train_tokenizers([("abcdef", "")], "char")  # of 11 tokens
SOURCE = np.array([[7, 9, 5, 3], [5, 3, 0, 0], [4, 8, 3, 0]])
RECURRENT = ["text.vocabulary_size=11", "model.units=3", "model.embedding=5"]
TRANSFORMER = [*RECURRENT[:1], "model.encoder=transformer", "model.units=6", "model.embedding=6", "model.heads=2"]
TRANSFORMER += ["model.feed_forward=13"]


def made(architecture, settings, *more):
    config = with_settings(Config(), [f"model.architecture={architecture}", *settings, *more])
    model = build_model(config, 11, 3)
    rng = np.random.default_rng(2)
    model.set_weights([0.5 * rng.normal(size=weight.shape) for weight in model.weights])
    return model


@pytest.mark.parametrize(
    "settings", [RECURRENT, [*RECURRENT, "model.cell=lstm"], TRANSFORMER], ids=["gru", "lstm", "t"]
)
@pytest.mark.parametrize("pooling", ["attention", "mean", "last"])
def test_a_text_alone_has_the_label_and_the_weights_that_it_has_in_a_batch(settings, pooling):
    model = made("classifier", settings, f"model.pooling={pooling}")
    logits, weights = model.attend(SOURCE)
    np.testing.assert_array_equal(model(SOURCE), logits)
    np.testing.assert_array_equal(model({"source": SOURCE}), logits)
    assert logits.shape == (3, 3)
    np.testing.assert_allclose(tf.reduce_sum(weights, 1), 1, atol=1e-6)
    for row, length in enumerate([4, 2, 3]):
        alone, own = model.attend(SOURCE[row : row + 1, :length])
        np.testing.assert_allclose(alone[0], logits[row], atol=1e-5)
        np.testing.assert_allclose(own[0], weights[row, :length], atol=1e-6)
        assert not weights.numpy()[row, length:].any()
        assert pooling != "last" or int(tf.argmax(weights[row])) == length - 1


def test_the_last_state_of_both_directions_is_what_a_recurrent_classifier_rests_on():
    model = made("classifier", RECURRENT, "model.pooling=last")
    annotations, _, _ = model.annotate(SOURCE[:1])
    # The forward state after the last token, and the backward one after the first.
    vector = np.concatenate([annotations[0, -1, :3], annotations[0, 0, 3:]])
    kernel, bias = model.output_layer.get_weights()
    np.testing.assert_allclose(model(SOURCE[:1])[0], vector @ kernel + bias, atol=1e-5)


@pytest.mark.parametrize("settings", [RECURRENT, TRANSFORMER], ids=["recurrent", "transformer"])
def test_a_tagger_labels_every_token_and_padding_changes_nothing(settings):
    model = made("tagger", settings)
    logits = model(SOURCE)
    assert logits.shape == (3, 4, 3)
    for row, length in enumerate([4, 2, 3]):
        np.testing.assert_allclose(model(SOURCE[row : row + 1, :length])[0], logits[row, :length], atol=1e-5)


def test_a_classifier_is_an_ordinary_keras_model(tmp_path):
    keras.utils.set_random_seed(1)
    model = SequenceClassifier(11, 5, Encoder(3), labels=2, attention_units=7, embedding_dropout=0.1)
    model.compile(keras.optimizers.Adam(0.05), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.run_eagerly = True
    losses = [float(model.train_on_batch(SOURCE, np.array([0, 1, 1]))) for _ in range(9)]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(SOURCE), model(SOURCE))


def test_an_encoder_names_tokens_and_a_classifier_begins_with_it(tmp_path):
    config = with_settings(Config(), ["model.architecture=masked-language-model", TRANSFORMER[0], *TRANSFORMER[2:]])
    start = build_model(config, 11, 11)
    assert start(SOURCE).shape == (3, 4, 11)
    vectors = start.output_layer(start.annotate(SOURCE).annotations).numpy()
    tied = vectors @ start.source_embedding.embeddings.numpy().T + start.output_bias.numpy()
    np.testing.assert_allclose(start(SOURCE), tied, atol=1e-5)
    start.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "m.keras")(SOURCE), start(SOURCE))
    for architecture in ("classifier", "tagger"):
        model = made(architecture, TRANSFORMER)
        before = model.output_layer.get_weights()
        begin_with(model, LETTERS, start, LETTERS)
        np.testing.assert_array_equal(model.annotate(SOURCE).annotations, start.annotate(SOURCE).annotations)
        np.testing.assert_array_equal(model.output_layer.get_weights()[0], before[0])
    own = with_settings(config, ["model.encoder=transformer", "model.architecture=classifier", "model.pooling=mean"])
    assert pretrained_for(config, own).model == own.model


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="Known: attention, mean, last"):
        SequenceClassifier(11, 5, Encoder(3), labels=2, pooling="max")
    with pytest.raises(ValueError, match="2 or more"):
        SequenceClassifier(11, 5, Encoder(3), labels=1)


class OwnEncoder(Encoder):
    """An encoder that Keras does not know by name."""


def test_comes_back_with_an_encoder_of_ones_own():
    config = SequenceClassifier(11, 5, OwnEncoder(3), labels=2).get_config()
    again = SequenceClassifier.from_config(config, custom_objects={"OwnEncoder": OwnEncoder})
    assert type(again.encoder) is OwnEncoder
