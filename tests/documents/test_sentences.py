"""Where the sentences of a text stand."""

import random
import time

import pytest

from nmt.documents.sentences import MAX_CHARACTERS, Place, halves, language_of, sentences

LETTER = (
    "제목\n\n"
    "안녕하세요. 저는 서울에 삽니다! 정말요?\r\n"
    "  - 첫째 항목\n"
    "  2) 둘째. 그리고 셋째.\n"
    "> 그가 말했다.\n"
    "* * *\n"
    "\n\n"
    "끝"
)


def found(text: str, **options: object) -> list[str]:
    return [text[place.start : place.end] for place in sentences(text, **options)]  # type: ignore[arg-type]


def test_sentences_of_a_letter() -> None:
    assert found(LETTER) == [
        "제목", "안녕하세요.", "저는 서울에 삽니다!", "정말요?", "첫째 항목", "둘째.", "그리고 셋째.", "그가 말했다.",
        "끝",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Lee paid 3.50 yesterday. He left.", ["Dr. Lee paid 3.50 yesterday.", "He left."]),
        ("我吃了饭。你呢？", ["我吃了饭。", "你呢？"]),
        ("سلام. خوبی؟", ["سلام.", "خوبی؟"]),
        ("...\n---\n", []),
        ("", []),
    ],
)
def test_the_script_decides(text: str, expected: list[str]) -> None:
    assert found(text) == expected


def test_another_splitter_and_one_that_loses_text() -> None:
    assert found("a. b. c.", splitter=lambda language, text: [text[:3], text[3:]]) == ["a.", "b. c."]
    assert found("a. b. c.", splitter=lambda language, text: ["a."]) == ["a. b. c."]


def test_nothing_with_a_letter_is_between_sentences() -> None:
    rng = random.Random(7)
    for _ in range(200):
        text = "".join(
            rng.choice(["나는 ", "rice. ", "\n", "- ", "1) ", "!", "\t", "。", "\u2028", "(a)", "'"]) for _ in range(40)
        )
        position = 0
        for place in sentences(text):
            assert not any(map(str.isalpha, text[position : place.start]))
            assert text[place.start : place.end].strip() == text[place.start : place.end]
            position = place.end
        assert not any(map(str.isalpha, text[position:]))


def test_a_long_sentence_is_cut_at_clauses() -> None:
    text = ", ".join(f"clause number {n} of many" for n in range(97)) + "."
    parts = found(text)
    assert max(map(len, parts)) <= MAX_CHARACTERS and all(part.endswith((",", ".")) for part in parts)
    assert " ".join(parts) == text
    endless = "가" * 4099
    assert "".join(found(endless)) == endless
    assert halves("ab cd", Place(0, 5)) == (Place(0, 2), Place(3, 5))


def test_long_runs_of_spaces_and_signs_take_little_time() -> None:
    begun = time.process_time()
    for run in (" ", "."):
        text = "a" + run * 100_000 + "b"
        place = Place(0, len(text))
        # The nearest sentence, clause or space to the middle is looked for near it.
        for _ in range(20):
            halves(text, place)
    assert time.process_time() - begun < 0.5
    assert found("a" + " " * 20_000 + "b") == ["a", "b"]


def test_the_language_of_a_text() -> None:
    assert [language_of(text) for text in ("ご飯", "飯", "मैं", " я", "1")] == ["ja", "zh", "hi", "ru", "en"]
