"""Connections with a time limit for their requests, and a stop that loses none: the one place that uses private parts
of uvicorn.

uvicorn limits the time between two requests (``timeout_keep_alive``). It limits neither the time before the first one
nor the time until the head of a request is complete, so clients could hold connections forever. It also drops a client
that closes its own side after a whole request and waits for the answer, as some proxies and scripts do. And when
it stops, it resets connections whose request was sent, but not read yet: those that wait to be accepted, those that
asyncio has accepted in the same turn, and those whose bytes have just arrived. uvicorn has no hooks for that: this
module uses ``conn``, ``cycle``, ``loop``, ``transport``, ``servers`` and ``lifespan``, which it does not document
(tried with 0.54).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """uvicorn's connection, closed when no complete head of a request arrives within ``head_seconds``."""

    head_seconds = 20.0
    # How long a connection without a request is kept after a stop: what was sent before the stop arrives in that time.
    last_seconds = 0.5
    _stopping = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()
        if self._stopping and self._answering():
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Answer what was sent before the stop, then close the connection."""
        self._stopping = True
        if self._answering():
            super().shutdown()
        else:
            self.loop.call_later(self.last_seconds, self._close)

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

    def _close(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()

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


class Listener(uvicorn.Server):
    """uvicorn's server, which at a stop still answers all clients that have connected before."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        listeners = sockets or []
        for listener in listeners:
            loop.remove_reader(listener)
        # Connections that asyncio has accepted get their protocol in the next turn, but not from a closed server.
        await asyncio.sleep(0)
        accepted = [connection for listener in listeners for connection in _waiting(listener)]
        for server in self.servers:
            server.close()
        for connection in accepted:
            await loop.connect_accepted_socket(self._protocol, connection)
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        return Connection(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


def _waiting(listener: socket.socket) -> Iterator[socket.socket]:
    """Accept the connections that wait for it."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # BlockingIOError: none waits
            return
        connection.setblocking(False)
        yield connection
