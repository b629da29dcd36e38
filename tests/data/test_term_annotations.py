"""Annotations of terms: where they stand, what they change, and that the same pairs have them each time."""

import random

import pytest

from nmt.data.corpora import from_pairs
from nmt.data.term_annotations import MARKS, AnnotatedCorpus, TermLexicon, Wanted, annotated, cores, unmarked

LEXICON = TermLexicon(
    {"apple": frozenset({"사과를", "사과가"}), "book": frozenset({"책을"})},
    {"사과를": "사과", "사과가": "사과", "책을": "책", "물을": "물"},
    # 물을 stands elsewhere between 나는 and 먹었다, 책을 never before it.
    {"나는": ("물을", "사과를", "책을")},
    {"먹었다": frozenset({"물을", "사과를"})},
)


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("나는 사과를 먹었다", [(3, 5, "a pear")], "나는 ⟦ 사과를 ⇒ a pear ⟧ 먹었다"),
        ("사과, 밥", [(0, 2, "pear"), (4, 5, "rice")], "⟦ 사과 ⇒ pear ⟧ , ⟦ 밥 ⇒ rice ⟧"),
        ("(사과)", [(1, 3, "pear")], "( ⟦ 사과 ⇒ pear ⟧ )"),
        ("我吃苹果了", [(2, 4, "pear")], "我吃 ⟦ 苹果 ⇒ pear ⟧ 了"),
        ("a ⟦b⟧ ⇒ c", [(6, 7, "⟧"), (8, 9, "d")], "a [b] ⟦ → ⇒ ] ⟧ ⟦ c ⇒ d ⟧"),
        # Both in one word: the first counts.
        ("사과사과 밥", [(0, 2, "pear"), (2, 4, "fig")], "⟦ 사과사과 ⇒ pear ⟧ 밥"),
        # An accent stays with its letter.
        ("e\u0301tude", [(0, 1, "x")], "⟦ e\u0301tude ⇒ x ⟧"),
        ("밥", [], "밥"),
    ],
)
def test_the_translation_stands_behind_the_term(text: str, wanted: list, expected: str) -> None:
    found = annotated(text, [Wanted(*each) for each in wanted])
    assert found.text == expected
    assert len(found.origins) == len(found.text) and sorted(found.origins) == list(found.origins)
    # Each character of the text is there, from its own place.
    assert set(found.origins) == set(range(len(text)))
    assert all(unmarked(text)[place] in found.text for place in found.origins)


def test_what_was_inserted_comes_from_the_end_of_its_term() -> None:
    found = annotated("나는 밥을 먹었다", [Wanted(3, 4, "rice")])
    begin = found.text.index(" ⇒ rice")
    assert set(found.origins[begin : begin + len(" ⇒ rice ⟧")]) == {4}
    assert found.origins[found.text.index("먹")] == 6


def test_words_have_no_punctuation_around_them() -> None:
    text = "“I ate,” e-mail -- don't!"
    assert [text[slice(*place)] for place in cores(text)] == ["I", "ate", "e-mail", "don't"]
    for text in ("मैंने पानी पिया", "நான் சோறு", "cafe\u0301"):
        assert [text[slice(*place)] for place in cores(text)] == text.split()
        assert [slice(*place) for place in cores(f"“{text}”")][-1].stop == len(text) + 1


def test_in_some_annotations_another_word_stands_in_both_sides() -> None:
    found = {LEXICON.annotate("I ate an apple", "나는 사과를 먹었다", random.Random(seed)) for seed in range(40)}
    assert found == {
        ("I ate an ⟦ apple ⇒ 사과 ⟧", "나는 사과를 먹었다"),
        ("I ate an ⟦ apple ⇒ 물 ⟧", "나는 물을 먹었다"),
    }
    # Where a word stands twice, nothing tells which is meant.
    same = ("an apple, an apple", "사과를 사과를")
    assert LEXICON.annotate(*same, random.Random(1)) == same


def test_a_corpus_has_the_same_annotations_each_time() -> None:
    pairs = [(f"{i} I ate an apple", f"나는 사과를 먹었다 {i}") for i in range(300)]
    corpus = from_pairs(pairs)
    some = AnnotatedCorpus(corpus.name, corpus.size, corpus, LEXICON, share=0.3, seed=1)
    rows = list(some.pairs())
    assert [tuple(each.decode() for each in row) for row in some.dataset().as_numpy_iterator()] == rows
    assert some.seekable == corpus.seekable and some.size == 300
    # 300 draws of 0.3 have a standard deviation of 8.
    assert 60 < sum(MARKS[0] in source for source, _ in rows) < 120
    other = AnnotatedCorpus(corpus.name, corpus.size, corpus, LEXICON, share=0.3, seed=2)
    assert list(other.pairs()) != rows
    assert list(AnnotatedCorpus("x", size=300, corpus=corpus, lexicon=LEXICON, share=0.0, seed=1).pairs()) == pairs
