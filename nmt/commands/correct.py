"""``nmt correct``: a translator learns how sentences should have been translated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.commands.console import ModelFolder, TsvQuoting, finite, news, say, say_unwritable
from nmt.commands.decoding_options import decoding, open_models
from nmt.errors import InputError, WorkFailed, as_typed

if TYPE_CHECKING:
    from nmt.training.correct import Corrected

# Corrections that are shown, of those that do not come out.
_SHOWN = 10


def correct(
    model: ModelFolder,
    corrections: Annotated[
        Path | None,
        typer.Argument(
            help="A TSV: source, tab, how it should be translated. It is added to those kept in MODEL.",
            show_default=False,
        ),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            help="Pairs that MODEL was trained on, which keep it from forgetting; named once, some are kept in MODEL.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[Path | None, typer.Option(help="Or in two files: their sources.", show_default=False)] = None,
    target: Annotated[Path | None, typer.Option(help="And their translations.", show_default=False)] = None,
    minutes: Annotated[float, typer.Option(min=0.01, callback=finite, help="The longest time to learn.")] = 1.0,
    max_loss: Annotated[
        float,
        typer.Option(
            min=0,
            callback=finite,
            help="How many points of BLEU, or of chrF where BLEU says little, old pairs may lose; with more, MODEL "
            "stays as it was before this.",
        ),
    ] = 1.0,
    undo: Annotated[
        bool, typer.Option("--undo", help="Forget all corrections: MODEL is again as it was before the first.")
    ] = False,
    tsv_quoting: TsvQuoting = False,
) -> None:
    """Teach MODEL how sentences should be translated, in about a minute, without forgetting the rest.

    All corrections so far are learned together, from the weights before the first one, mixed with old pairs. They are
    kept in MODEL/corrections/corrections.tsv, which may be edited: without CORRECTIONS, what stands there is learned.

    **Example:** `nmt correct my-model corrections.tsv --pairs pairs.tsv`
    """
    if undo and (corrections or pairs or source or target):
        raise InputError("--undo forgets all corrections, so nothing else goes with it.")
    if (source is None) != (target is None) or (pairs and source):
        raise InputError("Name the old pairs in one way: --pairs, or --source and --target.")
    decoding(model)
    from nmt.data import corpora
    from nmt.folder_lock import folder_lock
    from nmt.model_folder import CONFIDENCE

    old = None
    if pairs:
        old = corpora.from_tsv(pairs, tsv_quoting)
    elif source and target:
        old = corpora.from_files(source, target)
    if corrections:
        corpora.require_file(corrections)
    with folder_lock(model, "nmt correct"):
        translator, confident = open_models(model, None, confidence=False), (model / CONFIDENCE).exists()
        from nmt.models.seq2seq import Seq2Seq
        from nmt.saving import load_weights
        from nmt.training.correct import learn_corrections
        from nmt.training.corrections import CORRECTIONS, CorrectionMemory, read_corrections

        assert isinstance(translator.model, Seq2Seq)
        memory, head = CorrectionMemory(model), translator.heads[0]
        try:
            if undo:
                memory.undo(head)
                print(f"{model} is as it was before its corrections.")
                _say_unsure(model, confident=confident)
                return
            given = read_corrections(corrections, tsv_quoting) if corrections else []
            if old:
                memory.keep_pairs(old)
            kept, held_back = memory.pairs()
            if given and (changed := memory.add(given)):
                say(f"{changed} {'sentence was' if changed == 1 else 'sentences were'} corrected otherwise before.")
            wanted = memory.corrections()
            if not wanted:
                raise InputError(
                    f"{memory.folder / CORRECTIONS} has no corrections. Name a file of them, or forget all with --undo."
                )
            say_unwritable(translator.tokenizers.target, [right for _, right in wanted], "corrections")
            load_weights(translator.model, memory.weights_before())
            with news():
                found = learn_corrections(
                    translator.model,
                    tokenizers=translator.tokenizers,
                    config=translator.config,
                    corrections=wanted,
                    old=kept,
                    held_back=held_back,
                    minutes=minutes,
                    shortlist=translator.shortlist,
                )
            if found.before - found.after > max_loss:
                raise WorkFailed(
                    f"{model} stays as it was: old pairs fall from {found.measure} {found.before:.2f} to "
                    f"{found.after:.2f}, by more than --max-loss {max_loss:g}. The corrections are kept; name more or "
                    f"longer --pairs, or take those out of {memory.folder / CORRECTIONS} that contradict the training."
                )
            memory.replace_weights(found.model, head)
        except OSError as error:
            raise WorkFailed(f"{model} cannot be written to: {error.strerror}.") from None
    _report(found, len(wanted), model)
    _say_unsure(model, confident=confident)


def _report(found: Corrected, number: int, model: Path) -> None:
    for source, target, written in found.wrong[:_SHOWN]:
        say(f"Not yet as corrected:\n  source  {source}\n  wanted  {target}\n  comes   {written}")
    if len(found.wrong) > _SHOWN:
        say(f"and {len(found.wrong) - _SHOWN:,} more.")
    if found.shut_out:
        say(
            f"{found.shut_out:,} of these would come out without the shortlist, which leaves out some of their pieces. "
            "Make it again from pairs to which the corrections are added: "
            f"nmt shortlist {as_typed(model)} --pairs FILE."
        )
    rounds = f"{found.rounds} round{'' if found.rounds == 1 else 's'}"
    print(
        f"{number - len(found.wrong):,} of {number:,} corrections come out as corrected, after {rounds} in "
        f"{found.seconds:.0f} s. {found.measure} of {found.judged} old pairs that were held back: "
        f"{found.before:.2f} before, {found.after:.2f} now."
    )


def _say_unsure(model: Path, confident: bool) -> None:
    """Say that a model that had a confidence has none any more."""
    from nmt.model_folder import CONFIDENCE

    if confident and not (model / CONFIDENCE).exists():
        say(
            "The confidence was learned with other weights and is gone. Learn it anew: "
            f"nmt evaluate {as_typed(model)} --source F --reference F --calibrate"
        )
