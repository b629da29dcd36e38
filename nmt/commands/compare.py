"""``nmt compare``: models under one budget, in a table and in pictures."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nmt.commands.console import TsvQuoting, finite, news, say
from nmt.errors import InputError, Stopped, WorkFailed

if TYPE_CHECKING:
    from nmt.comparison.results import Results
    from nmt.comparison.spec import Candidate, ComparisonBudget, Material

Pairs = tuple[Path | None, Path | None, Path | None]


def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="CONFIG...",
            help="Files of settings, folders of trained models, or settings: model.attention=dot,model.context=output; "
            "also auto and transformer, the recipes of nmt train, which are fitted to the pairs.",
            show_default=False,
        ),
    ],
    to: Annotated[
        Path, typer.Option(help="The folder of the comparison; one that was stopped is continued.", show_default=False)
    ],
    steps: Annotated[
        int | None, typer.Option(min=1, help="Train each for this many steps.", show_default="the epochs of its config")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.01, callback=finite, help="Or for this many minutes of steps.", show_default=False),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Trainings of each model, with seeds from 1.")] = 3,
    source: Annotated[
        Path | None, typer.Option(help="Training sentences, one per line.", show_default="the built-in corpus")
    ] = None,
    target: Annotated[Path | None, typer.Option(help="Their translations, line by line.", show_default=False)] = None,
    pairs: Annotated[Path | None, typer.Option(help="Or both in one TSV.", show_default=False)] = None,
    dev_source: Annotated[Path | None, typer.Option(help="Development sentences.", show_default=False)] = None,
    dev_target: Annotated[Path | None, typer.Option(help="Their translations.", show_default=False)] = None,
    dev_pairs: Annotated[Path | None, typer.Option(help="Or both in one TSV.", show_default=False)] = None,
    test_source: Annotated[Path | None, typer.Option(help="Test sentences.", show_default=False)] = None,
    test_target: Annotated[Path | None, typer.Option(help="Their translations.", show_default=False)] = None,
    test_pairs: Annotated[Path | None, typer.Option(help="Or both in one TSV.", show_default=False)] = None,
    text: Annotated[
        Path | None, typer.Option(help="Or plain text, for language models, one sentence per line.", show_default=False)
    ] = None,
    dev_text: Annotated[Path | None, typer.Option(help="Development text.", show_default=False)] = None,
    test_text: Annotated[Path | None, typer.Option(help="Test text.", show_default=False)] = None,
    tsv_quoting: TsvQuoting = False,
    test_links: Annotated[
        Path | None,
        typer.Option(help="The gold word links of the test pairs: adds the alignment error.", show_default=False),
    ] = None,
    links: Annotated[
        Path | None,
        typer.Option(help="Word links of the training pairs, for training.guided_alignment.", show_default=False),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Settings that all models begin with; auto and transformer are fitted to the pairs.",
            show_default="comparison with the built-in corpus",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting that all models begin with; may be repeated."),
    ] = None,
) -> None:
    """Compare models under one budget: BLEU, chrF, alignment error, speeds, sizes, and scores by length.

    Language models are compared on plain text, --text and --test-text: perplexity, bits per character, speeds, sizes.

    Each model is trained with several seeds, in a process of its own, and scored on the test pairs; trained models are
    only scored. Without pairs all learn the built-in corpus. If a model fails, its row says why. The same command
    continues where it stopped, also with more models or seeds. The report is comparison.html in the folder, and .md
    and .json.

    **Example:** `nmt compare model.attention=none model.attention=dot,model.context=output --to why --steps 700`
    """
    from nmt.comparison.results import Results, check_place
    from nmt.comparison.run import gold_links
    from nmt.comparison.spec import ComparisonBudget, Material, read_candidates
    from nmt.config import Config, with_settings
    from nmt.folder_lock import folder_lock
    from nmt.presets import FITTED, fit_preset
    from nmt.presets import preset as settings_of

    if steps and minutes:
        raise InputError("--steps and --minutes are two budgets. Choose one.")
    texts = (text, dev_text, test_text)
    plain = any(texts)
    if plain and preset not in (None, "plain"):
        raise InputError(f"--preset {preset} is for pairs: leave it out with --text.")
    files = _files((source, target, pairs), (dev_source, dev_target, dev_pairs), (test_source, test_target, test_pairs))
    if plain and (any(files) or links or test_links or tsv_quoting):
        raise InputError(
            "--text, --dev-text and --test-text are for language models, which have no pairs: leave them out."
        )
    if plain:
        files = _texts(*texts)
    if tsv_quoting and not (pairs or dev_pairs or test_pairs):
        raise InputError("--tsv-quoting is for TSV files: --pairs, --dev-pairs or --test-pairs.")
    if not any(files):
        preset = preset or "comparison"

    @functools.cache
    def pairs_read() -> int:
        return Material((), files[0], files[1], quoted=tsv_quoting).training(Config())[0].size

    def fitted(name: str, over: Callable[[Config], Config]) -> Config:
        if plain or not files[0]:
            raise InputError(
                f"'{name}' is fitted to the number of training pairs: name them, --source and --target, or --pairs. "
                "The built-in corpus and plain text have settings of their own."
            )
        return fit_preset(name, pairs_read(), "pairs", lambda base: over(with_settings(base, settings or [])))[0]

    begun = settings_of(preset)[0] if preset else Config()
    if plain:
        begun = with_settings(begun, ["model.architecture=language-model"])
    base = fitted(preset, lambda base: base) if preset in FITTED else with_settings(begun, settings or [])
    budget = ComparisonBudget(steps or 0, minutes or 0.0)
    chosen = [
        each if each.folder else replace(each, config=budget.limit(each.config))
        for each in read_candidates(models, base, plain, fitted, preset if preset in FITTED else "")
    ]
    if any(each.config.training.seed != Config().training.seed for each in chosen if not each.folder):
        raise InputError("--seeds sets training.seed: leave it out of the configs.")
    material = _material(
        files, links=links, test_links=test_links, quoted=tsv_quoting, plain=plain, chosen=chosen, to=to
    )
    gold_links(material)  # wrong links are refused before anything is trained
    check_place(to)
    with folder_lock(to, "nmt compare"):
        results = Results(to, chosen, material, budget)
        results.save()
        _run_all(results, chosen, seeds, material)
        if not any(results.done(each.name) for each in chosen):
            failed = next(run["failed"] for each in chosen for run in results.runs(each.name))
            raise WorkFailed(f"No model could be compared. The first failure: {failed}")
        _measure(results, chosen, material)
        _report(results, chosen, material, budget)


def _files(*splits: Pairs) -> list[tuple[Path, ...]]:
    """Return the files of training, development and test pairs."""
    found: list[tuple[Path, ...]] = []
    for name, (source, target, pairs) in zip(("", "dev-", "test-"), splits, strict=True):
        if (source is None) != (target is None) or (source and pairs):
            raise InputError(f"Name pairs in one way: --{name}source and --{name}target, or --{name}pairs.")
        found.append((source, target) if source and target else (pairs,) if pairs else ())
    train, dev, test = found
    if (train or dev) and not test:
        raise InputError(
            "Name test pairs, from which no model has learned: --test-source and --test-target, or --test-pairs."
        )
    if dev and not train:
        raise InputError("Development pairs go with training pairs: --source and --target, or --pairs.")
    return found


def _texts(text: Path | None, dev_text: Path | None, test_text: Path | None) -> list[tuple[Path, ...]]:
    """Return the files of training, development and test text."""
    if not test_text:
        raise InputError("Name a test text, from which no model has learned: --test-text.")
    if dev_text and not text:
        raise InputError("--dev-text goes with the text to train on: --text.")
    return [(each,) if each else () for each in (text, dev_text, test_text)]


def _material(
    files: list[tuple[Path, ...]],
    *,
    links: Path | None,
    test_links: Path | None,
    quoted: bool,
    plain: bool,
    chosen: list[Candidate],
    to: Path,
) -> Material:
    """Return the files of the comparison, after checking that they exist and fit the models."""
    from nmt.comparison.spec import Material
    from nmt.training.prepare import prepare_run

    train, dev, test = files
    learning = [each for each in chosen if not each.folder]
    if not any(files):
        if links or test_links:
            raise InputError("--links and --test-links are for your own pairs; the built-in corpus has links.")
        return _built_in(to)
    if learning and not train and plain:
        raise InputError(f"'{learning[0].name}' has to be trained: name the text with --text.")
    if learning and not train:
        raise InputError(
            f"'{learning[0].name}' has to be trained: name the pairs, --source and --target, or --pairs. Without any "
            "pairs it learns the built-in corpus."
        )
    if not learning and (train or links):
        raise InputError(f"All models are trained already: name the test {'text' if plain else 'pairs'} only.")
    for each in learning:
        prepare_run(each.config, None, linked=links is not None and each.config.training.guided_alignment > 0)
    if links and not any(each.config.training.guided_alignment for each in learning):
        raise InputError("--links teaches an attention, and no model has training.guided_alignment.")
    test, train, dev = (tuple(path.resolve() for path in split) for split in (test, train, dev))
    material = Material(
        test,
        train,
        dev,
        train_links=links and links.resolve(),
        links=test_links and test_links.resolve(),
        quoted=quoted,
        plain=plain,
    )
    for split in filter(None, (train, dev, test)):
        material.open(split)
    if plain and not material.test_lines():
        raise InputError(f"{test[0]} has no line with text.")
    # Wrong links and too few pairs are refused before anything is written. This reads the files, so not for each model.
    for each in {bool(each.config.training.guided_alignment): each for each in learning}.values():
        material.training(each.config)
    return material


def _built_in(to: Path) -> Material:
    """Write the built-in corpus into the comparison's folder."""
    from nmt.comparison.results import DATA, check_place
    from nmt.comparison.spec import Material
    from nmt.model_folder import make
    from nmt.synthetic import demo

    check_place(to)
    data = to.resolve() / DATA
    if not data.exists() or not any(data.iterdir()):
        make(data, demo.write)
    test, train, dev = ((data / f"{split}.ko", data / f"{split}.en") for split in ("test", "train", "dev"))
    return Material(test, train, dev, train_links=data / "train.links", links=data / "test.links")


