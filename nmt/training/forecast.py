"""The time and memory that a training will need on this machine, from fifty timed steps and a pass over the dev set."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nmt.config import Config, Training, max_ratio
from nmt.data.corpora import Corpus
from nmt.data.tokenizers import Tokenizers
from nmt.evaluation.scores import score
from nmt.inference.completer import Completer
from nmt.inference.translator import Translator
from nmt.models.language_model import LanguageModel
from nmt.training.inputs import development_sentences, run_parts, uncounted_batches
from nmt.training.memory import machine_mb, peak_mb
from nmt.training.training_model import TrainingModel

logger = logging.getLogger(__name__)

STEPS = 50
# Batches of development sentences that are translated.
_TRANSLATED = 4


@dataclass(frozen=True)
class Forecast:
    """The time and memory of a training.

    Attributes:
        parameters: the number of parameters of the model.
        vocabularies: the numbers of source and target pieces.
        batches: the number of batches in an epoch.
        epochs: their maximum, a fraction where ``training.steps`` or ``training.minutes`` ends the run.
        starting_seconds: the time of what is done once: the vocabulary, the models, the tracing of graphs.
        step_seconds: the time of an epoch's steps, the filling of the shuffle buffer included.
        scoring_seconds: the time for the development set after each epoch.
        memory_mb: the peak of the process, in megabytes of a million bytes.
        machine_mb: the memory of the machine, in the same unit.

    ``str`` returns it as text.
    """

    parameters: int
    vocabularies: tuple[int, int]
    batches: int
    epochs: float
    starting_seconds: float
    step_seconds: float
    scoring_seconds: float
    memory_mb: float
    machine_mb: float

    @property
    def epoch_seconds(self) -> float:
        """The seconds of an epoch in all."""
        return self.step_seconds + self.scoring_seconds

    @property
    def seconds(self) -> float:
        """The seconds of the whole training."""
        # An epoch that is cut short is scored like any other.
        scoring = math.ceil(self.epochs) * self.scoring_seconds
        return self.starting_seconds + self.epochs * self.step_seconds + scoring

    def __str__(self) -> str:
        source, target = self.vocabularies
        pieces = f"{source:,}" if source == target else f"{source:,} and {target:,}"
        epochs = "one epoch" if self.epochs == 1 else f"{_epochs(self.epochs)} at most"
        lines = [
            f"{self.parameters:,} parameters, a vocabulary of {pieces} pieces, {self.batches:,} batches per epoch.",
            f"Time: {duration(self.seconds)} for {epochs}. It is {duration(self.epoch_seconds)} per epoch, "
            f"{duration(self.scoring_seconds)} of them for the development set, and {duration(self.starting_seconds)} "
            "to start.",
            f"Memory: {self.memory_mb:,.0f} MB at the peak, of the {self.machine_mb:,.0f} MB of this machine.",
        ]
        if self.memory_mb > self.machine_mb:
            lines.append("That is too much: lower training.batch_size, data.max_length, data.shuffle_buffer or units.")
        return "\n".join([*lines, "This holds while the machine is as busy as when it was measured."])


def _epochs(number: float) -> str:
    """Return a number of epochs as text, as a part of one if it is less.

    >>> _epochs(2.43), _epochs(0.98), _epochs(0.034)
    ('2.4 epochs', '1 epoch', '3.4% of an epoch')
    """
    rounded = round(number, 1)
    if rounded < 1:
        return f"{100 * number:.2g}% of an epoch"
    return f"{rounded:,g} epochs" if rounded > 1 else "1 epoch"


@uncounted_batches()
def forecast(config: Config, corpus: Corpus, dev: Corpus) -> Forecast:
    """Begin a training, time a part of it, and multiply. Nothing is written.

    The time of an epoch is the mean of its first 50 steps, multiplied by its batches, plus a pass over the development
    set. Memory is the peak of this process, so it is too high if the process has done something larger before. The
    import of TensorFlow, some seconds, is not included.

    Raises:
        InputError: for what the training itself would refuse.
    """
    began = time.monotonic()
    parts = run_parts(config, corpus, dev)
    tokenizers, model, batches = parts.tokenizers, parts.model, parts.batches
    logger.info(f"{model.count_params():,} parameters. Timing {STEPS} steps.")
    epoch = parts.pipeline.epoch(0)
    next(iter(epoch))  # traces it
    starting = time.monotonic() - began
    filling = _seconds(lambda: next(iter(epoch)))
    tracing, step = time_steps(model, epoch)
    logger.info("Timing the development set.")
    search_tracing, scoring = time_scoring(
        parts.config, parts.scored, tokenizers, dev=dev, development=parts.development
    )
    # A checkpoint being saved holds a copy of all this.
    held = [keras.ops.convert_to_numpy(variable) for variable in (*model.variables, *model.optimizer.variables)]
    logger.info(f"Measured; a checkpoint has {sum(array.nbytes for array in held) / 1e6:,.0f} MB.")
    return Forecast(
        parameters=model.count_params(),
        vocabularies=(tokenizers.source.vocabulary, tokenizers.target.vocabulary),
        batches=batches,
        epochs=expected_batches(config.training, batches, batches * step) / batches,
        starting_seconds=starting + max(0.0, tracing - filling) + search_tracing,
        step_seconds=filling + batches * step,
        scoring_seconds=scoring,
        memory_mb=peak_mb(),
        machine_mb=machine_mb(),
    )


def expected_batches(training: Training, batches: int, seconds: float) -> float:
    """Return the number of batches in a run, which the first limit ends.

    Arguments:
        training: the config's section.
        batches: in an epoch.
        seconds: of the steps of an epoch.

    >>> expected_batches(Training(epochs=3, steps=25, accumulate=2), batches=20, seconds=12.0)
    50
    """
    limits: list[float] = [training.epochs * batches]
    if training.steps:
        limits.append(training.steps * training.accumulate)
    if training.minutes:
        limits.append(60 * training.minutes / seconds * batches)
    return min(limits)


class _Clock(keras.callbacks.Callback):
    """Note when each step ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = [time.monotonic()]

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        float(logs["loss"])  # waits for the step, as the run does
        self.ends.append(time.monotonic())


