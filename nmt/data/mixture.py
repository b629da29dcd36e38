"""Several corpora as one: files by name, by pattern or by folder, each with a weight."""

from __future__ import annotations

import bisect
import glob
import itertools
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nmt.data.corpora import REPORT_HEADERS, Corpus, from_files, from_text, from_tsv, joined_checksum
from nmt.errors import InputError
from nmt.resumable_file import LOCK, PART

if TYPE_CHECKING:
    import tensorflow as tf

logger = logging.getLogger(__name__)

_WEIGHTS = 1000.0
# A shard as Beam, TFDS and others name them: 00002-of-00010. Some count from 1, some write no zeros before.
_SHARD = re.compile(r"-(\d+)-of-(\d{1,6})(?=\D|$)")
# What `nmt clean` writes beside pairs. Others may name pairs so, too: the first line tells.
_REPORTS = ("removed.tsv", "changed.tsv")
# As many files that are left out are named.
_NAMED = 5


def find_files(name: str | Path) -> list[Path]:
    """Return the files that a name stands for, sorted: a file, those of a folder, or those that a pattern matches.

    Of a folder or a pattern are left out: hidden files, folders, the reports of ``nmt clean``, ``removed.tsv`` and
    ``changed.tsv``, those of ``nmt augment`` and all other ``*.json``, and what stands beside a file that is being
    written, ``*.part`` and ``*.lock``.

    Raises:
        InputError: if a folder or a pattern has none, or lacks some of a number of shards. A single file is opened
            later, and refused then.

    >>> find_files("corpus/part-*.tsv.gz")                      # doctest: +SKIP
    [PosixPath('corpus/part-1.tsv.gz'), PosixPath('corpus/part-2.tsv.gz')]
    """
    return _search(name)[0]


def _files_to_open(name: str | Path) -> list[Path]:
    """Return the files that :func:`find_files` returns, and log which are left out."""
    found, left_out = _search(name)
    if left_out:
        more = f" and {len(left_out) - _NAMED:,} more" if len(left_out) > _NAMED else ""
        logger.info(
            f"Left out of {name}, as reports, JSON and unfinished files hold no pairs: "
            f"{', '.join(map(str, left_out[:_NAMED]))}{more}."
        )
    return found


def _search(name: str | Path) -> tuple[list[Path], list[Path]]:
    """Return the files that a name stands for, and those that are left out, without the hidden ones."""
    path = Path(name)
    if path.is_dir():
        matching = sorted(path.iterdir())
    elif glob.has_magic(str(name)) and not path.exists():
        matching = [Path(each) for each in sorted(glob.glob(str(name), recursive=True))]
    else:
        return [path], []
    files = [file for file in matching if file.is_file() and not file.name.startswith(".")]
    found: list[Path] = []
    left_out: list[Path] = []
    for file in files:
        (found if _may_hold_pairs(file) else left_out).append(file)
    if not found:
        but = f" but files without pairs, such as {left_out[0]}" if left_out else ""
        if path.is_dir():
            raise InputError(f"{path} is a folder without files{but}. Name a folder that holds them, or the files.")
        raise InputError(f"No file matches {name}{but}. Check the pattern and the folder.")
    return _all_shards(found, name), left_out


def _all_shards(files: list[Path], name: str | Path) -> list[Path]:
    """Return the files, if no shard is missing of those whose names say how many there are."""
    if missing := missing_shards(map(str, files)):
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise InputError(
            f"{name} lacks the shard {missing[0]}{more}, which the others count. Bring what is missing, or name the "
            "files one by one."
        )
    return files


