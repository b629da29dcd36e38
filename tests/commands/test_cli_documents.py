"""``nmt translate --document`` and ``--to`` as a user meets them."""

import json
import os
import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from command_line import nmt, refused
from servers import tiny_model

from nmt.commands.translate import SentenceTranslator, _paragraphs, _translate_document, _translate_marked
from nmt.errors import InputError
from nmt.translation import Translation

# The model has hardly been trained, and writes nothing of its own accord.
WORDY = ["--set", "decoding.min_length=3"]
TEXT = "나는 밥을 먹었다. 너는 빵을 샀다.\n\n  - 우리는 사과를 보았다\n"
SENTENCES = ["나는 밥을 먹었다.", "너는 빵을 샀다.", "우리는 사과를 보았다"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("documents") / "ko-en")


@pytest.fixture(scope="module")
def sentences(model: Path) -> list[str]:
    """What the model makes of each sentence on a line of its own."""
    return nmt("translate", model, *WORDY, stdin="\n".join(SENTENCES).encode()).stdout.decode().splitlines()


def test_a_document_keeps_its_lines_and_its_sentences_are_those_of_lines(model: Path, sentences: list[str]) -> None:
    result = nmt("translate", model, *WORDY, "--document", stdin=TEXT.encode())
    one, two, three = sentences
    assert result.returncode == 0 and result.stdout.decode() == f"{one} {two}\n\n  - {three}\n"
    lines = nmt("translate", model, *WORDY, "--document", "--format", "jsonl", stdin=TEXT.encode()).stdout.splitlines()
    found = [json.loads(line) for line in lines]
    translated = result.stdout.decode()
    assert [TEXT[each["start"] : each["end"]] for each in found] == SENTENCES
    assert [translated[each["target_start"] : each["target_end"]] for each in found] == sentences
    assert [TEXT[slice(*word)] for word in found[2]["source_words"]] == SENTENCES[2].split()


def test_files_are_translated_whole(model: Path, sentences: list[str], tmp_path: Path) -> None:
    cue = "1\n00:00:01,000 --> 00:00:02,000\n{}\n"
    (tmp_path / "a.srt").write_text(cue.format(SENTENCES[0]), encoding="utf-8")
    (tmp_path / "a.txt").write_bytes(TEXT.replace("\n", "\r\n").encode())
    for kind in ("srt", "txt"):
        result = nmt("translate", model, tmp_path / f"a.{kind}", "--to", tmp_path / f"b.{kind}", *WORDY)
        assert (result.returncode, result.stdout) == (0, b"")
    assert (tmp_path / "b.srt").read_text(encoding="utf-8") == cue.format(sentences[0])
    one, two, three = sentences
    assert (tmp_path / "b.txt").read_bytes().decode() == f"{one} {two}\r\n\r\n  - {three}\r\n"


