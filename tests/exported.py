"""A translator that has learned enough to be exported: near-ties of random weights flip, trained ones do not."""

from pathlib import Path

import keras
import numpy as np
from command_line import PAIRS, once

from nmt.config import Config, with_settings
from nmt.data.corpora import from_tsv
from nmt.data.tokenizers import train_tokenizers
from nmt.evaluation.confidence import Example, Written, learn_confidence
from nmt.inference.link_shortlist import make
from nmt.inference.translator import Translator
from nmt.models.build import build_model
from nmt.models.shifted import ShiftedAttention
from nmt.training.fit import train_model

SMALL = ["model.units=16", "model.embedding=16", "data.buckets=2"]
SMALL += ["training.epochs=8", "training.batch_size=8", "training.learning_rate=0.01", "training.warmup_steps=5"]
TEXTS = [ko for ko, _ in PAIRS[:9]] + ["", " ", "漢字 나는", "나는 " * 99, "\u200b", "밥을\u2028먹었다", "a\tb", "<b>&"]


def trained(place: Path, kind: str = "bpe") -> Translator:
    """Open a trained model; its folder is ``place / "model"``."""

    def train(folder: Path) -> None:
        pairs = folder.with_name(f"{folder.name}.tsv")
        pairs.write_text("".join(f"{ko}\t{en}\n" for ko, en in PAIRS), encoding="utf-8")
        data = from_tsv(pairs)
        size = {"bpe": 80, "unigram": 52}[kind]
        settings = [*SMALL, f"text.kind={kind}", f"text.vocabulary_size={size}"]
        train_model(with_settings(Config(), settings), data, data, folder)

    return Translator.load(once(place / "model", f"exported-{kind}", train))


def untrained_transformer(shifted: bool = False) -> Translator:
    """Return a Transformer that has learned nothing, with positions for the longest of ``PAIRS`` and no more."""
    settings = ["model.architecture=transformer", "model.units=8", "model.embedding=8", "model.heads=2"]
    settings += ["model.feed_forward=11", "model.encoder_layers=1", "model.decoder_layers=2", "text.kind=word"]
    settings += ["model.positions=learned", "model.max_positions=4", "data.max_length=3", "decoding.max_length=3"]
    config, tokenizers = with_settings(Config(), settings), train_tokenizers(PAIRS, "word")
    keras.utils.set_random_seed(1)
    model = build_model(config, tokenizers.source.vocabulary, tokenizers.target.vocabulary)
    return Translator(model, tokenizers, config, heads=[ShiftedAttention(0, 1)] if shifted else ())  # type: ignore[arg-type]


def with_confidence(translator: Translator) -> Translator:
    """Give a translator a confidence, learned from translations that are drawn."""
    draws, examples = np.random.default_rng(1), []
    for _ in range(200):
        places = np.sort(np.concatenate([np.arange(3), draws.integers(0, 3, 4)])).tolist()
        right = (draws.random(3) < 0.6).tolist()
        written = Written(places, -draws.exponential(0.5, 8), draws.dirichlet(np.ones(4), 3)[:, :3], False)
        examples.append(Example(written, right, float(np.mean(right))))
    return Translator(
        translator.model, translator.tokenizers, translator.config, shortlist=translator.shortlist,
        confidence=learn_confidence(examples)[0],
    )  # fmt: skip


def with_shortlist(translator: Translator) -> Translator:
    """Give a translator a shortlist that leaves out some of its pieces."""
    shortlist = make(translator, [PAIRS], best=4, frequent=7)
    return Translator(translator.model, translator.tokenizers, translator.config, shortlist=shortlist)
