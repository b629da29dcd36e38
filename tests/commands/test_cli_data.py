"""``nmt data`` as a user meets it: real files, real exit codes."""

import gzip
import json
import shutil
from pathlib import Path

import pytest
from command_line import PAIRS, TINY, here, nmt, refused

DEV = [("새 밥을 먹었다", "he ate new rice"), PAIRS[0]]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for name, pairs in (("train", PAIRS), ("dev", DEV), ("copies", [(en, en) for _, en in PAIRS])):
        for side, ending in enumerate(("ko", "en")):
            lines = "".join(f"{pair[side]}\n" for pair in pairs)
            (folder / f"{name}.{ending}").write_text(lines, encoding="utf-8")
            with gzip.open(folder / f"{name}.{ending}.gz", "wt", encoding="utf-8") as file:
                file.write(lines)
        (folder / f"{name}.tsv").write_text("".join(f"{ko}\t{en}\n" for ko, en in pairs), encoding="utf-8")
    (folder / "empty.en").write_bytes(b"")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe")
    (folder / "one.tsv").write_text("only this\n", encoding="utf-8")
    return folder


def test_the_report_and_the_page(corpus: Path, tmp_path: Path) -> None:
    page = tmp_path / "pairs.html"
    result = nmt("data", corpus / "train.ko", corpus / "train.en", corpus / "dev.tsv", "--html", page)
    assert result.returncode == 0, result.stderr.decode()
    shown = result.stdout.decode()
    assert "train.ko + train.en: 48 pairs" in shown
    assert "dev.tsv: 1 (50 %) of the sources and 1 (50 %) of the targets are also in" in " ".join(shown.split())
    assert "Settings for 48 pairs (--preset auto)" in shown
    assert "밥을" in page.read_text(encoding="utf-8")
    assert result.stderr.decode() == f"The page is in {page}.\n"


def test_the_settings_are_those_of_a_training(corpus: Path) -> None:
    # Without development pairs two of 48 are held out; a vocabulary for each side has no embedding to share.
    apart = ["--preset", "transformer", "--set", "text.joint=false", "--set", "text.kind=char"]
    result = nmt("data", corpus / "train.tsv", *apart)
    assert result.returncode == 0, result.stderr.decode()
    assert "Settings for 46 pairs (--preset transformer)" in result.stdout.decode()


def test_json_holds_everything_and_gz_is_the_same(corpus: Path) -> None:
    files = [corpus / f"{name}.{side}" for name in ("train", "dev") for side in ("ko", "en")]
    settings = ["--set", "text.kind=bpe", "--set", "text.vocabulary_size=80", "--set", "data.max_length=7"]
    plain = nmt("data", *files, "--json", *settings)
    packed = nmt("data", *(f"{file}.gz" for file in files), "--json", *settings)
    assert plain.returncode == packed.returncode == 0, packed.stderr.decode()
    found = json.loads(plain.stdout)
    assert plain.stdout.replace(b".ko", b".ko.gz").replace(b".en", b".en.gz") == packed.stdout
    assert [split["pairs"] for split in found["splits"]] == [48, 2]
    assert found["splits"][0]["source"]["expected"] == ["Hangul"]
    assert found["overlaps"][0]["counts"]["pairs"] == 1
    assert (found["vocabulary"]["kind"], found["vocabulary"]["pieces"]) == ("bpe", [80])
    assert found["max_length"] == 7


