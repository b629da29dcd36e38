"""Translator: text in, translations out. What a trained model is, apart from its training."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from nmt import translation
from nmt.config import Config, Decoding
from nmt.data.tokenizers import Tokenizers
from nmt.decoding.ensemble import Ensemble
from nmt.decoding.strategies import chosen, numbers_for
from nmt.errors import InputError
from nmt.evaluation.alignment import WordAlignment, Words, by_word
from nmt.inference.graph import Graph
from nmt.inference.parallel import abreast, shared_out, together
from nmt.models.seq2seq import Seq2Seq
from nmt.saving import load, save

# A batch holds scores of every word of the vocabulary for so many target words, at most. Two are usual at a time; where
# there are more of them, each is smaller.
_FORCED = 4096
# And so many hypotheses are continued at once.
_ROWS = 640


@dataclass(frozen=True)
class Translation(translation.Translation):
    """A translation as the package makes it: its alignment is an array, and is merged to words on demand.

    Attributes:
        source_words, target_words: the words of the texts that were given, and the word of each piece; ``None`` where
            the pieces are all there is.
    """

    source_words: Words | None = None
    target_words: Words | None = None

    def words(self) -> WordAlignment:
        """Return the alignment of words, merged from that of the pieces.

        Raises:
            InputError: if there is none.
        """
        if self.alignment is None:
            raise InputError("This model has no alignments: with model.attention = 'none' it looks at no source word.")
        source, target = self.source_words or self.source_tokens, self.target_words or self.tokens
        return by_word(source, target, self.alignment)


_BLANK = Translation("", 0.0, (), (), np.zeros([0, 1], np.float32))


class Translator:
    """A model with its tokenizers, ready to translate.

    Arguments:
        model: the trained model, or several that write together, an :class:`~nmt.decoding.ensemble.Ensemble`.
        text: the tokenizers it was trained with.
        config: the configuration it was made from. Its section ``decoding`` says how to search.
    """

    def __init__(self, model: Seq2Seq | Ensemble, tokenizers: Tokenizers, config: Config) -> None:
        self.model = model
        self.tokenizers = tokenizers
        self.config = config
        self._graph = Graph(model, tokenizers)
        self._searches: dict[tuple[Decoding, bool], Callable] = {}
        strings = tf.TensorSpec([None], tf.string)
        signature = [strings, strings, tf.TensorSpec([], tf.int32)]
        self._force = tf.function(self._graph.force, input_signature=signature, autograph=False)

    @classmethod
    def load(cls, folder: str | Path, *others: str | Path) -> Translator:
        """Open a model's folder; with ``others`` all of them, as an ensemble that is searched as the first would be.

        Raises:
            InputError: if one is no model, incomplete, damaged, or a language model, or has another vocabulary.
        """
        models: list[Seq2Seq] = []
        texts: list[Tokenizers] = []
        config: Config | None = None
        for place in (folder, *others):
            model, tokenizers, own = load(Path(place))
            if not isinstance(model, Seq2Seq):
                raise InputError(
                    f"{place} is a language model: it has no source to translate. `nmt complete` goes on from a "
                    "beginning."
                )
            if texts and (tokenizers.source.model, tokenizers.target.model) != (
                texts[0].source.model,
                texts[0].target.model,
            ):
                raise InputError(
                    f"{place} has another vocabulary than {folder}. Models that write together need the same: train "
                    "them on the same pairs with other seeds, or one from the other by `nmt train --from`."
                )
            if own.model.positions == "learned" and own.model.max_positions <= (config or own).decoding.max_length:
                raise InputError(
                    f"{place} has learned {own.model.max_positions} places and {folder} may need one more than its "
                    f"decoding.max_length, {(config or own).decoding.max_length}. Name {place} first."
                )
            models.append(model)
            texts.append(tokenizers)
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
        save(Path(folder), self.model, self.tokenizers, self.config)

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

        def translate(chosen: list[int]) -> None:
            numbers = numbers_for(how, [first + i for i in chosen])
            sources, begun = [texts[i] for i in chosen], [begins[i] for i in chosen]
            outputs = graph(_strings(sources), _strings(begun), numbers)
            for i, found in zip(chosen, self._unpacked(outputs, sources, begun), strict=True):
                results[i] = found

        # So many hypotheses at a time, for each holds scores of the whole vocabulary.
        size = max(1, min(how.batch_size, _shared(_ROWS) // max(how.beam, how.n_best)))
        abreast(translate, shared_out(waiting, size))
        return results

    def score(self, sources: Sequence[str], targets: Sequence[str], **decoding: Any) -> list[Translation]:
        """Force the model to write given translations, and return what it makes of them.

        Each comes back as a :class:`Translation` with the given text, its score, token by token, and its alignment. Of
        a side with more than ``decoding.max_length`` pieces the rest is left out, and ``truncated`` is true.

        Arguments:
            sources, targets: sentences and their translations.
            decoding: keys of the config's section that are different this time, such as ``max_length``.

        Raises:
            ValueError: if there are not as many of one as of the other.
        """
        if len(sources) != len(targets):
            raise ValueError(f"{len(sources)} sources and {len(targets)} targets are no pairs.")
        results = [_BLANK] * len(targets)
        how = self.decoding(**decoding)
        most = how.max_length
        lengths = [min(n, most) + 1 for n in self._pieces(targets)]
        waiting = sorted(range(len(targets)), key=lambda i: lengths[i])
        groups = []
        while waiting:
            size = how.batch_size
            # As many as fit beside the longest of them.
            while size > 1 and size * lengths[waiting[:size][-1]] > _shared(_FORCED):
                size //= 2
            groups.append(waiting[:size])
            waiting = waiting[size:]

        def force(chosen: list[int]) -> None:
            read, written = [sources[i] for i in chosen], [targets[i] for i in chosen]
            outputs = self._force(_strings(read), _strings(written), tf.constant(most))
            for i, (found,) in zip(chosen, self._unpacked(outputs, read, written, forced=True), strict=True):
                results[i] = found

        abreast(force, groups)
        return results

    def decoding(self, **changes: Any) -> Decoding:
        """Return how to search: the config's section with changes.

        Raises:
            InputError: if a key or value does not exist or makes no sense.
        """
        how = chosen(self.config, self.tokenizers.target.vocabulary, **changes)
        if how.coverage_penalty and not self.model.aligned:
            raise InputError("decoding.coverage_penalty counts where a model looked, and this one looks nowhere.")
        return how

    def _prefixes(self, texts: Sequence[str], prefixes: Sequence[str] | None, how: Decoding) -> list[str]:
        """Return what each translation begins with, once it is known to leave room."""
        if prefixes is None:
            return [""] * len(texts)
        if len(prefixes) != len(texts):
            raise ValueError(f"{len(texts)} texts need as many prefixes, not {len(prefixes)}.")
        for prefix, pieces in zip(prefixes, self._pieces(prefixes), strict=True):
            if pieces >= how.max_length:
                raise InputError(
                    f"The prefix '{prefix[:40]}' has {pieces} pieces, and a translation at most {how.max_length}. "
                    "Raise decoding.max_length or shorten it."
                )
        return list(prefixes)

    def _pieces(self, targets: Sequence[str]) -> list[int]:
        """Count the pieces of each target text."""
        if not targets:
            return []
        return self.tokenizers.target.encode(_strings(targets)).row_lengths().numpy().tolist()

    def _search(self, how: Decoding, prefixed: bool) -> Callable:
        """Return the graph that searches in this way; it is made once."""
        if (how, prefixed) not in self._searches:
            strings = tf.TensorSpec([None], tf.string)
            signature = [strings, strings, tf.TensorSpec([None, None], tf.float32)]
            graph = partial(self._graph.translate, how, prefixed)
            self._searches[how, prefixed] = tf.function(graph, input_signature=signature, autograph=False)
        return self._searches[how, prefixed]

    def _unpacked(
        self, outputs: dict[str, tf.Tensor], sources: list[str], written: list[str], forced: bool = False
    ) -> Iterator[list[Translation]]:
        """Make the translations of each row from what a graph gives.

        Arguments:
            outputs: see :class:`~nmt.inference.graph.Graph`.
            sources: the texts that were given.
            written: what was given of the translations: their beginnings or, if they were ``forced``, all of them.
        """
        found = {name: tensor.numpy() for name, tensor in outputs.items()}
        for i, (source, given) in enumerate(zip(sources, written, strict=True)):
            read = found["source_lengths"][i]
            if not read and not forced:  # nothing but characters that normalisation removes
                yield [_BLANK]
                continue
            source_tokens = tuple(self.tokenizers.source.pieces(found["source"][i, :read]))
            source_words = self.tokenizers.source.words(source, source_tokens)
            best = []
            for j in np.flatnonzero(np.isfinite(found["ranks"][i])):
                length = found["lengths"][i, j]
                tokens = tuple(self.tokenizers.target.pieces(found["tokens"][i, j, :length]))
                # What was given may have characters that no piece spells.
                text = given if forced else given + _text(found["text"][i, j])[len(_text(found["begun"][i])) :]
                best.append(
                    Translation(
                        one_line(text),
                        float(found["scores"][i, j]),
                        source_tokens,
                        tokens,
                        # The end token's column follows the last piece, before the padding. A copy, for the whole is
                        # kept as long as any part of it.
                        found["alignment"][i, j, :length, : read + 1].copy() if self.model.aligned else None,
                        bool(found["truncated"][i]),
                        tuple(found["token_scores"][i, j, : length + 1 - int(found["cut"][i, j])].tolist()),
                        float(found["ranks"][i, j]),
                        source_words,
                        self.tokenizers.target.words(given, tokens) if forced else None,
                    )
                )
            yield best


def _shared(most: int) -> int:
    """Return what each of the batches that are worked on together may hold."""
    return most if together() <= 2 else 2 * most // together()


def _strings(texts: Sequence[str]) -> tf.Tensor:
    return tf.constant([text.encode("utf-8", "replace") for text in texts])


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def one_line(text: str) -> str:
    """Replace what a terminal or an editor might take for a line's end, or for a command, by a space.

    >>> one_line("a\\u2028b\\x1b[2J")
    'a b [2J'
    """
    return "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
