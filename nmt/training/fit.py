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
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nmt.atomic_write import write_file
from nmt.config import Config
from nmt.data import tokenizers as texts
from nmt.data.alignment_targets import count_lost
from nmt.data.corpora import Corpus
from nmt.data.pipeline import SAMPLE, Buckets, Pipeline, ahead, as_written, lengths, linked, padding
from nmt.data.tokenizers import Tokenizers
from nmt.data.vocabulary_growth import grow as grown
from nmt.data.word_links import check_guided
from nmt.errors import InputError
from nmt.inference.completer import Completer
from nmt.inference.translator import Translator
from nmt.model_folder import (
    CONFIG,
    EPOCHS,
    JOURNAL,
    LOGS,
    STATE,
    WEIGHTS,
    check_continues,
    check_new,
    check_same,
    config_text,
    make,
)
from nmt.models.language_model import LanguageModel
from nmt.saving import load, write_settings
from nmt.training.averaging import Keep
from nmt.training.budget import Budget
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
)
from nmt.training.checkpoint import RestoreMetrics, SaveState, State, fingerprint
from nmt.training.distribute import strategy
from nmt.training.events import EventFile
from nmt.training.finetune import begin_with
from nmt.training.projector import Projector
from nmt.training.schedules import WarmUp
from nmt.training.setup import make_models
from nmt.training.tensorboard import DEV, TRAIN, Completions, Curves, Translations

# More sentences than these make an epoch longer and its BLEU hardly surer.
_DEV_SENTENCES = 2000


def train_model(
    config: Config,
    corpus: Corpus,
    dev: Corpus,
    folder: Path,
    resume: bool = False,
    say: Callable[[str], None] = print,
    start: Path | None = None,
    grow: int = 0,
) -> Translator | Completer:
    """Train a model on a corpus and keep the best of it, by its score on the development set, in a folder.

    Arguments:
        config: every choice.
        corpus: the training pairs, with word links for ``training.guided_alignment``, or plain text for a language
            model.
        dev: the development pairs, of which the first 2,000 are translated after each epoch.
        folder: where the model goes. It must be new or empty, or hold the run to resume.
        resume: go on where the run in ``folder`` was stopped; the same commands then give the same model to the bit.
        say: takes a line of news.
        start: the folder of a model to begin with.
        grow: so many new pieces, at most, are learned from the corpus and added to that model's vocabulary.

    Returns:
        The best model, as a :class:`Translator` or, of a language model, as a :class:`Completer`.

    Raises:
        InputError: before anything is written, if the folder holds another model, the text allows no such vocabulary,
            no pair fits into ``data.max_length``, the model to begin with is of another kind, or there are word links
            and no use for them or the other way round.
        WorkFailed: if the loss is no longer finite, or the run was asked to stop; the best model so far is kept.
    """
    check_guided(config, corpus.links() is not None)
    if resume:
        check_same(folder, config)
    else:
        check_new(folder)
    if start and not resume:
        check_continues(start, config)
    training = config.training
    strategy(training.devices)  # refuses more of them than there are
    keras.utils.set_random_seed(training.seed)
    started = load(start) if start and not resume else None
    tokenizers = _text(config, corpus, folder if resume else None, started, grow, say)
    pipeline, batches = make_pipeline(config, corpus, tokenizers, say)
    steps = expected_steps(config, batches)
    development = development_batches(config, pipeline, dev)
    model, kept, schedule = make_models(config, (tokenizers.source.vocabulary, tokenizers.target.vocabulary), steps)
    say(f"{model.count_params():,} parameters.")
    if started:
        begin_with(model.network, tokenizers, started[0], started[1])
    news = News(say)
    budget = Budget(training, schedule, steps, news.later)
    budget.set_model(model)
    state = State(
        folder / STATE,
        model,
        corpus=_fingerprint(corpus),
        order=fingerprint(training.batch_size, training.batch_unit, training.seed),
        others=[budget.spent],
    )
    position = tf.Variable(state.load() if resume else (0, 0), dtype=tf.int64, trainable=False)
    journal = Journal(folder / JOURNAL, int(position[0]), watched(config))
    keep = Keep(kept, development, training.average_decay > 0, training.average_epochs, folder / EPOCHS)
    keep.check(int(position[0]))
    if resume:
        write_file(folder / CONFIG, config_text(config))
    else:
        make(folder, lambda aside: write_settings(aside, config, tokenizers))
        state.save(0, 0)  # a run that fails at once can be resumed, with other settings
    with stop_signal(say) as stop, contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        # The batches of an epoch are not counted beforehand, which Keras takes for a mistake.
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        saving = SaveState(state, position, training.save_minutes, stop)
        callbacks = _callbacks(config, folder, journal, schedule, keep, tokenizers, dev, news)
        _run(model, config, pipeline, [*callbacks, budget], saving, say)
    return Completer.load(folder) if isinstance(kept, LanguageModel) else Translator.load(folder)


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


