"""The command line: all commands, and how errors end them."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable

import typer

from nmt.commands.align import align
from nmt.commands.augment import augment
from nmt.commands.batch import batch
from nmt.commands.caption import caption
from nmt.commands.clean import clean
from nmt.commands.compare import compare
from nmt.commands.console import news, say
from nmt.commands.correct import correct
from nmt.commands.data import data
from nmt.commands.demo import corpus, demo
from nmt.commands.evaluate import evaluate, score
from nmt.commands.export import export
from nmt.commands.label import label
from nmt.commands.plot import plot
from nmt.commands.serve import serve
from nmt.commands.shortlist import shortlist
from nmt.commands.train import ListsOfFiles, train
from nmt.commands.translate import complete, translate
from nmt.errors import InputError, WorkFailed
from nmt.output_streams import LastingStream, open_closed_streams

app = typer.Typer(
    help="Train a translator on your own sentence pairs, see what it attends to, and put it into service.\n\n"
    "New here? `nmt demo` trains a small Korean-English translator in one to three minutes.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    *(demo, data, clean, train, corpus, translate, complete, caption, label, evaluate),
    *(score, align, plot, compare, export, serve, shortlist, batch, augment, correct),
):
    app.command(cls=ListsOfFiles if command in (train, augment) else None)(command)


@functools.cache
def command_line() -> Callable[[], object]:
    """Return what parses the words of a command line and runs the command. To make it takes time, so it is kept."""
    return typer.main.get_command(app)


def main() -> None:
    """Run a command, and turn an error into one sentence and an exit code."""
    open_closed_streams()
    if sys.getfilesystemencoding() != "utf-8":
        _restart_in_utf8()
    for stream in (sys.stdout, sys.stderr):
        # Input and output are UTF-8 in every locale.
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    # What a command prints is news of its work. The lines that are the work itself go through `console.emit`, which
    # ends with its reader.
    sys.stdout, sys.stderr = LastingStream(sys.stdout), LastingStream(sys.stderr)  # type: ignore[assignment]
    try:
        with news():
            command_line()()
    except InputError as error:
        _end(error, 2)
    except WorkFailed as error:
        _end(error, 1)
    except BrokenPipeError:
        sys.exit(1)  # the reader of the results has seen enough, as in `nmt translate MODEL FILE | head`
    except OSError as error:
        _end(f"{error.filename or 'A file'}: {error.strerror or error}.", 1)
    except Exception as error:
        if os.environ.get("NMT_DEBUG"):
            raise
        _end(
            f"{type(error).__name__}: {error}\nThis is a bug in nmt, not your mistake. NMT_DEBUG=1 shows where it is.",
            1,
        )


def _restart_in_utf8() -> None:
    """Begin again in Python's UTF-8 mode: in a locale of another encoding, arguments and file names come in damaged."""
    os.environ["PYTHONUTF8"] = "1"  # also for the processes of `nmt compare`
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _end(message: object, code: int) -> None:
    say(f"nmt: {message}")
    sys.exit(code)


if __name__ == "__main__":
    main()
