"""Guided alignment is the written-out formula and teaches where to attend; test_fit.py trains, refuses and resumes."""

import math
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from logged import logged
from test_fit import CONFIG, PAIRS, corpora, linked

from nmt.config import Config, with_settings
from nmt.data.corpora import from_tsv
from nmt.data.word_links import with_links
from nmt.training.alignment_loss import AlignmentLoss, alignment_loss, alignment_losses
from nmt.training.inputs import fit_tokenizers, make_pipeline
from nmt.training.setup import make_training_model
from nmt.training.training_model import TrainingModel


def example(seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Links and alignments ``(3, 5, 4)``, with padding, words without links, and a sentence without any."""
    random = np.random.default_rng(seed)
    links = random.integers(0, 2, [3, 5, 4]).astype(np.float32)
    links[0, 3:], links[1], links[2, :, 2:] = 0, 0, 0
    links /= np.maximum(links.sum(-1, keepdims=True), 1)
    alignment = random.random([3, 5, 4]).astype(np.float32)
    alignment[2, :, 2:] = 0
    return links, alignment / alignment.sum(-1, keepdims=True)


def by_hand(links: np.ndarray, alignment: np.ndarray) -> float:
    losses = [
        -sum(g * math.log(a) for g, a in zip(row, weights, strict=True) if g)
        for row, weights in zip(links.reshape(-1, 4).astype(float), alignment.reshape(-1, 4).astype(float), strict=True)
        if row.any()
    ]
    return sum(losses) / len(losses)


def test_two_words_by_hand() -> None:
    # The first is linked to both words with weights 1/4, 3/4; the second to the second alone, with weights 3/5, 2/5.
    links = tf.constant([[[0.5, 0.5], [0.0, 1.0]]])
    alignment = tf.constant([[[0.25, 0.75], [0.6, 0.4]]])
    # (ln 4 + ln 4/3) / 2 = (1.386294 + 0.287682) / 2 = 0.836988; ln 5/2 = 0.916291; the mean is 0.876639.
    assert float(alignment_loss(links, alignment)) == pytest.approx(0.876639, abs=1e-6)


def test_the_loss_is_the_formula() -> None:
    links, alignment = example()
    assert float(alignment_loss(links, alignment)) == pytest.approx(by_hand(links, alignment), rel=1e-6)
    losses, guided = alignment_losses(links, alignment)
    assert losses.shape == guided.shape == (3, 5)
    np.testing.assert_array_equal(guided, links.any(-1))
    assert not losses.numpy()[~guided.numpy()].any()


def test_the_gradient_is_that_of_the_formula_and_finite_where_a_weight_is_zero() -> None:
    links, alignment = example()
    links[0, 0], alignment[0, 0] = [0.5, 0.5, 0, 0], [1, 0, 0, 0]
    with tf.GradientTape() as tape:
        weights = tf.constant(alignment)
        tape.watch(weights)
        loss = alignment_loss(links, weights)
    gradient = tape.gradient(loss, weights).numpy()
    assert np.isfinite(float(loss)) and np.isfinite(gradient).all()
    count = links.any(-1).sum()
    usual = (links > 0) & (alignment > 0)
    np.testing.assert_allclose(gradient[usual], -links[usual] / alignment[usual] / count, rtol=1e-5)
    assert not gradient[~usual].any()


def test_a_link_whose_weight_has_vanished_still_has_a_gradient() -> None:
    scores = tf.Variable([[[60.0, 0.0]]])
    with tf.GradientTape() as tape:
        loss = alignment_loss(tf.constant([[[0.0, 1.0]]]), tf.nn.softmax(scores))
    np.testing.assert_allclose(tape.gradient(loss, scores), [[[1.0, -1.0]]], rtol=1e-4)


def test_half_precision_is_computed_in_full() -> None:
    links, alignment = example()
    half = tf.cast(alignment, tf.bfloat16)
    loss = alignment_loss(links, half)
    assert loss.dtype == tf.float32
    assert float(loss) == pytest.approx(by_hand(links, tf.cast(half, tf.float32).numpy()), rel=1e-6)


def test_nothing_is_guided_without_links() -> None:
    assert float(alignment_loss(tf.zeros([2, 3, 4]), tf.zeros([2, 3, 4]))) == 0
    assert float(alignment_loss(tf.zeros([0, 3, 4]), tf.zeros([0, 3, 4]))) == 0


def test_the_metric_is_the_mean_over_the_places_of_all_batches() -> None:
    links, alignment = example()
    metric = AlignmentLoss()
    assert float(metric.result()) == 0
    for i in range(3):
        metric.update_state(links[i : i + 1], alignment[i : i + 1])
    assert float(metric.result()) == pytest.approx(by_hand(links, alignment), rel=1e-6)


# In a model

SMALL = ["text.vocabulary_size=23", "model.units=8", "model.embedding=8", "training.warmup_steps=1"]
SMALL += [f"model.{kind}=0" for kind in ("dropout", "embedding_dropout", "context_dropout", "output_dropout")]
SOURCE = tf.constant([[7, 9, 11, 3], [5, 6, 3, 0], [13, 17, 19, 3]])
TARGET = tf.constant([[2, 5, 6], [2, 7, 0], [2, 11, 12]])
WRITTEN = tf.constant([[5, 6, 3], [7, 3, 0], [11, 12, 3]])
LINKS = np.zeros([3, 3, 4], np.float32)
LINKS[0, 0, 2], LINKS[0, 1, [0, 1]], LINKS[1, 0, 1], LINKS[2, 0, 0], LINKS[2, 1, 2] = 1, 0.5, 1, 1, 1
BATCH = {"source": SOURCE, "target": TARGET, "links": tf.constant(LINKS)}
KINDS = {
    "input": ["model.attention_units=7"],
    "output": ["model.context=output", "model.attention=general"],
    "feed": ["model.context=feed", "model.attention=scaled_dot", "model.attention_units=8"],
    "transformer": ["model.architecture=transformer", "model.decoder_layers=2", "model.feed_forward=16"],
    "one head": ["model.architecture=transformer", "model.alignment_head=2", "model.feed_forward=16"],
}


def made(*settings: str) -> TrainingModel:
    keras.utils.set_random_seed(3)
    base = with_settings(Config(), [*SMALL, "training.learning_rate=0.02"])
    config = with_settings(base, list(settings))
    model, _ = make_training_model(config, 100)
    return model


def weight_on_links(model: TrainingModel, links: bool = True, steps: int = 60) -> np.ndarray:
    """Train a little: the weight that each linked token then gives to its links."""
    batch = BATCH if links else {"source": SOURCE, "target": TARGET}
    for _ in range(steps):
        model.train_on_batch(batch, WRITTEN)
    alignment = tf.cast(model({**BATCH, "written": WRITTEN})[1], tf.float32).numpy()
    return (alignment * (LINKS > 0)).sum(-1)[LINKS.any(-1)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_attention_learns_to_attend_to_the_links(kind: str) -> None:
    model = made(*KINDS[kind], "training.guided_alignment=1")
    assert weight_on_links(model, steps=0).mean() < 0.5
    found = weight_on_links(model)
    assert found.mean() > 0.85 and found.min() > 0.6


@pytest.mark.parametrize("kind", ["feed", "transformer"])
def test_without_guidance_it_learns_to_attend_elsewhere(kind: str) -> None:
    assert weight_on_links(made(*KINDS[kind]), links=False).mean() < 0.5


@pytest.mark.parametrize("kind", ["output", "transformer"])
def test_the_attention_learns_in_half_precision(kind: str) -> None:
    model = made(*KINDS[kind], "training.precision=bfloat16", "training.guided_alignment=1")
    assert weight_on_links(model).mean() > 0.85


@pytest.mark.parametrize("eager", [False, True])
def test_the_loss_that_is_reported_is_the_sum_and_each_part_is_shown(eager: bool) -> None:
    model, plain = made("training.guided_alignment=0.3"), made()
    model.run_eagerly, plain.run_eagerly = eager, True
    logs = model.train_on_batch(BATCH, WRITTEN, return_dict=True)
    usual = plain.train_on_batch({"source": SOURCE, "target": TARGET}, WRITTEN, return_dict=True)
    assert set(logs) == {*usual, "alignment_loss"}
    assert logs["loss"] == pytest.approx(usual["loss"] + 0.3 * logs["alignment_loss"], rel=1e-5)
    assert logs["perplexity"] == pytest.approx(usual["perplexity"], rel=1e-5)
    model.reset_metrics()
    assert float(model.alignment_metric.places) == 0


def test_a_batch_without_links_is_learned_from_as_ever() -> None:
    model, plain = made("training.guided_alignment=0.3"), made()
    model.run_eagerly = plain.run_eagerly = True
    inputs = {"source": SOURCE, "target": TARGET}
    for _ in range(3):
        logs, usual = (one.train_on_batch(inputs, WRITTEN, return_dict=True) for one in (model, plain))
        assert logs["loss"] == usual["loss"] and logs["alignment_loss"] == 0
    np.testing.assert_array_equal(model.network(inputs), plain.network(inputs))


def test_a_model_without_guidance_takes_no_notice_of_links() -> None:
    model, plain = made(), made()
    model.run_eagerly = plain.run_eagerly = True
    written = {"written": WRITTEN}
    with_links, without = model({**BATCH, **written}), model({"source": SOURCE, "target": TARGET, **written})
    np.testing.assert_array_equal(with_links[0].minus_log_p, without[0].minus_log_p)
    logs = model.train_on_batch(BATCH, WRITTEN, return_dict=True)
    usual = plain.train_on_batch({"source": SOURCE, "target": TARGET}, WRITTEN, return_dict=True)
    assert logs["loss"] == usual["loss"] and set(logs) == set(usual)


def test_a_guided_model_is_saved_as_any_other(tmp_path: Path) -> None:
    model = made("training.guided_alignment=0.3")
    model.run_eagerly = True
    model.train_on_batch(BATCH, WRITTEN)
    model.network.save(tmp_path / "m.keras")
    inputs = {"source": SOURCE, "target": TARGET}
    again = keras.saving.load_model(tmp_path / "m.keras", compile=False)
    np.testing.assert_array_equal(again(inputs), model.network(inputs))


# A run


def test_the_news_tell_how_many_sentences_lose_their_links(tmp_path: Path) -> None:
    corpus = linked(corpora(tmp_path / "data")[0], tmp_path / "data" / "links")
    text = fit_tokenizers(CONFIG, corpus)
    with logged() as said:
        make_pipeline(CONFIG, corpus, text)
    assert not any("lose their links" in line for line in said)
    lines = (tmp_path / "data" / "train.tsv").read_text().replace("mina ", "mina\u00a0x ")
    (tmp_path / "data" / "train.tsv").write_text(lines)
    with logged() as said:
        make_pipeline(CONFIG, with_links(from_tsv(tmp_path / "data" / "train.tsv"), tmp_path / "data" / "links"), text)
    count = sum(source.startswith("mina") for source, _ in PAIRS[:53])
    assert any(f"{count} of the first 53 pairs lose their links" in line for line in said)
