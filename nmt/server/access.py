"""Who may ask a server: the machine itself by default, and those who know its token.

A page in a browser can send requests to any address that the browser reaches, this machine included. Three checks keep
pages of others out:

- ``Host`` must be a name of this server. A page elsewhere can point a name of its own at 127.0.0.1 ("DNS rebinding"),
  but its browser still sends that name.
- ``Origin``, which browsers send with each request of a page, must be the server itself or be allowed.
- A body must be JSON or say nothing of its type. A form, which a page may send anywhere without asking first, is
  refused.

Where others reach the server, its name is not known, and a token takes the place of the first check.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nmt.errors import InputError

# What a form of a page can be sent as, without asking first.
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")

# Plug-ins of browsers ask under these.
_EXTENSIONS = ("moz-extension", "chrome-extension", "safari-web-extension")

# What a visitor without the token may have: the page, where it is typed, and what only says that the server runs.
_OPEN_PATHS = ("/", "/hangul.ttf", "/healthz", "/readyz")


@dataclass(frozen=True)
class AccessRules:
    """Who may ask.

    Attributes:
        hosts: names and addresses that ``Host`` may have, with any port, so that a forwarded port works; ``None`` for
            every one.
        origins: pages of other servers that may ask, each as ``http://HOST:PORT``.
        token: what ``Authorization: Bearer`` must hold; empty for none.
    """

    hosts: frozenset[str] | None = None
    origins: frozenset[str] = frozenset()
    token: str = field(default="", repr=False)


class Access:
    """ASGI middleware that answers only requests that are allowed.

    Arguments:
        app: the application behind it.
        rules: who may ask.
        open_paths: what a visitor without the token may have, too; one that ends in a slash stands for all below it.
        keyed_paths: paths that look for the token in the body, if it is in no header.
    """

    def __init__(
        self, app: ASGIApp, rules: AccessRules, open_paths: Iterable[str] = (), keyed_paths: Iterable[str] = ()
    ) -> None:
        self.app = app
        self.rules = rules
        self._open = frozenset({*_OPEN_PATHS, *open_paths})
        self._keyed = frozenset(keyed_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request, or answer why not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        allowed = origin in self.rules.origins
        refusal = self._refusal(scope, headers, allowed)
        if refusal is None and allowed and scope["method"] == "OPTIONS":
            refusal = _preflight()
        if not self.rules.origins:
            await (refusal or self.app)(scope, receive, send)
            return

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.append("vary", "Origin")
                if allowed and origin is not None:
                    answer["access-control-allow-origin"] = origin
            await send(message)

        await (refusal or self.app)(scope, receive, named)

    def _refusal(self, scope: Scope, headers: Headers, allowed: bool) -> Response | None:
        """Return why a request is refused."""
        hosts = headers.getlist("host")
        if self.rules.hosts is not None and (len(hosts) != 1 or _name(hosts[0]) not in self.rules.hosts):
            return _refused(
                421,
                "This server is not known by the name in 'Host'. Ask it at its own address, or start it with --host.",
            )
        origin = headers.get("origin")
        if origin is not None and not allowed and not _same(origin, hosts):
            return _refused(403, "Pages of other servers may not ask this one. --allow-origin allows one by name.")
        if scope["method"] == "OPTIONS" and allowed:
            return None  # a browser asks what is allowed, without the token
        if headers.get("content-type", "").partition(";")[0].strip().lower() in _FORMS and _has_form(headers):
            return _refused(415, "A form is not understood here. Send JSON, with 'Content-Type: application/json'.")
        known = bool(self.rules.token) and self._known(headers)
        scope["nmt.known"] = known
        if self.rules.token and not known and not self._is_open(scope["path"]) and scope["path"] not in self._keyed:
            return JSONResponse(
                {"error": "This server needs its token: send it as 'Authorization: Bearer TOKEN'."},
                401,
                {"www-authenticate": "Bearer"},
            )
        return None

    def _is_open(self, path: str) -> bool:
        """Return whether a visitor without the token may have a path."""
        return path in self._open or path[: path.rfind("/") + 1] in self._open - {"/"}

    def _known(self, headers: Headers) -> bool:
        """Return whether a request has the token, in a time that does not tell how much of it was right."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(
            given.strip().encode("latin-1"), self.rules.token.encode()
        )


