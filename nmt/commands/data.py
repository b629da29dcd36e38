"""``nmt data``: what is in sentence pairs, before anything is trained on them."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.commands.console import TsvQuoting, advancing, news, say
from nmt.errors import InputError, Stopped, WorkFailed
from nmt.tf_import import import_tensorflow

if TYPE_CHECKING:
    from nmt.config import Config
    from nmt.data.corpora import Corpus
    from nmt.doctor.findings import Diagnosis, TrainingForecast


def data(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="A .tsv file is a split; other files come in twos, source then target; .gz too. The first split holds "
            "the training pairs, the others are compared with it.",
            show_default=False,
        ),
    ],
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page of it to this .html file.", show_default=False)
    ] = None,
    tsv_quoting: TsvQuoting = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    forecast: Annotated[
        bool, typer.Option("--forecast", help="Time some steps and predict the time and memory of a training here.")
    ] = False,
    preset: Annotated[
        str | None,
        typer.Option(
            help="The settings of `nmt train --preset`, as plain or chatbot.",
            show_default="auto, or plain with --config",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A TOML file of settings.", show_default=False)] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One setting, as in text.kind=bpe; may be repeated."),
    ] = None,
) -> None:
    """Examine sentence pairs before training: lengths, repeats, overlaps, odd characters, pieces, and what to do.

    Memory does not grow with the files. How the vocabulary splits the words is measured on an evenly spread sample.
    With --forecast a training with these settings runs for about a minute, and nothing of it is kept.

    **Example:** `nmt data train.ko train.en dev.ko dev.en --html pairs.html`
    """
    if html:
        from nmt.plotting.picture import check_picture

        check_picture(html, [".html"])
        if any(html.resolve() == file.resolve() for file in files):
            raise InputError(f"--html {html} would overwrite the pairs. Name another file.")
    named = splits(files)
    if tsv_quoting and all(len(split) == 2 for split in named):
        raise InputError("--tsv-quoting is for .tsv files, and none was named.")
    # A wrong setting is refused before long files are read; only `auto` has to wait for the number of pairs.
    _config(preset, 0, config, settings)
    corpora = _open(named, tsv_quoting)
    chosen, lines = _config(preset, _training_pairs(corpora), config, settings)
    found = examine(chosen, corpora, lines)
    refused: Exception | None = None
    if forecast:
        try:
            found = dataclasses.replace(found, forecast=forecast_training(chosen, named, tsv_quoting))
        except (InputError, WorkFailed) as error:
            refused = error  # the findings are shown anyway
    if as_json:
        print(json.dumps(dataclasses.asdict(found), ensure_ascii=False, indent=1))
    else:
        show(found)
    if html:
        from nmt.doctor.page import doctor_page
        from nmt.plotting.picture import write

        write(html, doctor_page(found).encode("utf-8", "replace"), [".html"])
        say(f"The page is in {html}.")
    if refused:
        raise refused


def splits(files: Sequence[Path]) -> list[tuple[Path, ...]]:
    """Return each split's file or files."""
    from nmt.data.corpora import is_tsv

    found: list[tuple[Path, ...]] = []
    waiting: Path | None = None
    for file in files:
        tsv = is_tsv(file)
        if waiting is None:
            if tsv:
                found.append((file,))
            else:
                waiting = file
        elif tsv:
            break
        else:
            found.append((waiting, file))
            waiting = None
    if waiting is not None:
        raise InputError(
            f"{waiting} has no partner: files that do not end in .tsv or .tsv.gz come in twos, source then target."
        )
    return found


def reads_as(wanted: Sequence[tuple[Path, ...]]) -> bool:
    """Return whether the files of these splits, named one after another, are read as these splits.

    >>> reads_as([(Path("a.ko"), Path("a.en")), (Path("dev.tsv"),)]), reads_as([(Path("pairs.txt"),)])
    (True, False)
    """
    try:
        return splits([file for split in wanted for file in split]) == list(wanted)
    except InputError:
        return False


