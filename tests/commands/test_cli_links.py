"""Word links through the command line: a run that is guided by them, and what is refused before anything is done."""

import json
from pathlib import Path

import pytest
from command_line import PAIRS, TINY, nmt, refused

GUIDED = ["--set", "training.guided_alignment=0.5"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("links")
    (folder / "tsv").write_text("".join(f"{ko}\t{en}\n" for ko, en in PAIRS), encoding="utf-8")
    # Subject, object, verb against subject, verb, object.
    (folder / "good").write_text("0-0 1-2 2?1\n" * len(PAIRS))
    (folder / "short").write_text("0-0\n" * 5)
    (folder / "malformed").write_text("0-0\n" * 6 + "0-0 1:1\n" + "0-0\n" * 60)
    (folder / "past").write_text("0-0\n" * 3 + "0-0 1-3\n" + "0-0\n" * 60)
    return folder


def test_the_built_in_corpus_is_written_and_its_links_guide_a_run_that_is_resumed(tmp_path: Path) -> None:
    """Begun with pairs in one file and resumed with the same in two: both go with links."""
    result = nmt("corpus", "demo", "--to", tmp_path / "data")
    assert result.returncode == 0, result.stderr.decode()
    assert "train, dev, test, combinations" in result.stdout.decode()
    names = {f"{split}.{kind}" for split in ("train", "dev", "test", "combinations") for kind in ("ko", "en", "links")}
    assert {path.name for path in (tmp_path / "data").iterdir()} == names
    refused(nmt("corpus", "demo", "--to", tmp_path / "data"), "is not an empty folder")

    source, target, links = (tmp_path / "data" / f"dev.{kind}" for kind in ("ko", "en", "links"))
    for path in (source, target, links):  # 160 pairs are enough
        path.write_text("".join(path.read_text(encoding="utf-8").splitlines(True)[:160]), encoding="utf-8")
    columns = (path.read_text(encoding="utf-8").splitlines() for path in (source, target))
    (tmp_path / "tsv").write_text("".join(f"{ko}\t{en}\n" for ko, en in zip(*columns, strict=True)), encoding="utf-8")
    lines = links.read_text()
    links.write_text(lines.replace("-", "?", 1))  # a possible link is one, too
    command = ["train", "--links", links, "--to", tmp_path / "m"]
    few = ["--set", "training.batch_size=16", "--set", "data.buckets=2"]  # batches
    result = nmt(*command, "--pairs", tmp_path / "tsv", *TINY[2:], *few, *GUIDED)
    assert result.returncode == 0, result.stderr.decode()
    assert "lose their links" not in result.stderr.decode()
    result = nmt(*command, "--source", source, "--target", target, "--resume", "--set", "training.epochs=3")
    assert result.returncode == 0, result.stderr.decode()
    journal = [json.loads(line) for line in (tmp_path / "m" / "metrics.jsonl").read_text().splitlines()]
    losses = [record["alignment_loss"] for record in journal]
    assert len(losses) == 3 and losses[2] < losses[0]

    again = ["train", "--pairs", tmp_path / "tsv", "--to", tmp_path / "m", "--resume"]
    refused(nmt(*again), "training.guided_alignment = 0.5", "--links")
    refused(nmt(*again, "--set", "training.guided_alignment=0"), "only the weight can change")
    assert nmt("translate", tmp_path / "m", stdin="나는 밥을 먹었다\n".encode()).returncode == 0


REFUSED = {
    "links without a use": (
        ["--links", "good"],
        ["which is 0", "as in training.guided_alignment=0.1", "leave the links out"],
    ),
    "guidance without links": (GUIDED, ["= 0.5 learns from word links", "--links"]),
    "no attention": (["--links", "good", *GUIDED, "--set", "model.attention=none"], ["model.attention = 'none'"]),
    "too few lines": (["--links", "short", *GUIDED], ["short has 5 lines", f"tsv has {len(PAIRS)} pairs"]),
    "no link": (["--links", "malformed", *GUIDED], ["malformed, line 7", "'1:1'"]),
    "past the end": (["--links", "past", *GUIDED], ["past, line 4", "1-3", "target"]),
    "a missing file": (["--links", "nowhere", *GUIDED], ["nowhere", "cannot be read"]),
    "a folder": (["--links", ".", *GUIDED], ["is a folder"]),
    "a wrong weight": (["--links", "good", "--set", "training.guided_alignment=-1"], ["between 0 and 1000"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_links_are_refused_and_nothing_is_written(case: str, place: Path, tmp_path: Path) -> None:
    arguments, words = REFUSED[case]
    placed = [place / a if (place / a).exists() or a == "nowhere" else a for a in arguments]
    refused(nmt("train", "--pairs", place / "tsv", "--to", tmp_path / "m", *placed), *words)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("given", [["--tfds", "ted_hrlr_translate/pt_to_en"], ["--text", "tsv"]])
def test_links_go_with_pairs_in_files_only(given: list[str], place: Path, tmp_path: Path) -> None:
    result = nmt("train", given[0], place / given[1], "--links", place / "good", *GUIDED, "--to", tmp_path / "m")
    refused(result, "--links goes with pairs in files: --source and --target, or --pairs.")


def test_a_corpus_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    refused(nmt("corpus", "dmeo", "--to", tmp_path / "data"), "Did you mean 'demo'?")
