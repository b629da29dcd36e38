"""A server for one machine: TF Serving's REST paths, and a page to try a model on.

One process: uvicorn reads requests, a worker thread translates what waits, see :mod:`nmt.server.batching`. Nothing
that a client sends or leaves out harms another: bodies, sentences, the queue and the time are bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import h11
import prometheus_client
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from nmt.errors import InputError, first_line, nearest
from nmt.plotting.fonts import hangul_font
from nmt.server import rest_protocol
from nmt.server.backends import Engine, Look, Way
from nmt.server.batching import Batcher, Full, Stopping
from nmt.server.page import server_page
from nmt.server.rest_protocol import Refused

# Bodies that are too large are read to this many bytes and thrown away, so that the client hears why.
_DISCARDED = 64_000_000
# What the page may ask for.
_MOST_BEAM, _MOST_BEST, _MOST_PENALTY, _LEAST_TEMPERATURE, _MOST_TEMPERATURE = 10, 10, 2.0, 0.1, 2.0


@dataclass(frozen=True)
class Limits:
    """What a client may ask of the server.

    Attributes:
        body: bytes of a request.
        sentences: sentences of a request.
        aligned: sentences of a request for alignments, whose answer grows with the square of their lengths.
        sentence: bytes of a sentence: cutting a very long one into pieces would hold up all others for seconds.
        characters: of a text on the page.
        waiting: sentences that may wait, of all requests together.
        seconds: until an answer.
        upload: seconds until a request has arrived.
    """

    body: int = 1_000_000
    sentences: int = 256
    aligned: int = 64
    sentence: int = 20_000
    characters: int = 2000
    waiting: int = 2048
    seconds: float = 60.0
    upload: float = 20.0


class Metrics:
    """What Prometheus reads."""

    def __init__(self) -> None:
        self.registry = registry = prometheus_client.CollectorRegistry()
        self.requests = prometheus_client.Counter(
            "nmt_requests", "Requests, by what they asked and the status.", ["path", "code"], registry=registry
        )
        self.sentences = prometheus_client.Counter("nmt_sentences", "Sentences accepted.", registry=registry)
        self.seconds = prometheus_client.Histogram(
            "nmt_request_seconds",
            "Seconds from a request to the end of its answer.",
            ["path"],
            buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
            registry=registry,
        )
        self.queue = prometheus_client.Gauge(
            "nmt_queue_sentences", "Sentences that wait for a batch.", registry=registry
        )
        self.batches = prometheus_client.Histogram(
            "nmt_batch_sentences",
            "Sentences in a batch.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=registry,
        )


class Server:
    """The application: an engine, its queue, and what is answered to whom.

    Arguments:
        engine: what translates.
        limits: what a client may ask of it.
    """

    def __init__(self, engine: Engine, limits: Limits | None = None) -> None:
        self.engine = engine
        self.limits = limits = limits or Limits()
        self.metrics = Metrics()
        self.batcher = Batcher(self._run, engine.batch_size, limits.waiting, self.metrics.batches.observe)
        self.metrics.queue.set_function(lambda: self.batcher.waiting)
        self._page = server_page(engine, limits.characters)
        routes = [
            Route("/", self._answering(self._home)),
            Route("/hangul.ttf", self._answering(self._font)),
            Route("/translate", self._answering(self._translate), methods=["POST"]),
            Route("/healthz", self._answering(self._health)),
            Route("/readyz", self._answering(self._ready)),
            Route("/metrics", self._answering(self._metrics)),
            Route("/v1/{rest:path}", self._answering(self._v1), methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]
        self._app = Starlette(routes=routes, exception_handlers={HTTPException: _refused})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as an ASGI application, and count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, path, codes = time.perf_counter(), _kind(scope["path"]), []

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                codes.append(str(message["status"]))
            await send(message)

        try:
            await self._app(scope, receive, counting)
        finally:
            self.metrics.requests.labels(path, *(codes or ["gone"])).inc()
            self.metrics.seconds.labels(path).observe(time.perf_counter() - begun)

    def _run(self, key: tuple[str, Any], rows: list[Any]) -> list[Any]:
        """Answer rows of a batch: those of a signature, or texts of the page."""
        what, how = key
        if what == "page":
            way, draw, _ = how
            return self.engine.look(rows, way, draw)
        return self.engine.answers(what, rows)

    def _answering(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """Turn what goes wrong into the body and the status that TF Serving gives."""

        async def answered(request: Request) -> Response:
            try:
                return await answer(request)
            except Refused as error:
                return JSONResponse({"error": str(error)}, error.code, error.headers)
            except ClientDisconnect:
                return Response(status_code=499)  # nobody reads it
            except Exception as error:
                logging.getLogger("nmt").error("%s failed: %s", request.url.path, first_line(error))
                return JSONResponse({"error": f"The server failed: {first_line(error)}"}, 500)

        return answered

    async def _v1(self, request: Request) -> Response:
        path = rest_protocol.asked(request.method, request.scope["path"])
        if path.verb in ("status", "metadata"):
            rest_protocol.check_served(self.engine, path)
            return JSONResponse(
                rest_protocol.status(self.engine) if path.verb == "status" else rest_protocol.metadata(self.engine)
            )
        body = await self._body(request)
        asked = await asyncio.to_thread(rest_protocol.read, self.engine, path, body, self.limits.sentences)
        if "alignment" in self.engine.signatures[asked.signature].outputs and len(asked.rows) > self.limits.aligned:
            raise Refused(400, f"{len(asked.rows)} sentences are too many to align: at most {self.limits.aligned}.")
        if any(len(value) > self.limits.sentence for row in asked.rows for value in row):
            raise Refused(413, f"A sentence has more than {self.limits.sentence:,} bytes. Cut it into sentences.")
        answers = await self._ask(request, (asked.signature, None), asked.rows)
        signature = self.engine.signatures[asked.signature]
        text = await asyncio.to_thread(rest_protocol.written, signature, answers, asked.columns)
        return Response(text, media_type="application/json")

    async def _translate(self, request: Request) -> Response:
        """Translate a text for the page: its words, and those of each translation with their weights."""
        asked = rest_protocol.document(await self._body(request))
        text = asked.pop("text", None)
        if not isinstance(text, str):
            raise Refused(400, "'text' must be a string, the sentence to translate.")
        if len(text) > self.limits.characters:
            raise Refused(
                400,
                f"The text has {len(text):,} characters, and the page takes {self.limits.characters:,}. Shorten it.",
            )
        draw = _number(asked, "draw", 0, 0, 2**31 - 1, whole=True)
        way = self._way(asked)
        if not text.strip():
            return JSONResponse({"translations": [], "truncated": False})
        # Draws depend on the number of a line, so lines that are drawn go alone.
        alone = object() if way and way.kind == "sample" else None
        (found,) = await self._ask(request, ("page", (way, int(draw), alone)), [text])
        return JSONResponse({"translations": [_shown(each) for each in found], "truncated": found[0].truncated})

    def _way(self, asked: dict[str, Any]) -> Way | None:
        """Read how to search; nothing said is how the engine does it."""
        if not asked:
            return None
        kind: Literal["greedy", "beam", "sample"] = asked.pop("how", "greedy")
        if kind not in ("greedy", "beam", "sample"):
            raise Refused(400, "'how' must be 'greedy', 'beam' or 'sample'.")
        beam = int(_number(asked, "beam", 5, 2, _MOST_BEAM, whole=True))
        usual = {"greedy": 1, "beam": beam, "sample": 5}[kind]
        most = {"greedy": 1, "beam": beam, "sample": _MOST_BEST}[kind]
        best = int(_number(asked, "n_best", usual, 1, most, whole=True))
        # Each way has a graph of its own: tenths are as fine as anybody can tell.
        penalty = round(_number(asked, "length_penalty", 0.0, 0.0, _MOST_PENALTY), 1)
        temperature = round(_number(asked, "temperature", 1.0, _LEAST_TEMPERATURE, _MOST_TEMPERATURE), 1)
        if asked:
            known = ["how", "beam", "n_best", "length_penalty", "temperature", "draw", "text"]
            raise Refused(400, f"There is no '{next(iter(asked))}'." + nearest(next(iter(asked)), known))
        # What this kind does not use must not make it another way.
        way = Way(
            kind,
            beam if kind == "beam" else 1,
            best,
            penalty if kind == "beam" else 0.0,
            temperature if kind == "sample" else 1.0,
        )
        try:
            self.engine.check(way)
        except InputError as error:
            raise Refused(400, str(error)) from None
        return way

    async def _body(self, request: Request) -> bytes:
        """Read a body, up to the limits of size and time."""
        most, read, parts = self.limits.body, 0, []
        # What is too large is read on and thrown away: who is cut off while he sends does not hear why.
        try:
            async with asyncio.timeout(self.limits.upload):
                async for part in request.stream():
                    read += len(part)
                    if read <= most:
                        parts.append(part)
                    if read > _DISCARDED:
                        break
        except TimeoutError:
            raise Refused(
                408, f"The request did not arrive within {self.limits.upload:g} seconds.", connection="close"
            ) from None
        if read > most:
            raise Refused(413, f"The request has more than {most:,} bytes. Send fewer sentences at once.")
        return b"".join(parts)

    async def _ask(self, request: Request, key: tuple[str, Any], rows: list[Any]) -> list[Any]:
        """Put rows into the queue and wait for their answers, or for the client to go away."""
        try:
            job = self.batcher.submit(key, rows)
        except Full:
            raise Refused(429, "Too many sentences are waiting. Try again in a second.", retry_after="1") from None
        except Stopping:
            raise Refused(503, "The server is being stopped.", connection="close") from None
        self.metrics.sentences.inc(len(rows))
        found = asyncio.wrap_future(job.future)
        gone = asyncio.ensure_future(request.receive())
        try:
            waiting: set[asyncio.Future[Any]] = {found, gone}
            await asyncio.wait(waiting, timeout=self.limits.seconds, return_when=asyncio.FIRST_COMPLETED)
            if found.done():
                return found.result()
            if gone.done():
                raise ClientDisconnect
            raise Refused(504, f"There was no answer within {self.limits.seconds:g} seconds. Send fewer sentences.")
        finally:
            gone.cancel()
            if not found.done():
                self.batcher.drop(job)

    async def _home(self, request: Request) -> Response:
        return Response(self._page.html, media_type="text/html; charset=utf-8", headers=self._page.headers)

    async def _font(self, request: Request) -> Response:
        font = await asyncio.to_thread(hangul_font)
        if font is None:
            raise Refused(404, "There is no font here.")
        return Response(font, media_type="font/ttf", headers={"cache-control": "max-age=86400"})

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def _ready(self, request: Request) -> Response:
        if not self.batcher.alive:
            raise Refused(503, "The server is being stopped.")
        return JSONResponse({"status": "ready", "model": self.engine.name, "version": self.engine.version})

    async def _metrics(self, request: Request) -> Response:
        text = prometheus_client.generate_latest(self.metrics.registry)
        return Response(text, headers={"content-type": prometheus_client.CONTENT_TYPE_LATEST})


class _Connection(H11Protocol):
    """A connection that answers a client who has closed its own side, and waits only so long for a request."""

    _ended = False
    _opened: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._opened and self._busy():
            self._opened.cancel()
            self._opened = None
        elif not self._opened and not self._busy():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._opened:
            self._opened.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        """Give the client some seconds for the lines before a body."""
        self._opened = self.loop.call_later(Limits.upload, self._give_up)

    def _busy(self) -> bool:
        """Say whether a request is under way."""
        return self.cycle is not None and not self.cycle.response_complete

    def eof_received(self) -> bool:  # type: ignore[override]
        if self.cycle is None and not self.conn.trailing_data[0]:
            return False
        if self.cycle is None or self.cycle.more_body:
            # What has its answer already gets no second one.
            with contextlib.suppress(h11.LocalProtocolError):
                self.send_400_response("The request breaks off.")
            return False
        self._ended = True
        return not self.cycle.response_complete

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._ended:
            self.transport.close()

    def _give_up(self) -> None:
        self._opened = None
        if not self._busy():
            self.transport.close()


def bound(host: str, port: int) -> socket.socket:
    """Take a port, before the work of opening a model.

    Raises:
        InputError: if it cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise InputError(f"There is no address '{host}' ({error.strerror}). Name another with --host.") from None
    taken = socket.socket(family, kind, protocol)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        # Two that were bound only would both believe that they have it.
        taken.listen(512)
    except OSError as error:
        taken.close()
        raise InputError(
            f"Port {port} of {host} cannot be had: {error.strerror}. Stop what uses it, or name another with --port."
        ) from None
    return taken


