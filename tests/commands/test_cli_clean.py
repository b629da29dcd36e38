"""``nmt clean`` as a user meets it."""

import gzip
import json
from pathlib import Path

import pytest
from command_line import PAIRS, nmt, refused


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dirty")
    pairs = [*PAIRS, PAIRS[0], ("", "blank"), ("밥", "&quot;rice&quot;")]
    (folder / "train.ko").write_text("".join(f"{ko}\n" for ko, _ in pairs), encoding="utf-8")
    with gzip.open(folder / "train.en.gz", "wt", encoding="utf-8") as file:
        file.write("".join(f"{en}\n" for _, en in pairs))
    (folder / "dev.tsv").write_text("".join(f"{ko}\t{en}\n" for ko, en in PAIRS[:1]), encoding="utf-8")
    (folder / "bad.tsv").write_text("a\tb\nonly this\n", encoding="utf-8")
    return folder


def test_files_keep_their_names_and_stay_as_they_are(folder: Path, tmp_path: Path) -> None:
    before = (folder / "train.ko").read_bytes()
    result = nmt("clean", folder / "train.ko", folder / "train.en.gz", folder / "dev.tsv", "--to", tmp_path / "out")
    assert result.returncode == 0, result.stderr.decode()
    shown = result.stdout.decode()
    # Overlap: the pair of dev.tsv, and the same pair again at the end.
    assert "51 pairs, of which 48 are in" in shown and "2 left out: overlap" in shown and "1 mended: entities" in shown
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "changed.tsv", "removed.tsv", "train.en.gz", "train.ko",
    ]  # fmt: skip
    assert (tmp_path / "out/train.ko").read_text(encoding="utf-8").splitlines() == [*(ko for ko, _ in PAIRS[1:]), "밥"]
    with gzip.open(tmp_path / "out/train.en.gz", "rt", encoding="utf-8") as file:
        assert file.read().splitlines()[-1] == '"rice"'
    assert (folder / "train.ko").read_bytes() == before


def test_json_and_one_rule(folder: Path, tmp_path: Path) -> None:
    files = folder / "train.ko", folder / "train.en.gz"
    result = nmt("clean", *files, "--to", tmp_path / "out", "--only", "blank", "--json")
    assert json.loads(result.stdout) == {"pairs": 51, "kept": 50, "removed": {"blank": 1}, "mended": {}}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train.ko", "train.en.gz", "--off", "ratios"], "There is no rule 'ratios'"),
        (["train.ko", "train.en.gz", "--only", "blank", "--off", "ratio"], "Leave them out"),
        (["train.ko", "train.en.gz", "--on", "score"], "name it with --model"),
        (["bad.tsv"], "line 2: there is one column"),
        (["dev.tsv", "dev.tsv"], "No pair is left"),
        (["train.ko"], "has no partner"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(
    folder: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    named = [folder / each if "." in each else each for each in arguments]
    result = nmt("clean", *named, "--to", tmp_path / "out")
    assert result.returncode in (1, 2) and said in result.stderr.decode()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_refused(folder: Path) -> None:
    refused(nmt("clean", folder / "dev.tsv", "--to", folder), "is not an empty folder")


def test_what_a_killed_process_left_is_replaced(folder: Path, tmp_path: Path) -> None:
    (tmp_path / ".unfinished.x").mkdir()
    (tmp_path / ".unfinished.x" / "removed.tsv").touch()
    result = nmt("clean", folder / "train.ko", folder / "train.en.gz", "--to", tmp_path)
    assert result.returncode == 0, result.stderr.decode()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "changed.tsv", "removed.tsv", "train.en.gz", "train.ko",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["OLD.TSV.GZ", "OLD.TSV"])
def test_files_whose_lines_end_in_carriage_returns_are_read_and_named_as_they_were_given(
    tmp_path: Path, name: str
) -> None:
    def given(*lines: str) -> Path:
        text = "".join(f"{line}\r" for line in lines).encode()
        (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("GZ") else text)
        return tmp_path / name

    file = given(*(f"{ko}\t{en}" for ko, en in PAIRS))
    result = nmt("clean", file, "--to", tmp_path / "out")
    assert result.returncode == 0 and b"48 pairs, of which 48 are in" in result.stdout, result.stderr.decode()
    file = given("a\tb", "only this")
    refused(nmt("clean", file, "--to", tmp_path / "new"), f"{file}, line 2: there is one column")
