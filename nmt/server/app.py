"""A server for one machine: TF Serving's REST paths, LibreTranslate's, and a page to translate on.

One process: uvicorn reads requests, and worker threads translate them, see :mod:`nmt.server.batching`. Bodies,
sentences, the queue and the time are bounded, so no client can harm another.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import math
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import prometheus_client
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from nmt.documents.sentences import Place, halves, sentences
from nmt.errors import InputError, first_line, nearest
from nmt.evaluation.alignment import through, words
from nmt.plotting.fonts import hangul_font
from nmt.plotting.html import spoken_labels
from nmt.server import rest_protocol
from nmt.server.access import Access, AccessRules
from nmt.server.backends import Backend, SearchSettings
from nmt.server.batching import Batcher, Full, Stopping
from nmt.server.connection import Connection, Listener
from nmt.server.languages import Detected, Languages, language_name
from nmt.server.libretranslate import DOWNLOADS, KEYED_PATHS, OPEN_PATHS, Api
from nmt.server.page import server_page
from nmt.server.rest_protocol import Refused
from nmt.server.suggestions import Suggestions
from nmt.server.waiting_threads import WaitingClient
from nmt.translation import Translation, record

# Bodies that are too large are read up to this many bytes and thrown away, so that the client gets the reason.
_DISCARDED = 64_000_000
# A thread costs more than to read a body of at most this many bytes, or to write an answer of at most this many numbers
# and strings. Larger ones would delay all other requests.
_SMALL = 2048
# The bounds of what the page may ask for.
_MIN_BEAM = 2
_MAX_BEAM, _MAX_BEST, _MAX_PENALTY, _MIN_TEMPERATURE, _MAX_TEMPERATURE = 10, 10, 2.0, 0.1, 2.0


@dataclass(frozen=True)
class Limits:
    """The bounds of what a client may ask of the server.

    Attributes:
        body: bytes of a request.
        sentences: sentences of a request.
        aligned: sentences of a request for alignments, whose answer grows with the square of their lengths.
        sentence: bytes of a sentence: tokenizing a very long one would block all others for seconds.
        characters: of the lines that the page asks for at once.
        document: characters of a text on the page.
        waiting: sentences that may wait, of all requests together.
        seconds: until an answer.
        upload: seconds until the body of a request has arrived.
    """

    body: int = 1_000_000
    sentences: int = 256
    aligned: int = 64
    sentence: int = 20_000
    characters: int = 2000
    document: int = 100_000
    waiting: int = 2048
    seconds: float = 60.0
    upload: float = 20.0


class Metrics:
    """The counters that Prometheus reads."""

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
    """The application: a backend, its queue, and the answers to requests.

    Arguments:
        backend: the model that translates; :meth:`switch` replaces it.
        limits: the bounds of what a client may ask.
        on_start: called when the server answers.
        rules: who may ask.
        others: further models, each under its name.
        languages: which model translates which language into which.
        suggestions: where LibreTranslate's API keeps suggested translations; ``None`` if it does not.
        workers: the number of batches that are translated at once.
    """

    def __init__(
        self,
        backend: Backend,
        limits: Limits | None = None,
        on_start: Callable[[], object] = lambda: None,
        rules: AccessRules | None = None,
        others: Sequence[Backend] = (),
        languages: Languages | None = None,
        suggestions: Suggestions | None = None,
        workers: int = 1,
    ) -> None:
        self.limits = limits = limits or Limits()
        self._languages = languages = languages or Languages({})
        self._suggestions = suggestions
        self.backends = {each.name: each for each in (backend, *others)}
        self.metrics = Metrics()
        self.batcher = Batcher(
            self._run,
            # The memory of two batches at once is that of any number.
            size=max(1, 2 * backend.batch_size // max(2, workers)),
            max_waiting=limits.waiting,
            report=self.metrics.batches.observe,
            workers=workers,
        )
        self.metrics.queue.set_function(lambda: self.batcher.waiting)
        self.switch(backend)
        rules = rules or AccessRules()
        api = Api(
            languages,
            body=self._body,
            search=self._searched,
            key=rules.token,
            suggestions=suggestions,
            stand_ins=lambda name: self.backends[name].stand_ins,
        )
        routes = [
            Route("/", self._answering(self._home)),
            Route("/hangul.ttf", self._answering(self._font)),
            Route("/page/sentences", self._answering(self._sentences), methods=["POST"]),
            Route("/page/translate", self._answering(self._translate), methods=["POST"]),
            Route("/translate", self._answering(api.translate), methods=["POST"]),
            Route("/detect", self._answering(api.detect), methods=["POST"]),
            Route("/suggest", self._answering(api.suggest), methods=["POST"]),
            Route("/translate_file", self._answering(api.translate_file), methods=["POST"]),
            Route("/download_file/{name:str}", self._answering(api.download)),
            Route("/languages", self._answering(api.languages)),
            Route("/frontend/settings", self._answering(api.settings)),
            Route("/health", self._answering(api.health)),
            Route("/healthz", self._answering(self._health)),
            Route("/readyz", self._answering(self._ready)),
            Route("/metrics", self._answering(self._metrics)),
            Route("/v1/{rest:path}", self._answering(self._v1), methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]

        @contextlib.asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            on_start()
            yield

        app = Starlette(routes=routes, exception_handlers={HTTPException: _refused}, lifespan=lifespan)
        self._app = Access(app, rules, open_paths=(*OPEN_PATHS, DOWNLOADS), keyed_paths=KEYED_PATHS)

    def switch(self, backend: Backend) -> None:
        """Answer later requests with a backend. Those that have begun are answered by the one before."""
        self.backends[backend.name] = backend
        page = server_page(
            list(self.backends.values()), self._languages, self.limits.document, self._suggestions is not None
        )
        self.backend, self._page = next(iter(self.backends.values())), page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as an ASGI application, and count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, path, codes = time.perf_counter(), _label(scope["path"]), []

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                codes.append(str(message["status"]))
            await send(message)

        try:
            await self._app(scope, receive, counting)
        finally:
            self.metrics.requests.labels(path, *(codes or ["gone"])).inc()
            self.metrics.seconds.labels(path).observe(time.perf_counter() - begun)

    def _run(self, key: tuple[Backend, str, Any], rows: list[Any]) -> list[Any]:
        """Answer rows of a batch: those of a signature, or texts of the page."""
        backend, what, how = key
        if what == "page":
            search, first, _ = how
            return backend.shown([text for _, text in rows], search, first + rows[0][0])
        return backend.answers(what, rows)

    def _answering(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """Turn errors into the body and the status that TF Serving gives."""

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
        path = rest_protocol.parse_path(request.method, request.scope["path"])
        if path.verb in ("status", "metadata"):
            backend = self.backends.get(path.name, self.backend)
            rest_protocol.check_served(backend, path)
            return JSONResponse(
                rest_protocol.status(backend) if path.verb == "status" else rest_protocol.metadata(backend)
            )
        body = await self._body(request)
        backend = self.backends.get(path.name, self.backend)
        read = partial(rest_protocol.read, backend, path, body, max_sentences=self.limits.sentences)
        asked = read() if len(body) <= _SMALL else await asyncio.to_thread(read)
        signature = backend.signatures[asked.signature]
        if "alignment" in signature.outputs and len(asked.rows) > self.limits.aligned:
            raise Refused(400, f"{len(asked.rows)} sentences are too many to align: at most {self.limits.aligned}.")
        if any(len(text.encode()) > self.limits.sentence for row in asked.rows for text in row):
            raise Refused(413, f"A sentence has more than {self.limits.sentence:,} bytes. Cut it into sentences.")
        answers = await self._ask(request, (backend, asked.signature, None), asked.rows)
        written = partial(rest_protocol.written, signature, answers, asked.columns)
        # A small request can have a large answer: all alignments are padded to the longest.
        small = rest_protocol.padded_size(answers) <= _SMALL
        text = written() if small else await asyncio.to_thread(written)
        return Response(text, media_type="application/json")

    async def _translate(self, request: Request) -> Response:
        """Translate each line of a text for the page, and return the words and the weights of each translation.

        With ``source`` and ``target`` they choose the model, or two: the best translation of the first is what the
        second translates.
        """
        asked = rest_protocol.document(await self._body(request))
        text = asked.pop("text", None)
        if not isinstance(text, str):
            raise Refused(400, "'text' must be a string, a sentence on each line.")
        if len(text) > self.limits.characters:
            raise Refused(
                400,
                f"The text has {len(text):,} characters, but the page takes {self.limits.characters:,}. Shorten it.",
            )
        draw = int(_number(asked, "draw", default=0, minimum=0, maximum=2**31 - 1, whole=True))
        *before, backend = self._way(asked.pop("source", ""), asked.pop("target", ""))
        search = _search(backend, asked)
        # A line break ends a sentence, as in a file. Further ones are read as \r is in a file.
        lines = re.split(r"\r?\n", text)
        if len(lines) > self.limits.aligned:
            raise Refused(400, f"{len(lines)} lines are too many for the page: at most {self.limits.aligned}.")
        # Draws depend on the number of a line, so requests that sample are not joined with others.
        alone = object() if search and search.strategy == "sample" else None
        if not text.strip():
            return JSONResponse({"sentences": [_sentence(line, []) for line in lines]})
        read: list[str] = lines
        firsts: list[Translation | None] = [None] * len(lines)
        for other in before:
            found = await self._ask(request, (other, "page", (None, 0, None)), list(enumerate(read)))
            firsts = [best for best, *_ in found]
            read = [best.text for best, *_ in found]
        found = await self._ask(request, (backend, "page", (search, draw, alone)), list(enumerate(read)))

        def shown() -> list[dict[str, Any]]:
            rows = zip(lines, found, firsts, strict=True)
            return [_sentence(line, best if line.strip() else [], first) for line, best, first in rows]

        return JSONResponse({"sentences": await asyncio.to_thread(shown)})

    async def _sentences(self, request: Request) -> Response:
        """Split a text of the page into its sentences, or one that is too long into two parts."""
        asked = rest_protocol.document(await self._body(request))
        text, halved = asked.get("text"), asked.get("halved", False)
        source, target = asked.get("source", ""), asked.get("target", "")
        if not isinstance(text, str) or not isinstance(halved, bool):
            raise Refused(400, "'text' must be a string, and 'halved' true or false.")
        if not isinstance(source, str) or not isinstance(target, str):
            raise Refused(400, "'source' and 'target' must be codes of languages, such as 'ko'.")
        if len(text) > self.limits.document:
            raise Refused(
                400, f"The text has {len(text):,} characters, but the page takes {self.limits.document:,}. Shorten it."
            )

        def parts() -> dict[str, Any]:
            detected = self._detected(text, target) if source == "auto" else {}
            language = detected.get("source", source).partition("_")[0]
            places = halves(text, Place(0, len(text))) if halved else sentences(text, language)
            found, end = [], 0
            for place in places:
                found.append({"between": text[end : place.start], "text": text[place.start : place.end]})
                end = place.end
            return {"parts": found, "end": text[end:], **detected}

        return JSONResponse(await asyncio.to_thread(parts))

    def _way(self, source: Any, target: Any) -> list[Backend]:
        """Return the models that lead from a language to another, the first model if none are named."""
        if not source and not target:
            return [self.backend]
        names = self._languages.route(source, target) if isinstance(source, str) and isinstance(target, str) else []
        if not names:
            raise Refused(400, f"No model leads from '{source}' to '{target}'.")
        return [self.backends[name] for name in names]

    def _detected(self, text: str, target: str) -> dict[str, Any]:
        """Return which language a text seems to be in, of those that are translated into another.

        Of a text that is surely in none of them, such as one without letters, it is the first of them.
        """
        sources = [code for code in self._languages.sources() if self._languages.route(code, target)]
        if not sources:
            raise Refused(400, f"No model leads to '{target}'.")
        found = self._languages.detect(text)[0]
        if not found.confidence and found.language not in sources:
            found = Detected(sources[0], 0.0)
        name = language_name(found.language)
        if found.language == target:
            raise Refused(400, f"The text seems to be in {name} already. If it is not, choose its language.")
        if not self._languages.route(found.language, target):
            into = language_name(target)
            raise Refused(400, f"The text seems to be in {name}, and no model leads from there into {into}.")
        return {"source": found.language, "confidence": found.confidence}

    def _searched(self, name: str, texts: Sequence[str], n_best: int, client: WaitingClient) -> list[list[Translation]]:
        """Translate sentences in the queue, and wait for them. It is called in a thread that may wait.

        The time is that of these sentences: of a file there may be many more before and after.
        """
        backend = self.backends[name]
        search = None
        if n_best > 1 and not backend.fixed:
            search = SearchSettings("beam", beam=max(_MIN_BEAM, n_best), n_best=n_best)
        found: list[list[Translation]] = []
        together = min(self.limits.aligned, self.limits.waiting)
        ends = time.monotonic() + self.limits.seconds
        for start in range(0, len(texts), together):
            try:
                job = self.batcher.submit(
                    (backend, "page", (search, 0, None)), list(enumerate(texts[start : start + together]))
                )
            except Full:
                raise Refused(429, "Slowdown: too many sentences are waiting", retry_after="1") from None
            except Stopping:
                raise Refused(503, "The server is being stopped.", connection="close") from None
            self.metrics.sentences.inc(len(job.rows))
            try:
                answers: list[list[Translation]] = client.answer(job.future, ends - time.monotonic())
            except TimeoutError:
                raise Refused(504, f"There is no answer after {self.limits.seconds:g} seconds. Send less.") from None
            finally:
                if not job.future.done():
                    self.batcher.drop(job)
            found += answers
        return found

    async def _body(self, request: Request, max_bytes: int = 0) -> bytes:
        """Read a body, up to the limits of size and time."""
        max_bytes, read, parts = max_bytes or self.limits.body, 0, []
        # The rest of a body that is too large is read and thrown away: a client that is cut off while it sends does not
        # get the reason.
        try:
            async with asyncio.timeout(self.limits.upload):
                async for part in request.stream():
                    read += len(part)
                    if read <= max_bytes:
                        parts.append(part)
                    if read > _DISCARDED:
                        break
        except TimeoutError:
            raise Refused(
                408, f"The request did not arrive within {self.limits.upload:g} seconds.", connection="close"
            ) from None
        if read > max_bytes:
            raise rest_protocol.too_large(max_bytes)
        encoding = ", ".join(request.headers.getlist("content-encoding"))
        return rest_protocol.decompressed(b"".join(parts), encoding, max_bytes)

    async def _ask(self, request: Request, key: tuple[Backend, str, Any], rows: list[Any]) -> list[Any]:
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
            raise Refused(504, f"There is no answer after {self.limits.seconds:g} seconds. Send fewer sentences.")
        finally:
            gone.cancel()
            if not found.done():
                self.batcher.drop(job)

    async def _home(self, request: Request) -> Response:
        page = self._page
        return Response(page.html, media_type="text/html; charset=utf-8", headers=page.headers)

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
        backend = self.backend
        return JSONResponse({"status": "ready", "model": backend.name, "version": backend.version})

    async def _metrics(self, request: Request) -> Response:
        text = prometheus_client.generate_latest(self.metrics.registry)
        return Response(text, headers={"content-type": prometheus_client.CONTENT_TYPE_LATEST})


def listening_socket(host: str, port: int) -> socket.socket:
    """Listen on a port, before a model is opened, which takes long.

    Raises:
        InputError: if it cannot be used.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        # If the parts of a name are empty or too long, Python says only that it cannot be encoded.
        reason = error.strerror if isinstance(error, OSError) else "a part of it is empty, too long or not allowed"
        raise InputError(f"There is no address '{host}' ({reason}). Name another with --host.") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Two processes can bind the same port, and only one can listen.
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise InputError(
            f"Port {port} of {host} cannot be used: {error.strerror}. Stop what uses it, or name another with --port."
        ) from None
    return listener