def test_marks_inside_the_lines_of_files_are_kept(model: Path, sentences: list[str], tmp_path: Path) -> None:
    files = {
        "a.srt": "1\n00:00:01,000 --> 00:00:02,000\n{\\an8}나는 <i>밥을</i> 먹었다.\n",
        "a.md": "# 나는 *밥을* 먹었다.\n\n- 나는 [밥을](http://a.b/c) 먹었다.\n\n```\n밥\n```\n",
        "a.po": 'msgid ""\nmsgstr "Content-Type: text/plain"\n\nmsgid "나는 <b>밥을</b> 먹었다."\nmsgstr ""\n',
    }
    outside = {"a.srt": r"</?i>", "a.md": r"\*|\[|\]\(.*?\)", "a.po": r"</?b>"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        result = nmt("translate", model, tmp_path / name, "--to", tmp_path / f"to-{name}", *WORDY)
        assert (result.returncode, result.stdout) == (0, b"")
        found = (tmp_path / f"to-{name}").read_text(encoding="utf-8")
        assert re.findall(outside[name], found)[-2:] == re.findall(outside[name], text)[-2:]
        # The sentence is translated as a whole, as if it had no marks.
        plain = re.sub(outside[name], "", found)
        if name == "a.po":
            assert f'msgstr "{sentences[0]}"' in plain
        else:
            assert plain == re.sub(outside[name], "", text).replace(SENTENCES[0], sentences[0])


def test_markup_is_kept(model: Path, sentences: list[str], tmp_path: Path) -> None:
    given = [f"<b>{SENTENCES[0]}</b>", SENTENCES[1], "", "{name}", "<i>우리는 {n}"]
    result = nmt("translate", model, *WORDY, "--format", "html", stdin="\n".join(given).encode())
    found = result.stdout.decode().splitlines()
    assert found[:4] == [f"<b>{sentences[0]}</b>", sentences[1], "", "{name}"]
    assert sorted(re.findall(r"<i>|\{n\}", found[4])) == ["<i>", "{n}"]
    assert "Line 5: <i> is not closed" in result.stderr.decode()
    (tmp_path / "a.html").write_text(f"<p>{given[0]}<p>{given[1]}", encoding="utf-8")
    result = nmt("translate", model, tmp_path / "a.html", "--to", tmp_path / "b.html", *WORDY)
    assert (result.returncode, result.stdout) == (0, b"")
    assert (tmp_path / "b.html").read_text(encoding="utf-8") == f"<p>{found[0]}<p>{found[1]}"
    refused(nmt("translate", model, "--format", "xml", "--prefix", "x"), "without tags and placeholders")
    refused(nmt("translate", model, "--format", "jsonl", "--placeholders"), "writes text")
    refused(
        nmt("translate", model, "--format", "html", *WORDY, stdin=b"a\n" + b"<br>" * 1001),
        "Line 2",
        "1,000 pairs of tags",
    )


def test_a_glossary(model: Path, tmp_path: Path) -> None:
    terms = tmp_path / "terms.tsv"
    terms.write_text("밥\tmeat\n", encoding="utf-8")
    result = nmt("translate", model, *WORDY, "--glossary", terms, stdin="나는 밥을 먹었다\n".encode())
    assert result.returncode == 0 and "meat" in result.stdout.decode()
    refused(nmt("translate", model, "--glossary", terms, "--sample"), "draws by chance")
    terms.write_text("밥\tmeat\n밥\tbread\n", encoding="utf-8")
    refused(nmt("translate", model, "--glossary", terms), "terms.tsv, line 2", "'bread'")
    terms.write_text("밥\t%§\n", encoding="utf-8")
    refused(nmt("translate", model, "--glossary", terms), "cannot spell")


def test_what_is_wrong_is_said_and_nothing_is_written(model: Path, tmp_path: Path) -> None:
    text, out = tmp_path / "a.txt", tmp_path / "out.txt"
    text.write_bytes("나는 밥을 먹었다".encode("euc-kr"))
    refused(nmt("translate", model, text, "--to", out), "It seems to be EUC-KR")
    refused(nmt("translate", model, text, "--to", tmp_path / "a.srt"), "is of another kind")
    refused(nmt("translate", model, tmp_path / "a.pdf", "--to", out), "is of no kind", ".docx")
    refused(nmt("translate", model, "--to", out), "--to needs a FILE")
    refused(nmt("translate", model, text, "--to", text), "is FILE itself")
    refused(nmt("translate", model, text, "--to", tmp_path / "no" / "b.txt"), "no is no folder")
    # As long as a name may be, so that only the one it has while it is written is too long.
    long = f"{'b' * (os.pathconf(tmp_path, 'PC_NAME_MAX') - 4)}.txt"
    refused(nmt("translate", model, text, "--to", tmp_path / long), "its name is too long by 6 bytes", "another")
    refused(nmt("translate", model, text, "--to", tmp_path / f"b{long}"), "its name is too long by 7 bytes")
    (tmp_path / "old.txt").write_text("old")
    refused(nmt("translate", model, text, "--to", tmp_path / "old.txt"), "exists, and is not overwritten")
    assert (tmp_path / "old.txt").read_text() == "old"
    (tmp_path / "old.txt").unlink()
    refused(nmt("translate", model, text, "--document", "--beam", "3", "--n-best", "2"), "are for lines")
    refused(nmt("translate", model, text, "--language", "ko"), "--document")
    refused(nmt("translate", model, tmp_path / "a.docx"), "is a Word document", "--to OUT.docx")
    said = nmt("translate", model, tmp_path / "gone.srt").stderr.decode()  # told before it is opened
    assert "line by line. With --to OUT.srt what is not text stays" in said
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("form", ["text", "jsonl", "html"])
def test_a_line_with_a_blank_translation_is_named(form: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("a b\n\nЖ\n", "utf-8")

    def translate(texts: list[str]) -> list[Translation]:
        return [Translation("" if "Ж" in text else "x", -1.0, alignment=[]) for text in texts]

    backend = nullcontext(SentenceTranslator(translate, ("text", "score")))
    if form == "html":
        _translate_marked(lambda: backend, tmp_path / "a.txt", form, "en", None)
    else:
        _translate_document(lambda: backend, tmp_path / "a.txt", form, "en", None)
    said = capfd.readouterr().err
    assert re.findall(r"Line \d.*", said) == [
        "Line 3 is not blank, but its translation is: the model may read none of its characters, or "
        "decoding.min_length = 0 lets it write nothing."
    ]


def test_a_paragraph_that_would_take_all_memory_is_refused_after_those_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nmt.documents.files.LARGEST", 5)
    lines = _paragraphs(["12345", "123456"])
    assert next(lines) == "12345"
    with pytest.raises(InputError, match="Line 2 has more than 5 characters"):
        next(lines)
