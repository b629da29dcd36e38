"""``nmt batch`` says what is missing."""

import importlib.util
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nmt.cli import app
from nmt.commands.batch import _search, _version
from nmt.config import Config, to_toml, with_settings
from nmt.errors import InputError


@pytest.mark.skipif(importlib.util.find_spec("apache_beam") is not None, reason="Apache Beam is installed")
def test_without_beam_the_command_says_what_to_install() -> None:
    done = CliRunner().invoke(app, ["batch", "m", "--input", "x", "--output", "y"])
    assert isinstance(done.exception, InputError)
    assert str(done.exception) == "`nmt batch` needs Apache Beam, which is not installed: pip install nmt[beam]."


def test_an_export_is_found_by_its_folder_or_its_version(tmp_path: Path) -> None:
    for version in ("2", "10"):
        (tmp_path / "export" / version).mkdir(parents=True)
        (tmp_path / "export" / version / "saved_model.pb").touch()
    assert _version(tmp_path / "export") == tmp_path / "export" / "10"
    assert _version(tmp_path / "export" / "2") == tmp_path / "export" / "2"
    assert _search(tmp_path / "export") is None
    with pytest.raises(InputError, match=r"none is neither a model's folder nor an export.*nmt export"):
        _version(tmp_path / "none")


def test_a_model_is_exported_if_it_translates(tmp_path: Path) -> None:
    config = to_toml(with_settings(Config(), ["model.architecture=language-model"]))
    (tmp_path / "config.toml").write_text(f"{config}\n# end of config\n")
    with pytest.raises(InputError, match="is a language model"):
        _search(tmp_path)
    (tmp_path / "config.toml").write_text(f"{to_toml(Config())}\n# end of config\n")
    found = _search(tmp_path)
    assert found and not found["sample"]
