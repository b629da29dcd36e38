"""What a training takes, measured on a part of it: the run itself, for some seconds, and nothing is written.

What :func:`nmt.training.fit.train_model` does is done with the same parts: the vocabulary is learned, the batches are
made, both models are built, steps are taken on the batches of the first epoch, the loss and translations of some
development sentences are computed. What of it is for the whole run is said in :mod:`nmt.training.forecast`.
"""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from nmt.config import Config
from nmt.data.corpora import Corpus
from nmt.data.pipeline import SAMPLE, Pipeline
from nmt.data.tokenizers import Tokenizers
from nmt.data.word_links import check_guided
from nmt.evaluation.scores import score
from nmt.inference.completer import Completer
from nmt.inference.parallel import split
from nmt.inference.translator import Translator
from nmt.models.language_model import LanguageModel
from nmt.models.seq2seq import Seq2Seq
from nmt.training.distribute import strategy
from nmt.training.fit import development_batches, expected_steps, fit_tokenizers, make_pipeline, scored
from nmt.training.memory import machine_mb, peak_mb
from nmt.training.setup import make_models

# Steps that are timed even if that takes longer: of fewer nothing is learned.
_FEWEST = 8
# Batches of the development set that are tried.
_LOSSES, _TRANSLATED = 32, 4
# Bytes that TensorFlow keeps for a string in a shuffle buffer besides the string itself, as was measured.
_HELD = 300


class Shape(NamedTuple):
    """The shape of a batch: sentences, and the columns of their source and target, padding included."""

    rows: int
    source: int
    target: int

    @property
    def steps(self) -> int:
        """Words that are read and written one after the other."""
        return self.source + self.target

    @property
    def tokens(self) -> int:
        """Words in all, padding included."""
        return self.rows * self.steps


