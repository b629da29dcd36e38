"""A batch in parts: the same loss, metrics and gradients as the whole, with parts of one row or none."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.config import Config, Training, with_settings
from nmt.errors import InputError
from nmt.training import batch_parts as module
from nmt.training.batch_parts import batch_parts, share_cores_among
from nmt.training.setup import make_training_model

DROPOUTS = ("dropout", "embedding_dropout", "output_dropout")
SMALL = [
    *(f"model.{name}=0" for name in DROPOUTS),
    "model.units=4",
    "model.embedding=4",
    "training.guided_alignment=0.5",
]
RECURRENT = [*SMALL, "model.context_dropout=0", "model.attention_units=7"]
TRANSFORMER = [*SMALL, "model.architecture=transformer", "model.heads=2", "model.feed_forward=5"]
SOURCES, TARGETS = 11, 13


def _batch(rows):
    rng = np.random.default_rng(7)
    lengths = rng.integers(1, 6, [2, rows])
    source, target = (
        np.where(np.arange(5) < length[:, None], rng.integers(4, size, [rows, 5]), 0)
        for length, size in zip(lengths, (SOURCES, TARGETS), strict=True)
    )
    links = rng.random([rows, 5, 5]) * (target != 0)[:, :, None] * (source != 0)[:, None, :]
    inputs = {"source": source.astype("int32"), "target": target.astype("int32"), "links": links.astype("float32")}
    return {name: tf.constant(value) for name, value in inputs.items()}, tf.constant(target, tf.int32)


def _loss_and_gradients(settings, parts, rows):
    keras.utils.set_random_seed(3)
    config = with_settings(Config(), [*settings, f"training.batch_parts={parts}"])
    model, _ = make_training_model(config, 9, SOURCES, TARGETS)
    inputs, written = _batch(rows)
    inputs = {**inputs, "written": written}
    outputs, loss, gradients = model.loss_and_gradients(inputs, written)
    metrics = model.compute_metrics(inputs, written, outputs)
    found = [np.asarray(tf.convert_to_tensor(gradient)) for gradient in gradients if gradient is not None]
    return [np.asarray(loss), *(np.asarray(metrics[name]) for name in sorted(metrics)), *found]


@pytest.mark.parametrize("settings", [RECURRENT, TRANSFORMER], ids=["recurrent", "transformer"])
@pytest.mark.parametrize(("parts", "rows"), [(2, 5), (3, 2)])
def test_parts_give_what_the_whole_gives(settings, parts, rows):
    whole, divided = (_loss_and_gradients(settings, each, rows) for each in (1, parts))
    assert len(whole) > 10
    for one, other in zip(whole, divided, strict=True):
        np.testing.assert_allclose(other, one, atol=2e-6, rtol=2e-5)


def test_scores_come_back_in_their_order():
    config = with_settings(Config(), [*RECURRENT, "training.batch_parts=2"])
    model, _ = make_training_model(config, 9, SOURCES, TARGETS)
    inputs, written = _batch(3)
    inputs = {**{name: ids for name, ids in inputs.items() if name != "links"}, "written": written}
    (divided, attended), (whole, wanted) = model(inputs, training=True), model(inputs)
    np.testing.assert_allclose(divided.minus_log_p, whole.minus_log_p, atol=1e-6)
    np.testing.assert_allclose(attended, wanted, atol=1e-6)


def test_a_language_model_is_computed_in_parts():
    settings = ["model.architecture=language-model", *(f"model.{name}=0" for name in DROPOUTS), "model.units=3"]
    losses = []
    for parts in (1, 2):
        keras.utils.set_random_seed(3)
        config = with_settings(Config(), [*settings, f"training.batch_parts={parts}"])
        model, _ = make_training_model(config, 9, TARGETS, TARGETS)
        model.run_eagerly = True
        inputs, written = _batch(3)
        batch = {name: inputs[name] for name in ("source", "target")}
        losses.append(float(model.train_on_batch(batch, written, return_dict=True)["loss"]))
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


@pytest.mark.parametrize("architecture", ["classifier", "tagger"])
def test_labels_come_back_in_their_order(architecture):
    settings = [f"model.architecture={architecture}", "training.batch_parts=2", "model.units=3", "model.embedding=5"]
    model, _ = make_training_model(
        with_settings(Config(), [*settings, *(f"model.{name}=0" for name in DROPOUTS)]), 9, SOURCES, 2
    )
    inputs = {"source": _batch(3)[0]["source"]}
    np.testing.assert_allclose(model(inputs, training=True), model(inputs), atol=1e-6)


def test_the_number_of_parts(monkeypatch):
    monkeypatch.setattr(module, "cores", lambda: 4)
    assert [batch_parts(Training(batch_size=size)) for size in (1, 31, 32, 80, 1000)] == [1, 1, 2, 4, 4]
    assert [batch_parts(Training(batch_unit="tokens", batch_size=size)) for size in (255, 512, 4096)] == [1, 2, 4]
    assert batch_parts(Training(batch_size=100), workers=2) == 3  # of 50 sentences each
    assert batch_parts(Training(batch_parts=3)) == 3
    assert batch_parts(Training(devices=2)) == batch_parts(Training(xla="on")) == 1
    monkeypatch.setattr(module, "cores", lambda: 96)
    assert batch_parts(Training(batch_size=4000)) == 8


def test_threads_are_shared_only_before_tensorflow_starts(monkeypatch):
    asked = []

    def refuse(threads):
        asked.append(threads)
        raise RuntimeError

    monkeypatch.setattr(module, "cores", lambda: 5)
    monkeypatch.setattr(tf.config.threading, "set_intra_op_parallelism_threads", refuse)
    share_cores_among(2)
    share_cores_among(1)  # every operation may use all cores, as TensorFlow has it
    assert asked == [3]


@pytest.mark.parametrize("other", ["training.devices=2", "training.xla=on"])
def test_parts_are_for_one_processor(other):
    with pytest.raises(InputError, match="batch_parts = 2 is for the cores"):
        with_settings(Config(), ["training.batch_parts=2", other])
