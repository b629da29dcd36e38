"""Work in another process: what it returns, what it says, and every way in which it can end."""

import io
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import warm_process

from nmt.comparison.worker import run_in_worker
from nmt.errors import InputError, Stopped, WorkFailed


def double(number: int) -> tuple[int, int]:
    logging.getLogger("nmt.doubling").info("doubling, 100 % sure")
    logging.getLogger("nmt").warning("doubled")
    return 2 * number, os.getpid()


def double_where_the_root_logger_prints(number: int) -> str:
    printed = io.StringIO()
    logging.basicConfig(stream=printed, level=logging.INFO)
    double(number)
    return printed.getvalue()


def refuse() -> None:
    raise InputError("The file is empty.")


def break_down() -> None:
    raise ZeroDivisionError("by zero\nand a second line")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait(place: Path, orderly: bool) -> None:
    """Wait for ever; if orderly, a request to terminate is written down and obeyed."""

    def stop(number: int, frame: object) -> None:
        (place / "stopped").touch()
        raise Stopped("Stopped.")

    signal.signal(signal.SIGTERM, stop if orderly else signal.SIG_IGN)
    (place / "ready").touch()
    while True:
        time.sleep(0.01)


def test_the_result_and_what_is_logged_come_back_from_another_process(caplog: Any) -> None:
    caplog.set_level(logging.INFO, "nmt")
    result, process = run_in_worker(double, 21)
    assert result == 42
    assert caplog.record_tuples == [
        ("nmt.doubling", logging.INFO, "doubling, 100 % sure"), ("nmt", logging.WARNING, "doubled"),
    ]  # fmt: skip
    assert process != os.getpid()


def test_what_is_logged_is_not_printed_there_too(caplog: Any) -> None:
    caplog.set_level(logging.INFO, "nmt")
    assert run_in_worker(double_where_the_root_logger_prints, 21) == ""
    assert caplog.messages == ["doubling, 100 % sure", "doubled"]


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (break_down, "ZeroDivisionError: by zero"),
        (die, "its process ended with code -9, perhaps because the system was out of memory"),
    ],
)
def test_whatever_becomes_of_it_the_reason_is_told(work: Callable, reason: str) -> None:
    with pytest.raises(WorkFailed) as error:
        run_in_worker(work)
    assert str(error.value) == reason
    assert not isinstance(error.value, Stopped)


def test_a_wrong_input_stays_one() -> None:
    with pytest.raises(InputError, match=r"^The file is empty\.$"):
        run_in_worker(refuse)


def test_it_stops_if_the_process_that_waits_for_it_is_killed(tmp_path: Path) -> None:
    waiting = warm_process(run_in_worker, (wait, tmp_path, True))
    waiting.start()
    deadline = time.monotonic() + 60
    while not (tmp_path / "ready").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    waiting.kill()
    waiting.join()
    while not (tmp_path / "stopped").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (tmp_path / "stopped").exists()


@pytest.mark.parametrize("orderly", [True, False])
def test_a_signal_is_passed_on_and_a_second_one_ends_it(tmp_path: Path, orderly: bool) -> None:
    before = signal.getsignal(signal.SIGINT)

    def interrupt() -> None:
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        if not orderly:
            time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=interrupt).start()
    with pytest.raises(Stopped):
        run_in_worker(wait, tmp_path, orderly)
    assert (tmp_path / "stopped").exists() is orderly
    assert signal.getsignal(signal.SIGINT) is before
