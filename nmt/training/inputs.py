"""What a run begins with: tokenizers, batches of the training and the development set, and the models."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nmt.config import (
    ENCODER_ALONE,
    LABELLING,
    MASKED,
    MAX_RATIO,
    Config,
    Text,
    check_decoding,
    max_ratio,
    settled,
    with_settings,
)
from nmt.data import tokenizers as texts
from nmt.data import vocabulary_growth
from nmt.data.alignment_targets import count_lost
from nmt.data.caption_pipeline import CaptionPipeline, caption_lengths
from nmt.data.corpora import Corpus
from nmt.data.features import corpus_features, with_shape
from nmt.data.label_pipeline import LabelPipeline, label_lengths
from nmt.data.labels import Labels, Reading, check_known, check_lines, learn_labels
from nmt.data.masked_tokens import MaskedPipeline
from nmt.data.mixing import mixed_rows, spread_pairs, spread_size
from nmt.data.pipeline import SAMPLE, Buckets, Pipeline, length_blocks, lengths, linked
from nmt.data.term_annotations import MARKS
from nmt.data.tokenizers import UNK, Tokenizers
from nmt.decoding.strategies import fitted_max_ratio
from nmt.errors import InputError
from nmt.evaluation.scripts import script_counts
from nmt.model_folder import read_config
from nmt.models.caption_model import CaptionModel
from nmt.saving import load, load_captions, load_labelling, load_pretrained, sizes
from nmt.training.batch_parts import batch_parts, share_cores_among
from nmt.training.checkpoint import fingerprint
from nmt.training.distribute import strategy
from nmt.training.finetune import begin_with
from nmt.training.prepare import prepare_run
from nmt.training.schedules import WarmUp
from nmt.training.setup import compiles, faster_precision, idle_plateau, make_models, slow_precision
from nmt.training.term_lexicon import with_annotations
from nmt.training.training_model import TrainingModel
from nmt.training.workers import Workers

logger = logging.getLogger(__name__)

# More sentences than these make an epoch longer and BLEU hardly more precise.
_DEV_SENTENCES = 2000
# Sources whose scripts are counted, and the least share of them that a script has which the model reads: a few lines of
# another language are in every corpus.
_SCRIPT_SAMPLE, _SCRIPT_SHARE = 4096, 0.02
# With a buffer below this, earlier versions read shorter stretches.
_ONCE_SHORT = 99_328


@dataclasses.dataclass(frozen=True)
class RunParts:
    """What a run begins with.

    Attributes:
        config: the configuration, with the limit of a translation's length fitted to the training pairs.
        tokenizers: of the source and the target.
        pipeline: the batches of the training set.
        batches: the number of batches in an epoch.
        development: the batches on which the loss is measured.
        model: the model that learns.
        kept: the network that is kept.
        scored: that network and its loss.
        schedule: the schedule of the learning rate.
        labels: of a classifier or a tagger.
    """

    config: Config
    tokenizers: Tokenizers
    pipeline: Pipeline
    batches: int
    development: tf.data.Dataset
    model: TrainingModel
    kept: Any
    scored: TrainingModel
    schedule: WarmUp
    labels: Labels | None = None


def run_parts(
    config: Config,
    corpus: Corpus,
    dev: Corpus,
    folder: Path | None = None,
    *,
    resume: bool = False,
    start: Path | None = None,
    grow: int = 0,
    workers: Workers | None = None,
) -> RunParts:
    """Check that a run may begin, set its random seed and return its parts. Nothing is written.

    Arguments:
        config, corpus, dev, resume, start, grow: see :func:`~nmt.training.fit.train_model`.
        folder: where the model goes, or None if it is not kept.
        workers: the machines that share the run. The chief alone checks the folder and learns the vocabulary.

    Raises:
        InputError: if the run may not begin.
    """
    others = workers is not None and not workers.is_chief
    config = with_shape(config, corpus, dev)
    prepare_run(config, None if others else folder, linked=corpus.links() is not None, resume=resume, start=start)
    share_cores_among(batch_parts(config.training, workers.count if workers else 1))
    strategy(config.training.devices)  # refuses more devices than there are
    if config.training.precision == "auto":
        if workers:
            config = with_settings(config, ["training.precision=float32"])
            logger.info(
                "training.precision = auto: several machines may have different processors, so this run computes in "
                "float32. Set it to bfloat16 if all of them have instructions for it."
            )
        else:
            logger.info(f"training.precision = auto: this run computes in {faster_precision()}.")
    if slow := slow_precision(config.training.precision):
        logger.warning(slow)
    for idle in idle_plateau(config.training):
        logger.warning(idle)
    keras.utils.set_random_seed(config.training.seed)
    labels = None
    if config.model.architecture in LABELLING:
        labels = run_labels(config, corpus, dev, resumed=folder if resume else None, start=start)
    started: Any = None
    if start and not resume:
        begun = read_config(start).model
        opened: Any = load_pretrained if begun.architecture == MASKED else load_labelling if labels else load
        started = (load_captions if begun.source == "features" else opened)(start)
    corpus = with_annotations(config, corpus)
    tokenizers = (
        None
        if others
        else run_tokenizers(
            config, corpus, resumed=folder if resume else None, started=started and started[1], grow=grow
        )
    )
    if workers:
        tokenizers = shared_tokenizers(workers, tokenizers, joint=config.text.joint)
    assert tokenizers is not None
    if started and config.data.term_annotations and not reads_marks(tokenizers):
        raise InputError(
            f"{start} has no pieces for the marks of annotations, so nothing can begin with it that learns from them: "
            "set data.term_annotations=0."
        )
    if config.model.architecture not in ENCODER_ALONE:
        check_decoding(config, tokenizers.target.vocabulary)
    config = settled(config, tokenizers.target.normalization)
    if not (resume or others) and (
        unwritable := unwritable_words(config, corpus, tokenizers, started=started is not None)
    ):
        logger.warning(unwritable)
    measured = sample_lengths(config, corpus, tokenizers)
    config = fit_max_ratio(config, measured, started=start is not None)
    pipeline, batches = make_pipeline(config, corpus=corpus, tokenizers=tokenizers, measured=measured, labels=labels)
    if workers:
        pipeline = workers_share(pipeline, corpus, workers)
    # A run that is resumed with other batches knows better once its checkpoint is read.
    steps = expected_steps(config, batches)
    development = development_batches(config, pipeline, dev)
    made = make_models(config, sizes(tokenizers, labels), steps, workers.strategy if workers else None)
    model, scored, schedule = made
    if isinstance(scored.network, CaptionModel):
        _standardize([model.network, scored.network], corpus, started[0] if started else None)
    if started:
        begin_with(model.network, tokenizers, started[0], started[1])
    return RunParts(
        config=config,
        tokenizers=tokenizers,
        pipeline=pipeline,
        batches=batches,
        development=development,
        model=model,
        kept=scored.network,
        scored=scored,
        schedule=schedule,
        labels=labels,
    )


def _standardize(networks: Sequence[CaptionModel], corpus: Corpus, started: CaptionModel | None) -> None:
    """Give networks the mean and the deviation of the training features, or those of the model that they begin with."""
    features = corpus_features(corpus)
    assert features
    mean, deviation = (
        (np.asarray(started.encoder.mean), np.asarray(started.encoder.deviation))
        if started
        else (features.mean, features.deviation)
    )
    for network in networks:
        network.encoder.standardize(mean, deviation)


def run_labels(
    config: Config, corpus: Corpus, dev: Corpus, *, resumed: Path | None = None, start: Path | None = None
) -> Labels:
    """Check labelled texts, and return the labels of a run: those of its texts, or of the model it begins with.

    Arguments:
        config: the whole configuration, of a classifier or a tagger.
        corpus, dev: the texts to train on and to measure with.
        resumed: the folder of the run to resume, which may know more labels than its texts have.
        start: the folder of a model to begin with.

    Raises:
        InputError: if a line is wrong, there is a single label, or a text has one that the training never saw.
    """
    reading = Reading.of(config)
    # All labels of a corpus are known, also those of texts that are held out, and errors name its lines.
    counted = check_lines(corpus.whole, reading)
    labels = learn_labels(counted, corpus.name)
    begun = resumed or start
    if begun and read_config(begun).model.architecture != MASKED:
        labels = Labels.load(begun)
        check_known(counted, labels, corpus.name)
    if dev.whole is not corpus.whole:
        check_lines(dev, reading, known=labels)
    what = f"{reading.token}s" if reading.tags else "texts"
    (common, most), *_ = counted.most_common(1)
    logger.info(
        f"{len(labels.names)} labels of {counted.total():,} {what}; {most / counted.total():.1%} are '{common}'."
    )
    return labels


def shared_tokenizers(workers: Workers, tokenizers: Tokenizers | None, joint: bool) -> Tokenizers:
    """Return the chief's tokenizers on every worker."""
    models = None
    if tokenizers is not None:
        models = [tokenizer.model for tokenizer in ((tokenizers.source,) if joint else _both(tokenizers))]
    found = [texts.Tokenizer(model) for model in workers.bytes_from_chief(models)]
    return Tokenizers(found[0], found[-1])


