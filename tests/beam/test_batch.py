"""Files are translated on Beam line by line: none is lost, and their order is kept."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("apache_beam", reason="Apache Beam is not installed: pip install -e '.[beam]'")

from nmt.beam import batch
from nmt.beam.export_handler import BlockHandler, ExportHandler
from nmt.beam.files import find_input, find_output, our_error, read_lines
from nmt.errors import InputError, WorkFailed
from nmt.translation import Translation


def test_lines_have_their_places_and_bad_ones_are_marked(tmp_path: Path) -> None:
    path = tmp_path / "a.ko"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\n\xff\nx\ry\nlast")
    assert list(read_lines(str(path))) == ["one", "", None, "x y", "last"]


@pytest.mark.parametrize("form", ["text", "jsonl"])
def test_a_block_is_written_in_order_and_may_be_written_again(form: str, tmp_path: Path) -> None:
    rows = [Translation("가", -1.0), Translation("b", -2.0), None, Translation("c", -1.0, source_truncated=True)]
    for _ in range(2):
        assert list(batch.write_block(f"{tmp_path}/out", form=form, key=(3, 2), found=rows, path="a.ko")) == [
            ("lines", 4),
            ("bad", 2),
        ]
    path, bad = sorted(tmp_path.iterdir())
    assert bad.name == "out-bad-00003-00002.jsonl"
    assert [json.loads(line) for line in bad.read_text().splitlines()] == [
        {"file": "a.ko", "line": 20_003, "reason": "no UTF-8"},
        {"file": "a.ko", "line": 20_004, "reason": "longer than the model reads"},
    ]
    lines = path.read_text("utf-8").splitlines()
    if form == "text":
        assert path.name == "out-00003-00002.txt" and lines == ["가", "b", "", "c"]
    else:
        assert [json.loads(line) for line in lines] == [
            {"line": 20_001, "text": "가", "score": -1.0},
            {"line": 20_002, "text": "b", "score": -2.0},
            {"line": 20_003, "text": "", "score": 0.0},
            {"line": 20_004, "text": "c", "score": -1.0},
        ]
    assert list(batch.write_block(f"{tmp_path}/out", form=form, key=(3, 2), found=rows[:2], path="a.ko")) == [
        ("lines", 2),
        ("bad", 0),
    ]
    assert list(tmp_path.iterdir()) == [path]


def test_input_without_files_and_shards_that_are_missing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="matches no file"):
        find_input(f"{tmp_path}/*.ko")
    for shard in (0, 1, 4):
        (tmp_path / f"a-0000{shard}-of-00005.ko").touch()
    with pytest.raises(InputError, match=r"a-00002-of-00005\.ko and 1 more"):
        find_input(f"{tmp_path}/*.ko")


def test_a_file_that_is_gone_is_named_by_whoever_reads_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read") as told:
        list(read_lines(f"{tmp_path}/gone.ko"))
    # Beam adds where it happened, or gives only the text of a traceback.
    for text in (f"InputError: {told.value} [while running 'Read']", f"x\nnmt.errors.InputError: {told.value}\ny"):
        error = RuntimeError(text)
        assert str(our_error(error)) == str(told.value)
    assert our_error(RuntimeError("another")) is None


class Export:
    """In place of an export: it writes capitals, and says how many lines it was asked at once."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.signatures = {"serving_default": self.translate}

    def translate(self, text: Any) -> dict[str, Any]:
        import tensorflow as tf

        lines = [line.decode() for line in text.numpy()]
        self.asked.append(lines)
        return {
            "translation": tf.constant([line.upper().encode() for line in lines]),
            "score": tf.constant([-float(len(line)) for line in lines]),
            "source_truncated": tf.constant([len(line) > 9 for line in lines]),
            "unfinished": tf.constant([False] * len(lines)),
        }


def saved(place: Path, change: Any, answer: str = "translation") -> Path:
    """Save a program with the signature of an export."""
    import tensorflow as tf

    module = tf.Module()
    module.serve = tf.function(
        lambda text: {answer: change(text), "score": tf.zeros(tf.shape(text))},
        input_signature=[tf.TensorSpec([None], tf.string, "text")],
    )
    tf.saved_model.save(module, str(place), signatures={"serving_default": module.serve})
    return place


