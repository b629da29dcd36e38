"""``nmt translate`` and ``nmt complete``: lines in, lines out."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from nmt.commands.console import CutLines, InputLines, ModelFolder, advancing, count, emit, progress, say, windows
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
    open_language_model,
    open_models,
)
from nmt.cores import cores
from nmt.errors import InputError, WorkFailed
from nmt.tf_import import import_tensorflow
from nmt.translation import DEVICE_KEYS, KEYS, SERVER_KEYS, json_line

# The file that only an export for a device has: nmt.export.tflite_runtime.CONTENTS.
DEVICE = "edge.json"
_SILENT = "This server's model does not tell which lines it cuts. Export it again, so that they are named."

if TYPE_CHECKING:
    from nmt.client import Client
    from nmt.documents.document import Translate
    from nmt.documents.tagged import Format
    from nmt.export import tflite_runtime
    from nmt.inference.glossary import Glossary
    from nmt.markup.translate import MarkedTranslation
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
        Literal["text", "jsonl", "html", "xml"],
        typer.Option(
            "--format",
            help="jsonl: an object per line, with score, tokens and alignment. html, xml: lines with tags, which move"
            " along the links of words.",
        ),
    ] = "text",
    placeholders: Annotated[
        bool,
        typer.Option(
            "--placeholders",
            help="{name}, %s, addresses and numbers come out letter by letter; html and xml include it.",
        ),
    ] = False,
    document: Annotated[
        bool,
        typer.Option("--document", help="A line is a paragraph: it is split into sentences, and joined again."),
    ] = False,
    language: Annotated[
        str | None,
        typer.Option(
            help="With --document or --to: the language of the text, as ko, whose rules find its sentences.",
            show_default="by its script",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT",
            help="Translate FILE as a whole into this file: .txt .md .html .srt .vtt .po .docx.",
            show_default=False,
        ),
    ] = None,
    glossary: Annotated[
        Path | None,
        typer.Option(
            metavar="TERMS",
            help="Terms whose translation is given: a line has a term, a tab and its translation, and perhaps a tab and"
            " `exact`, if its case counts.",
            show_default=False,
        ),
    ] = None,
    settings: Settings = None,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Ask a server instead of MODEL: http://HOST:8501/v1/models/NAME, or https, grpc, grpcs. NMT_TOKEN in"
            " the environment is sent as its bearer token; to another machine only by https or grpcs.",
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

    With --document a line may hold many sentences, and none is cut off. With --to a file is translated with its time
    codes, tags, code blocks and message ids as they are: the whole file, or nothing is written.

    With --glossary each term of a line has the wanted translation, in its place. A line that lacks one is named. An
    export, also on a server, has the words replaced that are linked to a term, and nothing else.

    With --format html or xml no tag and no placeholder is lost, and pairs stay nested. A line whose markup is broken
    is named on standard error, and its tags without a partner stay.

    **Example:** `nmt translate my-model news.ko --beam 5 --length-penalty 1 > news.en`

    **Example:** `nmt translate my-model film.srt --to film.en.srt`

    **Example:** `echo "나는 <b>밥을</b> 먹었다" | nmt translate my-model --format html`

    **Example:** `nmt translate my-model news.ko --glossary terms.tsv`

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
    if language and not (document or to):
        raise InputError("--language finds the sentences of a document: add --document or --to.")
    if (document or to) and (n_best is not None or prefix is not None):
        raise InputError("--n-best and --prefix are for lines, not for documents. Leave them out.")
    marked = form in ("html", "xml") or placeholders
    if marked and (n_best is not None or prefix is not None):
        raise InputError("--n-best and --prefix are for plain text, without tags and placeholders. Leave them out.")
    if placeholders and form == "jsonl":
        raise InputError("--placeholders writes text. Leave it out, or --format jsonl.")
    if server is not None and file is not None:
        raise InputError(f"With --server there is no MODEL and only one FILE: leave out {model} or {file}.")
    source = model if server is not None else file
    if document or to:
        _check_files(source, to, form)
    elif source and not marked:
        _tell_kind(source)
    if server is None and model is None:
        raise InputError("Name a MODEL, the folder of a trained one, or a server with --server URL.")
    search: dict[str, Any] = {}
    if server is None and not device:
        assert model
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
    terms: Glossary | None = None
    if glossary is not None:
        from nmt.inference.glossary import Glossary

        if search.get("sample"):
            raise InputError("--glossary needs a search, and --sample draws by chance. Leave one of them out.")
        terms = Glossary.read(glossary)
    if document or to or marked:
        open_backend: Callable[[], AbstractContextManager[SentenceTranslator]]
        if server is not None:
            details = form == "jsonl" or marked or _may_have_marks(to)
            open_backend = partial(_server_backend, server, details, terms, deadline=deadline, ca=ca)
        elif device:
            assert model
            open_backend = partial(_device_backend, model, terms)
        else:
            assert model
            open_backend = partial(_model_backend, model, ensemble, search, terms)
        if to:
            assert source
            _translate_file(
                open_backend, source=source, to=to, language=language or "", placeholders=placeholders, terms=terms
            )
        elif marked:
            markup: Format = "xml" if form == "xml" else "html" if form == "html" else "text"
            _translate_marked(
                open_backend, source=source, form=markup, language=(language or "") if document else None, terms=terms
            )
        else:
            _translate_document(open_backend, source=source, form=form, language=language or "", terms=terms)
        return
    if server is not None:
        _translate_on_server(server, model, form, terms, deadline=deadline, ca=ca)
        return
    assert model
    if device:
        _translate_on_device(model, file, form, terms)
        return
    lines = InputLines(file)
    translator = open_models(model, ensemble)
    translator.decoding(**search)  # refuses what does not fit the vocabulary
    if terms:
        translator.check_glossary(terms, **search)
    number, cut = 0, CutLines(search["max_length"])
    for window in advancing(windows(lines, lines.pause, search["n_best"]), "Translating", count(file)):
        prefixes = None if prefix is None else [prefix] * len(window)
        found = translator.hypotheses(window, prefixes, first=number, glossary=terms, **search)
        emit(line for i, best in enumerate(found, number + 1) for line in _lines(i, best, form, search["n_best"]))
        for i, best in enumerate(found, number + 1):
            cut.look_at(i, window[i - number - 1], best)
            if terms:
                _name_missing(terms, text=window[i - number - 1], written=best[0].text, before=f"Line {i}: ")
        number += len(window)
    cut.end()


def _tell_kind(source: Path) -> None:
    """Say how a file of subtitles, a page and such is translated as what it is, where its lines are translated.

    Raises:
        InputError: for a Word document, which has no lines of text.
    """
    from nmt.documents.files import READERS

    kind = source.suffix.lower()
    if kind == ".docx":
        raise InputError(f"{source} is a Word document, which is translated as a whole: add --to OUT.docx.")
    if kind in READERS and kind != ".txt":
        say(f"{source} is translated line by line. With --to OUT{kind} what is not text stays as it is.")


def _translate_on_server(
    url: str, file: Path | None, form: str, terms: Glossary | None, *, deadline: float | None, ca: Path | None
) -> None:
    """Translate on a server. Without gRPC nothing of TensorFlow is imported."""
    if url.startswith("grpc"):
        import_tensorflow()  # its stubs would import it with its start-up messages
    from nmt.client import BATCH, DEADLINE, Client

    lines = InputLines(file)
    seconds = DEADLINE if deadline is None else deadline
    number, cut = 0, CutLines(None)
    details, unsaid = form == "jsonl", True
    with Client(url, deadline=seconds, ca=ca, token=os.environ.get("NMT_TOKEN")) as client:
        if terms:
            _check_signatures(client, url)
        # One request at a time: an answer is written before another request can fail.
        parts = _parts(windows(lines, lines.pause), BATCH)
        for part in advancing(parts, "Translating", count(file)):
            if terms:
                found = _with_terms_on_server(client, part, terms, details)
            else:
                found = (
                    client.hypotheses(part) if details else [[each] for each in client.translate(part, details=False)]
                )
            emit(best[0].text if form == "text" else _served_line(best) for best in found)
            if unsaid and any(best[0].truncated is None for best in found):
                unsaid = False
                say(_SILENT)
            for i, best in enumerate(found, number + 1):
                cut.look_at(i, part[i - number - 1], best if details else best[:1])
                if terms:
                    _name_missing(terms, text=part[i - number - 1], written=best[0].text, before=f"Line {i}: ")
            number += len(part)
    cut.end()


def _check_signatures(client: Client, url: str) -> None:
    """Check that a server has what a glossary needs.

    Raises:
        InputError: if it does not.
    """
    if lacking := {"translate", "score"} - set(client.metadata().signatures):
        raise InputError(
            f"{url} lacks the signature {min(lacking)!r}, which --glossary needs. Export the model again, or leave out "
            "--glossary."
        )


def _with_terms_on_server(client: Client, texts: list[str], terms: Glossary, details: bool) -> list[list[Translation]]:
    """Translate on a server, and put the terms of a glossary in the place of the words that are linked to them.

    A text that they change has one translation, and others have those that the server has found.
    """
    from nmt.inference.terms import apply_glossary

    def score(sources: list[str], targets: list[str]) -> list[float]:
        return [each.score for each in client.score(sources, targets)]

    if details or any(map(terms.find, texts)):
        found = client.hypotheses(texts)
    else:
        found = [[each] for each in client.translate(texts, details=False)]
    free = [best for best, *_ in found]
    applied = apply_glossary(texts, free, terms, score=score)
    return [best if one is best[0] else [one] for one, best in zip(applied, found, strict=True)]


def _name_missing(terms: Glossary, text: str, written: str, before: str, after: str = "") -> None:
    """Name the terms of a text that its translation lacks."""
    for term in terms.missing(text, written):
        say(f"{before}'{term.source}' is not translated as '{term.target}'{after}.")


def _translate_on_device(folder: Path, file: Path | None, form: str, terms: Glossary | None) -> None:
    """Translate with an export for a device, as a device would."""
    from nmt.export import tflite_runtime

    lines = InputLines(file)
    translator = _device(folder)
    frequent = _frequent(translator, folder) if terms else None
    number, cut = 0, CutLines(translator.max_length)
    for window in advancing(windows(lines, lines.pause), "Translating", count(file)):
        found = translator.hypotheses(window)
        if terms:
            from nmt.inference.terms import apply_glossary

            applied = apply_glossary(window, [_of_device(best[0]) for best in found], terms, frequent)
            emit(each.text if form == "text" else json_line([each], n_best=False, keys=DEVICE_KEYS) for each in applied)
            for i, each in enumerate(applied, number + 1):
                _name_missing(terms, text=window[i - number - 1], written=each.text, before=f"Line {i}: ")
        else:
            emit(best[0].text if form == "text" else tflite_runtime.record(best) for best in found)
        for i, best in enumerate(found, number + 1):
            cut.look_at(i, window[i - number - 1], best[:1] if terms or form == "text" else best)
        number += len(window)
    cut.end()


def _device(folder: Path) -> tflite_runtime.Translator:
    """Open an export for a device."""
    from nmt.export import tflite_runtime

    try:
        if tflite_runtime.read_contents(folder).get("takes") == "strings":
            import_tensorflow()
        return tflite_runtime.Translator(folder, threads=cores())
    except ValueError as error:
        raise InputError(str(error)) from None


def _frequent(translator: tflite_runtime.Translator, folder: Path) -> frozenset[str]:
    """Return the frequent words that an export for a device knows, which a glossary needs.

    Raises:
        InputError: if it was written before exports knew any, or has no alignments.
    """
    if not translator.aligned:
        raise InputError(f"The model in {folder} has no alignments, so nothing tells which words a glossary replaces.")
    if translator.frequent is None:
        raise InputError(f"{folder} was written by a version that knew no glossary: export the model again.")
    return translator.frequent


def _of_device(found: tflite_runtime.Translation) -> Translation:
    """Return a translation of a device as one of this package."""
    from nmt.translation import Translation

    return Translation(
        text=found.text,
        score=found.score,
        source_tokens=tuple(found.source_tokens),
        tokens=tuple(found.tokens),
        alignment=found.alignment,
        source_truncated=found.source_truncated,
        unfinished=found.unfinished,
    )


class SentenceTranslator(NamedTuple):
    """What translates sentences.

    Attributes:
        translate: does.
        keys: those that its translations have in JSON.
        stand_ins: words for placeholders, see :func:`nmt.markup.placeholders.keeping`.
    """

    translate: Translate
    keys: Sequence[str]
    stand_ins: Sequence[str] = ()


@contextlib.contextmanager
def _model_backend(
    model: Path, ensemble: list[Path] | None, search: dict[str, Any], terms: Glossary | None
) -> Iterator[SentenceTranslator]:
    translator = open_models(model, ensemble)
    translator.decoding(**search)  # refuses what does not fit the vocabulary
    if terms:
        translator.check_glossary(terms, **search)
    first = 0

    def translate(texts: list[str]) -> list[Translation]:
        nonlocal first
        found = translator.translate(texts, first=first, glossary=terms, **search)
        first += len(texts)
        return found

    yield SentenceTranslator(translate, KEYS, translator.stand_ins())


@contextlib.contextmanager
def _device_backend(folder: Path, terms: Glossary | None) -> Iterator[SentenceTranslator]:
    translator = _device(folder)
    frequent = _frequent(translator, folder) if terms else None

    def translate(texts: list[str]) -> list[Translation]:
        best = [_of_device(found[0]) for found in translator.hypotheses(texts)]
        if terms:
            from nmt.inference.terms import apply_glossary

            best = apply_glossary(texts, best, terms, frequent)
        return best

    yield SentenceTranslator(translate, DEVICE_KEYS)


@contextlib.contextmanager
def _server_backend(
    url: str, details: bool, terms: Glossary | None, *, deadline: float | None, ca: Path | None
) -> Iterator[SentenceTranslator]:
    if url.startswith("grpc"):
        import_tensorflow()  # its stubs would import it with its start-up messages
    from nmt.client import BATCH, DEADLINE, Client

    seconds = DEADLINE if deadline is None else deadline
    with Client(url, deadline=seconds, ca=ca, token=os.environ.get("NMT_TOKEN")) as client:
        unsaid = True
        if terms:
            _check_signatures(client, url)

        def translate(texts: list[str]) -> list[Translation]:
            nonlocal unsaid
            parts = (texts[start : start + BATCH] for start in range(0, len(texts), BATCH))
            found = [
                each
                for part in parts
                for each in (
                    [best for best, *_ in _with_terms_on_server(client, part, terms, details)]
                    if terms
                    else client.translate(part, details=details)
                )
            ]
            if unsaid and any(each.truncated is None for each in found):
                unsaid = False
                say(_SILENT)
            return found

        yield SentenceTranslator(translate, SERVER_KEYS)


def _check_files(source: Path | None, to: Path | None, form: str) -> None:
    """Check what --to names, before a model is opened."""
    if to is None:
        return
    from nmt.atomic_write import check_file
    from nmt.documents.files import kind_of

    if source is None or str(source) == "-":
        raise InputError("--to needs a FILE, whose name says what it is.")
    if form != "text":
        raise InputError("--to writes a file of the kind of FILE. Leave out --format.")
    if kind_of(to.name) != kind_of(source.name):
        raise InputError(f"{to} is of another kind than {source}, and no file is converted. Give it the same ending.")
    if os.path.isdir(to) or not os.path.isdir(to.parent):
        there = os.path.isdir(to)
        raise InputError(f"{to} cannot be written: {'it' if there else to.parent} is {'a' if there else 'no'} folder.")
    try:
        check_file(to)
    except OSError as error:
        raise InputError(f"{to} cannot be written: {error.strerror}. Name another file.") from None
    if to.exists() and os.path.exists(source) and to.samefile(source):
        raise InputError(f"{to} is FILE itself. Name another file.")
    if os.path.lexists(to):
        raise InputError(f"{to} exists, and is not overwritten. Name a new file.")


def _translate_file(
    open_backend: Callable[[], AbstractContextManager[SentenceTranslator]],
    source: Path,
    to: Path,
    language: str,
    placeholders: bool,
    terms: Glossary | None,
) -> None:
    """Translate a file as a whole."""
    from nmt.atomic_write import write_file
    from nmt.data.corpora import unreadable
    from nmt.documents.files import LARGEST
    from nmt.markup.files import translate_file

    try:
        with source.open("rb") as opened:
            raw = opened.read(LARGEST + 1)
    except OSError as error:
        raise unreadable(source, error) from error
    with open_backend() as backend, progress("Translating") as advance:
        found = translate_file(
            raw,
            name=str(source),
            translate=backend.translate,
            language=language,
            stand_ins=backend.stand_ins,
            advance=advance,
            placeholders=placeholders,
        )
    for note in found.notes:
        say(f"{source}: {note[0].lower()}{note[1:]}")
    if terms:
        _name_missing_in_file(terms, source, found.texts)
    if found.cut:
        say(f"Sentences that are longer than the model reads were cut at clauses, into {found.cut:,} parts.")
    if found.unfinished:
        say("Some translations reached their maximum length before their end. Raise decoding.max_length or max_ratio.")
    try:
        write_file(to, found.content)
    except OSError as error:
        raise WorkFailed(f"{to} cannot be written: {error.strerror or error}.") from None


def _name_missing_in_file(terms: Glossary, file: Path, texts: Iterable[MarkedTranslation]) -> None:
    """Name the terms of each line of a file that its translation lacks."""
    from nmt.documents.parts import spelled
    from nmt.markup.reading import restored

    for text in texts:
        for line, written in text.lines():
            shown = spelled(restored(line, text.source))[:60]
            _name_missing(terms, text=line, written=written, before=f"{file}: ", after=f" in '{shown}'")


def _translate_document(
    open_backend: Callable[[], AbstractContextManager[SentenceTranslator]],
    source: Path | None,
    form: str,
    language: str,
    terms: Glossary | None,
) -> None:
    """Translate lines of sentences, as they come."""
    from nmt.documents.document import translate_texts

    lines = InputLines(source)
    number, cut = 0, CutLines(None, "it was cut at a clause, and nothing was left out")
    start = target_start = 0
    with open_backend() as (translate, keys, _):
        for window in advancing(windows(_paragraphs(lines), lines.pause), "Translating", count(source)):
            written: list[str] = []
            for found in translate_texts(window, translate, language):
                number += 1
                if form == "jsonl":
                    records = found.records(start, target_start, keys)
                    written += [json.dumps(each, ensure_ascii=False) for each in records]
                else:
                    written.append(found.text)
                start, target_start = start + len(found.source) + 1, target_start + len(found.text) + 1
                unfinished = any(each.translation.unfinished for each in found.sentences)
                cut.look(number, any(each.cut for each in found.sentences), unfinished)
                cut.look_for_blank(number, found.source, found.text)
                if terms:
                    _name_missing(terms, text=found.source, written=found.text, before=f"Line {number}: ")
            emit(written)
    cut.end()


def _translate_marked(
    open_backend: Callable[[], AbstractContextManager[SentenceTranslator]],
    source: Path | None,
    form: Format,
    language: str | None,
    terms: Glossary | None,
) -> None:
    """Translate lines with markup, as they come."""
    from nmt.markup.translate import TooManyMarks, translate_marked

    lines = InputLines(source)
    number, cut = 0, CutLines(None, *["it was cut at a clause, and nothing was left out"][: language is not None])
    with open_backend() as backend:
        for window in advancing(windows(lines, lines.pause), "Translating", count(source)):
            try:
                written = translate_marked(window, backend.translate, form, language, stand_ins=backend.stand_ins)
            except TooManyMarks as error:
                raise InputError(f"Line {number + error.text}: {error}") from None
            emit(each.text for each in written)
            for each in written:
                number += 1
                if each.broken:
                    say(f"Line {number}: {each.broken}.")
                long = bool(each.cut) or any(part.source_truncated for part in each.sentences)
                cut.look(number, long, any(part.unfinished for part in each.sentences))
                cut.look_for_blank(number, each.source.text, each.target)
                if terms:
                    _name_missing(terms, text=each.source.text, written=each.target, before=f"Line {number}: ")
    cut.end()


def _may_have_marks(to: Path | None) -> bool:
    """Return whether a file that is translated as a whole may have marks inside its lines."""
    return to is not None and to.suffix.lower() != ".txt"


def _paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines, none of them so long that splitting it into sentences would take all memory."""
    from nmt.documents.files import LARGEST

    for number, line in enumerate(lines, 1):
        if len(line) > LARGEST:
            raise InputError(
                f"Line {number} has more than {LARGEST:,} characters, and a paragraph is read as a whole. Split it."
            )
        yield line


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
    completer = open_language_model(model)
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
    return json_line(best, n_best=len(best) > 1, keys=SERVER_KEYS, n_best_keys=("text", "score", "unfinished"))
