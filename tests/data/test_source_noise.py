"""Sources change as people write in a hurry, a quarter in each way, and what the text means can still be read."""

import random
import unicodedata
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.data.source_noise import noisy, with_typing_error, without_end_mark
from nmt.data.term_annotations import MARKS

TEXT = "Ein Mann sieht Hunde."


def anything(_: str) -> bool:
    return True


def made(text: str, fits: Callable[[str], bool] = anything, count: int = 4000) -> Counter[str]:
    chance = random.Random(7)
    return Counter(noisy(text, chance, fits) for _ in range(count))


def test_each_way_changes_a_quarter() -> None:
    found = made(TEXT)
    plain = {"ein mann sieht hunde.", "EIN MANN SIEHT HUNDE.", "Ein Mann sieht Hunde"}
    shares = [found[text] / found.total() for text in plain]
    shares.append(sum(count for text, count in found.items() if text not in plain) / found.total())
    # The standard deviation of a share is (0.25 * 0.75 / 4000) ** 0.5, which is 0.007.
    assert shares == pytest.approx([0.25] * 4, abs=0.035)
    assert found[TEXT] == 0


def test_what_has_no_effect_or_does_not_fit_is_not_chosen() -> None:
    assert set(made("我吃了饭。")) == {"我吃了饭"}
    assert set(made("12 34")) == {"12 34"}
    assert set(made(TEXT, lambda text: text.islower())) == {TEXT.lower()}
    assert set(made("ok.", str.isupper)) == {"OK."}
    assert set(made("...")) == {"..."}  # nothing would be left
    annotated = f"I ate an {MARKS[0]} apple {MARKS[1]} 배 {MARKS[2]}."
    assert set(made(annotated)) == {annotated}
    assert set(made("<bt> I ate.")) == {"<bt> I ate."} and len(made("<3 I ate.")) > 4


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("Kommt er?!", "Kommt er"),
        ("밥을 먹었다.", "밥을 먹었다"),
        ("我吃了饭。", "我吃了饭"),
        ("ein mann schläft . ", "ein mann schläft"),
        ("मैं खाता हूँ।", "मैं खाता हूँ"),
        ("3.5 Liter", "3.5 Liter"),
        ("wait ... ", "wait"),
        ("x" + " " * 50_000 + "x", "x" + " " * 50_000 + "x"),
    ],
)
def test_the_marks_at_the_end_are_left_out(text: str, without: str) -> None:
    assert without_end_mark(text) == without


def test_the_errors_in_a_word() -> None:
    found = {with_typing_error("abcd", random.Random(seed)) for seed in range(300)}
    swapped, left_out, twice = {"acbd", "abdc"}, {"acd", "abd"}, {"abbcd", "abccd"}
    wrong = {f"a{letter}cd" for letter in "acd"} | {f"ab{letter}d" for letter in "abd"}
    # Leaving b out and writing c twice is also a wrong letter, and so on: the sets may share texts.
    assert found - {"abcd"} == swapped | left_out | twice | wrong


@given(st.text(st.one_of(st.sampled_from("abÉß 밥먹었다ㅋहमझदा\u0301 ."), st.characters())), st.integers(0, 99))
def test_an_error_keeps_the_words_and_their_first_letters(text: str, seed: int) -> None:
    other = with_typing_error(text, random.Random(seed))
    assert len(other.split()) == len(text.split())
    decomposed = [unicodedata.normalize("NFD", each) for each in (text, other)]
    assert abs(len(decomposed[0]) - len(decomposed[1])) <= 3  # a letter and its marks
    assert [word[0] for word in decomposed[0].split()] == [word[0] for word in decomposed[1].split()]


def test_a_korean_syllable_is_typed_letter_by_letter() -> None:
    for form in ("NFC", "NFD"):
        found = made(text := unicodedata.normalize(form, "먹었다"))
        # ㄱ is left out of 먹, ㅆ of 었; ㅏ is typed for ㅓ.
        assert {"머었다", "먹어다", "막었다"} <= set(found)
        # A few stay as they were, in their form. Only whole syllables come out of the others.
        assert found.pop(text) < 200
        assert all(len(other) == 3 and other[0] in "먹머막멌" for other in found)
    # Composing is no change by itself.
    assert set(made(unicodedata.normalize("NFD", "é à"))) == {unicodedata.normalize("NFD", "É À")}


def test_a_vowel_sign_stays_on_its_letter() -> None:
    # Only the first two letters after the स can be typed wrong: दा is a letter with its sign.
    found = {with_typing_error("समझदा", random.Random(seed)) for seed in range(300)}
    assert len(found) > 5
    assert all(text.endswith("दा") for text in found)