def _text(
    config: Config,
    corpus: Corpus,
    resumed: Path | None,
    started: tuple[Any, Tokenizers, Config] | None,
    grow: int,
    say: Callable[[str], None],
) -> Tokenizers:
    """Load, take over, grow, or learn the tokenizers."""
    if resumed:
        return Tokenizers.load(resumed, config.text.joint)
    if not started:
        return fit_tokenizers(config, corpus, say)
    tokenizers = started[1]
    if grow:
        before = tokenizers.source.vocabulary + tokenizers.target.vocabulary
        tokenizers = grown(tokenizers, list(_spread(corpus)), config.text.kind, grow)
        added = (tokenizers.source.vocabulary + tokenizers.target.vocabulary - before) // (2 if tokenizers.joint else 1)
        say(f"{added:,} pieces were added to the vocabulary, which now has {_sizes(tokenizers)}.")
    return tokenizers


def _sizes(tokenizers: Tokenizers) -> str:
    return f"{tokenizers.source.vocabulary:,}" + ("" if tokenizers.joint else f" and {tokenizers.target.vocabulary:,}")


def development_batches(config: Config, pipeline: Pipeline, dev: Corpus) -> tf.data.Dataset:
    """Return the batches on which the loss is measured.

    Raises:
        InputError: if there is none.
    """
    development = dataclasses.replace(pipeline, pairs=dev.dataset()).in_order()
    if not any(True for _ in development.take(1)):
        raise InputError(
            f"No development pair is left of {dev.name}: every one has an empty side or more than data.max_length = "
            f"{config.data.max_length} pieces."
        )
    return development


def scored(dev: Corpus) -> list[tuple[str, str]]:
    """Return the development pairs that are translated after each epoch."""
    return list(islice((pair for pair in dev.pairs() if pair[1].strip()), _DEV_SENTENCES))


def fit_tokenizers(config: Config, corpus: Corpus, say: Callable[[str], None]) -> Tokenizers:
    """Train the tokenizers on the corpus, on 300,000 pairs evenly spread where it has more."""
    text = texts.train_tokenizers(_spread(corpus), config.text.kind, config.text.vocabulary_size, config.text.joint)
    what = "lines" if config.model.architecture == "language-model" else "pairs"
    say(f"{corpus.size:,} {what} from {corpus.name}; {config.text.kind} vocabulary of {_sizes(text)} pieces.")
    return text


