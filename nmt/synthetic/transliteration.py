"""Hangul in Latin letters, by the Revised Romanization of Korean (2000).

The official rules write down how a word is pronounced, so there are two steps: ``pronounce`` changes the letters where
two syllables meet, and ``romanize`` spells the result letter by letter.

>>> pronounce("독립문"), romanize("독립문")
('동님문', 'dongnimmun')
>>> romanize("신라"), romanize("해돋이"), romanize("좋고"), romanize("압구정")
('silla', 'haedoji', 'joko', 'apgujeong')

Everything follows from the letters, so some choices are fixed here:

* ㄱ, ㄷ, ㅂ before ㅎ: verbs and adjectives merge the two (잡혀 japyeo), nouns keep the ㅎ (묵호 mukho). Letters do not
  tell the two apart, but the suffixes 히 and 하다 do, and hardly any noun looks like them. 행복한 and 행복해, which end
  like the nouns 북한 and 박해, are treated as nouns.
* ㄴ before ㄹ is ㄹㄹ (대관령 daegwallyeong), but ㄴㄴ before 로, 량, 력, 란, 론 and 료 from the third syllable on,
  where they follow an independent word (신문로 sinmunno).
* ㄹㄱ keeps its ㄹ before an ending (읽고 ilgo), but not in the few nouns that have it (닭과 dakgwa).
* 져, 쪄, 쳐 are 저, 쩌, 처, as the standard pronunciation has them (가르쳐 gareucheo).
* Words are pronounced one by one. No capitals and no optional hyphens are written.

What only a dictionary knows is left out: the ㄴ that is inserted in 학여울 (hangnyeoul) or 알약 (allyak), and the
seam of a compound such as 겉옷 (geodot) or 값어치 (gabeochi).
"""

import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from random import Random

from nmt.synthetic.korean import INITIALS, MEDIALS, Predicate, attach, final_of, put_together, take_apart
from nmt.synthetic.lexicon import ADJECTIVES, NOUNS, STATES, VERBS, listed

VOWELS = dict(zip(MEDIALS, listed("a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i"), strict=True))
ONSETS = dict(zip(INITIALS, listed("g kk n d tt r m b pp s ss - j jj ch k t p h"), strict=True)) | {"ㅇ": ""}
CODAS = {"": "", "ㄱ": "k", "ㄴ": "n", "ㄷ": "t", "ㄹ": "l", "ㅁ": "m", "ㅂ": "p", "ㅇ": "ng"}

# A final of two letters; the second one moves over to a vowel.
CLUSTERS = {
    letters[0]: (letters[1], letters[2])
    for letters in listed("ㄳㄱㅅ ㄵㄴㅈ ㄶㄴㅎ ㄺㄹㄱ ㄻㄹㅁ ㄼㄹㅂ ㄽㄹㅅ ㄾㄹㅌ ㄿㄹㅍ ㅀㄹㅎ ㅄㅂㅅ")
}
SEVEN_FINALS = {"": [""], "ㅇ": "ㅇ", "ㄱ": "ㄱㄲㅋㄳㄺ", "ㄴ": "ㄴㄵㄶ", "ㄷ": "ㄷㅅㅆㅈㅊㅌㅎ", "ㄹ": "ㄹㄼㄽㄾㅀ"}
SEVEN_FINALS |= {"ㅁ": "ㅁㄻ", "ㅂ": "ㅂㅍㅄㄿ"}
CLOSED = {letter: sound for sound, letters in SEVEN_FINALS.items() for letter in letters}
ASPIRATED = {"ㄱ": "ㅋ", "ㄷ": "ㅌ", "ㅂ": "ㅍ", "ㅈ": "ㅊ"}
PALATAL = {"ㄷ": "ㅈ", "ㅌ": "ㅊ"}
NASAL = {"ㄱ": "ㅇ", "ㄷ": "ㄴ", "ㅂ": "ㅁ"}

MELTING = re.compile("[히혀혔힌힐힘힙]|하(?:다|고|게|지|면|니|는|며|던|여|기)|했|해(?:서|요|야)|한다|합니")
NASAL_SUFFIXES = "로량력란론료"
NOUNS_IN_LG = "닭흙칡삵슭"