def address(listener: socket.socket) -> str:
    """Return the address of the page."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def run(server: Server, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; what was accepted is answered before this returns."""
    config = uvicorn.Config(
        server,
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # Requests that are being answered end by their own limits of time.
        timeout_graceful_shutdown=int(server.limits.seconds + server.limits.upload) + 1,
    )
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    # uvicorn raises the signals again when it has stopped, and here that must do nothing.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    try:
        Listener(config).run(sockets=[listener])
    finally:
        # A second signal ends the process without waiting for the rest.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        server.batcher.close()


async def _refused(request: Request, error: Exception) -> Response:
    """Answer for a path or a method that does not exist."""
    assert isinstance(error, HTTPException)
    where = f"{request.method} {request.url.path}"
    return JSONResponse({"error": f"{error.detail}: {where}"}, error.status_code, error.headers)


def _search(backend: Backend, asked: dict[str, Any]) -> SearchSettings | None:
    """Read how to search. Without any key, the backend's own settings apply."""
    if not asked:
        return None
    strategy: Literal["greedy", "beam", "sample"] = asked.pop("how", "greedy")
    if strategy not in ("greedy", "beam", "sample"):
        raise Refused(400, "'how' must be 'greedy', 'beam' or 'sample'.")
    beam = int(_number(asked, "beam", default=5, minimum=2, maximum=_MAX_BEAM, whole=True))
    default = {"greedy": 1, "beam": beam, "sample": 5}[strategy]
    max_best = {"greedy": 1, "beam": beam, "sample": _MAX_BEST}[strategy]
    n_best = int(_number(asked, "n_best", default=default, minimum=1, maximum=max_best, whole=True))
    # Each value needs its own graph, and nobody can tell finer steps than tenths apart.
    penalty = round(_number(asked, "length_penalty", default=0.0, minimum=0.0, maximum=_MAX_PENALTY), 1)
    temperature = _number(asked, "temperature", default=1.0, minimum=_MIN_TEMPERATURE, maximum=_MAX_TEMPERATURE)
    if asked:
        known = ["how", "beam", "n_best", "length_penalty", "temperature", "draw", "text"]
        raise Refused(400, f"There is no '{next(iter(asked))}'." + nearest(next(iter(asked)), known))
    search = SearchSettings(
        strategy=strategy, beam=beam, n_best=n_best, length_penalty=penalty, temperature=round(temperature, 1)
    )
    try:
        backend.check(search)
    except InputError as error:
        raise Refused(400, str(error)) from None
    return search


