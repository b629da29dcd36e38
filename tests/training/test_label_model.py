"""The loss of labels by hand, and what a step measures."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.config import Config, with_settings
from nmt.training.label_model import LabelCrossEntropy
from nmt.training.setup import make_training_model


def test_the_loss_by_hand():
    logits = np.log([[[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]], [[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]]).astype(np.float32)
    labels = tf.constant([[0, -1], [1, 2]])
    # Three labels count: -ln 0.7, -ln 0.25 and -ln 0.8, in the mean.
    plain = -np.mean(np.log([0.7, 0.25, 0.8]))
    assert float(LabelCrossEntropy()(labels, logits)) == pytest.approx(plain, abs=1e-5)
    spread = -np.mean([np.mean(np.log(row)) for row in ([0.7, 0.2, 0.1], [0.5, 0.25, 0.25], [0.1, 0.1, 0.8])])
    smoothed = LabelCrossEntropy(label_smoothing=0.2)
    assert float(smoothed(labels, logits)) == pytest.approx(0.8 * plain + 0.2 * spread, abs=1e-5)
    assert LabelCrossEntropy.from_config(smoothed.get_config()).label_smoothing == 0.2
    with pytest.raises(ValueError, match="sample_weight"):
        smoothed(labels, logits, sample_weight=1)


@pytest.mark.parametrize("architecture", ["classifier", "tagger"])
def test_blank_rows_change_nothing(architecture):
    settings = [f"model.architecture={architecture}", "model.units=3", "model.embedding=5", "training.warmup_steps=1"]
    settings += [f"model.{each}=0" for each in ("dropout", "embedding_dropout", "output_dropout")]
    source, labels = np.array([[7, 9, 3], [5, 3, 0]]), np.array([[0, -1, 2], [1, 1, -1]])
    labels = labels[:, 0] if architecture == "classifier" else labels
    blank = np.concatenate([source, [[3, 0, 0]] * 3]), np.concatenate([labels, np.full([3, *labels.shape[1:]], -1)])
    results = []
    for ids, numbers in ((source, labels), blank):
        keras.utils.set_random_seed(3)
        model, _ = make_training_model(with_settings(Config(), settings), 9, 11, 3)
        model.run_eagerly = True
        model.optimizer.epsilon = 1e-3  # or Adam would make steps of rounding errors
        model.train_on_batch({"source": source[:1]}, labels[:1])  # so that the loss of the epoch is a mean
        logs = model.train_on_batch({"source": ids}, numbers, return_dict=True)
        measured = model.test_on_batch({"source": ids}, numbers, return_dict=True)
        results.append([np.array([*logs.values(), *measured.values()]), *model.network.get_weights()])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6, rtol=2e-6)


@pytest.mark.parametrize("architecture", ["classifier", "tagger"])
def test_a_step_learns_and_counts_labels(architecture):
    settings = [f"model.architecture={architecture}", "model.units=3", "model.embedding=5", "training.warmup_steps=1"]
    settings += [f"model.{each}=0" for each in ("dropout", "embedding_dropout", "output_dropout")]
    model, _ = make_training_model(with_settings(Config(), [*settings, "training.learning_rate=0.05"]), 9, 11, 2)
    model.run_eagerly = True
    labels = tf.constant([0, 1]) if architecture == "classifier" else tf.constant([[0, -1, -1], [1, 1, -1]])
    batch = ({"source": tf.constant([[7, 9, 3], [5, 3, 0]])}, labels)
    first, last = (model.train_on_batch(*batch, return_dict=True) for _ in range(2))
    assert last["loss"] < first["loss"] and set(first) >= {"perplexity", "accuracy"}
    model.reset_metrics()
    model.test_on_batch(*batch)
    assert float(tf.convert_to_tensor(model.token_metrics[0].tokens)) == (2 if architecture == "classifier" else 3)


def test_another_reduction_is_refused():
    with pytest.raises(ValueError, match="LabelCrossEntropy is always a mean"):
        LabelCrossEntropy(reduction="sum")
