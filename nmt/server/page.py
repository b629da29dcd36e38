"""The page to translate on: one document with its own style and script, which loads from its server only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nmt.export import web_bundle
from nmt.plotting.html import served_page
from nmt.server.backends import Backend
from nmt.server.languages import Languages, language_name


class ServerPage(NamedTuple):
    """The document and the headers that go with it."""

    html: bytes
    headers: dict[str, str]


def server_page(
    backends: Sequence[Backend], languages: Languages, max_characters: int, suggestions: bool = False
) -> ServerPage:
    """Return the page for some models.

    Arguments:
        backends: the models. Without languages the first one is tried on it.
        languages: which leads from which language to which: where there are several ways, the page lets one choose.
        max_characters: the largest length of a text.
        suggestions: whether a better translation of a sentence can be suggested.
    """
    first = backends[0]
    ways = [(source, target) for source in languages.sources() for target in languages.targets(source)]
    several = len(ways) > 1
    shown = [code for code in languages.codes() if any(code in way for way in ways)]
    html, policy = served_page(
        "server",
        "Translator – nmt" if several else f"{first.name} – nmt",
        ["links.js", "weights.js", "server.js"],
        {
            "models": {
                each.name: {
                    "version": each.version,
                    "fixed": each.fixed,
                    "weak": each.weak,
                    "linked": each.linked,
                    "search": each.search and each.search._asdict(),
                }
                for each in backends
            },
            "ways": [[*way, languages.route(*way)] for way in ways],
            "names": {code: language_name(code) for code in shown},
            "through": language_name(languages.pivot),
        },
        before=f'"use strict";\n{web_bundle.joining()}',
        name=first.name,
        version=first.version,
        languages=[(code, language_name(code)) for code in shown] if several else [],
        sources=languages.sources(),
        max_characters=max_characters,
        suggestions=suggestions,
    )
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }
    return ServerPage(html.encode(), headers)
