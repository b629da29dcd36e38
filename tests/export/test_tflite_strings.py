"""A TFLite model that takes strings translates as the translator does, and what it cannot take is refused."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from command_line import PAIRS
from exported import TEXTS, trained
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nmt.config import Config, with_settings
from nmt.data.tokenizers import BOS, PAD, UNK, Tokenizers, train_tokenizers
from nmt.errors import InputError
from nmt.export import tflite, tflite_runtime
from nmt.export.tflite_strings import check_equal, detokenize_function, export
from nmt.inference.translator import Translator
from nmt.models.build import build_model
from nmt.signatures import ON_DEVICE

SEARCHES = {"greedy": {"max_length": 50}, "beam": {"beam": 4, "length_penalty": 1.0, "max_length": 50}}
GREEDY = pytest.mark.parametrize("both", ["greedy"], indirect=True)
SPACES = [chr(i) for i in range(0x10000) if chr(i).isspace()]


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    return trained(tmp_path_factory.mktemp("trained"), "unigram")


@pytest.fixture(scope="module", params=SEARCHES)
def both(request: pytest.FixtureRequest, translator: Translator, tmp_path_factory: pytest.TempPathFactory):
    """The export, opened, what the translator finds in the same way, and the export's folder."""
    folder = tmp_path_factory.mktemp("device") / "toy"
    export(
        translator, to=folder, settings=translator.decoding(**SEARCHES[request.param]), quantize="none", card="# a card"
    )
    return (
        tflite_runtime.Translator(folder),
        lambda texts: translator.translate(texts, **SEARCHES[request.param]),
        folder,
    )


def equal(found: list[tflite_runtime.Translation], expected: list) -> None:
    for one, other in zip(found, expected, strict=True):
        assert (one.text, one.tokens, one.source_tokens) == (other.text, other.tokens, other.source_tokens)
        assert (one.truncated, one.unfinished) == (other.truncated, other.unfinished)
        assert one.score == pytest.approx(other.score, abs=1e-4)
        np.testing.assert_allclose(one.alignment, other.alignment, atol=1e-5)


def test_every_text_is_translated_as_by_the_translator(both) -> None:
    device, translated, _ = both
    texts = [
        *TEXTS,
        *(ko for ko, _ in PAIRS),
        "ﬀ ① ｱﾊﾟ 나는",
        "😀👍🏽",
        "\x00",
        "a\x00",
        "\ud800 나는",
        "▁ 나는",
        *SPACES,
    ]
    found = device.translate(texts)
    equal(found, translated(texts))
    assert found[TEXTS.index("나는 " * 99)].truncated
    assert device.translate([]) == []


def test_eight_threads_have_the_answers_of_one(both) -> None:
    device, translated = both[:2]
    texts = TEXTS[:9]
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(device.translate, [texts] * 24):
            equal(found, translated(texts))


@settings(max_examples=20, deadline=None)
@given(texts=st.lists(st.text(max_size=20), max_size=3))
@example(texts=["\ufeff나는\u00ad", "<s> </s>"])
def test_any_text(both, texts: list[str]) -> None:
    device, translated, _ = both
    equal(device.translate(texts), translated(texts))


@GREEDY
def test_it_answers_as_it_says(both) -> None:
    device, _, folder = both
    assert sorted(path.name for path in folder.iterdir()) == ["card.md", "edge.json", "model.tflite", "translate.py"]
    search = device._model._interpreter.get_signature_runner("translate")
    details = {"inputs": search.get_input_details(), "outputs": search.get_output_details()}
    for side, parts in details.items():
        assert set(parts) == set(getattr(ON_DEVICE, side))
        for name, part in getattr(ON_DEVICE, side).items():
            sizes = parts[name]["shape_signature"].tolist()
            assert [size if fixed else None for size, fixed in zip(sizes, part.shape, strict=True)] == list(part.shape)
            assert tf.as_dtype(parts[name]["dtype"]) == part.dtype
    # "" and "나는" as a program of one's own gives and gets them.
    blank, one = (search(text=np.array([text.encode()], object)) for text in ("", "나는"))
    assert (blank["translation"].tolist(), blank["score"].tolist()) == ([b""], [0.0])
    assert (blank["source_tokens"].tolist(), blank["target_tokens"].tolist()) == ([[b"</s>"]], [[b""]])
    assert blank["alignment"].shape == (1, 1, 1) and not blank["alignment"].any()
    assert one["target_tokens"][0, -1] == b"" and not one["alignment"][0, -1].any()
    np.testing.assert_allclose(one["alignment"][0, :-1].sum(-1), 1, atol=1e-5)


