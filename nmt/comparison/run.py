"""One run: a model is trained, unless it is trained already, and scored on the test pairs."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from nmt.atomic_write import make_folder, write_file
from nmt.comparison.spec import Candidate, Material
from nmt.data.corpora import read_lines
from nmt.errors import InputError, WorkFailed
from nmt.evaluation.alignment_error import Gold, alignment_error, check, strongest_links
from nmt.evaluation.alignment_error import read as read_links
from nmt.evaluation.scores import score
from nmt.model_folder import STATE, WEIGHTS, read_journal

# Test sentences that speeds are measured on: in batches, and one by one; and the number of rounds.
_SENTENCES = 500
_ALONE = 100
_ROUNDS = 3

logger = logging.getLogger(__name__)


def gold_links(material: Material) -> list[Gold]:
    """Read the right links of the test pairs; without a file there are none.

    Raises:
        InputError: if they do not fit the pairs.
    """
    if not material.links:
        return []
    pairs = list(material.open(material.test).pairs())
    gold = list(read_links(read_lines(material.links), str(material.links)))
    if len(gold) != len(pairs):
        raise InputError(
            f"{material.links} has {len(gold)} lines and the test set has {len(pairs)} pairs. Each line holds the "
            "links of one pair."
        )
    for number, (right, (source, target)) in enumerate(zip(gold, pairs, strict=True), start=1):
        check(right, source, target, f"{material.links}, line {number}")
    return gold


def run(candidate: Candidate, seed: int, material: Material, model: Path, texts: Path) -> dict[str, Any]:
    """Train a model, unless it is trained already, and score it.

    Arguments:
        candidate: the model. Its config has the seed and the limits of the comparison.
        seed: of the run.
        material: the pairs.
        model: the folder of the model. A training that was stopped is resumed in it.
        texts: the file for its translations of the test sentences, one per line.

    Returns:
        The result for the record, ready for JSON.
    """
    from nmt.inference.translator import Translator
    from nmt.training.fit import train_model

    resumed = (model / STATE).exists()
    if candidate.folder or ((model / WEIGHTS).exists() and not resumed):
        translator: Any = Translator.load(model)
    else:
        if model.exists() and not resumed:
            shutil.rmtree(model)  # a run that was killed before it could be resumed
        corpus, dev = material.training(candidate.config)
        translator = train_model(candidate.config, corpus, dev, model, resume=resumed)
    pairs = list(material.open(material.test).pairs())
    sources, references = [left for left, _ in pairs], [right for _, right in pairs]
    logger.info(f"Translating {len(sources):,} test sentences.")
    written = [found.text for found in translator.translate(sources, n_best=1)]
    make_folder(texts.parent)
    write_file(texts, "".join(f"{line}\n" for line in written).encode("utf-8", "surrogateescape"))
    scores = score(written, references)
    gold = gold_links(material) if translator.aligned else []
    error = (
        alignment_error([strongest_links(each.words()) for each in translator.score(sources, references)], gold)
        if gold
        else None
    )
    return {
        "name": candidate.name,
        "seed": seed,
        "sentences": len(pairs),
        "parameters": translator.model.count_params(),
        "bleu": scores.bleu,
        "bleu_signature": scores.bleu_signature,
        "chrf": scores.chrf,
        "chrf_signature": scores.chrf_signature,
        "bleu_fails": scores.bleu_fails,
        "aer": error.aer if error else None,
        **_learned(model),
    }


def _learned(model: Path) -> dict[str, Any]:
    """Return the course of the training by the model's journal; a model that was copied without it has no records."""
    try:
        records = read_journal(model)
    except InputError:
        records = []
    speeds = [record["tokens/s"] for record in records if record.get("tokens/s")]
    return {
        "tokens_per_second": median(speeds) if speeds else None,
        "steps": records[-1].get("step") if records else None,
        "curve": [[record.get("step"), record.get("val_bleu")] for record in records],
    }


def speeds(models: dict[str, Path], material: Material) -> dict[str, dict[str, Any]]:
    """Measure how fast models translate, in turn, so that a busy minute of the machine slows all of them.

    Arguments:
        models: the folder of a trained model of each name.
        material: the pairs.

    Returns:
        For each model, the sentences per second of each round, in batches; the milliseconds of single sentences, one
        after the other; and the size of its export for TF Serving in bytes. A model that cannot be measured is left
        out.
    """
    from nmt.export.saved_model import write as export
    from nmt.inference.translator import Translator

    sources = [source for source, _ in islice(material.open(material.test).pairs(), _SENTENCES) if source.strip()]
    translators: dict[str, Translator] = {}
    found: dict[str, dict[str, Any]] = {}
    for name, model in models.items():
        try:
            translator = Translator.load(model)
            with tempfile.TemporaryDirectory() as place:
                export(translator, Path(place, "export"), translator.decoding(sample=False))
                size = sum(path.stat().st_size for path in Path(place).rglob("*") if path.is_file())
            translator.translate(sources)  # this traces the graph and allocates memory
            translator.translate(sources[:1])
        except (InputError, WorkFailed, OSError) as error:
            logger.info(f"{name} cannot be measured and is left out: {error}")
            continue
        translators[name] = translator
        found[name] = {"rates": [], "milliseconds": [], "export_bytes": size}
    for number in range(_ROUNDS):
        logger.info(f"Speeds, round {number + 1} of {_ROUNDS}.")
        for name, translator in translators.items():
            began = time.perf_counter()
            translator.translate(sources)
            found[name]["rates"].append(len(sources) / (time.perf_counter() - began))
            for source in sources[number:_ALONE:_ROUNDS]:
                began = time.perf_counter()
                translator.translate([source])
                found[name]["milliseconds"].append(1000 * (time.perf_counter() - began))
    return found
