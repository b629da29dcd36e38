"""A file that was stopped anywhere goes on from there, and ends with the same bytes."""

import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from nmt.errors import InputError
from nmt.resumable_file import ResumableFile, content

LINES = [f"{i}-{i}" for i in range(11)]
WHOLE = "".join(f"{line}\n" for line in LINES)


def write(file: ResumableFile, windows: Callable[[int], Iterable[list[str]]], resume: bool) -> None:
    """Write the windows that are not there yet; the progress is how many lines are."""
    with file.open(resume) as out:
        done = out.progress["lines"]
        assert [line.decode() for line in out.lines()] == LINES[:done]
        for window in windows(done):
            done += len(window)
            out.append(window, {"lines": done})


def stopping(after: int, size: int = 3):  # type: ignore[no-untyped-def]
    """Return what yields windows of lines, and stops after some of them."""

    def lines(first: int) -> Iterator[list[str]]:
        for number, start in enumerate(range(first, len(LINES), size)):
            if number == after:
                raise KeyboardInterrupt
            yield LINES[start : start + size]

    return lines


@pytest.mark.parametrize("after", range(1, 5))
def test_a_stop_loses_no_window(after: int, tmp_path: Path) -> None:
    file = ResumableFile(tmp_path / "links", {"pairs": 7})
    if after == 4:
        write(file, stopping(after), resume=False)
    else:
        with pytest.raises(KeyboardInterrupt):
            write(file, stopping(after), resume=False)
        part = tmp_path / "links.part"
        assert part.read_text() == "".join(f"{line}\n" for line in LINES[: 3 * after])
        part.write_text(part.read_text() + "5-")  # what a killed process has written past the last safe window
        with pytest.raises(InputError, match=r"is unfinished\. Add --resume"):
            file.check(resume=False)
        write(file, stopping(9, size=2), resume=True)
    assert (tmp_path / "links").read_text() == WHOLE
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []
    with pytest.raises(InputError, match=r"exists, and is not overwritten\. Name a new file"):
        file.check(resume=False)
    with pytest.raises(InputError, match=r"exists, and is not overwritten\. It is finished"):
        file.check(resume=True)


def test_what_cannot_be_continued_is_refused(tmp_path: Path) -> None:
    file = ResumableFile(tmp_path / "links", {"pairs": 7})
    with pytest.raises(InputError, match="there is nothing to continue"):
        write(file, stopping(9), resume=True)
    with pytest.raises(KeyboardInterrupt):
        write(file, stopping(2), resume=False)
    with pytest.raises(InputError, match="was begun with pairs = 7, and now it is 8"):
        ResumableFile(tmp_path / "links", {"pairs": 8}).check(resume=True)
    (tmp_path / "links.part").write_text("")
    with pytest.raises(InputError, match="is shorter than it was"):
        write(file, stopping(9), resume=True)
    for damage in (
        "[",
        "{}",
        "[]",
        '{"begun with": {}, "progress": {"lines": -1}, "bytes": 0}',
        '{"begun with": {}, "progress": {}, "bytes": 0}',
        '{"progress": 1}',
    ):
        (tmp_path / "links.part.json").write_text(damage)
        with pytest.raises(InputError, match="is damaged"):
            file.check(resume=True)
    for left in tmp_path.iterdir():
        left.unlink()
    (tmp_path / "links.part").write_text("of somebody")
    with pytest.raises(InputError, match=r"links\.part exists, and is not overwritten"):
        write(file, stopping(9), resume=False)
    with FileLock(tmp_path / "other.lock"), pytest.raises(InputError, match="Another process"):
        write(ResumableFile(tmp_path / "other", {}), stopping(9), resume=False)
    with pytest.raises(InputError, match="there is no folder"):
        ResumableFile(tmp_path / "nowhere" / "links", {}).check(resume=False)


