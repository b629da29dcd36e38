"""The loss is the written-out formula, its gradient the one of TensorFlow, and padding counts for nothing."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.training.losses import MaskedCrossEntropy, token_cross_entropy

BATCH, TARGET, VOCABULARY = 3, 5, 7
SMOOTHING = [0.0, 0.1, 0.7]


def example(seed: int = 11) -> tuple[np.ndarray, np.ndarray]:
    """Ids, whose rows end in padding, and logits."""
    random = np.random.default_rng(seed)
    ids = random.integers(1, VOCABULARY, [BATCH, TARGET]).astype(np.int32)
    ids[0, 3:] = 0
    ids[2, 1:] = 0
    return ids, random.normal(0, 3, [BATCH, TARGET, VOCABULARY]).astype(np.float32)


def by_hand(ids: np.ndarray, logits: np.ndarray, smoothing: float) -> float:
    """The formula, a token at a time, in double precision."""
    losses = []
    for token, scores in zip(ids.ravel(), logits.reshape(-1, logits.shape[-1]).astype(float), strict=True):
        if token == 0:
            continue
        minus_log_p = math.log(sum(math.exp(score) for score in scores)) - scores
        losses.append((1 - smoothing) * minus_log_p[token] + smoothing * minus_log_p.mean())
    return sum(losses) / len(losses)


def written_out(ids: tf.Tensor, logits: tf.Tensor, smoothing: float) -> tf.Tensor:
    """The formula in TensorFlow's own operations."""
    log_p = tf.nn.log_softmax(logits)
    target = tf.one_hot(ids, logits.shape[-1], dtype=logits.dtype)
    losses = -(1 - smoothing) * tf.reduce_sum(target * log_p, -1) - smoothing * tf.reduce_mean(log_p, -1)
    real = tf.cast(ids != 0, logits.dtype)
    return tf.reduce_sum(losses * real) / tf.reduce_sum(real)


def gradient(function, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = function(logits)
    return loss, tape.gradient(loss, logits)


def test_two_tokens_of_two_words_by_hand() -> None:
    # p = (1/4, 3/4) for the first token, (1/2, 1/2) for the second; both targets are word 1.
    logits = tf.math.log([[[1.0, 3.0], [5.0, 5.0]]])
    ids = tf.constant([[1, 1]])
    # -ln 3/4 = 0.287682, -ln 1/4 = 1.386294, -ln 1/2 = 0.693147: (0.287682 + 0.693147) / 2 = 0.490415
    assert float(MaskedCrossEntropy()(ids, logits)) == pytest.approx(0.490415, abs=1e-6)
    # With e = 0.2 the first is 0.8 * 0.287682 + 0.2 * (1.386294 + 0.287682) / 2 = 0.397543, the second stays as it is:
    # (0.397543 + 0.693147) / 2 = 0.545345
    assert float(MaskedCrossEntropy(0.2)(ids, logits)) == pytest.approx(0.545345, abs=1e-6)


@pytest.mark.parametrize("smoothing", SMOOTHING)
def test_the_loss_is_the_formula(smoothing: float) -> None:
    ids, logits = example()
    loss = MaskedCrossEntropy(smoothing)(ids, tf.constant(logits))
    assert float(loss) == pytest.approx(by_hand(ids, logits, smoothing), rel=1e-6)


@pytest.mark.parametrize("smoothing", SMOOTHING)
@pytest.mark.parametrize("traced", [False, True])
def test_the_gradient_is_that_of_the_formula(smoothing: float, traced: bool) -> None:
    ids, logits = example()
    # Times three, since what comes from above is not always one.
    loss = MaskedCrossEntropy(smoothing)

    def ours(x: tf.Tensor) -> tf.Tensor:
        return 3 * loss(ids, x)

    def theirs(x: tf.Tensor) -> tf.Tensor:
        return 3 * written_out(tf.constant(ids), x, smoothing)

    take = tf.function(gradient) if traced else gradient
    (value, found), (wanted_value, wanted) = (take(f, tf.constant(logits)) for f in (ours, theirs))
    np.testing.assert_allclose(value, wanted_value, rtol=1e-6)
    np.testing.assert_allclose(found, wanted, atol=1e-7)
    assert np.abs(wanted).max() > 0.01


@pytest.mark.parametrize("smoothing", SMOOTHING)
def test_padding_changes_neither_the_loss_nor_any_gradient(smoothing: float) -> None:
    ids, logits = example()
    other = np.where((ids == 0)[..., None], 50.0, logits).astype(np.float32)
    longer_ids = np.pad(ids, [(0, 2), (0, 11)])
    longer = np.pad(other, [(0, 2), (0, 11), (0, 0)], constant_values=13.0)
    loss = MaskedCrossEntropy(smoothing)
    first, grown = gradient(lambda x: loss(ids, x), tf.constant(logits))
    second, grown_other = gradient(lambda x: loss(ids, x), tf.constant(other))
    third, grown_longer = gradient(lambda x: loss(longer_ids, x), tf.constant(longer))
    assert float(first) == pytest.approx(float(second), rel=1e-6)
    assert float(first) == pytest.approx(float(third), rel=1e-6)
    assert not np.any(grown.numpy()[ids == 0])
    np.testing.assert_allclose(grown, grown_other, atol=1e-7)
    np.testing.assert_allclose(grown, grown_longer[:BATCH, :TARGET], atol=1e-7)


def test_every_real_token_weighs_the_same_in_whatever_sentence() -> None:
    ids, logits = example()
    whole = float(MaskedCrossEntropy(0.1)(ids, tf.constant(logits)))
    # 3, 5 and 1 tokens: the mean of the sentences' means would be another number.
    sentences = [float(MaskedCrossEntropy(0.1)(ids[i : i + 1], tf.constant(logits[i : i + 1]))) for i in range(BATCH)]
    assert whole == pytest.approx(np.dot(sentences, [3, 5, 1]) / 9, rel=1e-6)
    assert whole != pytest.approx(np.mean(sentences), rel=1e-3)


def test_a_batch_of_padding_alone_costs_nothing() -> None:
    ids = tf.zeros([2, 3], tf.int32)
    loss, grown = gradient(lambda x: MaskedCrossEntropy(0.1)(ids, x), tf.ones([2, 3, 5]))
    assert float(loss) == 0
    assert not np.any(grown)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6), ("bfloat16", 0.02)])
