"""Requests to a server over REST."""

from __future__ import annotations

import json
import ssl
import time
from http.client import HTTPException, RemoteDisconnected
from http.client import responses as reasons
from typing import Any

import urllib3
from urllib3 import exceptions
from urllib3.response import BaseHTTPResponse

from nmt.client import transport
from nmt.client.transport import Address, Metadata, ServerFailed, Trust, Unavailable
from nmt.errors import InputError, first_line
from nmt.signatures import Signature, TensorInfo

_CHUNK = 2**18
# Connections that are kept for later requests.
_KEPT = 16
# The statuses of a server that is busy or starting. A prediction changes nothing there, so it may be sent again.
_BUSY = (429, 502, 503, 504)
# The pauses between tries, in seconds: none before the second try, then about 0.2, 0.4, ... 5.
_RETRY = urllib3.Retry(allowed_methods=None, backoff_factor=0.1, backoff_jitter=0.1, backoff_max=5.0)


class Rest:
    """Requests over HTTP/1.1. Several threads may ask at once.

    Connections are kept for later requests. Proxies of the environment are not used, and redirects not followed.
    """

    def __init__(self, where: Address, trust: Trust, token: str | None, retries: int) -> None:
        self.where = where
        self._retry = _RETRY.new(total=retries)
        self._pool = (
            urllib3.HTTPSConnectionPool(where.host, where.port, maxsize=_KEPT, ssl_context=_context(where, trust))
            if where.secure
            else urllib3.HTTPConnectionPool(where.host, where.port, maxsize=_KEPT)
        )
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def predict(self, signature: str, inputs: dict[str, list[str]], seconds: float) -> dict[str, Any]:
        body = json.dumps({"signature_name": signature, "inputs": inputs}, ensure_ascii=False).encode()
        answer = self._persist("POST", f"{self.where.path}:predict", body, seconds)
        outputs = answer.get("outputs")
        if not isinstance(outputs, dict):
            raise transport.unreadable(self.where, "it has no outputs with names")
        return outputs

    def states(self, seconds: float) -> list[str]:
        response, data = self._exchange("GET", self.where.path, None, time.monotonic() + seconds)
        answer = self._understood(response, data)
        try:
            return [str(each["state"]) for each in answer["model_version_status"]]
        except (KeyError, TypeError):
            raise transport.unreadable(self.where, "it does not say the state of the model") from None

    def metadata(self, seconds: float) -> Metadata:
        answer = self._persist("GET", f"{self.where.path}/metadata", None, seconds)
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
        self._pool.close()

    def _persist(self, method: str, path: str, body: bytes | None, seconds: float) -> dict[str, Any]:
        """Ask until there is an answer or a refusal, or no try or time is left.

        ``urlopen`` has its own loop for retries, but it knows no deadline for all tries together and ends before the
        body of the answer. So the loop is here, and urllib3's ``Retry`` counts the tries and computes the pauses.
        """
        until, retry = time.monotonic() + seconds, self._retry
        while True:
            response = None
            try:
                response, data = self._exchange(method, path, body, until)
                return self._understood(response, data)
            except Unavailable as failure:
                try:
                    error = None if response else exceptions.ProtocolError()
                    retry = retry.increment(method, path, response=response, error=error)
                except exceptions.MaxRetryError:
                    raise transport.given_up(failure, len(retry.history) + 1) from None
                pause = max(retry.get_backoff_time(), _retry_after(retry, response))
                if time.monotonic() + pause >= until:
                    raise transport.given_up(failure, len(retry.history), near_deadline=True) from None
                time.sleep(pause)

    def _exchange(self, method: str, path: str, body: bytes | None, until: float) -> tuple[BaseHTTPResponse, bytes]:
        """Send a request once and read the answer, of any status."""
        while True:
            opened = self._pool.num_connections
            try:
                response = self._pool.urlopen(
                    method,
                    path,
                    body=body,
                    headers=self._headers,
                    retries=False,
                    timeout=urllib3.Timeout(total=_left(until)),
                    preload_content=False,
                    decode_content=False,
                )
                return response, self._read(response, until)
            except exceptions.ProtocolError as error:
                reused = self._pool.num_connections == opened
                if reused and isinstance(_cause(error), ConnectionError):
                    continue  # The server may close a connection that was kept, so a new one is tried.
                raise self._meant(error) from None
            except (exceptions.HTTPError, OSError, HTTPException) as error:
                raise self._meant(error) from None

    def _read(self, response: BaseHTTPResponse, until: float) -> bytes:
        """Read a body, up to the limits of size and time."""
        parts, size = [], 0
        try:
            if (getattr(response, "length_remaining", None) or 0) > transport.LARGEST_ANSWER:
                raise transport.too_large(self.where)
            while True:
                # A socket's timeout is for each part: a server that sends them slowly must also keep to the deadline.
                left = _left(until)
                if (connection := response.connection) and (sock := getattr(connection, "sock", None)):
                    sock.settimeout(left)
                part = response.read1(_CHUNK)
                if not part:
                    break
                parts.append(part)
                size += len(part)
                if size > transport.LARGEST_ANSWER:
                    raise transport.too_large(self.where)
            response.release_conn()
        except BaseException:
            response.close()
            raise
        return b"".join(parts)

    def _meant(self, error: Exception) -> ServerFailed:
        """Return what a failure of the connection means to the caller."""
        where, cause = self.where, _cause(error)
        if isinstance(cause, TimeoutError | exceptions.ReadTimeoutError):
            return transport.timed_out(where)
        if isinstance(error, exceptions.NameResolutionError):
            reason = getattr(cause, "strerror", None) or first_line(cause)
            return ServerFailed(f"There is no host {where.host}: {reason}. Check the address and the network.")
        if isinstance(error, exceptions.LocationValueError) or isinstance(cause, UnicodeError):
            return ServerFailed(f"There is no host {where.host}: it is not a valid name. Check the address.")
        if isinstance(cause, ssl.SSLCertVerificationError):
            return transport.untrusted(where, cause.verify_message)
        if isinstance(cause, ssl.SSLEOFError):
            return transport.unreachable(where, "the connection broke off")
        if isinstance(cause, ssl.SSLError):
            return transport.untrusted(where, cause.reason or first_line(cause))
        if isinstance(cause, RemoteDisconnected | exceptions.IncompleteRead):
            return transport.unreachable(where, "the connection broke off before the answer arrived")
        if isinstance(cause, ConnectionError):
            return transport.unreachable(where, cause.strerror or first_line(cause))
        if isinstance(cause, HTTPException | exceptions.HTTPError):
            return transport.unreadable(where, f"it is not HTTP ({type(cause).__name__})")
        reason = getattr(cause, "strerror", None) or first_line(cause)
        return ServerFailed(f"{where} cannot be reached: {reason}. Check the address.")

    def _understood(self, response: BaseHTTPResponse, data: bytes) -> dict[str, Any]:
        """Return the document of a good answer, or raise the error that another answer means."""
        where, status = self.where, response.status
        if status == 200:
            return self._parsed(data)
        reason = f"{_reason(data) or reasons.get(status, 'no reason')} ({status})"
        if status in _BUSY:
            raise transport.busy(where, reason)
        if 300 <= status < 400:
            to = response.headers.get("Location", "nowhere")
            raise transport.refused(where, f"it redirects to {to} ({status}); ask there")
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
            raise transport.unreadable(self.where, "it is not JSON") from None
        if not isinstance(answer, dict):
            raise transport.unreadable(self.where, "it is not a JSON object")
        return answer


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _cause(error: BaseException) -> BaseException:
    """Return the error that urllib3 wrapped, or the error itself."""
    if isinstance(error, exceptions.HTTPError):
        for inner in (*reversed(error.args), error.__cause__, error.__context__):
            if isinstance(inner, BaseException):
                return _cause(inner)
    return error


