"""The examples of the official rules, and more words written by hand."""

import re
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.synthetic.korean import take_apart
from nmt.synthetic.transliteration import (
    GIVEN_LAST,
    MIXTURE,
    PLACE_LAST,
    pair,
    pronounce,
    romanize,
    romanize_address,
    romanize_name,
)

OFFICIAL = """
구미 gumi, 영동 yeongdong, 백암 baegam, 옥천 okcheon, 합덕 hapdeok, 호법 hobeop, 월곶 wolgot, 벚꽃 beotkkot, 한밭 hanbat
구리 guri, 설악 seorak, 칠곡 chilgok, 임실 imsil, 울릉 ulleung, 대관령 daegwallyeong, 광희문 gwanghuimun
백마 baengma, 신문로 sinmunno, 종로 jongno, 왕십리 wangsimni, 별내 byeollae, 신라 silla
해돋이 haedoji, 같이 gachi, 굳히다 guchida, 맞히다 machida, 좋고 joko, 놓다 nota, 잡혀 japyeo, 낳지 nachi
묵호 mukho, 집현전 jiphyeonjeon, 압구정 apgujeong, 낙동강 nakdonggang, 죽변 jukbyeon, 낙성대 nakseongdae
합정 hapjeong, 팔당 paldang, 샛별 saetbyeol, 울산 ulsan, 부산 busan, 세종 sejong, 속리산 songnisan, 남산 namsan
금강 geumgang, 독도 dokdo, 경복궁 gyeongbokgung, 무량수전 muryangsujeon, 연화교 yeonhwagyo, 극락전 geungnakjeon
안압지 anapji, 남한산성 namhansanseong, 화랑대 hwarangdae, 불국사 bulguksa, 현충사 hyeonchungsa
독립문 dongnimmun, 오죽헌 ojukheon, 촉석루 chokseongnu, 종묘 jongmyo, 다보탑 dabotap
"""
MORE = """
서울 seoul, 한국 hanguk, 김치 gimchi, 태권도 taegwondo, 한글 hangeul, 떡볶이 tteokbokki, 불고기 bulgogi, 의사 uisa
학교 hakgyo, 전화 jeonhwa, 국물 gungmul, 십만 simman, 꽃망울 kkonmangul, 앞날 amnal, 밖만 bangman, 부엌문 bueongmun
심리 simni, 정류장 jeongnyujang, 협력 hyeomnyeok, 법률 beomnyul, 난로 nallo, 설날 seollal, 칼날 kallal
음운론 eumunnon, 생산량 saengsannyang, 판단력 pandannyeok, 광한루 gwanghallu, 한라산 hallasan, 밭이 bachi, 밭에 bate
굳이 guji, 붙이다 buchida, 핥이다 halchida, 미닫이 midaji, 닫혀 dacheo, 묻히다 muchida, 값이 gapsi, 값도 gapdo
넋이 neoksi, 닭을 dalgeul, 닭과 dakgwa, 흙만 heungman, 삶 sam, 여덟 yeodeol, 없다 eopda, 읽다 ikda, 읽고 ilgo
읽어 ilgeo, 맑게 malge, 밟다 bapda, 밟는 bamneun, 밟아 balba, 넓다 neolda, 앉아 anja, 읊는 eumneun, 많다 manta
많아 mana, 않는 anneun, 싫다 silta, 싫어 sireo, 뚫는 ttulleun, 좋아 joa, 놓는 nonneun, 닿소 daso, 밝히다 balkida
넓히다 neolpida, 앉히다 anchida, 먹히다 meokida, 입혔다 ipyeotda, 못하다 motada, 똑똑하다 ttokttokada
행복했다 haengbokaetda, 깨끗해서 kkaekkeutaeseo, 북한 bukhan, 국회 gukhoe, 입학 iphak, 맏형 mathyeong
백화점 baekhwajeom, 있어 isseo, 있는 inneun, 했습니다 haetseumnida, 깎아 kkakka, 꽃이 kkochi, 옷을 oseul, 앞에 ape
무릎 mureup, 히읗 hieut, 가져 gajeo, 가르쳐 gareucheo, 강아지 gangaji, 독도에서 dokdoeseo, 물로 mullo
"""


def words(table: str) -> list[tuple[str, str]]:
    """Read ``한글 latin`` pairs, with commas between them."""
    entries = [tuple(entry.split()) for entry in re.split(r",|\n", table.strip())]
    return [(hangul, latin) for hangul, latin in entries]


@pytest.mark.parametrize(("hangul", "latin"), words(OFFICIAL) + words(MORE))
def test_words(hangul: str, latin: str) -> None:
    assert romanize(hangul) == latin


