"""Beam search against exhaustive search, greedy search, scores under teacher forcing, and tables with known answers."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.decoding.beam import BeamSearch, Penalties, Pruning
from nmt.decoding.constraints import Constraints
from nmt.decoding.history import ARRAYS, DENSE, BoundedHistory
from nmt.decoding.search import greedy

PAD, UNK, BOS, EOS, VOCABULARY, SOURCE = 0, 1, 2, 3, 7, 5
WRITTEN = [UNK, 4, 5, 6]


def table_step(tokens, state, memory):
    """Read the scores of row b at time t after word w from ``memory[0][b, t, w]``; the state counts the steps."""
    scores, weights = memory
    now = tf.gather(scores, state, batch_dims=1)
    weights = tf.gather(tf.gather(weights, state, batch_dims=1), tokens, batch_dims=1)
    return tf.gather(now, tokens, batch_dims=1), state + 1, weights


def tables(seed, rows, steps):
    """Scores that rule out nothing, and an alignment that differs with time and with the word before."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=[rows, steps, VOCABULARY, VOCABULARY]) * 2
    weights = rng.dirichlet(np.ones(SOURCE), size=[rows, steps, VOCABULARY])
    return scores.astype(np.float32), weights.astype(np.float32)


def search(table, limits, size, n_best=1, penalties=None, pruning=None, history=ARRAYS, **constraints):
    beam = BeamSearch(
        table_step,
        memory=tuple(tf.constant(part) for part in table),
        mask=tf.ones([len(limits), SOURCE], tf.bool),
        constraints=Constraints(tf.constant(limits, tf.int32), **constraints),
        bos=BOS,
        eos=EOS,
        size=size,
        n_best=n_best,
        penalties=penalties,
        pruning=pruning,
        history=history,
    )
    return beam.run(tf.zeros([len(limits)], tf.int32))


def token_scores_and_alignment(table, row, words, ended):
    """The score of each word, the end's too if it was written, and the alignment, in plain Python."""
    scores, weights = (part[row].astype(np.float64) for part in table)
    last, found, seen = BOS, [], []
    for t, word in enumerate([*words, EOS] if ended else words):
        found.append(scores[t, last, word] - np.log(np.exp(scores[t, last]).sum()))
        seen.append(weights[t, last])
        last = word
    return found, np.array(seen[: len(words)]).reshape(-1, SOURCE)


def divisor(words, penalties):
    return words**penalties.length if penalties.plain else ((5 + words) / 6) ** penalties.length


def rank(table, row, words, ended, penalties):
    found, seen = token_scores_and_alignment(table, row, words, ended)
    covered = np.minimum(seen.sum(0), 1) if words else np.full(SOURCE, 1e-30)
    return sum(found) / divisor(len(found), penalties) + penalties.coverage * np.log(covered).sum()


def everything(limit):
    """All translations there are: with an end, or as long as may be."""
    for length in range(limit + 1):
        for words in itertools.product(WRITTEN, repeat=length):
            yield list(words), length < limit


def exhaustive(table, row, limit, penalties, allowed=lambda words, ended: True):
    ranked = [
        (rank(table, row=row, words=words, ended=ended, penalties=penalties), words)
        for words, ended in everything(limit)
        if allowed(words, ended)
    ]
    return sorted(ranked, reverse=True)


def hypothesis(found, row, place):
    length = int(found.lengths[row, place])
    tokens = found.tokens.numpy()[row, place].tolist()
    assert not any(tokens[length:])
    return tokens[:length]


PENALTIES = [
    Penalties(),
    Penalties(length=1.0),
    Penalties(length=0.6, coverage=0.2),
    Penalties(length=1.0, plain=True),
    Penalties(coverage=0.5),
]
PRUNINGS = [Pruning(), Pruning(margin=2.0), Pruning(patience=1.0), Pruning(margin=0.5, patience=1.5)]


