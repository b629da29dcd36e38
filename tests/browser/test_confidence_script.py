"""The confidence in JavaScript is that of the package."""

import json
from pathlib import Path

import numpy as np
from node import needs_node, run_node

from nmt import browser
from nmt.evaluation.confidence import Example, Written, learn_confidence
from nmt.inference.confidence_file import as_numbers

pytestmark = needs_node

PROGRAM = """
import { readFileSync } from "node:fs";
const { confidenceOf } = await import(process.argv[2]);
const { learned, translations } = JSON.parse(readFileSync(process.argv[3], "utf-8"));
console.log(JSON.stringify(translations.map((each) => confidenceOf(learned, each))));
"""


def drawn(number: int) -> list[Written]:
    draws, found = np.random.default_rng(5), []
    for i in range(number):
        words = int(draws.integers(1, 9))
        places = np.sort(np.concatenate([np.arange(words), draws.integers(0, words, 3)]))
        scores = -draws.exponential(0.7, len(places) + i % 2) * (20 if i % 9 == 0 else 1)
        weights = None if i % 5 == 0 else draws.dirichlet(np.ones(8) * 0.3, words)[:, :7]
        found.append(Written(places.tolist(), scores.tolist(), weights, i % 2 == 0))
    return found


def test_it_is_that_of_the_package(tmp_path: Path) -> None:
    draws, given = np.random.default_rng(6), drawn(300)
    right = [(draws.random(each.places[-1] + 1) < 0.7).tolist() for each in given]
    confidence, _ = learn_confidence(
        [Example(one, own, float(np.mean(own))) for one, own in zip(given, right, strict=True)]
    )
    translations = [
        {
            "tokens": ["x"] * len(each.places),
            "tokenScores": each.scores,
            "unfinished": each.unfinished,
            "targetWords": {"places": each.places},
            "wordWeights": None if each.weights is None else each.weights.tolist(),
        }
        for each in given
    ]
    empty = {"tokens": [], "tokenScores": [-1], "unfinished": False, "targetWords": {"places": []}, "wordWeights": []}
    file = tmp_path / "given.json"
    file.write_text(json.dumps({"learned": as_numbers(confidence), "translations": [*translations, empty]}))
    *found, none = json.loads(run_node(PROGRAM, browser.path("confidence.mjs"), file))
    assert none == {"confidence": None, "wordConfidences": None}
    for one, each in zip(found, given, strict=True):
        wanted = confidence.of(each)
        assert wanted is not None
        np.testing.assert_allclose(one["confidence"], wanted[0], atol=1e-9)
        np.testing.assert_allclose(one["wordConfidences"], wanted[1], atol=1e-9)
