"""A corpus for a tagger that puts spaces back: lines without them, and a tag for each character."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nmt.data.spacing import spacing_tags, without_spaces
from nmt.errors import InputError
from nmt.synthetic import demo
from nmt.synthetic.tasks import SPLITS, make_corpus

# One in this many lines of a text goes to the development set, and one to the test set.
_EVERY = 20


def korean() -> dict[str, list[str]]:
    """Return the distinct Korean lines of each split of the built-in corpus."""
    return {split: list(dict.fromkeys(pair.source for pair in demo.pairs(split))) for split in SPLITS}


def divided(lines: Iterable[str]) -> dict[str, list[str]]:
    """Divide the distinct lines of a text into splits, each twentieth for development, and each twentieth for the test.

    Raises:
        InputError: if there are not enough lines.

    >>> {split: len(part) for split, part in divided(map(str, range(40))).items()}
    {'train': 36, 'dev': 2, 'test': 2}
    """
    distinct = list(dict.fromkeys(line for line in lines if without_spaces(line)))
    if len(distinct) < _EVERY:
        raise InputError(
            f"The text has {len(distinct)} different lines, and at least {_EVERY} are needed for its splits."
        )
    places = {9: "dev", 19: "test"}
    found: dict[str, list[str]] = {split: [] for split in SPLITS}
    for number, line in enumerate(distinct):
        found[places.get(number % _EVERY, "train")].append(line)
    return found


def write(folder: Path, splits: dict[str, list[str]]) -> None:
    """Write train.tsv, dev.tsv and test.tsv (letters, tab, tags) into a new or empty folder, all of them or none.

    Raises:
        InputError: if the folder cannot be used.
    """

    def fill(aside: Path) -> None:
        for split, lines in splits.items():
            rows = "".join(f"{without_spaces(line)}\t{spacing_tags(line)}\n" for line in lines)
            (aside / f"{split}.tsv").write_bytes(rows.encode("utf-8", "surrogateescape"))

    make_corpus(folder, fill)
