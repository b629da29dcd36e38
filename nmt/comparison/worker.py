"""Work in a separate process: if it dies, the one that started it continues, and if that one dies, it stops."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from nmt.errors import InputError, Stopped, WorkFailed, first_line
from nmt.output_streams import LastingStream
from nmt.stop_signals import stop_signals

# A process forked from one that has imported TensorFlow begins at once. Windows has no fork.
_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def run_in_worker(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return ``work(*arguments)``, run in another process, and log here what this package logs there.

    Ctrl-C and a request to terminate are passed on, so that the work can stop cleanly; a second one kills it.

    Arguments:
        work: a function of a module.
        arguments: its arguments, which are pickled.

    Raises:
        Stopped: if it stopped because it was asked to.
        InputError: if the work raised it.
        WorkFailed: if it failed, or its process died, with the reason in a sentence.
    """
    context: Any = multiprocessing.get_context(_METHOD)
    if _METHOD == "forkserver":
        context.set_forkserver_preload(["nmt.comparison.warm"])
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sending, work, arguments))
    process.start()
    # While this end stays open here, the end of the process cannot be noticed.
    sending.close()
    with _passed_on(process) as asked:
        ended = _listen(receiving)
        process.join()
    kind, value = ended or ("died", process.exitcode)
    if kind == "done":
        return value
    if asked or kind == "stopped":
        raise Stopped("Stopped.")
    if kind == "died":
        killed = process.exitcode == -getattr(signal, "SIGKILL", 9)  # Windows has no name for it
        hint = ", perhaps because the system was out of memory" if killed else ""
        raise WorkFailed(f"its process ended with code {process.exitcode}{hint}")
    raise InputError(value) if kind == "refused" else WorkFailed(value)


def _listen(receiving: Connection) -> tuple[str, Any] | None:
    """Pass log records on until the work is over; return how it ended, or None if the process died."""
    while True:
        # A signal that comes just before a wait without a timeout would be handled only after that wait.
        if not receiving.poll(0.5):
            continue
        try:
            kind, value = receiving.recv()
        except EOFError:
            return None
        if kind != "logged":
            return kind, value
        name, level, message = value
        logging.getLogger(name).log(level, message)


class _Sender(logging.Handler):
    """Send what is logged to the process that started this one."""

    def __init__(self, sending: Connection) -> None:
        super().__init__()
        self.sending = sending

    def emit(self, record: logging.LogRecord) -> None:
        _send(self.sending, ("logged", (record.name, record.levelno, record.getMessage())))


def _work(sending: Connection, work: Callable[..., Any], arguments: tuple) -> None:
    """Do the work, in the other process."""
    sys.stdout, sys.stderr = LastingStream(sys.stdout), LastingStream(sys.stderr)  # type: ignore[assignment]
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C at a terminal goes to a whole group; this process gets it from its parent instead
    threading.Thread(target=_stop_with_parent, name="nmt-parent", daemon=True).start()
    logger = logging.getLogger("nmt")
    logger.addHandler(_Sender(sending))
    logger.setLevel(logging.INFO)
    logger.propagate = False  # a library may give the root logger a handler that prints here
    try:
        ended = ("done", work(*arguments))
    except (Stopped, KeyboardInterrupt):
        ended = ("stopped", None)
    except InputError as error:
        ended = ("refused", str(error))
    except WorkFailed as error:
        ended = ("failed", str(error))
    except MemoryError:
        ended = ("failed", "there is not enough memory")
    except Exception as error:
        if os.environ.get("NMT_DEBUG"):
            raise
        ended = ("failed", f"{type(error).__name__}: {first_line(error)}")
    _send(sending, ended)


def _send(sending: Connection, message: tuple[str, Any]) -> None:
    with contextlib.suppress(OSError):  # nobody is there any more
        sending.send(message)


def _stop_with_parent() -> None:
    """Stop this process, as a request to terminate does, when the one that waits for it is gone.

    Otherwise it would run for hours and hold the lock of the model's folder, so that nobody could continue the
    comparison.
    """
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


@contextlib.contextmanager
def _passed_on(process: Any) -> Iterator[list[int]]:
    """Pass signals on to the process; yield the list of those that came."""
    asked: list[int] = []

    def ask(number: int, frame: object) -> None:
        (process.kill if asked else process.terminate)()
        asked.append(number)

    with stop_signals(ask):
        yield asked
