"""Completer: a trained language model. The beginning of a text in, the whole text out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from nmt.config import Config, Decoding, is_transformer
from nmt.data.tokenizers import Tokenizers
from nmt.decoding.strategies import numbers_for
from nmt.errors import InputError
from nmt.inference.graph import CompletionGraph, Outputs, traced
from nmt.inference.parallel import PARALLEL_BATCHES
from nmt.inference.searcher import NUMBERS, STRINGS, Searcher
from nmt.inference.strings import continued, encoded, one_line, readable, text_list
from nmt.models.language_model import LanguageModel
from nmt.saving import load

# Pieces of a text that are scored, with which it fills a batch by itself.
_MAX_PIECES = 4095

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Completion:
    """A text with its continuation.

    Attributes:
        text: the beginning as it was given and the continuation, one line.
        score: its log-probability, the sum over its pieces and EOS.
        tokens: its pieces.
        truncated: whether the beginning was longer than the model reads, so that nothing was added.
        unfinished: whether the continuation has no end token, because the text reached ``decoding.max_length``.

    >>> Completion("I ate rice", -1.5, ("▁I", "▁a", "te", "▁rice")).unfinished
    False
    """

    text: str
    score: float
    tokens: tuple[str, ...]
    truncated: bool = False
    unfinished: bool = False


class Completer(Searcher):
    """A language model with its tokenizer.

    Arguments:
        model: the trained model.
        tokenizers, config, parallel_batches: see :class:`~nmt.inference.searcher.Searcher`.

    Attributes:
        max_pieces: the number of pieces of a text that are scored.

    >>> completer = Completer.load("my-language-model")       # doctest: +SKIP
    >>> completer.complete(["I ate"])[0].text                 # doctest: +SKIP
    'I ate rice'
    """

    model: LanguageModel

    def __init__(
        self, model: LanguageModel, tokenizers: Tokenizers, config: Config, parallel_batches: int = PARALLEL_BATCHES
    ) -> None:
        super().__init__(model, tokenizers, config, parallel_batches)
        self._graph = CompletionGraph(model, tokenizers)
        m = self.config.model
        learned = is_transformer(m) and m.positions == "learned"
        self.max_pieces = min(_MAX_PIECES, m.max_positions - 1) if learned else _MAX_PIECES
        self._score = traced(self._graph.score, [STRINGS, tf.TensorSpec([], tf.int32)])

    @classmethod
    def load(cls, folder: str | Path, parallel_batches: int = PARALLEL_BATCHES) -> Completer:
        """Open a model's folder.

        Raises:
            InputError: if it holds no model or a translator, or is incomplete or damaged.
        """
        model, tokenizers, config = load(Path(folder))
        if not isinstance(model, LanguageModel):
            raise InputError(f"{folder} is a translator, not a language model. Use `nmt translate`.")
        return cls(model, tokenizers, config, parallel_batches)

    def complete(self, beginnings: Sequence[str], first: int = 0, **decoding: Any) -> list[Completion]:
        """Continue each beginning, in the order given. A beginning may be empty.

        Arguments:
            beginnings: the texts to continue.
            first: the number of the first beginning, which the random numbers of sampling depend on.
            decoding: keys of the config's section that are different this time, as in ``sample=True, top_p=0.9``.

        Raises:
            InputError: for a key or value that does not exist or is invalid.
            TypeError: for a string instead of a list.
        """
        beginnings = text_list(beginnings, "beginnings")
        settings = self.decoding(**decoding)
        graph = self.graphs(settings)
        found: dict[int, Completion] = {}

        def complete(batch: list[int]) -> None:
            texts = [beginnings[i] for i in batch]
            outputs = graph(
                encoded([readable(text) for text in texts]), numbers_for(settings, [first + i for i in batch])
            )
            arrays = {name: tensor.numpy() for name, tensor in outputs.items()}
            for row, i in enumerate(batch):
                of_row = {name: array[row] for name, array in arrays.items()}
                truncated = bool(of_row["truncated"])
                text = texts[row] if truncated else continued(texts[row], of_row["begun"], of_row["text"])
                pieces = self.tokenizers.target.pieces(of_row["tokens"][: of_row["lengths"]])
                unfinished = bool(of_row["unfinished"]) and not truncated
                found[i] = Completion(
                    one_line(text),
                    score=float(of_row["scores"]),
                    tokens=tuple(pieces),
                    truncated=truncated,
                    unfinished=unfinished,
                )

        self._search_all(complete, range(len(beginnings)), settings)
        return [found[i] for i in range(len(beginnings))]

    def score(self, texts: Sequence[str], first: int = 0) -> list[tuple[float, int]]:
        """Return the log-probability of each text and the number of its pieces, EOS included.

        The perplexity per piece is ``exp(-sum of the first / sum of the second)``. What a text has beyond 4,095
        pieces, or beyond the positions that a Transformer has learned, is left out, so that memory is bounded, and a
        message in the log names it.

        Arguments:
            texts: the texts.
            first: the number of the first text, from 0, for the messages.

        Raises:
            TypeError: for a string instead of a list.
        """
        texts = [readable(text) for text in text_list(texts)]
        lengths, limit = self._pieces(texts), self.max_pieces
        for number, length in enumerate(lengths, first + 1):
            if length > limit:
                logger.info(f"Line {number} has more than {limit:,} pieces: the rest was left out.")
        found: dict[int, tuple[float, int]] = {}

        def score(batch: list[int]) -> None:
            outputs = self._score(encoded([texts[i] for i in batch]), tf.constant(limit))
            scores = zip(outputs["scores"].numpy().tolist(), outputs["lengths"].numpy().tolist(), strict=True)
            found.update(zip(batch, scores, strict=True))

        self._score_all(score, [min(n, limit) + 1 for n in lengths], self.config.decoding.batch_size)
        return [found[i] for i in range(len(texts))]

    def _search_graph(self, settings: Decoding, *more: bool) -> Callable[..., Outputs]:
        complete = partial(self._graph.complete, settings)
        return traced(complete, [STRINGS, NUMBERS])


def perplexity(scores: Sequence[tuple[float, int]]) -> float:
    """Return the perplexity per piece, from what :meth:`Completer.score` returns.

    >>> round(perplexity([(-1.3863, 1), (-1.3863, 1)]), 2)
    4.0
    """
    total, pieces = np.sum(np.array(scores), 0)
    return float(np.exp(-total / pieces))
