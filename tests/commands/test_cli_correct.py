"""``nmt correct``: what was corrected comes out, the rest stays, and all can be undone."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import PAIRS, nmt, refused
from exported import trained

from nmt.decoding.shortlist import Shortlist
from nmt.inference import link_shortlist
from nmt.inference.translator import Translator
from nmt.model_folder import CONFIG, WEIGHTS
from nmt.training.correct import wrong_ones

CORRECTION = (PAIRS[0][0], PAIRS[1][1])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("correct")
    (folder / "pairs").write_text("".join(f"{ko}\t{en}\n" for ko, en in PAIRS), encoding="utf-8")
    (folder / "corrections").write_text("\t".join(CORRECTION) + "\n", encoding="utf-8")
    (folder / "blank").write_text("나는\t\n", encoding="utf-8")
    trained(folder)
    return folder


def test_a_correction_comes_out_and_can_be_undone(place: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(place / "model", tmp_path / "model"))
    config = (model / CONFIG).read_text(encoding="utf-8")
    assert "shortlist = false" in config and "sample = false" in config
    drawing = config.replace("shortlist = false", "shortlist = true").replace("sample = false", "sample = true")
    (model / CONFIG).write_text(drawing, encoding="utf-8")
    tokenizers = Translator.load(place / "model").tokenizers
    size = tokenizers.target.vocabulary
    shortlist = Shortlist(np.zeros([tokenizers.source.vocabulary, 1], np.int32), np.arange(size, dtype=np.int32), size)
    link_shortlist.write(model, shortlist, tokenizers)
    before = (model / WEIGHTS).read_bytes()
    others = [pair for pair in PAIRS if pair[0] != CORRECTION[0]]
    wrong = len(wrong_ones(Translator.load(model), others))
    long = tmp_path / "long"
    long.write_text("\t".join(CORRECTION) + "\n나는\t" + "I ate " * 99 + "\n", encoding="utf-8")
    result = nmt("correct", model, long, "--pairs", place / "pairs", "--max-loss", "100")
    assert result.returncode == 0, result.stderr.decode()
    assert result.stdout.decode().startswith("1 of 2 corrections come out as corrected"), result.stdout.decode()
    (model / CONFIG).write_text(config, encoding="utf-8")
    assert b"Too long to be learned" in result.stderr and b"chrF of 12 old pairs" in result.stdout
    corrected = Translator.load(model)
    assert corrected.translate([CORRECTION[0]])[0].text == CORRECTION[1]
    assert len(wrong_ones(corrected, others)) <= wrong + 2  # the model has learned for eight epochs, and knows little
    result = nmt("correct", model, "--undo")
    assert result.returncode == 0 and (model / WEIGHTS).read_bytes() == before, result.stderr.decode()


REFUSED = {
    "no old pairs": (["model", "corrections"], "no pairs that keep it from forgetting"),
    "nothing to learn": (["model", "--pairs", "pairs"], "has no corrections"),
    "a blank correction": (["model", "blank", "--pairs", "pairs"], "its translation is blank"),
    "no file": (["model", "nowhere"], "nowhere cannot be read: No such file"),
    "a pipe": (["model", "pipe", "--pairs", "pairs"], "pipe is a pipe or a device"),
    "two ways": (["model", "corrections", "--source", "pairs"], "Name the old pairs in one way"),
    "undo and learn": (["model", "corrections", "--undo"], "nothing else goes with it"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_command_is_refused(case: str, place: Path, tmp_path: Path) -> None:
    given, said = REFUSED[case]
    shutil.copytree(place / "model", tmp_path / "model")
    os.mkfifo(tmp_path / "pipe")
    where = {name: tmp_path / name for name in ("model", "pipe")}
    where |= {name: place / name for name in ("corrections", "pairs", "blank")}
    refused(nmt("correct", *(where.get(each, each) for each in given)), said)
