"""The commands: they parse, call, and print. What takes long to import is imported when a command needs it."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nmt.errors import InputError, Stopped, WorkFailed

if TYPE_CHECKING:
    from nmt.config import Config
    from nmt.data.corpora import Corpus
    from nmt.translator import Translator

app = typer.Typer(
    help="Train a translator on your own sentence pairs, see what it looks at, and put it into service.\n\n"
    "New here? `nmt demo` trains a small Korean-English translator in about two minutes.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Lines of a file that are translated together, sorted by length among themselves.
_WINDOW = 1024

ModelFolder = Annotated[Path, typer.Argument(help="A model's folder, as `nmt train` makes it.", show_default=False)]


@app.command()
def demo(
    to: Annotated[Path | None, typer.Option(help="Keep the model in this new folder.", show_default=False)] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the demo's config.")
    ] = None,
) -> None:
    """Train on the built-in Korean-English corpus, score it, and show what it looks at.

    Takes about two minutes on two cores. Nothing is downloaded.
    """
    from nmt.config import with_settings
    from nmt.data import demo as corpus
    from nmt.data.corpora import from_files
    from nmt.folder import check_new
    from nmt.presets import preset

    config = with_settings(preset("demo", 0)[0], settings or [])
    if config.model.architecture == "language-model":
        raise InputError("nmt demo translates, and model.architecture = 'language-model' does not.")
    if to:
        check_new(to)
    _import_tensorflow()
    with tempfile.TemporaryDirectory(prefix="nmt-demo-") as place:
        data, model = Path(place, "data"), to or Path(place, "model")
        corpus.write(data)
        train_corpus, dev_corpus = (from_files(data / f"{s}.ko", data / f"{s}.en") for s in ("train", "dev"))
        translator = _fit(config, train_corpus, dev_corpus, model)
        for split, what in (("test", "sentences it has not seen"), ("combinations", "words it has not seen together")):
            pairs = corpus.pairs(split)
            scores = _score(translator, [p.source for p in pairs], [p.target for p in pairs])
            print(f"\nOn {scores.sentences} {what}:\n{scores}")
        _show(translator, corpus.STORY)
    kept = f"nmt translate {to}" if to else "nmt demo --to my-demo && nmt translate my-demo"
    print(f"\nWhat to try next:\n  {kept}\n  nmt train --pairs your.tsv --to my-model      your own pairs, two columns")


@app.command()
def train(
    to: Annotated[Path, typer.Option(help="The new folder for the model.", show_default=False)],
    source: Annotated[
        Path | None, typer.Option(help="Source sentences, one a line; .gz too.", show_default=False)
    ] = None,
    target: Annotated[Path | None, typer.Option(help="Their translations, line by line.", show_default=False)] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="Or both in one file: source, tab, target.", show_default=False)
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
        Path | None, typer.Option(help="Or plain text, one sentence a line, for a language model.", show_default=False)
    ] = None,
    dev_source: Annotated[Path | None, typer.Option(help="Development sentences.", show_default=False)] = None,
    dev_target: Annotated[Path | None, typer.Option(help="Their translations.", show_default=False)] = None,
    dev_pairs: Annotated[Path | None, typer.Option(help="Or both in one file.", show_default=False)] = None,
    dev_text: Annotated[Path | None, typer.Option(help="Or plain text.", show_default=False)] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Settings to begin with: auto (fitted to the number of pairs), chatbot, numbers, transliteration, "
            "headlines or demo.",
            show_default=False,
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
        int, typer.Option(min=0, help="With --from: learn up to so many new pieces of text.", show_default=False)
    ] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder of --to.")] = False,
) -> None:
    """Train a translator on sentence pairs, or a language model on plain text.

    Give the pairs as two files, as one TSV, or as a TFDS dataset. Without development pairs some of the training pairs
    are held out: after each epoch the model translates them, and the epoch with the best BLEU is kept.

    **Example:** `nmt train --source train.ko --target train.en --to my-model --set training.epochs=10`
    """
    from nmt import config as configuration
    from nmt.folder import check_continues, check_new, check_same, read_config

    corpus_given = _one_corpus(source, target, pairs, tfds, text)
    if data_dir and not tfds:
        raise InputError("--data-dir says where --tfds finds its data, and --tfds was not given.")
    if preset and start:
        raise InputError("--preset is for a new model, and --from has the settings of the old one.")
    if preset and preset != "auto" and text:
        raise InputError(f"--preset {preset} is for pairs. With --text, 'auto' fits a language model to its size.")
    preset = None if resume else preset  # it is in the folder's config
    if grow and not start:
        raise InputError("--grow adds pieces to the vocabulary of the model named by --from, and none was named.")
    held_out = _dev_corpus(dev_source, dev_target, dev_pairs, dev_text, plain=text is not None)

    def choose(base: Config) -> Config:
        if text and not (resume or start):
            base = configuration.with_settings(base, ["model.architecture=language-model"])
        base = configuration.from_file(config, base) if config else base
        chosen = configuration.with_settings(base, settings or [])
        _fits_architecture(chosen, plain=text is not None)
        if resume:
            check_same(to, chosen)
        else:
            check_new(to)
        if start and not resume:
            check_continues(start, chosen)
        return chosen

    if preset != "auto":
        # A wrong setting is told before a long corpus is read.
        chosen = choose(read_config(to) if resume else read_config(start) if start else _preset(preset, 0)[0])
    corpus, dev = _corpora(corpus_given, data_dir, held_out, plain=text is not None)
    if preset == "auto":
        base, lines = _preset(preset, corpus.size)
        for line in lines:
            _say(line)
        chosen = choose(base)
    try:
        _fit(chosen, corpus, dev, to, resume, start, grow)
    except Stopped as stopped:
        raise WorkFailed(f"{stopped} The same command with --resume goes on from here.") from None
    print(f"The model is in {to}. Try it: nmt {'complete' if text else 'translate'} {to}")


@app.command()
def corpus(
    task: Annotated[str, typer.Argument(help="numbers, transliteration or headlines.", show_default=False)],
    to: Annotated[Path, typer.Option(help="The new folder for its files.", show_default=False)],
) -> None:
    """Write a generated corpus of another task than translation: train.tsv, dev.tsv and test.tsv.

    **Example:** `nmt corpus numbers --to data && nmt train --preset numbers --pairs data/train.tsv --to my-reader`
    """
    from nmt.data.tasks import TASKS, write
    from nmt.errors import nearest

    if task not in TASKS:
        raise InputError(f"There is no corpus '{task}'." + nearest(task, list(TASKS)))
    write(task, to)
    print(f"{to}: train.tsv, dev.tsv and test.tsv, a source and a target a line.")


@app.command()
def translate(
    model: ModelFolder,
    file: Annotated[Path | None, typer.Argument(help="Sentences, one a line.", show_default="standard input")] = None,
) -> None:
    """Translate: a line in, a line out, in order.

    Reads FILE, or standard input without one. An empty line stays empty.
    """
    from nmt.data.corpora import decoded_lines, read_lines
    from nmt.folder import read_config

    if read_config(model).model.architecture == "language-model":
        raise InputError(f"{model} is a language model: it has no source to translate. Use `nmt complete`.")
    lines = read_lines(file, once=True) if file else decoded_lines(sys.stdin.buffer, "standard input")
    _import_tensorflow()
    from nmt.translator import Translator, batched

    translator = Translator.load(model)
    # Someone who types wants each answer at once.
    window = 1 if not file and sys.stdin.isatty() else _WINDOW
    number = 0
    for chunk in batched(lines, window):
        for translation in translator.translate(chunk):
            number += 1
            print(translation.text)
            if translation.truncated:
                read = translator.config.decoding.max_length
                _say(f"Line {number} is longer than the {read} pieces the model reads: the rest was left out.")
        sys.stdout.flush()


@app.command()
def complete(
    model: ModelFolder,
    file: Annotated[Path | None, typer.Argument(help="Beginnings, one a line.", show_default="standard input")] = None,
) -> None:
    """Go on from a beginning with a language model: a line in, the whole line out, in order.

    Reads FILE, or standard input without one.
    """
    from nmt.data.corpora import decoded_lines, read_lines
    from nmt.folder import read_config

    read_config(model)
    lines = read_lines(file, once=True) if file else decoded_lines(sys.stdin.buffer, "standard input")
    _import_tensorflow()
    from nmt.completer import Completer
    from nmt.translator import batched

    completer = Completer.load(model)
    number = 0
    for chunk in batched(lines, 1 if not file and sys.stdin.isatty() else _WINDOW):
        for completion in completer.complete(chunk):
            number += 1
            print(completion.text)
            if completion.truncated:
                most = completer.config.decoding.max_length
                _say(f"Line {number} is longer than the {most} pieces the model reads: nothing was added.")
        sys.stdout.flush()


@app.command()
def evaluate(
    model: ModelFolder,
    source: Annotated[Path | None, typer.Option(help="Sentences to translate, one a line.", show_default=False)] = None,
    reference: Annotated[
        Path | None, typer.Option(help="Their right translations, line by line.", show_default=False)
    ] = None,
    text: Annotated[Path | None, typer.Option(help="Text for a language model.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Translate a test set and score it: BLEU and chrF, each with its sacreBLEU signature.

    Of a language model, with --text: the perplexity of a piece.
    """
    import dataclasses
    import json

    from nmt.data.corpora import from_files, from_text
    from nmt.folder import read_config

    config = read_config(model)
    if (source is None) == (text is None) or (source is None) != (reference is None):
        raise InputError("Name --source and --reference, or for a language model --text.")
    _fits_architecture(config, plain=text is not None)
    if text:
        lines = [line for _, line in from_text(text).pairs() if line.strip()]
        if not lines:
            raise InputError(f"{text} has no line with text.")
        _import_tensorflow()
        from nmt.completer import Completer, perplexity

        measured = Completer.load(model).score(lines)
        result = {"perplexity": perplexity(measured), "lines": len(lines), "pieces": sum(n for _, n in measured)}
        print(
            json.dumps(result)
            if as_json
            else f"perplexity {result['perplexity']:.3f} of {result['pieces']:,} pieces in {result['lines']:,} lines"
        )
        return
    assert source and reference
    pairs = list(from_files(source, reference).pairs())
    _import_tensorflow()
    from nmt.translator import Translator

    translator = Translator.load(model)
    scores = _score(translator, [left for left, _ in pairs], [right for _, right in pairs])
    print(json.dumps(dataclasses.asdict(scores)) if as_json else scores)


