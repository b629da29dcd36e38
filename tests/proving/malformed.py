"""Malformed requests to `nmt serve`: broken HTTP, and bodies that are no requests.

Each is answered with a code from 400 to 499, or its connection is closed; the server answers a good request after each
thousand, and its memory stays level.
"""

from __future__ import annotations

import json
import random
import re
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from servers import Serving, serving, tiny_model

from proving.hostile_lines import broken, hostile_line
from proving.proof import Proof, options

CLIENTS = 8
SECONDS = 15.0
# Bytes of memory that the server may gain after the first tenth of the requests.
GROWTH = 150_000_000
GOOD = {"instances": ["나는 밥을 먹었다"]}
PATH = "/v1/models/model:predict"


def broken_http(rng: random.Random) -> bytes:
    """Draw bytes that are not a request, or one that contradicts itself."""
    body = json.dumps(GOOD, ensure_ascii=False).encode()
    head = [f"POST {PATH} HTTP/1.1".encode(), b"Host: 127.0.0.1", b"Content-Type: application/json"]
    length = b"Content-Length: %d" % len(body)

    def whole(*more: bytes, content: bytes = body, first: bytes | None = None) -> bytes:
        return b"\r\n".join([first or head[0], *head[1:], *more]) + b"\r\n\r\n" + content

    chunked = b"Transfer-Encoding: chunked"
    kinds: list[Callable[[], bytes]] = [
        lambda: rng.randbytes(rng.randrange(1, 3000)) + b"\r\n\r\n",
        lambda: whole(
            chunked,
            content=rng.choice(
                [
                    b"zz\r\n",
                    b"-5\r\nabc",
                    b"ffffffffffffffffff\r\nabc",
                    b"5\r\nabcdefgh\r\n0\r\n\r\n",
                    b"5;" + b"x" * 70000 + b"\r\n",
                    b"\0\r\n\r\n",
                ]
            ),
        ),
        lambda: whole(chunked, length),
        lambda: whole(
            b"Transfer-Encoding: "
            + rng.choice([b"gzip", b"chunked, gzip", b"identity, chunked", b"\x0bchunked", b"xchunked"])
        ),
        lambda: whole(
            b"Content-Length: "
            + rng.choice([b"-1", b"+5", b"1e3", b"0x10", b"", b"9" * 400, b"5, 6", b" 5 5", b"\xd9\xa3"])
        ),
        lambda: whole(length, b"Content-Length: %d" % (len(body) + 1)),
        lambda: whole(b"Content-Length: %d" % (len(body) - rng.randrange(1, len(body)))),
        lambda: whole(length, b"X: " + b"a" * rng.choice([70_000, 300_000])),
        lambda: whole(*(b"X-%d: a" % i for i in range(5000))),
        lambda: whole(
            length,
            rng.choice(
                [
                    b"No colon",
                    b": empty",
                    b"Sp ace: a",
                    b"Nul: a\0b",
                    b"Two: a\rb",
                    b" folded",
                    b"\xffe: a",
                    b"X\x7f: a",
                ]
            ),
        ),
        lambda: whole(
            length,
            first=rng.choice(
                [
                    b"POST",
                    b"POST /",
                    b"POST  / HTTP/1.1",
                    b"POST / HTTP/9.9",
                    b"POST / HTTP/1.1 x",
                    b"P\0ST / HTTP/1.1",
                    b"GET /\0 HTTP/1.1",
                    b"GET " + b"/a" * 50_000 + b" HTTP/1.1",
                    b"get / http/1.1",
                    b"PRI * HTTP/2.0",
                    b"\x16\x03\x01\x02\x00\x01",
                    b"\r\n\r\nGET",
                ]
            ),
        ),
        lambda: body.join([b"\r\n\r\n"] * rng.randrange(1, 50)) or b"\0",
        lambda: _cut(rng, whole(length)),
        # Good requests in one go, then what is none.
        lambda: (
            whole(length) * rng.randrange(1, 4)
            + rng.choice([b"\0" * 100, b"GET\r\n\r\n", rng.randbytes(50)])
            + b"\r\n\r\n"
        ),
        lambda: whole(b"Expect: 200-maybe", b"Content-Length: -3"),
        lambda: whole(
            length,
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Version: 1",
            first=b"GET /v1/no HTTP/1.1",
        ),
        lambda: head[0] + b"\n" + b"\n".join(head[1:]) + b"\nContent-Length: x\n\n",
    ]
    return rng.choice(kinds)()