def address(taken: socket.socket) -> str:
    """Return the address of the page."""
    host, port = taken.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def run(server: Server, taken: socket.socket, ready: Callable[[], object]) -> None:
    """Serve until SIGINT or SIGTERM; what was accepted is answered before this returns.

    Arguments:
        server: the application.
        taken: where it listens.
        ready: called when it answers.
    """
    config = uvicorn.Config(
        server,
        http=_Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # What is being worked on ends by its own limit of time.
        timeout_graceful_shutdown=int(server.limits.seconds + server.limits.upload) + 1,
    )
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    listening = _Listening(config, ready)
    # When it has stopped in good order, uvicorn raises the signal again: that is then no news.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    try:
        listening.run(sockets=[taken])
    finally:
        # Who asks a second time does not want to wait for the rest.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        server.batcher.close()


class _Listening(uvicorn.Server):
    """uvicorn, which says when it has begun."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


async def _refused(request: Request, error: Exception) -> Response:
    """Answer for a path or a method that there is not."""
    assert isinstance(error, HTTPException)
    where = f"{request.method} {request.url.path}"
    return JSONResponse({"error": f"{error.detail}: {where}"}, error.status_code, error.headers)


def _number(asked: dict[str, Any], name: str, usual: float, least: float, most: float, whole: bool = False) -> float:
    """Take a number out of a request."""
    value = asked.pop(name, usual)
    right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not right or not least <= value <= most:
        what = "a whole number" if whole else "a number"
        raise Refused(400, f"'{name}' must be {what} from {least:g} to {most:g}.")
    return value


def _shown(look: Look) -> dict[str, Any]:
    """Return what the page draws of a translation."""
    words = look.words
    return {
        "text": look.text,
        "score": round(look.score, 4),
        "rank": round(look.rank, 4),
        "source": list(words.source) if words else None,
        "target": list(words.target) if words else None,
        "weights": [[round(float(weight), 4) for weight in row] for row in words.weights] if words else None,
    }


def _kind(path: str) -> str:
    """Return what a path asks, of a few: who asks for many paths must not fill the memory with counters."""
    if path.startswith("/v1/"):
        return next((verb for verb in ("predict", "metadata") if path.endswith(verb)), "status")
    known = {"/": "page", "/hangul.ttf": "page"}
    named = ("/translate", "/healthz", "/readyz", "/metrics")
    return known.get(path) or (path[1:] if path in named else "other")


def warm(engine: Engine) -> None:
    """Build the graphs before the first client waits for them."""
    for signature, parts in engine.signatures.items():
        engine.answers(signature, [(b"a b c",) * len(parts.inputs)])
