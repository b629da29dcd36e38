"""A glossary: terms of the source language, and the translation that is wanted for each."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from nmt.data.corpora import read_lines
from nmt.data.term_annotations import is_mark, is_spaceless
from nmt.errors import InputError

NOTES = ("any", "exact")
# What may follow a Korean noun within its word.
_PARTICLES = frozenset({
    "은", "는", "이", "가", "을", "를", "에", "에서", "에게", "에게서", "께", "께서", "한테", "한테서", "의", "와",
    "과", "도", "만", "로", "으로", "로서", "으로서", "로써", "으로써", "부터", "까지", "처럼", "같이", "보다",
    "이나", "나", "이랑", "랑", "하고", "마다", "조차", "마저", "밖에", "뿐", "대로", "만큼", "들", "이든", "든",
    "이라도", "라도", "이란", "란", "이라는", "라는", "이라고", "라고", "이다", "다", "였다", "이었다", "입니다",
    "입니까", "이에요", "예요", "인", "이고", "고", "이며", "며", "이지만", "지만", "이니", "니", "야", "아", "여",
    "요",
})  # fmt: skip
_LONGEST_PARTICLE = max(map(len, _PARTICLES))


class Term(NamedTuple):
    """A term and its translation.

    Attributes:
        source: the term.
        target: the wanted translation, as it is to be written.
        exact: whether the case of the term's letters counts.
    """

    source: str
    target: str
    exact: bool = False


class FoundTerm(NamedTuple):
    """A term in a sentence: ``text[start:end]``."""

    start: int
    end: int
    term: Term


class Glossary:
    """Terms, found in sentences.

    A term is found where it stands as a whole word, or as whole words; a Korean one also where particles follow it, and
    one of a script without spaces anywhere. A text may be in any normal form of Unicode but the compatibility ones, and
    all white space counts as a space. If several terms begin at one place the longest is found, and one whose case
    counts before one whose case does not.

    Arguments:
        terms: each with its wanted translation.

    Raises:
        InputError: if there is none, one is empty, is there twice, or has two translations.

    >>> [each.term.target for each in Glossary({"사과": "pear", "밥": "cooked rice"}).find("사과에서는 밥을, 밥상을")]
    ['pear', 'cooked rice']
    """

    def __init__(self, terms: Mapping[str, str]) -> None:
        self._terms: dict[tuple[str, bool], Term] = {}
        self._where: dict[tuple[str, bool], str] = {}
        for number, (source, target) in enumerate(terms.items(), 1):
            self._add(Term(source, target), f"term {number}")
        self._check("The glossary")

    @classmethod
    def read(cls, path: Path) -> Glossary:
        """Read a file of UTF-8: a line holds a term, a tab, its translation and, perhaps, a tab and a note on case.

        The note is ``exact`` if the case of the term's letters counts, and ``any`` if not, as without a note. Blank
        lines are passed over.

        Raises:
            InputError: if the file cannot be read, a line has another form, or as the class says; with file and line.
        """
        found = cls.__new__(cls)
        found._terms, found._where = {}, {}
        for number, line in enumerate(read_lines(path), 1):
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            source, *rest = line.rstrip("\r\n").split("\t")
            note = rest[1].strip() if len(rest) > 1 else "any"
            if not 1 <= len(rest) <= 2:
                raise InputError(f"{where}: write a term, a tab and its translation, and perhaps a tab and a note.")
            if note not in NOTES:
                raise InputError(f"{where}: the note '{note[:40]}' is none of these: {', '.join(NOTES)}.")
            found._add(Term(source, rest[0], note == "exact"), where)
        found._check(str(path))
        return found

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms, in their order."""
        return tuple(self._terms.values())

    def find(self, text: str) -> list[FoundTerm]:
        """Return the terms that stand in a sentence, one for each time, in their order."""
        read, places = _read(text)
        folded = _folded(read)
        found = []
        place = 0
        while place < len(read):
            each = self._at(read, folded, place)
            if each:
                found.append(FoundTerm(places[each.start][0], places[each.end - 1][1], each.term))
            place = each.end if each else place + 1
        return found

    def missing(self, source: str, target: str) -> list[Term]:
        """Return the terms of a sentence whose translation is not there, or not often enough, in its translation.

        It has to begin where a word does, except in a script without spaces.

        >>> Glossary({"밥": "rice"}).missing("밥은 밥이다", "rice is bread")
        [Term(source='밥', target='rice', exact=False)]
        >>> Glossary({"얼음": "ice"}).missing("얼음", "rice")
        [Term(source='얼음', target='ice', exact=False)]
        """
        left = _plain(target)
        lacking = []
        # The longest first, so that one that is a part of another does not take its place.
        for term in sorted((each.term for each in self.find(source)), key=lambda each: -len(each.target)):
            place = left.find(term.target)
            while place > 0 and not _begins(left, place):
                place = left.find(term.target, place + 1)
            if place < 0:
                lacking.append(term)
            else:
                left = left[:place] + "\0" + left[place + len(term.target) :]
        return lacking

    def _add(self, term: Term, where: str) -> None:
        term = Term(_plain(term.source), _plain(term.target), term.exact)
        for part, name in ((term.source, "term"), (term.target, "translation")):
            if not part:
                raise InputError(f"{where}: the {name} is empty.")
        key = (term.source if term.exact else _folded(term.source), term.exact)
        known = self._terms.get(key)
        if known and known.target == term.target:
            raise InputError(
                f"{where}: '{term.source}' is there already, in {self._where[key]}. Leave one of them out."
            )
        if known:
            raise InputError(
                f"{where}: '{term.source}' is to be '{term.target}', but in {self._where[key]} it is '{known.target}'."
                " Leave one of them out."
            )
        self._terms[key], self._where[key] = term, where

    def _check(self, name: str) -> None:
        if not self._terms:
            raise InputError(f"{name} has no term.")
        self._lengths = sorted({len(source) for source, _ in self._terms}, reverse=True)

    def _at(self, text: str, folded: str, place: int) -> FoundTerm | None:
        if place and _is_word(text[place - 1]) and not is_spaceless(text[place]):
            return None
        for length in self._lengths:
            end = place + length
            if end > len(text):
                continue
            term = self._terms.get((text[place:end], True)) or self._terms.get((folded[place:end], False))
            if term and _ends(text, end):
                return FoundTerm(place, end, term)
        return None


