"""Generated corpora for tasks other than translation: the same model learns them from pairs of texts.

``numbers`` reads digits aloud in Korean, ``transliteration`` writes Hangul in Latin letters, ``headlines`` shortens a
news item to its headline. Every corpus is written by a grammar, so every target is right and costs nothing.

>>> source, target = pairs("numbers", "test")[0]
>>> numbers.read(source) == target
True

Splits share no source. The targets of dev and test are not in training either: 1,204 would test nothing if 1204 was
learned.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from nmt import model_folder as folders
from nmt.atomic_write import is_free
from nmt.errors import InputError, nearest
from nmt.synthetic import headlines, numbers, transliteration

SPLITS = ("train", "dev", "test")
SEED = 20
TESTED = 500
SEEN_OFTEN_ENOUGH = 20


@dataclass(frozen=True)
class Task:
    """How a pair of a task is written, and the number of pairs that train a model."""

    pair: Callable[[Random], tuple[str, str]]
    train_size: int


TASKS = {
    "numbers": Task(numbers.pair, 20_000),
    "transliteration": Task(transliteration.pair, 10_000),
    "headlines": Task(headlines.pair, 10_000),
}


def pairs(task: str, split: str) -> list[tuple[str, str]]:
    """Return the pairs (source, target) of a task's split: train, dev or test. They are the same on every run.

    >>> len(pairs("transliteration", "dev"))
    500
    >>> pairs("numbres", "dev")
    Traceback (most recent call last):
        ...
    nmt.errors.InputError: There is no task 'numbres'. Did you mean 'numbers'?
    """
    _require_task(task)
    if split not in SPLITS:
        raise InputError(f"There is no split {split!r} of {task}.{nearest(split, list(SPLITS))}")
    return list(_splits(task)[split])


def write(task: str, folder: Path) -> None:
    """Write train.tsv, dev.tsv and test.tsv (source, tab, target) into a new or empty folder, all of them or none.

    Raises:
        InputError: if there is no such task, or the folder cannot be used.
    """
    _require_task(task)
    make_corpus(folder, lambda aside: _fill(aside, task))


def make_corpus(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let ``fill`` write files into a new or empty folder, all of them or none.

    Raises:
        InputError: if the folder cannot be used.
    """
    folder = Path(folder)
    try:
        free = is_free(folder)
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be used: {error.strerror}.") from None
    if not free:
        raise InputError(f"{folder} is not an empty folder. Name a new one.")
    folders.make(folder, fill)


def _fill(folder: Path, task: str) -> None:
    for split in SPLITS:
        lines = "".join(f"{source}\t{target}\n" for source, target in pairs(task, split))
        (folder / f"{split}.tsv").write_text(lines, encoding="utf-8", newline="\n")


def _require_task(task: str) -> None:
    if task not in TASKS:
        raise InputError(f"There is no task {task!r}.{nearest(task, list(TASKS))}")


@cache
def _splits(task: str) -> dict[str, list[tuple[str, str]]]:
    """Write as many different sources as are wanted, and take dev and test out of them.

    Each test target occurs nowhere else, and has no letter that is too rare in training.
    """
    random = Random(SEED)
    wanted = TASKS[task].train_size + 2 * TESTED
    found: dict[str, str] = {}
    while len(found) < wanted:
        source, target = TASKS[task].pair(random)
        found.setdefault(source, target)
    targets = Counter(found.values())
    letters = Counter(letter for pair in found.items() for letter in set("".join(pair)))
    fit = [
        source
        for source, target in found.items()
        if targets[target] == 1 and all(letters[letter] >= SEEN_OFTEN_ENOUGH for letter in source + target)
    ]
    held_out = random.sample(fit, 2 * TESTED)
    train = sorted(set(found) - set(held_out))
    random.shuffle(train)
    chosen = (train, held_out[:TESTED], held_out[TESTED:])
    return {split: [(source, found[source]) for source in part] for split, part in zip(SPLITS, chosen, strict=True)}
