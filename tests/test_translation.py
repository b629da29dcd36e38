"""One record of a translation and one form of it in JSON, for the package, a server's client and a device."""

import dataclasses
import json

import numpy as np
import pytest

import nmt
from nmt import client, translation
from nmt.export import tflite_runtime
from nmt.translation import DEVICE_KEYS, KEYS, SERVER_KEYS, Translation, json_line

WEIGHTS = np.array([[0.25, 0.500049, 0.249951], [1 / 3, 1 / 3, 1 / 3]], np.float32)
# Four decimals of each; 0.500049 and 0.249951 are nearer to these than to their neighbours.
ROUNDED = [[0.25, 0.5, 0.25], [0.3333, 0.3333, 0.3333]]


def translations(kind: type, alignment: object, **more: object) -> list:
    return [
        kind("말 한", -1.23456, ("▁a", "b"), ("▁말", "▁한"), alignment, True, **more),
        kind("", -2.0, ("▁a", "b"), (), None, False, **more),
    ]


def test_the_whole_record_has_its_keys_in_order_and_four_decimals() -> None:
    (best, _) = translations(nmt.Translation, WEIGHTS, token_scores=(-1.00004, -0.23452), rank=-0.61728)
    line = json_line([best], n_best=False)
    assert "말 한" in line
    assert json.loads(line) == {
        "text": "말 한",
        "score": -1.2346,
        "rank": -0.6173,
        "source_tokens": ["▁a", "b"],
        "tokens": ["▁말", "▁한"],
        "token_scores": [-1.0, -0.2345],
        "alignment": ROUNDED,
        "truncated": True,
        "unfinished": False,
    }
    assert (*json.loads(line), "confidence", "word_confidences") == KEYS  # without a confidence there are no such keys
    sure = dataclasses.replace(best, confidence=0.91239, word_confidences=(("말", 0.98765), ("한", 0.5)))
    found = json.loads(json_line([sure], n_best=False))
    assert tuple(found) == KEYS and found["confidence"] == 0.9124
    assert found["word_confidences"] == [["말", 0.9877], ["한", 0.5]]


@pytest.mark.parametrize("number", [1, 2])
def test_a_device_writes_the_same_bytes(number: int) -> None:
    ours = translations(nmt.Translation, WEIGHTS)[:number]
    device = translations(tflite_runtime.Translation, WEIGHTS)[:number]
    several = number > 1
    wanted = json_line(ours, n_best=several, keys=DEVICE_KEYS, n_best_keys=DEVICE_KEYS)
    assert tflite_runtime.record(device) == wanted


@pytest.mark.parametrize(
    ("source", "target", "either"),
    [
        (False, False, False), (True, False, True), (False, True, True), (True, None, True), (None, True, True),
        (None, False, None), (False, None, None), (None, None, None),
    ],
)  # fmt: skip
def test_something_is_missing_if_either_side_is_cut_and_unknown_if_one_is(
    source: bool | None, target: bool | None, either: bool | None
) -> None:
    found = nmt.Translation("말", -1.0, source_truncated=source, unfinished=target)
    assert found.truncated is either


def test_lists_of_a_server_are_written_as_arrays_are() -> None:
    (served, _) = translations(translation.Translation, WEIGHTS.tolist())
    (ours, _) = translations(nmt.Translation, WEIGHTS)
    assert json_line([served], n_best=False, keys=SERVER_KEYS) == json_line([ours], n_best=False, keys=SERVER_KEYS)


@pytest.mark.parametrize("weights", [WEIGHTS, WEIGHTS.tolist()], ids=["array", "lists"])
def test_there_is_one_record_and_it_has_words(weights: object) -> None:
    assert nmt.Translation is client.Translation is translation.Translation
    (best, _) = translations(nmt.Translation, weights)
    assert best.words().source == ("ab",) and best.words().target == ("말", "한")
    # The weight of a word is the sum over its pieces; the source's end is dropped.
    np.testing.assert_allclose(best.words().weights, [[0.750049], [2 / 3]], rtol=1e-6)


def test_translations_are_equal_if_their_numbers_are():
    first, same, other = (
        Translation("a", -0.5, ("▁a",), ("▁b",), np.array([[0.25, weight]])) for weight in (0.75, 0.75, 0.5)
    )
    assert first == same and first != other and len({first, same, other}) == 2
    assert first == Translation("a", -0.5, ("▁a",), ("▁b",), [[0.25, 0.75]])
    assert first != Translation("a", -0.5, ("▁a",), ("▁b",)) and first != "a"
