"""The end of a run by its steps or by the clock, rather than by epochs: a fair start for models that are compared."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from nmt.config import Training
from nmt.training.schedules import WarmUp

# The speed of a run is known after so many steps, and looked at again after as many.
_STEPS = 25


class Budget(keras.callbacks.Callback):
    """End a run after ``training.steps`` steps, or ``training.minutes`` minutes spent on steps.

    What happens between epochs is not counted, nor is the first batch of a run, which waits for the graph. That of a
    later epoch may wait for the shuffle, and counts as the mean of the others where there are others. The epoch that is
    cut short is scored like any other. A schedule that falls in a straight line falls to where the minutes will be
    over, as far as the speed so far tells.

    Arguments:
        training: the config's section.
        schedule: of the learning rate.
        expected: steps of the run if no limit ends it.
        say: takes a line of news.
    """

    def __init__(self, training: Training, schedule: WarmUp, expected: int, say: Callable[[str], None]) -> None:
        super().__init__()
        self.steps = training.steps
        self.seconds = 60 * training.minutes
        self.schedule = schedule
        self.expected = expected
        self.say = say
        # A run that goes on has spent what it had spent, so this is saved with its state.
        self.spent = tf.Variable(0.0, dtype=tf.float64, trainable=False, name="spent")
        self.clock = 0.0
        # Of this process: whether the graph is there, whether an epoch begins, and what was counted: batches, seconds.
        self.traced, self.waiting = False, True
        self.counted, self.taken = 0, 0.0

    @property
    def key(self) -> str:
        """The limit that is reached, or the clock."""
        return "training.steps" if self.steps and self._done() >= self.steps else "training.minutes"

    def finished(self) -> bool:
        """Tell whether a limit is reached."""
        return self.key == "training.steps" or 0 < self.seconds <= float(self.spent)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._foresee()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.waiting = True

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.waiting and self.seconds:
            self.clock = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # Without minutes to keep to, nothing that is saved depends on the clock.
        if self.seconds:
            self._count()
        if self.finished():
            self.say(f"{self.key} is reached after {self._done():,} steps: the training ends here.")
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
            self._foresee()

    def _done(self) -> int:
        return int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))

    def _foresee(self) -> None:
        """Move the schedule's end to the step at which the minutes will be over."""
        done, spent = self._done(), float(self.spent)
        if self.seconds and done >= _STEPS and spent:
            steps = min(self.expected, round(done * self.seconds / spent))
            if self.steps:
                steps = min(steps, self.steps)
            self.schedule.total.assign(max(steps, done) + 1)
