"""Attention, each kind against its equation in NumPy, cases by hand, and Keras's own layers."""

from functools import partial
from typing import get_args, get_type_hints

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.attention_kinds import ATTENTION_KINDS
from nmt.config import Model
from nmt.layers.attention import (
    ATTENTIONS,
    Attention,
    BahdanauAttention,
    ConcatAttention,
    CosineAttention,
    DotAttention,
    FixedContext,
    GeneralAttention,
    Memory,
    ScaledDotAttention,
    make_attention,
    masked_softmax,
)

BATCH, TARGET, SOURCE, QUERY, WIDTH, UNITS = 3, 2, 5, 7, 11, 13
MASK = np.arange(SOURCE) < np.array([[5], [2], [1]])
KINDS = {
    **{kind: partial(make_attention, kind, UNITS) for kind in ATTENTIONS},
    "two_heads": lambda: ScaledDotAttention(2 * UNITS, heads=2),
}
every_kind = pytest.mark.parametrize("kind", list(KINDS))
any_kind = st.sampled_from(list(KINDS))


def random(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def filled(rng, attention, query, width):
    """Build it and give every weight, biases too, a value of its own."""
    attention.build((None, query), (None, None, width))
    attention.set_weights([0.5 * random(rng, *weight.shape) for weight in attention.weights])
    return attention


def query_width(kind):
    return WIDTH if KINDS[kind]().needs_equal_width else QUERY


def built(rng, kind="bahdanau"):
    return filled(rng, KINDS[kind](), query_width(kind), WIDTH)


def given_to(rng, kind="bahdanau", target=()):
    """A query and values; ``target`` is ``(TARGET,)`` for many queries."""
    return random(rng, BATCH, *target, query_width(kind)), random(rng, BATCH, SOURCE, WIDTH)


SCORES = {
    "bahdanau": lambda s, h, w, u, v: v @ np.tanh(s @ w + h @ u),
    "dot": lambda s, h: s @ h,
    "general": lambda s, h, w: s @ w @ h,
    "concat": lambda s, h, w, v: v @ np.tanh(np.concatenate([s, h]) @ w),
    "cosine": lambda s, h, b: b * (s @ h) / np.sqrt((s @ s) * (h @ h)),
}


def shares(energies):
    """Equation 6."""
    total = sum(np.exp(e) for e in energies)
    return [np.exp(e) / total for e in energies]


def one_head(n, heads, weights, s, words):
    """Context before the last product, and weights, of head ``n``."""
    w_q, b_q, w_k, b_k, w_v, b_v, _, _ = weights
    d = len(b_q) // heads
    mine = slice(n * d, (n + 1) * d)
    q = (s @ w_q + b_q)[mine]
    a = shares([q @ (h @ w_k + b_k)[mine] / np.sqrt(d) for h in words])
    return sum(share * (h @ w_v + b_v)[mine] for share, h in zip(a, words, strict=True)), a


# The kinds whose equations stand here; a test sees to it that each kind has its own.
WITH_EQUATIONS = [*SCORES, "scaled_dot", "two_heads"]
every_equation = pytest.mark.parametrize("kind", WITH_EQUATIONS)


def test_every_kind_has_its_equation_here():
    assert set(WITH_EQUATIONS) == set(KINDS)


def attend_once(kind, weights, s, words):
    """Context and weights of one query for the real words of one row."""
    if kind in SCORES:
        a = shares([SCORES[kind](s, h, *weights) for h in words])
        return sum(share * h for share, h in zip(a, words, strict=True)), a
    heads = 2 if kind == "two_heads" else 1
    found = [one_head(n, heads=heads, weights=weights, s=s, words=words) for n in range(heads)]
    context = np.concatenate([context for context, _ in found]) @ weights[-2] + weights[-1]
    return context, np.mean([a for _, a in found], axis=0)


def by_equations(kind, attention, query, values, mask):
    """Equations 5 and 6 for one query at a time, with loops over the rows and words."""
    own = [weight.astype(np.float64) for weight in attention.get_weights()]
    contexts, weights = [], np.zeros(values.shape[:2])
    for b, real in enumerate(mask):
        words = values[b, real].astype(np.float64)
        context, weights[b, real] = attend_once(kind, own, query[b].astype(np.float64), words)
        contexts.append(context)
    return np.stack(contexts), weights


@every_equation
def test_follows_the_equations(kind):
    rng = np.random.default_rng(2)
    attention, (query, values) = built(rng, kind), given_to(rng, kind)
    context, weights = attention(query, values, values_mask=MASK)
    wanted_context, wanted_weights = by_equations(kind, attention=attention, query=query, values=values, mask=MASK)
    np.testing.assert_allclose(context, wanted_context, atol=2e-5)
    np.testing.assert_allclose(weights, wanted_weights, atol=2e-6)
    assert attention.context_width(WIDTH) == context.shape[-1]


@every_equation
def test_follows_the_equations_for_many_queries_at_once(kind):
    rng = np.random.default_rng(3)
    attention, (queries, values) = built(rng, kind), given_to(rng, kind, (TARGET,))
    contexts, weights = attention(queries, values, values_mask=MASK)
    assert contexts.shape == (BATCH, TARGET, attention.context_width(WIDTH))
    assert weights.shape == (BATCH, TARGET, SOURCE)
    for i in range(TARGET):
        wanted_context, wanted_weights = by_equations(
            kind, attention=attention, query=queries[:, i], values=values, mask=MASK
        )
        np.testing.assert_allclose(contexts[:, i], wanted_context, atol=2e-5)
        np.testing.assert_allclose(weights[:, i], wanted_weights, atol=2e-6)


@every_equation
def test_without_a_mask_every_word_is_real(kind):
    rng = np.random.default_rng(5)
    attention, (query, values) = built(rng, kind), given_to(rng, kind)
    wanted, _ = by_equations(kind, attention=attention, query=query, values=values, mask=np.ones([BATCH, SOURCE], bool))
    np.testing.assert_allclose(attention(query, values)[0], wanted, atol=2e-5)


def test_two_words_by_hand():
    # Let a = ln(3) / 2, so that tanh(a) = (3 - 1) / (3 + 1) = 1/2. With W and U the identity and v = (ln 3, ln 3):
    #   s = (a, 0), h_1 = (-a, 0): e_1 = v' tanh(0, 0) = 0               exp(e_1) = 1
    #               h_2 = (0, a):  e_2 = v' tanh(a, a) = v' (1/2, 1/2) = ln 3  exp(e_2) = 3
    # The weights are 1/4 and 3/4, and the context is 1/4 (-a, 0) + 3/4 (0, a) = (-a/4, 3a/4).
    a, three = np.log(3) / 2, np.log(3)
    attention = BahdanauAttention(2)
    attention.build((None, 2), (None, None, 2))
    attention.set_weights([np.eye(2), np.eye(2), np.array([three, three])])
    context, weights = attention(tf.constant([[a, 0.0]], tf.float32), tf.constant([[[-a, 0], [0, a]]], tf.float32))
    np.testing.assert_allclose(weights, [[0.25, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(context, [[-a / 4, 3 * a / 4]], rtol=1e-6)


def scores_of(attention, weights, queries, values):
    """The scores of two queries for two words: a row for each query."""
    queries, values = tf.constant([queries], tf.float32), tf.constant([values], tf.float32)
    attention.build(queries.shape, values.shape)
    attention.set_weights([np.array(weight, np.float32) for weight in weights])
    return attention.score(queries, attention.key(values)).numpy()[0]


def test_the_dot_of_two_vectors_by_hand():
    # (0.8, 0.2) . (0.7, 0.3) = 0.56 + 0.06 = 0.62, and . (0.2, 0.8) = 0.16 + 0.16 = 0.32;
    # (0, -1) picks the second number and turns its sign.
    found = scores_of(DotAttention(), [], [[0.8, 0.2], [0, -1]], [[0.7, 0.3], [0.2, 0.8]])
    np.testing.assert_allclose(found, [[0.62, 0.32], [-0.3, -0.8]], rtol=1e-6)


def test_the_general_score_by_hand():
    # W = (1 2; 0 3): W (3, 1) = (3 + 2, 3) = (5, 3) and W (-1, 4) = (-1 + 8, 12) = (7, 12).
    # (1, 2) . (5, 3) = 11 and . (7, 12) = 31; (0, -1) . (5, 3) = -3 and . (7, 12) = -12. The transpose of W would give
    # W' (3, 1) = (3, 9), hence 21.
    found = scores_of(GeneralAttention(), [[[1, 2], [0, 3]]], [[1, 2], [0, -1]], [[3, 1], [-1, 4]])
    np.testing.assert_allclose(found, [[11, 31], [-3, -12]], rtol=1e-6)


def test_the_additive_score_by_hand():
    # With a = ln(3) / 2: tanh(a) = (3 - 1) / (3 + 1) = 1/2 and tanh(2a) = (9 - 1) / (9 + 1) = 4/5. With W = U = a times
    # the identity and v = (1, 10), the score of s and h is tanh(a (s + h)_1) + 10 tanh(a (s + h)_2):
    #   (1, 0) + (1, -1) = (2, -1): 0.8 - 5 = -4.2        (1, 0) + (0, 1) = (1, 1): 0.5 + 5 = 5.5
    #   (0, 1) + (1, -1) = (1, 0):  0.5 + 0 = 0.5         (0, 1) + (0, 1) = (0, 2): 0 + 8 = 8
    eye = np.log(3) / 2 * np.eye(2)
    found = scores_of(BahdanauAttention(2), [eye, eye, [1, 10]], [[1, 0], [0, 1]], [[1, -1], [0, 1]])
    np.testing.assert_allclose(found, [[-4.2, 5.5], [0.5, 8.0]], rtol=1e-6)


def test_the_concat_score_by_hand():
    # As above, with W = (a I ; -a I), whose upper rows read the query and whose lower rows read the word, so that what
    # counts is s - h:
    #   (1, 0) - (1, -1) = (0, 1):  0 + 5 = 5             (1, 0) - (0, 1) = (1, -1): 0.5 - 5 = -4.5
    #   (0, 1) - (1, -1) = (-1, 2): -0.5 + 8 = 7.5        (0, 1) - (0, 1) = (0, 0):  0
    eye = np.log(3) / 2 * np.eye(2)
    kernel = np.concatenate([eye, -eye])
    found = scores_of(ConcatAttention(2), [kernel, [1, 10]], [[1, 0], [0, 1]], [[1, -1], [0, 1]])
    np.testing.assert_allclose(found, [[5.0, -4.5], [7.5, 0.0]], rtol=1e-6, atol=1e-6)


def test_the_cosine_score_by_hand():
    # |(3, 4)| = |(4, 3)| = 5: (3, 4) . (4, 3) / 25 = 24/25, and (3, 4) . (0, -2) / (5 * 2) = -8/10;
    # (1, 0) . (4, 3) / 5 = 4/5, and (1, 0) is at right angles to (0, -2). With b = 5 all five times as much.
    found = scores_of(CosineAttention(), [5], [[3, 4], [1, 0]], [[4, 3], [0, -2]])
    np.testing.assert_allclose(found, [[4.8, -4.0], [4.0, 0.0]], rtol=1e-5)


def test_scaled_dot_attention_by_hand():
    # All matrices the identity, so d = 2 and the scores are those of dot through sqrt(2):
    #   (sqrt(2) ln 3, 0): with h_1 = (1, 0) ln 3, with h_2 = (0, 1) 0; the weights are 3/4 and 1/4
    #   (0, sqrt(2) ln 7): 0 and ln 7; the weights are 1/8 and 7/8
    # As h_1 and h_2 are unit vectors, the contexts are the weights themselves.
    attention = ScaledDotAttention(2)
    attention.build((None, None, 2), (None, None, 2))
    attention.set_weights([np.eye(2), np.zeros(2)] * 4)
    queries = np.sqrt(2) * np.diag(np.log([3, 7]))
    contexts, weights = attention(tf.constant([queries], tf.float32), tf.constant([np.eye(2)], tf.float32))
    np.testing.assert_allclose(weights[0], [[0.75, 0.25], [0.125, 0.875]], rtol=1e-6)
    np.testing.assert_allclose(contexts[0], [[0.75, 0.25], [0.125, 0.875]], rtol=1e-6)


def attended(weights, values):
    """Attend to ``values`` with scores that are the logarithms of ``weights``: the query is the number one."""
    keys = tf.math.log(tf.constant(weights, tf.float32))[None, :, None]
    memory = Memory(tf.constant([values], tf.float32), keys, tf.ones([1, len(weights)], tf.bool))
    context, found = DotAttention().attend(tf.ones([1, 1]), memory)
    return context.numpy()[0], found.numpy()[0]


def test_a_weight_is_the_share_of_a_vector_in_the_context():
    # 0.7 (0.8, 0.2) = (0.56, 0.14); the other word has nothing to give.
    context, _ = attended([0.7, 0.3], [[0.8, 0.2], [0, 0]])
    np.testing.assert_allclose(context, [0.56, 0.14], rtol=1e-6)


def test_a_context_is_a_weighted_sum_by_hand():
    # 0.85 + 0.03 + 0.05 + 0.07 = 1, so the weights are their own softmax: exp(ln p) / 1 = p.
    # 0.85 (1, 0) + 0.03 (0, 1) + 0.05 (1, 1) + 0.07 (2, -1) = (0.85 + 0.05 + 0.14, 0.03 + 0.05 - 0.07) = (1.04, 0.01)
    given_weights = [0.85, 0.03, 0.05, 0.07]
    found = masked_softmax(tf.math.log(tf.constant([given_weights])), tf.ones([1, 4], tf.bool))
    np.testing.assert_allclose(found, [given_weights], rtol=1e-5)
    np.testing.assert_allclose(tf.reduce_sum(found), 1.0, rtol=1e-6)
    context, weights = attended(given_weights, [[1, 0], [0, 1], [1, 1], [2, -1]])
    np.testing.assert_allclose(weights, given_weights, rtol=1e-5)
    np.testing.assert_allclose(context, [1.04, 0.01], rtol=1e-5)


def test_the_softmax_is_spread_over_the_real_words_by_hand():
    # exp(ln 2) = 2 and exp(ln 3) = 3 share the whole as 2/5 and 3/5; the third word would have had the most.
    scores = tf.math.log(tf.constant([[2.0, 3.0, 95.0]]))
    np.testing.assert_allclose(masked_softmax(scores, tf.constant([[True, True, False]])), [[0.4, 0.6, 0]], rtol=1e-6)


def with_gradients(attend, given_, weights=()):
    """Context, weights, and the gradients of a loss of both, by what is given and by the layer's weights."""
    given_ = [tf.constant(part) for part in given_]
    with tf.GradientTape() as tape:
        tape.watch(given_)
        context, found = attend(*given_)
        loss = tf.reduce_sum(tf.sin(context)) + tf.reduce_sum(found * tf.range(found.shape[-1], dtype="float"))
    return [context, found, *tape.gradient(loss, [*given_, *weights])]


def assert_all_close(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, np.reshape(other, np.shape(one)), atol=1e-5, rtol=1e-5)
    assert all(np.abs(part).max() > 0 for part in found[:4])


def ours(attention, given_):
    return with_gradients(lambda q, v: attention(q, v, values_mask=MASK), given_, attention.trainable_weights)


def theirs(layer, inputs, given_, weights):
    """The same from a layer of Keras's, which reads ``[query, value, key]`` and projects nothing."""

    def attend(query, values):
        return layer(inputs(query, values), mask=[None, tf.constant(MASK)], return_attention_scores=True)

    return with_gradients(attend, given_, weights)


def theirs_built(layer, query, key=WIDTH, **weights):
    layer.build([(BATCH, TARGET, query), (BATCH, SOURCE, WIDTH), (BATCH, SOURCE, key)])
    for name, value in weights.items():
        getattr(layer, name).assign(value)
    return layer


def test_equals_kerass_additive_attention_with_the_same_weights():
    rng = np.random.default_rng(5)
    attention, given_ = built(rng), given_to(rng, target=(TARGET,))
    layer = theirs_built(keras.layers.AdditiveAttention(), UNITS, UNITS, scale=attention.score_vector)
    w, u = attention.query_kernel, attention.key_kernel
    wanted = theirs(layer, lambda q, v: [q @ w, v, v @ u], given_, [w, u, layer.scale])
    assert_all_close(ours(attention, given_), wanted)


def test_dot_equals_kerass_attention():
    rng = np.random.default_rng(7)
    attention, given_ = built(rng, "dot"), given_to(rng, "dot", (TARGET,))
    layer = theirs_built(keras.layers.Attention(), WIDTH)
    assert_all_close(ours(attention, given_), theirs(layer, lambda q, v: [q, v, v], given_, []))


def test_general_equals_kerass_attention_to_projected_keys():
    rng = np.random.default_rng(11)
    attention, given_ = built(rng, "general"), given_to(rng, "general", (TARGET,))
    layer, kernel = theirs_built(keras.layers.Attention(), QUERY, QUERY), attention.kernel
    wanted = theirs(layer, lambda q, v: [q, v, v @ tf.transpose(kernel)], given_, [kernel])
    assert_all_close(ours(attention, given_), wanted)


def test_cosine_equals_kerass_scaled_attention_to_unit_vectors():
    rng = np.random.default_rng(13)
    attention, given_ = built(rng, "cosine"), given_to(rng, "cosine", (TARGET,))
    layer = theirs_built(keras.layers.Attention(use_scale=True), WIDTH, scale=attention.strength)

    def inputs(query, values):
        return [tf.linalg.l2_normalize(query, -1), values, tf.linalg.l2_normalize(values, -1)]

    assert_all_close(ours(attention, given_), theirs(layer, inputs, given_, [layer.scale]))


def test_one_head_equals_kerass_scaled_attention_to_what_is_projected():
    rng = np.random.default_rng(17)
    attention, given_ = built(rng, "scaled_dot"), given_to(rng, "scaled_dot", (TARGET,))
    layer = theirs_built(keras.layers.Attention(use_scale=True), UNITS, UNITS, scale=UNITS**-0.5)
    w_q, b_q, w_k, b_k, w_v, b_v, w_o, b_o = weights = attention.trainable_weights

    def attend(q, v):
        inputs = [q @ w_q + b_q, v @ w_v + b_v, v @ w_k + b_k]
        mixed, found = layer(inputs, mask=[None, tf.constant(MASK)], return_attention_scores=True)
        return mixed @ w_o + b_o, found

    assert_all_close(ours(attention, given_), with_gradients(attend, given_, weights))


def test_concat_equals_kerass_concat_score_where_all_units_count_the_same():
    rng = np.random.default_rng(19)
    attention, given_ = built(rng, "concat"), given_to(rng, "concat", (TARGET,))
    attention.score_vector.assign(np.full(UNITS, 0.75))
    layer = theirs_built(keras.layers.Attention(score_mode="concat"), UNITS, UNITS, concat_score_weight=0.75)
    kernel = attention.kernel

    def inputs(query, values):
        upper, lower = tf.split(tf.convert_to_tensor(kernel), [QUERY, WIDTH])
        return [query @ upper, values, values @ lower]

    wanted = theirs(layer, inputs, given_, [kernel, layer.concat_score_weight])
    *found, vector = ours(attention, given_)
    assert_all_close([*found, tf.reduce_sum(vector)], wanted)


def test_concat_is_bahdanaus_score_with_both_matrices_in_one():
    rng = np.random.default_rng(23)
    attention, given_ = built(rng, "concat"), given_to(rng, "concat", (TARGET,))
    kernel, vector = attention.get_weights()
    split = BahdanauAttention(UNITS)
    split.build((None, QUERY), (None, None, WIDTH))
    split.set_weights([kernel[:QUERY], kernel[QUERY:], vector])
    context, weights, *by_inputs, by_query_kernel, by_key_kernel, by_vector = ours(split, given_)
    by_kernel = tf.concat([by_query_kernel, by_key_kernel], 0)
    assert_all_close(ours(attention, given_), [context, weights, *by_inputs, by_kernel, by_vector])


def theirs_of_many_heads(attention, query, width):
    layer = keras.layers.MultiHeadAttention(
        attention.heads, attention.units // attention.heads, output_shape=attention.units
    )
    layer.build((BATCH, TARGET, query), (BATCH, SOURCE, width))
    # In either, kernel and bias of query, key, value and output; Keras's have a dimension for the heads.
    layer.set_weights(
        [mine.reshape(other.shape) for mine, other in zip(attention.get_weights(), layer.weights, strict=True)]
    )
    return layer


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_equals_kerass_multi_head_attention(heads):
    rng = np.random.default_rng(29)
    attention = filled(rng, ScaledDotAttention(5 * heads, heads), QUERY, WIDTH)
    layer, given_ = theirs_of_many_heads(attention, QUERY, WIDTH), given_to(rng, target=(TARGET,))

    def attend(query, values):
        context, found = layer(
            query, values, attention_mask=tf.constant(MASK)[:, None], return_attention_scores=True, training=True
        )
        return context, tf.reduce_mean(found, 1)

    assert_all_close(ours(attention, given_), with_gradients(attend, given_, layer.trainable_weights))


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("padded", [False, True])
def test_self_attention_to_the_words_before_equals_kerass_causal_one(heads, padded):
    rng = np.random.default_rng(31)
    attention = filled(rng, ScaledDotAttention(5 * heads, heads), WIDTH, WIDTH)
    layer, words = theirs_of_many_heads(attention, WIDTH, WIDTH), random(rng, BATCH, SOURCE, WIDTH)
    real = MASK if padded else np.ones([BATCH, SOURCE], bool)
    causal = np.tril(np.ones([SOURCE, SOURCE], bool)) & real[:, None]

    def attend(words):
        return attention.attend(words, attention.remember(words, tf.constant(causal)))

    def their_attend(words):
        context, found = layer(
            words, words, attention_mask=real[:, None], use_causal_mask=True, return_attention_scores=True
        )
        return context, tf.reduce_mean(found, 1)

    found = with_gradients(attend, [words], attention.trainable_weights)
    assert (found[1].numpy()[~causal] == 0).all()
    assert_all_close(found, with_gradients(their_attend, [words], layer.trainable_weights))


@every_kind
def test_many_queries_at_once_are_as_each_alone(kind):
    rng = np.random.default_rng(7)
    attention, (queries, values) = built(rng, kind), given_to(rng, kind, (TARGET,))
    contexts, weights = attention(queries, values, values_mask=MASK)
    for i in range(TARGET):
        context, weight = attention(queries[:, i], values, values_mask=MASK)
        np.testing.assert_allclose(contexts[:, i], context, atol=1e-5)
        np.testing.assert_allclose(weights[:, i], weight, atol=1e-6)


@every_kind
def test_a_memory_made_once_gives_what_the_call_gives(kind):
    rng = np.random.default_rng(11)
    attention, (query, values) = built(rng, kind), given_to(rng, kind)
    memory = attention.remember(tf.constant(values), tf.constant(MASK))
    for one, other in zip(
        attention.attend(tf.constant(query), memory), attention(query, values, values_mask=MASK), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_what_does_not_depend_on_the_query_is_made_once():
    rng = np.random.default_rng(37)
    values = random(rng, BATCH, SOURCE, WIDTH)
    w, u = built(rng), built(rng, "general")
    np.testing.assert_allclose(w.remember(tf.constant(values)).keys, values @ w.get_weights()[1], atol=1e-5)
    np.testing.assert_allclose(u.remember(tf.constant(values)).keys, values @ u.get_weights()[0].T, atol=1e-5)
    keys = built(rng, "cosine").remember(tf.constant(values)).keys
    np.testing.assert_allclose(np.linalg.norm(keys, axis=-1), np.ones([BATCH, SOURCE]), atol=1e-5)


@given(
    kind=any_kind,
    lengths=st.lists(st.integers(0, SOURCE), min_size=1, max_size=4),
    target=st.sampled_from([(), (TARGET,)]),
    scale=st.sampled_from([0.0, 1.0, 50.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_weights_sum_to_one_over_real_words_and_are_zero_on_padding(kind, lengths, target, scale, seed):
    rng = np.random.default_rng(seed)
    mask = np.arange(SOURCE) < np.array(lengths)[:, None]
    attention, query = built(rng, kind), random(rng, len(lengths), *target, query_width(kind))
    values = scale * random(rng, len(lengths), SOURCE, WIDTH)
    context, weights = (part.numpy() for part in attention(query, values, values_mask=mask))
    for i in range(weights.size // mask.size):
        of_one = weights.reshape(len(lengths), -1, SOURCE)[:, i]
        assert (of_one[~mask] == 0).all()
        np.testing.assert_allclose(of_one.sum(-1), np.array(lengths) > 0, atol=1e-5)
    assert (weights >= 0).all()
    assert np.isfinite(context).all()


@given(
    kind=any_kind,
    lengths=st.lists(st.integers(1, SOURCE), min_size=1, max_size=3),
    padding=st.integers(0, 3),
    target=st.sampled_from([(), (TARGET,)]),
)
@settings(max_examples=30, deadline=None)
def test_a_row_never_depends_on_its_padding_or_its_neighbours(kind, lengths, padding, target):
    rng = np.random.default_rng(41)
    attention, query = built(rng, kind), random(rng, len(lengths), *target, query_width(kind))
    values = random(rng, len(lengths), SOURCE + padding, WIDTH)
    mask = np.arange(SOURCE + padding) < np.array(lengths)[:, None]
    contexts, weights = attention(query, values, values_mask=mask)
    for row, length in enumerate(lengths):
        context, alone = attention(query[row : row + 1], values[row : row + 1, :length])
        np.testing.assert_allclose(contexts[row], context[0], atol=1e-5)
        np.testing.assert_allclose(weights[row, ..., :length], alone[0], atol=1e-6)


@every_kind
def test_a_row_of_padding_sees_nothing_and_teaches_nothing(kind):
    rng = np.random.default_rng(13)
    attention = built(rng, kind)
    values = tf.constant(random(rng, 2, SOURCE, WIDTH))
    mask = tf.sequence_mask([0, 3], SOURCE)
    with tf.GradientTape() as tape:
        tape.watch(values)
        context, weights = attention(random(rng, 2, query_width(kind)), values, values_mask=mask)
        loss = tf.reduce_sum(context**2)
    gradients = tape.gradient(loss, [values, *attention.trainable_weights])
    # Heads end in a product with a bias, which is there with nothing to attend to.
    wanted = attention.output_bias if attention.has_heads else np.zeros(attention.context_width(WIDTH))
    np.testing.assert_allclose(context[0], wanted, atol=1e-6)
    np.testing.assert_array_equal(weights[0], np.zeros(SOURCE))
    np.testing.assert_array_equal(gradients[0][0], np.zeros([SOURCE, WIDTH]))
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert np.abs(gradients[0][1]).max() > 0


def test_the_softmax_takes_no_notice_of_what_is_masked_and_does_not_overflow():
    # exp(1000) is infinite, but only differences count: two equal scores share the whole.
    scores = tf.constant([[1000.0, 1000.0, 3000.0], [-1000.0, -np.inf, 7.0]])
    weights = masked_softmax(scores, tf.constant([[True, True, False], [True, True, False]]))
    np.testing.assert_array_equal(weights, [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])


def test_a_mask_of_an_embedding_arrives_by_itself():
    rng = np.random.default_rng(17)
    attention, query, ids = built(rng), random(rng, BATCH, QUERY), np.where(MASK, 3, 0)
    values = keras.layers.Embedding(5, WIDTH, mask_zero=True)(ids)
    _, weights = attention(query, values)
    _, wanted = attention(query, values.numpy(), values_mask=MASK)
    np.testing.assert_array_equal(weights, wanted)
    assert (weights.numpy()[~MASK] == 0).all()


@pytest.mark.parametrize("head", [None, 0, 1, 2])
def test_the_weights_are_those_of_one_head_or_the_mean_of_all(head):
    rng = np.random.default_rng(43)
    attention = filled(rng, ScaledDotAttention(15, 3, head), QUERY, WIDTH)
    query, values = given_to(rng)
    _, weights = attention(query, values)
    own = [weight.astype(np.float64) for weight in attention.get_weights()]
    for b in range(BATCH):
        each = [
            one_head(n, heads=3, weights=own, s=query[b].astype(np.float64), words=values[b].astype(np.float64))[1]
            for n in range(3)
        ]
        np.testing.assert_allclose(weights[b], np.mean(each, axis=0) if head is None else each[head], atol=1e-6)


def test_which_head_is_shown_changes_no_context():
    rng = np.random.default_rng(47)
    mean = filled(rng, ScaledDotAttention(6, 2), QUERY, WIDTH)
    second = filled(rng, ScaledDotAttention(6, 2, head=1), QUERY, WIDTH)
    second.set_weights(mean.get_weights())
    query, values = given_to(rng)
    np.testing.assert_array_equal(mean(query, values)[0], second(query, values)[0])


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_a_cosine_takes_no_notice_of_lengths(factor):
    rng = np.random.default_rng(53)
    attention, (query, values) = built(rng, "cosine"), given_to(rng, "cosine")
    _, wanted = attention(query, values)
    # A millionth under the root keeps zeros finite, and a vector 0.03 long is still sqrt(0.0009 / 0.000901) = 0.9994 of
    # itself.
    np.testing.assert_allclose(attention(factor * query, values)[1], wanted, atol=0.01 if factor < 1 else 1e-5)


def test_a_cosine_begins_with_a_strength_that_can_tell_words_apart():
    # Between the same direction and the opposite lie 16, so the weights are as exp(16) to 1.
    attention = CosineAttention()
    _, weights = attention(tf.constant([[3.0, 4.0]]), tf.constant([[[6.0, 8.0], [-3.0, -4.0]]]))
    np.testing.assert_allclose(weights, [[1.0, np.exp(-16)]], rtol=1e-3)


@every_kind
def test_computes_in_half_precision_nearly_the_same(kind):
    rng = np.random.default_rng(59)
    attention, (query, values) = built(rng, kind), given_to(rng, kind)
    config = attention.get_config()
    half = type(attention).from_config({**config, "dtype": "mixed_bfloat16"})
    half.build(query.shape, values.shape)
    half.set_weights(attention.get_weights())
    context, weights = half(query, values, values_mask=MASK)
    wanted, wanted_weights = attention(query, values, values_mask=MASK)
    assert context.dtype == weights.dtype == tf.bfloat16
    assert (weights.numpy()[~MASK] == 0).all()
    # Eight bits: a score of 10 is known to 0.04.
    np.testing.assert_allclose(tf.cast(weights, "float32"), wanted_weights, atol=0.05)
    np.testing.assert_allclose(tf.cast(context, "float32"), wanted, atol=0.15)


def arguments_of(kind, units=6, heads=2):
    return {name: value for name, value in (("units", units), ("heads", heads)) if getattr(kind, f"has_{name}")}


@pytest.mark.parametrize(
    "attention",
    [
        *[kind(name="mine", **arguments_of(kind)) for kind in (*ATTENTIONS.values(), FixedContext)],
        ScaledDotAttention(6, 3, 2, name="mine"),
    ],
    ids=lambda attention: type(attention).__name__,
)
def test_comes_back_from_its_config(attention):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(attention))
    assert type(again) is type(attention)
    assert again.get_config() == attention.get_config()
    assert again.name == "mine"
    for name in ("units", "heads", "head"):
        assert getattr(again, name, None) == getattr(attention, name, None)


@pytest.mark.parametrize("kind", list(ATTENTIONS))
def test_a_kind_is_made_by_its_name(kind):
    attention = make_attention(kind, 6, 2)
    assert type(attention) is ATTENTIONS[kind]
    assert getattr(attention, "units", 6) == 6
    assert getattr(attention, "heads", 2) == 2


def test_an_unknown_kind_is_an_error_that_names_the_known():
    with pytest.raises(ValueError, match=r"no attention 'luong'\. Known: bahdanau, dot, general, concat, scaled_dot"):
        make_attention("luong", 3)


def test_the_config_knows_every_kind_and_what_it_takes():
    layers = {
        "bahdanau": BahdanauAttention,
        "dot": DotAttention,
        "general": GeneralAttention,
        "concat": ConcatAttention,
        "scaled_dot": ScaledDotAttention,
        "cosine": CosineAttention,
    }
    assert layers == ATTENTIONS
    assert get_args(get_type_hints(Model)["attention"]) == (*layers, "none")
    for name, layer in layers.items():
        assert ATTENTION_KINDS[name] == (layer.__name__, layer.has_units, layer.has_heads)


@pytest.mark.parametrize("kind", [kind for kind in (*ATTENTIONS.values(), FixedContext) if kind.has_units])
@pytest.mark.parametrize("units", [0, -1])
def test_needs_units(kind, units):
    with pytest.raises(ValueError, match=f"units must be 1 or more, not {units}"):
        kind(units)


@pytest.mark.parametrize("heads", [0, -1, 4])
def test_heads_must_divide_the_units(heads):
    with pytest.raises(ValueError, match=f"{heads} heads do not divide 6 units"):
        ScaledDotAttention(6, heads)


@pytest.mark.parametrize("head", [-1, 2])
def test_a_head_must_be_there(head):
    with pytest.raises(ValueError, match=f"no head {head}: they are numbered from 0 to 1"):
        ScaledDotAttention(6, 2, head)


@pytest.mark.parametrize("kind", [kind for kind in ATTENTIONS.values() if kind.needs_equal_width])
def test_what_is_compared_number_by_number_must_be_of_one_width(kind):
    with pytest.raises(ValueError, match=f"the same width, but they are {QUERY} and {WIDTH} wide"):
        kind(**arguments_of(kind))(tf.ones([BATCH, QUERY]), tf.ones([BATCH, SOURCE, WIDTH]))


def test_the_base_class_is_no_attention():
    with pytest.raises(TypeError, match="base class of ATTENTIONS"):
        Attention().attend(tf.ones([2, 3]), Attention().remember(tf.ones([2, 5, 3])))


def test_a_fixed_context_is_the_same_at_every_step_and_attends_to_nothing():
    rng = np.random.default_rng(61)
    attention, vector = FixedContext(UNITS), random(rng, BATCH, UNITS)
    context, weights = attention(random(rng, BATCH, QUERY), vector)
    np.testing.assert_array_equal(context, vector)
    assert weights.shape == (BATCH, 0)
    contexts, weights = attention(random(rng, BATCH, TARGET, QUERY), vector)
    np.testing.assert_array_equal(contexts, np.repeat(vector[:, None], TARGET, 1))
    assert weights.shape == (BATCH, TARGET, 0)
    assert attention.context_width(WIDTH) == UNITS
    assert attention.weights == []


def test_a_fixed_context_learns_from_every_word():
    vector, queries = tf.ones([BATCH, UNITS]), tf.ones([BATCH, TARGET, QUERY])
    with tf.GradientTape() as tape:
        tape.watch(vector)
        contexts, _ = FixedContext(UNITS)(queries, vector)
        loss = tf.reduce_sum(contexts * tf.constant([2.0, 3.0])[:, None])
    np.testing.assert_array_equal(tape.gradient(loss, vector), np.full([BATCH, UNITS], 5.0))
