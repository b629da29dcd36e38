"""The examination of corpora: everything that needs no vocabulary."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from nmt.data.corpora import Corpus
from nmt.doctor.findings import ExamplePair, Overlap, Repeated, Split, example
from nmt.doctor.repeats import Hashes, Repeats, Shared, bits_for, repeats, shared
from nmt.doctor.survey import PairBatch, PairSurvey, pair_batches

# Passes batches on, and may show a progress bar with the name of the work and the number of pairs.
Follow = Callable[[Iterable[PairBatch], str, int], Iterable[PairBatch]]


def unseen(groups: Iterable[PairBatch], what: str, total: int) -> Iterable[PairBatch]:
    """Pass batches on and show nothing."""
    return groups


def survey_corpora(corpora: Sequence[Corpus], follow: Follow = unseen) -> tuple[tuple[Split, ...], tuple[Overlap, ...]]:
    """Count everything that needs no vocabulary, in each corpus and between the first one and the others.

    Each corpus is read once, and again up to its last example. Data that grow with it go to a temporary folder.

    Arguments:
        corpora: the training pairs, then those that are compared with them.
        follow: passes the batches on, and may show the progress.
    """
    bits = bits_for(max(corpus.size for corpus in corpora))
    with tempfile.TemporaryDirectory(prefix="nmt-data-") as place:
        surveys, hashes = [], []
        for number, corpus in enumerate(corpora):
            surveys.append(PairSurvey(corpus.name))
            hashes.append(Hashes(Path(place), str(number), bits))
            for batch in follow(pair_batches(corpus.pairs()), f"Reading {corpus.name}", corpus.size):
                hashes[-1].add(*surveys[-1].add(batch))
        expected = surveys[0].expected()
        splits = []
        for corpus, survey, numbers in zip(corpora, surveys, hashes, strict=True):
            counts = repeats(numbers)
            splits.append(
                survey.result(expected, repeats_with_examples(counts, _texts(corpus, repeated_lines(counts))))
            )
        overlaps = []
        for corpus, numbers in zip(corpora[1:], hashes[1:], strict=True):
            found = shared(hashes[0], numbers)
            overlaps.append(
                overlap(found, (corpus.name, corpora[0].name), corpus.size, _texts(corpus, shared_lines(found)))
            )
    return tuple(splits), tuple(overlaps)


def repeated_lines(counts: Repeats) -> set[int]:
    """Return the lines that are shown of repeats."""
    return {line for couple in (*counts.pair_lines, *counts.source_lines, *counts.target_lines) for line in couple}


def repeats_with_examples(counts: Repeats, texts: Mapping[int, tuple[str, str]]) -> Repeated:
    """Return repeats with their examples.

    Arguments:
        counts: what was counted.
        texts: the pairs of :func:`repeated_lines`.
    """

    def both(couple: tuple[int, int]) -> tuple[ExamplePair, ExamplePair]:
        one, other = couple
        return example(one, *texts[one], other), example(other, *texts[other], one)

    return Repeated(
        counts,
        tuple(both(couple)[1] for couple in counts.pair_lines),
        tuple(both(couple) for couple in counts.source_lines),
        tuple(both(couple) for couple in counts.target_lines),
    )


def shared_lines(counts: Shared) -> set[int]:
    """Return the lines that are shown of what a corpus shares with the first one."""
    return {line for line, _ in (*counts.source_lines, *counts.target_lines)}


def overlap(counts: Shared, names: tuple[str, str], pairs: int, texts: Mapping[int, tuple[str, str]]) -> Overlap:
    """Return what a corpus shares with the first one, with examples.

    Arguments:
        counts: what was counted.
        names: of this corpus and of the first one.
        pairs: of this corpus.
        texts: the pairs of :func:`shared_lines`.
    """
    sources, targets = (
        tuple(example(line, *texts[line], other) for line, other in lines)
        for lines in (counts.source_lines, counts.target_lines)
    )
    return Overlap(split=names[0], first=names[1], pairs=pairs, counts=counts, sources=sources, targets=targets)


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
