"""Marks, put into a translation along the links of its words.

With ``p(w)`` the share of the weight of a target word ``w`` that falls on the source words inside a pair of tags, the
pair is put around the run of words that maximises::

    sum over w in the run of (p(w) - 1/2)

So a word inside that has no link does not tear it apart. Pairs stay nested: what is inside another is looked for in the
run of the other, and two that stand side by side do not overlap. A source word that two of them share counts for the
one that has more of it. If no ``p(w)`` is above one half, the words count that owe more to the pair than to anything
else; a pair that has no such word goes beside the one that has its words, or into a gap. A word that was copied letter
by letter, such as H2O, has the tags inside it at the same letters.

A tag that stands alone is put into the gap between two words that best separates what came from the words before it
from what came from those after it.
"""

from __future__ import annotations

import heapq
import itertools
import math
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nmt.documents.parts import Part, Parts
from nmt.documents.sentences import Place
from nmt.markup.links import Joined, Links, joined
from nmt.markup.reading import Mark, Marked, restored

# At least this part of the weight of a target word must fall on source words, or its links say nothing.
_MIN_WEIGHT = 0.1
# The nearest words say more about the place of a tag than those further away: a word counts half of the one before.
_FADING = 0.5
# Sums that differ by less are equal.
_EQUAL = 1e-9
# A unit that owes less than half to a pair counts so much less than one that owes it more.
_LITTLE = 1e-3
# Signs that belong to the word they stand at, unlike a full stop.
_OF_WORDS = "%&@#'*_-/\\"


class Run(NamedTuple):
    """Where a mark goes: around the target units from ``first`` to before ``last``, or into a gap if they are equal."""

    first: int
    last: int


def placed(marked: Marked, translation: str, links: Joined) -> Parts:
    """Return a translation with the marks of its source, and what is kept in the place of its private characters.

    Arguments:
        marked: the source.
        translation: of its text.
        links: between ``marked.text`` and the translation.

    >>> from nmt.documents.parts import spelled
    >>> from nmt.markup.links import Links, joined
    >>> from nmt.markup.reading import read
    >>> ate = Links((Place(0, 2), Place(3, 6)), (Place(0, 3), Place(4, 8)), np.array([[0.1, 0.9], [0.9, 0.1]]))
    >>> spelled(placed(read("<b>밥을</b> 먹었다<br>"), "ate rice", joined([ate])))
    'ate <b>rice</b><br>'
    """
    links = _cut_at_marks(marked, translation, links)
    runs = _runs(marked, links)
    edges = [
        _edges(marked, translation=translation, links=links, mark=mark, run=run)
        for mark, run in zip(marked.marks, runs, strict=True)
    ]
    return [
        found
        for part in _written(marked.marks, edges, translation)
        for found in (restored(part.raw, marked) if part.kind == "text" else (part,))
    ]


def best_run(gains: np.ndarray, free: np.ndarray) -> tuple[int, int]:
    """Return the run with the largest sum, ``(first, last)``; of equal ones the shortest, then the first.

    Arguments:
        gains: ``(units,)``.
        free: ``(units,)``, whether a unit may be in it. If none may, the run is empty, at 0.

    >>> best_run(np.array([-0.5, 0.4, -0.1, 0.5, -0.5]), np.array([True] * 5))
    (1, 4)
    """
    if not free.any():
        return 0, 0
    # What may not be in a run costs more than anything that it could win.
    cost = np.abs(gains).sum() + 1
    before = np.concatenate([[0.0], np.cumsum(np.where(free, gains, -cost))])
    least = np.minimum.accumulate(before[:-1])
    # The last start that is as good as any before it.
    starts = np.maximum.accumulate(np.where(before[:-1] <= least + _EQUAL, np.arange(len(gains)), 0))
    sums = np.where(free, before[1:] - before[starts], -np.inf)
    last = int(np.argmax(sums >= sums.max() - _EQUAL))
    return int(starts[last]), last + 1


class _Copy(NamedTuple):
    """A source unit that was copied, and the characters at which marks cut it, and its copy."""

    unit: int
    copy: int
    cuts: list[int]
    copy_cuts: list[int]


