"""The commands as a user meets them: real files, real exit codes, real standard error."""

import gzip
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import PAIRS, TINY, installed, nmt, refused
from lessons import Bench

from nmt.folder_lock import folder_lock

# A model that has not learned to stop writes as much as it may.
QUICK = [*TINY, "--set", "decoding.max_length=23"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "train.ko").write_text("".join(f"{ko}\n" for ko, _ in PAIRS), encoding="utf-8")
    (folder / "train.en").write_text("".join(f"{en}\n" for _, en in PAIRS), encoding="utf-8")
    (folder / "train.tsv").write_text("".join(f"{ko}\t{en}\tby hand\n" for ko, en in PAIRS), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def model(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "model"
    result = nmt(
        "train", "--source", corpus / "train.ko", "--target", corpus / "train.en", "--to", folder,
        "--dev-source", corpus / "train.ko", "--dev-target", corpus / "train.en", *QUICK,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr.decode()
    assert str(folder) in result.stdout.decode()
    return folder


# Runs a command, and names the packages that it imported although they take long.
LIGHT = """
import sys
from nmt.cli import main
slow = {"tensorflow", "keras", "tensorflow_text", "tensorflow_datasets", "sentencepiece", "matplotlib", "sacrebleu"}
slow |= {"h5py", "grpc", "starlette", "tensorboard"}
try:
    main()
finally:
    print("slow:", sorted(slow & set(sys.modules)))
"""


def light(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    result = subprocess.run([sys.executable, "-c", LIGHT, *map(str, arguments)], capture_output=True, timeout=60)
    assert result.stdout.splitlines()[-1] == b"slow: []"
    return result


def test_help_names_every_command_and_imports_nothing_that_takes_long() -> None:
    result = light("--help")
    assert result.returncode == 0
    assert all(command in result.stdout for command in (b"demo", b"train", b"translate", b"evaluate"))


@pytest.mark.parametrize(
    "command",
    [
        ("translate", "missing"),
        ("serve", "missing"),
        ("export", "missing"),
        ("train", "--pairs", "missing", "--to", "new"),
        ("train", "--pairs", "missing", "--to", "new", "--set", "model.unit=3"),
    ],
)
def test_a_wrong_command_is_refused_at_once(command: tuple[str, ...]) -> None:
    assert light(*command).returncode == 2


def test_a_folder_where_another_process_trains_is_refused_at_once(corpus: Path, tmp_path: Path) -> None:
    with folder_lock(tmp_path, "nmt train"):
        result = light("train", "--pairs", corpus / "train.tsv", "--to", tmp_path)
    assert result.returncode == 2
    assert b"Another nmt train is at work in" in result.stderr


@pytest.mark.parametrize("command", ["demo", "train", "translate", "evaluate"])
def test_every_command_explains_itself(command: str) -> None:
    result = nmt(command, "--help")
    assert result.returncode == 0
    assert b"Usage" in result.stdout


def test_a_trained_model_folder_holds_what_the_readme_says(model: Path) -> None:
    assert {path.name for path in model.iterdir()} == {
        "config.toml", "checksums.json", "joint.spm.model", "model.weights.h5", "training", "metrics.jsonl", "logs",
    }  # fmt: skip
    records = [json.loads(line) for line in (model / "metrics.jsonl").read_text().splitlines()]
    assert [record["epoch"] for record in records] == [1, 2]
    assert {"loss", "perplexity", "accuracy", "tokens/s", "val_loss", "val_bleu", "learning_rate"} <= set(records[0])
    assert any("tfevents" in path.name for path in (model / "logs").rglob("*"))


def test_tfds_translate_folder_trains_and_reports_on_standard_error_only(corpus: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(corpus / "train.ko", data / "ko.train.txt")
    shutil.copy(corpus / "train.en", data / "en.train.txt")
    result = nmt(
        "train", "--tfds", "translate_folder/ko-en", "--data-dir", data, "--to", tmp_path / "m", *QUICK
    )  # fmt: skip
    error = result.stderr.decode()
    assert result.returncode == 0, error
    assert "of the batches is padding" in error
    assert "are held out" in error
    assert "dev chrF" in error and "BLEU 0.00" not in error
    assert "\r" not in error and "\x08" not in error  # no progress bar where there is no terminal
    assert result.stdout.decode().count("\n") == 1


def test_resume_goes_on_with_more_epochs_and_with_the_same_pairs_gzipped(
    model: Path, corpus: Path, tmp_path: Path
) -> None:
    """Other pairs would be refused, and so would the same in another order."""
    copy = tmp_path / "copy"
    shutil.copytree(model, copy)
    for name in ("train.ko", "train.en"):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress((corpus / name).read_bytes()))
    result = nmt(
        "train", "--source", tmp_path / "train.ko.gz", "--target", tmp_path / "train.en.gz", "--to", copy, "--resume",
        "--dev-source", corpus / "train.ko", "--dev-target", corpus / "train.en", "--set", "training.epochs=3",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr.decode()
    assert [json.loads(line)["epoch"] for line in (copy / "metrics.jsonl").read_text().splitlines()] == [1, 2, 3]


def test_a_line_in_is_a_line_out_in_order(model: Path, tmp_path: Path) -> None:
    lines = [
        "나는 밥을 먹었다",
        "",
        "   ",
        "word " * 10_000,
        "\x00\x07\x1b[31m",
        "😀👩‍👩‍👧",
        "a\u2028b\x85c",
        "우리는 빵을 샀다",
    ]
    file = tmp_path / "lines.txt"
    file.write_bytes("\r\n".join(lines).encode())
    from_file = installed("translate", model, file)
    from_pipe = nmt("translate", model, stdin=file.read_bytes())
    assert from_file.returncode == from_pipe.returncode == 0, from_file.stderr.decode()
    assert from_file.stdout == from_pipe.stdout
    output = from_file.stdout.decode().split("\n")
    assert len(output) == len(lines) + 1 and output[-1] == ""
    assert output[1] == output[2] == ""
    assert [len(line.splitlines()) <= 1 for line in output] == [True] * len(output)
    alone = nmt("translate", model, stdin=lines[-1].encode()).stdout.decode()
    assert alone == output[-2] + "\n"
    assert "Line 4 is longer than the 23 pieces" in from_file.stderr.decode()


def test_the_demo_runs_to_its_end(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    small = [
        "training.epochs=1",
        "model.units=8",
        "model.embedding=8",
        "training.batch_size=512",
        "training.alignment_head=off",
        "data.max_length=12",  # two pairs of five
        "decoding.max_length=12",  # an untrained model does not stop
    ]
    result = installed("demo", "--to", folder, *[part for setting in small for part in ("--set", setting)])
    output = result.stdout.decode()
    assert result.returncode == 0, result.stderr.decode()
    assert output.count("BLEU ") == 2 and "tok:13a" in output
    assert "나는 밥을 먹었다  →" in output and "나는 철수를 사랑해  →" in output
    assert f"nmt translate {folder}" in output
    assert (folder / "confidence.json").is_file() and "expected calibration error" in result.stderr.decode()
    assert b"alignment/4" in (folder / "logs" / "dev" / "events.out.tfevents.nmt").read_bytes()
    assert nmt("translate", folder, stdin="나는 밥을 먹었다\n".encode()).stdout.count(b"\n") == 1


def test_a_pipe_given_as_a_file_is_read(model: Path) -> None:
    lines = "나는 밥을 먹었다\n우리는 빵을 샀다\n"
    command = f"{shlex.quote(sys.executable)} -m nmt.cli translate {model} <(printf '{lines}')"
    result = subprocess.run(["bash", "-c", command], capture_output=True, timeout=300)
    assert result.stdout == nmt("translate", model, stdin=lines.encode()).stdout != b""


def test_an_empty_standard_input_gives_no_output(model: Path) -> None:
    result = nmt("translate", model)
    assert (result.returncode, result.stdout) == (0, b"")


def closed(streams: str, *arguments: object) -> tuple[int, bytes, bytes]:
    """Run a command as a user does whose shell closes some of its streams: ``<&-``, ``>&-``, ``2>&-``."""
    command = ["sh", "-c", f'"$@" {streams}', "sh", sys.executable, "-m", "nmt.cli", *map(str, arguments)]
    result = subprocess.run(command, input=b"", capture_output=True, timeout=300)
    return result.returncode, result.stdout, result.stderr


def test_a_closed_stream_leads_nowhere(model: Path) -> None:
    assert closed(">&-", "corpus", "--help") == (0, b"", b"")
    code, shown, _ = closed("2>&-", "corpus", "--help")
    assert code == 0 and b"Usage" in shown
    code, _, error = closed(">&-", "translate", "missing")
    assert code == 2 and b"missing" in error and b"Traceback" not in error
    assert closed("<&- >&- 2>&-", "translate", "missing")[0] == 2
    assert closed("<&-", "translate", model)[:2] == (0, b"")


def test_evaluate_prints_scores_with_signatures(model: Path, corpus: Path) -> None:
    files = ("--source", corpus / "train.ko", "--reference", corpus / "train.en")
    text, machine = nmt("evaluate", model, *files), nmt("evaluate", model, *files, "--json")
    assert text.returncode == machine.returncode == 0, text.stderr.decode()
    scores = json.loads(machine.stdout)
    assert "tok:13a" in scores["bleu_signature"] and scores["sentences"] == len(PAIRS)
    assert f"BLEU {scores['bleu']:.2f}" in text.stdout.decode() and scores["chrf_signature"] in text.stdout.decode()


BAD_TRAINING = {
    "files of different length": (["--source", "ko", "--target", "short"], ["short", "line 48"]),
    "an empty file": (["--source", "empty", "--target", "en"], ["empty", "is empty"]),
    "no UTF-8": (["--source", "latin", "--target", "en"], ["latin", "line 1", "UTF-8"]),
    "one column": (["--pairs", "ko"], ["line 1", "one column"]),
    "a missing file": (["--pairs", "nowhere.tsv"], ["nowhere.tsv", "No such file"]),
    "a folder": (["--pairs", "hollow"], ["hollow is a folder without files"]),
    "blank lines only": (["--source", "blank", "--target", "blank"], ["no line with text"]),
    "nothing left": (["--pairs", "tsv", "--set", "data.max_length=1"], ["No pair of ", "is left", "data.max_length"]),
    "vocabulary too large": (["--pairs", "tsv", "--set", "text.vocabulary_size=9000"], ["9000", "larger than"]),
    "an unknown key": (["--pairs", "tsv", "--set", "model.unit=3"], ["model.unit", "'model.units'"]),
    "an unknown value": (["--pairs", "tsv", "--set", "model.cell=gruu"], ["gruu", "'gru'"]),
    "a wrong type": (["--pairs", "tsv", "--set", "training.epochs=many"], ["training.epochs", "whole number"]),
    "an unknown section": (["--pairs", "tsv", "--set", "modle.units=3"], ["modle", "'model'"]),
    "a broken config": (["--pairs", "tsv", "--config", "latin"], ["latin", "not UTF-8"]),
    "no config": (["--pairs", "tsv", "--config", "nowhere.toml"], ["nowhere.toml"]),
    "two kinds of pairs": (["--pairs", "tsv", "--source", "ko", "--target", "en"], ["one way"]),
    "a data folder without a dataset": (["--pairs", "tsv", "--data-dir", "nowhere"], ["--tfds"]),
    "no pairs": ([], ["--pairs"]),
    "a source without a target": (["--source", "ko"], ["--target"]),
    "an unknown dataset": (["--tfds", "no_such_dataset/xx"], ["no_such_dataset"]),
    "nothing to resume": (["--pairs", "tsv", "--resume"], ["no model folder"]),
    "an unknown option": (["--pears", "tsv"], ["--pears"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TRAINING)
def test_bad_input_for_training_is_refused_and_nothing_is_written(case: str, corpus: Path, tmp_path: Path) -> None:
    files = {
        "ko": (corpus / "train.ko").read_bytes(),
        "en": (corpus / "train.en").read_bytes(),
        "tsv": (corpus / "train.tsv").read_bytes(),
        "short": b"".join((corpus / "train.en").read_bytes().splitlines(keepends=True)[:-1]),
        "empty": b"",
        "latin": "élan\n".encode("latin-1") * len(PAIRS),
        "blank": b"\n" * 5,
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "hollow").mkdir()
    arguments, words = BAD_TRAINING[case]
    placed = [tmp_path / a if a in files or a.startswith("nowhere") or a == "hollow" else a for a in arguments]
    before = sorted(tmp_path.rglob("*"))
    refused(nmt("train", *placed, "--to", tmp_path / "m"), *words)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_that_opens_but_cannot_be_read_is_refused(tmp_path: Path) -> None:
    # Permissions do not stop root, so test_corpora.py tests them as another user. This file stops everybody.
    refused(nmt("train", "--pairs", "/proc/self/mem", "--to", tmp_path / "m"), "/proc/self/mem", "cannot be read")
    assert not (tmp_path / "m").exists()


def test_a_folder_with_another_model_is_left_alone(model: Path, corpus: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in model.rglob("*")}
    refused(
        nmt("train", "--pairs", corpus / "train.tsv", "--to", model, *QUICK), "holds another model", "resume its run"
    )
    refused(nmt("demo", "--to", model), "holds another model")
    assert {path: path.stat().st_mtime_ns for path in model.rglob("*")} == before


def test_resume_refuses_another_network(model: Path, corpus: Path) -> None:
    result = nmt("train", "--pairs", corpus / "train.tsv", "--to", model, "--resume", "--set", "model.units=32")
    refused(result, "model.units", "16", "32")


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda m: (m / "model.weights.h5").unlink(), "model.weights.h5"),
        (lambda m: (m / "joint.spm.model").unlink(), "joint.spm.model"),
        (lambda m: (m / "config.toml").unlink(), "config.toml"),
        (lambda m: os.truncate(m / "model.weights.h5", 5000), "model.weights.h5"),
        (lambda m: os.truncate(m / "joint.spm.model", 500), "joint.spm.model"),
        (lambda m: os.truncate(m / "config.toml", 40), "config.toml"),
        (lambda m: os.truncate(m / "config.toml", (m / "config.toml").stat().st_size - 10), "cut short"),
        (lambda m: shutil.rmtree(m), "no model folder"),
    ],
)
def test_a_damaged_model_is_refused(damage: Callable[[Path], None], word: str, model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(model, copy)
    damage(copy)
    refused(nmt("translate", copy), word)


def test_evaluate_refuses_a_model_without_weights(model: Path, corpus: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(model, copy)
    (copy / "model.weights.h5").unlink()
    files = ("--source", corpus / "train.ko", "--reference", corpus / "train.en")
    refused(nmt("evaluate", copy, *files), "model.weights.h5")


def test_translate_names_the_line_that_is_not_utf8(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "bytes"
    file.write_bytes(b"good\n\xff\xfe\n")
    result = nmt("translate", model, file)
    assert result.returncode == 2
    assert "line 2" in result.stderr.decode()


def test_evaluate_refuses_files_of_different_length(model: Path, corpus: Path, tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_text("one\n")
    refused(nmt("evaluate", model, "--source", corpus / "train.ko", "--reference", short), "short", "line 2")


def test_a_loss_that_is_not_finite_ends_the_run_with_code_1(corpus: Path, tmp_path: Path) -> None:
    result = nmt(
        "train", "--pairs", corpus / "train.tsv", "--to", tmp_path / "m", *QUICK, "--set", "training.learning_rate=1e38"
    )  # fmt: skip
    assert result.returncode == 1
    assert "no longer finite" in result.stderr.decode()
    assert "Traceback" not in result.stderr.decode()


def test_a_reader_that_goes_away_is_no_error_with_a_traceback(model: Path) -> None:
    with Bench([]) as bench:
        command = f"yes 나는 밥을 먹었다 | head -3000 | nmt translate {model} | head -1"
        result = subprocess.run(["bash", "-c", command], capture_output=True, timeout=300, env=bench.env)
    assert result.stdout.count(b"\n") == 1
    assert b"Traceback" not in result.stderr and b"Exception" not in result.stderr
