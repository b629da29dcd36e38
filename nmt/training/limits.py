"""Ends a run after a number of steps or minutes instead of epochs, for a fair comparison of models."""

from __future__ import annotations

import time
from typing import Any

import keras
import tensorflow as tf

from nmt.config import Training
from nmt.training.callbacks import News
from nmt.training.schedules import WarmUp

# Steps between two moves of the schedule's end.
_STEPS = 25


class RunLimits(keras.callbacks.Callback):
    """End a run after ``training.steps`` steps, or ``training.minutes`` minutes spent on steps.

    The time between epochs is not counted, nor is the first batch of a run, which waits for the graph to be traced. The
    first batch of a later epoch may wait for the shuffle buffer, so it counts as the mean of the others if there are
    any. The epoch that is cut short is scored like any other. A schedule that falls linearly ends when the minutes will
    be over, estimated from the speed so far.

    Arguments:
        training: the config's section.
        schedule: of the learning rate.
        expected: steps of the run if no limit ends it.
        news: logs why the run ends.
        spent: a variable in float64 for the seconds spent so far. A resumed run continues to count from there, so it is
            saved in the checkpoint.
    """

    after = (News,)

    def __init__(self, training: Training, schedule: WarmUp, expected: int, news: News, spent: tf.Variable) -> None:
        super().__init__()
        self.steps = training.steps
        self.seconds = 60 * training.minutes
        self.schedule = schedule
        self.expected = expected
        self.news = news
        self.spent = spent
        self.clock = 0.0
        # What this process knows: whether the graph is traced, whether an epoch begins, and what it counted.
        self.traced, self.waiting = False, True
        self.counted, self.taken = 0, 0.0

    @property
    def key(self) -> str:
        """The config key of the limit that is reached, or of the clock."""
        return "training.steps" if self.steps and self._done() >= self.steps else "training.minutes"

    def finished(self) -> bool:
        """Return whether a limit is reached."""
        return self.key == "training.steps" or 0 < self.seconds <= float(self.spent)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._move_schedule_end()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.waiting = True

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.waiting and self.seconds:
            self.clock = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # Without a limit in minutes, nothing that is saved depends on the clock.
        if self.seconds:
            self._count()
        if self.finished():
            self.news.later(f"{self.key} is reached after {self._done():,} steps: the training ends here.")
            self.model.stop_training = True

    def _count(self) -> None:
        now = time.monotonic()
        took, self.clock = now - self.clock, now
        if self.waiting and self.counted:
            took = min(took, self.taken / self.counted)
        elif self.traced:
            self.counted, self.taken = self.counted + 1, self.taken + took
        if self.traced:
            self.spent.assign_add(took)
        self.traced, self.waiting = True, False
        if self._done() % _STEPS == 0:
            self._move_schedule_end()

    def _done(self) -> int:
        return int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))

    def _move_schedule_end(self) -> None:
        """Move the schedule's end to the step at which the minutes will be over."""
        done, spent = self._done(), float(self.spent)
        if self.seconds and done >= _STEPS and spent:
            steps = min(self.expected, round(done * self.seconds / spent))
            if self.steps:
                steps = min(steps, self.steps)
            self.schedule.total.assign(max(steps, done) + 1)
