"""A training run, from a corpus to a model's folder, with ``model.compile`` and ``model.fit``."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import keras
import tensorflow as tf

from nmt.config import Config
from nmt.data.corpora import Corpus
from nmt.data.pipeline import Pipeline, as_written, prefetched
from nmt.inference.completer import Completer
from nmt.inference.translator import Translator
from nmt.model_folder import EPOCHS, JOURNAL, LOGS, STATE, WEIGHTS, make
from nmt.models.language_model import LanguageModel
from nmt.saving import load_weights, replace_config, write_settings
from nmt.training.averaging import Keep
from nmt.training.callbacks import (
    BLEU,
    PERPLEXITY,
    Cost,
    DevScores,
    DevText,
    EarlyStopping,
    Journal,
    KeepBest,
    News,
    Plateau,
    SampleMore,
    StopOnNonFinite,
    in_order,
)
from nmt.training.checkpoint import Checkpoint, RestoreMetrics, SaveCheckpoint, fingerprint
from nmt.training.inputs import development_sentences, run_parts, uncounted_batches
from nmt.training.limits import RunLimits
from nmt.training.schedules import WarmUp
from nmt.training.tensorboard import DEV, TRAIN, Completions, Curves, EventFile, Projector, Translations

logger = logging.getLogger(__name__)


def train_model(
    config: Config,
    corpus: Corpus,
    dev: Corpus,
    folder: str | Path,
    *,
    resume: bool = False,
    start: str | Path | None = None,
    grow: int = 0,
) -> Translator | Completer:
    """Train a model on a corpus and keep the best epoch, by its score on the development set, in a folder.

    The loggers of this package log its progress, with level INFO.

    Arguments:
        config: the whole configuration.
        corpus: the training pairs, with word links for ``training.guided_alignment``, or plain text for a language
            model.
        dev: the development pairs, of which the first 2,000 are translated after each epoch.
        folder: where the model goes. It must be new or empty, or hold the run to resume.
        resume: whether to continue the run in ``folder``; the model is then the same, bit for bit, as without a stop.
        start: the folder of a model to begin with.
        grow: the maximum number of new pieces that are learned from the corpus and added to that model's vocabulary.

    Returns:
        The best model, as a :class:`Translator` or, for a language model, as a :class:`Completer`.

    Raises:
        InputError: before anything is written, if the folder holds another model, the text allows no such vocabulary,
            no pair fits into ``data.max_length``, the model to begin with is of another kind, or word links are missing
            or have no use.
        WorkFailed: if the loss is no longer finite, or the run was asked to stop; the best model so far is kept.
    """
    training, folder = config.training, Path(folder)
    parts = run_parts(config, corpus, dev, folder, resume=resume, start=Path(start) if start else None, grow=grow)
    config, tokenizers, model, kept, schedule = (
        parts.config,
        parts.tokenizers,
        parts.model,
        parts.kept,
        parts.schedule,
    )
    logger.info(f"{model.count_params():,} parameters.")
    translator: Translator | Completer = (
        Completer(kept, tokenizers, config) if isinstance(kept, LanguageModel) else Translator(kept, tokenizers, config)
    )

    news = News()
    limits = RunLimits(training, schedule, parts.steps, news)
    limits.set_model(model)
    order = fingerprint(training.batch_size, training.batch_unit, training.seed)
    checkpoint = Checkpoint(folder / STATE, model, corpus=_fingerprint(corpus), order=order, others=[limits.spent])
    position = tf.Variable(checkpoint.load() if resume else (0, 0), dtype=tf.int64, trainable=False)
    done = int(position[0])
    journal = Journal(folder / JOURNAL, done, watched(config))
    keep = Keep(
        kept,
        parts.development,
        averages=training.average_decay > 0,
        epochs=training.average_epochs,
        folder=folder / EPOCHS,
    )
    keep.check(done)
    callbacks = run_callbacks(
        config, folder, translator, dev, keep=keep, journal=journal, schedule=schedule, limits=limits, news=news
    )
    if resume:
        replace_config(folder, config)
    else:

        def fill(aside: Path) -> None:
            write_settings(aside, config, tokenizers)
            checkpoint.save(0, 0, aside / STATE)  # a run that fails at once can be resumed, with other settings

        make(folder, fill)
    with stop_signal() as stop:
        saving = SaveCheckpoint(checkpoint, position, training.save_minutes, stop)
        fit_model(model, config, parts.pipeline, callbacks=callbacks, saving=saving)
    load_weights(kept, folder / WEIGHTS)
    return translator


def _fingerprint(corpus: Corpus) -> int:
    links = corpus.links()
    begin = list(islice(corpus.pairs(), 1000))
    if links is None:
        return fingerprint(corpus.size, begin)
    return fingerprint(corpus.size, begin, list(islice(links, 1000)))


def watched(config: Config) -> str:
    """Return the name in the journal of the score that chooses the best epoch."""
    watch = config.training.watch
    if watch == "auto":
        watch = "perplexity" if config.model.architecture == "language-model" else "bleu"
    return BLEU if watch == "bleu" else PERPLEXITY


def run_callbacks(
    config: Config,
    folder: Path,
    translator: Translator | Completer,
    dev: Corpus,
    *,
    keep: Keep,
    journal: Journal,
    schedule: WarmUp,
    limits: RunLimits,
    news: News,
) -> list[keras.callbacks.Callback]:
    """Return the callbacks of a run in their order; only the saving of the checkpoint comes after them."""
    training, tokenizers, kept = config.training, translator.tokenizers, keep.kept
    train_events, dev_events = (EventFile(folder / LOGS / run, done=len(journal.records)) for run in (TRAIN, DEV))
    pairs = development_sentences(dev)
    scores: keras.callbacks.Callback
    examples: keras.callbacks.Callback
    if isinstance(translator, Completer):
        lines = [line for _, line in pairs]
        scores, examples = DevText(translator, lines, news), Completions(dev_events, translator, lines)
    else:
        scores, examples = DevScores(translator, pairs, news), Translations(dev_events, translator, pairs)
    changes: list[keras.callbacks.Callback] = []
    if training.schedule == "plateau":
        changes.append(Plateau(schedule, journal, training.plateau_patience, training.plateau_factor))
    if training.scheduled_sampling:
        changes.append(SampleMore(training.scheduled_sampling, training.epochs))
    return in_order(
        [
            news,
            keep,
            StopOnNonFinite(folder, journal),
            scores,
            Cost(),
            journal,
            KeepBest(folder, config, kept, journal),
            *changes,
            EarlyStopping(journal, training.early_stopping, news),
            Curves(train_events, dev_events, journal),
            examples,
            Projector(folder / LOGS / DEV, kept, tokenizers, journal),
            limits,
        ]
    )


def fit_model(
    model: keras.Model,
    config: Config,
    pipeline: Pipeline,
    *,
    callbacks: list[keras.callbacks.Callback],
    saving: SaveCheckpoint,
) -> None:
    """Fit the model from the position of the checkpoint to the end of the run, unless the run has ended already."""
    training, position = config.training, saving.position
    done = int(position[0])
    ends = [c for c in callbacks if isinstance(c, EarlyStopping | RunLimits)]

    def finished() -> list[str]:
        return [end.key for end in ends if end.finished()]

    if finished() or done >= training.epochs:
        key = [*finished(), "training.epochs"][0]
        logger.info(f"The run is at its end after {done} epochs. Raise {key} to continue it.")
        return
    callbacks = [*callbacks, saving]
    # One Dataset for all epochs: each time it is read it begins where `position` says.
    batches = tf.data.Dataset.from_tensors(0).flat_map(as_written(lambda _: pipeline.epoch(position[0], position[1])))
    verbose = 1 if sys.stderr.isatty() else 2

    def called(callbacks: list[keras.callbacks.Callback]) -> keras.callbacks.CallbackList:
        # As `fit` makes it, but with the epochs of the whole run.
        return keras.callbacks.CallbackList(
            in_order(callbacks), add_history=True, add_progbar=True, model=model, epochs=training.epochs,
            steps=None, verbose=verbose,
        )  # fmt: skip

    whole = called(callbacks)
    with contextlib.redirect_stdout(sys.stderr), uncounted_batches():
        # Each epoch on its own: Keras ends an epoch after as many batches as the first had, and the rest of an epoch
        # that is resumed has fewer, and one whose pieces are drawn may have more.
        while done < training.epochs and not finished():
            listed = called([RestoreMetrics(), *callbacks]) if int(position[0]) == done and int(position[1]) else whole
            model.fit(
                prefetched(batches),
                shuffle=False,
                verbose=verbose,
                initial_epoch=done,
                epochs=done + 1,
                callbacks=listed,
            )
            done += 1


@contextlib.contextmanager
def stop_signal() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C or a request to terminate sets, so that a run can end cleanly.

    A second Ctrl-C ends it at once. Outside the main thread there are no signals, and the event is never set.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        logger.info("Stopping after this batch. A second Ctrl-C stops at once.")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
