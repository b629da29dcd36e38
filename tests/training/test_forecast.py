"""A forecast is of the run itself: a part of it is timed, and the rest is multiplied."""

import dataclasses
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import pytest
from logged import logged
from small_models import data as small_data
from small_models import small_model
from test_fit import CONFIG, PAIRS, UNUSABLE, contents, corpora, records, run

from nmt.config import Config, Training, with_settings
from nmt.data.corpora import Corpus, from_text
from nmt.data.word_links import with_links
from nmt.errors import InputError
from nmt.inference.completer import Completer
from nmt.inference.translator import Translator
from nmt.training import forecast as forecasting
from nmt.training.forecast import STEPS, Forecast, expected_batches, forecast, time_scoring, time_steps
from nmt.training.inputs import run_parts, uncounted_batches

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


@pytest.mark.parametrize(
    ("epochs", "words"),
    [
        (1, "for one epoch. "),
        (1.04, "for 1 epoch at most. "),
        (0.97, "for 1 epoch at most. "),
        (1.06, "for 1.1 epochs at most. "),
        (0.04, "for 4% of an epoch at most. "),
        (0.0034, "for 0.34% of an epoch at most. "),
    ],
)
def test_epochs_are_one_or_several_or_a_part_of_one(epochs: float, words: str) -> None:
    assert words in str(dataclasses.replace(MADE, epochs=epochs))


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


@pytest.mark.parametrize(
    ("tracing", "starting"),
    # The 10 seconds of the parts, 60 of the 61.5 that the first step took longer than filling the buffer, and 4 of
    # tracing the search. A first step that was quicker than the buffer had been takes nothing away.
    [(61.5, 74.0), (1.0, 14.0)],
)
def test_what_was_timed_is_projected_by_hand(
    tracing: float, starting: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = iter([100.0, 110.0, 110.0, 111.5])
    monkeypatch.setattr(forecasting, "time", SimpleNamespace(monotonic=lambda: next(readings)))
    monkeypatch.setattr(forecasting, "time_steps", lambda *_: (tracing, 0.25))
    monkeypatch.setattr(forecasting, "time_scoring", lambda *_, **__: (4.0, 11.0))
    found = forecast(with_settings(CONFIG, ["data.buckets=1", "training.minutes=0.05"]), *corpora(tmp_path))
    assert found.starting_seconds == pytest.approx(starting)
    # 53 pairs are 5 batches of 11 at most. They take 1.25 seconds, and 1.5 filled the buffer.
    assert found.batches == 5
    assert found.step_seconds == pytest.approx(2.75)
    assert found.scoring_seconds == pytest.approx(11.0)
    # 0.05 minutes are 3 of the 1.25 seconds.
    assert found.epochs == pytest.approx(2.4)
    # 2.4 * 2.75 + 3 * 11
    assert found.seconds == pytest.approx(starting + 39.6)


# What is said

SAID = Forecast(
    711_567,
    vocabularies=(783, 527),
    batches=355,
    epochs=7,
    starting_seconds=30.0,
    step_seconds=90.0,
    scoring_seconds=9.0,
    memory_mb=1123.4,
    machine_mb=16_000.0,
)


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


def costing(clock: Clock, work: Callable[..., Any], *seconds: float) -> Callable[..., Any]:
    """The same work, which moves the clock by these seconds, one after another."""
    left = list(seconds)

    def timed(*arguments: Any, **how: Any) -> Any:
        clock.now += left.pop(0)
        return work(*arguments, **how)

    return timed


@pytest.mark.parametrize(
    ("max_length", "batch_size", "scoring"),
    # Seven references in characters, with one before each word and the end: three as "▁Juno▁holds▁bread</s>" and four
    # as "▁Mina▁buys▁bread</s>" are 3 * 18 + 4 * 17 = 122 pieces. Each translation is made max_length long, and its end
    # counts too. The loss takes 2 seconds, the search 6, the scores 0.5.
    [
        # Four batches of one sentence: each second one, four in all.
        (29, 1, 2 + 6 * 122 / (4 * 30) + 0.5),
        (29, 64, 2 + 6 * 122 / (7 * 30) + 0.5),
        # No more than 5 pieces of each reference would be written.
        (5, 64, 2 + 6 * (7 * 5) / (7 * 6) + 0.5),
    ],
)
def test_the_scoring_is_timed_by_hand(
    max_length: int, batch_size: int, scoring: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = [f"decoding.{key}={max_length}" for key in ("min_length", "max_length")]
    chosen = with_settings(
        CONFIG, ["text.kind=char", "text.vocabulary_size=auto", f"decoding.batch_size={batch_size}", *settings]
    )
    # The first loss takes 20 seconds, the first search 40.
    found = timed_scoring(chosen, corpora(tmp_path), monkeypatch, search=(Translator, "translate"))
    assert found == (pytest.approx(60.0), pytest.approx(scoring))


def test_the_scoring_of_a_language_model_is_timed_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = timed_scoring(LANGUAGE_MODEL, texts(tmp_path), monkeypatch, search=(Completer, "complete"))
    assert found == (pytest.approx(60.0), pytest.approx(2 + 6))


def timed_scoring(
    config: Config, data: tuple[Corpus, Corpus], monkeypatch: pytest.MonkeyPatch, *, search: tuple[type, str]
) -> tuple[float, float]:
    clock, parts = Clock(), run_parts(config, *data)
    monkeypatch.setattr(forecasting, "time", clock)
    monkeypatch.setattr(parts.scored, "evaluate", costing(clock, parts.scored.evaluate, 20.0, 2.0))
    monkeypatch.setattr(*search, costing(clock, getattr(*search), 40.0, 6.0))
    monkeypatch.setattr(forecasting, "score", costing(clock, forecasting.score, 0.5))
    with uncounted_batches():
        return time_scoring(config, parts.scored, parts.tokenizers, dev=data[1], development=parts.development)


def test_the_forecast_is_of_the_run_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = corpora(tmp_path / "data")
    one_epoch = with_settings(CONFIG, ["training.epochs=1"])
    before = contents(tmp_path)
    with logged() as said, warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # Keras's would be printed between the lines of the command
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


LANGUAGE_MODEL = with_settings(
    CONFIG, ["model.architecture=language-model", "model.attention_units=256", "text.vocabulary_size=29"]
)


def texts(place: Path) -> tuple[Corpus, Corpus]:
    for name, chosen in (("train", PAIRS[:53]), ("dev", PAIRS[53:])):
        (place / name).write_text("".join(f"{target}\n" for _, target in chosen))
    return from_text(place / "train"), from_text(place / "dev")


def test_a_language_model_is_forecast_too(tmp_path: Path) -> None:
    found = forecast(LANGUAGE_MODEL, *texts(tmp_path))
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
