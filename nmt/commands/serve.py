"""``nmt serve``: a model at an address of this machine, and a page to try it on."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from nmt.commands.console import say
from nmt.errors import InputError
from nmt.tf_import import import_tensorflow


def serve(
    model: Annotated[
        Path, typer.Argument(help="A model's folder, or an export, saved_models/NAME.", show_default=False)
    ],
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
    """Serve a model on this machine: a page to try it on, and TF Serving's REST paths.

    Of an export it serves the newest version, and changes to a newer one when it appears, without a pause. Ctrl-C stops
    it after all accepted requests are answered. For many users, `nmt export` writes what TF Serving reads. If NMT_TOKEN
    is set in the environment, a request needs it as bearer token; without it, only this machine is answered.

    **Example:** `nmt serve my-model`, then open http://127.0.0.1:8501 in a browser, or
    `curl -d '{"instances": ["나는 밥을 먹었다"]}' http://127.0.0.1:8501/v1/models/my-model:predict`
    """
    from nmt.export.docker import check_name
    from nmt.server.backends import Backend, Place, find, open_backend

    if not timeout > 0:
        raise InputError("--timeout must be a number of seconds.")

    place = find(model)
    if name is not None:
        check_name(name)
        place = place._replace(name=name)
    from nmt.server.access import rules
    from nmt.server.app import Limits, Server, address, listening_socket, run, warm
    from nmt.server.reload import newest_version

    # Errors of the address are reported before a model is opened.
    listener = listening_socket(host, port)
    with listener:
        token = os.environ.get("NMT_TOKEN", "")
        allowed = rules(
            host, listener.getsockname()[0], token=token, open_to_all=open_to_all, origins=allow_origin or ()
        )
        import_tensorflow()
        from nmt.inference.parallel import share_cores

        cores = share_cores() if place.kind == "model" else 1

        def opened(place: Place) -> Backend:
            backend = open_backend(place, cores, trust=trust)
            warm(backend)
            return backend

        backend = opened(place)
        where = address(listener)
        news = (
            f"Version {backend.version} of {backend.name} is at {where}/v1/models/{quote(backend.name)}, and a page to "
            f"try it on at {where}. Ctrl-C stops it."
        )
        limits = Limits(seconds=timeout, waiting=max_waiting, sentences=min(256, max_waiting))
        server = Server(backend, limits, on_start=lambda: say(news), rules=allowed)
        # Whoever names one version wants that one.
        versioned = place.kind == "export" and place.folder != model
        with newest_version(model, place, opened, server.switch, say) if versioned else nullcontext():
            run(server, listener)
    say("Stopped.")
