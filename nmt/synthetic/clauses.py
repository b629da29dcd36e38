"""Verbs with tense, aspect and negation in two languages, and the clauses built around them."""

from dataclasses import dataclass, field
from typing import NamedTuple

from nmt.synthetic.english import finite, ing
from nmt.synthetic.korean import Predicate
from nmt.synthetic.lexicon import Verb
from nmt.synthetic.phrases import (
    NOTHING,
    Eojeol,
    Nominal,
    Pairs,
    Phrase,
    arrange,
    english_words,
    korean_words,
    noun_phrase,
)

CAN, CANNOT = Predicate("있다", adjective=True), Predicate("없다", adjective=True)
WILL = Predicate("것이다", adjective=True)


Parts = list[tuple[str, str]]


@dataclass(frozen=True)
class Form:
    """Tense (present, past, future), aspect (plain, progressive, want, can, must) and negation ('', short, long)."""

    tense: str = "past"
    aspect: str = "plain"
    negation: str = ""
    english_tense: str = ""


@dataclass
class VerbWords:
    """The Korean words of one verb as they are being put together, each with its part: main, modal, negation, tense."""

    predicate: Predicate
    part: str = "main"
    words: list[tuple[str, Eojeol]] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Write the next word."""
        self.words.append((self.part, Eojeol(text)))

    def continue_with(self, ending: str, part: str, predicate: Predicate) -> None:
        """Give the predicate an ending and continue with another predicate."""
        self.add(self.predicate.join(ending))
        self.part, self.predicate = part, predicate

    def words_of(self, part: str) -> tuple[Eojeol, ...]:
        """Return the words of this part, or the last word if there is none or the tense is asked for."""
        found = () if part == "tense" else tuple([eojeol for each, eojeol in self.words if each == part])
        return found or (self.words[-1][1],)


def korean_verb(verb: Verb, form: Form, person: str, ending: str) -> VerbWords:
    """Say a verb in Korean, up to and including its ending."""
    spoken = VerbWords(verb.predicate)
    if form.negation == "short":
        spoken.words.append(("negation", Eojeol("안")))
    if form.aspect == "progressive":
        spoken.continue_with("고", "modal", CAN)
    elif form.aspect == "want":
        spoken.continue_with("고", "modal", Predicate("싶다", adjective=True))
        if person in ("3s", "pl"):
            spoken.continue_with("어", "modal", Predicate("하다"))
    elif form.aspect == "can":
        spoken.continue_with("을", "modal", CANNOT if form.negation else CAN)
        spoken.add("수")
    elif form.aspect == "must":
        spoken.continue_with("어야", "modal", Predicate("하다"))
    if form.negation == "long" and form.aspect != "can":
        spoken.continue_with("지", "negation", Predicate("않다", adjective=spoken.predicate.adjective))
    if form.tense == "future":
        spoken.continue_with("을", "tense", WILL)
    spoken.add(_last_word(spoken.predicate, form.tense, ending))
    return spoken


def _last_word(predicate: Predicate, tense: str, ending: str) -> str:
    is_past = tense == "past"
    if ending == "다고":
        if predicate == WILL:
            return "것이라고"
        return (predicate.past("다") if is_past else predicate.present()) + "고"
    if ending == "니":
        return "거니" if predicate == WILL else predicate.past("니") if is_past else predicate.join("니")
    if ending == "다":
        return predicate.past("다") if is_past else predicate.present()
    if ending == "-":
        return predicate.join("은") if is_past else predicate.attributive()
    if ending in ("지만", "기", "때"):
        suffix = "을" if ending == "때" else ending
        return predicate.past(suffix) if is_past else predicate.join(suffix)
    if ending == "어":
        return predicate.past("어") if is_past else predicate.infinitive()
    return predicate.join(ending)


def english_verb(verb: Verb, form: Form, person: str, *, question: bool = False) -> tuple[Parts, Parts]:
    """Say a verb in English: the word that a question puts before the subject, and the rest.

    Each word comes with the part of the Korean verb that it says.
    """
    words = verb.english.removeprefix("not ").split()
    negated = bool(form.negation) or verb.english.startswith("not ")
    tense = form.english_tense or form.tense
    head, tail = ("main", words[0]), [("main", word) for word in words[1:]]
    if form.aspect == "progressive":
        head, tail = ("modal", "be"), [("main", ing(words[0])), *tail]
    elif form.aspect in ("want", "must"):
        tail = [("modal", "to"), head, *tail]
        head = ("modal", "want" if form.aspect == "want" else "have")
    negation = [("negation", "not")] if negated else []
    auxiliary = _auxiliary(form, tense)
    if auxiliary == ("modal", "can") and negated:
        return [("modal", "cannot")], [head, *tail]
    if auxiliary:
        return [auxiliary], [*negation, head, *tail]
    if head[1] == "be":
        return [(head[0], finite("be", tense, person))], [*negation, *tail]
    if negated or question:
        return [("tense", finite("do", tense, person))], [*negation, head, *tail]
    return [], [(head[0], finite(head[1], tense, person)), *tail]


def _auxiliary(form: Form, tense: str) -> tuple[str, str] | None:
    if form.aspect == "can":
        return "modal", "could" if tense == "past" else "can"
    return ("tense", {"future": "will", "would": "would"}[tense]) if tense in ("future", "would") else None


def _linked(parts: Parts, spoken: VerbWords) -> Phrase:
    # The last word carries the tense.
    return Phrase(english=tuple([(word, spoken.words_of(part)) for part, word in parts]))


class Action(NamedTuple):
    """A verb with everything that is said about it, except its subject and its tense.

    ``complements`` are in Korean order, which English reverses. ``frequency`` (자주) stands before the verb in English.
    ``opening`` is a time that begins the sentence in both languages, and ``asked`` is the complement that an English
    question puts first.
    """

    verb: Verb
    complements: tuple[Phrase, ...] = ()
    frequency: Phrase = NOTHING
    opening: Phrase = NOTHING
    asked: Phrase | None = None
    relations: Pairs = ()

    def late(self) -> "Action":
        """Return the action with its time inside the sentence and not before it."""
        if self.opening is NOTHING:
            return self
        return self._replace(complements=(self.opening, *self.complements), opening=NOTHING)


class Clause(NamedTuple):
    """A clause, its subject as said in Korean, and the word whose ending joins it to the next clause."""

    phrase: Phrase
    actor: tuple[Eojeol, ...]
    joint: Eojeol


def clause(
    subject: Nominal | None,
    action: Action,
    form: Form,
    ending: str = "다",
    *,
    particle: str = "는",
    dropped: Nominal | None = None,
    person: str = "",
    after: str = "",
) -> Clause:
    """Say a clause with an ending. ``after`` is a word such as 때문에 that follows the verb.

    A ``dropped`` subject is a pronoun in English only. Without any subject, English agrees with ``person``.
    """
    someone = subject or dropped
    person = someone.person if someone else person
    spoken = korean_verb(action.verb, form, person, ending)
    verb = Phrase(tuple(eojeol for _, eojeol in spoken.words), lemmas=(action.verb.korean,))
    following = korean_words(*after.split())
    if subject:
        actor = noun_phrase(subject, particle, "subject")
    else:
        actor = english_words(dropped.pronoun if dropped else "", spoken.words_of("main"))
    question = ending == "니" and not (subject and subject.noun.korean == "누구")
    first, rest = english_verb(action.verb, form, person, question=question)
    before, behind = _linked(first, spoken), _linked(rest, spoken)
    is_be = action.verb.english.startswith("be ")
    verb_group = [before, action.frequency, behind] if is_be else [action.frequency, before, behind]
    asked = action.asked or Phrase()
    said = [complement for complement in reversed(action.complements) if complement is not action.asked]
    start = [before, actor, action.frequency, behind] if question else [actor, *verb_group]
    phrase = arrange(
        [action.opening, actor, action.frequency, *action.complements, verb, following],
        [action.opening, asked._replace(korean=()), *start, *said],
        action.relations,
    )
    return Clause(phrase, actor.korean, (verb.korean + following.korean)[-1])


def in_a_row(first: Clause, *others: tuple[str, Clause]) -> Phrase:
    """Join clauses by the conjunction before each of them."""
    said = [first.phrase]
    english = [first.phrase]
    before = first
    for conjunction, following in others:
        english += [connector(conjunction, before), following.phrase]
        said.append(following.phrase)
        before = following
    return arrange(said, english)


def connector(word: str, before: Clause) -> Phrase:
    """Return the English conjunction that a Korean ending expresses."""
    return english_words(word, (before.joint,))


def infinitive(action: Action, ending: str, marker: str, *, gerund: bool = False, after: str = "") -> Phrase:
    """Say an action without subject and tense: 책을 사러 (to buy a book), 차를 마시면서 (while drinking tea)."""
    spoken = korean_verb(action.verb, Form("present"), "3s", ending)
    verb = Phrase(tuple(eojeol for _, eojeol in spoken.words), lemmas=(action.verb.korean,))
    following = korean_words(*after.split())
    head, *tail = action.verb.english.split()
    joint = (verb.korean + following.korean)[-1]
    english = english_words(" ".join([ing(head) if gerund else head, *tail]), verb.korean)
    return arrange(
        [*action.complements, verb, following],
        [english_words(marker, (joint,)), english, *reversed(action.complements)],
        action.relations,
    )


def _with_last_word(phrase: Phrase, last: Eojeol) -> Phrase:
    """Put another word in the place of the last Korean one."""
    former = phrase.korean[-1]
    english = tuple((word, tuple(last if one is former else one for one in source)) for word, source in phrase.english)
    return phrase._replace(korean=(*phrase.korean[:-1], last), english=english)


PAST, PRESENT, FUTURE = Form("past"), Form("present"), Form("future")
Sentence = tuple[Phrase, bool]
