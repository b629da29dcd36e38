"""Labelled texts: what is wrong is told with its line, before anything is trained."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from nmt.config import Config, with_settings
from nmt.data.corpora import from_pairs, from_tsv
from nmt.data.label_pipeline import LabelPipeline, label_lengths
from nmt.data.labels import Labels, Reading, check_known, check_lines, learn_labels
from nmt.data.mixture import open_tsvs
from nmt.data.pipeline import Buckets
from nmt.data.tagged_pieces import split_tokens, tagged_pieces
from nmt.data.tokenizers import EOS, UNK, train_tokenizers
from nmt.errors import InputError

TEXTS, WORDS, LETTERS = Reading(False, False), Reading(True, False), Reading(True, True)


def test_what_is_labelled_follows_from_the_config():
    assert Reading.of(with_settings(Config(), ["model.architecture=classifier"])) == TEXTS
    assert Reading.of(with_settings(Config(), ["model.architecture=tagger"])) == WORDS
    assert Reading.of(with_settings(Config(), ["model.architecture=tagger", "text.kind=char"])) == LETTERS
    assert TEXTS.labels(" very good ") == ["very good"] and WORDS.labels("A  B") == ["A", "B"]


def test_labels_are_counted_and_kept_in_a_file(tmp_path: Path):
    (tmp_path / "a.tsv").write_text("x y\tB A\nz\tA\n")
    (tmp_path / "b.tsv").write_text("\tA\nx\tC\n")  # a blank text counts nowhere
    counted = check_lines(open_tsvs([tmp_path / "a.tsv", tmp_path / "b.tsv"]), WORDS)
    assert counted == {"A": 2, "B": 1, "C": 1}
    labels = learn_labels(counted, "a.tsv")
    assert labels.names == ("A", "B", "C") and labels.numbers["B"] == 1
    labels.save(tmp_path)
    assert Labels.load(tmp_path) == labels
    for content in (b"A\n", b"A\nA\n", b"A\n B\n", b"\xff\n\xfe\n"):
        (tmp_path / "labels.txt").write_bytes(content)
        with pytest.raises(InputError, match="damaged"):
            Labels.load(tmp_path)
    with pytest.raises(InputError, match="incomplete"):
        Labels.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("content", "reading", "words"),
    [
        ("x y\tA B\nx y z\tA B\n", WORDS, "t.tsv, line 2: there are 2 tags for 3 words"),
        ("xy\tA B\nx y\tA B\n", LETTERS, "t.tsv, line 2: there are 2 tags for 3 characters"),
        ("x\tA\ny\t \n", TEXTS, "line 2: the text has no label"),
        (" \tA\n", TEXTS, "no line with a text and a label"),
        ("x\n", TEXTS, "line 1: there is one column"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, content: str, reading: Reading, words: str):
    (tmp_path / "t.tsv").write_text(content)
    with pytest.raises(InputError, match=words):
        check_lines(from_tsv(tmp_path / "t.tsv"), reading)


def test_one_label_teaches_nothing_and_an_unseen_one_is_unknown():
    with pytest.raises(InputError, match="single label 'A'"):
        learn_labels(["A"], "t.tsv")
    with pytest.raises(InputError, match="label 'Posi', which the training never saw"):
        check_known(["Pos", "Posi"], Labels(("Neg", "Pos")), "t.tsv")


@pytest.fixture(scope="module")
def pieces():
    return train_tokenizers([("we went home", ""), ("we ate", "")] * 9, "bpe", 20).source


def test_each_word_is_cut_by_itself_and_its_first_piece_stands_for_it(pieces):
    texts = ["we  homewent", "", "\u200b we"]
    found = tagged_pieces(pieces, split_tokens(tf.constant(texts), False), characters=False)
    whole = [pieces.ids("we"), pieces.ids("homewent")]
    nothing = pieces.ids("\u200b") or [UNK]
    assert found.ids.to_list() == [whole[0] + whole[1], [], [*nothing, *whole[0]]]
    assert found.places.to_list() == [[0, len(whole[0])], [], [0, len(nothing)]]
    lengths = next(label_lengths([(text, "") for text in texts], pieces, WORDS, 100))
    assert lengths.tolist() == [[1, len(whole[0] + whole[1]) + 1], [1, len(nothing + whole[0]) + 1]]


def test_each_character_is_one_piece():
    letters = train_tokenizers([("나는 밥을", ""), ("we", "")] * 9, "char").source
    found = tagged_pieces(letters, split_tokens(tf.constant(["나 는", "x"]), True), characters=True)
    assert [letters.pieces(row) for row in found.ids.to_list()] == [["나", "▁", "는"], ["<unk>"]]
    assert found.places.to_list() == [[0, 1, 2], [0]]


def pipeline(corpus, tokenizer, reading, names):
    from nmt.data.tokenizers import Tokenizers

    measured = np.array([[1, 3], [1, 5]])
    return LabelPipeline(
        corpus.dataset(), Tokenizers(tokenizer, tokenizer), Buckets.fit(measured, 2, 9), max_length=8, batch_size=2,
        labels=Labels(names), reading=reading,
    )  # fmt: skip


def test_batches_have_a_label_for_each_text_or_at_the_first_piece_of_each_word(pieces):
    tagged = from_pairs([("we homewent", "A B"), ("we", "B"), (" ", "A"), ("we " * 9, "A " * 9)])
    batches = list(pipeline(tagged, pieces, WORDS, ("A", "B")).in_order().as_numpy_iterator())
    found = {
        tuple(ids[ids > 0]): tuple(row[ids > 0]) for x, y in batches for ids, row in zip(x["source"], y, strict=True)
    }
    we, long = pieces.ids("we"), pieces.ids("homewent")
    wanted = {
        (*we, EOS): (1, *[-1] * len(we)),
        (*we, *long, EOS): (0, *[-1] * (len(we) - 1), 1, *[-1] * len(long)),
    }
    assert found == wanted and all((y[x["source"] == 0] == -1).all() for x, y in batches)
    named = from_pairs([("we went", " A "), ("home", "B")])
    batches = list(pipeline(named, pieces, TEXTS, ("A", "B")).in_order().as_numpy_iterator())
    assert {tuple(ids[ids > 0]): int(label) for x, y in batches for ids, label in zip(x["source"], y, strict=True)} == {
        (*pieces.ids("we went"), EOS): 0,
        (*pieces.ids("home"), EOS): 1,
    }


@pytest.mark.parametrize(("reading", "labels"), [(TEXTS, ["A", "B", "A"]), (WORDS, ["A B", "B", "A"])])
def test_blank_rows_for_xla_have_no_label(pieces, reading, labels):
    corpus = from_pairs(list(zip(["we went", "we", "home"], labels, strict=True)))
    usual = pipeline(corpus, pieces, reading, ("A", "B"))
    for one, other in zip(
        *(dataclasses.replace(usual, full_batches=full).in_order() for full in (False, True)), strict=True
    ):
        (x, y), (filled, numbers) = one, other
        assert len(numbers) == 2 and numbers[: len(y)].numpy().tolist() == y.numpy().tolist()
        assert (numbers[len(y) :].numpy() == -1).all()
        assert (filled["source"][len(y) :, 0].numpy() == EOS).all() and not filled["source"][len(y) :, 1:].numpy().any()
        np.testing.assert_array_equal(filled["source"][: len(y)], x["source"])
