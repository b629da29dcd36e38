"""``nmt align``: the word links of given translations, by a model or from the pairs alone."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nmt.commands.console import TsvQuoting, advancing, emit, news, plain_name, say, windows
from nmt.commands.decoding_options import Ensemble, Settings, decoding, open_models
from nmt.commands.evaluate import scored_windows
from nmt.errors import InputError, WorkFailed, as_typed

if TYPE_CHECKING:
    import numpy as np

    from nmt.data.corpora import Corpus
    from nmt.evaluation.alignment import WordAlignment
    from nmt.evaluation.alignment_error import Gold, Link
    from nmt.linking.aligner import Posteriors, WordAligner
    from nmt.translation import Translation

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
    teacher: Annotated[
        Literal["aligner", "model"] | None,
        typer.Option(
            help="With --teach: whose links the head learns, a word aligner's or those that MODEL finds now.",
            show_default="aligner",
        ),
    ] = None,
    shifted: Annotated[
        bool,
        typer.Option(
            "--shifted",
            help="With --teach, of a Transformer: teach no head, but choose the attention that links best where a token"
            " is the input.",
        ),
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option(callback=plain_name, help="A new file for the links; not .gz.", show_default="standard output"),
    ] = None,
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
            "--symmetrize",
            help="How both directions are joined: without MODEL those that were learned, with it its weights read both"
            " ways.",
            show_default="grow-diag-final without MODEL, grow-diag with a head",
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            help="Without MODEL: keep what was learned from the pairs in this file; if it is there, it is used.",
            show_default=False,
        ),
    ] = None,
    aligner: Annotated[
        Path | None,
        typer.Option(
            help="Without MODEL: link the pairs with what --keep kept, and learn nothing.", show_default=False
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the file of --to after a stop.")] = False,
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

    **Example:** `nmt align --pairs pairs.tsv --keep pairs.aligner --to pairs.links`
    """
    corpus, name = _corpus(source, target, pairs, tsv_quoting)
    if (teacher or shifted) and not teach:
        raise InputError("--teacher and --shifted say how a model learns to link. Add --teach.")
    if teacher and shifted:
        raise InputError("--shifted teaches nothing, so there is no --teacher. Leave one of them out.")
    if model is None and (teach or attention or ensemble or settings):
        raise InputError("--teach, --attention, --ensemble and --set are for a MODEL, and none was named.")
    if model is not None and (keep or aligner):
        raise InputError("--keep and --aligner are for links that are learned from pairs, and MODEL finds its own.")
    if keep and aligner:
        raise InputError("--keep is for what is learned, and with --aligner nothing is. Leave one of them out.")
    if teach and (gold or attention or ensemble or settings or to or symmetrization or form != "pharaoh"):
        raise InputError("--teach writes no links, so nothing else goes with it but the pairs.")
    if symmetrization and form == "jsonl":
        raise InputError("--format jsonl has the weights of all words, and --symmetrize would change none of them.")
    if resume and not to:
        raise InputError("--resume continues a file: name it with --to.")
    if resume and gold:
        raise InputError("--gold judges all links at once, and --resume finds the rest of them. Leave one of them out.")
    if keep and (keep.is_dir() or not keep.resolve().parent.is_dir()):
        raise InputError(f"{keep} is a folder, or there is none for it. Name a new file with --keep.")
    if teach:
        assert model
        _teach(model, corpus, by_model=teacher == "model", shifted=shifted)
        return
    right = _gold(gold, name, corpus) if gold else []
    joined = symmetrization or "grow-diag-final"
    links: list[frozenset[Link]] = []

    def opened(first: int) -> Iterator[list[str]]:
        return written(
            _linked(_aligner(corpus, keep, aligner), corpus=corpus, symmetrization=joined, form=form, first=first)
            if model is None
            else _of_model(
                model,
                corpus=corpus,
                form=form,
                first=first,
                symmetrization=symmetrization,
                attention=attention,
                ensemble=ensemble,
                settings=settings,
            )
        )

    def written(found: Iterator[list[tuple[str, frozenset[Link]]]]) -> Iterator[list[str]]:
        for window in found:
            if gold:
                links.extend(linked for _, linked in window)
            yield [line for line, _ in window]

    if to:
        from nmt.model_folder import HEAD, WEIGHTS
        from nmt.resumable_file import ResumableFile, content

        models = [each for each in (model, *(ensemble or [])) if each]
        facts = {
            "pairs": content([Path(name)], corpus.checksum),
            "--format": form,
            "--symmetrize": symmetrization or "by what links" if model else joined,
            "--aligner": aligner and content([aligner], _digest(aligner)),
            "MODEL": content(models, [_digest(each / part) for each in models for part in (WEIGHTS, HEAD)]),
            "--set": settings,
            "--attention": attention,
        }
        file = ResumableFile(to, facts)
        file.check(resume)
        try:
            with file.open(resume) as out:
                done = out.progress["lines"]
                for lines in opened(done):
                    done += len(lines)
                    out.append(lines, {"lines": done})
        except OSError as error:
            raise WorkFailed(f"{to} cannot be written: {error.strerror}.") from None
    else:
        for lines in opened(0):
            emit(lines)
    if gold:
        from nmt.evaluation.alignment_error import alignment_error

        say(str(alignment_error(links, right)))