def _both(tokenizers: Tokenizers) -> tuple[texts.Tokenizer, texts.Tokenizer]:
    return tokenizers.source, tokenizers.target


def workers_share(pipeline: Pipeline, corpus: Corpus, workers: Workers) -> Pipeline:
    """Return the pipeline of one worker: its share of the corpus, of each batch, and of the buffer."""
    index, count, seed, buffer = workers.cluster.index, workers.count, pipeline.seed, pipeline.shuffle_buffer
    return dataclasses.replace(
        pipeline,
        pairs=lambda epoch: mixed_rows(corpus, seed=seed, epoch=epoch, worker=index, workers=count, buffer=buffer),
        batch_size=pipeline.batch_size // count,
        shuffle_buffer=max(1, buffer // count),
        worker=index,
    )


@contextlib.contextmanager
def uncounted_batches() -> Iterator[None]:
    """Ignore Keras's warning that its input ran out of data: the batches of an epoch are not counted beforehand."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        yield


def run_tokenizers(
    config: Config, corpus: Corpus, resumed: Path | None = None, started: Tokenizers | None = None, grow: int = 0
) -> Tokenizers:
    """Return the tokenizers of a run: loaded, taken from another model and perhaps grown, or trained on the corpus.

    Arguments:
        config: the whole configuration.
        corpus: the training pairs.
        resumed: the folder of the run to resume.
        started: the tokenizers of the model to begin with.
        grow: the maximum number of new pieces that are added to them.

    Raises:
        InputError: if the text allows no vocabulary of the size in the config.
    """
    if resumed:
        return Tokenizers.load(resumed, config.text.joint)
    if not started:
        return fit_tokenizers(config, corpus)
    if not grow:
        return started
    before = started.source.vocabulary + started.target.vocabulary
    # Evenly spread over the corpus, up to the number that tokenizers are trained on.
    pairs = list(islice(vocabulary_pairs(config, corpus), 0, None, -(-corpus.size // texts.SENTENCES)))
    tokenizers = vocabulary_growth.grow(started, pairs, config.text.kind, grow)
    added = (tokenizers.source.vocabulary + tokenizers.target.vocabulary - before) // (2 if tokenizers.joint else 1)
    logger.info(f"{added:,} pieces were added to the vocabulary, which now has {_sizes(tokenizers)}.")
    return tokenizers


def vocabulary_pairs(config: Config, corpus: Corpus) -> Iterable[tuple[str, str]]:
    """Return the pairs of a corpus as a vocabulary learns from them: a side that the model does not spell is empty.

    These are the labels of a classifier or a tagger, and the numbers of rows of features.
    """
    if config.model.architecture in LABELLING:
        return ((text, "") for text, _ in corpus.pairs())
    if corpus_features(corpus):
        return (("", caption) for _, caption in corpus.pairs())
    return corpus.pairs()


def fit_tokenizers(config: Config, corpus: Corpus) -> Tokenizers:
    """Train the tokenizers on the distinct sentences of the corpus: on a uniform sample of them if they are many."""
    labelling, features = config.model.architecture in LABELLING, corpus_features(corpus)
    tokenizers = texts.train_tokenizers(
        vocabulary_pairs(config, corpus),
        kind=config.text.kind,
        vocabulary_size=config.text.vocabulary_size,
        joint=config.text.joint,
        normalization=config.text.normalization,
    )
    what = "texts" if labelling else "lines" if _plain(config) else "captions" if features else "pairs"
    if config.text.normalization == "auto" and tokenizers.target.normalization != "nfc":
        logger.info(
            f"text.normalization = {tokenizers.target.normalization}, because letters or digits come in two widths: "
            "wide ones are read and written as plain ones."
        )
    logger.info(
        f"{corpus.size:,} {what} from {corpus.name}; {config.text.kind} vocabulary of {_sizes(tokenizers)} pieces."
    )
    return tokenizers


def unwritable_words(config: Config, corpus: Corpus, tokenizers: Tokenizers, started: bool = False) -> str:
    """Return a warning if there are target words that the model can neither learn nor write, and nothing otherwise.

    Arguments:
        config, corpus, tokenizers: of the run.
        started: whether it begins with another model, whose vocabulary can grow.
    """
    if config.model.architecture in ENCODER_ALONE:
        return ""
    words, of = ("words", "lines") if _plain(config) else ("target words", "pairs")
    words, of = ("words", "captions") if corpus_features(corpus) else (words, of)
    targets = [target for _, target in spread_pairs(corpus, SAMPLE)]
    found = tokenizers.target.changed_words(targets)
    if not found:
        return ""
    (word, _), *_ = found.most_common(1)
    target, ways_out = tokenizers.target, []
    if started:
        changed = {word: number for word, number in found.items() if not target.keeps(word)}
        if any(map(target.lacks, found)):
            ways_out.append("--grow N adds up to N pieces for them to the vocabulary.")
        if changed:
            ways_out.append(
                f"{sum(changed.values()):,} of them, as {max(changed, key=changed.__getitem__)!r}, are changed by the "
                f"text.normalization = '{target.normalization}' of the model that this one begins with: only a new "
                "model with 'nfc' can learn those."
            )
    elif config.text.kind == Text.kind and config.text.normalization in ("auto", "nfc"):
        ways_out.append("`nmt data` finds control characters and those that a conversion lost.")
    else:
        ways_out.append(
            f"text.kind = 'unigram' knows every character of the training {of}, and text.normalization = 'nfc' keeps "
            "them."
        )
    return (
        f"Warning: {found.total():,} {words} of {_looked_at(corpus)}{of} hold characters that the vocabulary "
        f"lacks or changes, as {word!r}: {' '.join(['the model cannot write them.', *ways_out])}"
    )


def _looked_at(corpus: Corpus) -> str:
    """Return how many pairs a sample has, as words before "pairs"."""
    if corpus.size <= SAMPLE or not corpus.seekable:
        return f"the first {spread_size(corpus, SAMPLE):,} "
    return f"{spread_size(corpus, SAMPLE):,} evenly spread "


def reads_marks(tokenizers: Tokenizers) -> bool:
    """Return whether a source vocabulary has pieces for the marks of annotations."""
    return UNK not in tokenizers.source.ids(" ".join(MARKS))


def _plain(config: Config) -> bool:
    """Return whether the corpus is plain text, pairs with an empty source."""
    return config.model.architecture in ("language-model", MASKED)


def _sizes(tokenizers: Tokenizers) -> str:
    return f"{tokenizers.source.vocabulary:,}" + ("" if tokenizers.joint else f" and {tokenizers.target.vocabulary:,}")


def sample_lengths(config: Config, corpus: Corpus, tokenizers: Tokenizers) -> np.ndarray:
    """Return the lengths of a sample of the corpus, see :func:`~nmt.data.pipeline.lengths`."""
    if config.model.architecture in LABELLING:
        sample = spread_pairs(corpus, SAMPLE)
        blocks = label_lengths(sample, tokenizers.source, Reading.of(config), config.data.max_length)
        return np.concatenate([np.zeros([0, 2], np.int64), *blocks])
    if features := corpus_features(corpus):
        measured = caption_lengths(
            spread_pairs(corpus, SAMPLE), tokenizers.target, features.cells, config.data.max_length
        )
        return np.concatenate([np.zeros([0, 2], np.int64), *measured])
    sourceless = _plain(config)
    return lengths(spread_pairs(corpus, SAMPLE), tokenizers, config.data.max_length, sourceless)


def source_scripts(corpus: Corpus) -> list[str]:
    """Return the scripts that the sources of a corpus are written in, by a sample of them.

    >>> from nmt.data.corpora import from_pairs
    >>> source_scripts(from_pairs([("나는 GPU를 샀다", "I bought a GPU"), ("밥", "rice")]))
    ['Hangul']
    """
    counted = script_counts([source for source, _ in spread_pairs(corpus, _SCRIPT_SAMPLE)])
    return [script for script, count in counted.items() if count >= _SCRIPT_SHARE * sum(counted.values())]


def fit_max_ratio(config: Config, measured: np.ndarray, started: bool = False) -> Config:
    """Return the configuration with a ``decoding.max_ratio`` that fits the training pairs, if it is "auto".

    A message in the log counts the targets that are longer than ``decoding.max_length``, whatever the ratio is.

    Arguments:
        config: the whole configuration.
        measured: from :func:`sample_lengths`.
        started: whether the run begins with another model. Its limit is then in the config, and only rises.
    """
    decoding = config.decoding
    if config.model.architecture in (*ENCODER_ALONE, "language-model") or not len(measured):
        return config
    if over := int(np.count_nonzero(measured[:, 1] > decoding.max_length)):
        logger.info(
            f"{over:,} of {len(measured):,} targets that were measured are longer than decoding.max_length = "
            f"{decoding.max_length} pieces with their end: translations as long as these will be cut. Raise it."
        )
    if decoding.max_ratio != "auto" and not (started and max_ratio(decoding) >= MAX_RATIO):
        return config
    ratio = max(max_ratio(decoding), fitted_max_ratio(measured))
    if ratio > MAX_RATIO:
        logger.info(f"Targets are long beside their sources: decoding.max_ratio is {ratio:g}.")
    return dataclasses.replace(config, decoding=dataclasses.replace(decoding, max_ratio=ratio))


def make_pipeline(
    config: Config,
    corpus: Corpus,
    tokenizers: Tokenizers,
    measured: np.ndarray | None = None,
    labels: Labels | None = None,
) -> tuple[Pipeline, int]:
    """Choose the buckets from a sample of the corpus and log their padding.

    Arguments:
        config, corpus, tokenizers: of the run.
        measured: the lengths of the sample, if :func:`sample_lengths` has been called.
        labels: of a classifier or a tagger.

    Returns:
        The pipeline, and the number of batches in an epoch. It is counted from the lengths of the sample, because each
        bucket ends with a short batch, and estimated if the corpus is larger than the sample or has weights.

    Raises:
        InputError: if no pair passes the filter, or the weights let an epoch read none.
    """
    data, training = config.data, config.training
    sourceless = _plain(config)
    pairs, links = corpus.dataset(), corpus.link_dataset()
    if measured is None:
        measured = sample_lengths(config, corpus, tokenizers)
    if not len(measured):
        raise InputError(
            f"No pair of {corpus.name} is left: each has an empty side or more than data.max_length = "
            f"{data.max_length} pieces."
        )
    if not corpus.epoch_size:
        raise InputError(
            f"The weights let an epoch read less than one of the {corpus.size:,} pairs of {corpus.name}, so nothing "
            "would be learned. Raise a weight."
        )
    buckets = Buckets.fit(measured, data.buckets, data.max_length + 1)
    read = spread_size(corpus, SAMPLE)
    if left := read - len(measured):
        logger.info(
            f"{left:,} of {_looked_at(corpus)}pairs are left out: a side is empty or over {data.max_length} pieces."
        )
    if links is not None and (lost := count_lost(linked(pairs, links).take(read), tokenizers)):
        logger.info(
            f"{lost:,} of the first {read:,} pairs lose their links: their pieces form other words than their spaces, "
            "because SentencePiece changes some characters or does not know a word."
        )
    share = buckets.padding(measured)
    batches = buckets.batches(
        measured, len(measured) * corpus.epoch_size / read, training.batch_size, training.batch_unit
    )
    source, target = np.mean(measured, 0)
    features = corpus_features(corpus)
    pieces = (
        f"{features.cells:,} cells of {features.width:,} numbers and {target:.1f} pieces a caption"
        if features
        else f"{target:.1f} pieces a {'text' if labels else 'line'}"
        if sourceless or labels
        else f"{source:.1f} source and {target:.1f} target pieces a sentence"
    )
    drawn = [key for key, on in (("text.sampling", config.text.sampling), ("data.noise", data.noise)) if on]
    before = f", before {' and '.join(drawn)}" if drawn else ""
    logger.info(f"{pieces}; {share:.1%} of the batches is padding{before}.")
    make: Any = partial(LabelPipeline, labels=labels, reading=Reading.of(config)) if labels else Pipeline
    make = MaskedPipeline if config.model.architecture == MASKED else make
    make = partial(CaptionPipeline, features=features) if features else make
    pipeline = make(
        (lambda epoch: mixed_rows(corpus, training.seed, epoch, buffer=data.shuffle_buffer))
        if reads_mixed(config, corpus)
        else pairs
        if links is None
        else linked(pairs, links),
        tokenizers,
        buckets,
        max_length=data.max_length,
        batch_size=training.batch_size,
        batch_unit=training.batch_unit,
        shuffle_buffer=data.shuffle_buffer,
        seed=training.seed,
        sourceless=sourceless,
        sampling=config.text.sampling,
        noise=data.noise,
        full_batches=compiles(training),
    )
    return pipeline, batches


def reads_mixed(config: Config, corpus: Corpus) -> bool:
    """Return whether an epoch reads from many places: the shuffle buffer cannot hold the corpus, or it has weights."""
    return corpus.seekable and (corpus.size > config.data.shuffle_buffer or corpus.weighted)


def batch_order(config: Config, corpus: Corpus, workers: int = 1) -> int:
    """Return a checksum of what decides which pairs a batch of an epoch has, besides the corpus."""
    training = config.training
    known: tuple[object, ...] = (training.batch_size, training.batch_unit, training.seed)
    buffer = config.data.shuffle_buffer
    if config.text.sampling and config.text.kind == "unigram":
        # Earlier versions drew from the 64 likeliest.
        known = (*known, "all cuts of a word")
    if config.data.noise:
        known = (*known, "noise", config.data.noise)
    # Earlier versions read longer stretches, from fewer places.
    # They also read plain files like the compressed ones beside them.
    compressed = sum(count for _, count in corpus.compressed_rows())
    places = "many places" if compressed in (0, corpus.size) else "many places, more of plain files"
    if workers > 1:
        return fingerprint(*known, buffer, places, "workers", workers)
    if reads_mixed(config, corpus):
        return fingerprint(*known, "mixed", buffer, places)
    if not (corpus.seekable and corpus.size > SAMPLE):
        return fingerprint(*known)
    # Still earlier ones chose the buckets of a larger corpus from its first pairs. Nothing is "short" any more, but the
    # word is in the runs of the last version, whose batches of such a corpus are the same.
    return fingerprint(*known, "mixed", buffer, *(("short",) if buffer < _ONCE_SHORT else ()))


def expected_steps(config: Config, batches: int, since: tuple[int, int] = (0, 0)) -> int:
    """Return the steps of a whole run with this number of batches in an epoch.

    Arguments:
        config: the whole configuration.
        batches: of an epoch.
        since: the epochs and steps that were done when an epoch came to have so many.

    Raises:
        InputError: if there is none.
    """
    training = config.training
    epochs, done = since
    steps = done + max(0, training.epochs - epochs) * batches // training.accumulate
    if training.steps:
        steps = min(steps, training.steps)
    if not steps:
        raise InputError(
            f"training.accumulate = {training.accumulate} batches make a step, and the whole run has only "
            f"{training.epochs * batches}: nothing would be learned."
        )
    return steps


def development_batches(config: Config, pipeline: Pipeline, dev: Corpus) -> tf.data.Dataset:
    """Return the batches on which the loss is measured.

    Raises:
        InputError: if there is none.
    """
    features = corpus_features(dev)
    if features:
        blocks = caption_lengths(dev.pairs(), pipeline.tokenizers.target, features.cells, pipeline.max_length)
    elif isinstance(pipeline, LabelPipeline):
        blocks = label_lengths(dev.pairs(), pipeline.tokenizers.source, pipeline.reading, pipeline.max_length)
    else:
        blocks = length_blocks(dev.pairs(), pipeline.tokenizers, pipeline.max_length, pipeline.sourceless)
    if not any(map(len, blocks)):
        raise InputError(
            f"No development pair of {dev.name} is left: each has an empty side or more than data.max_length = "
            f"{config.data.max_length} pieces."
        )
    measuring: Any = {"pairs": dev.dataset(), **({"features": features} if features else {})}
    return dataclasses.replace(pipeline, **measuring).in_order()


def development_sentences(dev: Corpus) -> list[tuple[str, str]]:
    """Return the development pairs that are translated after each epoch: the first 2,000 with a target."""
    return list(islice((pair for pair in dev.pairs() if pair[1].strip()), _DEV_SENTENCES))
