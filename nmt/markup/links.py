"""Which parts of a translation came from which parts of its source, as places in both texts.

The parts, called *units*, are words; in a script without spaces they are pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nmt.documents.sentences import Place, script_of
from nmt.evaluation import scripts
from nmt.evaluation.alignment import WORD, Words, words
from nmt.translation import Translation

# Words that are copied are linked this many at a time: one array for all would grow with the square of their number.
_COPIED = 64


class Links(NamedTuple):
    """Links between the units of two texts.

    Attributes:
        source, target: where each unit stands.
        weights: ``(target units, source units)``, 0 or more. A row sums to one, less what is linked to nothing.
    """

    source: tuple[Place, ...]
    target: tuple[Place, ...]
    weights: np.ndarray

    def moved(self, source: int, target: int) -> Links:
        """Return the same links for texts that stand at a place of larger ones."""
        return Links(
            tuple(Place(start + source, end + source) for start, end in self.source),
            tuple(Place(start + target, end + target) for start, end in self.target),
            self.weights,
        )


class Joined(NamedTuple):
    """The links of sentences that stand behind one another.

    Sentences have no links to each other, so the weights of each are held apart: one array of all would take memory
    that grows with the square of their number.

    Attributes:
        source, target: where the units of all of them stand.
        blocks: the weights of each sentence.
    """

    source: tuple[Place, ...]
    target: tuple[Place, ...]
    blocks: tuple[np.ndarray, ...]

    def sums(self) -> np.ndarray:
        """Return the weight of each target unit, ``(target units,)``."""
        return np.concatenate([np.zeros(0), *(block.sum(1) for block in self.blocks)])

    def shares(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of values of the source units for each target unit, weighted by its links.

        Arguments:
            values: ``(source units,)``, or ``(source units, columns)`` for several at once, which is far faster.

        Returns: ``(target units,)``, or ``(target units, columns)``.

        >>> both = joined([Links((Place(0, 1),), (Place(0, 1),), np.array([[0.5]])),
        ...                Links((Place(2, 3),), (Place(2, 3),), np.array([[0.25]]))])
        >>> both.shares(np.array([2.0, 3.0])).tolist()
        [2.0, 3.0]
        """
        found, column = [np.zeros((0, *values.shape[1:]))], 0
        for block in self.blocks:
            part = block @ values[column : column + block.shape[1]]
            weight = np.maximum(block.sum(1), 1e-9)
            found.append(part / (weight if values.ndim == 1 else weight[:, None]))
            column += block.shape[1]
        return np.concatenate(found)


def joined(parts: Sequence[Links]) -> Joined:
    """Join the links of sentences that stand behind one another."""
    return Joined(
        tuple(place for part in parts for place in part.source),
        tuple(place for part in parts for place in part.target),
        tuple(part.weights for part in parts),
    )


def copied(text: str, source: int = 0, target: int = 0) -> list[Links]:
    """Return the links of a text that stands as it was in its translation: each word comes from itself.

    Arguments:
        text: such as what is between two sentences.
        source, target: where it stands in both.

    >>> copied("1. - ", 0, 7)[0].target, copied("1. - ")[0].weights.tolist()
    ((Place(start=7, end=9), Place(start=10, end=11)), [[1.0, 0.0], [0.0, 1.0]])
    """
    found = tuple(Place(*match.span()) for match in WORD.finditer(text))
    groups = [found[first : first + _COPIED] for first in range(0, len(found), _COPIED)]
    return [Links(some, some, np.eye(len(some))).moved(source, target) for some in groups]


def links_of(source: str, translation: Translation) -> Links:
    """Return the links of a translation; they have no weight if the model has no alignment.

    Arguments:
        source: the text that was translated.
        translation: of it.

    >>> found = links_of("밥을 먹었다", Translation("ate  rice", 0.0, ("▁밥", "을", "▁먹었다"), ("▁ate", "▁rice"),
    ...                                          [[0.25, 0.25, 0.5, 0], [0.5, 0.25, 0, 0.25]]))
    >>> found.target, found.weights.tolist()
    ((Place(start=0, end=3), Place(start=5, end=9)), [[0.5, 0.5], [0.75, 0.0]])
    """
    read, from_pieces = units(source, translation.source_tokens, translation.source_words)
    written, to_pieces = units(translation.text, translation.tokens, translation.target_words)
    weights = np.zeros([len(written), len(read)], np.float64)
    if translation.alignment is not None and to_pieces and from_pieces:
        rows = np.asarray(translation.alignment, np.float64)[: len(to_pieces), : len(from_pieces)]
        np.add.at(weights, np.ix_(to_pieces[: rows.shape[0]], from_pieces[: rows.shape[1]]), rows)
        weights /= np.maximum(np.bincount(to_pieces, minlength=len(written)), 1).reshape(-1, 1)
    return Links(tuple(read), tuple(written), weights)


def units(text: str, pieces: Sequence[str], known: Words | None = None) -> tuple[list[Place], list[int]]:
    """Return where the units of a text stand, and the unit of each piece.

    Arguments:
        text: the text.
        pieces: of it.
        known: its words and the word of each piece, where that is known.

    >>> units("밥을 먹었다", ("▁밥", "을", "▁먹었다"))
    ([Place(start=0, end=2), Place(start=3, end=6)], [0, 0, 1])
    """
    found = [Place(*match.span()) for match in WORD.finditer(text)]
    if not found:
        return [], []
    places = list((known or words(pieces)).places)[: len(pieces)]
    if max(places, default=0) >= len(found) or (not known and len(words(pieces).words) != len(found)):
        places = _by_length(found, pieces)
    if script_of(text) not in scripts.SPACELESS:
        return found, places
    return _pieces(text, found, pieces, places)


def _by_length(found: list[Place], pieces: Sequence[str]) -> list[int]:
    """Return the word of each piece, where only the share of the text that comes before it tells."""
    ends = np.cumsum([place.end - place.start for place in found])
    middles = np.cumsum([0, *(max(len(piece), 1) for piece in pieces)])
    middles = (middles[:-1] + middles[1:]) / 2 * (ends[-1] / max(middles[-1], 1))
    return np.minimum(np.searchsorted(ends, middles), len(found) - 1).tolist()


def _pieces(text: str, found: list[Place], pieces: Sequence[str], places: list[int]) -> tuple[list[Place], list[int]]:
    """Cut words at their pieces. The pieces of a word share its characters by their length."""
    units: list[Place] = []
    of_pieces: list[int] = []
    for number, place in enumerate(found):
        inside = [len(pieces[i].replace("▁", "")) for i, word in enumerate(places) if word == number]
        ends = np.cumsum([0, *inside])
        ends = place.start + (ends * ((place.end - place.start) / max(ends[-1], 1))).round().astype(int)
        first = len(units)
        for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            if end > start or len(units) == first:
                units.append(Place(start, max(end, start)))
            of_pieces.append(len(units) - 1)
        if not inside or not ends[-1] > place.start:
            units[first:] = [place]
            of_pieces = of_pieces[: len(of_pieces) - len(inside)] + [first] * len(inside)
    # A unit may have begun as empty, with a piece that only spells a space.
    return units, of_pieces