def missing_shards(paths: Iterable[str]) -> list[str]:
    """Return which shards are not there, of those whose names say how many there are.

    The names of their folders say nothing.

    >>> missing_shards(["a-00000-of-00003.ko", "a-00002-of-00003.ko", "b.ko"])
    ['a-00001-of-00003.ko']
    >>> missing_shards(["c-2-of-3.ko", "c-3-of-3.ko"])
    ['c-1-of-3.ko']

    Where both ends are missing, it may be either:

    >>> missing_shards(["c-1-of-3.ko", "c-2-of-3.ko"])
    ['c-0-of-3.ko or c-3-of-3.ko']
    """
    sets: dict[tuple[str, str, str], list[str]] = {}
    for path in paths:
        name_begins = len(path) - len(os.path.basename(path))
        shard = _SHARD.search(path, name_begins)
        if shard and int(shard[1]) <= int(shard[2]):
            key = (path[: shard.start()], shard[2], path[shard.end() :])
            sets.setdefault(key, []).append(shard[1])
    found = []
    for (begin, total, end), named in sorted(sets.items()):
        last, width = int(total), min(map(len, named))
        lacking = sorted(set(range(last + 1)) - set(map(int, named)))
        names = {number: f"{begin}-{number:0{width}}-of-{total}{end}" for number in lacking}
        if {0, last} <= names.keys():
            found += [names[number] for number in lacking[1:-1]] + [f"{names[0]} or {names[last]}"]
        else:
            found += [names[number] for number in lacking if 0 < number < last]
    return found


def _may_hold_pairs(file: Path) -> bool:
    """Return whether a file may hold pairs, and does not stand beside some, or is not finished."""
    return not (file.name.endswith((".json", PART, LOCK)) or (file.name in _REPORTS and _is_report(file)))


def _is_report(file: Path) -> bool:
    """Return whether the first line of a file is that of a report of ``nmt clean``."""
    headers = [header.encode() for header in REPORT_HEADERS]
    try:
        with file.open("rb") as opened:
            return opened.readline(1 + max(map(len, headers))).rstrip(b"\r\n") in headers
    except OSError:  # said when it is opened
        return False


def open_tsvs(names: Sequence[str | Path], quoted: bool = False, weights: Sequence[float] = ()) -> Corpus:
    """Open TSV files as one corpus.

    Arguments:
        names: see :func:`find_files`.
        quoted: see :func:`~nmt.data.corpora.from_tsv`.
        weights: see :func:`mixture`, one for each name.
    """
    check_weights(weights, len(names))
    return mixture(
        [_joined([from_tsv(file, quoted) for file in _files_to_open(name)], name) for name in names], weights
    )


def open_texts(names: Sequence[str | Path], weights: Sequence[float] = ()) -> Corpus:
    """Open plain text files as one corpus; see :func:`open_tsvs`."""
    check_weights(weights, len(names))
    return mixture([_joined([from_text(file) for file in _files_to_open(name)], name) for name in names], weights)


def open_parallel(
    sources: Sequence[str | Path], targets: Sequence[str | Path], weights: Sequence[float] = ()
) -> Corpus:
    """Open parallel files as one corpus: the first source with the first target, and so on; see :func:`open_tsvs`.

    Raises:
        InputError: if there are more of one side, or a pattern or folder has more files than that of the other side.
    """
    if len(sources) != len(targets):
        raise InputError(
            f"--source names {len(sources)} and --target {len(targets)}: each source needs its target, in the same "
            "order."
        )
    check_weights(weights, len(sources))
    found = []
    for source, target in zip(sources, targets, strict=True):
        left, right = _files_to_open(source), _files_to_open(target)
        if len(left) != len(right):
            raise InputError(
                f"{source} has {len(left)} files and {target} has {len(right)}: a file is missing on one side. The "
                "files are paired in the order of their names."
            )
        found.append(_joined([from_files(*files) for files in zip(left, right, strict=True)], source))
    return mixture(found, weights)


def _joined(parts: list[Corpus], name: str | Path) -> Corpus:
    return parts[0] if len(parts) == 1 else _Mixture(f"{name} ({len(parts)} files)", tuple(parts))


