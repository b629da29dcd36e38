"""Chunk by chunk, loss, scores and gradients are those of the plain loss on the logits of the whole batch."""

import numpy as np
import pytest
import tensorflow as tf

from nmt.training import vocabulary_loss
from nmt.training.losses import MaskedCrossEntropy, token_cross_entropy
from nmt.training.vocabulary_loss import OutputLayer, score_tokens

BATCH, TARGET, READOUT, VOCABULARY = 3, 5, 7, 11


def example(tied: bool, dtype: str = "float32") -> tuple[np.ndarray, list[tf.Tensor]]:
    """Ids, whose rows end in padding, one of them at once; readouts, kernel and bias."""
    random = np.random.default_rng(11)
    ids = random.integers(1, VOCABULARY, [BATCH, TARGET]).astype(np.int32)
    ids[0, 3:] = 0
    ids[2, :] = 0
    kernel = (VOCABULARY, READOUT) if tied else (READOUT, VOCABULARY)
    shapes = ((BATCH, TARGET, READOUT), kernel, (VOCABULARY,))
    return ids, [tf.constant(random.normal(size=shape), dtype) for shape in shapes]


def plain(ids: np.ndarray, weights: list[tf.Tensor], tied: bool, smoothing: float) -> list:
    """Keras's way: all logits, then the loss, the metrics' numbers and the gradients."""
    with tf.GradientTape() as tape:
        tape.watch(weights)
        readouts, kernel, bias = weights
        logits = tf.einsum("btr,vr->btv" if tied else "btr,rv->btv", readouts, kernel) + bias
        loss = MaskedCrossEntropy(smoothing)(ids, logits)
        tripled = 3 * loss  # what comes from above is not always one
    real = ids != 0
    minus_log_p = np.where(real, token_cross_entropy(ids, logits), 0)
    return [loss, minus_log_p, np.where(real, np.argmax(logits, -1), 0), *tape.gradient(tripled, weights)]


def chunked(ids: np.ndarray, weights: list[tf.Tensor], tied: bool, smoothing: float, **options: object) -> list:
    readouts, kernel, bias = weights
    with tf.GradientTape() as tape:
        tape.watch(weights)
        output = OutputLayer(kernel, bias, tied)
        scores = score_tokens(readouts, output, ids, smoothing=smoothing, training=True, **options)
        loss = MaskedCrossEntropy(smoothing)(ids, scores)
        tripled = 3 * loss
    of_readouts, *of_weights, of_total = tape.gradient(tripled, [*weights, scores.total])
    assert of_weights == [None, None]  # it is not the tape that has these
    assert scores.gradient is not None
    gradients = [of_readouts, *(of_total * gradient for gradient in scores.gradient)]
    return [loss, scores.minus_log_p, scores.likeliest, *gradients]


# 8 real tokens: one at a time, 3 + 3 + 2, and all in one chunk; each chunk whole, in two parts of 2 and 1, and in more
# parts than there are tokens. The matrix in stripes of all tokens, of three or four, and of one.
@pytest.mark.parametrize(
    ("tied", "smoothing", "rows", "way", "parts", "stripe"),
    [
        (True, 0.1, 1, "traced", 1, 1000),
        (False, 0.1, 3, "traced", 2, 4 * READOUT),
        (True, 0.1, 3, "traced", 2, READOUT),
        (True, 0.0, 100, "eager", 9, 1000),
        (True, 0.1, 3, "xla", 1, 4 * READOUT),
    ],
)
def test_it_is_the_plain_loss(
    monkeypatch: pytest.MonkeyPatch, tied: bool, smoothing: float, rows: int, way: str, parts: int, stripe: int
) -> None:
    monkeypatch.setattr(vocabulary_loss, "_STRIPE", stripe)
    ids, weights = example(tied)

    def run() -> list:
        options = {"chunk": rows * VOCABULARY, "fixed_shapes": way == "xla", "parts": parts}
        return chunked(ids, weights, tied, smoothing, **options)

    found = run() if way == "eager" else tf.function(run, jit_compile=way == "xla")()
    for value, wanted in zip(found, plain(ids, weights, tied, smoothing), strict=True):
        np.testing.assert_allclose(value, wanted, atol=2e-6)
        assert np.abs(wanted).max() > 0.01


def test_without_training_the_numbers_are_the_same() -> None:
    ids, weights = example(True)
    readouts, kernel, bias = weights
    scores = score_tokens(readouts, OutputLayer(kernel, bias, True), ids, smoothing=0.1, chunk=2 * VOCABULARY)
    wanted = plain(ids, weights, True, 0.1)
    np.testing.assert_allclose(MaskedCrossEntropy(0.1)(ids, scores), wanted[0], rtol=1e-6)
    np.testing.assert_allclose(scores.minus_log_p, wanted[1], atol=2e-6)


def test_a_batch_of_padding_alone_costs_nothing() -> None:
    _, weights = example(True)
    ids = np.zeros([BATCH, TARGET], np.int32)
    for value in chunked(ids, weights, True, 0.1):
        assert not np.any(value)


def test_half_precision_multiplies_in_half_and_sums_in_full() -> None:
    ids, weights = example(True)
    halves = [tf.cast(weight, tf.bfloat16) for weight in weights]
    rounded = [tf.cast(half, tf.float32) for half in halves]
    for value, wanted in zip(chunked(ids, halves, True, 0.1), plain(ids, rounded, True, 0.1), strict=True):
        np.testing.assert_allclose(tf.cast(value, tf.float32), wanted, atol=0.03)
    assert chunked(ids, halves, True, 0.1)[0].dtype == tf.float32


def test_huge_logits_make_no_infinity() -> None:
    output = OutputLayer(tf.constant([[1e4, -1e4, 0.0]]), tf.zeros([3]), False)
    scores = score_tokens(tf.ones([1, 1, 1]), output, tf.constant([[1]]), smoothing=0.1, training=True)
    # -log p = (0, 20000, 10000): 0.9 * 20000 + 0.1 * 10000
    assert float(scores.total) == pytest.approx(19_000, rel=1e-6)
