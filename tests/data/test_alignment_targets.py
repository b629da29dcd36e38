"""Links of words become what pieces should attend to, whatever the pieces, and are dropped rather than misplaced."""

import dataclasses
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from nmt.data.alignment_targets import Guide, count_lost
from nmt.data.corpora import from_files
from nmt.data.pipeline import Buckets, Pipeline, lengths, linked
from nmt.data.tokenizers import EOS, Tokenizers, train_tokenizers
from nmt.data.word_links import with_links
from nmt.evaluation.alignment import by_word, words

PAIRS = [
    ("nanun bapul mogotta", "I ate rice"),
    ("nonun baengul satta", "you bought the bread"),
    ("urinun sagwarul boatta", "we saw apples"),
]
LINES = ["0-0 1-2 2-1", "0-0 1-2 1-3 2?1", ""]
# Kinds of pieces, and how the third of them cuts anew each time.
KINDS = [("unigram", 32, 0.0), ("bpe", 40, 0.0), ("unigram", 32, 0.2), ("bpe", 40, 0.3), ("char", "auto", 0.0)]
KINDS = [*KINDS, ("word", "auto", 0.0)]


@cache
def made(kind: str, size: int | str, normalization: str = "nfc") -> Tokenizers:
    return train_tokenizers(PAIRS * 5, kind, size, normalization=normalization)


def strings(rows: list[tuple[str, str, str]]) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(tuple(map(list, zip(*rows, strict=True))))


def pipeline(pairs: tf.data.Dataset, tokenizers: Tokenizers, batch_size: int = 3, sampling: float = 0.0) -> Pipeline:
    """Batches in shapes a little too large."""
    buckets = Buckets(np.array([70]), np.array([[61]]))
    return Pipeline(pairs, tokenizers, buckets, 59, batch_size=batch_size, sampling=sampling)


def batches(rows: list[tuple[str, str, str]], tokenizers: Tokenizers, sampling: float = 0.0) -> list:
    """The batches of one epoch."""
    return list(pipeline(strings(rows), tokenizers, sampling=sampling).epoch(0).as_numpy_iterator())


def expected(tokenizers: Tokenizers, source: np.ndarray, output: np.ndarray, links: set[tuple[int, int]]) -> np.ndarray:
    """The matrix of one pair, a piece at a time, by the rule of the alignments that are shown."""
    x, y = (
        tokenizer.pieces([i for i in ids if i not in (0, EOS)])
        for tokenizer, ids in ((tokenizers.source, source), (tokenizers.target, output))
    )
    matrix = np.zeros([len(output), len(source)], np.float32)
    for t, j in enumerate(words(y)[1]):
        pieces = [s for s, i in enumerate(words(x)[1]) if (i, j) in links]
        matrix[t, pieces] = 1 / max(len(pieces), 1)
    return matrix


def read(line: str) -> set[tuple[int, int]]:
    return {(int(i), int(j)) for i, j in (link.replace("?", "-").split("-") for link in line.split())}


def test_two_pieces_of_a_word_by_hand() -> None:
    tokenizers = train_tokenizers([("ab c", "d e")] * 3, "char")
    ids = {piece: i for i, piece in enumerate(tokenizers.source.pieces(range(tokenizers.source.vocabulary)))}
    # ▁ a b ▁ c </s> and ▁ d ▁ e </s>; d is linked to ab, e to ab and c.
    source = tf.constant([[ids["▁"], ids["a"], ids["b"], ids["▁"], ids["c"], EOS, 0]])
    output = tf.constant([[ids["▁"], ids["d"], ids["▁"], ids["e"], EOS, 0]])
    links = tf.constant([[0, 0, 0, 1, 1, 1, -1, -1]])
    inputs, same = Guide(tokenizers)({"source": source, "target": output, "links": links}, output)
    third, fifth = 1 / 3, 1 / 5
    wanted = [
        [third, third, third, 0, 0, 0, 0],
        [third, third, third, 0, 0, 0, 0],
        [fifth, fifth, fifth, fifth, fifth, 0, 0],
        [fifth, fifth, fifth, fifth, fifth, 0, 0],
        [0] * 7,
        [0] * 7,
    ]
    np.testing.assert_allclose(inputs["links"], [wanted], rtol=1e-6)
    assert same is output and set(inputs) == {"source", "target", "links"}


