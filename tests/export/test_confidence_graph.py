"""The confidence on tensors is that of the package, whatever the pieces are and however the rows are padded."""

import numpy as np
import pytest
import tensorflow as tf

from nmt.evaluation.alignment import by_word, words
from nmt.evaluation.confidence import Confidence, Example, Written, learn_confidence
from nmt.export.confidence_graph import ConfidenceGraph

NAMES = ["<pad>", "<unk>", "<s>", "</s>", "▁", "▁a", "▁b", "c", "d", "▁▁", "▁ef"]


class Side:
    """A tokenizer, as far as its pieces go."""

    vocabulary = len(NAMES)

    def pieces(self, ids):  # type: ignore[no-untyped-def]
        return [NAMES[i] for i in ids]


class Both:
    source = target = Side()


def rows(number: int, seed: int):  # type: ignore[no-untyped-def]
    """Pieces of both sides, scores, alignments and whether each has no end."""
    draws = np.random.default_rng(seed)
    for i in range(number):
        length, read = int(draws.integers(0 if i % 7 == 3 else 1, 9)), int(draws.integers(1, 7))
        unfinished = bool(i % 3 == 0)
        yield (
            draws.integers(4, len(NAMES), read).tolist(),
            draws.integers(4, len(NAMES), length).tolist(),
            (-draws.exponential(1.5, length + (not unfinished)) * (9 if i % 5 == 0 else 1)).tolist(),
            draws.dirichlet(np.ones(read + 1) * 0.4, length).reshape(length, read + 1),
            unfinished,
        )


def written(row, aligned: bool) -> Written:  # type: ignore[no-untyped-def]
    source, target, scores, alignment, unfinished = row
    spelt = words([NAMES[i] for i in target])
    weights = by_word(words([NAMES[i] for i in source]), spelt, alignment).weights if aligned else None
    return Written(spelt.places, scores, weights, unfinished)


def learned(aligned: bool) -> Confidence:
    draws, examples = np.random.default_rng(1), []
    for row in rows(400, 2):
        if row[1]:
            one = written(row, aligned)
            right = (draws.random(one.places[-1] + 1) < 0.6).tolist()
            examples.append(Example(one, right, float(np.mean(right))))
    return learn_confidence(examples)[0]


def padded(given) -> dict[str, tf.Tensor]:  # type: ignore[no-untyped-def]
    """The outputs of a search, with two hypotheses a row, of which the second is nonsense."""
    wide, long = max(len(row[0]) for row in given) + 1, max(len(row[2]) for row in given)
    outputs = {
        "source": np.zeros([len(given), wide], np.int32),
        "source_lengths": np.array([len(row[0]) for row in given], np.int32),
        "tokens": np.full([len(given), 2, long], 5, np.int32),
        "lengths": np.array([[len(row[1]), 1] for row in given], np.int32),
        "token_scores": np.full([len(given), 2, long], -3.0, np.float32),
        "alignment": np.zeros([len(given), 2, long, wide], np.float32),
        "unfinished": np.array([[row[4], True] for row in given]),
    }
    outputs["tokens"][:, 0], outputs["token_scores"][:, 0] = 0, 0
    for i, (source, target, scores, alignment, _) in enumerate(given):
        outputs["source"][i, : len(source) + 1] = [*source, 3]
        outputs["tokens"][i, 0, : len(target)] = target
        outputs["token_scores"][i, 0, : len(scores)] = scores
        outputs["alignment"][i, 0, : len(target), : len(source) + 1] = alignment
    return {name: tf.constant(each) for name, each in outputs.items()}


@pytest.mark.parametrize("aligned", [True, False])
def test_it_is_that_of_the_package(aligned: bool) -> None:
    confidence, given = learned(aligned), list(rows(60, 3))
    found = ConfidenceGraph(confidence, Both(), aligned)(padded(given))  # type: ignore[arg-type]
    for i, row in enumerate(given):
        names = [word.decode() for word in found["words"][i].numpy()]
        wanted = confidence.of(written(row, aligned))
        if wanted is None:
            assert found["confidence"][i] == 0 and not any(names)
            continue
        number = len(wanted[1])
        assert names == [*words([NAMES[j] for j in row[1]]).words, *[""] * (len(names) - number)]
        np.testing.assert_allclose(found["confidence"][i], wanted[0], atol=1e-4)
        np.testing.assert_allclose(found["word_confidences"][i, :number], wanted[1], atol=1e-4)
        assert not found["word_confidences"][i, number:].numpy().any()
