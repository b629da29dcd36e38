"""The author of the built-in corpus: chooses people, things, times, places, actions and tenses that fit together."""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from nmt.synthetic.clauses import PAST, PRESENT, Action, Form
from nmt.synthetic.korean import attach
from nmt.synthetic.lexicon import (
    ABROAD,
    ADJECTIVES,
    ALL_DAY,
    ALONE,
    CHILDREN,
    CITIES,
    FREQUENCY,
    HOURS,
    KIN,
    MANNER,
    MOTION,
    NAMES,
    NOUNS,
    ONLY_AT,
    PLACES,
    PRONOUNS,
    STRANGERS,
    TIMES,
    TOOLS,
    VEHICLES,
    Noun,
    Verb,
    verbs_of,
)
from nmt.synthetic.phrases import Eojeol, Nominal, Phrase, arrange, english_words, fixed, noun_phrase
from nmt.synthetic.scenes import HABITS, HABITS_ONE_LACKS, LIKED_FOR, NEVER_POINTED, NOT_DAILY


def _noun(korean: str) -> Noun:
    return NOUNS[korean]


@cache
def _briefly(korean: str, thing: str) -> list[Verb]:
    """Return the verbs spelled this way, without the options for times that last years and for clock times."""
    return [
        replace(verb, options="".join(option for option in verb.options if option not in "yc"))
        for verb in verbs_of(korean, thing)
    ]


