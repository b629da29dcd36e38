"""Arrays from files of anybody."""

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from nmt.stored_arrays import check_h5, read_npz


def test_what_numpy_saved_is_read(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(7), "c": np.zeros([0, 5], np.float32)}
    np.savez(tmp_path / "x.npz", **arrays)
    found = read_npz(tmp_path / "x.npz", max_bytes=6 * 8 + 8)
    assert list(found) == ["a", "b", "c"]
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array, strict=True)
    assert list(read_npz(tmp_path / "x.npz", 8, ["b"])) == ["b"]
    with pytest.raises(ValueError, match="size"):
        read_npz(tmp_path / "x.npz", max_bytes=6 * 8 + 7)
    with pytest.raises(ValueError, match="no array d"):
        read_npz(tmp_path / "x.npz", 99, ["d"])


def header(shape: str, dtype: str = "<f8") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (b"\0" * 10**6, zipfile.ZIP_DEFLATED, "compressed"),
        (header("(1000000000000,)"), zipfile.ZIP_STORED, "size"),
        (header("(-1, 5)"), zipfile.ZIP_STORED, "negative"),
        (header("(1,)", "|O") + b"cos\nsystem\n", zipfile.ZIP_STORED, "type"),
        (header("(1,)") + b"1234", zipfile.ZIP_STORED, "."),
        (b"\x93NUMPY\x09\x00", zipfile.ZIP_STORED, "version"),
        (header("(1,") + bytes(8), zipfile.ZIP_STORED, "."),
        (b"", zipfile.ZIP_STORED, "."),
    ],
)
def test_what_takes_memory_or_runs_code_is_refused(tmp_path: Path, content: bytes, kind: int, words: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w", kind) as archive:
        archive.writestr("a.npy", content)
    with pytest.raises(ValueError, match=words):
        read_npz(tmp_path / "x.npz", max_bytes=10_000)


def test_what_is_no_zip_file(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="zip"):
        read_npz(tmp_path / "x.npz", 100)


def test_plain_datasets_are_accepted(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["layers/one/vars/0"] = np.zeros([3, 5])
        file["layers/two/vars/0"] = np.float32(7)
    check_h5(tmp_path / "x.h5", 16)
    with pytest.raises(ValueError, match="more than the 15 numbers"):
        check_h5(tmp_path / "x.h5", 15)


def _external(file: h5py.File, place: Path) -> None:
    file.create_dataset("a/b", (3,), "f4", external=[(str(place / "secret"), 0, 12)])


def _virtual(file: h5py.File, place: Path) -> None:
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource(str(place / "other.h5"), "x", (3,))
    file.create_virtual_dataset("a", layout)


def _cycle(file: h5py.File, place: Path) -> None:
    file.create_group("a")["b"] = file["/"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda file, place: file.__setitem__("a", h5py.ExternalLink(str(place / "other.h5"), "x")), "a is a link"),
        (lambda file, place: file.__setitem__("a", h5py.SoftLink("/b")), "a is a link"),
        (_external, "a/b is in another file"),
        (_virtual, "a is in another file"),
        (_cycle, "twice|numbers"),
        (lambda file, place: file.create_dataset("a", (10**12,), "f4"), "more than the 100 numbers"),
        (lambda file, place: file.create_dataset("a", (3,), h5py.string_dtype()), "does not hold numbers"),
        (lambda file, place: file.create_dataset("a", (3,), h5py.ref_dtype), "does not hold numbers"),
        (lambda file, place: file.create_dataset("a", (3,), np.dtype(("V", 10**8))), "does not hold numbers"),
    ],
)
def test_other_files_and_what_is_larger_are_refused(tmp_path: Path, make: object, words: str) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        make(file, tmp_path)
    with pytest.raises(ValueError, match=words):
        check_h5(tmp_path / "x.h5", 100)


def test_no_hdf5(tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_bytes(io.BytesIO(b"nothing").getvalue())
    with pytest.raises(OSError):
        check_h5(tmp_path / "x.h5", 100)