def test_an_export_is_checked_before_a_pipeline_starts(tmp_path: Path) -> None:
    import tensorflow as tf

    export = saved(tmp_path / "1", lambda text: tf.strings.join([text, "!"]))
    BlockHandler(export).check()
    with pytest.raises(InputError, match="is not the export of a translator"):
        BlockHandler(saved(tmp_path / "2", tf.identity, "completion")).check()
    capitals = saved(tmp_path / "3", tf.strings.upper)
    with pytest.raises(InputError, match="uses the operation StringUpper"):
        BlockHandler(capitals).check()
    BlockHandler(capitals, trust=True).check()
    failing = saved(tmp_path / "4", lambda text: tf.gather(text, [7] * 3))
    with pytest.raises(InputError, match=r"4 does not translate: .*7"):
        BlockHandler(failing).check()
    (export / "saved_model.pb").write_bytes(b"\xff" * 9)
    with pytest.raises(InputError, match="cannot be opened as a SavedModel"):
        BlockHandler(export).check()


def test_an_export_that_cannot_be_opened_ends_a_pipeline_with_its_sentence(tmp_path: Path) -> None:
    """It was whole when the run began, or is so on another machine."""
    (tmp_path / "a.ko").write_text("one\n")
    options = ["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"]
    with pytest.raises(InputError, match=r"saved_model\.pb cannot be read"):
        batch.translate_files(
            f"{tmp_path}/gone", files=[f"{tmp_path}/a.ko"], prefix=f"{tmp_path}/out", form="text", options=options
        )


def test_batches_have_similar_lengths_and_answers_their_places() -> None:
    lines = ["c" * 300, "", "a", None, "b" * 200, " ", "d"] * 40
    export = Export()
    ((*found,),) = BlockHandler("an export").run_inference([lines], export)
    assert [one and one.text for one in found] == [line and line.strip().upper() for line in lines]
    assert [len(set(map(len, asked))) for asked in export.asked] == [2, 1]  # a and b; 109 of 300 are too many
    assert max(len(asked) * max(map(len, asked)) for asked in export.asked) <= 32_768


def test_files_are_translated_and_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "LINES", 3)
    monkeypatch.setattr(ExportHandler, "load_model", lambda self: Export())
    (tmp_path / "a.ko").write_bytes(b"one\n\ntwo\n\xff\nfour of many\n")
    with gzip.open(tmp_path / "b.ko.gz", "wb") as file:
        file.write(b"".join(b"%d\n" % number for number in range(7)))
    (tmp_path / "c.ko").touch()
    files, prefix = list(find_input(f"{tmp_path}/*.ko*")), f"{tmp_path}/out"
    options = ["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"]
    counts = batch.translate_files(
        "an export", files=files, prefix=prefix, form="text", options=options, record={"files": files}
    )
    assert counts == {"lines": 12, "bad": 2, "kept": 0} == json.loads(Path(f"{prefix}-counts.json").read_text())
    assert json.loads(Path(f"{prefix}-run.json").read_text()) == {"files": files}
    parts = sorted(path for path in find_output(prefix) if path.endswith(".txt"))
    texts = [Path(part).read_text().splitlines() for part in parts]
    assert texts == [["ONE", "", "TWO"], ["", "FOUR OF MANY"], ["0", "1", "2"], ["3", "4", "5"], ["6"], []]
    # Only what is missing is translated again.
    Path(parts[0]).write_text("KEPT\n\nKEPT\n")
    Path(parts[3]).unlink()
    counts = batch.translate_files(
        "an export", files=files, prefix=prefix, form="text", options=options, done=find_output(prefix)
    )
    # The bad lines are in blocks that were kept.
    assert counts == {"lines": 3, "bad": 2, "kept": 9} == json.loads(Path(f"{prefix}-counts.json").read_text())
    assert [Path(part).read_text().splitlines() for part in parts] == [["KEPT", "", "KEPT"], *texts[1:]]


@pytest.mark.parametrize(
    ("runner", "said"),
    [("NoRunner", r"does not start with .*NoRunner"), ("DataflowRunner", r"DataflowRunner needs .*apache-beam\[gcp\]")],
)
def test_a_runner_that_is_not_there_is_refused(runner: str, said: str, tmp_path: Path) -> None:
    options = [f"--runner={runner}", "--project=p"]
    (tmp_path / "a.ko").touch()
    with pytest.raises(InputError, match=said):
        batch.translate_files(
            "an export", files=[f"{tmp_path}/a.ko"], prefix=f"{tmp_path}/out", form="text", options=options, record={}
        )
    assert not find_output(f"{tmp_path}/out")


def test_an_error_of_the_work_is_not_told_as_one_of_the_runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: Any) -> Any:
        raise ValueError("a damaged graph")

    monkeypatch.setattr(ExportHandler, "load_model", lambda self: Export())
    monkeypatch.setattr(BlockHandler, "run_inference", ask)
    (tmp_path / "a.ko").write_text("one\n")
    options = ["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"]
    with pytest.raises(WorkFailed, match=r"pipeline failed: .*a damaged graph"):
        batch.translate_files(
            "an export", files=[f"{tmp_path}/a.ko"], prefix=f"{tmp_path}/out", form="text", options=options
        )
