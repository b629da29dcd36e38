"""Tags, put into translations: around the right words, nested, none lost."""

import html
import re
import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.documents.parts import spelled
from nmt.documents.sentences import Place
from nmt.markup.links import Joined, Links, joined
from nmt.markup.placing import best_run
from nmt.markup.placing import placed as parts_placed
from nmt.markup.reading import Marked, read


def words(text: str) -> tuple[Place, ...]:
    return tuple(Place(*match.span()) for match in re.finditer(r"\S+", text))


def linked(source: str, target: str, weights: np.ndarray) -> Joined:
    return joined([Links(words(source), words(target), weights)])


def placed(marked: Marked, target: str, links: Joined) -> str:
    return spelled(parts_placed(marked, target, links))


def put(source: str, target: str, links: str) -> str:
    """Place the marks of a source, with links of words as ``source-target``."""
    marked = read(source)
    weights = np.zeros([len(words(target)), len(words(marked.text))])
    for link in links.split():
        i, j = map(int, link.split("-"))
        weights[j, i] = 1
    return placed(marked, target, linked(marked.text, target, weights))


def test_pairs_go_around_the_words_that_are_linked() -> None:
    assert put("나는 <b>밥을</b> 먹었다", "I ate rice", "0-0 1-2 2-1") == "I ate <b>rice</b>"
    # A particle outside of a tag belongs to its word.
    assert put("<b>나</b>는 먹었다", "I ate", "0-0 1-1") == "<b>I</b> ate"
    # A word without a link does not tear a run apart, and "the" at its edge is not taken in.
    assert put("a <b>b c</b>", "the X of Y A", "1-1 2-3 0-4") == "the <b>X of Y</b> A"
    assert put("<b>a b</b>", "the A B", "0-1 1-2") == "<b>the A B</b>"


def test_pairs_stay_nested_and_side_by_side() -> None:
    assert put("<a>x <b>y</b></a> z", "Z Y X", "0-2 1-1 2-0") == "Z <a><b>Y</b> X</a>"
    assert put("<a>x</a> <b>y</b>", "Y X", "0-1 1-0") == "<b>Y</b> <a>X</a>"
    # Two pairs, one word: the second goes beside it.
    assert put("<a>x</a> <b>y</b>", "XY", "0-0 1-0") == "<a>XY</a> <b></b>"
    assert put("<a><b>x</b></a>", "X", "0-0") == "<a><b>X</b></a>"


def test_pairs_that_share_a_word_do_not_go_around_another() -> None:
    # The particle's word is taken: its pair goes beside it, not around "ate".
    assert put("<b>밥</b><i>을</i> 먹었다", "ate rice", "0-1 1-0") == "ate <b>rice</b><i></i>"
    assert put("<a>x</a> <b>y</b> z", "Z XY", "0-1 1-1 2-0") == "Z <a>XY</a> <b></b>"
    # Most of "Y" comes from outside of both, and nothing from inside of <b>: it has no words.
    assert put("<a>x</a> <b>w</b> y", "X Y", "0-0 2-1") == "<a>X</a> <b></b>Y"


def test_a_copied_word_has_its_tags_at_the_same_letters() -> None:
    assert put("p <a>x</a><b>y</b> q", "Q XY P", "0-2 1-1 2-0") == "Q <a>X</a><b>Y</b> P"
    assert put("(H<sub>n</sub>O) and", "and HnO.", "0-1 1-0") == "and H<sub>n</sub>O."
    assert put("<k>Ctrl</k>+<k>C</k> x", "X Ctrl+C", "0-1 1-0") == "X <k>Ctrl</k>+<k>C</k>"
    assert put("x O<wbr>K", "OK X", "0-1 1-0") == "O<wbr>K X"
    # Nothing else shows which letters are meant.
    assert put("<b>밥</b>을 x", "X rice", "0-1 1-0") == "X <b>rice</b>"


def test_spaces_behind_a_sign_stay_outside() -> None:
    assert put("<b>x y</b> z", "Z « Y X » .", "0-2 0-3 1-1 1-4 2-0 2-5") == "Z « <b>Y X</b> » ."


def test_signs_at_the_end_stay_outside_as_they_were() -> None:
    assert put("<b>먹었니</b>?", "ate?", "0-0") == "<b>ate</b>?"
    assert put("<b>먹었니?</b>", "ate?", "0-0") == "<b>ate?</b>"
    assert put("x <b>y</b>.", '"Y" X.', "0-1 1-0") == '"<b>Y</b>" X.'


