"""``nmt evaluate`` and ``nmt score``: a model on given pairs."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import unicodedata
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nmt.commands.caption import evaluate_captions
from nmt.commands.console import CutLines, ModelFolder, advancing, emit, news, say, say_unwritable, windows
from nmt.commands.decoding_options import (
    Beam,
    Ensemble,
    Fast,
    LengthPenalty,
    Settings,
    any_given,
    decoding,
    open_models,
)
from nmt.commands.label import evaluate_labels
from nmt.errors import InputError, WorkFailed, as_typed
from nmt.tf_import import import_tensorflow

if TYPE_CHECKING:
    from nmt.data.corpora import Corpus
    from nmt.evaluation.confidence import Confidences
    from nmt.inference.translator import Translator
    from nmt.translation import Translation

Source = Annotated[Path, typer.Option(help="Sentences, one per line.", show_default=False)]
Target = Annotated[Path, typer.Option(help="Their translations, line by line.", show_default=False)]


def evaluate(
    model: ModelFolder,
    source: Annotated[
        Path | None,
        typer.Option(
            help="Sentences to translate, one per line, or of a model of features a .npy or .csv.", show_default=False
        ),
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="Their reference translations, line by line.", show_default=False)
    ] = None,
    text: Annotated[Path | None, typer.Option(help="Text for a language model.", show_default=False)] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Labelled texts for a classifier: text, tab, label.", show_default=False)
    ] = None,
    tags: Annotated[
        Path | None, typer.Option(help="Tagged texts for a tagger: text, tab, tags.", show_default=False)
    ] = None,
    links: Annotated[
        Path | None,
        typer.Option(
            help="For captions: the cells that words of the references name, a line of cell-word for each, from 0.",
            show_default=False,
        ),
    ] = None,
    beam: Beam = None,
    fast: Fast = False,
    length_penalty: LengthPenalty = None,
    ensemble: Ensemble = None,
    settings: Settings = None,
    lengths: Annotated[
        bool, typer.Option("--by-length", help="Scores by the number of source words, with 95 % intervals.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            help="With --by-length: draw it to this .png or .svg file. With --labels or --tags: draw which label is "
            "taken for which.",
            show_default=False,
        ),
    ] = None,
    tsv: Annotated[
        Path | None, typer.Option(help="Write source, reference and translation to this file.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate",
            help="Learn from these pairs, which must be neither training nor test pairs, how likely a translation and "
            "its words are right, and keep it in MODEL.",
        ),
    ] = False,
) -> None:
    """Translate a test set and score it: BLEU and chrF, each with its sacreBLEU signature.

    If MODEL has learned a confidence, which a training with training.confidence and --calibrate teach it, the expected
    calibration error of that of words and of translations follows.

    For captions of features also how many are exactly right, and with --links how much attention rests on the cells
    that a word names. For a language model, with --text: its perplexity per piece. For a classifier, with --labels, or
    a tagger, with --tags: accuracy, macro F1 and the scores of each label.

    **Example:** `nmt evaluate my-model --source test.ko --reference test.en --beam 5 --by-length --plot lengths.png`
    """
    from nmt.model_folder import read_config

    config = read_config(model)
    others = [each for each in (text, labels, tags) if each]
    if (source is None) != (reference is None) or len(others) + (source is not None) != 1:
        raise InputError(
            "Name --source and --reference, or for a language model --text, for a classifier --labels, for a tagger "
            "--tags."
        )
    if links and config.model.source != "features":
        raise InputError("--links says which cells words name: it is for a model of features.")
    if labels or tags:
        if any_given(beam, fast, length_penalty, ensemble, settings, lengths, tsv, calibrate):
            raise InputError("--labels and --tags compare labels: nothing is searched or translated.")
        evaluate_labels(model, labels or others[0], tags=bool(tags), plot=plot, as_json=as_json)
        return
    if text:
        if config.model.architecture != "language-model":
            raise InputError(
                f"--text is for a language model, and model.architecture is '{config.model.architecture}'."
            )
        if any_given(beam, fast, length_penalty, ensemble, settings, lengths, plot, tsv, calibrate):
            raise InputError("--text measures the perplexity of a language model: nothing is searched or compared.")
        _perplexity(model, text, as_json)
        return
    if config.model.architecture == "language-model":
        raise InputError(f"{model} is a language model, which reads plain text: name it with --text.")
    assert source and reference
    features = config.model.source == "features"
    search = decoding(model, settings, features=features, fast=fast, beam=beam, length_penalty=length_penalty)
    if features:
        if ensemble or lengths or plot or calibrate:
            raise InputError(f"{model} describes features: --ensemble, --by-length, --plot and --calibrate need text.")
        _check_outputs(None, tsv)
        described = evaluate_captions(model, source, reference, search, links=links, as_json=as_json)
        if tsv:
            _write_rows(tsv, [(str(number), *row) for number, row in enumerate(described, 1)])
        return
    if calibrate:
        if any_given(beam, fast, length_penalty, ensemble, settings, lengths, plot, tsv):
            raise InputError("--calibrate is for MODEL as it translates: no option of search or report goes with it.")
        _calibrate(model, source, reference, as_json)
        return
    if plot and not lengths:
        raise InputError("--plot draws what --by-length finds. Give both.")
    _check_outputs(plot, tsv)
    pairs = list(_pairs(source, reference).pairs())
    translator = open_models(model, ensemble)
    translator.decoding(**search)
    pairs = _in_model_form(translator, pairs)
    say_unwritable(translator.tokenizers.target, [right for _, right in pairs], "references")
    texts, confidences = _translations(translator, pairs, search)
    _report(model.name, pairs, texts, confidences, lengths=lengths, plot=plot, as_json=as_json)
    if tsv:
        _write_rows(tsv, [(left, right, found) for (left, right), found in zip(pairs, texts, strict=True)])


def _write_rows(tsv: Path, rows: list[tuple[str, ...]]) -> None:
    from nmt.plotting.picture import write

    lines = ("\t".join(map(_cell, row)) + "\n" for row in rows)
    write(tsv, "".join(lines).encode("utf-8", "surrogateescape"), [".tsv"])


def score(
    model: ModelFolder,
    source: Source,
    target: Target,
    tokens: Annotated[bool, typer.Option("--tokens", help="Add each piece with its log-probability.")] = False,
    ensemble: Ensemble = None,
    settings: Settings = None,
) -> None:
    """Score given translations: for each a line with its log-probability, a tab, and its perplexity per piece.

    The logarithm is natural, and summed over the pieces and EOS. The perplexity of all is written to standard error.
    """
    search = decoding(model, settings)
    corpus = _pairs(source, target)
    translator = open_models(model, ensemble)
    total, pieces = 0.0, 0
    for window in scored_windows(translator, corpus, search, "Scoring"):
        emit(_score_line(found, tokens) for found in window)
        total += sum(found.score for found in window)
        pieces += sum(len(found.token_scores) for found in window)
    say(f"perplexity {_perplexity_of(total, pieces):.3f} of {pieces:,} pieces in {corpus.size:,} lines")


def _score_line(found: Translation, tokens: bool) -> str:
    line = f"{found.score:.4f}\t{_perplexity_of(found.score, len(found.token_scores)):.4f}"
    if not tokens:
        return line
    names = [*found.tokens, "</s>"][: len(found.token_scores)]
    return line + "\t" + " ".join(f"{name}:{each:.4f}" for name, each in zip(names, found.token_scores, strict=True))


def _calibrate(model: Path, source: Path, reference: Path, as_json: bool) -> None:
    """Learn a confidence, write it into the model's folder, and print how reliable it is on what it has not seen."""
    from nmt.folder_lock import folder_lock
    from nmt.inference import confidence_file

    pairs = list(_pairs(source, reference).pairs())
    with folder_lock(model, "nmt evaluate --calibrate"):
        translator = open_models(model, None, confidence=False)
        from nmt.evaluation.confidence import reliability_lines
        from nmt.inference.calibration import calibrate

        with news():
            confidence, held = calibrate(translator, pairs)
        try:
            confidence_file.write(model, confidence)
        except OSError as error:
            raise WorkFailed(f"{model} cannot be written to: {error.strerror}.") from None
    found = {what: each._asdict() for what, each in held.report().items()}
    print(json.dumps({"confidence": found}) if as_json else "\n".join(reliability_lines(held)))
    say(f"{model} has a confidence. Its translations show it: nmt translate {as_typed(model)} --format jsonl")


