"""``nmt train``: from files to a model's folder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from nmt.commands.console import TsvQuoting, finite, say
from nmt.config import MASKED
from nmt.errors import InputError, Stopped, WorkFailed, as_typed, first_line
from nmt.tf_import import import_tensorflow

if TYPE_CHECKING:
    from nmt.config import Config
    from nmt.data.corpora import Corpus
    from nmt.data.labels import Reading
    from nmt.training.cluster import Cluster
    from nmt.training.workers import Workers

logger = logging.getLogger(__name__)

# What each kind of corpus trains, and what its rows are called.
ARCHITECTURE_OF = {"text": "language-model", "labels": "classifier", "tags": "tagger"}
WHAT = {"pairs": "pairs", "features": "captions", "text": "lines", "labels": "texts", "tags": "texts"}


class ListsOfFiles(TyperCommand):
    """A command whose options of files, models and weights take several values, as ``--pairs *.tsv`` in a shell."""

    _several = ("--pairs", "--source", "--target", "--text", "--labels", "--tags", "--weights", "--distill")

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given, option = [], ""
        for place, word in enumerate(args):
            if word.startswith("-") and not (option == "--weights" and _is_number(word)):
                option = word
            elif option in self._several and place and args[place - 1] != option:
                given.append(option)
            given.append(word)
        return super().parse_args(ctx, given)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def train(
    to: Annotated[Path, typer.Option(help="The new folder for the model.", show_default=False)],
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="Source sentences, one per line; .gz too. A pattern or a folder names its files; may be repeated. Or "
            "features that --target describes: a .npy file, or a .csv with numbers alone.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(help="Their translations, line by line, file by file.", show_default=False)
    ] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option(
            help="Or both in one file: source, tab, target. A pattern or a folder names its files; may be repeated.",
            show_default=False,
        ),
    ] = None,
    weights: Annotated[
        list[float] | None,
        typer.Option(
            metavar="NUMBERS",
            help="How often an epoch reads each pair of each --pairs, --source or --text, in their order, as in "
            "--weights 1 0.5.",
            show_default="1 for all",
        ),
    ] = None,
    tfds: Annotated[
        str | None,
        typer.Option(
            help="Or a dataset of TensorFlow Datasets by name, or translate_folder/SOURCE-TARGET with --data-dir.",
            show_default=False,
        ),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where --tfds finds or puts its data.", show_default=False)
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            help="Or plain text, one sentence per line, for a language model; may be repeated.", show_default=False
        ),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            help="Or labelled texts, for a classifier: text, tab, label; may be repeated.", show_default=False
        ),
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option(
            help="Or tagged texts, for a tagger: text, tab, and a tag for each word, with spaces between the tags; "
            "with text.kind=char a tag for each character. May be repeated.",
            show_default=False,
        ),
    ] = None,
    links: Annotated[
        Path | None,
        typer.Option(
            help="Word links of the pairs, a line of i-j for each, for training.guided_alignment; .gz too.",
            show_default=False,
        ),
    ] = None,
    tsv_quoting: TsvQuoting = False,
    dev_source: Annotated[Path | None, typer.Option(help="Development sentences.", show_default=False)] = None,
    dev_target: Annotated[Path | None, typer.Option(help="Their translations.", show_default=False)] = None,
    dev_pairs: Annotated[Path | None, typer.Option(help="Or both in one file.", show_default=False)] = None,
    dev_text: Annotated[Path | None, typer.Option(help="Or plain text.", show_default=False)] = None,
    dev_labels: Annotated[Path | None, typer.Option(help="Or labelled texts.", show_default=False)] = None,
    dev_tags: Annotated[Path | None, typer.Option(help="Or tagged texts.", show_default=False)] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Settings to begin with: auto (a recurrent model fitted to the number of pairs), transformer (fitted, "
            "too), plain (the defaults of every key), chatbot, numbers, transliteration, headlines, captions, demo or "
            "comparison.",
            show_default="auto, or plain with --config",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A TOML file of settings.", show_default=False)] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One setting, as in training.epochs=3; may be repeated."),
    ] = None,
    start: Annotated[
        Path | None, typer.Option("--from", help="Begin with the weights of this model.", show_default=False)
    ] = None,
    grow: Annotated[
        int, typer.Option(min=0, help="With --from: the maximum number of new pieces of text.", show_default=False)
    ] = 0,
    align: Annotated[
        bool,
        typer.Option("--align", help="Teach an alignment head after it: training.alignment_head=on."),
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in the folder of --to.")] = False,
    wait: Annotated[
        float,
        typer.Option(min=1, callback=finite, help="On several machines: seconds to wait until all have begun."),
    ] = 600.0,
) -> None:
    """Train a translator on pairs, a language model on plain text, or a classifier or tagger on labelled texts.

    It also learns to write captions of features, such as the cells of pictures.

    Give the pairs as two files, as one TSV, or as a TFDS dataset. Without development pairs some of the training pairs
    are held out: after each epoch the model translates them, and the epoch with the best BLEU is kept, or the best chrF
    where BLEU says little. Without --preset and --config the settings are fitted to the number of pairs.

    **Example:** `nmt train --source train.ko --target train.en --to my-model --set training.epochs=10`
    """
    from nmt import config as configuration
    from nmt import presets
    from nmt.data.features import looks_like_features
    from nmt.data.labels import Reading
    from nmt.folder_lock import check_unlocked
    from nmt.model_folder import read_config
    from nmt.training.cluster import find_cluster
    from nmt.training.prepare import file_and_settings, over_trained, prepare_run

    cluster = find_cluster()
    chief = cluster is None or cluster.is_chief
    if not chief:
        # It has the same to log as the chief, and nothing in the folder is its own.
        logging.getLogger("nmt").setLevel(logging.WARNING)

    named_features = any(looks_like_features(Path(name)) for name in source or [])
    kind = "features" if named_features else "text" if text else "labels" if labels else "tags" if tags else "pairs"
    corpus_given = _one_corpus(
        source=source, target=target, pairs=pairs, tfds=tfds, text=text, labels=labels, tags=tags
    )
    if data_dir and not tfds:
        raise InputError("--data-dir says where --tfds finds its data, and --tfds was not given.")
    if weights and tfds:
        raise InputError("--weights goes with corpora in files: --pairs, --source and --target, or --text.")
    if links and (tfds or kind != "pairs"):
        raise InputError("--links goes with pairs in files: --source and --target, or --pairs.")
    if align and kind != "pairs":
        raise InputError("--align teaches what a translation comes from: it goes with pairs.")
    if tsv_quoting and not (pairs or dev_pairs or labels or tags):
        raise InputError("--tsv-quoting is for TSV files: --pairs, --dev-pairs, --labels or --tags.")
    if preset and start:
        raise InputError("--preset is for a new model, and --from has the settings of the old one.")
    fitting = ("auto", "plain", *(("transformer", "captions") if kind == "features" else ()))
    if preset and preset not in fitting and kind != "pairs":
        raise InputError(f"--preset {preset} is for pairs. With --{kind}, 'auto' fits a model to the size of the text.")
    if grow and not start:
        raise InputError("--grow adds pieces to the vocabulary of the model named by --from, and none was named.")
    name = preset or ("plain" if config else "auto")
    settings = [*(settings or []), *(["training.alignment_head=on"] if align else [])]

    def choose(base: Config) -> Config:
        if kind in ARCHITECTURE_OF and not (resume or start):
            base = configuration.with_settings(base, [f"model.architecture={ARCHITECTURE_OF[kind]}"])
        if kind == "features" and not (resume or start):
            base = configuration.with_settings(base, ["model.source=features"])
        if start and kind in ("labels", "tags") and base.model.architecture == MASKED:
            # The encoder is that of the model to begin with; what comes after it is new.
            after = ["model.encoder=transformer", f"model.architecture={ARCHITECTURE_OF[kind]}"]
            base = configuration.with_settings(base, after)

        def given(base: Config) -> Config:
            return file_and_settings(base, config, settings, resume)

        chosen = over_trained(base, given) if resume or start else given(base)
        _fits_architecture(chosen, kind)
        prepare_run(chosen, to if chief else None, linked=links is not None, resume=resume, start=start)
        return chosen

    # A wrong setting is refused before a long corpus is read. A run that is resumed has its settings in its folder.
    chosen = choose(read_config(to) if resume else read_config(start) if start else presets.preset(name)[0])
    if chief:
        check_unlocked(to, "nmt train")
    if kind == "pairs" and chosen.model.source == "features":
        kind = "features"
    if kind == "features" and (weights or links or align or len(source or []) != 1 or len(target or []) != 1):
        raise InputError(
            "Features are one file of --source, and their captions one of --target: --weights, --links and --align do "
            "not go with them."
        )
    held_out = _dev_corpus(
        dev_source,
        dev_target,
        dev_pairs,
        kind=kind,
        cells=chosen.model.source_cells,
        others={"text": dev_text, "labels": dev_labels, "tags": dev_tags},
        quoted=tsv_quoting,
    )
    corpus, dev = _corpora(
        corpus_given,
        data_dir,
        weights or [],
        dev=held_out,
        kind=kind,
        reading=Reading.of(chosen),
        cells=chosen.model.source_cells,
        links=links,
        quoted=tsv_quoting,
    )
    if not (resume or start):
        chosen, lines = presets.fit_preset(name, corpus.pairs_read, WHAT[kind], choose)
        for line in lines:
            logger.info(line)
        if config and not preset and (fitting_preset := _fitting_preset(chosen, choose, corpus.pairs_read, WHAT[kind])):
            logger.info(
                "Keys that --config leaves out have their defaults (--preset plain). With --preset "
                f"{fitting_preset} they are fitted to the number of {WHAT[kind]}."
            )
    workers = _joined(cluster, config=chosen, corpus=corpus, dev=dev, resume=resume, wait=wait) if cluster else None
    if not resume and chief and kind in ("pairs", "text"):
        files = _corpus_files(source or [], target or [], pairs or [])
        held = [file for file in (dev_source, dev_target, dev_pairs) if file]
        _warn(corpus, dev, files, dev_files=held, quoted=tsv_quoting, plain=bool(text))
    import_tensorflow()
    from nmt.training.fit import train_model

    try:
        train_model(chosen, corpus, dev, to, resume=resume, start=start, grow=grow, workers=workers)
    except Stopped as stopped:
        raise WorkFailed(f"{stopped} The same command with --resume continues from here.") from None
    if chief:
        task = {"pairs": "translate", "features": "caption", "text": "complete"}.get(kind, "label")
        if chosen.model.architecture == MASKED:
            print(f"The encoder is in {to}. Begin with it: nmt train --labels FILE --from {as_typed(to)} --to MODEL")
        else:
            print(
                f"The model is in {to}. Try it: nmt {task} {as_typed(to)}" + (" FILE.npy" if kind == "features" else "")
            )


def _fitting_preset(chosen: Config, choose: Callable[[Config], Config], pairs: int, what: str) -> str:
    """Return the preset that would fit keys of a config to the number of pairs, or nothing.

    Arguments:
        chosen: the defaults with the user's settings over them.
        choose: returns another config with these settings over it.
        pairs: their number.
        what: they are called.
    """
    from nmt import presets
    from nmt.config import is_transformer

    model = chosen.model
    # Those of "auto" are the sizes of a recurrent network.
    if model.architecture != "transformer" and is_transformer(model):
        return ""
    name = "transformer" if model.architecture == "transformer" else "auto"
    try:
        fitted, _ = presets.fit_preset(name, pairs, what, choose)
    except InputError:  # some of the settings would do nothing then
        return ""
    return name if fitted != chosen else ""


def _joined(cluster: Cluster, config: Config, corpus: Corpus, dev: Corpus, resume: bool, wait: float) -> Workers:
    """Meet the other workers, check that all were given the same, and join them."""
    from nmt import config as configuration
    from nmt.training.cluster import meet
    from nmt.training.prepare import check_workers

    check_workers(config, corpus, cluster.workers)
    given = {
        "corpus": [corpus.checksum, dev.checksum],
        "configuration": [configuration.to_toml(config), resume, cluster.workers],
        "version of nmt": metadata.version("nmt"),
    }
    others = "the other one" if cluster.workers == 2 else f"the {cluster.workers - 1} others"
    others = others if cluster.is_chief else f"the chief, {cluster.addresses[0]}"
    say(
        f"This is worker {cluster.index}; they are numbered from 0 to {cluster.workers - 1}. Waiting for {others}, at "
        f"most {wait:.0f} seconds."
    )
    # Beforehand: once they have met they join within a second, and hardly can one end without a notice.
    import_tensorflow()
    import tensorflow as tf

    from nmt.training.workers import JOINING, Workers

    contact = meet(cluster, given, wait)
    say(f"All are there. If one ends before they are joined, the others end within {JOINING:.0f} seconds.")
    try:
        return Workers(cluster, contact)
    except (tf.errors.OpError, RuntimeError) as error:
        raise WorkFailed(f"Worker {cluster.index} could not join the others: {first_line(error)}") from error


def _corpus_files(sources: list[str], targets: list[str], pairs: list[str]) -> list[tuple[Path, ...]]:
    """Return the two files, or the one, of each corpus that the names stand for."""
    from nmt.data.mixture import find_files

    sides = [both for names in zip(sources, targets, strict=True) for both in zip(*map(find_files, names), strict=True)]
    return [*sides, *((file,) for name in pairs for file in find_files(name))]


def _warn(
    corpus: Corpus, dev: Corpus, files: list[tuple[Path, ...]], *, dev_files: list[Path], quoted: bool, plain: bool
) -> None:
    """Print the warnings of a quick check of the pairs, or of plain text; ``files``: those of each training corpus."""
    from nmt.doctor.quick import warnings

    found = warnings(corpus, dev, plain=plain)
    for line in found:
        say(f"Warning: {line}")
    if found and not plain:
        examined, cleaned = _advised(files, dev_files, quoted)
        say(f"This was a quick check; nmt data{examined} shows more.")
        say(f"nmt clean{cleaned} mends what it can, and leaves out the rest.")


def _advised(files: list[tuple[Path, ...]], dev_files: list[Path], quoted: bool) -> tuple[str, str]:
    """Return what stands after ``nmt data`` and after ``nmt clean``: files, or what the commands need instead."""
    from nmt.commands.clean import named_apart
    from nmt.commands.data import reads_as

    if len(files) != 1:
        # Both commands would take all corpora but the first for development and test pairs.
        said = ", on one corpus after the other," if files else ", on the pairs as files,"
        return said, said
    held = [tuple(dev_files)] if dev_files else []
    named = next((splits for splits in ([*files, *held], files) if reads_as(splits)), None)
    if named is None:
        said = ", on the pairs in two files or in one whose name ends in .tsv,"
        return said, said
    quoting = " --tsv-quoting" if quoted and any(len(split) == 1 for split in named) else ""
    typed = f"{quoting} {' '.join(as_typed(file) for split in named for file in split)}"
    return typed, f"{typed} --to DIR" if named_apart(files[0]) else ", on files with names of their own,"


def _fits_architecture(config: Config, kind: str) -> None:
    """Check that each kind of model gets its kind of corpus."""
    architecture = config.model.architecture
    wanted = ARCHITECTURE_OF.get(kind)
    if kind == "text" and architecture == MASKED:
        return
    if wanted and architecture != wanted:
        raise InputError(f"--{kind} is for a {wanted.replace('-', ' ')}, and model.architecture is '{architecture}'.")
    if not wanted and architecture in (MASKED, *ARCHITECTURE_OF.values()):
        option = next((option for option, each in ARCHITECTURE_OF.items() if each == architecture), "text")
        reads = "plain text" if option == "text" else "labelled texts"
        raise InputError(
            f"A {architecture.replace('-', ' ')} reads {reads}: name {'it' if option == 'text' else 'them'} with "
            f"--{option} instead of pairs."
        )
    if kind == "features" and config.model.source != "features":
        raise InputError("--source names features, and model.source is 'text'. Leave that setting out.")
    if kind != "features" and kind != "pairs" and config.model.source == "features":
        raise InputError(f"--{kind} is text, and model.source is 'features': name numbers with --source and --target.")


def _one_corpus(*, source: list[str] | None, target: list[str] | None, **others: Any) -> Any:
    """Return what the options name: files of two sides, files, or a dataset's name."""
    if bool(source) != bool(target):
        raise InputError("--source and --target go together: one sentence per line, line by line.")
    given = [x for x in ((source, target) if source else None, *others.values()) if x]
    if len(given) != 1:
        raise InputError(
            "Name the training pairs in one way: --source and --target, or --pairs, or --tfds; or plain text: --text; "
            "or labelled texts: --labels, or --tags."
        )
    return given[0]


