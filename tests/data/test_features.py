"""Features are checked once, and their captions are a corpus as every other."""

from pathlib import Path

import numpy as np
import pytest

from nmt.config import Config, with_settings
from nmt.data import features as module
from nmt.data.corpora import from_pairs, split_dev
from nmt.data.features import captions_of, corpus_features, features_of, looks_like_features, open_features, with_shape
from nmt.errors import InputError


def test_mean_and_deviation_are_those_of_all_cells_however_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(3).normal(5, 2, (11, 3, 2)).astype(np.float32)
    values[..., 1] = 7  # a number that never changes is left as it is
    whole = features_of(values)
    monkeypatch.setattr(module, "_TOGETHER", 13)  # two examples at once
    parts = features_of(values)
    np.testing.assert_allclose(parts.mean, values.reshape(-1, 2).mean(0), rtol=1e-6)
    np.testing.assert_allclose(parts.deviation, [values[..., 0].std(), 1], rtol=1e-5)
    assert parts.checksum == whole.checksum != features_of(values + 1).checksum


def test_a_file_has_a_grid_of_cells_cells_or_one_vector(tmp_path: Path) -> None:
    grid = np.arange(2 * 3 * 5 * 7, dtype=np.uint8).reshape(2, 3, 5, 7)
    np.save(tmp_path / "grid.npy", grid)
    found = open_features(tmp_path / "grid.npy")
    assert (found.cells, found.width) == (15, 7)
    np.testing.assert_array_equal(found.rows([1])[0], grid[1].reshape(15, 7))
    (tmp_path / "lines.csv").write_text("1,2.5,-3e2, 4\n5,6,7,8\n")
    assert open_features(tmp_path / "lines.csv").rows([0]).tolist() == [[[1, 2.5, -300, 4]]]
    assert open_features(tmp_path / "lines.csv", cells=2).rows([1]).tolist() == [[[5, 6], [7, 8]]]
    (tmp_path / "text.csv").write_text("hello, world\n")
    (tmp_path / "headed.csv").write_text("width,height\n1,2\n")  # the heading is refused when it is read
    names = ("lines.csv", "text.csv", "headed.csv", "grid.npy", "train.ko")
    assert [looks_like_features(tmp_path / name) for name in names] == [True, False, True, True, False]


REFUSED = {
    "NaN": (np.array([[1.0, 2.0], [3.0, np.nan]]), "example 2: there is a value that is no finite number"),
    "too large": (np.array([[1e300, 2.0]]), "example 1: there is a value that is no finite number"),
    "no numbers": (np.array([["a", "b"]]), "values of the type <U1"),
    "complex": (np.ones([2, 2], complex), "values of the type complex128"),
    "one dimension": (np.ones(4), "has the shape (4,)"),
    "nothing": (np.ones([0, 4]), "has the shape (0, 4)"),
    "cells that do not divide": (np.ones([2, 5]), "which model.source_cells = 3 cells cannot share evenly"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_array_of_finite_numbers_is_refused(case: str) -> None:
    values, words = REFUSED[case]
    with pytest.raises(InputError) as error:
        features_of(values, cells=3 if "share" in words else 0)
    assert words in str(error.value)


FILES = {
    "a.csv": (b"1,2\n1,2,3\n", "a.csv, line 2: there are 3 numbers, and 2 on the lines before it"),
    "b.csv": (b"x,y\n1,2\n", "b.csv, line 1: 'x' is no number"),
    "c.csv": (b"1,2\n1,nan\n", "c.csv, line 2: there is a value that is no finite number"),
    "d.csv": (b"1,2\n\n", "d.csv, line 2: '' is no number"),
    "a.npy": (b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (9999, 9999), }", "a.npy"),
    "b.npy": (b"no array", "b.npy is no array of numbers that numpy.save wrote"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_refused(name: str, tmp_path: Path) -> None:
    content, words = FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        open_features(tmp_path / name)
    assert words in str(error.value)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(InputError, match="no array of numbers"):
        open_features(tmp_path / "p.npy")


def test_several_arrays_in_one_file_are_refused(tmp_path: Path) -> None:
    with (tmp_path / "several.npy").open("wb") as file:
        np.savez(file, a=np.ones([2, 3]), b=np.ones([2, 3]))
    with pytest.raises(InputError, match=r"several\.npy is no array of numbers .*it holds several"):
        open_features(tmp_path / "several.npy")


def test_captions_are_pairs_whose_sources_are_rows() -> None:
    corpus = captions_of(np.ones([40, 3, 2]), [f"caption {number}" for number in range(40)])
    train, dev = split_dev(corpus)
    assert list(dev.pairs()) == [("19", "caption 19"), ("39", "caption 39")]
    assert train.rows(18, 2) == [("18", "caption 18"), ("20", "caption 20")]
    assert corpus_features(dev) is corpus.features and corpus_features(from_pairs([("a", "b")])) is None
    with pytest.raises(InputError, match="has 3 examples and the captions 2 lines"):
        captions_of(np.ones([3, 2]), ["a", "b"])


def test_a_config_learns_the_shape_and_keeps_it() -> None:
    corpus = captions_of(np.ones([2, 3, 5]), ["a", "b"])
    config = with_settings(Config(), ["model.source=features"])
    shaped = with_shape(config, corpus).model
    assert (shaped.source_cells, shaped.source_width) == (3, 5)
    with pytest.raises(InputError, match="has 5 numbers for each cell, and the model reads 7"):
        with_shape(with_settings(config, ["model.source_width=7"]), corpus)
    with pytest.raises(InputError, match="has 4 cells for each example, and the model reads 3"):
        with_shape(config, corpus, captions_of(np.ones([2, 4, 5]), ["a", "b"]))
    with pytest.raises(InputError, match="features for a source"):
        with_shape(Config(), corpus)
    with pytest.raises(InputError, match=r"needs numbers for a source.* as the source, and its captions as the target"):
        with_shape(config, from_pairs([("a", "b")]))
