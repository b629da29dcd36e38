"""Checkpoints: a run that is stopped and resumed gives the same model bit for bit."""

from __future__ import annotations

import time
import zlib
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nmt.atomic_write import make_folder, write_file
from nmt.data.corpora import Corpus, checksum
from nmt.errors import InputError, Stopped
from nmt.stored_arrays import read_npz

# What a checkpoint holds besides variables and its position.
_SINCE, _ACCUMULATE = "since", "accumulate"


def fingerprint(*values: object) -> int:
    """Return a checksum of values.

    >>> fingerprint(("a", "b"), 7) == fingerprint(("a", "b"), 7), fingerprint(1) == fingerprint(2)
    (True, False)
    """
    return zlib.crc32(repr(values).encode("utf-8", "surrogatepass"))


def _earlier_fingerprint(corpus: Corpus) -> int:
    """Return the checksum that earlier versions saved, of the first 1,000 pairs."""
    links = corpus.links()
    parts = [corpus.pairs()] if links is None else [corpus.pairs(), links]
    return fingerprint(corpus.size, *(list(islice(part, 1000)) for part in parts))


@dataclass(frozen=True)
class Fingerprints:
    """Checksums of the texts of a run, by which a resumed run notices that they have changed.

    Attributes:
        corpus: of the training pairs and their links.
        dev: of the development pairs.
        earlier: of the first training pairs, as earlier versions saved it instead of both.
        texts: the corpora, which are read again for checksums of earlier versions, where held-out pairs had their own.
    """

    corpus: int
    dev: int
    earlier: int = 0
    texts: tuple[Corpus, Corpus] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, corpus: Corpus, dev: Corpus) -> Fingerprints:
        """Return the checksums of two corpora."""
        return cls(corpus.checksum, dev.checksum, _earlier_fingerprint(corpus), (corpus, dev))

    @property
    def held_out(self) -> bool:
        """Whether the development pairs were held out from the training pairs."""
        return self.texts is not None and any(text.whole is not text for text in self.texts)

    def differing(self, corpus: int, dev: Sequence[int]) -> str:
        """Return which of the checksums of a checkpoint is another one, ``corpus`` or ``dev``, or nothing."""
        if not dev:
            return "corpus" if corpus != self.earlier else ""
        known = (self.corpus, self.dev)
        if (corpus, *dev) != known and self.texts and self.held_out:
            known = (checksum(self.texts[0]), checksum(self.texts[1]))
        return "corpus" if corpus != known[0] else "dev" if [*dev] != [known[1]] else ""


class Checkpoint:
    """The file from which a run is resumed exactly where it stopped: variables, random states, epoch and batch.

    Arguments:
        path: the file, an ``npz`` without pickles.
        model: a compiled model.
        texts: what the run reads.
        order: the fingerprint of the order of its batches.
        others: variables besides those of the model, its optimizer and its metrics.
        near_orders: fingerprints of orders that are nearly the same, so that an epoch can continue with this one.

    Attributes:
        since: the epochs and steps that were done when the order of the batches, and so their number, became this one.
    """

    def __init__(
        self,
        path: Path,
        model: keras.Model,
        texts: Fingerprints,
        order: int,
        others: Sequence[Any] = (),
        near_orders: Container[int] = (),
    ) -> None:
        self.path = path
        self.model = model
        self.others = others
        self.texts = texts
        self.order = order
        self.near_orders = near_orders
        self.since = (0, 0)

    def variables(self) -> list[Any]:
        """Return all that is saved."""
        # The seeds of dropout are among a model's variables; Keras's own checkpoints leave them out.
        model = self.model
        everything = [*model.variables, *model.optimizer.variables, *model.metrics_variables, *self.others]
        return list({id(variable): variable for variable in everything}.values())

    def save(self, epoch: int, batch: int, path: Path | None = None) -> None:
        """Save the run after ``epoch`` epochs and ``batch`` batches of the next, perhaps to another path."""
        path = path or self.path
        make_folder(path.parent)
        arrays: dict[str, Any] = {f"variable_{i}": _numpy(v) for i, v in enumerate(self.variables())}
        position = np.array([epoch, batch, self.texts.corpus, self.order, self.texts.dev])
        arrays |= {"position": position, _SINCE: np.array(self.since), _ACCUMULATE: np.array(self._accumulate)}
        write_file(path, lambda aside: np.savez(aside, allow_pickle=False, **arrays))

    def load(self) -> tuple[int, int]:
        """Set every variable as it was and return the epochs and batches done.

        Raises:
            InputError: if there is no checkpoint, it is damaged, or it belongs to another model, corpus or order, or to
                another ``training.accumulate``.
        """
        try:
            arrays = read_npz(self.path, max_bytes=2**16 + sum(_numpy(v).nbytes for v in self.variables()))
            epoch, batch, corpus, order, *dev = (int(number) for number in arrays.pop("position"))
            # Earlier versions saved neither.
            first, steps = (int(number) for number in arrays.pop(_SINCE, self.since))
            accumulate = int(arrays.pop(_ACCUMULATE, self._accumulate))
        except FileNotFoundError:
            raise InputError(f"There is nothing to resume: {self.path} is missing.") from None
        except Exception as error:  # whatever a damaged zip file raises
            raise InputError(f"{self.path} is damaged and cannot be resumed from: {error}") from None
        differing = self.texts.differing(corpus, dev)
        if differing == "corpus":
            split = (
                " Or other pairs were held out: none of X.tsv is if X.tsv.json of `nmt augment` stands beside it. "
                "Bring that file back, or move it away if the run began without it."
            )
            raise InputError(
                f"The run to resume, {self.path}, used another corpus: a pair or a link has changed since. Name the "
                "pairs it began with, and their links if it had any; for others begin a new run from this model."
                f"{split if self.texts.held_out else ''}"
            )
        if differing == "dev":
            raise InputError(
                f"The run to resume, {self.path}, used other development pairs, and scores on two sets cannot be "
                "compared. Name those it began with; for others begin a new run from this model."
            )
        if batch and order != self.order and order not in self.near_orders:
            raise InputError(
                "The run to resume was stopped within an epoch, and training.batch_size, batch_unit or seed has "
                "changed, or the version of nmt: the pairs that are left cannot be determined. Finish the epoch with "
                "the old ones first."
            )
        # The config of the folder may have been edited by hand, so it does not tell.
        if accumulate != self._accumulate:
            raise InputError(
                f"training.accumulate was {accumulate} in the run to resume and is {self._accumulate} now. It cannot "
                "change during a run, because an unfinished sum could not be continued."
            )
        variables = self.variables()
        _leave_out_clock(arrays, len(variables))
        shapes = [tuple(v.shape) for v in variables]
        numbers = all(array.dtype.kind not in "SUOmM" for array in arrays.values())  # no text, objects or dates
        if not numbers or [array.shape for array in arrays.values()] != shapes:
            raise InputError(f"{self.path} belongs to another model, so it cannot be resumed from.")
        for variable, array in zip(variables, arrays.values(), strict=True):
            variable.assign(array)
        same = order == self.order or order in self.near_orders
        self.since = (first, steps) if same else (epoch, int(_numpy(self.model.optimizer.iterations)))
        return epoch, batch

    @property
    def _accumulate(self) -> int:
        """How many batches make a step."""
        return self.model.optimizer.gradient_accumulation_steps or 1


