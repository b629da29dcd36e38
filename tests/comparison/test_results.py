"""The folder of a comparison: it goes on, it grows, and it is never mistaken for another."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nmt.comparison.results import Results, check_place
from nmt.comparison.spec import Candidate, ComparisonBudget, Material
from nmt.config import Config, with_settings
from nmt.errors import InputError
from nmt.folder_lock import folder_lock

A, B = Candidate("a", Config()), Candidate("b", with_settings(Config(), ["model.units=7"]))


@pytest.fixture
def material(tmp_path: Path) -> Material:
    (tmp_path / "test.tsv").write_text("x\tu\n")
    return Material((tmp_path / "test.tsv",))


def test_what_runs_found_is_there_again_and_a_failure_is_not_done(tmp_path: Path, material: Material) -> None:
    results = Results(tmp_path / "c", [A], material, ComparisonBudget(7))
    results.add({"name": "a", "seed": 1, "bleu": 11.0, "sentences": 0})
    results.add({"name": "a", "seed": 2, "failed": "it broke"})
    (tmp_path / "c" / "texts").mkdir()
    for seed in (1, 2):
        results.texts("a", seed).touch()
    again = Results(tmp_path / "c", [A, B], material, ComparisonBudget(7))
    assert again.run("a", 1) == {"name": "a", "seed": 1, "bleu": 11.0, "sentences": 0}
    assert again.run("a", 2) is None and again.run("b", 1) is None
    assert [run["seed"] for run in again.runs("a")] == [1, 2] and [run["seed"] for run in again.done("a")] == [1]
    # Tried again, it takes the place of the failure.
    again.add({"name": "a", "seed": 2, "bleu": 13.0, "sentences": 0})
    assert [run.get("failed") for run in again.runs("a")] == [None, None]
    # One that is left out this time is not forgotten, and one whose texts are gone is done again.
    last = Results(tmp_path / "c", [B], material, ComparisonBudget(7))
    assert last.run("a", 2) is not None
    last.texts("a", 2).unlink()
    assert last.run("a", 2) is None
    # So is one whose texts were cut short.
    last.add({"name": "a", "seed": 2, "bleu": 13.0, "sentences": 3})
    last.texts("a", 2).write_text("one\ntwo\nthree\n")
    assert last.run("a", 2) is not None
    last.texts("a", 2).write_text("one\ntw")
    assert last.run("a", 2) is None


def test_a_lock_is_no_content(tmp_path: Path, material: Material) -> None:
    with folder_lock(tmp_path / "c", "nmt compare"):
        check_place(tmp_path / "c")
        Results(tmp_path / "c", [A], material, ComparisonBudget(7)).save()


def test_other_pairs_or_links_make_another_comparison(tmp_path: Path, material: Material) -> None:
    links = tmp_path / "links"
    links.write_text("0-0\n")
    linked = replace(material, train_links=links)
    before = linked.identity()
    assert before == linked.identity() != material.identity()
    links.write_text("0-1\n")
    assert before != linked.identity()
    lines = [f"x{n}\tu\n" for n in range(2000)]
    material.test[0].write_text("".join(lines))
    before = material.identity()
    material.test[0].write_text("".join([*lines[:-1], "y1999\tu\n"]))
    assert before != material.identity()


def test_another_comparison_is_not_gone_on_with(tmp_path: Path, material: Material) -> None:
    Results(tmp_path / "c", [A], material, ComparisonBudget(7)).save()
    before = (tmp_path / "c" / "comparison.json").read_bytes()
    with pytest.raises(InputError, match="holds another comparison: steps was 7 and is 11"):
        Results(tmp_path / "c", [A], material, ComparisonBudget(11))
    with pytest.raises(InputError, match=r"'a' is another model: config\.model\.units was 256 and is 7"):
        Results(tmp_path / "c", [Candidate("a", B.config)], material, ComparisonBudget(7))
    assert (tmp_path / "c" / "comparison.json").read_bytes() == before


@pytest.mark.parametrize(
    "content", ["{", "[]", json.dumps({"format": 99}), json.dumps({"format": 1}), json.dumps({"format": 1, "plan": []})]
)
def test_a_record_that_is_none_is_refused(tmp_path: Path, material: Material, content: str) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "comparison.json").write_text(content)
    with pytest.raises(InputError, match=r"comparison.json is (damaged|not a record)"):
        Results(tmp_path / "c", [A], material, ComparisonBudget())


def test_a_folder_with_something_else_or_a_file_is_refused(tmp_path: Path, material: Material) -> None:
    with pytest.raises(InputError, match="is not empty"):
        Results(tmp_path, [A], material, ComparisonBudget())
    with pytest.raises(InputError):
        Results(tmp_path / "test.tsv", [A], material, ComparisonBudget())
    assert [path.name for path in tmp_path.iterdir()] == ["test.tsv"]


def test_a_key_that_an_earlier_version_did_not_have_makes_no_other_model(tmp_path: Path, material: Material) -> None:
    def recorded(change: Callable[[dict[str, Any]], object]) -> None:
        Results(tmp_path / "c", [A], material, ComparisonBudget(7)).save()
        record = json.loads((tmp_path / "c" / "comparison.json").read_text())
        change(record["contestants"]["a"])
        (tmp_path / "c" / "comparison.json").write_text(json.dumps(record))

    normalized = with_settings(Config(), ["text.normalization=nmt_nfkc"])
    recorded(lambda each: [each["config"][part].pop(key) for part, key in (("model", "units"), ("decoding", "beam"))])
    Results(tmp_path / "c", [A], material, ComparisonBudget(7)).save()
    # What the key means that it lacks is what that version did.
    recorded(lambda each: each["config"]["text"].pop("normalization"))
    Results(tmp_path / "c", [Candidate("a", normalized)], material, ComparisonBudget(7))
    with pytest.raises(InputError, match=r"text\.normalization was"):
        Results(tmp_path / "c", [A], material, ComparisonBudget(7))


def test_a_key_of_a_later_version_is_named(tmp_path: Path, material: Material) -> None:
    Results(tmp_path / "c", [A], material, ComparisonBudget(7)).save()
    path = tmp_path / "c" / "comparison.json"
    record = json.loads(path.read_text())
    record["contestants"]["a"]["config"]["model"]["later"] = 7
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"config\.model\.later was 7 and is null"):
        Results(tmp_path / "c", [A], material, ComparisonBudget(7))
