"""The judge is a score that moves on the data, and a start near zero is no standstill."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.evaluation.judge import BLEU, CHRF, PERPLEXITY, best_epoch, choose_judge, learned_little, quality

LONG = ["the child read a long novel on Saturday", "we talked quietly in the park", "I ate rice."]


@pytest.mark.parametrize(
    ("targets", "watch", "tokenizer"),
    [
        (LONG, BLEU, "13a"),
        (["我昨天吃了米饭", "他买了一本书"], BLEU, "zh"),
        (["昨日ご飯を食べました", "彼は本を買った"], BLEU, "char"),
        (["เมื่อวานฉันกินข้าว", "เขาซื้อหนังสือ"], BLEU, "char"),
        (["나는 어제 밥을 먹었다", "그는 책을 한 권 샀다"], BLEU, "13a"),
        ([line.replace(" ", "") for line in LONG], CHRF, "13a"),
        (["apple", "New York", "rice"], CHRF, "13a"),
        (["饭", "书", "米饭"], CHRF, "zh"),
        ([], BLEU, "13a"),
    ],
)
def test_the_targets_choose_the_judge(targets: list[str], watch: str, tokenizer: str) -> None:
    judge = choose_judge("auto", targets)
    assert (judge.watch, judge.tokenizer) == (watch, tokenizer)


def test_a_named_judge_stays_and_a_language_model_has_its_perplexity() -> None:
    assert choose_judge("bleu", ["rice"]).watch == BLEU
    assert choose_judge("chrf", LONG).watch == CHRF
    assert choose_judge("auto", LONG, language_model=True).watch == PERPLEXITY


def test_below_the_floor_the_perplexity_decides_and_above_it_the_score() -> None:
    found = [
        quality({"val_bleu": bleu, "val_perplexity": perplexity}, BLEU)
        # Just under 1, a BLEU is chance, however low the perplexity; from 1 on it counts, however high.
        for bleu, perplexity in ((0.0, 300.0), (0.99, 200.0), (0.0, 100.0), (1.0, 900.0), (7.0, 950.0))
    ]
    assert found == [-300.0, -200.0, -100.0, 1.0, 7.0] == sorted(found)
    # Letters without sense may have a chrF of ten before anything is learned.
    assert quality({"val_chrf": 10.5, "val_perplexity": 709.0}, CHRF) == -709.0
    assert quality({"val_bleu": 7.0, "val_perplexity": 5.0}, PERPLEXITY) == -5.0
    assert quality({"val_bleu": 0.0, "val_perplexity": None}, BLEU) < quality({"val_bleu": 0.5}, BLEU) < 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=23))
def test_the_best_epoch_is_the_first_of_the_highest(qualities: list[float]) -> None:
    assert best_epoch(qualities) == qualities.index(max(qualities))


@pytest.mark.parametrize(
    ("records", "watch", "little"),
    [
        ([{"val_bleu": 0.03, "val_perplexity": 307.0}, {"val_bleu": 1.2, "val_perplexity": 290.0}], BLEU, True),
        ([{"val_bleu": 11.4, "val_perplexity": 30.0}, {"val_bleu": 1.0, "val_perplexity": 9.0}], BLEU, False),
        ([{"val_bleu": 0.0, "val_chrf": 55.0, "val_perplexity": 3.0}], CHRF, False),
        ([{"val_bleu": 0.0, "val_chrf": 7.0, "val_perplexity": 300.0}], CHRF, True),
        ([{"val_perplexity": 700.0}], PERPLEXITY, True),
        ([{"val_perplexity": 40.0}], PERPLEXITY, False),
        ([{"val_perplexity": None}], PERPLEXITY, True),
        ([], BLEU, False),
    ],
)
def test_a_run_that_learned_next_to_nothing_is_told(records: list[dict], watch: str, little: bool) -> None:
    assert learned_little(records, watch, vocabulary=2000).startswith("Warning: ") == little


def test_a_bleu_near_zero_is_named_only_where_it_decides() -> None:
    record = {BLEU: 0.0, CHRF: 7.0, PERPLEXITY: 1999.0}
    assert "BLEU" not in learned_little([record], PERPLEXITY, vocabulary=2000)
    assert "BLEU 0.00, chrF 7.00" in learned_little([record], BLEU, vocabulary=2000)