@dataclass(frozen=True)
class Scoring:
    """What the development set takes after an epoch.

    Attributes:
        loss_seconds: of measuring the loss on some of its batches.
        loss_share: how much of the set those are.
        search_seconds, search_steps: of translating some of its sentences: each step writes a word of every sentence of
            a batch.
        steps: those steps for all that is translated, where each translation is as long as its reference.
        judging_seconds: of BLEU and chrF.
    """

    loss_seconds: float
    loss_share: float
    search_seconds: float
    search_steps: int
    steps: int
    judging_seconds: float = 0.0


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        parameters: of the model.
        vocabularies: source and target pieces.
        pairs: the pairs of the corpus.
        sampled: the first of them, from which ``shapes`` are and the shuffle buffer was filled.
        batches: in an epoch.
        shapes: how many batches of each shape the sample makes.
        timed: the shape of a batch and the seconds of its step, one after the other.
        starting: seconds of what is done once, by name.
        filling: seconds until the first batch of an epoch is there.
        scoring: of the development set.
        bytes_a_pair: what a pair holds in the shuffle buffer.
        memory_mb: the peak of the process.
        machine_mb: the memory of the machine.
    """

    parameters: int
    vocabularies: tuple[int, int]
    pairs: int
    sampled: int
    batches: int
    shapes: dict[Shape, int]
    timed: tuple[tuple[Shape, float], ...]
    starting: dict[str, float]
    filling: float
    scoring: Scoring
    bytes_a_pair: float
    memory_mb: float
    machine_mb: float


def measure(config: Config, corpus: Corpus, dev: Corpus, say: Callable[[str], None], seconds: float = 30.0) -> Measured:
    """Run a part of a training, and of its steps as many as fit into so many seconds, at most those of an epoch.

    Raises:
        InputError: for what the training itself would refuse.
    """
    check_guided(config, corpus.links() is not None)
    strategy(config.training.devices)  # refuses more of them than there are
    keras.utils.set_random_seed(config.training.seed)
    watch = _Watch()
    tokenizers = fit_tokenizers(config, corpus, say)
    watch.lap("vocabulary")
    pipeline, batches = make_pipeline(config, corpus, tokenizers, say)
    steps = expected_steps(config, batches)
    development = development_batches(config, pipeline, dev)
    watch.lap("batches")
    vocabularies = (tokenizers.source.vocabulary, tokenizers.target.vocabulary)
    model, kept, _ = make_models(config, vocabularies, steps)
    watch.lap("models")
    say(f"{model.count_params():,} parameters. Steps are tried for about {seconds:.0f} seconds.")
    part = dataclasses.replace(pipeline, pairs=pipeline.pairs.take(SAMPLE))
    shapes, largest, first_batch, filling = _shapes(part)
    # The rest of the epoch was read for its shapes alone.
    watch.laps["tracing the batches"] = max(0.0, first_batch - filling)
    with warnings.catch_warnings():
        # Batches are not counted beforehand, which Keras takes for a mistake.
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        (_, first), *timed = _steps(model, part, largest, seconds)
        watch.laps["tracing"] = max(0.0, first - filling)
        say("The development set is tried.")
        scoring = _scoring(config, kept, tokenizers, dev, development, watch)
    # Saving the state holds a copy of all this.
    held = [keras.ops.convert_to_numpy(variable) for variable in (*model.variables, *model.optimizer.variables)]
    say(f"Measured; a saved state has {sum(array.nbytes for array in held) / 1e6:,.0f} MB.")
    return Measured(
        model.count_params(),
        vocabularies,
        corpus.size,
        min(corpus.size, SAMPLE),
        batches,
        shapes,
        tuple(timed),
        watch.laps,
        filling,
        scoring,
        _bytes_a_pair(corpus),
        peak_mb(),
        machine_mb(),
    )


@dataclass
class _Watch:
    """Seconds from one lap to the next."""

    laps: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name] = now - self.began
        self.began = now


def _shape(batch: Any) -> Shape:
    inputs, output = batch
    rows, source = inputs["source"].shape
    return Shape(rows, source, output.shape[1])


def _shapes(pipeline: Pipeline) -> tuple[dict[Shape, int], Any, float, float]:
    """Return the shapes of an epoch's batches, the largest batch, and the seconds until the first is there.

    These are given twice: with the tracing of the functions of the dataset, and without it.
    """
    began = time.monotonic()
    epoch = pipeline.epoch(0)
    found: Counter[Shape] = Counter()
    largest: Any = None
    until_first = 0.0
    for batch in epoch.as_numpy_iterator():
        until_first = until_first or time.monotonic() - began
        found[_shape(batch)] += 1
        if largest is None or _shape(batch).tokens > _shape(largest).tokens:
            largest = batch
    # By now the functions of the dataset are traced, as they are from a run's second epoch on.
    began = time.monotonic()
    next(epoch.as_numpy_iterator())
    return dict(found), largest, until_first, time.monotonic() - began


class _Clock(keras.callbacks.Callback):
    """Note how long each step took, and end the epoch when the time is over."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.ends: list[float] = []

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.ends.append(time.monotonic())

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        float(logs["loss"])  # waits for the step, as the run does
        self.ends.append(time.monotonic())
        # The first step, which traces the graph, is not of the time that is given.
        if len(self.ends) > _FEWEST and self.ends[-1] - self.ends[1] > self.seconds:
            self.model.stop_training = True


def _steps(model: keras.Model, pipeline: Pipeline, largest: Any, seconds: float) -> list[tuple[Shape, float]]:
    """Return the shape and the seconds of the first steps of an epoch, and of one on the largest batch.

    The first of all traces the graph. The largest is for the memory that it needs.
    """
    seen: list[Shape] = []
    epoch = pipeline.epoch(0)

    def note(shape: tf.Tensor) -> None:
        seen.append(Shape(*shape.numpy().tolist()))

    def noted(inputs: dict[str, tf.Tensor], output: tf.Tensor) -> Any:
        # Text that is cut anew at each reading makes other batches each time, so those are noted that are read.
        shape = tf.concat([tf.shape(inputs["source"]), tf.shape(output)[1:]], 0)
        with tf.control_dependencies([tf.py_function(note, [shape], [])]):
            return tf.nest.map_structure(tf.identity, (inputs, output))

    clock, last = _Clock(seconds), _Clock(0)
    twice = tf.data.Dataset.from_generator(lambda: iter([largest] * 2), output_signature=epoch.element_spec)
    model.fit(epoch.map(noted), callbacks=[clock], verbose=0, shuffle=False)
    model.fit(twice, callbacks=[last], verbose=0, shuffle=False)
    # What was read ahead and not learned from is in `seen`, too.
    timed = list(zip(seen, np.diff(clock.ends).tolist(), strict=False))
    return [*timed, (_shape(largest), last.ends[2] - last.ends[1])]


