"""Placeholders: what no model needs to know, such as ``{name}`` or an address, comes out letter by letter.

In a sentence that goes to the model, each is one private character (:mod:`nmt.markup.reading`). It is *masked* by
something else, and its place in the translation is found in one of two ways, the first that succeeds:

1. The model copies the mask. A number is its own mask; the others are short, as ``X1``.
2. The model translates the mask. It is a word that the model knows, a *stand-in*: the words of the translation that are
   linked to it are replaced. Several stand-ins are tried, and of the translations in which they have been replaced the
   one wins that most of them agree on, each counted by the weight of its links and the mean probability of its tokens.

A model whose vocabulary has no sign of a mask copies nothing, and writes anything in its place; a stand-in is a word
of its own vocabulary, so the rest of the sentence stays what it knows.
"""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from nmt.documents.document import Translate
from nmt.documents.sentences import Place
from nmt.evaluation.alignment import WORD, Words, words
from nmt.markup.links import Joined, joined, links_of
from nmt.markup.placing import best_run, gap, is_stop
from nmt.markup.reading import PRIVATE, is_number
from nmt.translation import Translation

# Masks that a model may copy; the number of a placeholder is written after each.
_COPIED = ("X", "")
# Stand-ins that are tried for each sentence.
STAND_INS = 8
_TOUCHED = re.compile(f"[A-Za-z0-9]|{PRIVATE.pattern}")


class _Masked(NamedTuple):
    """A sentence with masks in the place of its placeholders.

    Attributes:
        text: the sentence for the model.
        places: where each mask stands in it, with the spaces that part it from what it touches.
        masks: the masks.
        characters: the placeholders.
    """

    text: str
    places: list[Place]
    masks: list[str]
    characters: list[str]


class _Found(NamedTuple):
    """A translation with placeholders, and how sure their places are."""

    translation: Translation
    weight: float


def keeping(translate: Translate, kept: Mapping[str, str], stand_ins: Sequence[str] = ()) -> Translate:
    """Return a function that translates sentences with placeholders; each of them is once in every translation.

    Arguments:
        translate: translates sentences without placeholders.
        kept: what each private character stands for.
        stand_ins: words that the model knows, see :meth:`nmt.inference.translator.Translator.stand_ins`.

    >>> def shout(texts):  # it copies what it does not know
    ...     return [Translation(text.upper(), 0.0) for text in texts]
    >>> keeping(shout, {"\\ue000": "{name}"})(["and \\ue000 ate"])[0].text
    'AND \\ue000 ATE'
    """

    def translated(sentences: list[str]) -> list[Translation]:
        found: dict[int, Translation] = {}
        waiting = [i for i, sentence in enumerate(sentences) if PRIVATE.search(sentence)]
        plain = [i for i in range(len(sentences)) if i not in set(waiting)]
        if plain:
            found.update(zip(plain, translate([sentences[i] for i in plain]), strict=True))
        last: dict[int, _Found] = {}
        for kind in range(len(_COPIED)):
            if not waiting:
                break
            masked = [_masked(sentences[i], _copied(sentences[i], kept, kind)) for i in waiting]
            for i, mask, each in zip(waiting, masked, translate([one.text for one in masked]), strict=True):
                if copied := _by_copies(mask, each):
                    found[i] = copied
                else:
                    last.setdefault(i, _by_links(mask, each))
            waiting = [i for i in waiting if i not in found]
        if waiting and stand_ins:
            found.update(_voted(translate, sentences, waiting, stand_ins[:STAND_INS]))
        else:
            found.update({i: last[i].translation for i in waiting})
        return [found[i] for i in range(len(sentences))]

    return translated


def _copied(sentence: str, kept: Mapping[str, str], kind: int) -> list[str]:
    """Return masks that a model may copy for the placeholders of a sentence. Only equal numbers have the same one."""
    masks: list[str] = []
    for character in PRIVATE.findall(sentence):
        raw = kept.get(character, "")
        if is_number(raw) and not kind:
            masks.append(raw)
            continue
        number = len(masks) + 1
        # A mask is looked for in the translation, so it may not be a part of anything else in the sentence.
        while (mask := f"{_COPIED[kind]}{number}") in masks or mask in sentence:
            number += 10
        masks.append(mask)
    return masks


def _masked(sentence: str, masks: Sequence[str]) -> _Masked:
    parts: list[str] = []
    places: list[Place] = []
    position = length = 0
    for match, mask in zip(PRIVATE.finditer(sentence), masks, strict=True):
        parts.append(sentence[position : match.start()])
        length += len(parts[-1])
        # What it touches would make one word with it, unless it is a particle of another script.
        before = " " if _TOUCHED.match(sentence[match.start() - 1 : match.start()]) else ""
        after = (
            " " if sentence[match.end() : match.end() + 1].isascii() and _TOUCHED.match(sentence, match.end()) else ""
        )
        parts.append(before + mask + after)
        places.append(Place(length, length + len(parts[-1])))
        length += len(parts[-1])
        position = match.end()
    return _Masked("".join([*parts, sentence[position:]]), places, list(masks), PRIVATE.findall(sentence))


