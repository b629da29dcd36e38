"""A run ends by its steps or by the clock, and a falling rate falls to there."""

import keras
import pytest
import tensorflow as tf
from small_models import data, small_model

from nmt.config import Training
from nmt.training import limits
from nmt.training.callbacks import News
from nmt.training.limits import RunLimits
from nmt.training.schedules import WarmUp

BATCHES = 7


class Clock:
    """A clock that a batch moves by two seconds, an epoch's first by more, and what is between epochs by a thousand."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class Passing(keras.callbacks.Callback):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
        self.clock.now += 2.0 if batch else 50.0

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.clock.now += 1000.0


def run(
    training: Training, monkeypatch: pytest.MonkeyPatch, epochs: int = 5, spent: float = 0.0, batches: int = BATCHES
) -> tuple:
    """Return the steps done, the limits, and the news."""
    clock, news, model = Clock(), News(), small_model()
    monkeypatch.setattr(limits, "time", clock)
    limit = RunLimits(training, WarmUp(0.1, 1, "linear", 1001), 1000, news, tf.Variable(spent, dtype=tf.float64))
    limit.set_model(model)
    model.fit(data(batches), epochs=epochs, shuffle=False, verbose=0, callbacks=[limit, Passing(clock)])
    return int(model.optimizer.iterations), limit, news.lines


def test_without_limits_a_run_has_all_its_epochs_and_reads_no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    steps, limit, said = run(Training(), monkeypatch)
    assert (steps, said, limit.finished(), float(limit.spent)) == (5 * BATCHES, [], False, 0.0)


@pytest.mark.parametrize("wanted", [1, 7, 11])
def test_steps_end_a_run_in_mid_epoch_or_at_its_end(wanted: int, monkeypatch: pytest.MonkeyPatch) -> None:
    steps, limit, said = run(Training(steps=wanted), monkeypatch)
    assert (steps, limit.finished(), limit.key) == (wanted, True, "training.steps")
    assert said == [f"training.steps is reached after {wanted} steps: the training ends here."]


def test_minutes_count_steps_and_not_the_graph_the_shuffle_or_what_is_between_epochs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The first epoch spends 6 * 2 s, its first batch left out, the second 7 * 2, the first as the others. 30 s are
    # reached at 12 + 14 + 4: in the third epoch's second batch.
    steps, limit, said = run(Training(minutes=30 / 60), monkeypatch)
    assert (steps, limit.finished(), limit.key) == (2 * BATCHES + 2, True, "training.minutes")
    assert float(limit.spent) == pytest.approx(30.0)
    assert said == ["training.minutes is reached after 16 steps: the training ends here."]


def test_minutes_end_a_run_whose_epochs_are_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing is known of a batch that does not wait, so that of the second epoch counts whole, 50 s, and the third's.
    steps, limit, _ = run(Training(minutes=100 / 60), monkeypatch, batches=1)
    assert (steps, limit.finished()) == (3, True)


def test_what_was_spent_before_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    # 20 of 26 s are gone, so three batches after the first are left.
    assert run(Training(minutes=26 / 60), monkeypatch, spent=20.0)[0] == 4


def test_a_straight_fall_ends_where_the_minutes_will_be_over(monkeypatch: pytest.MonkeyPatch) -> None:
    # After 25 steps, the first left out, 24 * 2 = 48 s are spent. 96 s will be spent after 50 steps.
    schedule = run(Training(minutes=96 / 60), monkeypatch)[1].schedule
    assert int(schedule.total) == 51
    # Of two limits the nearer.
    assert int(run(Training(minutes=96 / 60, steps=40), monkeypatch)[1].schedule.total) == 41
    # Limits that are further than all epochs do not stretch them.
    assert int(run(Training(minutes=10_000), monkeypatch)[1].schedule.total) == 1001
