"""The decisions during a run depend on the journal alone."""

import json
import logging
import math
import time
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import data, same, small_model

from nmt.config import Training
from nmt.errors import InputError, WorkFailed
from nmt.evaluation.judge import best_epoch
from nmt.training.averaging import Keep
from nmt.training.callbacks import (
    Cost,
    DevScores,
    EarlyStopping,
    EpochLine,
    Journal,
    KeepBest,
    News,
    Plateau,
    StopOnNonFinite,
    epoch_line,
    in_order,
    rate_scale,
)
from nmt.training.checkpoint import Checkpoint, Fingerprints, RestoreMetrics, SaveCheckpoint
from nmt.training.limits import RunLimits
from nmt.training.metrics import TokenAccuracy
from nmt.training.schedules import WarmUp

scores = st.lists(st.floats(0, 100), min_size=1, max_size=23)
halves = settings(max_examples=100, deadline=None)


def journal(path: Path, bleus: list[float]) -> Journal:
    """A journal of epochs that were done."""
    path.write_text("".join(json.dumps({"epoch": i + 1, "val_bleu": b}) + "\n" for i, b in enumerate(bleus)))
    return Journal(path, len(bleus))


# Their order


def test_a_callback_in_a_wrong_place_is_refused(tmp_path: Path) -> None:
    model, records = small_model(), journal(tmp_path / "metrics.jsonl", [])
    keep, best = (
        Keep(model, development=data(), averages=False, epochs=1, folder=tmp_path),
        KeepBest(tmp_path, model, records),
    )
    checkpoint = Checkpoint(tmp_path / "state.npz", model, Fingerprints(17, 13), 7)
    saving = SaveCheckpoint(checkpoint, tf.Variable([0, 0], dtype=tf.int64), 5, Event())
    right: list[keras.callbacks.Callback] = [RestoreMetrics(), News(), keep, Cost(), records, best, saving]
    assert in_order(right) == right
    assert in_order(right[1:]) == right[1:]  # only an epoch that was stopped has metrics to restore
    for wrong, words in (
        ([records, keep], "Journal must come after Keep"),
        ([keep, Cost(), records, RestoreMetrics()], "Journal must come after RestoreMetrics"),
        ([keep, best, News(), records], "KeepBest must come after Journal"),
        ([keep, saving, News()], "SaveCheckpoint must come after News"),
    ):
        with pytest.raises(ValueError, match=words):
            in_order(wrong)


def test_a_callback_without_those_that_it_needs_is_refused(tmp_path: Path) -> None:
    model, records = small_model(), journal(tmp_path / "metrics.jsonl", [])
    keep, schedule = Keep(model, development=data(), averages=False, epochs=1, folder=tmp_path), WarmUp(0.1, 1)
    for wrong, words in (
        ([Cost(), records], "Journal needs Keep"),
        ([keep, records], "Journal needs Cost"),
        ([KeepBest(tmp_path, model, records)], "KeepBest needs Journal"),
        ([Plateau(schedule, records, 1, 0.5)], "Plateau needs Journal"),
        ([News(), EarlyStopping(records, 1, News())], "EarlyStopping needs Journal"),
        ([keep, Cost(), records, EarlyStopping(records, 1, News())], "EarlyStopping needs News"),
        ([RunLimits(Training(steps=7), schedule, 7, News(), tf.Variable(0.0))], "RunLimits needs News"),
        ([StopOnNonFinite(tmp_path, records)], "StopOnNonFinite needs Keep"),
    ):
        with pytest.raises(ValueError, match=words):
            in_order(wrong)


