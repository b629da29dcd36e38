"""A forecast projects what was measured, and what is measured is the run."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_fit import CONFIG, PAIRS, UNUSABLE, contents, corpora, records, run, silent

from nmt.config import Config, with_settings
from nmt.data.corpora import from_text
from nmt.data.word_links import with_links
from nmt.errors import InputError
from nmt.training.fit import fit_tokenizers
from nmt.training.forecast import Forecast, forecast, project, scoring_seconds, step_costs
from nmt.training.measuring import Measured, Scoring, Shape, measure

# Half a second a step, a hundredth for each place, a thousandth for each word.
COSTS = (0.5, 0.01, 0.001)
SMALL, LARGE, OTHER = Shape(2, 3, 5), Shape(2, 4, 7), Shape(11, 3, 13)
MEASURED = Measured(
    parameters=4321,
    vocabularies=(37, 41),
    pairs=1100,
    sampled=500,
    batches=20,
    shapes={SMALL: 7, LARGE: 3},
    # 8 places and 16 words, 11 and 22, 16 and 176.
    timed=((SMALL, 0.596), (LARGE, 0.632), (OTHER, 0.836)),
    starting={"vocabulary": 4.0, "tracing": 6.0},
    filling=1.5,
    scoring=Scoring(2.0, 0.4, 3.0, 30, 50, 1.0),
    bytes_a_pair=5000.0,
    memory_mb=1000.0,
    machine_mb=8000.0,
)


def config(*changes: str) -> Config:
    return with_settings(Config(), ["training.epochs=3", "data.shuffle_buffer=700", *changes])


def changed(**changes: object) -> Measured:
    return dataclasses.replace(MEASURED, **changes)


# What is projected


def test_the_whole_is_projected_from_the_part_by_hand() -> None:
    found = project(config(), MEASURED)
    # The sample makes 10 batches of the 20: twice 7 * 0.596 + 3 * 0.632 is 12.136. The buffer holds 700 pairs of the
    # 1100, and 1.5 seconds filled it with the 500 of the sample: 2.1 for all.
    assert found.step_seconds == pytest.approx(14.236)
    # 2 / 0.4 is 5; 3 seconds for 30 steps are 5 for 50; and 1.
    assert found.scoring_seconds == pytest.approx(11.0)
    assert found.epoch_seconds == pytest.approx(25.236)
    assert found.starting_seconds == pytest.approx(10.0)
    assert found.seconds == pytest.approx(85.708)
    # 200 pairs more than were held, of 5000 bytes.
    assert found.memory_mb == pytest.approx(1001.0)
    assert (found.parameters, found.vocabularies, found.batches) == (4321, (37, 41), 20)


@pytest.mark.parametrize(
    ("buffer", "megabytes"),
    # Nothing is added for what was held when it was measured, and never more than there are pairs.
    [(1, 1000.0), (499, 1000.0), (500, 1000.0), (501, 1000.005), (1100, 1003.0), (10**9, 1003.0)],
)
def test_memory_grows_with_the_shuffle_buffer_up_to_the_corpus(buffer: int, megabytes: float) -> None:
    assert project(config(f"data.shuffle_buffer={buffer}"), MEASURED).memory_mb == pytest.approx(megabytes)


def test_a_corpus_that_was_measured_whole_is_projected_as_it_is() -> None:
    found = project(config(), changed(pairs=500, batches=10))
    assert found.step_seconds == pytest.approx(1.5 + 12.136 / 2)
    assert found.memory_mb == 1000.0


def test_more_epochs_take_more_time_and_no_more_memory() -> None:
    three, five = (project(config(f"training.epochs={epochs}"), MEASURED) for epochs in (3, 5))
    assert five.seconds - three.seconds == pytest.approx(2 * 25.236)
    assert (five.epoch_seconds, five.memory_mb) == (three.epoch_seconds, three.memory_mb)


@pytest.mark.parametrize(
    ("limits", "epochs", "seconds"),
    [
        # 25 steps of two batches are two epochs and a half, and three scorings: 10 + 2.5 * 14.236 + 3 * 11.
        (["training.steps=25", "training.accumulate=2"], 2.5, 78.59),
        (["training.steps=1000"], 3, 85.708),
        # 0.30340 minutes of steps are an epoch and a half of 12.136 seconds each: 10 + 1.5 * 14.236 + 2 * 11.
        (["training.minutes=0.3034"], 1.5, 53.354),
        (["training.minutes=0.3034", "training.steps=10"], 0.5, 28.118),
    ],
)
def test_the_first_limit_ends_the_run(limits: list[str], epochs: float, seconds: float) -> None:
    found = project(config(*limits), MEASURED)
    assert found.epochs == pytest.approx(epochs)
    assert found.seconds == pytest.approx(seconds)


def test_a_whole_development_set_that_was_scored_takes_what_it_took() -> None:
    assert scoring_seconds(Scoring(2.0, 1.0, 3.0, 7, 7, 0.5)) == pytest.approx(5.5)


shapes = st.builds(Shape, *(st.integers(1, 97) for _ in range(3)))
few = settings(max_examples=50, deadline=None)


def predicted(costs: np.ndarray, shape: Shape) -> float:
    return float(costs @ [1, shape.steps, shape.tokens])


def test_the_costs_of_a_step_are_found_by_hand() -> None:
    np.testing.assert_allclose(step_costs(MEASURED.timed), COSTS, rtol=1e-6)


@few
@given(st.lists(shapes, min_size=1, max_size=13), st.tuples(*[st.floats(0, 1)] * 3))
def test_what_was_timed_without_noise_is_predicted_as_it_was(
    found: list[Shape], costs: tuple[float, float, float]
) -> None:
    timed = [(shape, predicted(np.array(costs), shape)) for shape in found]
    fitted = step_costs(timed)
    assert fitted.min() >= 0
    for shape, seconds in timed:
        assert predicted(fitted, shape) == pytest.approx(seconds, rel=1e-4, abs=1e-6)


@few
@given(st.lists(st.tuples(shapes, st.floats(0.001, 10)), min_size=1, max_size=13))
def test_no_cost_is_negative_whatever_was_timed(timed: list[tuple[Shape, float]]) -> None:
    assert step_costs(timed).min() >= 0


def test_where_longer_batches_were_quicker_their_mean_is_taken() -> None:
    np.testing.assert_allclose(step_costs([(SMALL, 0.7), (LARGE, 0.5)]), [0.6, 0, 0])


# What is said

SAID = Forecast(711_567, (783, 527), 355, 7, 30.0, 90.0, 9.0, 1123.4, 16_000.0)


def test_a_forecast_is_plain_english() -> None:
    # 30 + 7 * 99 is 723 seconds.
    assert str(SAID).splitlines()[:3] == [
        "711,567 parameters, a vocabulary of 783 and 527 pieces, 355 batches an epoch.",
        "Time: 12 minutes for 7 epochs at most. It is 99 seconds an epoch, 9.0 seconds of them for the development "
        "set, and 30 seconds to start.",
        "Memory: 1,123 MB at the peak, of 16,000 MB that this machine has.",
    ]
    assert "too much" not in str(SAID)
    assert "That is too much: lower training.batch_size" in str(dataclasses.replace(SAID, machine_mb=1000.0))


# What is measured


def test_the_forecast_is_of_the_run_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data, said = corpora(tmp_path / "data"), []
    one_epoch = with_settings(CONFIG, ["training.epochs=1"])
    before = contents(tmp_path)
    found = forecast(one_epoch, *data, said.append, seconds=0.1)
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


def test_every_part_of_a_guided_run_is_measured(tmp_path: Path) -> None:
    (tmp_path / "links").write_text("0-0 1-2 2-1\n" * 53)
    corpus, dev = corpora(tmp_path / "data")
    settings = ["training.guided_alignment=0.5", "training.scheduled_sampling=0.3"]
    found = measure(with_settings(CONFIG, settings), with_links(corpus, tmp_path / "links"), dev, silent, seconds=60.0)
    assert (found.pairs, found.sampled) == (53, 53)
    # An epoch, however long it was allowed to take, without the step that traces and with one on the largest batch.
    assert len(found.timed) == found.batches == sum(found.shapes.values())
    assert found.timed[-1][0] == max(found.shapes, key=lambda shape: shape.tokens)
    # All 7 development pairs are in the one batch or two that they make.
    assert found.scoring.loss_share == 1.0
    # Shared out to two threads, the seven are fours and threes, by the length of their sources; each step writes a
    # piece of all in a batch, and the end is one, too.
    tokenizers = fit_tokenizers(CONFIG, corpus, silent)
    ordered = sorted(dev.pairs(), key=lambda pair: len(pair[0]))
    pieces = tokenizers.target.encode([target for _, target in ordered]).row_lengths().numpy()
    assert found.scoring.steps == max(pieces[:4]) + 1 + max(pieces[4:]) + 1
    # Two texts and a line of links: 11 letters at least each, and what TensorFlow keeps of them.
    assert found.bytes_a_pair > 3 * (300 + 9)
    assert set(found.starting) == {
        "vocabulary", "batches", "models", "tracing the batches", "tracing", "tracing the loss", "tracing the search",
    }  # fmt: skip


def test_a_language_model_is_forecast_too(tmp_path: Path) -> None:
    for name, chosen in (("train", PAIRS[:53]), ("dev", PAIRS[53:])):
        (tmp_path / name).write_text("".join(f"{target}\n" for _, target in chosen))
    data = [from_text(tmp_path / name) for name in ("train", "dev")]
    settings = ["model.architecture=language-model", "model.attention_units=256", "text.vocabulary_size=29"]
    found = forecast(with_settings(CONFIG, settings), *data, silent, seconds=0.1)
    assert min(found.parameters, found.step_seconds, found.scoring_seconds) > 0


# Refusals


@pytest.mark.parametrize(("settings", "pairs", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_a_training_refuses_is_refused(
    tmp_path: Path, settings: list[str], pairs: list[tuple[str, str]], words: str
) -> None:
    chosen = with_settings(CONFIG, ["text.vocabulary_size=auto", *settings])
    with pytest.raises(InputError, match=words):
        forecast(chosen, *corpora(tmp_path, pairs), silent)


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
        forecast(with_settings(CONFIG, [setting]), *corpora(tmp_path), silent)
