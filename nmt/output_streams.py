"""Standard streams that are closed, and those that may lose their reader: it costs the news, not the work.

One Ctrl-C at a terminal ends ``tee`` or ``less`` as well as the command, and a window that is closed takes the terminal
with it. Every later line would fail, also those that say that a checkpoint is being saved.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, TextIO


def open_closed_streams() -> None:
    """Open what leads nowhere in place of the standard streams that were closed at the start, as by ``nmt data >&-``.

    Their descriptors would be those of the next files, and what a library prints would be written into a model.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


class LastingStream:
    """A text stream that throws away what is written after its reader has gone.

    Other failures, such as a full disk, are raised as ever. All else is that of the stream.

    Arguments:
        stream: a text stream, such as ``sys.stderr``.

    >>> import io
    >>> text = io.StringIO()
    >>> print("I ate rice", file=LastingStream(text))
    >>> text.getvalue()
    'I ate rice\\n'
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._under_way = False  # a write or flush by the main thread, where signal handlers run
        # A terminal that was closed answers EIO; for a file that is a fault of its disk.
        self._gone = (errno.EPIPE, errno.EIO) if stream.isatty() else (errno.EPIPE,)

    def write(self, text: str) -> int:
        with self._entered() as first:
            if first:
                return self._stream.write(text)
            # Python's stream would refuse this, or drop it in its flush. A failure is that of the other write, too.
            with contextlib.suppress(OSError):
                os.write(self._stream.fileno(), text.encode("utf-8", "surrogateescape"))
        return len(text)

    def flush(self) -> None:
        with self._entered() as first:
            if first:
                self._stream.flush()

    @contextlib.contextmanager
    def _entered(self) -> Iterator[bool]:
        """Enter the stream, and tell whether this is no signal handler in the middle of another write."""
        main = threading.current_thread() is threading.main_thread()
        first = not (main and self._under_way)
        try:
            if main:
                self._under_way = True
            yield first
        except OSError as error:
            self._lose(error)
        finally:
            if main and first:
                self._under_way = False

    def _lose(self, error: OSError) -> None:
        """Send what is still to come to nowhere, or raise the error if it is another one."""
        if error.errno not in self._gone:
            raise error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