@pytest.mark.parametrize("penalties", PENALTIES, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_a_beam_as_wide_as_the_space_finds_what_exhaustive_search_finds(seed, penalties):
    table, limits = tables(seed, 3, 4), [4, 2, 3]
    found = search(table, limits, size=200, n_best=5, penalties=penalties)
    for row, limit in enumerate(limits):
        for place, (value, words) in enumerate(exhaustive(table, row, limit, penalties)[:5]):
            assert hypothesis(found, row, place) == words
            assert float(found.ranks[row, place]) == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_a_beam_of_one_is_greedy(seed):
    table, limits = tables(seed, 5, 6), [6, 3, 0, 1, 5]
    mine = search(table, limits, size=1)
    memory = tuple(tf.constant(part) for part in table)
    other = greedy(
        table_step,
        state=tf.zeros([5], tf.int32),
        memory=memory,
        source=SOURCE,
        constraints=Constraints(tf.constant(limits)),
        bos=BOS,
        eos=EOS,
    )
    for one, two in zip(mine, other, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


@given(
    seed=st.integers(0, 999),
    size=st.integers(1, 6),
    limits=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    penalties=st.sampled_from(PENALTIES),
    pruning=st.sampled_from(PRUNINGS),
    no_repeat=st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_scores_and_alignments_are_those_of_teacher_forcing(seed, size, limits, penalties, pruning, no_repeat):
    table = tables(seed, len(limits), 6)
    found = search(
        table, limits=limits, size=size, n_best=size, penalties=penalties, pruning=pruning, no_repeat=no_repeat
    )
    for row, limit in enumerate(limits):
        assert sorted(found.ranks.numpy()[row], reverse=True) == found.ranks.numpy()[row].tolist()
        seen = set()
        for place in range(size):
            if not np.isfinite(found.ranks[row, place]):
                continue
            words = hypothesis(found, row, place)
            seen.add(tuple(words))
            scores, weights = token_scores_and_alignment(table, row, words, ended=len(words) < limit)
            assert float(found.scores[row, place]) == pytest.approx(sum(scores), abs=1e-4)
            np.testing.assert_allclose(found.token_scores[row, place, : len(scores)], scores, atol=1e-4)
            assert not found.token_scores.numpy()[row, place, len(scores) :].any()
            np.testing.assert_allclose(found.alignment[row, place, : len(words)], weights, atol=1e-6)
            assert not found.alignment.numpy()[row, place, len(words) :].any()
            if limit:
                expected = rank(table, row=row, words=words, ended=len(words) < limit, penalties=penalties)
                assert float(found.ranks[row, place]) == pytest.approx(expected, rel=1e-4, abs=1e-4)
        assert len(seen) == np.isfinite(found.ranks.numpy()[row]).sum()  # none twice


@given(
    seed=st.integers(0, 999),
    size=st.integers(1, 5),
    limits=st.lists(st.integers(0, 6), max_size=4),
    penalties=st.sampled_from(PENALTIES),
    no_repeat=st.integers(0, 2),
)
@settings(max_examples=20, deadline=None)
def test_both_histories_give_the_same(seed, size, limits, penalties, no_repeat):
    table = tables(seed, len(limits), 6)
    found = [
        search(table, limits=limits, size=size, n_best=size, penalties=penalties, history=history, no_repeat=no_repeat)
        for history in (ARRAYS, DENSE)
    ]
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_search_that_xla_compiled_gives_the_same_and_zeros_behind():
    table, limits, penalties = tables(5, 4, 6), [6, 0, 3, 5], Penalties(1.0, coverage=0.3)

    def run(history):
        return search(
            table,
            limits=limits,
            size=3,
            n_best=2,
            penalties=penalties,
            pruning=Pruning(margin=4.0),
            history=history,
            no_repeat=2,
        )

    compiled = tf.function(lambda: run(BoundedHistory(8)), jit_compile=True, autograph=False)
    for plain, found in zip(run(ARRAYS), compiled(), strict=True):
        found = found.numpy()
        if found.ndim > 2:
            assert found.shape[2] == 8 and not found[:, :, 6:].any()
            found = found[:, :, :6]
        np.testing.assert_allclose(found, plain, atol=1e-5)


@given(
    seed=st.integers(0, 999),
    size=st.integers(1, 5),
    limits=st.lists(st.integers(0, 6), min_size=1, max_size=5),
    chosen=st.integers(0, 4),
    penalties=st.sampled_from(PENALTIES),
    pruning=st.sampled_from(PRUNINGS),
)
@settings(max_examples=30, deadline=None)
def test_a_row_alone_is_as_in_a_batch(seed, size, limits, chosen, penalties, pruning):
    table, row = tables(seed, len(limits), 6), chosen % len(limits)
    together = search(table, limits=limits, size=size, n_best=size, penalties=penalties, pruning=pruning)
    alone = search(
        tuple(part[row : row + 1] for part in table),
        limits=limits[row : row + 1],
        size=size,
        n_best=size,
        penalties=penalties,
        pruning=pruning,
    )
    longest = limits[row]
    np.testing.assert_array_equal(together.tokens[row, :, :longest], alone.tokens[0])
    np.testing.assert_allclose(together.ranks[row], alone.ranks[0], atol=1e-5)
    np.testing.assert_allclose(together.alignment[row, :, :longest], alone.alignment[0], atol=1e-6)


def test_a_wider_beam_finds_what_greedy_search_passes_by():
    # After the start, 4 has .6 and 5 has .4; after 4 all is even (six words at 1/7 and the end too), after 5 the end
    # has .9. Greedy: .6 / 7; the other hypothesis: .4 * .9 = .36.
    table = np.full([1, 2, VOCABULARY, VOCABULARY], 1 / 7)
    table[0, 0, BOS] = [0, 0, 0, 0, 0.6, 0.4, 0]
    table[0, 1, 5] = [0, 0.1, 0, 0.9, 0, 0, 0]
    table = (np.log(np.maximum(table, 1e-9)).astype(np.float32), np.ones([1, 2, VOCABULARY, SOURCE], np.float32))
    assert hypothesis(search(table, [2], 1), 0, 0)[0] == 4
    found = search(table, [2], 2)
    assert hypothesis(found, 0, 0) == [5]
    assert float(found.scores[0, 0]) == pytest.approx(np.log(0.36), abs=1e-4)


def chain(after):
    """A table that is the same at all times: word -> {next word: probability}."""
    table = np.full([1, 6, VOCABULARY, VOCABULARY], 1e-9)
    for word, nexts in after.items():
        for following, probability in nexts.items():
            table[0, :, word, following] = probability
    return np.log(table).astype(np.float32), np.ones([1, 6, VOCABULARY, SOURCE], np.float32)


LONGER = chain({BOS: {4: 0.5, 5: 0.5}, 4: {EOS: 0.5, 5: 0.5}, 5: {6: 0.9, EOS: 0.1}, 6: {EOS: 0.98, 4: 0.02}})


def test_a_length_penalty_favours_the_longer():
    # [4]: .5 * .5 = .25, ln = -1.386, 2 tokens with the end; [5 6]: .5 * .9 * .98 = .441, ln = -0.819, the best anyway.
    # [4 5 6]: .5 * .5 * .9 * .98 = .2205, ln = -1.512, 4 tokens: below [4] by itself, above it as a mean of its words,
    # -1.512 / 4 = -0.378 against -1.386 / 2 = -0.693.
    plain = search(LONGER, [6], 4, 3)
    assert [hypothesis(plain, 0, place) for place in range(3)] == [[5, 6], [4], [4, 5, 6]]
    mean = search(LONGER, limits=[6], size=4, n_best=3, penalties=Penalties(length=1.0, plain=True))
    assert [hypothesis(mean, 0, place) for place in range(3)] == [[5, 6], [4, 5, 6], [4]]
    assert float(mean.ranks[0, 1]) == pytest.approx(np.log(0.2205) / 4, abs=1e-4)


def test_a_coverage_penalty_favours_hypotheses_that_attend_to_every_source_token():
    # [4] and [5] are as likely; 4 attends to one source token alone, 5 to all five evenly.
    scores, weights = chain({BOS: {4: 0.5, 5: 0.5}, 4: {EOS: 1.0}, 5: {6: 1.0}, 6: {EOS: 1.0}})
    weights = np.full_like(weights, 0.2)
    weights[:, 0] = [1, 0, 0, 0, 0]  # at first both attend to the first token; 5 then attends to all
    found = search((scores, weights), limits=[6], size=3, n_best=2, penalties=Penalties(coverage=0.1))
    # 4: log(1) + 4 log(1e-30); [5 6]: the first word has 1 + .2, the others .2: 4 log .2 = -6.44.
    assert hypothesis(found, 0, 0) == [5, 6]
    assert float(found.ranks[0, 0]) == pytest.approx(np.log(0.5) + 0.1 * 4 * np.log(0.2), abs=1e-3)


def test_it_stops_when_nothing_can_be_beaten():
    calls = []

    def counted(tokens, state, memory):
        calls.append(1)
        return table_step(tokens, state, memory)

    # [4] has .9 * .9; what lives on after the second step has at most .9 * .1.
    scores, weights = chain({BOS: {4: 0.9, 5: 0.1}, 4: {EOS: 0.9, 5: 0.1}, 5: {5: 1.0}})
    memory = (tf.constant(scores), tf.constant(weights))
    arguments = (memory, tf.ones([1, SOURCE], tf.bool), Constraints(tf.constant([6])))
    first = tf.zeros([1], tf.int32)
    found = BeamSearch(counted, *arguments, bos=BOS, eos=EOS, size=2).run(first)
    assert (hypothesis(found, 0, 0), len(calls)) == ([4], 2)
    calls.clear()
    # [4] ranks ln .81 / (7/6)^6 = -0.084. The other begins with ln .1 and could be sure of the rest: at the limit it
    # would rank ln .1 / (11/6)^6 = -0.061.
    BeamSearch(counted, *arguments, bos=BOS, eos=EOS, size=2, penalties=Penalties(length=6.0)).run(first)
    assert len(calls) == 6


def test_what_falls_too_far_behind_is_given_up():
    # After the start, 4 has .8 and 5 has .2, which is ln 4 = 1.386 below; after 4 all is even, after 5 the end has .9.
    # [4 and any word]: .8 / 7 = .114; [5]: .2 * .9 = .18.
    table = np.full([1, 2, VOCABULARY, VOCABULARY], 1 / 7)
    table[0, 0, BOS] = [0, 0, 0, 0, 0.8, 0.2, 0]
    table[0, 1, 5] = [0, 0.1, 0, 0.9, 0, 0, 0]
    table = (np.log(np.maximum(table, 1e-9)).astype(np.float32), np.ones([1, 2, VOCABULARY, SOURCE], np.float32))
    assert hypothesis(search(table, [2], 2, pruning=Pruning(margin=1.4)), 0, 0) == [5]
    given_up = search(table, [2], 2, pruning=Pruning(margin=1.3))
    assert hypothesis(given_up, 0, 0)[0] == 4
    assert float(given_up.scores[0, 0]) == pytest.approx(np.log(0.8 / 7), abs=1e-4)


def test_it_waits_no_longer_than_its_patience():
    calls = []

    def counted(tokens, state, memory):
        calls.append(1)
        return table_step(tokens, state, memory)

    # [4] and [5] are complete after two steps, with .3 each; [4 6] and [5 6] have .2 after three. By (5 + n) / 6 to the
    # sixth they rank ln .3 / (7/6)^6 = -0.477 and ln .2 / (8/6)^6 = -0.286.
    scores, weights = chain({BOS: {4: 0.5, 5: 0.5}, 4: {EOS: 0.6, 6: 0.4}, 5: {EOS: 0.6, 6: 0.4}, 6: {EOS: 1.0}})
    memory = (tf.constant(scores), tf.constant(weights))
    arguments = (memory, tf.ones([1, SOURCE], tf.bool), Constraints(tf.constant([6])))
    first = tf.zeros([1], tf.int32)
    found = BeamSearch(
        counted, *arguments, bos=BOS, eos=EOS, size=2, penalties=Penalties(length=6.0), pruning=Pruning(patience=1.0)
    ).run(first)
    assert (len(hypothesis(found, 0, 0)), len(calls)) == (1, 2)
    calls.clear()
    found = BeamSearch(
        counted, *arguments, bos=BOS, eos=EOS, size=2, penalties=Penalties(length=6.0), pruning=Pruning(patience=1.5)
    ).run(first)
    assert (len(hypothesis(found, 0, 0)), len(calls)) == (2, 3)
    assert float(found.ranks[0, 0]) == pytest.approx(np.log(0.2) / (8 / 6) ** 6, abs=1e-4)


def test_constraints_of_each_row():
    table, limits = tables(11, 3, 5), [5, 5, 4]
    min_length = tf.constant([0, 3, 2])
    prefix = tf.constant([[6, 4], [5, 0], [0, 0]])
    found = search(table, limits, 150, 3, min_length=min_length, prefix=prefix, no_repeat=1)

    for row, (limit, fewest, begins) in enumerate(zip(limits, [0, 3, 2], [[6, 4], [5], []], strict=True)):

        def allowed(words, ended, fewest=fewest, begins=begins):
            fits = words[: len(begins)] == begins and len(words) >= max(fewest, len(begins))
            return fits and len(set(words)) == len(words)

        expected = exhaustive(table, row=row, limit=limit, penalties=Penalties(), allowed=allowed)
        assert [hypothesis(found, row, place) for place in range(3)] == [words for _, words in expected[:3]]


@pytest.mark.parametrize("fewest", [1, 3])
def test_no_row_is_shorter_than_the_minimum(fewest):
    table, limits = tables(11, 3, 5), [5, 4, 1]
    found = search(table, limits, 150, 3, min_length=fewest)
    for row, limit in enumerate(limits):
        expected = exhaustive(
            table,
            row=row,
            limit=limit,
            penalties=Penalties(),
            allowed=lambda words, ended: not ended or len(words) >= fewest,
        )
        for place, (_, words) in enumerate(expected[:3]):
            assert hypothesis(found, row, place) == words


def test_where_there_are_fewer_hypotheses_than_wanted_the_rest_is_ranked_last():
    found = search(tables(1, 1, 1), [1], 9, 9)  # four words, or none
    assert np.isfinite(found.ranks.numpy()[0]).tolist() == [True] * 5 + [False] * 4


def test_no_rows_and_no_alignment():
    assert search(tables(2, 0, 3), [], 3, 2).alignment.shape == (0, 2, 0, SOURCE)

    def unaligned(tokens, state, memory):
        return *table_step(tokens, state, memory)[:2], tf.zeros([tf.size(tokens), 0])

    table = tables(3, 2, 4)
    memory, mask = tuple(map(tf.constant, table)), tf.zeros([2, 0], tf.bool)
    constraints = Constraints(tf.constant([4, 3]))
    beam = BeamSearch(unaligned, memory, mask, constraints, bos=BOS, eos=EOS, size=3, n_best=2)
    found = beam.run(tf.zeros([2], tf.int32))
    same = search(table, [4, 3], 3, 2)
    np.testing.assert_array_equal(found.tokens, same.tokens)
    assert found.alignment.shape == (2, 2, 4, 0)


def test_any_batch_in_a_graph():
    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, VOCABULARY, VOCABULARY]),
            tf.TensorSpec([None, None, VOCABULARY, None]),
            tf.TensorSpec([None], tf.int32),
        ]
    )
    def graph(scores, weights, limits):
        first = tf.zeros(tf.shape(limits), tf.int32)
        mask = tf.ones([tf.shape(limits)[0], tf.shape(weights)[3]], tf.bool)
        constraints = Constraints(limits, no_repeat=2)
        beam = BeamSearch(
            table_step,
            (scores, weights),
            mask,
            constraints,
            bos=BOS,
            eos=EOS,
            size=3,
            n_best=2,
            penalties=Penalties(length=1.0, coverage=0.1),
        )
        return beam.run(first)

    for limits in [[6, 2, 4], [5], [], [0, 0]]:
        table = tables(7, len(limits), steps=6)
        found = graph(*table, tf.constant(limits, tf.int32))
        same = search(
            table, limits=limits, size=3, n_best=2, penalties=Penalties(length=1.0, coverage=0.1), no_repeat=2
        )
        for one, two in zip(found, same, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-5)


@pytest.mark.parametrize("n_best", [0, 4])
def test_more_than_the_beam_holds_is_refused(n_best):
    with pytest.raises(ValueError, match="between 1 and the beam's size, 3"):
        search(tables(1, 1, 2), [2], 3, n_best)
