"""A run makes a model's folder, and one that was interrupted ends as if it had not been."""

import dataclasses
import gzip
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from logged import logged
from small_models import data, small_model

import nmt
from nmt.commands import console
from nmt.config import Config, from_file, with_settings
from nmt.data.corpora import Corpus, from_pairs, from_tsv
from nmt.data.word_links import with_links
from nmt.errors import InputError, Stopped, WorkFailed
from nmt.evaluation.judge import quality
from nmt.evaluation.scores import score
from nmt.folder_lock import folder_lock
from nmt.inference import head_file
from nmt.inference.calibration import calibrate
from nmt.inference.head_file import new_head
from nmt.inference.translator import Translator
from nmt.models.seq2seq import Seq2Seq
from nmt.output_streams import LastingStream
from nmt.presets import preset
from nmt.saving import replace_config
from nmt.stop_signals import stop_signals
from nmt.training import fit, setup
from nmt.training.callbacks import Journal
from nmt.training.checkpoint import Checkpoint, Fingerprints, SaveCheckpoint
from nmt.training.fit import train_model
from nmt.training.inputs import RunParts, expected_steps, make_pipeline

WHO = {"mina": "Mina", "juno": "Juno", "sora": "Sora", "dori": "Dori"}
WHAT = {"bap": "rice", "cha": "tea", "mul": "water", "kong": "beans", "pang": "bread"}
DOES = {"mogo": "eats", "pado": "holds", "tana": "buys"}
PAIRS = [(f"{w} {o} {v}", f"{WHO[w]} {DOES[v]} {WHAT[o]}") for o in WHAT for v in DOES for w in WHO]
SMALL = [
    "text.vocabulary_size=37",
    "data.buckets=2",
    "model.units=8",
    "model.embedding=8",
    "model.attention_units=7",
    "model.dropout=0.3",
    "training.batch_size=11",
    "training.learning_rate=0.02",
    "training.warmup_steps=3",
    "training.epochs=3",
    "decoding.max_length=11",  # a model that has not learned to stop would write 200 tokens for every sentence
]
CONFIG = with_settings(Config(), SMALL)
# 53 pairs in batches of 11, in a few shapes.
COSTS = ("tokens/s", "val_seconds", "seconds", "memory_mb")


def corpora(place: Path, pairs: list[tuple[str, str]] = PAIRS) -> tuple[Corpus, Corpus]:
    """Training and development corpora of files in ``place``."""
    place.mkdir(exist_ok=True)
    for name, chosen in (("train", pairs[:53]), ("dev", PAIRS[53:])):
        lines = "".join(f"{source}\t{target}\n" for source, target in chosen)
        (place / f"{name}.tsv").write_text(lines, encoding="utf-8")
    return from_tsv(place / "train.tsv"), from_tsv(place / "dev.tsv")


def linked(corpus: Corpus, links: Path, line: str = "0-0 1-2 2-1") -> Corpus:
    """The corpus with the links of its words: subject, object, verb against subject, verb, object."""
    links.write_text(f"{line}\n" * 53)
    return with_links(corpus, links)


def run(config: Config, data: tuple[Corpus, Corpus], folder: Path, resume: bool = False) -> Translator:
    return train_model(config, *data, folder, resume=resume)


