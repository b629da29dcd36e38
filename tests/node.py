"""Programs in JavaScript, run by Node where it is."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

NODE = shutil.which("node")


def _version() -> int:
    """Return the major version of Node; 0 if there is none."""
    if NODE is None:
        return 0
    said = subprocess.run([NODE, "--version"], capture_output=True, text=True, timeout=60).stdout
    return int(said.strip().removeprefix("v").split(".")[0] or 0)


needs_node = pytest.mark.skipif(_version() < 20, reason="needs Node 20 or newer: https://nodejs.org")


def run_node(program: str, *arguments: object) -> str:
    """Run an ES module and return what it printed."""
    assert NODE
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "program.mjs")
        file.write_text(program, encoding="utf-8")
        ran = subprocess.run([NODE, file, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
