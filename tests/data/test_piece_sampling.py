"""Cuts of words are drawn with the probabilities of the papers, and a seed repeats them in every process."""

import io
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import sentencepiece

from nmt.data.piece_sampling import PieceSampler

WORDS = [stem + end for stem in ("walk", "play", "open", "visit") for end in ("", "s", "ed", "ing", "er")]
SIZES = {"unigram": 30, "bpe": 40}


def sampler(kind: str, sampling: float) -> PieceSampler:
    writer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(WORDS * 9), model_writer=writer, model_type=kind, vocab_size=SIZES[kind], minloglevel=2
    )
    processor = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(writer.getvalue())
    return PieceSampler(writer.getvalue(), processor, sampling)


def drawn(kind: str, sampling: float, count: int = 1) -> list[tuple[int, ...]]:
    chance, cuts = random.Random(7), sampler(kind, sampling)
    return [tuple(cuts.ids(word.encode(), chance)) for word in WORDS for _ in range(count)]


def test_unigram_cuts_have_the_probabilities_of_kudo() -> None:
    """``P(x)^0.3 / sum P(y)^0.3`` over all cuts of a word, found here by trying every one of them."""
    cuts, chance = sampler("unigram", 0.3), random.Random(3)
    ids = {piece: i for i, piece in enumerate(cuts._pieces)}

    def all_cuts(rest: str) -> list[tuple[int, ...]]:
        if not rest:
            return [()]
        ends = [end for end in range(1, len(rest) + 1) if rest[:end] in ids]
        return [(ids[rest[:end]], *more) for end in ends for more in all_cuts(rest[end:])]

    scores = {cut: sum(cuts._processor.get_score(i) for i in cut) for cut in all_cuts("▁playing")}
    weights = {cut: 2.718281828**(0.3 * score) for cut, score in scores.items()}  # fmt: skip
    assert 1 < len(weights) <= 64
    found = Counter(tuple(cuts.ids(b"playing", chance)) for _ in range(5000))
    for cut, weight in weights.items():
        # 4 deviations of a share of 5,000: at most 4 * sqrt(0.25 / 5000) = 0.028
        assert found[cut] / 5000 == pytest.approx(weight / sum(weights.values()), abs=0.028)


def test_a_merge_is_left_out_with_the_given_probability() -> None:
    """Without dropout BPE is SentencePiece's, with all merges left out there are letters only."""
    usual, letters = sampler("bpe", 1e-9), sampler("bpe", 1.0)
    for word in WORDS:
        assert usual.ids(word.encode(), random.Random(1)) == usual._processor.encode(word)
        cut = letters.ids(word.encode(), random.Random(1))
        assert [letters._pieces[i] for i in cut] == ["▁", *word]


@pytest.mark.parametrize(("kind", "sampling"), [("bpe", 0.3), ("unigram", 0.2)])
def test_another_process_draws_the_same(kind: str, sampling: float) -> None:
    program = f"from test_piece_sampling import drawn; print(drawn({kind!r}, {sampling}))"
    other = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parent, env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert other.stdout.strip() == str(drawn(kind, sampling))


def test_a_word_with_an_unknown_character_is_cut_as_ever() -> None:
    cuts = sampler("bpe", 1.0)
    assert cuts.ids("play 한 play".encode(), random.Random(1))[5:-5] == cuts._processor.encode("한")
