"""What uvicorn's own limits let through, and whom it hangs up on."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from nmt.server.connection import Connection, Listener

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
SILENT = {
    "nothing": (),
    "half a head": (b"GET / HT",),
    "half a head after a request": (REQUEST, b"GET / HT"),
}


class Hasty(Connection):
    head_seconds = 0.2


@asynccontextmanager
async def connected(
    kind: type[H11Protocol], app: Any
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Run uvicorn with connections of a kind, and open one."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=kind, timeout_keep_alive=1, lifespan="off", log_config=None))
    running = asyncio.create_task(server.serve([listening]))
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.should_exit = True
        await running


async def is_closed(kind: type[H11Protocol], *parts: bytes, within: float) -> bool:
    """Send parts, read the answer to each whole request, and see whether the server hangs up then."""
    async with connected(kind, PlainTextResponse("fine")) as (reader, writer):
        for part in parts:
            writer.write(part)
            if part == REQUEST:
                assert (await reader.readuntil(b"fine")).startswith(b"HTTP/1.1 200 ")
        try:
            async with asyncio.timeout(within):
                assert await reader.read() == b""
        except TimeoutError:
            return False
        return True


@pytest.mark.parametrize("parts", SILENT.values(), ids=SILENT)
def test_a_connection_without_a_request_is_closed(parts: tuple[bytes, ...]) -> None:
    assert asyncio.run(is_closed(Hasty, *parts, within=4))


def test_uvicorn_alone_leaves_them_open() -> None:
    """If this fails, uvicorn has such a limit, and nmt.server.connection can go."""

    async def all_of_them() -> list[bool]:
        return await asyncio.gather(*(is_closed(H11Protocol, *parts, within=1.5) for parts in SILENT.values()))

    assert asyncio.run(all_of_them()) == [False] * len(SILENT)


def test_an_answer_may_take_longer_than_a_head() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.5)
        await PlainTextResponse("fine")(scope, receive, send)

    async def talk() -> bytes:
        async with connected(Hasty, slow) as (reader, writer):
            writer.write(REQUEST)
            return await reader.readuntil(b"fine")

    assert asyncio.run(talk()).startswith(b"HTTP/1.1 200 ")


async def heard_after_closing_the_own_side(kind: type[H11Protocol]) -> bytes:
    """Send a whole request, close this side of the connection, and read until the server hangs up."""

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.2)
        await PlainTextResponse("fine")(scope, receive, send)

    async with connected(kind, slow) as (reader, writer):
        writer.write(REQUEST)
        writer.write_eof()
        async with asyncio.timeout(4):
            return await reader.read()


def test_who_closed_its_own_side_after_a_request_is_answered() -> None:
    heard = asyncio.run(heard_after_closing_the_own_side(Hasty))
    assert heard.startswith(b"HTTP/1.1 200 ") and heard.endswith(b"fine")


def test_uvicorn_alone_does_not_answer_it() -> None:
    assert asyncio.run(heard_after_closing_the_own_side(H11Protocol)) == b""


async def heard_at_a_stop(server_kind: type[uvicorn.Server], kind: type[H11Protocol]) -> list[bytes]:
    """Send requests in the moment before a stop, over three new connections and one that was idle, and read."""
    listening = socket.create_server(("127.0.0.1", 0))
    clients = [socket.create_connection(listening.getsockname(), timeout=4)]

    class Late(server_kind):  # type: ignore[misc, valid-type]
        async def on_tick(self, counter: int) -> bool:
            if self.should_exit:
                clients.extend(socket.create_connection(clients[0].getpeername(), timeout=4) for _ in range(3))
                for client in clients:
                    client.sendall(REQUEST)
            return await super().on_tick(counter)

    server = Late(uvicorn.Config(PlainTextResponse("fine"), http=kind, lifespan="off", log_config=None))
    running = asyncio.create_task(server.serve([listening]))
    await asyncio.sleep(0.05)
    server.should_exit = True
    await running
    return [heard(client) for client in clients]


def heard(client: socket.socket) -> bytes:
    """Return what a client hears until the server hangs up."""
    parts = []
    with client, suppress(ConnectionResetError):
        while part := client.recv(65536):
            parts.append(part)
    return b"".join(parts)


def test_a_stop_answers_who_has_sent_before() -> None:
    for found in asyncio.run(heard_at_a_stop(Listener, Connection)):
        assert found.startswith(b"HTTP/1.1 200 ") and found.endswith(b"fine")


def test_uvicorn_alone_resets_them() -> None:
    assert asyncio.run(heard_at_a_stop(uvicorn.Server, H11Protocol)) == [b""] * 4
