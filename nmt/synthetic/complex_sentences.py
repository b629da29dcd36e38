"""Sentences of several clauses: side by side, because, if, when, relative clauses, reports, errands."""

from dataclasses import replace

from nmt.synthetic.author import _noun
from nmt.synthetic.clauses import (
    FUTURE,
    PAST,
    PRESENT,
    Action,
    Clause,
    Form,
    Sentence,
    clause,
    connector,
    in_a_row,
    infinitive,
)
from nmt.synthetic.korean import attach
from nmt.synthetic.lexicon import (
    ADJECTIVES,
    ANIMALS,
    CHILDREN,
    MOTION,
    PLACES,
    PRONOUNS,
    STATES,
    STRANGERS,
    VERBS,
    Verb,
    verbs_of,
)
from nmt.synthetic.phrases import Nominal, Phrase, arrange, fixed, noun_phrase
from nmt.synthetic.scenes import (
    ARRIVALS,
    BUSY_WITH,
    CAUSES,
    ENJOYED,
    ERRANDS,
    FEELING,
    HAVE,
    HAVE_NO,
    JOYS,
    MEANWHILE,
    PAST_ONLY_CAUSES,
    RESULTS,
    ROUTINE,
    SAY,
    THEMES,
    TIMELESS,
    WEATHER,
    WEATHER_VERBS,
    WELCOMES,
    WHILE,
    YOUNG,
)
from nmt.synthetic.sentences import SimpleSentences


