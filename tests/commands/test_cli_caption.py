"""nmt train on features, nmt caption, nmt evaluate and nmt plot, as their users run them."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from as_served import Served
from command_line import here, nmt, refused

from nmt.config import Config
from nmt.export import tflite_runtime
from nmt.inference.captioner import Captioner
from nmt.model_folder import CONFIG, config_text

SMALL = ["--preset", "plain", "--set", "text.kind=word", "--set", "model.units=16", "--set", "model.embedding=16"]
SMALL += ["--set", "model.attention_units=16", "--set", "training.batch_size=8", "--set", "training.warmup_steps=5"]
SMALL += [part for key in ("embedding", "context", "output") for part in ("--set", f"model.{key}_dropout=0")]
SMALL += ["--set", "training.label_smoothing=0", "--set", "training.schedule=linear"]
SMALL += ["--set", "training.learning_rate=0.02", "--set", "data.buckets=1", "--set", "training.watch=perplexity"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of four cells is lit, in one of two colours."""
    folder = tmp_path_factory.mktemp("captions")
    rng = np.random.default_rng(1)
    values, captions, links = np.zeros([64, 4, 3], np.float16), [], []
    for number in range(64):
        cell, colour = number % 4, number // 4 % 2
        values[number, cell, 2 * colour] = 1
        captions.append(f"{('red', 'blue')[colour]} at {('one', 'two', 'three', 'four')[cell]}")
        links.append(f"{cell}-0")
    values += rng.normal(0, 0.01, values.shape).astype(np.float16)
    np.save(folder / "train.npy", np.clip(values, 0, 1))
    np.save(folder / "wide.npy", np.zeros([64, 4, 5]))
    values[3, 1, 1] = np.nan
    np.save(folder / "nan.npy", values)
    (folder / "train.en").write_text("".join(f"{line}\n" for line in captions))
    (folder / "train.links").write_text("".join(f"{line}\n" for line in links))
    (folder / "far.links").write_text("4-0\n" * 64)
    (folder / "short.en").write_text("red\n")
    (folder / "text.ko").write_text("나는\n" * 64)
    (folder / "one.csv").write_text("1,2,3,4\n5,6,7,8\n")
    (folder / "two.en").write_text("red\nblue\n")
    return folder


@pytest.fixture(scope="module")
def model(place: Path) -> Path:
    pairs = ["--source", place / "train.npy", "--target", place / "train.en"]
    begun = nmt("train", *pairs, "--to", place / "m", *SMALL, "--set", "training.epochs=1")
    assert begun.returncode == 0, begun.stderr.decode()
    assert "4 cells of 3 numbers and 4.0 pieces a caption" in begun.stderr.decode()
    result = nmt("train", *pairs, "--to", place / "m", "--resume", "--set", "training.epochs=12")
    assert result.returncode == 0, result.stderr.decode()
    assert "Epoch 12 of 12" in result.stderr.decode() and b"nmt caption" in result.stdout
    return place / "m"


def test_a_model_of_features_describes_is_scored_and_drawn(model: Path, place: Path) -> None:
    result = here("evaluate", model, "--source", place / "train.npy", "--reference", place / "train.en",
                  "--links", place / "train.links", "--json", "--tsv", place / "found.tsv")  # fmt: skip
    assert result.returncode == 0, result.stderr.decode()
    scores = json.loads(result.stdout)
    # Of eight captions one would be right by chance.
    assert scores["captions"] == 64 and scores["exact_match"] > 0.25
    # Each word is linked to one of four cells.
    assert scores["attention"]["words"] == 64 and scores["attention"]["uniform"] == 0.25
    assert 0 < scores["attention"]["share"] <= 1
    assert len((place / "found.tsv").read_text().splitlines()) == 64
    result = nmt("caption", model, place / "train.npy", "--format", "jsonl", "--beam", "2")
    lines = result.stdout.decode().splitlines()
    assert result.returncode == 0 and len(lines) == 64
    first = json.loads(lines[0])
    assert first["text"].split()[1] == "at" and len(first["alignment"][0]) == 5
    assert here("plot", model, place / "train.npy", "--row", "2", "--to", place / "p.png").returncode == 0
    assert b"row and column" in here("plot", model, place / "train.npy", "--target", "blue at one").stdout


