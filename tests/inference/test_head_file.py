"""The file of an alignment head: it fits the model beside it, or is refused in one sentence."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from exported import trained

from nmt.checksums import CHECKSUMS
from nmt.errors import InputError
from nmt.inference.head_file import UNITS, new_head, parameters, read, write
from nmt.inference.translator import Translator
from nmt.model_folder import HEAD, WEIGHTS
from nmt.saving import replace_weights


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("heads")


@pytest.fixture(scope="module")
def translator(place: Path) -> Translator:
    return trained(place)


@pytest.fixture
def folder(place: Path, translator: Translator, tmp_path: Path) -> Path:
    copy = Path(shutil.copytree(place / "model", tmp_path / "model"))
    write(copy, new_head(translator.model))  # type: ignore[arg-type]
    return copy


def _read(folder: Path, translator: Translator):  # type: ignore[no-untyped-def]
    return read(folder, translator.model)  # type: ignore[arg-type]


def test_what_is_written_is_read(folder: Path, translator: Translator) -> None:
    head = _read(folder, translator)
    # Readout and token vectors have 16 numbers, the annotations of both directions 32.
    assert parameters(head) == UNITS * (16 + 16 + 32 + 1)
    write(folder, head)
    np.testing.assert_array_equal(_read(folder, translator).key_kernel, head.key_kernel)
    (folder / HEAD).unlink()
    assert _read(folder, translator) is None


def test_a_head_of_other_weights_is_refused_and_new_weights_have_none(folder: Path, translator: Translator) -> None:
    weights = folder / WEIGHTS
    before = weights.read_bytes()
    weights.write_bytes(before + b"\0")
    with pytest.raises(InputError, match=r"taught on other weights.*nmt align --teach"):
        _read(folder, translator)
    weights.write_bytes(before)
    assert _read(folder, translator)
    replace_weights(folder, translator.model)
    assert _read(folder, translator) is None


@pytest.mark.parametrize("damage", ["cut", "shape", "nan", "type"])
def test_a_damaged_head_is_refused(damage: str, folder: Path, translator: Translator) -> None:
    path = folder / HEAD
    (folder / CHECKSUMS).unlink()
    with np.load(path) as stored:
        arrays = dict(stored)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-99])
    else:
        kernel = arrays["key_kernel"]
        changed = {"shape": kernel[1:], "nan": kernel * np.nan, "type": kernel.astype(np.float64)}
        np.savez(path, **{**arrays, "key_kernel": changed[damage]})  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"alignment\.npz cannot be used"):
        _read(folder, translator)
