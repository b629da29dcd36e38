"""Fonts for any script: their files, the characters that they lack, and subsets for the browser."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_HANGUL = "NanumGothic"
_REST = "DejaVu Sans"


@cache
def font_files() -> dict[str, str]:
    """Return the file of each font by its name; a character is taken from the first that has it."""
    from matplotlib import font_manager

    found = {_REST: str(font_manager.findfont(_REST))}
    if path := _hangul_file():
        font_manager.fontManager.addfont(path)
        found = {_HANGUL: str(path), **found}
    return found


def missing(texts: Iterable[str]) -> list[str]:
    """Return the characters that none of our fonts has, sorted.

    >>> missing(["밥을 ate čaj"])
    []
    """
    from matplotlib import font_manager

    fonts = [font_manager.get_font(path) for path in font_files().values()]
    characters = {character for text in texts for character in text if character != "\n"}
    return sorted(c for c in characters if not any(font.get_char_index(ord(c)) for font in fonts))


def hangul_subset(characters: Iterable[str]) -> bytes | None:
    """Return a WOFF file with the given characters that our font for Hangul has, some two hundred bytes for each.

    ``None`` if that font is not installed.

    >>> len(hangul_subset("밥")) < 5000
    True
    """
    from fontTools import subset

    if not (path := _hangul_file()):
        return None
    options = subset.Options(layout_features=[], hinting=False, recalc_timestamp=False)
    # Internal notes of the font's makers.
    options.drop_tables += ["TSI0", "TSI1", "TSI2", "TSI3", "TSI5"]
    font = subset.load_font(str(path), options)
    chosen = subset.Subsetter(options)
    chosen.populate(text="".join(sorted(set(characters))))
    chosen.subset(font)
    font.flavor = "woff"  # a page holds it as it is, and this form is packed
    written = io.BytesIO()
    font.save(written)
    return written.getvalue()


@cache
def hangul_font() -> bytes | None:
    """Return the whole font for Hangul in a form that browsers accept, or ``None`` if it is not installed."""
    from fontTools.ttLib import TTFont

    if not (path := _hangul_file()):
        return None
    font, written = TTFont(path, lazy=True), io.BytesIO()
    # Internal notes of the font's makers, which make browsers refuse the font.
    for table in [tag for tag in font.keys() if tag.startswith("TSI")]:  # noqa: SIM118 (it is no mapping)
        del font[table]
    font.save(written, reorderTables=None)
    return written.getvalue()


def _hangul_file() -> Path | None:
    """Find the font's file without running its package, which would change the font of everything drawn here."""
    package = importlib.util.find_spec("koreanize_matplotlib")
    places = (package.submodule_search_locations or []) if package else []
    files = (Path(place, "fonts", f"{_HANGUL}.ttf") for place in places)
    return next((path for path in files if path.is_file()), None)
