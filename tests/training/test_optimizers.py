"""The fused Adam is Keras's Adam."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.training.optimizers import Adam
from nmt.training.schedules import WarmUp

ROWS, WIDTH = 13, 5
CHOICES = {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.98, "epsilon": 1e-6}


def variables() -> list[keras.Variable]:
    random = np.random.default_rng(2)
    return [keras.Variable(random.normal(size=shape).astype(np.float32)) for shape in ((ROWS, WIDTH), (7,), ())]


def gradients(step: int, sparse: bool) -> list:
    random = np.random.default_rng(100 + step)
    first = tf.constant(random.normal(size=[3, WIDTH]), tf.float32)
    # A row is there twice, as a word is in a batch; other rows come and go.
    rows = tf.constant([2, int(random.integers(ROWS)), 2])
    slices = tf.IndexedSlices(first, rows, tf.constant([ROWS, WIDTH]))
    dense = tf.convert_to_tensor(slices)
    rest = [tf.constant(random.normal(size=shape), tf.float32) for shape in ((7,), ())]
    return [slices if sparse else dense, *rest]


def trained(optimizer: keras.optimizers.Optimizer, sparse: bool, steps: range = range(20)) -> list[np.ndarray]:
    """Weights and moments after these steps."""
    weights = variables()
    optimizer.build(weights)
    run(optimizer, weights, sparse, steps)
    return [np.asarray(v) for v in [*weights, *optimizer.variables]]


def run(optimizer: keras.optimizers.Optimizer, weights: list[keras.Variable], sparse: bool, steps: range) -> None:
    @tf.function
    def update(grads: list) -> None:
        optimizer.apply_gradients(zip(grads, weights, strict=True))

    for step in steps:
        update(gradients(step, sparse))


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize(
    "clipping",
    [
        {},
        {"global_clipnorm": 0.3},
        {"clipnorm": 0.2},
        {"clipvalue": 0.1},
        {"gradient_accumulation_steps": 3, "global_clipnorm": 0.3},
    ],
    ids=lambda c: "".join(c) or "none",
)
def test_twenty_steps_are_those_of_keras(sparse: bool, clipping: dict[str, float]) -> None:
    ours = trained(Adam(**CHOICES, **clipping), sparse)
    # Given dense gradients, Keras moves every row, as the paper does.
    theirs = trained(keras.optimizers.Adam(**CHOICES, **clipping), sparse=False)
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-6)
    assert np.abs(ours[0] - np.asarray(variables()[0])).max() > 0.01


def test_a_schedule_is_followed() -> None:
    ours = trained(Adam(WarmUp(0.01, 7, "inverse_root")), True)
    theirs = trained(keras.optimizers.Adam(WarmUp(0.01, 7, "inverse_root")), False)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-6)


@pytest.mark.parametrize("batches", [1, 3])
def test_a_schedule_counts_steps_and_not_the_batches_that_make_one(batches: int) -> None:
    optimizer = Adam(WarmUp(0.6, 3, "linear", 13), gradient_accumulation_steps=batches if batches > 1 else None)
    weight = keras.Variable(np.float32([1.0]))
    optimizer.build([weight])
    rates, moved = [], []
    for _ in range(4):
        before = float(weight[0])
        rates.append(float(optimizer.learning_rate))  # what the journal records
        for _ in range(batches):
            optimizer.apply_gradients([(tf.constant([0.5]), weight)])
        moved.append(before - float(weight[0]))
    # A gradient that never changes moves a weight by the rate.
    np.testing.assert_allclose(moved, [0.2, 0.4, 0.6, 0.54], rtol=1e-4)
    np.testing.assert_allclose(rates, moved, rtol=1e-4)


def test_the_first_step_by_hand() -> None:
    weight = keras.Variable(np.float32([1.0, 2.0]))
    optimizer = Adam(learning_rate=0.1, beta_1=0.9, beta_2=0.99, epsilon=1e-8)
    optimizer.build([weight])
    optimizer.apply_gradients([(tf.constant([0.5, -3.0]), weight)])
    # Without a past, the moments' ratio is the sign of the gradient: a step of 0.1 against it.
    np.testing.assert_allclose(np.asarray(weight), [0.9, 2.1], atol=1e-6)
    assert int(optimizer.iterations) == 1


@pytest.mark.parametrize("batches", [1, 3])
def test_the_average_is_that_of_the_last_tenth_until_the_decay_is_reached(batches: int) -> None:
    accumulate = {"gradient_accumulation_steps": batches} if batches > 1 else {}
    optimizer = Adam(**CHOICES, **accumulate, use_ema=True, ema_momentum=0.55)
    weights = variables()
    optimizer.build(weights)
    # t / (9 + t) after 0, 1, 2, ... steps; 11/20 = 0.55 is the decay, so 12/21 is cut to it.
    expected = [np.zeros_like(v) for v in weights]
    before = expected[0]
    for step in range(14):
        decay = min(0.55, step / (9 + step))
        for batch in range(batches):
            # Until the last batch of a step nothing moves.
            np.testing.assert_array_equal(np.asarray(optimizer.averages()[0]), before)
            optimizer.apply_gradients(zip(gradients(step * batches + batch, False), weights, strict=True))
        before = np.array(optimizer.averages()[0])
        expected = [decay * old + (1 - decay) * np.asarray(v) for old, v in zip(expected, weights, strict=True)]
        for average, wanted in zip(optimizer.averages(), expected, strict=True):
            np.testing.assert_allclose(np.asarray(average), wanted, atol=1e-6)
    assert np.abs(expected[0] - np.asarray(weights[0])).max() > 0.001


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_a_loaded_optimizer_goes_on_to_the_bit(tmp_path: Path, sparse: bool) -> None:
    whole = trained(Adam(**CHOICES), sparse, range(11))
    weights, optimizer = variables(), Adam(**CHOICES)
    optimizer.build(weights)
    run(optimizer, weights, sparse, range(5))
    store: dict[str, np.ndarray] = {}
    optimizer.save_own_variables(store)
    other = Adam.from_config(optimizer.get_config())
    other.build(weights)
    other.load_own_variables(store)
    run(other, weights, sparse, range(5, 11))
    for mine, wanted in zip([*weights, *other.variables], whole, strict=True):
        np.testing.assert_array_equal(np.asarray(mine), wanted)


def test_it_can_be_saved_with_a_model() -> None:
    loaded = keras.optimizers.deserialize(keras.optimizers.serialize(Adam(0.03, beta_2=0.9, global_clipnorm=0.7)))
    assert type(loaded) is Adam
    assert float(loaded.learning_rate) == pytest.approx(0.03)
    assert (loaded.beta_2, loaded.global_clipnorm) == (0.9, 0.7)


def test_amsgrad_is_refused() -> None:
    with pytest.raises(ValueError, match="no amsgrad"):
        trained(Adam(amsgrad=True), False, range(1))
