"""One run: a model is trained, unless it is trained already, and scored on the test pairs or the test text."""

from __future__ import annotations

import logging
import math
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from nmt.atomic_write import make_folder, write_file
from nmt.comparison.spec import Candidate, Material
from nmt.data.corpora import read_lines
from nmt.errors import InputError, WorkFailed
from nmt.evaluation.alignment_error import Gold, alignment_error, check_links, strongest_links
from nmt.evaluation.alignment_error import read as read_links
from nmt.evaluation.beginnings import beginning
from nmt.evaluation.judge import BLEU, CHRF, NAMES, PERPLEXITY
from nmt.evaluation.scores import score
from nmt.evaluation.symmetrization import both_ways
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
        check_links(right, source, target, f"{material.links}, line {number}")
    return gold


def run(candidate: Candidate, seed: int, material: Material, model: Path, texts: Path) -> dict[str, Any]:
    """Train a model, unless it is trained already, and score it.

    Arguments:
        candidate: the model. Its config has the seed and the limits of the comparison.
        seed: of the run.
        material: the pairs, or the plain text of language models.
        model: the folder of the model. A training that was stopped is resumed in it.
        texts: the file for what it writes, one per line: its translations of the test sentences, or how it continues
            the beginnings of a few test lines.

    Returns:
        The result for the record, ready for JSON.
    """
    trained = _trained(candidate, material, model)
    scores = _perplexity(trained, material, texts) if material.plain else _quality(trained, material, texts)
    learned = PERPLEXITY if material.plain else CHRF if scores["bleu_fails"] else BLEU
    return {
        "name": candidate.name,
        "seed": seed,
        "parameters": trained.model.count_params(),
        **scores,
        "curve_of": NAMES[learned],
        **_learned(model, learned),
    }


def _trained(candidate: Candidate, material: Material, model: Path) -> Any:
    """Return the translator or the completer of a run."""
    from nmt.inference.completer import Completer
    from nmt.inference.translator import Translator
    from nmt.training.fit import train_model

    resumed = (model / STATE).exists()
    if candidate.folder or ((model / WEIGHTS).exists() and not resumed):
        return Completer.load(model) if material.plain else Translator.load(model)
    if model.exists() and not resumed:
        shutil.rmtree(model)  # a run that was killed before it could be resumed
    corpus, dev = material.training(candidate.config)
    return train_model(candidate.config, corpus, dev, model, resume=resumed)


def _perplexity(completer: Any, material: Material, texts: Path) -> dict[str, Any]:
    """Score the test text, and write how the model continues a few beginnings."""
    from nmt.inference.completer import perplexity
    from nmt.inference.searcher import count_pieces

    lines = material.test_lines()
    logger.info(f"Scoring {len(lines):,} test lines.")
    scores = completer.score(lines)
    written = completer.complete([begun for begun, _ in material.beginnings()], sample=False)
    _write_lines(texts, [found.text for found in written])
    # A line that is longer than the model reads has the score of its beginning alone.
    lengths = count_pieces(completer.tokenizers.target, lines)
    whole = [n <= completer.max_pieces for n in lengths]
    return {
        "sentences": len(written),
        "lines": len(lines),
        "pieces": sum(pieces for _, pieces in scores),
        "perplexity": perplexity(scores),
        "lines_cut": whole.count(False),
        "bits_per_character": bits_per_character(
            [(line, score) for line, (score, _), fits in zip(lines, scores, whole, strict=True) if fits]
        ),
    }


def bits_per_character(scored: Sequence[tuple[str, float]]) -> float | None:
    """Return the bits that each character of lines takes, from their log-probabilities; ``None`` without lines.

    The end of a line is counted as a character: the model predicts it, too.

    >>> round(bits_per_character([("abc", -4 * math.log(2)), ("", -6 * math.log(2))]), 6)  # 10 bits for 5
    2.0
    """
    characters = sum(len(line) + 1 for line, _ in scored)
    return -sum(score for _, score in scored) / math.log(2) / characters if characters else None


