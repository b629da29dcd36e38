"""Strings of one line, and beginnings that stay as they were given."""

import unicodedata

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from nmt.inference.strings import continued, encoded, one_line, text_list


@for_all(st.text(st.characters() | st.sampled_from("\n\r\v\f\x1c\x85\u2028\u2029")))
def test_one_line_is_one_line_of_the_same_length(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
    assert not any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in one_line(text))
    assert len(one_line(text)) == len(text)
    assert one_line(one_line(text)) == one_line(text)


def test_half_a_surrogate_pair_is_a_question_mark() -> None:
    assert encoded(["a\ud800b", ""]).numpy().tolist() == [b"a?b", b""]
    assert encoded([]).shape == (0,)


def test_a_beginning_keeps_what_no_piece_spells() -> None:
    assert continued("h東", b"h", b"hello") == "h東ello"


@pytest.mark.parametrize(
    ("given", "written", "whole"),
    [
        ("I ate ", "I ate rice", "I ate rice"),
        ("I ate  ", "I ate rice", "I ate  rice"),
        ("I ate\u00a0", "I ate rice", "I ate\u00a0rice"),
        ("I ate", "I ate rice", "I ate rice"),
        ("I at", "I ate rice", "I ate rice"),
        ("I ate ", "I ate", "I ate "),
        ("", "rice", "rice"),
    ],
)
def test_a_beginning_that_ends_in_a_space_gets_no_second_one(given: str, written: str, whole: str) -> None:
    assert continued(given, given.replace("\u00a0", " ").rstrip().encode(), written.encode()) == whole


def test_texts_are_read_once_in_their_order_and_one_string_is_refused() -> None:
    assert text_list(text for text in ("b", "a")) == ["b", "a"]
    with pytest.raises(TypeError, match="list of captions, not one string"):
        text_list("a b", "captions")
