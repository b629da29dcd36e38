"""Translator: text in, translations out. What a trained model is, apart from its training."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from nmt.config import Config, Decoding, from_dict
from nmt.data.text import END, PAD, START, Text
from nmt.decoding.beam import Penalties, beam
from nmt.decoding.demands import Demands
from nmt.decoding.ensemble import Ensemble
from nmt.decoding.sampling import draws, sampled
from nmt.decoding.search import Hypotheses, greedy, repeated
from nmt.errors import InputError
from nmt.evaluation.alignment import WordAlignment, by_word
from nmt.models import Seq2Seq
from nmt.stored import load, save

# Scores of every word of the vocabulary for so many target words are held at once.
_FORCED = 4096


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
        token_scores: the log-probability of each piece and, where it was written, of the end token.
        rank: what several translations of a sentence are ordered by: the score after the penalties.
    """

    text: str
    score: float
    source_tokens: tuple[str, ...]
    tokens: tuple[str, ...]
    alignment: np.ndarray | None
    truncated: bool = False
    token_scores: tuple[float, ...] = ()
    rank: float = 0.0

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
        model: the trained model, or several that write together, an :class:`~nmt.decoding.ensemble.Ensemble`.
        text: the tokenizers it was trained with.
        config: the configuration it was made from. Its section ``decoding`` says how to search.
    """

    def __init__(self, model: Seq2Seq | Ensemble, text: Text, config: Config) -> None:
        self.model = model
        self.text = text
        self.config = config
        self._searches: dict[tuple[Decoding, bool], Callable] = {}
        strings = tf.TensorSpec([None], tf.string)
        self._force = tf.function(self._forced, input_signature=[strings, strings], autograph=False)

    @classmethod
    def load(cls, folder: str | Path, *others: str | Path) -> Translator:
        """Open a model's folder; with ``others`` all of them, as an ensemble that is searched as the first would be.

        Raises:
            InputError: if one is no model, incomplete, damaged, or a language model, or has another vocabulary.
        """
        models: list[Seq2Seq] = []
        texts: list[Text] = []
        config: Config | None = None
        for place in (folder, *others):
            model, text, own = load(Path(place))
            if not isinstance(model, Seq2Seq):
                raise InputError(
                    f"{place} is a language model: it has no source to translate. `nmt complete` goes on from a "
                    "beginning."
                )
            if texts and (text.source.model, text.target.model) != (texts[0].source.model, texts[0].target.model):
                raise InputError(
                    f"{place} has another vocabulary than {folder}. Models that write together must be trained with "
                    "the same: begin one with the other, by `nmt train --from`, or copy nothing but the seed."
                )
            models.append(model)
            texts.append(text)
            config = config or own
        assert config
        return cls(Ensemble(models) if others else models[0], texts[0], config)

    def save(self, folder: str | Path) -> None:
        """Write a folder that ``load`` opens anywhere.

        Raises:
            InputError: if the folder exists and is not empty, the model was not built from the config, or is an
                ensemble.
        """
        if isinstance(self.model, Ensemble):
            raise InputError("An ensemble has a folder for each model. Save its models one by one.")
        save(Path(folder), self.model, self.text, self.config)

    def translate(
        self, texts: Sequence[str], prefixes: Sequence[str] | None = None, first: int = 0, **decoding: Any
    ) -> list[Translation]:
        """Translate, in the order given. A blank text has a blank translation.

        Arguments:
            texts: sentences; a line break inside one counts as a space.
            prefixes: what the translation of each begins with.
            first: the number of the first text, which the draws of sampling depend on.
            decoding: keys of the config's section that are different this time, as in ``beam=5, length_penalty=1.0``.

        Raises:
            InputError: for a key or value that does not exist or makes no sense, or a prefix that leaves no room.
        """
        return [found[0] for found in self.hypotheses(texts, prefixes, first, **decoding)]

    def hypotheses(
        self, texts: Sequence[str], prefixes: Sequence[str] | None = None, first: int = 0, **decoding: Any
    ) -> list[list[Translation]]:
        """Translate as :meth:`translate` does, and return the ``n_best`` translations of each text, the best first.

        There are fewer where a sentence has no more. A blank text has one, and it is blank.
        """
        if isinstance(texts, str):
            raise TypeError("Give a list of sentences, not one string.")
        how = self.decoding(**decoding)
        begins = self._prefixes(texts, prefixes, how)
        results = [[_BLANK] for _ in texts]
        # Sentences of about one length waste no work on padding.
        waiting = sorted((i for i, text in enumerate(texts) if text.strip()), key=lambda i: len(texts[i]))
        graph = self._search(how, prefixes is not None)

        def find(chosen: list[int]) -> None:
            numbers = numbers_for(how, [first + i for i in chosen])
            outputs = graph(_strings(texts, chosen), tf.constant([begins[i] for i in chosen]), numbers)
            for i, found in zip(chosen, self._unpacked(outputs), strict=True):
                results[i] = found

        # Two at a time: while one takes a step that is too small for all cores, the other goes on.
        with ThreadPoolExecutor(2) as pool:
            for _ in pool.map(find, batched(waiting, how.batch_size)):
                pass
        return results

    def score(self, sources: Sequence[str], targets: Sequence[str]) -> list[Translation]:
        """Force the model to write given translations, and return what it makes of them.

        Each comes back as a :class:`Translation` with the given text, its score, token by token, and its alignment. Of
        a side with more than ``decoding.max_length`` pieces the rest is left out, and ``truncated`` is true.

        Raises:
            ValueError: if there are not as many of one as of the other.
        """
        if len(sources) != len(targets):
            raise ValueError(f"{len(sources)} sources and {len(targets)} targets are no pairs.")
        results = [_BLANK] * len(targets)
        most = self.config.decoding.max_length
        lengths = [min(n, most) + 1 for n in self._pieces(targets)]
        waiting = sorted(range(len(targets)), key=lambda i: lengths[i])
        while waiting:
            size = self.config.decoding.batch_size
            # As many as fit beside the longest of them.
            while size > 1 and size * lengths[waiting[:size][-1]] > _FORCED:
                size //= 2
            chosen, waiting = waiting[:size], waiting[size:]
            outputs = self._force(_strings(sources, chosen), _strings(targets, chosen))
            for i, (found,) in zip(chosen, self._unpacked(outputs), strict=True):
                results[i] = dataclasses.replace(found, text=one_line(targets[i]))
        return results

    def decoding(self, **changes: Any) -> Decoding:
        """Return how to search: the config's section with changes.

        Raises:
            InputError: if a key or value does not exist or makes no sense.
        """
        how = from_dict({"decoding": changes}, self.config).decoding if changes else self.config.decoding
        if how.beam > self.text.target.vocabulary:
            raise InputError(
                f"decoding.beam = {how.beam} is larger than the vocabulary, which has {self.text.target.vocabulary} "
                "pieces. Five to ten is usual."
            )
        if how.coverage_penalty and not self.model.aligned:
            raise InputError("decoding.coverage_penalty counts where a model looked, and this one looks nowhere.")
        return how

    def _prefixes(self, texts: Sequence[str], prefixes: Sequence[str] | None, how: Decoding) -> list[bytes]:
        if prefixes is None:
            return [b""] * len(texts)
        if len(prefixes) != len(texts):
            raise ValueError(f"{len(texts)} texts need as many prefixes, not {len(prefixes)}.")
        for prefix, pieces in zip(prefixes, self._pieces(prefixes), strict=True):
            if pieces >= how.max_length:
                raise InputError(
                    f"The prefix '{prefix[:40]}' has {pieces} pieces, and a translation at most {how.max_length}. "
                    "Raise decoding.max_length or shorten it."
                )
        return [prefix.encode("utf-8", "replace") for prefix in prefixes]

    def _pieces(self, targets: Sequence[str]) -> list[int]:
        """Count the pieces of each target text."""
        if not targets:
            return []
        return self.text.target.encode(_strings(targets, range(len(targets)))).row_lengths().numpy().tolist()

    def _search(self, how: Decoding, prefixed: bool) -> Callable:
        """Return the graph that searches in this way; it is made once."""
        if (how, prefixed) not in self._searches:
            strings = tf.TensorSpec([None], tf.string)
            signature = [strings, strings, tf.TensorSpec([None, None], tf.float32)]
            graph = partial(self._translate, how, prefixed)
            self._searches[how, prefixed] = tf.function(graph, input_signature=signature, autograph=False)
        return self._searches[how, prefixed]

    def _unpacked(self, outputs: dict[str, tf.Tensor]) -> Iterator[list[Translation]]:
        """Make the translations of each row from what a graph gives."""
        found = {name: tensor.numpy() for name, tensor in outputs.items()}
        for i, read in enumerate(found["source_lengths"]):
            if not read and not found["forced"]:  # nothing but characters that normalisation removes
                yield [_BLANK]
                continue
            source = tuple(self.text.source.pieces(found["source"][i, :read]))
            yield [
                Translation(
                    one_line(found["text"][i, j].decode("utf-8", "replace")),
                    float(found["scores"][i, j]),
                    source,
                    tuple(self.text.target.pieces(found["tokens"][i, j, :length])),
                    # The end token's column follows the last piece, before the padding.
                    found["alignment"][i, j, :length, : read + 1] if self.model.aligned else None,
                    bool(found["truncated"][i]),
                    tuple(found["token_scores"][i, j, : length + 1 - int(found["cut"][i, j])].tolist()),
                    float(found["ranks"][i, j]),
                )
                for j, length in enumerate(found["lengths"][i])
                if np.isfinite(found["ranks"][i, j])
            ]

    def _translate(
        self, how: Decoding, prefixed: bool, texts: tf.Tensor, prefixes: tf.Tensor, numbers: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Translate strings ``(batch,)``: the whole way in one graph."""
        source, lengths, truncated = self._read(texts, how.max_length)
        memory = self.model.encode(source)
        begun = self.text.target.encode(prefixes) if prefixed else None
        demands = _demands(how, lengths, begun)
        # The end of the source is looked at when no word is meant: it need not be covered.
        mask = (source != PAD) & (source != END)
        found = search(self.model, how, memory, mask if self.model.aligned else mask[:, :0], demands, numbers)
        outputs = self._outputs(found, source, lengths, truncated)
        cut = found.lengths >= tf.expand_dims(demands.most, 1)
        return {**outputs, "text": self._written(found), "cut": cut, "forced": tf.constant(False)}

    def _forced(self, sources: tf.Tensor, targets: tf.Tensor) -> dict[str, tf.Tensor]:
        """Score strings ``(batch,)`` as the translations of others."""
        most = self.config.decoding.max_length
        source, lengths, truncated = self._read(sources, most)
        pieces = self.text.target.encode(targets)
        kept = pieces[:, :most]
        rows, whole = kept.nrows(), pieces.row_lengths() == kept.row_lengths()
        # What was cut does not end here.
        end = tf.RaggedTensor.from_row_lengths(
            tf.fill([tf.math.count_nonzero(whole, dtype=tf.int32)], END), tf.cast(whole, tf.int64)
        )
        written = tf.concat([kept, end], 1).to_tensor(PAD)
        begun = tf.concat([tf.fill([rows, 1], START), kept], 1).to_tensor(PAD)[:, : tf.shape(written)[1]]
        logits, alignment = self.model.forced(source, begun)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(written, tf.cast(logits, tf.float32))
        token_scores = tf.where(written != PAD, -losses, 0.0)
        scores = tf.reduce_sum(token_scores, 1)
        parts = (kept.to_tensor(PAD), kept.row_lengths(), scores, scores, token_scores, alignment)
        found = Hypotheses(*(tf.expand_dims(part, 1) for part in parts))
        outputs = self._outputs(found, source, lengths, truncated | ~whole)
        return {**outputs, "text": tf.expand_dims(targets, 1), "cut": tf.expand_dims(~whole, 1), "forced": True}

    def _read(self, texts: tf.Tensor, most: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return source ids with the end token, the numbers of pieces before it, and whether a text was cut."""
        pieces = self.text.source.encode(texts)
        read = pieces[:, :most]
        source = tf.concat([read, tf.fill([read.nrows(), 1], END)], 1).to_tensor(PAD)
        return source, tf.cast(read.row_lengths(), tf.int32), pieces.row_lengths() > read.row_lengths()

    def _written(self, found: Hypotheses) -> tf.Tensor:
        """Return the texts ``(batch, best)`` of hypotheses."""
        shape = tf.shape(found.lengths)
        flat = tf.reshape(found.tokens, [shape[0] * shape[1], tf.shape(found.tokens)[2]])
        written = tf.RaggedTensor.from_tensor(flat, lengths=tf.reshape(found.lengths, [-1]))
        return tf.reshape(self.text.target.decode(written), shape)

    def _outputs(
        self, found: Hypotheses, source: tf.Tensor, lengths: tf.Tensor, truncated: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        return {**found._asdict(), "source": source, "source_lengths": lengths, "truncated": truncated}


def search(model: Any, how: Decoding, memory: Any, mask: tf.Tensor, demands: Demands, numbers: tf.Tensor) -> Hypotheses:
    """Search as ``how`` says: greedily, with a beam, or by sampling.

    Arguments:
        model: has the parts of the step protocol.
        how: the section ``decoding`` of a config.
        memory: from ``model.encode``, for ``batch`` rows.
        mask: ``(batch, source)``, true at source words that should be covered; no columns if there is no alignment.
        demands: what the hypotheses of each row must be.
        numbers: ``(batch, n_best * max_length)``, the draws of sampling; unused without it.
    """
    # A step reads the start and all words but the last.
    state = model.initial_state(memory, tf.reduce_max(tf.concat([demands.most, [1]], 0)))
    if how.beam > 1:
        penalties = Penalties(how.length_penalty, how.length_normalization == "plain", how.coverage_penalty)
        return beam(model.step, state, memory, mask, demands, START, END, how.beam, how.n_best, penalties)
    width = tf.shape(mask)[1]
    if not how.sample:
        return greedy(model.step, state, memory, width, demands, START, END)
    pick = sampled(tf.reshape(numbers, [-1, how.max_length]), how.temperature, how.top_k, how.top_p)
    state, memory = repeated((state, memory), how.n_best)
    demands = demands._replace(
        most=repeated(demands.most, how.n_best),
        least=None if demands.least is None else repeated(demands.least, how.n_best),
        prefix=None if demands.prefix is None else repeated(demands.prefix, how.n_best),
    )
    return _by_rank(greedy(model.step, state, memory, width, demands, START, END, pick), how.n_best)


def numbers_for(how: Decoding, lines: Sequence[int]) -> tf.Tensor:
    """Return the draws that :func:`search` needs for the lines of these numbers."""
    return tf.constant(draws(how.seed, lines, how.n_best * how.max_length if how.sample else 0))


def _demands(how: Decoding, lengths: tf.Tensor, begun: tf.RaggedTensor | None) -> Demands:
    """Return the demands on translations of sources with so many pieces."""

    def times(ratio: float) -> tf.Tensor:
        return tf.cast(tf.math.ceil(ratio * tf.cast(lengths, tf.float32)), tf.int32)

    # What goes on for much longer than its source has begun to repeat itself.
    most = times(how.max_ratio) + 10
    if begun is not None:
        most += tf.cast(begun.row_lengths(), tf.int32)
    most = tf.where(lengths > 0, tf.clip_by_value(most, 1, how.max_length), 0)
    least = tf.maximum(times(how.min_ratio), how.min_length) if how.min_ratio or how.min_length else None
    return Demands(most, least, None if begun is None else begun.to_tensor(PAD), how.no_repeat)


def _by_rank(found: Hypotheses, n_best: int) -> Hypotheses:
    """Turn one hypothesis a row, ``(batch * n_best, 1, …)``, into ``(batch, n_best, …)``, the best first."""
    together = [tf.reshape(part, tf.concat([[-1, n_best], tf.shape(part)[2:]], 0)) for part in found]
    _, order = tf.math.top_k(Hypotheses(*together).ranks, n_best)
    return Hypotheses(*(tf.gather(part, order, axis=1, batch_dims=1) for part in together))


def _strings(texts: Sequence[str], chosen: Iterable[int]) -> tf.Tensor:
    return tf.constant([texts[i].encode("utf-8", "replace") for i in chosen])


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
