"""``nmt export``: a trained model for a server, or for a device."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from nmt.commands.caption import open_captioner
from nmt.commands.console import ModelFolder, say
from nmt.commands.decoding_options import (
    Beam,
    Ensemble,
    Fast,
    LengthPenalty,
    Settings,
    any_given,
    decoding,
    open_language_model,
    open_models,
)
from nmt.commands.label import open_labeller
from nmt.config import LABELLING, MASKED
from nmt.errors import InputError, as_typed
from nmt.export.docker import check_name
from nmt.model_folder import read_config


def export(
    model: ModelFolder,
    to: Annotated[
        Path | None,
        typer.Option(
            help="The export's folder.", show_default="saved_models/NAME, NAME-tflite, NAME-tflite-strings or NAME-web"
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            help="The model's name, in the card and in that of the folder.", show_default="that of MODEL, as typed"
        ),
    ] = None,
    beam: Beam = None,
    fast: Fast = False,
    n_best: Annotated[
        int | None, typer.Option(help="Translations of each sentence, with --beam.", show_default=False)
    ] = None,
    length_penalty: LengthPenalty = None,
    max_length: Annotated[
        int | None, typer.Option(help="Maximum pieces read, and written.", show_default="that of the model")
    ] = None,
    tflite: Annotated[bool, typer.Option("--tflite", help="For a device: TFLite instead of a SavedModel.")] = False,
    quantize: Annotated[
        Literal["none", "float16", "int8"] | None,
        typer.Option(
            help="With --tflite or --web: the type of the stored weights.", show_default="none, with --web int8"
        ),
    ] = None,
    strings: Annotated[
        bool, typer.Option("--strings", help="With --tflite: a model of strings; it needs tensorflow-text to run.")
    ] = False,
    web: Annotated[
        bool, typer.Option("--web", help="For a browser: a page that translates by itself, for any web server.")
    ] = False,
    single: Annotated[
        bool, typer.Option("--single", help="With --web: one HTML file, which opens from disk and without a network.")
    ] = False,
    source: Annotated[
        Path | None,
        typer.Option(help="With --web: sentences to measure the BLEU of what is written.", show_default=False),
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="With --web: their reference translations, line by line.", show_default=False)
    ] = None,
    runtime: Annotated[
        Path | None,
        typer.Option(
            help="With --web: the folder of the runtime's archives, where npm cannot fetch them.", show_default=False
        ),
    ] = None,
    serving_kit: Annotated[
        bool,
        typer.Option(
            "--serving-kit", help="Also write, beside the export, what TF Serving in Docker or on Kubernetes needs."
        ),
    ] = False,
    languages: Annotated[
        str | None,
        typer.Option(
            help="For the card, and to know the model of the next version; as in ko-en.",
            show_default=False,
            metavar="FROM-TO",
        ),
    ] = None,
    ensemble: Ensemble = None,
    settings: Settings = None,
) -> None:
    """Write a model that runs without this package: for TF Serving, a device (--tflite) or a browser (--web).

    A language model is exported for TF Serving or a device: it continues a text the likeliest way, or draws. So is a
    model that describes numbers, such as pictures.

    The export fixes how to search. A SavedModel becomes the next version of saved_models/NAME; it takes and returns
    strings. --tflite makes a folder with a program, translate.py, that needs only ai-edge-litert and sentencepiece, or
    with --strings only tensorflow-text.

    **Example:** `nmt export my-model --beam 5 --length-penalty 1 --serving-kit`
    """
    if name is not None:
        check_name(name)
    # Whoever names the export knows which versions it has.
    place_named = to is not None or name is not None
    name = name or Path(os.path.abspath(model)).name  # a link's own name: that is what was typed
    kit = None
    if quantize is not None and not (tflite or web):
        raise InputError("--quantize is for a device or a browser: add --tflite or --web.")
    if web and (tflite or serving_kit):
        raise InputError("--web is for a browser, --tflite for a device, --serving-kit for a server. Export twice.")
    if not web and (single or source or reference or runtime):
        raise InputError("--single, --source, --reference and --runtime are for the export for a browser: add --web.")
    if (source is None) != (reference is None):
        raise InputError("Name both --source and --reference, or neither.")
    if strings and not tflite:
        raise InputError("--strings is for the export for a device: add --tflite. A SavedModel takes strings anyway.")
    if serving_kit and tflite:
        raise InputError("--serving-kit is for a server, and --tflite for a device. Export twice.")
    if web:
        from nmt.commands.export_web import export_web

        export_web(
            model,
            to,
            name,
            single=single,
            quantize=quantize or "int8",
            files=(source, reference) if source and reference else None,
            runtime=runtime,
            languages=languages,
            ensemble=ensemble,
            settings=settings,
            fast=fast,
            beam=beam,
            n_best=n_best,
            length_penalty=length_penalty,
            max_length=max_length,
        )
        return
    architecture = read_config(model).model.architecture
    if architecture == MASKED:
        raise InputError(
            f"{model} is a pretrained encoder, which answers nothing: a classifier or tagger begins with it."
        )
    if architecture in LABELLING:
        if any_given(strings, serving_kit, ensemble, n_best, beam, fast, length_penalty, max_length, settings):
            raise InputError(
                f"{model} is a {architecture}, which searches for nothing: give --tflite and --quantize only."
            )
        _export_labels(model, to, name, place_named, tflite=tflite, quantize=quantize or "none", languages=languages)
        return
    language_model = architecture == "language-model"
    features = read_config(model).model.source == "features"
    if features and (strings or serving_kit or ensemble):
        raise InputError(
            f"{model} describes features: --strings, --serving-kit and --ensemble are for translators. Leave them out."
        )
    if language_model and any_given(strings, serving_kit, ensemble, n_best):
        raise InputError(
            f"{model} is a language model: --strings, --serving-kit, --ensemble and --n-best are for translators."
        )
    how_given = decoding(
        model,
        settings,
        language_model=language_model,
        features=features,
        exported=True,
        fast=fast,
        beam=beam,
        n_best=n_best,
        length_penalty=length_penalty,
        max_length=max_length,
    )
    if strings:
        from nmt.signatures import check_on_device

        check_on_device(read_config(model).text.kind, how_given["n_best"])
    place = to or Path("saved_models", f"{name}{'-tflite' * tflite}{'-strings' * strings}")
    if not place.name:
        raise InputError(
            f"{place} cannot be the export's folder: it has no name, which the export needs. Name one with --to."
        )
    if tflite:
        from nmt.model_folder import check_new

        check_new(place)
    else:
        made_from = _next_version(place, model, languages, place_named)
        kit = place.parent / f"{place.name}-kit"
        if serving_kit and kit.exists():
            raise InputError(f"{kit} exists, and is not overwritten. Leave --serving-kit out.")
        if serving_kit:
            check_name(place.name)
    if features:
        opened: Any = open_captioner(model)
    else:
        opened = open_language_model(model) if language_model else open_models(model, ensemble)
    how = opened.decoding(**how_given)
    from nmt.export.card import CAPTIONS, card, device_lines, saved_model_lines

    kind = CAPTIONS if features else architecture
    pieces = (opened.tokenizers.source.vocabulary, opened.tokenizers.target.vocabulary)

    def written(what: str) -> str:
        names = [name, *(Path(os.path.abspath(place)).name for place in ensemble or [])]
        config = replace(opened.config, decoding=how)
        lines = device_lines(strings, kind) if tflite else saved_model_lines(kind)
        return card(model, names, config, pieces=pieces, languages=languages, what=what, lines=lines)

    say("Exporting: this takes some seconds.")
    if tflite:
        from nmt.export import tflite as device
        from nmt.export import tflite_captions, tflite_language_model, tflite_strings

        taken = ", takes strings" if strings else ""
        write: Any = tflite_language_model.export if language_model else device.export
        write = tflite_strings.export if strings else tflite_captions.export if features else write
        page = written(f"TFLite, weights {quantize or 'float32'}{taken}")
        write(opened, place, settings=how, quantize=quantize or "none", card=page)
        program = "complete.py" if language_model else "caption.py" if features else "translate.py"
        say(f"The export is in {place}. Try it: python {as_typed(place / program)}" + " FILE.npy" * features)
        return
    from nmt.export import saved_captions, saved_language_model, saved_model
    from nmt.export.versions import record_origin

    export_model: Any = saved_language_model.export if language_model else saved_model.export
    export_model = saved_captions.export if features else export_model
    folder = export_model(opened, place, how, lambda version: written(f"SavedModel, version {version}"))
    record_origin(place, made_from)
    served = not (language_model or features)
    say(f"The export is in {folder}." + f" Try it: nmt serve {as_typed(place)}" * served)
    if serving_kit and kit:
        from nmt.export.docker import write_kit

        write_kit(kit, place.name, place)
        say(f"The kit is in {kit}. Its README.md says how to start TF Serving.")


def _next_version(place: Path, model: Path, languages: str | None, place_named: bool) -> dict[str, str]:
    """Check that the next version of an export may be of this model, and return the model's origin."""
    from nmt.export.versions import check_origin, check_place, origin

    check_place(place)
    made_from = origin(model, place, languages)
    if not place_named:
        check_origin(place, model, made_from)
    return made_from


