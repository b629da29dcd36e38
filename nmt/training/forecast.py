"""How long a training will take on this machine, and how much memory it will need.

What :mod:`nmt.training.measuring` measured of a part of it is projected to the whole.

A step is taken to need ``a + b (source + target) + c batch (source + target)`` seconds, none of them negative: what
each step costs, what each place costs that is read or written after another, and what each word of each sentence costs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nmt.config import Config, Training
from nmt.data.corpora import Corpus
from nmt.training.measuring import Measured, Scoring, Shape, measure


@dataclass(frozen=True)
class Forecast:
    """What a training will take.

    Attributes:
        parameters: of the model.
        vocabularies: source and target pieces.
        batches: in an epoch.
        epochs: at most, a part of one where ``training.steps`` or ``training.minutes`` ends the run.
        starting_seconds: before the first step and for the tracing of graphs: once.
        step_seconds: of an epoch's steps, the filling of the shuffle buffer included.
        scoring_seconds: of the development set after each epoch.
        memory_mb: the peak of the process, in megabytes of a million bytes.
        machine_mb: the memory of the machine.

    Its ``str`` is for a person.
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
        epochs = "one epoch" if self.epochs == 1 else f"{round(self.epochs, 1):,g} epochs at most"
        lines = [
            f"{self.parameters:,} parameters, a vocabulary of {pieces} pieces, {self.batches:,} batches an epoch.",
            f"Time: {duration(self.seconds)} for {epochs}. It is {duration(self.epoch_seconds)} an epoch, "
            f"{duration(self.scoring_seconds)} of them for the development set, and {duration(self.starting_seconds)} "
            "to start.",
            f"Memory: {self.memory_mb:,.0f} MB at the peak, of {self.machine_mb:,.0f} MB that this machine has.",
        ]
        if self.memory_mb > self.machine_mb:
            lines.append("That is too much: lower training.batch_size, data.max_length, data.shuffle_buffer or units.")
        return "\n".join([*lines, "So it is while as much else runs on the machine as when this was measured."])


def forecast(
    config: Config, corpus: Corpus, dev: Corpus, say: Callable[[str], None] = print, seconds: float = 30.0
) -> Forecast:
    """Measure a part of a training, on this machine and as it is now, and say what the whole will take.

    Nothing is written. Memory is that of the process, so one that has done something large before has had its peak.
    Importing TensorFlow, some seconds, is not in it.

    Arguments:
        config: every choice.
        corpus, dev: the training and the development pairs.
        say: takes a line of news.
        seconds: for how long steps are tried. What is done before and after takes about as long again on a small model.

    Raises:
        InputError: for what the training itself would refuse.
    """
    return project(config, measure(config, corpus, dev, say, seconds))


def project(config: Config, measured: Measured) -> Forecast:
    """Say what the whole training takes from what was measured of a part."""
    # The batches of the sample, for those of the corpus.
    share = measured.batches / sum(measured.shapes.values())
    costs = step_costs(measured.timed)
    steps = share * sum(number * float(costs @ _terms(shape)) for shape, number in measured.shapes.items())
    held, filled = (min(config.data.shuffle_buffer, pairs) for pairs in (measured.pairs, measured.sampled))
    return Forecast(
        measured.parameters,
        measured.vocabularies,
        measured.batches,
        _batches(config.training, measured.batches, steps) / measured.batches,
        sum(measured.starting.values()),
        measured.filling * held / filled + steps,
        scoring_seconds(measured.scoring),
        measured.memory_mb + (held - filled) * measured.bytes_a_pair / 1e6,
        measured.machine_mb,
    )


def _batches(training: Training, batches: int, seconds: float) -> float:
    """Return the batches of a run with so many in an epoch, and so many seconds of steps in it."""
    limits: list[float] = [training.epochs * batches]
    if training.steps:
        limits.append(training.steps * training.accumulate)
    if training.minutes:
        limits.append(60 * training.minutes / seconds * batches)
    return min(limits)


def _terms(shape: Shape) -> np.ndarray:
    return np.array([1.0, shape.steps, shape.tokens])


def step_costs(timed: Sequence[tuple[Shape, float]]) -> np.ndarray:
    """Return the seconds of a step, of a word in turn, and of each word in a batch that fit best and are not negative.

    The least squares of all choices of the three that leave none of them negative.

    >>> two, four = Shape(10, 1, 1), Shape(10, 2, 2)
    >>> costs = step_costs([(two, 3.0), (four, 5.0)])
    >>> round(float(costs @ [1, 6, 60]), 6)
    7.0
    """
    seconds = np.array([second for _, second in timed])
    terms = np.array([_terms(shape) for shape, _ in timed])
    best, error = np.array([seconds.mean(), 0.0, 0.0]), float(np.sum((seconds - seconds.mean()) ** 2))
    for size in (1, 2, 3):
        for chosen in itertools.combinations(range(3), size):
            costs = np.zeros(3)
            # The terms are of very different sizes.
            scale = terms[:, chosen].max(0)
            costs[list(chosen)] = np.linalg.lstsq(terms[:, chosen] / scale, seconds)[0] / scale
            wrong = float(np.sum((terms @ costs - seconds) ** 2))
            # A choice of more terms must be better by more than the rounding.
            if costs.min() >= 0 and wrong < error * (1 - 1e-9):
                best, error = costs, wrong
    return best


def scoring_seconds(scoring: Scoring) -> float:
    """Return the seconds that the development set takes after an epoch."""
    searching = scoring.search_seconds / scoring.search_steps * scoring.steps
    return scoring.loss_seconds / scoring.loss_share + searching + scoring.judging_seconds


def duration(seconds: float) -> str:
    """Write seconds as people say them.

    >>> duration(7.34), duration(134), duration(4000), duration(200_000)
    ('7.3 seconds', '2.2 minutes', '67 minutes', '56 hours')
    """
    length, name = (3600, "hours") if seconds >= 7200 else (60, "minutes") if seconds >= 120 else (1, "seconds")
    number = seconds / length
    return f"{number:.1f} {name}" if number < 10 else f"{number:,.0f} {name}"
