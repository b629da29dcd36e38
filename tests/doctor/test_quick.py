"""What `nmt train` warns of, and that it is silent when all is well."""

import re
import subprocess
from pathlib import Path

import pytest

from nmt.data.corpora import Corpus, from_files, from_text, from_tsv, split_dev
from nmt.doctor.advice import UNESCAPE
from nmt.doctor.quick import warnings
from nmt.synthetic import demo, tasks


def opened(folder: Path, name: str, pairs: list[tuple[str, str]]) -> Corpus:
    files = folder / f"{name}.ko", folder / f"{name}.en"
    for side, file in enumerate(files):
        file.write_text("".join(f"{pair[side]}\n" for pair in pairs), encoding="utf-8")
    return from_files(*files)


def patient(train: Corpus, dev: Corpus | None, seconds: float = 600) -> list[str]:
    """Look as long as it takes, however busy the machine is."""
    return warnings(train, dev, seconds, waited=600)


def built_in(split: str) -> list[tuple[str, str]]:
    return [(pair.source, pair.target) for pair in demo.pairs(split)]


def test_the_built_in_corpus_gives_no_warning(tmp_path: Path) -> None:
    train, dev = (opened(tmp_path, split, built_in(split)) for split in ("train", "dev"))
    assert patient(train, dev) == []
    assert patient(*split_dev(train)) == []


@pytest.mark.parametrize("task", ["numbers", "transliteration", "headlines"])
def test_the_generated_tasks_give_no_warning(task: str, tmp_path: Path) -> None:
    tasks.write(task, tmp_path)
    assert patient(from_tsv(tmp_path / "train.tsv"), from_tsv(tmp_path / "dev.tsv")) == []


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda pair: (pair[1], pair[1]), "same text on both sides"),
        (lambda pair: (pair[1], pair[0]), "mostly in Latin letters"),
        (lambda pair: (pair[0], " "), "are blank"),
        (lambda pair: (pair[0], pair[1] * 9), "far from the usual ratio"),
        (lambda pair: ("밥을 먹었다", "I ate rice"), "repeat an earlier pair"),
        (lambda pair: (pair[0], pair[1] + "\ufffd"), "characters were lost"),
        (lambda pair: (pair[0], f"&quot;{pair[1]}&quot;"), "have HTML entities"),
        (lambda pair: (pair[0], f'"""{pair[1]}"""'), "--tsv-quoting"),
    ],
    ids=["copies", "swapped", "blank", "ratio", "repeats", "lost", "entities", "quoted"],
)
def test_each_fault_is_warned_of(damage: object, words: str, tmp_path: Path) -> None:
    pairs = [damage(pair) if place % 10 == 0 else pair for place, pair in enumerate(built_in("dev"))]  # type: ignore
    found = patient(opened(tmp_path, "train", pairs), None)
    assert any(words in line for line in found), found
    assert all("train.ko + train.en" in line and "\n" not in line for line in found)


def test_plain_text_is_looked_at_as_lines(tmp_path: Path) -> None:
    good = [target for _, target in built_in("dev")]
    text, dev = tmp_path / "text.txt", tmp_path / "dev.txt"

    def found(lines: list[str], more: list[str]) -> list[str]:
        text.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        dev.write_text("".join(f"{line}\n" for line in more), encoding="utf-8")
        return warnings(from_text(text), from_text(dev), 600, waited=600, plain=True)

    # Blank and repeated lines are usual in a text.
    assert found([line for each in good[:400] for line in (each, "", "* * *")], good[400:]) == []
    entities, shared = found([f"&quot;{line}&quot;" if n % 9 == 0 else line for n, line in enumerate(good)], good[1:6])
    assert entities.startswith("text.txt: ") and "of the lines have HTML entities" in entities
    assert shared.startswith("dev.txt: 5 (100 %) of the lines are also in text.txt.")


def test_the_command_that_is_told_turns_entities_into_characters_line_by_line(tmp_path: Path) -> None:
    command = re.search(r"python3 .*NEW", UNESCAPE)
    assert command
    (tmp_path / "old").write_bytes("a\tI&#39;m &amp;amp; &quot;밥&quot;\n\nb&#10;c\rd\r\n".encode())
    subprocess.run(command[0].replace("OLD", "old").replace("NEW", "new"), shell=True, cwd=tmp_path, check=True)
    assert (tmp_path / "new").read_text(encoding="utf-8") == 'a\tI\'m &amp; "밥"\n\nb c d\n'


def test_development_pairs_that_stand_in_training_are_found_wherever_they_do(tmp_path: Path) -> None:
    pairs = [(f"문장 {number}", f"sentence {number}") for number in range(30_000)]
    train, dev = opened(tmp_path, "train", pairs), opened(tmp_path, "dev", [*built_in("dev")[:90], *pairs[-10:]])
    (line,) = patient(train, dev)
    assert "10 (10 %) of the sources and 10 (10 %) of the targets are also in train.ko + train.en" in line


def test_when_the_time_is_up_what_was_read_counts(tmp_path: Path) -> None:
    pairs = built_in("dev")[:250]
    train = opened(tmp_path, "train", [(en, en) for _, en in pairs] * 2 + pairs * 20)
    # The first thousand pairs only: half of them copies, half of them repeated.
    assert any("500 (50 %)" in line for line in patient(train, None, seconds=0))
