"""Each letter has a font, and a browser gets the letters that it needs."""

import io
import sys

from fontTools.ttLib import TTFont

from nmt.plotting import fonts

HANGUL = "가나다밥먹었다떡볶이뷁힣ㄱㅏ"


def test_a_font_has_hangul_and_another_the_rest() -> None:
    found = fonts.font_files()
    assert list(found) == ["NanumGothic", "DejaVu Sans"]
    glyphs = TTFont(found["NanumGothic"]).getBestCmap()
    assert all(ord(letter) in glyphs for letter in HANGUL)
    assert fonts.missing([HANGUL, "žluťoučký Ελληνικά русский مرحبا � …"]) == []


def test_what_no_font_has_is_found() -> None:
    assert fonts.missing(["가 \u0e01", "\u0e01\u0926"]) == ["\u0926", "\u0e01"]


def test_the_package_of_the_font_is_not_imported() -> None:
    fonts.font_files()
    assert "koreanize_matplotlib" not in sys.modules


def test_a_browser_is_given_a_part_or_the_whole_of_the_font() -> None:
    part, whole = (TTFont(io.BytesIO(font)) for font in (fonts.hangul_subset("밥"), fonts.hangul_font()) if font)
    assert list(part.getBestCmap()) == [ord("밥")]
    assert all(ord(letter) in whole.getBestCmap() for letter in HANGUL)
    assert not any(table.startswith("TSI") for font in (part, whole) for table in font.keys())  # noqa: SIM118
