"""What is kept of a run is what is said: the weights, their moving average, the mean of the last epochs."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.errors import InputError
from nmt.training.averaging import Keep
from nmt.training.optimizers import Adam


def model(seed: int = 1) -> keras.Model:
    keras.utils.set_random_seed(seed)
    made = keras.Sequential([keras.Input([3]), keras.layers.Dense(2)])
    made.compile(Adam(0.1, use_ema=True, ema_momentum=0.5), "mse", metrics=["mae"])
    made.optimizer.build(made.trainable_variables)
    return made


DATA = tf.data.Dataset.from_tensor_slices((np.ones([4, 3], np.float32), np.ones([4, 2], np.float32))).batch(2)


def run(folder: Path, epochs: int, averages: bool = False, first: int = 0) -> tuple[Keep, list[list[np.ndarray]], dict]:
    """Set the weights to 1, 2, 3 … in turn; each time an epoch ends. Return what was kept after each."""
    learner, kept = model(1), model(2)
    callback = Keep(kept, development=DATA, averages=averages, epochs=epochs, folder=folder)
    callback.set_model(learner)
    found, logs = [], {}
    for epoch in range(first, first + 4):
        for v in learner.trainable_variables:
            v.assign(tf.fill(v.shape, float(epoch + 1)))
        logs = {}
        callback.on_epoch_end(epoch, logs)
        found.append([v.numpy() for v in kept.trainable_variables])
    return callback, found, logs


def test_without_averages_the_weights_themselves_are_kept(tmp_path: Path) -> None:
    _, found, _ = run(tmp_path, epochs=1)
    assert [weights[0].flat[0] for weights in found] == [1, 2, 3, 4]
    assert not list(tmp_path.iterdir())


def test_the_last_epochs_are_averaged(tmp_path: Path) -> None:
    _, found, _ = run(tmp_path, epochs=3)
    # 1; (1 + 2) / 2; (1 + 2 + 3) / 3; (2 + 3 + 4) / 3
    assert [weights[0].flat[0] for weights in found] == [1, 1.5, 2, 3]
    assert all(np.all(w == weights[0].flat[0]) for weights in found for w in weights)
    # Only those that the next mean needs are left.
    assert {path.name for path in tmp_path.iterdir()} == {"epoch-2.npz", "epoch-3.npz", "epoch-4.npz"}


def test_a_resumed_run_averages_over_the_stop(tmp_path: Path) -> None:
    run(tmp_path, epochs=3)
    _, found, _ = run(tmp_path, epochs=3, first=4)
    assert found[0][0].flat[0] == (3 + 4 + 5) / 3


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_weights_that_are_gone_are_told(tmp_path: Path, damage: str) -> None:
    callback, _, _ = run(tmp_path, epochs=3)
    path = tmp_path / "epoch-4.npz"
    path.unlink() if damage == "missing" else path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(
        InputError, match=r"epoch-4.npz, the weights of epoch 4 .* training.average_epochs = 1 the run can be resumed"
    ):
        callback.on_epoch_end(4, {})


def test_what_will_be_averaged_is_checked_before_a_run_is_resumed(tmp_path: Path) -> None:
    callback, _, _ = run(tmp_path, epochs=3)
    callback.check(4)
    with pytest.raises(InputError, match=r"epoch-5\.npz"):
        callback.check(6)
    Keep(callback.kept, development=DATA, averages=False, epochs=1, folder=tmp_path).check(6)


def test_the_moving_average_is_kept_and_the_learner_goes_on_from_its_weights(tmp_path: Path) -> None:
    learner, kept = model(1), model(2)
    learner.fit(DATA, epochs=2, verbose=0, shuffle=False)
    before = [v.numpy() for v in learner.trainable_variables]
    callback = Keep(kept, development=DATA, averages=True, epochs=1, folder=tmp_path)
    callback.set_model(learner)
    callback.on_epoch_end(1, {})
    for got, average, raw in zip(kept.trainable_variables, learner.optimizer.averages(), before, strict=True):
        np.testing.assert_array_equal(got.numpy(), average.numpy())
        assert not np.array_equal(got.numpy(), raw)
    for now, raw in zip(learner.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(now.numpy(), raw)


def test_what_is_measured_is_what_is_kept(tmp_path: Path) -> None:
    _callback, found, logs = run(tmp_path, epochs=4)
    # All weights and the bias are 2.5: each output is 3 * 2.5 + 2.5 = 10, nine from the target.
    assert found[-1][0].flat[0] == 2.5
    assert logs["val_mae"] == pytest.approx(9)
    assert logs["val_loss"] == pytest.approx(81)
