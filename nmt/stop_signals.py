"""The signals that ask a process to stop: Ctrl-C, a request to terminate, and a terminal that is closed."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def stop_signals(ask: Callable[[int, Any], None]) -> Iterator[None]:
    """Handle these signals with ``ask`` within this context.

    A hang-up that is ignored, as under ``nohup``, stays ignored. Outside the main thread there are no signals.

    Arguments:
        ask: a signal handler.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    hang_up = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up and signal.getsignal(hang_up) is not signal.SIG_IGN:
        numbers.append(hang_up)
    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
