"""A toy task that must be learned: copy the source, or reverse it, as its first word says."""

import random
from pathlib import Path

import numpy as np
import pytest

from nmt.config import Config, from_dict
from nmt.data import corpora
from nmt.inference.translator import Translator
from nmt.training.fit import train_model

LETTERS = "abcdefghijklmnopqrst"
CONFIG: Config = from_dict(
    {
        "text": {"kind": "word"},
        "model": {
            "units": 32, "embedding": 32, "attention_units": 32,
            "dropout": 0.0, "embedding_dropout": 0.0, "context_dropout": 0.0, "output_dropout": 0.0,
        },
        "training": {
            "epochs": 5, "batch_size": 32, "learning_rate": 0.01, "warmup_steps": 50,
            "schedule": "inverse_root", "label_smoothing": 0.0,
        },
    }
)  # fmt: skip


def task(count: int, seed: int) -> list[tuple[str, str]]:
    chance = random.Random(seed)
    pairs = []
    for _ in range(count):
        letters = chance.choices(LETTERS, k=chance.randint(4, 12))
        order = chance.choice(["copy", "reverse"])
        pairs.append((" ".join([order, *letters]), " ".join(letters if order == "copy" else letters[::-1])))
    return pairs


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    folder = tmp_path_factory.mktemp("copy")
    for name, pairs in (("train", task(4000, 1)), ("dev", task(100, 2))):
        (folder / f"{name}.tsv").write_text("".join(f"{s}\t{t}\n" for s, t in pairs))
    return train_model(
        CONFIG, corpora.from_tsv(folder / "train.tsv"), corpora.from_tsv(folder / "dev.tsv"), Path(folder, "model")
    )


def test_both_orders_are_learned(learned: Translator) -> None:
    pairs = task(200, 3)
    outputs = [translation.text for translation in learned.translate([source for source, _ in pairs])]
    right = np.mean([output == target for output, (_, target) in zip(outputs, pairs, strict=True)])
    assert right >= 0.95


@pytest.mark.parametrize("order", ["copy", "reverse"])
def test_attention_is_diagonal(learned: Translator, order: str) -> None:
    pairs = [(s, t) for s, t in task(200, 4) if s.startswith(order)]
    strongest, nearby = [], []
    for (_, target), translation in zip(pairs, learned.translate([s for s, _ in pairs]), strict=True):
        if translation.text != target:
            continue
        weights = translation.words().weights
        # Letter i of a copy stands at place i + 1 of the source, behind the order; a reversal counts from the end.
        diagonal = np.arange(1, weights.shape[1])[:: 1 if order == "copy" else -1]
        strongest += list(weights.argmax(1) == diagonal)
        # An annotation knows its neighbours too, so some of the weight may lie one place off.
        distance = np.abs(np.arange(weights.shape[1]) - diagonal[:, None])
        nearby += list(np.where(distance <= 1, weights, 0).sum(1))
    assert len(strongest) > 500
    assert np.mean(strongest) >= 0.8
    assert np.mean(nearby) >= 0.9
