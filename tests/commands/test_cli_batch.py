"""``nmt batch`` says what is missing."""

import importlib.util
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nmt.cli import app
from nmt.commands.batch import _version
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
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.toml").touch()
    assert _version(tmp_path / "export") == tmp_path / "export" / "10"
    assert _version(tmp_path / "export" / "2") == tmp_path / "export" / "2"
    for name, what in (("model", "a model's folder"), ("none", "no export")):
        with pytest.raises(InputError, match=rf"{name} is {what}.*nmt export"):
            _version(tmp_path / name)