def test_tags_alone_go_between_what_they_stood_between() -> None:
    assert put("x <img> y", "X Y", "0-0 1-1") == "X <img> Y"
    assert put("x<img> y", "X Y", "0-0 1-1") == "X<img> Y"
    assert put("x <img>y", "X Y", "0-0 1-1") == "X <img>Y"
    assert put("x y<br>z", "Z X Y", "0-1 1-2 2-0") == "Z X Y<br>"
    assert put("x<br>y z", "X Y Z", "0-0 1-1 2-2") == "X<br>Y Z"
    assert put("<img> x", "X", "0-0") == "<img> X" and put("x <img>", "X", "0-0") == "X <img>"
    # Not into a pair that it was not in, and not out of its own.
    assert put("<b>x y</b> <img> z", "Y X Z", "0-1 1-0 2-2") == "<b>Y X</b> <img> Z"
    assert put("<b>x <img> y</b> z", "X Y Z", "0-0 1-1 2-2") == "<b>X <img> Y</b> Z"


def test_what_is_kept_and_what_is_escaped() -> None:
    marked = read("<b>{a&b}</b> &lt;")
    translation = f"< & {marked.text[0]}"
    links = linked(marked.text, translation, np.array([[0, 1.0], [0, 0], [1, 0]]))
    assert spelled(parts_placed(marked, translation, links), html.escape) == "&lt; &amp; <b>{a&b}</b>"
    assert placed(marked, translation, links) == "< & <b>{a&b}</b>"


def test_nothing_to_put_them_around() -> None:
    assert put("<b>x</b><br>", "", "") == "<b></b><br>"
    assert put("<b></b>", "", "") == "<b></b>"
    assert put("x <b>y</b> z", "X", "") in ("<b></b>X", "X <b></b>")


def test_many_tags_do_not_take_long() -> None:
    source, target = "<b>a</b> " * 500, "A " * 500
    links = " ".join(f"{i}-{499 - i}" for i in range(500))
    begun = time.process_time()
    assert put(source, target.strip(), links).count("<b>A</b>") == 500
    # Inside of words, each of which is cut.
    assert put("a<b>b</b> " * 500, ("AB " * 500).strip(), links) == ("A<b>B</b> " * 500).strip()
    assert time.process_time() - begun < 3


def test_many_tags_do_not_take_long_where_links_say_nothing() -> None:
    begun = time.process_time()
    for source in ("<b>a</b> " * 1000, "a <br/> " * 1000):
        marked = read(source)
        links = linked(marked.text, "A " * 1000, np.full((1000, 1000), 0.001))
        assert len(_TAG.findall(placed(marked, ("A " * 1000).strip(), links))) == len(_TAG.findall(source))
    assert time.process_time() - begun < 3


def exhaustive(gains: list[float]) -> float:
    runs = [(i, j) for i in range(len(gains)) for j in range(i + 1, len(gains) + 1)]
    return max(sum(gains[i:j]) for i, j in runs)


@given(st.lists(st.sampled_from([-0.5, -0.25, 0.0, 0.25, 0.5]), min_size=1, max_size=9))
def test_the_best_run_is_the_best_of_all(gains: list[float]) -> None:
    first, last = best_run(np.array(gains), np.ones(len(gains), bool))
    assert first < last and sum(gains[first:last]) == exhaustive(gains)


_TAG = re.compile(r"<[^<>]*>")
PARTS = ["a", "b c", "<x>", "</x>", "<y z='1'>", "</y>", "<br>", " ", "{n}", ".", "<!--c-->"]


@given(st.lists(st.sampled_from(PARTS), max_size=14), st.integers(0, 6), st.integers(0, 999))
@settings(max_examples=100, deadline=None)
def test_nothing_is_lost_whatever_the_links_are(parts: list[str], size: int, seed: int) -> None:
    marked = read("".join(parts))
    target = " ".join([*(["W"] * size), *marked.kept])
    shape = (len(words(target)), len(words(marked.text)))
    links = linked(marked.text, target, np.random.default_rng(seed).random(shape))
    found = placed(marked, target, links)
    tags = re.compile(r"<[^<>]*>")
    assert sorted(tags.findall(found)) == sorted(tags.findall("".join(parts)))
    assert (
        tags.sub("", found.replace("<br>", " ")).split()
        == tags.sub("", placed(marked._replace(marks=()), target, links)).split()
    )
    assert found.count("{n}") == parts.count("{n}")
    # Pairs that were nested still are: each is closed by its own tag.
    open_now: list[str] = []
    alone = [each.opening for each in marked.marks if not each.closing]
    if not any(each in alone for each in ("<x>", "</x>", "<y z='1'>", "</y>")):
        for tag in tags.findall(found):
            if tag.startswith("</"):
                assert open_now.pop()[1] == tag[2]
            elif tag not in ("<br>", "<!--c-->"):
                open_now.append(tag)
