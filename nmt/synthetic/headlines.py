"""Headlines: short news items and the headline a newspaper would print over each.

An item has two to four sentences: a lead, the detail its headline needs, and perhaps a quote and some background. The
facts of the headline are scattered: the lead never holds all of them, and the rest of the item has names and numbers
that do not matter. The same facts always make the same headline, so there is one right answer.

A headline is in the present tense, without articles, and keeps its numbers: ``Three arrested after Oakford theft``.

The stories themselves, and the small language they are written in, are in :mod:`nmt.synthetic.stories`.

>>> item, headline = pair(Random(4))
>>> len(headline.split()) < 10 < 30 <= len(item.split())
True
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from nmt.synthetic.lexicon import rows
from nmt.synthetic.stories import (
    COMMON_BACKGROUND,
    COMMON_FACTS,
    FIRM_BEGINS,
    FIRM_ENDS,
    FIRST_NAMES,
    STORIES,
    SURNAMES,
    TOWN_BEGINS,
    TOWN_ENDS,
)

SHORTEST, LONGEST = 30, 70


def _steps(lowest: int, highest: int, step: int = 1, form: str = "{:,}") -> Callable[[Random], tuple[str, ...]]:
    """Return a maker of numbers that are multiples of ``step``, written in a form."""
    return lambda random: (form.format(random.randint(lowest // step, highest // step) * step),)


def _town(random: Random) -> tuple[str, ...]:
    return (random.choice(TOWN_BEGINS) + random.choice(TOWN_ENDS),)


def _firm(random: Random) -> tuple[str, ...]:
    return (random.choice(FIRM_BEGINS) + random.choice(FIRM_ENDS),)


def _person(random: Random) -> tuple[str, ...]:
    surname = random.choice(SURNAMES)
    return f"{random.choice(FIRST_NAMES)} {surname}", surname


def _millions(random: Random) -> tuple[str, ...]:
    amount = random.randint(11, 99)
    return (f"${amount / 10} million" if random.random() < 0.5 else f"${amount} million",)


MAKERS: dict[str, Callable[[Random], tuple[str, ...]]] = {
    "town": _town,
    "firm": _firm,
    "person": _person,
    "millions": _millions,
    "fortune": _steps(120, 950, 10, "${} million"),
    "cash": _steps(2_400, 48_000, 100, "${:,}"),
    "dozens": _steps(12, 98),
    "hundreds": _steps(110, 1_900, 10),
    "thousands": _steps(2_100, 39_900, 100),
    "percent": _steps(5, 29),
    "age": _steps(600, 4_800, 100),
    "year": _steps(1950, 2015, form="{}"),
}

Choices = dict[str, list[tuple[str, ...]]]


@dataclass(frozen=True)
class Story:
    """What may happen, and how it is told. An angle is the detail that matters and the headline it leads to."""

    leads: list[str]
    angles: list[tuple[str, str]]
    quotes: list[str]
    backgrounds: list[str]
    facts: Choices


def _read_facts(lines: list[str]) -> Choices:
    facts = {}
    for name, choices in (line.split(" = ") for line in lines):
        facts[name] = [tuple(shape.strip() for shape in choice.split(" / ")) for choice in choices.split(" | ")]
    return facts


def _read_story(lines: list[str]) -> Story:
    told: dict[str, list[str]] = {"lead": [], "angle": [], "quote": [], "background": []}
    for kind, _, text in (line.partition(": ") for line in lines):
        if kind in told:
            told[kind].append(text)
    facts = _read_facts([line for line in lines if line.partition(": ")[0] not in told])
    angles = [(detail, headline) for detail, headline in (text.split(" => ") for text in told["angle"])]
    return Story(
        leads=told["lead"],
        angles=angles,
        quotes=told["quote"],
        backgrounds=told["background"],
        facts=COMMON | facts,
    )


COMMON = _read_facts(rows(COMMON_FACTS))
NEWS = [_read_story(rows(story)) for story in STORIES.split("\n\n")]


class Facts:
    """The facts of one item: each is chosen when it is first asked for, differs from all others, and then stays."""

    def __init__(self, random: Random, choices: Choices) -> None:
        self.random = random
        self.choices = choices
        self.known: dict[str, tuple[str, ...]] = {}

    def tell(self, name: str, shape: int = 1) -> str:
        """Return a shape of a fact; ``town2`` is a fact of the kind ``town``.

        >>> facts = Facts(Random(1), {"place": [("a hotel", "hotel")]})
        >>> facts.tell("place"), facts.tell("place", 2), facts.tell("town") == facts.tell("town2")
        ('a hotel', 'hotel', False)
        """
        kind = name.rstrip("0123456789")
        while name not in self.known:
            fresh = self.random.choice(self.choices[kind]) if kind in self.choices else MAKERS[kind](self.random)
            # Two people must also differ in their surnames: a headline gives nothing else.
            if not any(set(fresh) & set(taken) for taken in self.known.values()):
                self.known[name] = fresh
        return self.known[name][shape - 1]

    def sentence(self, text: str) -> str:
        """Make the choices of a text and fill in its facts.

        >>> Facts(Random(1), {"work": [("etching",)]}).sentence("a [small|small] {work} was sold.")
        'A small etching was sold.'
        """
        chosen = re.sub(r"\[([^]]*)\]", lambda found: self.random.choice(found[1].split("|")), text)
        filled = re.sub(r"\{(\w+)(?:\.(\d))?\}", lambda found: self.tell(found[1], int(found[2] or 1)), chosen)
        with_articles = re.sub(r"\b([Aa]) (?=[aeio])", r"\1n ", filled)
        return with_articles[0].upper() + with_articles[1:]


# The order of lead, detail, quote and background.
ORDERS = ("LD", "LDQ", "LQD", "LDB", "LDQB", "LDBQ", "LQDB")


def _write(random: Random) -> tuple[str, str]:
    """Write an item of any length, and its headline."""
    story = random.choice(NEWS)
    facts = Facts(random, story.facts)
    detail, headline = random.choice(story.angles)
    told = {"L": story.leads, "D": [detail], "Q": story.quotes}
    sentences = []
    for part in random.choice(ORDERS):
        choices = told[part] if part in told else _backgrounds(story, facts)
        sentences.append(facts.sentence(random.choice(choices)))
    return " ".join(sentences), facts.sentence(headline)


def _backgrounds(story: Story, facts: Facts) -> list[str]:
    """Return a story's backgrounds, and those of its town if it was named; the story's own come more often."""
    return [*story.backgrounds * 3, *(rows(COMMON_BACKGROUND) if "town" in facts.known else [])]


def pair(random: Random) -> tuple[str, str]:
    """Write a news item of 30 to 70 words, and its headline.

    >>> pair(Random(3)) == pair(Random(3))
    True
    """
    while True:
        item, headline = _write(random)
        if SHORTEST <= len(item.split()) <= LONGEST:
            return item, headline
