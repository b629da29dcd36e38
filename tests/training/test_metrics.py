"""The metrics count real tokens over all batches, and nothing else."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.training.losses import MaskedCrossEntropy
from nmt.training.metrics import Perplexity, TokenAccuracy, TokenMetric

VOCABULARY = 11


def batches() -> list[tuple[np.ndarray, np.ndarray]]:
    """Three batches of other shapes, padded here and there, with 2, 17 and 13 real tokens or fewer."""
    random = np.random.default_rng(5)
    made = []
    for rows, columns in ((1, 2), (3, 7), (2, 13)):
        ids = random.integers(1, VOCABULARY, [rows, columns]).astype(np.int32)
        ids[-1, columns // 2 + 1 :] = 0
        logits = random.normal(0, 2, [rows, columns, VOCABULARY]).astype(np.float32)
        # Some tokens are guessed right, some padding would be, too.
        logits[..., 0, :] += 9 * np.eye(VOCABULARY)[ids[:, 0]]
        logits[-1, -1, 0] += 50
        made.append((ids, logits))
    return made


def real_tokens() -> tuple[np.ndarray, np.ndarray]:
    """The ids and logits of all real tokens, one after the other."""
    ids = np.concatenate([y.ravel() for y, _ in batches()])
    logits = np.concatenate([z.reshape(-1, VOCABULARY) for _, z in batches()]).astype(float)
    return ids[ids != 0], logits[ids != 0]


def perplexity() -> float:
    ids, logits = real_tokens()
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return float(np.exp(-log_p[np.arange(len(ids)), ids].mean()))


def accuracy() -> float:
    ids, logits = real_tokens()
    return float((logits.argmax(-1) == ids).mean())


@pytest.mark.parametrize(("kind", "wanted"), [(Perplexity, perplexity), (TokenAccuracy, accuracy)])
@pytest.mark.parametrize("traced", [False, True])
def test_a_metric_over_several_batches(kind: type, wanted, traced: bool) -> None:
    metric = kind()
    update = tf.function(metric.update_state, reduce_retracing=True) if traced else metric.update_state
    for ids, logits in batches():
        update(tf.constant(ids), tf.constant(logits))
    assert float(metric.result()) == pytest.approx(wanted(), rel=1e-5)
    assert int(metric.tokens) == len(real_tokens()[0])
    metric.reset_state()
    for ids, logits in batches():
        update(tf.constant(ids), tf.constant(logits))
    assert float(metric.result()) == pytest.approx(wanted(), rel=1e-5), "the first time left something behind"


def test_perplexity_by_hand() -> None:
    metric = Perplexity()
    # p(1) = 1/2, p(2) = 1/8; the padding does not count: sqrt(2 * 8) = 4
    metric.update_state(tf.constant([[1, 2, 0]]), tf.math.log([[[3.0, 4, 1], [3, 4, 1], [0.1, 9, 9]]]))
    assert float(metric.result()) == pytest.approx(4, rel=1e-6)


def test_perplexity_knows_no_smoothing() -> None:
    ids, logits = batches()[1]
    metric = Perplexity()
    metric.update_state(tf.constant(ids), tf.constant(logits))
    plain, smoothed = (float(MaskedCrossEntropy(e)(ids, tf.constant(logits))) for e in (0.0, 0.5))
    assert float(metric.result()) == pytest.approx(np.exp(plain), rel=1e-5)
    assert plain != pytest.approx(smoothed, rel=1e-3)


@pytest.mark.parametrize(("kind", "nothing"), [(Perplexity, 1.0), (TokenAccuracy, 0.0)])
def test_a_metric_of_nothing(kind: type, nothing: float) -> None:
    assert float(kind().result()) == nothing


@pytest.mark.parametrize("kind", [Perplexity, TokenAccuracy])
def test_half_precision_logits_do_not_spoil_the_count(kind: type) -> None:
    whole, half = kind(), kind()
    ids, logits = np.ones([300, 7], np.int32), np.zeros([300, 7, 3], np.float32)
    logits[..., 1] = 1
    whole.update_state(tf.constant(ids), tf.constant(logits))
    half.update_state(tf.constant(ids), tf.constant(logits, tf.bfloat16))
    assert int(half.tokens) == 2100
    assert float(half.result()) == pytest.approx(float(whole.result()), rel=0.01)


def test_what_the_metrics_share_is_no_metric() -> None:
    with pytest.raises(TypeError, match="Use Perplexity or TokenAccuracy"):
        TokenMetric("x").update_state(tf.constant([[1]]), tf.zeros([1, 1, 3]))


@pytest.mark.parametrize("kind", [Perplexity, TokenAccuracy])
def test_a_metric_can_be_saved(kind: type) -> None:
    config = keras.metrics.serialize(kind(name="mine"))
    loaded = keras.metrics.deserialize(config)
    assert type(loaded) is kind
    assert loaded.name == "mine"


def test_weights_of_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="Perplexity gives every token the same weight"):
        Perplexity().update_state(tf.constant([[1, 0]]), tf.zeros([1, 2, 4]), tf.constant([0.5]))
