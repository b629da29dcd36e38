"""Korean morphology: the particles of nouns and the endings of verbs and adjectives.

A Hangul syllable is one code point made of an initial, a medial and an optional final letter.
Which shape a particle or an ending takes depends on the last syllable before it, so every rule
here takes that syllable apart, changes it and puts it together again.

>>> attach("책", "는"), attach("사과", "는"), attach("서울", "로")
('책은', '사과는', '서울로')
>>> Predicate("돕다", "ㅂ").past("다"), Predicate("만들다").present()
('도왔다', '만든다')
"""

from dataclasses import dataclass
from functools import cache

INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
MEDIALS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINALS = ["", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"]
FIRST_SYLLABLE = ord("가")

BRIGHT_VOWELS = "ㅏㅑㅗ"
CONTRACTIONS = {"ㅗ": "ㅘ", "ㅜ": "ㅝ", "ㅣ": "ㅕ", "ㅚ": "ㅙ"}
ABSORBING_VOWELS = "ㅏㅐㅓㅔㅕ"
H_CONTRACTIONS = {"ㅏ": "ㅐ", "ㅓ": "ㅔ", "ㅑ": "ㅒ"}

AFTER_CONSONANT = {"는": "은", "가": "이", "를": "을", "와": "과", "로": "으로"}
IRREGULAR_NOUNS = {("나", "가"): "내가", ("너", "가"): "네가", ("누구", "가"): "누가"}


@cache
def take_apart(syllable: str) -> tuple[str, str, str]:
    """Return the initial, the medial and the final letter ('' if there is none).

    >>> take_apart("밥")
    ('ㅂ', 'ㅏ', 'ㅂ')
    """
    place = ord(syllable) - FIRST_SYLLABLE
    initial, rest = divmod(place, len(MEDIALS) * len(FINALS))
    medial, final = divmod(rest, len(FINALS))
    return INITIALS[initial], MEDIALS[medial], FINALS[final]


def put_together(initial: str, medial: str, final: str = "") -> str:
    """Return the syllable made of these letters.

    >>> put_together("ㅂ", "ㅏ", "ㅂ")
    '밥'
    """
    place = (INITIALS.index(initial) * len(MEDIALS) + MEDIALS.index(medial)) * len(FINALS) + FINALS.index(final)
    return chr(FIRST_SYLLABLE + place)


def final_of(word: str) -> str:
    """Return the final letter of the last syllable, '' if it ends in a vowel."""
    return take_apart(word[-1])[2]


@cache
def with_final(word: str, final: str) -> str:
    """Return the word with the final letter of its last syllable replaced.

    >>> with_final("가", "ㄴ"), with_final("만들", "ㄴ"), with_final("춥", "")
    ('간', '만든', '추')
    """
    initial, medial, _ = take_apart(word[-1])
    return word[:-1] + put_together(initial, medial, final)


@cache
def attach(noun: str, particle: str) -> str:
    """Join a noun and a particle named by its shape after a vowel (는, 가, 를, 와, 로 or one that never changes).

    >>> attach("철수", "를"), attach("책", "를"), attach("나", "가"), attach("지하철", "로"), attach("집", "에서")
    ('철수를', '책을', '내가', '지하철로', '집에서')
    """
    if (noun, particle) in IRREGULAR_NOUNS:
        return IRREGULAR_NOUNS[noun, particle]
    open_to_particle = final_of(noun) in (("", "ㄹ") if particle == "로" else ("",))
    return noun + (particle if open_to_particle else AFTER_CONSONANT.get(particle, particle))


def copula(noun: str, ending: str) -> str:
    """Join a noun and a form of 이다; the ending is 다, 었다, 니 or 라고.

    >>> copula("의사", "었다"), copula("학생", "었다"), copula("의사", "니"), copula("학생", "다")
    ('의사였다', '학생이었다', '의사니', '학생이다')
    """
    ends_in_vowel = final_of(noun) == ""
    if ending == "었다":
        return noun + ("였다" if ends_in_vowel else "이었다")
    return noun + ("" if ends_in_vowel and ending in ("니", "라고") else "이") + ending


@dataclass(frozen=True)
class Predicate:
    """A verb or an adjective, given by its dictionary form.

    ``irregular`` names its class: ㅂ (돕다), ㄷ (듣다), ㅅ (짓다), ㅎ (빨갛다), 르 (부르다), or '' if it is regular.
    The loss of ㅡ (쓰다, 썼다) and of ㄹ (만들다, 만든다) has no exception, so it needs no name.
    """

    dictionary: str
    irregular: str = ""
    adjective: bool = False

    @property
    def stem(self) -> str:
        """The dictionary form without 다."""
        return self.dictionary.removesuffix("다")

    def infinitive(self) -> str:
        """Return the form in -아/어, on which -았/었-, -아서/어서 and -아야/어야 are built.

        >>> [Predicate(word).infinitive() for word in ("가다", "먹다", "마시다", "쓰다", "바쁘다", "일하다")]
        ['가', '먹어', '마셔', '써', '바빠', '일해']
        >>> Predicate("듣다", "ㄷ").infinitive(), Predicate("모르다", "르").infinitive()
        ('들어', '몰라')
        """
        stem = self.stem
        if stem.endswith("하"):
            return stem[:-1] + "해"
        if self.irregular == "르":
            return with_final(stem[:-1], "ㄹ") + ("라" if _is_bright(stem[-2]) else "러")
        if self.irregular == "ㅂ":
            return stem[:-1] + "도와" if stem.endswith("돕") else with_final(stem, "") + "워"
        if self.irregular == "ㅎ":
            initial, medial, _ = take_apart(stem[-1])
            return stem[:-1] + put_together(initial, H_CONTRACTIONS[medial])
        if self.irregular or final_of(stem):
            return self._changed_stem() + ("아" if _is_bright(stem[-1]) else "어")
        return _contract(stem)

    def past(self, ending: str) -> str:
        """Return a form of the past, such as past("다") -> 갔다 or past("을") -> 갔을."""
        return with_final(self.infinitive(), "ㅆ") + ending

    def present(self) -> str:
        """Return the plain present: 간다, 먹는다, 만든다; an adjective keeps its dictionary form."""
        if self.adjective:
            return self.dictionary
        if final_of(self.stem) in ("", "ㄹ"):
            return with_final(self.stem, "ㄴ") + "다"
        return self.stem + "는다"

    def join(self, ending: str) -> str:
        """Join an ending as grammar books name it: 고, 지, 니, 는; 으면, 은, 을; 어서, 어야.

        >>> verb = Predicate("듣다", "ㄷ")
        >>> verb.join("고"), verb.join("는"), verb.join("으면"), verb.join("을"), verb.join("어서")
        ('듣고', '듣는', '들으면', '들을', '들어서')
        """
        if ending.startswith("어"):
            return self.infinitive() + ending[1:]
        if ending[0] in "으은을":
            return self._join_after_linking_vowel(ending)
        if final_of(self.stem) == "ㄹ" and ending[0] in "는니":
            return with_final(self.stem, "") + ending
        return self.stem + ending

    def attributive(self) -> str:
        """Return the present form that stands before a noun: 가는, 만드는; 큰, 작은, 추운, 재미있는.

        >>> Predicate("빨갛다", "ㅎ", adjective=True).attributive(), Predicate("길다", adjective=True).attributive()
        ('빨간', '긴')
        """
        exists = self.stem.endswith(("있", "없"))
        return self.join("은" if self.adjective and not exists else "는")

    def _join_after_linking_vowel(self, ending: str) -> str:
        stem = self._changed_stem()
        if self.irregular == "ㅂ":
            stem += "우"
        keeps_vowel = self.irregular in ("ㄷ", "ㅅ") or final_of(stem) not in ("", "ㄹ")
        if keeps_vowel:
            return stem + ending
        if ending.startswith("으"):
            return stem + ending[1:]
        return with_final(stem, final_of(ending[0])) + ending[1:]

    def _changed_stem(self) -> str:
        """The stem as an irregular verb shows it before a vowel: 듣 -> 들, 춥 -> 추, 짓 -> 지, 빨갛 -> 빨가."""
        if self.irregular in ("ㅂ", "ㅅ", "ㅎ"):
            return with_final(self.stem, "")
        return with_final(self.stem, "ㄹ") if self.irregular == "ㄷ" else self.stem


def _is_bright(syllable: str) -> bool:
    return take_apart(syllable)[1] in BRIGHT_VOWELS


def _contract(stem: str) -> str:
    """Merge a stem that ends in a vowel with -아/어."""
    initial, medial, _ = take_apart(stem[-1])
    if medial == "ㅡ":
        harmony_with = stem[-2] if len(stem) > 1 else stem
        return stem[:-1] + put_together(initial, "ㅏ" if _is_bright(harmony_with) else "ㅓ")
    if medial in ABSORBING_VOWELS:
        return stem
    if medial in CONTRACTIONS:
        return stem[:-1] + put_together(initial, CONTRACTIONS[medial])
    return stem + "어"
