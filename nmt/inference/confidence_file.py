"""The confidence of a translator: its file in the model's folder, and what it says of a translation."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from nmt import checksums
from nmt.errors import InputError, as_typed
from nmt.evaluation.alignment import by_word, words
from nmt.evaluation.confidence import TRANSLATION_EVIDENCE, WORD_EVIDENCE, Calibrated, Confidence, Written
from nmt.model_folder import CONFIDENCE, HEAD, WEIGHTS
from nmt.translation import Translation

_MAX_STEPS = 10_000
# Within these limits no product of numbers of the file overflows.
_LARGEST, _SMALLEST_SCALE = 1e9, 1e-9


def written(translation: Translation) -> Written:
    """Return what a translation says of how sure the model was."""
    target = words(translation.tokens)
    weights = None
    if translation.alignment is not None:
        source = translation.source_words or words(translation.source_tokens)
        weights = by_word(source, target, translation.alignment).weights
    return Written(target.places, translation.token_scores, weights, bool(translation.unfinished))


def with_confidence(translation: Translation, confidence: Confidence) -> Translation:
    """Return a translation with its confidence and that of each of its words; one without words has none."""
    found = confidence.of(written(translation))
    if found is None:
        return translation
    whole, each = found
    names = words(translation.tokens).words
    return dataclasses.replace(translation, confidence=whole, word_confidences=tuple(zip(names, each, strict=True)))


def write(folder: Path, confidence: Confidence) -> None:
    """Write a confidence into the folder of its translator, in place of an older one.

    Raises:
        OSError: if it cannot be written.
    """
    content = json.dumps(
        {**_belongs(folder), "pairs": confidence.pairs, "usual": confidence.usual, **as_numbers(confidence)}, indent=1
    )
    checksums.replace(folder, CONFIDENCE, f"{content}\n".encode())


def read(folder: Path) -> Confidence | None:
    """Read the confidence of a translator; ``None`` if its folder has none.

    Raises:
        InputError: if the file is damaged, or the confidence was learned with other weights or another alignment head.
    """
    path = folder / CONFIDENCE
    if not path.is_file():
        return None
    checksums.check(folder, [CONFIDENCE])
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or type(found.get("pairs")) is not int or type(found.get("usual")) is not float:
            raise ValueError("it is damaged, or of another version")
        if not 0 <= found["usual"] <= 1:
            raise ValueError("its numbers are no probabilities")
        for name, digest in _belongs(folder).items():
            if found.get(name) != digest:
                raise ValueError(f"it was learned with another {name} than the one beside it")
        kinds = (("word", WORD_EVIDENCE), ("translation", TRANSLATION_EVIDENCE))
        word, translation = (_calibrated(found.get(name), len(evidence)) for name, evidence in kinds)
    except (OSError, ValueError, OverflowError, RecursionError) as error:
        raise InputError(
            f"{path} cannot be used: {error}. Make it again with `nmt evaluate {as_typed(folder)} --calibrate` on "
            "development pairs, or delete it: then translations have no confidence."
        ) from None
    return Confidence(word, translation, found["pairs"], found["usual"])


def _belongs(folder: Path) -> dict[str, str | None]:
    """Return the checksums of what a confidence was learned with."""
    return {name: checksums.digest(folder / name) if (folder / name).is_file() else None for name in (WEIGHTS, HEAD)}


def as_numbers(confidence: Confidence) -> dict[str, dict[str, Any]]:
    """Return what was learned about words and about translations, as JSON holds it."""
    return {
        name: {key: np.asarray(value).tolist() for key, value in dataclasses.asdict(getattr(confidence, name)).items()}
        for name in ("word", "translation")
    }


def _calibrated(given: Any, kinds: int) -> Calibrated:
    """Return what a part of the file holds.

    Raises:
        ValueError: if it is not what this version writes.
    """
    names = [field.name for field in dataclasses.fields(Calibrated)]
    if not isinstance(given, dict) or set(given) != set(names):
        raise ValueError("it is damaged, or of another version")
    lists = {name: [given[name]] if name == "bias" else given[name] for name in names}
    for name, numbers in lists.items():
        size = {"bias": 1, "logits": None, "probabilities": None}.get(name, kinds)
        if not isinstance(numbers, list) or not all(type(x) in (int, float) and math.isfinite(x) for x in numbers):
            raise ValueError("it holds what are no numbers")
        if any(abs(x) > _LARGEST for x in numbers):
            raise ValueError("its numbers are too large")
        if len(numbers) != size if size else not 1 <= len(numbers) <= _MAX_STEPS:
            raise ValueError("it is damaged, or of another version")
    logits, probabilities = np.array(lists["logits"], float), np.array(lists["probabilities"], float)
    ascending = all((np.diff(each) >= 0).all() for each in (logits, probabilities))
    proper = len(logits) == len(probabilities) and probabilities[0] >= 0 and probabilities[-1] <= 1
    if not ascending or not proper or min(lists["scale"]) < _SMALLEST_SCALE:
        raise ValueError("its numbers are no probabilities")
    center, scale, weights = (np.array(lists[name], float) for name in ("center", "scale", "weights"))
    return Calibrated(
        center, scale=scale, weights=weights, bias=float(given["bias"]), logits=logits, probabilities=probabilities
    )
