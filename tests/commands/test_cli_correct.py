"""``nmt correct``: what was corrected comes out, the rest stays, and all can be undone."""

import shutil
from pathlib import Path

import pytest
from command_line import PAIRS, nmt, refused
from exported import trained

from nmt.inference.translator import Translator
from nmt.model_folder import WEIGHTS
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
    before = (model / WEIGHTS).read_bytes()
    others = [pair for pair in PAIRS if pair[0] != CORRECTION[0]]
    wrong = len(wrong_ones(Translator.load(model), others))
    result = nmt("correct", model, place / "corrections", "--pairs", place / "pairs", "--max-loss", "100")
    assert result.returncode == 0, result.stderr.decode()
    assert result.stdout.decode().startswith("1 of 1 corrections come out as corrected"), result.stdout.decode()
    corrected = Translator.load(model)
    assert corrected.translate([CORRECTION[0]])[0].text == CORRECTION[1]
    assert len(wrong_ones(corrected, others)) <= wrong + 2  # the model has learned for eight epochs, and knows little
    result = nmt("correct", model, "--undo")
    assert result.returncode == 0 and (model / WEIGHTS).read_bytes() == before, result.stderr.decode()


REFUSED = {
    "no old pairs": (["model", "corrections"], "no pairs that keep it from forgetting"),
    "nothing to learn": (["model", "--pairs", "pairs"], "has no corrections"),
    "a blank correction": (["model", "blank", "--pairs", "pairs"], "its translation is blank"),
    "no file": (["model", "nowhere"], "There is no file nowhere"),
    "two ways": (["model", "corrections", "--source", "pairs"], "Name the old pairs in one way"),
    "undo and learn": (["model", "corrections", "--undo"], "nothing else goes with it"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_command_is_refused(case: str, place: Path, tmp_path: Path) -> None:
    given, said = REFUSED[case]
    shutil.copytree(place / "model", tmp_path / "model")
    where = {"model": tmp_path / "model", **{name: place / name for name in ("corrections", "pairs", "blank")}}
    refused(nmt("correct", *(where.get(each, each) for each in given)), said)