def main() -> None:
    """Run a command and turn what goes wrong into one sentence and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # What is read is UTF-8, whatever the locale, and so is what is written.
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    try:
        app()
    except InputError as error:
        _end(error, 2)
    except WorkFailed as error:
        _end(error, 1)
    except OSError as error:
        _end(f"{error.filename or 'A file'}: {error.strerror or error}.", 1)
    except Exception as error:
        if os.environ.get("NMT_DEBUG"):
            raise
        _end(f"{type(error).__name__}: {error}\nThis is a fault of nmt, not yours. NMT_DEBUG=1 shows where it is.", 1)


def _import_tensorflow() -> None:
    """Import TensorFlow without its greetings: notes on the hardware, from C++, past Python's logging.

    What else is written meanwhile is passed on.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            import tensorflow as tf
            import tensorflow_text  # noqa: F401

            tf.config.list_physical_devices()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            lines = [line for line in caught if not re.match(rb"[IWE]0000 |WARNING: All log messages", line)]
            sys.stderr.write(b"".join(lines).decode("utf-8", "replace"))


def _end(message: object, code: int) -> None:
    _say(f"nmt: {message}")
    sys.exit(code)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _fit(
    config: Config,
    corpus: Corpus,
    dev: Corpus,
    folder: Path,
    resume: bool = False,
    start: Path | None = None,
    grow: int = 0,
) -> Any:
    _import_tensorflow()
    from nmt.training.fit import train

    return train(config, corpus, dev, folder, resume, _say, start, grow)


