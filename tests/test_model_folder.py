"""A model's folder: what cannot be read in it is named, and nothing of a user's is written over."""

from pathlib import Path

import pytest

from nmt.config import Config
from nmt.errors import InputError
from nmt.export.tflite_runtime import CONTENTS, read_contents
from nmt.model_folder import CONFIG, JOURNAL, STATE, check_new, config_text, read_journal, source_scripts
from nmt.training.callbacks import Journal

NO_RECORDS = {"a list": "[]\n", "cut short": '{"epoch"', "3,000 lists": "[" * 3000, "5,000 digits": "9" * 5000}


@pytest.mark.parametrize("text", NO_RECORDS.values(), ids=NO_RECORDS)
def test_what_holds_no_records_is_damaged(tmp_path: Path, text: str) -> None:
    (tmp_path / CONFIG).write_bytes(config_text(Config()))
    for name in (JOURNAL, CONTENTS):
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=r"metrics.jsonl is damaged: it must hold one JSON object on each line"):
        read_journal(tmp_path)
    with pytest.raises(InputError, match=r"metrics.jsonl is missing or damaged"):
        Journal(tmp_path / JOURNAL, 1)
    with pytest.raises(ValueError, match=r"edge.json is missing or damaged"):
        read_contents(tmp_path)


def test_the_scripts_of_the_sources_are_those_of_the_last_record(tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_bytes(config_text(Config()))
    assert source_scripts(tmp_path) == []
    # An older version has trained the first epoch.
    for record, found in (('{"epoch": 1}', []), ('{"epoch": 2, "source_scripts": ["Hangul"]}', ["Hangul"])):
        with (tmp_path / JOURNAL).open("a") as file:
            file.write(f"{record}\n")
        assert source_scripts(tmp_path) == found
    (tmp_path / JOURNAL).write_text('{"source_scripts": "Hangul"}\n')
    with pytest.raises(InputError, match="source_scripts must be a list"):
        source_scripts(tmp_path)


def test_what_a_killed_process_left_does_not_make_a_folder_used(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    check_new(tmp_path)
    # Killed while it moved the parts of a new model into an empty folder.
    (tmp_path / "joint.spm.model").touch()
    with pytest.raises(InputError, match="is not empty"):
        check_new(tmp_path)
    (tmp_path / ".unfinished.x" / STATE).mkdir(parents=True)
    check_new(tmp_path)
    (tmp_path / CONFIG).touch()
    with pytest.raises(InputError, match="holds another model"):
        check_new(tmp_path)
