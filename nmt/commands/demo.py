"""``nmt demo`` and ``nmt corpus``: what is built in."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nmt.errors import InputError, as_typed
from nmt.tf_import import import_tensorflow

if TYPE_CHECKING:
    from nmt.inference.translator import Translator


def demo(
    to: Annotated[Path | None, typer.Option(help="Keep the model in this new folder.", show_default=False)] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the demo's config.")
    ] = None,
) -> None:
    """Train on the built-in Korean-English corpus, score it, and show which word came from which.

    Takes one to three minutes on two cores. Nothing is downloaded.
    """
    from nmt.config import with_settings
    from nmt.model_folder import check_new
    from nmt.presets import preset
    from nmt.synthetic import demo as corpus

    config = with_settings(preset("demo", 0)[0], settings or [])
    if config.model.architecture not in ("recurrent", "transformer"):
        raise InputError(f"nmt demo translates, and model.architecture = '{config.model.architecture}' does not.")
    if to:
        check_new(to)
    with tempfile.TemporaryDirectory(prefix="nmt-demo-") as place:
        data, model = Path(place, "data"), to or Path(place, "model")
        with corpus.written_meanwhile(data) as wait:
            import_tensorflow()
            from nmt.commands.plot import show_translated
            from nmt.data.corpora import from_files
            from nmt.data.word_links import with_links
            from nmt.training.fit import train_model

            wait()
        train_corpus, dev_corpus = (from_files(data / f"{s}.ko", data / f"{s}.en") for s in ("train", "dev"))
        if config.training.guided_alignment:
            train_corpus = with_links(train_corpus, data / "train.links")
        translator: Any = train_model(config, train_corpus, dev_corpus, model)
        for split, what in (
            ("test", "sentences it has not seen"),
            ("combinations", "sentences whose words it has not seen together"),
        ):
            pairs = list(from_files(data / f"{split}.ko", data / f"{split}.en").pairs())
            print(f"\nOn {len(pairs)} {what}:")
            _print_scores(translator, pairs, data / f"{split}.links")
        show_translated(translator, list(corpus.STORY))
    kept = f"nmt translate {as_typed(to)}" if to else "nmt demo --to my-demo && nmt translate my-demo"
    print(f"\nWhat to try next:\n  {kept}\n  nmt train --pairs your.tsv --to my-model      your own pairs, two columns")


def _print_scores(translator: Translator, pairs: Sequence[tuple[str, str]], links: Path) -> None:
    """Print the scores of the translations of pairs, and the alignment error of the given ones."""
    from nmt.evaluation.alignment_error import alignment_error, read, strongest_links
    from nmt.evaluation.scores import score
    from nmt.evaluation.symmetrization import both_ways

    sources, targets = [source for source, _ in pairs], [target for _, target in pairs]
    print(score([found.text for found in translator.translate(sources)], targets))
    if translator.aligned:
        links_of = both_ways if translator.linked else strongest_links
        found = [links_of(scored.words()) for scored in translator.score(sources, targets)]
        print(alignment_error(found, list(read(links.read_text(encoding="utf-8").splitlines(), links.name))))


def corpus(
    task: Annotated[
        str,
        typer.Argument(
            help="demo, numbers, transliteration, headlines, spacing, captions or languages.", show_default=False
        ),
    ],
    to: Annotated[Path, typer.Option(help="The new folder for its files.", show_default=False)],
    text: Annotated[
        list[Path] | None,
        typer.Option(
            help="For spacing: a text whose spaces are learned; may be repeated.",
            show_default="the Korean side of the built-in corpus",
        ),
    ] = None,
) -> None:
    """Write a generated corpus.

    `demo` is the built-in one: train, dev, test and combinations, each as .ko, .en and the gold word links, .links.
    The others are for tasks other than translation: train.tsv, dev.tsv and test.tsv. `spacing` is for a tagger that
    puts spaces back: lines without them, and a tag for each character. `captions` has small pictures: train, dev, test
    and unseen, each the features .npy, the captions .en and .ko, and the cells that their words name, .links.
    `languages` has sentences in ten languages with their codes, for a classifier.

    **Example:** `nmt corpus numbers --to data && nmt train --preset numbers --pairs data/train.tsv --to my-reader`
    """
    from nmt.errors import nearest
    from nmt.synthetic.tasks import TASKS, make_corpus, write

    if task == "demo":
        from nmt.synthetic import demo

        make_corpus(to, demo.write)
        print(f"{to}: {', '.join(demo.SPLITS)}, each .ko, .en and .links, line by line.")
        return
    if task == "captions" and not text:
        from nmt.synthetic import captions

        captions.write(to)
        splits = ", ".join(captions.SIZES)
        print(f"{to}: {splits}, each .npy, .en, .ko and the cells that words name, .links, for nmt train --source.")
        return
    if task == "languages" and not text:
        from nmt.synthetic import languages

        languages.write(to)
        print(f"{to}: train.tsv, dev.tsv and test.tsv, with a sentence and its language on each line, for --labels.")
        return
    if text and task != "spacing":
        raise InputError(f"--text is for the corpus of spacing, and '{task}' is written by a grammar.")
    if task == "spacing":
        from nmt.data.corpora import read_lines
        from nmt.synthetic import spacing

        lines = (line for path in text or [] for line in read_lines(path))
        spacing.write(to, spacing.divided(lines) if text else spacing.korean())
        print(f"{to}: train.tsv, dev.tsv and test.tsv, with letters and their tags on each line, for nmt train --tags.")
        return
    if task not in TASKS:
        raise InputError(
            f"There is no corpus '{task}'." + nearest(task, ["demo", "spacing", "captions", "languages", *TASKS])
        )
    write(task, to)
    print(f"{to}: train.tsv, dev.tsv and test.tsv, with a source and a target on each line.")
