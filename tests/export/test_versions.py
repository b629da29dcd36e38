"""Which model the versions of an export are of."""

from pathlib import Path

import pytest

from nmt.errors import InputError
from nmt.export.versions import check_origin, origin, record_origin


def _model(folder: Path, weights: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.weights.h5").write_text(weights, encoding="utf-8")
    return folder


def test_models_of_folders_of_one_name_are_no_versions_of_one_export(tmp_path: Path) -> None:
    to = tmp_path / "saved_models" / "model"
    (to / "1").mkdir(parents=True)

    def check(model: Path, languages: str | None = None) -> None:
        check_origin(to, model, origin(model, to, languages))

    here, other = _model(tmp_path / "ko-en" / "model", "a"), _model(tmp_path / "en-ko" / "model", "b")
    check(other)  # nothing is recorded of an older export
    record_origin(to, origin(here, to, "ko-en"))
    with pytest.raises(InputError, match=r"another folder than .*en-ko/model.* --name model"):
        check(other)
    with pytest.raises(InputError, match="another model"):
        check(other, "en-ko")
    check(_model(here, "trained anew"))
    check(_model(tmp_path / "moved" / "model", "a"))
    check(other, "ko-en")
    (to / "1").rmdir()
    check(other)


def test_a_model_stays_the_same_when_all_is_moved_or_a_link_leads_elsewhere(tmp_path: Path) -> None:
    def found(root: Path) -> dict[str, str]:
        return origin(root / "models" / "current", root / "saved_models" / "current", None)

    for number, weights in enumerate("ab"):
        _model(tmp_path / "one" / "models" / f"day-{number}", weights)
    link = tmp_path / "one" / "models" / "current"
    link.symlink_to("day-0")
    first = found(tmp_path / "one")
    link.unlink()
    link.symlink_to("day-1")
    (tmp_path / "one").rename(tmp_path / "two")
    second = found(tmp_path / "two")
    assert first["folder"] == second["folder"] and first["weights"] != second["weights"]


def test_a_folder_is_the_same_however_it_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, to = _model(tmp_path / "disk" / "models" / "model", "a"), tmp_path / "disk" / "saved_models" / "model"
    (tmp_path / "disk" / "saved_models").mkdir()
    (tmp_path / "home").symlink_to("disk")
    expected = origin(model, to, None)
    monkeypatch.chdir(tmp_path / "home" / "models")
    for typed, there in (
        (tmp_path / "home" / "models" / "model", to),
        (model, tmp_path / "home" / "saved_models" / "model"),
        (Path("model"), Path("..", "saved_models", "model")),
    ):
        assert origin(typed, there, None) == expected
    monkeypatch.chdir(model)
    assert origin(Path(), to, None) == expected
    _model(model / "part", "a")
    assert origin(Path("part", ".."), to, None) == expected


def test_languages_stay_recorded_for_a_version_without_them(tmp_path: Path) -> None:
    to = tmp_path / "saved_models" / "model"
    (to / "1").mkdir(parents=True)
    one, other = _model(tmp_path / "one" / "model", "a"), _model(tmp_path / "other" / "model", "b")
    record_origin(to, origin(one, to, "ko-en"))
    record_origin(to, origin(_model(one, "trained anew"), to, None))
    check_origin(to, other, origin(other, to, "ko-en"))
    record_origin(to, origin(one, to, "en-ko"))
    with pytest.raises(InputError, match="another model"):
        check_origin(to, other, origin(other, to, "ko-en"))
    record_origin(to, origin(other, to, None))  # another model, by its --name: of what languages is not known
    with pytest.raises(InputError, match="another model"):
        check_origin(to, _model(one, "c"), origin(one, to, "en-ko"))


def test_a_model_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no weights yet"):
        origin(tmp_path / "model", tmp_path / "saved_models" / "model", None)
