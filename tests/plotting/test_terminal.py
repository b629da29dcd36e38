"""The table of an alignment can be read in any terminal, Hangul and all."""

import io
import re

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from nmt.evaluation.alignment import WordAlignment
from nmt.plotting.terminal import table

SOURCE = ("나는", "오늘", "밥을", "먹었다")
TARGET = ("I", "ate", "rice", "today")
WEIGHTS = np.array([[0.93, 0.02, 0.03, 0.02], [0.1, 0.1, 0.1, 0.7], [0.0, 0.2, 0.5, 0.3], [0.0, 1.0, 0.0, 0.0]])


def drawn(alignment: WordAlignment, width: int = 100, color: bool = False) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=color, color_system="standard" if color else None)
    console.print(table(alignment))
    return [line for line in file.getvalue().splitlines() if line.strip()]


def ends(line: str, words: str) -> list[int]:
    """The columns of the terminal after each match of ``words``."""
    return [cell_len(line[: match.end()]) for match in re.finditer(words, line)]


def test_there_is_a_line_for_each_target_word_under_the_source_words() -> None:
    lines = drawn(WordAlignment(SOURCE, TARGET, WEIGHTS))
    assert lines[0].split() == list(SOURCE)
    assert [line.split()[0] for line in lines[1:]] == list(TARGET)


def test_columns_are_aligned_though_hangul_is_two_wide() -> None:
    header, *lines = drawn(WordAlignment(SOURCE, TARGET, WEIGHTS))
    heads = ends(header, r"\S+")
    assert len(set(heads)) == 4
    numbers = [ends(line, r"\d+") for line in lines]
    # All numbers of a column end in one place, the strongest with its mark like the others.
    assert numbers == [numbers[0]] * 4
    # That is the end of the word above, but for the mark.
    for head, number in zip(heads, numbers[0], strict=True):
        assert 0 <= head - number <= 1


def test_the_strongest_of_each_row_is_marked_without_colour() -> None:
    _, *lines = drawn(WordAlignment(SOURCE, TARGET, WEIGHTS))
    assert [line.count("*") for line in lines] == [1, 1, 1, 1]
    for line, percent in zip(lines, (93, 70, 50, 100), strict=True):
        assert re.search(rf"\* *{percent}\b|\b{percent}\*", line)
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    ("weight", "shade"), [(0.0, "  "), (0.19, "  "), (0.2, "░░"), (0.4, "▒▒"), (0.6, "▓▓"), (0.8, "██"), (1.0, "██")]
)
def test_the_shade_grows_with_the_weight(weight: float, shade: str) -> None:
    line = drawn(WordAlignment(("a",), ("b",), np.array([[weight]])))[1]
    assert line.startswith(f"b  {shade} ")
    assert re.findall(r"\d+", line) == [str(round(100 * weight))]
    assert not set(line[5:]) & set("░▒▓█")


def test_colour_only_adds_to_the_text() -> None:
    plain = drawn(WordAlignment(SOURCE, TARGET, WEIGHTS))
    colourful = "\n".join(drawn(WordAlignment(SOURCE, TARGET, WEIGHTS), color=True))
    assert "\x1b[" in colourful
    for word in (*SOURCE, *TARGET):
        assert word in colourful
    assert len(colourful) > len("\n".join(plain))


@pytest.mark.parametrize(("source", "target"), [((), ()), ((), ("b",)), (("a",), ())])
def test_an_alignment_of_nothing_can_be_drawn(source: tuple[str, ...], target: tuple[str, ...]) -> None:
    lines = drawn(WordAlignment(source, target, np.zeros([len(target), len(source)])))
    assert "".join(lines).split() == [*source, *target]


def test_words_that_look_like_markup_are_drawn_as_they_are() -> None:
    lines = drawn(WordAlignment(("[bold]", "[/x]"), ("[red]",), np.array([[0.3, 0.7]])))
    assert lines[0].split() == ["[bold]", "[/x]"]
    assert lines[1].startswith("[red]")
