"""What REST and gRPC share: the server's address, the interface of a transport, and the errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, unquote, urlsplit

from nmt.errors import InputError, WorkFailed
from nmt.signatures import Signature

# No answer is read beyond this: a faulty server must not fill the client's memory.
LARGEST_ANSWER = 256 * 2**20

_PORTS = {"http": 80, "https": 443, "grpc": 8500, "grpcs": 443}
_PATH = re.compile(r"(?P<prefix>.*?)(?:/v1/models/(?P<model>[^/:]+)(?:/versions/(?P<version>\d+))?)?/?")
_LOOPBACK = re.compile(r"localhost|127\.[\d.]+|::1")

# TensorFlow's names of types, as the contract of nmt.signatures writes them.
_TYPES = {"DT_STRING": "string", "DT_FLOAT": "float32"}


class ServerFailed(WorkFailed):
    """The server could not be reached, could not do the work, or sent an answer that cannot be read."""


class TimedOut(ServerFailed):
    """The deadline passed before there was an answer."""


class Unavailable(ServerFailed):
    """The server could not be reached, or was too busy: a later request may succeed."""


class RequestRefused(InputError):
    """The server read the request and refused it: asking again would change nothing."""


class UnknownModel(RequestRefused):
    """The server does not have the model, or not yet."""


class Trust(NamedTuple):
    """The authorities to trust, and the client's own certificate with its key: files in PEM."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class Metadata(NamedTuple):
    """What a server says about a model: the version that answers, and its signatures."""

    version: int | None
    signatures: dict[str, Signature]


class Transport(Protocol):
    """The interface of REST and gRPC.

    A call takes at most ``seconds``, retries included. :meth:`predict` and :meth:`metadata` are tried again while the
    server is unavailable, up to the number of retries; :meth:`states` is tried once.
    """

    def predict(self, signature: str, inputs: dict[str, list[str]], seconds: float) -> dict[str, Any]:
        """Send strings to a signature and return its outputs, as nested lists."""

    def states(self, seconds: float) -> list[str]:
        """Return the states of the versions that were asked for."""

    def metadata(self, seconds: float) -> Metadata:
        """Return the version that answers, and its signatures."""

    def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True)
class Address:
    """The address of a served model: ``SCHEME://HOST:PORT/v1/models/MODEL/versions/VERSION``.

    >>> where = Address.parse("http://localhost:8501/v1/models/ko-en")
    >>> where.host, where.port, where.model, where.path
    ('localhost', 8501, 'ko-en', '/v1/models/ko-en')
    """

    scheme: str
    host: str
    port: int
    prefix: str
    model: str
    version: int | None

    @classmethod
    def parse(cls, url: str, model: str | None = None, version: int | None = None) -> Address:
        """Read an address; the model and the version may be part of it, or given separately.

        Raises:
            InputError: if it is not the address of a model.
        """
        example = "An address is http://HOST:8501/v1/models/NAME, or https://, grpc://HOST:8500/... or grpcs://."
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise InputError(f"'{url}' is not an address: {error}. {example}") from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise InputError(f"'{url}' is not the address of a server. {example}")
        if parts.username or parts.password:
            raise InputError(
                "An address must not contain a user or a password: everybody who reads it would know them."
            )
        found = _PATH.fullmatch(parts.path)
        if found is None or parts.query or parts.fragment or "/v1/models" in found["prefix"] or ":" in found["prefix"]:
            raise InputError(f"'{url}' has more after the model. {example}")
        # In an address a name is quoted, as `nmt serve` prints it.
        written = unquote(found["model"] or "")
        named = model or written
        if not named:
            raise InputError(f"'{url}' does not say which model. {example}")
        if model and written and model != written:
            raise InputError(f"'{url}' names the model {written}, but the model {model} was given, too. Name one.")
        if not re.fullmatch(r"[^/:\s]+( [^/:\s]+)*", named):
            raise InputError(f"'{named}' is not a model's name: a name has no line breaks, slashes or colons.")
        numbered = int(found["version"]) if found["version"] else None
        if version is not None and numbered is not None and version != numbered:
            raise InputError(f"'{url}' names version {numbered}, but version {version} was given, too. Name one.")
        return cls(
            scheme=parts.scheme,
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            prefix=found["prefix"],
            model=named,
            version=numbered if version is None else version,
        )

    @property
    def secure(self) -> bool:
        """Whether what is sent is encrypted."""
        return self.scheme in ("https", "grpcs")

    @property
    def rest(self) -> bool:
        """Whether the server is asked over REST, not gRPC."""
        return self.scheme in ("http", "https")

    @property
    def near(self) -> bool:
        """Whether it is this machine, so that nothing is sent over a network."""
        return _LOOPBACK.fullmatch(self.host) is not None

    @property
    def target(self) -> str:
        """The host and the port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def path(self) -> str:
        """The path of the model in TF Serving's REST interface."""
        version = "" if self.version is None else f"/versions/{self.version}"
        return f"{self.prefix}/v1/models/{quote(self.model)}{version}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.target}"

    @property
    def wanted(self) -> str:
        """The model and the version, for a message."""
        return f"'{self.model}'" + ("" if self.version is None else f" version {self.version}")