def _export_labels(
    model: Path,
    to: Path | None,
    name: str,
    place_named: bool,
    *,
    tflite: bool,
    quantize: Literal["none", "float16", "int8"],
    languages: str | None,
) -> None:
    """Write the export of a classifier or a tagger."""
    place = to or Path("saved_models", f"{name}{'-tflite' * tflite}")
    if tflite:
        from nmt.model_folder import check_new

        check_new(place)
    else:
        made_from = _next_version(place, model, languages, place_named)
    labeller = open_labeller(model)
    from nmt.export import saved_labels, tflite_labels
    from nmt.export.card import card, device_lines, saved_model_lines

    architecture, size = labeller.config.model.architecture, labeller.tokenizers.source.vocabulary

    def written(what: str) -> str:
        lines = device_lines(False, architecture) if tflite else saved_model_lines(architecture)
        pieces = (size, size)
        return card(model, [name], labeller.config, pieces=pieces, languages=languages, what=what, lines=lines)

    say("Exporting: this takes some seconds.")
    if tflite:
        weights = "float32" if quantize == "none" else quantize
        tflite_labels.export(labeller, place, quantize, written(f"TFLite, weights {weights}"))
        say(f"The export is in {place}. Try it: python {as_typed(place / 'label.py')}")
        return
    from nmt.export.versions import record_origin

    folder = saved_labels.export(labeller, place, lambda version: written(f"SavedModel, version {version}"))
    record_origin(place, made_from)
    say(f"The export is in {folder}.")
