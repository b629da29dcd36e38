"""The way to a server over REST, with nothing but the standard library."""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import socket
import ssl
import time
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any

from nmt.client import transport
from nmt.client.transport import Address, Metadata, ServerFailed, Trust
from nmt.errors import InputError, first_line
from nmt.signatures import Part, Signature

_CHUNK = 2**18


class Rest:
    """Requests over HTTP/1.1. Connections are kept for the next request; several threads may ask at once.

    It goes straight to the server: the proxies of the environment are not asked.
    """

    def __init__(self, where: Address, trust: Trust, token: str | None) -> None:
        self.where = where
        self._context = _context(where, trust) if where.secure else None
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._idle: list[http.client.HTTPConnection] = []

    def predict(self, signature: str, inputs: dict[str, list[str]], seconds: float) -> dict[str, Any]:
        """Send strings to a signature and return its outputs, as nested lists."""
        body = json.dumps({"signature_name": signature, "inputs": inputs}, ensure_ascii=False).encode()
        answer = self._ask("POST", f"{self.where.path}:predict", body, seconds)
        outputs = answer.get("outputs")
        if not isinstance(outputs, dict):
            raise transport.unreadable(self.where, "it has no outputs with names")
        return outputs

    def states(self, seconds: float) -> list[str]:
        """Return the states of the versions that were asked for."""
        answer = self._ask("GET", self.where.path, None, seconds)
        try:
            return [str(each["state"]) for each in answer["model_version_status"]]
        except (KeyError, TypeError):
            raise transport.unreadable(self.where, "it does not say how the model is") from None

    def metadata(self, seconds: float) -> Metadata:
        """Return what the model expects and gives."""
        answer = self._ask("GET", f"{self.where.path}/metadata", None, seconds)
        try:
            version = answer["model_spec"].get("version")
            signatures = answer["metadata"]["signature_def"]["signature_def"]
            return Metadata(
                int(version) if version else None,
                {
                    name: Signature(_parts(each.get("inputs", {})), _parts(each.get("outputs", {})))
                    for name, each in signatures.items()
                },
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise transport.unreadable(self.where, "it does not say which signatures there are") from None

    def close(self) -> None:
        """Let go of the connections."""
        while self._idle:
            self._idle.pop().close()

    def _ask(self, method: str, path: str, body: bytes | None, seconds: float) -> dict[str, Any]:
        until = time.monotonic() + seconds
        while True:
            kept = self._kept()
            connection = kept or self._connection()
            try:
                status, headers, data = self._exchange(connection, method, path, body, until)
            except Exception as error:
                connection.close()
                if kept and isinstance(error, (ConnectionError, http.client.BadStatusLine)):
                    continue  # The server had closed it meanwhile, as it may. A new one will tell.
                raise self._meant(error) from None
            return self._understood(status, headers, data)

    def _exchange(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, until: float
    ) -> tuple[int, Message, bytes]:
        connection.timeout = _left(until)
        if connection.sock is None:
            connection.connect()
        line: socket.socket = connection.sock  # it leaves the connection before the answer is read
        line.settimeout(_left(until))
        # A server that refuses while we still write closes the connection: its answer says why.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body, self._headers)
        line.settimeout(_left(until))
        response = connection.getresponse()
        if (response.length or 0) > transport.LARGEST_ANSWER:
            raise transport.too_large(self.where)
        parts, size = [], 0
        while True:
            # A timeout of the socket is for each piece: a server that drips must not outlast the deadline.
            line.settimeout(_left(until))
            part = response.read1(_CHUNK)
            if not part:
                break
            parts.append(part)
            size += len(part)
            if size > transport.LARGEST_ANSWER:
                raise transport.too_large(self.where)
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        response.close()  # all is read, which it does not notice by itself
        if connection.sock is not None and not response.will_close:
            self._idle.append(connection)
        else:
            connection.close()
        return response.status, response.headers, b"".join(parts)

    def _meant(self, error: Exception) -> Exception:
        """Return what a failure of the connection means to who asked."""
        where = self.where
        if isinstance(error, TimeoutError):
            return transport.timed_out(where)
        if isinstance(error, ssl.SSLCertVerificationError):
            return transport.untrusted(where, error.verify_message)
        if isinstance(error, ssl.SSLEOFError):
            return transport.unreachable(where, "the connection broke off")
        if isinstance(error, ssl.SSLError):
            return transport.untrusted(where, error.reason or first_line(error))
        if isinstance(error, socket.gaierror):
            return ServerFailed(f"There is no host {where.host}: {error.strerror}. Check the address and the network.")
        if isinstance(error, UnicodeError):
            return ServerFailed(f"There is no host {where.host}: it is no name of one. Check the address.")
        if isinstance(error, (http.client.RemoteDisconnected, http.client.IncompleteRead)):
            return transport.unreachable(where, "the connection broke off before the answer was there")
        if isinstance(error, ConnectionError):
            return transport.unreachable(where, error.strerror or first_line(error))
        if isinstance(error, http.client.HTTPException):
            return transport.unreadable(where, f"it is no HTTP ({type(error).__name__})")
        if isinstance(error, OSError):
            return ServerFailed(f"{where} cannot be reached: {error.strerror or error}. Check the address.")
        return error

    def _understood(self, status: int, headers: Message, data: bytes) -> dict[str, Any]:
        """Return a good answer, or raise what another one means."""
        where = self.where
        if status == 200:
            return self._parsed(data)
        reason = f"{_reason(data) or http.client.responses.get(status, 'no reason')} ({status})"
        if status in (429, 502, 503, 504):
            raise transport.busy(where, reason, _after(headers))
        if 300 <= status < 400:
            raise transport.refused(where, f"it sends to {headers.get('Location', 'nowhere')} ({status}); ask there")
        if status in (401, 403):
            raise transport.forbidden(where, reason)
        if status == 404:
            raise transport.unknown(where, reason)
        if 400 <= status < 500:
            raise transport.refused(where, reason)
        raise ServerFailed(f"{where} failed: {reason}. Its log says more.")

    def _parsed(self, data: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(data.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            raise transport.unreadable(self.where, "it is no JSON") from None
        if not isinstance(answer, dict):
            raise transport.unreadable(self.where, "it is no JSON object")
        return answer

    def _kept(self) -> http.client.HTTPConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connection(self) -> http.client.HTTPConnection:
        if self._context:
            return http.client.HTTPSConnection(self.where.host, self.where.port, context=self._context)
        return http.client.HTTPConnection(self.where.host, self.where.port)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _context(where: Address, trust: Trust) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=trust.ca)
        if trust.certificate:
            # Without a password a key that is locked would ask for one at the terminal.
            context.load_cert_chain(trust.certificate, trust.key, password="")
    except (OSError, ValueError) as error:
        names = ", ".join(str(path) for path in trust if path)
        raise InputError(f"{names} cannot be used for {where}: {first_line(error)}. PEM files are wanted.") from None
    return context


def _reason(data: bytes) -> str:
    """Return what an answer that is no good says of itself."""
    text = data[:10_000].decode("utf-8", "replace")
    try:
        text = str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        text = text if not text.lstrip().startswith("<") else ""
    lines = text.strip().splitlines()
    return lines[0][:300].rstrip(".") if lines else ""


def _after(headers: Message) -> float:
    """Return for how many seconds the server wants to be left alone: a number, or a date."""
    wish = headers.get("Retry-After", "").strip()
    try:
        seconds = float(wish)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(wish).timestamp() - time.time()
        except (TypeError, ValueError):
            return 0.0
    return max(0.0, seconds) if math.isfinite(seconds) else 0.0


def _parts(described: dict[str, Any]) -> dict[str, Part]:
    parts = {}
    for name, each in described.items():
        sizes = [int(dim["size"]) for dim in each.get("tensor_shape", {}).get("dim", [])]
        parts[name] = Part(transport.dtype(each["dtype"]), tuple(None if size < 0 else size for size in sizes))
    return parts
