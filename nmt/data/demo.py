"""The built-in corpus: Korean and English sentences written by a small grammar, with gold word links.

The grammar builds every sentence in both languages at once. A phrase holds Korean words in Korean
order and English words in English order, and every English word names the Korean words it comes
from. Nothing is guessed afterwards: the links of a sentence are those names turned into positions.

How words are linked:

* a content word links to the Korean word that carries it, and a noun that is counted to its counter too;
* an article links to its noun, a preposition to the word that carries the particle;
* ``did``, ``will`` and a form of ``do`` link to the last word of the Korean verb, which carries the tense;
* ``not`` links to 안 or to the form of 않다, ``can``, ``want to``, ``have to`` and ``is`` (eating) to their own
  Korean words (수 있다, 싶다, 한다, 있다);
* ``because``, ``if``, ``when``, ``and``, ``that`` ... link to the word that carries the ending (때문에, 때, 먹고 ...);
* a pronoun that Korean leaves out (Cheolsu slept because *he* was tired) links to the verb of its clause.

Every word on both sides has at least one link.

English is a function of Korean. A subject and a person addressed take ``the``, a counted object takes
``a`` or ``an``, what one likes is general (사과를 좋아한다, likes apples), a mass noun takes no article.

Four splits share no sentence on either side. ``combinations`` tests words together that were never
together in training: each of its sentences joins a pair of ``HELD_OUT``, and no sentence of the other
splits contains both words of any such pair.

>>> sorted(pair.target for pair in pairs("train") if pair.source in STORY)
['I ate rice', 'I love Cheolsu']
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from nmt.data.korean import Predicate, attach, copula
from nmt.errors import InputError, nearest

SPLITS = ("train", "dev", "test", "combinations")
STORY = ("나는 밥을 먹었다", "나는 철수를 사랑해")
SEED = 20
CANDIDATES = 33_000
TRAIN_SIZE = 22_500
HELD_OUT_SIZE = 500
RAREST = 8
SEEN_OFTEN_ENOUGH = 4
LONGEST = 25

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Pair:
    """One sentence in both languages.

    ``links`` are (source word, target word), counted from 0 and sorted. ``lemmas`` are the dictionary
    forms of the Korean content words, sorted: what a test needs to see that a combination is new.
    """

    source: str
    target: str
    links: tuple[tuple[int, int], ...]
    lemmas: tuple[str, ...]


# ---------------------------------------------------------------------------------------------------
# English words
# ---------------------------------------------------------------------------------------------------

IRREGULAR_PAST = dict(
    pair.split("=")
    for pair in (
        "eat=ate drink=drank buy=bought sell=sold read=read write=wrote make=made sing=sang teach=taught meet=met "
        "know=knew see=saw find=found lose=lost draw=drew take=took ride=rode wear=wore cut=cut give=gave send=sent "
        "lend=lent go=went come=came sleep=slept swim=swam run=ran get=got say=said think=thought hear=heard "
        "have=had become=became"
    ).split()
)
IRREGULAR_PLURAL = {"child": "children", "man": "men", "woman": "women", "person": "people"}
DOUBLING = ("run", "swim", "get", "cut")
BE = {
    "present": {"1s": "am", "2s": "are", "3s": "is", "pl": "are"},
    "past": {"1s": "was", "2s": "were", "3s": "was", "pl": "were"},
}


def _ends_in_consonant_y(word: str) -> bool:
    return word.endswith("y") and word[-2] not in "aeiou"


def with_s(word: str) -> str:
    """Return the plural of a noun or the third person of a verb.

    >>> [with_s(word) for word in ("apple", "watch", "study", "toy", "child", "have", "go", "police officer")]
    ['apples', 'watches', 'studies', 'toys', 'children', 'has', 'goes', 'police officers']
    """
    if word in IRREGULAR_PLURAL:
        return IRREGULAR_PLURAL[word]
    if word == "have":
        return "has"
    if _ends_in_consonant_y(word):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh", "o")) and word not in ("photo", "piano") else "s")


def past(verb: str) -> str:
    """Return the past tense: went, liked, cried, waited."""
    if verb in IRREGULAR_PAST:
        return IRREGULAR_PAST[verb]
    if _ends_in_consonant_y(verb):
        return verb[:-1] + "ied"
    return verb + ("d" if verb.endswith("e") else "ed")


def ing(verb: str) -> str:
    """Return the present participle: going, making, running."""
    if verb in DOUBLING:
        return verb + verb[-1] + "ing"
    return (verb[:-1] if verb.endswith("e") and verb != "see" else verb) + "ing"


def finite(verb: str, tense: str, person: str) -> str:
    """Return the verb as its subject and its tense demand.

    >>> finite("be", "past", "pl"), finite("eat", "present", "3s"), finite("eat", "past", "1s")
    ('were', 'eats', 'ate')
    """
    if verb == "be":
        return BE[tense][person]
    if tense == "past":
        return "did" if verb == "do" else past(verb)
    return with_s(verb) if person == "3s" else verb


def article_before(word: str) -> str:
    """Return a or an."""
    return "an" if word[0] in "aeiou" else "a"


# ---------------------------------------------------------------------------------------------------
# The lexicon
# ---------------------------------------------------------------------------------------------------

# Each line: the article (a, the, '-' for a mass noun, 's' for a plural without a singular), the counter, the nouns.
NOUN_TABLE = """
a 개: 사과=apple 바나나=banana 오렌지=orange 샌드위치=sandwich 가방=bag 우산=umbrella 시계=clock 의자=chair 책상=desk
a 개: 인형=doll 장난감=toy 선물=gift 모자=hat 열쇠=key 지갑=wallet 상자=box
a 대: 자전거=bicycle 자동차=car 컴퓨터=computer 카메라=camera
a 권: 책=book 소설=novel 잡지=magazine
a 장: 사진=photo 표=ticket 그림=picture
a 통: 편지=letter 이메일=email
a 벌: 코트=coat 치마=skirt 셔츠=shirt
a 송이: 꽃=flower
a 그루: 나무=tree
a 마리: 고양이=cat 개=dog 새=bird 말=horse
a 편: 시=poem 영화=movie 드라마=drama 연극=play
a 곡: 노래=song
a 명: 학생=student 의사=doctor 아이=child 남자=man 여자=woman 소년=boy 소녀=girl 간호사=nurse 기자=reporter
a 명: 가수=singer 화가=painter 요리사=cook 농부=farmer 경찰관=police_officer 사람=person
a -: 선생님=teacher 신문=newspaper 보고서=report 버스=bus 기차=train 택시=taxi 집=house 시험=test
a -: 공원=park 은행=bank 서점=bookstore 병원=hospital 카페=cafe 식당=restaurant 가게=store 도시=city 학교=school
- 잔: 커피=coffee 차=tea 주스=juice 우유=milk 물=water 맥주=beer
- -: 밥=rice 빵=bread 고기=meat 생선=fish 케이크=cake 수프=soup 샐러드=salad 과일=fruit 아이스크림=ice_cream 점심=lunch
- -: 저녁=dinner 돈=money 시간=time 음악=music 영어=English 한국어=Korean 중국어=Chinese 일본어=Japanese 수학=math
- -: 과학=science 역사=history 수영=swimming 축구=soccer 텔레비전=television 종이=paper
s -: 국수=noodles 옷=clothes 신발=shoes
the -: 문=door 창문=window 방=room 교실=classroom 부엌=kitchen 사무실=office 라디오=radio 피아노=piano 지하철=subway
the -: 날씨=weather
"""

CUPS = {"잔": "cups of"}
PRONOUNS = {
    "나": ("I", "me", "1s"),
    "너": ("you", "you", "2s"),
    "그": ("he", "him", "3s"),
    "그녀": ("she", "her", "3s"),
    "우리": ("we", "us", "pl"),
    "그들": ("they", "them", "pl"),
}
UNNAMED = {"누구": ("who", "who", "3s"), "비": ("it", "it", "3s"), "눈": ("it", "it", "3s")}
NAMES = {
    "철수": "Cheolsu m",
    "민수": "Minsu m",
    "현우": "Hyunwoo m",
    "준호": "Junho m",
    "영희": "Younghee f",
    "지영": "Jiyoung f",
    "수진": "Sujin f",
    "미나": "Mina f",
}
KIN = {
    "어머니": "우리 mother f",
    "아버지": "우리 father m",
    "할머니": "우리 grandmother f",
    "할아버지": "우리 grandfather m",
    "여동생": "내 little_sister f",
    "남동생": "내 little_brother m",
}
PRONOUN_FORMS = PRONOUNS | UNNAMED
MEN, WOMEN = ("남자", "소년"), ("여자", "소녀")
CHILDREN = ("아이", "소년", "소녀", "학생", "여동생", "남동생")
JOBS = "학생 의사 선생님 간호사 기자 가수 화가 요리사 농부 경찰관".split()
STRANGERS = [*JOBS, "아이", "남자", "여자", "소년", "소녀"]
ANIMALS = "고양이 개 새 말".split()
GENERAL = "사과 바나나 오렌지 고기 생선 국수 케이크 과일 아이스크림 커피 차 주스 우유 맥주 고양이 개 꽃 영화 음악 수학 역사 영어 수영 축구"

# Each line: Korean, going to it, being at it.
PLACE_TABLE = """
학교|to school|at school
집|home|at home
도서관|to the library|at the library
공원|to the park|in the park
시장|to the market|at the market
병원|to the hospital|at the hospital
은행|to the bank|at the bank
식당|to the restaurant|at the restaurant
카페|to the cafe|at the cafe
서점|to the bookstore|at the bookstore
가게|to the store|at the store
역|to the station|at the station
공항|to the airport|at the airport
극장|to the theater|at the theater
박물관|to the museum|at the museum
교회|to church|at church
바다|to the beach|at the beach
수영장|to the pool|at the pool
방|to the room|in the room
부엌|to the kitchen|in the kitchen
교실|to the classroom|in the classroom
사무실|to the office|at the office
서울|to Seoul|in Seoul
부산|to Busan|in Busan
한국|to Korea|in Korea
미국|to America|in America
일본|to Japan|in Japan
"""
DESTINATIONS = "학교 집 도서관 공원 시장 병원 은행 식당 카페 서점 역 공항 극장 박물관 교회 바다 서울 부산 한국 미국 일본"
CITIES = "서울 부산 한국 미국 일본"
VEHICLES = {
    "버스": "bus",
    "기차": "train",
    "지하철": "subway",
    "택시": "taxi",
    "자전거": "bicycle",
    "자동차": "car",
    "배": "ship",
    "비행기": "plane",
}
ABROAD = ("한국", "미국", "일본")

# Each line: verb/irregularity | English | objects | places | manner | options.
# Options: s a state (present and past only), e an event (no progressive), x only what happened (past only),
# y may last years, c fits a clock time, w may be done with somebody, g its object is general,
# a grown-ups only, d needs a person addressed (에게), n its objects are never counted.
VERB_TABLE = f"""
먹다|eat|밥 빵 사과 바나나 오렌지 고기 생선 국수 케이크 샌드위치 수프 샐러드 점심 저녁 과일 아이스크림|\
집 식당 학교 공원 카페|빨리 천천히|cw
마시다|drink|물 우유 커피 차 주스 맥주|집 카페 식당 사무실|천천히 빨리|w
사다|buy|사과 바나나 오렌지 빵 고기 생선 과일 책 잡지 옷 치마 셔츠 코트 모자 신발 가방 우산 시계 의자 책상 자전거 꽃 인형 장난감 \
선물 컴퓨터 카메라|시장 가게 서울 부산||y
팔다|sell|사과 오렌지 생선 고기 빵 과일 옷 모자 신발 가방 꽃 자전거 컴퓨터 카메라 그림 인형|시장 가게 서울||ya
읽다|read|책 소설 신문 잡지 편지 시 보고서 이메일|집 도서관 방 카페 교실 공원|천천히 조용히|
쓰다|write|책 소설 편지 시 보고서 이메일|집 도서관 방 카페 사무실|천천히 빨리|
만들다|make|빵 케이크 샌드위치 수프 샐러드 국수 의자 책상 인형 장난감 옷|집|천천히 빨리|
요리하다|cook|고기 생선 국수 저녁 점심|집 부엌|천천히|w
듣다/ㄷ|listen to|음악 노래 라디오|집 방 카페|조용히|wn
부르다/르|sing|노래|집 교회 학교 공원|조용히|w
배우다|learn|영어 한국어 중국어 일본어 수학 과학 역사 음악 피아노 수영|학교 서울|열심히 빨리|yw
가르치다|teach|영어 한국어 중국어 일본어 수학 과학 역사 음악 피아노 수영|학교 서울 부산|열심히|ya
공부하다|study|영어 한국어 중국어 일본어 수학 과학 역사 음악|도서관 학교 집 방 카페 교실|열심히 조용히|yw
좋아하다|like|{GENERAL}|||sg
싫어하다|hate|{GENERAL}|||sg
사랑하다|love|사람들|||s
믿다|trust|사람들|||s
알다|know|사람들|||s
모르다/르|not know|사람들|||s
기다리다|wait for|사람들 버스 기차 택시 편지|역 집 카페 공원||cn
만나다|meet|사람들|공원 학교 카페 역 서울 시장||eycn
돕다/ㅂ|help|사람들|학교 집 병원|열심히|n
보다|see|고양이 개 새 말 꽃 사람들|공원 시장 서울||e
보다|watch|영화 텔레비전 드라마 연극 축구|집 방|조용히|wn
찾다|find|열쇠 지갑 가방 우산 책 사진 편지|집 방 사무실 교실||en
잃어버리다|lose|열쇠 지갑 가방 우산 시계 모자|공원 시장 역 학교||xn
열다|open|문 창문 가방 상자||천천히 조용히 빨리|n
닫다|close|문 창문 가방 상자||천천히 조용히 빨리|n
청소하다|clean|방 교실 부엌 사무실||열심히 빨리 조용히|w
그리다|draw|꽃 나무 그림 고양이 새 말 집|학교 공원 방 교실|천천히|
찍다|take|사진|공원 학교 서울 바다||w
타다|take|버스 기차 택시 지하철|||ecn
타다|ride|자전거 말|공원|빨리 천천히|wn
입다|wear|옷 치마 셔츠 코트|||n
자르다/르|cut|빵 고기 케이크 종이|부엌|천천히 빨리|
고치다|fix|자동차 자전거 컴퓨터 시계 의자 카메라 문|집 가게|빨리|an
주다|give|책 꽃 선물 돈 사과 빵 시계 사진 인형 장난감|||ed
보내다|send|편지 이메일 선물 사진 꽃 돈 책|||d
보여주다|show|사진 그림 책 편지 카메라 표|||ed
빌려주다|lend|책 돈 우산 자전거 카메라 가방|||edn
전화하다|call||||ecd
이야기하다|talk||카페 공원 학교 집|조용히|w
자다|sleep||집 방|조용히|c
일하다|work||병원 은행 서점 식당 학교 사무실 가게|열심히|yaw
쉬다|rest||집 방 공원|조용히|w
웃다|smile|||조용히|
울다|cry||방 집|조용히|
수영하다|swim||바다 수영장|빨리 천천히 열심히|w
달리다|run||공원 학교|빨리 천천히|w
걷다/ㄷ|walk||공원 바다|빨리 천천히|w
춤추다|dance||집 학교 극장|열심히|w
놀다|play||공원 학교 집||w
운동하다|exercise||공원 집 학교|열심히|cw
일어나다|get up|||일찍 늦게|ec
살다|live||{CITIES}||y
가다|go||||cwy
오다|come||||ecwy
돌아오다|come back||||ec
도착하다|arrive||||ec
"""
MOTION = {
    "가다": DESTINATIONS,
    "오다": "학교 집 도서관 공원 병원 서울 부산 한국",
    "돌아오다": "집 학교 서울 부산 한국",
    "도착하다": "집 학교 역 공항 병원 서울 부산",
}
TOOLS = {
    "먹다": {"젓가락": "chopsticks|밥 고기 생선 국수", "숟가락": "a spoon|밥 수프"},
    "쓰다": {"연필": "a pencil|편지 시", "펜": "a pen|편지 시 소설"},
    "그리다": {"연필": "a pencil|꽃 나무 그림 고양이 새 말 집"},
    "자르다": {"칼": "a knife|빵 고기 케이크 종이"},
}

# Each line: adjective/irregularity | English | the nouns it fits.
ADJECTIVE_TABLE = """
크다|big|집 학교 나무 개 가방 자동차 사과 공원 도시 상자 책상 컴퓨터 인형 새
작다|small|집 학교 나무 개 가방 자동차 사과 공원 도시 상자 의자 고양이 새 카메라
비싸다|expensive|책 가방 자동차 시계 컴퓨터 카메라 코트 옷 신발 모자 과일 고기 자전거
싸다|cheap|책 가방 자동차 시계 컴퓨터 카메라 코트 옷 신발 모자 과일 생선 자전거
좋다|good|책 소설 영화 노래 선생님 학생 의사 학교 자동차 사람 컴퓨터
예쁘다|pretty|꽃 인형 치마 옷 모자 새 고양이 그림 집 가방
아름답다/ㅂ|beautiful|꽃 노래 그림 나무 시 여자 도시 공원 사진
귀엽다/ㅂ|cute|고양이 개 인형 아이 새 장난감
무겁다/ㅂ|heavy|가방 상자 책 책상 의자 컴퓨터
가볍다/ㅂ|light|가방 상자 책 의자 컴퓨터 카메라
길다|long|편지 영화 소설 치마 시 이메일 보고서 코트
짧다|short|편지 영화 소설 치마 시 이메일 보고서 노래
빠르다/르|fast|자동차 기차 말 버스 자전거 컴퓨터
느리다|slow|자동차 기차 말 버스 자전거 컴퓨터
재미있다|interesting|책 소설 영화 잡지 드라마 연극 편지
지루하다|boring|책 소설 영화 잡지 드라마 연극
맛있다|delicious|빵 사과 바나나 오렌지 고기 국수 수프 케이크 샐러드 생선 과일 샌드위치 커피
뜨겁다/ㅂ|hot|물 커피 차 수프 우유
차갑다/ㅂ|cold|물 우유 주스 맥주 커피
어렵다/ㅂ|difficult|책 시험 시 소설
쉽다/ㅂ|easy|책 시험 시 소설
깨끗하다|clean|방 교실 부엌 집 물 옷 도시 셔츠
더럽다/ㅂ|dirty|방 교실 부엌 집 물 옷 신발 셔츠
조용하다|quiet|공원 도시 교실 카페 집 아이 학생
빨갛다/ㅎ|red|사과 꽃 자동차 모자 가방 치마 우산 코트
파랗다/ㅎ|blue|자동차 모자 가방 치마 우산 셔츠 새
하얗다/ㅎ|white|꽃 고양이 개 말 셔츠 집 코트 종이
노랗다/ㅎ|yellow|꽃 버스 우산 모자 치마 새
친절하다|kind|의사 선생님 간호사 학생 남자 여자 경찰관 요리사
똑똑하다|smart|학생 아이 의사 소년 소녀 기자 개
유명하다|famous|가수 화가 의사 요리사 그림 소설 영화 기자 노래
젊다|young|남자 여자 의사 선생님 간호사 기자 가수 화가 농부
부지런하다|hardworking|농부 학생 간호사 요리사 남자 여자
"""
FEELINGS = """
행복하다|happy
바쁘다|busy
피곤하다|tired
배고프다|hungry
아프다|sick
슬프다|sad
건강하다|healthy
친절하다|kind
똑똑하다|smart
유명하다|famous
부지런하다|hardworking
"""

# Each line: Korean | English with the place of the Korean word it comes from (the last unless given) | kind.
TIME_TABLE = {
    "past": """