# A place never ends like a person, so that names can be recognised: only the words of ``PLACES`` must be known.
SURNAMES = listed(
    "김 이 박 최 정 강 조 윤 장 임 한 오 서 신 권 황 안 송 전 홍 유 고 문 양 손 배 백 허 남 심 노 곽 성 차 주 우 민 "
    "진 나 지 엄 채 원 천 방 공 현 함 변 염 여 추 소 석 선 설 마 길 연 위 표 명 기 옥 육 맹 모 탁 남궁 황보 제갈 선우"
)
GIVEN_FIRST = (
    "가강건경광국규근기길나남다대덕도동두명무문미민범병보복봉빛상서석선성세소수순슬승시아연영예옥용우원유윤은의인일재정종주"
    "준지진찬창채철초춘충태하학한해향현형혜호홍화효훈희"
)
GIVEN_LAST = (
    "건경국규균근기길나남덕라란람래련록림명모목무미민배범복빈빛상서석선섭성수숙순슬승식신아안애언연열영예옥온완용우욱운"
    "원위유윤율익인일자재정종주준중지진찬창채철춘태택필하학한혁현형혜호홍화환훈휘희"
)
TITLES = listed("씨 선생님 교수 박사 기자 의원 작가 감독 선수 대표")

PLACE_FIRST = (
    "가강경고공관광구국군금기낙남내논단달당대덕독동두마만망명모목무묵문미밀반백범법벽보봉부북불비사산삼상서석선설성세소속송"
    "수숙순승신안압약양여역연영예오옥온완왕용우운울원월위유은의인임자장적전정제조종주죽중지진집창천철청촉추춘충칠태통파팔평포"
    "풍학한함합현협호홍화황회효흑흥"
)
PLACE_NEXT = PLACE_FIRST + "락람랑래려련령례록룡루류륙륜릉리림립"
PLACE_LAST = "산강봉천도궁사문교탑루릉로곡항포골섬"
PLACES = listed(
    "서울 부산 대구 인천 광주 대전 울산 세종 수원 강릉 속초 춘천 원주 청주 전주 군산 목포 여수 순천 포항 경주 진주 "
    "창원 거제 통영 제주 종로 강남 압구정 왕십리 청량리 독립문 광화문 동대문 경복궁 창덕궁 집현전 촉석루 오죽헌 "
    "불국사 석굴암 첨성대 안압지 낙동강 섬진강 설악산 한라산 속리산 북한산 대관령 추풍령 울릉도 백령도 월곶 한밭 구미 "
    "영동 백암 옥천 합덕 호법 구리 칠곡 임실 묵호 신라 백제 별내 백마 팔당 죽변 합정 낙성대 해운대"
)
WORDS = listed(
    "꽃 밭 값 흙 닭 부엌 앞 옆 밖 낮 밤 숲 끝 빛 몫 삶 여덟 넋 무릎 돛 솥 팥 못 붓 국 북 약 떡 길 달 별 물 불 강 산 "
    "땅 손 발 입 목 몸 짚 잎 볕 곁 이웃 그릇 버섯 연못 빗물 콧물 냇물 바닷가 햇빛 옛날 윷놀이 꽃망울 국물 입맛 앞문 "
    "설날 칼날 난로 곤란 한류 음료수 대통령 심리 정류장 협력 국립 법률 박람회 석류 식목일 작년 학년 입학 급행 백화점 "
    "국화 맏형 맏이 미닫이 해돋이 턱받이 가을걷이 벚꽃 샛별 눈물 봄날 겨울 나라 사람 마음 바람 하늘 구름 노을 거울 "
    "얼굴 가락 책상 볶음밥 떡국"
)
PREDICATES = [
    *(
        Predicate(word)
        for word in listed("놓다 넣다 낳다 쌓다 잃다 앓다 끓다 뚫다 않다 얹다 앉다 굶다 닮다 밟다 핥다 읊다")
    ),
    *(Predicate(word) for word in listed("깎다 볶다 섞다 닦다 묶다 맡다 뱉다 붙다 붙이다 굳히다 닫히다 묻히다 잡히다")),
    *(
        Predicate(word)
        for word in listed("먹히다 막히다 입히다 밝히다 넓히다 앉히다 맞히다 꽂히다 읽히다 밟히다 못하다")
    ),
    *(
        Predicate(word, adjective=True)
        for word in listed("많다 싫다 넓다 맑다 밝다 붉다 얇다 없다 있다 같다 낮다 높다")
    ),
    *(verb.predicate for verb in (*VERBS, *ADJECTIVES, *STATES)),
]
PARTICLES = listed("가 를 는 와 로 에 에서 도 만 까지 부터 마다 처럼 보다")
PROVINCES = listed("경기도 강원도 충청북도 충청남도 전라북도 전라남도 경상북도 경상남도 제주도")
UNITS = listed("시구 시동 시면 군읍 군면 구동 읍리 면리 시구동 시면리 군읍리 군면리")


