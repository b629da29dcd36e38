"""Word links of sentence pairs, as word aligners write them: a file beside a corpus, one line per pair.

A link ``i-j`` says that source word ``i`` and target word ``j`` translate each other, both counted from 0; ``i?j`` is a
possible link and counts the same here. A word is what stands between plain spaces. A blank line is a pair without
links. The file is checked once, line by line, when it is opened; after that it is streamed like the corpus itself.

TensorFlow is imported only when a Dataset is wanted, so a fault in a file is reported at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nmt.config import Config
from nmt.data.corpora import Corpus, line_dataset, lines_from, read_lines
from nmt.data.line_index import LineIndex, is_gzip
from nmt.errors import InputError
from nmt.evaluation.alignment_error import check_links, parse

if TYPE_CHECKING:
    import tensorflow as tf


def with_links(corpus: Corpus, path: Path) -> Corpus:
    """Open the word links of a corpus: line N links the words of pair N.

    Raises:
        InputError: if the file cannot be read, has more or fewer lines than the corpus has pairs, or holds something
            other than links, or a link past a sentence's end.

    >>> linked = with_links(from_files(Path("train.ko"), Path("train.en")), Path("train.links"))  # doctest: +SKIP
    >>> next(linked.links())                                                                      # doctest: +SKIP
    '0-0 1-2 2-1'
    """
    path = Path(path)
    places = LineIndex(path)
    lines = read_lines(path, places=places)
    for number, (pair, line) in enumerate(itertools.zip_longest(corpus.pairs(), lines), 1):
        if pair is None or line is None:
            size = number + sum(1 for _ in lines) if pair is None else number - 1
            raise InputError(
                f"{path} has {size} lines and {corpus.name} has {corpus.size} pairs. Line N must hold the links of "
                "pair N, or be a blank line if there are none."
            )
        where = f"{path}, line {number}"
        check_links(parse(line, where), pair[0], pair[1], where)
    return _Linked(corpus.name, size=corpus.size, corpus=corpus, path=path, places=places)


def check_guided(config: Config, linked: bool) -> None:
    """Make sure that word links are given if and only if a training learns from them.

    Raises:
        InputError: if they are not.
    """
    weight = config.training.guided_alignment
    if linked and not weight:
        raise InputError(
            "Word links are used by training.guided_alignment, which is 0. Set it, as in "
            "training.guided_alignment=0.1, or leave the links out."
        )
    if weight and not linked:
        raise InputError(
            f"training.guided_alignment = {weight:g} learns from word links, but there are none. Name their file with "
            "--links, in Python by with_links, or set training.guided_alignment=0."
        )


@dataclass(frozen=True)
class _Linked(Corpus):
    """A corpus with the word links of its pairs."""

    name: str
    size: int
    corpus: Corpus
    path: Path
    places: LineIndex = field(repr=False)

    @property
    def seekable(self) -> bool:
        return self.corpus.seekable

    def compressed_rows(self) -> list[tuple[int, int]]:
        return [(0, self.size)] if is_gzip(self.path) else self.corpus.compressed_rows()

    def made_rows(self) -> list[tuple[int, int]]:
        return self.corpus.made_rows()

    def spans(self) -> list[tuple[int, int, float]]:
        return self.corpus.spans()

    def rows(self, first: int, count: int) -> list[tuple[str, ...]]:
        rows = self.corpus.rows(first, count)
        return [(*row, line) for row, line in zip(rows, lines_from(self.places, first), strict=False)]

    def dataset(self) -> tf.data.Dataset:
        return self.corpus.dataset()

    def pairs(self) -> Iterator[tuple[str, str]]:
        return self.corpus.pairs()

    def link_dataset(self) -> tf.data.Dataset:
        return line_dataset(self.path, self.places)

    def links(self) -> Iterator[str]:
        return read_lines(self.path)