@pytest.mark.parametrize(("kind", "size", "sampling"), KINDS)
def test_every_kind_of_pieces(kind: str, size: int | str, sampling: float) -> None:
    tokenizers = made(kind, size)
    rows = [(*pair, line) for pair, line in zip(PAIRS, LINES, strict=True)]
    of_target = {target.replace(" ", ""): read(line) for _, target, line in rows}
    seen = 0
    for inputs, output in batches(rows, tokenizers, sampling):
        assert inputs["links"].dtype == np.float32
        assert inputs["links"].shape == (*output.shape, inputs["source"].shape[1])
        for source, target, matrix in zip(inputs["source"], output, inputs["links"], strict=True):
            pieces = tokenizers.target.pieces([i for i in target if i not in (0, EOS)])
            links = of_target["".join(words(pieces)[0])]
            np.testing.assert_allclose(matrix, expected(tokenizers, source, target, links), rtol=1e-6)
            assert matrix.any() == bool(links)
            seen += 1
    assert seen == 3


def test_noise_leaves_the_linked_words() -> None:
    """Without the mark at the end, which is a word here, the links to it would be to no word."""
    rows = [("nanun bapul mogotta .", "I ate rice .", "0-0 1-2 2-1 3-3")] * 40
    tokenizers = train_tokenizers([row[:2] for row in rows], "char")
    noisy = dataclasses.replace(pipeline(strings(rows), tokenizers), noise=1.0)
    sources = set()
    for inputs, output in noisy.epoch(0).as_numpy_iterator():
        for source, target, matrix in zip(inputs["source"], output, inputs["links"], strict=True):
            sources.add(tuple(source))
            np.testing.assert_allclose(matrix, expected(tokenizers, source, target, read(rows[0][2])), rtol=1e-6)
    assert len(sources) > 5


@st.composite
def linked_pairs(draw: st.DrawFn) -> tuple[str, str, str]:
    source, target = (draw(st.lists(st.text("abcdef", min_size=1, max_size=5), min_size=1, max_size=6)) for _ in "xy")
    places = st.tuples(st.integers(0, len(source) - 1), st.integers(0, len(target) - 1))
    links = draw(st.lists(places, max_size=9))
    spaces = draw(st.sampled_from([" ", "  "]))
    return (
        spaces.join(source),
        " ".join(target) + spaces,
        " ".join(f"{i}{draw(st.sampled_from('-?'))}{j}" for i, j in links),
    )


LETTERS = train_tokenizers(
    [("abc de f", "fed cb a"), ("a b c d e f", "ab cd ef"), ("abcdef", "fff eee")] * 4, "bpe", 24
)


# To make a pipeline takes longer than to run it, so each example has many pairs.
@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(rows=st.lists(linked_pairs(), min_size=8, max_size=16))
def test_the_pieces_merged_to_words_again_give_back_the_links(rows: list[tuple[str, str, str]]) -> None:
    wanted = sorted((s.split(), t.split(), sorted(read(line))) for s, t, line in rows)
    found = []
    for inputs, output in batches(rows, LETTERS):
        for source, target, matrix in zip(inputs["source"], output, inputs["links"], strict=True):
            x, y = (LETTERS.source.pieces([i for i in ids if i not in (0, EOS)]) for ids in (source, target))
            merged = by_word(x, y, matrix)
            links = sorted((int(i), int(j)) for j, i in zip(*np.nonzero(merged.weights), strict=True))
            # A word without links has no weight, and the weights of every other one add up to one.
            np.testing.assert_allclose(
                merged.weights.sum(1), [j in {j for _, j in links} for j in range(len(merged.target))], atol=1e-6
            )
            found.append((list(merged.source), list(merged.target), links))
    assert sorted(found) == wanted


# Words that are others than they seem

ODD = {
    "as it seems": ("na bap", True),
    "many spaces": ("  na   bap ", True),
    "a space that does not break": ("na\u00a0bap x", False),
    "one sign of several words": ("na \ufdfa", False),
    "a word that is dropped": ("na \u200b bap", False),
    "one dropped and one split": ("na \u200b ba\u00a0p", False),
    "one dropped, one split, the dropped one last": ("ba\u3000p na \u0007\ufeff", False),
    "one's own space": ("na \u2581 bap\u2581u", False),
    "half a letter": ("ｎａ ｂａｐ", True),
    "an unknown letter": ("na Ж", True),
}


def odd_pairs(swapped: bool) -> list[tuple[str, str]]:
    return [("I ate", odd) if swapped else (odd, "I ate") for odd, _ in ODD.values()]


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("case", ODD)
def test_links_are_lost_where_the_pieces_make_other_words(case: str, swapped: bool) -> None:
    tokenizers, trusted = made("char", "auto", "nmt_nfkc"), ODD[case][1]
    source, target = (tf.constant([one] * 3) for one in odd_pairs(swapped)[list(ODD).index(case)])
    lines = tf.constant(["0-0 1-1", "", "0-0"])
    kept, lost = Guide(tokenizers).read(
        lines, source=source, target=target, x=tokenizers.source.encode(source), y=tokenizers.target.encode(target)
    )
    assert lost.numpy().tolist() == [not trusted, False, not trusted]
    assert kept.to_list() == ([[0, 0, 1, 1], [], [0, 0]] if trusted else [[], [], []])