def _retry_after(retry: urllib3.Retry, response: BaseHTTPResponse | None) -> float:
    """Return the seconds of a ``Retry-After``, or 0 where there is none that can be read."""
    try:
        return (response and retry.get_retry_after(response)) or 0.0
    except exceptions.InvalidHeader:
        return 0.0


def _context(where: Address, trust: Trust) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=trust.ca)
        if trust.certificate:
            # Without this argument, a locked key would ask for its password at the terminal.
            context.load_cert_chain(trust.certificate, trust.key, password="")
    except (OSError, ValueError) as error:
        names = ", ".join(str(path) for path in trust if path)
        raise InputError(f"{names} cannot be used for {where}: {first_line(error)}. PEM files are needed.") from None
    return context


def _reason(data: bytes) -> str:
    """Return the reason that an answer gives for its failure."""
    text = data[:10_000].decode("utf-8", "replace")
    try:
        text = str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        text = text if not text.lstrip().startswith("<") else ""
    lines = text.strip().splitlines()
    return lines[0][:300].rstrip(".") if lines else ""


def _parts(described: dict[str, Any]) -> dict[str, TensorInfo]:
    parts = {}
    for name, each in described.items():
        sizes = [int(dim["size"]) for dim in each.get("tensor_shape", {}).get("dim", [])]
        parts[name] = TensorInfo(transport.dtype(each["dtype"]), tuple(None if size < 0 else size for size in sizes))
    return parts
