"""What the commands share: input, log lines, output and progress bars."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import select
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from nmt.errors import InputError

if TYPE_CHECKING:
    from nmt.data.tokenizers import Tokenizer
    from nmt.export import tflite_runtime
    from nmt.translation import Translation

# Lines of a file that are processed together: few at first, so that output appears soon, then more; and a maximum
# number of characters, for files with very long lines.
_FIRST, _WINDOW, _CHARACTERS = 64, 1024, 100_000
# Seconds without a further line after which input pauses, and bytes that are read at once.
_PAUSE, _CHUNK = 0.02, 65536
# Lines that are named, of those that were cut.
_NAMED = 10

ModelFolder = Annotated[Path, typer.Argument(help="A model's folder, as `nmt train` makes it.", show_default=False)]

TsvQuoting = Annotated[
    bool,
    typer.Option("--tsv-quoting", help='Read TSV cells in "quotation marks" as a spreadsheet writes them.'),
]


def finite(value: float | None) -> float | None:
    """Refuse infinity as the value of an option that has no maximum; a callback of typer."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number.")
    return value


def plain_name(to: Path | None) -> Path | None:
    """Refuse a name that ends in ``.gz`` for a file that is written as plain text; a callback of typer.

    Raises:
        InputError: for such a name.
    """
    if to is not None and to.suffix.lower() == ".gz":
        raise InputError(
            f"{to} would hold plain text, and a file whose name ends in .gz is read as compressed: name it without .gz."
        )
    return to


def say(line: str) -> None:
    """Print a line on standard error."""
    print(line, file=sys.stderr, flush=True)


def say_unwritable(tokenizer: Tokenizer, texts: Iterable[str], name: str) -> None:
    """Say how many words of some texts a model cannot write, whatever it learned."""
    if found := tokenizer.changed_words(texts):
        (word, _), *_ = found.most_common(1)
        say(
            f"Words of the {name} that hold characters the model cannot write: {found.total():,}, such as {word!r}. "
            "Its vocabulary lacks them, or text.normalization changes them. No translation can match them."
        )


class _StandardError(logging.Handler):
    """Print what is logged as plain lines."""

    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))


@contextlib.contextmanager
def news(indent: str = "", shown: bool = True) -> Iterator[None]:
    """Print what the package logs within this context on standard error, as plain lines.

    Arguments:
        indent: before each line.
        shown: whether the lines are printed.
    """
    logger, handler = logging.getLogger("nmt"), _StandardError()
    handler.setFormatter(logging.Formatter(f"{indent}%(message)s"))
    before = logger.handlers, logger.level, logger.propagate
    logger.handlers, logger.propagate = [handler] if shown else [logging.NullHandler()], False
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.handlers, logger.propagate = before[0], before[2]
        logger.setLevel(before[1])


class CutLines:
    """Says on standard error which lines were cut: each of the first ten at once, and how many there are at the end.

    Arguments:
        max_length: the number of pieces that the model reads; ``None`` if that is not known.
        rest: what happened to a line that is longer.
    """

    def __init__(self, max_length: int | None, rest: str = "the rest was left out") -> None:
        self._read = "the model reads" if max_length is None else f"the {max_length} pieces the model reads"
        self._rest = rest
        self._long = self._endless = self._blank = 0

    def look_at(self, number: int, text: str, written: Sequence[Translation | tflite_runtime.Translation]) -> None:
        """Look at the translations that are written of a text, the line with this number."""
        self.look(number, written[0].source_truncated, any(each.unfinished for each in written))
        self.look_for_blank(number, text, written[0].text)

    def look_for_blank(self, number: int, text: str, translation: str) -> None:
        """Look whether the translation of a text, the line with this number, is blank and the text is not."""
        if text.strip() and not translation.strip():
            self._blank += 1
            if self._blank <= _NAMED:
                say(
                    f"Line {number} is not blank, but its translation is: the model may read none of its characters, or"
                    " decoding.min_length = 0 lets it write nothing."
                )

    def look(self, number: int, source_truncated: bool | None, unfinished: bool | None) -> None:
        """Look at an answer, that of the line with this number."""
        if source_truncated:
            self._long += 1
            if self._long <= _NAMED:
                say(f"Line {number} is longer than {self._read}: {self._rest}.")
        if unfinished:
            self._endless += 1
            if self._endless <= _NAMED:
                say(
                    f"Line {number}: what was written has no end, because it reached its maximum length. Raise"
                    " decoding.max_length or decoding.max_ratio if it should be longer."
                )

    def end(self) -> None:
        """Say how many lines there were, if not each was named."""
        if self._long > _NAMED:
            say(f"{self._long:,} lines in all are longer than the model reads.")
        if self._endless > _NAMED:
            say(f"{self._endless:,} lines in all reached their maximum length before their end.")
        if self._blank > _NAMED:
            say(f"{self._blank:,} lines in all are not blank, but their translations are.")


