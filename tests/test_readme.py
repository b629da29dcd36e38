"""The README and the page of settings tell the truth: the code runs, the rooms exist, the settings are the config's."""

import dataclasses
import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import nmt
from nmt.config import Config

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


# The code calls `fit` as briefly as it can. Keras notes that a Dataset shuffles itself, and that the batches of an
# epoch are not counted beforehand.
@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed", "ignore:Your input ran out of data")
def test_the_code_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    library, looking = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert library.count("\n") <= 14
    people = {"나는": "I", "너는": "you", "철수는": "Cheolsu"}
    food = {"밥을": "rice", "빵을": "bread", "국을": "soup"}
    pairs = [f"{a} {b} 먹었다\t{people[a]} ate {food[b]}" for a in people for b in food]
    (tmp_path / "pairs.tsv").write_text("".join(f"{pair}\n" for pair in pairs * 2), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(library, "README.md", "exec"), names)
    assert (tmp_path / "my-model" / "model.weights.h5").is_file()
    assert capsys.readouterr().out.count("\n") >= 1
    exec(compile(looking, "README.md", "exec"), names)
    assert capsys.readouterr().out.startswith("-")  # a log-probability


def test_a_compiled_model_saved_by_a_callback_opens_in_another_process(tmp_path: Path) -> None:
    model = nmt.build_model(nmt.with_settings(nmt.Config(), ["text.vocabulary_size=53", "model.units=7"]))
    metrics = [nmt.Perplexity(), nmt.TokenAccuracy()]
    model.compile(nmt.Adam(nmt.WarmUp(0.01, 3)), nmt.MaskedCrossEntropy(0.1), metrics=metrics)
    ids = np.array([[5, 7, 3], [11, 3, 0]], np.int32)
    saving = keras.callbacks.ModelCheckpoint(tmp_path / "m.keras")
    model.fit({"source": ids, "target": ids}, ids, callbacks=[saving], verbose=0)
    np.save(tmp_path / "wanted.npy", model({"source": ids, "target": ids}))
    code = (
        "import keras, numpy as np, nmt; nmt.Seq2Seq; m = keras.saving.load_model('m.keras')\n"
        "ids = np.array([[5, 7, 3], [11, 3, 0]], np.int32)\n"
        "assert np.allclose(m({'source': ids, 'target': ids}), np.load('wanted.npy'), atol=1e-6)\n"
        "m.fit({'source': ids, 'target': ids}, ids, verbose=0)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr


def test_every_setting_is_on_its_page_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "making"))
    settings = importlib.import_module("settings")
    page = settings.PAGE.read_text(encoding="utf-8")
    keys = [
        f"{section.name}.{field.name}"
        for section in dataclasses.fields(Config)
        for field in dataclasses.fields(getattr(Config(), section.name))
    ]
    assert re.findall(r"^\| `(\w+\.\w+)`", page, re.MULTILINE) == keys
    assert page == settings.tables(page), "python docs/making/settings.py writes the tables anew"


def test_the_map_of_the_rooms_is_the_house() -> None:
    rooms = README.split("## The rooms")[1].split("```")[1]
    files = {path.name for place in ("nmt", "benchmarks", "notebooks") for path in (ROOT / place).rglob("*.py")}
    assert set(re.findall(r"\w+\.py", rooms)) <= files
    house = {path.stem for path in (ROOT / "nmt").glob("*.py")} | {
        path.parent.name for path in (ROOT / "nmt").glob("*/__init__.py")
    }
    mapped = set(re.findall(r"^(?:nmt/|    )  (\w+)(?:\.py|/) ", rooms, re.MULTILINE))
    assert mapped == house - {"__init__"}


def test_the_readme_is_for_the_first_ten_minutes() -> None:
    assert len(README.splitlines()) <= 250