def _dev_corpus(
    source: Path | None,
    target: Path | None,
    pairs: Path | None,
    *,
    kind: str,
    cells: int,
    others: dict[str, Path | None],
    quoted: bool,
) -> Corpus | None:
    """Open the development set that was named: pairs, or by its kind one of the ``others``."""
    from nmt.data import corpora

    if kind == "features":
        from nmt.data.features import open_captions

        if pairs or any(others.values()) or (source is None) != (target is None):
            raise InputError("The development set of features is --dev-source, a .npy or .csv, and --dev-target.")
        return open_captions(source, target, cells) if source and target else None
    for other, path in others.items():
        if path and other != kind:
            raise InputError(f"--dev-{other} goes with --{other}, and development pairs go with pairs.")
    if kind != "pairs" and (source or target or pairs):
        raise InputError(f"--dev-{kind} goes with --{kind}, and development pairs go with pairs.")
    if kind == "text":
        plain = others[kind]
        return corpora.from_text(plain) if plain else None
    tsv = others.get(kind, pairs)
    if (source is None) != (target is None) or (source and tsv):
        raise InputError("Name the development pairs in one way: --dev-source and --dev-target, or --dev-pairs.")
    if source and target:
        return corpora.from_files(source, target)
    return corpora.from_tsv(tsv, quoted) if tsv else None


