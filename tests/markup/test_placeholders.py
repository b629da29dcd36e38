"""Placeholders come out letter by letter, whatever a model makes of them."""

import numpy as np

from nmt.markup.placeholders import keeping
from nmt.markup.translate import translate_marked
from nmt.translation import Translation


def reversing(change, score=-1.0):
    """A model that changes each word and turns their order around; a word is linked to the one it came from."""

    def translate(sentences):
        found = []
        for sentence in sentences:
            given = sentence.split()
            written = [change(word) for word in given][::-1]
            pieces = tuple(f"▁{word}" for word in given), tuple(f"▁{word}" for word in written)
            weights = np.eye(len(given), len(given) + 1)[::-1]
            found.append(Translation(" ".join(written), score * len(given), *pieces, weights))
        return found

    return translate


def lines(texts, translate, **options):
    return [each.text for each in translate_marked(texts, translate, **options)]


def test_a_model_that_copies_puts_them_where_it_wrote_their_masks():
    assert lines(["{name}는 <b>%s</b> 3 https://a.b/c?d=1&amp;e a@b.c"], reversing(str)) == [
        "a@b.c https://a.b/c?d=1&amp;e 3 <b>%s</b> {name}는"
    ]
    assert lines(["one {a} and {a}"], reversing(str), form="text") == ["{a} and {a} one"]
    # What touches.
    assert lines(["{a}{b} x%s"], reversing(str), form="text")[0].count("%s") == 1


def test_a_number_is_its_own_mask():
    asked = []

    def counted(sentences):
        asked.extend(sentences)
        return reversing(str)(sentences)

    assert lines(["I ate 3 of 3 and 3,000 {n}"], counted, form="text") == ["{n} 3,000 and 3 of 3 ate I"]
    assert asked == ["I ate 3 of 3 and 3,000 X4"]


def test_a_model_that_copies_nothing_is_asked_with_words_it_knows():
    # "ab" and "cd" are known; whatever else is written as "?", which is linked as before.
    known = {"ab": "AB", "cd": "CD", "x": "X", "y": "Y"}
    translate = reversing(lambda word: known.get(word, "?"))
    assert lines(["x {n} <b>y</b>"], translate, stand_ins=["ab", "cd"]) == ["<b>Y</b> {n} X"]
    # Without such words they still go where the links say.
    assert lines(["x {n} <b>y</b>"], translate) == ["<b>Y</b> {n} X"]


def test_most_stand_ins_decide():
    # The model takes "odd" for an end, and goes wrong; two of three agree.
    def translate(sentences):
        found = []
        for each in sentences:
            words = [word for word in each.split() if word != "odd"] if "odd" in each else each.split()
            found += reversing(lambda word: word.upper() if word in ("ab", "cd", "x", "y") else "?")([" ".join(words)])
        return found

    assert lines(["x {n} y"], translate, stand_ins=["odd", "ab", "cd"], form="text") == ["Y {n} X"]


def test_a_model_that_writes_nothing_still_has_them():
    def silent(sentences):
        return [
            Translation("", score=0.0, source_tokens=("▁x",), tokens=(), alignment=np.zeros([0, 2])) for _ in sentences
        ]

    assert lines(["<b>x</b> {n} 5"], silent, stand_ins=["a"])[0].replace(" ", "").count("{n}5") == 1


def test_a_line_of_placeholders_is_not_translated():
    def never(sentences):
        raise AssertionError(sentences)

    assert lines(["{n}", "", "<br>", "42 %s"], never) == ["{n}", "", "<br>", "42 %s"]


def test_sentences_without_any_are_translated_as_they_are():
    asked = []

    def counted(sentences):
        asked.append(list(sentences))
        return reversing(str)(sentences)

    keeping(counted, {})(["a b", "c"])
    assert asked == [["a b", "c"]]
