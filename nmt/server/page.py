"""The page to try a model on: one document with its own style and script, which loads from its server only."""

from __future__ import annotations

from typing import NamedTuple

from nmt.plotting.html import served_page
from nmt.server.backends import Backend


class ServerPage(NamedTuple):
    """The document and the headers that go with it."""

    html: bytes
    headers: dict[str, str]


def server_page(backend: Backend, max_characters: int) -> ServerPage:
    """Return the page for a model.

    Arguments:
        backend: the model that is tried on it.
        max_characters: the largest length of a text.
    """
    html, policy = served_page(
        "server",
        f"{backend.name} – nmt",
        ["links.js", "weights.js", "server.js"],
        {"fixed": backend.fixed, "search": backend.search and backend.search._asdict()},
        name=backend.name,
        version=backend.version,
        max_characters=max_characters,
    )
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }
    return ServerPage(html.encode(), headers)
