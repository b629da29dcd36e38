"""What the package logs is a plain line on standard error, and the logging of others stays as it was."""

import logging

import pytest
from command_line import nmt, refused

from nmt.commands.console import CutLines, news
from nmt.translation import Translation

logger = logging.getLogger("nmt.training.fit")


def test_news_are_plain_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    package = logging.getLogger("nmt")
    before = (list(package.handlers), package.level, package.propagate)
    with news():
        logger.info("100 % of 7 pairs: 밥")
        logger.warning("  as it is")
        logger.debug("not this")
        with news(indent="  "):
            logger.info("of a worker")
        with news(shown=False):
            logger.warning("nobody hears this")
        logger.info("last")
    assert capsys.readouterr() == ("", "100 % of 7 pairs: 밥\n  as it is\n  of a worker\nlast\n")
    assert (list(package.handlers), package.level, package.propagate) == before


def test_an_error_leaves_logging_as_it_was() -> None:
    package = logging.getLogger("nmt")
    before = (list(package.handlers), package.level, package.propagate)
    with pytest.raises(ZeroDivisionError), news():
        raise ZeroDivisionError
    assert (list(package.handlers), package.level, package.propagate) == before


@pytest.mark.parametrize("number", ["nan", "inf"])
@pytest.mark.parametrize(
    "option", ["correct --minutes", "correct --max-loss", "compare --minutes", "train --wait", "serve --timeout"]
)
def test_an_option_takes_no_number_that_is_not_finite(option: str, number: str) -> None:
    command, name = option.split()
    refused(nmt(command, name, number), f"Invalid value for '{name}'")


def test_each_translation_that_is_written_is_looked_at_for_cuts(capsys: pytest.CaptureFixture[str]) -> None:
    whole, cut, blank = Translation("I eat", -1.0), Translation("I I I", -2.0, unfinished=True), Translation("", 0.0)
    lines = CutLines(None)
    for number, (text, written) in enumerate(
        (("a", [whole]), ("a", [whole, cut]), ("\ufffd", [blank]), (" ", [blank]), ("a", [whole, blank])), 1
    ):
        lines.look_at(number, text, written)
    lines.end()
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in said] == [
        "Line 2", "Line 3 is not blank, but its translation is"
    ]  # fmt: skip
    for number in range(12):
        lines.look_at(number, "\ufffd", [blank])
    lines.end()
    assert capsys.readouterr().err.endswith("13 lines in all are not blank, but their translations are.\n")
