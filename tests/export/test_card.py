"""The card says what was exported, and no better than it is."""

import hashlib
import json
from pathlib import Path

import pytest

from nmt.config import Config, with_settings
from nmt.export.card import card
from nmt.model_folder import CORRECTED, WEIGHTS, config_text

RECORDS = [
    {"epoch": 1, "val_bleu": 11.0, "val_perplexity": 7.0},
    {"epoch": 2, "val_bleu": 13.0, "val_perplexity": 9.0},
    {"epoch": 3, "val_bleu": 12.0, "val_perplexity": 8.0},
]


def written(place: Path, *settings: str, names: tuple[str, ...] = ("ko-en",), languages: str | None = None) -> str:
    config = with_settings(Config(), list(settings))
    (place / "config.toml").write_bytes(config_text(config))
    (place / "metrics.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in RECORDS))
    what = "SavedModel, version 7"
    return card(place, list(names), config, pieces=(80, 90), languages=languages, what=what)


def test_it_says_what_one_wants_to_know(tmp_path: Path) -> None:
    text = written(tmp_path, "decoding.beam=5", "decoding.length_penalty=0.6", languages="ko-en")
    assert text.startswith("# ko-en\n")
    for words in (
        "SavedModel, version 7",
        "**languages**: ko-en",
        "80 pieces",
        "beam of 5, length penalty 0.6",
        "nmt 0",
    ):
        assert words in text
    assert "beam = 5" in text and "ensemble" not in text


@pytest.mark.parametrize(("watch", "bleu"), [("bleu", "13.00"), ("perplexity", "11.00")])
def test_the_score_is_that_of_the_epoch_that_was_kept(tmp_path: Path, watch: str, bleu: str) -> None:
    assert f"BLEU {bleu} on the development set, greedy, nrefs:1" in written(tmp_path, f"training.watch={watch}")


def test_where_bleu_says_little_the_card_begins_with_chrf(tmp_path: Path) -> None:
    written(tmp_path)
    judged = {"epoch": 1, "val_bleu": 0.0, "val_chrf": 61.5, "val_perplexity": 3.0, "watch": "val_chrf"}
    (tmp_path / "metrics.jsonl").write_text(f"{json.dumps(judged)}\n")
    text = card(tmp_path, ["a"], Config(), pieces=(80, 80), languages=None, what="TFLite")
    assert "**quality**: chrF 61.50 on the development set, greedy; the epoch was chosen by chrF, because BLEU" in text
    assert "BLEU 0.00" not in text and "(0.00" not in text


@pytest.mark.parametrize(
    ("watch", "bleu", "chrf", "said"),
    [
        # Chosen by somebody, chrF says nothing about BLEU.
        ("chrf", 0.0, 61.5, "chrF 61.50 on the development set, greedy; the epoch was chosen by chrF"),
        ("chrf", 12.0, 61.5, "BLEU 12.00 on the development set, greedy, nrefs:1"),
        # Answers that have no one right form, which an early version scored by BLEU alone.
        ("perplexity", 0.0, 9.0, "chrF 9.00 on the development set, greedy; the epoch was chosen by perplexity"),
        ("perplexity", 0.0, None, "perplexity 3.00 on the development set; the epoch was chosen by perplexity"),
        ("bleu", 0.0, 9.0, "BLEU 0.00 on the development set, greedy, nrefs:1"),
    ],
)
def test_a_bleu_near_zero_is_told_only_where_it_decides(
    tmp_path: Path, watch: str, bleu: float, chrf: float | None, said: str
) -> None:
    asked = f"training.watch={watch}"
    written(tmp_path, asked)
    record = {"val_bleu": bleu, "val_chrf": chrf, "val_perplexity": 3.0, "watch": f"val_{watch}"}
    (tmp_path / "metrics.jsonl").write_text(f"{json.dumps(record)}\n")
    text = card(tmp_path, ["a"], with_settings(Config(), [asked]), pieces=(80, 80), languages=None, what="TFLite")
    assert f"**quality**: {said}" in text and "because" not in text
    assert ("BLEU" in text) == said.startswith("BLEU")


def test_the_scores_of_a_corrected_model_are_those_of_before(tmp_path: Path) -> None:
    said = "chosen by BLEU; measured before the corrections"
    (tmp_path / "corrections").mkdir()
    for weights, known in ((b"new", [b"new", b"old"]), (b"old", [b"new", b"old"]), (b"trained on", [b"new", b"old"])):
        (tmp_path / WEIGHTS).write_bytes(weights)
        sums = [hashlib.sha256(each).hexdigest() for each in known]
        (tmp_path / CORRECTED).write_text(json.dumps({"weights": sums}))
        assert (said in written(tmp_path)) is (weights == b"new")
    (tmp_path / CORRECTED).write_text("damaged")
    assert "chosen by BLEU" in written(tmp_path) and said not in written(tmp_path)


def test_models_that_write_along_are_named(tmp_path: Path) -> None:
    assert "**ensemble**: ko-en, other" in written(tmp_path, names=("ko-en", "other"))


def test_what_nobody_knows_is_said(tmp_path: Path) -> None:
    text = written(tmp_path)
    assert "unknown; set them" in text
    (tmp_path / "metrics.jsonl").unlink()
    config = Config()
    assert "no record of a development set" in card(
        tmp_path, ["a"], config, pieces=(80, 80), languages=None, what="TFLite"
    )
