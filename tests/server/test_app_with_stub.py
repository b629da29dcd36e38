"""The server's event loop and its workers, with a backend that computes nothing, and without sockets."""

import asyncio
import json
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from nmt.server import rest_protocol
from nmt.server.app import Server
from nmt.server.backends import Answer, Backend, Row, SearchSettings
from nmt.signatures import SIGNATURES
from nmt.translation import Translation

PREDICT = "/v1/models/stub:predict"


class Stub(Backend):
    """Translates each text into its number of words, with an alignment of that size in both directions."""

    name, version, batch_size = "stub", 1, 64

    def __init__(self) -> None:
        self.signatures = dict(SIGNATURES)
        self.batches: list[int] = []

    def answers(self, signature: str, rows: Sequence[Row]) -> list[Answer]:
        self.batches.append(len(rows))
        return [self.answer(signature, len(text.split())) for (text,) in rows]

    def answer(self, signature: str, words: int) -> Answer:
        number, score = str(words).encode(), np.float32(-1)
        if signature == "serving_default":
            found = {"translation": number, "score": score, "source_truncated": False, "unfinished": False}
            return {name: np.array(value, object if value is number else None) for name, value in found.items()}
        pieces = np.array([b"w"] * words, object)
        return {
            "translations": np.array([number], object),
            "scores": np.array([score]),
            "source_tokens": pieces,
            "target_tokens": pieces,
            "alignment": np.zeros([words, words], np.float32),
            "source_truncated": np.array(False),
            "unfinished": np.array([False]),
        }

    def shown(
        self, texts: Sequence[str], search: SearchSettings | None = None, first: int = 0
    ) -> list[list[Translation]]:
        raise NotImplementedError


async def ask(server: Server, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Call the application as uvicorn does, and return the status and the JSON of the answer."""
    sent: list[Any] = []
    raw = b"" if body is None else json.dumps(body).encode()
    parts = [{"type": "http.request", "body": raw, "more_body": False}]

    async def receive() -> Any:
        if not parts:
            await asyncio.Event().wait()
        return parts.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"content-length", str(len(raw)).encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    await server(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:]))


def test_a_small_request_for_a_large_answer_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    written, begun, healthy = rest_protocol.written, threading.Event(), threading.Event()

    def waiting(*given: Any) -> bytes:
        begun.set()
        assert healthy.wait(2), "nobody else was answered meanwhile"
        return written(*given)

    async def both(server: Server) -> tuple[int, Any]:
        asked = asyncio.create_task(ask(server, "POST", PREDICT, body))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        assert (await ask(server, "GET", "/healthz"))[0] == 200
        healthy.set()
        return await asked

    monkeypatch.setattr(rest_protocol, "written", waiting)
    server = Server(Stub())
    # Unpadded these are 30 * 30 + 9 weights; padded to the longest 10 * 30 * 30.
    body = {"signature_name": "translate", "instances": ["a " * 30, *["a"] * 9]}
    code, answer = asyncio.run(both(server))
    assert code == 200 and np.shape([each["alignment"] for each in answer["predictions"]]) == (10, 30, 30)
    server.batcher.close()


def test_a_small_answer_takes_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    written, threads = rest_protocol.written, []

    def noting(*given: Any) -> bytes:
        threads.append(threading.current_thread())
        return written(*given)

    monkeypatch.setattr(rest_protocol, "written", noting)
    server = Server(Stub())
    body = {"signature_name": "translate", "instances": ["a b c", "a"]}
    assert asyncio.run(ask(server, "POST", PREDICT, body))[0] == 200
    assert threads == [threading.current_thread()]
    server.batcher.close()


class Meeting(Stub):
    """Answers only when two workers ask at once."""

    def __init__(self) -> None:
        super().__init__()
        self.met = threading.Barrier(2, timeout=5)

    def answers(self, signature: str, rows: Sequence[Row]) -> list[Answer]:
        self.met.wait()
        return super().answers(signature, rows)


def test_two_workers_answer_one_request() -> None:
    backend = Meeting()
    server = Server(backend, workers=2)
    texts = [" ".join("a" * (1 + i)) for i in range(11)]
    code, answer = asyncio.run(ask(server, "POST", PREDICT, {"instances": texts}))
    assert code == 200 and sorted(backend.batches) == [5, 6]
    assert [each["translation"] for each in answer["predictions"]] == [str(1 + i) for i in range(11)]
    assert asyncio.run(ask(server, "GET", "/readyz"))[0] == 200
    server.batcher.close()


def test_more_workers_have_smaller_batches() -> None:
    backend = Stub()
    server = Server(backend, workers=8)
    # Two batches of 64 rows at once are eight of 16.
    assert asyncio.run(ask(server, "POST", PREDICT, {"instances": ["a"] * 200}))[0] == 200
    assert sum(backend.batches) == 200 and max(backend.batches) == 16
    server.batcher.close()