def test_a_model_without_attention_has_no_alignment(tmp_path: Path) -> None:
    config = with_settings(Config(), ["model.units=16", "model.embedding=16", "model.attention=none"])
    config = with_settings(config, ["text.joint=false", "decoding.max_length=7"])
    tokenizers = train_tokenizers(PAIRS, joint=False)
    keras.utils.set_random_seed(1)
    translator = Translator(
        build_model(config, tokenizers.source.vocabulary, tokenizers.target.vocabulary), tokenizers, config
    )
    export(translator, to=tmp_path / "toy", settings=translator.decoding(), quantize="none", card="")
    found, expected = tflite_runtime.Translator(tmp_path / "toy").translate(TEXTS), translator.translate(TEXTS)
    for one, other in zip(found, expected, strict=True):
        assert (one.text, one.tokens, one.truncated) == (other.text, other.tokens, other.truncated)
        assert one.score == pytest.approx(other.score, abs=1e-4)
        assert one.alignment is None


@GREEDY
@pytest.mark.parametrize(("quantize", "most"), [("float16", 0.92), ("int8", 0.9)])
def test_smaller_weights_say_what_they_say_to_ids(
    both, translator: Translator, tmp_path: Path, quantize: tflite.Quantize, most: float
) -> None:
    how = translator.decoding(max_length=50)
    export(translator, to=tmp_path / "strings", settings=how, quantize=quantize, card="")
    tflite.export(translator, to=tmp_path / "ids", settings=how, quantize=quantize, card="")
    # The tokenizers, which stay as they are, are much of so small a model.
    whole = (both[2] / "model.tflite").stat().st_size
    assert (tmp_path / "strings" / "model.tflite").stat().st_size < most * whole
    one, other = (tflite_runtime.Translator(tmp_path / name) for name in ("strings", "ids"))
    equal(one.translate(TEXTS), [other.translate([text])[0] for text in TEXTS])


# The tokenizers


def test_whatever_is_written_is_spelt_as_by_sentencepiece(translator: Translator) -> None:
    tokenizer = translator.tokenizers.target
    spell = tf.function(detokenize_function(tokenizer), [tf.TensorSpec([None], tf.int32)])
    space = tokenizer.pieces(range(tokenizer.vocabulary)).index("▁")
    few = [UNK, space, *range(BOS + 2, BOS + 5)]
    # All that four of five pieces can be in a row: what is special at a beginning is among them.
    rows = [[], *([a, b, c, d] for a in few for b in few for c in few for d in few)]
    expected = tokenizer.decode(tf.ragged.constant(rows, tf.int32, row_splits_dtype=tf.int64)).numpy().tolist()
    assert [spell(tf.constant(row, tf.int32)).numpy()[0] for row in rows] == expected
    assert spell(tf.constant([PAD, PAD])).numpy() == [b""]


def test_a_tokenizer_that_is_another_inside_is_refused(translator: Translator, tmp_path: Path) -> None:
    # The config may say unigram while the file beside it is of another kind.
    with pytest.raises(InputError, match="Leave --strings out"):
        check_equal(train_tokenizers(PAIRS, "bpe", 80))
    exchanged = Translator(translator.model, train_tokenizers(PAIRS, "bpe", 80), translator.config)
    with pytest.raises(InputError, match="TFLite's tokenizer cuts"):
        export(exchanged, to=tmp_path / "toy", settings=translator.decoding(), quantize="none", card="")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["bpe", "word", "char"])
def test_no_other_kind_takes_strings(translator: Translator, tmp_path: Path, kind: str) -> None:
    config = with_settings(translator.config, [f"text.kind={kind}"])
    other = Translator(translator.model, translator.tokenizers, config)
    with pytest.raises(InputError, match=f"text.kind = '{kind}'"):
        export(other, to=tmp_path / "toy", settings=translator.decoding(), quantize="none", card="")
    assert not list(tmp_path.iterdir())


