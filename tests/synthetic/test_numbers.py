"""Readings written by hand, and a reader that goes the other way."""

import re
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.errors import InputError
from nmt.synthetic.numbers import COUNTERS, LARGEST, MIXTURE, SINO_UNITS, counting, native, pair, read, sino

GOLDEN = """
0 = 영
7 = 칠
10 = 십
11 = 십일
37 = 삼십칠
100 = 백
101 = 백일
110 = 백십
1,000 = 천
1,204 = 천이백사
2026 = 이천이십육
9999 = 구천구백구십구
10000 = 만
10,001 = 만 일
16,000 = 만 육천
20,050 = 이만 오십
100,000 = 십만
111,111 = 십일만 천백십일
116,000 = 십일만 육천
1,000,000 = 백만
10,010,000 = 천일만
100000000 = 일억
100,010,000 = 일억 일만
1,234,567,891 = 십이억 삼천사백오십육만 칠천팔백구십일
1,000,000,000,000 = 일조
1,100,000,000,000 = 일조 천억
3243786789276354 = 삼천이백사십삼조 칠천팔백육십칠억 팔천구백이십칠만 육천삼백오십사
12억 3456만 7898 = 십이억 삼천사백오십육만 칠천팔백구십팔
3만 = 삼만
1만 = 만
15만 원 = 십오만 원
3.14 = 삼 점 일사
0.5 = 영 점 오
1.05 = 일 점 영오
12.5% = 십이 점 오 퍼센트
3개 = 세 개
1명 = 한 명
20살 = 스무 살
21살 = 스물한 살
34권 = 서른네 권
99마리 = 아흔아홉 마리
사과 5개 = 사과 다섯 개
학생 12명 = 학생 열두 명
120명 = 백이십 명
1,500개 = 천오백 개
3시간 = 세 시간
3개월 = 삼 개월
1번째 = 첫 번째
2번째 = 두 번째
11번째 = 열한 번째
2시 30분 = 두 시 삼십 분
12시 5분 = 열두 시 오 분
14시 = 십사 시
14:30 = 십사 시 삼십 분
7:05 = 일곱 시 오 분
0:10 = 영 시 십 분
오후 3:00 = 오후 세 시
2026년 7월 30일 = 이천이십육 년 칠월 삼십 일
1446년 10월 9일 = 천사백사십육 년 시월 구 일
2026. 6. 6. = 이천이십육 년 유월 육 일
1999-12-31 = 천구백구십구 년 십이월 삼십일 일
6월 = 유월
10월 = 시월
11월 = 십일월
80원 = 팔십 원
10,000원 = 만 원
5층 = 오 층
3학년 = 삼 학년
70kg = 칠십 킬로그램
42.195km = 사십이 점 일구오 킬로미터
100m = 백 미터
5mm = 오 밀리미터
-3℃ = 영하 삼 도
-2.5도 = 영하 이 점 오 도
-12 = 마이너스 십이
1/2 = 이분의 일
3/10 = 십분의 삼
제3회 = 제삼 회
제21장 = 제이십일 장
010-1234-5078 = 공일공 일이삼사 오공칠팔
02-345-6789 = 공이 삼사오 육칠팔구
"""
CASES = [line.split(" = ") for line in GOLDEN.strip().splitlines()]

NATIVE = (
    "하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 열 열하나 열다섯 스물 스물하나 서른 마흔둘 쉰셋 예순넷 일흔 여든 아흔아홉"
)
NATIVE_VALUES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 20, 21, 30, 42, 53, 64, 70, 80, 99)


def number_said(reading: str) -> int:
    """Read a Sino-Korean number back, syllable by syllable, with no help from the module that wrote it."""
    digits = {syllable: value for value, syllable in enumerate("영일이삼사오육칠팔구")}
    places, groups = {"십": 10, "백": 100, "천": 1000}, {"만": 10**4, "억": 10**8, "조": 10**12}
    total = part = digit = 0
    for syllable in reading.replace(" ", ""):
        if syllable in groups:
            total += (part + digit or 1) * groups[syllable]
            part = digit = 0
        elif syllable in places:
            part += (digit or 1) * places[syllable]
            digit = 0
        else:
            digit = digits[syllable]
    return total + part + digit


@pytest.mark.parametrize(("written", "reading"), CASES, ids=[written for written, _ in CASES])
def test_golden(written: str, reading: str) -> None:
    assert read(written) == reading


def test_native_numbers() -> None:
    assert [native(value) for value in NATIVE_VALUES] == NATIVE.split()


@given(
    st.one_of(
        st.integers(0, LARGEST),
        st.integers(0, 20_000),
        st.builds(lambda a, b: a * 10**b, st.integers(1, 99), st.integers(0, 14)),
    )
)
def test_a_reading_says_its_number(number: int) -> None:
    assert number_said(sino(number)) == number
    assert read(f"{number:,}") == read(str(number)) == sino(number)


@given(st.integers(1, LARGEST))
def test_every_group_of_ten_thousand_is_a_word_of_its_own(number: int) -> None:
    words = sino(number).split()
    assert all(word[-1] in "만억조" for word in words[:-1])
    assert not re.search("일[십백천]|^일만", sino(number))


@given(st.integers(1, 99))
def test_before_a_counter_only_the_end_of_a_native_number_changes(number: int) -> None:
    shortened = {"하나": "한", "둘": "두", "셋": "세", "넷": "네", "스물": "스무"}
    full = native(number)
    changed = next((full.removesuffix(end) + short for end, short in shortened.items() if full.endswith(end)), full)
    assert counting(number) == changed


def test_no_two_native_readings_are_alike() -> None:
    # One to four end differently before a counter, after each of ten tens, and so does twenty.
    assert len({native(number) for number in range(1, 100)} | {counting(number) for number in range(1, 100)}) == 99 + 41


@pytest.mark.parametrize("number", [-1, LARGEST + 1])
def test_what_has_no_reading_is_refused(number: int) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        sino(number)


def test_no_unit_is_counted_in_both_ways() -> None:
    assert not set(COUNTERS) & set(SINO_UNITS)


@pytest.mark.parametrize("kind", [kind for _, kind in MIXTURE], ids=lambda kind: kind.__name__)
def test_everything_that_is_written_is_read_to_the_end(kind: Callable[[Random], str]) -> None:
    random = Random(1)
    for written in (kind(random) for _ in range(500)):
        reading = read(written)
        assert re.fullmatch("[가-힣]+( [가-힣]+)*", reading), (written, reading)


def test_plain_numbers_of_the_corpus_say_what_is_written() -> None:
    random = Random(2)
    written = [
        (source, target) for source, target in (pair(random) for _ in range(2000)) if re.fullmatch(r"[\d,]+", source)
    ]
    assert len(written) > 600
    assert all(number_said(target) == int(source.replace(",", "")) for source, target in written)


def test_the_same_seed_writes_the_same_pairs() -> None:
    first, second = ([pair(random) for _ in range(50)] for random in (Random(7), Random(7)))
    assert first == second
    assert first != [pair(random) for random in [Random(8)] for _ in range(50)]
