"""``nmt batch`` says what is missing."""

import importlib.util
import os
import signal
import weakref
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nmt.cli import app
from nmt.commands.batch import _check_model, _exported, _own_folder, _quiet_processes, _search, _version
from nmt.config import Config, to_toml, with_settings
from nmt.errors import InputError
from nmt.translation import Translation


@pytest.mark.skipif(importlib.util.find_spec("apache_beam") is not None, reason="Apache Beam is installed")
def test_without_beam_the_command_says_what_to_install() -> None:
    done = CliRunner().invoke(app, ["batch", "m", "--input", "x", "--output", "y"])
    assert isinstance(done.exception, InputError)
    assert str(done.exception) == (
        "`nmt batch` needs Apache Beam, which is not installed: in the clone of this project, pip install -e '.[beam]'."
    )


def test_an_export_is_found_by_its_folder_or_its_version(tmp_path: Path) -> None:
    for version in ("2", "10"):
        (tmp_path / "export" / version).mkdir(parents=True)
        (tmp_path / "export" / version / "saved_model.pb").touch()
    assert _version(tmp_path / "export") == tmp_path / "export" / "10"
    assert _version(tmp_path / "export" / "2") == tmp_path / "export" / "2"
    assert _search(tmp_path / "export") is None
    with pytest.raises(InputError, match=r"none is neither a model's folder nor an export.*nmt export"):
        _version(tmp_path / "none")
    with pytest.raises(InputError, match=r"gs:/bucket/1 is an address"):
        _version(Path("gs://bucket/1"))


def test_a_model_is_exported_if_it_translates(tmp_path: Path) -> None:
    config = to_toml(with_settings(Config(), ["model.architecture=language-model"]))
    (tmp_path / "config.toml").write_text(f"{config}\n# end of config\n")
    with pytest.raises(InputError, match="is a language model"):
        _search(tmp_path)
    (tmp_path / "config.toml").write_text(f"{to_toml(Config())}\n# end of config\n")
    found = _search(tmp_path)
    assert found and not found["sample"]


def test_what_is_for_exports_is_refused_with_a_model() -> None:
    _check_model(Path("m"), "DirectRunner", trust=False)
    with pytest.raises(InputError, match="--trust is for an export, and m is a model's folder"):
        _check_model(Path("m"), "DirectRunner", trust=True)
    with pytest.raises(InputError, match="machines of FlinkRunner need an export"):
        _check_model(Path("m"), "FlinkRunner", trust=False)


class Opened:
    """In place of a translator."""

    def decoding(self, **search: Any) -> Any:
        return search


def test_a_model_is_exported_with_all_cores_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    from nmt.export import saved_model
    from nmt.inference.translator import Translator

    left: list[Any] = []

    def load(*folders: Path) -> Opened:
        opened = Opened()
        left.append(weakref.ref(opened))
        return opened

    def threads(number: int) -> None:
        raise AssertionError(f"TensorFlow was limited to {number}")

    monkeypatch.setattr(tf.config.threading, "set_intra_op_parallelism_threads", threads)
    monkeypatch.setattr(Translator, "load", load)
    monkeypatch.setattr(saved_model, "export", lambda opened, to, search: to / str(search["beam"]))
    assert _exported(Path("m"), {"beam": 3}, tmp_path) == tmp_path / "export" / "3"
    assert [each() for each in left] == [None]


@pytest.mark.parametrize("number", [None, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_in_the_temporary_folder(number: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[int] = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    monkeypatch.delenv("NMT_DEBUG", raising=False)
    before = signal.getsignal(signal.SIGTERM)
    with _own_folder() as folder, _quiet_processes(folder):
        assert os.environ["PIPELINE_OPTIONS_FILE"] == str(folder / "options.json")
        (folder / "export" / "1").mkdir(parents=True)
        handler: Any = signal.getsignal(number) if number else None
        if number == signal.SIGINT:
            with pytest.raises(KeyboardInterrupt):
                handler(number, None)
        elif number:
            handler(number, None)
            assert not folder.exists() and signal.getsignal(number) == signal.SIG_DFL
    assert not folder.exists() and signal.getsignal(signal.SIGTERM) == before
    assert raised == ([signal.SIGTERM] if number == signal.SIGTERM else [])


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("begun", [False, True], ids=["killed before its record", "killed in a block"])
def test_what_a_killed_run_was_writing_is_no_output_and_no_input(
    begun: bool, resume: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("apache_beam", reason="Apache Beam is not installed: pip install -e '.[beam]'")
    from nmt.beam.export_handler import ExportHandler

    monkeypatch.setattr(ExportHandler, "check", lambda self: None)
    monkeypatch.setattr(ExportHandler, "load_model", lambda self: None)
    monkeypatch.setattr(ExportHandler, "ask", lambda self, model, rows: [Translation(x.upper(), 0.0) for x in rows])
    texts, export = tmp_path / "texts", tmp_path / "export"
    texts.mkdir()
    export.mkdir()
    (export / "saved_model.pb").touch()
    (texts / "a.ko").write_text("one\ntwo\n")
    # The output lies where the pattern of the input looks.
    command = ["batch", str(export), "--input", f"{texts}/*", "--output", f"{texts}/lib"]
    whole = {"a.ko", "lib-00000-00000.txt", "lib-counts.json", "lib-run.json"}
    if begun:
        assert CliRunner().invoke(app, command).exit_code == 0
        (texts / "lib-00000-00000.txt").unlink()
    cut = texts / f"lib-{'00000-00000.txt' if begun else 'run.json'}.{'0a' * 16}.part"
    cut.write_text("o")
    done = CliRunner().invoke(app, [*command, *["--resume"] * resume])
    if begun and not resume:
        assert "continue with --resume" in str(done.exception) and cut.exists()
        return
    assert done.exit_code == 0, done.exception
    assert {path.name for path in texts.iterdir()} == whole
    assert (texts / "lib-00000-00000.txt").read_text() == "ONE\nTWO\n"
