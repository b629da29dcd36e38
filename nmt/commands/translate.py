"""``nmt translate`` and ``nmt complete``: lines in, lines out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nmt.commands.console import CutLines, InputLines, ModelFolder, advancing, count, emit, say, windows
from nmt.commands.decoding_options import (
    Beam,
    Ensemble,
    Fast,
    LengthPenalty,
    Sample,
    Seed,
    Settings,
    Temperature,
    TopK,
    TopP,
    decoding,
    open_models,
)
from nmt.errors import InputError
from nmt.tf_import import import_tensorflow
from nmt.translation import SERVER_KEYS, json_line

# The file that only an export for a device has: nmt.export.tflite_runtime.CONTENTS.
DEVICE = "edge.json"

if TYPE_CHECKING:
    from nmt.translation import Translation


def translate(
    model: Annotated[
        Path | None, typer.Argument(help="A model's folder, as `nmt train` makes it; none with --server.")
    ] = None,
    file: Annotated[Path | None, typer.Argument(help="Sentences, one per line.", show_default="standard input")] = None,
    beam: Beam = None,
    fast: Fast = False,
    n_best: Annotated[
        int | None, typer.Option(help="Translations of each sentence, with --beam or --sample.", show_default=False)
    ] = None,
    length_penalty: LengthPenalty = None,
    sample: Sample = False,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    seed: Seed = None,
    prefix: Annotated[str | None, typer.Option(help="What every translation begins with.", show_default=False)] = None,
    ensemble: Ensemble = None,
    form: Annotated[
        Literal["text", "jsonl"],
        typer.Option("--format", help="jsonl: an object per line, with score, tokens and alignment."),
    ] = "text",
    settings: Settings = None,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Ask a server instead of MODEL: http://HOST:8501/v1/models/NAME, or https, grpc, grpcs. NMT_TOKEN in"
            " the environment is sent as its bearer token.",
            show_default=False,
        ),
    ] = None,
    deadline: Annotated[
        float | None,
        typer.Option(help="With --server: seconds for an answer, retries included.", show_default="60"),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --server: the certificates to trust, in PEM.", show_default=False),
    ] = None,
) -> None:
    """Translate: a line in, a line out, in order.

    Reads FILE, or standard input without one; when input pauses, what has come is answered. An empty line stays empty.
    With --n-best N there are up to N lines for each: its number, the score after the penalties and the translation,
    separated by tabs. A server searches as its export says. Lines that were cut are named on standard error.

    **Example:** `nmt translate my-model news.ko --beam 5 --length-penalty 1 > news.en`

    **Example:** `nmt translate --server http://localhost:8501/v1/models/ko-en news.ko > news.en`
    """
    device = model is not None and server is None and (model / DEVICE).is_file()
    if server is None and (deadline is not None or ca is not None):
        raise InputError("--deadline and --ca are for a server: name it with --server URL.")
    if server is not None or device:
        options = {
            "--beam": beam,
            "--fast": fast or None,
            "--n-best": n_best,
            "--length-penalty": length_penalty,
            "--sample": sample or None,
            "--temperature": temperature,
            "--top-k": top_k,
            "--top-p": top_p,
            "--seed": seed,
            "--prefix": prefix,
            "--ensemble": ensemble or None,
            "--set": settings or None,
        }
        given = [option for option, value in options.items() if value is not None]
        if given:
            where = "--server" if server is not None else model
            raise InputError(f"{given[0]} does nothing with {where}: the export has fixed how to search.")
    if device:
        assert model
        _translate_on_device(model, file, form)
        return
    if server is not None:
        if file is not None:
            raise InputError(f"With --server there is no MODEL and only one FILE: leave out {model} or {file}.")
        _translate_on_server(server, model, form, deadline=deadline, ca=ca)
        return
    if model is None:
        raise InputError("Name a MODEL, the folder of a trained one, or a server with --server URL.")
    search = decoding(
        model,
        settings,
        fast=fast,
        beam=beam,
        n_best=n_best,
        length_penalty=length_penalty,
        sample=True if sample else None,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
    )
    lines = InputLines(file)
    translator = open_models(model, ensemble)
    translator.decoding(**search)  # refuses what does not fit the vocabulary
    number, cut = 0, CutLines(search["max_length"])
    for window in advancing(windows(lines, lines.pause, search["n_best"]), "Translating", count(file)):
        prefixes = None if prefix is None else [prefix] * len(window)
        found = translator.hypotheses(window, prefixes, first=number, **search)
        emit(line for i, best in enumerate(found, number + 1) for line in _lines(i, best, form, search["n_best"]))
        for i, best in enumerate(found, number + 1):
            cut.look(i, best[0].source_truncated, best[0].unfinished)
        number += len(window)
    cut.end()


def _translate_on_server(url: str, file: Path | None, form: str, *, deadline: float | None, ca: Path | None) -> None:
    """Translate on a server. Without gRPC nothing of TensorFlow is imported."""
    if url.startswith("grpc"):
        import_tensorflow()  # its stubs would import it with its start-up messages
    from nmt.client import BATCH, DEADLINE, Client

    lines = InputLines(file)
    seconds = DEADLINE if deadline is None else deadline
    number, cut = 0, CutLines(None)
    details, unsaid = form == "jsonl", True
    with Client(url, deadline=seconds, ca=ca, token=os.environ.get("NMT_TOKEN")) as client:
        # One request at a time: an answer is written before another request can fail.
        parts = _parts(windows(lines, lines.pause), BATCH)
        for part in advancing(parts, "Translating", count(file)):
            found = client.hypotheses(part) if details else [[each] for each in client.translate(part, details=False)]
            emit(best[0].text if form == "text" else _served_line(best) for best in found)
            if unsaid and any(best[0].truncated is None for best in found):
                unsaid = False
                say("This server's model does not tell which lines it cuts. Export it again, so that they are named.")
            for i, best in enumerate(found, number + 1):
                cut.look(i, best[0].source_truncated, best[0].unfinished)
            number += len(part)
    cut.end()


def _translate_on_device(folder: Path, file: Path | None, form: str) -> None:
    """Translate with an export for a device, as a device would."""
    from nmt.export import tflite_runtime

    lines = InputLines(file)
    try:
        if tflite_runtime.read_contents(folder).get("takes") == "strings":
            import_tensorflow()
        translator = tflite_runtime.Translator(folder, threads=os.cpu_count() or 1)
    except ValueError as error:
        raise InputError(str(error)) from None
    number, cut = 0, CutLines(translator.max_length)
    for window in advancing(windows(lines, lines.pause), "Translating", count(file)):
        found = translator.hypotheses(window)
        emit(best[0].text if form == "text" else tflite_runtime.record(best) for best in found)
        for i, best in enumerate(found, number + 1):
            cut.look(i, best[0].source_truncated, best[0].unfinished)
        number += len(window)
    cut.end()


def _parts(groups: Iterator[list], size: int) -> Iterator[list]:
    for group in groups:
        for start in range(0, len(group), size):
            yield group[start : start + size]


def complete(
    model: ModelFolder,
    file: Annotated[
        Path | None, typer.Argument(help="Beginnings, one per line.", show_default="standard input")
    ] = None,
    beam: Beam = None,
    length_penalty: LengthPenalty = None,
    sample: Sample = False,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    seed: Seed = None,
    settings: Settings = None,
) -> None:
    """Continue a beginning with a language model: a line in, the whole line out, in order.

    Reads FILE, or standard input without one; when input pauses, what has come is answered.

    **Example:** `echo "Once upon a time" | nmt complete my-model --sample --top-p 0.9`
    """
    search = decoding(
        model,
        settings,
        language_model=True,
        beam=beam,
        length_penalty=length_penalty,
        sample=True if sample else None,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
    )
    lines = InputLines(file)
    import_tensorflow()
    from nmt.inference.completer import Completer
    from nmt.inference.parallel import share_cores

    completer = Completer.load(model, share_cores())
    number, cut = 0, CutLines(search["max_length"], "nothing was added")
    for window in advancing(windows(lines, lines.pause), "Completing", count(file)):
        found = completer.complete(window, first=number, **search)
        emit(completion.text for completion in found)
        for i, completion in enumerate(found, number + 1):
            cut.look(i, completion.truncated, completion.unfinished)
        number += len(window)
    cut.end()


def _lines(number: int, best: list[Translation], form: str, n_best: int) -> list[str]:
    """Return the line, or lines, for one sentence."""
    if form == "jsonl":
        return [json_line(best, n_best=n_best > 1)]
    if n_best == 1:
        return [best[0].text]
    return [f"{number}\t{each.rank:.4f}\t{each.text}" for each in best]


def _served_line(best: list[Translation]) -> str:
    """Return the line of JSON for a sentence that a server translated; it has fewer keys than that of a model."""
    return json_line(best, n_best=len(best) > 1, keys=SERVER_KEYS, n_best_keys=("text", "score"))
