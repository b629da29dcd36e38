"""Pictures are real files that show what they were given; the tests read them back."""

import itertools
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from nmt.errors import InputError
from nmt.evaluation.alignment import WordAlignment
from nmt.evaluation.by_length import LengthBin
from nmt.plotting import picture
from nmt.plotting.figures import heat_map, history, length_curve

SMALL = WordAlignment(
    ("나는", "오늘", "밥을", "먹었다"),
    ("I", "ate", "rice", "today"),
    np.array([[0.93, 0.02, 0.03, 0.02], [0.1, 0.1, 0.1, 0.7], [0.0, 0.02, 0.95, 0.03], [0.0, 1.0, 0.0, 0.0]]),
)
SIGNATURE = "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
BINS = [
    LengthBin(
        1, longest=5, length=3.5, sentences=10, metric="BLEU", score=40.0, low=35.0, high=44.0, signature=SIGNATURE
    ),
    LengthBin(
        6, longest=20, length=9.0, sentences=10, metric="BLEU", score=20.0, low=20.5, high=25.0, signature=SIGNATURE
    ),
]
RECORDS = [
    {"epoch": n, "step": 5 * n, "learning_rate": 1e-3 / n, "loss": 5 / n, "val_loss": 6 / n, "val_bleu": 10.0 * n}
    for n in (1, 2, 3)
]


def square(words: int) -> WordAlignment:
    return WordAlignment(tuple(f"단어{i}" for i in range(words)), tuple(f"w{i}" for i in range(words)), np.eye(words))


DRAWINGS: dict[str, Callable[[Path | None], picture.Picture]] = {
    "heat map": lambda path: heat_map(SMALL, path, "나는 오늘 밥을 먹었다"),
    "wide heat map": lambda path: heat_map(square(30), path),
    "history": lambda path: history(RECORDS, path),
    "length curve": lambda path: length_curve({"한국어": BINS, "_b": BINS[:1]}, path),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_without_a_path_a_picture_is_only_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    shown = DRAWINGS[name](None)
    assert shown._repr_png_().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    """The figures as they were saved."""
    figures: list[Figure] = []
    save = picture.save

    def keep(figure: Figure, path: Path) -> None:
        save(figure, path)
        figures.append(figure)

    monkeypatch.setattr(picture, "save", keep)
    yield figures


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_the_same_picture_is_the_same_file(tmp_path: Path, draw: Callable[[Path], None]) -> None:
    for suffix in (".png", ".svg"):
        first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
        draw(first)
        draw(second)
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_no_glyph_is_missing_and_an_svg_needs_no_font(tmp_path: Path, draw: Callable[[Path], None]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(tmp_path / "a.svg")
    source = (tmp_path / "a.svg").read_text("utf-8")
    tags = {element.tag.split("}")[1] for element in ElementTree.fromstring(source).iter()}
    assert "path" in tags
    assert "text" not in tags
    assert "dc:date" not in source


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_a_wrong_place_is_told_before_drawing(tmp_path: Path, draw: Callable[[Path], None]) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        draw(tmp_path / "none" / "a.png")
    with pytest.raises(InputError, match=r"\.png or \.svg"):
        draw(tmp_path / "a.pdf")
    assert not list(tmp_path.iterdir())


def test_a_heat_map_shows_words_and_per_cents(tmp_path: Path, drawn: list[Figure]) -> None:
    heat_map(SMALL, tmp_path / "a.png", "나는 $5 and $6")
    shown = texts(drawn[0])
    for word in (*SMALL.source, *SMALL.target, "나는 $5 and $6"):
        assert word in shown
    assert [text for text in shown if re.fullmatch(r"\d+", text)] == [f"{100 * w:.0f}" for w in SMALL.weights.flat]
    axes = drawn[0].axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == list(SMALL.source)
    # The first target word is on top, the source words above it.
    assert axes.get_ylim() == (4, 0)
    assert axes.xaxis.get_ticks_position() == "top"


def dark(weights: list[list[float]], path: Path) -> tuple[float, float]:
    """Draw the weights and return where the dark cells are, as shares of the height and the width."""
    array = np.array(weights)
    words = [tuple("abc"[:count]) for count in array.shape[::-1]]
    heat_map(WordAlignment(*words, array), path)
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    blue = (pixels[..., 2] > pixels[..., 0] + 60) & (pixels[..., 0] < 40)
    # The colour bar stands at the right.
    blue = blue[:, : int(0.75 * blue.shape[1])]
    down, across = np.argwhere(blue).mean(0) / pixels.shape[:2]
    return float(down), float(across)


def test_the_darkest_cell_is_where_the_weight_is(tmp_path: Path) -> None:
    first = dark([[1, 0, 0], [0, 0, 0]], tmp_path / "a.png")
    right = dark([[0, 0, 1], [0, 0, 0]], tmp_path / "a.png")
    below = dark([[0, 0, 0], [1, 0, 0]], tmp_path / "a.png")
    assert right[0] == pytest.approx(first[0], abs=0.02)
    assert right[1] > first[1] + 0.2
    assert below[0] > first[0] + 0.2
    assert below[1] == pytest.approx(first[1], abs=0.02)


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (30, 10), (3, 60), (100, 100)])
def test_a_heat_map_grows_within_bounds(tmp_path: Path, shape: tuple[int, int]) -> None:
    source, target = tuple(f"단어{i}" for i in range(shape[0])), tuple(f"word{i}" for i in range(shape[1]))
    alignment = WordAlignment(source, target, np.full(shape[::-1], 1 / shape[0]))
    for suffix in (".png", ".svg"):
        heat_map(alignment, tmp_path / f"a{suffix}", " ".join(source))
        assert (tmp_path / f"a{suffix}").stat().st_size < 1_000_000
    width, height = Image.open(tmp_path / "a.png").size
    assert 150 < width < 2700
    assert 100 < height < 2700


