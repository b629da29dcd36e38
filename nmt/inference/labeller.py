"""Labeller: a trained classifier or tagger. Texts in, a label for each, or one for each of its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from nmt.config import Config, settled
from nmt.data.labels import Labels, Reading
from nmt.data.tokenizers import Tokenizers
from nmt.equal_results import equal_results
from nmt.evaluation.alignment import words
from nmt.inference.label_graph import LabelGraph, Outputs
from nmt.inference.parallel import PARALLEL_BATCHES, batched, run_parallel
from nmt.inference.searcher import STRINGS, count_pieces
from nmt.inference.strings import decoded, encoded, readable, text_list
from nmt.models.classifier import SequenceClassifier
from nmt.models.tagger import SequenceTagger
from nmt.saving import load_labelling, save

# Tokens that are read at once, with their padding.
_MAX_TOKENS = 16_384


@dataclass(frozen=True)
class Labelled:
    """A text with its label.

    Attributes:
        text: as it was given.
        label: the likeliest label.
        probabilities: of every label, by its name; they sum to one.
        tokens: the pieces that were read, the end ``</s>`` last.
        attention: the weight of each token, ``(tokens,)``; they sum to one.
        truncated: whether the text was longer than the model reads.
    """

    text: str
    label: str
    probabilities: dict[str, float] = field(hash=False)
    tokens: tuple[str, ...]
    attention: np.ndarray = field(hash=False)
    truncated: bool = False

    def __eq__(self, other: object) -> bool:
        return equal_results(self, other)

    @property
    def names(self) -> list[str]:
        """The label, as a list."""
        return [self.label]

    def words(self) -> tuple[tuple[str, ...], np.ndarray]:
        """Return the words of the text as their pieces spell them, and the weight of each; the end has the rest."""
        found = words(self.tokens[:-1])
        places = [*found.places, len(found.words)]
        weights = np.bincount(places, weights=self.attention, minlength=len(found.words) + 1)
        return (*found.words, self.tokens[-1]), weights


@dataclass(frozen=True)
class TaggedTokens:
    """A text with a label for each token.

    Attributes:
        text: as it was given.
        tokens: the words or characters that were read.
        labels: the likeliest label of each.
        probabilities: ``(tokens, labels)``, in the order of the labeller's ``labels``.
        truncated: whether the text was longer than the model reads, so that the last tokens have no label.
    """

    text: str
    tokens: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: np.ndarray = field(hash=False)
    truncated: bool = False

    def __eq__(self, other: object) -> bool:
        return equal_results(self, other)

    @property
    def names(self) -> list[str]:
        """The labels, as a list."""
        return list(self.labels)


class Labeller:
    """A classifier or a tagger with its tokenizer and its labels.

    Arguments:
        model: the trained model.
        tokenizers: those it was trained with.
        config: the configuration it was made from.
        labels: the names of its outputs, in their order.
        parallel_batches: see :class:`~nmt.inference.searcher.Searcher`.

    >>> labeller = Labeller.load("my-classifier")                    # doctest: +SKIP
    >>> labeller.predicted(["that was a good film"])                 # doctest: +SKIP
    [['positive']]
    """

    def __init__(
        self,
        model: SequenceClassifier | SequenceTagger,
        tokenizers: Tokenizers,
        config: Config,
        labels: Labels,
        parallel_batches: int = PARALLEL_BATCHES,
    ) -> None:
        self.model = model
        self.tokenizers = tokenizers
        self.config = settled(config, tokenizers.target.normalization)
        self.labels = labels
        self.parallel_batches = parallel_batches
        self.reading = Reading.of(self.config)
        self.graph = LabelGraph(model, tokenizers, self.reading)
        signature = [STRINGS, tf.TensorSpec([], tf.int32)]
        self._label = tf.function(self.graph.label, input_signature=signature, autograph=False)

    @classmethod
    def load(cls, folder: str | Path, parallel_batches: int = PARALLEL_BATCHES) -> Labeller:
        """Open a model's folder.

        Raises:
            InputError: if it holds no model or one that writes text, or is incomplete or damaged.
        """
        return cls(*load_labelling(Path(folder)), parallel_batches)

    def save(self, folder: str | Path) -> None:
        """Write a folder that :meth:`load` opens anywhere.

        Raises:
            InputError: if the folder exists and is not empty, or the model was not built from the config.
        """
        save(Path(folder), model=self.model, tokenizers=self.tokenizers, config=self.config, labels=self.labels)

    def classify(self, texts: Sequence[str]) -> list[Labelled]:
        """Give each text a label, in the order given. A blank text has the label of nothing but an end.

        Raises:
            TypeError: for a string instead of a list, or if the model is a tagger.
        """
        if self.reading.tags:
            raise TypeError("A tagger labels tokens: use tag.")
        texts = text_list(texts)
        found: dict[int, Labelled] = {}
        for i, row in self._rows(texts):
            length = int(np.count_nonzero(row["source"]))
            chances = row["probabilities"]
            found[i] = Labelled(
                text=texts[i],
                label=self.labels.names[int(np.argmax(chances))],
                probabilities=dict(zip(self.labels.names, map(float, chances), strict=True)),
                tokens=tuple(self.tokenizers.source.pieces(row["source"][:length])),
                attention=row["attention"][:length],
                truncated=bool(row["truncated"]),
            )
        return [found[i] for i in range(len(texts))]

    def tag(self, texts: Sequence[str]) -> list[TaggedTokens]:
        """Give each token of each text a label, in the order given.

        Raises:
            TypeError: for a string instead of a list, or if the model is a classifier.
        """
        if not self.reading.tags:
            raise TypeError("A classifier labels texts: use classify.")
        texts = text_list(texts)
        found: dict[int, TaggedTokens] = {}
        for i, row in self._rows(texts):
            chances = row["probabilities"]
            length = int(np.count_nonzero(chances.sum(-1)))
            found[i] = TaggedTokens(
                text=texts[i],
                tokens=tuple(decoded(token) for token in row["tokens"][:length]),
                labels=tuple(self.labels.names[number] for number in np.argmax(chances[:length], -1)),
                probabilities=chances[:length],
                truncated=bool(row["truncated"]),
            )
        return [found[i] for i in range(len(texts))]

    def predicted(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the labels of each text: its one label, or that of each token that was read."""
        found = self.tag(texts) if self.reading.tags else self.classify(texts)
        return [each.names for each in found]

    def _rows(self, texts: list[str]) -> list[tuple[int, dict[str, Any]]]:
        """Return the number of each text and its row of the outputs, in any order."""
        texts = [readable(text) for text in texts]
        limit = self.config.decoding.max_length
        lengths = [min(n, limit) + 1 for n in count_pieces(self.tokenizers.source, texts)] if texts else []
        if self.reading.characters:
            lengths = [min(len(text), limit) + 1 for text in texts]
        order = sorted(range(len(texts)), key=lambda i: lengths[i])
        batches: list[list[int]] = []
        for batch in batched(order, self.config.decoding.batch_size):
            batches += batched(batch, max(1, _MAX_TOKENS // lengths[batch[-1]]))
        found: list[tuple[int, dict[str, Any]]] = []

        def label(batch: list[int]) -> None:
            outputs: Outputs = self._label(encoded([texts[i] for i in batch]), tf.constant(limit))
            arrays = {name: tensor.numpy() for name, tensor in outputs.items()}
            found.extend((i, {name: array[row] for name, array in arrays.items()}) for row, i in enumerate(batch))

        run_parallel(label, batches, self.parallel_batches)
        return found