def test_news_wait_until_the_line_of_the_progress_bar_has_ended(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nmt")
    news = News()
    news.on_epoch_begin(0)
    news.later("one")
    news.later("two, 100 %")
    assert caplog.messages == []
    news.on_epoch_begin(1)
    assert caplog.messages == ["one", "two, 100 %"]
    news.later("three")
    news.on_train_end()
    assert caplog.messages == ["one", "two, 100 %", "three"]


def test_the_line_of_an_epoch_is_for_people_and_always_in_one_order() -> None:
    record = {"memory_mb": 1035.6572, "val_bleu": 0.0, "loss": 6.59942, "epoch": 1, "tokens/s": 3804.8, "seconds": 9.03}
    shown = "Epoch 1 of 2: loss 6.5994, dev BLEU 0.00, 3,805 tokens/s, 9.0 s, 1,036 MB"
    assert epoch_line(record, 2) == epoch_line(dict(reversed(record.items())), 2) == shown
    assert "tokens/s" not in epoch_line({**record, "tokens/s": 0.0}, 2)  # one batch has no speed
    judged = epoch_line({**record, "val_chrf": 31.2, "watch": "val_chrf"}, 2)
    assert "dev chrF 31.20" in judged and "BLEU" not in judged
    # So are answers that have no one right form, whose epochs the perplexity decides.
    assert "BLEU" not in epoch_line({**record, "val_bleu": 0.0, "watch": "val_perplexity"}, 2)
    assert "dev BLEU 0.00" in epoch_line({**record, "val_bleu": 0.0, "watch": "val_bleu"}, 2)
    assert "dev BLEU 7.00" in epoch_line({**record, "val_bleu": 7.0, "val_chrf": 31.2, "watch": "val_chrf"}, 2)


def test_the_line_of_an_epoch_is_logged_and_not_printed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "nmt")
    EpochLine(journal(tmp_path / "metrics.jsonl", [11.4]), 3).on_epoch_end(0)
    assert caplog.messages == ["Epoch 1 of 3: dev BLEU 11.40"]
    assert "Epoch" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(("watch", "there"), [("val_perplexity", False), ("val_chrf", False), ("val_bleu", True)])
def test_the_news_of_an_epoch_have_no_bleu_near_zero_where_another_score_decides(watch: str, there: bool) -> None:
    news, answer = News(), SimpleNamespace(text="nothing of the kind")
    translator: Any = SimpleNamespace(translate=lambda sources, **_: [answer for _ in sources])
    DevScores(translator, [("how are you", "I am very well today")], news, watch).on_epoch_end(0, {})
    assert "chrF" in news.lines[0] and ("BLEU 0.00" in news.lines[0]) is there


@pytest.mark.parametrize("tokens", [[4.0, 7.0, 13.0], [104.0, 107.0, 113.0]])  # of a whole epoch, of a resumed one
def test_tokens_per_second_leave_out_the_first_batch(tokens: list[float]) -> None:
    cost, counter = Cost(), TokenAccuracy()
    cost.set_model(SimpleNamespace(token_metrics=[counter]))
    cost.on_epoch_begin(0)
    began = time.monotonic()
    logs: dict[str, Any] = {}
    for number, count in enumerate(tokens):
        counter.tokens.assign(count)
        cost.on_train_batch_end(number, logs)
        assert (logs["tokens/s"] == 0) == (number == 0)
        time.sleep(0.05)
    seconds = time.monotonic() - began
    # 3 + 6 tokens after the first batch, in two sleeps' time at least and in all that passed at most.
    cost.on_epoch_end(0, logs)
    assert 9 / seconds <= logs["tokens/s"] <= 9 / 0.1
    cost.on_epoch_begin(1)
    cost.on_epoch_end(1, logs)
    assert logs["tokens/s"] == 0


# Decisions


