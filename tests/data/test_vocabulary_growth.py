"""A vocabulary that grows keeps what it had."""

import numpy as np
import pytest
import tensorflow as tf

from nmt.data import tokenizers
from nmt.data.tokenizers import UNK
from nmt.data.vocabulary_growth import grow, replaced

OLD = [("the cat sat", "le chat est assis"), ("the dog sat", "le chien est assis"), ("a cat ran", "un chat court")] * 20
NEW = [("the zebra zigzagged", "le zèbre zigzague"), ("a zebra ran", "un zèbre court")] * 20


@pytest.mark.parametrize("kind", ["unigram", "bpe", "char", "word"])
@pytest.mark.parametrize("joint", [True, False])
def test_old_pieces_keep_their_ids_and_new_words_become_known(kind, joint):
    before = tokenizers.train_tokenizers(OLD, kind, "auto", joint)
    after = grow(before, NEW, kind, 40)
    assert after.joint == joint
    for old, new, sides in ((before.source, after.source, 0), (before.target, after.target, 1)):
        assert old.vocabulary < new.vocabulary <= old.vocabulary + 40
        assert new.pieces(range(old.vocabulary)) == old.pieces(range(old.vocabulary))
        words = [pair[sides] for pair in NEW]
        ids = new.encode(tf.constant(words))
        assert UNK not in ids.flat_values.numpy()
        assert [t.decode() for t in new.decode(ids).numpy()] == words
        known = [pair[sides] for pair in OLD]
        assert [t.decode() for t in new.decode(new.encode(tf.constant(known))).numpy()] == known


def test_new_pieces_shorten_new_words():
    before = tokenizers.train_tokenizers(OLD, "bpe")
    after = grow(before, NEW, "bpe", 200)
    words = tf.constant(["zebra zigzagged"])
    assert after.source.encode(words).row_lengths()[0] < before.source.encode(words).row_lengths()[0]


def test_no_more_pieces_than_asked_for_and_characters_come_first():
    before = tokenizers.train_tokenizers(OLD, "unigram")
    after = grow(before, NEW, "unigram", 3)
    assert after.source.vocabulary == before.source.vocabulary + 3
    assert all(
        len(piece) == 1 for piece in after.source.pieces(range(before.source.vocabulary, after.source.vocabulary))
    )


def test_the_same_text_teaches_nothing_new():
    before = tokenizers.train_tokenizers(OLD, "char")
    assert grow(before, OLD, "char", 9).source.vocabulary == before.source.vocabulary


def test_a_new_piece_is_what_the_old_ones_spelled():
    before = tokenizers.train_tokenizers(OLD, "char").source

    def spelled(piece):
        return before.pieces(replaced(before, piece))

    assert spelled("▁cat") == ["▁", "c", "a", "t"]
    assert spelled("cat") == ["c", "a", "t"]
    assert replaced(before, "z") == [UNK]
    assert np.array_equal(replaced(before, "▁"), [before.pieces(range(before.vocabulary)).index("▁")])


def test_longest_matches_first():
    before = tokenizers.train_tokenizers(OLD * 5, "bpe", 60).source
    pieces = set(before.pieces(range(before.vocabulary)))
    inner = "chatassis"
    cut = before.pieces(replaced(before, inner))
    assert "".join(cut) == inner
    place = 0
    for piece in cut:
        longer = [inner[place:end] for end in range(place + len(piece) + 1, len(inner) + 1)]
        assert not pieces & set(longer)
        place += len(piece)
