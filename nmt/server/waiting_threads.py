"""Threads for requests that wait for one translation after another: some, each until its client goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from nmt.server.rest_protocol import Refused

Answer = TypeVar("Answer")

# Seconds after which a thread that waits looks whether its client is still there.
_LOOK = 0.2


class WaitingClient:
    """Who waits for the answer that a thread prepares."""

    def __init__(self) -> None:
        self._left = Event()

    def leave(self) -> None:
        """Say that nobody waits any more."""
        self._left.set()

    def answer(self, future: Future[Answer], seconds: float) -> Answer:
        """Return what a future holds, as soon as it does.

        Raises:
            ClientDisconnect: when nobody waits any more.
            TimeoutError: after ``seconds``.
        """
        while not self._left.is_set():
            try:
                return future.result(min(_LOOK, max(0.0, seconds)))
            except TimeoutError:
                seconds -= _LOOK
                if seconds <= 0:
                    raise
        raise ClientDisconnect


class WaitingThreads:
    """At most ``limit`` threads, one for each request. What they do ends when the client has gone or the server stops.

    They are none of asyncio's own, which short work of every other request needs, and for which a server that stops
    would wait.
    """

    def __init__(self, limit: int) -> None:
        self._pool = ThreadPoolExecutor(limit, thread_name_prefix="nmt-waiting")
        self._free = limit

    async def run(self, request: Request, work: Callable[[WaitingClient], Answer]) -> Answer:
        """Return what ``work`` returns, which is called in a thread with the client of a request.

        Raises:
            Refused: if all threads are busy.
            ClientDisconnect: if the client goes away.
        """
        if not self._free:
            raise Refused(429, "Slowdown: too many requests are being translated", retry_after="1")
        self._free -= 1
        client = WaitingClient()
        found = asyncio.get_running_loop().run_in_executor(self._pool, work, client)
        found.add_done_callback(self._ended)
        gone = asyncio.ensure_future(request.receive())
        try:
            waiting: set[asyncio.Future[object]] = {found, gone}  # type: ignore[arg-type]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if not found.done():
                raise ClientDisconnect
            return found.result()
        finally:
            gone.cancel()
            client.leave()

    def _ended(self, found: asyncio.Future) -> None:
        self._free += 1
        if not found.cancelled():
            found.exception()  # asked for, so that asyncio does not report that nobody did
