"""What happens around the training steps: dev BLEU, the best model, the rate, the journal, the state to resume from.

Each callback does one thing. Those that decide (keep, slow down, stop) hold no counters: they look at the journal, one
record an epoch, so that a resumed run decides as the uninterrupted one would.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nmt.errors import InputError, WorkFailed
from nmt.evaluation.scores import score
from nmt.folder import write
from nmt.training.metrics import TokensPerSecond
from nmt.training.schedules import WarmUp
from nmt.translator import Translator

BLEU = "val_bleu"


def best_epoch(bleus: Sequence[float]) -> int:
    """Return the first epoch with the highest score.

    >>> best_epoch([10.0, 30.0, 20.0, 30.0])
    1
    """
    return max(range(len(bleus)), key=lambda i: bleus[i])


def rate_scale(bleus: Sequence[float], patience: int, factor: float) -> float:
    """Return what a rate is multiplied by after these epochs: ``factor`` for each ``patience`` without a new best.

    >>> rate_scale([10.0, 12.0, 11.0, 11.5, 13.0], patience=1, factor=0.5)
    0.25
    """
    scale, best, waited = 1.0, -math.inf, 0
    for bleu in bleus:
        waited = 0 if bleu > best else waited + 1
        best = max(best, bleu)
        if waited == patience:
            scale, waited = scale * factor, 0
    return scale


class News(keras.callbacks.Callback):
    """Hold lines back until Keras's progress bar has ended its own.

    Arguments:
        say: takes a line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self.say = say
        self.lines: list[str] = []

    def later(self, line: str) -> None:
        """Say a line between two epochs."""
        self.lines.append(line)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        while self.lines:
            self.say(self.lines.pop(0))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.on_epoch_begin(-1)


class DevScores(keras.callbacks.Callback):
    """Translate the development set greedily after each epoch: BLEU and chrF go into the logs, one output is shown."""

    def __init__(self, translator: Translator, pairs: list[tuple[str, str]], say: Callable[[str], None]) -> None:
        super().__init__()
        self.translator = translator
        self.sources = [source for source, _ in pairs]
        self.references = [target for _, target in pairs]
        self.say = say

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        began = time.monotonic()
        texts = [translation.text for translation in self.translator.translate(self.sources)]
        scores = score(texts, self.references)
        logs[BLEU], logs["val_chrf"] = scores.bleu, scores.chrf
        logs["val_seconds"] = time.monotonic() - began
        shown = epoch % len(texts)
        self.say(
            f"dev BLEU {scores.bleu:.2f}, chrF {scores.chrf:.2f} after epoch {epoch + 1}. One of its translations:"
        )
        self.say(f"  source     {self.sources[shown]}")
        self.say(f"  reference  {self.references[shown]}")
        self.say(f"  output     {texts[shown]}")


class Journal(keras.callbacks.Callback):
    """Keep one record an epoch, in ``metrics.jsonl``.

    Arguments:
        path: the file; epochs of it that are done are taken over.
        done: how many those are.
    """

    def __init__(self, path: Path, done: int) -> None:
        super().__init__()
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines()[:done] if done else []
        self.records: list[dict[str, Any]] = [json.loads(line) for line in lines]

    @property
    def bleus(self) -> list[float]:
        return [record[BLEU] for record in self.records]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        rate = float(_numpy(self.model.optimizer.learning_rate))
        record: dict[str, Any] = {
            "epoch": epoch + 1,
            "step": int(self.model.optimizer.iterations),
            "learning_rate": rate,
        }
        measured = {name: float(value) for name, value in logs.items()}
        # JSON has no infinity, and a perplexity can overflow.
        finite = {name: value if math.isfinite(value) else None for name, value in measured.items()}
        self.records.append({**record, **finite})
        write(self.path, "".join(json.dumps(record) + "\n" for record in self.records).encode())


class KeepBest(keras.callbacks.Callback):
    """Write the weights when the journal's last epoch is its best."""

    def __init__(self, path: Path, journal: Journal) -> None:
        super().__init__()
        self.path = path
        self.journal = journal

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if best_epoch(self.journal.bleus) == len(self.journal.bleus) - 1:
            write(self.path, self.model.save_weights)


class Plateau(keras.callbacks.Callback):
    """Scale the rate down for each plateau of dev BLEU in the journal."""

    def __init__(self, schedule: WarmUp, journal: Journal, patience: int, factor: float) -> None:
        super().__init__()
        self.schedule = schedule
        self.journal = journal
        self.patience = patience
        self.factor = factor

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.schedule.scale.assign(rate_scale(self.journal.bleus, self.patience, self.factor))


class EarlyStopping(keras.callbacks.Callback):
    """Stop when the best epoch of the journal is ``patience`` epochs ago."""

    def __init__(self, journal: Journal, patience: int, say: Callable[[str], None]) -> None:
        super().__init__()
        self.journal = journal
        self.patience = patience
        self.say = say

    def finished(self) -> bool:
        """Tell whether the journal as it is ends the training."""
        bleus = self.journal.bleus
        return bool(bleus) and len(bleus) - 1 - best_epoch(bleus) >= self.patience

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.finished():
            self.say(f"No better dev BLEU for {self.patience} epochs: the training ends here.")
            self.model.stop_training = True