def dtype(name: str) -> str:
    """Return the contract's name of a type.

    >>> dtype("DT_STRING"), dtype("DT_INT64")
    ('string', 'int64')
    """
    return _TYPES.get(name, name.removeprefix("DT_").lower())


def unreachable(where: Address, reason: str) -> Unavailable:
    """No server answers at the address."""
    return Unavailable(f"{where} cannot be reached: {reason}. Is the server running, and the address right?")


def busy(where: Address, reason: str) -> Unavailable:
    """The server has too much to do, or is just starting."""
    return Unavailable(f"{where} cannot answer now: {reason}. Try again later, or give more time.")


def given_up(failure: Unavailable, tries: int, near_deadline: bool = False) -> Unavailable:
    """The server stayed unavailable."""
    times = "once" if tries == 1 else f"{tries} times"
    return Unavailable(f"{failure} It was tried {times}{', then the deadline was near' if near_deadline else ''}.")


def timed_out(where: Address) -> TimedOut:
    """The deadline passed."""
    return TimedOut(
        f"{where} gave no answer before the deadline. Give more time, or send fewer sentences in a request."
    )


def untrusted(where: Address, reason: str) -> ServerFailed:
    """The two sides could not agree on an encrypted connection."""
    return ServerFailed(
        f"{where}: no trusted connection: {reason}. Name the file of the authority that signed the server's certificate"
        " (--ca, or ca=); a server may ask for a certificate of yours, too."
    )


def unknown(where: Address, reason: str) -> UnknownModel:
    """The server does not know the model."""
    return UnknownModel(f"{where} has no model {where.wanted}: {reason}. Check the name and the version.")


def refused(where: Address, reason: str) -> RequestRefused:
    """The server refuses the request."""
    return RequestRefused(f"{where} refuses the request: {reason}. Is {where.wanted} an export of `nmt export`?")


def forbidden(where: Address, reason: str) -> RequestRefused:
    """The server does not accept the client."""
    return RequestRefused(
        f"{where} refuses access: {reason}. Check the token (NMT_TOKEN, or token=) or the certificate."
    )


def too_large(where: Address) -> ServerFailed:
    """The answer is larger than the client reads."""
    return ServerFailed(
        f"{where} answers with more than {LARGEST_ANSWER:,} bytes, and no more are read."
        " Send fewer sentences in a request."
    )


def unreadable(where: Address, reason: str) -> ServerFailed:
    """The answer cannot be read."""
    return ServerFailed(f"{where} gave an answer that cannot be read: {reason}. Does a model server run there?")
