"""The file of a confidence, and what a translator says with it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import PAIRS, nmt, refused
from exported import trained

from nmt.checksums import CHECKSUMS
from nmt.errors import InputError
from nmt.evaluation.confidence import Confidence, Confidences
from nmt.inference.calibration import calibrate, gather
from nmt.inference.confidence_file import read, with_confidence, write, written
from nmt.inference.head_file import new_head
from nmt.inference.head_file import write as write_head
from nmt.inference.translator import Translator
from nmt.model_folder import CONFIDENCE
from nmt.saving import replace_weights
from nmt.server.app import _drawn
from nmt.server.backends import ModelBackend
from nmt.signatures import CONFIDENCE_OUTPUTS
from nmt.translation import SERVER_KEYS, record

# Every third reference has a word that no translation can have.
MANY = [(ko, en if i % 3 else f"{en} zzz") for i, (ko, en) in enumerate(PAIRS * 4)]
TEXTS = [ko for ko, _ in PAIRS[:5]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("confidence")


@pytest.fixture(scope="module")
def plain(place: Path) -> Translator:
    return trained(place)


@pytest.fixture(scope="module")
def confidence(plain: Translator) -> Confidence:
    return calibrate(plain, MANY)[0]


@pytest.fixture(scope="module")
def translator(plain: Translator, confidence: Confidence) -> Translator:
    return _sharing(plain, Translator(plain.model, plain.tokenizers, plain.config, confidence=confidence))


def _sharing(plain: Translator, other: Translator) -> Translator:
    """Let another translator search as the plain one does, whatever is asked: a trace less for each search."""
    other.graphs = lambda settings, prefixed: plain.graphs(plain.decoding(), prefixed)  # type: ignore
    return other


@pytest.fixture
def folder(place: Path, confidence: Confidence, tmp_path: Path) -> Path:
    copy = Path(shutil.copytree(place / "model", tmp_path / "model"))
    write(copy, confidence)
    return copy


def test_the_best_translation_has_it_and_nothing_else_changes(
    plain: Translator, translator: Translator, confidence: Confidence
) -> None:
    for before, after in zip(plain.translate(TEXTS), translator.translate(TEXTS), strict=True):
        assert [word for word, _ in after.word_confidences] == list(after.words().target)
        assert confidence.of(written(before)) == (after.confidence, [share for _, share in after.word_confidences])
        assert (before.text, before.score, before.tokens) == (after.text, after.score, after.tokens)
        assert before.confidence is None and "confidence" not in record(before)
    drawn = translator.translate(TEXTS, sample=True)
    blank = translator.translate(["", " "])
    assert all(each.confidence is None for each in (*drawn, *blank))


def test_what_is_written_is_read(folder: Path, confidence: Confidence, translator: Translator) -> None:
    found = read(folder)
    assert found and found.pairs == len(MANY)
    opened = Translator.load(folder)
    same = [written(each) for each in translator.translate(TEXTS)]
    assert [found.of(each) for each in same] == [confidence.of(each) for each in same]
    assert opened.confidence and opened.confidence.pairs == found.pairs
    opened.save(folder.with_name("saved"))
    assert read(folder.with_name("saved"))
    assert Translator.load(folder, folder).confidence is None  # an ensemble has other scores
    (folder / CONFIDENCE).unlink()
    assert read(folder) is None


def test_it_belongs_to_its_weights_and_its_head(folder: Path, confidence: Confidence, plain: Translator) -> None:
    write_head(folder, new_head(plain.model))  # type: ignore[arg-type]
    assert read(folder) is None  # what was learned from other alignments is gone
    write(folder, confidence)
    assert read(folder) and Translator.load(folder, attention=True).confidence is None
    (folder / CHECKSUMS).unlink()
    (folder / "alignment.npz").unlink()
    with pytest.raises(InputError, match=r"learned with another alignment\.npz.*--calibrate"):
        read(folder)
    replace_weights(folder, plain.model)
    assert read(folder) is None


@pytest.mark.parametrize(
    "damage", ["cut", "kinds", "nan", "order", "certain", "text", "scale", "tiny", "large", "digits"]
)
def test_a_damaged_file_is_refused(damage: str, folder: Path) -> None:
    path = folder / CONFIDENCE
    (folder / CHECKSUMS).unlink()
    content = path.read_text()
    found = json.loads(content)
    word = found["word"]
    changed = {
        "kinds": {"weights": word["weights"][1:]},
        "nan": {"bias": float("nan")},
        "order": {"logits": [1.0, 0.0], "probabilities": [0.1, 0.2]},
        "certain": {"logits": [0.0], "probabilities": [1.5]},
        "text": {"center": "x"},
        "tiny": {"scale": [1e-320] * len(word["scale"])},
        "large": {"weights": [1e308, *word["weights"][1:]]},
        "digits": {"bias": 10**400},
        "scale": {"scale": [0.0] * len(word["scale"])},
    }
    text = content[:-99] if damage == "cut" else json.dumps({**found, "word": {**word, **changed[damage]}})
    path.write_text(text)
    with pytest.raises(InputError, match=r"confidence\.json cannot be used"):
        read(folder)


def test_too_few_pairs_are_refused(plain: Translator) -> None:
    with pytest.raises(InputError, match="100 development pairs or more, and there are 48 with text"):
        calibrate(plain, [*PAIRS, ("", "a"), ("a", " ")])
    with pytest.raises(InputError, match=r"words between spaces.*, so none can be learned\. A training that"):
        calibrate(plain, [("a", "ご飯を食べた")] * 100)


def test_the_server_gives_it_and_its_page_draws_it(plain: Translator, translator: Translator) -> None:
    inputs = {"text": np.array([*TEXTS, ""], object)}
    found = ModelBackend(translator, "ko-en").predict("translate", inputs)
    assert not found.keys() - ModelBackend(plain, "ko-en").predict("translate", inputs).keys() - {*CONFIDENCE_OUTPUTS}
    for i, best in enumerate(translator.translate(TEXTS)):
        number = len(best.word_confidences)
        assert found["confidence"][i] == pytest.approx(best.confidence)
        assert [word.decode() for word in found["words"][i, :number]] == [word for word, _ in best.word_confidences]
        assert not any(found["words"][i, number:]) and not found["word_confidences"][i, number:].any()
        drawn = _drawn(best)
        assert drawn["confidence"] == round(best.confidence or 0, 4)
        assert drawn["sure"] == record(best, SERVER_KEYS)["word_confidences"]
    assert found["confidence"][5] == 0 and not any(found["words"][5])


def test_without_words_there_is_none(translator: Translator, confidence: Confidence) -> None:
    (blank,) = translator.translate([""])
    assert with_confidence(blank, confidence) is blank


def test_how_reliable_it_is_is_gathered(translator: Translator) -> None:
    gathered = Confidences([], [], [], [])
    gather(gathered, translator.translate([*[ko for ko, _ in MANY], ""]), [*[en for _, en in MANY], ""])
    report = gathered.report()
    # The blank line has none. A third of the references have four words instead of three.
    assert report["translations"].number == len(MANY) and report["words"].number >= 3 * len(MANY) - 60
    assert report["translations"].error < 0.1 and report["words"].error < 0.1


def test_the_command_learns_it(place: Path, tmp_path: Path, plain: Translator) -> None:
    model = Path(shutil.copytree(place / "model", tmp_path / "model"))
    for name, side in (("ko", 0), ("en", 1)):
        (tmp_path / name).write_text("".join(f"{pair[side]}\n" for pair in MANY), encoding="utf-8")
    pairs = ["--source", tmp_path / "ko", "--reference", tmp_path / "en"]
    (model / CONFIDENCE).write_text("{")  # a damaged one is made anew
    result = nmt("evaluate", model, *pairs, "--calibrate", "--json")
    assert result.returncode == 0 and read(model), result.stderr.decode()
    assert set(json.loads(result.stdout)["confidence"]) == {"words", "translations"}
    refused(nmt("evaluate", model, *pairs, "--calibrate", "--beam", "3"), "no option of search or report")
    refused(nmt("evaluate", model, *pairs, "--calibrate", "--length-penalty", "0"), "no option of search or report")
