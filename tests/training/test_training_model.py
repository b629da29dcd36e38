"""A network as it is trained: what the wrapper adds, and that it adds nothing else."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.config import Config, with_settings
from nmt.models.build import build_model
from nmt.training.setup import compile_for_training, make_training_model
from nmt.training.training_model import TrainingModel

SMALL = ["text.vocabulary_size=23", "model.units=5", "model.embedding=5", "model.attention_units=7"]
BATCH = {"source": np.array([[7, 9, 3], [5, 3, 0]]), "target": np.array([[2, 5, 6, 4], [2, 7, 0, 0]])}
WRITTEN = np.array([[5, 6, 4, 3], [7, 3, 0, 0]])
DROPOUTS = ("dropout", "embedding_dropout", "output_dropout")
NETWORKS = [SMALL, [*SMALL[:3], "model.architecture=language-model"]]


def test_it_gives_scores_and_alignment_and_the_network_logits():
    model, _ = make_training_model(with_settings(Config(), SMALL), 100)
    scores, alignment = model({**BATCH, "written": WRITTEN})
    logits = model.network(BATCH).numpy()
    assert (logits.shape, alignment.shape) == ((2, 4, 23), (2, 4, 3))
    log_p = logits - np.log(np.sum(np.exp(logits), -1, keepdims=True))
    wanted = -np.take_along_axis(log_p, WRITTEN[..., None], -1)[..., 0]
    there = WRITTEN > 0
    np.testing.assert_allclose(scores.minus_log_p.numpy()[there], wanted[there], rtol=1e-5)
    np.testing.assert_array_equal(scores.likeliest.numpy()[there], np.argmax(logits, -1)[there])


@pytest.mark.parametrize("settings", NETWORKS, ids=["recurrent", "language-model"])
def test_it_learns_as_the_plain_network_does(settings):
    """Without guidance and sampling the same seed gives the same steps, dropout included, but for rounding."""
    config = with_settings(Config(), [*settings, "training.warmup_steps=1"])
    results = []
    for wrapped in (True, False):
        keras.utils.set_random_seed(3)
        network = build_model(config)
        model = TrainingModel(network) if wrapped else network
        compile_for_training(model, config, 100)
        model.run_eagerly = True
        losses = [float(model.train_on_batch(BATCH, WRITTEN, return_dict=True)["loss"]) for _ in range(3)]
        results.append([np.array(losses), *network.get_weights()])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    np.testing.assert_array_less(1e-3, np.abs(results[0][0][:1] - results[0][0][1:]))  # the weights have moved


@pytest.mark.parametrize(
    "settings",
    [
        [*SMALL, "model.context_dropout=0"],
        [*SMALL[:3], "model.architecture=transformer", "model.feed_forward=7", "model.heads=1"],
    ],
    ids=["recurrent", "transformer"],
)
def test_blank_rows_change_nothing(settings):
    """A batch that is filled up for XLA is learned from, and measured, as without the blank rows."""
    settings = [*settings, *(f"model.{name}=0" for name in DROPOUTS)]
    filled = {
        "source": np.concatenate([BATCH["source"], [[3, 0, 0]] * 3]),
        "target": np.pad(BATCH["target"], [[0, 3], [0, 0]]),
    }
    results = []
    for batch, written in ((BATCH, WRITTEN), (filled, np.pad(WRITTEN, [[0, 3], [0, 0]]))):
        keras.utils.set_random_seed(3)
        model, _ = make_training_model(with_settings(Config(), [*settings, "training.warmup_steps=1"]), 100)
        model.run_eagerly = True
        model.optimizer.epsilon = 1e-3  # or Adam would make steps of rounding errors
        # Another batch first, so that the loss of the epoch is a mean.
        model.train_on_batch({name: ids[:1] for name, ids in BATCH.items()}, WRITTEN[:1])
        logs = model.train_on_batch(batch, written, return_dict=True)
        measured = model.test_on_batch(batch, written, return_dict=True)
        results.append([np.array([*logs.values(), *measured.values()]), *model.network.get_weights()])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6, rtol=2e-6)


def test_it_has_no_variables_of_its_own():
    """Checkpoints store variables by their order, so those of a run of before can be resumed."""
    model, _ = make_training_model(with_settings(Config(), [*SMALL, "training.scheduled_sampling=0.5"]), 100)
    assert [id(variable) for variable in model.variables] == [id(variable) for variable in model.network.variables]
    assert [variable.path.rpartition("/")[2] for variable in model.variables[:2]] == [
        "output_bias",
        "seed_generator_state",
    ]


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # that is what is tested
@pytest.mark.parametrize("parts", [1, 2])
def test_a_step_without_data_moves_nothing(parts):
    """Keras asks for one batch more than an epoch has; the counter of steps and the seeds stay as they were."""
    model, _ = make_training_model(with_settings(Config(), [*SMALL, f"training.batch_parts={parts}"]), 100)
    data = tf.data.Dataset.from_tensors((BATCH, WRITTEN)).repeat(3).filter(lambda *_: True)  # of unknown length
    model.fit(data, epochs=1, verbose=0, shuffle=False)
    assert int(tf.convert_to_tensor(model.optimizer.iterations)) == 3
    seeds = [int(np.asarray(v)[1]) for v in model.variables if "seed" in v.path]
    # Each generator that is drawn from moves once a step for each part of the batch: those of embeddings (twice, for
    # two sides), context, output.
    assert sorted(seeds) == [0] * (len(seeds) - 3) + [3 * parts, 3 * parts, 6 * parts]