def time_steps(model: keras.Model, epoch: tf.data.Dataset) -> tuple[float, float]:
    """Return the seconds of the first step, which traces the graph, and the mean of the 50 after it."""
    # A corpus with fewer batches is read repeatedly.
    batches = epoch.take(STEPS + 1).cache().repeat().take(STEPS + 1)
    clock = _Clock()
    model.fit(batches, callbacks=[clock], verbose=0, shuffle=False)
    first, *others = np.diff(clock.ends).tolist()
    return first, float(np.mean(others))


def time_scoring(
    config: Config, scored: TrainingModel, tokenizers: Tokenizers, *, dev: Corpus, development: tf.data.Dataset
) -> tuple[float, float]:
    """Return the seconds of tracing, and of a pass over the development set: its loss and its translations.

    Four batches of it are translated, and their time is scaled up to the number of pieces in the references.

    Arguments:
        config, tokenizers: of the run.
        scored: the model, compiled as in the run.
        dev: the development pairs.
        development: their batches.
    """
    tracing = _seconds(lambda: scored.evaluate(development.take(1), verbose=0))
    losing = _seconds(lambda: scored.evaluate(development, verbose=0))
    pairs, kept = development_sentences(dev), scored.network
    if isinstance(kept, LanguageModel):
        completer = Completer(kept, tokenizers, config)
        tracing += _seconds(lambda: completer.complete([pairs[0][1]]))
        return tracing, losing + _seconds(lambda: completer.complete([pairs[0][1]]))
    translator, decoding = Translator(kept, tokenizers, config), config.decoding
    # A model that has learned little may write EOS at once.
    least = max(decoding.min_ratio, min(1.0, max_ratio(decoding)))
    written: list[int] = []

    def translate(sources: list[str]) -> None:
        found = translator.translate(sources, beam=1, n_best=1, sample=False, shortlist=False, min_ratio=least)
        written.append(sum(len(translation.tokens) + 1 for translation in found))

    sources, references = [source for source, _ in pairs], [target for _, target in pairs]
    tracing += _seconds(lambda: translate(sources[:1]))
    searching = _seconds(lambda: translate(sources[:: -(-len(pairs) // (_TRANSLATED * decoding.batch_size))]))
    lengths = tokenizers.target.encode(tf.constant(references)).row_lengths() + 1
    pieces = int(tf.reduce_sum(tf.minimum(lengths, decoding.max_length)))
    judging = _seconds(lambda: score(references, references))
    return tracing, losing + searching * pieces / written[-1] + judging


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def duration(seconds: float) -> str:
    """Return seconds as text in a suitable unit.

    >>> duration(7.34), duration(134), duration(4000), duration(200_000)
    ('7.3 seconds', '2.2 minutes', '67 minutes', '56 hours')
    """
    length, name = (3600, "hours") if seconds >= 7200 else (60, "minutes") if seconds >= 120 else (1, "seconds")
    number = seconds / length
    return f"{number:.1f} {name}" if number < 10 else f"{number:,.0f} {name}"