def test_zero_after_zero_is_no_standstill_while_the_perplexity_falls(tmp_path: Path) -> None:
    """Dev BLEU 0, 0, 0.02, 0.03 on 4,682 pairs: the rate was halved twice before anything was learned."""
    path, bleus = tmp_path / "metrics.jsonl", [0.0, 0.0, 0.02, 0.03, 0.01, 1.5, 1.4]
    perplexities = [700.0, 500.0, 400.0, 300.0, 250.0, 200.0, 180.0]
    records = [{"val_bleu": b, "val_perplexity": p} for b, p in zip(bleus, perplexities, strict=True)]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert rate_scale(Journal(path, 6).qualities, 1, 0.5) == 1.0
    assert best_epoch(Journal(path, 5).qualities) == 4 and not EarlyStopping(Journal(path, 5), 1, News()).finished()
    assert rate_scale(Journal(path, 7).qualities, 1, 0.5) == 0.5  # 1.4 after 1.5 is a standstill
    # A perplexity that stands still is one, too.
    path.write_text("".join(json.dumps({"val_bleu": 0.0, "val_perplexity": 700.0}) + "\n" for _ in range(3)))
    assert rate_scale(Journal(path, 3).qualities, 1, 0.5) == 0.25


@pytest.mark.parametrize(
    ("bleus", "patience", "scale"),
    [
        ([], 1, 1),
        ([7], 1, 1),
        ([0], 1, 1),
        # 5 and then the second 7 are no better than 7.
        ([7, 5, 7, 8], 1, 1 / 9),
        ([7, 5, 7, 8], 2, 1 / 3),
        ([7, 5, 7, 8], 3, 1),
        # Two waited, one, and two: a better one begins the count anew.
        ([3, 2, 2, 5, 1, 6, 1, 1], 2, 1 / 9),
        # A plateau begins the count anew, too: of five epochs two plateaus of two.
        ([3, 2, 2, 2, 2, 2], 2, 1 / 9),
    ],
)
def test_the_rate_after_plateaus_by_hand(bleus: list[float], patience: int, scale: float) -> None:
    assert rate_scale(bleus, patience, 1 / 3) == pytest.approx(scale)


@halves
@given(bleus=scores, patience=st.integers(1, 5))
def test_the_rate_only_falls_and_never_after_a_better_epoch(bleus: list[float], patience: int) -> None:
    scales = [rate_scale(bleus[:n], patience, 0.5) for n in range(len(bleus) + 1)]
    assert scales[:2] == [1, 1]
    for n in range(1, len(bleus)):
        assert scales[n + 1] in (scales[n], scales[n] / 2)
        if bleus[n] > max(bleus[:n]):
            assert scales[n + 1] == scales[n]