def _number(
    asked: dict[str, Any], name: str, *, default: float, minimum: float, maximum: float, whole: bool = False
) -> float:
    """Remove a number from a request and return it."""
    value = asked.pop(name, default)
    valid = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not valid or not minimum <= value <= maximum:
        kind = "a whole number" if whole else "a number"
        raise Refused(400, f"'{name}' must be {kind} from {minimum:g} to {maximum:g}.")
    return value


def _sentence(text: str, found: list[Translation], first: Translation | None = None) -> dict[str, Any]:
    """Return the JSON of a sentence and its translations, the best first; a blank one has none.

    Arguments:
        text: the sentence.
        found: its translations.
        first: the translation that they are translations of, if it is not the sentence itself.
    """
    read = [each for each in (first, *found[:1]) if each]
    return {
        "text": text,
        "translations": [_drawn(each, first) for each in found],
        "source_truncated": bool(found) and any(each.source_truncated for each in read),
        **({"through": first.text} if first else {}),
    }


def _drawn(translation: Translation, first: Translation | None = None) -> dict[str, Any]:
    """Return the JSON of a translation, for the page to draw: its record, and its alignment of words."""
    if first:
        # How likely it is that the sentence between them was right is not in the confidence of the second model.
        translation = dataclasses.replace(translation, confidence=None, word_confidences=())
    found = record(translation, ("text", "score", "rank", "unfinished"))
    # What the page marks: words that are likely wrong or, without a confidence, those of which the model was unsure.
    found["confidence"] = None if translation.confidence is None else round(translation.confidence, 4)
    sure = _sure(translation)
    aligned = translation.words() if translation.alignment is not None else None
    if aligned and first:
        aligned = through(first.words(), aligned) if first.alignment is not None else None
    if aligned is None:
        return {**found, "sure": sure, "source": None, "target": None, "labels": None, "weights": None}
    return {
        **found,
        "sure": sure,
        "source": aligned.source,
        "target": aligned.target,
        "labels": spoken_labels(aligned, linked=None),
        "weights": aligned.weights.round(4).tolist(),
    }


