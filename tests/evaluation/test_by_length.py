"""Scores by length are sacreBLEU's of each bin, and its intervals are what resampling gives."""

import io
import re

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from nmt.evaluation import by_length as module
from nmt.evaluation.by_length import Bleu, Chrf, by_length, by_length_of_runs, table
from nmt.evaluation.scores import score

WORDS = [f"w{number}" for number in range(40)]


def corpus(sentences: int, wrong: float, seed: int = 0) -> tuple[list[str], list[str], list[str]]:
    """Sources of 1 to 30 words, translations with some words wrong, references."""
    lots = np.random.default_rng(seed)
    references = [" ".join(lots.choice(WORDS, lots.integers(1, 31))) for _ in range(sentences)]
    hypotheses = [" ".join(w if lots.random() > wrong else "x" for w in line.split()) for line in references]
    return references, hypotheses, references


def inside(sources: list[str], shortest: int, longest: int) -> list[int]:
    return [i for i, source in enumerate(sources) if shortest <= len(source.split()) <= longest]


@pytest.mark.parametrize("bins", [None, [5, 10, 20], []])
def test_each_bin_has_the_bleu_of_its_sentences(bins: list[int] | None) -> None:
    sources, hypotheses, references = corpus(120, 0.2)
    found = by_length(sources, hypotheses, references, bins=bins)
    assert sum(each.sentences for each in found) == 120
    for each in found:
        chosen = inside(sources, each.shortest, each.longest)
        expected = score([hypotheses[i] for i in chosen], [references[i] for i in chosen])
        assert each.sentences == len(chosen)
        assert each.score == pytest.approx(expected.bleu, abs=1e-9)
        assert each.signature == expected.bleu_signature
        assert each.length == pytest.approx(np.mean([len(sources[i].split()) for i in chosen]))
        assert 0 <= each.low <= each.high <= 100


def test_the_statistics_give_the_score_of_sacrebleu() -> None:
    _, hypotheses, references = corpus(80, 0.3)
    hypotheses[3] = ""
    for metric in (Bleu("13a"), Chrf()):
        given = score(hypotheses, references)
        right, signature = (
            (given.bleu, given.bleu_signature) if metric.name == "BLEU" else (given.chrf, given.chrf_signature)
        )
        assert metric.score(metric.statistics(hypotheses, references).sum(0)) == pytest.approx(right, abs=1e-9)
        assert metric.signature == signature
        # Nothing right at all.
        assert metric.score(metric.statistics(["x y"], ["a b"]).sum(0)) == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text("ab 가\n", max_size=9), st.text("ab 가\n", max_size=9)), min_size=1, max_size=5))
def test_chrf_by_sums_is_that_of_sacrebleu(pairs: list[tuple[str, str]]) -> None:
    texts, right = ([pair[side] for pair in pairs] for side in (0, 1))
    sums = Chrf().statistics(texts, right).sum(0)
    assert Chrf().score(sums) == pytest.approx(sacrebleu.corpus_chrf(texts, [right]).score, abs=1e-9)


def test_where_bleu_says_little_chrf_is_scored() -> None:
    texts, right = ["ate rice", "bread"] * 8, ["ate rice", "breads"] * 8
    found = by_length(["a b", "c"] * 8, texts, right)
    assert [(each.span, each.metric) for each in found] == [("1", "chrF"), ("2", "chrF")]
    assert found[0].score == pytest.approx(sacrebleu.corpus_chrf(["bread"], [["breads"]]).score)
    assert found[1].score == 100 and "nc:6" in found[1].signature
    file = io.StringIO()
    Console(file=file, width=100).print(table(found))
    assert "chrF" in file.getvalue() and "BLEU" not in file.getvalue()


def test_the_interval_is_that_of_resampled_corpora(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESAMPLES", 150)
    sources, hypotheses, references = corpus(25, 0.25)
    (found,) = by_length(sources, hypotheses, references, bins=[], seed=7)
    # The same draws, each scored as a corpus of its own.
    lots = np.random.default_rng(7)
    bleus = []
    for _ in range(150):
        drawn = lots.integers(25, size=25)
        texts, right = [hypotheses[i] for i in drawn], [references[i] for i in drawn]
        bleus.append(sacrebleu.corpus_bleu(texts, [right]).score)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(bleus, [2.5, 97.5])), abs=1e-9)
    assert found.low < found.score < found.high