def _leave_out_clock(arrays: dict[str, np.ndarray], wanted: int) -> None:
    """Leave out the three variables of a metric that earlier versions had: two times, alone in float64, and a count."""
    names = list(arrays)
    times = [i for i, name in enumerate(names) if arrays[name].dtype == np.float64 and not arrays[name].shape]
    if len(names) == wanted + 3 and len(times) == 2 and times[1] == times[0] + 1:
        for name in names[times[0] : times[0] + 3]:
            del arrays[name]


class RestoreMetrics(keras.callbacks.Callback):
    """Restore the metrics of an epoch that was stopped.

    ``fit`` resets the metrics when an epoch begins, so those of the checkpoint are restored after that. If the run was
    stopped after the last batch of the epoch, no batch is left to report them, so they are reported here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.values: list[np.ndarray] = []
        self.results: dict[str, Any] = {}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.values = [_numpy(v) for v in self.model.metrics_variables]

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for variable, value in zip(self.model.metrics_variables, self.values, strict=True):
            variable.assign(value)
        self.results = self.model.get_metrics_result()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        for name, value in self.results.items():
            logs.setdefault(name, value)


class SaveCheckpoint(keras.callbacks.Callback):
    """Save a checkpoint after each epoch, every few minutes, and when asked to stop, after all other callbacks.

    Arguments:
        checkpoint: where the run is saved.
        position: a variable ``[epoch, batch]``, where the data begins; set for each epoch.
        minutes: between two checkpoints.
        stop: set from outside to end the run after the current batch.

    Raises:
        Stopped: after that batch.
    """

    after = (keras.callbacks.Callback,)

    def __init__(self, checkpoint: Checkpoint, position: tf.Variable, minutes: float, stop: Event) -> None:
        super().__init__()
        self.checkpoint = checkpoint
        self.position = position
        self.seconds = 60 * minutes
        self.stop = stop
        self.saved = time.monotonic()
        self.begin = (0, 0)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if int(self.position[0]) != epoch:
            self.position.assign([epoch, 0])
        self.begin = (epoch, int(self.position[1]))

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.stop.is_set() or time.monotonic() - self.saved > self.seconds:
            epoch, first = self.begin
            self.checkpoint.save(epoch, first + batch + 1)
            self.saved = time.monotonic()
            if self.stop.is_set():
                raise Stopped(f"Stopped in epoch {epoch + 1} after {first + batch + 1} batches.")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.checkpoint.save(epoch + 1, 0)
        self.saved = time.monotonic()


def _numpy(variable: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(variable)
