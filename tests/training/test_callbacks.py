"""What decides during a run looks at the journal alone, and the state brings everything back to the bit."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.errors import InputError, WorkFailed
from nmt.training.callbacks import (
    EarlyStopping,
    Journal,
    KeepBest,
    Plateau,
    SaveState,
    State,
    StopOnNonFinite,
    best_epoch,
    rate_scale,
)
from nmt.training.schedules import WarmUp

scores = st.lists(st.floats(0, 100), min_size=1, max_size=23)
halves = settings(max_examples=100, deadline=None)


def small_model(units: int = 5, seed: int = 1, schedule: bool = False) -> keras.Model:
    """Dense, dropout, dense: weights, moments and random states."""
    keras.utils.set_random_seed(seed)
    layers = [keras.Input([3]), keras.layers.Dense(units), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(WarmUp(0.1, 1) if schedule else 0.1), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def data(batches: int = 7) -> tf.data.Dataset:
    random = np.random.default_rng(3)
    rows = (random.normal(size=[2 * batches, 3]).astype(np.float32), random.normal(size=[2 * batches, 1]))
    return tf.data.Dataset.from_tensor_slices(rows).batch(2)


def arrays(model: keras.Model) -> list[np.ndarray]:
    everything = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [np.asarray(v).copy() for v in everything]


def same(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return len(some) == len(others) and all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


def journal(path: Path, bleus: list[float]) -> Journal:
    """A journal of epochs that were done."""
    path.write_text("".join(json.dumps({"epoch": i + 1, "val_bleu": b}) + "\n" for i, b in enumerate(bleus)))
    return Journal(path, len(bleus))


# Decisions


@halves
@given(scores)
def test_the_best_epoch_is_the_first_of_the_highest(bleus: list[float]) -> None:
    assert best_epoch(bleus) == bleus.index(max(bleus))


@pytest.mark.parametrize(
    ("bleus", "patience", "scale"),
    [
        ([], 1, 1),
        ([7], 1, 1),
        ([0], 1, 1),
        # 5 and then the second 7 are no better than 7.
        ([7, 5, 7, 8], 1, 1 / 9),
        ([7, 5, 7, 8], 2, 1 / 3),
        ([7, 5, 7, 8], 3, 1),
        # Two waited, one, and two: a better one begins the count anew.
        ([3, 2, 2, 5, 1, 6, 1, 1], 2, 1 / 9),
        # A plateau begins the count anew, too: of five epochs two plateaus of two.
        ([3, 2, 2, 2, 2, 2], 2, 1 / 9),
    ],
)
def test_the_rate_after_plateaus_by_hand(bleus: list[float], patience: int, scale: float) -> None:
    assert rate_scale(bleus, patience, 1 / 3) == pytest.approx(scale)


@halves
@given(bleus=scores, patience=st.integers(1, 5))
def test_the_rate_only_falls_and_never_after_a_better_epoch(bleus: list[float], patience: int) -> None:
    scales = [rate_scale(bleus[:n], patience, 0.5) for n in range(len(bleus) + 1)]
    assert scales[:2] == [1, 1]
    for n in range(1, len(bleus)):
        assert scales[n + 1] in (scales[n], scales[n] / 2)
        if bleus[n] > max(bleus[:n]):
            assert scales[n + 1] == scales[n]


@halves
@given(epochs=st.integers(1, 23), patience=st.integers(1, 5))
def test_the_rate_falls_at_every_patience_of_one_long_plateau(epochs: int, patience: int) -> None:
    assert rate_scale([7.0] * epochs, patience, 0.5) == 0.5 ** ((epochs - 1) // patience)
    assert rate_scale([float(n) for n in range(epochs)], patience, 0.5) == 1


def test_plateaus_scale_the_rate_when_the_next_epoch_begins(tmp_path: Path) -> None:
    model = small_model(schedule=True)
    schedule = model.optimizer._learning_rate
    callback = Plateau(schedule, journal(tmp_path / "metrics.jsonl", [7, 5, 7]), patience=1, factor=0.5)
    callback.set_model(model)
    for _ in range(2):  # as after a resume, when it had begun before
        callback.on_epoch_begin(3)
        assert float(np.asarray(model.optimizer.learning_rate)) == pytest.approx(0.1 / 4)


@pytest.mark.parametrize(
    ("bleus", "patience", "finished"),
    [
        ([], 1, False),
        ([7], 1, False),
        ([7, 7], 1, True),
        ([7, 5], 2, False),
        ([7, 5, 6], 2, True),
        ([7, 5, 8], 1, False),
    ],
)
def test_early_stopping_looks_how_long_ago_the_best_epoch_was(
    tmp_path: Path, bleus: list[float], patience: int, finished: bool
) -> None:
    model = small_model()
    model.stop_training = False
    said: list[str] = []
    callback = EarlyStopping(journal(tmp_path / "metrics.jsonl", bleus), patience, said.append)
    callback.set_model(model)
    assert callback.finished() is finished
    callback.on_epoch_end(len(bleus))
    assert model.stop_training is finished
    assert len(said) == finished


# The journal and the best model


def test_the_journal_has_a_line_an_epoch(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    model = small_model()
    callback = Journal(path, 0)
    model.fit(data(), epochs=3, callbacks=[callback], shuffle=False, verbose=0)
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(record["epoch"], record["step"]) for record in records] == [(1, 7), (2, 14), (3, 21)]
    assert [record["learning_rate"] for record in records] == pytest.approx([0.1] * 3)
    assert all(math.isfinite(record["loss"]) for record in records)
    assert callback.records == records
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_resumed_journal_takes_over_the_epochs_that_are_done(tmp_path: Path, done: int) -> None:
    path = tmp_path / "metrics.jsonl"
    journal(path, [7, 5])
    model = small_model()
    callback = Journal(path, done)
    assert callback.bleus == [7, 5][:done]
    callback.set_model(model)
    callback.on_epoch_end(done, {"val_bleu": np.float32(3)})
    assert [json.loads(line)["val_bleu"] for line in path.read_text().splitlines()] == [*[7, 5][:done], 3]


@pytest.mark.parametrize(
    ("bleus", "kept"), [([0.0], True), ([7, 8], True), ([7, 5], False), ([7, 7], False), ([7, 5, 8], True)]
)
def test_the_weights_are_kept_when_the_last_epoch_is_the_best(tmp_path: Path, bleus: list[float], kept: bool) -> None:
    path = tmp_path / "model.weights.h5"
    path.write_bytes(b"older")
    model = small_model()
    callback = KeepBest(path, journal(tmp_path / "metrics.jsonl", bleus))
    callback.set_model(model)
    callback.on_epoch_end(len(bleus) - 1)
    assert (path.read_bytes() != b"older") is kept
    assert sorted(p.name for p in tmp_path.iterdir()) == ["metrics.jsonl", "model.weights.h5"]
    if kept:
        other = small_model(seed=2)
        other.load_weights(path)
        assert same(other.get_weights(), model.get_weights())


# A loss that is no number


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, np.float32("nan")])
@pytest.mark.parametrize(("bleus", "words"), [([], "holds no model yet"), ([7, 9, 8], "of epoch 2, is kept in")])
def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path, loss: float, bleus: list[float], words: str) -> None:
    callback = StopOnNonFinite(tmp_path, journal(tmp_path / "metrics.jsonl", bleus))
    callback.on_epoch_begin(3)
    callback.on_train_batch_end(0, {"loss": 3.0})
    with pytest.raises(WorkFailed, match="no longer finite at epoch 4, step 12") as caught:
        callback.on_train_batch_end(11, {"loss": loss})
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)


# The state


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """The state of a small model after three batches of epoch 5, on 17 pairs."""
    model = small_model()
    model.fit(data(3), shuffle=False, verbose=0)
    path = tmp_path / "training" / "state.npz"
    State(path, model, 17).save(5, 3)
    return path


def test_a_state_is_the_whole_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "training" / "state.npz"
    model = small_model()
    model.fit(data(), shuffle=False, verbose=0)
    State(path, model, 17).save(5, 3)
    before = arrays(model)
    model.fit(data(), shuffle=False, verbose=0)
    after = arrays(model)
    assert not same(before, after)

    other = small_model(seed=2)
    assert not same(arrays(other), before)
    assert State(path, other, 17).load() == (5, 3)
    assert same(arrays(other), before)
    # Dropout draws the same numbers from here on.
    other.fit(data(), shuffle=False, verbose=0)
    assert same(arrays(other), after)
    assert [p.name for p in path.parent.iterdir()] == ["state.npz"]


def test_the_random_states_are_in_the_state(stored: Path) -> None:
    model = small_model()
    seeds = [np.asarray(v) for v in model.variables if "seed" in v.path]
    assert len(seeds) == 1
    State(stored, model, 17).load()
    # The counter of the dropout's generator has gone on by its three batches.
    assert np.asarray(next(v for v in model.variables if "seed" in v.path))[1] == 3


def pickled(path: Path, trap: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return Path.touch, (trap,)

    contents = dict(np.load(path))
    contents["variable_0"] = np.array([Trap()], dtype=object)
    np.savez(path, **contents)


def without(name: str) -> Callable[[Path, Path], None]:
    def damage(path: Path, trap: Path) -> None:
        contents = dict(np.load(path))
        del contents[name]
        np.savez(path, **contents)

    return damage


def cut(share: float) -> Callable[[Path, Path], None]:
    def damage(path: Path, trap: Path) -> None:
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])

    return damage


def flipped(path: Path, trap: Path) -> None:
    whole = bytearray(path.read_bytes())
    # In the numbers of the first layer, far from any header.
    whole[whole.index(np.load(path)["variable_0"].tobytes()) + 5] ^= 0xFF
    path.write_bytes(whole)


DAMAGES = {
    "empty": lambda path, trap: path.write_bytes(b""),
    "text": lambda path, trap: path.write_text("epoch 5\n"),
    "one array": lambda path, trap: np.save(path.open("wb"), np.ones(3)),
    "cut to a tenth": cut(0.1),
    "cut in the middle": cut(0.5),
    "cut at the end": cut(0.99),
    "a bit flipped": flipped,
    "pickled": pickled,
    "no position": without("position"),
    "a variable less": without("variable_3"),
    "a folder": lambda path, trap: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_state_is_refused_and_changes_nothing(stored: Path, tmp_path: Path, damage: Any) -> None:
    trap = tmp_path / "trap"
    damage(stored, trap)
    model = small_model(seed=2)
    before = arrays(model)
    with pytest.raises(InputError) as caught:
        State(stored, model, 17).load()
    assert str(stored) in str(caught.value)
    assert same(arrays(model), before)
    assert not trap.exists()


def test_the_state_of_another_model_is_refused(stored: Path) -> None:
    model = small_model(units=7)
    before = arrays(model)
    with pytest.raises(InputError, match="belongs to another model"):
        State(stored, model, 17).load()
    assert same(arrays(model), before)


def test_the_state_of_another_corpus_is_refused(stored: Path) -> None:
    with pytest.raises(InputError, match="was on 17 pairs, and these are 19"):
        State(stored, small_model(), 19).load()


def test_no_state_to_resume_from(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to resume"):
        State(tmp_path / "training" / "state.npz", small_model(), 17).load()


# When the state is saved


class Spy(State):
    """Keeps where it was saved."""

    def __init__(self, path: Path, model: keras.Model) -> None:
        super().__init__(path, model, 17)
        self.saved: list[tuple[int, int]] = []

    def save(self, epoch: int, batch: int) -> None:
        super().save(epoch, batch)
        self.saved.append((epoch, batch))


@pytest.mark.parametrize(
    ("minutes", "saved"),
    [(60, [(1, 0), (2, 0)]), (0, [(0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0)])],
)
def test_the_state_is_saved_after_each_epoch_and_every_few_minutes(
    tmp_path: Path, minutes: float, saved: list[tuple[int, int]]
) -> None:
    model = small_model()
    spy, position = Spy(tmp_path / "training" / "state.npz", model), tf.Variable([0, 0], dtype=tf.int64)
    model.fit(data(3), epochs=2, callbacks=[SaveState(spy, position, minutes, Event())], shuffle=False, verbose=0)
    assert spy.saved == saved
    assert State(spy.path, model, 17).load() == (2, 0)
    assert position.numpy().tolist() == [1, 0]


def test_who_asks_to_stop_is_heard_after_the_batch(tmp_path: Path) -> None:
    model, stop = small_model(), Event()
    spy, position = Spy(tmp_path / "training" / "state.npz", model), tf.Variable([0, 0], dtype=tf.int64)
    ask = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: batch == 1 and stop.set())
    with pytest.raises(WorkFailed, match=r"Stopped in epoch 1 after 2 batches. --resume goes on from here"):
        model.fit(data(), callbacks=[ask, SaveState(spy, position, 60, stop)], shuffle=False, verbose=0)
    assert spy.saved == [(0, 2)]


def test_a_half_done_epoch_counts_on_from_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "training" / "state.npz"
    whole = small_model()
    logs = whole.fit(data(7), shuffle=False, verbose=0).history

    half, stop = small_model(), Event()
    ask = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: batch == 2 and stop.set())
    position = tf.Variable([0, 0], dtype=tf.int64)
    with pytest.raises(WorkFailed):
        half.fit(
            data(7), callbacks=[ask, SaveState(State(path, half, 17), position, 60, stop)], shuffle=False, verbose=0
        )

    resumed = small_model(seed=2)
    position.assign(State(path, resumed, 17).load())
    assert position.numpy().tolist() == [0, 3]
    spy = Spy(path, resumed)
    callback = SaveState(spy, position, 0, Event())
    found = resumed.fit(data(7).skip(3), callbacks=[callback], shuffle=False, verbose=0).history
    assert same(arrays(resumed), arrays(whole))
    assert found["loss"] == logs["loss"]
    assert spy.saved == [(0, 4), (0, 5), (0, 6), (0, 7), (1, 0)]
