"""Each option of the training practice does what it says."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.config import Config, with_settings
from nmt.models.build import build_model
from nmt.training.callbacks import SampleMore
from nmt.training.optimizers import Adam
from nmt.training.scheduled_sampling import mix_predictions
from nmt.training.setup import make_training_model

SMALL = ["text.vocabulary_size=23", "model.units=6", "model.embedding=6", "model.attention_units=7"]
NO_DROPOUT = [f"model.{kind}=0" for kind in ("dropout", "embedding_dropout", "context_dropout", "output_dropout")]
SOURCE = tf.constant([[7, 9, 11, 3], [5, 6, 8, 3], [13, 17, 19, 3], [20, 21, 22, 3]])
TARGET = tf.constant([[2, 5, 6], [2, 7, 8], [2, 11, 12], [2, 13, 14]])
WRITTEN = tf.constant([[5, 6, 3], [7, 8, 3], [11, 12, 3], [13, 14, 3]])


def made(*settings, seed=3):
    """A small model compiled as training does it, whose first steps are as large as any."""
    keras.utils.set_random_seed(seed)
    base = with_settings(Config(), [*SMALL, *NO_DROPOUT, "training.warmup_steps=1"])
    config = with_settings(base, list(settings))
    model, _ = make_training_model(config, 100)
    model.run_eagerly = True
    return model


def step(model, rows=slice(None)):
    inputs = {"source": SOURCE[rows], "target": TARGET[rows]}
    return float(model.train_on_batch(inputs, WRITTEN[rows], return_dict=True)["loss"])


def weights(model):
    return {v.path.partition("/")[2]: v.numpy() for v in model.trainable_variables}


# Word dropout


def test_word_dropout_drops_whole_words():
    model = build_model(with_settings(Config(), [*SMALL, *NO_DROPOUT, "model.word_dropout=0.4"]))
    ids = tf.fill([50, 20], 7)
    words = model._vectors(model.target_embedding, ids, training=True).numpy()
    whole = model.target_embedding(ids).numpy()
    dropped = np.all(words == 0, -1)
    assert 0.3 < dropped.mean() < 0.5
    # What stays is scaled by 1 / 0.6, so that the mean is as it was.
    np.testing.assert_allclose(words[~dropped], whole[~dropped] / 0.6, rtol=1e-5)
    np.testing.assert_array_equal(model._vectors(model.target_embedding, ids, training=False), whole)


def test_word_dropout_reaches_the_source_too():
    model = build_model(with_settings(Config(), [*SMALL, *NO_DROPOUT, "model.word_dropout=0.9"]))
    plain = model.run_encoder(SOURCE, training=False)
    dropped = model.run_encoder(SOURCE, training=True)
    assert not np.allclose(plain.annotations, dropped.annotations)


# Scheduled sampling


def test_scheduled_sampling_replaces_a_share_of_the_tokens_by_predictions():
    target = tf.constant([[2, 5, 6, 7, 0, 0]])
    # The prediction at place t is the token that is read at t + 1: 11, 12, 13, …
    predictions = tf.constant([[11, 12, 13, 14, 15, 16]])
    np.testing.assert_array_equal(mix_predictions(target, predictions, 0.0), target)
    # BOS stays, and so does padding.
    np.testing.assert_array_equal(mix_predictions(target, predictions, 1.0), [[2, 11, 12, 13, 0, 0]])
    seed = keras.random.SeedGenerator(3)
    many = mix_predictions(tf.fill([400, 6], 5), tf.tile(predictions, [400, 1]), 0.25, seed).numpy()
    assert 0.2 < (many[:, 1:] != 5).mean() < 0.3
    assert (many[:, 0] == 5).all()


def test_scheduled_sampling_is_of_training_only_and_predicts_from_the_true_tokens():
    inputs = {"source": SOURCE, "target": TARGET}
    logits = made().network(inputs)
    inputs["written"] = WRITTEN
    model = made("training.scheduled_sampling=1")
    model.sampling_share.assign(1.0)

    def losses(read, **training):
        return model(read, **training)[0].minus_log_p

    np.testing.assert_array_equal(losses(inputs), made()(inputs)[0].minus_log_p)
    read = np.concatenate([np.full([4, 1], 2), np.argmax(logits, -1)[:, :-1]], 1)
    wanted = losses({**inputs, "target": tf.constant(read, tf.int32)})
    np.testing.assert_allclose(losses(inputs, training=True), wanted, atol=1e-5)


def test_scheduled_sampling_rises_to_its_share():
    model = made("training.scheduled_sampling=0.6")
    assert float(model.sampling_share) == 0
    callback = SampleMore(0.6, epochs=4)
    callback.set_model(model)
    shares = []
    for epoch in range(4):
        callback.on_epoch_begin(epoch)
        shares.append(float(model.sampling_share))
    np.testing.assert_allclose(shares, [0, 0.2, 0.4, 0.6], rtol=1e-6)


# Gradient accumulation


def test_two_batches_accumulated_make_the_step_of_both_together():
    """All rows have as many words, so the mean of two halves is the mean of all."""
    whole, halves = made(), made("training.accumulate=2")
    step(whole)
    before = halves.get_weights()
    step(halves, slice(0, 2))
    for now, then in zip(halves.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    step(halves, slice(2, 4))
    for got, wanted in zip(halves.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(got, wanted, atol=2e-6)
    assert int(whole.optimizer.iterations) == int(halves.optimizer.iterations) == 1


# Weight decay


def test_weight_decay_shrinks_what_multiplies_and_nothing_else():
    """AdamW with a gradient of zero: w - rate * decay * w."""
    model = made(
        "training.weight_decay=0.5", "training.learning_rate=0.1", "model.attention=cosine", "model.layer_norm=true"
    )
    model.network.output_bias.assign(tf.ones_like(model.network.output_bias))
    before = weights(model)
    model.optimizer.apply([tf.zeros_like(v) for v in model.trainable_variables])
    kept = ("bias", "gamma", "beta", "strength")
    for name, value in weights(model).items():
        factor = 1.0 if name.endswith(kept) else 1 - 0.1 * 0.5
        np.testing.assert_allclose(value, before[name] * factor, rtol=1e-5, err_msg=name)


def test_adamw_is_that_of_keras():
    ours, theirs = keras.Variable([1.0, -2.0]), keras.Variable([1.0, -2.0])
    mine = Adam(0.1, weight_decay=0.3)
    other = keras.optimizers.AdamW(0.1, weight_decay=0.3)
    for gradient in ([1.0, 3.0], [-0.5, 0.1], [0.2, 0.2]):
        mine.apply([tf.constant(gradient)], [ours])
        other.apply([tf.constant(gradient)], [theirs])
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5)


# The moving average


def test_the_moving_average_has_the_decay_of_the_config():
    """a_t = decay a_{t-1} + (1 - decay) w_t, begun with the first weights; 0.05 is below t / (9 + t) from t = 1 on."""
    model = made("training.average_decay=0.05")
    seen = []
    for _ in range(3):
        step(model)
        seen.append([v.numpy() for v in model.trainable_variables])
    for i, average in enumerate(model.optimizer.averages()):
        wanted = seen[0][i]
        for later in seen[1:]:
            wanted = 0.05 * wanted + 0.95 * later[i]
        np.testing.assert_allclose(average.numpy(), wanted, atol=1e-6)


# Precision


@pytest.mark.parametrize(
    "settings", [[], ["model.architecture=transformer", "model.heads=2"], ["model.attention=none"]]
)
def test_a_model_of_bfloat16_comes_back_where_all_else_is_float32(settings, tmp_path):
    model = made("training.precision=bfloat16", *settings)
    inputs = {"source": SOURCE, "target": TARGET}
    wanted = model.network(inputs)
    model.network.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(tf.cast(again(inputs), tf.float32), tf.cast(wanted, tf.float32))


def test_a_batch_can_be_trained_on_in_a_graph():
    model = made()
    model.run_eagerly = False
    assert step(model) > step(model)


def test_bfloat16_computes_in_bfloat16_and_keeps_weights_and_loss_in_float32():
    half, full = made("training.precision=bfloat16"), made()
    assert {v.dtype for v in half.trainable_variables} == {"float32"}
    inputs = {"source": SOURCE, "target": TARGET}
    logits = half.network(inputs)
    scores, alignment = half({**inputs, "written": WRITTEN})
    assert logits.dtype == alignment.dtype == tf.bfloat16
    assert half.compute_loss(inputs, WRITTEN, (scores, alignment)).dtype == tf.float32
    np.testing.assert_allclose(tf.cast(logits, tf.float32), full.network(inputs), atol=0.05)
    losses = [step(half) for _ in range(5)]
    assert losses[-1] < losses[0]
    assert keras.config.dtype_policy().name == "float32"  # what is built later is as ever


@pytest.mark.parametrize(
    "settings",
    [
        ["model.architecture=transformer", "model.heads=2"],
        ["model.architecture=language-model"],
        ["model.context=feed"],
        ["model.attention=none"],
    ],
)
def test_bfloat16_trains_every_architecture(settings):
    losses_of = made("training.precision=bfloat16", *settings)
    losses = [step(losses_of) for _ in range(8)]
    assert losses[-1] < losses[0]
