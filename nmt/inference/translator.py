"""Translator: a trained model, or several, with its tokenizers. Text in, translations out."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from nmt.config import Config, Decoding, beam_size
from nmt.data.term_annotations import AnnotatedText, Wanted, annotated, unmarked
from nmt.data.tokenizers import BOS, EOS, UNK, Tokenizers
from nmt.decoding.ensemble import Ensemble
from nmt.decoding.phrases import phrases_of
from nmt.decoding.shortlist import SPECIAL, Shortlist
from nmt.decoding.strategies import numbers_for
from nmt.documents.document import DocumentTranslation, translate_document
from nmt.documents.sentences import Splitter, script_of, sentencex
from nmt.documents.tagged import Format
from nmt.errors import InputError
from nmt.evaluation import scripts
from nmt.evaluation.confidence import Confidence
from nmt.inference.confidence_file import read as read_confidence
from nmt.inference.confidence_file import with_confidence
from nmt.inference.confidence_file import write as write_confidence
from nmt.inference.glossary import FoundTerm, Glossary, Term
from nmt.inference.graph import XLA_WITHOUT_TERMS, Outputs, Searched, TranslationGraph, traced
from nmt.inference.head_file import TokenAligner
from nmt.inference.head_file import read as read_head
from nmt.inference.head_file import write as write_head
from nmt.inference.link_shortlist import read as read_shortlist
from nmt.inference.link_shortlist import write as write_shortlist
from nmt.inference.lite import LiteSearch
from nmt.inference.parallel import PARALLEL_BATCHES
from nmt.inference.searcher import NUMBERS, STRINGS, Searcher, count_pieces
from nmt.inference.strings import continued, encoded, one_line, readable, text_list
from nmt.inference.terms import keeps_the_rest, replaced
from nmt.layers.alignment_head import AlignmentHead
from nmt.markup.placeholders import STAND_INS
from nmt.markup.translate import MarkedTranslation, translate_marked
from nmt.model_folder import HEAD
from nmt.models.linked import LinkedModel
from nmt.models.seq2seq import Seq2Seq
from nmt.models.shifted import ShiftedAttention, ShiftedModel
from nmt.saving import load
from nmt.translation import Translation

PHRASES = (
    tf.TensorSpec([None, None, None], tf.int32),
    tf.TensorSpec([None, None, 2], tf.int32),
    tf.TensorSpec([None], tf.bool),
)
# Beams for phrases, and the number of their tokens that the largest has a place for.
_WANTED_BEAMS = (8, 16, 32, 64)
_MAX_WANTED = _WANTED_BEAMS[-1] - 1
# The tokens of a phrase, and the source tokens it translates.
Phrase = tuple[list[int], tuple[int, int]]
_DRAWN = "A glossary needs a search, and a sample is drawn by chance. Leave one of them out."
_BLANK = Translation(text="", score=0.0, alignment=np.zeros([0, 1], np.float32))


class Translator(Searcher):
    """A model with its tokenizers, ready to translate.

    Arguments:
        model: the trained model, or several that are searched as one, an :class:`~nmt.decoding.ensemble.Ensemble`.
        tokenizers, config, parallel_batches: see :class:`~nmt.inference.searcher.Searcher`.
        shortlist: what ``decoding.shortlist`` limits a search to; see :mod:`nmt.inference.link_shortlist`.
        heads: for each model its alignment head, or the attention in its place, or ``None``; see
            :mod:`nmt.inference.head_file`. Alignments come from these; without any they are what the decoder attends
            to.
        confidence: what tells how likely a translation and its words are right; see :mod:`nmt.inference.calibration`.
        lite: whether a text by itself is searched greedily in LiteRT's interpreter, in about half the time; see
            :class:`~nmt.inference.lite.LiteSearch`. The first such text waits some seconds for a conversion of the
            model. Everything else is searched as without it.
        callers: see :class:`~nmt.inference.searcher.Searcher`.

    >>> translator = Translator.load("my-model")                             # doctest: +SKIP
    >>> translator.translate(["나는 밥을 먹었다"], beam=5)[0].text           # doctest: +SKIP
    'I ate rice'
    """

    model: Seq2Seq | Ensemble

    def __init__(
        self,
        model: Seq2Seq | Ensemble,
        tokenizers: Tokenizers,
        config: Config,
        parallel_batches: int = PARALLEL_BATCHES,
        shortlist: Shortlist | None = None,
        heads: Sequence[TokenAligner | None] = (),
        confidence: Confidence | None = None,
        lite: bool = False,
        callers: int = 1,
    ) -> None:
        super().__init__(model, tokenizers, config, parallel_batches=parallel_batches, callers=callers)
        self.shortlist = shortlist
        self.heads = tuple(heads)
        self.confidence = confidence
        self.searched = _linked(model, self.heads)
        models = model.models if isinstance(model, Ensemble) else (model,)
        # A decoder without learned positions has no limit.
        limits = [limit for each in models if (limit := getattr(each.decoder, "positions", 0))]
        self._positions = min(limits, default=None)
        self._graph = TranslationGraph(self.searched, tokenizers, shortlist)
        signature = [STRINGS, STRINGS, tf.TensorSpec([], tf.int32)]
        self._score = traced(self._graph.score, signature)
        self._lite = LiteSearch(self) if lite else None

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *others: str | Path,
        parallel_batches: int = PARALLEL_BATCHES,
        attention: bool = False,
        confidence: bool = True,
        shortlist: bool = True,
        lite: bool = False,
        callers: int = 1,
    ) -> Translator:
        """Open a model's folder; with ``others`` all of them, as an ensemble that is searched as the first would be.

        The shortlist is that of the first. A confidence was learned from the scores of one model with its alignments,
        so an ensemble has none, nor has a model with a head that does not align.

        Arguments:
            folder, others: of the models.
            parallel_batches: see :class:`~nmt.inference.searcher.Searcher`.
            attention: whether alignments are what the decoder attends to while it writes, also if a folder has an
                alignment head.
            confidence: whether the confidence is read, if there is one.
            shortlist: whether the shortlist is read, if there is one.
            lite: whether a text by itself is searched in LiteRT's interpreter, see :class:`Translator`.
            callers: see :class:`~nmt.inference.searcher.Searcher`.

        Raises:
            InputError: if one holds no model or a language model, is incomplete or damaged, or has another vocabulary.
        """
        models: list[Seq2Seq] = []
        heads: list[TokenAligner | None] = []
        first: tuple[Tokenizers, Config] | None = None
        for place in (folder, *others):
            model, tokenizers, config = load(Path(place))
            if not isinstance(model, Seq2Seq):
                raise InputError(f"{place} is a language model: it has no source to translate. Use `nmt complete`.")
            models.append(model)
            heads.append(None if attention else read_head(Path(place), model))
            first = first or (tokenizers, config)
            if not (
                tokenizers.source.same_vocabulary(first[0].source)
                and tokenizers.target.same_vocabulary(first[0].target)
            ):
                raise InputError(
                    f"{place} has another vocabulary than {folder}. The models of an ensemble need the same one: train "
                    "them on the same pairs with other seeds, or one from the other by `nmt train --from`."
                )
            longest = max(first[1].decoding.max_length, first[1].data.max_length)
            if config.model.positions == "learned" and config.model.max_positions <= longest:
                raise InputError(
                    f"{place} has learned {config.model.max_positions} positions and {folder} may need one more than "
                    f"its decoding.max_length or data.max_length, {longest}. Name {place} first."
                )
        assert first
        listed = read_shortlist(Path(folder), first[0]) if shortlist else None
        other_alignment = attention and (Path(folder) / HEAD).is_file()
        learned = read_confidence(Path(folder)) if confidence and not (others or other_alignment) else None
        searched = Ensemble(models) if others else models[0]
        tokenizers, config = first
        return cls(
            searched,
            tokenizers,
            config,
            parallel_batches=parallel_batches,
            shortlist=listed,
            heads=heads,
            confidence=learned,
            lite=lite,
            callers=callers,
        )

    def decoding(self, **changes: Any) -> Decoding:
        """Return the settings of a search: the config's section with changes.

        Raises:
            InputError: for a key or value that does not exist or is invalid, or a length that one of the models has no
                positions for.
        """
        settings = super().decoding(**changes)
        if self._positions is not None and self._positions <= settings.max_length:
            raise InputError(
                f"decoding.max_length = {settings.max_length}, and a model has learned {self._positions} positions: it "
                f"must be less than that."
            )
        return settings

    @property
    def aligned(self) -> bool:
        """Whether its translations have an alignment: from an alignment head, or from an attention."""
        return self.searched.aligned

    @property
    def linked(self) -> bool:
        """Whether alignments are links, and not what the decoder attends to while it writes."""
        return any(self.heads)

    @property
    def linker(self) -> str:
        """What finds its links, in words; empty if alignments are what the decoder attends to while it writes."""
        names = ((ShiftedAttention, "the shifted attention"), (AlignmentHead, "the alignment head"))
        return " and ".join(name for kind, name in names if any(isinstance(each, kind) for each in self.heads))

    @property
    def annotates(self) -> bool:
        """Whether the model has learned from annotations, in which it reads the terms of a glossary."""
        return self.config.data.term_annotations > 0

    def save(self, folder: str | Path) -> None:
        """Write a folder that ``load`` opens anywhere.

        Raises:
            InputError: if the folder exists and is not empty, the model was not built from the config, or is an
                ensemble.
        """
        if isinstance(self.model, Ensemble):
            raise InputError("An ensemble has a folder for each model. Save its models one by one.")
        super().save(folder)
        if self.shortlist:
            write_shortlist(Path(folder), self.shortlist, self.tokenizers)
        if self.heads and self.heads[0]:
            write_head(Path(folder), self.heads[0])
        if self.confidence:
            write_confidence(Path(folder), self.confidence)

    def translate(
        self,
        texts: Sequence[str],
        prefixes: Sequence[str] | None = None,
        first: int = 0,
        glossary: Glossary | None = None,
        **decoding: Any,
    ) -> list[Translation]:
        """Translate, in the order given. A blank text has a blank translation.

        Arguments:
            texts: sentences; a line break inside one counts as a space.
            prefixes: what the translation of each begins with.
            first: the number of the first text, which the random numbers of sampling depend on.
            glossary: terms whose translations are wanted, see :class:`~nmt.inference.glossary.Glossary`. Texts without
                any are translated as without it; others by a beam search for translations that have them, see
                :mod:`nmt.decoding.phrase_beam`. A model that has learned from annotations reads them in the source
                first, and may inflect them, see :mod:`nmt.data.term_annotations`.
            decoding: keys of the config's section that are different this time, as in ``beam=5, length_penalty=1.0``.

        Raises:
            InputError: for a key or value that does not exist or is invalid, a prefix that is too long, or a glossary
                with sampling, or with a translation that the vocabulary cannot spell.
            TypeError: for a string instead of a list of texts or prefixes.
            ValueError: if there is not one prefix for each text.
        """
        return [found[0] for found in self.hypotheses(texts, prefixes, first, glossary, **decoding)]

    def hypotheses(
        self,
        texts: Sequence[str],
        prefixes: Sequence[str] | None = None,
        first: int = 0,
        glossary: Glossary | None = None,
        **decoding: Any,
    ) -> list[list[Translation]]:
        """Translate as :meth:`translate` does, and return the ``n_best`` translations of each text, the best first.

        There are fewer if the search found no more. A blank text has one, and it is blank.

        Arguments:
            texts, prefixes, first, glossary, decoding: as those of :meth:`translate`.

        Raises:
            InputError, TypeError, ValueError: as :meth:`translate`.
        """
        texts = text_list(texts, "sentences")
        prefixes = None if prefixes is None else text_list(prefixes, "prefixes")
        settings = self.decoding(**decoding)
        if glossary and self.annotates:
            return self._annotated(texts, prefixes=prefixes, first=first, glossary=glossary, settings=settings)
        return self._searched_all(texts, prefixes=prefixes, first=first, glossary=glossary, settings=settings)

    def _searched_all(
        self,
        texts: Sequence[str],
        prefixes: Sequence[str] | None,
        first: int,
        glossary: Glossary | None,
        settings: Decoding,
    ) -> list[list[Translation]]:
        """Return what :meth:`hypotheses` does, with the terms of a glossary by a constrained search."""
        whole, texts = texts, [readable(text) for text in texts]
        begins = [""] * len(texts) if prefixes is None else prefixes
        if prefixes is not None:
            self._check_prefixes(texts, begins, settings)
        results = [[_BLANK] for _ in texts]
        # Sentences of similar length waste no work on padding.
        waiting = sorted((i for i, text in enumerate(texts) if text.strip()), key=lambda i: len(texts[i]))
        found = {i: terms for i in waiting if (terms := glossary.find(texts[i]))} if glossary else {}
        if found and settings.sample:
            raise InputError(_DRAWN)
        phrases = {i: wanted for i in found if (wanted := self._phrases(texts[i], found[i]))}
        starts = self.tokenizers.target.starts() if phrases else []

        def keep(batch: list[int], outputs: Outputs | dict[str, np.ndarray], phrased: bool = False) -> None:
            sources, begun = [texts[i] for i in batch], [begins[i] for i in batch]
            for i, best in zip(batch, self._translations(outputs, sources, begun), strict=True):
                # What is drawn at random, what is not the best and what has to be there is right less often than the
                # scores say.
                if self.confidence and not settings.sample and not phrased:
                    best = [with_confidence(best[0], self.confidence), *best[1:]]
                if len(texts[i]) < len(whole[i]):
                    best = [replace(each, source_truncated=True) for each in best]
                results[i] = best

        lite = self._lite if len(waiting) == 1 and prefixes is None and not phrases else None
        if lite and lite.serves(settings) and (alone := self._searched_alone(lite, settings, texts[waiting[0]])):
            keep(waiting, alone)
            return results
        # A text has hardly more pieces than characters, and no more of them are read.
        lengths = [min(len(text), settings.max_length) + 1 for text in texts]

        def search(rows: list[int], settings: Decoding, phrased: bool) -> None:
            graph = self.graphs(settings, prefixes is not None, *([True] if phrased else []))

            def translate(batch: list[int]) -> None:
                numbers = numbers_for(settings, [first + i for i in batch])
                sources, begun = [texts[i] for i in batch], [begins[i] for i in batch]
                more = phrases_of([phrases[i] for i in batch], starts) if phrased else ()
                keep(batch, graph(encoded(sources), encoded(begun), numbers, *more), phrased)

            self._search_all(translate, rows, settings, lengths)

        search(waiting, settings, False)
        if phrases:
            without = {i: results[i][0] for i in phrases}
            by_beam: dict[int, list[int]] = {}
            for i in waiting:
                if i in phrases:
                    by_beam.setdefault(self._beam_for(phrases[i], settings), []).append(i)
            for beam, rows in by_beam.items():
                search(rows, replace(settings, beam=beam), True)
            if prefixes is None:
                self._choose(texts, found=found, without=without, results=results, settings=settings)
        return results

    def check_glossary(self, glossary: Glossary, **decoding: Any) -> None:
        """Check that the model can write all translations of a glossary, and read them if it reads annotations.

        Arguments:
            glossary: the terms.
            decoding: keys of the config's section that are different this time.

        Raises:
            InputError: for one that the vocabulary cannot spell, and for a search that knows no glossary.
        """
        settings = self.decoding(**decoding)
        if settings.sample:
            raise InputError(_DRAWN)
        if settings.xla:
            raise InputError(XLA_WITHOUT_TERMS)
        for term in glossary.terms:
            self._spelt(term)

    def _annotated(
        self,
        texts: Sequence[str],
        prefixes: Sequence[str] | None,
        first: int,
        glossary: Glossary,
        settings: Decoding,
    ) -> list[list[Translation]]:
        """Return what :meth:`hypotheses` does, with the wanted translations of terms beside them in the source.

        Texts whose translation lacks one are searched for those that have it.
        """
        whole, texts = texts, [readable(text) for text in texts]
        found = [glossary.find(text) for text in texts]
        if any(found) and settings.sample:
            raise InputError(_DRAWN)
        for terms in found:
            for each in terms:
                self._spelt(each.term)
        read = [
            annotated(text, [Wanted(each.start, each.end, each.term.target) for each in terms])
            for text, terms in zip(texts, found, strict=True)
        ]
        lines = [one.text if terms else given for given, one, terms in zip(whole, read, found, strict=True)]
        several = self._searched_all(lines, prefixes=prefixes, first=first, glossary=None, settings=settings)
        results = [
            [self._without_annotations(each, text, one) for each in best] if terms else best
            for best, text, one, terms in zip(several, texts, read, found, strict=True)
        ]
        lacking = [i for i, text in enumerate(texts) if found[i] and glossary.missing(text, results[i][0].text)]
        begins = None if prefixes is None else [prefixes[i] for i in lacking]
        forced = self._searched_all(
            [texts[i] for i in lacking], prefixes=begins, first=first, glossary=glossary, settings=settings
        )
        for i, best in zip(lacking, forced, strict=True):
            results[i] = best
        return results

    def _without_annotations(self, found: Translation, text: str, read: AnnotatedText) -> Translation:
        """Return the translation of an annotated text as one of the text itself.

        The weights of what was inserted are added to those of its term.
        """
        source = self.tokenizers.source
        ends = [end for _, end in source.places(text)]
        pieces = source.places(read.text)[: len(found.source_tokens)]
        # An empty piece may stand before all characters.
        origins = [read.origins[max(end - 1, 0)] for _, end in pieces]
        columns = [min(bisect.bisect_right(ends, origin), len(ends) - 1) for origin in origins]
        kept = max(columns, default=-1) + 1 if found.source_truncated else len(ends)
        tokens = tuple(source.pieces(source.ids(text)[:kept]))
        alignment = found.alignment
        if alignment is not None:
            alignment = np.zeros([len(found.tokens), kept + 1], np.float32)
            for column, weights in zip(columns, found.alignment.T, strict=False):
                alignment[:, column] += weights
            alignment[:, -1] = found.alignment[:, -1]
        # What has to be there is right less often than the scores say.
        return replace(
            found,
            source_tokens=tokens,
            source_words=source.words(text, tokens),
            alignment=alignment,
            confidence=None,
            word_confidences=(),
        )

    def _choose(
        self,
        texts: Sequence[str],
        found: dict[int, list[FoundTerm]],
        without: dict[int, Translation],
        results: list[list[Translation]],
        settings: Decoding,
    ) -> None:
        """Put a translation whose linked words are replaced first, where the search changed much else.

        Arguments:
            texts: all of them.
            found: the terms of some.
            without: their translations without a glossary.
            results: the translations of all texts, which are changed.
            settings: of the search.
        """
        frequent = self.tokenizers.target.frequent()
        written: dict[int, str] = {}
        for i, free in without.items():
            text = replaced(texts[i], free, found[i], frequent) if self.aligned else None
            if text and not keeps_the_rest(results[i][0].text, text, [each.term for each in found[i]]):
                written[i] = text
        scored = self.score([texts[i] for i in written], list(written.values()), max_length=settings.max_length)
        for i, best in zip(written, scored, strict=True):
            results[i] = [replace(best, rank=best.score), *results[i][: settings.n_best - 1]]

    def _phrases(self, text: str, found: Sequence[FoundTerm]) -> list[Phrase]:
        """Return what the terms of a text ask for."""
        pieces = self.tokenizers.source.places(text)
        phrases: list[Phrase] = []
        # No beam has a place for more.
        left = _MAX_WANTED
        for start, end, term in found:
            tokens = self._spelt(term)
            inside = [n for n, piece in enumerate(pieces) if piece[0] < end and piece[1] > start]
            span = (inside[0], inside[-1] + 1) if inside else (0, 0)
            left -= len(tokens)
            if left >= 0:
                phrases.append((tokens, span))
        return phrases

    def _spelt(self, term: Term) -> list[int]:
        """Return the tokens of a wanted translation."""
        target = self.tokenizers.target
        if self.annotates and UNK in self.tokenizers.source.ids(unmarked(term.target)):
            raise InputError(
                f"The vocabulary of the model cannot read '{term.target}', the translation of '{term.source}' in the "
                "glossary. Give it another."
            )
        spaceless = script_of(term.target) in scripts.SPACELESS
        ids = target.inner_ids(term.target) if spaceless else target.ids(term.target)
        if UNK in ids or target.normalized(term.target).strip() != target.spelt(ids).strip() or not ids:
            raise InputError(
                f"The vocabulary of the model cannot spell '{term.target}', the translation of '{term.source}' in the"
                " glossary. Give it another."
            )
        return ids

    def _beam_for(self, phrases: Sequence[Phrase], settings: Decoding) -> int:
        """Return a beam with a place for each number of tokens of these phrases, of few sizes, as each has a graph."""
        wanted = sum(len(tokens) for tokens, _ in phrases) + 1
        size = next(size for size in _WANTED_BEAMS if size >= wanted)
        return min(max(beam_size(settings), size), self.tokenizers.target.vocabulary)

    def translate_document(
        self, text: str, language: str = "", splitter: Splitter = sentencex, **decoding: Any
    ) -> DocumentTranslation:
        """Translate a text of any length, sentence by sentence; paragraphs, lists and blank lines stay as they are.

        A sentence that is longer than the model reads is cut at a clause, and nothing is left out.

        Arguments:
            text: lines of sentences; a sentence does not go over the end of a line.
            language: of the text, such as ``ko``, whose rules find its sentences; empty to go by its script.
            splitter: finds the sentences of a paragraph, see :mod:`nmt.documents.sentences`.
            decoding: keys of the config's section that are different this time.

        Raises:
            InputError: for a key or value that does not exist or is invalid.
        """
        return translate_document(text, lambda some: self.translate(some, **decoding), language, splitter)

    def translate_marked(
        self,
        texts: Sequence[str],
        form: Format = "html",
        first: int = 0,
        glossary: Glossary | None = None,
        **decoding: Any,
    ) -> list[MarkedTranslation]:
        """Translate sentences with markup: tags move along the links of words, placeholders come out letter by letter.

        No tag and no placeholder (``{name}``, ``%s``, an address, a number) is lost or invented, and pairs of tags stay
        nested. Where the markup is broken, tags without a partner stay, and ``broken`` says what is wrong.

        Arguments:
            texts: sentences with markup.
            form: ``html``, ``xml``, or ``text`` for placeholders only.
            first, glossary: as of :meth:`translate`.
            decoding: keys of the config's section that are different this time.

        Raises:
            InputError: for a key or value that does not exist or is invalid, a model without alignments, or a text with
                more than 1,000 pairs of tags and tags alone.

        >>> translator = Translator.load("my-model")                                       # doctest: +SKIP
        >>> translator.translate_marked(["나는 <b>밥을</b> 먹었다"])[0].text                  # doctest: +SKIP
        'I ate <b>rice</b>'
        """
        texts = text_list(texts, "sentences")

        def translate(sentences: list[str]) -> list[Translation]:
            return self.translate(sentences, first=first, glossary=glossary, **decoding)

        return translate_marked(texts, translate, form, stand_ins=self.stand_ins())

    def stand_ins(self) -> list[str]:
        """Return words that the model knows, for :func:`nmt.markup.placeholders.keeping`.

        They are whole words of the source vocabulary, the most frequent first: where the script has capitals those that
        are never written small, then words of four letters or more.
        """
        source = self.tokenizers.source
        pieces = source.pieces(range(SPECIAL, source.vocabulary))
        words = [piece[1:] for piece in pieces if piece.startswith("▁") and len(piece) > 2 and piece[1:].isalpha()]
        known = set(words)
        names = [word for word in words if word[0].isupper() and word.lower() not in known]
        others = [word for word in words if word.lower() == word and (word.upper() == word or len(word) > 3)]
        return [*names, *others][:STAND_INS]

    def score(self, sources: Sequence[str], targets: Sequence[str], **decoding: Any) -> list[Translation]:
        """Score given translations by teacher forcing.

        Each is returned as a :class:`~nmt.translation.Translation` with the given text, its score, the score of each
        token, and its alignment. If a side has more than ``decoding.max_length`` pieces, the rest is left out, and
        ``truncated`` is true.

        Arguments:
            sources, targets: sentences and their translations.
            decoding: keys of the config's section that are different this time, such as ``max_length``.

        Raises:
            TypeError: for a string instead of a list.
            ValueError: if their numbers differ.
        """
        sources, targets = text_list(sources, "sources"), text_list(targets, "targets")
        if len(sources) != len(targets):
            raise ValueError(f"{len(sources)} sources and {len(targets)} targets do not make pairs.")
        results = [_BLANK] * len(targets)
        settings = self.decoding(**decoding)

        def score(batch: list[int]) -> None:
            read, given = [sources[i] for i in batch], [targets[i] for i in batch]
            outputs = self._score(encoded(read), encoded(given), tf.constant(settings.max_length))
            for i, (found,) in zip(batch, self._translations(outputs, read, given, whole=True), strict=True):
                results[i] = found

        pieces = zip(count_pieces(self.tokenizers.source, sources), self._pieces(targets), strict=True)
        lengths = [min(max(pair), settings.max_length) + 1 for pair in pieces]
        self._score_all(score, lengths, settings.batch_size)
        return results

    def _check_prefixes(self, texts: Sequence[str], prefixes: Sequence[str], settings: Decoding) -> None:
        """Check that there is one prefix for each text, and that a translation may be longer than its prefix."""
        if len(prefixes) != len(texts):
            raise ValueError(f"{len(texts)} texts need one prefix each, not {len(prefixes)} prefixes.")
        for prefix, pieces in zip(prefixes, self._pieces(prefixes), strict=True):
            if pieces >= settings.max_length:
                raise InputError(
                    f"The prefix '{prefix[:40]}' has {pieces} pieces, but a translation has at most "
                    f"{settings.max_length}. Raise decoding.max_length or shorten it."
                )

    def _search_graph(self, settings: Decoding, *more: bool) -> Callable[..., Outputs]:
        prefixed, *phrased = more
        translate = partial(self._graph.translate, settings, prefixed)
        signature = [STRINGS, STRINGS, NUMBERS, *(PHRASES if phrased else ())]
        return traced(translate, signature)

    def _searched_alone(self, lite: LiteSearch, settings: Decoding, text: str) -> dict[str, np.ndarray] | None:
        """Return for one text what the graph of a search returns; ``None`` if no piece of it is left."""
        pieces = self.tokenizers.source.ids(text)
        read = pieces[: settings.max_length]
        if not read:
            return None
        source = np.array([[*read, EOS]], np.int32)
        found = lite(settings, source)
        written = self.tokenizers.target.spelt(found["tokens"][0, 0, : found["lengths"][0, 0]].tolist())
        return {
            **found,
            "source": source,
            "source_lengths": np.array([len(read)]),
            "truncated": np.array([len(pieces) > len(read)]),
            "text": np.array([[written.encode()]], object),
            "begun": np.array([b""], object),
        }

    def _translations(
        self, outputs: Outputs | dict[str, np.ndarray], sources: list[str], given: list[str], whole: bool = False
    ) -> Iterator[list[Translation]]:
        """Make the translations of each row from the outputs of a graph.

        Arguments:
            outputs: see :class:`~nmt.inference.graph.TranslationGraph`.
            sources: the texts that were given.
            given: what was given of the translations: their beginnings or, if ``whole``, all of them.
        """
        arrays = {name: np.asarray(tensor) for name, tensor in outputs.items()}
        for i, (source, target) in enumerate(zip(sources, given, strict=True)):
            row = {name: array[i] for name, array in arrays.items()}
            read = row["source_lengths"]
            if not read and not whole:  # nothing but characters that normalisation removes
                yield [_BLANK]
                continue
            source_tokens = tuple(self.tokenizers.source.pieces(row["source"][:read]))
            source_words = self.tokenizers.source.words(source, source_tokens)
            best = []
            for j in np.flatnonzero(np.isfinite(row["ranks"])):
                length = row["lengths"][j]
                tokens = tuple(self.tokenizers.target.pieces(row["tokens"][j, :length]))
                best.append(
                    Translation(
                        text=one_line(target if whole else continued(target, row["begun"], row["text"][j])),
                        score=float(row["scores"][j]),
                        source_tokens=source_tokens,
                        tokens=tokens,
                        # The column of EOS follows the last piece, before the padding. A view would keep the arrays of
                        # the whole batch, so this is a copy.
                        alignment=row["alignment"][j, :length, : read + 1].copy() if self.aligned else None,
                        source_truncated=bool(row["truncated"]),
                        unfinished=bool(row["unfinished"][j]),
                        token_scores=tuple(row["token_scores"][j, : length + 1 - int(row["unfinished"][j])].tolist()),
                        rank=float(row["ranks"][j]),
                        source_words=source_words,
                        target_words=self.tokenizers.target.words(target, tokens) if whole else None,
                    )
                )
            yield best


def _linked(model: Seq2Seq | Ensemble, heads: tuple[TokenAligner | None, ...]) -> Searched:
    """Return what is searched: the model with its alignment head, or the models of an ensemble with theirs."""
    if not any(heads):
        return model
    models = model.models if isinstance(model, Ensemble) else (model,)
    linked = [
        each if head is None else ShiftedModel(each, head, BOS) if isinstance(head, ShiftedAttention)
        else LinkedModel(each, head)
        for each, head in zip(models, heads, strict=True)
    ]  # fmt: skip
    return Ensemble(linked) if isinstance(model, Ensemble) else linked[0]