def test_the_loss_has_the_precision_of_the_logits(dtype: str, tolerance: float) -> None:
    ids, logits = example()
    rounded = tf.cast(logits, dtype)
    loss, grown = gradient(lambda x: MaskedCrossEntropy(0.1)(ids, x), rounded)
    # Half precision is too coarse for a sum over the vocabulary.
    assert loss.dtype == (tf.float32 if dtype == "bfloat16" else rounded.dtype)
    assert grown.dtype == rounded.dtype
    wanted = by_hand(ids, tf.cast(rounded, tf.float64).numpy(), 0.1)
    assert float(loss) == pytest.approx(wanted, rel=tolerance)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float32])
def test_ids_may_be_of_any_type(dtype: type) -> None:
    ids, logits = example()
    loss = MaskedCrossEntropy(0.1)(tf.constant(ids.astype(dtype)), tf.constant(logits))
    assert float(loss) == pytest.approx(by_hand(ids, logits, 0.1), rel=1e-6)


def test_huge_logits_make_no_infinity() -> None:
    loss, grown = gradient(lambda x: MaskedCrossEntropy(0.1)([[1]], x), tf.constant([[[1e4, -1e4, 0.0]]]))
    # -log p = (0, 20000, 10000): 0.9 * 20000 + 0.1 * 10000
    assert float(loss) == pytest.approx(19_000, rel=1e-6)
    assert np.all(np.isfinite(grown))


def test_sample_weights_are_refused() -> None:
    ids, logits = example()
    with pytest.raises(ValueError, match="takes no sample_weight"):
        MaskedCrossEntropy()(ids, tf.constant(logits), sample_weight=tf.ones([BATCH]))


def test_the_loss_can_be_saved_with_a_model() -> None:
    config = keras.losses.serialize(MaskedCrossEntropy(0.3))
    loaded = keras.losses.deserialize(config)
    ids, logits = example()
    assert loaded.label_smoothing == 0.3
    assert float(loaded(ids, tf.constant(logits))) == pytest.approx(by_hand(ids, logits, 0.3), rel=1e-6)


def test_every_token_has_its_own_cross_entropy() -> None:
    ids, logits = example()
    found = token_cross_entropy(tf.constant(ids), tf.constant(logits)).numpy()
    assert found.shape == (BATCH, TARGET)
    minus_log_p = -tf.nn.log_softmax(logits).numpy()
    for i, j in np.ndindex(BATCH, TARGET):
        assert found[i, j] == pytest.approx(minus_log_p[i, j, ids[i, j]], rel=1e-5)


def test_another_reduction_is_refused() -> None:
    with pytest.raises(ValueError, match="MaskedCrossEntropy is always a mean and has no reduction 'sum'"):
        MaskedCrossEntropy(reduction="sum")
    assert MaskedCrossEntropy.from_config(MaskedCrossEntropy(0.1).get_config()).label_smoothing == 0.1
