"""The options of a search, which several commands share."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nmt.errors import InputError, as_typed

if TYPE_CHECKING:
    from nmt.inference.completer import Completer
    from nmt.inference.translator import Translator

Beam = Annotated[int | None, typer.Option(help="Hypotheses kept at each step; 1 is greedy.", show_default=False)]
Fast = Annotated[bool, typer.Option("--fast", help="Greedy search, whatever the model has: quicker, and worse.")]
LengthPenalty = Annotated[
    float | None,
    typer.Option(help="How much longer translations are favoured, with --beam; 0.6 to 1 is usual.", show_default=False),
]
Sample = Annotated[bool, typer.Option("--sample", help="Draw each piece by its probability.")]
Temperature = Annotated[
    float | None,
    typer.Option(help="With --sample: small is close to greedy, large is close to uniform.", show_default=False),
]
TopK = Annotated[
    int | None, typer.Option(help="With --sample: from this number of likeliest pieces.", show_default=False)
]
TopP = Annotated[
    float | None,
    typer.Option(help="With --sample: from the likeliest that add up to this probability.", show_default=False),
]
Seed = Annotated[int | None, typer.Option(help="With --sample: another seed draws other pieces.", show_default=False)]
Ensemble = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="MODEL", help="Another model to search together with this one; may be repeated.", show_default=False
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="decoding.KEY=VALUE", help="Any other setting of the search; may be repeated."),
]


def any_given(*options: object) -> bool:
    """Return whether one of the options was given. The number 0 may have been.

    >>> any_given(None, False, []), any_given(None, 0)
    (False, True)
    """
    return any(option is not None and option is not False and option != [] for option in options)


def decoding(
    model: Path,
    settings: list[str] | None = None,
    *,
    language_model: bool = False,
    features: bool = False,
    exported: bool = False,
    fast: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Return the section ``decoding`` of a model's config, with settings and options over it.

    Arguments:
        model: the model's folder.
        settings: ``decoding.KEY=VALUE`` each.
        language_model: whether it must be a language model, rather than a translator.
        features: whether it must be a model of features.
        exported: whether the search is that of an export.
        fast: whether it is greedy, in place of the search of the config.
        options: keys of the section; ``None`` leaves one as it is.

    Raises:
        InputError: if the folder holds a model of the other kind, or a setting is invalid.
    """
    from nmt.config import LABELLING, MASKED, check_decoding, with_settings
    from nmt.model_folder import SHORTLIST, read_config

    config = read_config(model)
    if config.model.architecture == MASKED:
        raise InputError(
            f"{model} is a pretrained encoder, which writes nothing: a classifier or tagger begins with it."
        )
    if config.model.architecture in LABELLING:
        raise InputError(f"{model} is a {config.model.architecture}, which labels texts. Use `nmt label`.")
    if features and config.model.source != "features":
        task = "complete" if config.model.architecture == "language-model" else "translate"
        raise InputError(f"{model} describes no features: it reads text. Use `nmt {task}`.")
    if config.model.source == "features" and not features:
        raise InputError(f"{model} describes features, and reads no text. Use `nmt caption`.")
    if config.model.architecture == "language-model" and not language_model:
        raise InputError(f"{model} is a language model: it has no source to translate. Use `nmt complete`.")
    if config.model.architecture != "language-model" and language_model:
        raise InputError(f"{model} is a translator, not a language model. Use `nmt translate`.")
    for setting in settings or []:
        if not setting.strip().startswith("decoding."):
            raise InputError(f"'{setting}' is fixed by training. Here --set changes only decoding.KEY=VALUE.")
    if fast and options.get("beam") not in (None, 1):
        raise InputError(f"--fast is greedy search, and --beam {options['beam']} is not. Leave one of them out.")
    options = {**options, "beam": 1} if fast else options
    given = [f"decoding.{key}={str(value).lower()}" for key, value in options.items() if value is not None]
    config = with_settings(config, [*(settings or []), *given])
    check_decoding(config, exported=exported)
    if config.decoding.shortlist and not (model / SHORTLIST).is_file():
        raise InputError(
            f"decoding.shortlist = true, but {model} has no {SHORTLIST}. Make it from sentence pairs: "
            f"nmt shortlist {as_typed(model)} --pairs FILE."
        )
    return dataclasses.asdict(config.decoding)


def open_models(
    model: Path,
    ensemble: list[Path] | None,
    attention: bool = False,
    confidence: bool = True,
    shortlist: bool = True,
) -> Translator:
    """Open a model, or an ensemble, and give each batch its share of the cores.

    Arguments:
        model, ensemble: their folders.
        attention: whether alignments are what the decoder attends to, also if there is an alignment head.
        confidence: whether the confidence is read, if there is one.
        shortlist: whether the shortlist is read, if there is one.
    """
    from nmt.model_folder import read_config
    from nmt.tf_import import import_tensorflow

    for other in ensemble or []:
        read_config(other)
    import_tensorflow()
    from nmt.inference.parallel import share_cores
    from nmt.inference.translator import Translator

    return Translator.load(
        model,
        *(ensemble or []),
        parallel_batches=share_cores(),
        attention=attention,
        confidence=confidence,
        shortlist=shortlist,
    )


def open_language_model(model: Path) -> Completer:
    """Open a language model, and give each batch its share of the cores."""
    from nmt.tf_import import import_tensorflow

    import_tensorflow()
    from nmt.inference.completer import Completer
    from nmt.inference.parallel import share_cores

    return Completer.load(model, share_cores())