def _preset(name: str | None, pairs: int) -> tuple[Config, list[str]]:
    from nmt.config import Config
    from nmt.presets import preset

    return preset(name, pairs) if name else (Config(), [])


def _fits_architecture(config: Config, plain: bool) -> None:
    """Make sure that a language model gets plain text and a translator pairs."""
    language_model = config.model.architecture == "language-model"
    if plain and not language_model:
        raise InputError(f"--text is for a language model, and model.architecture is '{config.model.architecture}'.")
    if language_model and not plain:
        raise InputError("A language model reads plain text: name it with --text instead of pairs.")


def _one_corpus(
    source: Path | None, target: Path | None, pairs: Path | None, tfds: str | None, text: Path | None
) -> Any:
    """Return what the options name: two files, one file, or a dataset's name."""
    if (source is None) != (target is None):
        raise InputError("--source and --target go together: one sentence a line, line by line.")
    given = [x for x in ((source, target) if source else None, pairs, tfds, text) if x]
    if len(given) != 1:
        raise InputError(
            "Name the training pairs in one way: --source and --target, or --pairs, or --tfds; or plain text: --text."
        )
    return given[0]


def _dev_corpus(
    source: Path | None, target: Path | None, pairs: Path | None, text: Path | None, plain: bool
) -> Corpus | None:
    from nmt.data import corpora

    if (text and not plain) or (plain and (source or target or pairs)):
        raise InputError("--dev-text goes with --text, and development pairs go with pairs.")
    if text:
        return corpora.from_text(text)

    if (source is None) != (target is None) or (source and pairs):
        raise InputError("Name the development pairs in one way: --dev-source and --dev-target, or --dev-pairs.")
    if source and target:
        return corpora.from_files(source, target)
    return corpora.from_tsv(pairs) if pairs else None


