"""A translator with an alignment head: it translates bit for bit as before, and every search links alike."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from command_line import PAIRS
from exported import trained

from nmt.config import Config, with_settings
from nmt.decoding.ensemble import Ensemble
from nmt.inference.head_file import new_head
from nmt.inference.link_shortlist import make
from nmt.inference.translator import Translator
from nmt.layers.alignment_head import AlignmentHead
from nmt.models.build import build_model
from nmt.models.linked import LinkedModel

TEXTS = [ko for ko, _ in PAIRS[:7]] + ["나는", "漢字 나는 밥을 먹었다 먹었다"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    return trained(tmp_path_factory.mktemp("linked"))


@pytest.fixture(scope="module")
def head(plain: Translator) -> AlignmentHead:
    """A head that was taught nothing: its weights are random, and so unlike an attention."""
    return new_head(plain.model, 23)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def linked(plain: Translator, head: AlignmentHead) -> Translator:
    shortlist = make(plain, [PAIRS], best=4, frequent=7)
    return Translator(plain.model, plain.tokenizers, plain.config, shortlist=shortlist, heads=[head])


@pytest.mark.parametrize(
    "search",
    [
        {},
        {"beam": 3, "n_best": 2, "length_penalty": 1.0},
        {"beam": 3, "coverage_penalty": 0.3},
        {"sample": True, "n_best": 2},
        {"shortlist": True},
    ],
    ids=str,
)
def test_every_search_translates_as_before_and_links_as_teacher_forcing_does(
    plain: Translator, linked: Translator, search: dict
) -> None:
    found = linked.hypotheses(TEXTS, **search)
    if "shortlist" not in search:
        before = plain.hypotheses(TEXTS, **search)
        assert [[(each.text, each.score, each.rank) for each in best] for best in found] == [
            [(each.text, each.score, each.rank) for each in best] for best in before
        ]
    for text, best in zip(TEXTS, found, strict=True):
        for each, given in zip(best, linked.score([text] * len(best), [each.text for each in best]), strict=True):
            np.testing.assert_allclose(np.sum(each.alignment, -1), 1, atol=1e-5)
            if each.tokens == given.tokens:
                np.testing.assert_allclose(each.alignment, given.alignment, atol=1e-5)


def test_scores_are_those_without_a_head_and_the_attention_stays_available(
    plain: Translator, linked: Translator
) -> None:
    sources, targets = [ko for ko, _ in PAIRS[:5]], [en for _, en in PAIRS[:5]]
    with_head, without = linked.score(sources, targets), plain.score(sources, targets)
    assert [each.token_scores for each in with_head] == [each.token_scores for each in without]
    assert linked.linked and not plain.linked
    assert not np.allclose(with_head[0].alignment, without[0].alignment, atol=0.01)


def test_an_ensemble_links_by_the_heads_that_its_models_have(
    plain: Translator, linked: Translator, head: AlignmentHead
) -> None:
    models = Ensemble([plain.model, plain.model])
    one = Translator(models, plain.tokenizers, plain.config, heads=[None, head])
    for found, expected in zip(one.translate(TEXTS[:2]), linked.translate(TEXTS[:2]), strict=True):
        assert found.text == expected.text
        np.testing.assert_allclose(found.alignment, expected.alignment, atol=1e-5)
    scored, expected = (each.score(TEXTS[:1], ["I ate rice"])[0] for each in (one, linked))
    np.testing.assert_allclose(scored.alignment, expected.alignment, atol=1e-5)


@pytest.mark.parametrize("architecture", ["transformer", "recurrent"])
def test_steps_record_what_teacher_forcing_links(architecture: str) -> None:
    settings = [f"model.architecture={architecture}", "model.units=12", "model.embedding=12"]
    model = build_model(with_settings(Config(), settings), 17, 19)
    linked = LinkedModel(model, new_head(model, 5))  # type: ignore[arg-type]
    source = tf.constant([[7, 5, 11, 3], [9, 3, 0, 0]])
    read, written = tf.constant([[2, 8, 6], [2, 12, 3]]), tf.constant([[8, 6, 3], [12, 3, 0]])
    _, expected = linked.score_pairs(source, read, written)
    memory = linked.encode(source)
    state, records = linked.initial_state(linked.stepped(memory), 3), []
    for i in range(3):
        logits, state, _ = linked.step(read[:, i], state, linked.stepped(memory))
        records.append(linked.record(state))
    found = linked.link(tf.stack(records, 1)[:, None], written[:, None], memory)[:, 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(logits, linked.score_pairs(source, read, written)[0][:, 2], atol=1e-5)
    assert (found.numpy()[1, :, 2:] == 0).all()


def test_a_folder_keeps_the_head(linked: Translator, tmp_path: Path) -> None:
    linked.save(tmp_path / "m")
    opened, bare = Translator.load(tmp_path / "m"), Translator.load(tmp_path / "m", attention=True)
    assert opened.linked and not bare.linked and opened.heads[0] and opened.heads[0].units == 23
    np.testing.assert_array_equal(
        opened.score(TEXTS[:1], ["I"])[0].alignment, linked.score(TEXTS[:1], ["I"])[0].alignment
    )