@dataclasses.dataclass
class Done:
    data: tuple[Corpus, Corpus]
    folder: Path
    translator: Translator
    said: list[str]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A run that nobody interrupted."""
    place = tmp_path_factory.mktemp("whole")
    data = corpora(place / "data")
    with logged() as said:
        translator = run(CONFIG, data, place / "models" / "toy")
    return Done(data, place / "models" / "toy", translator, said)


def records(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def without_costs(folder: Path) -> list[dict[str, float]]:
    return [{key: value for key, value in record.items() if key not in COSTS} for record in records(folder)]


def state(folder: Path) -> dict[str, np.ndarray]:
    """All that the run ended with, but the clock of tokens per second, which alone is in float64."""
    with np.load(folder / "training" / "state.npz") as stored:
        return {name: stored[name] for name in stored.files if stored[name].dtype != np.float64}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_same_run(folder: Path, other: Path) -> None:
    mine, wanted = state(folder), state(other)
    assert mine.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(mine[name], value, err_msg=name)
    assert without_costs(folder) == without_costs(other)
    for a, b in zip(*[Translator.load(place).model.get_weights() for place in (folder, other)], strict=True):
        np.testing.assert_array_equal(a, b)


# What a run makes


def test_the_folder_is_that_of_the_design(whole: Done) -> None:
    assert {path.name for path in whole.folder.iterdir()} == {
        "checksums.json",
        "config.toml",
        "joint.spm.model",
        "model.weights.h5",
        "metrics.jsonl",
        "training",
        "logs",
    }
    assert [path.name for path in (whole.folder / "training").iterdir()] == ["state.npz"]
    assert list(whole.folder.parent.iterdir()) == [whole.folder]
    # The maximum length of a translation was fitted to the pairs, which need less than the least.
    assert from_file(whole.folder / "config.toml") == with_settings(
        CONFIG, ["decoding.max_ratio=3.0", "text.normalization=nfc"]
    )


def test_the_journal_has_a_record_an_epoch(whole: Done) -> None:
    found = records(whole.folder)
    assert [record["epoch"] for record in found] == [1, 2, 3]
    for record in found:
        assert {"loss", "perplexity", "accuracy", "tokens/s", "learning_rate", "step"} < record.keys()
        assert {"val_loss", "val_perplexity", "val_accuracy", "val_bleu", "val_chrf", "val_seconds"} < record.keys()
        assert (record.pop("watch"), record.pop("tokenizer")) == ("val_chrf", "13a")  # targets of three words
        assert record.pop("source_scripts") == ["Latin"]
        assert all(np.isfinite(value) for value in record.values())
        assert record["tokens/s"] > 0
        # The scoring is a part of the epoch.
        assert record["seconds"] > record["val_seconds"] > 0
    memory = [record["memory_mb"] for record in found]
    assert memory == sorted(memory)
    assert memory[0] > 50
    assert found[2]["loss"] < found[0]["loss"]


def test_an_epoch_has_as_many_steps_as_batches(whole: Done) -> None:
    text = whole.translator.tokenizers
    pipeline, batches = make_pipeline(CONFIG, whole.data[0], text)
    assert batches == len(list(pipeline.epoch(0))) >= 5
    assert expected_steps(CONFIG, batches) == 3 * batches
    assert [record["step"] for record in records(whole.folder)] == [batches, 2 * batches, 3 * batches]


def test_the_returned_model_is_the_best_one_of_the_folder(whole: Done) -> None:
    loaded = Translator.load(whole.folder)
    for a, b in zip(whole.translator.model.get_weights(), loaded.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    sources = [source for source, _ in PAIRS[53:]]
    texts = [translation.text for translation in loaded.translate(sources)]
    best = max(records(whole.folder), key=lambda record: quality(record, "val_chrf"))
    scores = score(texts, [target for _, target in PAIRS[53:]])
    assert (scores.bleu, scores.chrf) == pytest.approx((best["val_bleu"], best["val_chrf"]))


def test_the_news_tell_what_is_trained(whole: Done) -> None:
    news = "\n".join(whole.said)
    assert "53 pairs from train.tsv; unigram vocabulary of 37 pieces." in news
    assert "of the batches is padding." in news
    assert f"{whole.translator.model.count_params():,} parameters." in news
    assert [line.partition(" after ")[2][:7] for line in whole.said if line.startswith("dev chrF")] == [
        "epoch 1",
        "epoch 2",
        "epoch 3",
    ]


# Interruptions


class Interrupter(fit.SaveCheckpoint):
    """Sends a signal to this process before some batch's end, as Ctrl-C and a scheduler do."""

    places: dict[tuple[int, int], signal.Signals] = {}

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        epoch, first = self.begin
        if number := self.places.pop((epoch, first + batch), None):
            os.kill(os.getpid(), number)
        super().on_train_batch_end(batch, logs)


def test_a_terminal_that_is_closed_stops_a_run_cleanly_unless_that_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        with stop_signals(lambda number, frame: heard.append(number)):
            os.kill(os.getpid(), signal.SIGHUP)
        assert heard == [signal.SIGHUP]
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup does this, for the tests, too
        with stop_signals(lambda number, frame: heard.append(number)):
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert heard == [signal.SIGHUP]


class Killed(BaseException):
    pass


class KilledInSecondEpoch(fit.DevScores):
    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        if epoch == 1:
            raise Killed


