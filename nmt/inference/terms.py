"""Wanted translations of terms, put into a translation that was made without them.

A constrained search (:mod:`nmt.decoding.phrase_beam`) adapts what is before a term, such as an article. But what a
model writes after words that it never saw is often no translation any more. So the words that are linked to a term in
the free translation are replaced, too; and where the search changed more of the rest than the word before each term,
the sentence with the replaced words is taken.

An export has fixed its search, so of one the words are replaced and nothing else: see :func:`apply_glossary`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from nmt.errors import InputError
from nmt.inference.glossary import FoundTerm, Glossary, Term
from nmt.markup.links import links_of, units
from nmt.markup.placing import best_run, is_stop
from nmt.translation import Translation

# Returns the log-probabilities of given translations.
Score = Callable[[list[str], list[str]], list[float]]

# The share of the links of a word to a term from which on it may give way to it, if no word has half of them there.
_UNSURE = 0.1
# Words at the beginning of what is linked to a term that may stay: an article, a preposition.
_MAY_STAY = 3
_SIGN = "\0"


def replaced(source: str, free: Translation, found: Sequence[FoundTerm], frequent: Collection[str]) -> str | None:
    """Return a translation with its terms in the place of the words that are linked to them.

    Frequent words at the beginning of these, as an article or a preposition, stay.

    Arguments:
        source: the sentence.
        free: its translation without a glossary.
        found: its terms.
        frequent: the most frequent words of the target language, in small letters.

    Returns:
        The text; ``None`` if no alignment tells which words these are.

    >>> free = Translation("I ate an apple", 0.0, ("▁나는", "▁사과를", "▁먹었다"), ("▁I", "▁ate", "▁an", "▁apple"),
    ...                    [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0]])
    >>> replaced("나는 사과를 먹었다", free, [FoundTerm(3, 5, Term("사과", "orange"))], {"the", "an"})
    'I ate an orange'
    """
    edits = _edits(source, free, found)
    if edits is None:
        return None
    return _edited(free.text, edits, [_frequent(free.text, edit, frequent) for edit in edits])


def apply_glossary(
    sources: Sequence[str],
    free: Sequence[Translation],
    glossary: Glossary,
    frequent: Collection[str] | None = None,
    score: Score | None = None,
) -> list[Translation]:
    """Return translations with the terms of a glossary in the place of the words that are linked to them.

    What has the wanted translations already stays as it is, and a term that no word is linked to changes nothing. Of
    the words at the beginning of those that are linked to a term, as an article or a preposition, the frequent ones
    stay; without ``frequent`` as many of them as make the sentence the likeliest.

    Arguments:
        sources: the sentences.
        free: their translations, made without a glossary.
        glossary: the terms.
        frequent: the most frequent words of the target language, in small letters.
        score: the model's score. Without it that of a changed translation is not a number.

    Raises:
        InputError: if a model without alignments has a sentence with a term.

    >>> free = Translation("I ate an apple", 0.0, ("▁나는", "▁사과를", "▁먹었다"), ("▁I", "▁ate", "▁an", "▁apple"),
    ...                    [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0]])
    >>> (changed,) = apply_glossary(["나는 사과를 먹었다"], [free], Glossary({"사과": "orange"}), {"the", "an"})
    >>> changed.text, changed.tokens, changed.score
    ('I ate an orange', ('▁I', '▁ate', '▁an', '▁orange'), nan)
    """
    results = list(free)
    wanted: dict[int, list[_TermEdit]] = {}
    for i, (source, one) in enumerate(zip(sources, free, strict=True)):
        if not one.tokens or not glossary.missing(source, one.text):
            continue
        if one.alignment is None:
            raise InputError("This model has no alignments, so nothing tells which words the glossary is to replace.")
        if edits := _edits(source, one, glossary.find(source), unsure=True):
            wanted[i] = edits
    if frequent is None and score is not None:
        staying = _likeliest(sources, free, wanted, score)
    else:
        staying = {i: [_frequent(free[i].text, edit, frequent or ()) for edit in edits] for i, edits in wanted.items()}
    for i, edits in wanted.items():
        results[i] = _with_terms(sources[i], free[i], edits, staying[i])
    if score is not None and wanted:
        scores = score([sources[i] for i in wanted], [results[i].text for i in wanted])
        for i, each in zip(wanted, scores, strict=True):
            results[i] = replace(results[i], score=each, rank=each)
    return results


class _TermEdit(NamedTuple):
    """What one term changes: ``text[start:end]`` becomes its translation.

    Attributes:
        places: ``start`` and ``end``, the first if no word stays, the next if one does, and so on.
        words: where the words are that may stay.
        target: the wanted translation.
    """

    places: list[tuple[int, int]]
    words: list[tuple[int, int]]
    target: str


def _edits(source: str, free: Translation, found: Sequence[FoundTerm], unsure: bool = False) -> list[_TermEdit] | None:
    """Return what the terms of a sentence change, in the order of the text; ``None`` if one has no linked words.

    With ``unsure`` a word is enough that has fewer than half of its links there, and the most of all, and a term
    without one is left out.
    """
    links = links_of(source, free)
    shares = links.weights / np.maximum(links.weights.sum(1, keepdims=True), 1e-9)
    left = np.ones(len(links.target), bool)
    edits = []
    for each in found:
        covered = np.array([place.start < each.end and place.end > each.start for place in links.source], float)
        linked = shares @ covered
        first, last = best_run(linked - 0.5, left)
        if first == last or linked[first:last].mean() < 0.5:
            if not unsure:
                return None
            if not left.any():
                break
            first = int(np.where(left, linked, -1).argmax())
            last = first + 1
            if linked[first] < _UNSURE:
                continue
        left[first:last] = False
        words = [(place.start, place.end) for place in links.target[first : min(first + _MAY_STAY, last - 1)]]
        places = [
            (place.start, _before_stops(free.text, place.start, links.target[last - 1].end))
            for place in links.target[first : first + len(words) + 1]
        ]
        edits.append(_TermEdit(places, words, each.term.target))
    return sorted(edits, key=lambda edit: edit.places)


def _before_stops(text: str, start: int, end: int) -> int:
    """Return the end of a part without the stops there, of which a part that is nothing else keeps one."""
    while end - start > 1 and is_stop(text[end - 1]):
        end -= 1
    return end


def _frequent(text: str, edit: _TermEdit, frequent: Collection[str]) -> int:
    """Return how many words at the beginning of an edit are frequent ones."""
    stay = 0
    while stay < len(edit.words) and text[slice(*edit.words[stay])].lower() in frequent:
        stay += 1
    return stay


def _likeliest(
    sources: Sequence[str], free: Sequence[Translation], wanted: dict[int, list[_TermEdit]], score: Score
) -> dict[int, list[int]]:
    """Return for each term how many words stay in the likeliest sentence, while none stays of the other terms."""
    tried = [
        (i, number, stay)
        for i, edits in wanted.items()
        for number, edit in enumerate(edits)
        for stay in (range(len(edit.places)) if edit.words else ())
    ]
    texts = [
        _edited(free[i].text, wanted[i], [stay * (n == number) for n in range(len(wanted[i]))])
        for i, number, stay in tried
    ]
    staying = {i: [0] * len(edits) for i, edits in wanted.items()}
    best: dict[tuple[int, int], float] = {}
    scores = score([sources[i] for i, _, _ in tried], texts) if tried else []
    for (i, number, stay), each in zip(tried, scores, strict=True):
        if each > best.get((i, number), -math.inf):
            best[i, number], staying[i][number] = each, stay
    return staying


def _edited(text: str, edits: Sequence[_TermEdit], staying: Sequence[int]) -> str:
    """Return a text with its edits."""
    for edit, stay in reversed(list(zip(edits, staying, strict=True))):
        start, end = edit.places[stay]
        text = text[:start] + edit.target + text[end:]
    return text


def _with_terms(source: str, free: Translation, edits: Sequence[_TermEdit], staying: Sequence[int]) -> Translation:
    """Return a translation with its edits.

    Each word of a term is a piece, and has the mean of the weights of the pieces that gave way to it. What was known of
    the pieces that are gone, their scores and a confidence, is not known of these.
    """
    places, of_pieces = units(free.text, free.tokens, free.target_words)
    rows = np.asarray(free.alignment, np.float32)
    tokens: list[str] = []
    weights: list[np.ndarray] = []
    kept = 0
    for edit, stay in zip(edits, staying, strict=True):
        start, end = edit.places[stay]
        inside = [n for n, place in enumerate(places) if place.start < end and place.end > start]
        gone = [i for i, unit in enumerate(of_pieces) if unit in inside] if inside else []
        if not gone:
            continue
        spelt = free.text[places[inside[0]].start : start] + edit.target + free.text[end : places[inside[-1]].end]
        # In a script without spaces a term may stand within a word.
        begins = free.tokens[gone[0]].startswith("▁")
        words = [("▁" if begins or n else "") + word for n, word in enumerate(spelt.split())]
        tokens += [*free.tokens[kept : gone[0]], *words]
        weights += [*rows[kept : gone[0]], *[rows[gone[0] : gone[-1] + 1].mean(0)] * len(words)]
        kept = gone[-1] + 1
    tokens += free.tokens[kept:]
    weights += list(rows[kept:])
    return replace(
        free,
        text=_edited(free.text, edits, staying),
        tokens=tuple(tokens),
        alignment=np.stack(weights),
        score=math.nan,
        rank=math.nan,
        token_scores=(),
        confidence=None,
        word_confidences=(),
        target_words=None,
    )


def keeps_the_rest(searched: str, other: str, terms: Sequence[Term]) -> bool:
    """Return whether two translations differ, outside of their terms, in no more than the word before each term.

    >>> keeps_the_rest("I ate a pear", "I ate an pear", [Term("사과", "pear")])
    True
    >>> keeps_the_rest("The pear delicious", "The pear is delicious", [Term("사과", "pear")])
    False
    """
    return _rest(searched, terms) == _rest(other, terms)


def _rest(text: str, terms: Sequence[Term]) -> list[str]:
    """Return the words of a text without those before its terms, and a sign for each term."""
    for term in sorted(terms, key=lambda each: -len(each.target)):
        text = text.replace(term.target, _SIGN, 1)
    words = text.lower().split()
    return [
        word
        for word, following in zip(words, [*words[1:], ""], strict=True)
        if word.startswith(_SIGN) or not following.startswith(_SIGN)
    ]
