"""Sentence pairs from files: two parallel ones, or a TSV. And plain text, as pairs whose source is empty.

A corpus is checked once, line by line, when it is opened. After that it can be streamed any number of times, in Python
or in the graph, and memory grows with it by a few bytes in a thousand. Both ways give the same pairs in the same order.
The one reading also finds where the lines begin, so that pairs can be read from any place (:meth:`Corpus.rows`), and a
checksum of the pairs.

Both ways read the same lines: only ``\\n`` ends one, with any ``\\r`` before it (U+2028 and U+0085 do not). A ``\\r``
inside a line is a space, and a byte order mark at the start of the file is dropped. A file whose lines end in ``\\r``
alone is refused. ``tf.data`` reads a file by itself wherever its rules are the same, and through Python where they are
not: where a line holds a ``\\r``, and where the cells of a TSV are quoted.

TensorFlow is imported only when a Dataset is wanted, so a fault in a file is reported at once.
"""

from __future__ import annotations

import bisect
import contextlib
import csv
import gzip
import hashlib
import itertools
import json
import os
import re
import stat
import zlib
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt.data.line_index import EVERY, LineIndex, is_gzip
from nmt.errors import InputError
from nmt.text_encoding import BOM, decode, decode_start
from nmt.tf_import import as_written

if TYPE_CHECKING:
    import tensorflow as tf

# More carriage returns than these in the first line are ends of lines.
_RETURNS = 20
# Bytes of a file that are looked at to tell how its lines end, and copied at once.
_LOOK = 2**20
# What Python's csv says of a cell that is longer than it reads.
_TOO_LONG = "field larger than field limit"

DEV_SHARE = 20
DEV_LIMIT = 1000
# At most one in so many pairs is held out where most may not be.
_DEV_MOST = 4


class Corpus(ABC):
    """Sentence pairs that can be streamed any number of times.

    >>> corpus = from_tsv(Path("deu.tsv"))                      # doctest: +SKIP
    >>> corpus.size, next(corpus.pairs())                       # doctest: +SKIP
    (227080, ('Go.', 'Geh.'))
    """

    name: str
    size: int
    # The corpora that this one joins, see nmt.data.mixture.
    parts: Sequence[Corpus] = ()

    @property
    def whole(self) -> Corpus:
        """The corpus that :func:`split_dev` made this part of, or else the corpus itself."""
        return self

    @property
    def seekable(self) -> bool:
        """Whether :meth:`rows` reads pairs from any place."""
        return False

    def compressed_rows(self) -> list[tuple[int, int]]:
        """Return ``(first, count)`` for rows before which many others must be read, as in a ``.gz`` file."""
        return []

    def made_rows(self) -> list[tuple[int, int]]:
        """Return ``(first, count)`` for rows that ``nmt augment`` made: one side of them was written by a model."""
        return []

    @cached_property
    def checksum(self) -> int:
        """A checksum of all pairs and their links; reads them, if it is not known from the first reading."""
        return checksum(self)

    def rows(self, first: int, count: int) -> list[tuple[str, ...]]:
        """Return up to ``count`` pairs from number ``first`` on, counted from 0, with their links if there are any.

        Raises:
            TypeError: if the corpus is not :attr:`seekable`.
        """
        raise TypeError(f"{self.name} can only be read in order.")

    def further_cells(self) -> Iterator[list[str]]:
        """Yield what the row of each pair has behind its source and its target: nothing, but in a TSV."""
        return itertools.repeat([], self.size)

    def spans(self) -> list[tuple[int, int, float]]:
        """Return ``(first, count, weight)`` for rows of one weight: how often an epoch reads each of these pairs."""
        return [(0, self.size, 1.0)]

    @property
    def weighted(self) -> bool:
        """Whether an epoch reads some pairs more or less often than others."""
        return any(weight != 1 for _, _, weight in self.spans())

    @property
    def epoch_size(self) -> int:
        """The number of pairs that an epoch reads, up to the chance of a weight that is not whole."""
        return round(sum(count * weight for _, count, weight in self.spans()))

    @property
    def pairs_read(self) -> int:
        """About how many different pairs an epoch reads."""
        return round(sum(count * min(weight, 1.0) for _, count, weight in self.spans()))

    @abstractmethod
    def dataset(self) -> tf.data.Dataset:
        """Return the pairs as scalar string tensors, read by tf.data alone wherever its rules are those of Python."""

    @abstractmethod
    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield the same pairs in the same order, in Python."""

    def link_dataset(self) -> tf.data.Dataset | None:
        """Return a line of word links for each pair, or ``None``; see :mod:`nmt.data.word_links`."""
        return None

    def links(self) -> Iterator[str] | None:
        """Yield the same lines in Python, or return nothing where there are none."""
        return None


def from_files(source: Path, target: Path) -> Corpus:
    """Open two parallel files: line N of one translates line N of the other. A blank line is an empty sentence.

    >>> from_files(Path("train.de"), Path("train.en.gz")).name  # doctest: +SKIP
    'train.de + train.en.gz'
    """
    source, target = Path(source), Path(target)
    places = (LineIndex(source), LineIndex(target))
    summed = _Checksum()
    size = sum(summed.add(*pair) for pair in _parallel_pairs(source, target, places))
    return _ParallelFiles(
        f"{source.name} + {target.name}",
        size=size,
        source=source,
        target=target,
        places=places,
        checksum=summed.result(),
    )


def is_tsv(path: str | Path) -> bool:
    """Return whether a file's name says that both sides of its pairs are in it."""
    return str(path).lower().endswith((".tsv", ".tsv.gz"))


