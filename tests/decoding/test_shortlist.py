"""A search among listed tokens: the whole search if all are listed, and otherwise never a token that is not."""

import numpy as np
import pytest
import tensorflow as tf

from nmt.config import Config, Decoding, with_settings
from nmt.decoding.constraints import Constraints
from nmt.decoding.ensemble import Ensemble
from nmt.decoding.sampling import random_numbers
from nmt.decoding.shortlist import SPECIAL, Shortlist
from nmt.decoding.strategies import search
from nmt.models.build import build_model

BOS, EOS, SOURCES, TARGETS, LIMIT = 2, 3, 23, 31, 11
SOURCE = np.array([[7, 5, 11, 3, 0], [13, 17, 19, 6, 3], [9, 3, 0, 0, 0]])
STRATEGIES = {
    "greedy": Decoding(max_length=LIMIT),
    "beam": Decoding(beam=3, n_best=2, length_penalty=1.0, max_length=LIMIT, no_repeat=2),
    "sampling": Decoding(sample=True, n_best=2, temperature=2.0, max_length=LIMIT),
}
NOTHING = np.zeros([SOURCES, 0], np.int32)


SMALL = ["model.units=8", "model.embedding=7", "model.attention_units=5", "model.tied=none"]


def model(seed, settings=SMALL):
    made = build_model(with_settings(Config(), settings), SOURCES, TARGETS)
    rng = np.random.default_rng(seed)
    # Large weights, so that there are no near-ties.
    made.set_weights([rng.normal(scale=0.7, size=weight.shape) for weight in made.get_weights()])
    return made


def found(network, strategy, shortlist=None, rows=slice(None), prefix=None):
    source = tf.constant(SOURCE[rows])
    limits = tf.constant([LIMIT, LIMIT - 2, LIMIT - 4][rows])
    constraints = Constraints(limits, prefix=prefix, no_repeat=STRATEGIES[strategy].no_repeat, unknown=1)
    return search(
        network,
        settings=STRATEGIES[strategy],
        memory=network.encode(source),
        mask=source > 3,
        constraints=constraints,
        numbers=tf.constant(random_numbers(5, range(3), 2 * LIMIT)[rows]),
        bos=BOS,
        eos=EOS,
        selection=shortlist.select(source, constraints) if shortlist else None,
    )


def same(some, others):
    for one, other in zip(some, others, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_list_of_all_tokens_is_a_search_without_one(strategy):
    network = model(1)
    same(found(network, strategy, Shortlist(NOTHING, np.arange(TARGETS), TARGETS)), found(network, strategy))


TRANSFORMER = ["model.architecture=transformer", "model.units=8", "model.embedding=8", "model.heads=2"]


@pytest.mark.parametrize("settings", [[*SMALL, "model.tied=output", "model.embedding=8"], TRANSFORMER])
def test_a_tied_output_and_a_transformer(settings):
    network = model(2, settings)
    same(found(network, "beam", Shortlist(NOTHING, np.arange(TARGETS), TARGETS)), found(network, "beam"))


# Token s of the source calls for s + 2 and s + 9; 4 is for all.
CALLED = np.zeros([SOURCES, 2], np.int32)
CALLED[SPECIAL:21] = np.arange(SPECIAL, 21)[:, None] + [2, 9]
LISTED = Shortlist(CALLED, np.array([4], np.int32), TARGETS)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_row_has_tokens_of_its_own_list_and_does_not_depend_on_its_neighbours(strategy):
    network = model(3)
    together = found(network, strategy, LISTED)
    for row, source in enumerate(SOURCE):
        own = {0, EOS, 4} | {int(token) + more for token in source if token > 3 for more in (2, 9)}
        assert set(np.unique(together.tokens[row])) <= own
        alone = found(network, strategy, LISTED, slice(row, row + 1))
        steps = alone.tokens.shape[2]  # of a batch there are as many as its longest row needs
        assert alone.tokens.numpy().tolist() == together.tokens[row : row + 1, :, :steps].numpy().tolist()
        np.testing.assert_allclose(alone.scores, together.scores[row : row + 1], atol=1e-5)


def test_probabilities_are_those_of_the_listed_tokens_among_themselves():
    network = model(4)
    first = found(network, "greedy", LISTED)
    memory = network.encode(tf.constant(SOURCE))
    logits, _, _ = network.step(tf.fill([3], BOS), network.initial_state(memory, LIMIT), memory)
    for row, source in enumerate(SOURCE):
        own = [0, 1, 2, 3, 4, *sorted({int(token) + more for token in source if token > 3 for more in (2, 9)})]
        among = tf.nn.log_softmax(tf.gather(logits[row], own)).numpy()
        assert float(first.token_scores[row, 0, 0]) == pytest.approx(among[3:].max(), abs=1e-5)


def test_a_prefix_is_written_even_if_it_is_not_listed():
    prefix = tf.constant([[30, 29], [4, 0], [0, 0]])
    for strategy in ("greedy", "beam"):
        written = found(model(5), strategy, LISTED, prefix=prefix).tokens.numpy()
        assert written[0, 0, :2].tolist() == [30, 29] and written[1, 0, 0] == 4
        assert not {29, 30} & set(np.unique(written[1:]))


def test_models_that_are_searched_as_one_have_one_list():
    whole = Shortlist(NOTHING, np.arange(TARGETS), TARGETS)
    both = Ensemble([model(6), model(7)])
    same(found(both, "beam", whole), found(both, "beam"))
    alone, twice = model(8), Ensemble([model(8), model(8)])
    same(found(twice, "greedy", LISTED), found(alone, "greedy", LISTED))


def test_without_rows_there_is_no_selection_but_the_common_one():
    constraints = Constraints(tf.zeros([0], tf.int32))
    selection = LISTED.select(tf.zeros([0, 5], tf.int32), constraints)
    assert selection.listed.shape[0] == 0