def bad_request(rng: random.Random) -> tuple[str, str, bytes]:
    """Draw a method, a path and a body that make no request of TF Serving's REST protocol, or of the page."""
    method, path, body = "POST", PATH, json.dumps(GOOD, ensure_ascii=False).encode()
    kind = rng.randrange(8)
    if kind == 0:
        return method, path, broken(rng)
    if kind == 1:
        return method, path, _cut(rng, body)
    if kind == 2:
        return (
            method,
            path,
            rng.choice(
                [
                    b"[" * 100_000,
                    b'{"a":' * 50_000,
                    b"9" * 5000,
                    b'{"instances": [1e999]}',
                    b'{"instances": ["\\ud800"]}',
                    b'{"instances": NaN}',
                    b"\0",
                    b"",
                    b" " * 99,
                    b"\xef\xbb\xbf{}",
                    b'{"instances": [{"b64": "?"}]}',
                    b"null",
                    b'"a"',
                    b"{}",
                    b'{"instances": "a", "inputs": "a"}',
                    b'{"instances": ["a"], "instances": [{}]}',
                    b'{"inputs": {"text": ["a"], "": []}}',
                ]
            ),
        )
    if kind == 3:
        return method, path, json.dumps({rng.choice(["instances", "inputs", "instance"]): _wrong(rng, 4)}).encode()
    if kind == 4:
        name = rng.choice(["", "score", "translate", "serving_default", None, 1, [], hostile_line(rng)])
        return method, path, json.dumps({"signature_name": name, "instances": _wrong(rng, 3)}).encode()
    if kind == 5:
        count, word = rng.choice([(257, "a"), (5000, "a"), (1, "a" * 30_000), (1, "a" * 1_500_000)])
        return method, path, json.dumps({"instances": [word] * count}).encode()
    if kind == 6:
        asked = {
            "text": rng.choice(["a", 1, None, [], "a" * 3000]),
            rng.choice(["how", "beam", "n_best", "x"]): _wrong(rng, 2),
        }
        return method, "/page/translate", json.dumps(asked).encode()
    method = rng.choice(["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "X"])
    place = rng.choice(
        [
            "/v1/models/other:predict",
            "/v1/models/model:classify",
            "/v1/models/model/versions/9:predict",
            "/v1/..",
            "/v1/models/model/versions/" + "9" * 30 + ":predict",
            "/%00",
            "/v1/%ff%fe",
            "/../../etc/passwd",
            "//",
            "/no",
            "/v1/models/%6dodel%3Apredictx",
            "*",
            "/v1/models/" + "a" * 9000 + ":predict",
        ]
    )
    return method, place, body


def _cut(rng: random.Random, whole: bytes) -> bytes:
    return whole[: rng.randrange(1, len(whole) - 1)]


def _wrong(rng: random.Random, depth: int) -> Any:
    """Draw a value that is no list of sentences: somewhere in it is what is no string."""
    kind = rng.randrange(8 if depth else 4)
    if kind < 4:
        return rng.choice(
            [None, True, 0, -1, 1.5, 10**30, {}, {"b64": 1}, {"b64": "a"}, {"text": 1}, {"b64": "YQ==", "text": "a"}]
        )
    if kind < 6:
        return [hostile_line(rng) for _ in range(rng.randrange(3))] + [_wrong(rng, depth - 1)]
    return {rng.choice(["text", "b64", "source", "target", hostile_line(rng)]): _wrong(rng, depth - 1), "": None}


def exchange(port: int, data: bytes) -> bytes:
    """Send bytes, close that side, and return what comes back until the server closes.

    Raises:
        TimeoutError: if it does not.
    """
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                answer += part
        except (ConnectionError, OSError) as error:
            # A server that refuses need not read the rest.
            if isinstance(error, TimeoutError):
                raise
    return answer


def statuses(answer: bytes) -> list[int]:
    """Return the codes of the answers on a connection."""
    return [int(code) for code in re.findall(rb"(?:^|\n|[}\]])HTTP/1\.1 (\d{3}) ", answer)]


def request(method: str, path: str, body: bytes) -> bytes:
    """Return the bytes of a request whose HTTP is right."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def resident(process: int) -> int:
    """Return the memory of a process, in bytes; 0 where the system does not say."""
    try:
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def prove(proof: Proof, server: Serving, count: int) -> None:
    """Send ``count`` malformed requests, a good one after each thousand."""
    process, grown_from = server.process.pid, 0

    def one(number: int) -> None:
        rng = random.Random(f"{proof.seed} {number}")
        http = number % 2 == 0
        data = broken_http(rng) if http else request(*bad_request(rng))
        case = f"request {number} {data[:150]!r}"
        try:
            codes = statuses(exchange(server.port, data))
        except TimeoutError:
            proof.fault(case, f"no end within {SECONDS:g} seconds")
            return
        # What stands before the broken part of a connection may be a good request.
        if any(code >= 500 for code in codes) or (not http and codes and not 400 <= codes[-1] < 500):
            proof.fault(case, f"answered {codes}")

    with ThreadPoolExecutor(CLIENTS) as pool:
        for start in range(0, count, 1000):
            size = min(1000, count - start)
            list(pool.map(one, range(start, start + size)))
            proof.add("broken HTTP", -(-size // 2))
            proof.add("bad bodies and paths", size // 2)
            good = exchange(server.port, request("POST", PATH, json.dumps(GOOD).encode()))
            if statuses(good) != [200]:
                proof.fault(f"after request {start + size}", f"a good request is answered {good[:200]!r}")
                return
            memory = resident(process)
            if start <= count // 10:
                grown_from = max(grown_from, memory)
            elif memory > grown_from + GROWTH:
                proof.fault(f"after request {start + size}", f"memory grew from {grown_from:,} to {memory:,} bytes")
                return
            print(f"malformed: {start + size:,} requests, {memory:,} bytes", file=sys.stderr)
    if "Traceback" in server.news or " failed: " in server.news:
        proof.fault("log of the server", server.news[-2000:])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the proof."""
    asked = options(__doc__ or "", 100_000, arguments)
    proof = Proof("malformed", "requests", asked.seed)
    with tempfile.TemporaryDirectory(prefix="pytest-of-") as name:
        # tiny_model shares what it trains in a folder inside one of this name.
        place = Path(name, "proof")
        place.mkdir()
        with serving(tiny_model(place / "model"), place / "news", installed=True) as server:
            prove(proof, server, asked.count)
            if code := server.stop():
                proof.fault("stop", f"code {code}: {server.news[-2000:]}")
    return proof.end()


if __name__ == "__main__":
    sys.exit(main())
