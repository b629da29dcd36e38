"""nmt compare as its users run it: a whole comparison, one that is stopped, and everything it refuses."""

import json
import shutil
from pathlib import Path

import pytest
from command_line import PAIRS, here, nmt, refused

from nmt.folder_lock import folder_lock

SMALL = [
    "--set", "text.vocabulary_size=80", "--set", "text.kind=bpe", "--set", "model.units=16",
    "--set", "model.embedding=16", "--set", "training.batch_size=8", "--set", "training.learning_rate=0.01",
    "--set", "training.warmup_steps=5", "--set", "decoding.max_length=9",
]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("data")
    for name, pairs in (("train", PAIRS[:36]), ("dev", PAIRS[36:42]), ("test", PAIRS[42:])):
        (place / f"{name}.tsv").write_text("".join(f"{s}\t{t}\n" for s, t in pairs), encoding="utf-8")
    # Subject, object, verb against subject, verb, object.
    (place / "test.links").write_text("0-0 1-2 2-1\n" * 6)
    return place


def given(data: Path) -> list[object]:
    splits = {"--pairs": "train", "--dev-pairs": "dev", "--test-pairs": "test"}
    return [part for option, name in splits.items() for part in (option, data / f"{name}.tsv")]


def test_a_comparison_is_made_goes_on_and_takes_trained_models(data: Path, tmp_path: Path) -> None:
    to, dot = tmp_path / "why", "model.attention=dot,model.context=output"
    wild = "wild:model.attention=none,training.learning_rate=3e38,training.clip_norm=1e30,training.warmup_steps=1"
    common = [*given(data), "--test-links", data / "test.links", "--to", to, "--seeds", 1, *SMALL]
    first = nmt("compare", "model.attention=none", wild, "--steps", 7, *common)
    assert first.returncode == 0, first.stderr.decode()
    assert "[1/2] none, seed 1" in first.stderr.decode()
    assert "training.steps is reached after 7 steps" in first.stderr.decode()
    assert "wild failed, seed 1: The loss is no longer finite" in first.stdout.decode()
    record = json.loads((to / "comparison.json").read_text(encoding="utf-8"))
    none, failed = record["runs"]
    assert (none["steps"], none["aer"], none["parameters"] > 0, failed["seed"]) == (7, None, True, 1)
    assert len(record["speeds"]["none"]["rates"]) == 3 and record["speeds"]["none"]["export_bytes"] > 10_000
    assert (to / "texts" / "none-1.txt").read_text(encoding="utf-8").count("\n") == 6

    # Another model comes, and a trained folder, which is judged as it is. A text that is lost is written again.
    trained = to / "models" / "none-1"
    before = (trained / "model.weights.h5").stat().st_mtime_ns
    (to / "texts" / "none-1.txt").unlink()
    second = here("compare", "model.attention=none", dot, f"copy:{trained}", "--steps", 7, *common)
    assert second.returncode == 0, second.stderr.decode()
    assert b"[1/3] none, seed 1" in second.stderr and (to / "texts" / "none-1.txt").is_file()
    assert (trained / "model.weights.h5").stat().st_mtime_ns == before
    record = json.loads((to / "comparison.json").read_text(encoding="utf-8"))
    runs = {run["name"]: run for run in record["runs"]}
    assert runs["copy"]["bleu"] == runs["none"]["bleu"] and runs["copy"]["steps"] == 7
    assert 0 <= runs["dot-output"]["aer"] <= 1
    assert set(record["speeds"]) == {"none", "dot-output", "copy"}
    report = (to / "comparison.md").read_text(encoding="utf-8")
    assert [line.split(" | ")[0] for line in report.splitlines() if line.startswith("| ")] == [
        "| model", "| ---", "| none", "| dot-output", "| copy",
        "| source words", "| ---", "| 3",
    ]  # fmt: skip
    (bins,) = record["lengths"]["none"]
    assert (bins["sentences"], bins["metric"]) == (6, "chrF")  # three words each
    assert bins["score"] == pytest.approx(runs["none"]["chrf"])

    # What is done is not done again. A model that is lost is left out where speeds are measured.
    shutil.rmtree(trained)
    twin = f"twin:{to / 'models' / 'dot-output-1'}"
    third = here("compare", "model.attention=none", twin, "--steps", 7, *common)
    assert third.returncode == 0, third.stderr.decode()
    assert b"[2/2] twin" in third.stderr and b"seed 1" not in third.stderr
    assert "none cannot be measured and is left out" in third.stderr.decode()
    assert set(json.loads((to / "comparison.json").read_text(encoding="utf-8"))["speeds"]) == {"twin"}

    other = here("compare", "model.attention=none", "--steps", 8, *common)
    refused(other, "another comparison", "steps was 7 and is 8")
    alone = here("compare", wild, "--steps", 7, *common)
    assert alone.returncode == 1 and "No model could be compared" in alone.stderr.decode()

    last = to / "models" / "dot-output-1"
    (last / "model.weights.h5").unlink()
    refused(here("compare", last, "--to", tmp_path / "b", "--test-pairs", data / "test.tsv"), "weights")
    assert not (tmp_path / "b").exists()


