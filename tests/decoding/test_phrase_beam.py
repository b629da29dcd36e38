"""Beam search with phrases against exhaustive search, and against the search without them."""

import numpy as np
import pytest
import tensorflow as tf
from test_beam import BOS, EOS, SOURCE, VOCABULARY, WRITTEN, table_step, tables

from nmt.decoding import phrase_beam
from nmt.decoding.beam import BeamSearch, Penalties, Pruning
from nmt.decoding.constraints import Constraints
from nmt.decoding.phrase_beam import PhraseBeamSearch
from nmt.decoding.phrases import phrases_of

UNKNOWN = (0, 0)


def search(table, limits, phrases, size, n_best=1, starts=(True,) * VOCABULARY, penalties=None, pruning=None, **more):
    wanted = None if phrases is None else phrases_of(phrases, starts)
    beam = (BeamSearch if phrases is None else PhraseBeamSearch)(
        table_step,
        tuple(tf.constant(part) for part in table),
        tf.ones([len(limits), SOURCE], tf.bool),
        Constraints(tf.constant(limits, tf.int32), phrases=wanted, **more),
        bos=BOS,
        eos=EOS,
        size=size,
        n_best=n_best,
        penalties=penalties,
        pruning=pruning,
    )
    return beam.run(tf.zeros([len(limits)], tf.int32))


def words(found, row, place=0):
    return found.tokens.numpy()[row, place, : int(found.lengths[row, place])].tolist()


def log_probability(table, row, t, last, word):
    scores = table[0][row, t, last].astype(np.float64)
    return scores[word] - np.log(np.exp(scores).sum())


def exhaustive(table, row, limit, phrases, penalties):
    """The best rank of each translation with all phrases, over all ways to say which of its tokens are theirs."""
    found = {}

    def walk(t, last, tokens, progress, rank):
        begun = [n for n, phrase in enumerate(phrases) if 0 < progress[n] < len(phrase)]
        whole = all(progress[n] == len(phrase) for n, phrase in enumerate(phrases))

        def keep(rank, count):
            divisor = ((5 + count) / 6) ** penalties.length
            found[tuple(tokens)] = max(found.get(tuple(tokens), -np.inf), rank / divisor)

        if t == limit:
            if whole:
                keep(rank, t)
            return
        if whole and not begun:
            keep(rank + log_probability(table, row=row, t=t, last=last, word=EOS), t + 1)
        for n, phrase in enumerate(phrases):
            if n in begun or (not begun and progress[n] == 0):
                word = phrase[progress[n]]
                given = (1 - phrase_beam._GIVEN) * log_probability(table, row=row, t=t, last=last, word=word)
                walk(
                    t + 1,
                    last=word,
                    tokens=[*tokens, word],
                    progress=[p + (m == n) for m, p in enumerate(progress)],
                    rank=rank + given,
                )
        if not begun:
            for word in WRITTEN:
                walk(
                    t + 1,
                    last=word,
                    tokens=[*tokens, word],
                    progress=progress,
                    rank=rank + log_probability(table, row=row, t=t, last=last, word=word),
                )

    walk(0, last=BOS, tokens=[], progress=[0] * len(phrases), rank=0.0)
    return sorted(((rank, list(tokens)) for tokens, rank in found.items()), reverse=True)


@pytest.mark.parametrize("penalties", [Penalties(), Penalties(length=1.0)], ids=str)
@pytest.mark.parametrize("seed", range(2))
def test_a_beam_as_wide_as_the_space_finds_what_exhaustive_search_finds(seed, penalties):
    table, limits = tables(seed, 4, 4), [4, 3, 4, 2]
    phrases = [[[5, 6]], [[4], [4]], [], [[6]]]
    found = search(table, limits, [[(each, UNKNOWN) for each in row] for row in phrases], 600, penalties=penalties)
    for row, limit in enumerate(limits):
        rank, expected = exhaustive(table, row=row, limit=limit, phrases=phrases[row], penalties=penalties)[0]
        assert words(found, row) == expected
        assert float(found.ranks[row, 0]) == pytest.approx(rank, abs=1e-4)


