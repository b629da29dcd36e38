"""Translator: text in, translations out. What a trained model is, apart from its training."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import tensorflow as tf

from nmt.config import Config
from nmt.data.text import END, PAD, START, Text
from nmt.decoding.search import greedy
from nmt.errors import InputError
from nmt.evaluation.alignment import WordAlignment, by_word
from nmt.models import Seq2Seq
from nmt.stored import load, save


@dataclass(frozen=True)
class Translation:
    """One translation.

    Attributes:
        text: the translation, always one line.
        score: its log-probability, the sum over its pieces and the end token.
        source_tokens, tokens: the pieces that were read and written.
        alignment: ``(len(tokens), len(source_tokens) + 1)``: each row a piece written, how much it looked at each piece
            read and, last, at the source's end. Rows sum to one. ``None`` from a model that looks at nothing.
        truncated: whether the source was longer than the model reads, so that its end is missing.
    """

    text: str
    score: float
    source_tokens: tuple[str, ...]
    tokens: tuple[str, ...]
    alignment: np.ndarray | None
    truncated: bool = False

    def words(self) -> WordAlignment:
        """Return the alignment of words, merged from that of the pieces.

        Raises:
            InputError: if there is none.
        """
        if self.alignment is None:
            raise InputError("This model has no alignments: with model.attention = 'none' it looks at no source word.")
        return by_word(self.source_tokens, self.tokens, self.alignment)


_BLANK = Translation("", 0.0, (), (), np.zeros([0, 1], np.float32))


class Translator:
    """A model with its tokenizers, ready to translate.

    Arguments:
        model: the trained model.
        text: the tokenizers it was trained with.
        config: the configuration it was made from.
    """

    def __init__(self, model: Seq2Seq, text: Text, config: Config) -> None:
        self.model = model
        self.text = text
        self.config = config
        signature = [tf.TensorSpec([None], tf.string)]
        self._search = tf.function(self._translate, input_signature=signature, autograph=False)

    @classmethod
    def load(cls, folder: str | Path) -> Translator:
        """Open a model's folder.

        Raises:
            InputError: if it is no model, incomplete, damaged, or a language model.
        """
        model, text, config = load(Path(folder))
        if not isinstance(model, Seq2Seq):
            raise InputError(
                f"{folder} is a language model: it has no source to translate. `nmt complete` goes on from a beginning."
            )
        return cls(model, text, config)

    def save(self, folder: str | Path) -> None:
        """Write a folder that ``load`` opens anywhere.

        Raises:
            InputError: if the folder exists and is not empty, or the model was not built from the config.
        """
        save(Path(folder), self.model, self.text, self.config)

    def translate(self, texts: Sequence[str], batch_size: int | None = None) -> list[Translation]:
        """Translate, in the order given. A blank text has a blank translation.

        Arguments:
            texts: sentences; a line break inside one counts as a space.
            batch_size: sentences at a time; the config's ``decoding.batch_size`` if not given.
        """
        if isinstance(texts, str):
            raise TypeError("translate takes a list of sentences, not one string.")
        size = batch_size or self.config.decoding.batch_size
        results = [_BLANK] * len(texts)
        # Sentences of about one length waste no work on padding.
        waiting = sorted((i for i, text in enumerate(texts) if text.strip()), key=lambda i: len(texts[i]))
        for chosen in batched(waiting, size):
            batch = [texts[i].encode("utf-8", "replace") for i in chosen]
            for i, translation in zip(chosen, self._batch(batch), strict=True):
                results[i] = translation
        return results

    def _batch(self, texts: list[bytes]) -> Iterator[Translation]:
        """Run the graph on one batch and unpack what it gives."""
        outputs = {name: tensor.numpy() for name, tensor in self._search(tf.constant(texts)).items()}
        for i, text in enumerate(outputs["text"]):
            read, written = outputs["source_lengths"][i], outputs["lengths"][i]
            if not read:  # nothing but characters that normalisation removes
                yield _BLANK
                continue
            alignment = outputs["alignment"][i, :written, : read + 1] if self.model.aligned else None
            yield Translation(
                one_line(text.decode("utf-8", "replace")),
                float(outputs["scores"][i]),
                tuple(self.text.source.pieces(outputs["source"][i, :read])),
                tuple(self.text.target.pieces(outputs["tokens"][i, :written])),
                # The end token's column follows the last piece, before the padding.
                alignment,
                bool(outputs["truncated"][i]),
            )

    def _translate(self, texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """Translate strings ``(batch,)``: the whole way in one graph."""
        pieces = self.text.source.encode(texts)
        read = pieces[:, : self.config.decoding.max_length]
        lengths = tf.cast(read.row_lengths(), tf.int32)
        source = tf.concat([read, tf.fill([read.nrows(), 1], END)], 1).to_tensor(PAD)
        memory = self.model.encode(source)
        # A translation is seldom more than twice as long as its source: what goes on has begun to repeat itself.
        limits = tf.where(lengths > 0, tf.minimum(2 * lengths + 10, self.config.decoding.max_length), 0)
        # A step reads the start and all words but the last.
        state = self.model.initial_state(memory, tf.reduce_max(tf.concat([limits, [1]], 0)))
        width = tf.shape(source)[1] if self.model.aligned else 0
        found = greedy(self.model.step, state, memory, width, limits, START, END)
        written = tf.RaggedTensor.from_tensor(found.tokens, lengths=found.lengths)
        return {
            "text": self.text.target.decode(written),
            "scores": found.scores,
            "source": source,
            "source_lengths": lengths,
            "tokens": found.tokens,
            "lengths": found.lengths,
            "alignment": found.alignment,
            "truncated": tf.cast(pieces.row_lengths(), tf.int32) > lengths,
        }


def batched(items: Iterable, size: int) -> Iterator[list]:
    """Cut a stream into lists of ``size``.

    >>> list(batched("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk


def one_line(text: str) -> str:
    """Replace what a terminal or an editor might take for a line's end, or for a command, by a space.

    >>> one_line("a\\u2028b\\x1b[2J")
    'a b [2J'
    """
    return "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