def from_tsv(path: Path, quoted: bool = False) -> Corpus:
    """Open a file with the source in its first column and the target in its second. Further columns are ignored.

    Arguments:
        path: the file.
        quoted: whether cells are quoted as spreadsheets and Python's ``csv`` quote them: a cell that holds a quotation
            mark, a tab or a line break stands in quotation marks, and ``""`` in it means one. Tabs and line breaks in a
            cell are read as spaces. Without it, a tab is always a separator and a quotation mark is a character.

    >>> from_tsv(Path("deu.tsv.gz")).name                       # doctest: +SKIP
    'deu.tsv.gz'
    """
    path = Path(path)
    places, row_lines, summed = LineIndex(path), array("q"), _Checksum()
    read = _quoted_pairs(path, places, row_lines) if quoted else _tsv_pairs(path, places)
    size = sum(summed.add(*pair) for pair in read)
    return _Tsv(
        path.name,
        size=size,
        path=path,
        quoted=quoted,
        places=places,
        row_lines=row_lines,
        checksum=summed.result(),
        made=_is_made(path),
    )


def _is_made(path: Path) -> bool:
    """Return whether ``nmt augment`` made a file: it writes beside it what from."""
    try:
        about = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(about, dict) and about.get("kind") in ("back-translation", "distillation")


def from_text(path: Path) -> Corpus:
    """Open plain text: each line is a pair with an empty source, for a language model.

    >>> from_text(Path("novel.txt.gz")).name                    # doctest: +SKIP
    'novel.txt.gz'
    """
    path = Path(path)
    places, summed = LineIndex(path), _Checksum()
    size = sum(summed.add("", line) for line in read_lines(path, places=places))
    return _PlainText(path.name, size=size, path=path, places=places, checksum=summed.result())


# The first lines of what `nmt clean` reports: of removed.tsv and of changed.tsv.
REPORT_HEADERS = ("line\trule\treason\tsource\ttarget", "line\trules\tsource\ttarget")

# Half of a character of UTF-16, as a text has that was cut within one.
_HALF_PAIR = re.compile("[\ud800-\udfff]")


def from_pairs(pairs: Iterable[tuple[str, str]], name: str = "the pairs") -> Corpus:
    """Hold pairs in memory. A line break within a sentence counts as a space, as a line of a file has none.

    Raises:
        InputError: if there is none, or one is not two strings or holds half a surrogate pair.

    >>> corpus = from_pairs([("밥을 먹었다", "ate rice"), ("빵을\\n먹었다", "ate bread")])
    >>> corpus.size, list(corpus.pairs())[1]
    (2, ('빵을 먹었다', 'ate bread'))
    """
    held = []
    for number, pair in enumerate(pairs, 1):
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(side, str) for side in pair)):
            raise InputError(f"Pair {number} of {name} must be two strings, a source and a target, not {pair!r:.80}.")
        if half := _HALF_PAIR.search("".join(pair)):
            raise InputError(
                f"Pair {number} of {name} holds half a surrogate pair, U+{ord(half[0]):04X}, which is no character. "
                "Read the text as UTF-8, or leave it out."
            )
        source, target = (" ".join(side.splitlines()) for side in pair)
        held.append((source, target))
    if not held:
        raise InputError("There are no pairs. Give at least two.")
    return _InMemory(name, len(held), tuple(held))


