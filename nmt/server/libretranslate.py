"""The API of LibreTranslate, as programs that translate through a server speak it.

``POST /translate`` ``/detect`` ``/translate_file`` ``/suggest``, ``GET /languages`` ``/frontend/settings``
``/health``: paths, keys, answers and errors are those of https://docs.libretranslate.com. Requests are JSON or forms.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote

from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nmt.documents import html_pages
from nmt.documents.files import KINDS, READERS, kind_of, open_file
from nmt.documents.parts import Parts, said
from nmt.errors import InputError
from nmt.markup.translate import Unaligned, translate_parts
from nmt.server import rest_protocol
from nmt.server.kept_files import KeptFiles
from nmt.server.languages import Detected, Languages, language_name
from nmt.server.rest_protocol import Refused
from nmt.server.suggestions import Suggestions, one_cell
from nmt.server.waiting_threads import WaitingClient, WaitingThreads
from nmt.translation import Translation

# A client may send the token in the body, as the key of the API; so these paths check it themselves.
KEYED_PATHS = ("/translate", "/detect", "/translate_file", "/suggest")
# What anybody may see: which languages there are, that the server runs, and files whose names nobody can guess.
OPEN_PATHS = ("/languages", "/frontend/settings", "/health")
DOWNLOADS = "/download_file/"
MAX_CHARACTERS, MAX_TEXTS, MAX_FILE, MAX_ALTERNATIVES = 100_000, 128, 8_000_000, 5
# A form holds a text in each field, and what else is asked.
_FIELDS = MAX_TEXTS + 20
# Translated files wait in memory to be fetched: the bytes of all, and the seconds they wait.
_KEPT_BYTES, _KEPT_SECONDS = 256_000_000, 600.0
# Requests that are translated at once. A file takes long, so files have threads of their own.
_TEXTS_AT_ONCE, _FILES_AT_ONCE = 64, 8

# Searches sentences with the model of a name: the sentences, how many translations of each are wanted, and who waits.
Search = Callable[[str, Sequence[str], int, WaitingClient], list[list[Translation]]]


class Api:
    """The answers to LibreTranslate's requests.

    Arguments:
        languages: what is served.
        body: reads the body of a request, up to a number of bytes.
        search: translates sentences; called in a thread that may wait.
        key: what the key of the API must be; empty for none.
        suggestions: where suggested translations are kept; ``None`` if they are not.
        stand_ins: words that the model of a name knows, see :func:`nmt.markup.placeholders.keeping`.
    """

    def __init__(
        self,
        languages: Languages,
        body: Callable[..., Any],
        search: Search,
        key: str = "",
        suggestions: Suggestions | None = None,
        stand_ins: Callable[[str], Sequence[str]] = lambda name: (),
    ) -> None:
        self._languages, self._body, self._search, self._key = languages, body, search, key
        self._suggestions, self._stand_ins = suggestions, stand_ins
        self._files = KeptFiles(_KEPT_BYTES, _KEPT_SECONDS)
        self._text_threads, self._file_threads = WaitingThreads(_TEXTS_AT_ONCE), WaitingThreads(_FILES_AT_ONCE)

    async def languages(self, request: Request) -> Response:
        """Answer which languages there are."""
        served = self._languages
        return JSONResponse(
            [
                {"code": code, "name": language_name(code), "targets": [*served.targets(code), code]}
                for code in served.codes()
            ]
        )

    async def settings(self, request: Request) -> Response:
        """Answer what a front end asks before anything else."""
        codes = self._languages.sources()
        first = codes[0] if codes else ""
        target = next(iter(self._languages.targets(first)), "")
        return JSONResponse(
            {
                "charLimit": MAX_CHARACTERS,
                "frontendTimeout": 500,
                "apiKeys": bool(self._key),
                "keyRequired": bool(self._key),
                "suggestions": self._suggestions is not None,
                "filesTranslation": True,
                "supportedFilesFormat": list(KINDS),
                "language": {
                    "source": {"code": first, "name": language_name(first)},
                    "target": {"code": target, "name": language_name(target)},
                },
            }
        )

    async def health(self, request: Request) -> Response:
        """Answer that the server runs."""
        return JSONResponse({"status": "ok"})

    async def detect(self, request: Request) -> Response:
        """Answer which of the languages a text may be in."""
        asked = await self._asked(request)
        text = _needed(asked, "q")
        if not isinstance(text, str):
            raise Refused(400, "Invalid request: q must be a string")
        found = await asyncio.to_thread(self._languages.detect, text[:MAX_CHARACTERS])
        return JSONResponse([each._asdict() for each in found])

    async def suggest(self, request: Request) -> Response:
        """Keep a better translation that somebody suggests."""
        asked = await self._asked(request)
        if self._suggestions is None:
            raise Refused(403, "Suggestions are disabled on this server.")
        q, s, source, target = (_needed(asked, name) for name in ("q", "s", "source", "target"))
        for name, text in (("q", q), ("s", s)):
            if not isinstance(text, str) or not one_cell(text):
                raise Refused(400, f"Invalid request: {name} must be a string with text")
            if len(text) > MAX_CHARACTERS:
                raise Refused(400, f"Invalid request: request ({len(text)}) exceeds text limit ({MAX_CHARACTERS})")
        if not self._route(source, target):
            raise Refused(400, "Invalid request: source and target must be two languages")
        try:
            kept = await asyncio.to_thread(self._suggestions.add, source, target, text=q, suggested=s)
        except OSError as error:
            # Only the log says where: the folders of a server are nothing to a client.
            logging.getLogger("nmt").error("/suggest failed: %s", error)
            raise Refused(500, "The server could not keep the suggestion.") from None
        if not kept:
            raise Refused(507, "No more suggestions are kept on this server.")
        return JSONResponse({"success": True})

    async def translate(self, request: Request) -> Response:
        """Translate a text, or several."""
        asked = await self._asked(request)
        q, source, target = (_needed(asked, name) for name in ("q", "source", "target"))
        form = asked.get("format") or "text"
        several = isinstance(q, list)
        texts = q if several else [q]
        if not all(isinstance(text, str) for text in texts):
            raise Refused(400, "Invalid request: q must be a string or a list of strings")
        if form not in ("text", "html"):
            raise Refused(400, f"{form} format is not supported")
        if len(texts) > MAX_TEXTS:
            raise Refused(400, f"Invalid request: request ({len(texts)}) exceeds batch limit ({MAX_TEXTS})")
        if (size := sum(map(len, texts))) > MAX_CHARACTERS:
            raise Refused(400, f"Invalid request: request ({size}) exceeds text limit ({MAX_CHARACTERS})")
        alternatives = _alternatives(asked.get("alternatives"))
        self._check_codes(*([] if source == "auto" else [source]), target)
        if source == "auto":
            found = await asyncio.to_thread(lambda: self._sources([_said(text, form) for text in texts]))
        else:
            found = [Detected(source, 100.0)] * len(texts)
        routes = [self._route(each.language, target) for each in found]
        try:
            work = partial(self._written, texts, routes, form=form, alternatives=alternatives)
            written = await self._text_threads.run(request, work)
        except InputError as error:
            raise Refused(400, f"Invalid request: {error}") from None
        answer: dict[str, Any] = {
            "translatedText": [one.texts[0] for one in written] if several else written[0].texts[0]
        }
        if any(one.unfinished for one in written):
            answer["unfinished"] = [one.unfinished for one in written] if several else True
        if source == "auto":
            detected = [each._asdict() for each in found]
            answer["detectedLanguage"] = detected if several else detected[0]
        if alternatives:
            others = [one.texts[1:] for one in written]
            answer["alternatives"] = others if several else others[0]
        return JSONResponse(answer)

    async def translate_file(self, request: Request) -> Response:
        """Translate a file, and answer where it can be fetched."""
        raw = await self._body(request, MAX_FILE)
        if not _is_form(request, "multipart/form-data"):
            raise Refused(400, "Invalid request: missing file parameter")
        form = await _parts(request, raw, max_files=1)
        self._check_key(request, form.get("api_key"))
        file = form.get("file")
        if file is None or isinstance(file, str):
            raise Refused(400, "Invalid request: missing file parameter")
        source, target = (_needed(dict(form), name) for name in ("source", "target"))
        name = file.filename or ""
        try:
            kind_of(name)
        except InputError:
            raise Refused(400, "Invalid request: file format not supported") from None
        content = await file.read()
        if not self._files.has_room():
            raise Refused(429, "Slowdown: too many translated files wait to be fetched", retry_after="60")

        def work(client: WaitingClient) -> tuple[bytes, bool]:
            opened = open_file(content, name)
            given = source
            if source == "auto":
                given = self._sources(["\n".join(map(said, opened.texts))])[0].language
            route = self._route(given, target)
            try:
                found = self._texts(opened.texts, [route] * len(opened.texts), client)
            except Unaligned:
                opened = open_file(content, name, inline=False)
                found = self._texts(opened.texts, [route] * len(opened.texts), client)
            return opened.written([best.parts for best, *_ in found]), any(best.unfinished for best, *_ in found)

        try:
            written, unfinished = await self._file_threads.run(request, work)
        except InputError as error:
            raise Refused(400, str(error)) from None
        stem, _, ending = name.rpartition(".")
        translated = f"{stem}.{target}.{ending}".rpartition("/")[2].rpartition("\\")[2]
        key = self._files.add(translated, written, kind_of(translated))
        where = str(request.url.replace(path=f"{DOWNLOADS}{key}", query="", fragment=""))
        return JSONResponse({"translatedFileUrl": where, **({"unfinished": True} if unfinished else {})})

    async def download(self, request: Request) -> Response:
        """Answer with a translated file."""
        kept = self._files.fetch(request.path_params["name"])
        if kept is None:
            raise Refused(404, "There is no such file, or not any more. Translate it again.")
        disposition = f"attachment; filename*=UTF-8''{quote(kept.name, safe='')}"
        headers = {"content-disposition": disposition, "x-content-type-options": "nosniff"}
        return Response(kept.content, media_type="application/octet-stream", headers=headers)

    async def _asked(self, request: Request) -> dict[str, Any]:
        """Read a request, JSON or a form of either kind, and check its key."""
        raw = await self._body(request)
        values: dict[str, list[str]] | None = None
        if _is_form(request, "multipart/form-data"):
            form = await _parts(request, raw)
            values = {name: [each for each in form.getlist(name) if isinstance(each, str)] for name in form}
        elif _is_form(request, "application/x-www-form-urlencoded"):
            try:
                values = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_FIELDS)
            except ValueError:
                raise Refused(400, f"Invalid request: the form has more than {_FIELDS} fields") from None
        asked: dict[str, Any]
        if values is None:
            asked = rest_protocol.document(raw)
        else:
            asked = {name: each[0] if len(each) == 1 else each for name, each in values.items()}
        self._check_key(request, asked.pop("api_key", None))
        return asked

    def _check_key(self, request: Request, key: Any) -> None:
        if not self._key or request.scope.get("nmt.known"):
            return
        if not isinstance(key, str) or not key:
            raise Refused(403, "Please contact the server operator to get an API key")
        if not secrets.compare_digest(key.encode("utf-8", "replace"), self._key.encode()):
            raise Refused(403, "Invalid API key")

    def _check_codes(self, *codes: Any) -> None:
        served = self._languages.codes()
        for code in codes:
            if code not in served:
                raise Refused(400, f"{code} is not supported")

    def _sources(self, texts: Sequence[str]) -> list[Detected]:
        """Return the likeliest language of each text."""
        if not self._languages.codes():
            raise Refused(400, "auto is not supported")
        # As the documentation says, a short text among several is judged by all of them.
        whole = self._languages.detect("\n".join(texts)[:MAX_CHARACTERS])[0]
        return [self._languages.detect(text)[0] if len(text) > 40 else whole for text in texts]

    def _route(self, source: Any, target: Any) -> list[str]:
        """Return the models that lead from a language to another; none if it is the same."""
        self._check_codes(source, target)
        route = self._languages.route(source, target)
        if not route and source != target:
            raise Refused(
                400,
                f"{language_name(target)} ({target}) is not available as a target language from "
                f"{language_name(source)} ({source})",
            )
        return route

    def _written(
        self, texts: Sequence[str], routes: Sequence[list[str]], client: WaitingClient, *, form: str, alternatives: int
    ) -> list[_Written]:
        """Return for each text its translation, then the others that were asked for."""
        found = self._opened(texts, routes, client, form=form, alternatives=alternatives, inline=True)
        return [each._replace(texts=list(dict.fromkeys(each.texts))) for each in found]

    def _opened(
        self,
        texts: Sequence[str],
        routes: Sequence[list[str]],
        client: WaitingClient,
        *,
        form: str,
        alternatives: int,
        inline: bool,
    ) -> list[_Written]:
        kind = ".html" if form == "html" else ".txt"
        opened = [READERS[kind](text, "q", "", inline) for text in texts]
        of_each = [len(each.texts) for each in opened]
        flat = [route for route, count in zip(routes, of_each, strict=True) for _ in range(count)]
        try:
            parts = [parts for each in opened for parts in each.texts]
            left = iter(self._texts(parts, flat, client, alternatives))
        except Unaligned:
            if not inline:
                raise
            return self._opened(texts, routes, client, form=form, alternatives=alternatives, inline=False)
        written = []
        for each, count in zip(opened, of_each, strict=True):
            found = [next(left) for _ in range(count)]
            numbers = range(alternatives + 1 if found else 1)
            of_text = [each.written([one[n].parts for one in found]).decode() for n in numbers]
            written.append(_Written(of_text, any(best.unfinished for best, *_ in found)))
        return written

    def _texts(
        self, texts: Sequence[Parts], routes: Sequence[list[str]], client: WaitingClient, alternatives: int = 0
    ) -> list[list[_Made]]:
        """Return for each text its translation, then as many others as are asked for; some may be equal."""
        written = [[_Made(text, unfinished=False)] * (alternatives + 1) for text in texts]
        for route in {tuple(route) for route in routes if route}:
            places = [place for place, each in enumerate(routes) if tuple(each) == route]
            some = [_Made(texts[place], unfinished=False) for place in places]
            for step, name in enumerate(route):
                # Only the last model is asked for more than one translation.
                more = alternatives if step == len(route) - 1 else 0
                found = self._step(name, some, more, client)
                some = [each[0] for each in found]
            for place, each in zip(places, found, strict=True):
                written[place] = each
        return written

    def _step(self, name: str, texts: Sequence[_Made], alternatives: int, client: WaitingClient) -> list[list[_Made]]:
        known: dict[str, list[Translation]] = {}
        language = self._languages.source_of(name).partition("_")[0]

        def translate(number: int, sentences: list[str]) -> list[Translation]:
            new = [each for each in dict.fromkeys(sentences) if each not in known]
            known.update(zip(new, self._search(name, new, alternatives + 1, client), strict=True))
            return [known[each][min(number, len(known[each]) - 1)] for each in sentences]

        found: list[list[_Made]] = [[] for _ in texts]
        for number in range(alternatives + 1):

            def numbered(sentences: list[str], number: int = number) -> list[Translation]:
                return translate(number, sentences)

            given = [text.parts for text in texts]
            made = translate_parts(given, numbered, language, stand_ins=self._stand_ins(name))
            for text, each, one in zip(texts, found, made, strict=True):
                each.append(_Made(one.parts, text.unfinished or any(part.unfinished for part in one.sentences)))
        return found


class _Made(NamedTuple):
    """A translation, and whether some of it reached its maximum length."""

    parts: Parts
    unfinished: bool


class _Written(NamedTuple):
    """The translations of a text, the best first, and whether some of the best reached its maximum length."""

    texts: list[str]
    unfinished: bool


def _said(text: str, form: str) -> str:
    """Return what a text says without its tags, which are in no language."""
    return "\n".join(map(said, html_pages.read(text, "q", "", inline=False).texts)) if form == "html" else text


def _needed(asked: dict[str, Any], name: str) -> Any:
    if not (value := asked.get(name)):
        raise Refused(400, f"Invalid request: missing {name} parameter")
    return value


def _alternatives(value: Any) -> int:
    try:
        number = int(value or 0)
    except (TypeError, ValueError, OverflowError):
        number = -1
    if not 0 <= number <= MAX_ALTERNATIVES:
        raise Refused(400, f"Invalid request: alternatives must be a whole number from 0 to {MAX_ALTERNATIVES}")
    return number


def _is_form(request: Request, kind: str) -> bool:
    return request.headers.get("content-type", "").lower().startswith(kind)


async def _parts(request: Request, raw: bytes, max_files: int = 0) -> FormData:
    """Read a form of several parts, which programs send files in."""
    parser = MultiPartParser(request.headers, _once(raw), max_files=max_files, max_fields=_FIELDS)
    parser.spool_max_size = MAX_FILE  # nothing is written to disk
    try:
        form = await parser.parse()
        for name, value in form.multi_items():
            # Some encodings can name half of a surrogate pair, which is no text.
            (name + (value if isinstance(value, str) else value.filename or "")).encode()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Refused(400, f"Invalid request: the form is damaged ({error})") from None
    return form


async def _once(raw: bytes) -> AsyncGenerator[bytes, None]:
    yield raw
    yield b""