어제|yesterday|day
지난주에|last week|day
어제 저녁에|yesterday:0 evening|part
어제 아침에|yesterday:0 morning|part
오늘 아침에|this:0 morning|part
어젯밤에|last night|part
토요일에|on Saturday|day
일요일에|on Sunday|day
지난달에|last month|year
작년에|last year|year
작년 여름에|last:0 summer|year
""",
    "future": """
내일|tomorrow|day
내일 아침에|tomorrow:0 morning|part
내일 저녁에|tomorrow:0 evening|part
오늘 저녁에|this:0 evening|part
오늘 밤에|tonight:0,1|part
다음 주에|next:0 week|day
토요일에|on Saturday|day
일요일에|on Sunday|day
다음 달에|next:0 month|year
내년에|next year|year
내년 여름에|next:0 summer|year
""",
    "present": """
매일|every day|day
매일 아침|every:0 morning|part
매일 저녁|every:0 evening|part
토요일마다|every Saturday|day
일요일마다|every Sunday|day
아침에|in the morning|part
저녁에|in the evening|part
""",
}
HOURS = dict(zip("한 두 세 네 다섯 여섯 일곱 여덟 아홉 열".split(), "one two three four five six seven eight nine ten".split()))
FREQUENCY = {"항상": "always", "자주": "often", "가끔": "sometimes", "보통": "usually"}
MANNER = {
    "빨리": "quickly",
    "천천히": "slowly",
    "조용히": "quietly",
    "열심히": "hard",
    "일찍": "early",
    "늦게": "late",
}
QUESTION_WORDS = {
    "왜": "why",
    "언제": "when",
    "무엇을": "what",
    "누구를": "who",
    "어디에": "where",
    "어디에서": "where",
}
ALL_DAY = ("점심", "저녁", "자다", "일어나다", "텔레비전")

LOCATIONS = {
    "책상 위에": "on the:0 desk:0|책 컴퓨터 사진 시계 편지 사과 꽃 신문 열쇠",
    "의자 밑에": "under the:0 chair:0|고양이 가방 상자 개",
    "상자 안에": "in the:0 box:0|사과 인형 장난감 책 사진 고양이",
    "가방 안에": "in the:0 bag:0|책 지갑 열쇠 우산 카메라",
    "집 앞에": "in front of the:0 house:0|나무 자동차 자전거 개 버스",
    "문 뒤에": "behind the:0 door:0|우산 가방 고양이 의자",
    "학교 옆에": "next to the:0 school:0|공원 은행 서점 병원 카페 가게",
    "나무 위에": "in the:0 tree:0|새 고양이",
    "공원에": "in:0 the:0 park:0|나무 아이 개 사람 새",
    "교실에": "in:0 the:0 classroom:0|학생 의자 책상 컴퓨터",
    "방에": "in:0 the:0 room:0|의자 책상 컴퓨터 시계 고양이",
}
BELONGINGS = "자동차 자전거 카메라 컴퓨터 고양이 개 우산 표 돈 시간 시험 가방".split()

# What follows from what: a cause, and the actions that make sense after it ('!' marks what becomes impossible).
CAUSES = {
    "비 오다": "자다 쉬다:집 보다:영화 읽다:책 타다:버스 타다:택시 !운동하다 !놀다:공원 !가다:공원 !가다:바다 듣다:음악 요리하다:국수",
    "눈 오다": "쉬다:집 읽다:소설 마시다:커피 마시다:차 타다:지하철 !가다:공항 !타다:자전거 찍다:사진 놀다:공원 입다:코트",
    "날씨 좋다": "가다:공원 가다:바다 걷다:공원 운동하다:공원 수영하다:바다 타다:자전거 찍다:사진 놀다:공원 청소하다:방",
    "날씨 춥다": "입다:코트 마시다:차 마시다:커피 먹다:수프 쉬다:집 !수영하다 !운동하다 !가다:바다 닫다:창문 닫다:문",
    "날씨 덥다": "먹다:아이스크림 마시다:물 마시다:주스 수영하다 가다:바다 열다:창문 열다:문 !자다 !달리다",
    "나 피곤하다": "자다 쉬다:집 쉬다:방 가다:집 마시다:커피 타다:택시 돌아오다:집 !일하다 !운동하다 !공부하다 !청소하다",
    "나 배고프다": "먹다 먹다:밥 먹다:빵 먹다:국수 가다:식당 요리하다:고기 요리하다:국수 만들다:샌드위치 사다:빵 사다:과일 !자다 !공부하다",
    "나 바쁘다": "먹다:샌드위치 타다:택시 !만나다 !가다 !오다 !돕다 !쉬다 !자다 !보다:영화 !전화하다 !읽다:신문 !청소하다",
    "나 아프다": "가다:병원 쉬다:집 자다 마시다:물 먹다:수프 돌아오다:집 !가다:학교 !일하다 !먹다 !운동하다 !공부하다 !오다 !수영하다",
    "나 행복하다": "웃다 부르다:노래 춤추다",
    "나 슬프다": "울다 듣다:음악 !자다 !먹다 !웃다",
    "시간 없다": "타다:택시 먹다:샌드위치 !만나다 !쉬다 !읽다:책 !보다:드라마 !청소하다 !요리하다:저녁 !배우다 !돕다 !쓰다:편지",
    "돈 없다": "팔다:자전거 팔다:카메라 !사다 !가다:미국 !가다:식당 !타다:택시 !보내다:선물",
    "시험 있다": "공부하다 공부하다:영어 공부하다:수학 가다:도서관 읽다:책 !놀다 !보다:영화 !쉬다 !자다 !가다:바다",
}

HELD_OUT_TABLE = """
먹다: 바나나 국수
마시다: 주스
사다: 모자 인형 오렌지
팔다: 신발 고기
읽다: 잡지 이메일
쓰다: 시
만들다: 의자 샐러드
요리하다: 생선
배우다: 역사 중국어
가르치다: 과학 일본어
공부하다: 한국어
좋아하다: 고양이 차
싫어하다: 우유 수학
찾다: 우산
잃어버리다: 열쇠
열다: 상자
닫다: 가방
그리다: 말
고치다: 시계
주다: 사진
보내다: 꽃
빌려주다: 카메라
보다: 드라마
입다: 코트
크다: 상자
작다: 카메라
비싸다: 자전거
싸다: 가방
예쁘다: 치마
아름답다: 나무
길다: 이메일
짧다: 소설
재미있다: 연극
맛있다: 수프
빨갛다: 우산
하얗다: 셔츠
친절하다: 간호사
유명하다: 화가
젊다: 농부
똑똑하다: 기자
무겁다: 책상
빠르다: 자전거
"""


# ---------------------------------------------------------------------------------------------------
# Reading the lexicon
# ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Noun:
    """A noun, a name or a pronoun. ``article`` is its column of the noun table, '' for a person with a name."""

    korean: str
    english: str
    article: str = ""
    counter: str = ""
    gender: str = ""
    possessor: str = ""

    @property
    def person(self) -> str:
        """Who the verb agrees with when there is one of it."""
        return "pl" if self.article == "s" else PRONOUN_FORMS[self.korean][2] if self.korean in PRONOUN_FORMS else "3s"


@dataclass(frozen=True)
class Verb:
    """A verb or an adjective ("be big") and what goes well with it."""

    predicate: Predicate
    english: str
    objects: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    manner: tuple[str, ...] = ()
    options: str = ""

    @property
    def korean(self) -> str:
        """The dictionary form, which is also the lemma."""
        return self.predicate.dictionary


def _predicate(entry: str, *, adjective: bool = False) -> Predicate:
    dictionary, _, irregular = entry.partition("/")
    return Predicate(dictionary, irregular, adjective)


def _read_nouns() -> dict[str, Noun]:
    nouns = {}
    for line in NOUN_TABLE.strip().splitlines():
        kind, entries = line.split(": ")
        article, counter = kind.split()
        for korean, english in (entry.split("=") for entry in entries.split()):
            gender = "m" if korean in MEN else "f" if korean in WOMEN else ""
            spelled = english.replace("_", " ")
            nouns[korean] = Noun(korean, spelled, article, counter.removeprefix("-"), gender)
    for korean, (subject, _, _) in PRONOUN_FORMS.items():
        nouns[korean] = Noun(korean, subject, gender={"그": "m", "그녀": "f"}.get(korean, ""))
    for korean, entry in NAMES.items():
        english, gender = entry.split()
        nouns[korean] = Noun(korean, english, gender=gender)
    for korean, entry in KIN.items():
        possessor, english, gender = entry.split()
        nouns[korean] = Noun(korean, english.replace("_", " "), gender=gender, possessor=possessor)
    return nouns


def _read_verbs() -> list[Verb]:
    verbs = []
    for line in VERB_TABLE.strip().splitlines():
        entry, english, objects, places, manner, options = line.split("|")
        fitting = (tuple(column.split()) for column in (objects, places, manner))
        verbs.append(Verb(_predicate(entry), english, *fitting, options))
    return verbs


def _read_adjectives(table: str) -> list[Verb]:
    adjectives = []
    for line in table.strip().splitlines():
        entry, english, *nouns = line.split("|")
        fitting = tuple(nouns[0].split()) if nouns else ()
        adjectives.append(Verb(_predicate(entry, adjective=True), f"be {english}", fitting, options="s"))
    return adjectives


NOUNS = _read_nouns()
VERBS = _read_verbs()
ADJECTIVES = _read_adjectives(ADJECTIVE_TABLE)
STATES = _read_adjectives(FEELINGS)
PLACES = {korean: (to, at) for korean, to, at in (line.split("|") for line in PLACE_TABLE.strip().splitlines())}
HELD_OUT: tuple[tuple[str, str], ...] = tuple(
    (head, dependent)
    for head, dependents in (line.split(": ") for line in HELD_OUT_TABLE.strip().splitlines())
    for dependent in dependents.split()
)


def verbs_of(korean: str, thing: str = "") -> list[Verb]:
    """Return the verbs spelled this way that take this object: 보다 is one verb for a film and another for a dog."""
    return [verb for verb in VERBS if verb.korean == korean and (not thing or thing in verb.objects + verb.places)]


# ---------------------------------------------------------------------------------------------------
# Phrases in two languages
# ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Eojeol:
    """One Korean word of one sentence. It is compared by identity, as the same spelling may occur twice."""

    text: str


@dataclass(frozen=True)
class Phrase:
    """Korean words, English words with the Korean words each comes from, the lemmas and which goes with which."""

    korean: tuple[Eojeol, ...] = ()
    english: tuple[tuple[str, tuple[Eojeol, ...]], ...] = ()
    lemmas: tuple[str, ...] = ()
    relations: Pairs = ()


NOTHING = Phrase()


def arrange(korean: Sequence[Phrase], english: Sequence[Phrase], relations: Pairs = ()) -> Phrase:
    """Join phrases in one order for Korean and in another for English."""
    parts = {id(phrase): phrase for phrase in (*korean, *english)}.values()
    return Phrase(
        tuple(chain.from_iterable(phrase.korean for phrase in korean)),
        tuple(chain.from_iterable(phrase.english for phrase in english)),
        tuple(chain.from_iterable(phrase.lemmas for phrase in parts)),
        (*chain.from_iterable(phrase.relations for phrase in parts), *relations),
    )


def english_words(text: str, source: Iterable[Eojeol]) -> Phrase:
    """Return English words that all come from the same Korean words."""
    eojeols = tuple(source)
    return Phrase(english=tuple((word, eojeols) for word in text.split()))


def korean_words(*texts: str) -> Phrase:
    """Return Korean words whose English will be said elsewhere."""
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


def to_pair(phrase: Phrase, *, question: bool = False) -> Pair:
    """Write a phrase down as a sentence."""
    mark = "?" if question else ""
    place = {eojeol: number for number, eojeol in enumerate(phrase.korean)}
    links = {(place[eojeol], number) for number, (_, source) in enumerate(phrase.english) for eojeol in source}
    source = " ".join(eojeol.text for eojeol in phrase.korean)
    target = " ".join(word for word, _ in phrase.english)
    lemmas = tuple(sorted(set(phrase.lemmas)))
    return Pair(source + mark, target[0].upper() + target[1:] + mark, tuple(sorted(links)), lemmas)


# ---------------------------------------------------------------------------------------------------
# Noun phrases
# ---------------------------------------------------------------------------------------------------

DETERMINERS = {"이": "this", "그": "that", "내": "my", "우리": "my", "그의": "his", "그녀의": "her"}
NUMERALS = dict(zip(range(1, 11), zip(HOURS, HOURS.values(), strict=True), strict=True))


@dataclass(frozen=True)
class Nominal:
    """What a noun phrase says. ``count`` is 1 for one, 0 for several (들) and more for a number with a counter."""

    noun: Noun
    count: int = 1
    determiner: str = ""
    adjective: Verb | None = None
    relative: Phrase | None = None
    joined: "Nominal | None" = None

    @property
    def person(self) -> str:
        """Who the verb agrees with."""
        return self.noun.person if self.count == 1 and not self.joined else "pl"

    @property
    def pronoun(self) -> str:
        """The English pronoun that stands for it, or '' if Korean does not tell he from she."""
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
    core = replace(spoken, korean=(head,), lemmas=(noun.korean,))
    determiner = _determiner_phrase(nominal)
    adjective = _adjective_phrase(nominal)
    relative = nominal.relative or Phrase()
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
        return Phrase()
    korean, english = NUMERALS[nominal.count]
    numeral, counter = Eojeol(korean), Eojeol(attach(nominal.noun.counter, particle))
    cups = english_words(CUPS.get(nominal.noun.counter, ""), (counter,))
    return Phrase((numeral, counter), ((english, (numeral,)), *cups.english))


def _determiner_phrase(nominal: Nominal) -> Phrase:
    determiner = nominal.determiner or nominal.noun.possessor
    return fixed(determiner, DETERMINERS[determiner]) if determiner else Phrase()


def _adjective_phrase(nominal: Nominal) -> Phrase:
    if nominal.adjective is None:
        return Phrase()
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


# ---------------------------------------------------------------------------------------------------
# Verbs
# ---------------------------------------------------------------------------------------------------

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
        """Give the predicate an ending and go on with another one."""
        self.add(self.predicate.join(ending))
        self.part, self.predicate = part, predicate

    def all_of(self, *parts: str) -> tuple[Eojeol, ...]:
        """Return the words of these parts, or the last word if there is none."""
        return tuple(eojeol for part, eojeol in self.words if part in parts) or (self.words[-1][1],)


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
    sources = {
        "main": spoken.all_of("main"),
        "modal": spoken.all_of("modal"),
        "negation": spoken.all_of("negation"),
        "tense": spoken.words[-1:] and (spoken.words[-1][1],),
    }
    return Phrase(english=tuple((word, sources[part]) for part, word in parts))


# ---------------------------------------------------------------------------------------------------
# Clauses
# ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Action:
    """A verb with all that is said about it but who does it and in which tense.

    ``complements`` stand in Korean order, which English turns round. ``frequency`` (자주) stands before
    the verb in English. ``opening`` is a time that begins the sentence in both languages, and
    ``asked`` is the complement that an English question puts first.
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
        return replace(self, complements=(self.opening, *self.complements), opening=NOTHING)