class InputLines:
    """The lines of a file, or of standard input, which may be a pipe or a terminal whose writer waits for answers.

    Arguments:
        file: a path; ``None`` or ``-`` for standard input.

    Raises:
        InputError: if the file cannot be read.
    """

    def __init__(self, file: Path | None) -> None:
        from nmt.data.corpora import decoded_lines, read_lines

        self._waiting: deque[bytes] = deque()
        self._begun: list[bytes] = []
        self._ended = False
        self._name = "standard input"
        self._file: BinaryIO | None = None
        if file is None or str(file) == "-":
            self._file = sys.stdin.buffer
            self._lines = decoded_lines(self._raw(), self._name)
            return
        self._lines, self._name = read_lines(file, once=True), str(file)
        if not file.is_file() and file.suffix.lower() != ".gz":
            self._file = _opened(file)
            self._lines = decoded_lines(self._raw(), self._name)

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def pause(self) -> bool:
        """Return whether there is no further line now, although there may be one later."""
        while self._file and not (self._waiting or self._ended):
            if not _readable(self._file):
                return True
            self._read()
        return False

    def _raw(self) -> Iterator[bytes]:
        while True:
            while not (self._waiting or self._ended):
                self._read()
            if not self._waiting:
                return
            yield self._waiting.popleft()

    def _read(self) -> None:
        """Read what is there, or wait for something."""
        assert self._file
        try:
            part = os.read(self._file.fileno(), _CHUNK)
        except BlockingIOError:  # another program has made the pipe or terminal like this
            select.select([self._file], [], [])
            return
        except OSError as error:
            raise InputError(f"{self._name} cannot be read: {error.strerror}.") from None
        *whole, rest = part.split(b"\n")
        for line in whole:
            self._waiting.append(b"".join([*self._begun, line, b"\n"]))
            self._begun = []
        if rest:
            self._begun.append(rest)
        if not part:
            self._ended = True
            self._waiting.extend([b"".join(self._begun)] if self._begun else [])


def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("rb", buffering=0)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}. Check the path and your permissions.") from None


def _readable(file: BinaryIO) -> bool:
    """Return whether something can be read, or the end has come, before input pauses."""
    # Elsewhere only sockets can be asked.
    return os.name != "posix" or bool(select.select([file], [], [], _PAUSE)[0])


def windows(items: Iterable[Any], pause: Callable[[], bool] = lambda: False, held: int = 1) -> Iterator[list]:
    """Cut a stream of lines, or of tuples of lines, into lists that are processed together.

    Arguments:
        items: the stream.
        pause: whether the stream has nothing more now. What has come is then a list, so that it is answered at once.
        held: number of results for each line.

    Raises:
        InputError: that of the stream, after the items before it.
    """
    max_lines, window, characters = _FIRST, [], 0
    stream = iter(items)
    failed: InputError | None = None
    while failed is None:
        try:
            item = next(stream)
        except StopIteration:
            break
        except InputError as error:
            failed = error
            break
        window.append(item)
        characters += len(item) if isinstance(item, str) else sum(map(len, item))
        full = len(window) >= max_lines or characters * held >= _CHARACTERS
        if full or pause():
            yield window
            window, characters = [], 0
            max_lines = max(1, min(2 * max_lines, _WINDOW // held)) if full else max_lines
    if window:
        yield window
    if failed:
        raise failed


def emit(lines: Iterable[str]) -> None:
    """Write all lines to standard output. A first Ctrl-C takes effect after them, a second one at once."""
    asked: list[int] = []

    def ask(number: int, frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    left = memoryview("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    sys.stdout.flush()
    before = signal.signal(signal.SIGINT, ask)
    try:
        # Python's own streams lose what is left of a write that a signal interrupts.
        while left:
            left = left[os.write(sys.stdout.fileno(), left) :]
    finally:
        signal.signal(signal.SIGINT, before)
    if asked:
        raise KeyboardInterrupt


def advancing(groups: Iterable[Any], what: str, total: int | None = None, beside: bool = False) -> Iterator[Any]:
    """Yield the same windows of lines, with a progress bar on standard error.

    There is no bar if standard error is not a terminal, or if standard output is one and shows the lines.

    Arguments:
        groups: the windows.
        what: the label of the bar.
        total: the number of lines, if it is known.
        beside: whether there is a bar although standard output is a terminal, because nothing is written meanwhile.
    """
    if not sys.stderr.isatty() or (sys.stdout.isatty() and not beside):
        yield from groups
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Standard output stays what it is: it may be a file.
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task(what, total=total)
        for group in groups:
            yield group
            progress.advance(task, len(group))


@contextlib.contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on standard error, if it is a terminal, and yield what moves it: to how many, of how many."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def count(file: Path | None) -> int | None:
    """Count the lines of a plain file, for a progress bar. A pipe or a compressed file has no known number."""
    if file is None or not file.is_file() or file.suffix.lower() == ".gz" or not sys.stderr.isatty():
        return None
    with file.open("rb") as opened:
        return sum(1 for _ in opened)
