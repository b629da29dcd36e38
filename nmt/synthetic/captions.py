"""Small pictures and what is in them: one to many, from the cells of a picture to a sentence.

A picture is a grid of 4 by 4 cells of 6 by 6 pixels. In one or two of its four corners there are one to three things
of the same colour and shape, each in a cell of its own. The caption says what is where, corner by corner, in English
and in Korean, so there is one right answer.

Some things are never seen in training, such as a red triangle, although there are red things and triangles: the split
``unseen`` has one in every picture. No caption of a split is in another one.

>>> scene = scenes("dev")[0]
>>> describe_scene(scene, "en").text
'two green circles at the top left and three red squares at the bottom right'
>>> describe_scene(scene, "ko").text
'왼쪽 위에 초록 원이 두 개 있고 오른쪽 아래에 빨간 사각형이 세 개 있다'
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from nmt.synthetic.korean import attach
from nmt.synthetic.tasks import make_corpus

SIDE = 4  # cells of a side of a picture
CELL = 6  # pixels of a side of a cell
SIZES = {"train": 5000, "dev": 300, "test": 500, "unseen": 500}
LANGUAGES = ("en", "ko")
SEED = 22

COLOURS = {
    "red": (1.0, 0.2, 0.2),
    "green": (0.2, 0.8, 0.3),
    "blue": (0.25, 0.4, 1.0),
    "yellow": (1.0, 0.9, 0.2),
    "white": (1.0, 1.0, 1.0),
}
_FORMS = {
    "circle": (".###.", "#####", "#####", "#####", ".###."),
    "square": ("#####", "#####", "#####", "#####", "#####"),
    "triangle": ("..#..", "..#..", ".###.", ".###.", "#####"),
    "diamond": ("..#..", ".###.", "#####", ".###.", "..#.."),
}
SHAPES = {name: np.array([[mark == "#" for mark in row] for row in rows]) for name, rows in _FORMS.items()}
# Colours and shapes that meet in the split `unseen` alone.
UNSEEN = frozenset({("red", "triangle"), ("green", "diamond"), ("blue", "circle"), ("yellow", "square")})

_KOREAN = {"red": "빨간", "green": "초록", "blue": "파란", "yellow": "노란", "white": "하얀",
           "circle": "원", "square": "사각형", "triangle": "삼각형", "diamond": "마름모"}  # fmt: skip
_COUNTS = {"en": ("a", "two", "three"), "ko": ("한", "두", "세")}
_PLACES = {
    "en": ("at the top left", "at the top right", "at the bottom left", "at the bottom right"),
    "ko": ("왼쪽 위에", "오른쪽 위에", "왼쪽 아래에", "오른쪽 아래에"),
}


class Group(NamedTuple):
    """Things of one kind in one corner of a picture.

    Attributes:
        colour, shape: of each of them.
        corner: 0 to 3, in the order of reading.
        cells: where they are, numbered from 0 in the order of reading.
    """

    colour: str
    shape: str
    corner: int
    cells: tuple[int, ...]


Scene = tuple[Group, ...]


@dataclass(frozen=True)
class LinkedCaption:
    """What is in a picture, in words.

    Attributes:
        text: the sentence.
        links: ``(cell, word)`` for every word that names a colour or a shape, from 0.
    """

    text: str
    links: tuple[tuple[int, int], ...]

    def line(self) -> str:
        """Return the links as word links are written.

        >>> LinkedCaption("a circle", ((7, 1),)).line()
        '7-1'
        """
        return " ".join(f"{cell}-{word}" for cell, word in self.links)


def describe_scene(scene: Scene, language: str) -> LinkedCaption:
    """Return the caption of a scene in ``en`` or ``ko``."""
    words: list[str] = []
    links: list[tuple[int, int]] = []
    for place, group in enumerate(scene):
        last = place == len(scene) - 1
        count, corner = _COUNTS[language][len(group.cells) - 1], _PLACES[language][group.corner]
        if language == "en":
            named = [group.colour, group.shape + "s" * (len(group.cells) > 1)]
            before, after = [count], [corner, *([] if last else ["and"])]
        else:
            named = [_KOREAN[group.colour], attach(_KOREAN[group.shape], "가")]
            before, after = [corner], [count, "개", "있다" if last else "있고"]
        words += [word for part in before for word in part.split()]
        links += [(cell, len(words) + number) for number in range(len(named)) for cell in group.cells]
        words += named + [word for part in after for word in part.split()]
    return LinkedCaption(" ".join(words), tuple(links))


def draw(scene: Scene, random: np.random.Generator) -> np.ndarray:
    """Return the picture of a scene, ``(24, 24, 3)`` from 0 to 1: colours vary in brightness, things by a pixel.

    >>> draw(scenes("dev")[0], np.random.default_rng(1)).shape
    (24, 24, 3)
    """
    picture = np.full((SIDE * CELL, SIDE * CELL, 3), 0.1)
    for group in scene:
        for cell in group.cells:
            top, left = (CELL * part + int(random.integers(2)) for part in divmod(cell, SIDE))
            shape = SHAPES[group.shape]
            part = picture[top : top + len(shape), left : left + len(shape)]
            part[shape] = np.array(COLOURS[group.colour]) * random.uniform(0.8, 1.0)
    return np.clip(picture + random.normal(0, 0.02, picture.shape), 0, 1)


def cells(picture: np.ndarray) -> np.ndarray:
    """Return the pixels of each cell of a picture, ``(16, 108)``.

    >>> bool((cells(np.arange(1728).reshape(24, 24, 3))[1, :3] == [18, 19, 20]).all())  # the cell beside the first
    True
    """
    divided = picture.reshape(SIDE, CELL, SIDE, CELL, 3).swapaxes(1, 2)
    return divided.reshape(SIDE * SIDE, -1)


def scenes(split: str) -> list[Scene]:
    """Return the scenes of a split: train, dev, test or unseen. They are the same on every run."""
    return list(_splits()[split])


def features(split: str) -> np.ndarray:
    """Return the pictures of a split as features ``(n, 16, 108)``."""
    random = np.random.default_rng([SEED, list(SIZES).index(split)])
    return np.stack([cells(draw(scene, random)) for scene in _splits()[split]]).astype(np.float16)


def captions(split: str, language: str) -> list[LinkedCaption]:
    """Return the captions of a split."""
    return [describe_scene(scene, language) for scene in _splits()[split]]


def write(folder: Path) -> None:
    """Write each split as .npy, .en and .ko, and the cells that words name as .en.links and .ko.links.

    Raises:
        InputError: if the folder is not new or empty, or cannot be used.
    """

    def fill(aside: Path) -> None:
        for split in SIZES:
            np.save(aside / f"{split}.npy", features(split), allow_pickle=False)
            for language in LANGUAGES:
                found = captions(split, language)
                lines = {language: [each.text for each in found], f"{language}.links": [each.line() for each in found]}
                for ending, rows in lines.items():
                    text = "".join(f"{row}\n" for row in rows)
                    (aside / f"{split}.{ending}").write_text(text, encoding="utf-8", newline="\n")

    make_corpus(folder, fill)


def _scene(random: Random, unseen: bool) -> Scene:
    """Make up a scene: with a thing of ``UNSEEN`` at one corner at least, or with none."""
    kinds = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    while True:
        corners = sorted(random.sample(range(4), random.choice((1, 2, 2, 2))))
        chosen = random.sample(kinds, len(corners))
        if unseen != UNSEEN.isdisjoint(chosen):
            return tuple(_group(random, *kind, corner) for kind, corner in zip(chosen, corners, strict=True))


def _group(random: Random, colour: str, shape: str, corner: int) -> Group:
    half = SIDE // 2
    top, left = half * (corner // 2), half * (corner % 2)
    places = sorted(random.sample(range(half * half), random.randint(1, 3)))
    return Group(colour, shape, corner, tuple(SIDE * (top + at // half) + left + at % half for at in places))


@cache
def _splits() -> dict[str, tuple[Scene, ...]]:
    random = Random(SEED)
    found: dict[str, dict[str, Scene]] = {split: {} for split in SIZES}
    taken: set[str] = set()
    for split in ("unseen", "test", "dev", "train"):
        while len(found[split]) < SIZES[split]:
            scene = _scene(random, split == "unseen")
            text = describe_scene(scene, "en").text
            if text not in taken:
                found[split].setdefault(text, scene)
        taken.update(found[split])
    return {split: tuple(of_split.values()) for split, of_split in found.items()}
