"""``nmt export --web``: a trained model for a browser."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from nmt.commands.console import advancing, say
from nmt.commands.decoding_options import decoding, open_models
from nmt.config import Decoding, beam_size
from nmt.errors import InputError, as_typed

# Translations that a page lists, if nobody says otherwise.
_LISTED = 5


def export_web(
    model: Path,
    to: Path | None,
    name: str,
    *,
    single: bool,
    quantize: Literal["none", "float16", "int8"],
    files: tuple[Path, Path] | None,
    runtime: Path | None,
    languages: str | None,
    ensemble: list[Path] | None,
    settings: list[str] | None,
    fast: bool,
    **options: Any,
) -> None:
    """Write a page, or one file with all in it.

    Arguments:
        model, name, languages, ensemble: see ``nmt export``.
        to: where to; by default below saved_models.
        single: whether it is one file.
        quantize: the type of the weights.
        files: sentences and their translations, to measure what is written.
        runtime: the folder of the runtime's archives, if npm need not fetch them.
        settings, fast, options: how to search, see :func:`~nmt.commands.decoding_options.decoding`.
    """
    given = decoding(model, settings, exported=True, fast=fast, **options)
    given["n_best"] = listed(Decoding(**given), options["n_best"], settings)
    sides = _sides(languages)
    place = to or Path("saved_models", f"{name}.html" if single else f"{name}-web")
    from nmt.export.web_runtime import read_runtime

    _check_place(place, single)
    _check_search(Decoding(**given))
    pairs = _pairs(files) if files else []
    program = read_runtime(runtime)
    translator = open_models(model, ensemble)
    how = translator.decoding(**given)
    from nmt.export import web, web_check, web_model
    from nmt.export.card import card, web_lines

    say("Converting: this takes up to a minute.")
    converted = web_model.convert(translator, how, quantize)
    say("Comparing what the page will translate with the model.")
    checked = web_check.check_signatures(
        converted, translator=translator, settings=how, quantize=quantize, given=[source for source, _ in pairs]
    )
    measured = ""
    if pairs:
        found = web_check.quality(
            converted,
            translator=translator,
            settings=how,
            pairs=pairs,
            advancing=lambda items: _each(items, "Measuring", len(pairs)),
        )
        measured = f"{found.name} {found.score:.2f}"
        on = "1 pair" if found.pairs == 1 else f"{found.pairs:,} pairs"
        lines = f"{measured} on {on}, the model itself {found.translator:.2f}, {found.signature}"
        if found.cut:
            cut = "1 source is" if found.cut == 1 else f"{found.cut:,} sources are"
            lines += f"; {cut} longer than the model reads, and cut for it"
    else:
        lines = "BLEU was not measured: name pairs with `nmt export --web --source FILE --reference FILE`"
    names = [name, *(Path(os.path.abspath(other)).name for other in ensemble or [])]
    weights = "float32" if quantize == "none" else quantize
    told = card(
        model,
        names,
        replace(translator.config, decoding=how),
        pieces=(translator.tokenizers.source.vocabulary, translator.tokenizers.target.vocabulary),
        languages=languages,
        what=f"page for a browser, TFLite, weights {weights}",
        lines=web_lines(size=len(converted), quality=lines, checked=checked, single=single),
    )
    about = web.About(name, sides, told, measured)
    described = web.contents(converted, translator=translator, settings=how, quantize=quantize, about=about)
    write = web.write_single if single else web.write_folder
    write(place, model=converted, tokenizers=translator.tokenizers, described=described, runtime=program, about=about)
    if single:
        say(f"The page is {place}, {place.stat().st_size / 1e6:.1f} MB. Open it in a browser.")
    else:
        say(f"The page is in {place}. Try it: python -m http.server --directory {as_typed(place)} 8000")


def listed(search: Decoding, n_best: int | None, settings: list[str] | None) -> int:
    """Return how many translations a page lists: as many as somebody chose, or those of a beam, up to five.

    Arguments:
        search: the settings of the search.
        n_best, settings: what was chosen on the command line.

    >>> listed(Decoding(beam=9), None, None), listed(Decoding(beam=9), None, ["decoding.n_best=1"])
    (5, 1)
    >>> listed(Decoding(beam="auto"), None, None), listed(Decoding(beam=9), 1, None)
    (1, 1)
    """
    chosen = n_best is not None or any(each.split("=")[0].strip() == "decoding.n_best" for each in settings or [])
    return search.n_best if chosen or search.n_best > 1 else min(beam_size(search), _LISTED)


def _check_place(place: Path, single: bool) -> None:
    from nmt.model_folder import check_new, check_parent

    if not single:
        check_new(place)
        return
    if place.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--single writes one page, so --to must end in .html, and {place} does not.")
    if place.exists():
        raise InputError(f"{place} exists, and is not overwritten. Name another file with --to.")
    check_parent(place)


def _check_search(settings: Decoding) -> None:
    if settings.shortlist:
        raise InputError("A page searches the whole vocabulary: set decoding.shortlist=false.")


def _sides(languages: str | None) -> tuple[str, str]:
    """Return the languages of source and target; empty if they are not given."""
    if languages is None:
        return ("", "")
    sides = re.fullmatch(r"([A-Za-z]{2,8}(?:_[A-Za-z0-9]+)*)-([A-Za-z]{2,8}(?:_[A-Za-z0-9]+)*)", languages)
    if not sides:
        raise InputError(f"--languages {languages} is not two languages, as in ko-en.")
    return (sides[1].replace("_", "-"), sides[2].replace("_", "-"))


def _pairs(files: tuple[Path, Path]) -> list[tuple[str, str]]:
    from nmt.data.corpora import from_files

    pairs = list(from_files(*files).pairs())
    if not any(source.strip() and reference.strip() for source, reference in pairs):
        raise InputError(
            f"{files[0]} and {files[1]} hold no sentence and its translation, so no BLEU can be measured. Name other "
            "files with --source and --reference, or none."
        )
    return pairs


def _each(items: Any, what: str, total: int) -> Any:
    """Yield items one by one, with a message of progress."""
    for (item,) in advancing(([item] for item in items), what, total):
        yield item
