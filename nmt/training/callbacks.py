"""What happens around the training steps: dev BLEU, the best model, the rate, the journal.

Each callback does one thing. Those that decide (keep, slow down, stop) hold no counters: they look at the journal, one
record an epoch, so that a resumed run decides as the uninterrupted one would.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from nmt.errors import InputError, WorkFailed
from nmt.evaluation.scores import score
from nmt.folder import write
from nmt.training.schedules import WarmUp
from nmt.translator import Translator, save_weights

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

    Raises:
        InputError: if the file does not hold them.
    """

    def __init__(self, path: Path, done: int) -> None:
        super().__init__()
        self.path = path
        self.records: list[dict[str, Any]] = []
        try:
            if done:
                self.records = [json.loads(line) for line in path.read_text("utf-8").splitlines()[:done]]
            whole = len(self.records) == done and all(isinstance(r.get(BLEU), int | float) for r in self.records)
        except (OSError, ValueError, AttributeError):
            whole = False
        if not whole:
            raise InputError(f"{path} is missing or damaged: it must hold a record of each of the {done} epochs done.")

    @property
    def bleus(self) -> list[float]:
        return [record[BLEU] for record in self.records]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
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
            write(self.path, lambda aside: save_weights(self.model, aside))


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
