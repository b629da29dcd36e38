"""What the commands share: input, log lines, output and progress bars."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from nmt.errors import InputError

# Lines of a file that are processed together: few at first, so that output appears soon, then more; and a maximum
# number of characters, for files with very long lines.
_FIRST, _WINDOW, _CHARACTERS = 64, 1024, 100_000

ModelFolder = Annotated[Path, typer.Argument(help="A model's folder, as `nmt train` makes it.", show_default=False)]

TsvQuoting = Annotated[
    bool,
    typer.Option("--tsv-quoting", help='Read TSV cells in "quotation marks" as a spreadsheet writes them.'),
]


def say(line: str) -> None:
    """Print a line on standard error."""
    print(line, file=sys.stderr, flush=True)


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


def input_lines(file: Path | None) -> Iterator[str]:
    """Stream the lines of a file, or of standard input without one. A file that cannot be read is refused at once."""
    from nmt.data.corpora import decoded_lines, read_lines

    if file is None or _standard(file):
        return decoded_lines(sys.stdin.buffer, "standard input")
    return read_lines(file, once=True)


def windows(items: Iterable[Any], one_by_one: bool = False, held: int = 1) -> Iterator[list]:
    """Cut a stream of lines, or of tuples of lines, into lists that are processed together.

    Arguments:
        items: the stream.
        one_by_one: whether each item is a list of its own.
        held: number of results for each line.

    Raises:
        InputError: that of the stream, after the items before it.
    """
    max_lines, window, characters = 1 if one_by_one else _FIRST, [], 0
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
        if len(window) >= max_lines or characters * held >= _CHARACTERS:
            yield window
            window, characters = [], 0
            max_lines = 1 if one_by_one else max(1, min(2 * max_lines, _WINDOW // held))
    if window:
        yield window
    if failed:
        raise failed


def is_interactive(file: Path | None) -> bool:
    """Return whether the lines are typed at a terminal, so that each is answered at once."""
    return _standard(file) and sys.stdin.isatty()


def _standard(file: Path | None) -> bool:
    return file is None or str(file) == "-"


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


def count(file: Path | None) -> int | None:
    """Count the lines of a plain file, for a progress bar. A pipe or a compressed file has no known number."""
    if file is None or not file.is_file() or file.suffix.lower() == ".gz" or not sys.stderr.isatty():
        return None
    with file.open("rb") as opened:
        return sum(1 for _ in opened)
