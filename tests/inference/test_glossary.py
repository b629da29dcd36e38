"""Glossaries: how they are read, and which terms they find."""

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from nmt.errors import InputError
from nmt.inference.glossary import Glossary, Term
from nmt.inference.terms import apply_glossary, keeps_the_rest, replaced
from nmt.translation import Translation, json_line


def found(terms: dict[str, str], text: str) -> list[str]:
    return [text[each.start : each.end] for each in Glossary(terms).find(text)]


def test_terms_are_whole_words() -> None:
    assert found({"rice": "밥"}, "Rice, rices and RICE; price") == ["Rice", "RICE"]
    assert found({"New York": "뉴욕", "York": "요크"}, "New York and York") == ["New York", "York"]
    assert found({"C++": "씨", "e-mail": "전자 우편"}, "C++ by e-mail (C++).") == ["C++", "e-mail", "C++"]


def test_korean_terms_may_have_particles() -> None:
    terms = {"사과": "apple", "학교": "school", "나": "I"}
    assert found(terms, "사과가 학교에서는 사과입니다. 나도 사과") == ["사과", "학교", "사과", "나", "사과"]
    assert found(terms, "사과나무 학교생활 나비 풋사과") == []


def test_a_script_without_spaces_has_terms_anywhere() -> None:
    assert found({"苹果": "apple"}, "我吃苹果了") == ["苹果"]


def test_all_normal_forms_and_all_white_space_count_as_one() -> None:
    text = unicodedata.normalize("NFD", "나는 사과를 먹었다")
    assert found({"사과": "pear"}, text) == [unicodedata.normalize("NFD", "사과")]
    assert Glossary({"사과": "pear"}).missing(text, "I ate") == [Term("사과", "pear")]
    assert found({"New York": "뉴욕", "café": "카페"}, "New  York, New\u00a0York: cafe\u0301 \u212b") == [
        "New  York", "New\u00a0York", "cafe\u0301",
    ]  # fmt: skip
    # The line of the source stays as it is, so the place is that of its own letters.
    free = Translation(
        "I ate rice",
        score=0.0,
        source_tokens=("▁나는", "▁사과를", "▁먹었다"),
        tokens=("▁I", "▁ate", "▁rice"),
        alignment=np.eye(4)[[0, 2, 1]],
    )
    assert apply_glossary([text], [free], Glossary({"사과": "pear"}), set())[0].text == "I ate pear"


def test_a_mark_belongs_to_its_letter() -> None:
    assert found({"पान": "betel", "पानी": "water"}, "पानी पान") == ["पानी", "पान"]
    assert found({"e": "x", "กา": "y"}, "e\u0328\u0301 กา้") == []