def _run_all(results: Results, chosen: list[Candidate], seeds: int, material: Material) -> None:
    """Train and score what is not done yet, each run in a process of its own."""
    from nmt.comparison.run import run
    from nmt.comparison.worker import run_in_worker
    from nmt.config import with_settings

    # Seed by seed: a comparison that is stopped early has a run of every model.
    wanted = [(each, seed) for seed in range(1, seeds + 1) for each in chosen if seed == 1 or not each.folder]
    for number, (each, seed) in enumerate(wanted, start=1):
        if results.run(each.name, seed):
            continue
        say(f"[{number}/{len(wanted)}] {each.name}" + ("" if each.folder else f", seed {seed}"))
        config = each.config if each.folder else with_settings(each.config, [f"training.seed={seed}"])
        model = each.folder or results.model(each.name, seed)
        arguments = (replace(each, config=config), seed, material, model, results.texts(each.name, seed))
        try:
            with news(indent="  "):
                found = run_in_worker(run, *arguments)
            say(f"  {_said(found)}")
        except Stopped:
            raise WorkFailed("Stopped. The same command continues from here.") from None
        except (InputError, WorkFailed) as error:
            found = {"name": each.name, "seed": seed, "failed": str(error)}
            say(f"  It failed, and the others continue: {error}")
        results.add(found)