def _training_pairs(corpora: Sequence[Corpus]) -> int:
    """Return how many pairs `nmt train` would learn from: without a second split it holds some out."""
    from nmt.data.corpora import split_dev

    return split_dev(corpora[0])[0].size if len(corpora) == 1 and corpora[0].size > 1 else corpora[0].size


def _config(
    preset: str | None, pairs: int, file: Path | None, settings: list[str] | None
) -> tuple[Config, tuple[str, ...]]:
    """Return the config that the options make, and the lines that explain the preset."""
    from nmt import config as configuration
    from nmt.presets import fit_preset

    def choose(base: Config) -> Config:
        return configuration.with_settings(configuration.from_file(file, base) if file else base, settings or [])

    chosen, lines = fit_preset(preset or ("plain" if file else "auto"), pairs, "pairs", choose)
    if chosen.model.architecture not in ("recurrent", "transformer"):
        what = "labelled texts" if chosen.model.architecture in configuration.LABELLING else "plain text"
        kind = chosen.model.architecture.replace("-", " ")
        raise InputError(f"A {kind} reads {what}, and nmt data examines pairs. Leave model.architecture out.")
    if chosen.model.source == "features":
        raise InputError(
            "nmt data examines pairs of texts, and model.source = 'features' is for numbers. Leave it out."
        )
    return chosen, tuple(lines)


def _open(named: Sequence[tuple[Path, ...]], quoted: bool) -> list[Corpus]:
    from nmt.data import corpora

    return [corpora.from_tsv(*files, quoted) if len(files) == 1 else corpora.from_files(*files) for files in named]


def examine(config: Config, corpora: Sequence[Corpus], preset: tuple[str, ...] = ()) -> Diagnosis:
    """Examine corpora, of which the first holds the training pairs, with progress on standard error."""
    from nmt.doctor.advice import advice, preset_for
    from nmt.doctor.examine import survey_corpora
    from nmt.doctor.findings import Diagnosis

    splits, overlaps = survey_corpora(corpora, partial(advancing, beside=True))
    import_tensorflow()
    from nmt.doctor.vocabulary import vocabulary

    # If one side is blank in every pair, there is nothing to learn from; the findings say so.
    text = all(side.blank.count < splits[0].pairs for side in (splits[0].source, splits[0].target))
    with news(shown=sys.stderr.isatty()):
        pieces = vocabulary(config, corpora, splits) if text else None
    said = advice(splits, overlaps, pieces, config.data.max_length)
    return Diagnosis(
        splits=splits,
        overlaps=overlaps,
        vocabulary=pieces,
        max_length=config.data.max_length,
        decoding_max_length=config.decoding.max_length,
        preset=preset or preset_for(_training_pairs(corpora), config.text),
        advice=tuple(said),
    )


def show(found: Diagnosis) -> None:
    """Print what was found."""
    from rich.console import Console

    from nmt.doctor.report import report

    console = Console(width=None if sys.stdout.isatty() else 100)
    for part in report(found):
        console.print(part)


def forecast_training(config: Config, named: Sequence[tuple[Path, ...]], quoted: bool = False) -> TrainingForecast:
    """Forecast a training on the first split, scored on the second one if there is any."""
    from nmt.comparison.worker import run_in_worker

    try:
        # In a process of its own: memory that this one has used would be counted as the training's.
        with news(shown=sys.stderr.isatty()):
            return run_in_worker(_begin_training, config, named, quoted)
    except Stopped:
        raise KeyboardInterrupt from None


def _begin_training(config: Config, named: Sequence[tuple[Path, ...]], quoted: bool) -> TrainingForecast:
    from nmt.data.corpora import split_dev
    from nmt.doctor.findings import TrainingForecast
    from nmt.training.forecast import forecast

    first, *others = _open(named, quoted)
    corpus, dev = (first, others[0]) if others else split_dev(first)
    made = forecast(config, corpus, dev)
    return TrainingForecast(made.seconds, made.epoch_seconds, made.memory_mb, str(made))
