"""The examination of corpora: everything that needs no vocabulary."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from nmt.data.corpora import Corpus
from nmt.doctor.findings import Example, Overlap, Repeated, Split, example
from nmt.doctor.repeats import Hashes, Repeats, Shared, bits_for, repeats, shared
from nmt.doctor.survey import Batch, Survey, batches

# Passes batches on, and may show a progress bar with the name of the work and the number of pairs.
Follow = Callable[[Iterable[Batch], str, int], Iterable[Batch]]


def unseen(groups: Iterable[Batch], what: str, total: int) -> Iterable[Batch]:
    """Pass batches on and show nothing."""
    return groups


def survey_corpora(corpora: Sequence[Corpus], follow: Follow = unseen) -> tuple[tuple[Split, ...], tuple[Overlap, ...]]:
    """Count everything that needs no vocabulary, in each corpus and between the first one and the others.

    Each corpus is read once, and a second time up to its last example. Data that grow with it go to a temporary folder.

    Arguments:
        corpora: the training pairs, then those that are compared with them.
        follow: passes the batches on, and may show the progress.
    """
    bits = bits_for(max(corpus.size for corpus in corpora))
    with tempfile.TemporaryDirectory(prefix="nmt-data-") as place:
        surveys = []
        for number, corpus in enumerate(corpora):
            survey = Survey(corpus.name, Hashes(Path(place), str(number), bits))
            for batch in follow(batches(corpus.pairs()), f"Reading {corpus.name}", corpus.size):
                survey.add(batch)
            surveys.append(survey)
        expected = surveys[0].expected()
        splits = tuple(
            survey.result(expected, _repeated(corpus, repeats(survey.hashes)))
            for survey, corpus in zip(surveys, corpora, strict=True)
        )
        overlaps = tuple(
            _overlap(corpus, corpora[0], shared(surveys[0].hashes, survey.hashes))
            for survey, corpus in zip(surveys[1:], corpora[1:], strict=True)
        )
    return splits, overlaps


def _repeated(corpus: Corpus, counts: Repeats) -> Repeated:
    couples = (*counts.pair_lines, *counts.source_lines, *counts.target_lines)
    texts = _texts(corpus, {line for couple in couples for line in couple})

    def both(couple: tuple[int, int]) -> tuple[Example, Example]:
        one, other = couple
        return example(one, *texts[one], other), example(other, *texts[other], one)

    return Repeated(
        counts,
        tuple(both(couple)[1] for couple in counts.pair_lines),
        tuple(both(couple) for couple in counts.source_lines),
        tuple(both(couple) for couple in counts.target_lines),
    )


def _overlap(corpus: Corpus, first: Corpus, counts: Shared) -> Overlap:
    texts = _texts(corpus, {line for line, _ in (*counts.source_lines, *counts.target_lines)})
    sources, targets = (
        tuple(example(line, *texts[line], other) for line, other in lines)
        for lines in (counts.source_lines, counts.target_lines)
    )
    return Overlap(
        split=corpus.name, first=first.name, pairs=corpus.size, counts=counts, sources=sources, targets=targets
    )


def _texts(corpus: Corpus, lines: set[int]) -> dict[int, tuple[str, str]]:
    """Return the pairs of some lines, reading no further than the last of them."""
    return dict(_chosen(corpus, lines)) if lines else {}


def _chosen(corpus: Corpus, lines: set[int]) -> Iterator[tuple[int, tuple[str, str]]]:
    last = max(lines)
    for line, pair in enumerate(corpus.pairs(), 1):
        if line in lines:
            yield line, pair
        if line == last:
            return
