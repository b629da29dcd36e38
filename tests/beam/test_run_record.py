"""``--resume`` continues the run that was begun, and no other."""

import json
from pathlib import Path

import pytest

from nmt.beam.run_record import check_same, describe_run
from nmt.errors import InputError


def test_another_export_form_or_input_is_refused(tmp_path: Path) -> None:
    export, prefix = tmp_path / "1", f"{tmp_path}/out"
    export.mkdir()
    (export / "saved_model.pb").write_text("a graph")
    for unreadable in ("", "[]", '{"files": 3}'):
        with pytest.raises(InputError, match=r"needs .*out-run\.json"):
            check_same(prefix, unreadable, {})
    begun = describe_run(export, {"a.ko": 5, "b.ko": 7}, "text", 3)
    text = json.dumps(begun)
    check_same(prefix, text, describe_run(export, {"b.ko": 7, "a.ko": 5}, "text", 3))
    for files, form, lines, reason in (
        ({"A0.ko": 2, "a.ko": 5, "b.ko": 7}, "text", 3, "A0.ko was not among"),
        ({"a.ko": 5}, "text", 3, "b.ko is missing"),
        ({"a.ko": 5, "b.ko": 11}, "text", 3, "b.ko had 7 bytes and has 11"),
        ({"a.ko": 3, "b.ko": 7}, "text", 3, "a.ko had 5 bytes and has 3"),
        ({"a.ko": 5, "b.ko": 7}, "jsonl", 3, "--format was text"),
        ({"a.ko": 5, "b.ko": 7}, "text", 13, "has 13 lines, and had 3"),
    ):
        with pytest.raises(InputError, match=reason):
            check_same(prefix, text, describe_run(export, files, form, lines))
    (export / "saved_model.pb").write_text("another")
    with pytest.raises(InputError, match="the model or export is not the same"):
        check_same(prefix, text, describe_run(export, {"a.ko": 5, "b.ko": 7}, "text", 3))
    # Of an export that lists its checksums, the list is enough.
    (export / "checksums.json").write_text("{}")
    listed = describe_run(export, {}, "text", 3)
    (export / "saved_model.pb").write_text("a third")
    assert describe_run(export, {}, "text", 3) == listed != begun


def test_a_model_is_the_same_while_what_it_translates_with_is(tmp_path: Path) -> None:
    for name in ("config.toml", "model.weights.h5", "checksums.json", "metrics.jsonl", "logs/dev/events"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    begun = describe_run(tmp_path, {}, "text", 3)
    (tmp_path / "metrics.jsonl").write_text("another epoch")
    (tmp_path / "logs/dev/events").write_text("and its curves")
    assert describe_run(tmp_path, {}, "text", 3) == begun
    # Checksums leave out how a model searches.
    (tmp_path / "config.toml").write_text("[decoding]\nbeam = 5\n")
    assert describe_run(tmp_path, {}, "text", 3) != begun
