"""Words cut into pieces at random, so that a model sees each in many pieces.

SentencePiece samples, too, but mixes a number of its own process into every seed: no seed repeats in the next process.
So the cuts are drawn here, word by word, since no piece crosses a space.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import math
import random

import sentencepiece

from nmt.data.sentencepiece_model import BPE, ModelProto

# Words whose lattices are remembered, and the most characters of one: about 3 kB each, 100 MB in all. Where words are
# not separated, a whole sentence is one, which is worked out anew in 0.1 to 0.3 ms.
_WORDS, _CHARACTERS = 2**15, 24
_SPACE = "▁"

# For each place in a word but the first: where the pieces that end there begin, and the running sums of their weights.
Lattice = list[tuple[list[int], list[float]]]


class PieceSampler:
    """Cuts texts at random.

    With a BPE model each possible merge is left out with probability ``sampling``, anew at each step: Provilkov et al.
    2020, *BPE-Dropout*, https://arxiv.org/abs/1910.13267. With a unigram model a cut ``x`` of a word has the
    probability ``P(x)^sampling / sum P(y)^sampling``, where the sum is over all cuts: Kudo 2018, *Subword
    Regularization*, equation 8 with l = infinity, https://arxiv.org/abs/1804.10959. A word with an unknown character is
    cut as without sampling.

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
        # Those that stand for what is written: a text may hold the letters of "<unk>", too.
        special = (processor.is_control, processor.is_unknown, processor.is_unused, processor.is_byte)
        self._ids = {piece: i for i, piece in enumerate(self._pieces) if not any(each(i) for each in special)}
        self._scores = {piece: processor.get_score(i) for piece, i in self._ids.items()}
        self._longest = max(map(len, self._ids), default=0)
        self._remembered = functools.lru_cache(_WORDS)(self._lattice)

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
        return self._drawn(spelt, chance)

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

    def _lattice(self, word: str) -> Lattice:
        """Return the pieces of a word by their ends, each weighted by all cuts of what stands before it."""
        found: Lattice = []
        # The logarithm of the sum of the weights of all cuts up to each place: the forward pass.
        sums = [0.0]
        for end in range(1, len(word) + 1):
            starts = [at for at in range(max(0, end - self._longest), end) if word[at:end] in self._scores]
            logs = [sums[at] + self._sampling * self._scores[word[at:end]] for at in starts]
            most = max(logs)
            weights = list(itertools.accumulate(math.exp(value - most) for value in logs))
            found.append((starts, weights))
            sums.append(most + math.log(weights[-1]))
        return found

    def _drawn(self, word: str, chance: random.Random) -> list[int]:
        """Draw a cut of a word piece by piece, its last one first: the backward pass."""
        end = len(word)
        lattice = self._remembered(word) if end <= _CHARACTERS else self._lattice(word)
        found: list[int] = []
        while end:
            starts, weights = lattice[end - 1]
            start = starts[bisect.bisect(weights, chance.random() * weights[-1], hi=len(weights) - 1)]
            found.append(self._ids[word[start:end]])
            end = start
        return found[::-1]