def _corpora(
    given: Any,
    data_dir: Path | None,
    weights: list[float],
    *,
    dev: Corpus | None,
    kind: str,
    reading: Reading,
    cells: int,
    links: Path | None,
    quoted: bool,
) -> tuple[Corpus, Corpus]:
    """Open the training pairs with their word links, and find development pairs if none were named."""
    from nmt.data import corpora, mixture
    from nmt.data.labels import check_lines, learn_labels
    from nmt.data.word_links import with_links

    if isinstance(given, str):
        import_tensorflow()
        from nmt.data import tfds

        corpus = tfds.from_tfds(given, "train", data_dir)
        if dev is None and "validation" in tfds.tfds_splits(given, data_dir):
            dev = tfds.from_tfds(given, "validation", data_dir)
    elif kind == "features":
        from nmt.data.features import open_captions

        (source,), (target,) = given
        corpus = open_captions(Path(source), Path(target), cells)
    elif isinstance(given, tuple):
        corpus = mixture.open_parallel(given[0], given[1], weights)
    else:
        opened = mixture.open_texts(given, weights) if kind == "text" else mixture.open_tsvs(given, quoted, weights)
        corpus = opened
    corpus = with_links(corpus, links) if links else corpus
    if kind in ("labels", "tags"):
        # Before some are held out, so that errors have the number of a line in its file.
        counted = check_lines(corpus, reading)
        labels = learn_labels(counted, corpus.name)
        if dev is not None:
            check_lines(dev, reading, known=labels)
    if dev is not None:
        return corpus, dev
    corpus, dev = corpora.split_dev(corpus)
    what = WHAT[kind]
    held = f"{dev.size:,} of the training {what} are held out{corpora.held_out_from(dev)}"
    logger.info(f"No development {what} were named, so {held}.")
    return corpus, dev