def test_case_counts_where_the_note_says_so(tmp_path: Path) -> None:
    path = tmp_path / "terms.tsv"
    path.write_text("apple\t사과\n\nApple\t애플\texact\nus\t우리\tany\n", encoding="utf-8")
    glossary = Glossary.read(path)
    assert [each.term.target for each in glossary.find("Apple, apple, APPLE and US")] == [
        "애플",
        "사과",
        "사과",
        "우리",
    ]
    assert glossary.terms[1] == Term("Apple", "애플", True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\n", "has no term"),
        ("a\tb\nA\tb\n", "line 2: 'A' is there already, in .*line 1"),
        ("a\tb\na\tc\n", "line 2: 'a' is to be 'c', but in .*line 1 it is 'b'"),
        ("a\n", "line 1: write a term, a tab and its translation"),
        ("a\t \n", "line 1: the translation is empty"),
        (" \tb\n", "line 1: the term is empty"),
        ("a\tb\tsometimes\n", "line 1: the note 'sometimes' is none of these: any, exact"),
        ("a\tb\tany\tx\n", "line 1: write a term"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "terms.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        Glossary.read(path)


def test_what_is_missing_is_counted() -> None:
    glossary = Glossary({"밥": "rice", "쌀밥": "white rice"})
    assert [each.target for each in glossary.missing("밥은 쌀밥이다", "white rice")] == ["rice"]
    assert glossary.missing("밥은 쌀밥이다", "rice is white rice") == []


def test_a_translation_inside_a_word_is_missing_but_in_a_script_without_spaces() -> None:
    ice = Glossary({"얼음": "ice"})
    assert ice.missing("얼음", "the rice")
    assert not any(ice.missing("얼음", text) for text in ("ice", "rice ice", "(ice)", "ices"))
    assert not Glossary({"ice": "冰"}).missing("ice", "我要冰")
    assert Glossary({"ice": "얼음"}).missing("ice", "살얼음")


def test_linked_words_are_replaced_but_for_frequent_ones_before_them() -> None:
    pieces = ("▁나는", "▁집에서", "▁사과를", "▁먹었다"), ("▁I", "▁ate", "▁an", "▁apple", "▁at", "▁home.")
    weights = [[1, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 1, 0, 0], [0, 0, 1, 0, 0], [0, 1, 0, 0, 0], [0, 1, 0, 0, 0]]
    free = Translation("I ate an apple at home.", 0.0, *pieces, weights)
    terms = Glossary({"사과": "green tea", "집": "school"}).find("나는 집에서 사과를 먹었다")
    assert replaced("나는 집에서 사과를 먹었다", free, terms, {"at", "an"}) == "I ate an green tea at school."
    assert replaced("나는 집에서 사과를 먹었다", free, terms, set()) == "I ate green tea school."
    unlinked = Translation("I ate an apple at home.", 0.0, *pieces, [[0, 0, 0, 0, 1]] * 6)
    assert replaced("나는 집에서 사과를 먹었다", unlinked, terms, set()) is None
    assert apply_glossary(["나는 집에서 사과를 먹었다"], [unlinked], Glossary({"집": "school"})) == [unlinked]


def test_of_an_export_linked_words_are_replaced_and_the_rest_stays() -> None:
    source, line = "나는 집에서 사과를 먹었다", "I ate an apple at home."
    pieces = ("▁나는", "▁집에서", "▁사과를", "▁먹었다"), ("▁I", "▁ate", "▁an", "▁app", "le", "▁at", "▁home", ".")
    # A row for each piece, its column below.
    columns = [0, 3, 2, 2, 2, 1, 1, 1]
    weights = np.eye(5, dtype=np.float32)[columns]
    weights[3] = [0, 0.25, 0.75, 0, 0]
    free = Translation(line, -1.0, *pieces, weights, confidence=0.5, token_scores=(-0.1,) * 9)
    glossary = Glossary({"사과": "green tea", "집": "school"})
    asked: list[str] = []

    def score(sources: list[str], targets: list[str]) -> list[float]:
        asked.extend(targets)
        return [float(sum(map(target.count, (" an ", " at ")))) for target in targets]

    (found, same) = apply_glossary([source, "나는 먹었다"], [free, free], glossary, score=score)
    assert same is free
    # Each term is tried alone with and without its first word; then what was chosen is scored.
    assert asked == [
        "I ate green tea school.", "I ate an green tea school.", "I ate green tea school.",
        "I ate green tea at school.", "I ate an green tea at school.",
    ]  # fmt: skip
    assert (found.text, found.score, found.confidence, found.token_scores) == (asked[-1], 2.0, None, ())
    assert found.tokens == ("▁I", "▁ate", "▁an", "▁green", "▁tea", "▁at", "▁school.")
    # Of app and le: (0.25 + 0) / 2 and (0.75 + 1) / 2.
    assert found.alignment[3].tolist() == found.alignment[4].tolist() == [0, 0.125, 0.875, 0, 0]
    assert found.alignment[[2, 5, 6]].argmax(1).tolist() == [2, 1, 1]
    (known,) = apply_glossary([source], [free], glossary, {"an", "at"})
    assert (known.text, np.isnan(known.score)) == (found.text, True)
    assert json.loads(json_line([known], n_best=False))["score"] is None
    with pytest.raises(InputError, match="no alignments"):
        apply_glossary([source], [Translation(line, -1.0, *pieces, None)], glossary)


def test_a_term_without_links_keeps_no_other_from_its_place() -> None:
    free = Translation(
        "I ate", score=0.0, source_tokens=("▁사과를", "▁밥을"), tokens=("▁I", "▁ate"), alignment=np.eye(3)[[0, 2]]
    )
    text, terms = "사과를 밥을", {"사과": "orange", "밥": "rice"}
    assert apply_glossary([text], [free], Glossary(terms), set())[0].text == "orange ate"
    assert replaced(text, free, Glossary(terms).find(text), set()) is None


@pytest.mark.parametrize(("share", "text"), [(0.4, "I ate meat"), (0.05, "I ate rice")])
def test_of_an_export_a_word_gives_way_that_is_linked_most(share: float, text: str) -> None:
    rows = [[1 - share / 4, share / 4, 0], [1 - share / 2, share / 2, 0], [1 - share, share, 0]]
    free = Translation(
        "I ate rice",
        score=-1.0,
        source_tokens=("▁나는", "▁밥을"),
        tokens=("▁I", "▁ate", "▁rice"),
        alignment=np.array(rows),
    )
    assert apply_glossary(["나는 밥을"], [free], Glossary({"밥": "meat"}), set())[0].text == text
    assert replaced("나는 밥을", free, Glossary({"밥": "meat"}).find("나는 밥을"), set()) is None


def test_a_term_in_a_script_without_spaces() -> None:
    free = Translation(
        "我吃苹果",
        score=0.0,
        source_tokens=("▁I", "▁eat", "▁apples"),
        tokens=("▁我", "吃", "苹", "果"),
        alignment=np.eye(4)[[0, 1, 2, 2]],
    )
    (found,) = apply_glossary(["I eat apples"], [free], Glossary({"apples": "梨"}), set())
    assert (found.text, found.tokens, found.alignment.argmax(1).tolist()) == ("我吃梨", ("▁我", "吃", "梨"), [0, 1, 2])


def test_the_search_may_change_the_word_before_a_term() -> None:
    terms = [Term("사과", "tea"), Term("집", "tea")]
    assert keeps_the_rest("A tea is a tea", "an tea is tea", terms[:1]) is False
    assert keeps_the_rest("A tea is the tea", "an tea is a tea", terms)
    assert not keeps_the_rest("She tea", "She was a tea", terms[:1])