def _cut_at_marks(marked: Marked, translation: str, links: Joined) -> Joined:
    """Return links in which words that were copied letter by letter are cut where marks begin and end inside them."""
    places = np.unique([place for mark in marked.marks for place in (mark.start, mark.end)])
    blocks: list[Links] = []
    row = column = 0
    for weights in links.blocks:
        rows, columns = weights.shape
        block = Links(links.source[column : column + columns], links.target[row : row + rows], weights)
        row, column = row + rows, column + columns
        blocks.append(_cut(block, _copies(block, places, marked.text, translation)))
    return joined(blocks)


def _copies(block: Links, places: np.ndarray, source: str, translation: str) -> list[_Copy]:
    """Return the units with marks inside that have a copy, of which no other is."""
    found: list[_Copy] = []
    if not block.source or not block.target:
        return found
    starts, ends = np.array(block.source).T
    inside = np.searchsorted(places, ends) > np.searchsorted(places, starts, "right")
    most = block.weights.max(1)
    used: set[int] = set()
    for unit in np.flatnonzero(inside).tolist():
        start, end = block.source[unit]
        begin, core = _core(source[start:end])
        some = places[np.searchsorted(places, start, "right") : np.searchsorted(places, end)].tolist()
        cuts = [place - start for place in some if 0 < place - start - begin < len(core)]
        if not cuts:
            continue
        linked = block.weights[:, unit]
        likely = np.flatnonzero((linked >= _MIN_WEIGHT) & (linked >= most))
        for copy in likely[np.argsort(-linked[likely], kind="stable")].tolist():
            shift, other = _core(translation[slice(*block.target[copy])])
            if copy not in used and len(other) == len(core) and other.casefold() == core.casefold():
                used.add(copy)
                found.append(_Copy(unit, copy, cuts, [cut - begin + shift for cut in cuts]))
                break
    return found


def _core(word: str) -> tuple[int, str]:
    """Return a word without the signs at its ends, and where that begins in it."""
    start, end = 0, len(word)
    while start < end and is_stop(word[start]):
        start += 1
    while start < end and is_stop(word[end - 1]):
        end -= 1
    return start, word[start:end]


def _cut(block: Links, copies: Sequence[_Copy]) -> Links:
    """Return links with units and their copies cut; each part comes from its own."""
    if not copies:
        return block
    source = [[place] for place in block.source]
    target = [[place] for place in block.target]
    for unit, copy, cuts, copy_cuts in copies:
        source[unit], target[copy] = _places(block.source[unit], cuts), _places(block.target[copy], copy_cuts)
    columns, rows = np.array([len(parts) for parts in source]), np.array([len(parts) for parts in target])
    lengths = np.array([max(place.end - place.start, 1) for parts in source for place in parts])
    first_columns, first_rows = np.cumsum(columns) - columns, np.cumsum(rows) - rows
    # What else comes from a unit comes from each part by its length.
    shares = lengths / np.repeat(np.add.reduceat(lengths, first_columns), columns)
    weights = np.repeat(np.repeat(block.weights, columns, 1) * shares, rows, 0)
    for unit, copy, cuts, _ in copies:
        size, row, column = len(cuts) + 1, first_rows[copy], first_columns[unit]
        weights[row : row + size, column : column + size] = block.weights[copy, unit] * np.eye(size)
    return Links(
        tuple(place for parts in source for place in parts),
        tuple(place for parts in target for place in parts),
        weights,
    )


def _places(place: Place, cuts: list[int]) -> list[Place]:
    """Return the parts of a unit that is cut at some of its characters."""
    ends = [0, *cuts, place.end - place.start]
    return [Place(place.start + start, place.start + end) for start, end in itertools.pairwise(ends)]


def _runs(marked: Marked, links: Joined) -> list[Run]:
    """Return where each mark goes."""
    marks, count = marked.marks, len(links.target)
    runs: list[Run | None] = [None] * len(marks)
    children: dict[int, list[int]] = {}
    for index, mark in enumerate(marks):
        children.setdefault(mark.parent, []).append(index)
    told = links.sums() >= _MIN_WEIGHT
    # Parents come before their children.
    for parent, inside in sorted(children.items()):
        borders = runs[parent] if parent >= 0 else Run(0, count)
        assert borders
        _place_siblings(
            marks,
            inside=inside,
            links=links,
            told=told,
            borders=borders,
            content=_content(marked, links, parent),
            runs=runs,
        )
    return [run or Run(0, 0) for run in runs]


def _content(marked: Marked, links: Joined, parent: int) -> Place:
    return Place(*marked.marks[parent][:2]) if parent >= 0 else Place(0, len(marked.text))


