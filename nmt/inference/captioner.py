"""Captioner: a trained model of features. Vectors in, such as those of a picture's cells, texts out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from nmt.config import Config, Decoding
from nmt.data.features import check_shape, features_of
from nmt.data.tokenizers import Tokenizers
from nmt.decoding.strategies import numbers_for
from nmt.inference.caption_graph import CaptionGraph
from nmt.inference.graph import Outputs, traced
from nmt.inference.parallel import PARALLEL_BATCHES
from nmt.inference.searcher import NUMBERS, STRINGS, Searcher
from nmt.inference.strings import decoded, encoded, one_line, text_list
from nmt.models.caption_model import CaptionModel
from nmt.saving import load_captions
from nmt.translation import Translation


class Captioner(Searcher):
    """A model of features with its tokenizer.

    A caption is a :class:`~nmt.translation.Translation` whose source tokens are the numbers of the cells, from 1 on.
    Its alignment says how much each piece attends to each cell; the column of a source's end is zero.

    Arguments:
        model: the trained model.
        tokenizers, config, parallel_batches: see :class:`~nmt.inference.searcher.Searcher`.

    >>> captioner = Captioner.load("my-captions")                    # doctest: +SKIP
    >>> captioner.caption(np.load("test.npy"))[0].text               # doctest: +SKIP
    'a red circle above a blue square'
    """

    model: CaptionModel

    def __init__(
        self, model: CaptionModel, tokenizers: Tokenizers, config: Config, parallel_batches: int = PARALLEL_BATCHES
    ) -> None:
        super().__init__(model, tokenizers, config, parallel_batches)
        self.graph = CaptionGraph(model, tokenizers)
        m = self.config.model
        self._features = tf.TensorSpec([None, m.source_cells, m.source_width], tf.float32)
        signature = [self._features, STRINGS, tf.TensorSpec([], tf.int32)]
        self._score = traced(self.graph.score, signature)

    @classmethod
    def load(cls, folder: str | Path, parallel_batches: int = PARALLEL_BATCHES) -> Captioner:
        """Open a model's folder.

        Raises:
            InputError: if it holds no model or one that reads text, or is incomplete or damaged.
        """
        return cls(*load_captions(Path(folder)), parallel_batches)

    @property
    def aligned(self) -> bool:
        """Whether its captions have an alignment."""
        return self.model.aligned

    def caption(self, features: np.ndarray, first: int = 0, **decoding: Any) -> list[Translation]:
        """Describe each example, in the order given.

        Arguments:
            features: ``(n, cells, width)``, or another shape of :func:`~nmt.data.features.features_of`.
            first: the number of the first example, which the random numbers of sampling depend on.
            decoding: keys of the config's section that are different this time, as in ``beam=5``.

        Raises:
            InputError: for features of another shape or that are not finite, or a key or value that is invalid.
        """
        return [found[0] for found in self.hypotheses(features, first, **decoding)]

    def hypotheses(self, features: np.ndarray, first: int = 0, **decoding: Any) -> list[list[Translation]]:
        """Describe as :meth:`caption` does, and return the ``n_best`` captions of each example, the best first."""
        settings = self.decoding(**decoding)
        values = self._checked(features)
        graph = self.graphs(settings)
        results: dict[int, list[Translation]] = {}

        def caption(batch: list[int]) -> None:
            outputs = graph(values[batch].astype(np.float32), numbers_for(settings, [first + i for i in batch]))
            results.update(zip(batch, self._captions(outputs), strict=True))

        cells = [self.config.model.source_cells] * len(values)
        self._search_all(caption, range(len(values)), settings, cells)
        return [results[i] for i in range(len(values))]

    def score(self, features: np.ndarray, captions: Sequence[str], **decoding: Any) -> list[Translation]:
        """Score given captions by teacher forcing; see :meth:`nmt.inference.translator.Translator.score`.

        Raises:
            TypeError: for a string instead of a list.
            ValueError: if there is not one for each example.
        """
        captions = text_list(captions, "captions")
        settings = self.decoding(**decoding)
        values = self._checked(features)
        if len(values) != len(captions):
            raise ValueError(f"{len(values)} examples and {len(captions)} captions do not make pairs.")
        results: dict[int, Translation] = {}

        def score(batch: list[int]) -> None:
            given = [captions[i] for i in batch]
            outputs = self._score(values[batch].astype(np.float32), encoded(given), tf.constant(settings.max_length))
            for i, (found,) in zip(batch, self._captions(outputs, given), strict=True):
                results[i] = found

        lengths = [min(n, settings.max_length) + 1 for n in self._pieces(captions)]
        self._score_all(score, lengths, settings.batch_size)
        return [results[i] for i in range(len(captions))]

    def _checked(self, features: np.ndarray) -> np.ndarray:
        found = features_of(np.asarray(features), cells=self.config.model.source_cells)
        check_shape(self.config, found)
        return found.values

    def _search_graph(self, settings: Decoding, *more: bool) -> Callable[..., Outputs]:
        signature = [self._features, NUMBERS]
        return traced(partial(self.graph.caption, settings), signature)

    def _captions(self, outputs: Outputs, given: Sequence[str] | None = None) -> Iterator[list[Translation]]:
        """Make the captions of each row from the outputs of a graph; ``given``: their texts, where they are scored."""
        arrays = {name: np.asarray(tensor) for name, tensor in outputs.items()}
        cells = tuple(f"▁{number}" for number in range(1, self.config.model.source_cells + 1))
        for i in range(len(arrays["lengths"])):
            row = {name: array[i] for name, array in arrays.items()}
            best = []
            for j in np.flatnonzero(np.isfinite(row["ranks"])):
                length = row["lengths"][j]
                tokens = tuple(self.tokenizers.target.pieces(row["tokens"][j, :length]))
                unfinished = bool(row["unfinished"][j])
                text = decoded(row["text"][j]) if given is None else given[i]
                best.append(
                    Translation(
                        text=one_line(text),
                        score=float(row["scores"][j]),
                        source_tokens=cells,
                        tokens=tokens,
                        alignment=np.pad(row["alignment"][j, :length], ((0, 0), (0, 1))) if self.aligned else None,
                        unfinished=unfinished,
                        token_scores=tuple(row["token_scores"][j, : length + 1 - int(unfinished)].tolist()),
                        rank=float(row["ranks"][j]),
                        target_words=None if given is None else self.tokenizers.target.words(text, tokens),
                    )
                )
            yield best
