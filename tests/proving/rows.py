"""A row has the same translation, score and alignment alone, in a batch, and beside a longer row that pads it.

Every architecture and an ensemble is searched in every way, as a model, as a SavedModel and as an export for a device.

The models are untrained, with weights large enough that the logits differ. Sums are added in another order in another
batch, so two hypotheses whose scores are nearly equal may change places: where texts differ, both must have scores
within 1e-4 of each other, and such near ties are counted apart.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from command_line import PAIRS

from nmt.config import Config, with_settings
from nmt.data.tokenizers import train_tokenizers
from nmt.decoding.ensemble import Ensemble
from nmt.decoding.strategies import numbers_for
from nmt.export import tflite, tflite_runtime
from nmt.export.saved_model import export
from nmt.inference.translator import Translator
from nmt.models.build import build_model
from proving.proof import Proof, options

SMALL = ["model.units=12", "model.embedding=12", "text.kind=char"]
MODELS = {
    "gru, bahdanau": ["model.attention_units=7"],
    "lstm, general, feed": ["model.cell=lstm", "model.attention=general", "model.context=feed"],
    "rnn, dot, output": ["model.cell=rnn", "model.attention=dot", "model.context=output", "model.layer_norm=true"],
    "gru, scaled_dot": ["model.attention=scaled_dot", "model.heads=2", "model.attention_units=12"],
    "gru, none": ["model.attention=none", "model.encoder_layers=2", "model.decoder_layers=2"],
    "transformer": ["model.architecture=transformer", "model.heads=2", "model.feed_forward=24"],
}
ENSEMBLE = "ensemble of two"
NAMES = [*MODELS, ENSEMBLE]
SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {},
    "beam": {"beam": 3, "n_best": 2, "length_penalty": 1.0, "coverage_penalty": 0.2},
    "sampling": {"sample": True, "seed": 3, "temperature": 0.7},
    "constraints": {"beam": 2, "min_length": 3, "no_repeat": 2},
    "pruned beam": {"beam": 4, "prune": 2.0, "patience": 1.0},
    "prefix": {"beam": 2},
}
LONG = "우리는 사과를 보았다 " * 3
CLOSE = 1e-5
TIE = 1e-4
TIES = "near ties: equal scores and other texts"
# More would not be ties: a row that gets the text of another with its own score looks like one.
MAX_TIES = 0.02


def untrained(name: str, seed: int) -> Translator:
    """Return a translator with random weights; the ensemble has a recurrent model and a Transformer."""
    if name == ENSEMBLE:
        first, second = (untrained(each, seed) for each in ("gru, bahdanau", "transformer"))
        return Translator(Ensemble([first.model, second.model]), first.tokenizers, first.config)
    changes = MODELS[name]
    keras.utils.set_random_seed(seed)
    config = with_settings(Config(), [*SMALL, *changes])
    tokenizers = train_tokenizers(PAIRS, "char")
    model = build_model(config, tokenizers.source.vocabulary, tokenizers.target.vocabulary)
    random_numbers = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign(weight + random_numbers.normal(scale=0.3, size=weight.shape))
    return Translator(model, tokenizers, config)


def compare(proof: Proof, case: str, one: dict[str, np.ndarray], other: dict[str, np.ndarray], read: int) -> None:
    """Compare one row of two batches; ``read`` is the number of its source pieces with EOS."""
    if not np.allclose(one["scores"], other["scores"], rtol=CLOSE, atol=TIE):
        proof.fault(case, f"scores {one['scores']} and {other['scores']}")
        return
    if not np.array_equal(one["text"], other["text"]):
        proof.add(TIES)
        return
    if "alignment" in one and one["alignment"].ndim == 3:
        for first, second, length in zip(one["alignment"], other["alignment"], one["lengths"], strict=True):
            if not np.allclose(first[:length, :read], second[:length, :read], atol=1e-4):
                proof.fault(case, "the alignments differ")


def prove(count: int, seed: int, models: list[str] | None = None, searches: list[str] | None = None) -> Proof:
    """Search ``count`` random batches."""
    proof = Proof("rows", "batches", seed)
    names, ways = models or NAMES, searches or list(SEARCHES)
    each = -(-count // (len(names) * (len(ways) + 2)))
    sources = [source for source, _ in PAIRS]
    for name in names:
        translator = untrained(name, seed)
        for way in ways:
            how = {
                key: value for key, value in SEARCHES[way].items() if translator.model.aligned or "coverage" not in key
            }
            settings = translator.decoding(max_length=23, **how)
            search = translator.graphs(settings, way == "prefix")
            chance = random.Random(f"{seed} {name} {way}")
            for number in range(each):
                rows = [
                    " ".join(chance.sample(chance.choice(sources).split(), chance.randint(1, 3)))
                    for _ in range(chance.randint(2, 7))
                ]
                prefixes = [chance.choice(["I ", "you", ""]) if way == "prefix" else "" for _ in rows]
                place = chance.randrange(len(rows))

                def run(chosen: list[int], rows=rows, prefixes=prefixes, search=search, settings=settings) -> Any:
                    texts = [*rows, LONG]
                    found = search(
                        tf.constant([texts[i] for i in chosen]),
                        tf.constant([[*prefixes, ""][i] for i in chosen]),
                        numbers_for(settings, chosen),
                    )
                    return {key: value.numpy() for key, value in found.items()}

                whole = list(range(len(rows)))
                alone, together, padded = run([place]), run(whole), run([*whole, len(rows)])
                case = f"{name}, {way}, batch {number}, row {place} of {rows}"
                first = {key: value[0] for key, value in alone.items()}
                for kind, found in (("in its batch", together), ("padded", padded)):
                    row = {key: value[place] for key, value in found.items()}
                    compare(proof, case=f"{case} {kind}", one=first, other=row, read=int(first["source_lengths"]) + 1)
                proof.add(f"{name}, {way}")
        exported(proof, name, translator, each)
        on_device(proof, name, translator, each)
    if proof.tried[TIES] > MAX_TIES * proof.tried.total():
        proof.fault("all", f"{proof.tried[TIES]} of {proof.tried.total()} are near ties, which are rare")
    return proof


def exported(proof: Proof, name: str, translator: Translator, count: int) -> None:
    """Ask the export of a model for the same rows alone and in a batch, and the translator."""
    chance = random.Random(f"{proof.seed} {name}")
    sources = [source for source, _ in PAIRS]
    with tempfile.TemporaryDirectory() as place:
        settings = translator.decoding(beam=2, max_length=23)
        loaded = tf.saved_model.load(str(export(translator, Path(place, "model"), settings)))
        asked = loaded.signatures["serving_default"]
        search = translator.graphs(settings, False)
        for number in range(count):
            rows = chance.sample(sources, chance.randint(2, 5))
            together = asked(text=tf.constant([*rows, LONG]))
            alone = asked(text=tf.constant(rows[:1]))
            own = search(tf.constant(rows[:1]), tf.constant([""]), numbers_for(settings, [0]))
            scores = [float(found["score"][0]) for found in (together, alone)] + [float(own["scores"][0, 0])]
            texts = {together["translation"].numpy()[0], alone["translation"].numpy()[0], own["text"].numpy()[0, 0]}
            if not np.allclose(scores, scores[0], rtol=CLOSE, atol=TIE):
                proof.fault(f"{name}, export, batch {number}, {rows}", f"scores {scores}")
            elif len(texts) > 1:
                proof.add(TIES)
            proof.add(f"{name}, export")


def on_device(proof: Proof, name: str, translator: Translator, count: int) -> None:
    """Ask the export of a model for a device for the same rows alone and in a batch, and the translator."""
    chance = random.Random(f"{proof.seed} {name}, device")
    sources = [source for source, _ in PAIRS]
    with tempfile.TemporaryDirectory() as place:
        settings = translator.decoding(beam=2, n_best=2, max_length=23)
        tflite.export(translator, Path(place, "device"), settings)
        device = tflite_runtime.Translator(Path(place, "device"))
        for number in range(count):
            rows = chance.sample(sources, chance.randint(2, 5))
            found = [
                device.hypotheses(rows[:1])[0],
                device.hypotheses(rows)[0],
                device.hypotheses([*rows, LONG])[0],
                translator.hypotheses(rows[:1], beam=2, n_best=2, max_length=23)[0],
            ]
            scores = [[each.score for each in best] for best in found]
            case = f"{name}, device, batch {number}, {rows}"
            if not all(np.allclose(each, scores[0], rtol=CLOSE, atol=TIE) for each in scores):
                proof.fault(case, f"scores {scores}")
            elif len({tuple(each.text for each in best) for best in found}) > 1:
                proof.add(TIES)
            elif translator.model.aligned:
                first, *others = [best[0].alignment for best in found]
                if not all(np.allclose(each, first, atol=1e-4) for each in others):
                    proof.fault(case, "the alignments differ")
            proof.add(f"{name}, device")


def main() -> int:
    """Run the proof."""
    given = options(__doc__.splitlines()[0], count=10_000, parts=NAMES)
    return prove(given.count, given.seed, given.only).end()


if __name__ == "__main__":
    sys.exit(main())
