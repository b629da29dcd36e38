"""Golden tables of Korean particles and conjugations, written by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.synthetic.korean import Predicate, attach, copula, put_together, take_apart

PARTICLES = ("는", "가", "를", "와", "로", "에게")
NOUNS = {
    "사과": "사과는 사과가 사과를 사과와 사과로 사과에게",
    "책": "책은 책이 책을 책과 책으로 책에게",
    "서울": "서울은 서울이 서울을 서울과 서울로 서울에게",
    "나": "나는 내가 나를 나와 나로 나에게",
    "너": "너는 네가 너를 너와 너로 너에게",
    "그": "그는 그가 그를 그와 그로 그에게",
    "연필": "연필은 연필이 연필을 연필과 연필로 연필에게",
}

# present, past, -고, -(으)면, -(으)ㄹ, -(으)ㄴ, attributive present, -아서/어서, -니
VERBS = {
    ("가다", ""): "간다 갔다 가고 가면 갈 간 가는 가서 가니",
    ("먹다", ""): "먹는다 먹었다 먹고 먹으면 먹을 먹은 먹는 먹어서 먹니",
    ("보다", ""): "본다 봤다 보고 보면 볼 본 보는 봐서 보니",
    ("오다", ""): "온다 왔다 오고 오면 올 온 오는 와서 오니",
    ("마시다", ""): "마신다 마셨다 마시고 마시면 마실 마신 마시는 마셔서 마시니",
    ("배우다", ""): "배운다 배웠다 배우고 배우면 배울 배운 배우는 배워서 배우니",
    ("보내다", ""): "보낸다 보냈다 보내고 보내면 보낼 보낸 보내는 보내서 보내니",
    ("쉬다", ""): "쉰다 쉬었다 쉬고 쉬면 쉴 쉰 쉬는 쉬어서 쉬니",
    ("공부하다", ""): "공부한다 공부했다 공부하고 공부하면 공부할 공부한 공부하는 공부해서 공부하니",
    ("쓰다", ""): "쓴다 썼다 쓰고 쓰면 쓸 쓴 쓰는 써서 쓰니",
    ("만들다", ""): "만든다 만들었다 만들고 만들면 만들 만든 만드는 만들어서 만드니",
    ("살다", ""): "산다 살았다 살고 살면 살 산 사는 살아서 사니",
    ("닫다", ""): "닫는다 닫았다 닫고 닫으면 닫을 닫은 닫는 닫아서 닫니",
    ("믿다", ""): "믿는다 믿었다 믿고 믿으면 믿을 믿은 믿는 믿어서 믿니",
    ("듣다", "ㄷ"): "듣는다 들었다 듣고 들으면 들을 들은 듣는 들어서 듣니",
    ("걷다", "ㄷ"): "걷는다 걸었다 걷고 걸으면 걸을 걸은 걷는 걸어서 걷니",
    ("돕다", "ㅂ"): "돕는다 도왔다 돕고 도우면 도울 도운 돕는 도와서 돕니",
    ("짓다", "ㅅ"): "짓는다 지었다 짓고 지으면 지을 지은 짓는 지어서 짓니",
    ("부르다", "르"): "부른다 불렀다 부르고 부르면 부를 부른 부르는 불러서 부르니",
    ("모르다", "르"): "모른다 몰랐다 모르고 모르면 모를 모른 모르는 몰라서 모르니",
}

ADJECTIVES = {
    ("크다", ""): "크다 컸다 크고 크면 클 큰 큰 커서 크니",
    ("작다", ""): "작다 작았다 작고 작으면 작을 작은 작은 작아서 작니",
    ("예쁘다", ""): "예쁘다 예뻤다 예쁘고 예쁘면 예쁠 예쁜 예쁜 예뻐서 예쁘니",
    ("바쁘다", ""): "바쁘다 바빴다 바쁘고 바쁘면 바쁠 바쁜 바쁜 바빠서 바쁘니",
    ("춥다", "ㅂ"): "춥다 추웠다 춥고 추우면 추울 추운 추운 추워서 춥니",
    ("아름답다", "ㅂ"): "아름답다 아름다웠다 아름답고 아름다우면 아름다울 아름다운 아름다운 아름다워서 아름답니",
    ("길다", ""): "길다 길었다 길고 길면 길 긴 긴 길어서 기니",
    ("빠르다", "르"): "빠르다 빨랐다 빠르고 빠르면 빠를 빠른 빠른 빨라서 빠르니",
    ("빨갛다", "ㅎ"): "빨갛다 빨갰다 빨갛고 빨가면 빨갈 빨간 빨간 빨개서 빨갛니",
    ("하얗다", "ㅎ"): "하얗다 하얬다 하얗고 하야면 하얄 하얀 하얀 하얘서 하얗니",
}


@pytest.mark.parametrize("noun", NOUNS)
def test_particles(noun: str) -> None:
    assert [attach(noun, particle) for particle in PARTICLES] == NOUNS[noun].split()


def conjugations(predicate: Predicate) -> list[str]:
    joined = [predicate.join(ending) for ending in ("고", "으면", "을", "은")]
    return [
        predicate.present(),
        predicate.past("다"),
        *joined,
        predicate.attributive(),
        predicate.join("어서"),
        predicate.join("니"),
    ]


@pytest.mark.parametrize("verb", VERBS)
def test_verbs(verb: tuple[str, str]) -> None:
    assert conjugations(Predicate(*verb)) == VERBS[verb].split()


@pytest.mark.parametrize("adjective", ADJECTIVES)
def test_adjectives(adjective: tuple[str, str]) -> None:
    assert conjugations(Predicate(*adjective, adjective=True)) == ADJECTIVES[adjective].split()


def test_existence_keeps_the_attributive_of_a_verb() -> None:
    assert Predicate("재미있다", adjective=True).attributive() == "재미있는"


@pytest.mark.parametrize(
    ("noun", "forms"),
    [("의사", "의사이다 의사였다 의사니 의사라고"), ("학생", "학생이다 학생이었다 학생이니 학생이라고")],
)
def test_copula(noun: str, forms: str) -> None:
    assert [copula(noun, ending) for ending in ("다", "었다", "니", "라고")] == forms.split()


@given(st.integers(0xAC00, 0xD7A3).map(chr))
def test_a_syllable_taken_apart_goes_together_again(syllable: str) -> None:
    assert put_together(*take_apart(syllable)) == syllable