def _sure(translation: Translation) -> list[list[Any]] | None:
    """Return each word with its confidence or, without one, with the probability of its least likely piece.

    ``None`` where an export does not tell it.
    """
    if translation.confidence is not None:
        return [[word, round(share, 4)] for word, share in translation.word_confidences]
    if not translation.token_scores:
        return None
    found = words(translation.tokens)
    worst = [0.0] * len(found.words)
    for place, score in zip(found.places, translation.token_scores, strict=False):
        worst[place] = min(worst[place], score)
    return [[word, round(math.exp(score), 4)] for word, score in zip(found.words, worst, strict=True)]


def _label(path: str) -> str:
    """Return the label of a path, one of a few: a client that asks for many paths must not fill the memory."""
    if path.startswith("/v1/"):
        return next((verb for verb in ("predict", "metadata") if path.endswith(verb)), "status")
    known = {"/": "page", "/hangul.ttf": "page"}
    named = ("/healthz", "/readyz", "/metrics", *KEYED_PATHS, *OPEN_PATHS)
    if path in ("/page/translate", "/page/sentences"):
        return path[1:].replace("/", "_")
    return known.get(path) or (path[1:].replace("/", "_") if path in named else "other")


def warm(backend: Backend) -> None:
    """Build the graphs before the first client waits for them."""
    for signature, parts in backend.signatures.items():
        backend.answers(signature, [("a b c",) * len(parts.inputs)])
