"""Cuts of words are drawn with the probabilities of the papers, and a seed repeats them in every process."""

import io
import math
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import sentencepiece

from nmt.data.piece_sampling import PieceSampler
from nmt.data.sentencepiece_model import ModelProto

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


def by_hand(scores: dict[str, float], sampling: float) -> PieceSampler:
    """Return a sampler of a unigram model with these pieces."""
    model = ModelProto.FromString(sampler("unigram", sampling)._processor.serialized_model_proto())
    del model.pieces[3:]  # all but <unk>, <s> and </s>
    for piece, score in scores.items():
        model.pieces.add(piece=piece, score=score)
    processor = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(model.SerializeToString())
    return PieceSampler(model.SerializeToString(), processor, sampling)


def test_unigram_cuts_have_the_probabilities_of_kudo() -> None:
    """``P(x)^0.3 / sum P(y)^0.3`` over all cuts of a word, found here by trying every one of them."""
    scores = {"▁": -1.0, "a": -3.0, "b": -2.5, "ab": -3.5, "ba": -5.0, "aba": -5.5, "bab": -4.0, "▁a": -2.0}
    cuts, chance, word = by_hand(scores, 0.3), random.Random(3), "▁abababab"

    def all_cuts(rest: str) -> list[tuple[str, ...]]:
        if not rest:
            return [()]
        ends = [end for end in range(1, len(rest) + 1) if rest[:end] in scores]
        return [(rest[:end], *more) for end in ends for more in all_cuts(rest[end:])]

    weights = {cut: math.exp(0.3 * sum(scores[piece] for piece in cut)) for cut in all_cuts(word)}
    assert len(weights) > 64
    found = Counter(
        tuple(cuts._pieces[i] for i in cuts.ids(word.removeprefix("▁").encode(), chance)) for _ in range(20_000)
    )
    for cut, weight in weights.items():
        share = weight / sum(weights.values())
        assert found[cut] / 20_000 == pytest.approx(share, abs=5 * math.sqrt(share / 20_000))


def test_a_word_of_any_length_is_cut() -> None:
    """The number of cuts of 10,000 letters, a Fibonacci number near 2^6942, is larger than a floating-point number."""
    cuts = by_hand({"▁": -1.0, "a": -3.0, "aa": -4.0}, 0.5)
    ids = cuts.ids(b"a" * 10_000, random.Random(5))
    assert "".join(cuts._pieces[i] for i in ids) == "▁" + "a" * 10_000
    # The weights of all cuts of n letters add up to Z(n) = e^-1.5 Z(n - 1) + e^-2 Z(n - 2), which grows by a factor r
    # with r^2 = 0.2231 r + 0.1353: r = (0.2231 + sqrt(0.2231^2 + 4 * 0.1353)) / 2 = 0.4960. The last piece has one
    # letter with probability 0.2231 Z(n - 1) / Z(n) = 0.2231 / 0.4960 = 0.4499, and so has each.
    ones = sum(cuts._pieces[i] == "a" for i in ids) / (len(ids) - 1)
    assert ones == pytest.approx(0.4499, abs=4 * math.sqrt(0.45 * 0.55 / 6_000))


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


def test_a_long_word_is_cut_as_a_short_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the lattices of short words are remembered, and the draws are the same."""
    remembered = drawn("unigram", 0.3, count=3)
    monkeypatch.setattr("nmt.data.piece_sampling._CHARACTERS", 0)
    assert drawn("unigram", 0.3, count=3) == remembered


@pytest.mark.parametrize("special", ["<unk>", "<s>", "</s>"])
def test_the_letters_of_a_special_piece_are_letters(special: str) -> None:
    scores = dict.fromkeys("▁<>unks/", -3.0)
    cuts = by_hand(scores, 0.35)
    assert [cuts._pieces[i] for i in cuts.ids(special.encode(), random.Random(1))] == ["▁", *special]


def test_a_text_without_words_has_no_pieces() -> None:
    assert sampler("unigram", 0.3).ids(b"", random.Random(1)) == []


@pytest.mark.parametrize(("kind", "sampling"), [("bpe", 1.0), ("unigram", 0.1)])
def test_a_word_with_an_unknown_character_is_cut_as_ever(kind: str, sampling: float) -> None:
    cuts = sampler(kind, sampling)
    alone = cuts._processor.encode("한")
    number = cuts.ids("play 한 play".encode(), random.Random(1)).index(cuts._processor.unk_id())
    assert cuts.ids("한".encode(), random.Random(1)) == alone
    assert cuts.ids("play 한 play".encode(), random.Random(1))[number - 1 : number + 1] == alone