def test_words_that_do_not_fit_are_told(tmp_path: Path, drawn: list[Figure]) -> None:
    heat_map(WordAlignment(("a",) * 150, ("b",) * 3, np.zeros((3, 150))), tmp_path / "a.png")
    assert "Drawn: the first 100 of 150 source words." in texts(drawn[0])
    heat_map(WordAlignment(("a",) * 1150, ("b",) * 101, np.zeros((101, 1150))), tmp_path / "a.png")
    assert "Drawn: the first 100 of 1,150 source words and the first 100 of 101 target words." in texts(drawn[1])


def test_no_number_is_written_where_it_could_not_be_read(tmp_path: Path, drawn: list[Figure]) -> None:
    heat_map(square(60), tmp_path / "a.png")
    assert not [text for text in texts(drawn[0]) if re.fullmatch(r"\d+", text)]


@pytest.mark.parametrize(("source", "target"), [((), ()), ((), ("b",)), (("a",), ())])
def test_an_alignment_of_nothing_can_be_drawn(
    tmp_path: Path, drawn: list[Figure], source: tuple[str, ...], target: tuple[str, ...]
) -> None:
    heat_map(WordAlignment(source, target, np.zeros([len(target), len(source)])), tmp_path / "a.png", "none")
    assert "No words to draw." in texts(drawn[0])


def test_hostile_words_are_drawn_as_they_are(tmp_path: Path, drawn: list[Figure]) -> None:
    words = ("$x$", "a--b-->", "<b>&amp;", "\x00\x07", "", "_", "w" * 500)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heat_map(WordAlignment(words, words, np.eye(len(words))), tmp_path / "a.svg", "$\\frac{1}$ --> %s {}")
    ElementTree.parse(tmp_path / "a.svg")
    assert {"$x$", "a--b-->", "<b>&amp;", "��", "_"} <= set(texts(drawn[0]))


