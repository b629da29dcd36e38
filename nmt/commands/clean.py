"""``nmt clean``: sentence pairs without the faults that ``nmt data`` finds."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.commands.console import TsvQuoting, advancing, say
from nmt.commands.data import splits
from nmt.errors import InputError, WorkFailed

if TYPE_CHECKING:
    from nmt.data.corpora import Corpus
    from nmt.doctor.clean import Cleaned
    from nmt.doctor.rules import Scorer

# What the files of a cleaning are called beside those of the pairs.
_OWN = ("removed.tsv", "changed.tsv")


def clean(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="The pairs to clean, and splits that must share nothing with them: a .tsv file is a split; other files"
            " come in twos, source then target; .gz too.",
            show_default=False,
        ),
    ],
    to: Annotated[Path, typer.Option(metavar="DIR", help="A new folder for what is left.", show_default=False)],
    off: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Leave out a rule; may be repeated.", show_default=False)
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Follow this rule and no other; may be repeated.", show_default=False),
    ] = None,
    on: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Follow a rule that is off: nfkc; may be repeated.", show_default=False),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Also leave out pairs whose score by this model is out of line.", show_default=False),
    ] = None,
    tsv_quoting: TsvQuoting = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Mend sentence pairs, and leave out those that would harm a training, with a reason for each.

    DIR gets the pairs under the names of their files, removed.tsv with the line, the rule and the reason of each pair
    that was left out, and changed.tsv with each pair that was mended, as it was before. Your files stay as they are.

    These rules mend: line-ends, quoting, entities, tags, controls, nfc, and nfkc, which is off. These leave pairs out:
    long, blank, lost, copies, overlap, script, ratio, duplicates, near-duplicates and, with --model, score. Each is on
    unless --off names it. Memory does not grow with the files, and the same files give the same bytes.

    **Example:** `nmt clean train.ko train.en dev.ko dev.en --to clean --off ratio`
    """
    named = splits(files)
    rules = _rules(off=off, only=only, on=on, model=model)
    if tsv_quoting and all(len(split) == 2 for split in named):
        raise InputError("--tsv-quoting is for .tsv files, and none was named.")
    names = [file.name for file in named[0]]
    if not named_apart(named[0]):
        raise InputError(f"The files of the pairs need names of their own in {to}, not {' and '.join(names)}.")
    from nmt.atomic_write import is_free, write_folder

    if not is_free(to):
        raise InputError(f"{to} exists and is not an empty folder. Name a new one.")
    if model:
        from nmt.commands.decoding_options import decoding

        decoding(model)
    from nmt.data import corpora
    from nmt.doctor.clean import Cleaning

    done: list[Cleaned] = []
    with tempfile.TemporaryDirectory(prefix="nmt-clean-") as place:

        def opened(number: int, split: Sequence[Path]) -> Corpus:
            given = split
            if "line-ends" in rules:
                split = [corpora.with_line_feeds(file, Path(place) / f"{number}.{i}") for i, file in enumerate(split)]
            for file, read in zip(given, split, strict=True):
                if read != file:
                    say(f"{file}: lines that end in carriage returns were read as lines.")
            try:
                return corpora.from_tsv(split[0], tsv_quoting) if len(split) == 1 else corpora.from_files(*split)
            except InputError as error:
                said = str(error)
                for file, read in zip(given, split, strict=True):
                    said = said.replace(str(read), str(file))
                raise InputError(said) from None

        corpus, *others = [opened(number, split) for number, split in enumerate(named)]

        follow = partial(advancing, beside=True)
        cleaning = Cleaning(corpus, others=others, rules=rules, scorer=_scorer(model) if model else None, follow=follow)

        def fill(folder: Path) -> None:
            done.append(cleaning.write(folder, names))
            if not done[0].kept:
                worst = max(done[0].removed, key=lambda rule: done[0].removed[rule])
                raise WorkFailed(
                    f"No pair is left, so nothing was written. The rule {worst} leaves out {done[0].removed[worst]:,} "
                    f"of {done[0].pairs:,}; --off {worst} keeps them."
                )

        try:
            write_folder(to, fill)
        except OSError as error:
            raise WorkFailed(f"{to} cannot be written: {error.strerror or error}.") from None
    _show(done[0], to, names, as_json)


def named_apart(files: Sequence[Path]) -> bool:
    """Return whether files of pairs can have their names in one folder, beside those of the cleaning.

    >>> named_apart([Path("train.ko"), Path("train.en")]), named_apart([Path("ko/train"), Path("en/train")])
    (True, False)
    """
    return len({*_OWN, *(file.name for file in files)}) == len(_OWN) + len(files)


def _rules(
    *, off: list[str] | None, only: list[str] | None, on: list[str] | None, model: Path | None
) -> frozenset[str]:
    """Return the rules that the options ask for."""
    from nmt.doctor.mend import MENDS
    from nmt.doctor.rules import DEFAULT, REMOVES

    every = ["line-ends", *MENDS, *REMOVES]
    for name in (*(off or ()), *(only or ()), *(on or ())):
        if name not in every:
            raise InputError(f"There is no rule '{name}'. The rules are {', '.join(every)}.")
    if only and (off or on):
        raise InputError("--only names all rules, so --on and --off do nothing beside it. Leave them out.")
    asked = {*(only or ()), *(on or ())}
    if "score" in asked and not model:
        raise InputError("The rule 'score' asks a model: name it with --model.")
    rules = frozenset(only) if only else (DEFAULT | frozenset(on or ())) - frozenset(off or ())
    if model and "score" not in rules:
        raise InputError("--model is for the rule 'score', and that is off.")
    return rules if model else rules - {"score"}


def _scorer(model: Path) -> Scorer:
    """Return what scores pairs, by the piece, so that long pairs are not worse than short ones."""
    from nmt.commands.decoding_options import open_models

    translator = open_models(model, None)

    def score(sources: Sequence[str], targets: Sequence[str]) -> list[float]:
        return [each.score / max(len(each.token_scores), 1) for each in translator.score(sources, targets)]

    return score


def _show(done: Cleaned, to: Path, names: Sequence[str], as_json: bool) -> None:
    if as_json:
        print(json.dumps(dataclasses.asdict(done), ensure_ascii=False, indent=1))
        return
    from nmt.doctor.rules import REMOVES

    print(f"{done.pairs:,} pairs, of which {done.kept:,} are in {to}: {' and '.join(names)}.")
    for rule, count in done.removed.items():
        if count:
            print(f"  {count:>9,} left out: {rule} ({REMOVES[rule]})")
    for rule, count in done.mended.items():
        if count:
            print(f"  {count:>9,} mended: {rule}")
    print(f"Each reason is in {to / 'removed.tsv'}, and what was mended, as it was, in {to / 'changed.tsv'}.")
