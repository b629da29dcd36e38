"""``nmt serve``: a model at an address of this machine, and a page to try it on."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from nmt.commands.console import say
from nmt.errors import InputError
from nmt.tf_import import import_tensorflow

if TYPE_CHECKING:
    from nmt.server.backends import ServedFolder
    from nmt.server.languages import Direction


def serve(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="A model's folder, or an export, saved_models/NAME. Several are named with their languages:"
            " ko-en=MODEL en-ko=MODEL.",
            show_default=False,
        ),
    ],
    pivot: Annotated[
        str | None,
        typer.Option(
            metavar="LANGUAGE",
            help="Translate through this language where no model leads from one to another.",
            show_default=False,
        ),
    ] = None,
    detector: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL",
            help="A classifier of languages that finds the language of a text; its labels are codes, as ko.",
            show_default="py3langid",
        ),
    ] = None,
    suggestions: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep what clients suggest at /suggest in this folder, as pairs: ko-en.tsv.",
            show_default="refused",
        ),
    ] = None,
    glossary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]TERMS",
            help="A glossary, as `nmt translate` reads it; of several models with its languages: ko-en=TERMS.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="The model's name in addresses.", show_default="that of the folder, as typed"),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 is any that is free.")] = 8501,
    host: Annotated[
        str,
        typer.Option(
            help="The address to listen on; 0.0.0.0 is every one of this machine. Where others reach it, a request"
            " needs the token in NMT_TOKEN."
        ),
    ] = "127.0.0.1",
    open_to_all: Annotated[bool, typer.Option("--open", help="Ask nobody for a token.")] = False,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Pages of another server that may ask, http://HOST:PORT; may be repeated.",
            show_default="none",
        ),
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Run an export whatever its operations are: they may read and write files.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0.001, max=86_400, help="Maximum seconds until an answer.")] = 60.0,
    max_waiting: Annotated[
        int, typer.Option(min=1, help="Maximum waiting sentences, of all requests together.")
    ] = 2048,
) -> None:
    """Serve models on this machine: a page to translate on, TF Serving's REST paths, and LibreTranslate's API.

    It serves the newest version of an export, and changes to a newer one when it appears, without a pause. Ctrl-C stops
    it after all accepted requests are answered. For many users, `nmt export` writes what TF Serving reads. If NMT_TOKEN
    is set in the environment, a request needs it as bearer token or api_key; without it, only this machine is answered.

    LibreTranslate's API, which many programs speak, needs the languages: a model has them from its name, as ko-en, or
    from LANGUAGES=MODEL. Then /translate, /translate_file, /detect and /languages answer as its documentation says.

    **Example:** `nmt serve my-model`, then open http://127.0.0.1:8501 in a browser, or
    `curl -d '{"instances": ["나는 밥을 먹었다"]}' http://127.0.0.1:8501/v1/models/my-model:predict`
    """
    from nmt.server.backends import Backend, open_backend

    if not timeout > 0:
        raise InputError("--timeout must be a number of seconds.")

    places = _places(models, name)
    from nmt.server.languages import Languages, direction

    glossaries = _glossaries(glossary or [], [place.name for _, place, _ in places])
    directions = {found: place.name for _, place, found in places if found}
    if not directions and name is None and (named := direction(places[0][1].name)):
        directions = {named: places[0][1].name}
    languages = Languages(directions, pivot or "")
    if detector:
        from nmt.server.detection import check_detector

        if not directions:
            raise InputError("--detector finds the language of a text: name those of the model, as in ko-en=MODEL.")
        check_detector(detector, languages.codes())
    from nmt.server.suggestions import Suggestions

    if suggestions and not directions:
        raise InputError("--suggestions keeps pairs of languages: name those of the model, as in ko-en=MODEL.")
    kept = Suggestions(suggestions) if suggestions else None
    from nmt.server.access import rules
    from nmt.server.app import Limits, Server, address, listening_socket, run, warm
    from nmt.server.reload import content_of, newest_version

    # Errors of the address are reported before a model is opened.
    listener = listening_socket(host, port)
    with listener:
        token = os.environ.get("NMT_TOKEN", "")
        allowed = rules(
            host, listener.getsockname()[0], token=token, open_to_all=open_to_all, origins=allow_origin or ()
        )
        import_tensorflow()
        from nmt.inference.parallel import share_cores

        workers = share_cores()
        # TensorFlow begins with the detector, and takes no number of cores after that.
        if detector:
            from nmt.server.detection import open_detector

            languages = Languages(directions, pivot or "", open_detector(detector))

        def opened(place: ServedFolder) -> Backend:
            backend = open_backend(place, trust, glossaries.get(place.name), workers)
            warm(backend)
            return backend

        # Whoever names one version wants that one. A version that is replaced while it is opened counts as another.
        versions = [
            (folder, place, content_of(place))
            for folder, place, _ in places
            if place.kind == "export" and place.folder != folder
        ]
        backend, *others = [opened(place) for _, place, _ in places]
        where = address(listener)
        news = (
            f"Version {backend.version} of {backend.name} is at {where}/v1/models/{quote(backend.name)}, and a page to "
            f"try it on at {where}. Ctrl-C stops it."
        )
        for other in others:
            news += f"\nVersion {other.version} of {other.name} is at {where}/v1/models/{quote(other.name)}."
        limits = Limits(seconds=timeout, waiting=max_waiting, sentences=min(256, max_waiting))
        server = Server(
            backend,
            limits,
            on_start=lambda: say(news),
            rules=allowed,
            others=others,
            languages=languages,
            suggestions=kept,
            workers=workers,
        )
        with ExitStack() as watched:
            for folder, place, content in versions:
                watched.enter_context(newest_version(folder, place, content, opened, server.switch, say))
            run(server, listener)
    say("Stopped.")


def _glossaries(given: list[str], names: list[str]) -> dict[str, Path]:
    """Return the file of the glossary of each model that has one."""
    found: dict[str, Path] = {}
    for each in given:
        before, equals, path = each.partition("=")
        model = before if equals and before in names else names[0]
        if len(names) > 1 and not (equals and before in names):
            raise InputError(f"With several models a glossary needs the languages of its own, as in {names[0]}={each}.")
        if model in found:
            raise InputError(f"{model} has two glossaries. Join their files.")
        found[model] = Path(path if equals and before in names else each)
    return found


def _places(models: list[str], name: str | None) -> list[tuple[Path, ServedFolder, Direction | None]]:
    """Return the folder of each model, what it holds, and its languages if they were named."""
    from nmt.export.docker import check_name
    from nmt.server.backends import find
    from nmt.server.languages import direction

    found: list[tuple[Path, ServedFolder, Direction | None]] = []
    for model in models:
        before, equals, path = model.partition("=")
        named = direction(before) if equals else None
        folder = Path(path if named else model)
        place = find(folder)
        found.append((folder, place._replace(name=before) if named else place, named))
        if len(models) > 1 and not named:
            raise InputError(f"With several models each needs its languages, as in ko-en={model}.")
    names = [place.name for _, place, _ in found]
    for each in names:
        if names.count(each) > 1:
            raise InputError(f"{each} is named twice. One model translates one language into another.")
    if name is not None:
        if len(found) > 1:
            raise InputError("--name is for one model. Several are named by their languages.")
        check_name(name)
        found = [(folder, place._replace(name=name), named) for folder, place, named in found]
    return found