def test_an_error_before_the_first_window_leaves_nothing(tmp_path: Path) -> None:
    file = ResumableFile(tmp_path / "links", {"pairs": 7})

    def failing(after: int) -> Iterator[list[str]]:
        yield from ([LINES[0]] for _ in range(after))
        raise InputError("the model is damaged")

    def refusing(first: int) -> Iterator[list[str]]:
        raise InputError("there is no aligner")

    for lines, error in ((failing, InputError), (refusing, InputError), (stopping(0), KeyboardInterrupt)):
        with pytest.raises(error):
            write(file, lines, resume=False)
        assert not list(tmp_path.glob("*part*"))
    with pytest.raises(InputError, match="damaged"):
        write(file, lambda _: failing(2), resume=False)
    assert (tmp_path / "links.part").read_text() == f"{LINES[0]}\n" * 2
    # The file was finished and taken away, and the process was killed before it removed the state.
    (tmp_path / "links.part").unlink()
    with pytest.raises(InputError, match="there is nothing to continue"):
        file.check(resume=True)
    write(file, stopping(9), resume=False)
    assert (tmp_path / "links").read_text() == WHOLE


def test_what_differs_is_named_by_its_files(tmp_path: Path) -> None:
    def fact(name: str, checksum: int) -> dict:
        return {"--aligner": content([Path(name)], checksum)}

    with pytest.raises(KeyboardInterrupt):
        write(ResumableFile(tmp_path / "links", fact("a", 1)), stopping(2), resume=False)
    ResumableFile(tmp_path / "links", fact("b", 1)).check(resume=True)
    with pytest.raises(InputError, match="begun with --aligner = a, and now it is b"):
        ResumableFile(tmp_path / "links", fact("b", 2)).check(resume=True)
    with pytest.raises(InputError, match="begun with --aligner = a, and it has changed since"):
        ResumableFile(tmp_path / "links", fact("a", 2)).check(resume=True)
    with pytest.raises(InputError, match="begun with --aligner = a, and now it is None"):
        ResumableFile(tmp_path / "links", {"--aligner": None}).check(resume=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_full_disk_leaves_the_windows_that_were_written(tmp_path: Path) -> None:
    import resource

    file, large = ResumableFile(tmp_path / "links", {"pairs": 7}), ["x" * 50_000]
    before, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"), file.open(resume=False) as out:
            out.append(large, {"lines": 1})
        assert not list(tmp_path.glob("*part*"))
        with pytest.raises(OSError, match="too large"), file.open(resume=False) as out:
            out.append(LINES, {"lines": len(LINES)})
            out.append(large, {"lines": len(LINES) + 1})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    with file.open(resume=True) as out:
        assert out.progress == {"lines": len(LINES)}
    assert (tmp_path / "links").read_text() == WHOLE


def test_names_that_are_no_text_are_facts_too(tmp_path: Path) -> None:
    file = ResumableFile(tmp_path / "links", {"pairs": content([Path("caf\udce9.tsv")], 7)})
    with pytest.raises(KeyboardInterrupt):
        write(file, stopping(2), resume=False)
    write(file, stopping(9), resume=True)
    assert (tmp_path / "links").read_text() == WHOLE


def test_what_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    with ResumableFile(tmp_path / "links", {}).open(resume=False) as out:
        out.append(LINES, {"lines": len(LINES)})
        out.discard()
    assert not list(tmp_path.glob("links*"))


def test_facts_that_are_tables_are_compared_whole(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(ResumableFile(tmp_path / "links", {"search": {"beam": 5}}), stopping(2), resume=False)
    with pytest.raises(InputError, match=r"begun with search = \{'beam': 5\}, and now it is \{'beam': 7\}"):
        ResumableFile(tmp_path / "links", {"search": {"beam": 7}}).check(resume=True)


def test_a_key_that_a_table_lacks_means_its_default(tmp_path: Path) -> None:
    defaults = {"search": {"beam": 1, "later": 0.0}}

    def file(**search: float) -> ResumableFile:
        return ResumableFile(tmp_path / "links", {"search": search}, defaults=defaults)

    with pytest.raises(KeyboardInterrupt):
        write(file(beam=5), stopping(2), resume=False)
    file(beam=5, later=0.0).check(resume=True)
    with pytest.raises(InputError, match="begun with search"):
        file(beam=5, later=0.5).check(resume=True)
    with pytest.raises(InputError, match="begun with search"):
        file().check(resume=True)
