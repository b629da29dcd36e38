"""At whatever step it stops, there is the old file or the new one, a whole folder or none, and nothing beside it."""

import contextlib
import errno
import fcntl
import multiprocessing
import os
import shutil
import signal
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nmt.atomic_write import check_file, is_free, leftovers, write_file, write_folder, write_version


class Killed(BaseException):
    """A stop that nobody catches."""


class Disk:
    """Records what reaches the disk and what takes its name, in order, and stops at one of the steps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stop: int = -1) -> None:
        self.steps: list[str] = []
        self.stop = stop
        for owner, name in ((os, "fsync"), (os, "replace"), (os, "rename")):
            monkeypatch.setattr(owner, name, self.watched(name, getattr(owner, name)))

    def watched(self, name: str, call: Callable) -> Callable:
        def step(*arguments: Any, **named: Any) -> Any:
            subject = os.readlink(f"/proc/self/fd/{arguments[0]}") if name == "fsync" else os.fspath(arguments[-1])
            if len(self.steps) == self.stop:
                raise Killed
            self.steps.append(f"{name} {Path(subject).name}")
            return call(*arguments, **named)

        return step


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# Files


@pytest.mark.parametrize("content", [b"new", lambda aside: aside.write_bytes(b"new")], ids=["bytes", "function"])
def test_a_file_is_on_disk_before_it_takes_its_name(
    content: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_bytes(b"old")
    disk = Disk(monkeypatch)
    write_file(tmp_path / "a.txt", content)
    assert disk.steps == ["fsync .part.a.txt", "replace a.txt", f"fsync {tmp_path.name}"]
    assert (tmp_path / "a.txt").read_bytes() == b"new"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize(("stop", "new"), [(0, False), (1, False), (2, True)])
def test_a_stop_between_the_steps_leaves_the_old_file_or_the_new_one(
    old: bytes | None, stop: int, new: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    if old:
        path.write_bytes(old)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        Disk(patch, stop)
        write_file(path, b"new")
    assert (path.read_bytes() if path.exists() else None) == (b"new" if new else old)
    assert names(tmp_path) == (["a.txt"] if old or new else [])


def test_a_function_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"old")

    def fail(aside: Path) -> None:
        assert aside.suffix == ".npz" and aside.parent == tmp_path
        aside.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_file(tmp_path / "a.npz", fail)
    assert (tmp_path / "a.npz").read_bytes() == b"old"
    assert names(tmp_path) == ["a.npz"]


def test_what_an_earlier_stop_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".part.a.txt").write_bytes(b"of a process that was killed, longer than what comes")
    write_file(tmp_path / "a.txt", b"new")
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"new"


def _write_often(path: Path, letter: bytes, seen: Any) -> None:
    def slowly(aside: Path) -> None:
        with aside.open("wb") as file:
            for _ in range(3):
                file.write(7 * letter)
                file.flush()
                os.sched_yield()

    for _ in range(40):
        write_file(path, slowly)
        seen.put(path.read_bytes())


def test_two_processes_that_write_one_file_wait_for_each_other(tmp_path: Path) -> None:
    forks = multiprocessing.get_context("fork")
    seen = forks.SimpleQueue()
    both = [forks.Process(target=_write_often, args=(tmp_path / "a", letter, seen)) for letter in (b"x", b"y")]
    for process in both:
        process.start()
    found = [seen.get() for _ in range(80)]
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert set(found) == {21 * b"x", 21 * b"y"}
    assert names(tmp_path) == ["a"]


def test_a_process_that_writes_for_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmt.atomic_write._PATIENCE", 0.1)

    def meanwhile(aside: Path) -> None:
        with pytest.raises(OSError, match="another process is writing it"):
            write_file(tmp_path / "a", b"other")
        aside.write_bytes(b"new")

    write_file(tmp_path / "a", meanwhile)
    assert (tmp_path / "a").read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


def test_a_lock_of_another_user_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / ".part.a.lock"
    lock.touch()

    def refuse(self: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(lock))

    monkeypatch.setattr("filelock.FileLock._acquire", refuse)
    with pytest.raises(PermissionError):
        write_file(tmp_path / "a", b"new")
    assert names(tmp_path) == [".part.a.lock"]


def test_a_name_is_as_long_as_it_may_be_if_it_can_be_written(tmp_path: Path) -> None:
    longest = os.pathconf(tmp_path, "PC_NAME_MAX") - len(".part.")
    fits, over = tmp_path / ("a" * longest), tmp_path / ("밥" * ((longest + 3) // 3))
    check_file(fits)
    write_file(fits, b"new")
    for failing in (check_file, lambda path: write_file(path, b"new")):
        with pytest.raises(OSError, match="too long") as error:
            failing(over)
        assert error.value.errno == errno.ENAMETOOLONG
    assert names(tmp_path) == [fits.name]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_closed_takes_no_file(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match=f"no file can be made in {tmp_path}"):
        check_file(tmp_path / "a.txt")


# Folders


def fill(aside: Path) -> None:
    (aside / "inner").mkdir()
    (aside / "inner" / "c").write_bytes(b"c")
    (aside / "a").write_bytes(b"a")
    (aside / "z").write_bytes(b"z")


WHOLE = ["a", "inner", "inner/c", "z"]


def test_all_of_a_folder_is_on_disk_before_it_takes_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    write_folder(tmp_path / "new" / "model", fill)
    made, *synced, renamed, above = disk.steps
    assert made == f"fsync {tmp_path.name}"  # it lists "new"
    assert synced[:4] == ["fsync z", "fsync c", "fsync inner", "fsync a"] and synced[4].startswith("fsync .model.")
    assert (renamed, above) == ("rename model", "fsync new")
    assert names(tmp_path) == ["new", "new/model", *(f"new/model/{name}" for name in WHOLE)]


@pytest.mark.parametrize("stop", range(7))
def test_a_stop_between_the_steps_leaves_a_whole_folder_or_none(
    stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Killed):
        Disk(patch, stop)
        write_folder(tmp_path / "model", fill)
    # Six steps come before the name is the folder's: five on disk, then the rename.
    assert names(tmp_path) == (["model", *(f"model/{name}" for name in WHOLE)] if stop == 6 else [])


def test_an_empty_folder_is_filled_in_place_and_the_last_part_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    before = (tmp_path / "model").stat().st_ino
    disk = Disk(monkeypatch)
    write_folder(tmp_path / "model", fill, last="a")
    assert [step for step in disk.steps if step.startswith("replace")] == ["replace inner", "replace z", "replace a"]
    first = disk.steps.index("replace inner")
    assert sorted(disk.steps[:first])[1:] == ["fsync a", "fsync c", "fsync inner", "fsync z"]
    # Each part is in the folder's list on disk before the next one comes.
    assert disk.steps[first::2] == ["replace inner", "replace z", "replace a", f"fsync {tmp_path.name}"]
    assert disk.steps[first + 1 :: 2] == ["fsync model"] * 3
    assert (tmp_path / "model").stat().st_ino == before
    assert names(tmp_path / "model") == WHOLE


@pytest.mark.parametrize("stop", range(12))
def test_a_folder_that_is_filled_in_place_lacks_its_last_part_until_it_is_whole(
    stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        Disk(patch, stop)
        write_folder(tmp_path / "model", fill, last="a")
    found = names(tmp_path / "model")
    assert found == WHOLE or "a" not in found
    assert names(tmp_path) == ["model", *(f"model/{name}" for name in found)]


@pytest.mark.parametrize("stop", range(12))
def test_what_a_killed_process_left_in_an_empty_folder_is_replaced(
    stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        Disk(patch, stop)
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)  # a killed process removes nothing
        write_folder(folder, fill, last="a")
    left = set(leftovers(folder))
    if "a" in names(folder):  # all parts are there
        assert [path.name[:12] for path in left] == [".unfinished."]
    else:
        assert left == set(folder.iterdir()) and left
    assert is_free(folder) == ("a" not in names(folder))
    write_folder(folder, fill, last="a")
    assert names(tmp_path) == ["model", *(f"model/{name}" for name in WHOLE)]
    assert leftovers(folder) == [] and not is_free(folder)


def test_a_folder_that_another_process_made_meanwhile_is_left_alone(tmp_path: Path) -> None:
    def late(aside: Path) -> None:
        write_folder(tmp_path / "model", fill)
        (aside / "a").write_bytes(b"mine")

    with pytest.raises(OSError, match="not empty"):
        write_folder(tmp_path / "model", late)
    assert names(tmp_path) == ["model", *(f"model/{name}" for name in WHOLE)]
    assert (tmp_path / "model" / "a").read_bytes() == b"a"


def test_a_function_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    def fail(aside: Path) -> None:
        fill(aside)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_folder(tmp_path / "model", fail)
    assert names(tmp_path) == []


def test_others_may_read_a_new_folder(tmp_path: Path) -> None:
    write_folder(tmp_path / "model", fill)
    assert stat.S_IMODE((tmp_path / "model").stat().st_mode) == 0o755


def test_a_folder_named_through_a_link_is_made_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    write_folder(tmp_path / "link", fill)
    assert names(tmp_path / "there") == WHOLE
    shutil.rmtree(tmp_path / "there")


@pytest.mark.parametrize(("refusal", "is_told"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)])
def test_a_file_system_that_syncs_no_folders_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int, is_told: bool
) -> None:
    sync = os.fsync

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(refusal, "refused")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="refused") if is_told else contextlib.nullcontext():
        write_file(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


# Versions


def test_all_of_a_version_is_on_disk_before_it_has_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m" / "007").mkdir(parents=True)
    disk = Disk(monkeypatch)
    assert write_version(tmp_path / "m", fill, lambda aside, version: (aside / "b").write_text(str(version))) == 8
    *synced, aside, renamed, inside, above = disk.steps
    assert synced == ["fsync z", "fsync c", "fsync inner", "fsync b", "fsync a"]
    assert aside.startswith("fsync .aside.")
    assert (renamed, inside, above) == ("rename 8", "fsync m", f"fsync {tmp_path.name}")
    assert names(tmp_path / "m") == ["007", "8", "8/a", "8/b", *(f"8/{name}" for name in WHOLE[1:])]
    assert (tmp_path / "m" / "8" / "b").read_text() == "8"
    assert stat.S_IMODE((tmp_path / "m" / "8").stat().st_mode) == 0o755


@pytest.mark.parametrize("stop", range(8))
def test_a_stop_between_the_steps_leaves_a_whole_version_or_none(
    stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_version(tmp_path, fill)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        Disk(patch, stop)
        write_version(tmp_path, fill)
    # Six steps come before it has its number: five on disk, then the rename.
    there = ["1", "2"] if stop >= 6 else ["1"]
    assert names(tmp_path) == sorted([*there, *(f"{version}/{name}" for version in there for name in WHOLE)])


def test_a_number_that_is_taken_meanwhile_is_left_to_who_took_it(tmp_path: Path) -> None:
    seen = []

    def number(aside: Path, version: int) -> None:
        seen.append(version)
        (aside / "number").write_text(str(version))
        if version < 3:  # another process is faster, twice
            write_version(tmp_path, lambda other: (other / "other").touch() or None)

    assert write_version(tmp_path, fill, number) == 3
    assert seen == [1, 2, 3]
    assert names(tmp_path / "1") == names(tmp_path / "2") == ["other"]
    assert names(tmp_path / "3") == ["a", "inner", "inner/c", "number", "z"]
    assert (tmp_path / "3" / "number").read_text() == "3"
    assert sorted(os.listdir(tmp_path)) == ["1", "2", "3"]


def test_versions_that_are_written_at_once_get_numbers_of_their_own(tmp_path: Path) -> None:
    def write(content: int) -> tuple[int, int]:
        return write_version(tmp_path / "m", lambda aside: (aside / f"part-{content}").touch() or None), content

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(write, range(24)))
    assert [version for version, _ in found] == list(range(1, 25))
    for version, content in found:
        assert names(tmp_path / "m" / str(version)) == [f"part-{content}"]


def _killed_in(write: Callable[[Path, Callable], Any], folder: Path) -> None:
    write(folder, lambda aside: (fill(aside), os.kill(os.getpid(), signal.SIGKILL)))


@pytest.mark.parametrize("write", [write_version, write_folder])
def test_what_a_killed_process_left_is_removed_by_the_next_and_not_what_a_live_one_fills(
    write: Callable[[Path, Callable], Any], tmp_path: Path
) -> None:
    folder = tmp_path / "m"
    if write is write_version:
        folder.mkdir()
    killed = multiprocessing.get_context("fork").Process(target=_killed_in, args=(write, folder))
    killed.start()
    killed.join(60)
    left = [path for path in tmp_path.rglob(".*") if path.is_dir()]
    assert [names(path) for path in left] == [WHOLE]

    def look(aside: Path) -> None:
        # A second writer beside it, in another thread or process, takes away what is dead only.
        assert not left[0].exists()
        write_version(tmp_path / "m", fill) if write is write_version else write_folder(tmp_path / "m", fill)
        fill(aside)

    with contextlib.nullcontext() if write is write_version else pytest.raises(OSError, match="not empty"):
        write(folder, look)
    assert not list(tmp_path.rglob(".*"))
    assert names(folder / "2" if write is write_version else folder) == WHOLE


def test_what_others_lock_beside_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".m.cache").mkdir()
    (tmp_path / ".m.cache.lock").touch()
    write_folder(tmp_path / "m", fill)
    assert sorted(os.listdir(tmp_path)) == [".m.cache", ".m.cache.lock", "m"]


def test_a_lock_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert write_version(tmp_path, fill) == 1
    assert os.listdir(tmp_path) == ["1"]


def test_a_file_system_without_locks_does_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert write_version(tmp_path, fill) == 1
    assert names(tmp_path / "1") == WHOLE
    assert os.listdir(tmp_path) == ["1"]
    # Of a process that was killed.
    (tmp_path / ".part.a.lock").touch()
    write_file(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_what_is_no_version_takes_its_number_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "5").write_bytes(b"a file")
    (tmp_path / "notes").mkdir()
    assert write_version(tmp_path, fill) == 6


def test_a_function_that_fails_leaves_no_version(tmp_path: Path) -> None:
    def fail(aside: Path) -> None:
        fill(aside)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_version(tmp_path, fail)
    assert names(tmp_path) == []


def _write_many(folder: Path, mark: str) -> None:
    for _ in range(20):
        write_version(folder, lambda aside: (aside / "by").write_text(mark))


def test_two_processes_that_write_versions_at_once_get_versions_of_their_own(tmp_path: Path) -> None:
    forked = multiprocessing.get_context("fork")
    processes = [forked.Process(target=_write_many, args=(tmp_path / "m", mark)) for mark in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    assert sorted(int(path.name) for path in (tmp_path / "m").iterdir()) == list(range(1, 41))
    marks = [(tmp_path / "m" / str(version) / "by").read_text() for version in range(1, 41)]
    assert marks.count("a") == marks.count("b") == 20
