"""A training run, from a corpus to a model's folder, by ``model.compile`` and ``model.fit``."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from nmt.config import Config
from nmt.data import text as texts
from nmt.data.corpora import Corpus
from nmt.data.pipeline import SAMPLE, Buckets, Pipeline, ahead, lengths, padding
from nmt.data.text import Text
from nmt.errors import InputError
from nmt.folder import CONFIG, JOURNAL, LOGS, STATE, WEIGHTS, check_new, check_same, config_text, make, write
from nmt.models import Seq2Seq, build_model
from nmt.training.callbacks import (
    DevScores,
    EarlyStopping,
    Journal,
    KeepBest,
    News,
    Plateau,
    StopOnNonFinite,
)
from nmt.training.losses import MaskedCrossEntropy
from nmt.training.metrics import Perplexity, TokenAccuracy, TokensPerSecond
from nmt.training.optimizers import Adam
from nmt.training.resume import RestoreMetrics, SaveState, State, fingerprint
from nmt.training.schedules import WarmUp
from nmt.translator import Translator, write_settings

# More sentences than these make an epoch longer and its BLEU hardly surer.
_DEV_SENTENCES = 2000


def train(
    config: Config, corpus: Corpus, dev: Corpus, folder: Path, resume: bool = False, say: Callable[[str], None] = print
) -> Translator:
    """Train a model on a corpus and keep the best of it, by greedy BLEU on the development set, in a folder.

    Arguments:
        config: every choice.
        corpus: the training pairs.
        dev: the development pairs, of which the first 2,000 are translated after each epoch.
        folder: where the model goes. It must be new or empty, or hold the run to resume.
        resume: go on where the run in ``folder`` was stopped; the same commands then give the same model to the bit.
        say: takes a line of news.

    Returns:
        The best model.

    Raises:
        InputError: before anything is written, if the folder holds another model, the text allows no such vocabulary,
            or no pair fits into ``data.max_length``.
        WorkFailed: if the loss is no longer finite, or the run was asked to stop; the best model so far is kept.
    """
    if resume:
        check_same(folder, config)
    else:
        check_new(folder)
    keras.utils.set_random_seed(config.training.seed)
    text = Text.load(folder, config.text.joint) if resume else learn_text(config, corpus, say)
    pipeline = make_pipeline(config, corpus, text, say)
    model = build_model(config, text.source.vocabulary, text.target.vocabulary)
    schedule = compiled(model, config, expected_steps(config, pipeline, corpus))
    say(f"{model.count_params():,} parameters.")
    training = config.training
    state = State(
        folder / STATE,
        model,
        corpus=fingerprint(corpus.size, list(islice(corpus.pairs(), 1000))),
        order=fingerprint(training.batch_size, training.batch_unit, training.seed),
    )
    position = tf.Variable(state.load() if resume else (0, 0), dtype=tf.int64, trainable=False)
    journal = Journal(folder / JOURNAL, int(position[0]))
    if resume:
        write(folder / CONFIG, config_text(config))
    else:
        make(folder, lambda aside: write_settings(aside, config, text))
        state.save(0, 0)  # a run that fails at once can be resumed, with other settings
    translator = Translator(model, text, config)
    with stop_signal(say) as stop, contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        # The batches of an epoch are not counted beforehand, which Keras takes for a mistake.
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        saving = SaveState(state, position, training.save_minutes, stop)
        _run(config, pipeline, dev, translator, folder, journal, schedule, saving, say)
    return Translator.load(folder)


def learn_text(config: Config, corpus: Corpus, say: Callable[[str], None]) -> Text:
    """Train the tokenizers on the corpus, on 300,000 pairs evenly spread where it has more."""
    every = -(-corpus.size // texts.SENTENCES)
    text = texts.train(
        islice(corpus.pairs(), 0, None, every), config.text.kind, config.text.vocabulary_size, config.text.joint
    )
    sizes = f"{text.source.vocabulary:,}" + ("" if text.joint else f" and {text.target.vocabulary:,}")
    say(f"{corpus.size:,} pairs from {corpus.name}; {config.text.kind} vocabulary of {sizes} pieces.")
    return text


def make_pipeline(config: Config, corpus: Corpus, text: Text, say: Callable[[str], None]) -> Pipeline:
    """Choose the buckets from a sample of the corpus and say what they cost.

    Raises:
        InputError: if no pair passes the filter.
    """
    data, training = config.data, config.training
    sample = corpus.dataset().take(SAMPLE)
    measured = lengths(sample, text, data.max_length)
    if not len(measured):
        raise InputError(
            f"No pair is left of {corpus.name}: every one has an empty side or more than data.max_length = "
            f"{data.max_length} pieces."
        )
    pipeline = Pipeline(
        corpus.dataset(),
        text,
        Buckets.fit(measured, data.buckets, data.max_length + 1),
        data.max_length,
        training.batch_size,
        training.batch_unit,
        data.shuffle_buffer,
        training.seed,
    )
    read = min(corpus.size, SAMPLE)
    if left := read - len(measured):
        say(f"{left:,} of the first {read:,} pairs are left out: a side is empty or over {data.max_length} pieces.")
    share = padding(dataclasses.replace(pipeline, pairs=sample).epoch(0))
    source, target = np.mean(measured, 0)
    say(f"{source:.1f} source and {target:.1f} target pieces a sentence; {share:.1%} of the batches is padding.")
    return pipeline


def compiled(model: Seq2Seq, config: Config, steps: int) -> WarmUp:
    """Compile a model as the config says, for a run of about so many steps, and return its schedule."""
    training = config.training
    decay = "constant" if training.schedule == "plateau" else training.schedule
    schedule = WarmUp(training.learning_rate, min(training.warmup_steps, steps), decay, steps + 1)
    model.compile(
        optimizer=Adam(schedule, beta_2=0.98, epsilon=1e-8, global_clipnorm=training.clip_norm),
        loss=MaskedCrossEntropy(training.label_smoothing),
        metrics=[Perplexity(), TokenAccuracy(), TokensPerSecond()],
    )
    model.optimizer.build(model.trainable_variables)
    # Keras makes the variables of the metrics at the first batch, and a run to resume needs them before.
    word = tf.ones([1, 1], tf.int32)
    inputs = {"source": word, "target": word}
    scores = model(inputs)
    model.compute_loss(inputs, word, scores)
    model.compute_metrics(inputs, word, scores)
    model.reset_metrics()
    return schedule


def expected_steps(config: Config, pipeline: Pipeline, corpus: Corpus) -> int:
    """Estimate the steps of a whole run from the sample the buckets were chosen from."""
    share = pipeline.buckets.pairs / min(corpus.size, SAMPLE)
    tokens = pipeline.buckets.tokens if config.training.batch_unit == "tokens" else 1
    return max(1, round(config.training.epochs * corpus.size * share * tokens / config.training.batch_size))


def _run(
    config: Config,
    pipeline: Pipeline,
    dev: Corpus,
    translator: Translator,
    folder: Path,
    journal: Journal,
    schedule: WarmUp,
    saving: SaveState,
    say: Callable[[str], None],
) -> None:
    """Fit, with all callbacks, from the saved position on."""
    training, model, position = config.training, translator.model, saving.position
    done = int(position[0])
    news = News(say)
    early = EarlyStopping(journal, training.early_stopping, news.later)
    if early.finished() or done >= training.epochs:
        key = "training.early_stopping" if early.finished() else "training.epochs"
        say(f"The run is at its end after {done} epochs. A larger {key} would go on.")
        return
    callbacks = [
        news,
        StopOnNonFinite(folder, journal),
        DevScores(translator, list(islice(dev.pairs(), _DEV_SENTENCES)), news.later),
        journal,
        KeepBest(folder / WEIGHTS, journal),
        *(
            [Plateau(schedule, journal, training.plateau_patience, training.plateau_factor)]
            if training.schedule == "plateau"
            else []
        ),
        early,
        keras.callbacks.TensorBoard(str(folder / LOGS), write_graph=False),
        saving,
    ]
    # One Dataset for all epochs: each time it is read it begins where `position` says.
    batches = tf.data.Dataset.from_tensors(0).flat_map(lambda _: pipeline.epoch(position[0], position[1]))
    development = dataclasses.replace(pipeline, pairs=dev.dataset()).in_order()
    fit = functools.partial(
        model.fit,
        ahead(batches),
        validation_data=development,
        shuffle=False,
        verbose=1 if sys.stderr.isatty() else 2,
    )
    if int(position[1]):
        # The rest of an epoch on its own: Keras takes the batches of the first epoch for the number in each.
        fit(initial_epoch=done, epochs=done + 1, callbacks=[RestoreMetrics(), *callbacks])
        done += 1
    if done < training.epochs and not early.finished():
        fit(initial_epoch=done, epochs=training.epochs, callbacks=callbacks)


@contextlib.contextmanager
def stop_signal(say: Callable[[str], None]) -> Iterator[threading.Event]:
    """Give an event that Ctrl-C or a request to terminate sets, so that a run can end in good order.

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
        say("Stopping after this batch. Once more stops at once.")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
