"""What a device gets translates as the translator does, with two packages alone, and refuses what is not as it was."""

import argparse
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from command_line import PAIRS
from exported import TEXTS, trained, with_shortlist
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.config import Config, with_settings
from nmt.data.corpora import read_lines
from nmt.data.tokenizers import train_tokenizers
from nmt.errors import InputError
from nmt.export import tflite_runtime
from nmt.export.tflite import convert, export
from nmt.inference.translator import Translator
from nmt.models.build import build_model

SEARCHES = {
    "greedy": {"max_length": 50},
    "beam": {"beam": 4, "n_best": 3, "length_penalty": 1.0, "no_repeat": 3, "max_length": 50},
}


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    return trained(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module", params=SEARCHES)
def both(request: pytest.FixtureRequest, translator: Translator, tmp_path_factory: pytest.TempPathFactory):
    """The export in a folder of its own, opened, and what the translator finds in the same way."""
    folder = tmp_path_factory.mktemp("device") / "toy"
    export(
        translator, to=folder, settings=translator.decoding(**SEARCHES[request.param]), quantize="none", card="# a card"
    )
    return (
        tflite_runtime.Translator(folder),
        lambda texts: translator.hypotheses(texts, **SEARCHES[request.param]),
        folder,
    )


def equal(found: list[list[tflite_runtime.Translation]], expected: list) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        assert [each.text for each in mine] == [each.text for each in theirs]
        for one, other in zip(mine, theirs, strict=True):
            assert (one.tokens, one.source_tokens) == (other.tokens, other.source_tokens)
            assert (one.truncated, one.unfinished) == (other.truncated, other.unfinished)
            assert one.score == pytest.approx(other.score, abs=1e-4)
            np.testing.assert_allclose(one.alignment, other.alignment, atol=1e-5)


def test_every_text_is_translated_as_by_the_translator(both) -> None:
    device, translated, _ = both
    equal(device.hypotheses(TEXTS), translated(TEXTS))
    equal([[each] for each in device.translate(TEXTS[:3])], [best[:1] for best in translated(TEXTS[:3])])
    assert device.translate([]) == []


def test_a_text_alone_is_as_in_a_batch(both) -> None:
    device, _, _ = both
    together = device.hypotheses(TEXTS)
    for text, best in zip(TEXTS, together, strict=True):
        equal(device.hypotheses([text]), [best])


def test_eight_threads_have_the_answers_of_one(both) -> None:
    device, translated = both[:2]
    texts = TEXTS[:9]
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(device.hypotheses, [texts] * 24):
            equal(found, translated(texts))


@settings(max_examples=20, deadline=None)
@given(texts=st.lists(st.text(max_size=20), max_size=4))
def test_any_text(both, texts: list[str]) -> None:
    device, translated, _ = both
    equal(device.hypotheses(texts), translated(texts))


OTHERS = {
    "transformer": ["model.architecture=transformer", "model.heads=2", "model.feed_forward=16"],
    "two layers, fed": [
        *("model.cell=lstm", "model.attention=general", "model.context=feed", "model.encoder_layers=2"),
        *("model.decoder_layers=2", "model.layer_norm=true", "model.residual=true"),
    ],
    "cosine, output": ["model.attention=cosine", "model.context=output", "model.cell=rnn"],
    "a fixed vector": ["model.attention=none", "text.joint=false"],
}


@pytest.mark.parametrize("kind", OTHERS)
def test_every_network_converts(kind: str, tmp_path: Path) -> None:
    config = with_settings(
        Config(), ["text.kind=bpe", "model.units=16", "model.embedding=16", "decoding.max_length=20", *OTHERS[kind]]
    )
    tokenizers = train_tokenizers(PAIRS, "bpe", 60, joint=config.text.joint)
    keras.utils.set_random_seed(1)
    model = build_model(config, tokenizers.source.vocabulary, tokenizers.target.vocabulary)
    translator = Translator(model, tokenizers, config)
    export(translator, tmp_path / "toy", translator.decoding(beam=2))
    assert not (tmp_path / "toy" / "card.md").exists()
    found, expected = (
        tflite_runtime.Translator(tmp_path / "toy").translate(TEXTS[:5]),
        translator.translate(TEXTS[:5], beam=2),
    )
    for one, other in zip(found, expected, strict=True):
        assert (one.text, one.tokens) == (other.text, other.tokens)
        assert one.score == pytest.approx(other.score, abs=1e-4)
        assert (one.alignment is None) == (other.alignment is None) == (kind == "a fixed vector")


@pytest.fixture(scope="module")
def whole_size(translator: Translator) -> int:
    return len(convert(translator, translator.decoding(), "none"))


@pytest.mark.parametrize(("quantize", "most"), [("float16", 0.85), ("int8", 0.7)])
def test_smaller_weights_say_much_the_same(
    translator: Translator, whole_size: int, tmp_path: Path, quantize: str, most: float
) -> None:
    export(translator, to=tmp_path / "toy", settings=translator.decoding(), quantize=quantize, card="")
    # The operations, which stay as they are, are much of so small a model.
    assert (tmp_path / "toy" / "model.tflite").stat().st_size < most * whole_size
    texts = [ko for ko, _ in PAIRS]
    found, expected = tflite_runtime.Translator(tmp_path / "toy").translate(texts), translator.translate(texts)
    same = [one.text == other.text for one, other in zip(found, expected, strict=True)]
    assert np.mean(same) >= 0.9


# With two packages alone


def requirements(name: str) -> set[str]:
    """The distributions that `pip install` of one brings along."""
    found = {name}
    for line in importlib.metadata.requires(name) or []:
        needed, _, marker = line.partition(";")
        if "extra" not in marker:
            with_it = re.match(r"[\w.-]+", needed)
            assert with_it
            found |= requirements(with_it[0])
    return found


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for imports that holds ai-edge-litert, sentencepiece, what they need, and nothing else."""
    place = tmp_path_factory.mktemp("bare")
    for name in requirements("ai-edge-litert") | requirements("sentencepiece"):
        for file in importlib.metadata.files(name) or []:
            if not file.parts[0].startswith("..") and not (place / file.parts[0]).exists():
                os.symlink(
                    str(file.locate()).removesuffix(str(Path(*file.parts[1:]))).rstrip("/"), place / file.parts[0]
                )
    assert not (place / "tensorflow").exists() and not (place / "keras").exists()
    return place


def alone(bare: Path, program: str, *arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-S", "-E", "-c", f"import sys; sys.path.insert(0, {str(bare)!r})\n{program}"]
    return subprocess.run([*command, *map(str, arguments)], input=stdin, capture_output=True, timeout=120, cwd="/")


RUN = "import runpy; script = sys.argv.pop(1); sys.argv[0] = script; runpy.run_path(script, run_name='__main__')"


def test_the_program_translates_lines_with_two_packages_alone(both, bare: Path) -> None:
    _, translated, folder = both
    texts = [text for text in TEXTS if "\u2028" not in text]
    lines = "".join(f"{text}\n" for text in texts).encode()
    expected = [best[0] for best in translated(texts)]
    result = alone(bare, RUN, folder / "translate.py", stdin=lines)
    assert result.returncode == 0, result.stderr.decode()
    assert result.stdout.decode().split("\n")[:-1] == [each.text for each in expected]
    result = alone(bare, RUN, folder / "translate.py", "--json", stdin=lines)
    records = [json.loads(line) for line in result.stdout.decode().splitlines()]
    assert [record["tokens"] for record in records] == [list(each.tokens) for each in expected]
    np.testing.assert_allclose(records[0]["alignment"], expected[0].alignment, atol=1e-3)


def test_it_is_imported_with_two_packages_alone(both, bare: Path) -> None:
    _, translated, folder = both
    program = (
        f"sys.path.insert(0, {str(folder)!r})\nfrom translate import Translator\n"
        f"found = Translator({str(folder)!r}).translate([{TEXTS[0]!r}])[0]\n"
        "assert not {'tensorflow', 'keras', 'nmt'} & set(sys.modules)\n"
        "sys.stdout.buffer.write(found.text.encode()); print(found.alignment.shape)"
    )
    result = alone(bare, program)
    ((best, *_),) = translated(TEXTS[:1])
    assert result.stdout.decode() == f"{best.text}{best.alignment.shape}\n", result.stderr.decode()


# What is not as it was


def damaged(folder: Path, place: Path, name: str, content: bytes | None) -> Path:
    shutil.copytree(folder, place)
    if content is None:
        (place / name).unlink()
    else:
        (place / name).write_bytes(content)
    return place


@pytest.mark.parametrize("name", ["model.tflite", "joint.spm.model", "edge.json"])
@pytest.mark.parametrize("how", ["missing", "empty", "cut short", "foreign"])
def test_a_damaged_folder_is_an_error_and_no_crash(both, bare: Path, tmp_path: Path, name: str, how: str) -> None:
    folder = both[2]
    whole = (folder / name).read_bytes()
    content = {"missing": None, "empty": b"", "cut short": whole[: len(whole) // 2], "foreign": b"TFL3" * 999}[how]
    place = damaged(folder, tmp_path / "toy", name, content)
    with pytest.raises(ValueError, match=name):
        tflite_runtime.Translator(place)


def test_the_program_says_so_in_one_sentence(both, bare: Path, tmp_path: Path) -> None:
    place = damaged(both[2], tmp_path / "toy", "model.tflite", b"TFL3")
    result = alone(bare, RUN, place / "translate.py", stdin=b"a\n")
    assert result.returncode == 2 and result.stdout == b""
    assert b"was cut short" in result.stderr and b"Traceback" not in result.stderr


def test_a_list_that_points_elsewhere_reads_nothing_there(both, tmp_path: Path) -> None:
    contents = json.loads((both[2] / "edge.json").read_text())
    contents["files"]["../secret"] = "0" * 64
    del contents["digest"]  # as an export of an earlier version
    (tmp_path / "secret").write_text("mine")
    place = damaged(both[2], tmp_path / "toy", "edge.json", json.dumps(contents).encode())
    with pytest.raises(ValueError, match="toy/secret cannot be read"):
        tflite_runtime.Translator(place)


def test_a_newer_format_is_refused(both, tmp_path: Path) -> None:
    contents = json.loads((both[2] / "edge.json").read_text())
    place = damaged(both[2], tmp_path / "toy", "edge.json", json.dumps({**contents, "format": 2}).encode())
    with pytest.raises(ValueError, match="export the model again"):
        tflite_runtime.Translator(place)


def test_one_string_is_not_a_list(both) -> None:
    with pytest.raises(TypeError, match="list of sentences"):
        both[0].translate("나는")


def test_a_shortlist_is_refused(translator: Translator, tmp_path: Path) -> None:
    listed = with_shortlist(translator)
    with pytest.raises(InputError, match=r"searches the whole vocabulary: set decoding\.shortlist=false"):
        export(listed, tmp_path / "device", listed.decoding(shortlist=True))
    assert not (tmp_path / "device").exists()


def test_a_folder_that_holds_something_is_left_alone(translator: Translator, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"is not empty\. Name a new folder\.$"):
        export(translator, to=tmp_path, settings=translator.decoding(), quantize="none", card="")
    assert [place.name for place in tmp_path.iterdir()] == ["thesis.txt"]


# What it reads


@pytest.mark.parametrize(("as_json", "cut"), [(True, ["line 1: its translation has no end"]), (False, [])])
def test_the_program_names_the_cuts_of_all_that_it_writes(
    as_json: bool, cut: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def found(text: str, unfinished: bool = False) -> tflite_runtime.Translation:
        return tflite_runtime.Translation(text, -1.0, (), (), None, unfinished=unfinished)

    answers = {"a": [found("A"), found("A A", unfinished=True)], "\ufffd": [found("")]}
    fake = SimpleNamespace(hypotheses=lambda texts: [answers[text] for text in texts], max_length=7)
    monkeypatch.setattr(tflite_runtime, "Translator", lambda folder, threads: fake)
    (tmp_path / "lines").write_text("a\n\ufffd\n", encoding="utf-8")
    tflite_runtime._translate_lines(
        argparse.Namespace(file=tmp_path / "lines", folder=tmp_path, threads=1, json=as_json)
    )
    said = capsys.readouterr().err.splitlines()
    assert [line.removeprefix("translate: ").split(",")[0] for line in said] == [*cut, "line 2 is not blank"]


@pytest.mark.parametrize(
    "raw",
    [b"\xef\xbb\xbfone\r\ntwo\n", b"one\ntwo", b"\xef\xbb\xbfone\n\xef\xbb\xbftwo"],
    ids=["mark", "no end", "mark inside"],
)
def test_the_program_reads_lines_as_the_commands_do(raw: bytes, tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(raw)
    assert list(tflite_runtime._lines(str(file))) == list(read_lines(file))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_the_program_names_another_encoding(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes("one\ntwo\n".encode(encoding))
    with pytest.raises(ValueError, match="is in UTF-16 or UTF-32"):
        next(tflite_runtime._lines(str(file)))


def test_the_program_names_line_ends_of_old_macs_and_takes_odd_beginnings(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"one\r" * 22)
    with pytest.raises(ValueError, match="end in a carriage return alone"):
        next(tflite_runtime._lines(str(file)))
    for start in (b"", b"\0\0\0\0\n", b"a\0b\n", b"one\rtwo\n"):
        file.write_bytes(start + b"\n")
        assert next(tflite_runtime._lines(str(file))) == start.rstrip(b"\n").decode()
