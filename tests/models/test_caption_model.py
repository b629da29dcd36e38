"""Features become annotations by the equation, a step equals teacher forcing, and a model can be kept."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.config import Config, with_settings
from nmt.layers.features import FeatureEncoder
from nmt.models.build import build_model
from nmt.models.precision import precision
from nmt.training.losses import MaskedCrossEntropy
from nmt.training.training_model import TrainingModel

SHAPE = ["model.source=features", "model.source_cells=3", "model.source_width=2", "text.vocabulary_size=11"]
RECURRENT = [*SHAPE, "model.units=5", "model.embedding=7", "model.attention_units=13", "model.cell=lstm"]
TRANSFORMER = [*SHAPE, "model.architecture=transformer", "model.units=6", "model.embedding=6", "model.heads=2"]
TRANSFORMER += ["model.feed_forward=13", "model.positions=learned"]
FEATURES = np.random.default_rng(5).normal(size=(2, 3, 2)).astype(np.float32)
TARGET = np.array([[2, 9, 5, 4], [2, 8, 0, 0]])


def test_an_annotation_is_the_equation_and_the_state_their_mean() -> None:
    encoder = FeatureEncoder(units=4, bridge=(5, 2, 1))
    annotations, state = encoder(FEATURES)
    encoder.standardize(np.array([1.0, -1.0]), np.array([2.0, 0.5]))
    scaled = (FEATURES - [1.0, -1.0]) / [2.0, 0.5]
    # sin and cos of j / 10000^0 and j / 10000^(2 / 4) for the cells j = 0, 1, 2
    angles = np.arange(3)[:, None] * [1, 1, 0.01, 0.01]
    places = np.where([True, False, True, False], np.sin(angles), np.cos(angles))
    expected = np.tanh(scaled @ np.asarray(encoder.kernel) + places)
    annotations, state = encoder(FEATURES)
    np.testing.assert_allclose(annotations, expected, atol=1e-5)
    kernel, bias = encoder.bridges[1].get_weights()
    np.testing.assert_allclose(state[1][0], np.tanh(expected.mean(1) @ kernel + bias), atol=1e-5)


@pytest.mark.parametrize("settings", [RECURRENT, TRANSFORMER], ids=["recurrent", "transformer"])
def test_a_step_equals_teacher_forcing_and_a_row_has_no_neighbours(settings: list[str], tmp_path: Path) -> None:
    model = build_model(with_settings(Config(), settings))
    rng = np.random.default_rng(2)
    model.set_weights([0.5 * np.abs(rng.normal(size=weight.shape)) for weight in model.weights])
    logits, alignment = model.teacher_forcing(FEATURES, TARGET)
    assert alignment.shape == (2, 4, 3)
    np.testing.assert_allclose(tf.reduce_sum(alignment, -1), 1, atol=1e-5)
    memory = model.encode(FEATURES)
    state = model.initial_state(memory, 4)
    for i in range(4):
        stepped, state, weights = model.step(TARGET[:, i], state, memory)
        if i < 2:
            np.testing.assert_allclose(stepped, logits[:, i], atol=1e-5)
            np.testing.assert_allclose(weights, alignment[:, i], atol=1e-5)
    alone, _ = model.teacher_forcing(FEATURES[1:], TARGET[1:, :2])
    np.testing.assert_allclose(alone[0], logits[1, :2], atol=1e-5)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again({"source": FEATURES, "target": TARGET}), logits)


@pytest.mark.parametrize("settings", [RECURRENT, TRANSFORMER], ids=["recurrent", "transformer"])
def test_large_features_keep_what_differs_in_half_precision(settings: list[str]) -> None:
    features = tf.constant(np.random.default_rng(3).normal(1000.3, 1, (4, 3, 2)), tf.float32)
    inputs = {"source": features, "target": tf.constant([[2, 9]] * 4), "written": tf.constant([[9, 3]] * 4)}
    found = []
    for kind in ("float32", "bfloat16"):
        keras.utils.set_random_seed(1)
        with precision(kind):
            network = build_model(with_settings(Config(), settings))
            model = TrainingModel(network)
        model.compile(None, MaskedCrossEntropy(), [])
        network.encoder.standardize(np.full(2, 1000.3), np.ones(2))
        annotations, _ = network.encoder(features)
        assert annotations.dtype == kind
        scores, _ = model(inputs)
        found.append([annotations, network(inputs), scores.minus_log_p])
    for half, full in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(tf.cast(half, tf.float32), full, atol=0.05)
