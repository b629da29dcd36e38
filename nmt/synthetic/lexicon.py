"""The words of the built-in corpus and which of them fit together, as tables, and the objects read from them."""

from dataclasses import dataclass
from functools import cache

from nmt.synthetic.korean import Predicate


def listed(words: str) -> list[str]:
    """Return the words of a text."""
    return words.split()


def rows(table: str) -> list[str]:
    """Return the rows of a table; an indented line continues the row above it."""
    return table.replace("\n  ", " ").strip().splitlines()


# Each line: the article (a, the, '-' for a mass noun, 's' for a plural without a singular), the counter, the nouns.
NOUN_TABLE = """
a 개: 사과=apple 바나나=banana 오렌지=orange 샌드위치=sandwich 가방=bag 우산=umbrella 시계=watch 의자=chair 책상=desk
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
- 잔: 커피=coffee 차=tea 주스=juice 우유=milk
- 병: 물=water 맥주=beer
- -: 밥=rice 빵=bread 고기=meat 생선=fish 케이크=cake 수프=soup 샐러드=salad 과일=fruit 아이스크림=ice_cream
  점심=lunch
- -: 저녁=dinner 돈=money 시간=time 음악=music 영어=English 한국어=Korean 중국어=Chinese 일본어=Japanese 수학=math
- -: 과학=science 역사=history 수영=swimming 축구=soccer 텔레비전=television 종이=paper
s -: 국수=noodles 옷=clothes 신발=shoes
the -: 문=door 창문=window 방=room 교실=classroom 부엌=kitchen 사무실=office 라디오=radio 피아노=piano 지하철=subway
the -: 날씨=weather
"""

