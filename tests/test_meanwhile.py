"""A function in a process of its own."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from nmt.errors import InputError, WorkFailed
from nmt.meanwhile import meanwhile

FUNCTIONS = """
import os, sys, time
from nmt.errors import InputError

def swap(text, numbers):
    print("not a result")
    return [numbers, text]

def refuse(text):
    raise InputError(f"No {text} here.")

def fail():
    raise OSError("the disk is full")

def wait(name):
    with open(name, "w") as file:
        file.write(str(os.getpid()))
    time.sleep(60)

def niceness():
    return os.nice(0)
"""


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "functions_of_a_test.py").write_text(FUNCTIONS)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return "functions_of_a_test"


def test_a_result_comes_back_and_what_is_printed_does_not(functions: str) -> None:
    text = "밥을\t'먹었다'\n" * 20_000  # more than a pipe holds
    with meanwhile(f"{functions}:swap", text, [[2, 3.5], None]) as wait:
        assert wait() == [[[2, 3.5], None], text]
        assert wait() == [[[2, 3.5], None], text]


def test_wrong_input_and_work_that_failed_are_told_apart(functions: str) -> None:
    with pytest.raises(InputError, match=r"^No 링크 here\.$"), meanwhile(f"{functions}:refuse", "링크") as wait:
        wait()
    with pytest.raises(WorkFailed, match=r"^OSError: the disk is full$"), meanwhile(f"{functions}:fail") as wait:
        wait()


@pytest.mark.skipif(not hasattr(os, "nice"), reason="Windows has no niceness")
def test_a_process_gives_way(functions: str) -> None:
    with meanwhile(f"{functions}:niceness", niceness=3) as wait:
        assert wait() == min(os.nice(0) + 3, 19)


def test_the_process_ends_with_the_context(functions: str, tmp_path: Path) -> None:
    name = tmp_path / "process"
    begun = time.monotonic()
    with pytest.raises(KeyError, match="stop"), meanwhile(f"{functions}:wait", str(name)):
        while not name.exists() or not name.read_text():
            assert time.monotonic() < begun + 50
            time.sleep(0.01)
        raise KeyError("stop")
    assert time.monotonic() < begun + 55
    with pytest.raises(ProcessLookupError):
        os.kill(int(name.read_text()), 0)
