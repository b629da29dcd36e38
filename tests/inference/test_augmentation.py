"""Pairs from text of one language: what is kept and why, and that work which was stopped anywhere ends the same."""

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from nmt.config import Decoding
from nmt.errors import InputError
from nmt.inference.augmentation import Augmentation, Counts
from nmt.resumable_file import ResumableFile
from nmt.translation import Translation

FACTS = {"kind": "distillation", "tag": "", "text": "t"}
LINES = ["a b", "c", "a b", "", "long", "endless", "same", "d\te\u3000f", "gone", "C"]


def translate(lines: list[str], first: int) -> list[Translation]:
    """Capitals, but for what is cut, copied or lost."""
    texts = {"same": "same", "gone": " "}
    return [
        Translation(
            text=texts.get(line, line.upper()),
            score=-1.0,
            source_truncated=line == "long",
            unfinished=line == "endless",
        )
        for line in lines
    ]


def windows(lines: Iterable[str]) -> Iterator[list[str]]:
    """Lists of one, two, three … lines."""
    stream, size = iter(lines), 1
    while window := list(itertools.islice(stream, size)):
        yield window
        size += 1


def made(to: Path, kind: str = "distillation", tag: str = "") -> Augmentation:
    return Augmentation(to, kind, {"text": "t"}, tag)


def begun(to: Path, counts: Counts, *lines: str) -> None:
    """Leave what a process leaves that is killed after the first window."""
    with pytest.raises(KeyboardInterrupt), ResumableFile(to, FACTS, asdict(counts)).open(resume=False) as out:
        out.append(lines, asdict(counts))
        raise KeyboardInterrupt


def test_pairs_are_written_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    counts = made(tmp_path / "out").run(translate, LINES, windows)
    assert (tmp_path / "out").read_text() == "a b\tA B\nc\tC\nd e\u3000f\tD E\u3000F\n"
    # "C" is written as "C".
    assert counts == Counts(lines=10, pairs=3, blank=2, cut=2, copied=2, repeated=1)
    card = json.loads((tmp_path / "out.json").read_text())
    assert card == {**FACTS, **asdict(counts)}
    assert {path.name for path in tmp_path.iterdir()} == {"out", "out.json"}


def test_back_translation_writes_the_source_and_a_tag_before_it(tmp_path: Path) -> None:
    made(tmp_path / "out", "back-translation", "<bt>").run(translate, ["x y", "z"], windows)
    assert (tmp_path / "out").read_text() == "<bt> X Y\tx y\n<bt> Z\tz\n"


@pytest.mark.parametrize("calls", range(1, 5))
def test_what_is_stopped_goes_on_and_ends_the_same(calls: int, tmp_path: Path) -> None:
    whole = made(tmp_path / "whole").run(translate, LINES, windows)
    left = calls

    def stopping(lines: list[str], first: int) -> list[Translation]:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return translate(lines, first)

    if calls < 4:
        with pytest.raises(KeyboardInterrupt):
            made(tmp_path / "out").run(stopping, LINES, windows)
    else:
        # A process that was killed while it wrote.
        begun(tmp_path / "out", Counts(lines=3, pairs=2, repeated=1), "a b\tA B", "c\tC")
        (tmp_path / "out.part").write_text("a b\tA B\nc\tC\nhal")
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="unfinished"):
        made(tmp_path / "out").run(translate, LINES, windows)
    numbers = []

    def numbered(lines: list[str], first: int) -> list[Translation]:
        numbers.append((first, lines[0]))
        return translate(lines, first)

    assert made(tmp_path / "out").run(numbered, LINES, windows, resume=True) == whole
    assert numbers[0] == ((done := [1, 3, 6, 3][calls - 1]), LINES[done])
    assert (tmp_path / "out").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_process_that_is_killed_at_its_very_end_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(path: Path, to: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr("nmt.resumable_file.rename", killed)
        with pytest.raises(KeyboardInterrupt):
            made(tmp_path / "out").run(translate, LINES, windows)
    assert {path.name for path in tmp_path.iterdir()} == {"out.part", "out.part.json", "out.json"}
    assert made(tmp_path / "out").unfinished and not made(tmp_path / "other").unfinished
    assert made(tmp_path / "out").run(translate, LINES, windows, resume=True).pairs == 3
    assert {path.name for path in tmp_path.iterdir()} == {"out", "out.json"}


def test_what_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    with pytest.raises(InputError, match="there exists"):
        made(tmp_path / "there").check(False)
    for other in ("a.json", "b.part"):
        (tmp_path / other).touch()
        with pytest.raises(InputError, match=f"{other} exists"):
            made(tmp_path / other[0]).check(False)
        (tmp_path / other).unlink()
    with pytest.raises(InputError, match="there is no folder"):
        made(tmp_path / "no" / "out").check(False)
    with pytest.raises(InputError, match="nothing to continue"):
        made(tmp_path / "out").check(True)
    with pytest.raises(InputError, match="--tag"):
        made(tmp_path / "out", tag="a\tb")
    with pytest.raises(InputError, match="No pair could be made of the 2 lines: 1 without text, 1 only copied"):
        made(tmp_path / "out").run(translate, ["same", ""], windows)
    assert {path.name for path in tmp_path.iterdir()} == {"there"}
    begun(tmp_path / "out", Counts(lines=1))
    with pytest.raises(InputError, match="begun with search"):
        Augmentation(tmp_path / "out", "distillation", {"text": "t", "search": {"beam": 5}}).check(True)
    with pytest.raises(InputError, match="begun with tag = , and now it is <bt>"):
        made(tmp_path / "out", tag="<bt>").check(True)
    state = json.loads((tmp_path / "out.part.json").read_text())
    # A version before a key existed had no other default.
    older = {"beam": 5}
    (tmp_path / "out.part.json").write_text(json.dumps({**state, "begun with": {**FACTS, "search": older}}))
    now = asdict(Decoding(beam=5))
    Augmentation(tmp_path / "out", "distillation", {"text": "t", "search": now}).check(True)
    for progress in ({}, {"lines": 1, "hm": 2}):
        (tmp_path / "out.part.json").write_text(json.dumps({**state, "progress": progress}))
        with pytest.raises(InputError, match="damaged"):
            made(tmp_path / "out").check(True)
