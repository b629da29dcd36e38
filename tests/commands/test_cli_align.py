"""``nmt align``: from pairs alone, with a model, and the teaching of its head."""

import json
from pathlib import Path

import pytest
from command_line import PAIRS, nmt, refused
from exported import trained

from nmt.model_folder import HEAD

LINKS = "0-0 1-2 2-1"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("align")
    (folder / "tsv").write_text("".join(f"{ko}\t{en}\n" for ko, en in PAIRS), encoding="utf-8")
    (folder / "ko").write_text("".join(f"{ko}\n" for ko, _ in PAIRS), encoding="utf-8")
    (folder / "en").write_text("".join(f"{en}\n" for _, en in PAIRS), encoding="utf-8")
    (folder / "gold").write_text(f"{LINKS}\n" * len(PAIRS))
    return folder


def test_links_are_found_in_pairs_alone(place: Path, tmp_path: Path) -> None:
    result = nmt("align", "--pairs", place / "tsv", "--gold", place / "gold")
    assert result.returncode == 0, result.stderr.decode()
    assert result.stdout.decode() == f"{LINKS}\n" * len(PAIRS) and "AER 0.000" in result.stderr.decode()

    files = ["--source", place / "ko", "--target", place / "en", "--symmetrize", "intersection"]
    result = nmt("align", *files, "--format", "probabilities", "--to", tmp_path / "links")
    assert result.returncode == 0 and not result.stdout, result.stderr.decode()
    first = [link.split(":") for link in (tmp_path / "links").read_text().splitlines()[0].split()]
    assert " ".join(link for link, _ in first) == LINKS and all(0.5 < float(p) <= 1 for _, p in first)
    refused(nmt("align", *files, "--to", tmp_path / "links"), "exists, and is not overwritten")


def test_a_model_is_taught_a_head_and_links_with_it(place: Path, tmp_path: Path) -> None:
    trained(tmp_path)
    model = tmp_path / "model"
    pairs = ["--source", place / "ko", "--target", place / "en", "--format", "jsonl"]
    attention = nmt("align", model, *pairs)
    result = nmt("align", "--teach", model, "--pairs", place / "tsv")
    assert result.returncode == 0 and (model / HEAD).is_file(), result.stderr.decode()
    assert "has an alignment head" in result.stderr.decode()
    linked = nmt("align", model, *pairs)
    assert linked.stdout != attention.stdout
    assert nmt("align", model, *pairs, "--attention").stdout == attention.stdout
    (best, *_) = (json.loads(line) for line in linked.stdout.decode().splitlines())
    assert best["target"] == ["I", "ate", "rice"] and len(best["weights"][0]) == 3


REFUSED = {
    "nothing to teach": (["--teach", "--pairs", "tsv"], ["are for a MODEL"]),
    "no pairs": ([], ["Name the pairs in one way"]),
    "two ways": (["--pairs", "tsv", "--source", "ko"], ["Name the pairs in one way"]),
    "short gold": (["--pairs", "tsv", "--gold", "ko"], ["is not a link"]),
    "a model has one direction": (["m", "--pairs", "tsv", "--symmetrize", "union"], ["joins two directions"]),
    "links of a lesson": (["m", "--teach", "--pairs", "tsv", "--gold", "gold"], ["--teach writes no links"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_command_is_refused(case: str, place: Path) -> None:
    given, said = REFUSED[case]
    refused(nmt("align", *(place / each if (place / each).exists() else each for each in given)), *said)
