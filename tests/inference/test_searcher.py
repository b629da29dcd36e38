"""Batches are as large as memory allows and no larger, and a translator keeps a bounded number of graphs."""

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import keras
import pytest
import tensorflow as tf
from command_line import PAIRS

from nmt.config import Config, with_settings
from nmt.data.tokenizers import train_tokenizers
from nmt.inference import searcher
from nmt.inference.searcher import Searcher
from nmt.inference.translator import Translator
from nmt.models.build import build_model

CONFIG = with_settings(
    Config(),
    [
        "text.joint=false",
        "text.kind=char",
        "model.units=5",
        "model.embedding=3",
        "model.attention_units=2",
        "decoding.max_length=127",
        "decoding.batch_size=64",
    ],
)


class Watched:
    """A model that counts how often it is traced, and notes the shape of what it reads whenever a graph runs."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.traces = 0
        self.searched: list[int] = []
        self.scored: list[tuple[int, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def encode(self, source: tf.Tensor) -> Any:
        self.traces += 1
        tf.numpy_function(lambda rows: self.searched.append(int(rows)), [tf.shape(source)[0]], [])
        return self._model.encode(source)

    def score_pairs(self, source: tf.Tensor, read: tf.Tensor, written: tf.Tensor) -> Any:
        tf.numpy_function(lambda shape: self.scored.append(tuple(shape.tolist())), [tf.shape(read)], [])
        return self._model.score_pairs(source, read, written)


def watched(parallel_batches: int = 2) -> tuple[Translator, Watched]:
    tokenizers = train_tokenizers(PAIRS, "char", "auto", joint=False)
    keras.utils.set_random_seed(1)
    model = Watched(build_model(CONFIG, tokenizers.source.vocabulary, tokenizers.target.vocabulary))
    return Translator(model, tokenizers, CONFIG, parallel_batches), model  # type: ignore[arg-type]


# One batch, or each of two at once, has at most 640 hypotheses; more batches share twice as many, so each of five has
# 2 * 640 / 5 = 256. With 16 hypotheses of each text these are 640 / 16 = 40 rows and 256 / 16 = 16.
@pytest.mark.parametrize(("parallel", "rows"), [(1, [40, 40, 3]), (2, [40, 40, 3]), (5, [16, 16, 16, 16, 16, 3])])
@pytest.mark.parametrize("way", [{"beam": 16}, {"sample": True, "n_best": 16}], ids=["beam", "sample"])
def test_the_hypotheses_of_a_batch_are_bounded(parallel: int, rows: list[int], way: dict[str, Any]) -> None:
    translator, model = watched(parallel)
    found = translator.translate(["나는"] * 83, max_length=2, **way)
    assert len(found) == 83
    assert sorted(model.searched, reverse=True) == rows


def test_a_small_beam_fills_the_batch_that_was_asked_for() -> None:
    translator, model = watched()
    translator.translate(["나는"] * 131, max_length=2, beam=2)
    assert sorted(model.searched, reverse=True) == [64, 64, 3]


# 300 letters are cut to 127 pieces, which with EOS count as 128 tokens: 4096 / 128 = 32 rows fit. Each of four batches
# has 2 * 4096 / 4 = 2048 tokens, 16 rows. What is cut gets no EOS, so 127 tokens are scored.
@pytest.mark.parametrize(("parallel", "rows"), [(1, [32, 5]), (2, [32, 5]), (4, [16, 16, 5])])
def test_the_tokens_that_are_scored_at_once_are_bounded(parallel: int, rows: list[int]) -> None:
    translator, model = watched(parallel)
    assert len(translator.score(["나는"] * 37, ["I" * 300] * 37)) == 37
    assert sorted(model.scored, reverse=True) == [(number, 127) for number in rows]


def test_long_targets_do_not_make_the_batches_of_short_ones_small() -> None:
    translator, model = watched()
    translator.score(["나는"] * 67, ["I" * 300] * 3 + ["I"] * 64)
    # The shortest are first: 64 of three tokens, the space before a word and EOS being two of them.
    assert sorted(model.scored, reverse=True) == [(64, 3), (3, 127)]


def test_long_sources_make_the_batches_of_short_targets_small() -> None:
    translator, model = watched()
    translator.score(["나" * 300] * 37, ["I"] * 37)
    # Its own row has as many tokens as a target of 127: 32 fit.
    assert sorted(model.scored, reverse=True) == [(32, 3), (5, 3)]


def test_the_source_tokens_that_hypotheses_attend_to_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    translator, model = watched()
    # Two pieces and EOS for each of 16 hypotheses: 480 / (3 * 16) = 10 rows. Two batches at once begin with 13 and 12.
    monkeypatch.setattr(searcher, "_MAX_ATTENDED", 480)
    translator.translate(["나는"] * 25, max_length=2, beam=16)
    assert sorted(model.searched, reverse=True) == [10, 10, 3, 2]


def bare(**numbers: int) -> Searcher:
    """Return a searcher without a model, for it only makes batches."""
    target: Any = SimpleNamespace(normalization="nmt_nfkc")
    tokenizers: Any = SimpleNamespace(target=target)
    return Searcher(None, tokenizers, CONFIG, **numbers)


# Eight batches at once share the 2 * 4096 tokens of two. Each has 1024: of 64, 32, 16, 8 and 4 rows of 200, four
# are the first that fit. Each of two has 4096, so 16 rows fit. It does not matter whose threads they are.
@pytest.mark.parametrize(("own", "callers", "rows"), [(1, 2, 16), (1, 8, 4), (8, 1, 4), (2, 4, 4)])
def test_callers_share_the_memory_of_one(own: int, callers: int, rows: int) -> None:
    made: list[int] = []
    bare(parallel_batches=own, callers=callers)._score_all(lambda batch: made.append(len(batch)), [200] * 64, 64)
    assert made == [rows] * (64 // rows)
    with pytest.raises(ValueError, match="callers must be 1 or more"):
        bare(callers=0)


def test_large_texts_are_scored_one_after_another_whoever_asks() -> None:
    shared, at_work, most = bare(parallel_batches=1, callers=2), [0], [0]

    def work(batch: list[int]) -> None:
        at_work[0] += 1
        most[0] = max(most[0], at_work[0])
        time.sleep(0.02)
        at_work[0] -= 1

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(shared._score_all, work, [5000, 5000], 64) for _ in range(2)]
    assert [each.result() for each in asked] == [None, None] and most == [1]


def test_no_more_than_twelve_graphs_are_kept() -> None:
    translator, model = watched()
    asked = [translator.decoding(max_length=number) for number in range(1, 14)]
    made = [translator.graphs(settings, False) for settings in asked]
    assert len(translator.graphs) == 12
    for settings, graph in zip(asked[1:], made[1:], strict=True):
        assert translator.graphs(settings, False) is graph
    # The first was dropped for the last, and is made anew; then it is kept, and traced once.
    assert translator.graphs(asked[0], False) is not made[0]
    for _ in range(2):
        translator.translate(["나는"], max_length=1)
    assert (len(translator.graphs), model.traces) == (12, 1)


@pytest.mark.parametrize("number", [0, -1])
def test_at_least_one_batch_runs_at_once(number: int) -> None:
    with pytest.raises(ValueError, match=f"parallel_batches must be 1 or more, not {number}"):
        watched(number)
