"""Files on Beam's file systems: no name has a meaning, and no line is lost."""

import bz2
import gzip
import lzma
import os
from pathlib import Path

import pytest

pytest.importorskip("apache_beam", reason="Apache Beam is not installed: pip install -e '.[beam]'")

from nmt.beam.files import find_input, find_output, find_unfinished, read_lines, remove, remove_unfinished, write_text
from nmt.errors import InputError


def test_names_with_brackets_and_stars_are_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["g/run2/l-00000-00000.txt", "g/run[2]/l-00000-00000.txt", "*/l-00000-00000.txt", "[a]/l-00000-00000.txt"]
    for _ in range(2):
        for name in names:
            write_text(name, name)
    assert [Path(name).read_text() for name in names] == names
    for name in names:
        assert find_output(name.removesuffix("-00000-00000.txt")) == {name}
    assert find_output("g//run2//l") == {"g//run2//l-00000-00000.txt"} and not find_output("gone/l")
    assert find_input("g/run[2]/l-00000-00000.txt") == {names[1]: len(names[1])}
    remove("*/l-00000-00000.txt")
    remove("*/l-00000-00000.txt")
    assert sorted(path.as_posix() for path in Path().rglob("*.txt")) == sorted({*names} - {names[2]})


def test_a_local_file_is_on_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (done.append("sync"), sync(file))[1])
    monkeypatch.setattr(os, "replace", lambda *names: (done.append("rename"), replace(*names))[1])
    path = tmp_path / "new" / "a.txt"
    for text in ("one", "two"):
        write_text(str(path), text)
        assert path.read_text() == text and list(path.parent.iterdir()) == [path]
    assert done[-3:] == ["sync", "rename", "sync"]
    monkeypatch.setattr(os, "fsync", lambda file: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        write_text(str(path), "three")
    assert path.read_text() == "two" and list(path.parent.iterdir()) == [path]


def test_a_pattern_may_begin_in_the_folder_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_text("a.ko", "x\n")
    assert find_input("*.ko") == find_input("a.ko") == {"a.ko": 2}


def test_only_what_the_command_writes_is_its_output(tmp_path: Path) -> None:
    prefix = f"{tmp_path}/lib"
    others = ["lib-1.ko", "lib-en-00000-00000.txt", "lib-00000.tsv", "lib-00000-00000.txt.gz", "liberty-run.json"]
    mine = ["-00000-00010.txt", "-bad-00001-00000.jsonl", "-run.json", "-counts.json"]
    others += [f"lib-en-run.json.{'0a' * 16}.part", "lib-run.json.part", f"lib-en.txt.{'0a' * 16}.part"]
    unfinished = [f"{end}.{'0a' * 16}.part" for end in mine]
    for name in (*others, *("lib" + end for end in (*mine, *unfinished))):
        (tmp_path / name).touch()
    assert find_output(prefix) == {prefix + end for end in mine}
    assert find_unfinished(prefix) == {prefix + end for end in unfinished}
    remove_unfinished(prefix)
    remove_unfinished(prefix)
    assert {path.name for path in tmp_path.iterdir()} == {*others, *("lib" + end for end in mine)}


@pytest.mark.parametrize(("ending", "compress"), [("gz", gzip), ("bz2", bz2), ("xz", lzma)])
def test_a_file_that_was_cut_off_is_refused(ending: str, compress: object, tmp_path: Path) -> None:
    lines = [f"{number * 7919 % 10_007} of many" for number in range(20_000)]
    whole = compress.compress("\n".join(lines).encode())  # type: ignore[attr-defined]
    path = tmp_path / f"a.{ending}"
    path.write_bytes(whole)
    assert list(read_lines(str(path))) == lines
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=rf"a\.{ending} is damaged after line \d+"):
        list(read_lines(str(path)))
    path.write_bytes(b"no archive")
    with pytest.raises(InputError, match=rf"a\.{ending} (is damaged after line 0|cannot be read)"):
        list(read_lines(str(path)))


def test_lines_are_those_of_a_corpus(tmp_path: Path) -> None:
    path = tmp_path / "a.ko"
    for written, read in ((b"a\n\r", ["a"]), (b"a\r\nb\xff\n\xff", ["a", None, None]), (b"", [])):
        path.write_bytes(written)
        assert list(read_lines(str(path))) == read
    for refused, said in ((b"a\rb\rc\r", "old Macs"), ("a\nb\n".encode("utf-16"), "UTF-16")):
        path.write_bytes(refused)
        with pytest.raises(InputError, match=said):
            list(read_lines(str(path)))
    (tmp_path / "a.zst").touch()
    with pytest.raises(InputError, match=r"\.gz, \.bz2 or \.xz"):
        list(read_lines(f"{tmp_path}/a.zst"))
