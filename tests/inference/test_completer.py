"""A language model continues a beginning and scores what it reads."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from logged import logged

from nmt.config import Config, with_settings
from nmt.data.corpora import from_text
from nmt.errors import InputError
from nmt.inference.completer import Completer, perplexity
from nmt.inference.translator import Translator
from nmt.training.fit import train_model

# "hello" spelled from h, e, l, o: the classic. "world" has an o and an l of its own, so one letter is not enough.
SETTINGS = ["model.architecture=language-model", "text.kind=char", "model.units=24", "model.embedding=16"]
SETTINGS += ["training.epochs=9", "training.batch_size=8", "training.learning_rate=.02", "training.warmup_steps=5"]
SETTINGS += ["training.label_smoothing=0", "model.embedding_dropout=0", "model.output_dropout=0"]
CONFIG = with_settings(Config(), SETTINGS)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    place = tmp_path_factory.mktemp("hello")
    (place / "train.txt").write_text("hello\nworld\n" * 64)
    (place / "dev.txt").write_text("hello\nworld\n")
    with logged() as said:
        completer = train_model(CONFIG, from_text(place / "train.txt"), from_text(place / "dev.txt"), place / "lm")
    return completer, place / "lm", said


def test_hello_is_learned(learned):
    completer, _, _ = learned
    assert [c.text for c in completer.complete(["h", "he", "hel", "w", "wo"])] == ["hello"] * 3 + ["world"] * 2


def test_an_empty_beginning_is_one_too(learned):
    completer, _, _ = learned
    assert completer.complete([""])[0].text in ("hello", "world")


def test_the_beginning_stays_as_it_was_given(learned):
    completer, _, _ = learned
    made = completer.complete(["h東", "hello " * 60])
    assert made[0].text.startswith("h東") and not made[0].truncated
    # 360 characters are more than the 200 pieces that are read.
    assert made[1].truncated and made[1].text == "hello " * 60


def test_the_score_of_a_completion_is_that_of_its_text(learned):
    completer, _, _ = learned
    made = completer.complete(["h", "wo"])
    scores = completer.score([completion.text for completion in made])
    np.testing.assert_allclose([completion.score for completion in made], [s for s, _ in scores], atol=1e-4)
    assert made[0].tokens == ("▁", "h", "e", "l", "l", "o")
    assert scores[0][1] == 7  # with the end token


def test_a_text_scores_the_same_alone_and_beside_longer_ones(learned):
    completer, _, _ = learned
    texts = ["hello", "world hello world", "h", ""]
    together = completer.score(texts)
    for tokenizers, (score, pieces) in zip(texts, together, strict=True):
        ((alone, number),) = completer.score([tokenizers])
        assert number == pieces
        assert math.isclose(alone, score, abs_tol=1e-4)


def test_what_was_learned_is_likelier_than_what_was_not(learned):
    completer, _, _ = learned
    (seen, _), (unseen, _) = completer.score(["hello", "ohell"])
    assert seen > unseen + 5
    # Which word comes first cannot be known: a perplexity of 2 for one piece in seven.
    assert perplexity(completer.score(["hello", "world"])) < 1.3


def test_scores_are_log_probabilities_of_all_texts(learned):
    """The probabilities of everything that can follow a beginning sum to one."""
    completer, _, _ = learned
    memory = completer.model.encode(tf.zeros([1, 1], tf.int32))
    logits, _, _ = completer.model.step(tf.constant([2]), completer.model.initial_state(memory), memory)
    assert math.isclose(float(tf.reduce_sum(tf.nn.softmax(logits))), 1, abs_tol=1e-5)


def test_save_and_load_is_the_identity(learned, tmp_path):
    completer, folder, _ = learned
    completer.save(tmp_path / "copy")
    wanted = completer.score(["hello", "low"])
    assert Completer.load(tmp_path / "copy").score(["hello", "low"]) == wanted
    assert Completer.load(folder).score(["hello", "low"]) == wanted


def test_the_news_tell_of_lines_and_perplexity(learned):
    _, _, said = learned
    assert any(line.startswith("128 lines from train.txt; char vocabulary") for line in said)
    assert any("dev perplexity" in line and "continues" in line for line in said)


def test_a_language_model_is_no_translator_and_the_other_way_round(learned, tmp_path):
    _, folder, _ = learned
    with pytest.raises(InputError, match="is a language model: it has no source to translate"):
        Translator.load(folder)
    from nmt.data import tokenizers
    from nmt.models.build import build_model

    config = with_settings(Config(), ["model.units=4", "model.embedding=4"])
    pieces = tokenizers.train_tokenizers([("a b", "b a")] * 5)
    model = build_model(config, pieces.source.vocabulary, pieces.target.vocabulary)
    Translator(model, pieces, config).save(tmp_path / "translator")
    with pytest.raises(InputError, match="is a translator, not a language model"):
        Completer.load(tmp_path / "translator")


def test_seeds_and_batch_sizes_share_a_graph(learned):
    completer, _, _ = learned
    before = len(completer.graphs)
    made = [completer.complete(["h", "w", ""], sample=True, temperature=1.5, seed=seed) for seed in range(5)]
    again = [
        completer.complete(["h", "w", ""], sample=True, temperature=1.5, seed=4, batch_size=size) for size in (1, 2)
    ]
    assert len(completer.graphs) == before + 1
    assert [c.text for c in again[0]] == [c.text for c in again[1]] == [c.text for c in made[4]]


def test_one_string_is_not_a_list(learned):
    for call in (learned[0].complete, learned[0].score):
        with pytest.raises(TypeError, match="not one string"):
            call("hello")


def test_beginnings_of_a_generator_are_completed_and_scored(learned):
    completer, texts = learned[0], ["hello", "w", "he"]
    wanted, scores = completer.complete(texts), completer.score(texts)
    assert completer.complete(text for text in texts) == wanted
    assert completer.score(text for text in texts) == scores


def test_a_run_that_is_resumed_goes_on(learned):
    _, folder, _ = learned
    keras.backend.clear_session()
    data = folder.parent
    more = with_settings(CONFIG, ["training.epochs=10"])
    again = train_model(more, from_text(data / "train.txt"), from_text(data / "dev.txt"), folder, resume=True)
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 10
    assert again.complete(["h"])[0].text == "hello"
