"""Rows of ids between others, against lists of Python."""

import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.data.framing import fitting_rows, framed

ROWS = st.lists(st.lists(st.integers(4, 99), max_size=5), max_size=7)
AROUND = st.lists(st.integers(0, 3), max_size=2)


@settings(max_examples=30, deadline=None)
@given(ROWS, AROUND, AROUND, st.data())
def test_rows_are_those_of_lists(rows, before, after, data):
    ids = tf.RaggedTensor.from_row_lengths(
        tf.constant([token for row in rows for token in row], tf.int32), tf.constant([*map(len, rows)], tf.int64)
    )
    chosen = data.draw(st.lists(st.sampled_from(range(len(rows))), max_size=7)) if rows else []
    found = framed(ids, before, after, tf.constant(chosen, tf.int64))
    assert found.to_list() == [[*before, *rows[i], *after] for i in chosen]
    assert found.dtype == tf.int32
    assert fitting_rows(3, ids).numpy().tolist() == [i for i, row in enumerate(rows) if 0 < len(row) <= 3]
    fits = [i for i, row in enumerate(rows) if row and len(row) + len(after) <= 3]
    assert fitting_rows(3, ids, framed(ids, after=after)).numpy().tolist() == fits
    assert framed(ids, before, after).to_list() == [[*before, *row, *after] for row in rows]
