"""An epoch on several workers: what ``model.fit`` does for one machine, around the same step.

Keras 3.15 cannot run ``fit`` under ``MultiWorkerMirroredStrategy``. So the loop is written out here: ``train_step`` of
the model within ``strategy.run``, and the calls of the callbacks that ``fit`` makes. Gradients and the number of tokens
are summed over all workers by the optimizer and the loss, see :mod:`nmt.training.distribute`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cached_property
from threading import Event
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nmt.data.pipeline import Pipeline, worker_seed
from nmt.errors import InputError, Stopped, WorkFailed
from nmt.training.distribute import sum_over_replicas
from nmt.training.schedules import WarmUp
from nmt.training.shared_batches import ROUND, shared_batches
from nmt.training.training_model import TrainingModel
from nmt.training.workers import Workers


class WorkerSteps:
    """Runs epochs together with the other workers.

    Arguments:
        workers: all of them.
        model: compiled in the scope of their strategy.
        schedule: of its learning rate; the chief's holds for all.
        pipeline: this worker's share.
        asked: set on any worker to stop all.
        stop: set here, after a step that all have taken, if one was asked.
        clocked: whether the chief's clock may move the schedule or end the run after any step.
    """

    def __init__(
        self,
        workers: Workers,
        model: TrainingModel,
        schedule: WarmUp,
        pipeline: Pipeline,
        *,
        asked: Event,
        stop: Event,
        clocked: bool,
    ) -> None:
        self.workers = workers
        self.model = model
        self.schedule = schedule
        self.pipeline = pipeline
        self.asked = asked
        self.stop = stop
        self.clocked = clocked
        set_dropout_seeds(workers, model)
        self._step = self._traced()

    def _traced(self) -> Any:
        model, strategy = self.model, self.workers.strategy

        def within(data: Any, asked: tf.Tensor) -> Any:
            before = [tf.identity(variable) for variable in model.metrics_variables]
            with tf.control_dependencies(before):
                logs = model.train_step(data)
            with tf.control_dependencies(list(logs.values())):
                added = [variable - old for variable, old in zip(model.metrics_variables, before, strict=True)]
            *sums, stopping = sum_over_replicas([*added, tf.cast(asked, tf.float32)])
            # The metrics of every worker are those of all.
            for variable, old, new in zip(model.metrics_variables, before, sums, strict=True):
                variable.assign(old + new)
            return model.get_metrics_result(), stopping

        # One trace for all shapes; for each new one the other workers would have to wait.
        specs = tf.nest.map_structure(lambda spec: tf.TensorSpec([None] * spec.shape.rank, spec.dtype), self._spec)
        return tf.function(
            lambda *data: strategy.run(within, args=data),
            input_signature=[specs, tf.TensorSpec([], tf.int32)],
            autograph=False,
        )

    @cached_property
    def _spec(self) -> Any:
        """The types and shapes of a batch; to learn them, the graph of a whole epoch is made."""
        return self.pipeline.epoch(0).element_spec

    def batches(self, epoch: int, first: int) -> Iterator[Any]:
        """Yield this worker's batches of an epoch from number ``first`` on."""
        pipeline = self.pipeline
        found = shared_batches(
            # Those of the next round are made while the steps of this one run.
            pipeline.epoch(epoch).prefetch(ROUND),
            shape_of=pipeline.shape_of,
            shapes=pipeline.shapes,
            gather=self.workers.gather,
            seed=(pipeline.seed, epoch),
            blank=lambda: pipeline.blank(self._spec),
        )
        return itertools.islice(found, first, None)

    def agree(self) -> bool:
        """Take over the chief's learning rate, and return whether the chief ends the run."""
        mine = [np.asarray(self.schedule.scale), np.asarray(self.schedule.total), np.int32(self.model.stop_training)]
        scale, total, stopping = self.workers.from_chief(mine)
        self.schedule.scale.assign(scale)
        self.schedule.total.assign(total)
        return bool(stopping)

    def epoch(self, callbacks: keras.callbacks.CallbackList, epoch: int, first: int, whole: bool) -> None:
        """Run one epoch.

        Arguments:
            callbacks: those of this worker.
            epoch: its number, from 0.
            first: batches of it that are done.
            whole: whether there are steps to take, or only what belongs to its end is missing.

        Raises:
            Stopped: if a worker was asked to stop.
        """
        model = self.model
        model.stop_training = False
        callbacks.on_train_begin()
        model.reset_metrics()
        callbacks.on_epoch_begin(epoch)
        self.agree()
        logs: dict[str, Any] = {}
        for number, batch in enumerate(self.batches(epoch, first) if whole else ()):
            if self.clocked and self.agree():
                model.stop_training = True
                break
            callbacks.on_train_batch_begin(number)
            found, asked = self._step(batch, tf.constant(int(self.asked.is_set())))
            logs = {name: self._own(value) for name, value in found.items()}
            if int(self._own(asked)):
                self.stop.set()
            callbacks.on_train_batch_end(number, logs)
            if self.stop.is_set():
                raise Stopped(f"Stopped in epoch {epoch + 1} after {first + number + 1} batches.")
            if model.stop_training and not self.clocked:
                break
        callbacks.on_epoch_end(epoch, {name: float(value) for name, value in logs.items()})
        callbacks.on_train_end()

    def _own(self, value: Any) -> Any:
        return self.workers.strategy.experimental_local_results(value)[0]


def set_dropout_seeds(workers: Workers, model: TrainingModel) -> None:
    """Let each worker draw its own masks of dropout. All workers must call it, with the chief's states.

    A generator of Keras has a seed and counts what it has drawn: the same in each step, once for each part of a batch.
    So the states of the chief, which a checkpoint has, tell those of all, as long as each has as many parts as before:
    with other workers or other numbers of cores some masks are drawn a second time.
    """
    parts, index = workers.gather(np.array([model.parts]))[:, 0], workers.cluster.index
    for state in (variable for variable in model.variables if variable.name == "seed_generator_state"):
        seed, drawn = np.asarray(state).tolist()
        state.assign([worker_seed(seed, index), drawn * int(parts[index]) // int(parts[0])])


def lost_worker(workers: Workers) -> InputError | WorkFailed:
    """Return why a run cannot continue: what the chief said before it ended, or that a worker is gone."""
    if said := workers.contact.heard():
        return said
    which = "The other worker" if workers.count == 2 else f"One of the {workers.count - 1} other workers"
    return WorkFailed(
        f"{which} has ended, so worker {workers.cluster.index} ends, too. Once the chief has made the folder of the "
        "model, the same command with --resume on every machine continues from the last checkpoint, also with another "
        "number of them."
    )
