"""Pictures change nothing around them, and are written whole or not at all."""

import io
import os
from pathlib import Path

import matplotlib
import pytest
from matplotlib.figure import Figure
from PIL import Image

from nmt.errors import InputError
from nmt.plotting import picture


def test_the_settings_of_the_machine_neither_matter_nor_change() -> None:
    before = dict(matplotlib.rcParams)
    with matplotlib.rc_context({"font.size": 33, "text.usetex": True, "svg.fonttype": "none"}):
        with picture.style():
            assert matplotlib.rcParams["font.size"] == 10
            assert not matplotlib.rcParams["text.usetex"]
        assert matplotlib.rcParams["font.size"] == 33
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PNG", b"\x89PNG")])
def test_a_picture_is_of_the_kind_of_its_ending(tmp_path: Path, suffix: str, magic: bytes) -> None:
    path = tmp_path / f"picture{suffix}"
    with picture.style():
        picture.save(Figure(figsize=(1, 1)), path)
    assert path.read_bytes().startswith(magic)
    assert [place.name for place in tmp_path.iterdir()] == [path.name]


def test_a_picture_is_written_over_another(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    picture.write(path, b"old")
    picture.write(path, b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("name", ["a.gif", "a", "a.png.txt", ".png"])
def test_an_unknown_ending(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"must end in \.png or \.svg\.$"):
        picture.check_picture(tmp_path / name)


def test_other_endings_can_be_asked_for(tmp_path: Path) -> None:
    picture.check_picture(tmp_path / "a.html", [".html"])
    with pytest.raises(InputError, match=r"must end in \.html\.$"):
        picture.check_picture(tmp_path / "a.png", [".html"])


def test_places_where_no_picture_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.png").mkdir()
    for place, said in [
        ("none/a.png", "there is no folder"),
        ("file/a.png", "there is no folder"),
        ("folder.png", "it is a folder"),
    ]:
        with pytest.raises(InputError, match=said):
            picture.check_picture(tmp_path / place)
    with pytest.raises(InputError, match=r"cannot be written: File name too long\.$"):
        picture.write(tmp_path / ("a" * 300 + ".png"), b"")
    assert sorted(place.name for place in tmp_path.iterdir()) == ["file", "folder.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written to"):
        picture.check_picture(tmp_path / "a.png")


def test_a_full_disk_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    picture.write(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputError, match=r"a\.png cannot be written: No space left on device\.$"):
        picture.write(path, b"new")
    assert [place.name for place in tmp_path.iterdir()] == ["a.png"]
    assert path.read_bytes() == b"old"


def test_words_are_made_fit_to_show() -> None:
    assert picture.shown("\u1107\u1161\u11b8") == "밥"
    assert picture.shown("a\x00b\nc\ud800") == "a�b�c�"
    assert picture.shown("가" * 30) == "가" * 23 + "…"
    assert picture.shown("가" * 24) == "가" * 24


def test_a_long_title_takes_two_lines() -> None:
    for words in ("word " * 200, "밥을 " * 200):
        lines = picture.heading(words, 5).splitlines()
        assert len(lines) == 2
        assert lines[1].endswith(" …")
    assert picture.heading("short", 5) == "short"
    assert picture.heading("", 5) == ""


def test_a_notebook_shows_a_picture_as_it_would_be_saved(tmp_path: Path) -> None:
    with picture.style():
        figure = Figure(figsize=(3, 2))
        figure.text(0.1, 0.5, "밥을 \u1000")
        picture.save(figure, tmp_path / "a.png")
    shown_picture = picture.Picture(figure)
    shown = shown_picture._repr_png_()
    assert shown == shown_picture._repr_png_()
    assert [text.get_text() for text in figure.texts] == ["밥을 \u1000", "No font here has U+1000: shown as boxes."]
    small, large = Image.open(io.BytesIO(shown)), Image.open(tmp_path / "a.png")
    assert small.width / large.width == pytest.approx(100 / picture.DOTS_PER_INCH, rel=0.02)