def _corpora(given: Any, data_dir: Path | None, dev: Corpus | None, plain: bool) -> tuple[Corpus, Corpus]:
    """Open the training pairs and, if none were named, find development pairs."""
    from nmt.data import corpora

    if isinstance(given, str):
        _import_tensorflow()
        from nmt.data import catalogue

        corpus = catalogue.from_tfds(given, "train", data_dir)
        if dev is None and "validation" in catalogue.tfds_splits(given, data_dir):
            dev = catalogue.from_tfds(given, "validation", data_dir)
    else:
        one = corpora.from_text if plain else corpora.from_tsv
        corpus = one(given) if isinstance(given, Path) else corpora.from_files(*given)
    if dev is not None:
        return corpus, dev
    corpus, dev = corpora.split_dev(corpus)
    what = "lines" if plain else "pairs"
    _say(f"No development {what} were named, so {dev.size:,} of the training {what} are held out.")
    return corpus, dev


def _score(translator: Translator, sources: list[str], references: list[str]) -> Any:
    from nmt.evaluation.scores import score

    return score([translation.text for translation in translator.translate(sources)], references)


def _show(translator: Translator, sentences: Iterable[str]) -> None:
    """Print sentences with their translations and what each word looked at."""
    from rich.console import Console

    from nmt.evaluation.plot import table

    console = Console(width=None if sys.stdout.isatty() else 100)
    sentences = list(sentences)
    for sentence, translation in zip(sentences, translator.translate(sentences), strict=True):
        console.print(f"\n[bold]{sentence}[/]  →  [bold]{translation.text}[/]", highlight=False)
        if translation.alignment is None:
            console.print("It looked at no word: with model.attention = 'none' the whole sentence is one vector.")
            continue
        console.print("How much each English word looked at each Korean word, in per cent:")
        console.print(table(translation.words()))


if __name__ == "__main__":
    main()
