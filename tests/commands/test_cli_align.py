"""``nmt align``: from pairs alone, with a model, and the teaching of its head."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import PAIRS, nmt, refused
from exported import trained, untrained_transformer

from nmt.checksums import digest
from nmt.config import Config, with_settings
from nmt.data.corpora import from_tsv
from nmt.data.tokenizers import train_tokenizers
from nmt.inference.translator import Translator
from nmt.linking import aligner_file
from nmt.linking.aligner import LONGEST, learn
from nmt.model_folder import CONFIDENCE, HEAD
from nmt.models.build import build_model
from nmt.resumable_file import ResumableFile, content

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


def test_words_that_are_too_many_to_link_have_a_weight_of_0(place: Path, tmp_path: Path) -> None:
    (tmp_path / "long").write_text("나는 " * (LONGEST + 5) + "\t" + "I " * (LONGEST + 7) + "\n", encoding="utf-8")
    kept = tmp_path / "kept"
    aligner_file.write(kept, learn(PAIRS), learned_from=0)
    result = nmt("align", "--pairs", tmp_path / "long", "--aligner", kept, "--format", "jsonl")
    assert result.returncode == 0, result.stderr.decode()
    found = json.loads(result.stdout)
    assert (len(found["target"]), len(found["source"])) == (LONGEST + 7, LONGEST + 5)
    weights = np.array(found["weights"])
    assert weights.shape == (LONGEST + 7, LONGEST + 5) and weights[:LONGEST, :LONGEST].any()
    assert not weights[LONGEST:].any() and not weights[:, LONGEST:].any()


def test_a_kept_aligner_links_new_pairs_and_a_stopped_file_is_continued(place: Path, tmp_path: Path) -> None:
    kept, links = tmp_path / "kept", tmp_path / "links"
    first = nmt("align", "--pairs", place / "tsv", "--keep", kept)
    assert first.returncode == 0 and kept.is_file(), first.stderr.decode()
    (tmp_path / "new").write_text(
        "그들은 고기를 샀다\tthey bought meat\n나는 물을 마셨다\tI drank water\n", encoding="utf-8"
    )
    command = ["align", "--pairs", tmp_path / "new", "--aligner", kept, "--to", links]
    result = nmt(*command)
    assert result.returncode == 0, result.stderr.decode()
    whole = links.read_text()
    assert whole.splitlines()[0] == LINKS
    # As a process that was killed after the first line leaves it.
    links.unlink()
    pairs = content([tmp_path / "new"], from_tsv(tmp_path / "new").checksum)
    facts = {"pairs": pairs, "--format": "pharaoh", "--symmetrize": "grow-diag-final"}
    facts |= {"--aligner": content([kept], digest(kept)), "MODEL": content([], []), "--set": None, "--attention": False}
    with pytest.raises(KeyboardInterrupt), ResumableFile(links, facts).open(resume=False) as out:
        out.append(whole.splitlines()[:1], {"lines": 1})
        raise KeyboardInterrupt
    refused(nmt(*command), "is unfinished. Add --resume")
    result = nmt(*command, "--resume")
    assert result.returncode == 0 and links.read_text() == whole, result.stderr.decode()
    # The same command once more, as after a stop while it wrote the links: it learns nothing.
    state = kept.stat().st_ino
    again = nmt("align", "--pairs", place / "tsv", "--keep", kept)
    assert again.returncode == 0 and again.stdout == first.stdout and kept.stat().st_ino == state, again.stderr.decode()
    assert "nothing is learned anew" in again.stderr.decode()
    refused(nmt("align", "--pairs", tmp_path / "new", "--keep", kept), "was learned from other pairs")
    refused(nmt(*command[:4], tmp_path / "none", "--to", tmp_path / "other"), "There is no file")
    assert not list(tmp_path.glob("other.part*"))


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


def test_a_transformer_is_linked_by_its_own_attention_and_learns_from_it(place: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    untrained_transformer().save(model)
    pairs = ["--pairs", place / "tsv"]
    score = ["score", model, "--source", place / "ko", "--target", place / "en"]
    attention, scores = nmt("align", model, *pairs, "--format", "jsonl"), nmt(*score)
    assert attention.returncode == 0 and scores.stdout, attention.stderr.decode()
    (model / CONFIDENCE).write_text("{}")
    result = nmt("align", "--teach", model, "--shifted", *pairs)
    assert result.returncode == 0, result.stderr.decode()
    assert (
        "attentions, that of layer" in result.stderr.decode() and "linked by this attention" in result.stderr.decode()
    )
    assert f"nmt evaluate {model} --calibrate --source F --reference F" in result.stderr.decode()
    assert not (model / CONFIDENCE).exists()
    shifted = nmt("align", model, *pairs, "--format", "jsonl")
    assert shifted.returncode == 0 and shifted.stdout != attention.stdout, shifted.stderr.decode()
    assert nmt(*score).stdout == scores.stdout
    assert "by the shifted attention" in drawn(model, tmp_path / "shifted.html")
    result = nmt("align", "--teach", model, "--teacher", "model", *pairs)
    assert result.returncode == 0 and "has an alignment head" in result.stderr.decode(), result.stderr.decode()
    assert "--calibrate" not in result.stderr.decode()
    assert nmt("align", model, *pairs, "--format", "jsonl").stdout != shifted.stdout
    assert "by the alignment head" in drawn(model, tmp_path / "head.html")
    assert "what it attends to" in drawn(model, tmp_path / "attention.html", "--attention")


def drawn(model: Path, to: Path, *more: str) -> str:
    result = nmt("plot", model, "나는 밥을 먹었다", "--to", to, *more)
    assert result.returncode == 0, result.stderr.decode()
    return " ".join(to.read_text(encoding="utf-8").split())


def test_a_model_without_attention_has_nothing_to_link(place: Path, tmp_path: Path) -> None:
    config = with_settings(Config(), ["model.attention=none", "model.units=8", "model.embedding=8", "text.kind=word"])
    tokenizers = train_tokenizers(PAIRS, "word")
    model = build_model(config, tokenizers.source.vocabulary, tokenizers.target.vocabulary)
    Translator(model, tokenizers, config).save(tmp_path / "model")  # type: ignore[arg-type]
    for command in (["align", tmp_path / "model", "--pairs", place / "tsv"], ["plot", tmp_path / "model", "나는"]):
        refused(nmt(*command), "has no alignments: its model.attention is 'none'")
    refused(nmt("align", "--teach", tmp_path / "model", "--pairs", place / "tsv"), "taught to a model with attention")


REFUSED = {
    "nothing to teach": (["--teach", "--pairs", "tsv"], ["are for a MODEL"]),
    "no pairs": ([], ["Name the pairs in one way"]),
    "two ways": (["--pairs", "tsv", "--source", "ko"], ["Name the pairs in one way"]),
    "short gold": (["--pairs", "tsv", "--gold", "ko"], ["is not a link"]),
    "two aligners": (["--pairs", "tsv", "--keep", "a", "--aligner", "b"], ["with --aligner nothing is"]),
    "a model learns no aligner": (["m", "--pairs", "tsv", "--keep", "a"], ["MODEL finds its own"]),
    "no aligner": (["--pairs", "tsv", "--aligner", "no where"], ["There is no file", "--keep 'no where'` makes it"]),
    "nothing to continue": (["--pairs", "tsv", "--resume"], ["name it with --to"]),
    "links under a name of compressed ones": (["--pairs", "tsv", "--to", "x.gz"], ["name it without .gz"]),
    "half a judgement": (["--pairs", "tsv", "--to", "x", "--gold", "gold", "--resume"], ["judges all links"]),
    "a teacher without a lesson": (["m", "--pairs", "tsv", "--teacher", "model"], ["Add --teach"]),
    "a choice without a lesson": (["m", "--pairs", "tsv", "--shifted"], ["Add --teach"]),
    "a teacher of nothing": (
        ["m", "--teach", "--shifted", "--teacher", "model", "--pairs", "tsv"],
        ["--shifted teaches nothing"],
    ),
    "joined links of a lesson": (
        ["m", "--teach", "--pairs", "tsv", "--symmetrize", "union"],
        ["--teach writes no links"],
    ),
    "weights that nothing joins": (
        ["m", "--pairs", "tsv", "--symmetrize", "union", "--format", "jsonl"],
        ["would change none of them"],
    ),
    "weights of an aligner": (
        ["--pairs", "tsv", "--symmetrize", "union", "--format", "jsonl"],
        ["change none of them"],
    ),
    "links of a lesson": (["m", "--teach", "--pairs", "tsv", "--gold", "gold"], ["--teach writes no links"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_command_is_refused(case: str, place: Path) -> None:
    given, said = REFUSED[case]
    refused(nmt("align", *(place / each if (place / each).exists() else each for each in given)), *said)
