"""The generated tasks: sizes, splits, files and that they never change."""

import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from nmt.errors import InputError
from nmt.synthetic import tasks
from nmt.synthetic.tasks import SPLITS, TASKS

SIZES = {"numbers": 20_000, "transliteration": 10_000, "headlines": 10_000}

PRINT = """
import sys
from nmt.synthetic import tasks
everything = repr([tasks.pairs(task, split) for task in tasks.TASKS for split in tasks.SPLITS])
assert not {"tensorflow", "keras"} & set(sys.modules)
sys.stdout.buffer.write(everything.encode())
"""


@pytest.mark.parametrize("task", TASKS)
def test_sizes(task: str) -> None:
    assert [len(tasks.pairs(task, split)) for split in SPLITS] == [SIZES[task], 500, 500]


@pytest.mark.parametrize("task", TASKS)
def test_no_source_occurs_twice_in_a_task(task: str) -> None:
    sources = [source for split in SPLITS for source, _ in tasks.pairs(task, split)]
    assert len(set(sources)) == len(sources)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("one", "other"), list(combinations(SPLITS, 2)))
def test_splits_share_no_target(task: str, one: str, other: str) -> None:
    first, second = ({target for _, target in tasks.pairs(task, split)} for split in (one, other))
    assert not first & second


@pytest.mark.parametrize("task", TASKS)
def test_texts_fit_into_a_line_of_two_columns(task: str) -> None:
    for text in (text for split in SPLITS for pair in tasks.pairs(task, split) for text in pair):
        assert text == text.strip() != ""
        assert not set("\t\n\r") & set(text)


@pytest.mark.parametrize("task", TASKS)
def test_training_has_seen_every_letter_that_is_tested(task: str) -> None:
    for side in (0, 1):
        seen = {letter for pair in tasks.pairs(task, "train") for letter in pair[side]}
        tested = {letter for split in SPLITS[1:] for pair in tasks.pairs(task, split) for letter in pair[side]}
        assert tested <= seen


def test_the_caller_cannot_change_the_corpus() -> None:
    tasks.pairs("numbers", "dev").clear()
    assert len(tasks.pairs("numbers", "dev")) == 500


def test_unknown_names_are_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'headlines'"):
        tasks.pairs("headline", "train")
    with pytest.raises(InputError, match="Did you mean 'test'"):
        tasks.pairs("numbers", "tests")
    with pytest.raises(InputError, match="no task 'letters'"):
        tasks.write("letters", tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("exists", [False, True])
def test_written_files(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "corpus"
    if exists:
        folder.mkdir()
    tasks.write("transliteration", folder)
    assert sorted(path.name for path in folder.iterdir()) == ["dev.tsv", "test.tsv", "train.tsv"]
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]
    for split in SPLITS:
        lines = (folder / f"{split}.tsv").read_bytes().decode("utf-8").removesuffix("\n").split("\n")
        assert [tuple(line.split("\t")) for line in lines] == tasks.pairs("transliteration", split)


def test_a_folder_in_use_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="not an empty folder"):
        tasks.write("numbers", tmp_path)
    with pytest.raises(InputError, match="not an empty folder"):
        tasks.write("numbers", tmp_path / "letter.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
    assert (tmp_path / "letter.txt").read_text() == "mine"


def test_what_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".unfinished.x").mkdir()
    (tmp_path / ".unfinished.x" / "train.tsv").touch()
    tasks.write("transliteration", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dev.tsv", "test.tsv", "train.tsv"]


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    tasks.pairs("transliteration", "train")
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match="No space left"):
        tasks.write("transliteration", tmp_path / "corpus")
    assert list(tmp_path.iterdir()) == []


def test_the_same_pairs_on_every_run_and_no_tensorflow() -> None:
    # Another seed of hashes than that of this process: sets have another order there.
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(tasks.__file__).parents[2])}
    command = [sys.executable, "-c", PRINT]
    there = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout.decode()
    assert there == repr([tasks.pairs(task, split) for task in TASKS for split in SPLITS])
