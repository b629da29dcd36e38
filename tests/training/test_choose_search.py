"""The search is chosen by the scores of the development set, and is the usual one where that cannot tell."""

import pytest
from command_line import PAIRS
from logged import logged

from nmt.config import Config, with_settings
from nmt.data.tokenizers import train_tokenizers
from nmt.evaluation.scores import score
from nmt.inference.translator import Translator
from nmt.models.build import build_model
from nmt.training import choose_search as module
from nmt.training.choose_search import MIN_PAIRS, PENALTY_WORTH, WORTH, best_beam, best_penalty, choose_search

SETTINGS = [
    "model.units=12", "model.embedding=12", "model.attention_units=7", "decoding.beam=auto",
    "decoding.max_length=9", "decoding.coverage_penalty=0.3",
]  # fmt: skip


@pytest.fixture(scope="module")
def translator() -> Translator:
    config = with_settings(Config(), SETTINGS)
    tokenizers = train_tokenizers(PAIRS, "char")
    return Translator(
        build_model(config, tokenizers.source.vocabulary, tokenizers.target.vocabulary), tokenizers, config
    )


def test_of_good_searches_the_smallest_beam_is_chosen() -> None:
    found = {1: 30.0, 5: 33.75, 3: 33.5, 10: 33.625}
    assert best_beam(found) == 5  # 33.5 is a quarter below the best
    assert best_beam({**found, 3: 33.625}) == 3
    assert best_beam({**found, 1: 33.75 - WORTH}) == 1


def test_another_length_penalty_must_gain_more_than_chance() -> None:
    found = {1.0: 30.0, 0.6: 29.0, 1.4: 30.0 + PENALTY_WORTH}
    assert best_penalty(1.0, found) == 1.0
    assert best_penalty(1.0, {**found, 1.4: 30.125 + PENALTY_WORTH}) == 1.4
    assert best_penalty(1.0, {**found, 1.4: 31.0, 0.6: 31.5}) == 0.6
    # No beam was tried, since it would be wider than the vocabulary, or one that was set.
    assert best_penalty(1.0, {}) == 1.0 and best_penalty(0.3, {0.3: 9.0}) == 0.3


def test_with_few_pairs_it_is_the_usual_one(translator: Translator) -> None:
    with logged() as lines:
        kept = choose_search(translator, (PAIRS * 3)[: MIN_PAIRS - 1])
    assert (kept.beam, kept.length_penalty, kept.coverage_penalty) == (5, 1.0, 0.3)
    assert "99 development pairs are too few" in "\n".join(lines)


def test_the_scores_decide(translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nonsense scores next to nothing; a search that is better by chance must win all the same.
    monkeypatch.setattr(module, "WORTH", 0.0)
    monkeypatch.setattr(module, "PENALTY_WORTH", 0.0)
    pairs = (PAIRS * 3)[:MIN_PAIRS]
    with logged() as lines:
        kept = choose_search(translator, pairs)
    assert "chrF" in lines[1]  # three words: BLEU sees nothing
    tried = [(1, 0.0), (5, 1.0), (5, 0.6), (5, 1.4)]

    def chrf(beam: int, penalty: float) -> float:
        changes = {"length_penalty": penalty} if beam > 1 else {}
        texts = translator.translate([source for source, _ in pairs], None, beam=beam, **changes)
        return score([text.text for text in texts], [target for _, target in pairs]).chrf

    scores = {each: chrf(*each) for each in tried}
    _, penalty = max(tried[1:], key=lambda each: scores[each])
    scores |= {(beam, penalty): chrf(beam, penalty) for beam in (3, 10)}
    assert scores[kept.beam, kept.length_penalty] == max(scores.values())
    assert kept.coverage_penalty == (0.3 if kept.beam > 1 else 0.0)


def test_a_shortlist_that_is_yet_to_be_made_stays_asked_for(
    translator: Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(translator, "config", with_settings(translator.config, ["decoding.shortlist=true"]))
    monkeypatch.setattr(module, "SECONDS", 0.0)
    assert translator.shortlist is None and choose_search(translator, (PAIRS * 3)[:MIN_PAIRS]).shortlist


def test_what_would_take_too_long_is_left_out_and_said_so(
    translator: Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.0)
    with logged() as lines:
        choose_search(translator, (PAIRS * 3)[:MIN_PAIRS])
    tried = [line.strip() for line in lines[1:-1]]
    assert [each.partition(": ")[0] for each in tried[:2]] == ["greedy", "beam 5, length penalty 1"]
    assert len(tried) == 6 and all("is left out: the search may be chosen for 0 seconds" in each for each in tried[2:])


def test_a_penalty_that_is_set_stays_and_no_beam_is_wider_than_the_vocabulary(
    translator: Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = with_settings(translator.config, ["decoding.length_penalty=0.3"])
    monkeypatch.setattr(translator, "config", own)
    monkeypatch.setattr(translator.tokenizers.target, "vocabulary", 4)
    monkeypatch.setattr(module, "WORTH", 0.0)
    with logged() as lines:
        choose_search(translator, (PAIRS * 3)[:MIN_PAIRS])
    assert [line.strip().split(":")[0] for line in lines[1:-1]] == ["greedy", "beam 3, length penalty 0.3"]
