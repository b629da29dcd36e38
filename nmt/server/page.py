"""The page to try a model on: one document with its own style and script, which loads nothing but from its server."""

from __future__ import annotations

from typing import NamedTuple

from nmt.plotting.html import served_page
from nmt.server.backends import Engine


class ServerPage(NamedTuple):
    """The document and the headers that go with it."""

    html: bytes
    headers: dict[str, str]


def server_page(engine: Engine, characters: int) -> ServerPage:
    """Return the page for a model.

    Arguments:
        engine: what is tried on it.
        characters: that a text may have.
    """
    html, policy = served_page(
        "server",
        f"{engine.name} – nmt",
        {"fixed": engine.fixed, "way": engine.way and engine.way._asdict()},
        name=engine.name,
        version=engine.version,
        characters=characters,
    )
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }
    return ServerPage(html.encode(), headers)