@halves
@given(epochs=st.integers(1, 23), patience=st.integers(1, 5))
def test_the_rate_falls_at_every_patience_of_one_long_plateau(epochs: int, patience: int) -> None:
    assert rate_scale([7.0] * epochs, patience, 0.5) == 0.5 ** ((epochs - 1) // patience)
    assert rate_scale([float(n) for n in range(epochs)], patience, 0.5) == 1


def test_plateaus_scale_the_rate_when_the_next_epoch_begins(tmp_path: Path) -> None:
    model = small_model(schedule=True)
    schedule = model.optimizer._learning_rate
    callback = Plateau(schedule, journal(tmp_path / "metrics.jsonl", [7, 5, 7]), patience=1, factor=0.5)
    callback.set_model(model)
    for _ in range(2):  # as after a resume, when it had begun before
        callback.on_epoch_begin(3)
        assert float(np.asarray(model.optimizer.learning_rate)) == pytest.approx(0.1 / 4)


@pytest.mark.parametrize(
    ("bleus", "patience", "finished"),
    [
        ([], 1, False),
        ([7], 1, False),
        ([7, 7], 1, True),
        ([7, 5], 2, False),
        ([7, 5, 6], 2, True),
        ([7, 5, 8], 1, False),
    ],
)
def test_early_stopping_counts_the_epochs_since_the_best_one(
    tmp_path: Path, bleus: list[float], patience: int, finished: bool
) -> None:
    model = small_model()
    model.stop_training = False
    news = News()
    callback = EarlyStopping(journal(tmp_path / "metrics.jsonl", bleus), patience, news)
    callback.set_model(model)
    assert callback.finished() is finished
    callback.on_epoch_end(len(bleus))
    assert model.stop_training is finished
    assert len(news.lines) == finished


# The journal and the best model


def test_the_journal_has_a_line_an_epoch(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    model = small_model()
    callback = Journal(path, 0)
    model.fit(data(), epochs=3, callbacks=[callback], shuffle=False, verbose=0)
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(record["epoch"], record["step"]) for record in records] == [(1, 7), (2, 14), (3, 21)]
    assert [record["learning_rate"] for record in records] == pytest.approx([0.1] * 3)
    assert all(math.isfinite(record["loss"]) for record in records)
    assert callback.records == records
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_resumed_journal_takes_over_the_epochs_that_are_done(tmp_path: Path, done: int) -> None:
    path = tmp_path / "metrics.jsonl"
    journal(path, [7, 5])
    model = small_model()
    callback = Journal(path, done, source_scripts=["Hangul"])
    assert callback.qualities == [7, 5][:done]
    callback.set_model(model)
    callback.on_epoch_end(done, {"val_bleu": np.float32(3)})
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [record["val_bleu"] for record in records] == [*[7, 5][:done], 3]
    assert records[-1]["source_scripts"] == ["Hangul"]


def test_epochs_are_not_judged_anew_by_another_score(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    records = [
        {"val_bleu": 3.0, "val_chrf": 9.0, "watch": watch} for watch in ("val_chrf", "val_bleu", "val_perplexity")
    ]
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    # A run of an earlier version may have changed it on its way, and an epoch whose state was not saved is done again.
    assert Journal(path, 2, "val_bleu").watch == Journal(path, 0, "val_bleu").watch
    with pytest.raises(
        InputError,
        match=r"judged by BLEU, and by chrF now .*Set training\.watch = bleu, or begin a new run from this model\.$",
    ):
        Journal(path, 2, "val_chrf")


@pytest.mark.parametrize(
    ("bleus", "kept"), [([0.0], True), ([7, 8], True), ([7, 5], False), ([7, 7], False), ([7, 5, 8], True)]
)
def test_the_weights_are_kept_when_the_last_epoch_is_the_best(tmp_path: Path, bleus: list[float], kept: bool) -> None:
    path = tmp_path / "model.weights.h5"
    path.write_bytes(b"older")
    model = small_model()
    callback = KeepBest(tmp_path, model, journal(tmp_path / "metrics.jsonl", bleus))
    callback.set_model(small_model(seed=3))  # what learns is not what is kept
    callback.on_epoch_end(len(bleus) - 1)
    assert (path.read_bytes() != b"older") is kept
    assert sorted(p.name for p in tmp_path.iterdir()) == ["metrics.jsonl", "model.weights.h5"]
    if kept:
        other = type(model).from_config(model.get_config())  # not compiled: the file has no optimizer
        other.load_weights(path)
        assert same(other.get_weights(), model.get_weights())


def test_a_perplexity_is_better_when_it_is_lower(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps({"val_perplexity": p, "val_bleu": 3.0}) + "\n" for p in (9.0, 7.0, None, 8.0)))
    watching = Journal(path, 4, "val_perplexity")
    assert best_epoch(watching.qualities) == 1
    assert watching.watched == "perplexity"
    # The third overflowed: the worst there can be, and no reason to stop reading.
    assert watching.qualities[2] == -float("inf")


# A loss that is no number


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, np.float32("nan")])
@pytest.mark.parametrize(("bleus", "words"), [([], "holds no model yet"), ([7, 9, 8], "of epoch 2, is kept in")])
def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path, loss: float, bleus: list[float], words: str) -> None:
    callback = StopOnNonFinite(tmp_path, journal(tmp_path / "metrics.jsonl", bleus))
    model = small_model()
    callback.set_model(model)
    callback.on_epoch_begin(3)
    callback.on_train_batch_end(0, {"loss": 3.0})
    # Of a resumed epoch, so its batches are counted from there.
    model.optimizer.iterations.assign(38)
    with pytest.raises(WorkFailed, match="no longer finite at epoch 4, after 38 steps in all") as caught:
        callback.on_train_batch_end(11, {"loss": loss})
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)