class _Checksum:
    """Sums up pairs; see :func:`checksum`."""

    def __init__(self) -> None:
        self._summed = hashlib.blake2b(digest_size=7)  # fits into an int64

    def add(self, *columns: str) -> int:
        """Add a row and return 1."""
        self._summed.update(("\t".join(columns) + "\n").encode("utf-8", "surrogatepass"))
        return 1

    def result(self) -> int:
        return int.from_bytes(self._summed.digest(), "big")


def checksum(corpus: Corpus) -> int:
    """Return a checksum of all pairs of a corpus and of their links. The corpus is read once, as a stream."""
    summed = _Checksum()
    for pair in corpus.pairs():
        summed.add(*pair)
    for line in corpus.links() or ():
        summed.add(line)
    return summed.result()


def joined_checksum(*parts: object) -> int:
    """Return a checksum of checksums, numbers and names."""
    summed = _Checksum()
    summed.add(repr(parts))
    return summed.result()


def read_lines(path: Path, once: bool = False, places: LineIndex | None = None) -> Iterator[str]:
    """Stream the lines of a UTF-8 text file, plain or ``.gz``, without their line endings.

    A file that cannot be opened is refused at once; a damaged one is refused when the damage is reached. With ``once``
    the file may also be empty, a pipe or a device. This reading fills ``places``, if they are given.

    >>> list(read_lines(Path("test.de")))                       # doctest: +SKIP
    ['Guten Morgen.', 'Gute Nacht.']
    """
    path = Path(path)
    require_file(path, once)
    return _lines(path, once, places)


@dataclass(frozen=True)
class _ParallelFiles(Corpus):
    name: str
    size: int
    source: Path
    target: Path
    places: tuple[LineIndex, LineIndex] = field(repr=False)
    checksum: int
    seekable = True

    def compressed_rows(self) -> list[tuple[int, int]]:
        return [(0, self.size)] if is_gzip(self.source) or is_gzip(self.target) else []

    def dataset(self) -> tf.data.Dataset:
        import tensorflow as tf

        return tf.data.Dataset.zip(
            tuple(
                line_dataset(path, places) for path, places in zip((self.source, self.target), self.places, strict=True)
            )
        )

    def rows(self, first: int, count: int) -> list[tuple[str, ...]]:
        sources, targets = (lines_from(places, first) for places in self.places)
        return list(zip(itertools.islice(sources, count), targets, strict=False))

    def pairs(self) -> Iterator[tuple[str, str]]:
        return _parallel_pairs(self.source, self.target)