def _teach(model: Path, corpus: Corpus, *, by_model: bool, shifted: bool) -> None:
    """Teach a model's alignment head, or choose its attention, and write it into the model's folder."""
    from nmt.folder_lock import folder_lock
    from nmt.inference import head_file
    from nmt.model_folder import CONFIDENCE

    decoding(model)
    with folder_lock(model, "nmt align --teach"):
        translator = open_models(model, None, attention=not by_model, confidence=False)
        from nmt.models.seq2seq import Seq2Seq
        from nmt.training.choose_attention import choose
        from nmt.training.teach_alignment import teach

        assert isinstance(translator.model, Seq2Seq)
        given = (translator.model, translator.tokenizers, translator.config, corpus)
        head = choose(*given) if shifted else teach(*given, translator if by_model else None)
        unsure = (model / CONFIDENCE).is_file()
        try:
            head_file.write(model, head)
        except OSError as error:
            raise WorkFailed(f"{model} cannot be written to: {error.strerror}.") from None
    what = "is linked by this attention" if shifted else "has an alignment head"
    say(f"{model} {what}. Its alignments come from it: nmt align {as_typed(model)} --source F --target F")
    if unsure:
        say(
            "Its confidence went with the alignments of before, and is removed: "
            f"nmt evaluate {as_typed(model)} --calibrate --source F --reference F"
        )


def _of_model(
    model: Path,
    corpus: Corpus,
    form: Form,
    first: int,
    symmetrization: str | None,
    *,
    attention: bool,
    ensemble: list[Path] | None,
    settings: list[str] | None,
) -> Iterator[list[tuple[str, frozenset[Link]]]]:
    """Open a model, and return windows with a line for each pair from ``first`` on, and its links, as it finds them."""
    search = decoding(model, settings)
    translator = open_models(model, ensemble, attention=attention)
    if not translator.aligned:
        raise InputError(f"{model} has no alignments: its model.attention is 'none'.")
    joined = symmetrization or ("grow-diag" if translator.linked else None)
    return _links_of(
        scored_windows(translator, corpus=corpus, search=search, what="Aligning", first=first), form, joined
    )


def _links_of(
    scored: Iterable[list[Translation]], form: Form, symmetrization: str | None
) -> Iterator[list[tuple[str, frozenset[Link]]]]:
    from nmt.evaluation.alignment_error import strongest_links
    from nmt.evaluation.symmetrization import both_ways

    for window in scored:
        words = [each.words() for each in window]
        links = [both_ways(each, symmetrization) if symmetrization else strongest_links(each) for each in words]
        if form == "jsonl":
            lines = [_words_and_weights(each) for each in words]
        else:
            with_weights = form == "probabilities"
            lines = [
                _line(linked, each.weights if with_weights else None) for linked, each in zip(links, words, strict=True)
            ]
        yield list(zip(lines, links, strict=True))


def _aligner(corpus: Corpus, keep: Path | None, kept: Path | None) -> WordAligner:
    """Return the aligner that was kept or, if there is none, what is learned from the pairs."""
    from nmt.linking import aligner_file
    from nmt.linking.aligner import LEARNED, learn

    if kept:
        return aligner_file.read(kept)[0]
    if keep and keep.exists():  # from a run that was stopped, or is repeated
        found, learned_from = aligner_file.read(keep)
        if learned_from != corpus.checksum:
            raise InputError(
                f"{keep} was learned from other pairs. Name a new file with --keep, or link these pairs with it: "
                f"--aligner {as_typed(keep)}."
            )
        say(f"{keep} was learned from these pairs before, so nothing is learned anew.")
        return found
    if corpus.size > LEARNED:
        say(f"The links are learned from the first {LEARNED:,} pairs, and found in all {corpus.size:,}.")
    with news():
        found = learn(corpus.pairs())
    if keep:
        try:
            aligner_file.write(keep, found, corpus.checksum)
        except OSError as error:
            raise WorkFailed(f"{keep} cannot be written: {error.strerror}.") from None
    return found


def _linked(
    aligner: WordAligner, corpus: Corpus, symmetrization: str, form: Form, first: int
) -> Iterator[list[tuple[str, frozenset[Link]]]]:
    """Yield windows with a line for each pair from ``first`` on, and its links, as a word aligner finds them."""
    rest = itertools.islice(corpus.pairs(), first, None)
    for window in advancing(windows(rest), "Aligning", corpus.size - first):
        aligned = []
        for pair, found in zip(window, aligner.align(window), strict=True):
            links = found.links(symmetrization)
            if form == "jsonl":
                line = _words_and_weights(_weighted(pair, found))
            else:
                line = _line(links, found.mean if form == "probabilities" else None)
            aligned.append((line, links))
        yield aligned


def _weighted(pair: tuple[str, str], found: Posteriors) -> WordAlignment:
    """Return all words of a pair with their weights: 0 for those after the last that is linked."""
    import numpy as np

    from nmt.evaluation.alignment import WordAlignment, split_words

    source, target = (tuple(split_words(each)) for each in pair)
    weights = np.zeros([len(target), len(source)])
    weights[: len(found.forward), : found.forward.shape[1]] = found.mean
    return WordAlignment(source, target, weights)


def _line(links: frozenset[Link], weights: np.ndarray | None) -> str:
    """Return links as ``i-j`` or, with weights, as ``i-j:p``."""
    from nmt.evaluation.alignment_error import pharaoh

    if weights is None:
        return pharaoh(links)
    return " ".join(f"{i}-{j}:{weights[j, i]:.4f}" for i, j in sorted(links))


def _words_and_weights(words: WordAlignment) -> str:
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
    from nmt.evaluation.alignment_error import check_links, read

    right = list(read(read_lines(gold), str(gold)))
    if len(right) != corpus.size:
        have = "has" if " and " not in name else "have"
        raise InputError(f"{gold} has {len(right)} lines, but {name} {have} {corpus.size}.")
    for number, (links, (left, written)) in enumerate(zip(right, corpus.pairs(), strict=True), 1):
        check_links(links, left, written, f"{gold}, line {number}")
    return right


def _digest(path: Path) -> str:
    from nmt.checksums import digest

    return digest(path) if path.is_file() else ""
