"""The callbacks of a run: dev scores, the best model, the learning rate, the journal.

Each callback does one thing. Those that decide (keep, slow down, stop) hold no counters: they read the journal, which
has one record for each epoch, so that a resumed run decides as an uninterrupted one would.

Their order matters: the journal records what others have measured, and the best model is chosen by the journal. So each
class lists in ``after`` the classes that it needs and that must act before it in the same batch or epoch, and in
``after_if_present`` those that must act before it but may be absent. :func:`in_order` refuses a list that breaks this.
They are not merged into one method for the end of an epoch, because some also act after each batch, in the same order:
a loss that is not finite ends the run before the checkpoint is saved. A new callback is a class with its ``after`` and
one line in :func:`nmt.training.fit.run_callbacks`; a wrong place is refused when a run begins.
"""

from __future__ import annotations

import json
import logging
import math
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from nmt.atomic_write import write_file
from nmt.errors import InputError, WorkFailed
from nmt.evaluation.beginnings import beginning
from nmt.evaluation.judge import BLEU, CHRF, F1, MEASURED, NAMES, PERPLEXITY, best_epoch, is_telling, quality
from nmt.evaluation.labelling import label_scores
from nmt.evaluation.scores import score
from nmt.inference.completer import Completer
from nmt.inference.labeller import Labeller
from nmt.inference.translator import Translator
from nmt.saving import replace_weights
from nmt.training.averaging import Keep
from nmt.training.checkpoint import RestoreMetrics
from nmt.training.memory import peak_mb
from nmt.training.row_captioner import RowCaptioner
from nmt.training.schedules import WarmUp

logger = logging.getLogger(__name__)


def rate_scale(qualities: Sequence[float], patience: int, factor: float) -> float:
    """Return the scale of the learning rate after these epochs: ``factor`` for each ``patience`` without a new best.

    >>> rate_scale([10.0, 12.0, 11.0, 11.5, 13.0], patience=1, factor=0.5)
    0.25
    """
    scale, best, waited = 1.0, -math.inf, 0
    for each in qualities:
        waited = 0 if each > best else waited + 1
        best = max(best, each)
        if waited == patience:
            scale, waited = scale * factor, 0
    return scale