@dataclass(frozen=True)
class _Tsv(Corpus):
    name: str
    size: int
    path: Path
    quoted: bool
    places: LineIndex = field(repr=False)
    row_lines: array = field(repr=False)
    checksum: int
    made: bool = False
    seekable = True

    def compressed_rows(self) -> list[tuple[int, int]]:
        return [(0, self.size)] if is_gzip(self.path) else []

    def made_rows(self) -> list[tuple[int, int]]:
        return [(0, self.size)] if self.made else []

    def rows(self, first: int, count: int) -> list[tuple[str, ...]]:
        if self.quoted:
            line = self.row_lines[first // EVERY]
            rows = _quoted_rows(f"{text}\n" for text in lines_from(self.places, line))
            return list(itertools.islice(rows, first % EVERY, first % EVERY + count))
        found = itertools.islice(lines_from(self.places, first), count)
        return [tuple([*line.split("\t", 2), ""][:2]) for line in found]

    def dataset(self) -> tf.data.Dataset:
        import tensorflow as tf

        if self.quoted:
            text = tf.TensorSpec([], tf.string)
            return tf.data.Dataset.from_generator(self.pairs, output_signature=(text, text))

        def first_two_columns(line: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # tf.strings.split would make a ragged tensor of each line first.
            columns = tf.raw_ops.StringSplitV2(input=[line], sep="\t", maxsplit=2).values
            return columns[0], columns[1]

        return line_dataset(self.path, self.places).map(as_written(first_two_columns))

    def pairs(self) -> Iterator[tuple[str, str]]:
        return _quoted_pairs(self.path) if self.quoted else _tsv_pairs(self.path)

    def further_cells(self) -> Iterator[list[str]]:
        lines = read_lines(self.path)
        if self.quoted:
            return ([_spaced(cell) for cell in row[2:]] for row in _csv_rows(f"{line}\n" for line in lines))
        return (line.split("\t")[2:] for line in lines)


@dataclass(frozen=True)
class _PlainText(Corpus):
    name: str
    size: int
    path: Path
    places: LineIndex = field(repr=False)
    checksum: int
    seekable = True

    def compressed_rows(self) -> list[tuple[int, int]]:
        return [(0, self.size)] if is_gzip(self.path) else []

    def dataset(self) -> tf.data.Dataset:
        return line_dataset(self.path, self.places).map(as_written(lambda line: ("", line)))

    def rows(self, first: int, count: int) -> list[tuple[str, ...]]:
        return [("", line) for line in itertools.islice(lines_from(self.places, first), count)]

    def pairs(self) -> Iterator[tuple[str, str]]:
        return (("", line) for line in read_lines(self.path))


@dataclass(frozen=True)
class _InMemory(Corpus):
    name: str
    size: int
    held: tuple[tuple[str, str], ...]
    seekable = True

    def rows(self, first: int, count: int) -> list[tuple[str, ...]]:
        return list(self.held[first : first + count])

    def dataset(self) -> tf.data.Dataset:
        return _columns(self.held)

    def pairs(self) -> Iterator[tuple[str, str]]:
        return iter(self.held)


def _columns(rows: Sequence[tuple[str, ...]]) -> tf.data.Dataset:
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(tuple(map(list, zip(*rows, strict=True))))


def _parallel_pairs(
    source: Path, target: Path, places: tuple[LineIndex | None, LineIndex | None] = (None, None)
) -> Iterator[tuple[str, str]]:
    sources, targets = read_lines(source, places=places[0]), read_lines(target, places=places[1])
    for number, (left, right) in enumerate(itertools.zip_longest(sources, targets), 1):
        if left is None or right is None:
            shorter, longer, rest = (source, target, targets) if left is None else (target, source, sources)
            raise InputError(
                f"{longer} has {number + sum(1 for _ in rest)} lines and {shorter} only {number - 1}: line {number} of "
                f"{longer} has no partner. Line N of one file must translate line N of the other, so find the first "
                "line where they do not match and repair it."
            )
        yield left, right


def _tsv_pairs(path: Path, places: LineIndex | None = None) -> Iterator[tuple[str, str]]:
    before = ""
    for number, line in enumerate(read_lines(path, places=places), 1):
        if number == 1:
            check_no_report(path, line)
        source, tab, rest = line.partition("\t")
        if not tab:
            if _opens_quote(line) or _opens_quote(before):
                raise InputError(
                    f"{path}, line {number}: there is one column, but a source and a target are needed. It looks like "
                    "a part of a cell with a line break, as spreadsheets write it between quotation marks. "
                    "--tsv-quoting reads such files, and in Python from_tsv(path, quoted=True)."
                )
            raise _one_column(path, number)
        yield source, rest.partition("\t")[0]
        before = line


def check_no_report(path: str | Path, header: str) -> None:
    """Check that a file is no report of ``nmt clean``, whose columns are no pairs, by its first line.

    Raises:
        InputError: if it is one.
    """
    if header in REPORT_HEADERS:
        raise InputError(
            f"{path} is a report of `nmt clean`, not a file of pairs: its first columns are lines and rules. Name the "
            "files that it wrote beside it."
        )


def _opens_quote(line: str) -> bool:
    """Return whether the last cell of a line begins with a quotation mark and does not end with one of its own."""
    cell = line.rpartition("\t")[2]
    return cell.startswith('"') and cell.count('"') % 2 == 1


def _quoted_pairs(
    path: Path, places: LineIndex | None = None, row_lines: array | None = None
) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a quoted TSV, and append to ``row_lines`` the line that every 64th row begins with."""
    rows = _csv_rows(f"{line}\n" for line in read_lines(path, places=places))
    for row_number in itertools.count():
        number = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            if _TOO_LONG in str(error):
                raise InputError(
                    f"{path}, line {number}: a cell of the row that begins here has more than "
                    f"{csv.field_size_limit():,} characters. If none is meant to be as long, a quotation mark begins a "
                    "cell and none ends it: write one inside a quoted cell twice, or read the file without "
                    "--tsv-quoting."
                ) from error
            raise InputError(
                f"{path}, line {number}: its cells are not quoted as spreadsheets quote them ({error}). Write a "
                "quotation mark inside a quoted cell twice, or read the file without --tsv-quoting."
            ) from error
        if row is None:
            return
        if row_number == 0:
            check_no_report(path, "\t".join(row))
        if len(row) < 2:
            raise _one_column(path, number)
        if row_lines is not None and row_number % EVERY == 0:
            row_lines.append(number - 1)
        yield _spaced(row[0]), _spaced(row[1])


def _quoted_rows(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    return ((_spaced(row[0]), _spaced(row[1])) for row in _csv_rows(lines))


def _csv_rows(lines: Iterable[str]) -> Any:
    return csv.reader(lines, delimiter="\t", strict=True)


def _spaced(cell: str) -> str:
    return cell.replace("\n", " ").replace("\t", " ")


def _one_column(path: Path, number: int) -> InputError:
    return InputError(
        f"{path}, line {number}: there is one column, but a source and a target are needed, or a text and its label. "
        "Put a tab between them, or remove the line."
    )


def require_file(path: Path, once: bool = False) -> None:
    """Check that a file is there and can be read as often as it is needed.

    Arguments:
        path: the file.
        once: whether it is read only once, so that it may be a pipe or a device.

    Raises:
        InputError: if it is not.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    if stat.S_ISDIR(mode):
        raise InputError(f"{path} is a folder. Name a file inside it.")
    if not once and not stat.S_ISREG(mode):
        raise InputError(
            f"{path} is a pipe or a device, and what it holds is read more than once. Save it to a file and name that."
        )


def lines_from(places: LineIndex, number: int) -> Iterator[str]:
    """Stream the lines of a file that has been read once, from ``number`` on, counted from 0."""
    return decoded_lines(places.lines_from(number), str(places.path), number + 1)


def _lines(path: Path, may_be_empty: bool, places: LineIndex | None = None) -> Iterator[str]:
    number = 0
    try:
        with contextlib.nullcontext(places.first_reading()) if places else _opened(path) as file:
            for line in decoded_lines(file, str(path)):
                number += 1
                yield line
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(
            f"{path} is damaged after line {number}: it is named .gz but is not gzip, or it was cut short. "
            "Copy or compress it again."
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error
    if number == 0 and not may_be_empty:
        raise InputError(f"{path} is empty. Give a file with at least one line.")


def _opened(path: Path) -> AbstractContextManager[Iterable[bytes]]:
    return gzip.open(path) if is_gzip(path) else path.open("rb")


def decoded_lines(file: Iterable[bytes], name: str, first: int = 1) -> Iterator[str]:
    """Stream the lines of an open file that holds UTF-8, named ``name`` in errors; ``first`` is a line's number.

    >>> import io
    >>> list(decoded_lines(io.BytesIO(b"one\\r\\ntwo"), "a stream"))
    ['one', 'two']
    """
    for number, line in enumerate(cut_lines(file, name, first), first):
        yield (decode_start if number == 1 else decode)(line, f"{name}, line {number}")


def cut_lines(file: Iterable[bytes], name: str, first: int = 1) -> Iterator[bytes]:
    """Stream the lines of an open file without their ends; a carriage return within one becomes a space.

    Arguments:
        file: its lines, with their ends.
        name: of the file, for the error.
        first: the number of the first of these lines.

    Raises:
        InputError: if all of the file is one line, because its lines end in carriage returns.

    >>> import io
    >>> list(cut_lines(io.BytesIO(b"one\\r\\ntw\\ro\\n\\r"), "a stream"))
    [b'one', b'tw o']
    """
    for number, raw in enumerate(file, first):
        kept = raw.removesuffix(b"\n").rstrip(b"\r")
        # TextLineDataset sees no line in a file's last bytes when they are carriage returns alone.
        if not kept and not raw.endswith(b"\n"):
            break
        returns = kept.count(b"\r")
        if number == 1 and returns and (returns > _RETURNS or not raw.endswith(b"\n")):
            raise InputError(
                f"{name}: its lines end in a carriage return alone, as on old Macs, so all of it is one line. Convert "
                "it, for example with tr '\\r' '\\n' < OLD > NEW, and use that."
            )
        yield kept.replace(b"\r", b" ")


def with_line_feeds(path: Path, folder: Path) -> Path:
    """Return a file whose lines end in line feeds: the file itself, or a copy without ``.gz`` in a folder.

    A copy is needed if every line ends in a carriage return, as on old Macs, or if some lines of a TSV do: each part
    then has a tab of its own.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "old.de").write_bytes(b"Guten Morgen.\\rGute Nacht.\\r")
    ...     with_line_feeds(Path(folder) / "old.de", Path(folder) / "new").read_bytes()
    b'Guten Morgen.\\nGute Nacht.\\n'
    """
    require_file(path)
    tsv = is_tsv(path)
    try:
        with _opened(path) as file:
            start = file.read(_LOOK).rstrip(b"\r\n")  # type: ignore[attr-defined]
            first, end, _ = start.partition(b"\n")
            returns = first.rstrip(b"\r").count(b"\r")
            whole = returns > 0 and (returns > _RETURNS or not end)
        state = path.stat()
        if not whole and not (tsv and _has_inner_return(path, state.st_size, state.st_mtime_ns)):
            return path
        folder.mkdir(exist_ok=True)
        copy = folder / (path.stem if is_gzip(path) else path.name)
        with _opened(path) as file, copy.open("wb") as out:
            if whole:
                _copy_with_line_feeds(file, out)
            else:
                for line in file:
                    parts = line.rstrip(b"\r\n").split(b"\r")
                    out.write(b"\n".join(parts) + b"\n" if all(b"\t" in part for part in parts) else line)
    except (OSError, EOFError, zlib.error):
        return path  # whoever reads it next says what is wrong with it
    return copy


def _copy_with_line_feeds(file: Any, out: Any) -> None:
    while part := file.read(_LOOK):
        if part.endswith(b"\r"):
            part += file.read(1)
        out.write(part.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))


def unreadable(path: Path, error: Exception) -> InputError:
    """Say why a file cannot be read."""
    reason = getattr(error, "strerror", None) or str(error)
    return InputError(f"{path} cannot be read: {reason}. Check the path and your permissions.")


def line_dataset(path: Path, places: LineIndex | None = None) -> tf.data.Dataset:
    """Return the lines that :func:`read_lines` yields, read by tf.data alone unless one of them holds a ``\\r``."""
    import tensorflow as tf

    state = path.stat()
    if places.inner_return if places else _has_inner_return(path, state.st_size, state.st_mtime_ns):
        return tf.data.Dataset.from_generator(lambda: read_lines(path), output_signature=tf.TensorSpec([], tf.string))
    # Only bytes can carry every file name that Linux allows.
    lines = tf.data.TextLineDataset(os.fsencode(path), compression_type="GZIP" if is_gzip(path) else "")
    # Only the first line can hold the mark, so only the first line is searched for it.
    first = lines.take(1).map(as_written(lambda line: tf.strings.regex_replace(line, f"^{BOM}", "")))
    return first.concatenate(lines.skip(1))


@lru_cache(64)
def _has_inner_return(path: Path, size: int, changed: int) -> bool:
    """Return whether a line holds a carriage return, which TextLineDataset would drop."""
    with _opened(path) as file:
        return any(b"\r" in line.rstrip(b"\r\n") for line in file)


def split_dev(corpus: Corpus) -> tuple[Corpus, Corpus]:
    """Return (train, dev): every k-th pair is held out, about one in 20, at most 1,000 and at least one.

    The same corpus always splits the same way, and both halves stream. Pairs that ``nmt augment`` made are not held
    out, if there are at least 20 others: a translation by a model judges no model. As many pairs are held out as
    without this, but at most a quarter of the others.

    Raises:
        InputError: if the corpus has fewer than two pairs.

    >>> train, dev = split_dev(from_tsv(Path("deu.tsv")))       # doctest: +SKIP
    >>> train.size, dev.size                                    # doctest: +SKIP
    (226080, 1000)
    """
    if corpus.size < 2:
        raise InputError(
            f"{corpus.name} holds {corpus.size} pair, but at least 2 are needed to train on one and check on another."
        )
    made = tuple(corpus.made_rows())
    size = corpus.size - sum(count for _, count in made)
    if size < DEV_SHARE:  # too few to judge by, and all that is known for certain to train on
        made, size = (), corpus.size
    # Of the whole size: few scores would be too few to choose a search by, and the pairs that were made train, too.
    wanted = min(DEV_LIMIT, max(1, corpus.size // DEV_SHARE), max(1, size // _DEV_MOST))
    every = -(-size // wanted)
    held = size // every
    train = _SplitPart(f"{corpus.name} (train part)", corpus.size - held, corpus, every, held_out=False, made=made)
    return train, _SplitPart(f"{corpus.name} (dev part)", held, corpus, every, held_out=True, made=made)


def held_out_from(dev: Corpus) -> str:
    """Return what a message on the pairs of :func:`split_dev` adds: whether some pairs were not held out, and why."""
    made = sum(count for _, count in dev.made) if isinstance(dev, _SplitPart) else 0
    return f", none of the {made:,} that `nmt augment` made" if made else ""


@dataclass(frozen=True)
class _SplitPart(Corpus):
    """Every ``every``-th pair of a corpus, or all the others. Rows of ``made`` are not counted, and not held out."""

    name: str
    size: int
    corpus: Corpus
    every: int
    held_out: bool
    made: tuple[tuple[int, int], ...] = ()

    @property
    def whole(self) -> Corpus:
        return self.corpus

    @property
    def seekable(self) -> bool:
        return self.corpus.seekable

    def compressed_rows(self) -> list[tuple[int, int]]:
        if self.held_out:
            return [(0, self.size)] if self.corpus.compressed_rows() else []
        bounds = [
            (self._kept_before(first), self._kept_before(first + count))
            for first, count in self.corpus.compressed_rows()
        ]
        return [(first, last - first) for first, last in bounds if last > first]

    @cached_property
    def checksum(self) -> int:
        return joined_checksum(self.corpus.checksum, self.every, self.held_out, *([self.made] if self.made else []))

    def spans(self) -> list[tuple[int, int, float]]:
        # Held-out pairs are for measuring, where each counts once.
        if self.held_out:
            return [(0, self.size, 1.0)]
        bounds = [
            (self._kept_before(first), self._kept_before(first + count), weight)
            for first, count, weight in self.corpus.spans()
        ]
        return [(first, last - first, weight) for first, last, weight in bounds if last > first]

    def _kept_before(self, place: int) -> int:
        """Return how many rows before this one of the corpus are not held out."""
        return int(place - self._held_before(place))

    def _held_before(self, place: Any) -> Any:
        """Return how many rows before this one of the corpus, a number or a tensor, are held out."""
        counted = place
        for first, count in self.made:
            # As many rows of it as stand before: from 0 to count, for a tensor too.
            counted -= (abs(place - first) - abs(place - first - count) + count) // 2
        return counted // self.every

    def _place(self, number: int) -> int:
        """Return the row of the corpus that is the pair of this number here; past the last one its size."""
        if self.held_out:
            counted = (number + 1) * self.every - 1
            for first, count in self.made:  # in their order
                counted += count if first <= counted else 0
            return counted
        return bisect.bisect_right(range(self.corpus.size + 1), number, key=self._kept_before) - 1

    def rows(self, first: int, count: int) -> list[tuple[str, ...]]:
        if self.held_out:
            places = range(first, min(first + count, self.size))
            return [self.corpus.rows(self._place(place), 1)[0] for place in places]
        begin, end = self._place(first), self._place(first + count)
        rows = self.corpus.rows(begin, end - begin)
        return [row for place, row in enumerate(rows, begin) if self._holds(place)][:count]

    @cached_property
    def _held(self) -> list[tuple[str, ...]]:
        """The rows that are held out, which are few, read once."""
        return self.rows(0, self.size)

    def dataset(self) -> tf.data.Dataset:
        if self.held_out and self.seekable:
            return _columns([row[:2] for row in self._held])
        return self._part(self.corpus.dataset())

    def pairs(self) -> Iterator[tuple[str, str]]:
        if self.held_out and self.seekable:
            return ((row[0], row[1]) for row in self._held)
        return (pair for index, pair in enumerate(self.corpus.pairs()) if self._holds(index))

    def link_dataset(self) -> tf.data.Dataset | None:
        lines = self.corpus.link_dataset()
        return None if lines is None else self._part(lines)

    def links(self) -> Iterator[str] | None:
        lines = self.corpus.links()
        return None if lines is None else (line for index, line in enumerate(lines) if self._holds(index))

    def _part(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        mine = dataset.enumerate().filter(as_written(lambda index, _: self._holds(index)))
        return mine.map(as_written(lambda _, item: item))

    def _holds(self, index: Any) -> Any:
        """Return whether the pair at ``index``, a number or a tensor, belongs here."""
        return (self._held_before(index + 1) > self._held_before(index)) == self.held_out
