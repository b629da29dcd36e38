"""Number reading: what people write in digits, and how it is read aloud in Korean.

Korean counts in two ways. Sino-Korean numbers (일, 이, 삼) serve plain numbers, money, dates and measures, native ones
(하나, 둘, 셋) serve things that are counted, ages and hours. Spelling follows the official rules of 1988: a space after
만, 억 and 조 (article 44) and a space before a unit (article 43).

>>> read("1,204"), read("2026년 10월 3일"), read("사과 3개")
('천이백사', '이천이십육 년 시월 삼 일', '사과 세 개')

Where Korean has more than one way, one is chosen, so that a reading is a function of what is written:

* 일 is left out before 십, 백 and 천, and before 만 where the number begins with it: 만 육천, but 일억 일만;
* things are counted in native numbers up to 99, in Sino-Korean ones from 100 on: 백이십 명;
* hours are native up to 12, Sino-Korean in a clock of 24 hours: 두 시, 십사 시;
* a zero is 영, and 공 in the number of a telephone.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from random import Random

from nmt.errors import InputError
from nmt.synthetic.lexicon import NOUNS, listed

DIGITS = "영일이삼사오육칠팔구"
PLACES = ("", "십", "백", "천")
GROUPS = ("", "만", "억", "조")
LARGEST = 10_000 ** len(GROUPS) - 1

NATIVE_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
NATIVE_ONES = ("", "하나", "둘", "셋", "넷", "다섯", "여섯", "일곱", "여덟", "아홉")
BEFORE_COUNTER = {"하나": "한", "둘": "두", "셋": "세", "넷": "네"}
COUNTERS = listed("개 명 마리 살 권 장 병 잔 대 벌 켤레 송이 그루 채 자루 통 편 곡 시간 그릇 조각 군데 가지 번째")
MONTHS = {6: "유월", 10: "시월"}

# The units read with Sino-Korean numbers, each with the largest usual number of digits before it.
SINO_UNITS = {
    **{"원": 10, "달러": 7, "유로": 6, "년": 4, "회": 3, "쪽": 3, "일": 3, "호선": 1, "학년": 1},
    **dict.fromkeys(listed("분 초 주 개월 층 도 인분 위 세 점"), 2),
    **{"%": 2, "℃": 2, "mm": 3, "cm": 3, "m": 4, "km": 4, "g": 4, "kg": 3, "L": 3},
}
ABBREVIATIONS = {
    "%": "퍼센트",
    "℃": "도",
    "mm": "밀리미터",
    "cm": "센티미터",
    "m": "미터",
    "km": "킬로미터",
    "g": "그램",
    "kg": "킬로그램",
    "L": "리터",
}

NUMBER = r"\d{1,4}[조억만](?: ?\d{1,4}[억만])*(?: ?\d{1,4}(?![\d.,:]))?|\d{1,3}(?:,\d{3})+(?!\d)|\d+"
AMOUNT = rf"(?P<whole>{NUMBER})(?:\.(?P<fraction>\d+))?"
# The longest first, so that 개월 is not taken for 개.
UNIT = "|".join(sorted((*COUNTERS, *SINO_UNITS), key=len, reverse=True))


def sino(number: int) -> str:
    """Return the Sino-Korean reading of a number below 10,000조.

    >>> sino(0), sino(37), sino(16_000), sino(116_000), sino(1_0001_0000)
    ('영', '삼십칠', '만 육천', '십일만 육천', '일억 일만')
    """
    if not 0 <= number <= LARGEST:
        raise InputError(f"{number} cannot be read. Give a number from 0 to {LARGEST}.")
    if number == 0:
        return DIGITS[0]
    reading = " ".join(_below_ten_thousand(part) + name for part, name in _groups(number))
    return reading.removeprefix("일") if reading.startswith("일만") else reading


def _groups(number: int) -> list[tuple[int, str]]:
    """Return the parts of four digits that are not 0, the highest first, each with its name."""
    parts = [(number // 10_000**place % 10_000, name) for place, name in enumerate(GROUPS)]
    return [(part, name) for part, name in reversed(parts) if part]


def _below_ten_thousand(number: int) -> str:
    reading = ""
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            reading += ("" if digit == 1 and place else DIGITS[digit]) + PLACES[place]
    return reading


def native(number: int) -> str:
    """Return the native reading of a number from 1 to 99.

    >>> native(1), native(20), native(43)
    ('하나', '스물', '마흔셋')
    """
    if not 1 <= number <= 99:
        raise InputError(f"{number} has no native reading. Give a number from 1 to 99.")
    return NATIVE_TENS[number // 10] + NATIVE_ONES[number % 10]


def counting(number: int) -> str:
    """Return the form of a number before a counter.

    >>> counting(3), counting(20), counting(21), counting(120)
    ('세', '스무', '스물한', '백이십')
    """
    if not 1 <= number <= 99:
        return sino(number)
    ones = NATIVE_ONES[number % 10]
    return "스무" if number == 20 else NATIVE_TENS[number // 10] + BEFORE_COUNTER.get(ones, ones)


def value(written: str) -> int:
    """Return the number written in digits, with or without commas, 만, 억 and 조.

    >>> value("1,204"), value("12억 3456만 7898")
    (1204, 1234567898)
    """
    parts = re.findall(r"(\d+)([만억조]?)", written.replace(",", ""))
    return sum(int(digits) * 10_000 ** GROUPS.index(group) for digits, group in parts)


def read(text: str) -> str:
    """Return the text with everything in digits written as it is read aloud; the rest stays.

    >>> read("20살"), read("2시 30분"), read("3.14"), read("010-1234-5678")
    ('스무 살', '두 시 삼십 분', '삼 점 일사', '공일공 일이삼사 오육칠팔')

    Raises:
        InputError: if a number has more digits than there are names for.
    """
    for pattern, reader in READERS:
        text = pattern.sub(reader, text)
    return text


def _one_by_one(digits: str, zero: str = DIGITS[0]) -> str:
    return "".join(DIGITS[int(digit)] for digit in digits).replace(DIGITS[0], zero)


def _amount(found: re.Match[str]) -> str:
    reading = sino(value(found["whole"]))
    return f"{reading} 점 {_one_by_one(found['fraction'])}" if found["fraction"] else reading


def _with_unit(found: re.Match[str]) -> str:
    unit = found["unit"]
    reading = _amount(found)
    if unit in COUNTERS and not found["fraction"]:
        reading = "첫" if unit == "번째" and reading == "일" else counting(value(found["whole"]))
    return f"{reading} {ABBREVIATIONS.get(unit, unit)}"


def _telephone(found: re.Match[str]) -> str:
    return " ".join(_one_by_one(part, zero="공") for part in found[0].split("-"))


def _date(found: re.Match[str]) -> str:
    year, month, day = (int(part) for part in found.groups())
    return f"{sino(year)} 년 {_month(month)} {sino(day)} 일"


def _month(month: int) -> str:
    return MONTHS.get(month, sino(month) + "월")


def _hour(hour: int) -> str:
    return f"{counting(hour) if hour <= 12 else sino(hour)} 시"


def _clock(found: re.Match[str]) -> str:
    minutes = int(found[2])
    return _hour(int(found[1])) + (f" {sino(minutes)} 분" if minutes else "")


def _fraction(found: re.Match[str]) -> str:
    return f"{sino(int(found[2]))}분의 {sino(int(found[1]))}"


# Tried in this order: the most specific pattern comes first, and what has been read has no digits left.
READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\b0\d{1,2}-\d{3,4}-\d{4}\b"), _telephone),
    (re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b"), _date),
    (re.compile(r"\b(\d{4})\. ?(\d{1,2})\. ?(\d{1,2})\."), _date),
    (re.compile(r"\b(\d{1,2}):(\d{2})\b"), _clock),
    (re.compile(r"\b(\d+)/(\d+)\b"), _fraction),
    (re.compile(r"\b(1[0-2]|0?[1-9])월"), lambda found: _month(int(found[1]))),
    (re.compile(r"\b(2[0-4]|1\d|0?\d) ?시(?!간)"), lambda found: _hour(int(found[1]))),
    (re.compile(rf"제 ?({NUMBER}) ?(?=[가-힣])"), lambda found: f"제{sino(value(found[1]))} "),
    (re.compile(r"(?<![\d-])-(?=[\d.,]+ ?(?:℃|도))"), lambda _: "영하 "),
    (re.compile(r"(?<![\d-])-(?=\d)"), lambda _: "마이너스 "),
    (re.compile(rf"{AMOUNT} ?(?P<unit>{UNIT})(?![A-Za-z])"), _with_unit),
    (re.compile(AMOUNT), _amount),
)


def _integer(random: Random, max_digits: int = 13) -> int:
    """Choose a number of any length, often a round one, which is common, or one with zeros inside, which is hard."""
    length = random.randint(1, max_digits)
    digits = [random.choice("123456789"), *(random.choice("0123456789") for _ in range(length - 1))]
    kind = random.random()
    if kind < 0.3:
        kept = random.randint(1, 3)
        digits = digits[:kept] + ["0"] * (length - kept)
    elif kind < 0.55:
        digits[1:] = [digit if random.random() < 0.5 else "0" for digit in digits[1:]]
    return int("".join(digits))


def _plain(random: Random) -> str:
    number = _integer(random)
    return f"{number:,}" if random.random() < 0.6 else str(number)


def _grouped(random: Random) -> str:
    """Write a number as newspapers do: 12억 3456만."""
    number = 10_000 * _integer(random, 9) + random.randint(0, 1) * _integer(random, 4)
    return " ".join(f"{part}{name}" for part, name in _groups(number)) + random.choice(("", "", "원", " 원"))


def _decimal(random: Random) -> str:
    unit = random.choice(("", "", "", *ABBREVIATIONS))
    zeros_inside = "".join(random.choice("0123456789") for _ in range(random.randint(0, 2)))
    return f"{_integer(random, SINO_UNITS.get(unit, 4)):,}.{zeros_inside}{random.randint(1, 9)}{unit}"


def _count(random: Random) -> int:
    """Choose a count; from a hundred on only tens, which are not counted in native numbers."""
    return random.randint(1, 99) if random.random() < 0.85 else 10 * random.randint(10, 300)


def _counted(random: Random) -> str:
    if random.random() < 0.2:
        return f"{random.randint(1, 99)}{random.choice(COUNTERS)}"
    noun = random.choice([noun for noun in NOUNS.values() if noun.counter])
    return f"{noun.korean} {_count(random):,}{noun.counter}"


def _measured(random: Random) -> str:
    unit = "원" if random.random() < 0.4 else random.choice(list(SINO_UNITS))
    below_zero = "-" if unit in ("℃", "도") and random.random() < 0.4 else ""
    number = _integer(random, SINO_UNITS[unit])
    return f"{below_zero}{number if unit == '년' else f'{number:,}'}{unit}"


def _day(random: Random) -> str:
    year, month = random.randint(1583, 2099), random.randint(1, 12)
    day = random.randint(1, monthrange(year, month)[1])
    styles = (
        f"{year}년 {month}월 {day}일",
        f"{year}. {month}. {day}.",
        f"{year}-{month:02}-{day:02}",
        f"{month}월 {day}일",
        f"{year}년 {month}월",
    )
    return random.choice(styles)


def _time(random: Random) -> str:
    hour, minute = random.randint(0, 24), random.randint(1, 59)
    twelve = hour % 12 or 12
    half = random.choice(("오전", "오후"))
    styles = (f"{hour % 24}:{minute:02}", f"{twelve}시 {minute}분", f"{half} {twelve}시 {minute}분", f"{hour}시")
    return random.choice(styles)


def _rare(random: Random) -> str:
    below = random.randint(2, 20)
    subscriber = f"{random.randint(0, 9999):04}-{random.randint(0, 9999):04}"
    styles = (
        f"{random.randint(1, below - 1)}/{below}",
        f"제{random.randint(1, 120)}{random.choice(('회', '장', '과', '차', '권'))}",
        f"{random.choice(('010', '02', '031', '051'))}-{subscriber}",
        f"010-{subscriber}",
        f"-{_integer(random, 3)}",
    )
    return random.choice(styles)


MIXTURE: tuple[tuple[int, Callable[[Random], str]], ...] = (
    (45, _plain),
    (10, _grouped),
    (7, _decimal),
    (14, _counted),
    (9, _measured),
    (6, _day),
    (5, _time),
    (4, _rare),
)


def pair(random: Random) -> tuple[str, str]:
    """Write something in digits and read it.

    >>> pair(Random(3)) == pair(Random(3))
    True
    """
    weights, kinds = zip(*MIXTURE, strict=True)
    written = random.choices(kinds, weights)[0](random)
    return written, read(written)