class Storyteller(SimpleSentences):
    """Writes every kind of sentence. Each method writes one kind, as its example shows."""

    def together(self, form: Form, *people: Nominal, place: str = "") -> list[Action]:
        """Choose what these people did in one place at one time. Only the first action says when and where."""
        place, specs = self._plan(place, *people)
        said = [self.named_action(spec, person, form, extras=0) for person, spec in zip(people, specs, strict=True)]
        first = said[0]
        if self.chance(0.5):
            where = fixed(attach(place, "에서"), PLACES[place][1], place)
            first = first._replace(complements=(where, *first.complements))
        if form.aspect == "plain" and self.chance(0.5):
            when = self.time(TIMELESS, "점심", form)
            first = first._replace(opening=when)
            first = first if self.chance(0.5) else first.late()
        return [first, *said[1:]]

    def _plan(self, place: str, *people: Nominal) -> tuple[str, list[str]]:
        """Choose a place and a different action for each person; a person with two actions gets two verbs."""
        while True:
            where = place or self.choose(list(THEMES))
            specs = self.random.sample(THEMES[where].split(), len(people))
            done = list(zip(people, specs, strict=True))
            verbs = {(person.noun.korean, spec.split(":")[0]) for person, spec in done}
            if len(verbs) == len(people) and not any(self._too_young(person, spec) for person, spec in done):
                return where, specs

    def _too_young(self, person: Nominal, spec: str) -> bool:
        korean, _, thing = spec.partition(":")
        return person.noun.korean in CHILDREN and (thing == "맥주" or "a" in verbs_of(korean, thing)[0].options)

    def same_subject(self) -> Sentence:
        """나는 밥을 먹고 책을 읽었다."""
        subject = self.done_by(TIMELESS, PAST)
        first, second = self.together(PAST, subject, subject)
        return in_a_row(*self._sequence(subject, first, second)), False

    def _sequence(
        self, subject: Nominal, first: Action, second: Action, ending: str = "다"
    ) -> tuple[Clause, tuple[str, Clause]]:
        return clause(subject, first, PAST, "고"), ("and", clause(None, second, PAST, ending, person=subject.person))

    def side_by_side(self) -> Sentence:
        """철수는 커피를 마시고 영희는 책을 읽었다."""
        form = self.choose((PAST, PAST, PAST, Form("past", "progressive"), Form("present", "progressive")))
        one = self.done_by(TIMELESS, PAST)
        other = self.done_by(TIMELESS, PAST, one)
        first, second = self.together(form, one, other)
        return in_a_row(clause(one, first, form, "고"), ("and", clause(other, second, form))), False

    def contrast(self) -> Sentence:
        """나는 커피를 좋아하지만 그는 차를 좋아한다."""
        verb = self.choose([verb for verb in VERBS if len(verb.objects) > 2])
        form = self.choose((PRESENT, PRESENT, PAST)) if "s" in verb.options else PAST
        one = self.done_by(verb, form)
        other = self.done_by(verb, form, one)
        thing, another = self.random.sample(verb.objects, 2)
        refusal = form
        if self.chance(0.45):
            another, refusal = thing, replace(form, negation="long")
        turned = self.chance(0.3)
        extras = 0 if refusal.negation else self.choose((0, 0, 1))
        first = self.action(verb, one, refusal if turned else form, thing, extras=extras, plain=True)
        second = self.action(verb, other, form if turned else refusal, another, extras=0, plain=True)
        before = clause(one, first, refusal if turned else form, "지만")
        return in_a_row(before, ("but", clause(other, second, form if turned else refusal))), False

    def cause(self) -> Sentence:
        """나는 피곤해서 일찍 잤다. 비가 왔기 때문에 우리는 집에서 쉬었다."""
        return self._cause(self.choose(list(CAUSES))).phrase, False

    def _cause(
        self,
        cause: str,
        subject: Nominal | None = None,
        *,
        particle: str = "는",
        ending: str = "다",
        more: bool = False,
    ) -> Clause:
        whose, what = cause.split()
        subject = subject or self._sufferer(whose)
        form = self.choose((PAST, PAST, PAST, Form("present", "want"), Form("present", "must")))
        if particle == "가" or cause.startswith(PAST_ONLY_CAUSES):
            form = PAST
        spec, form = self._result(cause, form)
        reason_form = Form("past" if form.tense == "past" else "present")
        because, after = self.choose((("기", "때문에"), ("기", "때문에"), ("어서", "")))
        reason = self._condition(whose, what, subject, reason_form, ending=because, after=after)
        action = self.named_action(spec, subject, form, extras=int(form == PAST and self.chance(0.4)))
        then = self._also(cause, spec) if more and form == PAST else ""
        return self._main_first(
            reason, "because", subject, action, form=form, particle=particle, ending=ending, then=then
        )

    def _result(self, cause: str, form: Form) -> tuple[str, Form]:
        spec = self.choose(CAUSES[cause].split())
        if not spec.startswith("!"):
            return spec, form
        tense = "future" if form.tense == "future" else "past"
        return spec[1:], Form(tense, "can" if tense == "past" and self.chance(0.65) else "plain", "long")

    def _sufferer(self, whose: str) -> Nominal:
        verb = TIMELESS
        while True:
            subject = self.subject(verb, gendered=whose in ("나", "시간", "돈", "시험"))
            if subject.noun.korean != "너":
                return subject

    def _condition(self, whose: str, what: str, subject: Nominal, form: Form, ending: str, after: str) -> Clause:
        if whose in ("비", "눈"):
            return clause(Nominal(_noun(whose)), Action(WEATHER_VERBS[whose]), form, ending, particle="가", after=after)
        if whose == "날씨":
            return clause(Nominal(_noun("날씨")), Action(WEATHER[what]), form, ending, particle="가", after=after)
        if whose == "나":
            return clause(None, Action(FEELING[what]), form, ending, dropped=subject, after=after)
        said = noun_phrase(Nominal(_noun(whose)), "가", "object")
        verb = HAVE if what == "있다" else HAVE_NO
        return clause(None, Action(verb, (said,)), form, ending, dropped=subject, after=after)

    def _main_first(
        self,
        condition: Clause,
        conjunction: str,
        subject: Nominal,
        action: Action,
        form: Form,
        *,
        particle: str = "는",
        ending: str = "다",
        then: str = "",
    ) -> Clause:
        """Put the condition where Korean has it: after a shared subject, or else before the main clause."""
        second = self._continuation(subject, then, ending) if then else None
        main = clause(subject, action.late(), form, "고" if second else ending, particle=particle)
        whole = in_a_row(main, ("and", second)) if second else main.phrase
        start = main.actor if not condition.actor else ()
        said = arrange([whole, condition.phrase], [whole, connector(conjunction, condition), condition.phrase])
        order = (*start, *condition.phrase.korean, *whole.korean[len(start) :])
        return Clause(said._replace(korean=order), main.actor, (second or main).joint)

    def _continuation(self, subject: Nominal, then: str, ending: str) -> Clause:
        return clause(None, self.named_action(then, subject, extras=0).late(), PAST, ending, person=subject.person)

    def _also(self, cause: str, spec: str) -> str:
        """Choose a second thing that follows from the cause, or nothing if the first one was a journey."""
        if spec.split(":")[0] in MOTION:
            return ""
        verb = spec.split(":")[0]
        possible = [other for other in CAUSES[cause].split() if not other.startswith(("!", verb))]
        others = [other for other in possible if other.partition(":")[2] not in PLACES]
        return str(self.choose(others)) if others else ""

    def condition(self) -> Sentence:
        """비가 오면 우리는 집에 있을 것이다. 네가 오면 나는 행복할 것이다."""
        if self.chance(0.35):
            return self._event_condition(), False
        cause = self.choose([cause for cause in CAUSES if not cause.startswith("시험")])
        whose, what = cause.split()
        if whose in ("시간", "돈"):
            return self._means(whose), False
        subject = self._sufferer(whose)
        spec, form = self._result(cause, FUTURE)
        condition = self._condition(whose, what, subject, PRESENT, ending="으면", after="")
        action = self.named_action(spec, subject, form)
        return self._main_first(condition, "if", subject, action, form=form).phrase, False

    def _means(self, whose: str) -> Phrase:
        subject = self._sufferer(whose)
        condition = self._condition(whose, "있다", subject, PRESENT, ending="으면", after="")
        choice = "사다 가다:미국 가다:일본 가다:한국 사다:자전거 사다:컴퓨터" if whose == "돈" else " ".join(ROUTINE)
        action = self.named_action(self.choose(choice.split()), subject)
        return self._main_first(condition, "if", subject, action, form=FUTURE).phrase

    def _event_condition(self) -> Phrase:
        subject = self._sufferer("나")
        if subject.noun.korean in PRONOUNS and self.chance(0.4):
            other = self.subject(TIMELESS, subject)
            condition = clause(other, self._turned_to(subject), PRESENT, "으면", particle="가")
            results = (
                Action(FEELING["행복하다"]),
                self.named_action("오다", subject),
                self.named_action("웃다", subject),
            )
            return self._main_first(condition, "if", subject, self.choose(results), form=FUTURE).phrase
        other = self.subject(TIMELESS, subject)
        condition = clause(other, self.named_action(self.choose(ARRIVALS), other), PRESENT, "으면", particle="가")
        happy = self.chance(0.3)
        action = Action(FEELING["행복하다"]) if happy else self.named_action(self.choose(WELCOMES), subject)
        return self._main_first(condition, "if", subject, action, form=FUTURE).phrase

    def _turned_to(self, somebody: Nominal) -> Action:
        """Choose something done to or for somebody: calling, helping, waiting, trusting."""
        if self.chance(0.4):
            return Action(verbs_of("전화하다")[0], (noun_phrase(somebody, "에게", "other"),))
        verb = verbs_of(self.choose(("돕다", "기다리다", "믿다")))[0]
        return Action(verb, (noun_phrase(somebody, "를", "object"),), relations=((verb.korean, somebody.noun.korean),))

    def when(self) -> Sentence:
        """내가 집에 갔을 때 그는 자고 있었다. 나는 음악을 들을 때 행복하다."""
        kind = self.random.random()
        subject = self._sufferer("나")
        if kind < 0.5:
            other = self.subject(TIMELESS, subject)
            event = self.named_action(self.choose((*ARRIVALS, "가다:학교", "가다:시장")), other)
            if subject.noun.korean in PRONOUNS and self.chance(0.3):
                event = Action(verbs_of("전화하다")[0], (noun_phrase(subject, "에게", "other"),))
            time = clause(other, event, PAST, "때", particle="가", after="때")
            main = self.named_action(self.choose(BUSY_WITH), subject)
            return self._main_first(time, "when", subject, main, form=Form("past", "progressive")).phrase, False
        if kind < 0.75:
            time = clause(None, Action(YOUNG), PAST, "때", dropped=subject, after="때")
            spec = self.choose(("살다", "살다", "배우다", "배우다", "좋아하다", "싫어하다"))
            return self._main_first(time, "when", subject, self.named_action(spec, subject), form=PAST).phrase, False
        time = clause(None, self.named_action(self.choose(JOYS), subject), PRESENT, "때", dropped=subject, after="때")
        return self._main_first(time, "when", subject, Action(FEELING["행복하다"]), form=PRESENT).phrase, False

    # -- sentences with a clause inside ------------------------------------------------------------

    def described_thing(self) -> Sentence:
        """내가 어제 산 책은 재미있다."""
        verb = self.choose([verb for verb in VERBS if verb.korean in ENJOYED])
        meal = verb.korean in ("먹다", "마시다")
        fitting = [one for one in ADJECTIVES if not meal or one.korean in ("맛있다", "뜨겁다", "차갑다")]
        choice = [
            (one, name) for one in fitting for name in one.objects if name in verb.objects and name not in ANIMALS
        ]
        adjective, korean = self.choose(choice)
        noun = self._with_object_clause(verb, korean)
        form = Form("past" if meal else self.choose(("present", "past")), negation="long" if self.chance(0.15) else "")
        action = Action(adjective, relations=((adjective.korean, korean),))
        return clause(noun, action, form).phrase, False

    def _with_object_clause(self, verb: Verb, korean: str, *others: Nominal) -> Nominal:
        maker = self.subject(verb, *others, thing=korean)
        inner = self.action(verb, maker, PAST, korean, extras=self.choose((0, 0, 1)))
        inner = inner.late()
        inner = inner._replace(complements=inner.complements[:-1], relations=((verb.korean, korean),))
        said = clause(maker, inner, PAST, "-", particle="가")
        relative = arrange([said.phrase], [connector("that", said), said.phrase])
        return Nominal(_noun(korean), relative=relative)

    def made_thing(self) -> Sentence:
        """나는 그가 쓴 편지를 읽었다."""
        made = self.choose(list(RESULTS))
        used = self.choose(RESULTS[made].split())
        pairs_of_verbs = [
            (one, other, name)
            for one in verbs_of(made)
            for other in verbs_of(used)
            for name in one.objects
            if name in other.objects and (made != "그리다" or name == "그림")
        ]
        first, second, korean = self.choose(pairs_of_verbs)
        form = replace(self.form_for(second), negation="")
        if form == PRESENT:
            form = PAST
        subject = self.done_by(second, form)
        thing = noun_phrase(self._with_object_clause(first, korean, subject), "를", "object")
        outer = self.action(second, subject, form, korean, extras=0)
        outer = outer._replace(complements=(*outer.complements[:-1], thing), relations=((second.korean, korean),))
        return clause(subject, outer, form).phrase, False

    def described_person(self) -> Sentence:
        """책을 읽고 있는 소녀는 내 여동생이다. 나는 어제 온 의사를 만났다."""
        korean = self.choose(STRANGERS)
        form = self.choose((PAST, Form("present", "progressive")))
        verb = self.choose(
            [verb for verb in VERBS if not set("sxc") & set(verb.options) or verb.korean in ("오다", "먹다")]
        )
        if "e" in verb.options:
            form = PAST
        if korean in CHILDREN and "a" in verb.options:
            return self.described_thing()
        nominal = Nominal(_noun(korean))
        inner = self.action(verb, nominal, form, extras=self.choose((0, 1)))
        if form == PAST and verb.korean == "살다":
            form = PRESENT
        said = clause(None, inner.late(), form, "-", person="3s")
        described = replace(nominal, relative=arrange([said.phrase], [connector("who", said), said.phrase]))
        if self.chance(0.5):
            subject = self.person(nominal, known=True)
            outer = self.choose(
                [verb for verb in VERBS if verb.korean in ("만나다", "돕다", "알다", "모르다", "사랑하다")]
            )
            tense = PAST if "e" in outer.options or outer.korean == "돕다" else PRESENT
            subject = subject if self.suits(subject, tense) else Nominal(_noun("나"))
            person = noun_phrase(described, "를", "object")
            return clause(subject, Action(outer, (person,), relations=((outer.korean, korean),)), tense).phrase, False
        fitting = [one for one in ADJECTIVES if korean in one.objects and one.korean != "좋다"] or [
            FEELING["행복하다"],
            FEELING["피곤하다"],
        ]
        state = self.choose(fitting)
        action = Action(state, relations=((state.korean, korean),))
        return clause(described, action, self.choose((PRESENT, PAST))).phrase, False

    def report(self) -> Sentence:
        """철수는 영희가 서울에 갔다고 말했다."""
        verb, usual = SAY[self.choose(list(SAY))]
        speaker = self.person()
        while not self.suits(speaker, PAST):
            speaker = self.person()
        if self.chance(0.15):
            return self._reported_cause(verb, usual, speaker), False
        other = self.person(speaker)
        if self.chance(0.25):
            state = self.choose(STATES)
            inner = Form("present", english_tense="past" if usual == "past" else "")
            said = clause(other, Action(state), inner, "다고", particle="가")
        else:
            topic = self.choose([one for one in VERBS if not set("sx") & set(one.options)])
            other = self.subject(topic, speaker)
            future = self.chance(0.35)
            inner = Form("future", english_tense="would" if usual == "past" else "") if future else PAST
            action = self.action(topic, other, inner, extras=self.choose((0, 1, 1, 2)))
            said = clause(other, action.late(), inner, "다고", particle="가")
        return self._reporting(verb, usual, speaker, said), False

    def _reporting(self, verb: Verb, tense: str, speaker: Nominal, said: Clause) -> Phrase:
        content = arrange([said.phrase], [connector("that", said), said.phrase])
        return clause(speaker, Action(verb, (content,)), Form(tense)).phrase

    def _reported_cause(self, verb: Verb, tense: str, speaker: Nominal, *, more: bool = False) -> Phrase:
        other = self.person(speaker, known=True)
        while not other.pronoun or other.noun.korean == "너":
            other = self.person(speaker, known=True)
        said = self._cause(self.choose(list(CAUSES)), other, particle="가", ending="다고", more=more)
        return self._reporting(verb, tense, speaker, said)

    def errand(self) -> Sentence:
        """나는 책을 사러 서점에 갔다."""
        place = self.choose(list(ERRANDS))
        verb = self.choose([verb for verb in VERBS if verb.korean == "가다"])
        form = self.choose((PAST, PAST, FUTURE, FUTURE, Form("present", "want"), Form("present", "must")))
        subject = self.done_by(verb, form)
        spec = self.choose(ERRANDS[place].split())
        purpose = infinitive(self.named_action(spec, subject, FUTURE), "으러", "to")
        when = [self.time(TIMELESS, "점심", form if form.aspect == "plain" else FUTURE)] if self.chance(0.5) else []
        company = [self.company(subject)] if self.chance(0.15) else []
        action = Action(verb, (*when, *company, purpose, self.destination(verb, place)))
        return clause(subject, action, form).phrase, False

    def order_of_events(self) -> Sentence:
        """나는 점심을 먹은 후에 학교에 갔다."""
        kind = self.choose((("은", "after", "후에"), ("기", "before", "전에"), ("으면서", "while", "")))
        ending, marker, after = kind
        form = self.choose((PAST, PAST, FUTURE, Form("present", "want")))
        main = self.choose(MEANWHILE if marker == "while" else ROUTINE)
        subject = self.done_by(TIMELESS, form)
        specs = WHILE if marker == "while" else [spec for spec in ROUTINE if spec.split(":")[0] != main.split(":")[0]]
        action = self.named_action(main, subject, form, extras=0)
        spec = self.choose(specs)
        side = infinitive(self.named_action(spec, subject), ending, marker, gerund=True, after=after)
        when = [self.time(TIMELESS, "점심", form)] if form.aspect == "plain" and self.chance(0.4) else []
        action = action._replace(complements=(*when, side, *action.complements))
        return clause(subject, action, form).phrase, False

    def long(self) -> Sentence:
        """비가 왔기 때문에 우리는 집에서 책을 읽고 음악을 들었다."""
        kind = self.random.random()
        if kind < 0.3:
            return self._cause(self.choose(list(CAUSES)), more=True).phrase, False
        if kind < 0.45:
            verb, tense = SAY[self.choose(list(SAY))]
            return self._reported_cause(
                verb, tense, self.choose([Nominal(_noun("나")), self.named()]), more=True
            ), False
        first = self.done_by(TIMELESS, PAST)
        second = self.done_by(TIMELESS, PAST, first)
        if kind < 0.7:
            one, two, three = self.together(PAST, first, first, second)
            return in_a_row(*self._sequence(first, one, two, "지만"), ("but", clause(second, three, PAST))), False
        return self._three_people(first, second, because=self.chance(0.6)), False

    def _three_people(self, first: Nominal, second: Nominal, *, because: bool) -> Phrase:
        people = (first, second, self.done_by(TIMELESS, PAST, first, second))
        actions = self.together(PAST, *people, place=self.choose(("집", "카페")) if because else "")
        said = [
            clause(who, action.late() if because else action, PAST, ending)
            for who, action, ending in zip(people, actions, ("고", "고", "다"), strict=True)
        ]
        row = in_a_row(said[0], ("and", said[1]), ("and", said[2]))
        if not because:
            return row
        whose, what = self.choose(("비 오다", "눈 오다", "날씨 춥다")).split()
        reason = self._condition(whose, what, first, PAST, ending="기", after="때문에")
        return arrange([reason.phrase, row], [row, connector("because", reason), reason.phrase])