def _place_siblings(
    marks: Sequence[Mark],
    inside: list[int],
    links: Joined,
    told: np.ndarray,
    borders: Run,
    content: Place,
    runs: list[Run | None],
) -> None:
    """Place the marks that have the same parent, which is around the target units within ``borders``."""
    free = np.zeros(len(links.target), bool)
    free[borders.first : borders.last] = True
    covers = {index: _cover(marks[index], links) for index in inside if marks[index].closing}
    shared = dict(covers)
    _give_to_one(covers)
    whole = _cover(Mark(*content, ""), links) > 0
    some = [index for index, covered in covers.items() if covered.any()]
    gains: dict[int, np.ndarray] = {}
    found = _shares(links, [covers[index] for index in some])
    # The most that a unit owes to one of them, or to what is outside of all.
    most = np.max([*found, 1 - np.sum(found, 0)], 0) if some else np.zeros(0)
    for index, shares in zip(some, found, strict=True):
        # If all of the parent's words are inside, it does not matter what their links say.
        partly = (whole & (covers[index] == 0)).any()
        gains[index] = np.where(told, shares - 0.5, 0) if partly else np.full(len(free), 0.5)
        if not (free & (gains[index] > _EQUAL)).any():
            # Nothing owes it more than half. What owes it more than anything else is little, and better than a gap.
            gains[index] = np.where(told & (shares >= most - _EQUAL), _LITTLE * shares, gains[index])
    # The one that is surest goes first: the others get what is left, which is never better than before.
    waiting = [(-value, index, run) for index in some for value, run in [_valued(gains[index], free)]]
    heapq.heapify(waiting)
    while waiting and waiting[0][0] < math.inf:
        _, index, best = heapq.heappop(waiting)
        if free[best.first : best.last].all():
            runs[index] = best
            free[best.first : best.last] = False
        else:
            value, best = _valued(gains[index], free)
            heapq.heappush(waiting, (-value, index, best))
    around = {index: run for index in inside if (run := runs[index])}
    lost = [index for index in shared if not runs[index] and shared[index].any()]
    for index, shares in zip(lost, _shares(links, [shared[index] for index in lost]), strict=True):
        # Where another pair has the words of this one, it goes beside that.
        word = int(np.argmax(np.where(told, shares, 0))) if told.any() else -1
        owner = next((each for each, run in around.items() if run.first <= word < run.last), None)
        if owner is not None:
            place = around[owner].last if owner < index else around[owner].first
            runs[index] = Run(place, place)
    alone = [index for index in inside if not runs[index]]
    signs = [_signs(marks[index].start, links, content) for index in alone]
    for index, each, shares in zip(alone, signs, _shares(links, signs), strict=True):
        place = _gap(each, shares, borders, list(around.values()))
        runs[index] = Run(place, place)


def _give_to_one(covers: dict[int, np.ndarray]) -> None:
    """Give each source unit to the pair that covers most of it; of equal ones the first. It covers all of it then."""
    size = len(next(iter(covers.values()), np.zeros(0)))
    most, owners = np.zeros(size), np.full(size, -1)
    for index, covered in covers.items():
        owners[covered > most] = index
        most = np.maximum(most, covered)
    for index in covers:
        covers[index] = (owners == index).astype(float)


def _valued(gains: np.ndarray, free: np.ndarray) -> tuple[float, Run]:
    """Return the best run and its sum, minus infinity if it is none: empty, or its links speak for other words."""
    run = Run(*best_run(gains, free))
    value = float(gains[slice(*run)].sum())
    return (value if value > _EQUAL else -math.inf), run


def _cover(mark: Mark, links: Joined) -> np.ndarray:
    """Return how much of each source unit is inside a pair, ``(source,)`` from 0 to 1."""
    if not links.source:
        return np.zeros(0)
    starts, ends = np.array(links.source).T
    inside = np.minimum(ends, mark.end) - np.maximum(starts, mark.start)
    return np.clip(inside / np.maximum(ends - starts, 1), 0, 1)


def gap(
    place: int,
    links: Joined,
    borders: Run | None = None,
    content: Place | None = None,
    taken: Sequence[Run] = (),
) -> int:
    """Return the target unit before which something goes that stands alone at a place of the source.

    Arguments:
        place: in the source.
        links: of its words.
        borders: between which target units it has to stay.
        content: the part of the source that counts.
        taken: runs that it has to stay outside of.
    """
    signs = _signs(place, links, content or Place(0, max(links.source, default=Place(0, 0)).end + 1))
    return _gap(signs, links.shares(signs), borders or Run(0, len(links.target)), taken)


