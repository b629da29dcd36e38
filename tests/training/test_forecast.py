"""A forecast is of the run itself: a part of it is timed, and the rest is multiplied."""

import dataclasses
import math
from pathlib import Path

import keras
import pytest
from logged import logged
from small_models import data as small_data
from small_models import small_model
from test_fit import CONFIG, PAIRS, UNUSABLE, contents, corpora, records, run

from nmt.config import Training, with_settings
from nmt.data.corpora import from_text
from nmt.data.word_links import with_links
from nmt.errors import InputError
from nmt.training import forecast as forecasting
from nmt.training.forecast import STEPS, Forecast, expected_batches, forecast, time_steps

# What is projected

MADE = Forecast(
    parameters=4321,
    vocabularies=(37, 41),
    batches=20,
    epochs=3,
    starting_seconds=10.0,
    step_seconds=14.25,
    scoring_seconds=11.0,
    memory_mb=1000.0,
    machine_mb=8000.0,
)


def test_the_whole_is_multiplied_by_hand() -> None:
    assert MADE.epoch_seconds == pytest.approx(25.25)
    # 10 + 3 * (14.25 + 11)
    assert MADE.seconds == pytest.approx(85.75)


def test_more_epochs_take_more_time() -> None:
    five = dataclasses.replace(MADE, epochs=5)
    assert five.seconds - MADE.seconds == pytest.approx(2 * 25.25)
    assert five.epoch_seconds == MADE.epoch_seconds


def test_an_epoch_that_is_cut_short_is_scored_like_any_other() -> None:
    # 10 + 2.5 * 14.25 + 3 * 11
    assert dataclasses.replace(MADE, epochs=2.5).seconds == pytest.approx(78.625)


@pytest.mark.parametrize(
    ("limits", "batches"),
    [
        ({}, 60),
        # 25 steps of two batches.
        ({"steps": 25, "accumulate": 2}, 50),
        ({"steps": 1000}, 60),
        # 0.3 minutes are 18 of the 12 seconds that 20 batches take.
        ({"minutes": 0.3}, 30),
        ({"minutes": 0.3, "steps": 10}, 10),
    ],
)
def test_the_first_limit_ends_the_run(limits: dict, batches: float) -> None:
    assert expected_batches(Training(epochs=3, **limits), 20, 12.0) == pytest.approx(batches)


# What is said

SAID = Forecast(711_567, (783, 527), 355, 7, 30.0, 90.0, 9.0, 1123.4, 16_000.0)


def test_a_forecast_is_plain_english() -> None:
    # 30 + 7 * 99 is 723 seconds.
    assert str(SAID).splitlines()[:3] == [
        "711,567 parameters, a vocabulary of 783 and 527 pieces, 355 batches per epoch.",
        "Time: 12 minutes for 7 epochs at most. It is 99 seconds per epoch, 9.0 seconds of them for the development "
        "set, and 30 seconds to start.",
        "Memory: 1,123 MB at the peak, of the 16,000 MB of this machine.",
    ]
    assert "too much" not in str(SAID)
    assert "That is too much: lower training.batch_size" in str(dataclasses.replace(SAID, machine_mb=1000.0))


# What is timed


class Clock:
    """A clock that a batch moves: the first of all by a minute, the others by 2 and 3 seconds in turn."""

    def __init__(self) -> None:
        self.now, self.batches = 100.0, 0

    def monotonic(self) -> float:
        return self.now

    def step(self) -> None:
        self.now += 2.0 + self.batches % 2 if self.batches else 60.0
        self.batches += 1


@pytest.mark.parametrize("batches", [1, 7, STEPS + 20])
def test_fifty_steps_are_timed_after_the_one_that_traces(batches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, model = Clock(), small_model()
    monkeypatch.setattr(forecasting, "time", clock)

    class Stepping(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
            clock.step()

    fit = model.fit
    monkeypatch.setattr(
        model, "fit", lambda data, callbacks, **how: fit(data, callbacks=[Stepping(), *callbacks], **how)
    )
    tracing, step = time_steps(model, small_data(batches))
    assert clock.batches == int(model.optimizer.iterations) == STEPS + 1
    # 25 steps of 2 seconds and 25 of 3.
    assert (tracing, step) == (pytest.approx(60.0), pytest.approx(2.5))


def test_the_forecast_is_of_the_run_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = corpora(tmp_path / "data")
    one_epoch = with_settings(CONFIG, ["training.epochs=1"])
    before = contents(tmp_path)
    with logged() as said:
        found = forecast(one_epoch, *data)
    assert contents(tmp_path) == before
    translator = run(one_epoch, data, tmp_path / "toy")
    (record,) = records(tmp_path / "toy")
    assert found.parameters == translator.model.count_params()
    assert found.vocabularies == (translator.tokenizers.source.vocabulary, translator.tokenizers.target.vocabulary)
    assert found.batches == record["step"]
    assert min(found.starting_seconds, found.step_seconds, found.scoring_seconds) > 0
    # One process, whose peak never falls.
    assert 0 < found.memory_mb <= record["memory_mb"]
    assert "53 pairs from train.tsv; unigram vocabulary of 37 pieces." in said


def test_a_guided_run_is_forecast_too(tmp_path: Path) -> None:
    (tmp_path / "links").write_text("0-0 1-2 2-1\n" * 53)
    corpus, dev = corpora(tmp_path / "data")
    settings = ["training.guided_alignment=0.5", "training.scheduled_sampling=0.3"]
    found = forecast(with_settings(CONFIG, settings), with_links(corpus, tmp_path / "links"), dev)
    assert min(found.starting_seconds, found.step_seconds, found.scoring_seconds) > 0
    assert all(map(math.isfinite, (found.seconds, found.memory_mb)))


def test_a_language_model_is_forecast_too(tmp_path: Path) -> None:
    for name, chosen in (("train", PAIRS[:53]), ("dev", PAIRS[53:])):
        (tmp_path / name).write_text("".join(f"{target}\n" for _, target in chosen))
    data = [from_text(tmp_path / name) for name in ("train", "dev")]
    settings = ["model.architecture=language-model", "model.attention_units=256", "text.vocabulary_size=29"]
    found = forecast(with_settings(CONFIG, settings), *data)
    assert min(found.parameters, found.step_seconds, found.scoring_seconds) > 0


# Refusals


@pytest.mark.parametrize(("settings", "pairs", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_a_training_refuses_is_refused(
    tmp_path: Path, settings: list[str], pairs: list[tuple[str, str]], words: str
) -> None:
    chosen = with_settings(CONFIG, ["text.vocabulary_size=auto", *settings])
    with pytest.raises(InputError, match=words):
        forecast(chosen, *corpora(tmp_path, pairs))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("training.accumulate=1000", "nothing would be learned"),
        ("training.guided_alignment=0.5", "--links"),
        ("training.devices=64", "TensorFlow sees"),
    ],
)
def test_a_run_that_could_not_begin_is_refused(tmp_path: Path, setting: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        forecast(with_settings(CONFIG, [setting]), *corpora(tmp_path))
