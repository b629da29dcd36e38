"""What is kept of corrections: safe at any stop, to be edited, and to be undone."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import PAIRS
from exported import trained, with_confidence

from nmt import checksums
from nmt.data.corpora import from_pairs
from nmt.errors import InputError
from nmt.inference import confidence_file, head_file
from nmt.inference.head_file import new_head
from nmt.inference.translator import Translator
from nmt.layers.alignment_head import AlignmentHead
from nmt.model_folder import CONFIDENCE, WEIGHTS
from nmt.model_folder import CORRECTIONS as FOLDER
from nmt.saving import load
from nmt.training import corrections
from nmt.training.corrections import CORRECTIONS, CorrectionMemory
from nmt.training.corrections import PAIRS as OLD


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corrections")


@pytest.fixture(scope="module")
def translator(place: Path) -> Translator:
    return trained(place)


@pytest.fixture(scope="module")
def head(translator: Translator) -> AlignmentHead:
    return new_head(translator.model)  # type: ignore[arg-type]


@pytest.fixture
def folder(place: Path, translator: Translator, head: AlignmentHead, tmp_path: Path) -> Path:
    copy = Path(shutil.copytree(place / "model", tmp_path / "model"))
    head_file.write(copy, head)
    return copy


def moved(translator: Translator):  # type: ignore[no-untyped-def]
    """A network whose weights have moved a little."""
    network = type(translator.model).from_config(translator.model.get_config())  # type: ignore[union-attr]
    network.build()
    network.set_weights([np.asarray(each) + 0.01 for each in translator.model.get_weights()])
    return network


def test_the_latest_correction_of_a_sentence_counts_and_the_file_may_be_edited(folder: Path) -> None:
    memory = CorrectionMemory(folder)
    assert memory.corrections() == []
    assert memory.add([("a", "x"), ("b", "y\tz")]) == 0
    assert memory.add([("a", "x"), ("b", "w"), ("c", "v")]) == 1
    assert memory.corrections() == [("a", "x"), ("b", "w"), ("c", "v")]
    path = folder / FOLDER / CORRECTIONS
    for empty in ("", "\n"):  # all were taken out
        path.write_text(empty)
        assert memory.corrections() == []
    assert memory.add([("a\u2028b", "x"), ("a b", "y")]) == 0
    assert memory.add([("a\u2028b", "y")]) == 0 and memory.corrections() == [("a b", "y")]
    path.write_text("a\tx\nc\t \n")
    with pytest.raises(InputError, match="pair 2: its translation is blank"):
        memory.corrections()


def test_old_pairs_are_kept_and_some_held_back(folder: Path) -> None:
    memory = CorrectionMemory(folder)
    with pytest.raises(InputError, match="Name once the pairs"):
        memory.pairs()
    with pytest.raises(InputError, match=r"Of 41 pairs of .* only 39 have text and differ, and 40 or more"):
        memory.keep_pairs(from_pairs([*PAIRS[:39], ("a", ""), ("", "b")]))
    many = [(f"{ko} {i}", en) for i in range(60) for ko, en in PAIRS]  # 2,880
    memory.keep_pairs(from_pairs(many))
    learned, held = memory.pairs()
    assert (len(learned), len(held)) == (2000, 200) and len({*learned, *held}) == 2200 and {*learned, *held} < {*many}
    memory.keep_pairs(from_pairs([*PAIRS, *PAIRS]))
    assert [len(part) for part in memory.pairs()] == [36, 12]
    assert {*(folder / FOLDER / OLD).read_text().splitlines()} == {"\t".join(pair) for pair in PAIRS}


def test_pairs_that_repeat_do_not_replace_those_that_are_kept(folder: Path) -> None:
    memory = CorrectionMemory(folder)
    memory.keep_pairs(from_pairs(PAIRS))
    kept = (folder / FOLDER / OLD).read_bytes()
    for few in ([PAIRS[0]] * 50, [*PAIRS[:3]] * 20, [(f"a{space}b", "c") for space in " \t\u2028" * 20]):
        with pytest.raises(InputError, match=f"only {len({*few}) if few[0] in PAIRS else 1} have text and differ"):
            memory.keep_pairs(from_pairs(few))
        assert (folder / FOLDER / OLD).read_bytes() == kept
    (folder / FOLDER / OLD).write_text("a\tb\n" * 50)
    with pytest.raises(InputError, match="has only 1 different pairs, too few"):
        memory.pairs()


def test_a_stop_between_two_files_leaves_a_model_with_its_head(
    folder: Path, translator: Translator, head: AlignmentHead, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / WEIGHTS).read_bytes()
    memory = CorrectionMemory(folder)
    kept = memory.weights_before()
    assert kept.read_bytes() == before

    def stop(*_: object) -> None:
        raise OSError("stopped")

    network = moved(translator)
    with monkeypatch.context() as patched, pytest.raises(OSError, match="stopped"):
        patched.setattr(corrections, "replace_weights_by", stop)
        memory.replace_weights(network, head)
    # The old weights with a head that fits both; the beginning is still the same.
    assert (folder / WEIGHTS).read_bytes() == before and memory.weights_before().read_bytes() == before
    assert head_file.read(folder, translator.model)  # type: ignore[arg-type]

    written = head_file.write
    with monkeypatch.context() as patched, pytest.raises(OSError, match="stopped"):
        # The first writing of the head is before the weights, the second after them.
        patched.setattr(head_file, "write", lambda *given, **also: written(*given, **also) if also else stop())
        memory.replace_weights(network, head)
    after, *_ = load(folder)
    np.testing.assert_array_equal(after.get_weights()[0], network.get_weights()[0])
    assert head_file.read(folder, after) and memory.weights_before().read_bytes() == before  # type: ignore

    memory.replace_weights(network, head)
    assert head_file.read(folder, after)  # type: ignore[arg-type]
    rmtree = shutil.rmtree
    with monkeypatch.context() as patched, pytest.raises(OSError, match="stopped"):
        # Of what is taken away nothing is found any more, however little of it is removed.
        patched.setattr(shutil, "rmtree", lambda path, **more: rmtree(path, **more) if more else stop())
        memory.undo(head)
    assert (folder / WEIGHTS).read_bytes() == before and not (folder / FOLDER).exists()
    assert head_file.read(folder, translator.model)  # type: ignore[arg-type]
    load(folder)
    with pytest.raises(InputError, match="no corrections to undo"):
        memory.undo(head)
    assert not list(folder.glob(".part.*"))


def test_the_confidence_of_before_comes_back(folder: Path, translator: Translator, head: AlignmentHead) -> None:
    confidence = with_confidence(translator).confidence
    assert confidence
    confidence_file.write(folder, confidence)
    memory, content = CorrectionMemory(folder), (folder / CONFIDENCE).read_bytes()
    memory.weights_before()
    memory.replace_weights(moved(translator), head)
    assert not (folder / CONFIDENCE).exists()
    memory.undo(head)
    assert (folder / CONFIDENCE).read_bytes() == content and confidence_file.read(folder)
    # What was never learned takes nothing from it.
    memory.add([("a", "b")])
    memory.undo(head)
    assert (folder / CONFIDENCE).read_bytes() == content and not (folder / FOLDER).exists()


def test_a_folder_without_checksums_opens_after_a_correction(folder: Path, translator: Translator) -> None:
    (folder / checksums.CHECKSUMS).unlink()
    memory = CorrectionMemory(folder)
    memory.weights_before()
    load(folder)
    memory.replace_weights(moved(translator), None)
    load(folder)
    memory.undo(None)
    load(folder)


def test_a_model_that_was_trained_since_is_a_new_beginning(folder: Path, translator: Translator) -> None:
    memory = CorrectionMemory(folder)
    memory.weights_before()
    network = moved(translator)
    memory.replace_weights(network, None)
    corrected = (folder / WEIGHTS).read_bytes()
    checksums.replace(folder, WEIGHTS, corrected + b"\0")
    with pytest.raises(InputError, match="has been trained since its corrections"):
        memory.undo(None)
    assert memory.weights_before().read_bytes() == corrected + b"\0"


def test_a_damaged_memory_is_refused(folder: Path, translator: Translator) -> None:
    memory = CorrectionMemory(folder)
    kept = memory.weights_before()
    kept.write_bytes(kept.read_bytes()[:-9])
    with pytest.raises(InputError, match="is not as it was saved"):
        memory.weights_before()
    for damaged in ("[", '{"weights": 3}', json.dumps({"weights": [1]}), "3"):
        (folder / FOLDER / "state.json").write_text(damaged)
        with pytest.raises(InputError, match=r"state\.json is damaged"):
            memory.weights_before()
