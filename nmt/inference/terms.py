"""Wanted translations of terms, put into a translation that was made without them.

A constrained search (:mod:`nmt.decoding.phrase_beam`) adapts what is before a term, such as an article. But what a
model writes after words that it never saw is often no translation any more. So the words that are linked to a term in
the free translation are replaced, too; and where the search changed more of the rest than the word before each term,
the sentence with the replaced words is taken.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from nmt.inference.glossary import Found, Term
from nmt.markup.links import links_of
from nmt.markup.placing import best_run, is_stop
from nmt.translation import Translation

# Words at the beginning of what is linked to a term that may stay: an article, a preposition.
_MAY_STAY = 3
_SIGN = "\0"


def replaced(source: str, free: Translation, found: Sequence[Found], frequent: Collection[str]) -> str | None:
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
    >>> replaced("나는 사과를 먹었다", free, [Found(3, 5, Term("사과", "orange"))], {"the", "an"})
    'I ate an orange'
    """
    links = links_of(source, free)
    shares = links.weights / np.maximum(links.weights.sum(1, keepdims=True), 1e-9)
    left = np.ones(len(links.target), bool)
    runs = []
    for each in found:
        covered = np.array([place.start < each.end and place.end > each.start for place in links.source], float)
        linked = shares @ covered
        first, last = best_run(linked - 0.5, left)
        if first == last or linked[first:last].mean() < 0.5:
            return None
        left[first:last] = False
        runs.append((first, last, each.term.target))
    text = free.text
    for first, last, target in sorted(runs, reverse=True):
        stay = 0
        while stay < min(_MAY_STAY, last - first - 1) and text[slice(*links.target[first + stay])].lower() in frequent:
            stay += 1
        start, end = links.target[first + stay].start, links.target[last - 1].end
        while end - start > 1 and is_stop(text[end - 1]):
            end -= 1
        text = text[:start] + target + text[end:]
    return text


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
