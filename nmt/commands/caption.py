"""``nmt caption``: features in, texts out. And the scores and the picture of a model of features."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nmt.commands.console import CutLines, ModelFolder, advancing, emit, say
from nmt.commands.decoding_options import Beam, Fast, LengthPenalty, Settings, decoding
from nmt.errors import InputError
from nmt.tf_import import import_tensorflow

if TYPE_CHECKING:
    import numpy as np

    from nmt.data.features import Features
    from nmt.inference.captioner import Captioner
    from nmt.translation import Translation

_TOGETHER = 256
FeaturesFile = Annotated[
    Path,
    typer.Argument(
        help="A .npy file, (examples, cells, width), or a .csv with the numbers of an example on each line.",
        show_default=False,
    ),
]


def caption(
    model: ModelFolder,
    file: FeaturesFile,
    form: Annotated[
        Literal["text", "jsonl"],
        typer.Option("--format", help="text: the captions; jsonl: also scores, and the attention to each cell."),
    ] = "text",
    beam: Beam = None,
    fast: Fast = False,
    n_best: Annotated[int | None, typer.Option(help="Captions for each example.", show_default=False)] = None,
    length_penalty: LengthPenalty = None,
    settings: Settings = None,
) -> None:
    """Describe features with a model that `nmt train --source FILE.npy` made: a caption for each example, in order.

    **Example:** `nmt caption my-model pictures.npy --format jsonl`
    """
    from nmt.translation import KEYS, json_line

    search = decoding(
        model, settings, features=True, fast=fast, beam=beam, n_best=n_best, length_penalty=length_penalty
    )
    features = _open(model, file)
    captioner = open_captioner(model)
    captioner.decoding(**search)  # refuses what does not fit the vocabulary
    keys = [key for key in KEYS if key != "truncated"]
    several = search["n_best"] > 1
    number, cut = 0, CutLines(None)
    for part in advancing(_parts(features), "Describing", len(features.values)):
        found = captioner.hypotheses(part, first=number, **search)
        if form == "text":
            emit(
                f"{number + i}\t{each.text}" if several else each.text
                for i, best in enumerate(found, 1)
                for each in best
            )
        else:
            emit(json_line(best, n_best=several, keys=keys, n_best_keys=keys) for best in found)
        for i, best in enumerate(found, number + 1):
            cut.look(i, False, any(each.unfinished for each in best))
        number += len(part)
    cut.end()


def open_captioner(model: Path) -> Captioner:
    """Open a model of features, and give each batch its share of the cores."""
    import_tensorflow()
    from nmt.inference.captioner import Captioner
    from nmt.inference.parallel import share_cores

    return Captioner.load(model, share_cores())


def _open(model: Path, file: Path) -> Features:
    """Open features, and check that a model reads such."""
    from nmt.data.features import check_shape, open_features
    from nmt.model_folder import read_config

    config = read_config(model)
    features = open_features(file, config.model.source_cells)
    check_shape(config, features)
    return features


def _parts(features: Features) -> Iterator[np.ndarray]:
    count = len(features.values)
    return (features.rows(range(at, min(at + _TOGETHER, count))) for at in range(0, count, _TOGETHER))


def evaluate_captions(
    model: Path, source: Path, reference: Path, search: dict[str, Any], *, links: Path | None, as_json: bool
) -> list[tuple[str, str]]:
    """Describe a test set, print its scores, and return each reference with the caption.

    Arguments:
        model, source, reference: the model's folder, the features, and their captions.
        search: the section ``decoding``.
        links: the cells that words of the references name, a line of i-j for each: cell i, word j.
        as_json: whether the scores are printed as JSON.
    """
    from nmt.data.features import check_shape, open_captions
    from nmt.model_folder import read_config

    config = read_config(model)
    corpus = open_captions(source, reference, config.model.source_cells)
    check_shape(config, corpus.features)
    references = [target for _, target in corpus.pairs()]
    gold = _gold(links, references, corpus.features.cells) if links else None
    captioner = open_captioner(model)
    captioner.decoding(**search)
    if gold and not captioner.aligned:
        raise InputError(f"{model} attends to no cell: its model.attention is 'none'. Leave --links out.")
    from nmt.evaluation.captions import attention_share, exact_matches
    from nmt.evaluation.scores import score

    texts: list[str] = []
    weights: list[np.ndarray] = []
    cut = CutLines(None)
    for part in advancing(_parts(corpus.features), "Describing", corpus.size):
        begun = len(texts)
        for number, found in enumerate(captioner.caption(part, **search), begun + 1):
            texts.append(found.text)
            cut.look(number, False, found.unfinished)
        if gold:
            # Where it attends while it reads the reference, whose words are those that are linked.
            scored = captioner.score(part, references[begun : begun + len(part)], **search)
            weights += [each.words().weights for each in scored]
    cut.end()
    scores = score(texts, references)
    exact = exact_matches(texts, references)
    attended = attention_share(weights, gold) if gold else None
    if as_json:
        found_all = {**dataclasses.asdict(scores), "exact_match": exact / len(texts), "captions": len(texts)}
        found_all |= {"attention": attended._asdict()} if attended else {}
        print(json.dumps(found_all))
    else:
        print(scores)
        print(f"exactly right {exact / len(texts):.1%} of {len(texts):,} captions")
        if attended:
            print(attended)
    return list(zip(references, texts, strict=True))


def _gold(links: Path, references: list[str], cells: int) -> list[Any]:
    """Read the cells that words name, and check that there are such cells and words."""
    from nmt.data.corpora import read_lines
    from nmt.evaluation.alignment import split_words
    from nmt.evaluation.alignment_error import read

    found = list(read(read_lines(links), str(links)))
    if len(found) != len(references):
        raise InputError(f"{links} has {len(found):,} lines, and there are {len(references):,} captions.")
    for number, (gold, text) in enumerate(zip(found, references, strict=True), 1):
        words = len(split_words(text))
        for cell, word in gold.possible:
            if cell >= cells or word >= words:
                raise InputError(
                    f"{links}, line {number}: {cell}-{word} links cell {cell} and word {word}, and there are {cells} "
                    f"cells and {words} words, counted from 0."
                )
    return found


def plot_caption(
    model: Path, file: Path, *, row: int, grid: str | None, target: str | None, to: Path | None, search: dict[str, Any]
) -> None:
    """Draw what each word of a caption attends to.

    Arguments:
        model, file: the model's folder, and the features.
        row: which example, from 1 on.
        grid: rows and columns of its cells, as ``6x6``.
        target: a caption in place of the model's.
        to: the drawing; ``None`` for the strongest cells in the terminal.
        search: the section ``decoding``.
    """
    from nmt.plotting.attention_map import attention_map, grid_of, pixels_of

    features = _open(model, file)
    if not 1 <= row <= len(features.values):
        raise InputError(f"{file} has {len(features.values):,} examples: --row {row} is none of them.")
    shape = grid_of(features.cells, grid)
    if to and to.suffix.lower() == ".html":
        raise InputError(f"{to}: what a caption attends to is drawn as .png or .svg.")
    captioner = open_captioner(model)
    if not captioner.aligned:
        raise InputError(f"{model} attends to no cell: its model.attention is 'none'.")
    values = features.rows([row - 1])
    found = captioner.caption(values, **search)[0] if target is None else captioner.score(values, [target])[0]
    words = found.words()
    if to is None:
        _strongest(found, shape)
        return
    pixels = pixels_of(features.values[row - 1], shape)
    attention_map(words.target, weights=words.weights, grid=shape, pixels=pixels, path=to, title=found.text)
    if pixels is None:
        say("The numbers of a cell are no pixels, so the weights are drawn alone.")
    print(f"{to}: {found.text}")


def _strongest(found: Translation, grid: tuple[int, int]) -> None:
    """Print each word with the cells it attends to most."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    words = found.words()
    drawn = Table(box=None, pad_edge=False)
    drawn.add_column("word")
    drawn.add_column("cells, row and column, with their weight in per cent")
    for word, weights in zip(words.target, words.weights, strict=True):
        best = weights.argsort()[::-1][:3]
        drawn.add_row(
            Text(word), "  ".join(f"{c // grid[1] + 1},{c % grid[1] + 1} {100 * weights[c]:.0f}" for c in best)
        )
    console = Console(width=None if sys.stdout.isatty() else 100)
    console.print(Text(found.text, "bold"))
    console.print(drawn)
