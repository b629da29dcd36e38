"""What a caption attends to, drawn over its picture."""

from pathlib import Path

import numpy as np
import pytest

from nmt.errors import InputError
from nmt.plotting.attention_map import attention_map, grid_of, pixels_of


def test_a_panel_for_the_picture_and_one_for_each_word(tmp_path: Path) -> None:
    weights = np.array([[0.7, 0.1, 0.1, 0.1], [0.0, 0.0, 0.0, 1.0]])
    drawn = attention_map(
        ["빨간", "원이"],
        weights=weights,
        grid=(2, 2),
        pixels=np.zeros([4, 4, 3]),
        path=tmp_path / "a.png",
        title="빨간 원이",
    )
    panels = drawn.figure.axes
    assert [panel.get_title() for panel in panels] == ["", "빨간", "원이"]
    # Over the picture lies black, the less of it the larger the weight: 0.85 (1 - 0.1 / 0.7) at the second cell.
    shade = panels[1].images[1].get_array()
    np.testing.assert_allclose(shade[..., 3], [[0, 0.7286], [0.7286, 0.7286]], atol=1e-4)
    assert (tmp_path / "a.png").stat().st_size > 1000
    alone = attention_map(["a"] * 41, np.full([41, 4], 0.25), (1, 4))
    assert sum(bool(panel.images) for panel in alone.figure.axes) == 40
    assert "the first 40 of 41 words" in alone.figure.texts[0].get_text()
    with pytest.raises(ValueError, match="do not fill"):
        attention_map(["a"], weights[:1], (2, 3))


def test_numbers_are_pixels_only_if_they_can_be() -> None:
    whole = np.full([4, 27], 255, np.uint8)
    assert pixels_of(whole, (2, 2)).max() == 1 and pixels_of(whole, (2, 2)).shape == (6, 6, 3)
    assert pixels_of(np.zeros([4, 16]), (2, 2)).shape == (8, 8)
    assert pixels_of(np.full([4, 27], -1.0), (2, 2)) is None


@pytest.mark.parametrize("given", ["3x3", "6", "axb", "0x6", "2x3x1"])
def test_a_grid_has_all_cells(given: str) -> None:
    with pytest.raises(InputError, match="grid"):
        grid_of(6, given)
