"""From the alignment of pieces to the alignment of words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from nmt.equal_results import equal_results

# SentencePiece writes a space as this character, at the front of the piece that begins a word.
_SPACE = "▁"
# What stands between plain spaces; a line break counts as a space.
WORD = re.compile(r"[^ \r\n]+")


@dataclass(frozen=True)
class WordAlignment:
    """The attention of each target word to each source word.

    Attributes:
        source, target: the words.
        weights: ``(target words, source words)``; a row sums to one, less the weight of the source's end token.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: np.ndarray = field(hash=False)

    def __eq__(self, other: object) -> bool:
        return equal_results(self, other)

    def strongest(self, target: str) -> str:
        """Return the source word with the largest weight for the first ``target`` word of this spelling.

        Raises:
            ValueError: if there is no such target word.
        """
        return self.source[int(np.argmax(self.weights[self.target.index(target)]))]


def split_words(text: str) -> list[str]:
    """Return the words of a text: what stands between plain spaces. A line break counts as a space.

    Other white space, such as U+00A0, is a part of the word that holds it, as for the programs that align words.

    >>> split_words(" I  ate\\u00a0rice ")
    ['I', 'ate\\xa0rice']
    """
    return WORD.findall(text)


class Words(NamedTuple):
    """The words of a sentence, and the word that each piece belongs to."""

    words: tuple[str, ...]
    places: tuple[int, ...]


def words(pieces: Sequence[str]) -> Words:
    """Join pieces to words. A space alone belongs to the word that follows it, or to the last one.

    >>> words(["▁I", "▁a", "te", "▁", "rice"])
    Words(words=('I', 'ate', 'rice'), places=(0, 1, 1, 2, 2))
    """
    joined: list[str] = []
    places: list[int] = []
    for piece in pieces:
        if not joined or (piece.startswith(_SPACE) and joined[-1]):
            joined.append("")
        joined[-1] += piece.replace(_SPACE, "")
        places.append(len(joined) - 1)
    if len(joined) > 1 and not joined[-1]:
        joined.pop()
    return Words(tuple(joined), tuple(min(place, len(joined) - 1) for place in places))


def through(first: WordAlignment, second: WordAlignment) -> WordAlignment | None:
    """Join the alignments of a translation through another language: ``w(j, i) = sum over k of w2(j, k) w1(k, i)``.

    Returns:
        ``None`` if the second does not read the words that the first wrote.

    >>> first = WordAlignment(("na", "bap"), ("I", "rice"), np.array([[1.0, 0], [0, 1]]))
    >>> second = WordAlignment(("I", "rice"), ("Reis", "ich"), np.array([[0.0, 1], [1, 0]]))
    >>> through(first, second).strongest("Reis")
    'bap'
    """
    if first.target != second.source:
        return None
    return WordAlignment(first.source, second.target, second.weights @ first.weights)


def by_word(source: Sequence[str] | Words, target: Sequence[str] | Words, weights: np.ndarray) -> WordAlignment:
    """Merge the alignment of pieces into that of words.

    The weight of a source word is the sum over its pieces, and that of a target word the mean over its pieces::

        w(J, I) = 1 / |J| sum over j in J, i in I of w(j, i)

    So a row still sums to one, less the weight of the end token. A word without a piece has no weight.

    Arguments:
        source, target: pieces, or words with the places of their pieces.
        weights: ``(target pieces, source pieces or more)``; columns past the source pieces, such as the end token's,
            are dropped.

    >>> by_word(["▁na", "neun", "▁bap"], ["▁I"], np.array([[0.5, 0.2, 0.2, 0.1]])).weights.round(1).tolist()
    [[0.7, 0.2]]
    """
    source_words, read = source if isinstance(source, Words) else words(source)
    target_words, written = target if isinstance(target, Words) else words(target)
    merged = np.zeros([len(target_words), len(source_words)])
    if read and written:
        np.add.at(merged, np.ix_(written, read), np.asarray(weights)[: len(written), : len(read)])
    counts = np.bincount(np.array(written, int), minlength=len(target_words)).reshape(-1, 1)
    return WordAlignment(source_words, target_words, merged / np.maximum(counts, 1))