class StopOnNonFinite(keras.callbacks.Callback):
    """End the run when the loss is no longer a number, before anything of it is saved."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        super().__init__()
        self.folder = folder
        self.journal = journal
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if logs and not math.isfinite(float(logs["loss"])):
            self._end(f"step {batch + 1}")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # The last batch's loss is of the weights before its step; the development set's is of those after it.
        if logs and not math.isfinite(float(logs.get("val_loss", 0.0))):
            self._end("its end")

    def _end(self, where: str) -> None:
        kept = (
            f"The best model so far, of epoch {best_epoch(self.journal.bleus) + 1}, is kept in {self.folder}."
            if self.journal.records
            else f"No epoch was finished, so {self.folder} holds no model yet."
        )
        raise WorkFailed(
            f"The loss is no longer finite at epoch {self.epoch + 1}, {where}. {kept} "
            "Try a lower training.learning_rate or training.clip_norm, or a longer training.warmup_steps."
        )


class State:
    """All that a run needs to go on exactly where it was: variables, random states, epoch and batch.

    Arguments:
        path: the file, an ``npz`` without pickles.
        model: a compiled model.
        corpus_size: pairs of the corpus, to notice another one.
    """

    def __init__(self, path: Path, model: keras.Model, corpus_size: int) -> None:
        self.path = path
        self.model = model
        self.corpus_size = corpus_size

    def _variables(self) -> list[Any]:
        # The seeds of dropout are among a model's variables; Keras's own checkpoints leave them out.
        everything = [*self.model.variables, *self.model.optimizer.variables, *self.model.metrics_variables]
        return list({id(variable): variable for variable in everything}.values())

    def save(self, epoch: int, batch: int) -> None:
        """Write that ``epoch`` epochs and, of the next, ``batch`` batches are done."""
        self.path.parent.mkdir(exist_ok=True)
        arrays: dict[str, Any] = {f"variable_{i}": _numpy(v) for i, v in enumerate(self._variables())}
        position = np.array([epoch, batch, self.corpus_size])
        write(self.path, lambda aside: np.savez(aside, allow_pickle=False, position=position, **arrays))

    def load(self) -> tuple[int, int]:
        """Set every variable as it was and return the epochs and batches done.

        Raises:
            InputError: if there is no state, or it is another model's or another corpus's.
        """
        try:
            with np.load(self.path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            epoch, batch, size = (int(number) for number in arrays.pop("position"))
        except FileNotFoundError:
            raise InputError(f"There is nothing to resume: {self.path} is missing.") from None
        except Exception as error:  # whatever a damaged zip file raises
            raise InputError(f"{self.path} is damaged and cannot be resumed from: {error}") from None
        if size != self.corpus_size:
            raise InputError(f"The run to resume was on {size:,} pairs, and these are {self.corpus_size:,}.")
        variables = self._variables()
        shapes = [tuple(v.shape) for v in variables]
        if [array.shape for array in arrays.values()] != shapes:
            raise InputError(f"{self.path} belongs to another model, so it cannot be resumed from.")
        for variable, array in zip(variables, arrays.values(), strict=True):
            variable.assign(array)
        return epoch, batch


class RestoreMetrics(keras.callbacks.Callback):
    """Go on with the metrics of an epoch that was stopped half-way.

    ``fit`` resets the metrics as each epoch begins, so those of the state are put back after that. Where the stop came
    after the epoch's last batch, no batch is left to report them, so they are reported here.
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
        for metric in _all_metrics(self.model):
            if isinstance(metric, TokensPerSecond):  # the clock ran on in between
                metric.reset_state()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        for name, value in self.results.items():
            logs.setdefault(name, value)


class SaveState(keras.callbacks.Callback):
    """Save the state after each epoch, every few minutes, and when asked to stop.

    Arguments:
        state: what is saved.
        position: a variable ``[epoch, batch]``, where the data begins; set anew for each epoch.
        minutes: between two saves.
        stop: set from outside to end the run after the current batch.
    """

    def __init__(self, state: State, position: tf.Variable, minutes: float, stop: Event) -> None:
        super().__init__()
        self.state = state
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
            self.state.save(epoch, first + batch + 1)
            self.saved = time.monotonic()
            if self.stop.is_set():
                raise WorkFailed(
                    f"Stopped in epoch {epoch + 1} after {first + batch + 1} batches. --resume goes on from here."
                )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.state.save(epoch + 1, 0)
        self.saved = time.monotonic()


def _numpy(variable: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(variable)


def _all_metrics(model: keras.Model) -> list[Any]:
    found: list[Any] = []
    for metric in model.metrics:
        found.extend(getattr(metric, "metrics", []) or [metric])
    return found