def check_weights(weights: Sequence[float], corpora: int) -> None:
    """Check that there is a weight for each corpus.

    Raises:
        InputError: if not, or one is not possible.
    """
    if weights and len(weights) != corpora:
        raise InputError(
            f"There {'is 1 weight' if len(weights) == 1 else f'are {len(weights)} weights'} and "
            f"{'1 corpus' if corpora == 1 else f'{corpora} corpora'}: give one weight for each, in their order."
        )
    if wrong := [weight for weight in weights if not 0 < weight <= _WEIGHTS]:
        raise InputError(
            f"A weight of {wrong[0]:g} is not possible: it says how often an epoch reads each pair, so it must be "
            f"above 0 and at most {_WEIGHTS:g}. Leave out a corpus that should not be read."
        )


def mixture(parts: Sequence[Corpus], weights: Sequence[float] = ()) -> Corpus:
    """Return several corpora as one, in their order.

    Arguments:
        parts: the corpora.
        weights: how often an epoch reads each pair of a corpus, one for each: with 2 twice, with 0.5 every other epoch
            on average, drawn anew for each epoch by ``training.seed``. By default 1 for all.

    Raises:
        InputError: if the weights do not match the corpora.

    >>> from nmt.data.corpora import from_pairs
    >>> both = mixture([from_pairs([("a", "b")] * 3), from_pairs([("c", "d")] * 4)], [1, 0.5])
    >>> both.size, both.epoch_size, both.rows(2, 2)
    (7, 5, [('a', 'b'), ('c', 'd')])
    """
    check_weights(weights, len(parts))
    if weights and not all(part.seekable for part in parts):
        raise InputError("Weights need corpora in files.")
    if len(parts) == 1 and not any(weight != 1 for weight in weights):
        return parts[0]
    return _Mixture(" + ".join(part.name for part in parts), tuple(parts), tuple(weights) or (1.0,) * len(parts))


@dataclass(frozen=True)
class _Mixture(Corpus):
    name: str
    parts: tuple[Corpus, ...]  # type: ignore[assignment]
    weights: tuple[float, ...] = ()

    @cached_property
    def size(self) -> int:  # type: ignore[override]
        return sum(part.size for part in self.parts)

    @cached_property
    def checksum(self) -> int:
        return joined_checksum([part.checksum for part in self.parts], self.spans())

    @property
    def seekable(self) -> bool:
        return all(part.seekable for part in self.parts)

    def compressed_rows(self) -> list[tuple[int, int]]:
        return self._rows_of([part.compressed_rows() for part in self.parts])

    def made_rows(self) -> list[tuple[int, int]]:
        return self._rows_of([part.made_rows() for part in self.parts])

    def _rows_of(self, ranges: list[list[tuple[int, int]]]) -> list[tuple[int, int]]:
        """Return ranges of rows of each part as ranges of the whole."""
        found: list[tuple[int, int]] = []
        for before, own in zip(self._firsts, ranges, strict=True):
            for first, count in own:
                if found and sum(found[-1]) == before + first:
                    found[-1] = (found[-1][0], found[-1][1] + count)
                else:
                    found.append((before + first, count))
        return found

    @cached_property
    def _firsts(self) -> list[int]:
        return [0, *itertools.accumulate(part.size for part in self.parts)][:-1]

    def spans(self) -> list[tuple[int, int, float]]:
        found: list[tuple[int, int, float]] = []
        weights = self.weights or (1.0,) * len(self.parts)
        for before, part, own in zip(self._firsts, self.parts, weights, strict=True):
            for first, count, weight in part.spans():
                if found and found[-1][2] == own * weight:
                    found[-1] = (found[-1][0], found[-1][1] + count, own * weight)
                else:
                    found.append((before + first, count, own * weight))
        return found

    def rows(self, first: int, count: int) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = []
        place = bisect.bisect_right(self._firsts, first) - 1
        while len(found) < count and place < len(self.parts):
            part, begin = self.parts[place], first + len(found) - self._firsts[place]
            if 0 <= begin < part.size:
                found += part.rows(begin, min(count - len(found), part.size - begin))
            place += 1
        return found

    def pairs(self) -> Iterator[tuple[str, str]]:
        return itertools.chain.from_iterable(part.pairs() for part in self.parts)

    def dataset(self) -> tf.data.Dataset:
        first, *others = [part.dataset() for part in self.parts]
        for other in others:
            first = first.concatenate(other)
        return first