def test_characters_without_a_font_are_told(tmp_path: Path, drawn: list[Figure]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heat_map(WordAlignment(("ไ",), ("b",), np.ones((1, 1))), tmp_path / "a.png")
    assert "No font here has U+0E44: shown as boxes." in texts(drawn[0])


def test_every_note_has_a_line_of_its_own(tmp_path: Path, drawn: list[Figure]) -> None:
    heat_map(WordAlignment(("ไ",) * 101, ("b",), np.ones((1, 101))), tmp_path / "a.png", "title", "Links.")
    length_curve({"ไ": BINS, "b": BINS}, tmp_path / "b.png")
    for figure, count in zip(drawn, (3, 3), strict=True):
        notes = [text for text in figure.texts if text.get_fontsize() == 8]
        assert len(notes) == count and notes[-1].get_text() == "No font here has U+0E44: shown as boxes."
        boxes = [text.get_window_extent() for text in notes]
        assert all(lower.y1 < upper.y0 for upper, lower in itertools.pairwise(boxes))


def panels(figure: Figure) -> list[str]:
    return [axes.get_ylabel() for axes in figure.axes]


def curve(figure: Figure, panel: int, number: int = 0) -> list[float]:
    return list(figure.axes[panel].lines[number].get_ydata())


def test_a_run_has_its_losses_its_score_and_its_rate(tmp_path: Path, drawn: list[Figure]) -> None:
    history(RECORDS, tmp_path / "a.png")
    (figure,) = drawn
    assert panels(figure) == ["loss", "BLEU", "learning rate"]
    assert curve(figure, 0, 0) == [5, 2.5, 5 / 3]
    assert curve(figure, 0, 1) == [6, 3, 2]
    assert curve(figure, 1) == [10, 20, 30]
    assert curve(figure, 2) == [1e-3, 5e-4, 1e-3 / 3]
    assert list(figure.axes[0].lines[0].get_xdata()) == [1, 2, 3]
    assert {"training", "development", "best: 30.00 in epoch 3"} <= set(texts(figure))


def test_a_run_without_bleu_has_its_perplexity(tmp_path: Path, drawn: list[Figure]) -> None:
    history(
        [{"epoch": n, "val_perplexity": value} for n, value in ((1, None), (2, 900.0), (3, 30.0), (4, 40.0))],
        tmp_path / "a.png",
    )
    assert panels(drawn[0]) == ["perplexity"]
    assert np.isnan(curve(drawn[0], 0)[0])
    assert "best: 30.00 in epoch 3" in texts(drawn[0])
    assert drawn[0].axes[0].get_yscale() == "log"


def test_the_marked_epoch_is_the_one_that_was_kept(tmp_path: Path, drawn: list[Figure]) -> None:
    scores = [(0.9, 300.0), (0.2, 90.0), (0.4, 100.0), (None, 200.0)]
    low = [{"epoch": n, "val_bleu": b, "val_perplexity": p, "watch": "val_bleu"} for n, (b, p) in enumerate(scores, 1)]
    history(low, tmp_path / "low.png")
    assert "best: epoch 2, by its perplexity of 90.00" in texts(drawn[0])
    assert list(drawn[0].axes[0].lines[1].get_xdata()) == [2] and curve(drawn[0], 0, 1) == [0.2]
    # Once the score is no longer chance it decides, also against the perplexity.
    history([*low, {"epoch": 5, "val_bleu": 1.5, "val_perplexity": 95.0, "watch": "val_bleu"}], tmp_path / "more.png")
    assert "best: 1.50 in epoch 5" in texts(drawn[1])


def test_a_loss_that_counts_links_too_says_so(tmp_path: Path, drawn: list[Figure]) -> None:
    history([{**record, "alignment_loss": 0.5} for record in RECORDS], tmp_path / "a.png")
    assert {"training, with the alignment loss", "development"} <= set(texts(drawn[0]))


def test_a_run_of_one_epoch(tmp_path: Path, drawn: list[Figure]) -> None:
    history(RECORDS[:1], tmp_path / "a.png")
    assert curve(drawn[0], 1) == [10]
    assert list(drawn[0].axes[-1].get_xticks()) == [1]


def test_what_a_run_lacks_is_left_out(tmp_path: Path, drawn: list[Figure]) -> None:
    history([{"loss": 3.0}, {"loss": None}, {"loss": 2.0, "learning_rate": 0.0}], tmp_path / "a.png")
    assert panels(drawn[0]) == ["loss", "learning rate"]
    assert len(drawn[0].axes[0].lines) == 1
    assert list(drawn[0].axes[0].lines[0].get_xdata()) == [1, 2, 3]


@pytest.mark.parametrize("records", [[], [{}], [{"epoch": 1, "loss": None}]])
def test_a_run_of_nothing_is_refused(tmp_path: Path, records: list[dict]) -> None:
    with pytest.raises(InputError, match=r"nothing to draw in .*: no epoch of the run is recorded"):
        history(records, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_the_curve_of_lengths_has_points_bars_and_the_signature(tmp_path: Path, drawn: list[Figure]) -> None:
    # The second bin's score lies outside its interval, as that of a small bin can.
    length_curve({"alone": BINS}, tmp_path / "a.png")
    axes = drawn[0].axes[0]
    assert list(axes.lines[0].get_xdata()) == [3.5, 9]
    assert list(axes.lines[0].get_ydata()) == [40, 20]
    bars, spans = ([segment.tolist() for segment in lines.get_segments()] for lines in axes.collections)
    assert bars == [[[3.5, 35], [3.5, 44]], [[9, 20.5], [9, 25]]]
    assert spans == [[[1, 40], [5, 40]], [[6, 20], [20, 20]]]
    assert SIGNATURE in texts(drawn[0])
    assert axes.get_legend() is None


def test_models_are_told_apart_by_name_colour_and_mark(tmp_path: Path, drawn: list[Figure]) -> None:
    names = ["한국어", "_hidden", "$x$", *"abcdefgh"]
    length_curve(dict.fromkeys(names, BINS), tmp_path / "a.png")
    axes = drawn[0].axes[0]
    assert [text.get_text().strip() for text in axes.get_legend().get_texts()] == names
    assert len({(line.get_marker(), line.get_color()) for line in axes.lines[:7]}) == 7
    assert len({line.get_xdata()[0] for line in axes.lines}) == len(names)


@pytest.mark.parametrize("series", [{}, {"a": []}])
def test_no_bins_are_refused(tmp_path: Path, series: dict) -> None:
    with pytest.raises(ValueError, match="no bin"):
        length_curve(series, tmp_path / "a.png")
