"""From the results of all runs to a row for each model: means and deviations over seeds."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from nmt.comparison.results import Results
from nmt.comparison.spec import Material
from nmt.cores import cores
from nmt.evaluation.alignment import split_words
from nmt.evaluation.beginnings import evenly_by_length
from nmt.evaluation.by_length import LengthBin, by_length_of_runs


@dataclass(frozen=True)
class MeanAndDeviation:
    """The mean of several runs and their standard deviation.

    >>> print(MeanAndDeviation.of([1.0, 3.0]), MeanAndDeviation.of([2.0]), MeanAndDeviation.of([]))
    2.00 ± 1.41 2.00 None
    """

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> MeanAndDeviation | None:
        """Return the mean and deviation of values, or None if there are none; a single value has no deviation."""
        if not values:
            return None
        return cls(statistics.mean(values), statistics.stdev(values) if len(values) > 1 else None)

    def __str__(self) -> str:
        return f"{self.mean:.2f}" + ("" if self.deviation is None else f" ± {self.deviation:.2f}")


@dataclass(frozen=True)
class Row:
    """The scores and costs of a model. ``None`` means that it has no such value or that it could not be measured."""

    name: str
    runs: int
    parameters: int | None
    bleu: MeanAndDeviation | None
    chrf: MeanAndDeviation | None
    aer: MeanAndDeviation | None
    perplexity: MeanAndDeviation | None
    bits_per_character: MeanAndDeviation | None
    tokens_per_second: float | None
    sentences_per_second: float | None
    milliseconds: tuple[float, float] | None
    export_megabytes: float | None
    failures: tuple[str, ...]

    def cells(self, plain: bool = False) -> list[str]:
        """Return the texts of the columns of :func:`headings`."""
        alone = self.milliseconds
        scores = (self.perplexity, self.bits_per_character) if plain else (self.bleu, self.chrf, self.aer)
        return [
            self.name,
            _number(self.parameters, ",.0f"),
            *map(_shown, scores),
            _number(self.tokens_per_second, ",.0f"),
            _number(self.sentences_per_second, ",.0f"),
            "–" if alone is None else f"{alone[0]:.1f}, {alone[1]:.1f}",
            _number(self.export_megabytes, ".1f"),
        ]


def headings(plain: bool = False) -> tuple[str, ...]:
    """Return the headings of the table of translators, or of language models, which read ``plain`` text.

    >>> headings(plain=True)[2:4]
    ('perplexity of a piece', 'bits per character')
    """
    one = "line" if plain else "sentence"
    return (
        "model",
        "parameters",
        *(("perplexity of a piece", "bits per character") if plain else ("BLEU", "chrF", "AER, %")),
        "training, target tokens/s",
        f"{one}s/s",
        f"one {one}, median and 95th, ms",
        "export, MB",
    )


@dataclass(frozen=True)
class Summary:
    """All that a report shows.

    Attributes:
        rows: one for each model, in the order of the command.
        lengths: scores by the length of the source, for each translator that has a run.
        curves: for each model, the steps and the development score of each run.
        score: the name of that development score: ``BLEU``, ``chrF`` where BLEU says little, or ``perplexity``.
        samples: source, reference, and the translation by the first run of each model; or the beginning of a line, the
            line, and what the first run of each model makes of the beginning.
        facts: what was compared, on which data and machine; each a name and a text.
        plain: whether the models are language models.
    """

    rows: list[Row]
    lengths: dict[str, list[LengthBin]]
    curves: dict[str, list[list[tuple[int, float]]]]
    samples: list[tuple[str, str, dict[str, str]]]
    facts: list[tuple[str, str]]
    score: str
    plain: bool = False


def summary(results: Results, names: Sequence[str], material: Material, facts: Sequence[tuple[str, str]]) -> Summary:
    """Make the summary of the named models, in their order, on the test pairs or the test text."""
    done = {name: results.done(name) for name in names}
    texts = {name: [_lines(results.texts(name, run["seed"])) for run in runs] for name, runs in done.items() if runs}
    rows = [_row(name, results) for name in names]
    # Results of earlier versions do not say which score their curve is of. Curves of another one are left out.
    before = "perplexity" if material.plain else "BLEU"
    score = next((run["curve_of"] for runs in done.values() for run in runs if "curve_of" in run), before)
    alike = {name: [run for run in runs if run.get("curve_of", before) == score] for name, runs in done.items()}
    curves = {name: [_curve(run) for run in runs] for name, runs in alike.items() if any(map(_curve, runs))}
    if material.plain:
        samples = [
            (begun, line, {name: written[0][i] for name, written in texts.items()})
            for i, (begun, line) in enumerate(material.beginnings())
        ]
        notes = [("perplexity", "of models with other vocabularies has other pieces: compare the bits per character")]
        cut = {name: max((run.get("lines_cut", 0) for run in runs), default=0) for name, runs in done.items()}
        notes += [
            (f"{name} cuts", f"{number:,} test lines that are longer than it reads: its bits leave them out")
            for name, number in cut.items()
            if number
        ]
        return Summary(
            rows,
            lengths={},
            curves=curves,
            samples=samples,
            facts=[*facts, *notes, ("machine", _machine())],
            score=score,
            plain=True,
        )
    pairs = list(material.open(material.test).pairs())
    sources, references = [left for left, _ in pairs], [right for _, right in pairs]
    signatures = sorted(
        {run[key] for runs in done.values() for run in runs for key in ("bleu_signature", "chrf_signature")}
    )
    # Results of earlier versions do not say it.
    notes = sorted({why for runs in done.values() for run in runs if (why := run.get("bleu_fails"))})
    return Summary(
        rows=rows,
        lengths={name: by_length_of_runs(sources, written, references) for name, written in texts.items()},
        curves=curves,
        samples=[
            (sources[i], references[i], {name: written[0][i] for name, written in texts.items()})
            for i in evenly_by_length([len(split_words(source)) for source in sources], 5)
        ],
        facts=[
            *facts,
            *(("BLEU", f"says little here, because {why}: compare chrF") for why in notes),
            *(("signature", each) for each in signatures),
            ("machine", _machine()),
        ],
        score=score,
    )


def _row(name: str, results: Results) -> Row:
    runs, done = results.runs(name), results.done(name)
    speeds = results.record["speeds"].get(name, {})
    alone = sorted(speeds.get("milliseconds", []))
    learned = [run["tokens_per_second"] for run in done if run["tokens_per_second"]]
    return Row(
        name=name,
        runs=len(done),
        parameters=done[0]["parameters"] if done else None,
        bleu=_mean(done, "bleu"),
        chrf=_mean(done, "chrf"),
        aer=MeanAndDeviation.of([100 * run["aer"] for run in done if run.get("aer") is not None]),
        perplexity=_mean(done, "perplexity"),
        bits_per_character=_mean(done, "bits_per_character"),
        tokens_per_second=statistics.median(learned) if learned else None,
        sentences_per_second=statistics.median(speeds["rates"]) if speeds else None,
        milliseconds=(statistics.median(alone), alone[int(0.95 * len(alone))]) if alone else None,
        export_megabytes=speeds["export_bytes"] / 1e6 if speeds else None,
        failures=tuple(_failures(runs)),
    )


def _mean(runs: Sequence[dict[str, Any]], key: str) -> MeanAndDeviation | None:
    return MeanAndDeviation.of([run[key] for run in runs if run.get(key) is not None])


def _failures(runs: Sequence[dict[str, Any]]) -> list[str]:
    """Return which seeds failed, grouped by the reason.

    >>> _failures([{"seed": 1, "failed": "it broke"}, {"seed": 2}, {"seed": 3, "failed": "it broke"}])
    ['seeds 1, 3: it broke']
    """
    failed = sorted((run["failed"], run["seed"]) for run in runs if "failed" in run)
    found = []
    for reason, group in groupby(failed, key=lambda pair: pair[0]):
        seeds = [str(seed) for _, seed in group]
        found.append(f"seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}: {reason}")
    return found


def _curve(run: dict[str, Any]) -> list[tuple[int, float]]:
    return [(step, score) for step, score in run["curve"] if step is not None and score is not None]


def _lines(path: Path) -> list[str]:
    # Only "\n" ends a translation; Python's splitlines would split at other characters, too.
    return path.read_bytes().decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")


def _shown(value: object) -> str:
    return "–" if value is None else str(value)


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else f"{value:{form}}"


def _machine() -> str:
    parts = [platform.processor() or platform.machine(), f"{cores()} cores", platform.system()]
    return ", ".join([*parts, f"Python {platform.python_version()}"])
