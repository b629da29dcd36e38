"""Every pair that fits reaches a batch, once, whole, and in an order that the epoch and the seed decide."""

import dataclasses
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from nmt.data.corpora import from_tsv
from nmt.data.pipeline import Buckets, Pipeline, batches, bounds, bucket_by_length, lengths, shift, tokenize
from nmt.data.tokenizers import BOS, EOS, PAD, Tokenizers, train_tokenizers
from nmt.errors import InputError

NOUNS = {"sol": "sun", "luno": "moon", "domo": "house", "arbo": "tree", "hundo": "dog"}
VERBS = {"vidas": "sees", "amas": "loves", "portas": "carries"}
# 5 * 3 * 3 pairs, longer and longer.
PAIRS = [
    (" ".join([noun, verb] + ["tre"] * n + ["bone"]), " ".join([NOUNS[noun], VERBS[verb]] + ["very"] * n + ["well"]))
    for noun in NOUNS
    for verb in VERBS
    for n in (0, 2, 5)
]


@pytest.fixture(scope="module")
def tokenizers() -> Tokenizers:
    return train_tokenizers(PAIRS, "char")


def strings(pairs: list[tuple[str, str]]) -> tf.data.Dataset:
    sources, targets = zip(*pairs, strict=True)
    return tf.data.Dataset.from_tensor_slices((list(sources), list(targets)))


@pytest.fixture(scope="module")
def pipeline(tokenizers: Tokenizers) -> Pipeline:
    corpus = strings(PAIRS)
    return Pipeline(
        corpus, tokenizers, Buckets.fit(lengths(PAIRS, tokenizers, 61), 3, 62), 61, batch_size=7, shuffle_buffer=23
    )


Batch = tuple[list[list[int]], list[list[int]], list[list[int]]]


def plain(dataset: tf.data.Dataset) -> list[Batch]:
    found = []
    for inputs, output in dataset.as_numpy_iterator():
        assert set(inputs) == {"source", "target"}
        found.append((inputs["source"].tolist(), inputs["target"].tolist(), output.tolist()))
    return found


