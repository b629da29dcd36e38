"""What the fuzzer begins with and has found, and seeds changed at random, without the fuzzer."""

import warnings
from pathlib import Path

import pytest

from proving.readers import SHARES, Readers, mutated, seeds


@pytest.mark.parametrize("name", SHARES)
def test_only_documented_errors_come_out(tmp_path: Path, name: str) -> None:
    read = Readers(tmp_path).reader(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for data in seeds(name) + mutated(name, 5 if name in ("pieces", "state", "journal") else 100, seed=1):
            read(data)