@dataclass(frozen=True)
class Clause:
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
        actor = english_words(dropped.pronoun if dropped else "", spoken.all_of("main"))
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
        [action.opening, replace(asked, korean=()), *start, *said],
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
    """Return the English conjunction that a Korean ending says."""
    return english_words(word, (before.joint,))


def infinitive(action: Action, ending: str, marker: str, *, gerund: bool = False, after: str = "") -> Phrase:
    """Say an action without subject and tense: 책을 사러 (to buy a book), 음악을 들으면서 (while listening to music)."""
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
    return replace(phrase, korean=(*phrase.korean[:-1], last), english=english)


# ---------------------------------------------------------------------------------------------------
# The author: what to say
# ---------------------------------------------------------------------------------------------------

HABITS = (
    "먹다 마시다 사다 팔다 읽다 요리하다 듣다 부르다 배우다 가르치다 공부하다 보다 청소하다 타다 일하다 쉬다 수영하다 "
    "달리다 걷다 춤추다 놀다 운동하다 일어나다 가다 돕다 전화하다 만나다"
).split()
NOT_DAILY = (
    "옷 치마 셔츠 코트 모자 신발 가방 우산 시계 의자 책상 자전거 인형 장난감 선물 컴퓨터 카메라 보고서 연극 그림 케이크 편지 이메일 "
    "서울 부산 한국 미국 일본 공항 박물관 극장"
).split()
RESULTS = {
    "사다": "먹다 읽다 잃어버리다 찾다 고치다 입다",
    "쓰다": "읽다 찾다",
    "만들다": "먹다 팔다 사다",
    "그리다": "팔다",
    "보내다": "읽다 찾다",
}
ERRANDS = {
    "서점": "사다:책 사다:잡지",
    "시장": "사다:과일 사다:생선 사다:고기 사다:사과 사다:옷 사다:꽃 팔다:과일 팔다:사과",
    "가게": "사다:빵 사다:신발 사다:우산 사다:가방 사다:시계",
    "식당": "먹다:점심 먹다:저녁 먹다:고기 먹다:생선",
    "카페": "마시다:커피 마시다:차 만나다 마시다:우유",
    "도서관": "공부하다 읽다:책 읽다:신문 읽다:소설",
    "공원": "놀다 운동하다 걷다 찍다:사진 달리다 그리다:나무 그리다:새 타다:자전거",
    "바다": "수영하다 찍다:사진 놀다",
    "수영장": "수영하다 배우다:수영",
    "학교": "배우다:영어 배우다:음악 가르치다:수학 가르치다:영어 공부하다:수학",
    "극장": "보다:영화",
    "서울": "만나다 일하다 팔다:그림",
    "병원": "일하다 만나다 돕다",
}
ROUTINE = (
    "먹다:점심 먹다:저녁 먹다:밥 자다 공부하다:영어 공부하다:수학 일하다 운동하다 청소하다:방 읽다:책 읽다:신문 보다:영화 보다:텔레비전 "
    "마시다:커피 마시다:차 수영하다 쓰다:편지 요리하다:저녁 만나다 듣다:음악 달리다 전화하다 그리다:그림 사다:과일 가다 쉬다"
).split()
WHILE = "듣다:음악 듣다:라디오 듣다:노래 부르다:노래 마시다:커피 마시다:차 웃다".split()
MEANWHILE = "걷다 공부하다 요리하다 청소하다 쉬다 일하다 그리다 달리다 쓰다:편지 기다리다:버스 기다리다:기차 읽다:책 읽다:신문".split()
JOYS = "듣다:음악 부르다:노래 그리다 읽다:소설 읽다:책 먹다:케이크 먹다:아이스크림 놀다 수영하다 춤추다 요리하다 배우다 보다:영화 타다:자전거 만나다".split()
BUSY_WITH = "자다 먹다 읽다 쓰다 요리하다 듣다 공부하다 보다:텔레비전 보다:영화 청소하다 그리다 쉬다 울다 웃다 놀다 일하다 마시다 만들다 부르다 춤추다".split()
BE_AT = Verb(Predicate("있다", adjective=True), "be", options="s")
HAVE = Verb(Predicate("있다", adjective=True), "have", options="s")
HAVE_NO = Verb(Predicate("없다", adjective=True), "not have", options="s")
BECOME = Verb(Predicate("되다"), "become")
WEATHER_VERBS = {"비": Verb(Predicate("오다"), "rain"), "눈": Verb(Predicate("오다"), "snow")}
WEATHER = {
    "춥다": Verb(Predicate("춥다", "ㅂ", adjective=True), "be cold"),
    "덥다": Verb(Predicate("덥다", "ㅂ", adjective=True), "be hot"),
    "좋다": Verb(Predicate("좋다", adjective=True), "be good"),
}
EXCESSIVE = "크다 작다 비싸다 길다 짧다 무겁다 느리다 어렵다 뜨겁다 차갑다 더럽다 지루하다".split()
YOUNG = Verb(Predicate("어리다", adjective=True), "be young")
FEELING = {state.korean: state for state in STATES}
COMPARATIVES = {
    "크다": "bigger",
    "작다": "smaller",
    "비싸다": "more expensive",
    "싸다": "cheaper",
    "무겁다": "heavier",
    "가볍다": "lighter",
    "길다": "longer",
    "짧다": "shorter",
    "빠르다": "faster",
    "느리다": "slower",
    "재미있다": "more interesting",
    "어렵다": "more difficult",
    "쉽다": "easier",
    "예쁘다": "prettier",
    "똑똑하다": "smarter",
    "맛있다": "more delicious",
}
SAY = {
    "말하다": (Verb(Predicate("말하다"), "say"), "past"),
    "생각하다": (Verb(Predicate("생각하다"), "think"), "present"),
    "믿다": (Verb(Predicate("믿다"), "believe"), "present"),
    "듣다": (Verb(Predicate("듣다", "ㄷ"), "hear"), "past"),
}
PAST, PRESENT, FUTURE = Form("past"), Form("present"), Form("future")
Sentence = tuple[Phrase, bool]


