"""Pairs on Beam: cleaned and counted as on one machine, from any number of shards."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("apache_beam", reason="Apache Beam is not installed: pip install -e '.[beam]'")

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

import nmt.beam
from nmt.beam.pairs import read_pairs
from nmt.data.corpora import REPORT_HEADERS, Corpus, from_tsv
from nmt.doctor.clean import Cleaned, Cleaning
from nmt.doctor.examine import survey_corpora
from nmt.doctor.rules import DEFAULT
from nmt.errors import InputError

WORDS = ("쌀", "빵", "물", "책", "집", "꽃", "말", "눈", "비", "산", "강")
# Each fault that a rule knows; repeats of pairs that are far away, before and behind, in other shards.
FAULTY = [
    ("", "nothing to translate"),
    ("번역하지 않은 줄", "번역하지 않은 줄"),
    ("그는 갔다", "Он ушёл домой"),
    ("그는 갔다", "he went\ufffd away"),
    ("그는 다시 갔다", "he " * 400),
    ("나는 어제 쌀 0 개를 시장에서 샀다!", "I BOUGHT 0 of WORD 0 yesterday"),
    ("검사할 문장", "a sentence for the test"),
    ("다른 문장", "The other sentence."),
    ("그는 다시 갔다", "he went away " * 9),
    ("&lt;i&gt;새&lt;/i&gt; 집", "a &quot;new&#39; house"),
    ('그는 ""아니"" 했다', "he\u200b said no"),
]
PAIRS = [(f"나는 어제 {w} {n} 개를 시장에서 샀다", f"I bought {n} of word {i} yesterday") for n in range(7)
         for i, w in enumerate(WORDS)]  # fmt: skip
PAIRS = [*PAIRS[40:50], *FAULTY, *PAIRS[:47], *PAIRS[30:], *FAULTY[:3]]
DEV = [("무엇", "the OTHER sentence"), ("검사할 문장!", "what?"), PAIRS[30], PAIRS[5]]


def shards(folder: Path, name: str, pairs: list[tuple[str, ...]], number: int) -> str:
    size = -(-len(pairs) // number)
    for shard in range(number):
        text = "".join("\t".join(pair) + "\n" for pair in pairs[shard * size : (shard + 1) * size])
        (folder / f"{name}-{shard:05}-of-{number:05}.tsv").write_text(text, encoding="utf-8")
    return f"{folder}/{name}-*.tsv"


FOUND: dict[str, list[Any]] = {}


def keep(element: Any, name: str) -> None:
    FOUND[name].append(element)


def run(build: Callable[[Any], dict[str, Any]]) -> dict[str, list[Any]]:
    """Run a pipeline in this process, and return the elements of each collection."""
    FOUND.clear()
    options = PipelineOptions(["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"])
    with beam.Pipeline(options=options) as pipeline:
        for name, some in build(pipeline).items():
            FOUND[name] = []
            some | f"Keep {name}" >> beam.Map(keep, name)
    return dict(FOUND)


def locally(folder: Path, corpus: Corpus, others: list[Corpus], **how: Any) -> tuple[Cleaned, dict[str, list[str]]]:
    (folder / "local").mkdir()
    done = Cleaning(corpus, others, DEFAULT, **how).write(folder / "local", ["kept.tsv"])
    return done, {
        name: (folder / "local" / f"{name}.tsv").read_text("utf-8").splitlines()[int(name != "kept") :]
        for name in ("kept", "removed", "changed")
    }


def test_shards_are_cleaned_as_one_file(tmp_path: Path) -> None:
    pairs = [(*pair, "news") if place % 3 else pair for place, pair in enumerate(PAIRS)]
    pattern = shards(tmp_path, "train", pairs, 5)
    whole = from_tsv(Path(shards(tmp_path, "whole", pairs, 1).replace("*", "00000-of-00001")))
    dev = from_tsv(Path(shards(tmp_path, "dev", DEV, 1).replace("*", "00000-of-00001")))
    done, expected = locally(tmp_path, whole, [dev])
    assert set(done.removed) - {"score"} == {rule for rule, count in done.removed.items() if count}
    written = f"{tmp_path}/out"

    def build(pipeline: Any) -> dict[str, Any]:
        cleaned = pipeline | nmt.beam.ReadPairs(pattern) | nmt.beam.Clean(others=[dev])
        return {**cleaned, "written": cleaned["kept"] | nmt.beam.WriteRows(written)}

    found = run(build)
    assert Path(f"{written}-00000.tsv").read_text("utf-8").splitlines() == expected["kept"]
    assert found["counts"] == [
        dataclasses.replace(done, removed={k: v for k, v in done.removed.items() if k != "score"})
    ]
    removed = [
        "\t".join((str(line), r.rule, r.reason, *r.cells)) for line, r in sorted(found["removed"], key=lambda x: x[0])
    ]
    assert removed == expected["removed"]
    assert ["\t".join((str(line), *row)) for line, row in sorted(found["changed"])] == expected["changed"]


def test_shards_are_counted_as_one_file(tmp_path: Path) -> None:
    patterns, whole = {}, []
    for name, pairs in {"train": PAIRS, "dev": DEV}.items():
        corpus = from_tsv(Path(shards(tmp_path, f"whole {name}", pairs, 1).replace("*", "00000-of-00001")))
        patterns[corpus.name] = shards(tmp_path, name, pairs, 3)
        whole.append(corpus)

    def build(pipeline: Any) -> dict[str, Any]:
        read = {name: pipeline | f"Read {name}" >> nmt.beam.ReadPairs(each) for name, each in patterns.items()}
        return {
            "both": read | "Both" >> nmt.beam.Survey(),
            "one": read[whole[1].name] | "One" >> nmt.beam.Survey(whole[1].name),
        }

    found = run(build)
    assert found["both"] == [survey_corpora(whole)]
    assert found["one"] == [survey_corpora(whole[1:])]


def test_two_files_that_do_not_match_are_told(tmp_path: Path) -> None:
    for name, lines in (("a.ko", 3), ("a.en", 2), ("b.ko", 1)):
        (tmp_path / name).write_text("x\n" * lines)
    with pytest.raises(InputError, match=r"2 files and .* 1"):
        nmt.beam.ReadPairs(f"{tmp_path}/*.ko", f"{tmp_path}/*.en")
    with pytest.raises(Exception, match=r"a\.ko has a line 3, which has no partner in .*a\.en"):
        run(lambda pipeline: {"pairs": pipeline | nmt.beam.ReadPairs(f"{tmp_path}/a.ko", f"{tmp_path}/a.en")})


@pytest.mark.parametrize("header", REPORT_HEADERS)
def test_a_report_of_nmt_clean_is_not_read_as_pairs(header: str, tmp_path: Path) -> None:
    (tmp_path / "removed.tsv").write_text(f"{header}\n3\tempty\tthe source is empty\t\tx\n")
    with pytest.raises(InputError, match=r"removed\.tsv is a report of `nmt clean`"):
        next(read_pairs([str(tmp_path / "removed.tsv")]))


def test_a_cell_stays_one_cell_and_a_last_carriage_return_is_no_line(tmp_path: Path) -> None:
    for name, text in (("a", "a\tb\n\r"), ("b", "x\u2028\x0by\n")):
        (tmp_path / f"{name}.ko").write_text(text, "utf-8", newline="")
        (tmp_path / f"{name}.en").write_text(f"{name}\n")
    prefix = f"{tmp_path}/out[1]"

    def build(pipeline: Any) -> dict[str, Any]:
        pairs = pipeline | nmt.beam.ReadPairs(f"{tmp_path}/*.ko", f"{tmp_path}/*.en")
        return {"pairs": pairs, "written": pairs | nmt.beam.WriteRows(prefix)}

    assert [line for line, _ in sorted(run(build)["pairs"])] == [1, 2]
    assert Path(f"{prefix}-00000.tsv").read_text("utf-8").split("\n") == ["a b\ta", "x  y\tb", ""]
    with pytest.raises(InputError, match=r"out\[1\]-00000\.tsv is there already"):
        nmt.beam.WriteRows(prefix)
    nmt.beam.WriteRows(f"{tmp_path}/out")


class Export:
    """In place of an export: a pair of a known target scores -9 a piece, and others about -1."""

    def signature(self, source: Any, target: Any) -> dict[str, Any]:
        given = [text.decode() for text in target.numpy()]
        scores = np.array(
            [[-9.0 if "he went away" in text else -1 - len(text) / 200] * 2 for text in given], np.float32
        )
        import tensorflow as tf

        return {
            "log_probability": tf.constant(scores.sum(1)),
            "tokens": tf.constant([["▁x", "</s>", ""]] * len(given)),
            "token_scores": tf.constant(np.pad(scores, ((0, 0), (0, 1)))),
        }

    @property
    def signatures(self) -> dict[str, Any]:
        return {"score": self.signature}


def test_scores_out_of_line_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [*PAIRS[21:31], ("그는 다시 갔다", "he went away")]
    pattern = shards(tmp_path, "train", pairs, 2)
    whole = from_tsv(Path(shards(tmp_path, "whole", pairs, 1).replace("*", "00000-of-00001")))

    def score(sources: Any, targets: Any) -> list[float]:
        return [-9.0 if "he went away" in text else -1 - len(text) / 200 for text in targets]

    done, expected = locally(tmp_path, whole, [], scorer=score)
    assert done.removed["score"] == 1
    monkeypatch.setattr("nmt.beam.export_handler.ExportHandler.load_model", lambda self: Export())
    found = run(lambda pipeline: pipeline | nmt.beam.ReadPairs(pattern) | nmt.beam.Clean(export="an export"))
    assert found["counts"] == [done]
    assert ["\t".join((str(line), r.rule, r.reason, *r.cells)) for line, r in sorted(found["removed"])] == expected[
        "removed"
    ]