@pytest.mark.parametrize("size", [4, 6])
def test_every_phrase_is_there_and_scores_are_those_of_teacher_forcing(size):
    table, limits = tables(5, 5, 8), [8, 7, 8, 6, 8]
    phrases = [[[5, 6, 4]], [[4], [6]], [[6, 6, 6]], [[5, 5], [4]], [[4, 5]]]
    found = search(table, limits, [[(each, UNKNOWN) for each in row] for row in phrases], size)
    for row, wanted in enumerate(phrases):
        written = words(found, row)
        text = " ".join(map(str, written))
        for phrase in wanted:
            assert " ".join(map(str, phrase)) in text
        read = [BOS, *written]
        ended = [*written, EOS][: len(written) + (len(written) < limits[row])]
        scores = [log_probability(table, row=row, t=t, last=read[t], word=word) for t, word in enumerate(ended)]
        assert float(found.scores[row, 0]) == pytest.approx(sum(scores), abs=1e-4)
        np.testing.assert_allclose(found.token_scores[row, 0, : len(scores)], scores, atol=1e-4)


@pytest.mark.parametrize("pruning", [None, Pruning(margin=2.0, patience=1.0)], ids=str)
def test_rows_without_phrases_are_searched_as_without_this_class(pruning):
    table, limits = tables(9, 4, 6), [6, 3, 0, 5]
    penalties = Penalties(length=0.6, coverage=0.2)
    rows = [[], [([5, 6], UNKNOWN)], [], []]
    found = search(
        table, limits=limits, phrases=rows, size=5, n_best=3, penalties=penalties, pruning=pruning, min_length=1
    )
    same = search(
        table, limits=limits, phrases=None, size=5, n_best=3, penalties=penalties, pruning=pruning, min_length=1
    )
    for row in (0, 2, 3):
        for one, two in zip(found, same, strict=True):
            np.testing.assert_allclose(one[row], two[row], atol=1e-5)


def even(steps, weights):
    """All words are even; each step looks at the source token that ``weights`` names for it."""
    scores = np.zeros([1, steps, VOCABULARY, VOCABULARY], np.float32)
    looks = np.zeros([1, steps, VOCABULARY, SOURCE], np.float32)
    for step, place in enumerate(weights):
        looks[0, step, :, place] = 1
    return scores, looks


def test_a_phrase_begins_where_its_source_is_looked_at():
    # Step 2 looks at token 4; the end is unlikely before it, and likely after three words.
    scores, looks = even(6, [0, 1, 4, 2, 2, 2])
    scores[0, :3, :, EOS] = -9
    scores[0, 3:, :, EOS] = 9
    found = search((scores, looks), [6], [[([6], (4, 5))]], 8)
    assert words(found, 0)[2] == 6 and len(words(found, 0)) == 3
    # In the middle of a word it does not begin, though it is looked at: it waits for the end.
    scores[0, 2, :, 5] = 5
    starts = [True] * VOCABULARY
    starts[5] = False
    found = search((scores, looks), [6], [[([6], (4, 5))]], 8, starts=starts)
    assert words(found, 0)[2:] == [5, 6]


def test_what_is_looked_at_again_after_a_phrase_costs():
    # Steps 1 to 3 look at token 4: a phrase there, and two other words, of which one is an article's.
    scores, looks = even(5, [0, 4, 4, 4, 0])
    scores[0, :4, :, EOS] = -1
    scores[0, 4, :, EOS] = 9
    found = search((scores, looks), [5], [[([6], (4, 5))]], 8)
    assert len(words(found, 0)) < 4  # at an even chance it would not end before the fourth word
    unlooked = search((scores, looks * 0), [5], [[([6], UNKNOWN)]], 8)
    assert float(found.ranks[0, 0]) <= float(unlooked.ranks[0, 0])


def test_phrases_are_needed():
    with pytest.raises(ValueError, match="no phrases"):
        PhraseBeamSearch(
            table_step, (), tf.ones([1, 1], tf.bool), Constraints(tf.constant([1])), bos=BOS, eos=EOS, size=2
        )