def _plain(text: str) -> str:
    """Return a text in NFC, with one space wherever it has white space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _read(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a text in NFC, with one space wherever it has white space, and where each character stands in the text."""
    read: list[str] = []
    places: list[tuple[int, int]] = []
    start = 0
    while start < len(text):
        end = start + 1
        follows = str.isspace if text[start].isspace() else _composes
        while end < len(text) and follows(text[end]):
            end += 1
        part = text[start:end]
        written = " " if part.isspace() else unicodedata.normalize("NFC", part)
        read.append(written)
        if written == part:
            places.extend((place, place + 1) for place in range(start, end))
        else:
            places.extend([(start, end)] * len(written))
        start = end
    return "".join(read), places


def _composes(letter: str) -> bool:
    """Return whether NFC may join a character to the one before: a mark, or a jamo behind the first of a syllable."""
    return is_mark(letter) or "\u1161" <= letter <= "\u1175" or "\u11a8" <= letter <= "\u11c2"


def _begins(text: str, place: int) -> bool:
    """Return whether a translation that begins here does not begin inside a word."""
    return not (_is_word(text[place - 1]) and _is_word(text[place])) or is_spaceless(text[place])


def _ends(text: str, end: int) -> bool:
    """Return whether a term that ends here is a whole word, but for Korean particles."""
    if end < len(text) and is_mark(text[end]):
        return False
    if not _is_word(text[end : end + 1]) or is_spaceless(text[end - 1]):
        return True
    if not "가" <= text[end - 1] <= "힣":
        return False
    last = end
    while last < len(text) and "가" <= text[last] <= "힣":
        last += 1
    return not _is_word(text[last : last + 1]) and _is_particles(text[end:last])


def _is_particles(text: str) -> bool:
    """Return whether a text consists of particles, as 에서는."""
    if len(text) > 3 * _LONGEST_PARTICLE:
        return False
    return not text or any(
        text[:length] in _PARTICLES and _is_particles(text[length:])
        for length in range(1, _LONGEST_PARTICLE + 1)
        if length <= len(text)
    )


def _folded(text: str) -> str:
    """Return a text in small letters, each in the place of its own."""
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)


def _is_word(letter: str) -> bool:
    return letter.isalnum() or (letter != "" and is_mark(letter))
