"""Sentences of one clause: statements, questions, descriptions, identities, existence."""

from dataclasses import replace

from nmt.synthetic.author import Author, _noun
from nmt.synthetic.clauses import CAN, CANNOT, FUTURE, PAST, PRESENT, Action, Form, Sentence, _with_last_word, clause
from nmt.synthetic.english import finite
from nmt.synthetic.korean import attach, copula
from nmt.synthetic.lexicon import (
    ADJECTIVES,
    JOBS,
    MOTION,
    PLACES,
    QUESTION_WORDS,
    STATES,
    STRANGERS,
    VERBS,
    verbs_of,
)
from nmt.synthetic.phrases import (
    NOTHING,
    Eojeol,
    Nominal,
    Phrase,
    arrange,
    english_words,
    fixed,
    korean_words,
    noun_phrase,
)
from nmt.synthetic.scenes import (
    BE_AT,
    BECOME,
    BELONGINGS,
    COMPARATIVES,
    EXCESSIVE,
    HAVE,
    HAVE_NO,
    LOCATIONS,
    WHEREABOUTS,
)


class SimpleSentences(Author):
    """Writes sentences of one clause. Each method writes one kind, as its example shows."""

    def statement(self) -> Sentence:
        """나는 어제 학교에서 책을 읽었다."""
        verb = self.choose(VERBS)
        form = self.form_for(verb)
        thing = self.choose(self._objects(verb, form)) if verb.objects else ""
        subject = self.done_by(verb, form, thing=thing)
        particle = "가" if self.chance(0.12) else "는"
        return clause(subject, self.action(verb, subject, form, thing), form, particle=particle).phrase, False

    def intimate(self) -> Sentence:
        """나는 너를 사랑해."""
        verb = self.choose([*VERBS, *verbs_of("사랑하다") * 6, *verbs_of("좋아하다") * 3, *verbs_of("믿다") * 2])
        states = "s" in verb.options or verb.korean == "살다"
        form = PRESENT if states else PAST
        subject = self.choose([Nominal(_noun("나")), self.done_by(verb, form)])
        return clause(subject, self.action(verb, subject, form), form, "어").phrase, False

    def question(self) -> Sentence:
        """너는 밥을 먹었니?"""
        verb = self.choose(VERBS)
        form = replace(self.form_for(verb), negation="")
        subject = self.choose([Nominal(_noun("너")), self.subject(verb)])
        return clause(subject, self.action(verb, subject, form).late(), form, "니").phrase, True

    def wh_question(self) -> Sentence:
        """너는 어디에서 책을 샀니?"""
        verb = self.choose([verb for verb in VERBS if "s" not in verb.options])
        form = replace(self.form_for(verb), negation="")
        if form.aspect == "can":
            form = replace(form, aspect="plain", tense="past")
        if self.chance(0.2):
            who = Nominal(_noun("누구"))
            return clause(who, self.action(verb, who, form).late(), form, "니", particle="가").phrase, True
        subject = self.choose([Nominal(_noun("너")), self.subject(verb)])
        action = self.action(verb, subject, form, extras=self.choose((0, 0, 1))).late()
        return clause(subject, self.asking(action, form), form, "니").phrase, True

    def asking(self, action: Action, form: Form) -> Action:
        """Replace one of the complements by a question word."""
        verb, complements = action.verb, action.complements
        said = {word: fixed(word, english) for word, english in QUESTION_WORDS.items()}
        options: list[tuple[Phrase, tuple[Phrase, ...]]] = []
        why = said["왜"]
        options.append((why, (why, *complements)))
        timeless = action.frequency is NOTHING and len(complements) <= 1 + ("d" in verb.options)
        if timeless and not self._is_habit(form) and form.aspect == "plain":
            when = said["언제"] if "c" not in verb.options or self.chance(0.6) else fixed("몇 시에", "what:0 time")
            options.append((when, (when, *complements)))
        if verb.objects:
            what = said["누구를"] if verb.objects == ("사람들",) else said["무엇을"]
            if verb.objects == ("사람들",) or "사람들" not in verb.objects:
                options += [(what, (*complements[:-1], what))] * 2
        if verb.korean in MOTION or verb.korean == "살다":
            where = said["어디에"]
            options += [(where, (*complements[:-1], where))] * 2
        elif verb.places and timeless:
            where = said["어디에서"]
            options += [(where, (where, *complements))] * 2
        asked, changed = self.choose(options)
        relations = () if asked.korean[-1].text in ("무엇을", "누구를") else action.relations
        return action._replace(complements=changed, asked=asked, relations=relations)

    def description(self) -> Sentence:
        """그 집은 아주 크다."""
        adjective = self.choose(ADJECTIVES)
        korean = self.choose(adjective.objects)
        if adjective.korean == "좋다" and korean in JOBS:
            return self.feeling()
        noun = _noun(korean)
        several = noun.article == "a" and korean != "선생님" and self.chance(0.15)
        determiner = "" if several or noun.article != "a" else self.choose(("", "이", "그"))
        form = Form(self.choose(("present", "present", "past")), negation="long" if self.chance(0.2) else "")
        very = NOTHING
        if not form.negation and self.chance(0.35):
            words = [("아주", "very"), ("정말", "really"), *[("너무", "too")] * (adjective.korean in EXCESSIVE)]
            very = fixed(*self.choose(words))
        action = Action(adjective, frequency=very, relations=((adjective.korean, korean),))
        subject = Nominal(noun, 0 if several else 1, determiner)
        return clause(subject, action, form, particle=self.choose(("는", "가"))).phrase, False

    def comparison(self) -> Sentence:
        """이 책은 그 책보다 비싸다."""
        adjective = self.choose([adjective for adjective in ADJECTIVES if adjective.korean in COMPARATIVES])
        korean = self.choose(adjective.objects)
        determiners = self.random.sample(("이", "그", "내", "그의", "그녀의"), 2)
        if _noun(korean).article != "a":
            return self.description()
        first, second = (Nominal(_noun(korean), determiner=determiner) for determiner in determiners)
        other = noun_phrase(second, "보다", "subject")
        than = arrange([other], [english_words("than", other.korean[-1:]), other])
        verb = replace(adjective, english=f"be {COMPARATIVES[adjective.korean]}")
        action = Action(verb, (than,), relations=((adjective.korean, korean),))
        return clause(first, action, self.choose((PRESENT, PRESENT, PAST))).phrase, False

    def feeling(self) -> Sentence:
        """나는 오늘 피곤하다."""
        state = self.choose(STATES)
        form = Form(self.choose(("present", "past")), negation="long" if self.chance(0.2) else "")
        subject = self.done_by(state, form)
        asks = self.chance(0.15)
        day = fixed("오늘", "today") if form.tense == "present" else fixed("어제", "yesterday")
        temporary = state.korean in ("바쁘다", "피곤하다", "배고프다", "아프다", "슬프다", "행복하다")
        complements = (day,) if temporary and self.chance(0.4) else ()
        subject = Nominal(_noun("너")) if asks and self.chance(0.6) else subject
        return clause(subject, Action(state, complements), form, "니" if asks else "다").phrase, asks

    def identity(self) -> Sentence:
        """그는 유명한 의사이다. 철수는 화가가 되고 싶어 한다."""
        korean = self.choose(JOBS)
        if self.chance(0.4):
            return self._becoming(korean)
        fitting = [adjective for adjective in ADJECTIVES if korean in adjective.objects]
        adjective = self.choose(fitting) if fitting and self.chance(0.5) else None
        subject = self.person(known=True)
        while subject.noun.korean in ("너", *STRANGERS):
            subject = self.person(known=True)
        plural = subject.person == "pl" and korean != "선생님"
        job = Nominal(_noun(korean), 0 if plural else 1, adjective=adjective)
        if subject.person == "pl" and not plural:
            return self._becoming(korean)
        return self._being(subject, job, self.choose(("present", "present", "past"))), False

    def _becoming(self, korean: str) -> Sentence:
        form = self.choose((PAST, FUTURE, Form("present", "want"), Form("present", "want"), Form("past", "want")))
        subject = self.done_by(BECOME, form)
        while subject.person == "pl" or subject.noun.korean in JOBS:
            subject = self.done_by(BECOME, form)
        job = noun_phrase(Nominal(_noun(korean)), "가", "object")
        return clause(subject, Action(BECOME, (job,), relations=(("되다", korean),)), form).phrase, False

    def _being(self, subject: Nominal, job: Nominal, tense: str) -> Phrase:
        actor = noun_phrase(subject, "는", "subject")
        negated = self.chance(0.2)
        said = noun_phrase(job, "가", "object")
        if negated:
            verb = korean_words("아니다" if tense == "present" else "아니었다")
            english = english_words(f"{finite('be', tense, subject.person)} not", verb.korean)
            return arrange([actor, said, verb], [actor, english, said])
        bare = job.noun.korean + ("들" if job.count == 0 else "")
        last = Eojeol(copula(bare, "다" if tense == "present" else "었다"))
        said = _with_last_word(said, last)
        return arrange([actor, said], [actor, english_words(finite("be", tense, subject.person), (last,)), said])

    def existence(self) -> Sentence:
        """책상 위에 책 두 권이 있다."""
        if self.chance(0.45):
            return self._belonging() if self.chance(0.5) else self._whereabouts()
        where = self.choose(list(LOCATIONS))
        english, _, things = LOCATIONS[where].partition("|")
        noun = _noun(self.choose(things.split()))
        tense = self.choose(("present", "present", "past"))
        counted = bool(noun.counter) and self.chance(0.5)
        lacking = not counted and self.chance(0.25)
        nominal = Nominal(noun, self.choose((2, 3, 4, 5)) if counted else 1)
        place = fixed(where, english)
        said = noun_phrase(nominal, "가", "object")
        predicate = CANNOT if lacking else CAN
        verb = Eojeol(predicate.past("다") if tense == "past" else predicate.present())
        there = english_words(f"there {finite('be', tense, nominal.person)}", (verb,))
        if lacking:
            said = said._replace(english=(("no", (verb,)), *said.english[1:]))
        return arrange([place, said, Phrase((verb,))], [there, said, place]), False

    def _belonging(self) -> Sentence:
        korean = self.choose(BELONGINGS)
        form = self.choose((PRESENT, PRESENT, PAST))
        verb = HAVE_NO if self.chance(0.35) else HAVE
        counted = verb == HAVE and _noun(korean).counter and self.chance(0.3)
        nominal = Nominal(_noun(korean), self.choose((2, 3, 4)) if counted else 1)
        asks = self.chance(0.2)
        subject = Nominal(_noun("너")) if asks else self.done_by(verb, form)
        said = noun_phrase(nominal, "가", "object")
        action = Action(verb, (said,))
        return clause(subject, action, form, "니" if asks else "다").phrase, asks

    def _whereabouts(self) -> Sentence:
        place = self.choose(WHEREABOUTS)
        form = self.choose((PRESENT, PRESENT, PAST, FUTURE))
        verb = BE_AT if self.chance(0.75) else replace(BE_AT, predicate=CANNOT, english="not be")
        subject = self.done_by(verb, form)
        now = form.tense == "present" and self.chance(0.3)
        said = (*((fixed("지금", "now"),) if now else ()), fixed(attach(place, "에"), PLACES[place][1], place))
        return clause(subject, Action(verb, said), form).phrase, False
