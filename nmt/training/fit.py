"""A training run, from a corpus to a model's folder, with ``model.compile`` and ``model.fit``."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from nmt.config import ENCODER_ALONE, LABELLING, MASKED, Config, setting_list, with_settings
from nmt.data.corpora import Corpus, from_pairs, held_out_from, is_tsv, split_dev
from nmt.data.features import captions_of, corpus_features, looks_like_features, open_captions, with_shape
from nmt.data.mixture import open_parallel, open_texts, open_tsvs
from nmt.data.pipeline import Pipeline, prefetched
from nmt.doctor.quick import warnings
from nmt.errors import InputError, Stopped, WorkFailed, as_typed
from nmt.evaluation.confidence import reliability_lines
from nmt.evaluation.judge import PERPLEXITY, Judge, choose_judge, choose_label_judge, learned_little
from nmt.folder_lock import folder_lock
from nmt.inference.calibration import MIN_PAIRS, calibrate, check_pairs
from nmt.inference.captioner import Captioner
from nmt.inference.completer import Completer
from nmt.inference.confidence_file import read as read_confidence
from nmt.inference.confidence_file import write as write_confidence
from nmt.inference.head_file import read as read_head
from nmt.inference.head_file import write as write_head
from nmt.inference.labeller import Labeller
from nmt.inference.pretrained import Pretrained
from nmt.inference.translator import Translator
from nmt.model_folder import CONFIDENCE, EPOCHS, HEAD, JOURNAL, LOGS, STATE, WEIGHTS, make, read_config
from nmt.models.caption_model import CaptionModel
from nmt.models.language_model import LanguageModel
from nmt.models.seq2seq import Seq2Seq
from nmt.output_streams import LastingStream
from nmt.presets import fit_preset
from nmt.presets import preset as named_preset
from nmt.saving import load_weights, replace_config, write_settings
from nmt.stop_signals import stop_signals
from nmt.tf_import import as_written
from nmt.training.averaging import Keep
from nmt.training.callbacks import (
    Cost,
    DevLabels,
    DevScores,
    DevText,
    EarlyStopping,
    EpochLine,
    Journal,
    KeepBest,
    News,
    Plateau,
    ProgressBar,
    SampleMore,
    StopOnNonFinite,
    in_order,
)
from nmt.training.checkpoint import Checkpoint, Fingerprints, RestoreMetrics, SaveCheckpoint
from nmt.training.choose_search import choose_search
from nmt.training.failed_steps import explain_failed_steps
from nmt.training.inputs import (
    RunParts,
    batch_order,
    development_sentences,
    expected_steps,
    run_parts,
    source_scripts,
    uncounted_batches,
)
from nmt.training.limits import RunLimits
from nmt.training.prepare import check_workers, over_trained, prepare_run
from nmt.training.row_captioner import RowCaptioner
from nmt.training.schedules import WarmUp
from nmt.training.teach_alignment import Triple, linked_meanwhile, teach, wanted
from nmt.training.tensorboard import DEV, TRAIN, Completions, Curves, EventFile, Projector, Translations
from nmt.training.worker_steps import WorkerSteps, lost_worker
from nmt.training.workers import Workers

logger = logging.getLogger(__name__)

# A run can be continued with any number of workers up to this one.
MAX_WORKERS = 256

# What a training returns.
Trained = Translator | Captioner | Completer | Labeller | Pretrained

# A corpus, a TSV or several, two parallel files, features with their captions, or pairs of strings.
Pairs = Corpus | str | Path | Sequence[str | Path] | tuple[np.ndarray, Sequence[str]] | Iterable[tuple[str, str]]


def train_model(
    config: Config,
    corpus: Corpus,
    dev: Corpus,
    folder: str | Path,
    *,
    resume: bool = False,
    start: str | Path | None = None,
    grow: int = 0,
    workers: Workers | None = None,
) -> Trained:
    """Train a model on a corpus and keep the best epoch, by its score on the development set, in a folder.

    The loggers of this package log its progress, with level INFO.

    Arguments:
        config: the whole configuration.
        corpus: the training pairs, with word links for ``training.guided_alignment``, plain text for a language model,
            texts with their labels as targets, see :mod:`nmt.data.labels`, for a classifier or a tagger, or captions of
            features, see :mod:`nmt.data.features`.
        dev: the development pairs, of which the first 2,000 are translated after each epoch.
        folder: where the model goes. It must be new or empty, or hold the run to resume.
        resume: whether to continue the run in ``folder``; the model is then the same, bit for bit, as without a stop.
        start: the folder of a model to begin with.
        grow: the maximum number of new pieces that are learned from the corpus and added to that model's vocabulary.
        workers: the machines that share the run, each of which calls this with the same arguments. The chief alone
            scores, reports, and writes into the folder.

    Returns:
        The best model, as a :class:`Translator`, a :class:`Captioner` for one of features, a :class:`Completer` for a
        language model, a :class:`Labeller` for a classifier or a tagger, a :class:`Pretrained` for a masked language
        model.

    Raises:
        InputError: before anything is written, if the folder holds another model, the text allows no such vocabulary,
            no pair fits into ``data.max_length``, the model to begin with is of another kind, or word links are missing
            or have no use.
        WorkFailed: if the loss is no longer finite, the run was asked to stop, another worker has ended, a corpus can
            no longer be read, or there is too little memory; the best model so far is kept.
    """
    folder = Path(folder)
    begin = Path(start) if start else None
    config = with_shape(config, corpus, dev)
    if config.training.confidence == "on":
        check_pairs(development_sentences(dev))
    if workers:
        check_workers(config, corpus, workers.count)
        if not workers.is_chief:
            with _lost_workers(workers):
                parts = run_parts(config, corpus, dev, folder, resume=resume, start=begin, grow=grow, workers=workers)
                return _train(corpus, dev, folder, parts, made=lambda: None, resume=resume, workers=workers)
    telling = workers.contact.telling() if workers else contextlib.nullcontext()
    with contextlib.ExitStack() as lock, _lost_workers(workers), telling:
        # Nothing is written into a folder that is refused, not even the lock. run_parts checks again once it is locked.
        prepare_run(config, folder, linked=corpus.links() is not None, resume=resume, start=begin)

        def hold() -> None:
            lock.enter_context(folder_lock(folder, "nmt train"))

        # A new folder is locked once it is made: the rename that makes it fails if another process was faster.
        new = not folder.is_dir()
        if not new:
            hold()
        parts = run_parts(config, corpus, dev, folder, resume=resume, start=begin, grow=grow, workers=workers)
        return _train(corpus, dev, folder, parts, made=hold if new else lambda: None, resume=resume, workers=workers)


@contextlib.contextmanager
def _lost_workers(workers: Workers | None) -> Iterator[None]:
    """Say in a sentence why another worker has ended, which TensorFlow reports in many ways."""
    try:
        yield
    except tf.errors.OpError as error:
        if workers is None or isinstance(error, tf.errors.ResourceExhaustedError | tf.errors.InvalidArgumentError):
            raise
        raise lost_worker(workers) from error


def fit(
    pairs: Pairs,
    to: str | Path,
    *,
    dev: Pairs | None = None,
    preset: str = "auto",
    settings: Sequence[str] = (),
    weights: Sequence[float] = (),
    resume: bool = False,
) -> Trained:
    """Train a model on pairs as ``nmt train`` does: settings that fit the pairs, some of them held out.

    The loggers of this package log what was chosen and the progress, with level INFO, which
    ``logging.basicConfig(level="INFO")`` shows.

    Arguments:
        pairs: a corpus of :mod:`nmt.data.corpora` or :mod:`nmt.data.mixture`, the name of a TSV, a list of such names,
            which end in ``.tsv`` or ``.tsv.gz``, the names of two parallel files, each also a pattern or a folder, or
            pairs of strings.
            With ``model.architecture=language-model`` the name of a text, or pairs with an empty source; with
            ``classifier`` or ``tagger`` the pairs are texts with their labels. Features, an array or a ``.npy`` file,
            come in two with their captions, a list or a file: ``model.source`` is then ``features``.
        to: the new folder for the model.
        dev: the development pairs, in the same form; by default some pairs are held out.
        preset: ``auto``, fitted to the number of pairs, ``plain``, or another one of :mod:`nmt.presets`.
        settings: over the preset, as in ``["training.epochs=3"]``.
        weights: how often an epoch reads each pair of each named corpus, see :func:`nmt.data.mixture.mixture`.
        resume: whether to continue the run in ``to``, with the settings that it began with: the preset has no effect.

    Returns:
        The best model; see :func:`train_model`.

    Raises:
        InputError: as :func:`train_model`, for a preset or a setting that does not exist, or for weights that do not
            match the corpora.
        WorkFailed: as :func:`train_model`.
        Stopped: a WorkFailed, if Ctrl-C, a request to terminate or a closed terminal has stopped the run; the same call
            with ``resume=True`` continues it.
        TypeError: for a string instead of a list of settings.

    >>> translator = nmt.fit("pairs.tsv", to="my-model")                    # doctest: +SKIP
    >>> translator = nmt.fit([("밥을 먹었다", "ate rice"), ...], to="m")     # doctest: +SKIP
    >>> translator = nmt.fit(["real.tsv", "synthetic.tsv"], to="m2", weights=[1, 0.5])      # doctest: +SKIP
    """
    settings = [*(["model.source=features"] if _of_features(pairs) else []), *setting_list(settings)]
    weights = weights.tolist() if isinstance(weights, np.ndarray) else list(weights)
    # A wrong setting is refused before a long corpus is read.
    chosen = (
        over_trained(read_config(Path(to)), lambda base: with_settings(base, settings, resumed=True))
        if resume
        else with_settings(named_preset(preset)[0], settings)
    )
    plain = chosen.model.architecture in ("language-model", MASKED)
    # Whether there are links for a guided run is known once the corpus is open.
    guided = chosen.training.guided_alignment > 0
    prepare_run(chosen if resume else Config(), Path(to), linked=resume and guided, resume=resume)
    cells = chosen.model.source_cells
    corpus = _opened(pairs, plain, cells, weights)
    corpus, held = (corpus, _opened(dev, plain, cells)) if dev is not None else split_dev(corpus)
    if dev is None:
        whole = "lines" if plain else "pairs"
        logger.info(f"{held.size:,} of the training {whole} are held out for development{held_out_from(held)}.")
    labelling = chosen.model.architecture in LABELLING
    described = corpus_features(corpus) is not None
    what = "texts" if labelling else "lines" if plain else "captions" if described else "pairs"
    if resume:
        return train_model(chosen, corpus, held, to, resume=True)
    chosen, lines = fit_preset(preset, corpus.pairs_read, what, lambda base: with_settings(base, settings))
    for line in lines:
        logger.info(line)
    for line in [] if labelling or described else warnings(corpus, held, plain=plain):
        logger.warning(f"Warning: {line}")
    return train_model(chosen, corpus, held, to)


def _of_features(pairs: Pairs) -> bool:
    """Return whether pairs are features with their captions."""
    if isinstance(pairs, Corpus):
        return corpus_features(pairs) is not None
    if not isinstance(pairs, tuple | list) or len(pairs) != 2:
        return False
    first = pairs[0]
    return isinstance(first, np.ndarray) or (isinstance(first, str | Path) and looks_like_features(Path(first)))


def _opened(pairs: Pairs, plain: bool, cells: int = 0, weights: Sequence[float] = ()) -> Corpus:
    """Return pairs in any form as a corpus."""
    names: list[Any] = [pairs] if isinstance(pairs, str | Path) else [] if isinstance(pairs, Corpus) else list(pairs)
    named = bool(names) and all(isinstance(each, str | Path) for each in names) and not _of_features(pairs)
    if weights and not named:
        raise InputError("weights says how often each named corpus is read, and pairs names none. Leave it out.")
    if isinstance(pairs, Corpus):
        return pairs
    if _of_features(pairs):
        values, captions = cast("tuple[Any, Any]", pairs)
        if isinstance(values, np.ndarray):
            return captions_of(values, captions, cells)
        return open_captions(Path(values), Path(captions), cells)
    if not named:
        return from_pairs(names)
    if plain:
        return open_texts(names, weights)
    if isinstance(pairs, str | Path) or all(map(is_tsv, names)):
        return open_tsvs(names, weights=weights)
    if len(names) != 2:
        raise InputError(
            f"pairs names {len(names)} files: give the names of two parallel files, or of files that end in .tsv or "
            ".tsv.gz."
        )
    return open_parallel(names[:1], names[1:], weights)


def _train(
    corpus: Corpus,
    dev: Corpus,
    folder: Path,
    parts: RunParts,
    *,
    made: Callable[[], None],
    resume: bool,
    workers: Workers | None,
) -> Trained:
    """Run a training; ``made`` is called when its folder has been made."""
    config, training = parts.config, parts.config.training
    chief = workers is None or workers.is_chief
    tokenizers, model, kept, schedule = parts.tokenizers, parts.model, parts.kept, parts.schedule
    logger.info(f"{model.count_params():,} parameters.")
    translator: Trained
    if parts.labels:
        translator = Labeller(kept, tokenizers, config, parts.labels)
        judge = choose_label_judge(training.watch)
    elif config.model.architecture == MASKED:
        translator = Pretrained(kept, tokenizers, config)
        judge = Judge(PERPLEXITY, "that of the masked tokens")
    else:
        language_model = isinstance(kept, LanguageModel)
        if isinstance(kept, CaptionModel):
            features = corpus_features(dev)
            assert features
            translator = RowCaptioner(kept, tokenizers, config, features)
        else:
            translator = Completer(kept, tokenizers, config) if language_model else Translator(kept, tokenizers, config)
        targets = [target for _, target in development_sentences(dev)]
        judge = choose_judge(training.watch, targets, language_model=language_model)
    logger.info(str(judge))

    news = News()
    spent = tf.Variable(0.0, dtype=tf.float64, trainable=False, name="spent")
    count = workers.count if workers else 1
    order = batch_order(config, corpus, count)
    near = [batch_order(config, corpus, other) for other in range(1, MAX_WORKERS + 1) if other != count]
    checkpoint = Checkpoint(
        folder / STATE, model, Fingerprints.of(corpus, dev), order=order, others=[spent], near_orders=near
    )
    position = tf.Variable(checkpoint.load() if resume and chief else (0, 0), dtype=tf.int64, trainable=False)
    since = checkpoint.since
    if workers:
        workers.assign_from_chief([position, *checkpoint.variables()])
        epochs, steps_done = workers.from_chief([np.int64(number) for number in since])
        since = (int(epochs), int(steps_done))
    # With another size of batches than the run began with it has other steps than all its epochs would now have.
    steps = expected_steps(config, parts.batches, since)
    schedule.span(training.warmup_steps, steps)
    limits = RunLimits(training, schedule, steps, news, spent)
    limits.set_model(model)
    done = int(position[0])
    if not chief:
        assert workers is not None
        more = [SampleMore(training.scheduled_sampling, training.epochs)] if training.scheduled_sampling else []
        with explain_failed_steps(corpus, dev):
            _fit(parts, callbacks=[news, *more, limits], checkpoint=None, workers=workers, position=position)
        workers.assign_from_chief(kept.variables)
        workers.any(False)  # the chief may still be choosing the search
        return translator
    reads = source_scripts(corpus) if isinstance(translator, Translator) else []
    journal = Journal(folder / JOURNAL, done, judge.watch, judge.tokenizer, reads)
    keep = Keep(
        parts.scored,
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
        _settle(folder, config)
    else:

        def fill(aside: Path) -> None:
            write_settings(aside, config, tokenizers, parts.labels)
            checkpoint.save(0, 0, aside / STATE)  # a run that fails at once can be resumed, with other settings

        make(folder, fill)
        made()
    had = {name for name in (HEAD, CONFIDENCE) if (folder / name).exists()}
    # Both cores are seldom busy while TensorFlow traces its graphs, so the pairs are linked meanwhile. A head that is
    # there is mostly kept, which needs no links.
    teaching = isinstance(kept, Seq2Seq) and wanted(config) and HEAD not in had
    with linked_meanwhile(corpus, tokenizers, config) if teaching else contextlib.nullcontext() as linked:
        try:
            with explain_failed_steps(corpus, dev):
                _fit(parts, callbacks=callbacks, checkpoint=checkpoint, workers=workers, position=position)
        except Stopped as stopped:
            there = [name for name in had if (folder / name).exists()]
            undone = left_undone(config, len(development_sentences(dev)), there)
            raise Stopped(f"{stopped}{undone}") from None
        finally:
            if gone := sorted(name for name in had if not (folder / name).exists()):
                logger.info(
                    f"Better weights were found, so {' and '.join(gone)} of {folder}, which fitted those of before, "
                    f"{'is' if len(gone) == 1 else 'are'} gone. What the settings ask for is made anew at the end of "
                    "the run."
                )
        load_weights(kept, folder / WEIGHTS)
        if workers:
            workers.assign_from_chief(kept.variables)
        if config.decoding.beam == "auto" and isinstance(translator, Translator | RowCaptioner):
            config = dataclasses.replace(config, decoding=choose_search(translator, development_sentences(dev)))
            _settle(folder, config)
            if isinstance(translator, Translator):
                translator = Translator(kept, tokenizers, config)
        if isinstance(translator, RowCaptioner):
            translator = Captioner(kept, tokenizers, config)
        if isinstance(translator, Translator):
            translator = _with_head(translator, corpus, folder, linked)
    if isinstance(translator, Translator):
        translator = _with_confidence(translator, development_sentences(dev), folder)
    if not parts.labels and (warning := learned_little(journal.records, judge.watch, tokenizers.target.vocabulary)):
        logger.warning(warning)
    if workers:
        workers.any(False)
    return translator


def _settle(folder: Path, config: Config) -> None:
    """Write the config of a run into its folder, and remove a confidence that was learned by another search."""
    path = folder / CONFIDENCE
    before = read_config(folder).decoding if path.exists() else config.decoding
    # No translation depends on how many are made at once.
    if dataclasses.replace(before, batch_size=config.decoding.batch_size) != config.decoding:
        logger.info(
            f"{path} is removed: it was learned with another [decoding]. If the settings ask for one, it is learned "
            f"anew at the end of the run; `nmt evaluate {as_typed(folder)} --calibrate` learns one at any time."
        )
        # First, so that a stop in between leaves none that does not fit.
        path.unlink()
    replace_config(folder, config)


def left_undone(config: Config, pairs: int, there: Collection[str] = ()) -> str:
    """Return a sentence, with a space before it, that says what a stopped run has still to do at its end; or nothing.

    Arguments:
        config: the whole configuration.
        pairs: the number of development pairs that are translated.
        there: the files of the model's folder that stay unless better weights are found.

    >>> left_undone(with_settings(Config(), ["decoding.beam=auto", "training.confidence=on"]), pairs=100)
    ' Still to do after the last epoch: choose the search, which is greedy until then; learn a confidence.'
    """
    choosing, teaching = config.decoding.beam == "auto", wanted(config) and HEAD not in there
    # One of before belongs to the search and the head of before.
    learning = _learns_confidence(config, pairs) and (choosing or teaching or CONFIDENCE not in there)
    steps = {
        "choose the search, which is greedy until then": choosing,
        "teach an alignment head": teaching,
        "learn a confidence": learning,
    }
    undone = "; ".join(step for step, due in steps.items() if due)
    return f" Still to do after the last epoch: {undone}." if undone else ""


def _learns_confidence(config: Config, pairs: int) -> bool:
    """Return whether a run of a translator ends with the learning of a confidence; ``pairs``: those for development."""
    if config.model.source != "text" or config.model.architecture in (*ENCODER_ALONE, "language-model"):
        return False
    wish = config.training.confidence
    return wish == "on" or (wish == "auto" and not config.decoding.sample and pairs >= MIN_PAIRS)


def _with_head(
    translator: Translator, corpus: Corpus, folder: Path, linked: Callable[[], list[Triple]] | None
) -> Translator:
    """Return a translator with the alignment head of its folder, or one that is taught and written into it.

    Arguments:
        translator: without a head.
        corpus: the training pairs.
        folder: of the translator. Its head is kept if it fits the weights, also if a user has chosen another one.
        linked: from :func:`~nmt.training.teach_alignment.linked_meanwhile`; without it the pairs are linked here if a
            head is taught.
    """
    assert isinstance(translator.model, Seq2Seq)
    model, tokenizers, config = translator.model, translator.tokenizers, translator.config
    teaching, command = wanted(config), f"nmt align --teach {as_typed(folder)} --pairs F"
    if kept := _fitting(folder / HEAD, lambda: read_head(folder, model), again=teaching, command=command):
        if teaching:
            logger.info(f"{folder / HEAD} fits the weights and is kept; `{command}` teaches another alignment head.")
        return Translator(model, tokenizers, config, heads=[kept])
    if not teaching:
        return translator
    try:
        head = teach(model, tokenizers, config, corpus, linked=linked)
    except (InputError, WorkFailed) as error:
        if config.training.alignment_head == "on":
            raise
        logger.warning(f"Warning: no alignment head was taught, so alignments are the decoder's attention. {error}")
        return translator
    write_head(folder, head)
    return Translator(model, tokenizers, config, heads=[head])


def _fitting(path: Path, read: Callable[[], Any], again: bool, command: str) -> Any:
    """Return what a file of a model's folder holds, or nothing. A file that does not fit the model is removed.

    With it the folder could not be opened. At the end of a run that is no reason to fail.

    Arguments:
        path: of the file.
        read: reads it, and raises an InputError if it does not fit.
        again: whether the run makes another one.
        command: makes another one at any time.
    """
    try:
        return read()
    except InputError:
        path.unlink()
        then = "another one is made" if again else f"`{command}` makes another one"
        logger.warning(
            f"Warning: {path} is damaged, or was made with other weights or another alignment head than those beside "
            f"it. It is removed; {then}."
        )
        return None


def _with_confidence(translator: Translator, pairs: list[tuple[str, str]], folder: Path) -> Translator:
    """Return a translator that knows how likely it is right, by the folder's confidence or one that is learned.

    Arguments:
        translator: without a confidence.
        pairs: for development.
        folder: of the translator, into which a new confidence is written. That of the folder is kept if it fits.
    """
    config = translator.config
    learning = _learns_confidence(config, len(pairs))
    command = f"nmt evaluate {as_typed(folder)} --calibrate"
    kept = _fitting(folder / CONFIDENCE, lambda: read_confidence(folder), again=learning, command=command)
    if kept:
        return Translator(translator.model, translator.tokenizers, config, heads=translator.heads, confidence=kept)
    if not learning:
        return translator
    try:
        # A shortlist is made of a trained model, so a run has none yet.
        confidence, held = calibrate(translator, pairs, shortlist=False)
    except InputError as error:
        if config.training.confidence == "on":
            raise
        logger.warning(f"Warning: translations will have no confidence. {error}")
        return translator
    for line in reliability_lines(held):
        logger.info(line)
    write_confidence(folder, confidence)
    return Translator(translator.model, translator.tokenizers, config, heads=translator.heads, confidence=confidence)


def _fit(
    parts: RunParts,
    callbacks: list[keras.callbacks.Callback],
    checkpoint: Checkpoint | None,
    workers: Workers | None,
    position: tf.Variable,
) -> None:
    """Fit the model, alone or with the other workers; without a checkpoint nothing is saved here.

    Raises:
        Stopped: if the run was asked to stop.
    """
    training = parts.config.training
    with stop_signal() as asked:
        # On several workers a step that one was asked to stop after is the last of all.
        stop = asked if workers is None else threading.Event()
        together = None
        if workers:
            together = WorkerSteps(
                workers, parts.model, parts.schedule, parts.pipeline, asked=asked, stop=stop,
                clocked=training.minutes > 0,
            )  # fmt: skip
        saving = SaveCheckpoint(checkpoint, position, training.save_minutes, stop) if checkpoint else None
        fit_model(
            parts.model,
            parts.config,
            parts.pipeline,
            callbacks=callbacks + ([saving] if saving else []),
            position=position,
            together=together,
        )
        if workers:
            workers.any(False)  # the chief may still be scoring the last epoch
    # No batch follows the last epoch, so who asked while it was scored is heard here.
    if workers.any(asked.is_set()) if workers else asked.is_set():
        raise Stopped("Stopped at the end of the last epoch.")


def run_callbacks(
    config: Config,
    folder: Path,
    translator: Trained,
    dev: Corpus,
    *,
    keep: Keep,
    journal: Journal,
    schedule: WarmUp,
    limits: RunLimits,
    news: News,
) -> list[keras.callbacks.Callback]:
    """Return the callbacks of a run in their order; only the saving of the checkpoint comes after them.

    Arguments:
        config: the whole configuration.
        folder: of the run, into which the best weights and the logs are written.
        translator: what is scored after each epoch, with the network that ``keep`` has.
        dev: the development pairs, see :func:`~nmt.training.inputs.development_sentences`.
        keep: what puts the weights that are scored, perhaps averaged ones, into that network.
        journal: the records of the epochs, with the score that decides.
        schedule: the schedule of the learning rate, which a plateau lowers.
        limits: what ends the run after steps or minutes.
        news: where lines wait until the next epoch begins.
    """
    training, tokenizers, kept = config.training, translator.tokenizers, keep.kept.network
    train_events, dev_events = (EventFile(folder / LOGS / run, done=len(journal.records)) for run in (TRAIN, DEV))
    pairs = development_sentences(dev)
    scores: list[keras.callbacks.Callback] = []
    examples: list[keras.callbacks.Callback]
    if isinstance(translator, Labeller):
        labelled = [pair for pair in pairs if pair[0].strip()]
        scores, examples = [DevLabels(translator, labelled, news)], []
    elif isinstance(translator, Pretrained):
        examples = []
    elif isinstance(translator, Completer):
        lines = [line for _, line in pairs]
        scores, examples = [DevText(translator, lines, news)], [Completions(dev_events, translator, lines)]
    else:
        assert isinstance(translator, Translator | RowCaptioner)
        scores, examples = (
            [DevScores(translator, pairs, news, journal.watch)],
            [Translations(dev_events, translator, pairs)],
        )
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
            *scores,
            Cost("labels/s" if isinstance(translator, Labeller | Pretrained) else "tokens/s"),
            journal,
            EpochLine(journal, training.epochs),
            KeepBest(folder, kept, journal),
            *changes,
            EarlyStopping(journal, training.early_stopping, news),
            Curves(train_events, dev_events, journal),
            *examples,
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
    position: tf.Variable,
    together: WorkerSteps | None = None,
) -> None:
    """Fit the model from a position to the end of the run, unless the run has ended already.

    Arguments:
        model, config, pipeline: of the run.
        callbacks: of the run, that which saves the checkpoint last.
        position: the epochs done, and the batches of the next.
        together: the steps with the other workers, instead of ``model.fit``.
    """
    training = config.training
    done = int(position[0])
    ends = [c for c in callbacks if isinstance(c, EarlyStopping | RunLimits)]

    def finished() -> list[str]:
        found = [end.key for end in ends if end.finished()]
        if together is None:
            return found
        # The chief has the journal and the clock that decide.
        (ends_all,) = together.workers.from_chief([np.bool_(bool(found))])
        return (found or ["a limit of the chief"]) if ends_all else []

    def begun() -> bool:
        # Batches of this epoch are done, but not what belongs to its end.
        return int(position[0]) == done and int(position[1]) > 0

    if done >= training.epochs or (finished() and not begun()):
        key = [*finished(), "training.epochs"][0]
        logger.info(f"The run is at its end after {done} epochs. Raise {key} to continue it.")
        return
    # One Dataset for all epochs: each time it is read it begins where `position` says.
    batches = tf.data.Dataset.from_tensors(0).flat_map(as_written(lambda _: pipeline.epoch(position[0], position[1])))
    # Where standard error is no terminal, EpochLine says each epoch in a line.
    chief = together is None or together.workers.is_chief
    verbose = 1 if sys.stderr.isatty() and chief else 0
    watch = next((each.watch for each in callbacks if isinstance(each, Journal)), None)

    def called(callbacks: list[keras.callbacks.Callback]) -> keras.callbacks.CallbackList:
        # As `fit` makes it, but with the epochs of the whole run.
        bar = [ProgressBar(watch)] if chief else []
        return keras.callbacks.CallbackList(
            [*in_order(callbacks), *bar], add_history=True, model=model, epochs=training.epochs, steps=None,
            verbose=verbose,
        )  # fmt: skip

    whole = called(callbacks)
    with contextlib.redirect_stdout(LastingStream(sys.stderr)), uncounted_batches():
        # Each epoch on its own: Keras ends an epoch after as many batches as the first had, and the rest of an epoch
        # that is resumed has fewer, and one whose pieces are drawn may have more.
        while done < training.epochs and (begun() or not finished()):
            first = int(position[1]) if begun() else 0
            listed = called([RestoreMetrics(), *callbacks]) if first else whole
            # A run that was stopped after its very last step has an epoch to score, and no batch left.
            whole_epoch = not finished()
            if together:
                together.epoch(listed, done, first, whole_epoch)
            else:
                model.fit(
                    prefetched(batches if whole_epoch else batches.take(0)),
                    shuffle=False,
                    verbose=verbose,
                    initial_epoch=done,
                    epochs=done + 1,
                    callbacks=listed,
                )
            done += 1


@contextlib.contextmanager
def stop_signal() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C, a request to terminate or a closed terminal sets, so that a run can end cleanly.

    A second Ctrl-C ends it at once. Outside the main thread there are no signals, and the event is never set.
    """
    stop = threading.Event()

    def ask(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        logger.info("Stopping after this batch. A second Ctrl-C stops at once.")

    with stop_signals(ask):
        yield stop
