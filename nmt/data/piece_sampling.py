"""Words cut into pieces at random, so that a model sees each in many pieces.

SentencePiece samples, too, but mixes a number of its own process into every seed: no seed repeats in the next process.
So the cuts are drawn here, word by word, since no piece crosses a space.
"""

from __future__ import annotations

import functools
import itertools
import math
import random

import sentencepiece

from nmt.data.sentencepiece_model import BPE, ModelProto

# Cuts of a word that unigram sampling chooses from. All others together are hardly ever drawn.
_CUTS = 64
_WORDS = 100_000
_SPACE = "▁"


class PieceSampler:
    """Cuts texts at random.

    With a BPE model each possible merge is left out with probability ``sampling``, anew at each step: Provilkov et al.
    2020, *BPE-Dropout*, https://arxiv.org/abs/1910.13267. With a unigram model a cut ``x`` of a word has the
    probability ``P(x)^sampling / sum P(y)^sampling`` among the 64 likeliest: Kudo 2018, *Subword Regularization*,
    https://arxiv.org/abs/1804.10959. A word with an unknown character is cut as without sampling.

    Arguments:
        model: the bytes of a ``.spm.model`` file.
        processor: that has loaded them.
        sampling: above 0, up to 1.
    """

    def __init__(self, model: bytes, processor: sentencepiece.SentencePieceProcessor, sampling: float) -> None:
        spec = ModelProto.FromString(model).trainer_spec
        self._bpe = spec.model_type == BPE
        self._processor = processor
        self._sampling = sampling
        self._pieces = [processor.id_to_piece(i) for i in range(processor.get_piece_size())]
        self._ids = {piece: i for i, piece in enumerate(self._pieces) if not processor.is_control(i)}
        self._scores = {piece: processor.get_score(i) for piece, i in self._ids.items()}
        self._weighted = functools.lru_cache(_WORDS)(self._cuts)

    def ids(self, text: bytes, chance: random.Random) -> list[int]:
        """Return the ids of a text, cut as ``chance`` decides."""
        found: list[int] = []
        word: list[int] = []
        for number in self._processor.encode(text):
            if word and self._pieces[number].startswith(_SPACE):
                found += self._cut(word, chance)
                word = []
            word.append(number)
        return found + self._cut(word, chance)

    def _cut(self, ids: list[int], chance: random.Random) -> list[int]:
        """Return the ids of a word, drawn, from its usual ones."""
        spelt = "".join(self._pieces[number] for number in ids)
        if self._processor.unk_id() in ids or not all(letter in self._ids for letter in spelt):
            return ids
        if self._bpe:
            return [self._ids[piece] for piece in self._merged(list(spelt), chance)]
        cuts, weights = self._weighted(spelt)
        return cuts[_place(weights, chance)] if cuts else ids

    def _merged(self, pieces: list[str], chance: random.Random) -> list[str]:
        """Merge the best neighbours again and again, with some left out each time, until all that are left are out."""
        while True:
            best, place = -math.inf, -1
            for i, (one, other) in enumerate(itertools.pairwise(pieces)):
                score = self._scores.get(one + other)
                if score is not None and chance.random() >= self._sampling and score > best:
                    best, place = score, i
            if place < 0:
                return pieces
            pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]

    def _cuts(self, word: str) -> tuple[list[list[int]], list[float]]:
        """Return the likeliest cuts of a word, and the sums of their probabilities up to each."""
        found = self._processor.nbest_encode(word.removeprefix(_SPACE), nbest_size=_CUTS, out_type=int)
        cuts = [cut for cut in found if "".join(self._pieces[number] for number in cut) == word]
        if not cuts:
            return [], []
        logs = [self._sampling * sum(map(self._processor.get_score, cut)) for cut in cuts]
        weights = [math.exp(value - max(logs)) for value in logs]
        return cuts, list(itertools.accumulate(weights))


def _place(sums: list[float], chance: random.Random) -> int:
    drawn = chance.random() * sums[-1]
    return next((i for i, total in enumerate(sums) if drawn < total), len(sums) - 1)
