"""``nmt translate`` and ``nmt complete``: lines in, lines out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nmt.commands.console import (
    ModelFolder,
    advancing,
    count,
    emit,
    import_tensorflow,
    input_lines,
    say,
    typed,
    windows,
)
from nmt.commands.options import (
    Beam,
    Ensemble,
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

if TYPE_CHECKING:
    from nmt.translator import Translation


def translate(
    model: ModelFolder,
    file: Annotated[Path | None, typer.Argument(help="Sentences, one a line.", show_default="standard input")] = None,
    beam: Beam = None,
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
        typer.Option("--format", help="jsonl: an object a line, with score, tokens and alignment."),
    ] = "text",
    settings: Settings = None,
) -> None:
    """Translate: a line in, a line out, in order.

    Reads FILE, or standard input without one. An empty line stays empty. With --n-best N there are up to N lines for
    each: its number, the score after the penalties and the translation, with tabs between.

    **Example:** `nmt translate my-model news.ko --beam 5 --length-penalty 1 > news.en`
    """
    how = decoding(
        model,
        settings,
        beam=beam,
        n_best=n_best,
        length_penalty=length_penalty,
        sample=True if sample else None,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
    )
    lines = input_lines(file)
    translator = open_models(model, ensemble)
    translator.decoding(**how)  # what only the vocabulary can refuse
    number = 0
    for window in advancing(windows(lines, typed(file), how["n_best"]), "Translating", count(file)):
        prefixes = None if prefix is None else [prefix] * len(window)
        found = translator.hypotheses(window, prefixes, first=number, **how)
        emit(line for i, best in enumerate(found, number + 1) for line in _lines(i, best, form, how["n_best"]))
        for i, best in enumerate(found, number + 1):
            if best[0].truncated:
                most = how["max_length"]
                say(f"Line {i} is longer than the {most} pieces the model reads: the rest was left out.")
        number += len(window)


def complete(
    model: ModelFolder,
    file: Annotated[Path | None, typer.Argument(help="Beginnings, one a line.", show_default="standard input")] = None,
    beam: Beam = None,
    length_penalty: LengthPenalty = None,
    sample: Sample = False,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    seed: Seed = None,
    settings: Settings = None,
) -> None:
    """Go on from a beginning with a language model: a line in, the whole line out, in order.

    Reads FILE, or standard input without one.

    **Example:** `echo "Once upon a time" | nmt complete my-model --sample --top-p 0.9`
    """
    how = decoding(
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
    lines = input_lines(file)
    import_tensorflow()
    from nmt.completer import Completer
    from nmt.decoding.abreast import share_cores

    share_cores()
    completer = Completer.load(model)
    number = 0
    for window in advancing(windows(lines, typed(file)), "Completing", count(file)):
        found = completer.complete(window, first=number, **how)
        emit(completion.text for completion in found)
        for i, completion in enumerate(found, number + 1):
            if completion.truncated:
                most = how["max_length"]
                say(f"Line {i} is longer than the {most} pieces the model reads: nothing was added.")
        number += len(window)


def _lines(number: int, best: list[Translation], form: str, n_best: int) -> list[str]:
    """Return the line, or lines, for one sentence."""
    if form == "jsonl":
        found = _record(best[0]) if n_best == 1 else {**_record(best[0]), "n_best": [_record(each) for each in best]}
        return [json.dumps(found, ensure_ascii=False)]
    if n_best == 1:
        return [best[0].text]
    return [f"{number}\t{each.rank:.4f}\t{each.text}" for each in best]


def _record(translation: Translation) -> dict[str, Any]:
    alignment = translation.alignment
    return {
        "text": translation.text,
        "score": round(translation.score, 4),
        "rank": round(translation.rank, 4),
        "source_tokens": translation.source_tokens,
        "tokens": translation.tokens,
        "token_scores": [round(score, 4) for score in translation.token_scores],
        "alignment": None if alignment is None else [[round(float(w), 4) for w in row] for row in alignment],
        "truncated": translation.truncated,
    }
