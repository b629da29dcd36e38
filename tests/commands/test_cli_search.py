"""Search, scores, alignments and pictures through the commands: real files, real exit codes, real standard error."""

import contextlib
import json
import math
import os
import pty
import shlex
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from command_line import PAIRS, TINY, hear_ctrl_c, nmt, refused
from lessons import Bench
from servers import TWELVE, tiny_model

from nmt.config import Config, with_settings
from nmt.data.tokenizers import train_tokenizers
from nmt.folder_lock import folder_lock
from nmt.inference.translator import Translator
from nmt.models.build import build_model


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files, a model that has learned a little, and one with other weights."""
    folder = tmp_path_factory.mktemp("search")
    (folder / "ko").write_text("".join(f"{ko}\n" for ko, _ in PAIRS), encoding="utf-8")
    (folder / "en").write_text("".join(f"{en}\n" for _, en in PAIRS), encoding="utf-8")
    # who what verb: I ate rice. The verb is second in English.
    (folder / "links").write_text("0-0 2-1 1-2\n" * len(PAIRS))
    tiny_model(folder / "model", *TWELVE)
    shutil.copytree(folder / "model", folder / "other")
    with h5py.File(folder / "other" / "model.weights.h5", "r+") as weights:
        weights.visititems(lambda _, part: disturb(part) if isinstance(part, h5py.Dataset) else None)
    (folder / "other" / "checksums.json").unlink()  # as the message for changed files says
    return folder


def disturb(part: h5py.Dataset) -> None:
    """Make of the weights of one model those of another that has learned much the same."""
    part[...] += np.random.default_rng(part.size).normal(scale=0.05, size=part.shape)


@pytest.fixture(scope="module")
def untrained(place: Path) -> dict[str, Path]:
    """Models for what is refused before any work: one with another vocabulary and one without attention."""
    rest = [*TINY[:8], *TINY[10:]]
    made = {}
    for name, settings in (
        ("small", [*TINY, "text.vocabulary_size=70"]),
        ("unaligned", [*rest, "model.attention=none"]),
    ):
        config = with_settings(Config(), [setting for setting in settings if setting != "--set"])
        tokenizers = train_tokenizers(PAIRS, config.text.kind, config.text.vocabulary_size)
        model = build_model(config, tokenizers.source.vocabulary, tokenizers.target.vocabulary)
        made[name] = place / name
        Translator(model, tokenizers, config).save(made[name])
    return made


LINES = "나는 밥을 먹었다\n\n우리는 빵을 샀다\n그들은 고기를 보았다\n".encode()


@pytest.fixture(scope="module")
def likeliest(place: Path) -> bytes:
    """What is written of LINES without any option."""
    result = nmt("translate", place / "model", stdin=LINES)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def test_a_beam_of_one_is_greedy_and_a_wider_one_is_no_less_likely(place: Path) -> None:
    found = {}
    for name, options in (("greedy", ()), ("one", ("--beam", 1)), ("five", ("--beam", 5))):
        result = nmt("translate", place / "model", "--format", "jsonl", *options, stdin=LINES)
        assert result.returncode == 0, result.stderr.decode()
        found[name] = [json.loads(line) for line in result.stdout.decode().splitlines()]
    assert found["greedy"] == found["one"]
    assert [line["text"] for line in found["greedy"]][1] == ""
    for narrow, wide in zip(found["greedy"], found["five"], strict=True):
        assert wide["score"] >= narrow["score"] - 1e-3


def test_a_record_holds_score_tokens_and_alignment(place: Path) -> None:
    options = ("--format", "jsonl", "--beam", 4, "--n-best", 3, "--length-penalty", 1)
    result = nmt("translate", place / "model", *options, stdin=LINES)
    first = json.loads(result.stdout.decode().splitlines()[0])
    assert len(first["n_best"]) == 3 and {**first["n_best"][0], "n_best": first["n_best"]} == first
    assert [each["rank"] for each in first["n_best"]] == sorted((e["rank"] for e in first["n_best"]), reverse=True)
    for each in first["n_best"]:
        assert sum(each["token_scores"]) == pytest.approx(each["score"], abs=1e-3)
        assert len(each["alignment"]) == len(each["tokens"])
        assert all(sum(row) == pytest.approx(1, abs=1e-2) for row in each["alignment"])


def test_the_best_of_several_are_lines_with_their_number(place: Path) -> None:
    result = nmt("translate", place / "model", "--beam", 4, "--n-best", 2, stdin=LINES)
    rows = [line.split("\t") for line in result.stdout.decode().splitlines()]
    assert [row[0] for row in rows] == ["1", "1", "2", "3", "3", "4", "4"]
    assert rows[2][2] == ""
    assert float(rows[0][1]) >= float(rows[1][1])


def test_samples_repeat_with_a_seed_and_differ_with_another(place: Path, likeliest: bytes) -> None:
    options = ("--sample", "--temperature", 3, "--format", "text")
    same, again, other = (
        nmt("translate", place / "model", *options, "--seed", seed, stdin=LINES * 5).stdout for seed in (1, 1, 2)
    )
    assert same == again != other
    # The same sentence on another line has draws of its own.
    lines = same.decode().splitlines()
    assert len({lines[i] for i in range(0, 20, 4)}) > 1
    assert nmt("translate", place / "model", "--sample", "--top-k", 1, stdin=LINES).stdout == likeliest


def test_a_prefix_begins_every_translation_but_that_of_nothing(place: Path) -> None:
    for options in ((), ("--beam", 3), ("--sample",)):
        result = nmt("translate", place / "model", "--prefix", "they saw", *options, stdin=LINES)
        assert result.returncode == 0, result.stderr.decode()
        lines = result.stdout.decode().split("\n")[:-1]
        assert [line.startswith("they saw") for line in lines] == [True, False, True, True]


def test_models_that_write_together(place: Path) -> None:
    def scores(*arguments: object) -> list[float]:
        result = nmt("score", *arguments, "--source", place / "ko", "--target", place / "en", "--tokens")
        assert result.returncode == 0, result.stderr.decode()
        pieces = (piece for line in result.stdout.decode().splitlines() for piece in line.split("\t")[2].split(" "))
        return [float(piece.rpartition(":")[2]) for piece in pieces]

    model, other = place / "model", place / "other"
    alone, strange, together = scores(model), scores(other), scores(model, "--ensemble", other)
    assert alone != pytest.approx(strange, abs=1e-2)
    mean = [math.log((math.exp(one) + math.exp(two)) / 2) for one, two in zip(alone, strange, strict=True)]
    assert together == pytest.approx(mean, abs=1e-3)
    lines = nmt("translate", model, "--ensemble", other, "--beam", 3, stdin=LINES)
    assert lines.returncode == 0 and lines.stdout.count(b"\n") == 4


def test_the_score_of_a_translation_is_that_of_the_search(place: Path, tmp_path: Path) -> None:
    result = nmt("translate", place / "model", place / "ko", "--beam", 3, "--format", "jsonl")
    found = [json.loads(line) for line in result.stdout.decode().splitlines()]
    (tmp_path / "out").write_text("".join(f"{line['text']}\n" for line in found), encoding="utf-8")
    files = ("--source", place / "ko", "--target", tmp_path / "out")
    scored = nmt("score", place / "model", *files, "--tokens")
    assert scored.returncode == 0, scored.stderr.decode()
    assert "perplexity" in scored.stderr.decode()
    rows = [line.split("\t") for line in scored.stdout.decode().splitlines()]
    agreed = 0
    for row, line in zip(rows, found, strict=True):
        pieces = [piece.rpartition(":") for piece in row[2].split(" ")]
        assert float(row[1]) == pytest.approx(2.718281828 ** (-float(row[0]) / len(pieces)), rel=1e-3)
        if [name for name, _, _ in pieces[:-1]] == line["tokens"]:  # a text can be cut into pieces in several ways
            agreed += 1
            assert float(row[0]) == pytest.approx(line["score"], abs=2e-4)
            assert [float(score) for _, _, score in pieces] == pytest.approx(line["token_scores"], abs=2e-4)
    assert agreed > len(found) / 2


def test_links_are_written_and_scored(place: Path) -> None:
    files = ("--source", place / "ko", "--target", place / "en")
    result = nmt("align", place / "model", *files, "--gold", place / "links")
    assert result.returncode == 0, result.stderr.decode()
    assert "AER 0." in result.stderr.decode() and "sure 144" in result.stderr.decode()
    lines = result.stdout.decode().splitlines()
    assert len(lines) == len(PAIRS)
    for line in lines:
        links = [tuple(map(int, link.split("-"))) for link in line.split()]
        assert all(i < 3 and j < 3 for i, j in links) and len({j for _, j in links}) == len(links)
    soft = nmt("align", place / "model", *files, "--format", "jsonl").stdout.decode().splitlines()
    first = json.loads(soft[0])
    assert first["source"] == PAIRS[0][0].split() and first["target"] == PAIRS[0][1].split()
    assert len(first["weights"]) == len(first["target"])


def test_a_shortlist_is_made_and_used(place: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(place / "model", tmp_path / "model"))
    made = nmt("shortlist", model, "--source", place / "ko", "--target", place / "en", "--best", "4", "--frequent", "9")
    assert made.returncode == 0, made.stderr.decode()
    assert "9 frequent target pieces" in made.stderr.decode()
    with np.load(model / "shortlist.npz") as arrays:
        listed = {0, 3, *arrays["frequent"].tolist(), *arrays["candidates"].flat}
        assert arrays["candidates"].shape == (80, 5)
    found = nmt("translate", model, "--format", "jsonl", "--set", "decoding.shortlist=true", stdin=LINES)
    plain = nmt("translate", model, "--format", "jsonl", stdin=LINES)
    assert found.returncode == 0, found.stderr.decode()
    assert found.stdout != plain.stdout
    opened = Translator.load(model)
    names = set(opened.tokenizers.target.pieces(sorted(listed)))
    assert all(set(json.loads(line)["tokens"]) <= names for line in found.stdout.splitlines())


def test_a_damaged_shortlist_is_made_again_while_no_other_command_is_at_work(place: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(place / "model", tmp_path / "model"))
    (model / "shortlist.npz").write_bytes(b"damaged")
    again = ["shortlist", model, "--source", place / "ko", "--target", place / "en"]
    with folder_lock(model, "nmt align --teach"):
        refused(nmt(*again), "Another nmt shortlist is at work in")
    assert (model / "shortlist.npz").read_bytes() == b"damaged"
    made = nmt(*again)
    assert made.returncode == 0, made.stderr.decode()
    assert "up to 80 more" in made.stderr.decode()  # the default is 100, and there are no more target pieces
    assert Translator.load(model).shortlist


def test_a_command_that_is_advised_can_be_typed_as_it_stands(place: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(place / "model", tmp_path / "it's my model"))
    result = nmt("translate", model, "--set", "decoding.shortlist=true", stdin=LINES)
    refused(result, "Make it from sentence pairs")
    advised = result.stderr.decode().split("sentence pairs: ")[1].rstrip(".\n")
    assert shlex.split(advised) == ["nmt", "shortlist", str(model), "--pairs", "FILE"]


def test_pictures_are_drawn(place: Path, tmp_path: Path) -> None:
    sentence = "나는 밥을 먹었다"
    for name in ("a.png", "a.svg", "a.html"):
        result = nmt("plot", place / "model", sentence, "--to", tmp_path / name, "--beam", 3)
        assert result.returncode == 0, result.stderr.decode()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    xml.etree.ElementTree.parse(tmp_path / "a.svg")
    assert "먹었다" in (tmp_path / "a.html").read_text(encoding="utf-8")
    shown = nmt("plot", place / "model", sentence, "--target", "I ate rice")
    assert "먹었다" in shown.stdout.decode() and "I ate rice" in shown.stdout.decode()
    curves = nmt("plot", place / "model", "--history", "--to", tmp_path / "h.png")
    assert curves.returncode == 0 and (tmp_path / "h.png").exists(), curves.stderr.decode()
    table = nmt("plot", place / "model", "--history").stdout.decode()
    assert "val_bleu" in table and table.count("\n") == 13


def test_scores_by_length_with_a_picture_and_a_table_to_read(place: Path, tmp_path: Path) -> None:
    files = ("--source", place / "ko", "--reference", place / "en")
    picture, rows = tmp_path / "lengths.svg", tmp_path / "read.tsv"
    result = nmt("evaluate", place / "model", *files, "--beam", 3, "--by-length", "--plot", picture, "--tsv", rows)
    assert result.returncode == 0, result.stderr.decode()
    assert "BLEU" in result.stdout.decode() and "48" in result.stdout.decode()
    xml.etree.ElementTree.parse(picture)
    lines = rows.read_text(encoding="utf-8").splitlines()
    assert [tuple(line.split("\t")[:2]) for line in lines] == PAIRS
    machine = json.loads(nmt("evaluate", place / "model", *files, "--by-length", "--json").stdout)
    assert sum(each["sentences"] for each in machine["by_length"]) == len(PAIRS)


REFUSED = {
    "a beam of nothing": ("translate M --beam 0", "decoding.beam must be between 1"),
    "a beam larger than the vocabulary": ("translate M --beam 500", "larger than the vocabulary"),
    "more than the beam holds": ("translate M --beam 2 --n-best 3", "more than decoding.beam = 2"),
    "a penalty without a beam": ("translate M --length-penalty 1", "would do nothing"),
    "pruning without a beam": ("translate M --set decoding.prune=2", "would do nothing"),
    "patience for fewer than are wanted": (
        "translate M --beam 4 --n-best 4 --set decoding.patience=0.5",
        "ends the search before decoding.n_best",
    ),
    "a beam of samples": ("translate M --beam 3 --sample", "decoding.beam = 3 would do nothing with decoding.sample"),
    "a temperature without samples": ("translate M --temperature 2", "would do nothing"),
    "a setting of training": ("translate M --set model.units=3", "fixed by training"),
    "an unknown setting": ("translate M --set decoding.beams=3", "'decoding.beam'"),
    "a prefix without end": ("translate M --prefix " + "rice" * 300, "at most 200"),
    "an ensemble of other vocabularies": ("translate M --ensemble SMALL", "another vocabulary"),
    "an ensemble of nothing": ("translate M --ensemble nowhere", "no model folder"),
    "files of other lengths": ("score M --source KO --target SHORT", "has no partner"),
    "links that are none": ("align M --source KO --target EN --gold SHORT", "is not a link"),
    "too few links": ("align M --source KO --target EN --gold FEW", "has 2 lines"),
    "links past the end": ("align M --source KO --target EN --gold PAST", "line 2: the link 0-7"),
    "alignments of a model without attention": ("align B --source KO --target EN", "no alignments"),
    "a picture of a model without attention": ("plot B 나는", "no alignments"),
    "coverage without attention": (
        "translate B --beam 3 --set decoding.coverage_penalty=1",
        "attends to no source",
    ),
    "a shortlist that was not made": ("translate M --set decoding.shortlist=true", "nmt shortlist"),
    "a shortlist of no pairs": ("shortlist M", "Name the pairs in one way"),
    "a shortlist of pairs twice": ("shortlist M --source KO --target EN --pairs DATA", "Name the pairs in one way"),
    "a shortlist without attention": ("shortlist B --pairs DATA", "model.attention is 'none'"),
    "a picture nowhere": ("plot M 나는 --to /nowhere/a.png", "there is no folder /nowhere"),
    "a picture of no kind": ("plot M 나는 --to a.gif", "must end in .png or .svg or .html"),
    "a page of curves": ("plot M --history --to a.html", "must end in .png or .svg"),
    "nothing to plot": ("plot M", "--history"),
    "a plot of no lengths": ("evaluate M --source KO --reference EN --plot a.png", "--by-length"),
    "a table that exists": ("evaluate M --source KO --reference EN --tsv PAST", "must end in .tsv"),
    "data for a table": ("evaluate M --source KO --reference EN --tsv DATA", "exists"),
    "an unwritable table": ("evaluate M --source KO --reference EN --tsv /nowhere/x.tsv", "there is no folder"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_before_any_work(
    case: str, place: Path, untrained: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "short").write_text("one\n")
    (tmp_path / "few").write_text("0-0\n0-0\n")
    (tmp_path / "past").write_text("0-0\n0-7\n" + "0-0\n" * (len(PAIRS) - 2))
    names = {"M": place / "model", "KO": place / "ko", "EN": place / "en"}
    names |= {"B": untrained["unaligned"], "SMALL": untrained["small"]}
    (tmp_path / "data.tsv").write_text("a\tb\n")
    names |= {"DATA": tmp_path / "data.tsv"}
    names |= {"SHORT": tmp_path / "short", "FEW": tmp_path / "few", "PAST": tmp_path / "past"}
    arguments, words = REFUSED[case]
    refused(nmt(*[names.get(argument, argument) for argument in arguments.split()], stdin=LINES), words)


def test_ctrl_c_leaves_whole_lines(place: Path, likeliest: bytes, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.write_bytes(LINES * 100_000)
    with (tmp_path / "out").open("wb") as out:
        command = [sys.executable, "-m", "nmt.cli", "translate", place / "model", many]
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, preexec_fn=hear_ctrl_c)
        while os.path.getsize(tmp_path / "out") < 5000 and process.poll() is None:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=120)
    written = (tmp_path / "out").read_bytes()
    assert process.returncode == 130
    assert b"Traceback" not in error
    assert written.endswith(b"\n") and written.count(b"\n") < 400_000
    assert written == (likeliest * 100_000)[: len(written)]


def test_ctrl_c_leaves_whole_lines_to_a_reader_that_is_slow(place: Path, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.write_bytes(LINES * 10_000)
    command = [sys.executable, "-m", "nmt.cli", "translate", place / "model", many, "--format", "jsonl"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=hear_ctrl_c)
    assert process.stdout
    first = os.read(process.stdout.fileno(), 1)  # it has begun, and the pipe will be full soon
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    written, error = process.communicate(timeout=120)
    lines = (first + written).decode().split("\n")
    assert process.returncode == 130 and b"Traceback" not in error
    assert lines[-1] == "" and 64 <= len(lines) - 1 < 40_000
    assert all(json.loads(line) for line in lines[:-1])


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """A path whose `nmt` starts at once."""
    with Bench([]) as made:
        yield made


def on_a_terminal(bench: Bench, command: str, typed: bytes = b"") -> str:
    """Run a shell command with a terminal for standard error and, where it is not sent elsewhere, for the others."""
    parent, child = pty.openpty()
    # A bar moves only where the cursor can.
    env = {**bench.env, "TERM": "xterm"}
    process = subprocess.Popen(["bash", "-c", command], stdin=child, stdout=child, stderr=child, env=env)
    os.close(child)
    os.write(parent, typed)
    seen = b""
    with contextlib.suppress(OSError):  # the terminal is gone when the last of its processes is
        while part := os.read(parent, 4096):
            seen += part
    assert process.wait(60) == 0, seen
    os.close(parent)
    return seen.decode()


def test_a_bar_on_the_terminal_and_the_lines_in_the_file(place: Path, bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = f"--source {place / 'ko'} --target {place / 'en'}"
    seen = on_a_terminal(bench, f"nmt translate {place / 'model'} {place / 'ko'} > {out}")
    assert "Translating" in seen and "48/48" in seen
    assert out.read_bytes() == nmt("translate", place / "model", place / "ko").stdout
    on_a_terminal(bench, f"nmt score {place / 'model'} {files} > {out}")
    assert out.read_text().count("\n") == len(PAIRS)


def test_what_is_typed_is_answered_at_once(place: Path, bench: Bench, likeliest: bytes) -> None:
    # Two lines, the end, and no file anywhere.
    seen = on_a_terminal(bench, f"nmt translate {place / 'model'}", LINES.splitlines(True)[0] * 2 + b"\x04")
    answer = likeliest.decode().splitlines()[0]
    assert seen.count(f"{answer}\r\n") == 2
    assert "Translating" not in seen


def test_a_program_has_its_answer_when_it_pauses(place: Path, bench: Bench, likeliest: bytes) -> None:
    command = ["bash", "-c", f"exec nmt translate {place / 'model'}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=bench.env) as process:
        assert process.stdin and process.stdout
        # Two lines at once, half of one, and its other half.
        for part, answers in ((0, 2), (2, 1)):
            process.stdin.write(b"".join(LINES.splitlines(True)[part : part + answers]) + "나는 ".encode() * (part > 0))
            process.stdin.flush()
            for answer in likeliest.splitlines(True)[part : part + answers]:
                assert process.stdout.readline() == answer
        process.stdin.close()
        assert process.stdout.read().count(b"\n") == 1


def test_what_reached_its_maximum_length_is_said(place: Path) -> None:
    # EOS may come after 23 pieces, and there is room for 23.
    short = ("--set", "decoding.max_length=23", "--set", "decoding.min_length=23")
    result = nmt("translate", place / "model", "--format", "jsonl", *short, stdin=LINES * 4)
    found = [json.loads(line) for line in result.stdout.splitlines()]
    wanted = [bool(each["source_tokens"]) for each in found]
    assert [each["unfinished"] for each in found] == [each["truncated"] for each in found] == wanted
    # No end token, so no score of it.
    assert all(len(each["token_scores"]) == len(each["tokens"]) for each in found)
    said = result.stderr.decode().splitlines()
    assert [line.partition(":")[0] for line in said[:-1]] == [f"Line {i}" for i, cut in enumerate(wanted, 1) if cut][
        :10
    ]
    assert said[-1] == "12 lines in all reached their maximum length before their end."
    texts = nmt("translate", place / "model", *short, stdin=LINES * 4)
    assert texts.stderr == result.stderr


def test_what_came_before_a_line_that_is_no_text_is_translated(place: Path, likeliest: bytes) -> None:
    result = nmt("translate", place / "model", stdin=LINES + b"\xff\n")
    assert result.returncode == 2 and "line 5" in result.stderr.decode()
    assert result.stdout == likeliest


def test_a_prefix_stays_as_it_was_given(place: Path) -> None:
    result = nmt("translate", place / "model", "--prefix", "漢字 we", stdin=LINES)
    assert [line.startswith("漢字 we") for line in result.stdout.decode().splitlines()] == [True, False, True, True]


def test_words_in_a_picture_are_those_of_the_sentence(place: Path) -> None:
    shown = nmt("plot", place / "model", "나는 漢字 먹었다", "--target", "I <b> rice").stdout.decode()
    assert "漢字" in shown and "<b>" in shown and "unk" not in shown
    many = nmt("plot", place / "model", "나는 밥을 먹었다 " * 12, "--target", "I ate rice").stdout.decode()
    assert "The largest attention weights" in many and "먹었다" in many and "…" not in many


def test_a_line_of_any_length_has_one_answer_in_bounded_time(place: Path) -> None:
    lines = ["밥" * 100_000, "나는 " * 33_000, "나는 밥을 먹었다"]
    result = nmt("translate", place / "model", "--beam", 3, stdin="\n".join(lines).encode())
    assert result.returncode == 0
    assert result.stdout.count(b"\n") == 3
    assert result.stderr.decode().count("is longer than the 200 pieces") == 2
