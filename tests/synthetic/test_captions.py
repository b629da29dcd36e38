"""Pictures show what their captions say, and no split repeats another."""

import numpy as np
import pytest

from nmt.plotting.attention_map import pixels_of
from nmt.synthetic import captions
from nmt.synthetic.captions import LANGUAGES, SIZES, UNSEEN, describe_scene, draw, scenes


def test_no_caption_is_in_two_splits_and_some_things_are_in_one_alone() -> None:
    texts = {split: {describe_scene(scene, "en").text for scene in scenes(split)} for split in SIZES}
    assert {split: len(each) for split, each in texts.items()} == SIZES
    assert len(set.union(*texts.values())) == sum(SIZES.values())
    for split in SIZES:
        held = [bool(UNSEEN & {(group.colour, group.shape) for group in scene}) for scene in scenes(split)]
        assert all(held) if split == "unseen" else not any(held)
    # Each colour and each shape of the things that are held out is seen with others.
    known = {part for scene in scenes("train") for group in scene for part in (group.colour, group.shape)}
    assert {part for kind in UNSEEN for part in kind} <= known


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_linked_to_the_cells_of_what_they_name(language: str) -> None:
    for scene in scenes("test")[:50]:
        caption = describe_scene(scene, language)
        words = caption.text.split()
        for group in scene:
            colour = group.colour if language == "en" else captions._KOREAN[group.colour]
            linked = {words[word] for cell, word in caption.links if cell in group.cells}
            assert len(linked) == 2 and colour in linked
        assert {cell for cell, _ in caption.links} == {cell for group in scene for cell in group.cells}


def test_a_picture_has_its_things_where_the_scene_says_and_nothing_elsewhere() -> None:
    for scene in scenes("dev")[:20]:
        picture = draw(scene, np.random.default_rng(7))
        cells = captions.cells(picture)
        bright = {cell for cell in range(len(cells)) if cells[cell].max() > 0.5}
        assert bright == {cell for group in scene for cell in group.cells}
        pixels = pixels_of(cells, (captions.SIDE, captions.SIDE))
        assert pixels is not None
        np.testing.assert_allclose(pixels, picture, atol=1e-6)
