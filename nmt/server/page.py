"""The page that a model is tried on: one document with its own style and script, which asks nobody but its server."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import json
from functools import cache
from html import escape
from importlib import resources
from pathlib import Path

from nmt.server.backends import Backend


class Page:
    """The document and the headers that go with it.

    Arguments:
        backend: the model that is tried on it.
        characters: that a text may have.
    """

    def __init__(self, backend: Backend, characters: int) -> None:
        style, script = _part("page.css"), _part("page.js")
        model = {
            "name": backend.name,
            "version": backend.version,
            "fixed": backend.fixed,
            "way": backend.search and backend.search._asdict(),
        }
        parts = {
            "name": escape(backend.name),
            "version": str(backend.version),
            "characters": str(characters),
            "style": style,
            # A "</script>" in a name must not end it.
            "model": json.dumps(model).replace("<", "\\u003c"),
            "script": script,
        }
        html = _part("page.html")
        for name, text in parts.items():
            html = html.replace(f"<!--{name}-->", text)
        self.html = html.encode()
        self.headers = {
            "content-security-policy": "; ".join(
                [
                    "default-src 'none'",
                    f"style-src '{_digest(style)}'",
                    f"script-src '{_digest(script)}'",
                    "connect-src 'self'",
                    "font-src 'self'",
                    "img-src data:",
                    "base-uri 'none'",
                    "form-action 'none'",
                    "frame-ancestors 'none'",
                ]
            ),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-cache",
        }


@cache
def hangul_font() -> bytes | None:
    """Return a font for Hangul, for a browser on a machine that has none."""
    # Its __init__ would change the font of everything drawn in this process; looking for it does not run it.
    package = importlib.util.find_spec("koreanize_matplotlib")
    places = (package.submodule_search_locations or []) if package else []
    path = next((path for place in places if (path := Path(place, "fonts", "NanumGothic.ttf")).is_file()), None)
    if path is None:
        return None
    from fontTools.ttLib import TTFont

    font, written = TTFont(path, lazy=True), io.BytesIO()
    # Notes of the font's makers to themselves, for which browsers refuse the whole of it.
    for table in [tag for tag in font.keys() if tag.startswith("TSI")]:  # noqa: SIM118 (it is no mapping)
        del font[table]
    font.save(written, reorderTables=None)
    return written.getvalue()


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _part(name: str) -> str:
    """Return the text of a file beside this one."""
    return resources.files("nmt.server").joinpath(name).read_text(encoding="utf-8")