def pronounce(word: str, *, changes: bool = True) -> str:
    """Return a word of Hangul as it sounds, spelled in Hangul; without ``changes`` only finals move over to a vowel.

    A tense sound that is not spelled is not shown: it is not romanized either.

    >>> pronounce("왕십리"), pronounce("같이"), pronounce("잡혀"), pronounce("벚꽃"), pronounce("빛나", changes=False)
    ('왕심니', '가치', '자펴', '벋꼳', '빋나')
    """
    syllables = [list(take_apart(syllable)) for syllable in word]
    for place, (left, right) in enumerate(pairwise(syllables), 1):
        coda, onset, vowel = left[2], right[0], right[1]
        if changes:
            coda, onset = _melt(coda, onset, vowel, suffix=MELTING.match(word, place) is not None)
            coda, onset = _soften(coda, onset, vowel)
        coda, onset = _move_over(coda, onset)
        coda = _close(coda, word[place - 1], onset)
        if changes:
            coda, onset = _assimilate(coda, onset, suffix=place > 1 and word[place] in NASAL_SUFFIXES)
        left[2], right[0] = coda, onset
    syllables[-1][2] = _close(syllables[-1][2], word[-1], "")
    return "".join(put_together(*_without_glide(*syllable)) for syllable in syllables)


def _split(coda: str) -> tuple[str, str]:
    """Return what remains of a final when its last letter moves to the next syllable, and that letter."""
    return CLUSTERS.get(coda, ("", coda))


def _melt(coda: str, onset: str, vowel: str, *, suffix: bool) -> tuple[str, str]:
    """Merge ㅎ and the consonant beside it: 좋고 -> 조코, 많다 -> 만타, 잡혀 -> 자펴; it is lost in 좋아 -> 조아."""
    stays, moves = _split(coda)
    if moves == "ㅎ":
        if onset in ASPIRATED:
            return stays, ASPIRATED[onset]
        return (stays, onset) if onset in "ㅇㅅ" or stays else (CLOSED[coda], onset)
    if onset == "ㅎ" and suffix and moves:
        if moves == "ㄷ" and vowel in "ㅣㅕ":
            return stays, "ㅊ"
        sound = moves if moves in ASPIRATED else CLOSED[moves]
        return (stays, ASPIRATED[sound]) if sound in ASPIRATED else (coda, onset)
    return coda, onset


def _soften(coda: str, onset: str, vowel: str) -> tuple[str, str]:
    """Turn ㄷ and ㅌ before 이 into ㅈ and ㅊ: 해돋이 -> 해도지, 붙여 -> 부쳐."""
    stays, moves = _split(coda)
    return (stays, PALATAL[moves]) if onset == "ㅇ" and vowel in "ㅣㅕ" and moves in PALATAL else (coda, onset)


def _move_over(coda: str, onset: str) -> tuple[str, str]:
    """Move a final to the next syllable if that has no initial: 백암 -> 배감, 읽어 -> 일거."""
    return _split(coda) if onset == "ㅇ" and coda not in ("", "ㅇ") else (coda, onset)


def _close(coda: str, syllable: str, onset: str) -> str:
    """Return the one of seven sounds that a final has before a consonant and at the end."""
    if coda == "ㄺ" and onset == "ㄱ" and syllable not in NOUNS_IN_LG:
        return "ㄹ"
    return "ㅂ" if syllable == "밟" and coda == "ㄼ" else CLOSED[coda]


def _assimilate(coda: str, onset: str, *, suffix: bool) -> tuple[str, str]:
    """Make neighbours alike: 신라 -> 실라, 별내 -> 별래, 종로 -> 종노, 백마 -> 뱅마, 독립 -> 동닙."""
    if onset == "ㄹ" and coda == "ㄴ" and suffix:
        return "ㄴ", "ㄴ"
    if {coda, onset} in ({"ㄴ", "ㄹ"}, {"ㄹ"}):
        return "ㄹ", "ㄹ"
    if onset == "ㄹ" and coda:
        onset = "ㄴ"
    return (NASAL.get(coda, coda), onset) if onset in "ㄴㅁ" else (coda, onset)


def _without_glide(initial: str, medial: str, final: str) -> tuple[str, str, str]:
    return initial, "ㅓ" if medial == "ㅕ" and initial in "ㅈㅉㅊ" else medial, final


def _spell(sounds: str) -> str:
    """Write pronounced syllables letter by letter; ㄹ is r before a vowel, and ㄹㄹ is ll."""
    latin, before = "", ""
    for initial, medial, final in map(take_apart, sounds):
        latin += "l" if initial == before == "ㄹ" else ONSETS[initial]
        latin += VOWELS[medial] + CODAS[final]
        before = final
    return latin


def romanize(text: str) -> str:
    """Return the text with every word of Hangul in Latin letters; the rest stays.

    >>> romanize("꽃이 좋다"), romanize("왕십리"), romanize("묵호")
    ('kkochi jota', 'wangsimni', 'mukho')
    """
    return re.sub("[가-힣]+", lambda word: _spell(pronounce(word[0])), text)


