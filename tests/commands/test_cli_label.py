"""nmt train --labels and --tags, nmt label and nmt evaluate, as their users run them."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from command_line import TINY, here, nmt, refused

from nmt.commands.label import _line
from nmt.data.corpora import from_tsv
from nmt.data.labels import Reading, check_lines
from nmt.inference.labeller import TaggedTokens

ROWS = [
    (f"the {thing} was {how}", kind)
    for thing in ("film", "book", "meal", "day")
    for kind, how in (("pos", "good"), ("pos", "great"), ("neg", "bad"), ("neg", "poor"))
]
SMALL = ["--set", "text.vocabulary_size=40", *TINY[2:8], "--set", "model.attention_units=16", "--preset", "plain"]
SMALL += [*TINY[10:12], *TINY[12:18], "--set", "data.buckets=2"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    (folder / "train.tsv").write_text("".join(f"{text}\t{kind}\n" for text, kind in ROWS * 4))
    (folder / "tags.tsv").write_text("we went home\tA B A\nwe ate\tA B\n")
    (folder / "wrong.tsv").write_text("we went home\tA B\nwe\tA\n")
    (folder / "one.tsv").write_text("good\tpos\ngreat\tpos\n")
    (folder / "unseen.tsv").write_text("good\tpos\nfine\tneutral\n")
    (folder / "text").write_text("we went\n")
    return folder


@pytest.fixture(scope="module")
def model(place: Path) -> Path:
    labels = ["train", "--labels", place / "train.tsv", "--to", place / "m"]
    result = nmt(*labels, *SMALL, "--set", "training.epochs=2")
    said = result.stderr.decode()
    assert result.returncode == 0, said
    resumed = nmt(*labels, "--resume", "--set", "training.epochs=5")
    assert resumed.returncode == 0 and "Epoch 5 of 5" in resumed.stderr.decode(), resumed.stderr.decode()
    assert "Epoch 2 of 5" not in resumed.stderr.decode()
    assert "2 labels of 64 texts; 50.0% are" in said and "dev accuracy" in said and "macro F1" in said
    assert b"nmt label" in result.stdout
    return place / "m"


def test_a_classifier_labels_is_scored_and_drawn(model: Path, place: Path) -> None:
    found = here("evaluate", model, "--labels", place / "train.tsv", "--json", "--plot", place / "c.png")
    scores = json.loads(found.stdout)
    assert scores["texts"] == 64 and scores["accuracy"] > 0.9 and scores["macro_f1"] > 0.9
    assert sum(map(sum, scores["confusion"])) == 64 and (place / "c.png").stat().st_size > 1000
    assert "most often taken for" in here("evaluate", model, "--labels", place / "train.tsv").stdout.decode()
    # One draw in a file, one in the terminal.
    assert here("plot", model, "the film was bad", "--to", place / "why.svg").returncode == 0
    assert b"Attention weights of the words" in here("plot", model, "the film was bad").stdout
    records = [json.loads(line) for line in (model / "metrics.jsonl").read_text().splitlines()]
    assert records[-1]["watch"] == "val_f1" and records[-1]["labels/s"] >= 0
    (place / "lines").write_text("the film was bad\n\n")
    result = nmt("label", model, place / "lines", "--format", "jsonl")
    assert result.returncode == 0, result.stderr.decode()
    first, blank = map(json.loads, result.stdout.decode().splitlines())
    assert first["label"] == "neg" and first["tokens"][-1] == "</s>" and blank["label"] == ""
    assert sum(first["attention"]) == pytest.approx(1, abs=1e-3)


def test_a_text_that_is_too_long_is_named_by_its_line(model: Path, place: Path) -> None:
    # Blank lines alone are a window too.
    rows = [*["\t"] * 200, "the film was good\tpos", " \t", f"{'the film ' * 99}\tpos"]
    (place / "long.tsv").write_text("".join(f"{row}\n" for row in rows))
    found = here("evaluate", model, "--labels", place / "long.tsv", "--json")
    assert found.returncode == 0, found.stderr.decode()
    assert "Line 203 is longer than" in found.stderr.decode() and json.loads(found.stdout)["texts"] == 2


@pytest.mark.parametrize(("characters", "text", "read"), [(False, "we  went home", 2), (True, "we went home", 5)])
def test_a_row_of_a_text_that_is_too_long_for_a_tagger_can_be_read_as_tags(
    characters: bool, text: str, read: int, tmp_path: Path
) -> None:
    reading = Reading(tags=True, characters=characters)
    tokens, labels = tuple(reading.tokens(text)[:read]), ("A",) * read
    cut = TaggedTokens(text, tokens, labels, np.ones([read, 1]), truncated=True)
    labeller: Any = SimpleNamespace(reading=reading)
    row = _line(cut, "tsv", labeller)
    assert row == {False: "we went\tA A", True: "we we\tA A A A A"}[characters]
    (tmp_path / "tags.tsv").write_text(f"{row}\n")
    check_lines(from_tsv(tmp_path / "tags.tsv"), reading)
    # What was read whole stays as it was written.
    whole = replace(cut, text="we  went", truncated=False)
    assert _line(whole, "tsv", labeller).startswith(f"{whole.text}\t")


REFUSED = {
    "an unseen label": (
        ["evaluate", "M", "--labels", "unseen.tsv"],
        "unseen.tsv, line 2 has the label 'neutral', which the training never saw. It knows: neg, pos.\n",
    ),
    "an unseen development label": (
        ["train", "--labels", "train.tsv", "--dev-labels", "unseen.tsv", "--to", "new"], "'neutral', which the training"
    ),
    "a single class": (["train", "--labels", "one.tsv", "--to", "new"], "the single label 'pos'"),
    "tags of another length": (
        ["train", "--tags", "wrong.tsv", "--to", "new"], "wrong.tsv, line 1: there are 2 tags for 3 words"
    ),
    "labels and pairs": (["train", "--labels", "train.tsv", "--pairs", "train.tsv", "--to", "new"], "in one way"),
    "development pairs": (
        ["train", "--labels", "train.tsv", "--dev-pairs", "train.tsv", "--to", "new"], "--dev-labels"
    ),
    "development tags": (
        ["train", "--labels", "train.tsv", "--dev-tags", "tags.tsv", "--to", "new"], "goes with --tags"
    ),
    "links": (["train", "--tags", "tags.tsv", "--links", "text", "--to", "new"], "--links goes with pairs"),
    "another architecture": (
        ["train", "--labels", "train.tsv", "--set", "model.architecture=tagger", "--to", "new"], "is for a classifier"
    ),
    "pairs for a classifier": (
        ["train", "--pairs", "train.tsv", "--set", "model.architecture=classifier", "--to", "new"], "--labels instead"
    ),
    "translation by a classifier": (["translate", "M", "text"], "is a classifier, which labels texts"),
    "completion by a classifier": (["complete", "M", "text"], "is a classifier, which labels texts"),
    "a server of a classifier": (["serve", "M"], "a server finds those of texts with --detector "),
    "a comparison with a classifier": (["compare", "M", "--test-pairs", "train.tsv", "--to", "new"], "write text"),
    "tags of a classifier": (["evaluate", "M", "--tags", "tags.tsv"], "is a classifier: name the texts with --labels"),
    "BLEU of a classifier": (["evaluate", "M", "--source", "text", "--reference", "text"], "which labels texts"),
    "a search of a classifier": (["evaluate", "M", "--labels", "train.tsv", "--beam", "3"], "nothing is searched"),
    "a calibration of a classifier": (["evaluate", "M", "--labels", "train.tsv", "--calibrate"], "nothing is searched"),
    "a search of no width": (["evaluate", "M", "--labels", "train.tsv", "--beam", "0"], "nothing is searched"),
    "an export with a penalty of 0": (["export", "M", "--length-penalty", "0"], "searches for nothing"),
    "a drawing with a penalty of 0": (["plot", "M", "the film", "--length-penalty", "0"], "translates nothing"),
    "a page of a classifier": (["export", "M", "--web"], "is a classifier"),
    "an export with a beam": (["export", "M", "--beam", "3"], "searches for nothing"),
    "spaces by a classifier": (["label", "M", "text", "--format", "spaced"], "for a tagger of characters"),
    "a text for numbers": (["corpus", "numbers", "--text", "text", "--to", "new"], "for the corpus of spacing"),
    "a text of few lines": (["corpus", "spacing", "--text", "text", "--to", "new"], "at least 20 are needed"),
    "an alignment of a classifier": (["plot", "M", "the film", "--target", "x"], "translates nothing"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_before_any_work(
    case: str, model: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in place.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    arguments, words = REFUSED[case]
    refused(here(*[model if each == "M" else each for each in arguments]), words)
    assert not (tmp_path / "new").exists() and not (tmp_path / "saved_models").exists()


def test_a_translator_has_no_labels(tmp_path: Path) -> None:
    from nmt.config import Config
    from nmt.model_folder import CONFIG, config_text

    (tmp_path / CONFIG).write_bytes(config_text(Config()))
    refused(here("label", tmp_path), "is a translator, which has no labels. Use `nmt translate`")
    refused(here("evaluate", tmp_path, "--labels", "x.tsv"), "is a translator")
