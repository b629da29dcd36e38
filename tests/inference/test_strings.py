"""Strings of one line, and beginnings that stay as they were given."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from nmt.inference.strings import continued, encoded, one_line


@given(st.text(st.characters() | st.sampled_from("\n\r\v\f\x1c\x85\u2028\u2029")))
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