def _write_lines(path: Path, lines: list[str]) -> None:
    make_folder(path.parent)
    write_file(path, "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))


def _quality(translator: Any, material: Material, texts: Path) -> dict[str, Any]:
    """Translate the test sentences, write the translations, and score them."""
    pairs = list(material.open(material.test).pairs())
    sources, references = [left for left, _ in pairs], [right for _, right in pairs]
    logger.info(f"Translating {len(sources):,} test sentences.")
    written = [found.text for found in translator.translate(sources, n_best=1)]
    _write_lines(texts, written)
    scores = score(written, references)
    gold = gold_links(material) if translator.aligned else []
    links_of = both_ways if translator.linked else strongest_links
    error = (
        alignment_error([links_of(each.words()) for each in translator.score(sources, references)], gold)
        if gold
        else None
    )
    return {
        "sentences": len(pairs),
        "bleu": scores.bleu,
        "bleu_signature": scores.bleu_signature,
        "chrf": scores.chrf,
        "chrf_signature": scores.chrf_signature,
        "bleu_fails": scores.bleu_fails,
        "aer": error.aer if error else None,
    }


def _learned(model: Path, score: str) -> dict[str, Any]:
    """Return the course of the training by the model's journal; a model that was copied without it has no records.

    Arguments:
        model: its folder.
        score: the key of the development score.
    """
    try:
        records = read_journal(model)
    except InputError:
        records = []
    speeds = [record["tokens/s"] for record in records if record.get("tokens/s")]
    return {
        "tokens_per_second": median(speeds) if speeds else None,
        "steps": records[-1].get("step") if records else None,
        "curve": [[record.get("step"), record.get(score)] for record in records],
    }


def speeds(models: dict[str, Path], material: Material) -> dict[str, dict[str, Any]]:
    """Measure how fast models translate or complete, in turn, so that a busy minute of the machine slows all of them.

    Arguments:
        models: the folder of a trained model of each name.
        material: the pairs, or the plain text.

    Returns:
        For each model, the sentences or lines per second of each round, in batches; the milliseconds of single ones,
        one after the other; and the size of its export for TF Serving in bytes. A model that cannot be measured is left
        out.
    """
    from nmt.export import saved_language_model, saved_model
    from nmt.inference.completer import Completer
    from nmt.inference.translator import Translator

    if material.plain:
        sources = [beginning(line) for line in material.test_lines()[:_SENTENCES]]
    else:
        sources = [source for source, _ in islice(material.open(material.test).pairs(), _SENTENCES) if source.strip()]
    writers: dict[str, Callable[[list[str]], Any]] = {}
    found: dict[str, dict[str, Any]] = {}
    for name, model in models.items():
        try:
            with tempfile.TemporaryDirectory() as place:
                exported = Path(place, "export")
                write: Callable[[list[str]], Any]
                if material.plain:
                    completer = Completer.load(model)
                    saved_language_model.write(completer, exported, completer.decoding(sample=False))
                    write = partial(completer.complete, sample=False)
                else:
                    translator = Translator.load(model)
                    saved_model.write(translator, exported, translator.decoding(sample=False))
                    write = translator.translate
                size = sum(path.stat().st_size for path in Path(place).rglob("*") if path.is_file())
            write(sources)  # this traces the graph and allocates memory
            write(sources[:1])
        except (InputError, WorkFailed, OSError) as error:
            logger.info(f"{name} cannot be measured and is left out: {error}")
            continue
        writers[name] = write
        found[name] = {"rates": [], "milliseconds": [], "export_bytes": size}
    for number in range(_ROUNDS):
        logger.info(f"Speeds, round {number + 1} of {_ROUNDS}.")
        for name, write in writers.items():
            began = time.perf_counter()
            write(sources)
            found[name]["rates"].append(len(sources) / (time.perf_counter() - began))
            for source in sources[number:_ALONE:_ROUNDS]:
                began = time.perf_counter()
                write([source])
                found[name]["milliseconds"].append(1000 * (time.perf_counter() - began))
    return found
