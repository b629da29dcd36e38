"""One process at a time in a folder, and a process that is gone bars nobody."""

import multiprocessing
import time
from pathlib import Path

import pytest

from nmt.errors import InputError
from nmt.folder_lock import check_unlocked, folder_lock


def hold(folder: Path) -> None:
    with folder_lock(folder, "nmt compare"):
        (folder / "held").touch()
        time.sleep(60)


def test_a_second_one_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    with (
        folder_lock(tmp_path / "c", "nmt compare"),
        pytest.raises(InputError, match=r"Another nmt compare is at work in .*c. Wait for it, or stop it\."),
        folder_lock(tmp_path / "c", "nmt compare"),
    ):
        pass
    with folder_lock(tmp_path / "c", "nmt compare"):
        pass
    assert list((tmp_path / "c").iterdir()) == []


def test_another_process_is_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=hold, args=(tmp_path,))
    process.start()
    try:
        while not (tmp_path / "held").exists():
            assert process.is_alive()
            time.sleep(0.01)
        with pytest.raises(InputError, match="Another nmt compare"), folder_lock(tmp_path, "nmt compare"):
            pass
    finally:
        process.kill()
        process.join()
    with folder_lock(tmp_path, "nmt compare"):
        pass


def test_a_failure_inside_gives_the_lock_back(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), folder_lock(tmp_path, "nmt compare"):
        raise ZeroDivisionError
    with folder_lock(tmp_path, "nmt compare"):
        pass


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "c").touch()
    with pytest.raises(InputError, match="cannot be used"), folder_lock(tmp_path / "c", "nmt compare"):
        pass


def test_a_folder_is_asked_for_its_lock_and_left_as_it_is(tmp_path: Path) -> None:
    check_unlocked(tmp_path / "new", "nmt train")
    check_unlocked(tmp_path, "nmt train")
    assert list(tmp_path.iterdir()) == []
    with folder_lock(tmp_path, "nmt train"), pytest.raises(InputError, match="Another nmt train is at work in"):
        check_unlocked(tmp_path, "nmt train")
