"""The findings in the terminal, on the page, and as advice."""

import io
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console

from nmt.data.corpora import from_files
from nmt.doctor.advice import WELL, advice
from nmt.doctor.examine import survey_corpora
from nmt.doctor.findings import Advice, Cutting, Diagnosis, Size, Use, Vocabulary, Word
from nmt.doctor.page import doctor_page
from nmt.doctor.report import report
from nmt.synthetic import demo

HOSTILE = ("밥을 <script>alert(1)</script>\x07", "rice & <b>bread</b>\u200b")
CUTTING = Cutting(
    5,
    pieces=2.5,
    whole=0.4,
    unknown=0.01,
    spelt=0.2,
    unknown_words=(Word("飯<i>", 3, "▁ <unk>"),),
    spelt_words=(Word("밥을\u200b", 2, "▁ 밥 을"),),
)


@cache
def clean() -> list[tuple[str, str]]:
    """Return pairs without a fault, made when first asked for."""
    return [(pair.source, pair.target) for pair in demo.pairs("dev")]


def diagnosis(folder: Path, *splits: Sequence[tuple[str, str]], pieces: bool = False) -> Diagnosis:
    corpora = []
    for number, pairs in enumerate(splits):
        files = folder / f"{number}.ko", folder / f"{number}.en"
        for side, file in enumerate(files):
            file.write_text("".join(f"{pair[side]}\n" for pair in pairs), encoding="utf-8")
        corpora.append(from_files(*files))
    found, overlaps = survey_corpora(corpora)
    use = Use(
        corpora[0].name, sample=100, source=CUTTING, target=CUTTING, dropped=3, too_long=2, shortened=1, longest=777
    )
    sizes = (Size("1000", (1000,), CUTTING, CUTTING), Size("auto", (1234,), CUTTING, CUTTING))
    vocabulary = (
        Vocabulary(
            "bpe",
            joint=True,
            asked="auto",
            pieces=(1234,),
            learned_from=100,
            exact=True,
            uses=(use,),
            sizes=sizes,
            sizes_from=100,
        )
        if pieces
        else None
    )
    said = advice(found, overlaps, vocabulary, 100)
    return Diagnosis(
        found,
        overlaps=overlaps,
        vocabulary=vocabulary,
        max_length=100,
        decoding_max_length=200,
        preset=("--preset auto, for 9 pairs:", "  units"),
        advice=tuple(said),
    )


def terminal(found: Diagnosis) -> str:
    console = Console(file=io.StringIO(), width=100)
    for part in report(found):
        console.print(part)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_clean_pairs_are_said_to_be_well(tmp_path: Path) -> None:
    found = diagnosis(tmp_path, clean()[:400], clean()[400:])
    assert found.advice == (Advice("know", WELL),)
    assert WELL in terminal(found)


def test_one_split_alone_is_told_how_training_goes_on(tmp_path: Path) -> None:
    assert [one.level for one in diagnosis(tmp_path, clean()).advice] == ["know", "know"]


@pytest.mark.parametrize(
    ("fault", "level", "words"),
    [
        (lambda ko, en: (unicodedata.normalize("NFD", ko), en), "do", "mix normal forms"),
        (lambda ko, en: (ko, en + "\u200b"), "do", "control or invisible"),
        (lambda ko, en: (ko, en.replace("o", "о").replace("a", "а")), "know", "Cyrillic letters, such as"),
        (lambda ko, en: (ko + " ２", en), "know", "change under NFKC"),
        (lambda ko, en: ("밥을 먹었다", en), "look", "have more than one target"),
        (lambda ko, en: (ko, "I ate rice"), "look", "a target that repeats an earlier one"),
    ],
    ids=["NFD", "invisible", "homoglyphs", "full width", "targets", "replies"],
)
def test_each_fault_has_its_advice(fault: object, level: str, words: str, tmp_path: Path) -> None:
    # A tenth of the lines, or for the letters a hundredth, or for repeats a half.
    each = {"Cyrillic letters, such as": 100}.get(words, 2 if level == "look" else 10)
    pairs = [fault(*pair) if place % each == 0 else pair for place, pair in enumerate(clean())]  # type: ignore[operator]
    said = diagnosis(tmp_path, pairs).advice
    assert any(one.level == level and words in one.text for one in said), said


def test_the_gravest_comes_first(tmp_path: Path) -> None:
    found = diagnosis(tmp_path, [("", "x"), *clean()[:30], HOSTILE], clean()[20:40], pieces=True)
    levels = [one.level for one in found.advice]
    assert levels == sorted(levels, key=("do", "look", "know").index)
    assert levels[0] == "do"


def test_the_page_is_whole_and_asks_nobody(tmp_path: Path) -> None:
    made = doctor_page(diagnosis(tmp_path, [HOSTILE, ("", "x"), *clean()[:30]], clean()[20:40], pieces=True))
    assert "default-src 'none'" in made
    assert not re.search(r"""(?:src|href)=|url\((?!data:)|@import|<script""", made)
    assert "&lt;script&gt;" in made
    assert "飯&lt;i&gt;" in made
    assert "[U+0007]" in made
    for title in ("What to do", "Overlap with 0.ko + 0.en", "Pieces", "Other sizes"):
        assert title in made
    assert made.count('class="histogram"') == 10
    for tag in ("table", "section", "details", "li", "div", "pre"):
        assert made.count(f"<{tag}") == made.count(f"</{tag}>")
    assert "for 9 pairs:\n  units" in made


def test_the_report_has_all_parts(tmp_path: Path) -> None:
    shown = terminal(diagnosis(tmp_path, [HOSTILE, ("", "x"), *clean()[:30]], clean()[20:40], pieces=True))
    for part in (
        "0.ko + 0.en: 32 pairs",
        "Overlap with 0.ko + 0.en",
        "1,234 pieces",
        "What to do",
        "█",
        "밥을[U+200B]",
    ):
        assert part in shown
    # 10 of the 30 sentences from the 20th to the 40th.
    assert "10 (50 %)" in shown
    assert max(map(len, shown.splitlines())) <= 100