def in_order(callbacks: list[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
    """Return the callbacks if each comes after those it names in ``after`` and ``after_if_present``.

    Raises:
        ValueError: if one does not, or one that it names in ``after`` is absent.
    """
    for place, callback in enumerate(callbacks):
        name, needed = type(callback).__name__, getattr(callback, "after", ())
        for later in callbacks[place + 1 :]:
            if isinstance(later, (*needed, *getattr(callback, "after_if_present", ()))):
                raise ValueError(f"{name} must come after {type(later).__name__}.")
        for kind in needed:
            if not any(isinstance(earlier, kind) for earlier in callbacks[:place]):
                raise ValueError(f"{name} needs {kind.__name__}, which is absent.")
    return callbacks


class News(keras.callbacks.Callback):
    """Log lines between two epochs, when Keras's progress bar has ended its own line."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def later(self, line: str) -> None:
        """Log a line before the next epoch, or at the end of the training."""
        self.lines.append(line)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        while self.lines:
            logger.info(self.lines.pop(0))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.on_epoch_begin(-1)


class StopOnNonFinite(keras.callbacks.Callback):
    """End the run when the loss is no longer finite, before anything of it is saved.

    Raises:
        WorkFailed: in that case.
    """

    after = (Keep,)

    def __init__(self, folder: Path, journal: Journal) -> None:
        super().__init__()
        self.folder = folder
        self.journal = journal
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if logs and not math.isfinite(float(logs["loss"])):
            # The number of a batch begins anew at each epoch and at a resumption.
            steps = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
            self._end(f"after {steps:,} {'step' if steps == 1 else 'steps'} in all")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # The loss of the last batch is that before its step; the loss on the development set is that after it.
        if logs and not math.isfinite(float(logs.get("val_loss", 0.0))):
            self._end("its end")

    def _end(self, where: str) -> None:
        kept = (
            f"The best model so far, of epoch {best_epoch(self.journal.qualities) + 1}, is kept in {self.folder}."
            if self.journal.records
            else f"No epoch was finished, so {self.folder} holds no model yet."
        )
        raise WorkFailed(
            f"The loss is no longer finite at epoch {self.epoch + 1}, {where}. {kept} "
            "Try a lower training.learning_rate or training.clip_norm, or a longer training.warmup_steps."
        )


class DevScores(keras.callbacks.Callback):
    """Translate the development set greedily after each epoch: BLEU and chrF go into the logs, one output is shown.

    Arguments:
        translator: of the model that is kept.
        pairs: the development set.
        news: where the scores and the output are shown.
        watch: the score that decides.
    """

    after = (News, Keep, StopOnNonFinite)

    def __init__(
        self, translator: Translator | RowCaptioner, pairs: list[tuple[str, str]], news: News, watch: str = BLEU
    ) -> None:
        super().__init__()
        self.translator = translator
        self.watch = watch
        self.sources = [source for source, _ in pairs]
        self.references = [target for _, target in pairs]
        self.news = news

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        began = time.monotonic()
        texts = [
            translation.text
            for translation in self.translator.translate(self.sources, beam=1, n_best=1, sample=False, shortlist=False)
        ]
        scores = score(texts, self.references)
        logs[BLEU], logs[CHRF] = scores.bleu, scores.chrf
        logs["val_seconds"] = time.monotonic() - began
        shown = epoch % len(texts)
        said = ", ".join(f"{NAMES[key]} {logs[key]:.2f}" for key in (BLEU, CHRF) if is_telling(key, logs, self.watch))
        self.news.later(f"dev {said} after epoch {epoch + 1}. One of its translations:")
        self.news.later(f"  source     {self.sources[shown]}")
        self.news.later(f"  reference  {self.references[shown]}")
        self.news.later(f"  output     {texts[shown]}")


class DevText(keras.callbacks.Callback):
    """Show after each epoch how a language model continues the first words of a development line."""

    after = (News, Keep, StopOnNonFinite)

    def __init__(self, completer: Completer, lines: list[str], news: News) -> None:
        super().__init__()
        self.completer = completer
        self.lines = lines
        self.news = news

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        begun = beginning(self.lines[epoch % len(self.lines)])
        (made,) = self.completer.complete([begun])
        self.news.later(f"dev perplexity {logs[PERPLEXITY]:.2f} after epoch {epoch + 1}. How it continues a beginning:")
        self.news.later(f"  beginning  {begun}")
        self.news.later(f"  output     {made.text}")


class DevLabels(keras.callbacks.Callback):
    """Label the development set after each epoch: the macro F1 goes into the logs, one text is shown."""

    after = (News, Keep, StopOnNonFinite)

    def __init__(self, labeller: Labeller, pairs: list[tuple[str, str]], news: News) -> None:
        super().__init__()
        self.labeller = labeller
        self.texts = [text for text, _ in pairs]
        self.references = [labeller.reading.labels(target) for _, target in pairs]
        self.news = news

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        found = self.labeller.predicted(self.texts)
        # The last tokens of a text that is too long have no label.
        right = [name for names, given in zip(self.references, found, strict=True) for name in names[: len(given)]]
        scores = label_scores(right, [name for names in found for name in names], self.labeller.labels.names)
        logs[F1] = scores.macro_f1
        shown = epoch % len(self.texts)
        self.news.later(
            f"dev accuracy {scores.accuracy:.2%}, macro F1 {100 * scores.macro_f1:.2f} after epoch {epoch + 1}. One of "
            "its texts:"
        )
        self.news.later(f"  text       {self.texts[shown]}")
        self.news.later(f"  reference  {' '.join(self.references[shown])}")
        self.news.later(f"  output     {' '.join(found[shown])}")


class Cost(keras.callbacks.Callback):
    """Record the cost of an epoch: ``seconds``, scoring included, ``memory_mb``, the peak of the process, ``tokens/s``.

    The last is the number of target tokens, EOS included, per second since the first batch ended: that of the first
    epoch also builds the graph. It is 0 with one batch. The clock is read here, since XLA has none for a step.

    Only what came since then is known of an epoch that was resumed.

    Arguments:
        speed: how the journal calls that number: of a classifier or a tagger it counts labels.
    """

    after_if_present = (DevScores, DevText, DevLabels)

    def __init__(self, speed: str = "tokens/s") -> None:
        super().__init__()
        self.name = speed
        self.began = 0.0
        self.first: tuple[float, float] | None = None
        self.speed = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.began, self.first, self.speed = time.monotonic(), None, 0.0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        now, tokens = time.perf_counter(), float(tf.convert_to_tensor(self.model.token_metrics[0].tokens))
        if self.first is None:
            self.first = now, tokens
        else:
            self.speed = (tokens - self.first[1]) / (now - self.first[0])
        if logs is not None:
            logs[self.name] = self.speed  # for a progress bar

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        logs["seconds"] = time.monotonic() - self.began
        logs["memory_mb"] = peak_mb()
        logs[self.name] = self.speed


class SampleMore(keras.callbacks.Callback):
    """Raise the share of scheduled sampling linearly, from 0 in the first epoch to ``share`` in the last."""

    def __init__(self, share: float, epochs: int) -> None:
        super().__init__()
        self.share = share
        self.epochs = epochs

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.model.sampling_share.assign(self.share * epoch / max(1, self.epochs - 1))


class Journal(keras.callbacks.Callback):
    """Write one record for each epoch to ``metrics.jsonl``.

    Arguments:
        path: the file; the records of the epochs done are kept.
        done: the number of epochs done.
        watch: the score that decides, ``val_bleu``, ``val_chrf`` or ``val_perplexity``; it is recorded, too.
        tokenizer: that of BLEU; it is recorded, too.
        source_scripts: the scripts that the sources are written in; they are recorded, too, if they are known.

    Raises:
        InputError: if the file does not hold those records, or another score decided in the last of them: the weights
            of the epoch that would now be the best may not have been kept.
    """

    after = (Keep, Cost)
    after_if_present = (RestoreMetrics,)

    def __init__(
        self, path: Path, done: int, watch: str = BLEU, tokenizer: str = "13a", source_scripts: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.path = path
        self.watch = watch
        self.tokenizer = tokenizer
        self.source_scripts = list(source_scripts)
        self.records: list[dict[str, Any]] = []
        try:
            if done:
                self.records = [json.loads(line) for line in path.read_text("utf-8").splitlines()[:done]]
            whole = len(self.records) == done and all(
                isinstance(r.get(watch, ""), int | float | None) for r in self.records
            )
        except (OSError, ValueError, AttributeError, RecursionError):
            whole = False
        if not whole:
            raise InputError(f"{path} is missing or damaged: it must hold a record of each of the {done} epochs done.")
        # Records of earlier versions do not say which score decided.
        if done and (before := self.records[-1].get("watch", watch)) != watch:
            raise InputError(
                f"The epochs done were judged by {NAMES.get(before, before)}, and by {NAMES[watch]} now another one "
                f"may be the best, whose weights were not kept. Set training.watch = "
                f"{str(before).removeprefix('val_')}, or begin a new run from this model."
            )

    @property
    def qualities(self) -> list[float]:
        """The :func:`~nmt.evaluation.judge.quality` of each epoch."""
        return [quality(record, self.watch) for record in self.records]

    @property
    def watched(self) -> str:
        """The name of the score that decides."""
        return NAMES[self.watch]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        record: dict[str, Any] = {
            "epoch": epoch + 1,
            "step": int(keras.ops.convert_to_numpy(self.model.optimizer.iterations)),
            "learning_rate": rate,
        }
        measured = {name: float(value) for name, value in logs.items()}
        # JSON has no infinity, and a perplexity can overflow.
        finite = {name: value if math.isfinite(value) else None for name, value in measured.items()}
        scripts = {"source_scripts": self.source_scripts} if self.source_scripts else {}
        self.records.append({**record, **finite, "watch": self.watch, "tokenizer": self.tokenizer, **scripts})
        write_file(self.path, "".join(json.dumps(record) + "\n" for record in self.records).encode())


class EpochLine(keras.callbacks.Callback):
    """Log one line for each epoch if standard error is no terminal, which has a progress bar."""

    after = (Journal,)

    def __init__(self, journal: Journal, epochs: int) -> None:
        super().__init__()
        self.journal = journal
        self.epochs = epochs

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not sys.stderr.isatty():
            logger.info(epoch_line(self.journal.records[-1], self.epochs))


# What the line of an epoch shows, in this order: the key of the journal, and how it is written.
_SHOWN = {
    **MEASURED,
    "tokens/s": "{:,.0f} tokens/s",
    "labels/s": "{:,.0f} labels/s",
    "seconds": "{:,.1f} s",
    "memory_mb": "{:,.0f} MB",
}


def epoch_line(record: Mapping[str, Any], epochs: int) -> str:
    """Return a record of the journal as a line for people.

    A speed that could not be measured is left out, and so is a BLEU near zero where another score decides.

    >>> epoch_line({"epoch": 3, "val_bleu": 11.4, "loss": 2.0, "tokens/s": 0.0, "memory_mb": 1035.6572}, 40)
    'Epoch 3 of 40: loss 2.0000, dev BLEU 11.40, 1,036 MB'
    """
    watch = record.get("watch")
    known = [form.format(record[key]) for key, form in _SHOWN.items() if is_telling(key, record, watch)]
    shown = [each for each in known if each not in ("0 tokens/s", "0 labels/s")]
    return f"Epoch {record['epoch']} of {epochs}: {', '.join(shown)}"


class ProgressBar(keras.callbacks.ProgbarLogger):
    """Keras's progress bar, without a BLEU near zero where another score decides.

    Arguments:
        watch: the score that decides, if it is known.
    """

    def __init__(self, watch: str | None) -> None:
        super().__init__()
        self.watch = watch

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        super().on_epoch_end(epoch, {key: logs[key] for key in logs if is_telling(key, logs, self.watch)})


class KeepBest(keras.callbacks.Callback):
    """Write the weights of ``kept`` when the journal's last epoch is its best."""

    after = (Journal,)

    def __init__(self, folder: Path, kept: keras.Model, journal: Journal) -> None:
        super().__init__()
        self.folder = folder
        self.kept = kept
        self.journal = journal

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if best_epoch(self.journal.qualities) == len(self.journal.qualities) - 1:
            replace_weights(self.folder, self.kept)


class Plateau(keras.callbacks.Callback):
    """Lower the learning rate for each plateau of the journal's score."""

    after = (Journal,)

    def __init__(self, schedule: WarmUp, journal: Journal, patience: int, factor: float) -> None:
        super().__init__()
        self.schedule = schedule
        self.journal = journal
        self.patience = patience
        self.factor = factor

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.schedule.scale.assign(rate_scale(self.journal.qualities, self.patience, self.factor))


class EarlyStopping(keras.callbacks.Callback):
    """Stop when the best epoch of the journal was ``patience`` epochs ago."""

    key = "training.early_stopping"
    after = (News, Journal)

    def __init__(self, journal: Journal, patience: int, news: News) -> None:
        super().__init__()
        self.journal = journal
        self.patience = patience
        self.news = news

    def finished(self) -> bool:
        """Return whether the journal as it is ends the training."""
        qualities = self.journal.qualities
        return bool(qualities) and len(qualities) - 1 - best_epoch(qualities) >= self.patience

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.finished():
            self.news.later(f"No better dev {self.journal.watched} for {self.patience} epochs: the training ends here.")
            self.model.stop_training = True