class Author:
    """Writes sentences with its own random generator, so that the same seed writes the same corpus."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def chance(self, probability: float) -> bool:
        """Return true with this probability."""
        return self.random.random() < probability

    def choose(self, things: Sequence[Any]) -> Any:
        """Choose one thing."""
        return things[int(self.random.random() * len(things))]

    # -- people and things -------------------------------------------------------------------------

    def person(self, *others: Nominal | None, known: bool = False) -> Nominal:
        """Choose somebody other than these; with ``known``, a relative or somebody with a name or a pronoun."""
        taken = {one.noun.korean for other in others if other for one in (other, other.joined) if one}
        if taken & {"나", "우리"}:
            taken |= {"나", "우리"}
        kind = self.random.random()
        choice = list(PRONOUNS) if kind < 0.38 else list(NAMES) if kind < 0.72 or known else STRANGERS
        if kind > 0.92:
            choice = list(KIN)
        korean = self.choose([name for name in choice if name not in taken])
        several = korean in STRANGERS and korean != "선생님" and self.chance(0.3)
        return Nominal(_noun(korean), 0 if several else 1)

    def subject(self, verb: Verb, *others: Nominal | None, gendered: bool = False, thing: str = "") -> Nominal:
        """Choose who does it."""
        while True:
            somebody = self.person(*others)
            child = somebody.noun.korean in CHILDREN and ("a" in verb.options or thing == "맥주")
            if child or (gendered and not somebody.pronoun):
                continue
            if somebody.noun.korean in NAMES and not gendered and self.chance(0.06):
                return replace(somebody, joined=self.named(somebody, *others))
            return somebody

    def named(self, *others: Nominal | None) -> Nominal:
        """Choose somebody by name."""
        taken = {one.noun.korean for other in others if other for one in (other, other.joined) if one}
        return Nominal(_noun(self.choose([name for name in NAMES if name not in taken])))

    def thing(self, verb: Verb, korean: str, *, plain: bool = False) -> Nominal:
        """Choose how to speak of a thing: alone, counted, described or pointed at."""
        noun = _noun(korean)
        nominal = Nominal(noun)
        if plain or noun.article == "the" or korean in NAMES or self.chance(0.5):
            return nominal
        if noun.counter and not set("ngs") & set(verb.options) and self.chance(0.45):
            return replace(nominal, count=self.choose((2, 2, 3, 3, 4, 5, 10 if verb.korean in ("사다", "팔다") else 2)))
        general = "g" in verb.options
        fitting = [one for one in ADJECTIVES if korean in one.objects and (not general or one.korean in LIKED_FOR)]
        if fitting and self.chance(0.7):
            return replace(nominal, adjective=self.choose(fitting))
        pointed = noun.article == "a" and "g" not in verb.options and verb.korean not in NEVER_POINTED
        if pointed and self.chance(0.6):
            return replace(nominal, determiner=self.choose(("이", "그")))
        return nominal

    def object_of(
        self, verb: Verb, korean: str, subject: Nominal | None, *, plain: bool = False
    ) -> tuple[Nominal, str]:
        """Choose the object of a verb and name it for the relation."""
        if korean == "사람들":
            somebody = self.person(subject, known="s" in verb.options)
            return somebody, somebody.noun.korean
        nominal = self.thing(verb, korean, plain=plain)
        alone = plain or nominal.count > 1 or bool(nominal.determiner)
        if alone or not self.chance(0.12):
            return nominal, korean
        siblings = [name for name in verb.objects if name in NOUNS and self._go_together(nominal.noun, _noun(name))]
        if siblings:
            return replace(nominal, joined=Nominal(_noun(self.choose(siblings)))), korean
        return nominal, korean

    def _go_together(self, first: Noun, second: Noun) -> bool:
        alone = {first.korean, second.korean} & set(ALONE)
        return first != second and not alone and (first.article, first.counter) == (second.article, second.counter)

    # -- times and places --------------------------------------------------------------------------

    def time(self, verb: Verb, thing: str, form: Form) -> Phrase:
        """Choose when it happens."""
        if "c" in verb.options and self.chance(0.25):
            hour = self.choose(list(HOURS))
            return fixed(f"{hour} 시에", f"at {HOURS[hour]}:0 o'clock")
        kinds = {"day"} | ({"year"} if "y" in verb.options else set())
        if verb.korean not in ALL_DAY and thing not in ALL_DAY and "x" not in verb.options:
            kinds.add("part")
        korean, english, _ = self.choose([time for time in TIMES[form.tense] if time[2] in kinds])
        return fixed(korean, english)

    def destination(self, verb: Verb, korean: str) -> Phrase:
        """Say where somebody goes, arrives or lives."""
        to, at = PLACES[korean]
        if verb.korean in ("살다", "도착하다"):
            return fixed(attach(korean, "에"), "home" if korean == "집" and verb.korean == "도착하다" else at, korean)
        particle = "로" if korean in CITIES.split() and verb.korean == "가다" and self.chance(0.3) else "에"
        return fixed(attach(korean, particle), to, korean)

    def vehicle(self, destination: str) -> Phrase:
        """Say which vehicle somebody takes there."""
        if destination in ABROAD:
            choice = ["비행기", "배"]
        elif destination in CITIES.split():
            choice = ["기차", "버스", "자동차", "비행기"]
        else:
            choice = ["버스", "지하철", "택시", "자전거", "자동차"]
        korean = self.choose(choice)
        return fixed(attach(korean, "로"), f"by {VEHICLES[korean]}", korean)

    def company(self, subject: Nominal | None) -> Phrase:
        """Say with whom."""
        somebody = self.person(subject, known=True)
        said = noun_phrase(somebody, "와", "other")
        together = Eojeol("함께")
        return arrange([said, Phrase((together,))], [english_words("with", (said.korean[-1], together)), said])

    # -- actions -----------------------------------------------------------------------------------

    def named_action(self, spec: str, subject: Nominal | None, form: Form = PAST, *, extras: int = 0) -> Action:
        """Turn ``verb`` or ``verb:object`` or ``verb:place`` into an action."""
        korean, _, name = spec.partition(":")
        verb = self.choose(_briefly(korean, "" if name in PLACES else name))
        is_place = name in PLACES and name not in verb.objects
        thing, place = ("", name) if is_place else (name, "")
        return self.action(verb, subject, form, thing=thing, place=place, extras=extras)

    def action(
        self,
        verb: Verb,
        subject: Nominal | None,
        form: Form,
        thing: str = "",
        place: str = "",
        *,
        extras: int | None = None,
        plain: bool = False,
    ) -> Action:
        """Fill a verb with an object and up to ``extras`` circumstances that suit it."""
        thing = thing or (self.choose(self._objects(verb, form)) if verb.objects else "")
        allowed = self.choose((0, 1, 1, 1, 2, 2, 2, 3)) if extras is None else extras
        before: list[Phrase] = []
        if verb.korean in MOTION:
            place = place or self.choose(self._destinations(verb, form))
            before = self._journey(verb, place, subject, allowed)
            if place in CITIES.split():
                verb = replace(verb, options=verb.options.replace("c", ""))
        elif verb.korean == "살다":
            before = [self.destination(verb, place or self.choose(CITIES.split()))]
        else:
            before = self._circumstances(verb, thing=thing, place=place, subject=subject, extras=allowed)
        relations: list[tuple[str, str]] = []
        if "d" in verb.options:
            addressed = self.person(subject, known=not self.chance(0.3))
            role = "object" if verb.korean == "전화하다" else "other"
            said = noun_phrase(addressed, "에게", "other")
            before.append(said if role == "object" else arrange([said], [english_words("to", said.korean[-1:]), said]))
        if thing:
            nominal, name = self.object_of(verb, thing, subject, plain=plain or (extras == 0 and self.chance(0.7)))
            if form.aspect == "progressive" and nominal.count > 1:
                nominal = replace(nominal, count=1)
            role = "general" if "g" in verb.options else "object"
            before.append(noun_phrase(nominal, "를", role))
            relations.append((verb.korean, name))
            if nominal.joined:
                relations.append((verb.korean, nominal.joined.noun.korean))
        return self._timed(Action(verb, tuple(before), relations=tuple(relations)), thing, form, allowed)

    def _objects(self, verb: Verb, form: Form) -> Sequence[str]:
        if self._is_habit(form):
            return [name for name in verb.objects if name not in NOT_DAILY] or verb.objects
        return verb.objects

    def _destinations(self, verb: Verb, form: Form) -> Sequence[str]:
        places = MOTION[verb.korean].split()
        return [name for name in places if name not in NOT_DAILY] if self._is_habit(form) else places

    def _is_habit(self, form: Form) -> bool:
        return form.tense == "present" and form.aspect == "plain"

    def _journey(self, verb: Verb, place: str, subject: Nominal | None, extras: int) -> list[Phrase]:
        before = []
        if extras > 1 and "w" in verb.options and self.chance(0.4):
            before.append(self.company(subject))
        if extras and verb.korean != "도착하다" and self.chance(0.4):
            before.append(self.vehicle(place))
        if extras and verb.korean == "가다" and place in ("서울", "부산") and self.chance(0.4):
            origin = "부산" if place == "서울" else "서울"
            before.append(fixed(f"{origin}에서", f"from {PLACES[origin][0].split()[-1]}", origin))
            return [*before, fixed(f"{place}까지", PLACES[place][0], place)]
        return [*before, self.destination(verb, place)]

    def _circumstances(self, verb: Verb, thing: str, place: str, subject: Nominal | None, extras: int) -> list[Phrase]:
        said = []
        if verb.korean == "이야기하다" or (extras and "w" in verb.options and self.chance(0.25)):
            said.append(self.company(subject))
        if place or (extras and verb.places and self.chance(0.45)):
            place = place or self.choose(ONLY_AT.get(thing, verb.places) if verb.english == "watch" else verb.places)
            said.append(fixed(attach(place, "에서"), PLACES[place][1], place))
        tools = [name for name, use in TOOLS.get(verb.korean, {}).items() if thing in use.split("|")[1].split()]
        if extras and tools and self.chance(0.35):
            name = self.choose(tools)
            english = TOOLS[verb.korean][name].split("|")[0]
            said.append(fixed(attach(name, "로"), f"with {english}", name))
        elif extras and verb.manner and self.chance(0.3):
            adverb = self.choose(verb.manner)
            said.append(fixed(adverb, MANNER[adverb]))
        return said

    def _timed(self, action: Action, thing: str, form: Form, extras: int) -> Action:
        timeless = set("sk") & set(action.verb.options) or (form.aspect == "want" and form.tense == "past")
        if timeless or action.verb.korean == "살다" or (form.negation and self._is_habit(form)):
            return action
        if self._is_habit(form):
            if self.chance(0.45):
                adverb = self.choose(list(FREQUENCY))
                return action._replace(frequency=fixed(adverb, FREQUENCY[adverb]))
            return action._replace(complements=(self.time(action.verb, thing, form), *action.complements))
        if form.aspect == "progressive":
            now = form.tense == "present" and extras and self.chance(0.4)
            return action._replace(complements=(fixed("지금", "now"), *action.complements)) if now else action
        if not extras or not self.chance(0.6):
            return action
        when = Form("future") if form.tense == "present" else form
        time = self.time(action.verb, thing, when)
        if form.aspect == "plain" and self.chance(0.25):
            return action._replace(opening=time)
        return action._replace(complements=(time, *action.complements))

    def form_for(self, verb: Verb) -> Form:
        """Choose a tense and an aspect the verb can take."""
        if "s" in verb.options or verb.korean == "살다":
            affirmed = verb.korean == "알다" or verb.english.startswith("not ")
            negation = "" if affirmed or self.chance(0.75) else "long"
            return Form(self.choose(("present", "present", "past")), negation=negation)
        if "x" in verb.options:
            return PAST
        aspects = ["plain"] * 8 + ["want", "can", "must"]
        if "e" not in verb.options:
            aspects += ["progressive"] * 2
        aspect = self.choose(aspects)
        tenses = {
            "plain": ["past"] * 4
            + ["future"] * 3
            + ["present"] * 3 * (verb.korean in HABITS and verb.english != "see"),
            "progressive": ["present", "present", "past"],
            "want": ["present", "present", "past"],
            "can": ["present"],
            "must": ["present", "present", "past"],
        }
        return self._negated(Form(self.choose(tenses[aspect]), aspect), verb)

    def _negated(self, form: Form, verb: Verb) -> Form:
        if form.aspect in ("must", "progressive") or not self.chance(0.2):
            return form
        if form.aspect == "can":
            return replace(form, tense=self.choose(("present", "past")), negation="long")
        if form == PRESENT and verb.objects and verb.korean not in HABITS_ONE_LACKS:
            return form
        short = (
            form.aspect == "plain" and form.tense == "past" and not verb.korean.endswith("하다") and self.chance(0.4)
        )
        return replace(form, negation="short" if short else "long")

    def suits(self, subject: Nominal, form: Form) -> bool:
        """Return whether the subject suits the form: 너 fits a duty or the future, not a report."""
        return subject.noun.korean != "너" or form.aspect in ("must", "can") or form.tense == "future"

    def done_by(self, verb: Verb, form: Form, *others: Nominal, thing: str = "") -> Nominal:
        """Choose a subject that suits the verb and its form and is not one of the others."""
        while True:
            subject = self.subject(verb, *others, thing=thing)
            if self.suits(subject, form):
                return subject
