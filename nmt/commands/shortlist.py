"""``nmt shortlist``: the target pieces that a source piece calls for, so that a search looks at no others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmt.commands.console import ModelFolder, TsvQuoting, advancing, say, windows
from nmt.commands.decoding_options import decoding, open_models
from nmt.errors import InputError, WorkFailed


def shortlist(
    model: ModelFolder,
    source: Annotated[Path | None, typer.Option(help="Sentences, one per line; .gz too.", show_default=False)] = None,
    target: Annotated[Path | None, typer.Option(help="Their translations, line by line.", show_default=False)] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="Or both in one file: source, tab, target.", show_default=False)
    ] = None,
    best: Annotated[int, typer.Option(help="Target pieces kept for each source piece.", min=1)] = 100,
    frequent: Annotated[
        int, typer.Option(help="Most frequent target pieces, which every translation may have.", min=1)
    ] = 100,
    tsv_quoting: TsvQuoting = False,
) -> None:
    """Make the shortlist of a model from the links that its attention finds in sentence pairs.

    Name the pairs it was trained on. The file shortlist.npz in the model's folder takes the place of an older one.
    With decoding.shortlist=true a search then looks only at the target pieces that its sources call for: some hundred
    for a sentence, and those of all its sentences for a batch. That is faster. It is off otherwise.

    **Example:** `nmt shortlist my-model --pairs pairs.tsv`, then `nmt translate my-model --set decoding.shortlist=true`
    """
    from nmt.data import corpora
    from nmt.folder_lock import folder_lock

    decoding(model, shortlist=False)
    if pairs and not (source or target):
        corpus = corpora.from_tsv(pairs, tsv_quoting)
    elif source and target and not pairs:
        corpus = corpora.from_files(source, target)
    else:
        raise InputError("Name the pairs in one way: --source and --target, or --pairs.")
    with folder_lock(model, "nmt shortlist"):
        # An older one is replaced unread: it may be damaged.
        translator = open_models(model, None, shortlist=False)
        from nmt.inference.link_shortlist import make, write

        found = make(translator, advancing(windows(corpus.pairs()), "Linking", corpus.size), best, frequent)
        try:
            write(model, found, translator.tokenizers)
        except OSError as error:
            raise WorkFailed(f"{model} cannot be written to: {error.strerror}.") from None
    linked = (found.candidates[:, 1:] > 0).sum(1)
    sources = int((linked > 0).sum())
    say(
        f"{model / 'shortlist.npz'}: {len(found.frequent):,} frequent target pieces, and for each of {sources:,} "
        f"source pieces up to {found.candidates.shape[1] - 1:,} more, {linked.sum() / max(sources, 1):.0f} on average. "
        "Use it with --set decoding.shortlist=true."
    )