def test_links_that_are_not_there_are_refused(data: Path, tmp_path: Path) -> None:
    missing = ["--links", tmp_path / "nowhere", "--to", tmp_path / "b"]
    refused(nmt("compare", "training.guided_alignment=0.1", *missing, *given(data), *SMALL), "nowhere")
    assert not (tmp_path / "b").exists()


def test_a_folder_in_which_another_one_is_at_work_is_refused(data: Path, tmp_path: Path) -> None:
    to = tmp_path / "why"
    with folder_lock(to, "nmt compare"):
        before = sorted(tmp_path.rglob("*"))
        second = nmt("compare", "model.attention=none", *given(data), "--to", to, "--seeds", 1, "--steps", 2, *SMALL)
        assert sorted(tmp_path.rglob("*")) == before
    refused(second, f"Another nmt compare is at work in {to}")


WRONG = {
    "no such model": (["nowhere"], ["'nowhere' is not a model to compare"]),
    "a config that does not parse": (["bad.toml"], ["bad.toml is not TOML"]),
    "a seed": (["training.seed=7"], ["--seeds sets training.seed"]),
    "two budgets": (["model.units=7", "--steps", 7, "--minutes", 1], ["two budgets"]),
    "half of the pairs": (["model.units=7", "--source", "train.tsv"], ["--source and --target"]),
    "nothing to judge on": (["model.units=7", "--pairs", "train.tsv"], ["--test-source and --test-target"]),
    "nothing to learn from": (["model.units=7", "--test-pairs", "test.tsv"], ["'7' has to be trained"]),
    "links that nobody learns from": (
        ["model.units=7", "--pairs", "train.tsv", "--test-pairs", "test.tsv", "--links", "test.links"],
        ["no model has training.guided_alignment"],
    ),
    "guidance without links": (
        ["training.guided_alignment=1", "--pairs", "train.tsv", "--test-pairs", "test.tsv"],
        ["--links"],
    ),
    "links of other pairs": (
        ["model.units=7", "--pairs", "train.tsv", "--test-pairs", "train.tsv", "--test-links", "test.links"],
        ["test.links has 6 lines and the test set has 36 pairs"],
    ),
    "an empty file": (["model.units=7", "--pairs", "empty.tsv", "--test-pairs", "test.tsv"], ["empty.tsv is empty"]),
    "a folder with something else": (["model.units=7", "--to", "."], ["is not empty"]),
    "a preset that counts pairs": (["model.units=7", "--preset", "transformer"], ["'transformer' is fitted to the"]),
    "a recipe without pairs": (["auto"], ["'auto' is fitted to the number of training pairs: name them"]),
    "a preset for pairs": (["model.units=7", "--text", "no", "--preset", "chatbot"], ["--preset chatbot is for pairs"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_before_anything_is_written(
    case: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments, words = WRONG[case]
    for path in data.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "bad.toml").write_text("[model\n")
    (tmp_path / "empty.tsv").touch()
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    to = [] if "--to" in arguments else ["--to", "why"]
    refused(nmt("compare", *arguments, *to), *words)
    assert sorted(tmp_path.rglob("*")) == before
