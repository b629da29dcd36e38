"""The hidden Markov model, against every alignment of a small pair counted one by one."""

import itertools

import numpy as np

from nmt.linking.hidden_markov import (
    NULL,
    Expectations,
    HiddenMarkovModel,
    batches_of_pairs,
    digamma,
    expected_links,
    posteriors,
    train_hidden_markov,
)

SOURCE, TARGET, WORDS = 3, 4, 5


def _model(random: np.random.Generator) -> HiddenMarkovModel:
    keys = np.array([source * WORDS + target for source in range(1, SOURCE + 1) for target in range(1, TARGET + 1)])
    lexicon, unlinked = random.uniform(0.1, 1, len(keys)), random.uniform(0.1, 1, WORDS)
    return HiddenMarkovModel(
        keys,
        lexicon=lexicon,
        unlinked=unlinked,
        jumps=random.uniform(0.1, 1, [WORDS, 21]),
        first=random.uniform(0.1, 1, 11),
    )


def _counted(model: HiddenMarkovModel) -> tuple[np.ndarray, np.ndarray]:
    """Return posteriors and jumps by the sum over all sequences of states: (source position, linked or not)."""
    found, jumped, total = np.zeros([TARGET, SOURCE]), np.zeros_like(model.jumps), 0.0
    lexicon = dict(zip(model.keys.tolist(), model.lexicon, strict=True))
    states = list(itertools.product(range(SOURCE), (True, False)))
    first = model.first[:SOURCE] / model.first[:SOURCE].sum()
    for path in itertools.product(states, repeat=TARGET):
        likely, before = 1.0, None
        for i, (place, linked) in enumerate(path):
            word = i + 1
            if before is None:
                likely *= first[place]
            elif linked:
                jumps = model.jumps[word - 1]
                likely *= jumps[place - before + 10] / sum(jumps[j - before + 10] for j in range(SOURCE))
            elif place != before:
                likely = 0.0
            likely *= (1 - NULL) * lexicon[(place + 1) * WORDS + word] if linked else NULL * model.unlinked[word]
            before = place
        total += likely
        for i, (place, linked) in enumerate(path):
            found[i, place] += likely * linked
            if i and linked:
                jumped[i, place - path[i - 1][0] + 10] += likely
    return found / total, jumped / total


def test_posteriors_are_those_of_all_alignments_and_padding_changes_nothing() -> None:
    model = _model(np.random.default_rng(1))
    sentence = [np.arange(1, SOURCE + 1), np.arange(1, TARGET + 1)]
    (alone,) = batches_of_pairs([sentence[0]], [sentence[1]])
    expected, jumped = _counted(model)
    counts = Expectations(model)
    np.testing.assert_allclose(expected_links(model, alone, counts)[0], expected, rtol=1e-9)
    np.testing.assert_allclose(counts.jumps, jumped, rtol=1e-9)
    np.testing.assert_allclose(counts.first[:SOURCE], expected[0], rtol=1e-9)
    longer = [np.array([1, 2, 3, 1, 2]), np.array([4, 3, 2, 1, 1, 2, 3])]
    (both,) = batches_of_pairs([longer[0], sentence[0]], [longer[1], sentence[1]])
    row = both.rows.tolist().index(1)
    found = posteriors(model, both)[row]
    np.testing.assert_allclose(found[:TARGET, :SOURCE], expected, rtol=1e-9)
    assert not found[TARGET:].any() and not found[:, SOURCE:].any()


def test_it_learns_what_occurs_together_and_where_it_goes() -> None:
    """Source ``a b``, target ``B' the A'``: after "the" the link does not move, whatever the nouns are."""
    the = 1
    nouns = list(itertools.permutations(range(2, 8), 2))
    corpus = batches_of_pairs([np.array([a, b]) for a, b in nouns], [np.array([b, the, a]) for a, b in nouns])
    model = train_hidden_markov(corpus, 8)
    for batch in corpus:
        found = posteriors(model, batch).argmax(2)
        assert (found[:, [0, 2]] == [1, 0]).all()
    assert model.jumps[the].argmax() == 10


def test_digamma_follows_its_recurrence() -> None:
    x = np.array([0.01, 0.5, 3.0, 70.0])
    np.testing.assert_allclose(digamma(x + 1), digamma(x) + 1 / x, atol=1e-7)


def test_pairs_with_a_side_without_words_are_left_out() -> None:
    empty = np.array([], np.int32)
    assert batches_of_pairs([empty, np.array([1])], [np.array([1]), empty]) == []
