"""The README tells the truth: its code runs, and its settings are the config's."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import nmt
from nmt.config import Config

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_first_code_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
    assert code.count("\n") <= 14
    people = {"나는": "I", "너는": "you", "철수는": "Cheolsu"}
    food = {"밥을": "rice", "빵을": "bread", "국을": "soup"}
    pairs = [f"{a} {b} 먹었다\t{people[a]} ate {food[b]}" for a in people for b in food]
    (tmp_path / "pairs.tsv").write_text("".join(f"{pair}\n" for pair in pairs * 2), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "my-model" / "model.weights.h5").is_file()
    assert capsys.readouterr().out.count("\n") >= 1


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


def test_every_setting_stands_in_the_readme_with_its_default() -> None:
    for section in dataclasses.fields(Config):
        values = getattr(Config(), section.name)
        for field in dataclasses.fields(values):
            default = getattr(values, field.name)
            shown = (
                str(default).lower()
                if isinstance(default, bool)
                else f"{default:_}"
                if isinstance(default, int)
                else default
            )
            assert f"| `{section.name}.{field.name}` | {shown} | {field.metadata['about']} |" in README


def test_every_file_of_the_rooms_exists() -> None:
    rooms = README.split("## The rooms")[1].split("```")[1]
    root = Path(__file__).parent.parent
    names = set(re.findall(r"\w+\.py", rooms))
    existing = {path.name for place in ("nmt", "benchmarks", "notebooks") for path in (root / place).rglob("*.py")}
    assert names <= existing
    assert {path.name for path in (root / "nmt").glob("*/")} - {"__pycache__"} <= set(
        re.findall(r"(\w+)/", rooms)
    ) | existing | {"py.typed"}
