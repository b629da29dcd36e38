"""What the commands share: news, progress, and TensorFlow without its greetings."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

# Lines of a file that are worked on together, sorted by length among themselves.
WINDOW = 1024

ModelFolder = Annotated[Path, typer.Argument(help="A model's folder, as `nmt train` makes it.", show_default=False)]


def say(line: str) -> None:
    """Print a line of news on standard error."""
    print(line, file=sys.stderr, flush=True)


def import_tensorflow() -> None:
    """Import TensorFlow without its greetings: notes on the hardware, from C++, past Python's logging.

    What else is written meanwhile is passed on.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            import tensorflow as tf
            import tensorflow_text  # noqa: F401

            tf.config.list_physical_devices()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            lines = [line for line in caught if not re.match(rb"[IWE]0000 |WARNING: All log messages", line)]
            sys.stderr.write(b"".join(lines).decode("utf-8", "replace"))


def input_lines(file: Path | None) -> Iterator[str]:
    """Stream the lines of a file, or of standard input without one. A file that cannot be read is refused at once."""
    from nmt.data.corpora import decoded_lines, read_lines

    return read_lines(file, once=True) if file else decoded_lines(sys.stdin.buffer, "standard input")


def typed(file: Path | None) -> bool:
    """Say whether somebody types, who wants each answer at once."""
    return not file and sys.stdin.isatty()


def advancing(windows: Iterable[list], what: str, file: Path | None = None) -> Iterator[list]:
    """Pass windows of lines on, with a bar on standard error that counts what was done with them.

    There is none where standard error is no terminal, or where the lines themselves show the progress on one.
    """
    if not sys.stderr.isatty() or sys.stdout.isatty() or typed(file):
        yield from windows
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=_count(file))
        for window in windows:
            yield window
            progress.advance(task, len(window))


def _count(file: Path | None) -> int | None:
    """Count the lines of a plain file; what is packed, or a pipe, has no known end."""
    if file is None or not file.is_file() or file.suffix.lower() == ".gz":
        return None
    with file.open("rb") as opened:
        return sum(1 for _ in opened)
