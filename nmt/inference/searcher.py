"""What a translator and a completer share: settings, batches that fit into memory, and the graphs of their searches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from nmt.config import Config, Decoding, beam_size, settled
from nmt.data.tokenizers import Tokenizer, Tokenizers
from nmt.decoding.strategies import settings_with
from nmt.inference.graph import GraphCache, Outputs
from nmt.inference.parallel import PARALLEL_BATCHES, batched, run_parallel, split
from nmt.inference.strings import encoded
from nmt.saving import save

STRINGS = tf.TensorSpec([None], tf.string)
NUMBERS = tf.TensorSpec([None, None], tf.float32)
# Limits of a batch: hypotheses that are extended at once, and target tokens that are scored at once. Each has scores of
# the whole vocabulary. With more than two batches at once each is smaller.
_MAX_HYPOTHESES = 640
_MAX_SCORED_TOKENS = 4096
# Source tokens that are attended to at once, by all hypotheses of a batch.
_MAX_ATTENDED = 256 * _MAX_HYPOTHESES


class Searcher:
    """A model with its tokenizers, ready to be searched.

    Arguments:
        model: the trained model.
        tokenizers: those it was trained with.
        config: the configuration it was made from. Its section ``decoding`` says how to search.
        parallel_batches: the number of batches that run at once, see :func:`~nmt.inference.parallel.share_cores`.
        callers: the number of threads that use it at once. They share the memory of one.

    Raises:
        ValueError: if ``parallel_batches`` or ``callers`` is less than 1.
    """

    def __init__(
        self,
        model: Any,
        tokenizers: Tokenizers,
        config: Config,
        parallel_batches: int = PARALLEL_BATCHES,
        callers: int = 1,
    ) -> None:
        for name, number in (("parallel_batches", parallel_batches), ("callers", callers)):
            if number < 1:
                raise ValueError(f"{name} must be 1 or more, not {number}.")
        self.model = model
        self.tokenizers = tokenizers
        self.config = settled(config, tokenizers.target.normalization)
        self.parallel_batches = parallel_batches
        self.callers = callers
        self._large = threading.Lock()
        self.graphs = GraphCache(self._search_graph)

    def save(self, folder: str | Path) -> None:
        """Write a folder that ``load`` opens anywhere.

        Raises:
            InputError: if the folder exists and is not empty, or the model was not built from the config.
        """
        save(Path(folder), self.model, self.tokenizers, self.config)

    def decoding(self, **changes: Any) -> Decoding:
        """Return the settings of a search: the config's section with changes.

        Raises:
            InputError: for a key or value that does not exist or is invalid.
        """
        return settings_with(self.config, self.tokenizers.target.vocabulary, **changes)

    def _search_graph(self, settings: Decoding, *more: bool) -> Callable[..., Outputs]:
        """Return the function that searches with these settings."""
        raise NotImplementedError

    def _search_all(
        self, work: Callable[[list[int]], Any], rows: Sequence[int], settings: Decoding, lengths: Sequence[int] = ()
    ) -> None:
        """Call ``work`` for all rows, in batches that may be searched at once.

        Arguments:
            work: takes the numbers of some rows.
            rows: their numbers.
            settings: of the search.
            lengths: the number of source tokens of each row, by its number; empty without a source.
        """
        wide = max(beam_size(settings), settings.n_best)
        size = max(1, min(settings.batch_size, self._share(_MAX_HYPOTHESES) // wide))
        batches: list[list[int]] = []
        for batch in split(rows, size, self.parallel_batches):
            longest = max((lengths[i] for i in batch), default=1) if lengths else 1
            batches += batched(batch, max(1, self._share(_MAX_ATTENDED) // (wide * longest)))
        run_parallel(work, batches, self.parallel_batches)

    def _score_all(self, work: Callable[[list[int]], Any], lengths: Sequence[int], batch_size: int) -> None:
        """Call ``work`` for all rows, in batches that may be scored at once.

        Arguments:
            work: takes the numbers of some rows.
            lengths: the number of tokens of each row.
            batch_size: the maximum number of rows in a batch.
        """
        waiting = sorted(range(len(lengths)), key=lambda i: lengths[i])
        limit = self._share(_MAX_SCORED_TOKENS)
        batches = []
        while waiting:
            size = batch_size
            # As many as fit beside the longest of them.
            while size > 1 and size * lengths[waiting[:size][-1]] > limit:
                size //= 2
            batches.append(waiting[:size])
            waiting = waiting[size:]
        # A text that alone has more tokens than that is scored by itself, whoever else asks for such a one.
        large = [batch for batch in batches if lengths[batch[-1]] > limit]
        run_parallel(work, batches[: len(batches) - len(large)], self.parallel_batches)
        for batch in large:
            with self._large:
                work(batch)

    def _share(self, limit: int) -> int:
        """Return the limit of each of the parallel batches, from that of each of two."""
        together = self.callers * self.parallel_batches
        return limit if together <= 2 else 2 * limit // together

    def _pieces(self, texts: Sequence[str]) -> list[int]:
        """Count the target pieces of each text."""
        return count_pieces(self.tokenizers.target, texts)


def count_pieces(tokenizer: Tokenizer, texts: Sequence[str]) -> list[int]:
    """Count the pieces of each text."""
    return tokenizer.encode(encoded(texts)).row_lengths().numpy().tolist()
