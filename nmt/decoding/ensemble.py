"""Several models that are searched as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from nmt.decoding.search import recorder


class Ensemble:
    """Models with one vocabulary, searched as one: the probability of the next token is the mean of theirs::

        log p(y) = log (1 / n) sum_k p_k(y)

    It has the methods of a model that search and scoring need. Its logits are log-probabilities; its alignment is the
    mean over the models that have an alignment head or, without any, over those that have an attention.

    Arguments:
        models: each with ``encode``, ``initial_state``, ``step``, ``score_pairs`` and ``aligned``; see also
            :class:`~nmt.decoding.search.Recorder`.

    Raises:
        ValueError: if there is none.
    """

    def __init__(self, models: Sequence[Any]) -> None:
        if not models:
            raise ValueError("An ensemble needs at least one model.")
        self.models = tuple(models)

    @property
    def aligned(self) -> bool:
        """Whether its steps have an alignment: whether those of any of its models have one."""
        return any(model.aligned for model in self.models)

    @property
    def record_width(self) -> int:
        """The width of what a search records of each step, 0 if no model has an alignment head."""
        return sum(recorder(model).width for model in self.models)

    def encode(self, source: tf.Tensor) -> tuple:
        """Return the memory of each model for source ids ``(batch, source)``."""
        return tuple(model.encode(source) for model in self.models)

    def stepped(self, memory: tuple) -> tuple:
        """Return the part of each memory that steps read."""
        return tuple(recorder(model).stepped(part) for model, part in zip(self.models, memory, strict=True))

    def record(self, state: tuple) -> tf.Tensor:
        """Return what a search records of a step, ``(batch, record_width)``: that of every model with a head."""
        parts = zip(self.models, state, strict=True)
        return tf.concat([model.record(part) for model, part in parts if recorder(model).width], -1)

    def link(self, records: tf.Tensor, tokens: tf.Tensor, memory: tuple) -> tf.Tensor:
        """Return the alignment ``(batch, n_best, target, source)``, the mean of those of the heads.

        Arguments:
            records: ``(batch, n_best, target, record_width)``, of :meth:`record`.
            tokens: ``(batch, n_best, target)``.
            memory: that of each model.
        """
        headed = [(model, part) for model, part in zip(self.models, memory, strict=True) if recorder(model).width]
        parts = tf.split(records, [model.record_width for model, _ in headed], -1)
        links = [model.link(record, tokens, part) for (model, part), record in zip(headed, parts, strict=True)]
        return tf.add_n(links) / len(links)

    def initial_state(self, memory: tuple, max_steps: int | tf.Tensor | None = None) -> tuple:
        """Return the initial state of each model, for at most ``max_steps`` steps."""
        return tuple(model.initial_state(part, max_steps) for model, part in zip(self.models, memory, strict=True))

    def step(self, tokens: tf.Tensor, state: tuple, memory: tuple) -> tuple[tf.Tensor, tuple, tf.Tensor]:
        """Take one step: log-probabilities ``(batch, vocabulary)``, the states, the alignment ``(batch, source)``.

        Arguments:
            tokens: ``(batch,)``, those written last.
            state, memory: that of each model.
        """
        parts = zip(self.models, state, memory, strict=True)
        logits, states, alignments = zip(*(model.step(tokens, *part) for model, *part in parts), strict=True)
        return self._mean(logits), tuple(states), self._mean_alignment(alignments)

    def teacher_forcing(self, source: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Read a given target ``(batch, target)``, which begins with BOS.

        Returns:
            Log-probabilities ``(batch, target, vocabulary)`` and the alignment ``(batch, target, source)``.
        """
        logits, alignments = zip(*(model.teacher_forcing(source, target) for model in self.models), strict=True)
        return self._mean(logits), self._mean_alignment(alignments)

    def score_pairs(self, source: tf.Tensor, read: tf.Tensor, written: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Read given translations as :meth:`teacher_forcing` does; an alignment head also reads what is written."""
        found = [model.score_pairs(source, read, written) for model in self.models]
        logits, alignments = zip(*found, strict=True)
        if not self.record_width:
            return self._mean(logits), self._mean_alignment(alignments)
        headed = [each for each, model in zip(alignments, self.models, strict=True) if recorder(model).width]
        return self._mean(logits), tf.add_n(headed) / len(headed)

    def _mean(self, logits: Sequence[tf.Tensor]) -> tf.Tensor:
        stacked = tf.stack([tf.nn.log_softmax(tf.cast(each, tf.float32)) for each in logits])
        return tf.reduce_logsumexp(stacked, 0) - tf.math.log(float(len(logits)))

    def _mean_alignment(self, alignments: Sequence[tf.Tensor]) -> tf.Tensor:
        aligned = [each for each, model in zip(alignments, self.models, strict=True) if model.aligned]
        return tf.add_n(aligned) / len(aligned) if aligned else alignments[0]