@pytest.mark.parametrize(
    ("hangul", "sound"),
    words(
        "벚꽃 벋꼳, 월곶 월곧, 한밭 한받, 대관령 대괄령, 왕십리 왕심니, 신문로 신문노, 같이 가치, 학교 학교, 많다 만타"
    ),
)
def test_pronunciation(hangul: str, sound: str) -> None:
    assert pronounce(hangul) == sound


def test_words_of_a_text_are_written_one_by_one_and_the_rest_stays() -> None:
    assert romanize("나는 밥을 먹었다.") == "naneun babeul meogeotda."
    assert romanize("꽃 위, 못 하나 (3)") == "kkot wi, mot hana (3)"


@pytest.mark.parametrize(
    ("surname", "given", "latin"),
    [
        ("한", "복남", "han boknam"),
        ("홍", "빛나", "hong bitna"),
        ("민", "용하", "min yongha"),
        ("송", "나리", "song nari"),
        ("박", "인수", "bak insu"),
        ("이", "석원", "i seogwon"),
        ("최", "선란", "choe seonran"),
        ("남궁", "옥희", "namgung okhui"),
    ],
)
def test_names(surname: str, given: str, latin: str) -> None:
    assert romanize_name(surname, given) == latin


@pytest.mark.parametrize(
    ("hangul", "latin"),
    words(
        "충청북도 chungcheongbuk-do, 제주도 jeju-do, 의정부시 uijeongbu-si, 양주군 yangju-gun, 도봉구 dobong-gu, "
        "신창읍 sinchang-eup, 삼죽면 samjuk-myeon, 인왕리 inwang-ri, 당산동 dangsan-dong"
    ),
)
def test_addresses(hangul: str, latin: str) -> None:
    assert romanize_address(hangul) == latin
    assert romanize_address(f"{hangul} 종로구") == f"{latin} jongno-gu"


def test_what_only_a_dictionary_knows_is_left_out() -> None:
    assert romanize("학여울") == "hagyeoul"
    assert romanize("겉옷") == "geotot"
    assert romanize("행복한") == "haengbokhan"


@given(st.lists(st.integers(0xAC00, 0xD7A3).map(chr), min_size=1, max_size=6).map("".join))
def test_any_word_has_a_pronunciation_that_can_be_spelled(word: str) -> None:
    sounds = [take_apart(syllable) for syllable in pronounce(word)]
    assert len(sounds) == len(word)
    assert {final for _, _, final in sounds} <= set("ㄱㄴㄷㄹㅁㅂㅇ") | {""}
    assert re.fullmatch("[a-z]+", romanize(word))


@given(st.lists(st.integers(0xAC00, 0xD7A3).map(chr), min_size=2, max_size=6).map("".join))
def test_no_two_sounds_meet_that_standard_korean_does_not_let_meet(word: str) -> None:
    for (_, _, final), (initial, _, _) in pairwise(take_apart(syllable) for syllable in pronounce(word)):
        assert not (final in ("ㄱ", "ㄷ", "ㅂ") and initial in "ㄴㅁㄹ"), word
        assert not (final in ("ㄴ", "ㅁ", "ㅇ") and initial == "ㄹ"), word
        assert (final, initial) != ("ㄹ", "ㄴ"), word
        assert not (final not in ("", "ㅇ") and initial == "ㅇ"), word


@given(st.lists(st.sampled_from("가너도루미배서오지처코표하"), min_size=1, max_size=6).map("".join))
def test_open_syllables_never_change_each_other(word: str) -> None:
    assert romanize(word) == "".join(romanize(syllable) for syllable in word)


def test_a_name_never_ends_like_a_place() -> None:
    assert not set(GIVEN_LAST) & set(PLACE_LAST)


@pytest.mark.parametrize("number", range(len(MIXTURE)))
def test_what_is_written_is_hangul_and_latin_word_by_word(number: int) -> None:
    random = Random(number)
    for hangul, latin in (MIXTURE[number][1](random) for _ in range(300)):
        assert re.fullmatch("[가-힣]+( [가-힣]+)*", hangul)
        assert re.fullmatch("[a-z-]+( [a-z-]+)*", latin)
        assert len(latin.split()) - len(hangul.split()) in (0, 1)


def test_a_source_has_only_one_target() -> None:
    random = Random(4)
    found: dict[str, str] = {}
    for hangul, latin in (pair(random) for _ in range(5000)):
        assert found.setdefault(hangul, latin) == latin


def test_the_same_seed_writes_the_same_pairs() -> None:
    first, second = ([pair(random) for _ in range(50)] for random in (Random(7), Random(7)))
    assert first == second
