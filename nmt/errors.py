"""The errors of this package, and the exit code that each gives the command line.

Every message is one or two plain sentences: what was wrong, where, and what to do.
"""

import shlex
from pathlib import Path


class InputError(ValueError):
    """The command, its configuration or its input was wrong. Exit code 2.

    ``nearest`` turns a misspelt name into a hint.

    >>> raise InputError("There is no split 'tset'." + nearest("tset", ["train", "test"]))
    Traceback (most recent call last):
        ...
    nmt.errors.InputError: There is no split 'tset'. Did you mean 'test'?
    """


class WorkFailed(RuntimeError):
    """The command was right, but the work could not be finished. Exit code 1."""


class Stopped(WorkFailed):
    """The work was asked to stop, and stopped cleanly."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type if it has no message.

    >>> first_line(ValueError())
    'ValueError'
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def as_typed(path: Path) -> str:
    """Return a path as it is typed in a shell, for a command that a message advises.

    >>> print(as_typed(Path("my model")), as_typed(Path("my-model")))
    'my model' my-model
    """
    return shlex.quote(str(path))


def nearest(name: str, known: list[str]) -> str:
    """Return `` Did you mean 'x'?`` for the known name closest to ``name``, or a list of the known names.

    >>> nearest("epohcs", ["epochs", "batch_size"])
    " Did you mean 'epochs'?"
    >>> nearest("zzz", ["epochs", "batch_size"])
    ' Known: batch_size, epochs.'
    """
    import difflib

    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(sorted(known))}."