@pytest.mark.parametrize("swapped", [False, True])
def test_links_that_are_lost_are_in_no_batch_and_counted(swapped: bool) -> None:
    text, pairs = made("char", "auto", "nmt_nfkc"), odd_pairs(swapped)
    one_by_one = pipeline(strings([(*pair, "0-0 1-1") for pair in pairs]), text, batch_size=1).in_order()
    found = [inputs["links"].any() for inputs, _ in one_by_one.as_numpy_iterator()]
    assert dict(zip(ODD, found, strict=True)) == {name: trusted for name, (_, trusted) in ODD.items()}
    rows = [(*pair, line) for pair in pairs for line in ("0-0 1-1", "", "0-0")]
    assert count_lost(strings(rows), text) == 2 * found.count(False)


def test_a_word_that_a_vocabulary_of_words_does_not_know_costs_the_links() -> None:
    """Its piece does not begin a word, and with a word that is split elsewhere the count would be right."""
    text = made("word", "auto")
    rows = [(source, "I ate", "0-0 1-1") for source in ("nanun\u00a0bapul strange", "strange bapul", "nanun bapul")]
    in_order = pipeline(strings(rows), text, batch_size=1).in_order().as_numpy_iterator()
    assert [inputs["links"].any() for inputs, _ in in_order] == [False, False, True]


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    source=st.lists(
        st.text(st.sampled_from("aﷺ\u00a0\u200b\u3000\u2581\ufffdé\u0301Ж½ㅎ한"), min_size=1, max_size=3),
        min_size=1,
        max_size=5,
    )
)
def test_links_that_are_kept_join_the_very_words(source: list[str]) -> None:
    tokenizers = made("char", "auto", "nmt_nfkc")
    x = tokenizers.source.encode(tf.constant([" ".join(source)]))
    y = tokenizers.target.encode(tf.constant(["I"]))
    guide = Guide(tokenizers)
    kept, lost = guide.read(
        tf.constant([f"{len(source) - 1}-0"]),
        source=tf.constant([" ".join(source)]),
        target=tf.constant(["I"]),
        x=x,
        y=y,
    )
    if lost.numpy()[0]:
        assert kept.to_list() == [[]]
        return
    assert kept.to_list() == [[len(source) - 1, 0]]
    normalize = tokenizers.source._processor.normalize
    assert normalize(" ".join(source)).replace("▁", " ").split() == [
        word for one in source for word in normalize(one).replace("▁", " ").split()
    ]
    assert all(len(normalize(one).replace("▁", " ").split()) == 1 for one in source)


# The pipeline


def test_links_change_nothing_else_in_a_batch() -> None:
    text = made("bpe", 40)
    rows = [(*pair, line) for pair, line in zip(PAIRS * 9, LINES * 9, strict=True)]
    pairs = strings(rows).map(lambda source, target, _: (source, target))
    measured = lengths(rows, text, 59)
    plain, guided = (
        list(Pipeline(one, text, Buckets.fit(measured, 2, 60), 59, batch_size=4).epoch(3).as_numpy_iterator())
        for one in (pairs, strings(rows))
    )
    assert len(plain) == len(guided) > 5
    for (inputs, output), (with_links_too, same) in zip(plain, guided, strict=True):
        np.testing.assert_array_equal(output, same)
        assert set(inputs) == {"source", "target"} and set(with_links_too) == {"source", "target", "links"}
        for name, ids in inputs.items():
            np.testing.assert_array_equal(ids, with_links_too[name])


def test_a_pair_that_is_left_out_takes_its_links_with_it() -> None:
    tokenizers = made("char", "auto", "nmt_nfkc")
    rows = [("nanun " * 20, "I", "0-0"), ("na ni", "you ate", "1-0"), ("", "I", ""), ("ni", "we", "")]
    ((inputs, output),) = batches(rows, tokenizers)
    by_rows = {
        len(words(tokenizers.target.pieces(y[y > 3]))[0]): m for y, m in zip(output, inputs["links"], strict=True)
    }
    assert by_rows[2].any() and not by_rows[1].any()


def test_no_python_runs_for_a_link(tmp_path: Path) -> None:
    for name, lines in (("x", [x for x, _ in PAIRS]), ("y", [y for _, y in PAIRS]), ("links", LINES)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    corpus = with_links(from_files(tmp_path / "x", tmp_path / "y"), tmp_path / "links")
    text = made("bpe", 40)
    links = corpus.link_dataset()
    assert links is not None
    guided = pipeline(linked(corpus.dataset(), links), text)
    graph = tf.raw_ops.DatasetToGraphV2(input_dataset=guided.epoch(1)._variant_tensor).numpy().decode("latin-1")
    assert "ScatterNd" in graph and "PyFunc" not in graph
