"""TensorFlow alone is what Keras may run on here, and that is said before anything is imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nmt.errors import InputError
from nmt.tf_import import check_backend

REFUSED = """
import importlib, sys, nmt
nmt.Config()
for name in sys.argv[1:]:
    try:
        importlib.import_module(name) if name.startswith("nmt.") else getattr(nmt, name)
    except ValueError as error:
        print(name, error)
print({"keras", "tensorflow"} & set(sys.modules))
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of Keras's settings, in a home of its own."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return tmp_path / "keras.json"


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], env={**os.environ, **environment}, capture_output=True, text=True, timeout=100
    )


def test_another_backend_is_refused(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(InputError, match="the environment variable KERAS_BACKEND asks Keras for 'jax'"):
        check_backend()


def test_a_backend_in_the_settings_file_is_refused(settings: Path) -> None:
    settings.write_text(json.dumps({"backend": "torch", "floatx": "float32"}))
    with pytest.raises(InputError, match=r"keras\.json asks Keras for 'torch': set it to 'tensorflow'\.$"):
        check_backend()


@pytest.mark.parametrize("content", [None, '{"backend": "tensorflow"}', '{"floatx": "float32"}', "{", "[]", "\ud800"])
def test_tensorflow_or_no_settings_are_accepted(settings: Path, content: str | None) -> None:
    if content is not None:
        settings.write_bytes(content.encode("utf-8", "surrogatepass"))
    check_backend()


def test_the_environment_comes_before_the_file(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.write_text(json.dumps({"backend": "torch"}))
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    check_backend()


def test_a_command_refuses_it_in_one_sentence(tmp_path: Path) -> None:
    result = run("-m", "nmt.cli", "demo", "--to", str(tmp_path / "model"), KERAS_BACKEND="jax")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.strip().endswith(
        "nmt runs on TensorFlow, but the environment variable KERAS_BACKEND asks Keras for 'jax': "
        "set it to 'tensorflow'."
    )
    assert "Traceback" not in result.stderr


def test_importing_what_needs_keras_refuses_it_before_tensorflow_is_imported() -> None:
    modules = ["layers.attention", "models.seq2seq", "training.losses", "inference.translator"]
    names = ["Encoder", "Completer", "Adam", "fit", *(f"nmt.{name}" for name in modules)]
    result = run("-c", REFUSED, *names, KERAS_BACKEND="jax")
    *refused, imported = result.stdout.splitlines()
    assert [line.split()[0] for line in refused] == names, result.stderr
    assert all("asks Keras for 'jax'" in line for line in refused)
    assert imported == "set()"


def test_a_command_imports_tensorflow_without_pictures_and_data_frames_which_can_be_imported_later() -> None:
    program = """
import gc, sys
from nmt.tf_import import import_tensorflow
import_tensorflow()
import keras
print({"matplotlib", "PIL", "pandas", "IPython"} & set(sys.modules), gc.isenabled(), gc.get_freeze_count() > 100_000)
import matplotlib.pyplot, PIL.Image
print(matplotlib.pyplot.figure.__name__)
"""
    result = run("-c", program)
    assert (result.stdout, result.returncode) == ("set() True True\nfigure\n", 0), result.stderr
