"""Characters and their scripts."""

import unicodedata
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.evaluation import scripts
from nmt.evaluation.scripts import CONTROL, REPLACEMENT, SCRIPTS, SPACE, census, character_classes, expected


def script_of(character: str) -> str | None:
    number = int(character_classes()[ord(character)]) - (scripts.CLASSES - len(SCRIPTS))
    return SCRIPTS[number] if number >= 0 else None


@pytest.mark.parametrize(
    ("character", "script"),
    [
        ("Ａ", "Latin"), ("ß", "Latin"), ("ㄱ", "Hangul"), ("ᄀ", "Hangul"), ("ﾊ", "Kana"), ("ー", "Kana"),
        ("々", "Han"),
        ("𠀀", "Han"), ("豈", "Han"), ("я", "Cyrillic"), ("ω", "Greek"), ("ع", "Arabic"),
        ("ि", "Devanagari"), ("ก", "Thai"), ("ⰰ", "other"), ("1", None), ("١", None), ("，", None),
        ("😀", None), ("\u0301", None),
        ("ª", None), ("µ", None), ("𝐀", None),
    ],
)  # fmt: skip
def test_the_script_of_a_character(character: str, script: str | None) -> None:
    assert script_of(character) == script


@pytest.mark.parametrize(
    ("character", "kind"),
    [(" ", SPACE), ("\u00a0", SPACE), ("\u3000", SPACE), ("\t", SPACE), ("\x00", CONTROL), ("\x85", CONTROL),
     ("\u200b", CONTROL), ("\ufeff", CONTROL), ("\ue000", CONTROL), ("\u2028", CONTROL), ("\ufffd", REPLACEMENT),
     ("\u200d", scripts.COMMON)],
)  # fmt: skip
def test_what_is_no_letter(character: str, kind: int) -> None:
    assert character_classes()[ord(character)] == kind


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\n"))))
def test_a_census_counts_as_python_does(lines: list[str]) -> None:
    found = census(lines) if lines else None
    for place, line in enumerate(lines):
        assert found is not None
        assert found.characters[place] == len(line)
        assert found.words[place] == sum(1 for word in line.split(" ") if word)
        kinds = np.bincount([int(character_classes()[ord(c)]) for c in line], minlength=scripts.CLASSES)
        assert found.classes[place].tolist() == kinds.tolist()
    if found is not None:
        assert found.codes.sum() == sum(map(len, lines))
        assert found.codes[ord("\n")] == 0


def test_a_line_counts_for_the_script_of_most_of_its_letters() -> None:
    assert scripts.script_counts(["나는 GPU를 샀다", "I ate 밥", "ご飯を食べた", "1 + 1", "", "밥"]) == {
        "Latin": 1,
        "Hangul": 2,
        "Kana": 1,
    }
    assert scripts.script_counts([]) == scripts.script_counts(["7"]) == {}


def test_a_long_line_is_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["나는 밥을  먹었다", "", " a", "ate rice ", "x" * 9]
    whole = census(lines)
    for together in (1, 2, 3, 5):
        monkeypatch.setattr(scripts, "_TOGETHER", together)
        found = census(lines)
        for name in ("characters", "words", "classes"):
            assert getattr(found, name).tolist() == getattr(whole, name).tolist()
        assert np.trim_zeros(found.codes, "b").tolist() == whole.codes.tolist()


def test_lines_beside_a_long_one_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A count has a number for every code point, so a count for each of many lines would take much memory."""
    counted = scripts._counted
    counts: list[int] = []

    def recorded(lines: Sequence[str]) -> scripts.Census:
        counts.append(len(lines))
        return counted(lines)

    monkeypatch.setattr(scripts, "_TOGETHER", 100)
    monkeypatch.setattr(scripts, "_counted", recorded)
    found = census([*["밥 😀"] * 30, "x" * 250, *["가나"] * 60])
    # 30 lines of three characters are 90, and 50 of two are 100; the long line has three parts.
    assert counts == [30, 1, 1, 1, 50, 10]
    assert found.characters.tolist() == [3] * 30 + [250] + [2] * 60
    assert (len(found.codes), found.codes[ord("x")], found.codes[ord("가")]) == (ord("😀") + 1, 250, 60)


def test_a_text_in_one_script_with_names_in_another() -> None:
    assert expected({"Cyrillic": 70, "Latin": 30}) == ("Cyrillic",)
    # Chinese with a Japanese name in it stays Chinese: 1 of 100.
    assert expected({"Han": 100, "Kana": 1}) == ("Han",)
    assert expected({"Kana": 100, "Han": 30}) == ("Han", "Kana")


def test_letters_of_unknown_age_are_no_control_characters() -> None:
    unassigned = next(code for code in range(0x1FA00, 0x1FAFF) if unicodedata.category(chr(code)) == "Cn")
    assert character_classes()[unassigned] == scripts.COMMON
