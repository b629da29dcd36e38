"""What `make` does before there is anything to run it with."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_an_environment_that_could_not_be_made_is_not_left_half_made(tmp_path: Path) -> None:
    needed = {"Makefile", "pyproject.toml", "requirements.lock"}
    for name in needed:
        shutil.copy(Path(__file__).parents[1] / name, tmp_path)
    # As Debian's Python without python3-venv: the new folder has its file, and no pip.
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\n[ "$1" = -c ] && exit 0\nmkdir -p "$3" && touch "$3/pyvenv.cfg"\nexit 1\n')
    python.chmod(0o755)
    # A `make` that runs this test hands its options and variables to every `make` below it.
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    done = subprocess.run(
        ["make", f"PYTHON={python}", "VENV=.venv", "demo"],
        cwd=tmp_path,
        env=ours,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "-m venv .venv" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {*needed, "python"}