def is_loopback(address: str) -> bool:
    """Return whether an address is reached from this machine only.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("192.0.2.7")
    (True, True, False, False)
    """
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def rules(
    host: str, address: str, *, token: str = "", open_to_all: bool = False, origins: Iterable[str] = ()
) -> AccessRules:
    """Return the rules that fit an address.

    Arguments:
        host: the name that the user gave the server.
        address: the address that it listens on.
        token: what a request must hold; empty for none.
        open_to_all: whether everybody who reaches the address may ask without a token.
        origins: pages of other servers that may ask.

    Raises:
        InputError: if others reach the address and there is neither a token nor ``open_to_all``, or a token or an
            origin is not valid.
    """
    if token and not (token.isascii() and token.isprintable() and token == token.strip()):
        raise InputError("NMT_TOKEN has characters that no header can hold. Use letters, digits and signs of ASCII.")
    for origin in origins:
        if not _is_origin(origin):
            raise InputError(f"--allow-origin needs the address of a page's server, http://HOST:PORT, not '{origin}'.")
    near = is_loopback(address)
    if not near and not token and not open_to_all:
        raise InputError(
            f"Others reach {host}, so the server needs a token there: set NMT_TOKEN in the environment. "
            "With --open it answers everybody."
        )
    # The names under which others know this machine are not known here.
    hosts = frozenset({"localhost", "127.0.0.1", "::1", address.lower(), host.lower()}) if near else None
    return AccessRules(hosts, frozenset(origins), "" if open_to_all else token)


def _is_origin(text: str) -> bool:
    """Return whether a text is an origin as a browser writes it.

    >>> _is_origin("https://example.org:8443"), _is_origin("https://example.org/"), _is_origin("*")
    (True, False, False)
    >>> _is_origin("moz-extension://6a1b2c3d-0000-4e5f")
    True
    """
    scheme, _, netloc = text.partition("://")
    return (
        scheme in ("http", "https") and re.fullmatch(r"[a-z0-9.\-]+(:\d+)?|\[[0-9a-f:]+\](:\d+)?", netloc) is not None
    ) or (scheme in _EXTENSIONS and re.fullmatch(r"[A-Za-z0-9\-]+", netloc) is not None)


def _name(host: str) -> str:
    """Return the name in a ``Host`` header, without the port.

    >>> _name("LOCALHOST:8501"), _name("[::1]:8501"), _name("127.0.0.1")
    ('localhost', '::1', '127.0.0.1')
    """
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _same(origin: str, hosts: list[str]) -> bool:
    """Return whether a page is the server's own: the port counts, because other servers run on the same machine."""
    scheme, _, netloc = origin.lower().partition("://")
    return scheme in ("http", "https") and hosts != [] and netloc == hosts[0].strip().lower()


def _has_form(headers: Headers) -> bool:
    # A page sends its forms with Origin or, from older browsers, with Referer or Sec-Fetch-Site. curl -d also says
    # that it sends a form, and sends none of these.
    return any(name in headers for name in ("origin", "referer", "sec-fetch-site"))


def _preflight() -> Response:
    """Answer a browser that asks whether a page may send JSON and a token."""
    return Response(
        status_code=204,
        headers={
            "access-control-allow-methods": "GET, POST",
            "access-control-allow-headers": "authorization, content-type",
            "access-control-max-age": "600",
        },
    )


def _refused(code: int, reason: str) -> Response:
    return JSONResponse({"error": reason}, code, {"connection": "close"})