def _said(found: dict[str, Any]) -> str:
    """Return the scores of a run as a sentence."""
    if "perplexity" in found:
        bits = found["bits_per_character"]
        cut = (
            f" {found['lines_cut']:,} test lines are longer than the model reads and count for their beginnings in the "
        )
        cut += "perplexity, and not at all in the bits: models that cut other lines cannot be compared by them."
        return (
            f"Perplexity {found['perplexity']:.3f} of a piece"
            + (f", {bits:.3f} bits per character" if bits is not None else "")
            + f" of the test text.{cut if found.get('lines_cut') else ''}"
        )
    fails = f" BLEU says little, because {found['bleu_fails']}." if found.get("bleu_fails") else ""
    return f"BLEU {found['bleu']:.2f}, chrF {found['chrf']:.2f} on the test pairs.{fails}"


def _measure(results: Results, chosen: list[Candidate], material: Material) -> None:
    """Measure the speeds of all models in turn, unless they are known."""
    from nmt.comparison.run import speeds
    from nmt.comparison.worker import run_in_worker

    first = {each.name: results.done(each.name) for each in chosen}
    models = {
        each.name: each.folder or results.model(each.name, first[each.name][0]["seed"])
        for each in chosen
        if first[each.name]
    }
    if set(models) <= set(results.record["speeds"]):
        return
    say(f"Measuring how fast they {'complete' if material.plain else 'translate'}.")
    try:
        # Known speeds are measured again, so that all are measured at the same time.
        with news(indent="  "):
            results.record["speeds"] = run_in_worker(speeds, models, material)
    except Stopped:
        raise WorkFailed("Stopped. The same command continues from here.") from None
    except (InputError, WorkFailed) as error:
        say(f"  It failed, and the report has no speeds: {error}")
    results.save()


def _report(results: Results, chosen: list[Candidate], material: Material, budget: ComparisonBudget) -> None:
    """Write the report and print its table."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from nmt.comparison.report import write_report
    from nmt.comparison.summary import headings, summary

    names, what = [each.name for each in chosen], "text" if material.plain else "pairs"
    facts = [("budget", str(budget)), (f"test {what}", " + ".join(path.name for path in material.test))]
    if material.train and not all(each.folder for each in chosen):
        facts.append((f"training {what}", " + ".join(path.name for path in material.train)))
    found = summary(results, names, material, facts)
    results.record["lengths"] = {name: [asdict(each) for each in bins] for name, bins in found.lengths.items()}
    results.save()
    written = write_report(found, results.folder)
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for place, heading in enumerate(headings(material.plain)):
        table.add_column(heading, justify="right" if place else "left", vertical="bottom")
    for row in found.rows:
        table.add_row(*map(Text, row.cells(material.plain)))
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    for row in found.rows:
        for why in row.failures:
            print(f"{row.name} failed, {why}")
    for name, text in found.facts:
        print(f"{name}: {text}")
    say(f"The report is {written[0]}.")
