"""Work in a process of its own: whatever becomes of it, the one who asked goes on."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from nmt.errors import InputError, Stopped, WorkFailed, first_line

# A process forked from one that has imported TensorFlow begins at once. Windows has no fork.
_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def apart(work: Callable[..., Any], *arguments: Any, say: Callable[[str], None]) -> Any:
    """Return ``work(*arguments, say)``, which runs in another process and whose news come back here.

    Ctrl-C and a request to terminate are passed on, so that the work can stop in good order; a second one ends it.

    Arguments:
        work: a function of a module, and arguments that can be sent to it.
        say: takes a line of news.

    Raises:
        Stopped: if it was asked to stop, and did.
        InputError: if the work raised it.
        WorkFailed: if it failed, or its process died, with the reason in a sentence.
    """
    context: Any = multiprocessing.get_context(_METHOD)
    if _METHOD == "forkserver":
        context.set_forkserver_preload(["nmt.comparison.warm"])
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sending, work, arguments))
    process.start()
    # What is left open here would never tell that the process is gone.
    sending.close()
    with _passed_on(process) as asked:
        ended = _listen(receiving, say)
        process.join()
    kind, value = ended or ("died", process.exitcode)
    if kind == "done":
        return value
    if asked or kind == "stopped":
        raise Stopped("Stopped.")
    if kind == "died":
        hint = ", as a system does that is out of memory" if process.exitcode == -signal.SIGKILL else ""
        raise WorkFailed(f"its process ended with code {process.exitcode}{hint}")
    raise InputError(value) if kind == "refused" else WorkFailed(value)


def _listen(receiving: Connection, say: Callable[[str], None]) -> tuple[str, Any] | None:
    """Pass news on until the work is over; return how it ended, or nothing if it did not say."""
    while True:
        # A signal that comes just before a wait without an end would be heard at that end.
        if not receiving.poll(0.5):
            continue
        try:
            kind, value = receiving.recv()
        except EOFError:
            return None
        if kind != "news":
            return kind, value
        say(value)


def _work(sending: Connection, work: Callable[..., Any], arguments: tuple) -> None:
    """Do the work, in the other process."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C at a terminal goes to all of a group, and this one hears of it from the other
    try:
        ended = ("done", work(*arguments, lambda line: sending.send(("news", line))))
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
    sending.send(ended)


@contextlib.contextmanager
def _passed_on(process: Any) -> Iterator[list[int]]:
    """Pass signals on to the process; give the list of those that came."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(number: int, frame: object) -> None:
        (process.kill if asked else process.terminate)()
        asked.append(number)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
