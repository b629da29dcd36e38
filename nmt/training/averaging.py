"""Averaging of weights: what a run keeps is the last weights, their moving average, or the mean of several epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nmt.atomic_write import make_folder, write_file
from nmt.errors import InputError
from nmt.stored_arrays import read_npz


class Keep(keras.callbacks.Callback):
    """After each epoch copy the weights, averaged or not, into the model that is kept, and measure its loss.

    The model that is kept is not the one that learns, and is always in float32. So the model that is scored on the
    development set is the one that is saved, whatever is averaged: all steps, by the moving average of Polyak and
    Juditsky 1992; the last epochs, as in Vaswani et al. 2017, section 6.1; or both.

    Arguments:
        kept: a compiled model with the same layers, as :func:`~nmt.training.setup.make_models` makes it.
        development: batches on which its loss is measured.
        averages: whether to take the moving averages of the optimizer instead of the weights.
        epochs: number of last epochs whose weights are averaged.
        folder: where the weights of those epochs are stored while they are needed.

    Raises:
        InputError: at the end of an epoch, if stored weights cannot be read.
    """

    def __init__(
        self, kept: keras.Model, development: tf.data.Dataset, averages: bool, epochs: int, folder: Path
    ) -> None:
        super().__init__()
        self.kept = kept
        self.development = development
        self.averages = averages
        self.epochs = epochs
        self.folder = folder

    def check(self, done: int) -> None:
        """Check that the weights of past epochs that will be averaged can be read.

        Arguments:
            done: number of epochs done.

        Raises:
            InputError: if they cannot.
        """
        for epoch in range(max(0, done - self.epochs + 1), done if self.epochs > 1 else 0):
            self._stored(epoch, "weight_0")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        model = self.model
        variables = model.optimizer.averages() if self.averages else model.trainable_variables
        weights = [np.asarray(variable) for variable in variables]
        if self.epochs > 1:
            weights = self._mean(epoch, weights)
        for variable, value in zip(self.kept.trainable_variables, weights, strict=True):
            variable.assign(value)
        measured = self.kept.evaluate(self.development, verbose=0, return_dict=True)
        logs.update({f"val_{name}": value for name, value in measured.items()})

    def _mean(self, epoch: int, weights: list[np.ndarray]) -> list[np.ndarray]:
        """Store the weights of this epoch and return their mean with those of the epochs before."""
        arrays = {f"weight_{i}": value for i, value in enumerate(weights)}
        make_folder(self.folder)
        write_file(self._path(epoch), lambda aside: np.savez(aside, allow_pickle=False, **arrays))
        for path in self.folder.glob("epoch-*.npz"):
            if (
                path.stem.removeprefix("epoch-").isdigit()
                and int(path.stem.removeprefix("epoch-")) <= epoch + 1 - self.epochs
            ):
                path.unlink()
        total = [value.astype(np.float64) for value in weights]
        first = max(0, epoch - self.epochs + 1)
        for earlier in range(first, epoch):
            for value, name in zip(total, arrays, strict=True):
                value += self._stored(earlier, name)
        return [(value / (epoch - first + 1)).astype(np.float32) for value in total]

    def _stored(self, epoch: int, name: str) -> np.ndarray:
        try:
            size = sum(np.asarray(variable).nbytes for variable in self.kept.trainable_variables)
            return read_npz(self._path(epoch), 2 * size, [name])[name]
        except Exception as error:  # whatever a damaged zip file raises
            raise InputError(
                f"{self._path(epoch)}, the weights of epoch {epoch + 1} to be averaged, cannot be read: {error}. "
                "training.average_epochs must be set from the beginning of a run. With training.average_epochs = 1 the "
                "run can be resumed without them."
            ) from None

    def _path(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch + 1}.npz"