def _shares(links: Joined, values: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    """Return the shares of several values of the source units."""
    return list(links.shares(np.stack(values, 1)).T) if values else []


def _signs(place: int, links: Joined, content: Place) -> np.ndarray:
    """Return how much each source unit says about a place: positive before it, negative after it."""
    begin, end = content
    starts = np.array([start for start, _ in links.source], int)
    before = np.flatnonzero((begin <= starts) & (starts < min(place, end)))
    after = np.flatnonzero((max(begin, place) <= starts) & (starts < end))
    signs = np.zeros(len(starts))
    signs[before[::-1]] = _FADING ** np.arange(len(before))
    signs[after] = -(_FADING ** np.arange(len(after)))
    return signs


def _gap(signs: np.ndarray, shares: np.ndarray, borders: Run, taken: Sequence[Run]) -> int:
    """Return the target unit before which something goes, by the shares of its signs."""
    first, last = borders
    if not (signs < 0).any():
        return last
    if not (signs > 0).any():
        return first
    sums = np.concatenate([[0.0], np.cumsum(shares[first:last])])
    for run in taken:
        sums[max(run.first + 1 - first, 0) : max(run.last - first, 0)] = -np.inf
    return first + int(np.argmax(sums))


def _edges(marked: Marked, translation: str, links: Joined, mark: Mark, run: Run) -> Place:
    """Return the characters of a translation that a mark goes around."""
    target = links.target
    if run.first == run.last:
        left = target[run.first - 1].end if run.first else 0
        right = target[run.first].start if run.first < len(target) else len(translation)
        if not run.first:
            left = right if target else 0
        if run.first == len(target):
            right = left
        # A tag that hugs the next word stays with it, any other with the one before.
        place = right if mark.before and not mark.after else left
        return Place(place, place)
    start, end = target[run.first].start, target[run.last - 1].end
    inside = marked.text[mark.start : mark.end]
    stops = bool(inside) and not is_stop(inside[-1])
    while end - start > 1 and _is_outside(translation[end - 1], stops):
        end -= 1
    stops = bool(inside) and not is_stop(inside[0])
    while end - start > 1 and _is_outside(translation[start], stops):
        start += 1
    return Place(start, end)


def _is_outside(letter: str, stops: bool) -> bool:
    """Return whether a character at an end stays outside of a pair: a space, and a stop if the pair has none there."""
    return letter.isspace() or (stops and is_stop(letter))


def is_stop(letter: str) -> bool:
    """Return whether a character is a sign that a pair of tags leaves outside, such as a full stop."""
    return unicodedata.category(letter)[0] == "P" and letter not in _OF_WORDS


def _written(marks: Sequence[Mark], edges: Sequence[Place], translation: str) -> list[Part]:
    """Return a translation with its marks, the children of each mark inside it."""
    children: dict[int, list[int]] = {}
    for index in sorted(range(len(marks)), key=lambda each: (edges[each].start, edges[each].end > edges[each].start)):
        children.setdefault(marks[index].parent, []).append(index)
    out: list[Part] = []
    position = 0
    # A mark that is to be opened, or closed, and the place that it must not go past.
    waiting = [(index, False, len(translation)) for index in reversed(children.get(-1, []))]
    while waiting:
        index, opened, limit = waiting.pop()
        mark, (start, end) = marks[index], edges[index]
        place = min(max(end if opened else start, position), limit)
        if place > position:
            out.append(Part("text", translation[position:place]))
        position = place
        if opened:
            out.append(Part("closing", mark.closing))
            continue
        alone = start == end
        if alone and mark.before and out and not out[-1].raw[-1].isspace() and place:
            out.append(Part("text", " "))
        out.append(Part("opening" if mark.closing else "break" if mark.breaks else "alone", mark.opening))
        if mark.closing:
            waiting.append((index, True, limit))
            inner = min(max(end, position), limit)
            waiting += [(each, False, inner) for each in reversed(children.get(index, []))]
        elif mark.after and translation[place : place + 1].strip():
            out.append(Part("text", " "))
        elif mark.breaks and not mark.before and not mark.after:
            position += translation[place : place + 1].isspace()
    if position < len(translation):
        out.append(Part("text", translation[position:]))
    return out