def test_links_of_words_after_the_maximum_length_do_not_count(model: Path, place: Path) -> None:
    """Of three pieces in each reference, the first two are read."""
    (place / "both.links").write_text("0-0 1-2\n" * 64)
    (place / "last.links").write_text("1-2\n" * 64)
    files = ["--source", place / "train.npy", "--reference", place / "train.en"]
    for links, words in (("both", 64), ("last", None)):
        result = here("evaluate", model, *files, "--links", place / f"{links}.links", "--json", "--set",
                      "decoding.max_length=2")  # fmt: skip
        assert result.returncode == 0, result.stderr.decode()
        assert json.loads(result.stdout).get("attention", {}).get("words") == words


def test_exports_describe_as_the_model(
    model: Path, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.load(place / "train.npy")[:18].astype(np.float32)
    wanted = Captioner.load(model).caption(values, beam=1)
    for options in ([], ["--tflite"]):
        done = here("export", model, "--to", place / f"out{len(options)}", "--fast", *options)
        assert done.returncode == 0, done.stderr.decode()
    assert "4 cells of 3 numbers" in (place / "out0" / "1" / "card.md").read_text()
    assert "python caption.py" in (place / "out1" / "card.md").read_text()
    served = Served(place / "out0" / "1")
    answer = served.ask("caption", features=values.tolist())
    device = tflite_runtime.Captioner(place / "out1")
    for row, (each, found) in enumerate(zip(wanted, device.caption(values), strict=True)):
        assert [found.text, found.tokens, found.unfinished] == [each.text, each.tokens, each.unfinished]
        assert answer["captions"][row, 0] == each.text
        assert found.score == pytest.approx(each.score, abs=1e-4)
        assert answer["scores"][row, 0] == pytest.approx(each.score, abs=1e-4)
        assert [piece for piece in answer["tokens"][row] if piece] == list(each.tokens)
        for weights in (found.attention, answer["attention"][row, : len(each.tokens)]):
            np.testing.assert_allclose(weights, each.alignment[:, :4], atol=1e-5)
    assert served.close() == 0
    for shape in ([18, 12], [18, 2, 2, 3]):
        assert device.caption(values.reshape(shape))[3].text == wanted[3].text
    np.savetxt(place / "some.csv", values.reshape([18, 12]), delimiter=",")
    _run(monkeypatch, place / "out1", place / "some.csv", "--json")
    assert [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()] == [each.text for each in wanted]
    values[17, 1, 1] = np.inf
    np.save(place / "infinite.npy", values)
    (place / "broken.npy").write_bytes(b"\x93NUMPY")
    with (place / "several.npy").open("wb") as file:
        np.savez(file, values, values)
    for name, said in {
        "infinite.npy": "example 18 has a value", "wide.npy": "the shape (n, 4, 3)", "broken.npy": "no file of numbers",
        "several.npy": "it holds several arrays", "none.csv": "none.csv", None: "name a .npy file",
    }.items():  # fmt: skip
        with pytest.raises(SystemExit) as ended:
            _run(monkeypatch, place / "out1", *[place / name] if name else [])
        printed = capsys.readouterr()
        assert ended.value.code == 2 and said in printed.err and not printed.out
    with pytest.raises(ValueError, match="can caption, and this is to label"):
        tflite_runtime.Labeller(place / "out1")
    # No server of this package takes numbers.
    refused(here("serve", place / "out0"), "the inputs and outputs of a translator")


def _run(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["caption.py", "--folder", str(folder), *map(str, arguments)])
    tflite_runtime.main()


REFUSED = {
    "another width": (["caption", "M", "wide.npy"], "has 5 numbers for each cell, and the model reads 3"),
    "NaN": (["train", "--source", "nan.npy", "--target", "train.en", "--to", "new"], "nan.npy, example 4"),
    "another number": (["train", "--source", "train.npy", "--target", "short.en", "--to", "new"], "has 64 examples"),
    "development of another width": (
        ["train", "--source", "train.npy", "--target", "train.en", "--dev-source", "wide.npy", "--dev-target",
         "train.en", "--to", "new"], "has 5 numbers for each cell, and the model reads 3"
    ),
    "development pairs": (
        ["train", "--source", "train.npy", "--target", "train.en", "--dev-pairs", "two.en", "--to", "new"],
        "is --dev-source",
    ),
    "two files": (
        ["train", "--source", "train.npy", "train.npy", "--target", "train.en", "train.en", "--to", "new"], "one file"
    ),
    "links": (
        ["train", "--source", "train.npy", "--target", "train.en", "--links", "train.links", "--to", "new"],
        "--links goes with pairs",
    ),
    "an alignment head": (
        ["train", "--source", "train.npy", "--target", "train.en", "--align", "--to", "new"], "it goes with pairs"
    ),
    "a language model": (
        ["train", "--source", "train.npy", "--target", "train.en", "--set", "model.architecture=language-model", "--to",
         "new"], "A language model reads plain text"
    ),
    "text for a model of features": (
        ["train", "--source", "text.ko", "--target", "train.en", "--set", "model.source=features", "--to", "new"],
        "text.ko, line 1: '나는' is no number",
    ),
    "a text corpus": (
        ["train", "--text", "text.ko", "--set", "model.source=features", "--to", "new"], "would do nothing"
    ),
    "cells that do not divide": (
        ["train", "--source", "one.csv", "--target", "two.en", "--set", "model.source_cells=3", "--to", "new"],
        "cannot share evenly",
    ),
    "translation": (["translate", "M", "text.ko"], "describes features, and reads no text. Use `nmt caption`"),
    "completion": (["complete", "M", "text.ko"], "describes features"),
    "scores": (["score", "M", "--source", "text.ko", "--target", "text.ko"], "describes features"),
    "links of words": (["align", "M", "--source", "text.ko", "--target", "text.ko"], "describes features"),
    "a server": (["serve", "M"], "describes features"),
    "a device with strings": (["export", "M", "--tflite", "--strings"], "describes features: --strings"),
    "a kit": (["export", "M", "--serving-kit"], "describes features: --strings, --serving-kit"),
    "an export that draws": (["export", "M", "--set", "decoding.sample=true"], "decoding.sample"),
    "a page": (["export", "M", "--web"], "describes features"),
    "a comparison": (["compare", "M", "--test-pairs", "two.en", "--to", "new"], "is a model of features"),
    "an examination": (["data", "two.en", "two.en", "--set", "model.source=features"], "is for numbers"),
    "a row that is not there": (["plot", "M", "train.npy", "--row", "65"], "--row 65 is none of them"),
    "a page of an alignment": (["plot", "M", "train.npy", "--to", "a.html"], "as .png or .svg"),
    "a grid of other cells": (["plot", "M", "train.npy", "--grid", "3x3"], "has 9 cells, and the model reads 4"),
    "cells that are not there": (
        ["evaluate", "M", "--source", "train.npy", "--reference", "train.en", "--links", "far.links"],
        "4-0 links cell 4",
    ),
    "lengths": (["evaluate", "M", "--source", "train.npy", "--reference", "train.en", "--by-length"], "need text"),
    "a text for pictures": (["corpus", "captions", "--text", "text.ko", "--to", "new"], "for the corpus of spacing"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_before_any_work(
    case: str, model: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    arguments, words = REFUSED[case]
    new = tmp_path / "new"
    refused(here(*[model if each == "M" else new if each == "new" else each for each in arguments]), words)
    assert not new.exists() and not (place / "saved_models").exists()


def test_a_translator_describes_nothing(tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_bytes(config_text(Config()))
    refused(here("caption", tmp_path, "x.npy"), "describes no features: it reads text. Use `nmt translate`")
    refused(here("plot", tmp_path, "나는", "--row", "1"), "this model reads text")
