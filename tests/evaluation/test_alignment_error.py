"""Links are read as they were written, and scored as Och and Ney score them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.errors import InputError
from nmt.evaluation.alignment import WordAlignment
from nmt.evaluation.alignment_error import (
    AlignmentScores,
    Gold,
    alignment_error,
    check_links,
    parse,
    pharaoh,
    read,
    strongest_links,
)


def gold(line: str) -> Gold:
    return parse(line, "here")


def test_a_line_is_read() -> None:
    found = gold(" 0-0\t2?1 10p3  4-1 \n")
    assert found.sure == {(0, 0), (4, 1)}
    assert found.possible == {(0, 0), (4, 1), (2, 1), (10, 3)}


@pytest.mark.parametrize("line", ["", "   ", "\n"])
def test_a_blank_line_has_no_links(line: str) -> None:
    assert gold(line) == Gold(frozenset(), frozenset())


@pytest.mark.parametrize("line", ["0-1 0?1", "0?1 0-1", "0-1 0-1"])
def test_what_is_sure_and_possible_is_sure(line: str) -> None:
    assert gold(line) == gold("0-1")


@pytest.mark.parametrize(
    "token",
    ["1", "1-", "-1", "1--2", "1-2-3", "1:2", "a-b", "1-2.0", "1,2", "+1-2", "1_0-2", "１-２", "9" * 5000 + "-1"],
)
def test_what_is_no_link_is_named_with_its_line(token: str) -> None:
    with pytest.raises(InputError) as raised:
        list(read(["0-0", f"0-0 {token} 1-1"], "gold.txt"))
    message = str(raised.value)
    assert message.startswith(f"gold.txt, line 2: {token[:40]!r} is not a link. Write 0-1")
    assert len(message) < 300


def test_lines_are_read_as_they_come() -> None:
    lines = iter(["0-0", "", "1?0"])
    found = read(lines, "gold.txt")
    assert next(found) == gold("0-0")
    assert next(lines) == ""
    assert list(found) == [gold("1p0")]


def test_a_sure_link_must_be_possible() -> None:
    with pytest.raises(ValueError, match="sure links 0-1 are not"):
        Gold(frozenset({(0, 1)}), frozenset())


def test_links_are_written_by_number_and_not_by_letter() -> None:
    assert pharaoh({(10, 2), (9, 11), (9, 3)}) == "9-3 9-11 10-2"
    assert pharaoh(gold("3p1 0-0")) == "0-0 3?1"
    assert pharaoh([]) == ""


link_sets = st.frozensets(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=15)
golds = st.builds(lambda sure, more: Gold(sure, sure | more), link_sets, link_sets)


@settings(deadline=None)
@given(golds)
def test_what_was_written_is_read_again(right: Gold) -> None:
    assert gold(pharaoh(right)) == right
    assert gold(pharaoh(right.sure)).sure == right.sure


def test_links_inside_their_sentences_pass() -> None:
    check_links(gold("0-0 2?1"), "a b c", " a  b ", "here")
    check_links(gold(""), "", " ", "here")


@pytest.mark.parametrize(
    ("line", "pair", "said"),
    [
        (
            "0-0 3-1",
            ("a b c", "a b"),
            "gold.txt, line 7: the link 3-1 goes to source word 3, but the source has 3 words, counted",
        ),
        (
            "0-0 2?2",
            ("a b c", "a b"),
            "gold.txt, line 7: the link 2?2 goes to target word 2, but the target has 2 words, counted",
        ),
        ("1-0", ("a\u00a0b", "a"), "source word 1, but the source has 1 word, counted from 0"),
    ],
)
def test_a_link_past_the_end_is_named(line: str, pair: tuple[str, str], said: str) -> None:
    with pytest.raises(InputError) as raised:
        check_links(gold(line), *pair, "gold.txt, line 7")
    assert said in str(raised.value)


def soft(weights: list[list[float]]) -> WordAlignment:
    array = np.array(weights)
    source, target = (tuple("w" * n for n in range(1, count + 1)) for count in (array.shape[1], array.shape[0]))
    return WordAlignment(source, target, array)


@pytest.mark.parametrize(
    ("row", "linked"),
    [
        ([0.2, 0.5, 0.3], 1),
        ([0.4, 0.4, 0.2], 0),  # the first of equals
        ([0.2, 0.35, 0.0], None),  # the end has 0.45
        ([0.25, 0.5, 0.0], 1),  # the end has 0.25
        ([0.0, 0.5, 0.0], 1),  # the end has as much, not more
        ([0.0, 0.0, 0.0], None),
        ([0.5, 0.6, 0.0], 1),  # more than one in all: the end had none
    ],
)
def test_a_target_word_links_to_the_source_word_with_its_largest_weight(row: list[float], linked: int | None) -> None:
    # A second row stands apart: a row never depends on its neighbours.
    expected = {(2, 1)} if linked is None else {(linked, 0), (2, 1)}
    assert strongest_links(soft([row, [0.0, 0.1, 0.9]])) == expected


@pytest.mark.parametrize("shape", [(0, 0), (2, 0), (0, 2)])
def test_no_words_have_no_links(shape: tuple[int, int]) -> None:
    assert strongest_links(WordAlignment(("a",) * shape[1], ("b",) * shape[0], np.zeros(shape))) == frozenset()


def test_the_scores_by_hand() -> None:
    # First pair: A = 0-0 1-1 2-1 3-3, S = 0-0 1-1 2-2, P = S + 2-1. A & S = 2, A & P = 3, |A| = 4, |S| = 3.
    # Second pair: A = 0-0, S = 0-0 1-1, P = S. A & S = 1, A & P = 1, |A| = 1, |S| = 2.
    # Together: precision 4/5, recall 3/5, AER 1 - (3 + 4) / (5 + 5) = 0.3.
    found = [{(0, 0), (1, 1), (2, 1), (3, 3)}, [(0, 0)]]
    scores = alignment_error(found, [gold("0-0 1-1 2-2 2?1"), gold("0-0 1-1")])
    assert scores.precision == pytest.approx(4 / 5)
    assert scores.recall == pytest.approx(3 / 5)
    assert scores.aer == pytest.approx(0.3)
    assert (scores.found, scores.sure, scores.possible, scores.sentences) == (5, 5, 6, 2)
    # The mean of the two sentences would be another: (1 - 5/7 + 1 - 2/3) / 2 = 0.3095.
    assert scores.aer != pytest.approx(((1 - 5 / 7) + (1 - 2 / 3)) / 2, abs=1e-3)
    assert str(scores) == "AER 0.300  precision 0.800  recall 0.600  links found 5, sure 5, possible 6; sentences 2"


@pytest.mark.parametrize(
    ("found", "line", "expected"),
    [
        # aer, precision, recall
        (set(), "", (0.0, 1.0, 1.0)),
        (set(), "0-0", (1.0, 1.0, 0.0)),
        (set(), "0?0", (0.0, 1.0, 1.0)),
        ({(0, 0)}, "", (1.0, 0.0, 1.0)),
        ({(0, 0)}, "0?0", (0.0, 1.0, 1.0)),
    ],
)
def test_what_nothing_is_worth(found: set, line: str, expected: tuple[float, float, float]) -> None:
    scores = alignment_error([found], [gold(line)])
    assert (scores.aer, scores.precision, scores.recall) == expected


@pytest.mark.parametrize(("found", "right"), [(0, 0), (1, 2), (2, 1), (0, 1)])
def test_what_cannot_be_compared(found: int, right: int) -> None:
    with pytest.raises(ValueError, match=f"links of {found} sentences cannot be scored against those of {right}"):
        alignment_error([set()] * found, [gold("")] * right)


corpora = st.lists(st.tuples(link_sets, golds), min_size=1, max_size=4)


def scored(corpus: list[tuple[frozenset, Gold]]) -> AlignmentScores:
    return alignment_error([found for found, _ in corpus], [right for _, right in corpus])


@settings(deadline=None)
@given(corpora)
def test_all_scores_lie_between_nothing_and_one(corpus: list[tuple[frozenset, Gold]]) -> None:
    scores = scored(corpus)
    for value in (scores.aer, scores.precision, scores.recall):
        assert 0 <= value <= 1


@settings(deadline=None)
@given(st.lists(golds, min_size=1, max_size=4), st.data())
def test_finding_all_that_is_sure_and_only_what_is_possible_is_no_error(right: list[Gold], data: st.DataObject) -> None:
    found = [
        each.sure | data.draw(st.sets(st.sampled_from(sorted(each.possible)))) if each.possible else set()
        for each in right
    ]
    scores = alignment_error(found, right)
    assert (scores.aer, scores.precision, scores.recall) == (0, 1, 1)


@settings(deadline=None)
@given(corpora, st.tuples(st.integers(31, 40), st.integers(0, 40)))
def test_a_wrong_link_makes_nothing_better(corpus: list[tuple[frozenset, Gold]], wrong: tuple[int, int]) -> None:
    (found, right), *rest = corpus
    before, after = scored(corpus), scored([(found | {wrong}, right), *rest])
    assert after.precision <= before.precision
    assert after.recall == before.recall
    assert after.aer >= before.aer


@settings(deadline=None)
@given(corpora)
def test_the_order_and_the_cuts_of_a_corpus_do_not_matter(corpus: list[tuple[frozenset, Gold]]) -> None:
    assert scored(corpus) == scored(corpus[::-1])


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=5))
def test_each_target_word_has_at_most_one_link(weights: list[list[float]]) -> None:
    links = strongest_links(soft(weights))
    targets = [target for _, target in links]
    assert len(targets) == len(set(targets))
    for source, target in links:
        assert weights[target][source] == max(weights[target]) > 0
