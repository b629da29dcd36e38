"""A file of links that was stopped anywhere goes on from there, and ends with the same bytes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nmt.errors import InputError
from nmt.linking.links_file import LinksFile, content

LINES = [f"{i}-{i}" for i in range(11)]
WHOLE = "".join(f"{line}\n" for line in LINES)


def stopping(after: int, size: int = 3):  # type: ignore[no-untyped-def]
    """Return what yields windows of lines, and stops after some of them."""

    def lines(first: int) -> Iterator[list[str]]:
        for number, start in enumerate(range(first, len(LINES), size)):
            if number == after:
                raise KeyboardInterrupt
            yield LINES[start : start + size]

    return lines


@pytest.mark.parametrize("after", range(5))
def test_a_stop_loses_no_window(after: int, tmp_path: Path) -> None:
    file = LinksFile(tmp_path / "links", {"pairs": 7})
    if after == 4:
        file.write(stopping(after), resume=False)
    else:
        with pytest.raises(KeyboardInterrupt):
            file.write(stopping(after), resume=False)
        part = tmp_path / "links.part"
        assert part.read_text() == "".join(f"{line}\n" for line in LINES[: 3 * after])
        part.write_text(part.read_text() + "5-")  # what a killed process has written past the last safe window
        with pytest.raises(InputError, match=r"is unfinished\. Add --resume"):
            file.check(resume=False)
        file.write(stopping(9, size=2), resume=True)
    assert (tmp_path / "links").read_text() == WHOLE
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []
    with pytest.raises(InputError, match="exists, and is not overwritten"):
        file.check(resume=False)


def test_what_cannot_be_continued_is_refused(tmp_path: Path) -> None:
    file = LinksFile(tmp_path / "links", {"pairs": 7})
    with pytest.raises(InputError, match="there is nothing to continue"):
        file.write(stopping(9), resume=True)
    with pytest.raises(KeyboardInterrupt):
        file.write(stopping(2), resume=False)
    with pytest.raises(InputError, match="was begun with pairs = 7, and now it is 8"):
        LinksFile(tmp_path / "links", {"pairs": 8}).check(resume=True)
    (tmp_path / "links.part").write_text("")
    with pytest.raises(InputError, match="is shorter than it was"):
        file.write(stopping(9), resume=True)
    for damage in ("[", "{}", '{"begun with": {}, "lines": -1, "bytes": 0}'):
        (tmp_path / "links.part.json").write_text(damage)
        with pytest.raises(InputError, match="is damaged"):
            file.check(resume=True)
    for left in tmp_path.iterdir():
        left.unlink()
    with pytest.raises(InputError, match="there is no folder"):
        LinksFile(tmp_path / "nowhere" / "links", {}).check(resume=False)


def test_an_error_before_the_first_window_leaves_nothing(tmp_path: Path) -> None:
    file = LinksFile(tmp_path / "links", {"pairs": 7})

    def failing(after: int) -> Iterator[list[str]]:
        yield from ([LINES[0]] for _ in range(after))
        raise InputError("the model is damaged")

    def refusing(first: int) -> Iterator[list[str]]:
        raise InputError("there is no aligner")

    for lines in (failing, refusing):
        with pytest.raises(InputError, match="the"):
            file.write(lines, resume=False)
        assert not list(tmp_path.glob("*part*"))
    with pytest.raises(InputError, match="damaged"):
        file.write(lambda _: failing(2), resume=False)
    assert (tmp_path / "links.part").read_text() == f"{LINES[0]}\n" * 2
    # The file was finished and taken away, and the process was killed before it removed the state.
    (tmp_path / "links.part").unlink()
    with pytest.raises(InputError, match="there is nothing to continue"):
        file.check(resume=True)
    file.write(stopping(9), resume=False)
    assert (tmp_path / "links").read_text() == WHOLE


def test_what_differs_is_named_by_its_files(tmp_path: Path) -> None:
    def fact(name: str, checksum: int) -> dict:
        return {"--aligner": content([Path(name)], checksum)}

    with pytest.raises(KeyboardInterrupt):
        LinksFile(tmp_path / "links", fact("a", 1)).write(stopping(2), resume=False)
    LinksFile(tmp_path / "links", fact("b", 1)).check(resume=True)
    with pytest.raises(InputError, match="begun with --aligner = a, and now it is b"):
        LinksFile(tmp_path / "links", fact("b", 2)).check(resume=True)
    with pytest.raises(InputError, match="begun with --aligner = a, and it has changed since"):
        LinksFile(tmp_path / "links", fact("a", 2)).check(resume=True)
    with pytest.raises(InputError, match="begun with --aligner = a, and now it is None"):
        LinksFile(tmp_path / "links", {"--aligner": None}).check(resume=True)