def _noun(korean: str) -> Noun:
    return NOUNS[korean]


class Author:
    """Writes sentences with its own source of chance, so that the same seed writes the same corpus."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def chance(self, probability: float) -> bool:
        """Say yes this often."""
        return self.random.random() < probability

    def choose(self, things: Sequence[Any]) -> Any:
        """Choose one thing."""
        return things[int(self.random.random() * len(things))]

    # -- people and things -------------------------------------------------------------------------

    def person(self, *others: Nominal | None, known: bool = False) -> Nominal:
        """Choose somebody other than these. Somebody ``known`` has a name, a pronoun or is family."""
        taken = {other.noun.korean for other in others if other}
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
                return replace(somebody, joined=self.named(somebody))
            return somebody

    def named(self, *others: Nominal) -> Nominal:
        """Choose somebody by name."""
        taken = [other.noun.korean for other in others]
        return Nominal(_noun(self.choose([name for name in NAMES if name not in taken])))

    def thing(self, verb: Verb, korean: str, *, plain: bool = False) -> Nominal:
        """Choose how to speak of a thing: alone, counted, described or pointed at."""
        noun = _noun(korean)
        nominal = Nominal(noun)
        if plain or noun.article == "the" or korean in NAMES or self.chance(0.5):
            return nominal
        if noun.counter and not set("ngs") & set(verb.options) and self.chance(0.45):
            return replace(nominal, count=self.choose((2, 2, 3, 3, 4, 5, 10 if verb.korean in ("사다", "팔다") else 2)))
        fitting = [adjective for adjective in ADJECTIVES if korean in adjective.objects]
        if fitting and self.chance(0.7):
            return replace(nominal, adjective=self.choose(fitting))
        pointed = noun.article == "a" and "g" not in verb.options and verb.korean not in ("쓰다", "만들다", "그리다", "찍다")
        if pointed and self.chance(0.6):
            return replace(nominal, determiner=self.choose(("이", "그")))
        return nominal

    def object_of(self, verb: Verb, korean: str, subject: Nominal | None, *, plain: bool = False) -> tuple[Nominal, str]:
        """Choose the object of a verb and name it for the relation."""
        if korean == "사람들":
            somebody = self.person(subject, known="s" in verb.options)
            return somebody, somebody.noun.korean
        nominal = self.thing(verb, korean, plain=plain)
        siblings = [name for name in verb.objects if name in NOUNS and self._go_together(nominal.noun, _noun(name))]
        if siblings and nominal.count == 1 and not nominal.determiner and not plain and self.chance(0.12):
            return replace(nominal, joined=Nominal(_noun(self.choose(siblings)))), korean
        return nominal, korean

    def _go_together(self, first: Noun, second: Noun) -> bool:
        return first != second and (first.article, first.counter) == (second.article, second.counter)

    # -- times and places --------------------------------------------------------------------------

    def time(self, verb: Verb, thing: str, form: Form) -> Phrase:
        """Choose when it happens."""
        if "c" in verb.options and self.chance(0.25):
            hour = self.choose(list(HOURS))
            return fixed(f"{hour} 시에", f"at {HOURS[hour]}:0 o'clock")
        kinds = {"day"} | ({"year"} if "y" in verb.options else set())
        if verb.korean not in ALL_DAY and thing not in ALL_DAY and "x" not in verb.options:
            kinds.add("part")
        lines = [line.split("|") for line in TIME_TABLE[form.tense].strip().splitlines()]
        korean, english, _ = self.choose([line for line in lines if line[2] in kinds])
        return fixed(korean, english)

    def destination(self, verb: Verb, korean: str) -> Phrase:
        """Say where somebody goes, arrives or lives."""
        to, at = PLACES[korean]
        if verb.korean in ("살다", "도착하다"):
            return fixed(attach(korean, "에"), "home" if korean == "집" and verb.korean == "도착하다" else at, korean)
        particle = "로" if korean in CITIES.split() and verb.korean == "가다" and self.chance(0.3) else "에"
        return fixed(attach(korean, particle), to, korean)

    def vehicle(self, destination: str) -> Phrase:
        """Say by what somebody goes there."""
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
        verb = self.choose(verbs_of(korean, "" if name in PLACES else name))
        is_place = name in PLACES and name not in verb.objects
        return self.action(verb, subject, form, "" if is_place else name, name if is_place else "", extras=extras)

    def action(
        self, verb: Verb, subject: Nominal | None, form: Form, thing: str = "", place: str = "", *, extras: int | None = None
    ) -> Action:
        """Fill a verb with an object and up to ``extras`` circumstances that suit it."""
        thing = thing or (self.choose(self._objects(verb, form)) if verb.objects else "")
        room = self.choose((0, 0, 1, 1, 1, 2, 2, 3)) if extras is None else extras
        before: list[Phrase] = []
        if verb.korean in MOTION:
            before = self._journey(verb, place or self.choose(self._destinations(verb, form)), subject, room)
        elif verb.korean == "살다":
            before = [self.destination(verb, place or self.choose(CITIES.split()))]
        else:
            before = self._circumstances(verb, thing, place, subject, room)
        relations: list[tuple[str, str]] = []
        if "d" in verb.options:
            addressed = self.person(subject, known=not self.chance(0.3))
            role = "object" if verb.korean == "전화하다" else "other"
            said = noun_phrase(addressed, "에게", "other")
            before.append(said if role == "object" else arrange([said], [english_words("to", said.korean[-1:]), said]))
        if thing:
            nominal, name = self.object_of(verb, thing, subject, plain=extras == 0 and self.chance(0.7))
            role = "general" if "g" in verb.options else "object"
            before.append(noun_phrase(nominal, "를", role))
            relations.append((verb.korean, name))
            if nominal.joined:
                relations.append((verb.korean, nominal.joined.noun.korean))
        return self._timed(Action(verb, tuple(before), relations=tuple(relations)), thing, form, room)

    def _objects(self, verb: Verb, form: Form) -> Sequence[str]:
        if self._is_habit(form):
            return [name for name in verb.objects if name not in NOT_DAILY] or verb.objects
        return verb.objects

    def _destinations(self, verb: Verb, form: Form) -> Sequence[str]:
        places = MOTION[verb.korean].split()
        return [name for name in places if name not in NOT_DAILY] if self._is_habit(form) else places

    def _is_habit(self, form: Form) -> bool:
        return form.tense == "present" and form.aspect == "plain"

    def _journey(self, verb: Verb, place: str, subject: Nominal | None, room: int) -> list[Phrase]:
        before = []
        if room > 1 and "w" in verb.options and self.chance(0.4):
            before.append(self.company(subject))
        if room and verb.korean != "도착하다" and self.chance(0.4):
            before.append(self.vehicle(place))
        if room and verb.korean == "가다" and place in ("서울", "부산") and self.chance(0.4):
            origin = "부산" if place == "서울" else "서울"
            before.append(fixed(f"{origin}에서", f"from {PLACES[origin][0].split()[-1]}", origin))
            return [*before, fixed(f"{place}까지", PLACES[place][0], place)]
        return [*before, self.destination(verb, place)]

    def _circumstances(self, verb: Verb, thing: str, place: str, subject: Nominal | None, room: int) -> list[Phrase]:
        said = []
        if room and "w" in verb.options and self.chance(0.25):
            said.append(self.company(subject))
        if place or (room and verb.places and self.chance(0.45)):
            place = place or self.choose(verb.places)
            said.append(fixed(attach(place, "에서"), PLACES[place][1], place))
        tools = [name for name, use in TOOLS.get(verb.korean, {}).items() if thing in use.split("|")[1].split()]
        if room and tools and self.chance(0.35):
            name = self.choose(tools)
            english = TOOLS[verb.korean][name].split("|")[0]
            said.append(fixed(attach(name, "로"), f"with {english}", name))
        elif room and verb.manner and self.chance(0.3):
            adverb = self.choose(verb.manner)
            said.append(fixed(adverb, MANNER[adverb]))
        return said

    def _timed(self, action: Action, thing: str, form: Form, room: int) -> Action:
        if "s" in action.verb.options or action.verb.korean == "살다" or form.negation and self._is_habit(form):
            return action
        if self._is_habit(form):
            if self.chance(0.45):
                adverb = self.choose(list(FREQUENCY))
                return replace(action, frequency=fixed(adverb, FREQUENCY[adverb]))
            return replace(action, complements=(self.time(action.verb, thing, form), *action.complements))
        if form.aspect == "progressive":
            now = form.tense == "present" and room and self.chance(0.4)
            return replace(action, complements=(fixed("지금", "now"), *action.complements)) if now else action
        if not room or not self.chance(0.6):
            return action
        when = Form("future") if form.tense == "present" else form
        time = self.time(action.verb, thing, when)
        if form.aspect == "plain" and self.chance(0.25):
            return replace(action, opening=time)
        return replace(action, complements=(time, *action.complements))

    def form_for(self, verb: Verb) -> Form:
        """Choose a tense and an aspect the verb can take."""
        if "s" in verb.options or verb.korean == "살다":
            negation = "" if self.chance(0.75) or verb.english.startswith("not ") else "long"
            return Form(self.choose(("present", "present", "past")), negation=negation)
        if "x" in verb.options:
            return PAST
        aspects = ["plain"] * 8 + ["want", "can", "must"]
        if "e" not in verb.options:
            aspects += ["progressive"] * 2
        aspect = self.choose(aspects)
        tenses = {
            "plain": ["past"] * 4 + ["future"] * 3 + ["present"] * 3 * (verb.korean in HABITS),
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
        if form == PRESENT and verb.objects and verb.korean not in ("마시다", "공부하다", "배우다", "가르치다", "듣다"):
            return form
        short = form.aspect == "plain" and form.tense == "past" and not verb.korean.endswith("하다") and self.chance(0.4)
        return replace(form, negation="short" if short else "long")

    def suits(self, subject: Nominal, form: Form) -> bool:
        """Keep from telling people what they do: 너 fits a duty or what will be, not a report."""
        return subject.noun.korean != "너" or form.aspect in ("must", "can") or form.tense == "future"

    def done_by(self, verb: Verb, form: Form, thing: str = "", **kind: bool) -> Nominal:
        """Choose a subject that suits the verb and its form."""
        while True:
            subject = self.subject(verb, thing=thing, **kind)
            if self.suits(subject, form):
                return subject

    # -- sentences ---------------------------------------------------------------------------------

    def statement(self) -> Sentence:
        """나는 어제 학교에서 책을 읽었다."""
        verb = self.choose(VERBS)
        form = self.form_for(verb)
        thing = self.choose(self._objects(verb, form)) if verb.objects else ""
        subject = self.done_by(verb, form, thing)
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
        return clause(subject, self.action(verb, subject, form), form, "니").phrase, True

    def wh_question(self) -> Sentence:
        """너는 어디에서 책을 샀니?"""
        verb = self.choose([verb for verb in VERBS if "s" not in verb.options])
        form = replace(self.form_for(verb), negation="")
        if form.aspect == "can":
            form = replace(form, aspect="plain", tense="past")
        if self.chance(0.2):
            who = Nominal(_noun("누구"))
            third = clause(who, self.action(verb, who, form), form, "니", particle="가")
            return third.phrase, True
        subject = self.choose([Nominal(_noun("너")), self.subject(verb)])
        action = self.action(verb, subject, form, extras=self.choose((0, 0, 1)))
        return clause(subject, self.asking(action, form), form, "니").phrase, True

    def asking(self, action: Action, form: Form) -> Action:
        """Replace one of the complements by a question word."""
        verb, complements = action.verb, action.complements
        said = {word: fixed(word, english) for word, english in QUESTION_WORDS.items()}
        options: list[tuple[Phrase, tuple[Phrase, ...]]] = []
        why = said["왜"]
        options.append((why, (why, *complements)))
        timeless = Action(verb, complements) == replace(action, relations=()) and len(complements) <= 1 + ("d" in verb.options)
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
        return replace(action, complements=changed, asked=asked, relations=relations)

    def description(self) -> Sentence:
        """그 집은 아주 크다."""
        adjective = self.choose(ADJECTIVES)
        korean = self.choose(adjective.objects)
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
        verb = Eojeol({"present": "없다", "past": "없었다"}[tense] if lacking else {"present": "있다", "past": "있었다"}[tense])
        there = english_words(f"there {finite('be', tense, nominal.person)}", (verb,))
        if lacking:
            said = replace(said, english=(("no", (verb,)), *said.english[1:]))
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
        place = self.choose(("집", "학교", "도서관", "공원", "병원", "교실", "방", "부엌", "서울", "부산", "사무실", "식당"))
        form = self.choose((PRESENT, PRESENT, PAST, FUTURE))
        verb = BE_AT if self.chance(0.75) else replace(BE_AT, predicate=CANNOT, english="not be")
        subject = self.done_by(verb, form)
        now = form.tense == "present" and self.chance(0.3)
        said = (*((fixed("지금", "now"),) if now else ()), fixed(attach(place, "에"), PLACES[place][1], place))
        return clause(subject, Action(verb, said), form).phrase, False

    # -- sentences of several clauses --------------------------------------------------------------

    def same_subject(self) -> Sentence:
        """나는 밥을 먹고 학교에 갔다."""
        verbs = [verb for verb in VERBS if not set("sx") & set(verb.options) and verb.korean != "살다"]
        first = self.choose([verb for verb in verbs if verb.korean not in MOTION])
        second = self.choose([verb for verb in verbs if verb.korean != first.korean])
        subject = self.done_by(first if "a" in first.options else second, PAST)
        opening = self.action(first, subject, PAST, extras=self.choose((0, 1, 1, 2)))
        closing = self.action(second, subject, PAST, extras=0)
        before, after = self._sequence(subject, opening, closing)
        return in_a_row(before, ("and", after)), False

    def _sequence(self, subject: Nominal, first: Action, second: Action, ending: str = "다") -> list[Clause]:
        before = clause(subject, first, PAST, "고")
        return [before, clause(None, second.late(), PAST, ending, person=subject.person)]

    def side_by_side(self) -> Sentence:
        """철수는 커피를 마시고 영희는 책을 읽었다."""
        form = self.choose((PAST, PAST, PAST, Form("past", "progressive"), Form("present", "progressive")))
        verbs = [verb for verb in VERBS if "p" not in verb.options and not set("sxe") & set(verb.options)]
        first, second = self.choose(verbs), self.choose(verbs)
        one = self.done_by(first, form)
        other = self.subject(second, one)
        extras = self.choose((0, 0, 1, 2))
        before = clause(one, self.action(first, one, form, extras=extras), form, "고")
        after = clause(other, self.action(second, other, form, extras=extras), form)
        return in_a_row(before, ("and", after)), False

    def contrast(self) -> Sentence:
        """나는 커피를 좋아하지만 그는 차를 좋아한다."""
        verb = self.choose([verb for verb in VERBS if len(verb.objects) > 2])
        form = self.choose((PRESENT, PRESENT, PAST)) if "s" in verb.options else PAST
        one = self.done_by(verb, form)
        other = self.subject(verb, one)
        thing, another = self.random.sample(verb.objects, 2)
        refusal = form
        if self.chance(0.45):
            another, refusal = thing, replace(form, negation="long")
        turned = self.chance(0.3)
        extras = 0 if refusal.negation else self.choose((0, 0, 1))
        first = self.action(verb, one, refusal if turned else form, thing, extras=extras)
        second = self.action(verb, other, form if turned else refusal, another, extras=0)
        before = clause(one, first, refusal if turned else form, "지만")
        return in_a_row(before, ("but", clause(other, second, form if turned else refusal))), False

    def cause(self) -> Sentence:
        """나는 피곤해서 일찍 잤다. 비가 왔기 때문에 우리는 집에서 쉬었다."""
        return self._cause(self.choose(list(CAUSES))).phrase, False

    def _cause(
        self, cause: str, subject: Nominal | None = None, *, particle: str = "는", ending: str = "다", more: bool = False
    ) -> Clause:
        whose, what = cause.split()
        subject = subject or self._sufferer(whose)
        form = self.choose((PAST, PAST, PAST, Form("present", "want"), Form("present", "must")))
        spec, form = self._result(cause, form if particle == "는" else PAST)
        reason_form = Form("past" if form.tense == "past" else "present")
        because, after = self.choose((("기", "때문에"), ("기", "때문에"), ("어서", "")))
        reason = self._condition(whose, what, subject, reason_form, because, after)
        action = self.named_action(spec, subject, form, extras=self.choose((0, 0, 0, 1)))
        return self._main_first(
            reason, "because", subject, action, form, particle=particle, ending=ending, more=more
        )

    def _result(self, cause: str, form: Form) -> tuple[str, Form]:
        spec = self.choose(CAUSES[cause].split())
        if not spec.startswith("!"):
            return spec, form
        tense = "future" if form.tense == "future" else "past"
        return spec[1:], Form(tense, "can" if tense == "past" and self.chance(0.65) else "plain", "long")

    def _sufferer(self, whose: str) -> Nominal:
        verb = VERBS[0]
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
        more: bool = False,
    ) -> Clause:
        """Put the condition where Korean has it: after the subject if it shares it, before it if it does not."""
        second = self._continuation(subject, action, form, ending) if more else None
        main = clause(subject, action.late(), form, "고" if second else ending, particle=particle)
        whole = in_a_row(main, ("and", second)) if second else main.phrase
        start = main.actor if not condition.actor else ()
        said = arrange([whole, condition.phrase], [whole, connector(conjunction, condition), condition.phrase])
        order = (*start, *condition.phrase.korean, *whole.korean[len(start) :])
        return Clause(replace(said, korean=order), main.actor, (second or main).joint)

    def _continuation(self, subject: Nominal, action: Action, form: Form, ending: str) -> Clause | None:
        if form != PAST or action.verb.korean in MOTION:
            return None
        spec = self.choose([spec for spec in ROUTINE if not spec.startswith(action.verb.korean)])
        return clause(None, self.named_action(spec, subject), PAST, ending, person=subject.person)

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
        condition = self._condition(whose, what, subject, PRESENT, "으면", "")
        action = self.named_action(spec, subject, form)
        return self._main_first(condition, "if", subject, action, form).phrase, False

    def _means(self, whose: str) -> Phrase:
        subject = self._sufferer(whose)
        condition = self._condition(whose, "있다", subject, PRESENT, "으면", "")
        choice = "사다 가다:미국 가다:일본 가다:한국 사다:자전거 사다:컴퓨터" if whose == "돈" else " ".join(ROUTINE)
        action = self.named_action(self.choose(choice.split()), subject)
        return self._main_first(condition, "if", subject, action, FUTURE).phrase

    def _event_condition(self) -> Phrase:
        subject = self._sufferer("나")
        other = self.subject(VERBS[0], subject)
        spec = self.choose(("오다", "오다", "돌아오다", "가다", "도착하다", "전화하다", "돕다"))
        condition = clause(other, self.named_action(spec, other), PRESENT, "으면", particle="가")
        if self.chance(0.3):
            action = Action(FEELING[self.choose(("행복하다", "슬프다", "바쁘다"))])
        else:
            action = self.named_action(self.choose(ROUTINE), subject)
        return self._main_first(condition, "if", subject, action, FUTURE).phrase

    def when(self) -> Sentence:
        """내가 집에 갔을 때 그는 자고 있었다. 나는 음악을 들을 때 행복하다."""
        kind = self.random.random()
        subject = self._sufferer("나")
        if kind < 0.5:
            other = self.subject(VERBS[0], subject)
            spec = self.choose(("오다", "가다", "돌아오다", "도착하다", "전화하다"))
            time = clause(other, self.named_action(spec, other), PAST, "때", particle="가", after="때")
            main = self.named_action(self.choose(BUSY_WITH), subject)
            return self._main_first(time, "when", subject, main, Form("past", "progressive")).phrase, False
        if kind < 0.75:
            time = clause(None, Action(YOUNG), PAST, "때", dropped=subject, after="때")
            spec = self.choose(("살다", "살다", "배우다", "배우다", "좋아하다", "싫어하다"))
            return self._main_first(time, "when", subject, self.named_action(spec, subject), PAST).phrase, False
        time = clause(None, self.named_action(self.choose(JOYS), subject), PRESENT, "때", dropped=subject, after="때")
        return self._main_first(time, "when", subject, Action(FEELING["행복하다"]), PRESENT).phrase, False

    # -- sentences with a clause inside ------------------------------------------------------------

    def described_thing(self) -> Sentence:
        """내가 어제 산 책은 재미있다."""
        verb = self.choose([verb for verb in VERBS if verb.korean in (*RESULTS, "읽다", "보다", "듣다", "고치다", "마시다", "먹다")])
        choice = [(one, name) for one in ADJECTIVES for name in one.objects if name in verb.objects and name not in ANIMALS]
        adjective, korean = self.choose(choice)
        noun = self._with_object_clause(verb, korean)
        form = Form(self.choose(("present", "past")), negation="long" if self.chance(0.15) else "")
        action = Action(adjective, relations=((adjective.korean, korean),))
        return clause(noun, action, form).phrase, False

    def _with_object_clause(self, verb: Verb, korean: str, *others: Nominal) -> Nominal:
        maker = self.subject(verb, *others, thing=korean)
        inner = self.action(verb, maker, PAST, korean, extras=self.choose((0, 0, 1)))
        inner = inner.late()
        inner = replace(inner, complements=inner.complements[:-1], relations=((verb.korean, korean),))
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
            if name in other.objects
        ]
        first, second, korean = self.choose(pairs_of_verbs)
        form = replace(self.form_for(second), negation="")
        subject = self.done_by(second, form)
        thing = noun_phrase(self._with_object_clause(first, korean, subject), "를", "object")
        outer = self.action(second, subject, form, korean, extras=0)
        outer = replace(outer, complements=(*outer.complements[:-1], thing), relations=((second.korean, korean),))
        return clause(subject, outer, form).phrase, False

    def described_person(self) -> Sentence:
        """책을 읽고 있는 소녀는 내 여동생이다. 나는 어제 온 의사를 만났다."""
        korean = self.choose(STRANGERS)
        form = self.choose((PAST, Form("present", "progressive")))
        verb = self.choose([verb for verb in VERBS if not set("sxc") & set(verb.options) or verb.korean in ("오다", "먹다")])
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
            outer = self.choose([verb for verb in VERBS if verb.korean in ("만나다", "돕다", "알다", "모르다", "사랑하다")])
            tense = PAST if "e" in outer.options or outer.korean == "돕다" else PRESENT
            subject = subject if self.suits(subject, tense) else Nominal(_noun("나"))
            person = noun_phrase(described, "를", "object")
            return clause(subject, Action(outer, (person,), relations=((outer.korean, korean),)), tense).phrase, False
        fitting = [one for one in ADJECTIVES if korean in one.objects] or [FEELING["행복하다"], FEELING["피곤하다"]]
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

    def _reported_cause(self, verb: Verb, tense: str, speaker: Nominal) -> Phrase:
        other = self.person(speaker, known=True)
        while not other.pronoun or other.noun.korean == "너":
            other = self.person(speaker, known=True)
        said = self._cause(self.choose(list(CAUSES)), other, particle="가", ending="다고")
        return self._reporting(verb, tense, speaker, said)

    def errand(self) -> Sentence:
        """나는 책을 사러 서점에 갔다."""
        place = self.choose(list(ERRANDS))
        verb = self.choose([verb for verb in VERBS if verb.korean == "가다"])
        form = self.choose((PAST, PAST, FUTURE, FUTURE, Form("present", "want"), Form("present", "must")))
        subject = self.done_by(verb, form)
        spec = self.choose(ERRANDS[place].split())
        purpose = infinitive(self.named_action(spec, subject, FUTURE), "으러", "to")
        when = [self.time(verb, "점심", form if form.aspect == "plain" else FUTURE)] if self.chance(0.5) else []
        company = [self.company(subject)] if self.chance(0.15) else []
        action = Action(verb, (*when, *company, purpose, self.destination(verb, place)))
        return clause(subject, action, form).phrase, False

    def order_of_events(self) -> Sentence:
        """나는 점심을 먹은 후에 학교에 갔다."""
        kind = self.choose((("은", "after", "후에"), ("기", "before", "전에"), ("으면서", "while", "")))
        ending, marker, after = kind
        form = self.choose((PAST, PAST, FUTURE, Form("present", "want")))
        main = self.choose(MEANWHILE if marker == "while" else ROUTINE)
        subject = self.done_by(VERBS[0], form)
        specs = WHILE if marker == "while" else [spec for spec in ROUTINE if spec.split(":")[0] != main.split(":")[0]]
        action = self.named_action(main, subject, form, extras=self.choose((0, 0, 1)))
        spec = self.choose(specs)
        side = infinitive(self.named_action(spec, subject), ending, marker, gerund=True, after=after)
        action = replace(action.late(), complements=(side, *action.late().complements))
        return clause(subject, action, form).phrase, False

    def long(self) -> Sentence:
        """비가 왔기 때문에 우리는 집에서 책을 읽고 음악을 들었다."""
        kind = self.random.random()
        if kind < 0.35:
            return self._cause(self.choose(list(CAUSES)), more=True).phrase, False
        if kind < 0.5:
            verb, tense = SAY[self.choose(list(SAY))]
            return self._reported_cause(verb, tense, self.choose([Nominal(_noun("나")), self.named()])), False
        one, two, three = (self._past_action() for _ in range(3))
        first = self.done_by(one, PAST)
        second = self.subject(three, first)
        extras = self.choose((0, 1, 1, 2))
        said = [self.action(verb, who, PAST, extras=extras) for verb, who in ((one, first), (two, first), (three, second))]
        if kind < 0.8:
            before, middle = self._sequence(first, said[0], said[1], "지만")
            return in_a_row(before, ("and", middle), ("but", clause(second, said[2].late(), PAST))), False
        third = self.subject(two, first, second)
        clauses = [clause(who, action.late(), PAST, ending) for who, action, ending in zip(
            (first, third, second), said, ("고", "고", "다"), strict=True)]
        return in_a_row(clauses[0], ("and", clauses[1]), ("and", clauses[2])), False

    def _past_action(self) -> Verb:
        """Choose a verb that tells of one thing done, and not of a journey."""
        suited = [verb for verb in VERBS if not set("sxa") & set(verb.options) and verb.korean != "살다"]
        return self.choose([verb for verb in suited if verb.korean not in MOTION])


# ---------------------------------------------------------------------------------------------------
# The corpus and its splits
# ---------------------------------------------------------------------------------------------------

MIXTURE: tuple[tuple[int, Callable[[Author], Sentence]], ...] = (
    (26, Author.statement),
    (3, Author.intimate),
    (7, Author.question),
    (8, Author.wh_question),
    (6, Author.description),
    (2, Author.comparison),
    (2, Author.feeling),
    (3, Author.identity),
    (5, Author.existence),
    (5, Author.same_subject),
    (4, Author.side_by_side),
    (4, Author.contrast),
    (5, Author.cause),
    (4, Author.condition),
    (4, Author.when),
    (3, Author.described_thing),
    (3, Author.made_thing),
    (3, Author.described_person),
    (5, Author.report),
    (4, Author.errand),
    (4, Author.order_of_events),
    (6, Author.long),
)


@dataclass(frozen=True)
class Candidate:
    """A sentence that may enter the corpus."""

    pair: Pair
    relations: frozenset[tuple[str, str]]

    @property
    def words(self) -> set[tuple[str, str]]:
        """The word forms of both sides."""
        return {("ko", word) for word in self.pair.source.split()} | {("en", word) for word in self.pair.target.split()}


def _candidate(sentence: Sentence) -> Candidate:
    phrase, question = sentence
    return Candidate(to_pair(phrase, question=question), frozenset(phrase.relations))


def _story() -> list[Candidate]:
    """The sentences the demonstration tells its story with, and their closest relatives."""
    told = []
    for who, verb, whom, ending in (
        ("나", "먹다", "밥", "다"),
        ("나", "사랑하다", "철수", "어"),
        ("나", "먹다", "빵", "다"),
        ("그", "먹다", "밥", "다"),
        ("나", "사랑하다", "영희", "어"),
        ("철수", "사랑하다", "나", "어"),
    ):
        said = noun_phrase(Nominal(NOUNS[whom]), "를", "object")
        action = Action(verbs_of(verb)[0], (said,), relations=((verb, whom),))
        form = PRESENT if ending == "어" else PAST
        told.append(_candidate((clause(Nominal(NOUNS[who]), action, form, ending).phrase, False)))
    return told


def _candidates() -> list[Candidate]:
    """Write until there are enough different Korean sentences of a fair length."""
    author = Author(SEED)
    weights, kinds = zip(*MIXTURE, strict=True)
    found = {candidate.pair.source: candidate for candidate in _story()}
    while len(found) < CANDIDATES:
        for kind in author.random.choices(kinds, weights, k=1000):
            candidate = _candidate(kind(author))
            if max(len(candidate.pair.source.split()), len(candidate.pair.target.split())) <= LONGEST:
                found.setdefault(candidate.pair.source, candidate)
    return list(found.values())


PARTNERS = {head: frozenset(other for one, other in HELD_OUT if one == head) for head, _ in HELD_OUT}


def _brings_together(pair: Pair) -> bool:
    """Whether both words of a held-out pair are in the sentence, wherever they stand."""
    return any(PARTNERS.get(lemma, frozenset()) & set(pair.lemmas) for lemma in pair.lemmas)


@cache
def _splits() -> dict[str, list[Pair]]:
    everything = _candidates()
    open_to_all = [candidate for candidate in everything if not _brings_together(candidate.pair)]
    held_back = [candidate for candidate in everything if candidate.relations & set(HELD_OUT)]
    train = _without_rare_words(open_to_all)[:TRAIN_SIZE + 2 * HELD_OUT_SIZE]
    counts = Counter(word for candidate in train for word in candidate.words)
    tested = _take_tests(train, counts)
    taken = {candidate.pair.source for candidate in tested}
    train = [candidate for candidate in train if candidate.pair.source not in taken]
    seen = {candidate.pair.target for candidate in (*train, *tested)}
    combinations = _take_combinations(held_back, counts, seen)
    chosen = (train, tested[:HELD_OUT_SIZE], tested[HELD_OUT_SIZE:], combinations)
    return {split: [one.pair for one in part] for split, part in zip(SPLITS, chosen, strict=True)}


def _without_rare_words(candidates: list[Candidate]) -> list[Candidate]:
    counts = Counter(word for candidate in candidates for word in candidate.words)
    return [one for one in candidates if all(counts[word] >= RAREST for word in one.words)]


def _take_tests(candidates: list[Candidate], counts: Counter[tuple[str, str]]) -> list[Candidate]:
    """Take dev and test out of the candidates, but no word that training would then see too seldom.

    A sentence whose English is also the translation of another one stays in training, and so does the story.
    """
    translations = Counter(candidate.pair.target for candidate in candidates)
    story = {candidate.pair.source for candidate in _story()}
    tested: list[Candidate] = []
    for candidate in random.Random(SEED).sample(candidates, len(candidates)):
        if len(tested) == 2 * HELD_OUT_SIZE:
            break
        alone = translations[candidate.pair.target] == 1 and candidate.pair.source not in story
        if alone and all(counts[word] > SEEN_OFTEN_ENOUGH for word in candidate.words):
            counts.subtract(candidate.words)
            tested.append(candidate)
    return tested


def _take_combinations(
    held_back: list[Candidate], counts: Counter[tuple[str, str]], seen: set[str]
) -> list[Candidate]:
    """Take sentences with a held-out pair, as evenly over the pairs as there are sentences."""
    used: Counter[tuple[str, str]] = Counter()
    chosen: list[Candidate] = []
    most = 1
    while len(chosen) < HELD_OUT_SIZE and most < HELD_OUT_SIZE:
        for candidate in held_back:
            pairs_in_it = candidate.relations & set(HELD_OUT)
            known = all(counts[word] >= SEEN_OFTEN_ENOUGH for word in candidate.words)
            fresh = candidate.pair.target not in seen and max(used[pair] for pair in pairs_in_it) < most
            if known and fresh and len(chosen) < HELD_OUT_SIZE:
                used.update(pairs_in_it)
                seen.add(candidate.pair.target)
                chosen.append(candidate)
        most += 1
    return chosen


@cache
def _cached(split: str) -> tuple[Pair, ...]:
    return tuple(_splits()[split])


def pairs(split: str) -> list[Pair]:
    """Return the sentences of a split: train, dev, test or combinations.

    >>> pairs("tset")
    Traceback (most recent call last):
        ...
    nmt.errors.InputError: There is no split 'tset' of the built-in corpus. Did you mean 'test'?
    """
    if split not in SPLITS:
        raise InputError(f"There is no split {split!r} of the built-in corpus.{nearest(split, list(SPLITS))}")
    return list(_splits()[split])


def write(folder: Path) -> None:
    """Write SPLIT.ko, SPLIT.en and SPLIT.links (``i-j i-j``, as Pharaoh does) for every split into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        chosen = pairs(split)
        links = (" ".join(f"{i}-{j}" for i, j in pair.links) for pair in chosen)
        _write_lines(folder / f"{split}.ko", (pair.source for pair in chosen))
        _write_lines(folder / f"{split}.en", (pair.target for pair in chosen))
        _write_lines(folder / f"{split}.links", links)


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def main() -> None:
    """Print a hundred sentences with their links."""
    for pair in random.Random(0).sample(pairs("train"), 100):
        print(pair.source, pair.target, " ".join(f"{i}-{j}" for i, j in pair.links), "", sep="\n")


if __name__ == "__main__":
    main()