def _by_copies(masked: _Masked, translation: Translation) -> Translation | None:
    """Return a translation with placeholders in the place of their masks, ``None`` if one is not there as often."""
    text = translation.text
    edits: list[_Replacement] = []
    copies = {mask: [match.span() for match in _copies(mask).finditer(text)] for mask in masked.masks}
    if any(len(found) != masked.masks.count(mask) for mask, found in copies.items()):
        return None
    for place, mask, character in zip(masked.places, masked.masks, masked.characters, strict=True):
        start, end = copies[mask].pop(0)
        # Without the spaces that parted it from what it touches.
        start -= masked.text[place.start] == " " and text[start - 1 : start] == " "
        end += masked.text[place.end - 1] == " " and text[end : end + 1] == " "
        edits.append(_Replacement(start, end, character))
    return _edited(masked, translation, edits)


def _copies(mask: str) -> re.Pattern[str]:
    """Return what a mask looks like where it is no part of another word or number."""
    return re.compile(rf"(?<![A-Za-z0-9])(?<!\d[.,:/]){re.escape(mask)}(?![A-Za-z0-9])(?![.,:/]\d)")


def _by_links(masked: _Masked, translation: Translation) -> _Found:
    """Return a translation in which the words that are linked to a mask are replaced by its placeholder."""
    links = joined([links_of(masked.text, translation)])
    text, target = translation.text, links.target
    free = np.ones(len(target), bool)
    weight = 1.0
    edits = []
    for (start, end), character in zip(masked.places, masked.characters, strict=True):
        covered = np.array([place.start < end and place.end > start for place in links.source], float)
        linked = links.shares(covered)
        first, last = best_run(linked - 0.5, free)
        surest = float(linked[first:last].mean()) if last > first else 0.0
        weight *= surest
        if surest >= 0.5:
            free[first:last] = False
            begin, after = target[first].start, target[last - 1].end
            while after - begin > 1 and is_stop(text[after - 1]):
                after -= 1
            edits.append(_Replacement(begin, after, character))
        else:
            edits.append(_inserted(text, links, gap(start, links), character))
    return _Found(_edited(masked, translation, edits), weight)


def _inserted(text: str, links: Joined, place: int, character: str) -> _Replacement:
    """Return what writes a placeholder between two units, as a word of its own."""
    if place < len(links.target):
        begin = links.target[place].start
        return _Replacement(begin, begin, f"{character} ")
    begin = links.target[-1].end if links.target else 0
    return _Replacement(begin, begin, f" {character}" if begin else character)


def _voted(
    translate: Translate, sentences: Sequence[str], waiting: Sequence[int], stand_ins: Sequence[str]
) -> dict[int, Translation]:
    """Translate sentences with each of the stand-ins, and return what most of them agree on."""
    masked = [
        _masked(
            sentences[i], [stand_ins[(kind + n) % len(stand_ins)] for n, _ in enumerate(PRIVATE.findall(sentences[i]))]
        )
        for i in waiting
        for kind in range(len(stand_ins))
    ]
    written = translate([each.text for each in masked])
    chosen: dict[int, Translation] = {}
    for order, i in enumerate(waiting):
        votes: dict[str, float] = {}
        best: dict[str, _Found] = {}
        for place in range(order * len(stand_ins), (order + 1) * len(stand_ins)):
            found = _by_links(masked[place], written[place])
            text = found.translation.text
            votes[text] = votes.get(text, 0.0) + found.weight * _mean_probability(written[place])
            if text not in best or found.weight > best[text].weight:
                best[text] = found
        chosen[i] = best[max(votes, key=lambda text: votes[text])].translation
    return chosen


def _mean_probability(translation: Translation) -> float:
    return math.exp(translation.score / max(len(translation.tokens) + 1, 1))


class _Replacement(NamedTuple):
    """A part of a text, and what is written in its place."""

    start: int
    end: int
    written: str


def _edited(masked: _Masked, translation: Translation, edits: Sequence[_Replacement]) -> Translation:
    """Return a translation with its words, and those of its source, after edits of both."""
    back = [_Replacement(*place, character) for place, character in zip(masked.places, masked.characters, strict=True)]
    _, source_words = _spliced(masked.text, back, translation.source_tokens, translation.source_words)
    text, target_words = _spliced(translation.text, sorted(edits), translation.tokens, translation.target_words)
    # What is known of its words is known of other words now.
    return replace(
        translation,
        text=text,
        source_words=source_words,
        target_words=target_words,
        confidence=None,
        word_confidences=(),
    )


def _spliced(
    text: str, edits: Sequence[_Replacement], pieces: Sequence[str], known: Words | None
) -> tuple[str, Words | None]:
    """Edit a text, and return with it its words and the word of each piece; ``None`` if that is not known."""
    parts: list[str] = []
    position = length = 0
    # From where on each character is how much further on.
    moved: list[tuple[int, int]] = [(0, 0)]
    for start, end, written in edits:
        start = max(start, position)
        end = max(end, start)
        parts += [text[position:start], written]
        length += start - position
        moved.append((start, length - start))
        length += len(written)
        moved.append((end, length - end))
        position = end
    new = "".join([*parts, text[position:]])
    spelt = known or words(pieces)
    old = [match.start() for match in WORD.finditer(text)]
    if not old or len(old) < len(spelt.words) or max(spelt.places, default=0) >= len(old):
        return new, None
    if known is None and len(spelt.words) != len(old):
        return new, None
    ends = [match.end() for match in WORD.finditer(new)]
    starts = [start for start, _ in moved]
    place_of = []
    for start in old:
        shift = moved[bisect.bisect_right(starts, start) - 1][1]
        place_of.append(min(bisect.bisect_right(ends, start + shift), len(ends) - 1))
    return new, Words(tuple(WORD.findall(new)), tuple(place_of[place] for place in spelt.places))
