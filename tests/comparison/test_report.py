"""From records to rows by hand, and from rows to pages that hold them all."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nmt.comparison.report import write_report
from nmt.comparison.results import Results
from nmt.comparison.spec import Candidate, ComparisonBudget, Material
from nmt.comparison.summary import Summary, summary
from nmt.config import Config

HANGUL = "나는 밥을 먹었다"
SIGNED = {"bleu_signature": "tok:13a", "chrf_signature": "nc:6", "steps": 40}


def found(name: str, seed: int, bleu: float, aer: float | None, speed: float | None) -> dict:
    curve = [[20, bleu / 2], [40, bleu], [60, None]]
    run = {"name": name, "seed": seed, "parameters": 1234567, "bleu": bleu, "chrf": bleu + 7, "aer": aer}
    return {**run, "tokens_per_second": speed, "sentences": 5, "curve": curve, **SIGNED}


@pytest.fixture
def made(tmp_path: Path) -> tuple[Results, Summary]:
    sources = [HANGUL, "a", "b c", "d e f g h", "i j"]
    references = ["I ate rice today", "A", "B C", "D E F G H", "I J"]
    (tmp_path / "test.tsv").write_text("".join(f"{s}\t{r}\n" for s, r in zip(sources, references, strict=True)))
    material = Material((tmp_path / "test.tsv",))
    names = ["one", "<two>", "three"]
    results = Results(tmp_path / "c", [Candidate(name, Config()) for name in names], material, ComparisonBudget(40))
    results.add(found("one", seed=1, bleu=10.0, aer=0.25, speed=500.0))
    results.add(found("one", seed=2, bleu=14.0, aer=0.15, speed=300.0))
    results.add(found("<two>", seed=1, bleu=20.0, aer=None, speed=None))
    results.add({"name": "<two>", "seed": 2, "failed": "it ate <all> memory"})
    results.add({"name": "three", "seed": 1, "failed": "the loss is no number"})
    for name, seed, texts in (("one", 1, references), ("one", 2, ["x"] * 5), ("<two>", 1, references)):
        path = results.texts(name, seed)
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{text}\n" for text in texts))
    # 20 times 1 to 20 ms: the median is 10.5, the 95th of a hundred the 20th value.
    alone = [float(number) for number in range(1, 21)]
    results.record["speeds"] = {"one": {"rates": [11.0, 17.0, 13.0], "milliseconds": alone, "export_bytes": 2_500_000}}
    return results, summary(results, names, material, [("budget", "40 steps each")])


def test_the_rows_by_hand(made: tuple[Results, Summary]) -> None:
    one, two, three = (row.cells() for row in made[1].rows)
    # BLEU 10 and 14: mean 12, deviation sqrt((4 + 4) / 1) = 2.83; AER 25 and 15 %: 20 and 7.07.
    assert one == [
        "one", "1,234,567", "12.00 ± 2.83", "19.00 ± 2.83", "20.00 ± 7.07", "400", "13", "10.5, 20.0", "2.5",
    ]  # fmt: skip
    assert two == ["<two>", "1,234,567", "20.00", "27.00", "–", "–", "–", "–", "–"]
    assert three == ["three", *"––––––––"]
    assert [row.failures for row in made[1].rows] == [
        (), ("seed 2: it ate <all> memory",), ("seed 1: the loss is no number",),
    ]  # fmt: skip


def test_lengths_curves_and_samples_are_those_of_the_runs(made: tuple[Results, Summary]) -> None:
    _, shown = made
    assert list(shown.lengths) == list(shown.curves) == ["one", "<two>"]
    assert shown.score == "BLEU"  # what earlier versions have recorded
    assert sum(each.sentences for each in shown.lengths["one"]) == 5
    # All right in one run and all wrong in the other.
    longest = shown.lengths["one"][-1]
    assert (longest.metric, longest.score, longest.low, longest.high) == ("chrF", 50.0, 0.0, 100.0)
    assert shown.curves["<two>"] == [[(20, 10.0), (40, 20.0)]]
    assert [source for source, _, _ in shown.samples] == ["a", "b c", "i j", HANGUL, "d e f g h"]
    assert shown.samples[3][2] == {"one": "I ate rice today", "<two>": "I ate rice today"}


def test_curves_are_of_one_score(made: tuple[Results, Summary]) -> None:
    results, _ = made
    results.add({**found("three", seed=2, bleu=30.0, aer=None, speed=None), "curve_of": "chrF"})
    path = results.texts("three", 2)
    path.write_text("x\n" * 5)
    files = results.folder.parent / "test.tsv"
    shown = summary(results, ["one", "three"], Material((files,)), [])
    assert shown.score == "chrF" and list(shown.curves) == ["three"]
    page = write_report(shown, results.folder)[0].read_text(encoding="utf-8")
    assert "chrF by the length of the source" in page and "chrF of the development set" in page


def test_language_models_have_a_perplexity_and_their_completions(tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_text("we went home\n\nhello\n나는 밥을 먹었다 정말\n")
    material = Material((tmp_path / "test.txt",), plain=True)
    # One word, three and four; the first third of each, rounded up.
    assert material.beginnings() == [
        ("he", "hello"), ("we", "we went home"), ("나는 밥을", "나는 밥을 먹었다 정말"),
    ]  # fmt: skip
    results = Results(tmp_path / "c", [Candidate("gpt", Config())], material, ComparisonBudget(40))
    run = {"parameters": 7, "tokens_per_second": 11.0, "sentences": 3, "curve": [[20, 9.0], [40, 5.0]], "steps": 40}
    for seed, perplexity in ((1, 5.0), (2, 7.0)):
        results.add(
            {**run, "name": "gpt", "seed": seed, "perplexity": perplexity, "bits_per_character": 1.25, "lines_cut": 2}
        )
        results.texts("gpt", seed).parent.mkdir(exist_ok=True)
        results.texts("gpt", seed).write_text("hell\nwe ate\n나는 밥을 샀다\n")
    shown = summary(results, ["gpt"], material, [])
    # Perplexities 5 and 7: mean 6, deviation sqrt(1 + 1) = 1.41.
    assert shown.rows[0].cells(plain=True) == ["gpt", "7", "6.00 ± 1.41", "1.25 ± 0.00", "11", "–", "–", "–"]
    assert shown.samples[1] == ("we", "we went home", {"gpt": "we ate"})
    page, report, picture = write_report(shown, tmp_path)
    assert picture.name == "learning-curves.svg" and "perplexity, development set" in picture.read_text()
    for text in (
        "나는 밥을 샀다",
        "2 test lines that are longer",
        "bits per character",
        "beginning",
        "The lower, the better",
    ):
        assert text in page.read_text() and text in report.read_text()


class Reader(HTMLParser):
    """The texts of a page, and what it asks for."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_reports_hold_every_cell_and_ask_nobody(made: tuple[Results, Summary]) -> None:
    results, shown = made
    written = write_report(shown, results.folder)
    assert [path.name for path in written] == [
        "comparison.html", "comparison.md", "score-by-length.svg", "learning-curves.svg",
    ]  # fmt: skip
    page, text = (results.folder / f"comparison.{kind}" for kind in ("html", "md"))
    reader, markdown = Reader(page.read_text(encoding="utf-8")), text.read_text(encoding="utf-8")
    for row in shown.rows:
        for cell in row.cells():
            assert cell in reader.texts
            assert re.sub(r"([<>])", r"\\\1", cell) in markdown
    assert "it ate <all> memory" in "".join(reader.texts) and HANGUL in reader.texts
    # Parts of the pictures refer to each other, and nothing else is referred to.
    assert all(link.startswith("#") for link in reader.links)
    assert re.findall(r"\]\((.*?)\)", markdown) == ["score-by-length.svg", "learning-curves.svg"]
    before = page.read_bytes()
    write_report(shown, results.folder)
    assert page.read_bytes() == before


def test_a_comparison_in_which_nothing_went_well_has_a_report_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "test.tsv").write_text("a\tA\n")
    material = Material((tmp_path / "test.tsv",))
    results = Results(tmp_path / "c", [Candidate("one", Config())], material, ComparisonBudget())
    results.add({"name": "one", "seed": 1, "failed": "it broke"})
    written = write_report(summary(results, ["one"], material, []), results.folder)
    assert [path.name for path in written] == ["comparison.html", "comparison.md"]
    assert "**one** failed, seed 1: it broke" in written[1].read_text()