def _scoring(
    config: Config,
    kept: Seq2Seq | LanguageModel,
    tokenizers: Tokenizers,
    dev: Corpus,
    development: tf.data.Dataset,
    watch: _Watch,
) -> Scoring:
    """Compute the loss of some development batches, and translate some of its sentences."""
    tokens = [_shape(batch).tokens for batch in development.as_numpy_iterator()]
    share = sum(tokens[:_LOSSES]) / sum(tokens)
    watch.began = time.monotonic()
    kept.evaluate(development.take(1), verbose=0)
    watch.lap("tracing the loss")
    kept.evaluate(development.take(_LOSSES), verbose=0)
    losing = time.monotonic() - watch.began
    pairs = scored(dev)
    if isinstance(kept, LanguageModel):
        completer = Completer(kept, tokenizers, config)
        watch.began = time.monotonic()
        completer.complete([pairs[0][1]])
        watch.lap("tracing the search")
        completer.complete([pairs[0][1]])
        return Scoring(losing, share, time.monotonic() - watch.began, 1, 1)
    translator = Translator(kept, tokenizers, config)
    ordered = sorted(pairs, key=lambda pair: len(pair[0]))
    groups = list(split(ordered, config.decoding.batch_size, translator.parallel_batches))
    chosen = [pair for i in _spread(len(groups)) for pair in groups[i]]
    watch.began = time.monotonic()
    _search(translator, chosen[:1])
    watch.lap("tracing the search")
    steps = _search(translator, chosen)
    searching = time.monotonic() - watch.began
    watch.began = time.monotonic()
    score([target for _, target in pairs], [target for _, target in pairs])
    judging = time.monotonic() - watch.began
    expected = sum(_longest([target for _, target in group], tokenizers, config) for group in groups)
    return Scoring(losing, share, searching, steps, expected, judging)


def _spread(count: int) -> list[int]:
    """Return a few numbers below ``count`` from all over, the last among them."""
    return sorted({round(i) for i in np.linspace(0, count - 1, _TRANSLATED)})


def _search(translator: Translator, pairs: list[tuple[str, str]]) -> int:
    """Translate and return how many steps it took: a batch goes on until its last sentence has ended."""
    decoding = translator.config.decoding
    # A model that has learned little may end at once.
    least = max(decoding.min_ratio, min(1.0, decoding.max_ratio))
    found = translator.translate([source for source, _ in pairs], beam=1, n_best=1, sample=False, min_ratio=least)
    lengths = [len(translation.tokens) + 1 for translation in found]
    return sum(max(group) for group in split(lengths, decoding.batch_size, translator.parallel_batches))


def _longest(targets: list[str], tokenizers: Tokenizers, config: Config) -> int:
    """Return the steps of a batch whose translations are as long as these."""
    pieces = tokenizers.target.encode(tf.constant(targets)).row_lengths()
    return min(int(tf.reduce_max(pieces)) + 1, config.decoding.max_length)


def _bytes_a_pair(corpus: Corpus) -> float:
    """Return what a pair takes in the shuffle buffer: its texts, and what TensorFlow keeps of each."""
    texts = [line for pair in islice(corpus.pairs(), 1000) for line in pair]
    if (links := corpus.links()) is not None:
        texts += islice(links, 1000)
    number = len(texts) / min(corpus.size, 1000)
    return sum(len(line.encode("utf-8", "replace")) for line in texts) / len(texts) * number + _HELD * number
