"""Completer: the beginning of a text in, the whole text out. What a trained language model is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from nmt.config import Config, Decoding
from nmt.data.tokenizers import BOS, EOS, PAD, Tokenizers
from nmt.decoding.constraints import Constraints
from nmt.decoding.strategies import chosen, find, numbers_for
from nmt.errors import InputError
from nmt.inference.parallel import abreast, batched, shared_out
from nmt.inference.translator import one_line
from nmt.models.language_model import LanguageModel
from nmt.saving import load, save


@dataclass(frozen=True)
class Completion:
    """A text with its continuation.

    Attributes:
        text: the beginning as it was given and the continuation, one line.
        score: its log-probability, the sum over its pieces and the end token.
        tokens: its pieces.
        truncated: whether the beginning was longer than the model reads, so that nothing was added.
    """

    text: str
    score: float
    tokens: tuple[str, ...]
    truncated: bool = False


class Completer:
    """A language model with its tokenizer.

    Arguments:
        model: the trained model.
        text: the tokenizer it was trained with.
        config: the configuration it was made from.
    """

    def __init__(self, model: LanguageModel, tokenizers: Tokenizers, config: Config) -> None:
        self.model = model
        self.tokenizers = tokenizers
        self.config = config
        self._searches: dict[Decoding, Callable] = {}
        signature = [tf.TensorSpec([None], tf.string)]
        self._force = tf.function(self._forced, input_signature=signature, autograph=False)

    @classmethod
    def load(cls, folder: str | Path) -> Completer:
        """Open a model's folder.

        Raises:
            InputError: if it is no model, incomplete, damaged, or a translator.
        """
        model, text, config = load(Path(folder))
        if not isinstance(model, LanguageModel):
            raise InputError(f"{folder} is a translator and no language model. Use `nmt translate`.")
        return cls(model, text, config)

    def save(self, folder: str | Path) -> None:
        """Write a folder that ``load`` opens anywhere.

        Raises:
            InputError: if the folder exists and is not empty, or the model was not built from the config.
        """
        save(Path(folder), self.model, self.tokenizers, self.config)

    def complete(self, beginnings: Sequence[str], first: int = 0, **decoding: Any) -> list[Completion]:
        """Go on from each beginning, in the order given. An empty one is one, too.

        Arguments:
            beginnings: what is gone on from.
            first: the number of the first beginning, which the draws of sampling depend on.
            decoding: keys of the config's section that are different this time, as in ``sample=True, top_p=0.9``.

        Raises:
            InputError: for a key or value that does not exist or makes no sense.
        """
        if isinstance(beginnings, str):
            raise TypeError("complete takes a list of beginnings, not one string.")
        how = chosen(self.config, self.tokenizers.target.vocabulary, **decoding)
        graph = self._search(how)
        found: dict[int, Completion] = {}

        def complete(chosen: list[int]) -> None:
            batch = [beginnings[i].encode("utf-8", "replace") for i in chosen]
            numbers = numbers_for(how, [first + i for i in chosen])
            outputs = {name: tensor.numpy() for name, tensor in graph(tf.constant(batch), numbers).items()}
            for i, given, begun, text, score, tokens, length, truncated in zip(
                chosen, batch, *(outputs[name] for name in _OUTPUTS), strict=True
            ):
                # What was given may have characters that no piece spells.
                added = "" if truncated else text.decode("utf-8", "replace")[len(begun.decode("utf-8", "replace")) :]
                whole = one_line(given.decode("utf-8", "replace") + added)
                pieces = tuple(self.tokenizers.target.pieces(tokens[:length]))
                found[i] = Completion(whole, float(score), pieces, bool(truncated))

        abreast(complete, shared_out(range(len(beginnings)), how.batch_size))
        return [found[i] for i in range(len(beginnings))]

    def score(self, texts: Sequence[str]) -> list[tuple[float, int]]:
        """Return of each text its log-probability and the number of its pieces, the end token included.

        The perplexity of a piece is ``exp(-sum of the first / sum of the second)``.
        """
        scores: list[tuple[float, int]] = []
        for batch in batched([text.encode("utf-8", "replace") for text in texts], self.config.decoding.batch_size):
            log_probabilities, lengths = self._force(tf.constant(batch))
            scores += zip(log_probabilities.numpy().tolist(), lengths.numpy().tolist(), strict=True)
        return scores

    def _search(self, how: Decoding) -> Callable:
        """Return the graph that searches in this way; it is made once."""
        if how not in self._searches:
            signature = [tf.TensorSpec([None], tf.string), tf.TensorSpec([None, None], tf.float32)]
            graph = partial(self._complete, how)
            self._searches[how] = tf.function(graph, input_signature=signature, autograph=False)
        return self._searches[how]

    def _complete(self, how: Decoding, texts: tf.Tensor, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        most = how.max_length
        given = self.tokenizers.target.encode(texts)
        read = given[:, : most - 1]
        begun = read.to_tensor(PAD)
        limits = tf.fill([tf.shape(texts)[0]], most)
        memory = self.model.encode(begun)
        nothing = tf.zeros([tf.shape(texts)[0], 0], tf.bool)
        constraints = Constraints(limits, prefix=begun, no_repeat=how.no_repeat)
        found = find(self.model, how, memory, nothing, constraints, numbers, BOS, EOS)
        tokens, lengths = found.tokens[:, 0], found.lengths[:, 0]
        written = tf.RaggedTensor.from_tensor(tokens, lengths=lengths)
        decode = self.tokenizers.target.decode
        truncated = given.row_lengths() > read.row_lengths()
        outputs = (decode(read), decode(written), found.scores[:, 0], tokens, lengths, truncated)
        return dict(zip(_OUTPUTS, outputs, strict=True))

    def _forced(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pieces = self.tokenizers.target.encode(texts)
        ends = tf.fill([pieces.nrows(), 1], EOS)
        targets = tf.concat([pieces, ends], 1).to_tensor(PAD)
        read = tf.concat([tf.fill([pieces.nrows(), 1], BOS), pieces], 1).to_tensor(PAD)
        logits, _ = self.model.teacher_forcing(None, read)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, tf.cast(logits, tf.float32))
        real = targets != PAD
        return -tf.reduce_sum(tf.where(real, losses, 0.0), 1), tf.math.count_nonzero(real, 1)


_OUTPUTS = ("begun", "text", "scores", "tokens", "lengths", "truncated")


def perplexity(scores: Sequence[tuple[float, int]]) -> float:
    """Return the perplexity of a piece, from what :meth:`Completer.score` gives.

    >>> round(perplexity([(-1.3863, 1), (-1.3863, 1)]), 2)
    4.0
    """
    total, pieces = np.sum(np.array(scores), 0)
    return float(np.exp(-total / pieces))
