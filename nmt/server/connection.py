"""A connection with a time limit for its requests: the one place that uses private parts of uvicorn's HTTP protocol.

uvicorn limits the time between two requests (``timeout_keep_alive``). It limits neither the time before the first one
nor the time until the head of a request is complete, so clients could hold connections forever. It also drops a client
that closes its own side after a whole request and waits for the answer, as some proxies and scripts do. Its protocol
has no hooks for that: this module uses ``conn``, ``cycle``, ``loop`` and ``transport``, which uvicorn does not document
(tried with 0.54).
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """uvicorn's connection, closed when no complete head of a request arrives within ``head_seconds``."""

    head_seconds = 20.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep the connection until the answer to a whole request is sent, then close it."""
        waits = self._answering() and self.conn.their_state in (h11.DONE, h11.MUST_CLOSE)
        if waits:
            self.cycle.keep_alive = False
        return waits

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer:
            self._timer.cancel()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Run the timer while no request is under way."""
        if self._answering():
            if self._timer:
                self._timer.cancel()
            self._timer = None
        elif not self._timer:
            self._timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete
