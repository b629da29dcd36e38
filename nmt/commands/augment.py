"""``nmt augment``: more pairs, which a model makes from text of one language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.commands.console import InputLines, advancing, count, plain_name, say, windows
from nmt.commands.decoding_options import (
    Beam,
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
from nmt.errors import InputError, as_typed

if TYPE_CHECKING:
    from nmt.inference.translator import Translator
    from nmt.translation import Translation

# Lines that are looked at before anything is translated, and the share of their letters that the model must know, and
# of these lines that must be in a script that it reads.
_LOOKED_AT, _KNOWN = 1000, 0.5
_WHICH_TEXT = (
    "With --back the text is of the target language and the model reads that; with --distill it is of the source "
    "language."
)


def augment(
    to: Annotated[
        Path,
        typer.Option(
            callback=plain_name,
            help="The new file of pairs: source, tab, target in a line; not .gz.",
            show_default=False,
        ),
    ],
    back: Annotated[
        Path | None,
        typer.Option(metavar="MODEL", help="A translator from the target to the source language.", show_default=False),
    ] = None,
    target_text: Annotated[
        Path | None,
        typer.Option(
            help="With --back: text of the target language, a sentence per line; .gz too.", show_default=False
        ),
    ] = None,
    distill: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="MODEL",
            help="A translator that teaches another one by its translations; several work together; may be repeated.",
            show_default=False,
        ),
    ] = None,
    source_text: Annotated[
        Path | None,
        typer.Option(
            help="With --distill: text of the source language, a sentence per line; .gz too.", show_default=False
        ),
    ] = None,
    tag: Annotated[
        str, typer.Option(help="What every source begins with, as <bt>, so that a model can tell these pairs.")
    ] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Continue what was stopped.")] = False,
    beam: Beam = None,
    fast: Fast = False,
    length_penalty: LengthPenalty = None,
    sample: Sample = False,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    seed: Seed = None,
    settings: Settings = None,
) -> None:
    """Make more pairs for a training from text of one language.

    Back-translation: a model of the other direction translates text of the target language, and the new pairs have its
    translations as sources. Distillation: a model, or several together, translate text of the source language, and a
    smaller one learns from them. Pairs that repeat, and translations that are blank, cut or only copied, are left out.

    The work is safe after every window of lines: the same command with --resume continues it, also after a power cut.
    OUT.json says where the pairs are from. Train with the real pairs and these, with weights.

    **Example:** `nmt augment --back en-ko --target-text news.en --to synthetic.tsv`, then `nmt train --pairs pairs.tsv
    --pairs synthetic.tsv --weights 1 0.5 --dev-pairs dev.tsv --to ko-en`
    """
    models, text = _asked(back, target_text, distill, source_text)
    search = decoding(
        models[0],
        settings,
        fast=fast,
        beam=beam,
        length_penalty=length_penalty,
        sample=True if sample else None,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
    )
    if search["n_best"] > 1:
        raise InputError(
            "decoding.n_best > 1 would give a line several translations, and a pair has one. Leave it out."
        )
    from nmt.checksums import digest
    from nmt.inference.augmentation import Augmentation, counts_in_words
    from nmt.model_folder import WEIGHTS, read_config, require_weights

    lines = InputLines(text)
    if not text.is_file():
        raise InputError(f"{text} is no file. The work may be continued later, so name one that can be read again.")
    for model in models:
        read_config(model)
        require_weights(model / WEIGHTS)
    made_from = {
        "text": str(text.name),
        "text sha256": digest(text),
        "models": [model.resolve().name for model in models],
        "models sha256": [digest(model / WEIGHTS) for model in models],
        "search": {key: value for key, value in search.items() if key != "batch_size"},
    }
    work = Augmentation(to, "back-translation" if back else "distillation", made_from, tag)
    work.check(resume)
    translator = open_models(models[0], models[1:])
    translator.decoding(**search)
    first = list(islice(lines, _LOOKED_AT))
    _check_text(first, translator, models, text)

    def translate(window: list[str], number: int) -> list[Translation]:
        return translator.translate(window, first=number, **search)

    def in_windows(rest: Iterable[str]) -> Iterator[list[str]]:
        return advancing(windows(rest), "Translating", count(text), beside=True)

    try:
        found = work.run(translate, chain(first, lines), in_windows, resume)
    except KeyboardInterrupt:
        again = "with --resume continues it" if work.unfinished else "begins it again"
        say(f"Stopped. The same command {again}.")
        raise
    say(f"{to}: {found.pairs:,} pairs of {found.lines:,} lines. Left out: {counts_in_words(found)}.")
    say(f"Train with them: nmt train --pairs YOURS --pairs {as_typed(to)} --weights 1 0.5 --dev-pairs DEV --to MODEL")


def _asked(
    back: Path | None, target_text: Path | None, distill: list[Path] | None, source_text: Path | None
) -> tuple[list[Path], Path]:
    """Return the models and the text that the options name."""
    if back and target_text and not (distill or source_text):
        return [back], target_text
    if distill and source_text and not (back or target_text):
        return distill, source_text
    raise InputError("Name --back MODEL and --target-text FILE, or --distill MODEL and --source-text FILE.")


def _check_text(lines: list[str], translator: Translator, models: list[Path], text: Path) -> None:
    """Refuse a text that is empty, of letters that the models do not know, or of a script that one does not read.

    The models have the same vocabulary, and a joint one has the letters of both sides.
    """
    if not any(line.strip() for line in lines):
        raise InputError(f"{text} has no text in its first {_LOOKED_AT:,} lines. Name a file with a sentence per line.")
    from nmt.evaluation.scripts import script_counts
    from nmt.model_folder import source_scripts

    source = translator.tokenizers.source
    letters = {letter for piece in source.pieces(range(source.vocabulary)) for letter in piece}
    # As the model reads them: in decomposed text each letter may be several.
    text_letters = [letter for line in lines for letter in source.normalized(line) if letter.isalpha()]
    if sum(letter in letters for letter in text_letters) < _KNOWN * len(text_letters):
        raise InputError(
            f"{models[0]} does not know most of the letters of {text}: it reads another language. {_WHICH_TEXT}"
        )
    counted = script_counts(lines)
    for model in models:
        reads = source_scripts(model)
        if reads and sum(counted.get(script, 0) for script in reads) < _KNOWN * sum(counted.values()):
            found = max(counted, key=lambda script: counted[script])
            raise InputError(
                f"Most lines of {text} are {found}, and the sources that {model} was trained on are "
                f"{' or '.join(reads)}: it reads another language. {_WHICH_TEXT}"
            )