def test_several_translations_and_draws_are_refused(translator: Translator, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"decoding.n_best must be 1, not 2"):
        export(
            translator, to=tmp_path / "toy", settings=translator.decoding(beam=2, n_best=2), quantize="none", card=""
        )
    with pytest.raises(InputError, match=r"decoding.sample cannot be true"):
        export(translator, to=tmp_path / "toy", settings=translator.decoding(sample=True), quantize="none", card="")
    assert not list(tmp_path.iterdir())


def test_the_tokenizers_of_both_sides_are_tried(translator: Translator) -> None:
    good, bad = translator.tokenizers.source, train_tokenizers(PAIRS, "bpe", 80).source
    with pytest.raises(InputError, match="cuts"):
        check_equal(Tokenizers(bad, good))
    check_equal(Tokenizers(good, good))


# The program, with tensorflow-text alone


def packages(name: str) -> set[str]:
    """The distributions that `pip install` of one brings along."""
    needed = [line.partition(";") for line in importlib.metadata.requires(name) or []]
    names = [re.match(r"[\w.-]+", line) for line, _, marker in needed if "extra" not in marker]
    return {name}.union(*(packages(each[0]) for each in names if each))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for imports that holds what `pip install tensorflow-text` brings, and nothing else."""
    place = tmp_path_factory.mktemp("bare")
    for name in packages("tensorflow-text"):
        for file in importlib.metadata.files(name) or []:
            if not file.parts[0].startswith("..") and not (place / file.parts[0]).exists():
                root = Path(str(file.locate())).parents[len(file.parts) - 1]
                os.symlink(root / file.parts[0], place / file.parts[0])
    assert not any((place / name).exists() for name in ("sentencepiece", "ai_edge_litert", "nmt"))
    return place


RUN = "import runpy; script = sys.argv.pop(1); sys.argv[0] = script; runpy.run_path(script, run_name='__main__')"


def alone(places: list[Path], *arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = f"import sys; sys.path[:0] = {[str(place) for place in places]!r}\n{RUN}"
    command = [sys.executable, "-S", "-E", "-c", program, *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=240, cwd="/")


@GREEDY
def test_the_program_translates_lines_with_tensorflow_text_alone(both, bare: Path) -> None:
    _, translated, folder = both
    texts = [text for text in TEXTS if not any(unicodedata.category(c) == "Zl" for c in text)]
    lines = "".join(f"{text}\n" for text in texts).encode()
    result = alone([bare], folder / "translate.py", stdin=lines)
    assert result.returncode == 0, result.stderr.decode()
    assert result.stdout.decode().split("\n")[:-1] == [each.text for each in translated(texts)]
    assert f"line {texts.index('나는 ' * 99) + 1}: only 50 pieces" in result.stderr.decode()
    assert "deprecated" not in result.stderr.decode()


@GREEDY
def test_without_tensorflow_text_it_says_what_to_install(both, bare: Path, tmp_path: Path) -> None:
    for name in os.listdir(bare):
        if name.startswith("numpy"):
            os.symlink(bare / name, tmp_path / name)
    result = alone([tmp_path], both[2] / "translate.py", stdin="나는\n".encode())
    assert result.returncode == 2 and result.stdout == b""
    assert b"pip install tensorflow-text" in result.stderr and b"Traceback" not in result.stderr


@GREEDY
@pytest.mark.parametrize("name", ["model.tflite", "edge.json"])
@pytest.mark.parametrize("how", ["missing", "empty", "cut short", "foreign"])
def test_a_damaged_folder_is_an_error_and_no_crash(both, tmp_path: Path, name: str, how: str) -> None:
    place = tmp_path / "toy"
    shutil.copytree(both[2], place)
    whole = (place / name).read_bytes()
    content = {"empty": b"", "cut short": whole[: len(whole) // 2], "foreign": b"TFL3" * 999}.get(how)
    (place / name).unlink()
    if content is not None:
        (place / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        tflite_runtime.Translator(place)


@GREEDY
def test_an_export_of_ids_needs_its_tokenizers_named(both, tmp_path: Path) -> None:
    contents = json.loads((both[2] / "edge.json").read_text())
    contents = {**contents, "takes": "ids"}
    contents["digest"] = tflite_runtime.description_checksum(
        {key: contents[key] for key in contents if key != "digest"}
    )
    (tmp_path / "edge.json").write_text(json.dumps(contents))
    with pytest.raises(ValueError, match="export the model again"):
        tflite_runtime.Translator(tmp_path)
