"""``nmt label``: texts in, labels out. And the scores and the picture of a model that labels."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nmt.commands.console import CutLines, InputLines, ModelFolder, advancing, emit, say, windows
from nmt.data.spacing import BEGIN, INSIDE, spaced, without_spaces
from nmt.errors import InputError, as_typed
from nmt.tf_import import import_tensorflow

if TYPE_CHECKING:
    from nmt.evaluation.alignment import WordAlignment
    from nmt.evaluation.labelling import LabelScores
    from nmt.inference.labeller import Labelled, Labeller, TaggedTokens


def label(
    model: ModelFolder,
    file: Annotated[Path | None, typer.Argument(help="Texts, one per line.", show_default="standard input")] = None,
    form: Annotated[
        Literal["text", "tsv", "jsonl", "spaced"],
        typer.Option(
            "--format",
            help="text: the labels alone; tsv: the text, by a tagger what it read of it, a tab and the labels, as "
            "--labels and --tags read them; jsonl: also probabilities, and of a classifier what its "
            "label rests on; spaced: the text with spaces, by a tagger of `nmt corpus spacing`.",
        ),
    ] = "text",
) -> None:
    """Label texts with a classifier or a tagger: a line in, its label out, or a tag for each of its tokens, in order.

    Reads FILE, or standard input without one; when input pauses, what has come is answered. A blank line stays blank.

    **Example:** `nmt label my-classifier reviews.txt --format jsonl`
    """
    check_labelling(model)
    if form == "spaced":
        _check_spacing(model)
    lines = InputLines(file)
    labeller = open_labeller(model)
    number, cut = 0, CutLines(labeller.config.decoding.max_length)
    for window in advancing(windows(lines, lines.pause), "Labelling", None):
        found = labelled(labeller, [without_spaces(text) for text in window] if form == "spaced" else window)
        emit(_line(each, form, labeller) for each in found)
        for i, each in enumerate(found, number + 1):
            cut.look(i, each.truncated, False)
        number += len(window)
    cut.end()


def _check_spacing(model: Path) -> None:
    from nmt.data.labels import Labels, Reading
    from nmt.model_folder import read_config

    if Reading.of(read_config(model)) != Reading(tags=True, characters=True) or Labels.load(model).names != (
        BEGIN,
        INSIDE,
    ):
        raise InputError(
            f"--format spaced is for a tagger of characters with the labels {BEGIN} and {INSIDE}, as `nmt corpus "
            f"spacing` and `nmt train --tags` with text.kind=char make it, and {model} is none."
        )


def check_labelling(model: Path) -> None:
    """Check that a folder holds a classifier or a tagger.

    Raises:
        InputError: if it holds another model.
    """
    from nmt.config import LABELLING, MASKED
    from nmt.model_folder import read_config

    m = read_config(model).model
    architecture = m.architecture
    if architecture not in LABELLING:
        if m.source == "features":
            raise InputError(f"{model} describes features, and has no labels. Use `nmt caption`.")
        if architecture == MASKED:
            raise InputError(
                f"{model} is a pretrained encoder: begin with it, nmt train --labels FILE --from {as_typed(model)}."
            )
        kind, task = ("language model", "complete") if architecture == "language-model" else ("translator", "translate")
        raise InputError(f"{model} is a {kind}, which has no labels. Use `nmt {task}`.")


def open_labeller(model: Path) -> Labeller:
    """Open a classifier or a tagger, and give each batch its share of the cores."""
    import_tensorflow()
    from nmt.inference.labeller import Labeller
    from nmt.inference.parallel import share_cores

    return Labeller.load(model, share_cores())


def labelled(labeller: Labeller, texts: list[str]) -> list[Labelled | TaggedTokens]:
    """Label texts."""
    found: list[Labelled | TaggedTokens] = []
    found += labeller.tag(texts) if labeller.reading.tags else labeller.classify(texts)
    return found


def _line(found: Labelled | TaggedTokens, form: str, labeller: Labeller) -> str:
    """Return the line for one text."""
    from nmt.inference.labeller import TaggedTokens

    blank = not found.text.strip()
    if isinstance(found, TaggedTokens) and form == "spaced":
        return spaced(found.text, found.labels)
    names = " ".join(found.labels) if isinstance(found, TaggedTokens) else "" if blank else found.label
    if form == "text":
        return names
    if form == "tsv":
        text = found.text
        if isinstance(found, TaggedTokens) and found.truncated:  # --tags wants a tag for each token of the text
            text = ("" if labeller.reading.characters else " ").join(found.tokens)
        return "\t".join([text.replace("\t", " "), names])
    values: dict[str, Any] = {"text": found.text}
    if isinstance(found, TaggedTokens):
        chances = [[round(float(each), 4) for each in row] for row in found.probabilities]
        values |= {"tokens": found.tokens, "labels": found.labels, "names": labeller.labels.names}
        values |= {"probabilities": chances}
    else:
        values |= {"label": names, "probabilities": {k: round(v, 4) for k, v in found.probabilities.items()}}
        values |= {"tokens": found.tokens, "attention": [round(float(each), 4) for each in found.attention]}
    return json.dumps({**values, "truncated": found.truncated}, ensure_ascii=False)


def evaluate_labels(model: Path, file: Path, *, tags: bool, plot: Path | None, as_json: bool) -> None:
    """Label a test set and print its scores; ``plot``: draw which label is taken for which."""
    from nmt.data.corpora import from_tsv
    from nmt.data.labels import Labels, Reading, check_lines
    from nmt.evaluation.labelling import label_scores
    from nmt.model_folder import read_config
    from nmt.plotting.picture import check_picture

    check_labelling(model)
    reading = Reading.of(read_config(model))
    if reading.tags != tags:
        kind, option = ("tagger", "--tags") if reading.tags else ("classifier", "--labels")
        raise InputError(f"{model} is a {kind}: name the texts with {option}.")
    if plot:
        check_picture(plot)
    corpus, labels = from_tsv(file), Labels.load(model)
    check_lines(corpus, reading, str(file), labels)
    labeller = open_labeller(model)
    right: list[str] = []
    given: list[str] = []
    cut = CutLines(labeller.config.decoding.max_length)
    read = 0
    for window in advancing(windows(corpus.pairs()), "Labelling", corpus.size):
        rows = [(number, *pair) for number, pair in enumerate(window, read + 1) if pair[0].strip()]
        found = labelled(labeller, [text for _, text, _ in rows])
        for (number, _, target), each in zip(rows, found, strict=True):
            names = each.names
            # The last tokens of a text that is too long have no label.
            right += reading.labels(target)[: len(names)]
            given += names
            cut.look(number, each.truncated, False)
        read += len(window)
    cut.end()
    scores = label_scores(right, given, labels.names)
    _print(scores, reading.token + "s" if reading.tags else "texts", as_json)
    if plot:
        from nmt.plotting.confusion import confusion_matrix

        confusion_matrix(scores, plot)


def _print(scores: LabelScores, what: str, as_json: bool) -> None:
    rows = scores.rows()
    if as_json:
        each = {n: {"count": c, "precision": p, "recall": r, "f1": f} for n, c, p, r, f in rows}
        print(
            json.dumps(
                {
                    "accuracy": scores.accuracy,
                    "macro_f1": scores.macro_f1,
                    what: scores.count,
                    "labels": each,
                    "confusion": scores.confusion.tolist(),
                },
                ensure_ascii=False,
            )
        )
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    print(f"accuracy {scores.accuracy:.2%}, macro F1 {100 * scores.macro_f1:.2f} of {scores.count:,} {what}")
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for place, heading in enumerate(("label", "count", "precision", "recall", "F1", "most often taken for")):
        table.add_column(heading, justify="right" if 0 < place < 5 else "left")
    for i, (name, count, *parts) in enumerate(rows):
        wrong = scores.confusion[i].copy()
        wrong[i] = 0
        other = f"{scores.names[int(wrong.argmax())]} ({wrong.max():,})" if wrong.any() else ""
        table.add_row(Text(name), f"{count:,}", *(f"{100 * part:.1f}" for part in parts), Text(other))
    Console(width=None if sys.stdout.isatty() else 100).print(table)


def attended(found: Labelled) -> WordAlignment:
    """Return what a label rests on: a row for the label, a column for each word and, last, for the end."""
    import numpy as np

    from nmt.evaluation.alignment import WordAlignment

    words, weights = found.words()
    return WordAlignment(words, (found.label,), np.array([weights]))


def plot_label(model: Path, text: str, to: Path | None) -> None:
    """Draw what the label of a text rests on: the weight of each word."""
    from nmt.model_folder import read_config

    config = read_config(model).model
    if config.architecture != "classifier" or config.pooling != "attention":
        raise InputError(
            f"{model} has no weights to draw: that has a classifier with model.pooling = 'attention'. Its "
            f"model.architecture is '{config.architecture}'."
        )
    (found,) = open_labeller(model).classify([text])
    alignment = attended(found)
    chance = f"{found.probabilities[found.label]:.0%}"
    if to is None:
        from rich.console import Console
        from rich.text import Text

        from nmt.plotting.terminal import strongest, table, wide

        console = Console(width=None if sys.stdout.isatty() else 100)
        console.print(Text.assemble("\n", (text, "bold"), "  →  ", (found.label, "bold"), f"  {chance}"))
        console.print("Attention weights of the words, in per cent:")
        console.print(table(alignment) if wide(alignment) <= console.width else strongest(alignment))
        return
    if to.suffix.lower() == ".html":
        raise InputError(f"{to}: the weights of a classifier are drawn as .png or .svg.")
    from nmt.plotting.figures import heat_map

    heat_map(alignment, to, f"{text} → {found.label}, {chance}")
    say(f"The label rests most on {alignment.strongest(found.label)!r}.")
    print(f"{to}: {text} → {found.label}")
