"""The tutorials tell the truth: every example runs, in order, and prints what the page shows."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from free_ports import free_port
from lessons import REASONS, Example, examples, run

pytestmark = [pytest.mark.lesson, pytest.mark.xdist_group("tutorials")]

TUTORIALS = Path(__file__).parent.parent / "docs" / "tutorials"
# Trainings of minutes are made short here. The output of such a model is then not compared.
SHORTER = {
    "2-teaching-attention.md": [
        "training.steps=2",
        "model.units=8",
        "model.embedding=8",
        "decoding.max_length=12",  # an untrained model would not stop
    ]
}
# A tutorial that needs the files of another one.
CONTINUES = {"3-into-service.md": "1-your-own-translator.md"}
# The first words of lines in which training changes nothing but the numbers.
_LABELS = ("BLEU", "chrF", "AER", "nmt: ", "weights: ", "context: ")
Written = Callable[[str], list[tuple[Example, str]]]


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, port: int) -> Written:
    """The output of the examples of a tutorial. Each is run once, all tutorials in one folder."""
    folder = tmp_path_factory.mktemp("lessons")
    found: dict[str, list[tuple[Example, str]]] = {}

    def of(name: str) -> list[tuple[Example, str]]:
        if name in CONTINUES:
            of(CONTINUES[name])
        if name not in found:
            found[name] = run(TUTORIALS / name, folder, port, SHORTER.get(name, []))
        return found[name]

    return of


@pytest.mark.parametrize("name", sorted(page.name for page in TUTORIALS.glob("*.md")))
def test_every_example_runs_and_shows_what_it_writes(name: str, written: Written, port: int) -> None:
    assert written(name)
    for example, output in written(name):
        lines = iter([_bare(line) for line in output.replace(str(port), "8501").splitlines()])
        for line in _compared(example.shown, is_short=name in SHORTER):
            # In order. The page may leave lines out, but may not add any.
            assert _bare(line) in lines, f"{example.code}\nwrote\n{output}\nwhich has no line like\n{line}"


def test_an_example_that_is_not_run_says_why_and_shows_nothing() -> None:
    left_out = [example for page in TUTORIALS.glob("*.md") for example in examples(page) if example.reason is not None]
    assert {example.reason for example in left_out} <= REASONS
    assert not any(example.shown for example in left_out)
    for page in TUTORIALS.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert text.count("<!-- not run") == sum(example.reason is not None for example in examples(page))
        # No other kind of block, so that every example is found.
        assert set(re.findall(r"^```(\w*)$", text, re.MULTILINE)) <= {"", "sh", "python", "text"}


def _compared(shown: str, is_short: bool) -> list[str]:
    lines = [line for line in shown.splitlines() if line.strip() and line.strip() != "…"]
    return [line for line in lines if line.startswith(_LABELS)] if is_short else lines


def _bare(line: str) -> str:
    """Return a line without its numbers and shades, which differ from machine to machine."""
    numbers = re.sub(r"-?\d+(?:[.,]\d+)*", "0", re.sub(r"[█▓▒░*]", " ", line))
    return re.sub(r"\b0(?: 0)+\b", "0", " ".join(numbers.split()))