def romanize_name(surname: str, given: str) -> str:
    """Return a person's name: the surname is separate, and no sound changes inside the given name.

    >>> romanize_name("한", "복남"), romanize_name("홍", "빛나")
    ('han boknam', 'hong bitna')
    """
    return " ".join(_spell(pronounce(part, changes=False)) for part in (surname, given))


def romanize_address(address: str) -> str:
    """Return an address: a hyphen stands before each unit, such as 도, 시, 구 or 동, and no sound changes across it.

    >>> romanize_address("충청북도 의정부시 인왕리")
    'chungcheongbuk-do uijeongbu-si inwang-ri'
    """
    return " ".join(f"{romanize(word[:-1])}-{romanize(word[-1])}" for word in address.split())


Spelled = tuple[str, str]


def _spelled(text: str) -> Spelled:
    return text, romanize(text)


def _in_a_row(*parts: Spelled) -> Spelled:
    return " ".join(hangul for hangul, _ in parts), " ".join(latin for _, latin in parts)


def _name(random: Random) -> Spelled:
    surname, given = random.choice(SURNAMES), random.choice(GIVEN_FIRST) + random.choice(GIVEN_LAST)
    return surname + given, romanize_name(surname, given)


def _person(random: Random) -> Spelled:
    return _in_a_row(_name(random), _spelled(random.choice(TITLES)))


def _is_clear(word: str) -> bool:
    """Return whether no ㄴ can be inserted: only a dictionary says if it is, between a final and 이, 야, 여, 요."""
    return not any(final_of(one) and other in "이익인일임양역여연영예용유약" for one, other in pairwise(word))


def _root(random: Random, syllables: int) -> str:
    while True:
        root = random.choice(PLACE_FIRST) + "".join(random.choice(PLACE_NEXT) for _ in range(syllables - 1))
        if _is_clear(root):
            return root


def _place(random: Random) -> str:
    if random.random() < 0.1:
        return random.choice(PLACES)
    return _root(random, random.choices((1, 2, 3), (2, 7, 2))[0]) + random.choice(PLACE_LAST)


def _somewhere(random: Random) -> Spelled:
    return _spelled(attach(_place(random), random.choice(PARTICLES[:10])))


@cache
def _nouns() -> list[str]:
    return [*WORDS, *(noun.korean for noun in NOUNS.values() if not noun.gender)]


def _noun(random: Random) -> Spelled:
    return _spelled(attach(random.choice(_nouns()), random.choice(PARTICLES)))


def _finished(predicate: Predicate) -> list[str]:
    return [predicate.past("다"), predicate.present()]


def _predicate(random: Random) -> Spelled:
    predicate = random.choice(PREDICATES)
    forms = [predicate.dictionary, predicate.past("고"), *_finished(predicate)]
    forms += [predicate.join(ending) for ending in ("고", "지", "으면", "어서")]
    return _spelled(random.choice(forms if predicate.adjective else [*forms, predicate.join("는")]))


def _deed(random: Random) -> Spelled:
    """Write an object and a verb that fit together in the lexicon: 책 is read, but never 밥."""
    verb = random.choice([verb for verb in VERBS if len(verb.objects) > 1])
    thing = attach(random.choice(verb.objects), "를")
    return _spelled(f"{thing} {random.choice([*_finished(verb.predicate), verb.predicate.join('고')])}")


def _story(random: Random) -> Spelled:
    title = attach(random.choice(TITLES), random.choice(("는", "가")))
    return _in_a_row(_name(random), _spelled(title), _deed(random))


def _visit(random: Random) -> Spelled:
    verb = random.choice(("갔다", "왔다", "살았다", "있다", "만났다", "놀았다", "일했다"))
    return _spelled(f"{attach(_place(random), '에' if verb in ('갔다', '왔다', '있다') else '에서')} {verb}")


def _address(random: Random) -> Spelled:
    units = random.choice(UNITS)
    address = " ".join(_root(random, 2) + unit for unit in units)
    if units[0] in "시군" and random.random() < 0.4:
        address = f"{random.choice(PROVINCES)} {address}"
    return address, romanize_address(address)


MIXTURE: tuple[tuple[int, Callable[[Random], Spelled]], ...] = (
    (16, _name),
    (8, _person),
    (26, lambda random: _spelled(_place(random))),
    (8, _somewhere),
    (10, _noun),
    (8, _predicate),
    (8, _deed),
    (6, _story),
    (4, _visit),
    (6, _address),
)


def pair(random: Random) -> tuple[str, str]:
    """Choose a word, a name or a short phrase and romanize it.

    >>> pair(Random(3)) == pair(Random(3))
    True
    """
    weights, kinds = zip(*MIXTURE, strict=True)
    return random.choices(kinds, weights)[0](random)
