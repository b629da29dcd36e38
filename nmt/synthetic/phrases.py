"""Phrases in two languages at once, and the noun phrases among them.

Every English word names the Korean words it comes from, so a finished phrase knows its word links.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from nmt.synthetic.english import article_before, with_s
from nmt.synthetic.korean import attach
from nmt.synthetic.lexicon import CUPS, HOURS, PRONOUN_FORMS, PRONOUNS, Noun, Verb

Pairs = tuple[tuple[str, str], ...]


class Eojeol:
    """One Korean word of one sentence. It is compared by identity, as the same spelling may occur twice."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Phrase(NamedTuple):
    """Korean words, English words with the Korean words each comes from, the lemmas, and pairs of related lemmas."""

    korean: tuple[Eojeol, ...] = ()
    english: tuple[tuple[str, tuple[Eojeol, ...]], ...] = ()
    lemmas: tuple[str, ...] = ()
    relations: Pairs = ()


NOTHING = Phrase()


def arrange(korean: Sequence[Phrase], english: Sequence[Phrase], relations: Pairs = ()) -> Phrase:
    """Join phrases in one order for Korean and in another for English; the lemmas come from the Korean ones."""
    korean_side: list[Eojeol] = []
    english_side: list[tuple[str, tuple[Eojeol, ...]]] = []
    lemmas: list[str] = []
    related: list[tuple[str, str]] = list(relations)
    for phrase in korean:
        korean_side += phrase.korean
        lemmas += phrase.lemmas
        related += phrase.relations
    for phrase in english:
        english_side += phrase.english
    return Phrase(tuple(korean_side), tuple(english_side), tuple(lemmas), tuple(related))


def english_words(text: str, source: Iterable[Eojeol]) -> Phrase:
    """Return English words that all come from the same Korean words."""
    eojeols = tuple(source)
    return Phrase(english=tuple([(word, eojeols) for word in text.split()])) if text else NOTHING


def korean_words(*texts: str) -> Phrase:
    """Return Korean words whose English is given elsewhere."""
    return Phrase(korean=tuple(map(Eojeol, texts)))


def fixed(korean: str, english: str, lemma: str = "") -> Phrase:
    """Return a ready phrase; ``word:1`` comes from the second Korean word, ``word:0,1`` from two, others from the last.

    >>> [(word, [eojeol.text for eojeol in source]) for word, source in fixed("내일 밤에", "tomorrow:0 night").english]
    [('tomorrow', ['내일']), ('night', ['밤에'])]
    """
    eojeols = tuple(map(Eojeol, korean.split()))
    words = []
    for entry in english.split():
        word, _, places = entry.partition(":")
        source = tuple(eojeols[int(place)] for place in places.split(",")) if places else eojeols[-1:]
        words.append((word, source))
    return Phrase(eojeols, tuple(words), (lemma,) if lemma else ())


DETERMINERS = {"이": "this", "그": "that", "내": "my", "우리": "my", "그의": "his", "그녀의": "her"}
NUMERALS = dict(zip(range(1, 11), zip(HOURS, HOURS.values(), strict=True), strict=True))


@dataclass(frozen=True, slots=True)
class Nominal:
    """The contents of a noun phrase. ``count`` is 1 for one, 0 for several (들), or the number before a counter."""

    noun: Noun
    count: int = 1
    determiner: str = ""
    adjective: Verb | None = None
    relative: Phrase | None = None
    joined: "Nominal | None" = None

    @property
    def person(self) -> str:
        """The person that the verb agrees with."""
        return self.noun.person if self.count == 1 and not self.joined else "pl"

    @property
    def pronoun(self) -> str:
        """The English pronoun for it, or '' if its gender is unknown."""
        if self.noun.korean in PRONOUNS:
            return self.noun.english
        return "they" if self.person == "pl" else {"m": "he", "f": "she", "": ""}[self.noun.gender]


def noun_phrase(nominal: Nominal, particle: str, role: str) -> Phrase:
    """Say a nominal. ``role`` is subject or other (``the``), object (``a``) or general (a plural without article)."""
    noun = nominal.noun
    if nominal.joined:
        first = noun_phrase(replace(nominal, joined=None), "와", role)
        second = noun_phrase(nominal.joined, particle, role)
        return arrange([first, second], [first, english_words("and", first.korean[-1:]), second])
    if noun.korean in PRONOUN_FORMS:
        return _pronoun_phrase(noun, particle, role)
    bare = noun.korean + ("들" if nominal.count == 0 else "")
    head = Eojeol(bare if nominal.count > 1 else attach(bare, particle))
    number = _number_phrase(nominal, particle)
    cups = noun.counter in CUPS and nominal.count > 1
    plural = noun.article == "a" and (nominal.count != 1 or role == "general")
    counter = number.korean[-1:] if not cups else ()
    spoken = english_words(with_s(noun.english) if plural else noun.english, (head, *counter))
    core = spoken._replace(korean=(head,), lemmas=(noun.korean,))
    determiner = _determiner_phrase(nominal)
    adjective = _adjective_phrase(nominal)
    relative = nominal.relative or NOTHING
    next_word = (number.english + adjective.english + core.english)[0][0]
    article = english_words(_article(nominal, role, next_word), (head,))
    return arrange(
        [determiner, relative, adjective, core, number],
        [determiner, article, number, adjective, core, relative],
        ((nominal.adjective.korean, noun.korean),) if nominal.adjective else (),
    )


def _pronoun_phrase(noun: Noun, particle: str, role: str) -> Phrase:
    word = Eojeol(attach(noun.korean, particle))
    subject, other, _ = PRONOUN_FORMS[noun.korean]
    return Phrase((word,), ((subject if role == "subject" else other, (word,)),), (noun.korean,))


def _number_phrase(nominal: Nominal, particle: str) -> Phrase:
    if nominal.count < 2:
        return NOTHING
    korean, english = NUMERALS[nominal.count]
    numeral, counter = Eojeol(korean), Eojeol(attach(nominal.noun.counter, particle))
    cups = english_words(CUPS.get(nominal.noun.counter, ""), (counter,))
    return Phrase((numeral, counter), ((english, (numeral,)), *cups.english))


def _determiner_phrase(nominal: Nominal) -> Phrase:
    determiner = nominal.determiner or nominal.noun.possessor
    return fixed(determiner, DETERMINERS[determiner]) if determiner else NOTHING


def _adjective_phrase(nominal: Nominal) -> Phrase:
    if nominal.adjective is None:
        return NOTHING
    return fixed(nominal.adjective.predicate.attributive(), nominal.adjective.english[3:], nominal.adjective.korean)


def _article(nominal: Nominal, role: str, next_word: str) -> str:
    kind = nominal.noun.article
    if not kind or nominal.determiner:
        return ""
    if nominal.relative or kind == "the":
        return "the"
    if role == "general" or nominal.count > 1:
        return ""
    if role == "subject" or (role == "other" and kind == "a"):
        return "the"
    return article_before(next_word) if kind == "a" and nominal.count == 1 else ""
