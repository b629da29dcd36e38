"""Translator: text in, translations out. What a trained model is, apart from its training."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from nmt.config import Config
from nmt.data.text import END, PAD, START, Text
from nmt.decoding.search import greedy
from nmt.errors import InputError, first_line
from nmt.evaluation.alignment import WordAlignment, by_word
from nmt.folder import CONFIG, WEIGHTS, config_text, make, read_config
from nmt.models import Seq2Seq, build_model


@dataclass(frozen=True)
class Translation:
    """One translation.

    Attributes:
        text: the translation, always one line.
        score: its log-probability, the sum over its pieces and the end token.
        source_tokens, tokens: the pieces that were read and written.
        alignment: ``(len(tokens), len(source_tokens) + 1)``: each row a piece written, how much it looked at each piece
            read and, last, at the source's end. Rows sum to one.
        truncated: whether the source was longer than the model reads, so that its end is missing.
    """

    text: str
    score: float
    source_tokens: tuple[str, ...]
    tokens: tuple[str, ...]
    alignment: np.ndarray
    truncated: bool = False

    def words(self) -> WordAlignment:
        """Return the alignment of words, merged from that of the pieces."""
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
            InputError: if it is no model, incomplete, or damaged.
        """
        folder = Path(folder)
        config = read_config(folder)
        text = Text.load(folder, config.text.joint)
        model = build_model(config, text.source.vocabulary, text.target.vocabulary)
        load_weights(model, folder / WEIGHTS)
        return cls(model, text, config)

    def save(self, folder: str | Path) -> None:
        """Write a folder that ``load`` opens anywhere.

        Raises:
            InputError: if the folder exists and is not empty, or the model was not built from the config.
        """
        expected = build_model(self.config, self.text.source.vocabulary, self.text.target.vocabulary)
        if self.text.joint != self.config.text.joint or _shapes(expected) != _shapes(self.model):
            raise InputError(
                "The model or its tokenizers are not those of the config, so no folder can be opened again."
            )

        def fill(aside: Path) -> None:
            write_settings(aside, self.config, self.text)
            save_weights(self.model, aside / WEIGHTS)

        make(Path(folder), fill)

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
            alignment = outputs["alignment"][i, :written]
            yield Translation(
                one_line(text.decode("utf-8", "replace")),
                float(outputs["scores"][i]),
                tuple(self.text.source.pieces(outputs["source"][i, :read])),
                tuple(self.text.target.pieces(outputs["tokens"][i, :written])),
                # The end token's column follows the last piece, before the padding.
                alignment[:, : read + 1],
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
        found = greedy(
            self.model.step, self.model.initial_state(memory), memory, tf.shape(source)[1], limits, START, END
        )
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


def write_settings(folder: Path, config: Config, text: Text) -> None:
    """Write all of a model's folder but the weights."""
    (folder / CONFIG).write_bytes(config_text(config))
    text.save(folder)


def _shapes(model: keras.Model) -> list[tuple]:
    return [tuple(weight.shape) for weight in model.weights]


def save_weights(model: keras.Model, path: Path) -> None:
    """Write a model's weights without its optimizer, which Keras would write along, twice as large."""
    twin = type(model).from_config(model.get_config())
    if not twin.built:
        twin.build()
    twin.set_weights(model.get_weights())
    twin.save_weights(path)


def load_weights(model: keras.Model, path: Path) -> None:
    """Read weights into a model.

    Raises:
        InputError: if the file is missing, cut short, or belongs to another model.
    """
    if not path.is_file():
        raise InputError(
            f"The model has no weights yet: {path} is missing. Was its training stopped before it had any?"
        )
    try:
        model.load_weights(path)
    except Exception as error:  # h5py and Keras raise what they like on a damaged file
        others = " and ".join(sorted(file.name for file in path.parent.glob("*.spm.model")))
        raise InputError(
            f"{path} does not fit {CONFIG} and {others} beside it: one of them is damaged or belongs to another model "
            f"({first_line(error)})."
        ) from None


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
