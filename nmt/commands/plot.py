"""``nmt plot``: alignments and learning curves as pictures."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nmt.commands.caption import plot_caption
from nmt.commands.console import ModelFolder, say
from nmt.commands.decoding_options import (
    Beam,
    Ensemble,
    Fast,
    LengthPenalty,
    Settings,
    any_given,
    decoding,
    open_models,
)
from nmt.commands.label import plot_label
from nmt.errors import InputError

if TYPE_CHECKING:
    from nmt.inference.translator import Translator
    from nmt.translation import Translation

_CURVES = (".png", ".svg")
_ALIGNMENTS = (".png", ".svg", ".html")


def plot(
    model: ModelFolder,
    sentence: Annotated[
        str | None,
        typer.Argument(
            help="The sentence to translate, or of a model of features its .npy or .csv file.", show_default=False
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Your own translation, instead of the model's.", show_default=False)
    ] = None,
    to: Annotated[Path | None, typer.Option(help="A .png, .svg or .html file.", show_default="in the terminal")] = None,
    row: Annotated[int | None, typer.Option(help="Which example of the file of features.", show_default="1")] = None,
    grid: Annotated[
        str | None,
        typer.Option(
            metavar="ROWSxCOLUMNS", help="How the cells of features lie.", show_default="a square, or one row"
        ),
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Draw the learning curves of the run instead.")] = False,
    beam: Beam = None,
    fast: Fast = False,
    length_penalty: LengthPenalty = None,
    attention: Annotated[
        bool, typer.Option("--attention", help="What the decoder attends to while it writes, not its alignment head.")
    ] = False,
    ensemble: Ensemble = None,
    settings: Settings = None,
) -> None:
    """Draw which source words each word of a translation came from, or how the model learned.

    The links come from the model's alignment head. Without a head, or with --attention, the picture shows what the
    decoder attends to while it writes.

    For a classifier with an attention it draws the words that the label rests on; for a model of features, over the
    picture, the cells that each word of the caption attends to.

    A .html file is a page that needs no other file: point at a word to see its links. --history makes a .png or .svg.

    **Example:** `nmt plot my-model "나는 밥을 먹었다" --to rice.png`
    """
    from nmt.config import LABELLING
    from nmt.model_folder import read_config
    from nmt.plotting.picture import check_picture

    if history == (sentence is not None):
        raise InputError("Give a sentence to translate, or --history for the learning curves.")
    if sentence is not None and not sentence.strip():
        raise InputError("The sentence to translate is blank.")
    if to:
        check_picture(to, _CURVES if history else _ALIGNMENTS)
    if history:
        if any_given(target, attention, beam, fast, length_penalty, ensemble, settings, row, grid):
            raise InputError("--history draws how the model learned; nothing is translated for it.")
        _history(model, to)
        return
    assert sentence is not None
    config = read_config(model).model
    if (row is not None or grid) and config.source != "features":
        raise InputError("--row and --grid are for a file of features, and this model reads text.")
    if config.architecture in LABELLING:
        if any_given(target, attention, beam, fast, length_penalty, ensemble, settings):
            raise InputError("A classifier translates nothing: name the sentence and perhaps --to alone.")
        plot_label(model, sentence, to)
        return
    if target is not None and any_given(beam, fast, length_penalty, settings):
        raise InputError("With --target the translation is given, and nothing is searched.")
    if config.source == "features":
        if attention or ensemble:
            raise InputError("A model of features has only its own attention drawn: leave --attention, --ensemble out.")
        search = decoding(model, settings, features=True, fast=fast, beam=beam, length_penalty=length_penalty)
        plot_caption(
            model, Path(sentence), row=1 if row is None else row, grid=grid, target=target, to=to, search=search
        )
        return
    search = decoding(model, settings, fast=fast, beam=beam, length_penalty=length_penalty)
    translator = open_models(model, ensemble, attention=attention)
    if not translator.aligned:
        raise InputError(f"{model} has no alignments: its model.attention is 'none'.")
    if target is None:
        (found,) = translator.translate([sentence], **search)
    else:
        (found,) = translator.score([sentence], [target])
    if found.unfinished and target is None:
        say(
            "The translation has no end, because it reached its maximum length: raise decoding.max_length or max_ratio."
        )
    if found.source_truncated or (found.unfinished and target is not None):
        say(f"There are more than {search['max_length']} pieces, decoding.max_length: the rest was left out.")
    if to is None:
        show([(sentence, found)], translator.linker)
    else:
        _draw(sentence, found, to, translator.linker)
        print(f"{to}: {sentence} → {found.text}")


def show(translations: Iterable[tuple[str, Translation]], linker: str) -> None:
    """Print sentences with their translations and the alignment of each word.

    Arguments:
        translations: sentences and translations.
        linker: what found the alignments, if they are links and not what the decoder attends to.
    """
    from rich.console import Console
    from rich.text import Text

    from nmt.plotting.terminal import strongest, table, wide

    console = Console(width=None if sys.stdout.isatty() else 100)
    for sentence, translation in translations:
        console.print(Text.assemble("\n", (sentence, "bold"), "  →  ", (translation.text, "bold")))
        if translation.alignment is None:
            console.print("There is no alignment: with model.attention = 'none' the whole sentence is one vector.")
            continue
        words = translation.words()
        if wide(words) <= console.width:
            console.print(
                f"Links of each target word to the source words, by {linker}, in per cent:"
                if linker
                else "Attention weights of each target word over the source words, in per cent:"
            )
            console.print(table(words))
        else:
            console.print(f"The largest {'links' if linker else 'attention weights'} of each target word, in per cent:")
            console.print(strongest(words))


def show_translated(translator: Translator, sentences: list[str]) -> None:
    """Translate sentences and show the alignment of each word."""
    show(zip(sentences, translator.translate(sentences), strict=True), translator.linker)


def _draw(sentence: str, found: Translation, to: Path, linker: str) -> None:
    if to.suffix.lower() == ".html":
        from nmt.plotting.html import alignment_page
        from nmt.plotting.picture import write

        write(to, alignment_page([(sentence, found.words(), found.score)], linker=linker).encode(), _ALIGNMENTS)
        return
    from nmt.plotting.figures import heat_map

    note = f"Links, found by {linker}." if linker else "What the decoder attends to while it writes."
    heat_map(found.words(), to, f"{sentence} → {found.text}", note)


def _history(model: Path, to: Path | None) -> None:
    from nmt.model_folder import read_journal

    records = read_journal(model)
    if to is None:
        _table(records)
        return
    from nmt.plotting.figures import history

    history(records, to)
    print(f"{to}: {len(records)} epochs")


# Columns for a table that goes to a file or a pipe, which have no width of their own. It takes no more than it needs.
_WIDE = 300


def _table(records: list[dict[str, Any]]) -> None:
    """Print a line for each epoch."""
    from rich.console import Console
    from rich.table import Table

    from nmt.evaluation.judge import MEASURED, is_telling

    drawn = Table(box=None, pad_edge=False)
    shown = [
        name for name in ("epoch", *MEASURED) if any(is_telling(name, each, each.get("watch")) for each in records)
    ]
    for name in shown:
        drawn.add_column(name, justify="right", overflow="fold")
    for record in records:
        drawn.add_row(*(_number(record.get(name)) for name in shown))
    Console(width=None if sys.stdout.isatty() else _WIDE).print(drawn)


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