def _spread(corpus: Corpus) -> Iterator[tuple[str, str]]:
    """Return pairs from all over the corpus, as many as the tokenizers learn from."""
    return islice(corpus.pairs(), 0, None, -(-corpus.size // texts.SENTENCES))


def make_pipeline(
    config: Config, corpus: Corpus, tokenizers: Tokenizers, say: Callable[[str], None]
) -> tuple[Pipeline, int]:
    """Choose the buckets from a sample of the corpus and say what they cost. Return the batches of an epoch, too.

    They are counted, for the buckets leave a short batch each; of a corpus larger than the sample they are estimated.

    Raises:
        InputError: if no pair passes the filter.
    """
    data, training = config.data, config.training
    sourceless = config.model.architecture == "language-model"
    pairs, links = corpus.dataset(), corpus.link_dataset()
    sample = pairs.take(SAMPLE)
    measured = lengths(sample, tokenizers, data.max_length, sourceless)
    if not len(measured):
        raise InputError(
            f"No pair is left of {corpus.name}: every one has an empty side or more than data.max_length = "
            f"{data.max_length} pieces."
        )
    pipeline = Pipeline(
        pairs if links is None else linked(pairs, links),
        tokenizers,
        Buckets.fit(measured, data.buckets, data.max_length + 1),
        data.max_length,
        training.batch_size,
        training.batch_unit,
        data.shuffle_buffer,
        training.seed,
        sourceless,
        config.text.sampling,
    )
    read = min(corpus.size, SAMPLE)
    if left := read - len(measured):
        say(f"{left:,} of the first {read:,} pairs are left out: a side is empty or over {data.max_length} pieces.")
    if links is not None:
        _say_lost(linked(pairs, links).take(read), tokenizers, read, say)
    share, batches = padding(dataclasses.replace(pipeline, pairs=sample).epoch(0))
    source, target = np.mean(measured, 0)
    pieces = (
        f"{target:.1f} pieces a line"
        if sourceless
        else f"{source:.1f} source and {target:.1f} target pieces a sentence"
    )
    say(f"{pieces}; {share:.1%} of the batches is padding.")
    return pipeline, round(batches * corpus.size / read)


def _say_lost(sample: tf.data.Dataset, tokenizers: Tokenizers, read: int, say: Callable[[str], None]) -> None:
    if lost := count_lost(sample, tokenizers):
        say(
            f"{lost:,} of the first {read:,} pairs lose their links: their pieces make other words than their spaces, "
            "for SentencePiece writes some characters in another way or does not know a word."
        )


def expected_steps(config: Config, batches: int) -> int:
    """Return the steps of a whole run whose epochs have so many batches.

    Raises:
        InputError: if there is not a single one.
    """
    training = config.training
    steps = training.epochs * batches // training.accumulate
    if training.steps:
        steps = min(steps, training.steps)
    if not steps:
        raise InputError(
            f"training.accumulate = {training.accumulate} batches make a step, and the whole run has only "
            f"{training.epochs * batches}: nothing would be learned."
        )
    return steps


def _callbacks(
    config: Config,
    folder: Path,
    journal: Journal,
    schedule: WarmUp,
    keep: Keep,
    tokenizers: Tokenizers,
    dev: Corpus,
    news: News,
) -> list[keras.callbacks.Callback]:
    """Return what happens around the steps, in its order; only the saving of the state comes after it."""
    training = config.training
    kept = keep.kept
    sentences = scored(dev)
    run = EventFile(folder / LOGS / DEV, len(journal.records))
    shown: keras.callbacks.Callback
    samples: keras.callbacks.Callback
    if isinstance(kept, LanguageModel):
        completer, lines = Completer(kept, tokenizers, config), [line for _, line in sentences]
        shown, samples = DevText(completer, lines, news.later), Completions(run, completer, lines)
    else:
        translator = Translator(kept, tokenizers, config)
        shown, samples = DevScores(translator, sentences, news.later), Translations(run, translator, sentences)
    callbacks = [
        news,
        keep,
        StopOnNonFinite(folder, journal),
        shown,
        Cost(),
        journal,
        KeepBest(folder / WEIGHTS, kept, journal),
    ]
    if training.schedule == "plateau":
        callbacks.append(Plateau(schedule, journal, training.plateau_patience, training.plateau_factor))
    if training.scheduled_sampling:
        callbacks.append(SampleMore(training.scheduled_sampling, training.epochs))
    early = EarlyStopping(journal, training.early_stopping, news.later)
    learner = EventFile(folder / LOGS / TRAIN, len(journal.records))
    return [
        *callbacks,
        early,
        Curves(learner, run, journal),
        samples,
        Projector(folder / LOGS / DEV, kept, tokenizers, journal),
    ]


def _run(
    model: keras.Model,
    config: Config,
    pipeline: Pipeline,
    callbacks: list[keras.callbacks.Callback],
    saving: SaveState,
    say: Callable[[str], None],
) -> None:
    """Fit, from the saved position on."""
    training, position = config.training, saving.position
    done = int(position[0])
    ends = [c for c in callbacks if isinstance(c, EarlyStopping | Budget)]

    def finished() -> list[str]:
        return [end.key for end in ends if end.finished()]

    if finished() or done >= training.epochs:
        key = [*finished(), "training.epochs"][0]
        say(f"The run is at its end after {done} epochs. A larger {key} would go on.")
        return
    callbacks = [*callbacks, saving]
    # One Dataset for all epochs: each time it is read it begins where `position` says.
    batches = tf.data.Dataset.from_tensors(0).flat_map(as_written(lambda _: pipeline.epoch(position[0], position[1])))
    fit = functools.partial(model.fit, ahead(batches), shuffle=False, verbose=1 if sys.stderr.isatty() else 2)
    if int(position[1]):
        # The rest of an epoch on its own: Keras takes the batches of the first epoch for the number in each.
        fit(initial_epoch=done, epochs=done + 1, callbacks=[RestoreMetrics(), *callbacks])
        done += 1
    if done < training.epochs and not finished():
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
