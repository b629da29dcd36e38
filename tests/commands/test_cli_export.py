"""`nmt export` through the command line: what it writes, what it says, and what it refuses."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import nmt, refused
from exported import trained
from servers import tiny_model

LINES = "나는 밥을 먹었다\n\n우리는 빵을 샀다\n".encode()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("export") / "ko-en")


def test_a_version_is_written_with_all_that_a_server_wants(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for version in ("1", "2"):
        result = nmt("export", model, "--beam", 2, "--max-length", 30, "--languages", "ko-en")
        assert result.returncode == 0 and result.stdout == b"", result.stderr.decode()
        assert f"saved_models/ko-en/{version}" in result.stderr.decode()
    folder = tmp_path / "saved_models" / "ko-en"
    assert sorted(place.name for place in folder.iterdir()) == [".origin.json", "1", "2"]
    # Another model whose folder has the same name: a server would change to it.
    other = shutil.copytree(model, tmp_path / "other" / "ko-en")
    (other / "model.weights.h5").write_bytes(b"other")
    refused(nmt("export", other), "another model", "--name")
    assert {"saved_model.pb", "variables", "assets.extra", "card.md"} <= {p.name for p in (folder / "2").iterdir()}
    card = (folder / "2" / "card.md").read_text(encoding="utf-8")
    for words in (
        "version 2",
        "ko-en",
        "80 pieces",
        "BLEU",
        "the epoch was chosen by",
        "beam of 2",
        "at most 30 pieces",
        "[model]",
    ):
        assert words in card
    # The lines of the card, in an interpreter that knows nothing of this package.
    lines = re.search(r"```python\n(.*?)```", card, re.DOTALL)
    assert lines
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    asked = [sys.executable, "-c", lines[1]]
    told = subprocess.run(asked, cwd=folder / "2", env=env, capture_output=True, timeout=120)
    assert told.returncode == 0, told.stderr.decode()
    assert re.fullmatch(r"\['.*', '.*'\] \[-?\d.*\]\n", told.stdout.decode())
    assert "Op type not registered" in card and f'"tensorflow=={importlib.metadata.version("tensorflow")}"' in card


def test_a_link_is_exported_under_its_own_name(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("current").symlink_to(model)
    for options, name in ((), "current"), (("--name", "ours"), "ours"):
        assert nmt("export", "current", "--tflite", *options).returncode == 0
        assert (tmp_path / "saved_models" / f"{name}-tflite" / "card.md").read_text().startswith(f"# {name}\n")
    refused(nmt("export", "current", "--name", "../ours"), "cannot be a model's name")


def test_a_folder_for_a_device_translates_as_the_model_does(model: Path, tmp_path: Path) -> None:
    to = tmp_path / "device"
    result = nmt("export", model, "--tflite", "--to", to)
    assert result.returncode == 0, result.stderr.decode()
    expected = nmt("translate", model, stdin=LINES)
    found = nmt("translate", to, stdin=LINES)
    assert found.returncode == 0 and found.stdout == expected.stdout, found.stderr.decode()
    records = nmt("translate", to, "--format", "jsonl", stdin=LINES).stdout.decode().splitlines()
    wanted = nmt("translate", model, "--format", "jsonl", stdin=LINES).stdout.decode().splitlines()
    for one, other in zip(map(json.loads, records), map(json.loads, wanted), strict=True):
        assert (one["text"], one["tokens"]) == (other["text"], other["tokens"])
        assert one["score"] == pytest.approx(other["score"], abs=1e-3)
    refused(nmt("translate", to, "--beam", 3, stdin=LINES), "--beam", "export")
    terms = tmp_path / "terms.tsv"
    terms.write_text("나\tquabble\n밥\tmeat\n", encoding="utf-8")
    for options in ([], ["--placeholders"], ["--format", "jsonl"]):
        applied = nmt("translate", to, "--glossary", terms, *options, stdin="나는 밥을 먹었다\n\n".encode())
        assert applied.returncode == 0, applied.stderr.decode()
        # Of a term that no word is linked to it says so.
        assert ("quabble" in applied.stdout.decode()) != ("'나' is not translated" in applied.stderr.decode())
    refused(nmt("translate", to, "--deadline", 3, stdin=LINES), "--server URL")
    long = nmt("translate", to, stdin="나는 ".encode() * 300)
    assert long.returncode == 0 and b"Line 1 is longer than the 200 pieces" in long.stderr
    (to / "model.tflite").write_bytes(b"TFL3")
    refused(nmt("translate", to, stdin=LINES), "model.tflite", "was cut short")


def test_an_export_of_strings_translates_as_the_model_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trained(tmp_path, "unigram")
    result = nmt("export", "model", "--tflite", "--strings", "--quantize", "float16", "--languages", "ko-en")
    assert result.returncode == 0, result.stderr.decode()
    to = tmp_path / "saved_models" / "model-tflite-strings"
    assert "TFLite, weights float16, takes strings" in (to / "card.md").read_text()
    found, expected = nmt("translate", to, stdin=LINES), nmt("translate", "model", stdin=LINES)
    assert found.returncode == 0 and found.stdout == expected.stdout, found.stderr.decode()
    refused(nmt("export", "model", "--tflite", "--strings", "--beam", 2, "--n-best", 2), "decoding.n_best must be 1")
    (to / "model.tflite").write_bytes(b"TFL3")
    refused(nmt("translate", to, stdin=LINES), "model.tflite", "was cut short")


REFUSED = {
    "no model": (["nowhere"], "no model folder"),
    "quantized and for a server": (["M", "--quantize", "int8"], "add --tflite"),
    "strings for a server": (["M", "--strings"], "add --tflite"),
    "strings of bpe": (["M", "--tflite", "--strings"], "text.kind = 'bpe'"),
    "a kit for a device": (["M", "--tflite", "--serving-kit"], "Export twice"),
    "a kit for no name of an address": (["M", "--serving-kit", "--to", "한영"], "cannot be a model's name"),
    "no name at all": (["M", "--to", "."], "cannot be the export's folder"),
    "draws": (["M", "--set", "decoding.sample=true"], "decoding.sample"),
    "a beam of nothing": (["M", "--beam", "0"], "decoding.beam must be between 1"),
    "over a file": (["M", "--to", "FILE"], "is a file"),
    "among other things": (["M", "--to", "FULL"], "holds thesis.txt"),
    "a device among other things": (["M", "--tflite", "--to", "FULL"], "is not empty"),
    "one page for a server": (["M", "--single"], "add --web"),
    "a page over a file": (["M", "--web", "--single", "--to", "FILE"], "must end in .html"),
    "a page among other things": (["M", "--web", "--to", "FULL"], "is not empty"),
    "a page below a file": (["M", "--web", "--single", "--to", "BELOW"], "cannot be written to"),
    "a page measured with nothing": (["M", "--web", "--source", "EMPTY", "--reference", "EMPTY"], "hold no sentence"),
    "a page without its runtime": (["M", "--web", "--to", "NEW", "--runtime", "FULL"], "npm pack"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_before_any_work(case: str, model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    (tmp_path / "empty").write_text("\n \n")
    names = {
        "EMPTY": tmp_path / "empty",
        "BELOW": tmp_path / "file" / "page.html",
        "M": model,
        "FILE": tmp_path / "file",
        "FULL": tmp_path / "full",
        "NEW": tmp_path / "new",
    }
    arguments, words = REFUSED[case]
    before = sorted(tmp_path.rglob("*"))
    refused(nmt("export", *[names.get(argument, argument) for argument in arguments]), words)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_incomplete_model_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "half").mkdir()
    for name in ("config.toml", "joint.spm.model"):
        (tmp_path / "half" / name).write_bytes((model / name).read_bytes())
    refused(nmt("export", tmp_path / "half", "--to", tmp_path / "toy"), "no weights yet")
    assert not (tmp_path / "toy").exists()


def test_the_kit_stands_beside_the_export_and_is_written_once(model: Path, tmp_path: Path) -> None:
    to = tmp_path / "saved_models" / "ko-en"
    result = nmt("export", model, "--to", to, "--serving-kit")
    assert result.returncode == 0, result.stderr.decode()
    kit = tmp_path / "saved_models" / "ko-en-kit"
    assert {"docker-compose.yml", "models.config", "README.md"} <= {path.name for path in kit.iterdir()}
    assert '"./../ko-en"' in (kit / "docker-compose.yml").read_text()
    refused(nmt("export", model, "--to", to, "--serving-kit"), "ko-en-kit exists")
    assert sorted(place.name for place in to.iterdir()) == [".origin.json", "1"]