def test_a_run_that_is_interrupted_in_every_way_ends_as_the_uninterrupted_one(
    whole: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in mid-epoch, made longer after its end, killed, stopped at the very end of an epoch: one run has it all.

    It is made anew from its first batch, vocabulary and weights included, so the same seed gives the same run.
    """
    folder, last = tmp_path / "toy", records(whole.folder)[0]["step"] - 1
    monkeypatch.setattr(Interrupter, "places", {(0, 1): signal.SIGINT, (1, last): signal.SIGTERM})
    before = signal.getsignal(signal.SIGINT)
    one_epoch = with_settings(CONFIG, ["training.epochs=1"])
    # One Ctrl-C at a terminal ends ``tee``, too: every line of news fails, that of the signal as well.
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as unread, monkeypatch.context() as patch, console.news():
        patch.setattr(sys, "stderr", LastingStream(unread))
        patch.setattr(fit, "SaveCheckpoint", Interrupter)
        with pytest.raises(WorkFailed, match="Stopped in epoch 1 after 2 batches"):
            run(one_epoch, whole.data, folder)
    with np.load(folder / "training" / "state.npz") as stored:
        assert stored["position"][:2].tolist() == [0, 2]
    assert not (folder / "model.weights.h5").exists()
    run(one_epoch, whole.data, folder, resume=True)
    # Killed when it has scored its second epoch and saved nothing of it.
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(fit, "DevScores", KilledInSecondEpoch)
        run(CONFIG, whole.data, folder, resume=True)
    with (
        monkeypatch.context() as patch,
        pytest.raises(WorkFailed, match=f"Stopped in epoch 2 after {last + 1} batches"),
    ):
        patch.setattr(fit, "SaveCheckpoint", Interrupter)
        run(CONFIG, whole.data, folder, resume=True)
    run(CONFIG, whole.data, folder, resume=True)
    assert_same_run(folder, whole.folder)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_that_is_stopped_after_its_last_step_is_still_scored(
    whole: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``training.steps`` end within the first epoch: the state has the last step, and there are no weights yet."""
    limited = with_settings(CONFIG, ["training.steps=2"])
    undisturbed = run(limited, whole.data, tmp_path / "undisturbed")
    monkeypatch.setattr(Interrupter, "places", {(0, 1): signal.SIGTERM})
    monkeypatch.setattr(fit, "SaveCheckpoint", Interrupter)
    with pytest.raises(WorkFailed, match="Stopped in epoch 1 after 2 batches"):
        run(limited, whole.data, tmp_path / "stopped")
    resumed = run(limited, whole.data, tmp_path / "stopped", resume=True)
    assert [record["step"] for record in records(tmp_path / "stopped")] == [2]
    assert without_costs(tmp_path / "stopped") == without_costs(tmp_path / "undisturbed")
    for a, b in zip(resumed.model.get_weights(), undisturbed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


STILL_TO_DO = (
    r"^Stopped at the end of the last epoch\. Still to do after the last epoch: choose the search, which is greedy "
    r"until then; learn a confidence\.$"
)


class StoppedWhileScoring(fit.DevScores):
    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        super().on_epoch_end(epoch, logs)


def test_a_run_that_is_stopped_while_its_last_epoch_is_scored_does_the_rest_when_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search is chosen and a confidence learned without the shortlist, which is made after the training."""
    last = ["training.steps=2", "training.confidence=on", "decoding.beam=auto", "decoding.shortlist=true"]
    settings, folder = with_settings(CONFIG, last), tmp_path / "toy"
    data = (corpora(tmp_path / "data")[0], from_pairs(PAIRS * 2))
    with monkeypatch.context() as patch, pytest.raises(Stopped, match=STILL_TO_DO):
        patch.setattr(fit, "DevScores", StoppedWhileScoring)
        run(settings, data, folder)
    assert [record["step"] for record in records(folder)] == [2]
    assert from_file(folder / "config.toml").decoding.beam == "auto" and not (folder / "confidence.json").exists()
    monkeypatch.setattr("nmt.training.choose_search.SECONDS", 0.0)  # a beam of one size is tried
    with logged() as said:
        run(settings, data, folder, resume=True)
    assert any("The run is at its end after 1 epochs" in line for line in said)
    decoding = from_file(folder / "config.toml").decoding
    assert decoding.beam in (1, 5) and decoding.shortlist
    assert (folder / "confidence.json").exists()


def test_a_head_and_a_confidence_of_the_folder_stay_as_long_as_they_fit_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, parts = tmp_path / "toy", ("alignment.npz", "confidence.json")
    short = with_settings(CONFIG, ["training.steps=2"])
    data = (corpora(tmp_path / "data")[0], from_pairs(PAIRS * 2))
    model = run(short, data, folder).model
    assert isinstance(model, Seq2Seq)
    head_file.write(folder, new_head(model))  # as `nmt align --teach` does
    heads = []

    def calibrated(translator: Translator, *given: Any, **named: Any) -> Any:
        heads.append(translator.heads)
        return calibrate(translator, *given, **named)

    monkeypatch.setattr(fit, "calibrate", calibrated)
    sure = with_settings(short, ["training.confidence=on"])
    assert run(sure, data, folder, resume=True).confidence
    assert len(heads) == 1 and heads[0] and Translator.load(folder).confidence
    before = [(folder / name).read_bytes() for name in parts]
    with logged() as said, monkeypatch.context() as patch:
        patch.delattr(fit, "linked_meanwhile")  # a head that is there needs no links
        again = run(with_settings(sure, ["training.alignment_head=on"]), data, folder, resume=True)
    assert any("alignment.npz fits the weights and is kept; `nmt align --teach" in line for line in said)
    assert [(folder / name).read_bytes() for name in parts] == before and again.heads and again.confidence
    monkeypatch.setattr("nmt.training.callbacks.best_epoch", lambda qualities: len(qualities) - 1)
    with logged() as said:
        run(with_settings(sure, ["training.steps=3"]), data, folder, resume=True)
    assert any("so alignment.npz and confidence.json of" in line and "are gone" in line for line in said)
    assert not (folder / parts[0]).exists() and (folder / parts[1]).read_bytes() != before[1]
    assert heads[1:] == [()]


def test_a_confidence_of_another_search_is_removed_with_the_config_of_that_search(
    whole: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is at its end. It dies when it would learn a confidence, and none is left from before."""
    folder = Path(shutil.copytree(whole.folder, tmp_path / "toy"))

    def resumed(*settings: str) -> tuple[Any, bool]:
        (folder / "confidence.json").write_text("of before")
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(fit, "_with_confidence", kill)
            run(with_settings(CONFIG, settings), whole.data, folder, resume=True)
        return from_file(folder / "config.toml").decoding.beam, (folder / "confidence.json").exists()

    def kill(*_: Any, **__: Any) -> None:
        raise Killed

    assert resumed() == (1, True)
    assert resumed("decoding.batch_size=7") == (1, True)
    assert resumed("decoding.batch_size=5") == (1, True)
    assert resumed("decoding.max_length=77") == (1, False)
    with logged() as said:
        assert resumed("decoding.beam=2") == (2, False)
    assert any("it was learned with another [decoding]" in line for line in said)
    assert resumed("decoding.beam=2", "decoding.no_repeat=3") == (2, False)
    # One that was learned by the greedy search of a stopped run is none of the search that is chosen at its end.
    monkeypatch.setattr(fit, "choose_search", lambda translator, pairs: translator.decoding(beam=3))
    replace_config(folder, with_settings(from_file(folder / "config.toml"), ["decoding.beam=auto"]))
    assert resumed("decoding.beam=auto") == (3, False)


def test_what_does_not_fit_at_the_end_of_a_run_is_removed(
    whole: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(whole.folder, tmp_path / "toy"))

    def resumed(*settings: str) -> tuple[str, ...]:
        for name in ("alignment.npz", "confidence.json"):
            (folder / name).write_text("of other weights")
        with logged() as said:
            translator = run(with_settings(CONFIG, settings), whole.data, folder, resume=True)
        assert not translator.heads and not translator.confidence and Translator.load(folder)
        return tuple(line for line in said if "is removed" in line or "was taught" in line)

    def teach(*_: Any, linked: Any, **__: Any) -> None:
        raise InputError("Nothing to learn from." if linked is None else "Linked twice.")

    head, confidence = resumed()
    assert "alignment.npz is damaged" in head and head.endswith(
        f"`nmt align --teach {folder} --pairs F` makes another one."
    )
    assert "confidence.json is damaged" in confidence and "--calibrate` makes another one." in confidence
    monkeypatch.setattr(fit, "teach", teach)
    head, failed, _ = resumed("training.alignment_head=auto")
    assert "It is removed; another one is made." in head and failed.endswith("Nothing to learn from.")


def test_a_run_that_is_stopped_says_what_better_weights_have_taken_away(
    whole: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(whole.folder, tmp_path / "toy"))
    (folder / "alignment.npz").touch()

    def stopped(*_: Any, **__: Any) -> None:
        (folder / "alignment.npz").unlink()
        raise Stopped("Stopped.")

    monkeypatch.setattr(fit, "_fit", stopped)
    wish = with_settings(CONFIG, ["training.alignment_head=auto", "training.confidence=auto"])
    with logged() as said, pytest.raises(Stopped, match=r"^Stopped\. Still .* epoch: teach an alignment head\.$"):
        run(wish, whole.data, folder, resume=True)
    assert any(f"so alignment.npz of {folder}" in line and "is gone" in line for line in said)


@pytest.mark.parametrize(
    ("settings", "pairs", "there", "undone"),
    [
        ([], 100, (), ["teach an alignment head", "learn a confidence"]),
        ([], 99, (), ["teach an alignment head"]),
        (["decoding.sample=true"], 100, (), ["teach an alignment head"]),
        ([], 100, ("alignment.npz", "confidence.json"), []),
        (
            ["decoding.beam=auto"],
            100,
            ("alignment.npz", "confidence.json"),
            ["choose the search", "learn a confidence"],
        ),
        ([], 100, ("confidence.json",), ["teach an alignment head", "learn a confidence"]),
        (["model.source=features"], 100, (), []),
        *[([f"model.architecture={kind}"], 100, (), []) for kind in ("language-model", "classifier", "tagger")],
        (["model.architecture=masked-language-model"], 100, (), []),
    ],
)
def test_a_stopped_run_names_only_what_it_will_do(
    settings: list[str], pairs: int, there: tuple[str, ...], undone: list[str]
) -> None:
    asked = with_settings(Config(), ["training.alignment_head=auto", "training.confidence=auto", *settings])
    *_, named = fit.left_undone(asked, pairs, there).partition("epoch: ")
    assert [step.split(",")[0].rstrip(".") for step in named.split("; ") if step] == undone


PRACTICE = with_settings(
    CONFIG,
    [
        "training.average_decay=0.8", "training.average_epochs=2", "training.accumulate=2",
        "training.scheduled_sampling=0.5", "training.weight_decay=0.01", "model.word_dropout=0.2",
        "model.recurrent_dropout=0.2", "training.guided_alignment=0.5", "model.context=output",
        "training.precision=bfloat16", "training.save_minutes=0", "data.noise=0.4",
    ],
)  # fmt: skip


class Copier(fit.SaveCheckpoint):
    """Copies the folder as a kill would leave it after the third batch of the second epoch."""

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_train_batch_end(batch, logs)
        if (self.begin[0], self.begin[1] + batch) == (1, 2):
            folder = self.checkpoint.path.parent.parent
            shutil.copytree(folder, folder.with_name("left"))


@pytest.fixture(scope="module")
def practised(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """An uninterrupted run with averages, accumulated gradients, guesses, dropped words and guidance."""
    place = tmp_path_factory.mktemp("practised")
    corpus, dev = corpora(place / "data")
    data = (linked(corpus, place / "links"), dev)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "SaveCheckpoint", Copier)
        translator = train_model(PRACTICE, *data, str(place / "toy"))  # a path may be text
    assert isinstance(translator, Translator)
    return Done(data, place / "toy", translator, [])


def test_a_run_with_every_practice_is_resumed_as_exactly(whole: Done, practised: Done) -> None:
    left = practised.folder.with_name("left")
    # After the third of five batches one gradient waits for its second.
    with np.load(left / "training" / "state.npz") as stored:
        assert stored["position"][:2].tolist() == [1, 3]
    run(PRACTICE, practised.data, left, resume=True)
    assert_same_run(left, practised.folder)
    assert records(left)[0]["val_loss"] != records(whole.folder)[0]["val_loss"]


def test_a_run_is_resumed_on_a_processor_without_its_precision(
    practised: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(practised.folder.with_name("left"), tmp_path / "left"))
    monkeypatch.setattr(setup, "_computes_bfloat16", lambda processor: False)
    config = with_settings(PRACTICE, ["training.precision=auto"])
    with logged() as said:
        model = run(config, practised.data, folder, resume=True).model
    assert any("this run computes in float32" in line for line in said)
    assert len(records(folder)) == 3 and records(folder)[0] == records(practised.folder)[0]
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert records(folder)[2]["val_loss"] == pytest.approx(records(practised.folder)[2]["val_loss"], rel=0.02)


def test_the_journal_shows_the_alignment_loss_of_training_alone(practised: Done) -> None:
    losses = [record["alignment_loss"] for record in records(practised.folder)]
    assert len(losses) == 3 and 0 < losses[2] < losses[0]
    assert "val_alignment_loss" not in records(practised.folder)[0]


def test_a_run_cannot_be_resumed_with_other_links_or_without_them(practised: Done, tmp_path: Path) -> None:
    before, (guided, dev) = contents(practised.folder), practised.data
    plain, unguided = corpora(tmp_path / "data")[0], with_settings(PRACTICE, ["training.guided_alignment=0"])
    with pytest.raises(InputError, match="used another corpus"):
        run(PRACTICE, (linked(plain, tmp_path / "links", "0-0 1-2"), dev), practised.folder, resume=True)
    with pytest.raises(InputError, match="or not at all"):
        run(unguided, (plain, dev), practised.folder, resume=True)
    with pytest.raises(InputError, match="there are none"):
        run(PRACTICE, (plain, dev), practised.folder, resume=True)
    with pytest.raises(InputError, match="which is 0"):
        run(CONFIG, (guided, dev), tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert contents(practised.folder) == before


def test_with_other_batches_the_rate_falls_over_the_steps_that_are_left(
    whole: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[RunParts] = []

    def resumed(size: int, *settings: str) -> tuple[int, int, int]:
        """The end and the rise of the schedule, and the batches of an epoch."""
        longer = with_settings(CONFIG, ["training.epochs=6", *settings, f"training.batch_size={size}"])
        with pytest.raises(Killed):
            run(longer, whole.data, whole.folder, resume=True)
        parts = found.pop()
        return int(parts.schedule.total), parts.schedule.warmup, parts.batches

    def kill(parts: RunParts, **_: Any) -> None:
        found.append(parts)
        raise Killed

    monkeypatch.setattr(fit, "_fit", kill)
    monkeypatch.setattr(fit, "replace_config", lambda *_: None)
    done = records(whole.folder)[-1]["step"]
    linear = "training.schedule=linear"
    end, _, batches = resumed(11, linear)
    assert end == 6 * batches + 1
    # Of a rise that is longer than all epochs with the new batches would be, none is left out.
    end, rise, fewer = resumed(60, linear, f"training.warmup_steps={done}")
    steps = done + 3 * fewer
    assert 6 * fewer < done and (end, rise) == (steps + 1, done)
    assert resumed(60, linear, f"training.steps={steps - 1}")[0] == steps


def test_a_run_that_is_at_its_end_is_left_as_it_is(whole: Done) -> None:
    before = contents(whole.folder)
    with logged() as said:
        translator = run(CONFIG, whole.data, whole.folder, resume=True)
    assert contents(whole.folder) == before
    assert "The run is at its end after 3 epochs. Raise training.epochs to continue it." in said
    for a, b in zip(translator.model.get_weights(), whole.translator.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_run_leaves_other_translators_as_they_are(whole: Done, tmp_path: Path) -> None:
    """A run seeds TensorFlow, which throws away what an operation keeps for itself."""
    translator = Translator.load(whole.folder)
    before = translator.translate(["mina bap mogo"])[0]
    with pytest.raises(InputError):
        run(with_settings(CONFIG, ["data.max_length=2"]), whole.data, tmp_path / "toy")
    assert translator.translate(["mina bap mogo"])[0].text == before.text


def test_an_epoch_may_have_more_batches_than_the_first(tmp_path: Path) -> None:
    """Keras alone ends each later epoch after as many batches as the first one had in this process."""
    seen: list[int] = []
    count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    # Epochs of three, five and seven batches.
    pipeline: Any = SimpleNamespace(epoch=lambda number, first: data(7).take(3 + 2 * number).skip(first))
    config = with_settings(CONFIG, ["training.epochs=3"])
    checkpoint = Checkpoint(tmp_path / "state.npz", small_model(), Fingerprints(17, 13), 7)
    # The run was stopped after two batches of the first.
    saving = SaveCheckpoint(checkpoint, tf.Variable([0, 2], dtype=tf.int64), 60, Event())
    fit.fit_model(checkpoint.model, config, pipeline, callbacks=[count, saving], position=saving.position)
    assert seen == [0, *range(5), *range(7)]


class _Scored(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        logs["val_bleu"], logs["val_chrf"] = 0.0, 31.0


class _JournalAlone(Journal):
    after = ()


@pytest.mark.parametrize("watch", ["val_bleu", "val_perplexity"])
def test_the_progress_bar_has_no_bleu_near_zero_where_another_score_decides(
    watch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    pipeline: Any = SimpleNamespace(epoch=lambda number, first: data(2))
    model, position = small_model(), tf.Variable([0, 0], dtype=tf.int64)
    callbacks = [_Scored(), _JournalAlone(tmp_path / "metrics.jsonl", 0, watch)]
    config = with_settings(CONFIG, ["training.epochs=1"])
    fit.fit_model(model, config, pipeline, callbacks=callbacks, position=position)
    shown = capsys.readouterr().err
    assert "val_chrf: 31" in shown and ("val_bleu" in shown) is (watch == "val_bleu")


def test_a_new_folder_holds_a_checkpoint_from_the_beginning(
    whole: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is killed in its first batches can be resumed, too."""

    def kill(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(fit, "fit_model", kill)
        run(CONFIG, whole.data, tmp_path / "toy")
    assert set(contents(tmp_path / "toy")) == {"checksums.json", "config.toml", "joint.spm.model", "training/state.npz"}
    with np.load(tmp_path / "toy" / "training" / "state.npz") as stored:
        assert stored["position"][:2].tolist() == [0, 0]
        wanted = len(stored.files)
    with np.load(whole.folder / "training" / "state.npz") as stored:
        assert len(stored.files) == wanted


def test_a_corpus_that_is_gone_when_an_epoch_reads_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, begin = corpora(tmp_path / "data"), fit.fit_model

    def begin_without(*given: Any, **named: Any) -> None:
        (tmp_path / "data" / "train.tsv").unlink()
        begin(*given, **named)

    monkeypatch.setattr(fit, "fit_model", begin_without)
    with pytest.raises(
        WorkFailed, match=r"^train\.tsv or dev\.tsv can no longer be read .*train\.tsv.*the run can then be resumed"
    ):
        run(CONFIG, data, tmp_path / "toy")


# A loss that is no number

WILD = ["training.learning_rate=3e38", "training.clip_norm=1e30", "training.warmup_steps=1"]


def test_a_loss_that_is_no_number_leaves_no_model_where_there_was_none(whole: Done, tmp_path: Path) -> None:
    with pytest.raises(WorkFailed, match=r"no longer finite at epoch 1, after 2 steps in all. No epoch was finished"):
        run(with_settings(CONFIG, WILD), whole.data, tmp_path / "toy")
    assert not (tmp_path / "toy" / "model.weights.h5").exists()


def test_a_loss_that_is_no_number_leaves_the_best_model(whole: Done, tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    shutil.copytree(whole.folder, folder)
    best = max(records(folder), key=lambda record: quality(record, "val_chrf"))["epoch"]
    before = {name: data for name, data in contents(folder).items() if not name.startswith(("logs", "config"))}
    with pytest.raises(WorkFailed, match=f"The best model so far, of epoch {best}, is kept in"):
        run(with_settings(CONFIG, [*WILD, "training.epochs=4"]), whole.data, folder, resume=True)
    after = contents(folder)
    assert {name: after[name] for name in before} == before
    assert np.all(np.isfinite(Translator.load(folder).model.get_weights()[0]))


def test_an_update_that_spoils_the_last_batch_of_an_epoch_is_not_kept(whole: Done, tmp_path: Path) -> None:
    """All pairs in one batch: its loss is a number, and what comes after it is none."""
    one_batch = [*WILD, "training.batch_size=1000", "data.buckets=1", "training.epochs=1"]
    with pytest.raises(WorkFailed, match="no longer finite"):
        run(with_settings(CONFIG, one_batch), whole.data, tmp_path / "toy")
    assert not (tmp_path / "toy" / "model.weights.h5").exists()


# Refusals


@pytest.mark.parametrize(
    ("name", "words"),
    [("config.toml", "holds another model"), ("thesis.txt", "is not empty"), (".hidden", "not empty")],
)
def test_a_folder_that_holds_something_is_left_alone(whole: Done, tmp_path: Path, name: str, words: str) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    (folder / name).write_text("mine")
    with pytest.raises(InputError, match=words) as caught:
        run(CONFIG, whole.data, folder)
    assert str(folder) in str(caught.value)
    assert contents(tmp_path) == {f"full/{name}": b"mine"}


def test_a_file_in_place_of_the_folder_is_left_alone(whole: Done, tmp_path: Path) -> None:
    (tmp_path / "toy").write_text("mine")
    with pytest.raises(InputError, match="toy"):
        run(CONFIG, whole.data, tmp_path / "toy")
    assert contents(tmp_path) == {"toy": b"mine"}


def test_a_folder_named_like_a_half_made_one_is_left_alone(whole: Done, tmp_path: Path) -> None:
    (tmp_path / "toy.part").mkdir()
    (tmp_path / "toy.part" / "thesis.txt").write_text("mine")
    whole.translator.save(tmp_path / "toy")
    assert (tmp_path / "toy.part" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["toy", "new/toy", "."])
def test_an_empty_or_new_folder_may_be_used(
    whole: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    here = tmp_path / "here"
    (here / "toy").mkdir(parents=True)
    if name == ".":
        (here / "toy").rmdir()
    monkeypatch.chdir(here)
    whole.translator.save(Path(name))
    assert sorted(path.name for path in (here / name).iterdir()) == [
        "checksums.json",
        "config.toml",
        "joint.spm.model",
        "model.weights.h5",
    ]
    assert list(tmp_path.rglob("*.part")) == []


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("model.units=7", "model.units was 8 in the run to resume and is 7 now"),
        ("model.cell=lstm", "model.cell was 'gru'"),
        ("text.vocabulary_size=31", "text.vocabulary_size was 37"),
        ("text.joint=false", "text.joint was True"),
        ("data.max_length=7", "data.max_length was 100"),
    ],
)
def test_a_run_cannot_be_resumed_as_another(whole: Done, setting: str, words: str) -> None:
    before = contents(whole.folder)
    with pytest.raises(InputError, match=words):
        run(with_settings(CONFIG, [setting]), whole.data, whole.folder, resume=True)
    assert contents(whole.folder) == before


@pytest.mark.parametrize("setting", ["training.accumulate=2", "training.average_decay=0.9"])
def test_what_is_half_added_up_stays_as_it_was(whole: Done, setting: str) -> None:
    with pytest.raises(InputError, match="in the run to resume"):
        run(with_settings(CONFIG, [setting]), whole.data, whole.folder, resume=True)


def test_too_few_development_pairs_for_a_confidence_are_refused_at_once(tmp_path: Path) -> None:
    pairs = from_pairs([("a", "b")] * 99 + [(" ", "b"), ("a", "")])
    with pytest.raises(InputError, match="100 development pairs or more, and there are 99 with text"):
        train_model(with_settings(Config(), ["training.confidence=on"]), pairs, pairs, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_a_run_without_a_single_step_is_refused(whole: Done, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing would be learned"):
        run(with_settings(CONFIG, ["training.accumulate=1000"]), whole.data, tmp_path / "toy")
    assert not (tmp_path / "toy").exists()


def test_a_run_cannot_be_resumed_on_another_development_set(whole: Done, tmp_path: Path) -> None:
    before = contents(whole.folder)
    (tmp_path / "dev.tsv").write_text("mina bap mogo\tMina eats rice\n")
    with pytest.raises(InputError, match="used other development pairs"):
        run(CONFIG, (whole.data[0], from_tsv(tmp_path / "dev.tsv")), whole.folder, resume=True)
    assert contents(whole.folder) == before


@pytest.mark.parametrize("resume", [True, False])
def test_two_runs_never_share_a_folder(whole: Done, tmp_path: Path, resume: bool) -> None:
    folder = whole.folder if resume else tmp_path
    before = contents(folder)
    with folder_lock(folder, "nmt train"), pytest.raises(InputError, match="Another nmt train is at work in"):
        run(CONFIG, whole.data, folder, resume=resume)
    assert contents(folder) == before
    # A killed process leaves the file, which is no reason to refuse a folder.
    (tmp_path / ".lock").touch()
    with pytest.raises(InputError, match="is larger"):
        run(with_settings(CONFIG, ["text.vocabulary_size=5000"]), whole.data, tmp_path)
    assert contents(tmp_path) == {}


def test_one_call_fits_to_the_kind_of_vocabulary(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Refused when the vocabulary is made, after the settings were chosen."""
    caplog.set_level("INFO", "nmt")
    for kind, sampled in (("unigram", True), ("bpe", False)):
        caplog.clear()
        with pytest.raises(InputError, match="9000"):
            nmt.fit(PAIRS * 700, to=tmp_path / "m", settings=[f"text.kind={kind}", "text.vocabulary_size=9000"])
        assert ("[text] sampling = " in caplog.text) == sampled


def test_one_call_trains_as_the_command_does(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "nmt")
    small = [setting for setting in SMALL if not setting.startswith(("training.batch_size", "model.dropout"))]
    translator = nmt.fit(PAIRS, to=tmp_path / "toy", settings=[*small, "training.epochs=1"])
    assert isinstance(translator, Translator)
    config = from_file(tmp_path / "toy" / "config.toml")
    # 60 pairs: fitted by the preset but for what was set; one of 20 is held out.
    fitted = preset("auto", 57)[0]
    # Three pairs are too few to choose a search.
    found = ["decoding.max_ratio=3.0", "decoding.beam=5", "decoding.length_penalty=1"]
    assert config == with_settings(fitted, [*small, "training.epochs=1", "text.normalization=nfc", *found])
    assert fitted.decoding.beam == "auto" and "3 development pairs are too few to choose the search" in caplog.text
    assert "3 of the training pairs are held out" in caplog.text and "Settings for 57 pairs" in caplog.text
    assert "judged by the chrF of the development set: half of the references have fewer than four" in caplog.text
    with pytest.raises(InputError, match="holds another model"):
        nmt.fit(PAIRS, to=tmp_path / "toy")
    # The same call continues a run; this one has come to its end.
    again = nmt.fit(PAIRS, to=tmp_path / "toy", resume=True)
    assert [each.text for each in again.translate(["나는"])] == [each.text for each in translator.translate(["나는"])]
    with pytest.raises(InputError, match="pairs names none"):
        nmt.fit(PAIRS, to=tmp_path / "other", weights=[1.0])


def test_one_call_resumes_a_run_whose_search_was_chosen(
    whole: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Config] = []
    monkeypatch.setattr("nmt.training.fit.train_model", lambda config, *_, **__: given.append(config))
    folder = Path(shutil.copytree(whole.folder, tmp_path / "toy"))
    again = ["decoding.length_penalty=1", "decoding.prune=7"]
    nmt.fit(PAIRS, to=folder, settings=again, resume=True)
    assert given[-1] == from_file(folder / "config.toml")  # it is greedy
    replace_config(folder, with_settings(given[-1], ["decoding.beam=5", "decoding.length_penalty=0.6"]))
    nmt.fit(PAIRS, to=folder, settings=again, resume=True)
    assert given[-1].decoding == with_settings(given[0], ["decoding.beam=5", *again]).decoding
    nmt.fit(PAIRS, to=folder, settings=["decoding.beam=auto"], resume=True)
    assert given[-1].decoding == with_settings(given[0], ["decoding.beam=auto"]).decoding


def test_one_call_takes_several_corpora_with_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [tmp_path / name for name in ("a.tsv", "b.TSV.gz", "c.txt")]
    names[0].write_text("".join(f"{ko}\t{en}\n" for ko, en in PAIRS), encoding="utf-8")
    names[1].write_bytes(gzip.compress(names[0].read_bytes()))
    given = []

    def trained(config: Config, corpus: Corpus, dev: Corpus, folder: Path) -> None:
        given.append((corpus.size, corpus.epoch_size, corpus.pairs_read))

    monkeypatch.setattr("nmt.training.fit.train_model", trained)
    nmt.fit(names[:2], to=tmp_path / "m", weights=[1, 0.5], dev=names[0])
    nmt.fit(names[:1] * 2, to=tmp_path / "m", weights=[2, 1], dev=names[0])
    size = len(PAIRS)
    assert given == [(2 * size, 3 * size // 2, 3 * size // 2), (2 * size, 3 * size, 2 * size)]
    # What an epoch reads of a large corpus with a small weight counts, not all of it.
    nmt.fit([names[0]] * 2, to=tmp_path / "m", weights=[10, 0.5], dev=names[0])
    assert given[-1][2] == size + size // 2
    for wrong, weights, words in (
        (names, [], "pairs names 3 files"),
        (names[:2], [1], "There is 1 weight and 2 corpora: give one weight for each"),
    ):
        with pytest.raises(InputError, match=words):
            nmt.fit(wrong, to=tmp_path / "m", weights=weights)


def test_a_run_cannot_be_resumed_on_another_corpus(whole: Done, tmp_path: Path) -> None:
    before = contents(whole.folder)
    with pytest.raises(InputError, match="used another corpus"):
        run(CONFIG, corpora(tmp_path / "data", PAIRS[:47]), whole.folder, resume=True)
    assert contents(whole.folder) == before


@pytest.mark.parametrize(("made", "words"), [(False, "There is no model folder"), (True, "is not a model folder")])
def test_there_must_be_a_run_to_resume(whole: Done, tmp_path: Path, made: bool, words: str) -> None:
    folder = tmp_path / "toy"
    if made:
        folder.mkdir()
    with pytest.raises(InputError, match=words):
        run(CONFIG, whole.data, folder, resume=True)
    assert contents(tmp_path) == {}


UNUSABLE = {
    "every pair too long": (["data.max_length=2"], PAIRS, "No pair of train.tsv is left.* data.max_length = 2"),
    "every target empty": ([], [(source, "") for source, _ in PAIRS], "No pair of train.tsv is left"),
    "too large a vocabulary": (["text.vocabulary_size=5000"], PAIRS, "text.vocabulary_size = 5000 is larger"),
    "too small a vocabulary": (["text.vocabulary_size=11"], PAIRS, "text.vocabulary_size = 11 is too small"),
}


@pytest.mark.parametrize(("settings", "pairs", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_corpus_that_cannot_be_used_leaves_nothing_behind(
    tmp_path: Path, settings: list[str], pairs: list[tuple[str, str]], words: str
) -> None:
    folder = tmp_path / "models" / "toy"
    config = with_settings(CONFIG, ["text.vocabulary_size=auto", "training.epochs=1", *settings])
    with pytest.raises(InputError, match=words):
        run(config, corpora(tmp_path / "data", pairs), folder)
    assert not folder.parent.exists()


def test_weights_may_be_an_array_and_settings_are_a_list(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pairs names none"):
        nmt.fit(PAIRS, tmp_path / "model", weights=np.array([1, 0.5]))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Give a list of settings"):
        nmt.fit(PAIRS, tmp_path / "model", settings="model.units=8")