CUPS = {"잔": "cups of", "병": "bottles of"}
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
JOBS = listed("학생 의사 선생님 간호사 기자 가수 화가 요리사 농부 경찰관")
STRANGERS = [*JOBS, "아이", "남자", "여자", "소년", "소녀"]
ANIMALS = listed("고양이 개 새 말")
GENERAL = (
    "사과 바나나 오렌지 고기 생선 국수 케이크 과일 아이스크림 커피 차 주스 우유 맥주 고양이 개 꽃 영화 음악 수학 "
    "역사 영어 수영 축구"
)

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
DESTINATIONS = (
    "학교 집 도서관 공원 시장 병원 은행 식당 카페 서점 역 공항 극장 박물관 교회 바다 서울 부산 한국 미국 일본"
)
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
# k without a time, a grown-ups only, d needs a person addressed (에게), n its objects are never counted.
VERB_TABLE = f"""
먹다|eat|밥 빵 사과 바나나 오렌지 고기 생선 국수 케이크 샌드위치 수프 샐러드 점심 저녁 과일 아이스크림|집 식당
  학교 공원 카페|빨리 천천히|cw
마시다|drink|물 우유 커피 차 주스 맥주|집 카페 식당 사무실|천천히 빨리|w
사다|buy|사과 바나나 오렌지 빵 고기 생선 과일 책 잡지 옷 치마 셔츠 코트 모자 신발 가방 우산 시계 의자 책상 자전거
  꽃 인형 장난감 선물 컴퓨터 카메라|시장 가게 서울 부산||y
팔다|sell|사과 오렌지 생선 고기 빵 과일 옷 모자 신발 가방 꽃 자전거 컴퓨터 카메라 그림 인형|시장 가게 서울||ya
읽다|read|책 소설 신문 잡지 편지 시 보고서 이메일|집 도서관 방 카페 교실 공원|천천히 조용히|
쓰다|write|책 소설 편지 시 보고서 이메일|집 도서관 방 카페 사무실|천천히 빨리|
만들다|make|빵 케이크 샌드위치 수프 샐러드 국수 의자 책상 인형 장난감 옷|집|천천히 빨리|
요리하다|cook|고기 생선 국수 저녁 점심|집 부엌|천천히|w
듣다/ㄷ|listen to|음악 노래 라디오|집 방 카페|조용히|wn
부르다/르|sing|노래|집 교회 학교 공원|조용히|w
배우다|learn|영어 한국어 중국어 일본어 수학 과학 역사 음악 피아노 수영|학교 서울|빨리|yw
가르치다|teach|영어 한국어 중국어 일본어 수학 과학 역사 음악 피아노 수영|학교 서울 부산||ya
공부하다|study|영어 한국어 중국어 일본어 수학 과학 역사 음악|도서관 학교 집 방 카페 교실|열심히 조용히|yw
좋아하다|like|{GENERAL}|||sg
싫어하다|hate|{GENERAL}|||sg
사랑하다|love|사람들|||s
믿다|trust|사람들|||s
알다|know|사람들|||s
모르다/르|not know|사람들|||s
기다리다|wait for|사람들 버스 기차 택시 편지|역 집 카페 공원||cn
만나다|meet|사람들|공원 학교 카페 역 서울 시장||eycn
돕다/ㅂ|help|사람들|학교 집 병원||n
보다|see|고양이 개 새 말 꽃 사람들|공원 시장 서울||e
보다|watch|영화 텔레비전 드라마 연극 축구|집 방 극장||wn
찾다|find|열쇠 지갑 가방 우산 책 사진 편지|집 방 사무실 교실||xn
잃어버리다|lose|열쇠 지갑 가방 우산 시계 모자|공원 시장 역 학교||xn
열다|open|문 창문 가방 상자||천천히 조용히 빨리|n
닫다|close|문 창문 가방 상자||천천히 조용히 빨리|n
청소하다|clean|방 교실 부엌 사무실||빨리 조용히|w
그리다|draw|꽃 나무 그림 고양이 새 말 집|학교 공원 방 교실|천천히|
찍다|take|사진|공원 학교 서울 바다||w
타다|take|버스 기차 택시 지하철|||ecn
타다|ride|자전거 말|공원|빨리 천천히|wn
입다|wear|옷 셔츠 코트|||nk
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
웃다|smile||||k
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
좋다|good|책 소설 영화 노래 선생님 학생 의사 학교 자동차 컴퓨터
예쁘다|pretty|꽃 인형 치마 옷 모자 새 고양이 그림 집 가방
아름답다/ㅂ|beautiful|꽃 노래 그림 나무 시 여자 도시 공원 사진
귀엽다/ㅂ|cute|고양이 개 인형 아이 새 장난감
무겁다/ㅂ|heavy|가방 상자 책 책상 의자 컴퓨터
가볍다/ㅂ|light|가방 상자 의자 컴퓨터 카메라
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
HOURS = dict(
    zip(
        listed("한 두 세 네 다섯 여섯 일곱 여덟 아홉 열"),
        listed("one two three four five six seven eight nine ten"),
        strict=True,
    )
)
FREQUENCY = {"항상": "always", "자주": "often", "가끔": "sometimes", "보통": "usually"}
MANNER = {
    "빨리": "quickly",
    "천천히": "slowly",
    "조용히": "quietly",
    "열심히": "hard",
    "일찍": "early",
    "늦게": "late",
}
# Where a thing is watched; a verb with other objects keeps all its places.
ONLY_AT = {"연극": ("극장",), "영화": ("집", "극장"), "텔레비전": ("집", "방"), "드라마": ("집", "방"), "축구": ("집",)}
QUESTION_WORDS = {
    "왜": "why",
    "언제": "when",
    "무엇을": "what",
    "누구를": "who",
    "어디에": "where",
    "어디에서": "where",
}
ALONE = ("점심", "저녁", "텔레비전", "축구", "돈", "시간")
ALL_DAY = ("점심", "저녁", "자다", "일어나다", "텔레비전")


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
        """The person that a verb agrees with, if there is one of the thing."""
        return "pl" if self.article == "s" else PRONOUN_FORMS[self.korean][2] if self.korean in PRONOUN_FORMS else "3s"


@dataclass(frozen=True)
class Verb:
    """A verb or an adjective ("be big") and what fits it."""

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
    for line in rows(NOUN_TABLE):
        kind, entries = line.split(": ")
        article, counter = kind.split()
        for korean, english in (entry.split("=") for entry in entries.split()):
            gender = "m" if korean in MEN else "f" if korean in WOMEN else ""
            spelled = english.replace("_", " ")
            nouns[korean] = Noun(korean, spelled, article=article, counter=counter.removeprefix("-"), gender=gender)
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
    for line in rows(VERB_TABLE):
        entry, english, objects, places, manner, options = line.split("|")
        things, rooms, adverbs = (tuple(column.split()) for column in (objects, places, manner))
        verbs.append(Verb(_predicate(entry), english, objects=things, places=rooms, manner=adverbs, options=options))
    return verbs


def _read_adjectives(table: str) -> list[Verb]:
    adjectives = []
    for line in rows(table):
        entry, english, *nouns = line.split("|")
        fitting = tuple(nouns[0].split()) if nouns else ()
        adjectives.append(Verb(_predicate(entry, adjective=True), f"be {english}", fitting, options="s"))
    return adjectives


NOUNS = _read_nouns()
VERBS = _read_verbs()
ADJECTIVES = _read_adjectives(ADJECTIVE_TABLE)
STATES = _read_adjectives(FEELINGS)
PLACES = {korean: (to, at) for korean, to, at in (line.split("|") for line in rows(PLACE_TABLE))}
TIMES = {tense: [line.split("|") for line in rows(table)] for tense, table in TIME_TABLE.items()}


@cache
def verbs_of(korean: str, thing: str = "") -> list[Verb]:
    """Return the verbs spelled this way that take this object: 보다 is one verb for a film and another for a dog."""
    return [verb for verb in VERBS if verb.korean == korean and (not thing or thing in verb.objects + verb.places)]