def test_a_forecast_tries_the_training_and_keeps_nothing(corpus: Path, tmp_path: Path) -> None:
    before = sorted(corpus.iterdir())
    result = nmt("data", corpus / "train.tsv", corpus / "dev.tsv", "--forecast", "--json", *TINY)
    assert result.returncode == 0, result.stderr.decode()
    found = json.loads(result.stdout)["forecast"]
    # Two epochs, and what is done once.
    assert 0 < 2 * found["epoch_seconds"] < found["seconds"]
    assert 100 < found["memory_mb"] < 20_000
    assert "for 2 epochs at most" in found["text"] and "Memory: " in found["text"]
    assert sorted(corpus.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train.ko"], ["train.ko has no partner"]),
        (["train.ko", "train.tsv", "train.en"], ["train.ko has no partner"]),
        (["train.ko", "dev.en"], ["do not match", "48 lines"]),
        (["train.ko", "empty.en"], ["empty.en", "empty"]),
        (["picture.png", "train.en"], ["picture.png", "not UTF-8"]),
        (["one.tsv"], ["one.tsv, line 1", "one column"]),
        (["train.ko", "missing.en"], ["missing.en cannot be read"]),
        (["train.tsv", "--html", "nowhere/page.html"], ["nowhere/page.html cannot be written"]),
        (["train.tsv", "--html", "page.txt"], ["must end in .html"]),
        (["train.tsv", "--set", "text.knid=bpe"], ["Did you mean 'text.kind'?"]),
        (["train.tsv", "--preset", "atuo"], ["Did you mean 'auto'?"]),
        (["train.tsv", "--set", "model.architecture=language-model"], ["examines pairs"]),
        (["train.tsv", "--set", "text.vocabulary_size=9000"], ["larger than the text allows"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_one_sentence(
    arguments: list[str], words: list[str], corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(corpus)
    before = sorted(corpus.iterdir())
    result = nmt("data", *arguments)
    refused(result, *words)
    assert result.stderr.decode().count("\n") == 1
    assert sorted(corpus.iterdir()) == before


def test_training_warns_of_what_it_sees_at_a_glance(corpus: Path, tmp_path: Path) -> None:
    files = ["--pairs", corpus / "copies.tsv", "--dev-pairs", corpus / "dev.tsv"]
    # A vocabulary that the text does not allow stops the command before it trains.
    result = nmt("train", *files, "--to", tmp_path / "m", *TINY, "--set", "text.vocabulary_size=9000")
    said = result.stderr.decode()
    assert result.returncode == 2
    assert "Warning: copies.tsv: 48 (100 %) of the pairs have the same text on both sides" in said
    assert f"nmt data {corpus / 'copies.tsv'} {corpus / 'dev.tsv'} shows more." in said


def test_the_commands_that_training_advises_are_right_for_every_way_to_name_pairs(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for side in ("ko", "en"):
        shutil.copy(corpus / "train.ko", tmp_path / "in" / f"1.{side}")
    stopped = ["--to", tmp_path / "m", *TINY, "--set", "text.vocabulary_size=9000"]

    def advised(*named: object) -> list[str]:
        lines = here("train", *named, *stopped).stderr.decode().splitlines()
        return [line for line in lines if "nmt data" in line or "nmt clean" in line]

    sides = ["--source", tmp_path / "in" / "*.ko", "--target", tmp_path / "in" / "*.en"]
    both = f"{tmp_path / 'in' / '1.ko'} {tmp_path / 'in' / '1.en'}"
    assert advised(*sides) == [
        f"This was a quick check; nmt data {both} shows more.",
        f"nmt clean {both} --to DIR mends what it can, and leaves out the rest.",
    ]
    for side in ("ko", "en"):
        shutil.copy(corpus / "train.ko", tmp_path / "in" / f"2.{side}")
    several = [
        "This was a quick check; nmt data, on one corpus after the other, shows more.",
        "nmt clean, on one corpus after the other, mends what it can, and leaves out the rest.",
    ]
    assert advised(*sides) == several
    assert advised("--pairs", corpus / "copies.tsv", corpus / "copies.tsv") == several
    # What the commands would refuse is not advised.
    shutil.copy(corpus / "copies.tsv", tmp_path / "copies.txt")
    assert advised("--pairs", tmp_path / "copies.txt") == [
        "This was a quick check; nmt data, on the pairs in two files or in one whose name ends in .tsv, shows more.",
        "nmt clean, on the pairs in two files or in one whose name ends in .tsv, mends what it can, and leaves out the "
        "rest.",
    ]
    assert advised("--pairs", corpus / "copies.tsv", "--dev-pairs", tmp_path / "copies.txt", "--tsv-quoting") == [
        f"This was a quick check; nmt data --tsv-quoting {corpus / 'copies.tsv'} shows more.",
        f"nmt clean --tsv-quoting {corpus / 'copies.tsv'} --to DIR mends what it can, and leaves out the rest.",
    ]
    (tmp_path / "ko").mkdir()
    shutil.copy(corpus / "train.ko", tmp_path / "ko" / "1.en")
    named = ["--source", tmp_path / "ko" / "1.en", "--target", tmp_path / "in" / "1.en"]
    dev = ["--dev-pairs", tmp_path / "copies.txt", "--tsv-quoting"]
    assert advised(*named, *dev) == [
        f"This was a quick check; nmt data {tmp_path / 'ko' / '1.en'} {tmp_path / 'in' / '1.en'} shows more.",
        "nmt clean, on files with names of their own, mends what it can, and leaves out the rest.",
    ]


def test_training_is_silent_about_clean_pairs(corpus: Path, tmp_path: Path) -> None:
    result = nmt("train", "--pairs", corpus / "train.tsv", "--to", tmp_path / "m", "--set", "text.vocabulary_size=9000")
    assert result.returncode == 2
    assert "Warning" not in result.stderr.decode()
    assert "nmt data" not in result.stderr.decode()


def test_a_name_is_no_markup_and_what_turns_text_around_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "[red]a b.tsv"
    file.write_text("".join(f"{ko}\t\u202e{en}\n" for ko, en in PAIRS), encoding="utf-8")
    result = nmt("data", file, *TINY[:4])
    assert result.returncode == 0, result.stderr.decode()
    shown = result.stdout.decode()
    assert "[red]a b.tsv: 48 pairs" in shown
    assert "48 (100 %) of the targets have control or invisible characters" in " ".join(shown.split())
    assert "\u202e" not in shown


def test_pairs_without_text_on_a_side_are_described_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("".join(f"{ko}\t\n" for ko, _ in PAIRS), encoding="utf-8")
    result = nmt("data", tmp_path / "a.tsv")
    assert result.returncode == 0, result.stderr.decode()
    assert "48 (100 %) of the targets are blank" in " ".join(result.stdout.decode().split())


def test_a_page_is_never_written_over_the_pairs(tmp_path: Path) -> None:
    for name in ("s.html", "t.html"):
        (tmp_path / name).write_text("a\n")
    refused(nmt("data", tmp_path / "s.html", tmp_path / "t.html", "--html", tmp_path / "s.html"), "overwrite the pairs")
    assert (tmp_path / "s.html").read_text() == "a\n"


def test_a_forecast_that_is_refused_comes_after_what_was_found(corpus: Path) -> None:
    guided = ["--set", "training.guided_alignment=0.1"]
    result = here("data", corpus / "train.tsv", corpus / "dev.tsv", "--forecast", *TINY, *guided)
    assert (result.returncode, b"48 pairs" in result.stdout) == (2, True)
    assert b"Traceback" not in result.stderr


def test_the_quick_look_names_the_lines_of_the_file(tmp_path: Path) -> None:
    pairs = [*PAIRS, *((ko, "") for ko, _ in PAIRS[:6])]
    (tmp_path / "a b.tsv").write_text("".join(f"{ko}\t{en}\n" for ko, en in pairs), encoding="utf-8")
    result = nmt("train", "--pairs", tmp_path / "a b.tsv", "--to", tmp_path / "m", *TINY, "--set", "training.steps=1")
    assert result.returncode == 0, result.stderr.decode()
    said = result.stderr.decode()
    assert "a b.tsv: 6 (11 %) of the targets are blank (lines 49, 50, 51" in said
    assert f"nmt data '{tmp_path / 'a b.tsv'}' shows more" in said
