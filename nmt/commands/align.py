"""``nmt align``: the word links of given translations, by a model or from the pairs alone."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nmt.commands.console import TsvQuoting, advancing, emit, news, say, windows
from nmt.commands.decoding_options import Ensemble, Settings, decoding, open_models
from nmt.commands.evaluate import scored_windows
from nmt.errors import InputError, WorkFailed

if TYPE_CHECKING:
    from nmt.data.corpora import Corpus
    from nmt.evaluation.alignment import WordAlignment
    from nmt.evaluation.alignment_error import Gold, Link
    from nmt.linking.aligner import Posteriors

Form = Literal["pharaoh", "probabilities", "jsonl"]


def align(
    model: Annotated[
        Path | None, typer.Argument(help="A model's folder; without one the links are learned from the pairs.")
    ] = None,
    source: Annotated[Path | None, typer.Option(help="Sentences, one per line.", show_default=False)] = None,
    target: Annotated[Path | None, typer.Option(help="Their translations, line by line.", show_default=False)] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="Or both in one file: source, tab, target.", show_default=False)
    ] = None,
    teach: Annotated[
        bool, typer.Option("--teach", help="Teach MODEL an alignment head with these pairs, and write no links.")
    ] = False,
    to: Annotated[Path | None, typer.Option(help="A new file for the links.", show_default="standard output")] = None,
    form: Annotated[
        Form,
        typer.Option(
            "--format",
            help="pharaoh: i-j for each link; probabilities: i-j:p; jsonl: the words and all weights.",
        ),
    ] = "pharaoh",
    symmetrization: Annotated[
        Literal["grow-diag-final", "grow-diag", "intersection", "union"] | None,
        typer.Option(
            "--symmetrize", help="Without MODEL: how both directions are joined.", show_default="grow-diag-final"
        ),
    ] = None,
    gold: Annotated[
        Path | None,
        typer.Option(help="The gold links, i-j sure and i?j possible: prints the error rate.", show_default=False),
    ] = None,
    attention: Annotated[
        bool,
        typer.Option("--attention", help="What MODEL's decoder attends to while it writes, not its alignment head."),
    ] = False,
    tsv_quoting: TsvQuoting = False,
    ensemble: Ensemble = None,
    settings: Settings = None,
) -> None:
    """Find which source word each word of a given translation came from.

    With MODEL its alignment head says so, or without a head what its decoder attends to. Without MODEL a word aligner
    learns from the pairs alone, in both directions. Words stand between spaces and are counted from 0; the source word
    comes first. With --gold the alignment error rate, precision and recall of the links are written to standard error.

    **Example:** `nmt align my-model --source test.ko --target test.en --gold test.links > found.links`
    """
    corpus, name = _corpus(source, target, pairs, tsv_quoting)
    if model is None and (teach or attention or ensemble or settings):
        raise InputError("--teach, --attention, --ensemble and --set are for a MODEL, and none was named.")
    if model is not None and symmetrization:
        raise InputError("--symmetrize joins two directions, and a MODEL has one. Leave MODEL or --symmetrize out.")
    if teach and (gold or attention or ensemble or settings or to or form != "pharaoh"):
        raise InputError("--teach writes no links, so nothing else goes with it but the pairs.")
    if to and (to.exists() or not to.parent.is_dir()):
        why = "exists, and is not overwritten" if to.exists() else f"cannot be written: there is no folder {to.parent}"
        raise InputError(f"{to} {why}. Name a new file with --to.")
    if teach:
        assert model
        _teach(model, corpus)
        return
    right = _gold(gold, name, corpus) if gold else []
    found = (
        _learned(corpus, symmetrization or "grow-diag-final", form)
        if model is None
        else _of_model(model, corpus, form, attention=attention, ensemble=ensemble, settings=settings)
    )
    links: list[frozenset[Link]] = []

    def written() -> Iterator[list[str]]:
        for window in found:
            if gold:
                links.extend(linked for _, linked in window)
            yield [line for line, _ in window]

    if to:
        _write(to, itertools.chain.from_iterable(written()))
    else:
        for lines in written():
            emit(lines)
    if gold:
        from nmt.evaluation.alignment_error import alignment_error

        say(str(alignment_error(links, right)))


def _teach(model: Path, corpus: Corpus) -> None:
    """Teach a model's alignment head, and write it into the model's folder."""
    from nmt.folder_lock import folder_lock
    from nmt.inference import head_file

    decoding(model)
    with folder_lock(model, "nmt align --teach"):
        translator = open_models(model, None, attention=True)
        from nmt.models.seq2seq import Seq2Seq
        from nmt.training.teach_alignment import teach

        assert isinstance(translator.model, Seq2Seq)
        head = teach(translator.model, translator.tokenizers, translator.config, corpus)
        try:
            head_file.write(model, head)
        except OSError as error:
            raise WorkFailed(f"{model} cannot be written to: {error.strerror}.") from None
    say(f"{model} has an alignment head. Its alignments come from it: nmt align {model} --source F --target F")


def _of_model(
    model: Path, corpus: Corpus, form: Form, *, attention: bool, ensemble: list[Path] | None, settings: list[str] | None
) -> Iterator[list[tuple[str, frozenset[Link]]]]:
    """Yield windows with a line for each pair, and its links, as a model finds them."""
    from nmt.evaluation.alignment_error import strongest_links

    search = decoding(model, settings)
    translator = open_models(model, ensemble, attention=attention)
    if not translator.aligned:
        raise InputError(f"{model} has no alignments: its model.attention is 'none'.")
    for window in scored_windows(translator, corpus, search, "Aligning"):
        words = [scored.words() for scored in window]
        links = [strongest_links(each) for each in words]
        yield [(_line(linked, each, form), linked) for linked, each in zip(links, words, strict=True)]


def _learned(corpus: Corpus, symmetrization: str, form: Form) -> Iterator[list[tuple[str, frozenset[Link]]]]:
    """Yield windows with a line for each pair, and its links, as a word aligner finds them that learned from them."""
    from nmt.linking.aligner import LEARNED, learn

    if corpus.size > LEARNED:
        say(f"The links are learned from the first {LEARNED:,} pairs, and found in all {corpus.size:,}.")
    with news():
        aligner = learn(corpus.pairs())
    for window in advancing(windows(corpus.pairs()), "Aligning", corpus.size):
        aligned = []
        for pair, found in zip(window, aligner.align(window), strict=True):
            links = found.links(symmetrization)
            aligned.append((_line(links, _weighted(pair, found), form), links))
        yield aligned


def _weighted(pair: tuple[str, str], found: Posteriors) -> WordAlignment:
    from nmt.evaluation.alignment import WordAlignment, split_words

    return WordAlignment(tuple(split_words(pair[0])), tuple(split_words(pair[1])), found.mean)


def _line(links: Iterable[Link], words: WordAlignment, form: Form) -> str:
    from nmt.evaluation.alignment_error import pharaoh

    if form == "pharaoh":
        return pharaoh(frozenset(links))
    if form == "probabilities":
        return " ".join(f"{i}-{j}:{words.weights[j, i]:.4f}" for i, j in sorted(links))
    weights = [[round(float(weight), 4) for weight in row] for row in words.weights]
    return json.dumps({"source": words.source, "target": words.target, "weights": weights}, ensure_ascii=False)


def _corpus(source: Path | None, target: Path | None, pairs: Path | None, quoted: bool) -> tuple[Corpus, str]:
    """Open the pairs, and return what they are called in errors."""
    from nmt.data import corpora

    if pairs and not (source or target):
        return corpora.from_tsv(pairs, quoted), str(pairs)
    if source and target and not pairs:
        return corpora.from_files(source, target), f"{source} and {target}"
    raise InputError("Name the pairs in one way: --source and --target, or --pairs.")


def _gold(gold: Path, name: str, corpus: Corpus) -> list[Gold]:
    """Read the gold links and check that they belong to the pairs."""
    from nmt.data.corpora import read_lines
    from nmt.evaluation.alignment_error import check, read

    right = list(read(read_lines(gold), str(gold)))
    if len(right) != corpus.size:
        have = "has" if " and " not in name else "have"
        raise InputError(f"{gold} has {len(right)} lines, but {name} {have} {corpus.size}.")
    for number, (links, (left, written)) in enumerate(zip(right, corpus.pairs(), strict=True), 1):
        check(links, left, written, f"{gold}, line {number}")
    return right


def _write(to: Path, lines: Iterable[str]) -> None:
    """Write lines to a new file, whole or not at all."""
    from nmt.atomic_write import write_file

    def fill(aside: Path) -> None:
        with aside.open("w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)

    try:
        write_file(to, fill)
    except OSError as error:
        raise WorkFailed(f"{to} cannot be written: {error.strerror}.") from None
