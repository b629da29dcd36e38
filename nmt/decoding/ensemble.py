"""Several models that are searched as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


class Ensemble:
    """Models with one vocabulary, searched as one: the probability of the next token is the mean of theirs::

        log p(y) = log (1 / n) sum_k p_k(y)

    It has the methods of a model that search and scoring need. Its logits are log-probabilities; its alignment is the
    mean over the models that have one.

    Arguments:
        models: each with ``encode``, ``initial_state``, ``step``, ``teacher_forcing`` and ``aligned``.

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

    def encode(self, source: tf.Tensor) -> tuple:
        """Return the memory of each model for source ids ``(batch, source)``."""
        return tuple(model.encode(source) for model in self.models)

    def initial_state(self, memory: tuple, max_steps: int | tf.Tensor | None = None) -> tuple:
        """Return the initial state of each model, for at most ``max_steps`` steps."""
        return tuple(model.initial_state(part, max_steps) for model, part in zip(self.models, memory, strict=True))

    def step(self, tokens: tf.Tensor, state: tuple, memory: tuple) -> tuple[tf.Tensor, tuple, tf.Tensor]:
        """Take one step: log-probabilities ``(batch, vocabulary)``, the states, the alignment ``(batch, source)``."""
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

    def _mean(self, logits: Sequence[tf.Tensor]) -> tf.Tensor:
        stacked = tf.stack([tf.nn.log_softmax(tf.cast(each, tf.float32)) for each in logits])
        return tf.reduce_logsumexp(stacked, 0) - tf.math.log(float(len(logits)))

    def _mean_alignment(self, alignments: Sequence[tf.Tensor]) -> tf.Tensor:
        aligned = [each for each, model in zip(alignments, self.models, strict=True) if model.aligned]
        return tf.add_n(aligned) / len(aligned) if aligned else alignments[0]
