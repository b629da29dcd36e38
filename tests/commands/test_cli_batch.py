"""``nmt batch`` says what is missing."""

import importlib.util

import pytest
from typer.testing import CliRunner

from nmt.cli import app
from nmt.errors import InputError


@pytest.mark.skipif(importlib.util.find_spec("apache_beam") is not None, reason="Apache Beam is installed")
def test_without_beam_the_command_says_what_to_install() -> None:
    done = CliRunner().invoke(app, ["batch", "m", "--input", "x", "--output", "y"])
    assert isinstance(done.exception, InputError)
    assert str(done.exception) == "`nmt batch` needs Apache Beam, which is not installed: pip install nmt[beam]."