def test_more_sentences_make_a_narrower_interval() -> None:
    few, many = (by_length(*corpus(sentences, 0.25), bins=[])[0] for sentences in (20, 500))
    assert many.high - many.low < (few.high - few.low) / 2


def test_the_same_seed_gives_the_same_interval() -> None:
    texts = corpus(30, 0.3)
    assert by_length(*texts) == by_length(*texts)
    assert by_length(*texts) != by_length(*texts, seed=1)


def test_lengths_at_an_edge_belong_to_the_bin_that_ends_there() -> None:
    sources = ["a " * length for length in (1, 4, 5, 6, 10, 11, 25)]
    texts = ["I ate rice today ."] * 7
    found = by_length(sources, texts, texts, bins=[5, 10, 20])
    assert [(each.span, each.sentences) for each in found] == [("1-5", 3), ("6-10", 2), ("11-20", 1), ("21-25", 1)]


def test_a_bin_without_a_sentence_is_left_out() -> None:
    texts = ["I ate rice today ."] * 2
    found = by_length(["a", "a " * 30], texts, texts, bins=[5, 10, 20])
    assert [(each.span, each.sentences) for each in found] == [("1-5", 1), ("21-30", 1)]
    # One sentence, resampled, is itself.
    assert all(each.score == each.low == each.high == 100 for each in found)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_bins_of_quantiles_are_few_and_apart_and_hold_everything(lengths: list[int]) -> None:
    edges = module._quantiles(np.array(lengths))
    assert len(edges) <= 5
    assert edges == sorted(set(edges))
    assert all(min(lengths) <= edge < max(lengths) for edge in edges)


def test_bins_are_filled_about_equally() -> None:
    sources, hypotheses, references = corpus(600, 0.2)
    found = by_length(sources, hypotheses, references)
    assert len(found) == 6
    assert all(70 <= each.sentences <= 130 for each in found)


@pytest.mark.parametrize("sizes", [(0, 0, 0), (1, 2, 2), (2, 1, 2), (2, 2, 1)])
def test_what_cannot_be_compared(sizes: tuple[int, int, int]) -> None:
    sources, hypotheses, references = (["a"] * size for size in sizes)
    said = f"{sizes[1]} translations of {sizes[0]} sources cannot be scored against {sizes[2]}"
    with pytest.raises(ValueError, match=said):
        by_length(sources, hypotheses, references)


@pytest.mark.parametrize("bins", [[5, 5], [10, 5]])
def test_bins_must_rise(bins: list[int]) -> None:
    with pytest.raises(ValueError, match="do not rise"):
        by_length(["a"], ["a"], ["a"], bins=bins)


def test_no_sentence_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    by_length(*corpus(10, 0.2))
    assert not caplog.records


def test_the_table_has_a_row_a_bin_and_the_whole_signature() -> None:
    found = by_length(*corpus(60, 0.2), bins=[10, 20])
    file = io.StringIO()
    Console(file=file, width=100).print(table(found))
    head, *lines = file.getvalue().splitlines()
    assert re.split(r"\s{2,}", head.strip()) == ["source words", "sentences", "BLEU", "95 % interval"]
    for each, line in zip(found, lines, strict=False):
        numbers = [each.span, str(each.sentences), f"{each.score:.2f}", f"{each.low:.2f}", "to", f"{each.high:.2f}"]
        assert line.split() == numbers
    assert lines[3].strip() == found[0].signature
    assert lines[4].strip() == "95 % of 1,000 bootstrap resamples of the sentences"


def test_several_runs_have_their_mean_and_an_interval_that_holds_each_run_alone() -> None:
    sources, good, references = corpus(60, 0.1)
    _, bad, _ = corpus(60, 0.5)
    alone = [by_length(sources, texts, references, bins=[]) for texts in (good, bad)]
    (both,) = by_length_of_runs(sources, [good, bad], references, bins=[])
    assert both.score == pytest.approx((alone[0][0].score + alone[1][0].score) / 2)
    # Half of the draws are one run twice.
    assert both.low < alone[1][0].high < alone[0][0].low < both.high
    # Equal runs are no more than one.
    assert by_length_of_runs(sources, [good, good], references) == by_length(sources, good, references)


@pytest.mark.parametrize("runs", [[], [["a"], ["a", "b"]]])
def test_runs_of_other_sentences_are_refused(runs: list[list[str]]) -> None:
    with pytest.raises(ValueError, match="translations of 1 sources cannot be scored"):
        by_length_of_runs(["a"], runs, ["a"])