def rows(found: list[Batch]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """All source and output rows, without padding."""
    return [
        (tuple(i for i in x if i != PAD), tuple(i for i in y if i != PAD))
        for source, _, output in found
        for x, y in zip(source, output, strict=True)
    ]


def ids(tokenizers: Tokenizers, pair: tuple[str, str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    source, target = (tuple(tokenizers.source.encode(tf.constant([side])).to_list()[0]) for side in pair)
    return (*source, EOS), (*target, EOS)


# Tokens


def test_the_source_ends_and_the_target_begins_and_ends(tokenizers: Tokenizers) -> None:
    source, target = next(tokenize(strings([("sol", "sun")]), tokenizers, 61).as_numpy_iterator())
    x, y = (tokenizers.source.encode(tf.constant([side])).to_list()[0] for side in ("sol", "sun"))
    assert source.tolist() == [*x, 3]
    assert target.tolist() == [2, *y, 3]


def test_pairs_with_an_empty_or_a_too_long_side_are_left_out(tokenizers: Tokenizers) -> None:
    # A piece a letter, and one for the space before the first word: "sol" has 4 pieces, "sols" has 5.
    pairs = [("sol", "sun"), ("", "sun"), ("sol", ""), ("  ", "sun"), ("sols", "sun"), ("sol", "suns"), ("s", "u")]
    kept = [(len(x), len(y)) for x, y in tokenize(strings(pairs), tokenizers, 4).as_numpy_iterator()]
    # Four pieces and the end; four pieces, start and end.
    assert kept == [(5, 6), (3, 4)]


def test_more_pairs_than_are_tokenized_at_a_time_keep_their_order(tokenizers: Tokenizers) -> None:
    pairs = [("s" * (n % 11 + 1), "u" * (n % 13 + 1)) for n in range(601)]
    found = [(len(x) - 2, len(y) - 3) for x, y in tokenize(strings(pairs), tokenizers, 61).as_numpy_iterator()]
    assert found == [(n % 11 + 1, n % 13 + 1) for n in range(601)]


def test_lengths_count_the_end_and_not_the_start(tokenizers: Tokenizers) -> None:
    pairs = [("sol", "luno"), ("", "sun"), ("domo", "so")]
    # Letters, the space before the word, and the end.
    assert lengths(pairs, tokenizers, 61).tolist() == [[5, 6], [6, 4]]
    assert lengths([("", "")], tokenizers, 61).shape == (0, 2)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@pytest.mark.parametrize("sourceless", [False, True])
def test_lengths_are_those_of_the_examples(kind: str, sourceless: bool) -> None:
    texts = [
        "rika domo",
        "",
        " ",
        "suno\u0301  luno",
        "한 \u1112\u1161\u11ab",
        "日本 x",
        "\ufeff",
        "luno " * 13,
        "a\tb",
    ]
    pairs = [(source, target) for source in texts for target in texts]
    tokenizers = train_tokenizers([*PAIRS, ("한국 사람", "suno")] * 5, kind, "auto")
    examples = tokenize(strings(pairs), tokenizers, 23, sourceless).as_numpy_iterator()
    counted = [(len(x), len(y) - 1) for x, y in examples]
    assert 10 < len(counted) < len(pairs)
    assert lengths(pairs, tokenizers, 23, sourceless).tolist() == [list(each) for each in counted]
    assert lengths(strings(pairs).as_numpy_iterator(), tokenizers, 23, sourceless).tolist() == [*map(list, counted)]


def test_what_the_decoder_reads_is_one_step_behind_what_it_writes() -> None:
    source = [[7, 5, 3], [9, 3, 0]]
    target = [[2, 11, 13, 17, 3, 0], [2, 19, 3, 0, 0, 0]]
    inputs, output = shift(tf.constant(source), tf.constant(target))
    assert inputs["source"].numpy().tolist() == source
    # Where nothing is to be written, nothing is read: the end token is never an input.
    assert inputs["target"].numpy().tolist() == [[2, 11, 13, 17, 0], [2, 19, 0, 0, 0]]
    assert output.numpy().tolist() == [[11, 13, 17, 3, 0], [19, 3, 0, 0, 0]]


# Bounds and buckets


def padded(values: list[int], limits: tuple[int, ...]) -> int:
    return sum(min(limit for limit in limits if limit >= value) - value for value in values)


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.integers(1, 11), min_size=1, max_size=13), count=st.integers(1, 4))
def test_bounds_pad_as_little_as_any_others(values: list[int], count: int) -> None:
    found = bounds(np.array(values), count)
    assert len(found) == count
    assert sorted(found) == found.tolist()
    assert found[-1] == max(values)
    choices = combinations(sorted(set(values)), min(count, len(set(values))))
    least = min(padded(values, chosen) for chosen in choices if chosen[-1] == max(values))
    assert padded(values, tuple(found)) == least


def test_bounds_of_nothing() -> None:
    assert bounds(np.zeros([0], int), 3).tolist() == [1, 1, 1]


def test_the_last_bounds_hold_the_longest_pair_that_may_come() -> None:
    found = Buckets.fit(np.array([[5, 7], [5, 7], [11, 13], [3, 2]]), 2, 31)
    assert found.targets.tolist() == [7, 13, 31]
    assert found.sources.shape == (3, 2)
    assert found.sources[:, -1].tolist() == [31, 31, 31]


side = st.integers(1, 17)


def made(pairs: list[tuple[int, int]]) -> tf.data.Dataset:
    """Examples of these lengths, the k-th of token 10 + k alone."""
    source = tf.ragged.constant([[10 + k] * x + [EOS] for k, (x, _) in enumerate(pairs)], tf.int32, 1)
    target = tf.ragged.constant([[BOS] + [10 + k] * y + [EOS] for k, (_, y) in enumerate(pairs)], tf.int32, 1)
    return tf.data.Dataset.range(len(pairs)).map(
        lambda k: (tf.convert_to_tensor(source[k]), tf.convert_to_tensor(target[k]))
    )


@pytest.mark.parametrize("unit", ["sentences", "tokens"])
# Each example builds a graph: to look for a smaller one that fails as well would take minutes.
@settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    pairs=st.lists(st.tuples(side, side), min_size=1, max_size=37), sample=st.integers(1, 37), size=st.integers(1, 7)
)
def test_every_example_is_once_in_a_batch_of_the_first_shape_that_holds_it(
    unit: str, pairs: list[tuple[int, int]], sample: int, size: int
) -> None:
    buckets = Buckets.fit(np.array(pairs[:sample]) + 1, 3, 18)
    seen = []
    for source, target, output in plain(buckets.bucket(made(pairs), size, unit)):
        wide, high = len(source[0]), len(output[0])
        row = int(np.searchsorted(buckets.targets, high))
        assert buckets.targets[row] == high
        assert wide in buckets.sources[row]
        assert len(source) <= (size if unit == "sentences" else max(size // high, 1))
        for x, y, z in zip(source, target, output, strict=True):
            k = x[0] - 10
            m, n = pairs[k]
            assert x == [10 + k] * m + [EOS] + [PAD] * (wide - m - 1)
            assert z == [10 + k] * n + [EOS] + [PAD] * (high - n - 1)
            assert y == [BOS] + [10 + k] * n + [PAD] * (high - n - 1)
            assert high == min(bound for bound in buckets.targets if bound >= n + 1)
            assert wide == min(bound for bound in buckets.sources[row] if bound >= m + 1)
            seen.append(k)
    assert sorted(seen) == list(range(len(pairs)))


def test_a_batch_counts_sentences() -> None:
    buckets = Buckets(np.array([4, 9]), np.array([[9], [9]]))
    sizes = [np.shape(output) for _, _, output in plain(buckets.bucket(made([(2, 3)] * 7 + [(2, 8)] * 5), 3))]
    assert sorted(sizes) == [(1, 4), (2, 9), (3, 4), (3, 4), (3, 9)]


def test_a_batch_counts_target_tokens_with_their_padding() -> None:
    buckets = Buckets(np.array([4, 9]), np.array([[9], [9]]))
    # 20 // 4 = 5 rows of four tokens, 20 // 9 = 2 of nine.
    made_of = made([(2, 3)] * 7 + [(2, 8)] * 5)
    sizes = [np.shape(output) for _, _, output in plain(buckets.bucket(made_of, 20, "tokens"))]
    assert sorted(sizes) == [(1, 9), (2, 4), (2, 9), (2, 9), (5, 4)]


def test_a_sentence_longer_than_a_batch_of_tokens_is_a_batch_of_its_own() -> None:
    buckets = Buckets(np.array([9]), np.array([[9]]))
    sizes = [np.shape(output) for _, _, output in plain(buckets.bucket(made([(2, 8)] * 3), 5, "tokens"))]
    assert sizes == [(1, 9)] * 3


@pytest.mark.parametrize(("size", "unit"), [(3, "sentences"), (7, "sentences"), (20, "tokens"), (5, "tokens")])
def test_padding_and_batches_are_those_that_bucket_makes(size: int, unit: str) -> None:
    buckets = Buckets(np.array([4, 6]), np.array([[3, 5], [8, 12]]))
    # Without the end tokens.
    found = [(2, 3), (1, 1), (2, 2), (6, 5), (11, 4), (3, 1), (7, 5), (4, 3), (1, 2)]
    made_of = plain(buckets.bucket(made(found), size, unit))
    zeros = sum(np.sum(np.array(part) == PAD) for source, _, output in made_of for part in (source, output))
    ids = sum(np.size(part) for source, _, output in made_of for part in (source, output))
    lengths = np.array(found) + 1
    assert buckets.padding(lengths) == pytest.approx(zeros / ids)
    assert buckets.batches(lengths, len(lengths), size, unit) == len(made_of)


def test_padding_by_hand() -> None:
    buckets = Buckets(np.array([2]), np.array([[3]]))
    # Rows of three and two: 2 + 1 of 3 + 2 and 1 + 1 of as many are read and written, so 5 of 10 are zeros.
    assert buckets.padding(np.array([[2, 1], [1, 1]])) == pytest.approx(0.5)


# Epochs


def test_an_example_goes_to_the_first_bound_that_holds_it() -> None:
    made = bucket_by_length(
        tf.data.Dataset.range(1, 8).map(lambda length: (tf.range(length),)),
        lambda ids: tf.size(ids, tf.int64),
        bounds=np.array([3, 5, 7]),
        batch_size=10,
        batch_unit="tokens",
        shapes=lambda bound: ([bound],),
        padding=(np.int64(-1),),
    )
    # Ten tokens are three rows of 3, two of 5 and one of 7.
    found = [(ids.shape[1], np.sum(ids >= 0, 1).tolist()) for (ids,) in made.as_numpy_iterator()]
    assert found == [(3, [1, 2, 3]), (5, [4, 5]), (7, [6]), (7, [7])]


def test_an_epoch_holds_every_pair_once(pipeline: Pipeline, tokenizers: Tokenizers) -> None:
    wanted = sorted(ids(tokenizers, pair) for pair in PAIRS)
    for number in (0, 1):
        assert sorted(rows(plain(pipeline.epoch(number)))) == wanted
    assert sorted(rows(plain(pipeline.in_order()))) == wanted


def test_an_epoch_is_the_same_whenever_it_is_read(pipeline: Pipeline) -> None:
    again = dataclasses.replace(pipeline, pairs=strings(PAIRS))
    wanted = plain(pipeline.epoch(3))
    assert plain(pipeline.epoch(3)) == plain(again.epoch(3)) == wanted
    assert plain(pipeline.epoch(tf.Variable(3, dtype=tf.int64))) == wanted
    dataset = pipeline.epoch(3)
    assert plain(dataset) == plain(dataset)


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_another_epoch_or_seed_has_another_order(pipeline: Pipeline, seed: int) -> None:
    seeded = dataclasses.replace(pipeline, seed=seed)
    orders = [rows(plain(seeded.epoch(number))) for number in range(3)]
    orders.append(rows(plain(dataclasses.replace(pipeline, seed=seed - 1 or 7).epoch(0))))
    for one, other in combinations(orders, 2):
        assert one != other
        assert sorted(one) == sorted(other)


@pytest.mark.parametrize("skipped", [0, 1, 4, 10_000])
def test_an_epoch_can_begin_later(pipeline: Pipeline, skipped: int) -> None:
    whole = plain(pipeline.epoch(2))
    assert len(whole) > 5
    assert plain(pipeline.epoch(2, skipped)) == whole[skipped:]


def test_noise_changes_some_sources_of_an_epoch_and_nothing_else(tokenizers: Tokenizers, pipeline: Pipeline) -> None:
    noisy = dataclasses.replace(pipeline, noise=0.4)

    def spelt(ids: list[tuple[int, ...]]) -> list[str]:
        return [text.decode() for text in tokenizers.source.decode(tf.ragged.constant(ids)).numpy()]

    def decoded(found: list[Batch]) -> list[tuple[str, str]]:
        sources, outputs = zip(*rows(found), strict=True)
        return sorted(zip(*(spelt([ids[:-1] for ids in side]) for side in (sources, outputs)), strict=True))

    one, again, other = (decoded(plain(noisy.epoch(number))) for number in (3, 3, 4))
    assert one == again != other
    written = Counter(target for _, target in decoded(plain(pipeline.epoch(3))))
    for epoch in (one, other):
        assert Counter(target for _, target in epoch) == written
        # In lower case, without marks, and without capitals in the vocabulary, only typing errors are left.
        changed = [source for source, _ in epoch if source not in dict(PAIRS)]
        assert 8 <= len(changed) <= 28  # 18 of 45 are drawn on average
    assert plain(noisy.in_order()) == plain(pipeline.in_order())


def test_the_development_set_keeps_its_order(tokenizers: Tokenizers) -> None:
    pairs = [("s" * (n + 1), "u" * 5) for n in range(11)]
    one_shape = Buckets(np.array([7]), np.array([[13]]))
    found = plain(Pipeline(strings(pairs), tokenizers, one_shape, batch_size=3).in_order())
    # The letters, the space before them, the end.
    assert [len(x) for x, _ in rows(found)] == [n + 3 for n in range(11)]
    assert [len(source) for source, _, _ in found] == [3, 3, 3, 2]


def test_several_epochs_are_read_as_one_and_no_thread_of_autotuning_is_waited_for(pipeline: Pipeline) -> None:
    together = pipeline.epochs(3)
    assert plain(together) == [batch for number in range(3) for batch in plain(pipeline.epoch(number))]
    assert not together.options().autotune.enabled


def test_batches_in_one_call_are_shuffled_anew_each_time(tokenizers: Tokenizers) -> None:
    dataset = batches(strings(PAIRS), tokenizers, batch_size=7, max_length=61, buckets=3, seed=5)
    first, second = rows(plain(dataset)), rows(plain(dataset))
    assert first != second
    assert sorted(first) == sorted(second) == sorted(ids(tokenizers, pair) for pair in PAIRS)


def test_no_batches_without_a_pair(tokenizers: Tokenizers) -> None:
    with pytest.raises(InputError, match="every one has an empty side or more than 3 pieces"):
        batches(strings([("sol", "luno"), ("", "sun")]), tokenizers, max_length=3)


def operations(dataset: tf.data.Dataset) -> str:
    return tf.raw_ops.DatasetToGraphV2(input_dataset=dataset._variant_tensor).numpy().decode("latin-1")


def test_no_python_runs_in_the_pipeline(tokenizers: Tokenizers, tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS), encoding="utf-8")
    corpus = from_tsv(path).dataset()
    pipeline = Pipeline(corpus, tokenizers, Buckets.fit(lengths(PAIRS, tokenizers, 61), 3, 62), 61, batch_size=7)
    graph = operations(pipeline.epoch(1))
    assert "GroupByWindowDataset" in graph
    assert "PyFunc" not in graph
    # That is how it would look.
    with_python = corpus.map(lambda x, y: tf.py_function(lambda a: a, [x], tf.string))
    assert "PyFunc" in operations(with_python)


# Workers


@pytest.mark.parametrize("unit", [(7, "sentences"), (97, "tokens")])
def test_full_batches_have_as_many_rows_as_their_shape_and_nothing_more_to_write(
    pipeline: Pipeline, unit: tuple[int, str]
) -> None:
    usual = dataclasses.replace(pipeline, batch_size=unit[0], batch_unit=unit[1])
    full = dataclasses.replace(usual, full_batches=True)
    shapes, blank = {}, 0
    for one, other in zip(plain(usual.epoch(3)), plain(full.epoch(3)), strict=True):
        for short, long in zip(one, other, strict=True):
            assert long[: len(short)] == short
        source, target, output = (np.array(part) for part in other)
        assert shapes.setdefault((source.shape[1], output.shape[1]), len(source)) == len(source)
        new = slice(len(one[0]), None)
        blank += len(source[new])
        assert (source[new, 0] == EOS).all() and (source[new, 1:] == PAD).all()
        assert (target[new] == PAD).all() and (output[new] == PAD).all()
    assert blank > 0 and len(shapes) <= full.shapes


def test_a_shape_has_a_number_and_a_blank_batch_has_nothing_to_write(pipeline: Pipeline) -> None:
    numbers: dict[int, set[tuple[int, int]]] = {}
    found = pipeline.epoch(0)
    for batch in found:
        shape = (batch[0]["source"].shape[1], batch[1].shape[1])
        numbers.setdefault(pipeline.shape_of(batch), set()).add(shape)
    assert len(numbers) > 3 and all(len(shapes) == 1 for shapes in numbers.values())
    assert all(0 <= number < pipeline.shapes for number in numbers)
    inputs, output = pipeline.blank(found.element_spec)
    assert inputs["source"].numpy().tolist() == [[EOS]]
    assert inputs["target"].numpy().tolist() == output.numpy().tolist() == [[PAD]]
