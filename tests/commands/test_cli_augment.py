"""``nmt augment`` as a user meets it."""

import json
import shutil
import unicodedata
from pathlib import Path

import pytest
from command_line import PAIRS, nmt, refused
from servers import TWELVE, tiny_model

from nmt.model_folder import JOURNAL, WEIGHTS


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("augment")
    tiny_model(folder / "model", *TWELVE)
    shutil.copytree(folder / "model", folder / "begun")
    (folder / "begun" / WEIGHTS).unlink()
    (folder / "text").write_text("".join(f"{ko}\n" for ko, _ in PAIRS), encoding="utf-8")
    (folder / "english").write_text("".join(f"{en}\n" for _, en in PAIRS), encoding="utf-8")
    # What was trained in the other direction, and by a version that recorded no scripts.
    for name, line in (("en-ko", '{"source_scripts": ["Latin"]}'), ("old", '{"epoch": 1}')):
        shutil.copytree(folder / "model", folder / name)
        (folder / name / JOURNAL).write_text(f"{line}\n")
    (folder / "blank").write_text("\n" * 5)
    (folder / "russian").write_text("Он купил хлеб\n" * 5, encoding="utf-8")
    return folder


def test_pairs_are_what_the_model_translates(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tsv"
    command = ["augment", "--distill", place / "model", "--source-text", place / "text", "--to", out, "--fast"]
    result = nmt(*command)
    assert result.returncode == 0, result.stderr.decode()
    assert "pairs of 48 lines" in result.stderr.decode() and "--weights 1 0.5" in result.stderr.decode()
    card = json.loads(out.with_name("out.tsv.json").read_text(encoding="utf-8"))
    assert (card["kind"], card["models"], card["search"]["beam"]) == ("distillation", ["model"], 1)
    pairs = [line.split("\t") for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(pairs) == card["pairs"] > 0
    written = nmt("translate", place / "model", place / "text", "--fast").stdout.decode().splitlines()
    translations = dict(zip((ko for ko, _ in PAIRS), written, strict=True))
    assert all(translations[source] == target for source, target in pairs)
    refused(nmt(*command), "out.tsv exists")


def test_text_of_the_target_language_is_translated_back_also_by_several_models(place: Path, tmp_path: Path) -> None:
    out, two = tmp_path / "back.tsv", tmp_path / "two.tsv"
    text = ["--target-text", place / "text", "--tag", "<bt>", "--fast"]
    result = nmt("augment", "--back", place / "model", *text, "--to", out)
    assert result.returncode == 0, result.stderr.decode()
    pairs = [line.split("\t") for line in out.read_text(encoding="utf-8").splitlines()]
    assert pairs and all(source.startswith("<bt> ") for source, _ in pairs)
    assert {target for _, target in pairs} <= {ko for ko, _ in PAIRS}
    both = ["--distill", place / "model", place / "model", "--source-text", place / "text"]
    result = nmt("augment", *both, "--to", two, "--fast")
    assert result.returncode == 0, result.stderr.decode()
    assert json.loads(two.with_name("two.tsv.json").read_text(encoding="utf-8"))["models"] == ["model", "model"]
    # A model with itself is no other model.
    alone = nmt("translate", place / "model", place / "text", "--fast").stdout.decode().splitlines()
    translations = dict(zip((ko for ko, _ in PAIRS), alone, strict=True))
    assert all(
        translations[source] == target
        for source, target in (line.split("\t") for line in two.read_text(encoding="utf-8").splitlines())
    )


def test_decomposed_letters_are_those_that_the_model_knows(place: Path, tmp_path: Path) -> None:
    lines = [unicodedata.normalize("NFD", ko) for ko, _ in PAIRS[:5]]
    (tmp_path / "text").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    command = ["augment", "--back", place / "model", "--target-text", tmp_path / "text", "--to", tmp_path / "out"]
    result = nmt(*command, "--fast")
    assert result.returncode == 0, result.stderr.decode()


def test_several_corpora_are_read_by_their_weights(place: Path, tmp_path: Path) -> None:
    files = [tmp_path / "real.tsv", tmp_path / "synthetic.tsv"]
    for file in files:
        file.write_text("".join(f"{ko}\t{en}\n" for ko, en in PAIRS), encoding="utf-8")
    command = ["train", "--pairs", files[0], "--pairs", files[1], "--dev-pairs", files[0], "--to", tmp_path / "m"]
    # A vocabulary that the text does not allow stops the command before it trains.
    stop = ["--set", "text.vocabulary_size=9000"]
    result = nmt(*command, "--weights", 1, 0.5, *stop)
    assert result.returncode == 2 and "Settings for 72 pairs" in result.stderr.decode(), result.stderr.decode()
    refused(nmt(*command, "--weights", 1, *stop), "There is 1 weight and 2 corpora")
    refused(nmt(*command, "--weights", 1, 0, *stop), "0")
    assert not (tmp_path / "m").exists()


def test_text_of_the_other_side_is_refused_though_a_joint_vocabulary_knows_its_letters(
    place: Path, tmp_path: Path
) -> None:
    out, english, korean = ["--to", tmp_path / "out", "--fast"], place / "english", place / "text"
    said = "are Latin, and the sources that {} was trained on are Hangul: it reads another language"
    refused(nmt("augment", "--back", place / "model", "--target-text", english, *out), said.format(place / "model"))
    # Also by one of several models.
    distill = ["--distill", place / "model", "--distill", place / "en-ko", "--source-text"]
    refused(nmt("augment", *distill, english, *out), said.format(place / "model"))
    refused(nmt("augment", *distill, korean, *out), f"the sources that {place / 'en-ko'} was trained on are Latin")
    assert not list(tmp_path.iterdir())
    for model in ("en-ko", "old"):
        result = nmt("augment", "--back", place / model, "--target-text", english, *out, "--tag", model)
        assert "reads another language" not in result.stderr.decode() and result.returncode == 0
        for file in tmp_path.iterdir():
            file.unlink()


def test_what_makes_no_sense_is_refused(place: Path, tmp_path: Path) -> None:
    out, model = ["--to", tmp_path / "out"], place / "model"
    refused(nmt("augment", "--back", model, "--source-text", place / "text", *out), "--target-text")
    back = ["augment", "--back", model, "--target-text"]
    refused(nmt(*back, place / "blank", *out), "has no text")
    refused(nmt(*back, place / "russian", *out), "reads another language")
    refused(nmt(*back, place / "nowhere", *out), "nowhere")
    refused(nmt(*back, place / "text", *out, "--resume"), "nothing to continue")
    refused(nmt(*back, place / "text", "--to", tmp_path / "out.tsv.GZ"), "name it without .gz")
    refused(nmt("augment", "--back", place / "begun", "--target-text", place / "text", *out), "has no weights yet")
    assert not list(tmp_path.iterdir())