def _translations(
    translator: Translator, pairs: list[tuple[str, str]], search: dict[str, Any]
) -> tuple[list[str], Confidences]:
    """Return the translations, and of a model that has a confidence also that, and what was right."""
    from nmt.evaluation.confidence import Confidences
    from nmt.inference.calibration import gather

    texts: list[str] = []
    confidences = Confidences([], [], [], [])
    cut = CutLines(search["max_length"])
    for window in advancing(windows(pairs), "Translating", len(pairs)):
        best = translator.translate([left for left, _ in window], **search)
        gather(confidences, best, [right for _, right in window])
        for number, found in enumerate(best, len(texts) + 1):
            texts.append(found.text)
            cut.look(number, found.source_truncated, found.unfinished)
    cut.end()
    return texts, confidences


def _in_model_form(translator: Translator, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return pairs with the references in the normal form that the model writes, and say how many had another one."""
    tokenizers = translator.tokenizers
    name: Literal["NFC", "NFKC"] = "NFKC" if tokenizers.target.normalization in ("nfkc", "nmt_nfkc") else "NFC"

    def form(text: str) -> str:
        if unicodedata.is_normalized(name, text):
            return text
        return tokenizers.target.normalized(text) if name == "NFKC" else unicodedata.normalize("NFC", text)

    formed = [(left, form(right)) for left, right in pairs]
    other = [before for (_, before), (_, after) in zip(pairs, formed, strict=True) if before != after]
    if other:
        say(
            f"{len(other):,} of the references are not in {name}, the normal form in which this model writes, as "
            f"{other[0][:40]!r}. They are scored as if they were."
        )
    unread = [left for left, _ in pairs if not unicodedata.is_normalized("NFC", left)]
    if unread and tokenizers.source.normalization == "none":
        say(
            f"{len(unread):,} of the sources are not in NFC, as {unread[0][:40]!r}, and with text.normalization = none "
            "the model reads them as they stand."
        )
    return formed


def _report(
    name: str,
    pairs: list[tuple[str, str]],
    texts: list[str],
    confidences: Confidences,
    *,
    lengths: bool,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Print the scores and, with ``lengths``, how they change with the length of the source."""
    from nmt.evaluation.confidence import reliability_lines
    from nmt.evaluation.scores import score as scored

    scores = scored(texts, [right for _, right in pairs])
    found = dataclasses.asdict(scores)
    if confidences.wholes:
        found["confidence"] = {what: each._asdict() for what, each in confidences.report().items()}
    if lengths:
        from rich.console import Console

        from nmt.evaluation.by_length import by_length, table

        bins = by_length([left for left, _ in pairs], texts, [right for _, right in pairs])
        found["by_length"] = [dataclasses.asdict(each) for each in bins]
        if plot:
            from nmt.plotting.figures import length_curve

            length_curve({name: bins}, plot)
    lines = [str(scores), *(reliability_lines(confidences) if confidences.wholes else [])]
    print(json.dumps(found) if as_json else "\n".join(lines))
    if lengths and not as_json:
        Console(width=None if sys.stdout.isatty() else 100).print(table(bins))


def _perplexity(model: Path, text: Path, as_json: bool) -> None:
    from nmt.data.corpora import from_text

    corpus = from_text(text)
    lines = sum(1 for _, line in corpus.pairs() if line.strip())
    if not lines:
        raise InputError(f"{text} has no line with text.")
    import_tensorflow()
    from nmt.inference.completer import Completer, perplexity

    completer = Completer.load(model)
    measured: list[tuple[float, int]] = []
    read = 0
    for window in advancing(windows(line for _, line in corpus.pairs()), "Scoring", corpus.size):
        with news():
            scores = completer.score(window, first=read)
        measured += [score for score, line in zip(scores, window, strict=True) if line.strip()]
        read += len(window)
    found = {"perplexity": perplexity(measured), "lines": lines, "pieces": sum(n for _, n in measured)}
    print(
        json.dumps(found)
        if as_json
        else f"perplexity {found['perplexity']:.3f} of {found['pieces']:,} pieces in {found['lines']:,} lines"
    )


def _pairs(source: Path, target: Path) -> Corpus:
    from nmt.data.corpora import from_files

    return from_files(source, target)


def scored_windows(
    translator: Translator, corpus: Corpus, search: dict[str, Any], what: str, first: int = 0
) -> Iterator[list[Translation]]:
    """Score all pairs from ``first`` on by teacher forcing, window by window."""
    number = first
    for window in advancing(windows(islice(corpus.pairs(), first, None)), what, corpus.size - first):
        scored = translator.score([left for left, _ in window], [right for _, right in window], **search)
        for found in scored:
            number += 1
            if found.truncated:
                limit = search["max_length"]
                say(
                    f"Line {number} has a side of more than {limit} pieces, decoding.max_length: the rest was left out."
                )
        yield scored


def _perplexity_of(log_probability: float, pieces: int) -> float:
    return math.exp(min(-log_probability / max(pieces, 1), 700.0))


def _check_outputs(plot: Path | None, tsv: Path | None) -> None:
    """Check before any work that the outputs can be written."""
    from nmt.plotting.picture import check_picture

    if plot:
        check_picture(plot)
    if tsv:
        check_picture(tsv, [".tsv"])
        if tsv.exists():
            raise InputError(f"{tsv} exists, and is not overwritten. Name a new file with --tsv.")


def _cell(text: str) -> str:
    return text.replace("\t", " ")
