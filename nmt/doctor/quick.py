"""The quick check that ``nmt train`` runs before a training: about a second, and only what deserves a warning."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from nmt.data.corpora import Corpus
from nmt.doctor.advice import of_lines, of_pairs
from nmt.doctor.findings import Overlap, Repeated
from nmt.doctor.repeats import Hashes, Shared, repeats
from nmt.doctor.survey import PairBatch, PairSurvey, pair_batches

# Pairs that are counted, in blocks so that neighbours that repeat each other are seen. In a corpus that is cheap to
# read the blocks are spread evenly; in a larger one only the beginning is read.
_PAIRS, _BLOCK, _CHEAP = 20_000, 1000, 200_000
# Development pairs that are searched for in the training pairs.
_DEV = 2000
# A limit of processor time, so that a busy machine checks as much; and one of the clock, for a slow disk.
_SECONDS, _WAITED = 0.8, 3.0


def warnings(
    train: Corpus, dev: Corpus | None, seconds: float = _SECONDS, waited: float = _WAITED, *, plain: bool = False
) -> list[str]:
    """Return the warnings about the pairs of a training, a sentence each; none if all is well.

    Arguments:
        train, dev: the pairs. If some were held out of the same file, all of the file is looked at, so that its lines
            are named.
        seconds: of processor time, after which nothing more is read; what was read counts.
        waited: the same limit on the clock.
        plain: whether the pairs are the lines of plain text, without a source.
    """
    if train.whole is not train:
        train, dev = train.whole, None
    end, late = time.thread_time() + seconds, time.monotonic() + waited
    wanted = list(islice(dev.pairs(), _DEV)) if dev else []
    with tempfile.TemporaryDirectory(prefix="nmt-data-") as place:
        survey, hashes = PairSurvey(train.name), Hashes(Path(place), "train")
        shared = _Held(wanted)
        for batch, counted in _blocks(train):
            shared.add(batch)
            if counted:
                hashes.add(*survey.add(batch))
            if time.thread_time() > end or time.monotonic() > late:
                break
        expected = survey.expected()
        split = survey.result(expected, Repeated(repeats(hashes)))
    overlaps = [Overlap(dev.name, train.name, len(wanted), shared.result())] if dev else []
    found = of_lines(split, overlaps) if plain else of_pairs([split], overlaps)
    return [one.text for one in found if one.level == "do"]


def _blocks(corpus: Corpus) -> Iterator[tuple[PairBatch, bool]]:
    """Yield the pairs in blocks, each with whether its pairs are counted."""
    if corpus.size > _CHEAP:
        yield from ((batch, True) for batch in pair_batches(islice(corpus.pairs(), _PAIRS)))
        return
    pairs = corpus.pairs()
    blocks = -(-corpus.size // _BLOCK)
    chosen = set(np.linspace(0, blocks - 1, min(blocks, _PAIRS // _BLOCK)).astype(int).tolist())
    for number in range(blocks):
        for batch in pair_batches(islice(pairs, _BLOCK), number * _BLOCK + 1):
            yield batch, number in chosen


class _Held:
    """Development pairs that are searched for in the training pairs."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = [(source.strip(), target.strip()) for source, target in pairs]
        self._sides = [{pair[side] for pair in self._pairs} - {""} for side in range(2)]
        self._seen: tuple[set[str], set[str]] = (set(), set())

    def add(self, batch: PairBatch) -> None:
        for seen, side, lines in zip(self._seen, self._sides, (batch.sources, batch.targets), strict=True):
            seen.update(side.intersection(map(str.strip, lines)))

    def result(self) -> Shared:
        sources, targets = (sum(pair[side] in seen for pair in self._pairs) for side, seen in enumerate(self._seen))
        return Shared(sources, targets, pairs=0, source_lines=(), target_lines=())
