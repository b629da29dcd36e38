"""Texts with markup, translated, and the links between texts and translations."""

import tracemalloc

import numpy as np
import pytest

from nmt.evaluation.alignment import Words
from nmt.markup.links import links_of
from nmt.markup.translate import TooManyMarks, Unaligned, translate_marked
from nmt.translation import Translation


def shout(sentences):
    pieces = [tuple(f"▁{word}" for word in each.split()) for each in sentences]
    return [
        Translation(
            each.upper(), score=0.0, source_tokens=words, tokens=words, alignment=np.eye(len(words), len(words) + 1)
        )
        for each, words in zip(sentences, pieces, strict=True)
    ]


def test_a_pair_of_tags_goes_over_several_sentences():
    (found,) = translate_marked(["I ate. <b>You <i>ate.</i> They</b> slept {n} times."], shout, language="en")
    assert found.text == "I ATE. <b>YOU <i>ATE.</i> THEY</b> SLEPT {n} TIMES."
    assert len(found.sentences) == 3


def test_pairs_around_what_is_not_translated_stay_around_it():
    texts = [
        "See below. <b><code>foo</code></b>. And more.",
        "<b>1.</b> <i>x</i> y",
        "<b>—</b> x",
        "* <i>*</i> <b>*</b>",
    ]
    wanted = ["SEE BELOW. <b><code>foo</code></b>. AND MORE.", "<b>1.</b> <i>X</i> Y", "<b>—</b> X", texts[3]]
    assert [each.text for each in translate_marked(texts, shout, language="en")] == wanted
    # One sentence a text: nothing but what is kept is not translated, either.
    (found,) = translate_marked(["<code>a</code> <b><code>b</code></b>"], shout)
    assert found.text == "<code>a</code> <b><code>b</code></b>"


def test_many_signs_that_are_copied_take_memory_for_their_words_only():
    # One array of their links would take 800 MB.
    (found,) = translate_marked(["* " * 10_000 + "<b>x</b>"], shout, language="en")
    assert found.text.endswith("* <b>X</b>")


def test_without_alignments_plain_text_is_translated_and_tags_are_refused():
    def unaligned(sentences):
        return [Translation(each.upper(), 0.0) for each in sentences]

    assert translate_marked(["a &amp; b"], unaligned)[0].text == "A &amp; B"
    with pytest.raises(Unaligned, match="has no alignments"):
        translate_marked(["<b>a</b>"], unaligned)


def test_a_long_paragraph_takes_memory_for_its_sentences_only():
    # One array of all links, of 12,000 words on both sides, would take more than 1 GB.
    tracemalloc.start()
    (found,) = translate_marked(["a b c. D e f. " * 2000 + "<b>x</b>"], shout, language="en")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.text.endswith("F. <b>X</b>") and most < 100e6


def test_a_text_with_too_many_tags_is_named():
    with pytest.raises(TooManyMarks) as error:
        translate_marked(["a", "<br>" * 1001], shout)
    assert error.value.text == 2


def test_the_reason_why_markup_is_broken():
    found = translate_marked(["<b>a</b>", "<b>a", "a <!-- x <b>y</b> z"], shout)
    assert [each.broken.split(",")[0] for each in found] == ["", "<b> is not closed", "'<!-- x <b>y</b> z' has no end"]
    # Also without any mark: what a browser does not show stays as it is.
    assert found[2].text == "A <!-- x <b>y</b> z"


def test_units_are_words_or_in_a_script_without_spaces_pieces():
    alignment = np.eye(3, 5)[:, [0, 1, 4, 2, 3]]
    source, target = ("▁I", "▁a", "te", "▁rice"), ("▁我", "吃了", "饭")
    found = links_of(
        "I ate rice", Translation("我吃了饭", score=0.0, source_tokens=source, tokens=target, alignment=alignment)
    )
    assert [tuple(place) for place in found.target] == [(0, 1), (1, 3), (3, 4)]
    assert found.weights.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_pieces_that_do_not_spell_the_text_count_by_their_words_or_their_length():
    translation = Translation("A B", score=0.0, source_tokens=("▁½", "▁x"), tokens=("▁A", "▁B"), alignment=np.eye(2, 3))
    # Normalisation wrote two words as one piece: only the length tells.
    assert links_of("1 / 2 x", translation).weights.shape == (2, 4)
    known = Translation(
        "A B",
        score=0.0,
        source_tokens=("▁½", "▁x"),
        tokens=("▁A", "▁B"),
        alignment=np.eye(2, 3),
        source_words=Words(("1/2", "x"), (0, 1)),
    )
    assert links_of("1/2 x", known).weights.tolist() == [[1, 0], [0, 1]]
    assert links_of("", Translation("", 0.0)).weights.shape == (0, 0)
