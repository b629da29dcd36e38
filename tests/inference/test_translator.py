"""A translator gives one line for whatever it is given, the same alone and in company, and tells what is missing."""

import shutil
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from command_line import PAIRS as KOREAN_PAIRS
from exported import untrained_transformer
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.config import Config, with_settings
from nmt.data.corpora import from_tsv
from nmt.data.pipeline import Buckets, Pipeline, lengths
from nmt.data.term_annotations import Wanted, annotated
from nmt.data.tokenizers import EOS, train_tokenizers
from nmt.decoding.ensemble import Ensemble
from nmt.decoding.search import Hypotheses
from nmt.errors import InputError
from nmt.inference import graph
from nmt.inference.compiled_search import search_compiled
from nmt.inference.glossary import Glossary
from nmt.inference.graph import distinct
from nmt.inference.head_file import new_head
from nmt.inference.translator import Translator
from nmt.models.build import build_model
from nmt.training.setup import make_training_model
from nmt.translation import Translation

WHO = {"mina": "Mina", "juno": "Juno", "sora": "Sora", "dori": "Dori"}
WHAT = {"bap": "rice", "cha": "tea", "mul": "water", "kong": "beans", "pang": "bread"}
DOES = {"mogo": "eats", "pado": "holds", "tana": "buys"}
PAIRS = [(f"{w} {o} {v}", f"{WHO[w]} {DOES[v]} {WHAT[o]}") for o in WHAT for v in DOES for w in WHO]
pytestmark = pytest.mark.filterwarnings("ignore:Your input ran out of data")
SOURCES = [source for source, _ in PAIRS]
LIMIT = 23
CONFIG = with_settings(
    Config(),
    [
        "text.joint=false",
        "model.units=16",
        "model.embedding=13",
        "model.attention_units=11",
        "training.learning_rate=0.02",
        "training.warmup_steps=7",
        f"decoding.max_length={LIMIT}",
        "decoding.batch_size=7",
    ],
)


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    """A model that has learned a little: its guesses are no ties."""
    path = tmp_path_factory.mktemp("data") / "pairs.tsv"
    path.write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS), encoding="utf-8")
    keras.utils.set_random_seed(1)
    corpus = from_tsv(path)
    tokenizers = train_tokenizers(PAIRS, "unigram", 29, joint=False)
    model, _ = make_training_model(CONFIG, 150, tokenizers.source.vocabulary, tokenizers.target.vocabulary)
    buckets = Buckets.fit(lengths(corpus.pairs(), tokenizers, 61), 1, 62)
    batches = Pipeline(corpus.dataset(), tokenizers, buckets, 61, batch_size=20).in_order()
    model.fit(batches.repeat(50), shuffle=False, verbose=0)
    return Translator(model.network, tokenizers, CONFIG)


@pytest.fixture(scope="module")
def folder(translator: Translator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "model"
    translator.save(path)
    return path


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A folder that a test may damage, as an older version wrote it: what checksums would find is found later."""
    return Path(shutil.copytree(folder, tmp_path / "model", ignore=shutil.ignore_patterns("checksums.json")))


def assert_equal(some: list[Translation], others: list[Translation], tolerance: float = 0.0) -> None:
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        assert (one.text, one.tokens, one.source_tokens) == (other.text, other.tokens, other.source_tokens)
        assert one.truncated == other.truncated
        assert one.score == pytest.approx(other.score, abs=tolerance)
        np.testing.assert_allclose(one.alignment, other.alignment, rtol=0, atol=tolerance)


# Translations


def test_a_search_that_xla_compiled_translates_the_same(
    translator: Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs: list[Any] = []

    def recorded(*given: Any, **more: Any) -> Hypotheses:
        graphs.append(tf.compat.v1.get_default_graph())
        return search_compiled(*given, **more)

    monkeypatch.setattr(graph, "search_compiled", recorded)
    texts, prefixes = ["mina bap mogo", "juno", "sora cha pado mogo"], ["", "Juno", ""]  # three rows, four compiled
    plain, compiled = (translator.translate(texts, prefixes, xla=xla) for xla in (False, True))
    (traced,) = graphs
    assert any(function.attr["_XlaMustCompile"].b for function in traced.as_graph_def().library.function)
    for one, other in zip(plain, compiled, strict=True):
        assert one.text == other.text
        assert one.score == pytest.approx(other.score, abs=1e-4)
        assert one.alignment.shape == other.alignment.shape
        np.testing.assert_allclose(one.alignment, other.alignment, atol=1e-5)


def test_it_has_learned_something(translator: Translator) -> None:
    texts = [translation.text for translation in translator.translate(SOURCES)]
    assert len(set(texts)) > 5
    right = sum(text == target for text, (_, target) in zip(texts, PAIRS, strict=True))
    assert right > len(PAIRS) / 3


def test_a_translation_tells_how_it_was_made(translator: Translator) -> None:
    for source, found in zip(SOURCES, translator.translate(SOURCES), strict=True):
        assert "".join(found.source_tokens) == "▁" + source.replace(" ", "▁")
        assert "".join(found.tokens).replace("▁", " ").strip() == found.text
        assert found.alignment.shape == (len(found.tokens), len(found.source_tokens) + 1)
        np.testing.assert_allclose(found.alignment.sum(1), 1, atol=1e-5)
        assert found.score < 0
        assert not found.truncated
        words = found.words()
        assert words.source == tuple(source.split())
        assert words.target == tuple(found.text.split())


def test_the_score_is_the_log_probability_under_teacher_forcing(translator: Translator) -> None:
    for found in translator.translate(SOURCES[:5]):
        tokenizers = translator.tokenizers
        source, target = (
            [side.pieces(range(side.vocabulary)).index(piece) for piece in pieces]
            for side, pieces in ((tokenizers.source, found.source_tokens), (tokenizers.target, found.tokens))
        )
        logits, alignment = translator.model.teacher_forcing(np.array([[*source, 3]]), np.array([[2, *target]]))
        log_p = keras.ops.log_softmax(logits)[0]
        assert found.score == pytest.approx(sum(float(log_p[i, y]) for i, y in enumerate([*target, 3])), abs=1e-4)
        np.testing.assert_allclose(found.alignment, alignment[0, :-1], atol=1e-5)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_sentence_alone_is_translated_as_in_a_batch(translator: Translator, size: int) -> None:
    mixed = [*SOURCES[:13], "mina", "", "mina bap mogo " * 40, "☃ ж"]
    assert_equal(translator.translate(mixed, batch_size=size), translator.translate(mixed), tolerance=1e-4)


def test_the_order_of_sentences_changes_nothing(translator: Translator) -> None:
    order = np.random.default_rng(3).permutation(len(SOURCES))
    shuffled = translator.translate([SOURCES[i] for i in order])
    straight = translator.translate(SOURCES)
    assert_equal(shuffled, [straight[i] for i in order], tolerance=1e-4)


def test_no_sentences_have_no_translations(translator: Translator) -> None:
    assert translator.translate([]) == []


# Other searches

SEARCHES = {
    "greedy": {},
    "beam": {"beam": 4, "n_best": 4},
    "penalties": {"beam": 3, "n_best": 3, "length_penalty": 1.0, "coverage_penalty": 0.2},
    "plain": {"beam": 3, "length_penalty": 1.0, "length_normalization": "plain", "no_repeat": 2},
    "samples": {"sample": True, "n_best": 3, "temperature": 2.0},
    "lengths": {"beam": 2, "min_length": 9, "max_ratio": 1.0},
}
every_search = pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)


@every_search
def test_every_translation_has_the_score_and_the_alignment_of_teacher_forcing(translator, search) -> None:
    for source, found in zip(SOURCES[:7], translator.hypotheses(SOURCES[:7], **search), strict=True):
        assert [each.rank for each in found] == sorted((each.rank for each in found), reverse=True)
        for each in found:
            logits, alignment = translator.model.teacher_forcing(*teacher_forcing_ids(translator, source, each.tokens))
            log_p = keras.ops.log_softmax(logits)[0]
            written = [*ids(translator.tokenizers.target, each.tokens), 3][: len(each.token_scores)]
            scores = [float(log_p[i, y]) for i, y in enumerate(written)]
            assert each.token_scores == pytest.approx(scores, abs=1e-4)
            assert each.score == pytest.approx(sum(scores), abs=1e-4)
            np.testing.assert_allclose(each.alignment, alignment[0, : len(each.tokens)], atol=1e-5)


@every_search
@pytest.mark.parametrize("size", [1, 5])
def test_a_sentence_alone_is_searched_as_in_a_batch(translator, search, size) -> None:
    mixed = [*SOURCES[:8], "", "mina bap mogo " * 40]
    some = translator.hypotheses(mixed, **search, batch_size=size)
    for one, other in zip(some, translator.hypotheses(mixed, **search), strict=True):
        assert_equal(one, other, tolerance=1e-4)


def test_a_wider_beam_finds_nothing_less_likely(translator) -> None:
    scores = [[found.score for found in translator.translate(SOURCES, beam=size)] for size in (1, 2, 8)]
    assert sum(scores[0]) <= sum(scores[1]) + 1e-3 <= sum(scores[2]) + 2e-3


def test_scored_translations_are_those_that_were_written(translator) -> None:
    found = translator.translate(SOURCES, beam=3)
    scored = translator.score(SOURCES, [each.text for each in found])
    same = [(one, other) for one, other in zip(found, scored, strict=True) if one.tokens == other.tokens]
    assert len(same) > len(found) / 2  # a text can be cut into pieces in more than one way
    for one, other in same:
        assert other.token_scores == pytest.approx(one.token_scores, abs=1e-4)
        np.testing.assert_allclose(other.alignment, one.alignment, atol=1e-5)
        assert other.text == one.text


def test_a_score_does_not_depend_on_its_neighbours_and_takes_any_text(translator) -> None:
    sources, targets = (
        [*SOURCES[:3], "", "mina", *HOSTILE.values()],
        ["Mina eats", *HOSTILE.values(), "", "Juno", "x", "y"],
    )
    together = translator.score(sources, targets)
    for source, target, found in zip(sources, targets, together, strict=True):
        (alone,) = translator.score([source], [target])
        assert_equal([alone], [found], tolerance=1e-4)
        assert np.isfinite(found.score) and len(found.tokens) <= LIMIT
        assert found.truncated == (len(found.token_scores) == len(found.tokens) or len(found.source_tokens) == LIMIT)


def test_prefixes_of_their_own(translator) -> None:
    prefixes = ["Juno", "", "Sora buys"]
    for search in ({}, {"beam": 3}, {"sample": True}):
        found = translator.translate(SOURCES[:3], prefixes, **search)
        assert [each.text.startswith(prefix) for each, prefix in zip(found, prefixes, strict=True)] == [True] * 3
    assert found[1].text == translator.translate(SOURCES[:3], sample=True)[1].text


def test_samples_depend_on_the_seed_and_the_number_of_the_line(translator) -> None:
    def texts(sources, **how):
        return [found.text for found in translator.translate(sources, sample=True, temperature=3.0, **how)]

    assert texts(SOURCES) == texts(SOURCES)
    assert texts(SOURCES) != texts(SOURCES, seed=2)
    assert texts(SOURCES[5:9], first=5) == texts(SOURCES)[5:9]
    assert len(set(texts(SOURCES[:1] * 9))) > 1


def counting(model) -> tuple[list[int], Any]:
    """A model, and a list that grows by one whenever Python runs its encoder: once for each trace of a graph."""
    traces: list[int] = []

    class Counting:
        def __getattr__(self, name):
            return getattr(model, name)

        def encode(self, source):
            traces.append(1)
            return model.encode(source)

    return traces, Counting()


def test_a_graph_is_traced_once_whatever_the_seed_and_the_batch_size(translator) -> None:
    traces, model = counting(translator.model)
    fresh = Translator(model, translator.tokenizers, translator.config)
    for seed in range(40):
        fresh.translate(SOURCES[:2], sample=True, seed=seed)
    for size in (1, 2, 5):
        fresh.translate(SOURCES[:3], sample=True, batch_size=size)
    assert (len(traces), len(fresh.graphs)) == (1, 1)
    fresh.translate(SOURCES[:2], ["Juno", "Mina"], sample=True)
    fresh.translate(SOURCES[:2], beam=2)
    assert (len(traces), len(fresh.graphs)) == (3, 3)


def test_threads_that_begin_at_once_share_one_trace(translator) -> None:
    traces, model = counting(translator.model)
    fresh = Translator(model, translator.tokenizers, translator.config)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: fresh.translate(SOURCES[:2]), range(8)))
    assert len(traces) == 1
    for each in found:
        assert_equal(each, found[0], tolerance=1e-4)


@pytest.mark.parametrize("parallel", [1, 3, 8])
def test_translations_do_not_depend_on_how_many_batches_run_at_once(translator, parallel, monkeypatch) -> None:
    translated, scored = translator.translate(SOURCES, beam=3), translator.score(SOURCES, SOURCES)
    monkeypatch.setattr(translator, "parallel_batches", parallel)
    assert_equal(translator.translate(SOURCES, beam=3), translated, tolerance=1e-4)
    assert_equal(translator.score(SOURCES, SOURCES), scored, tolerance=1e-4)


@pytest.mark.parametrize("search", [{}, {"beam": 3}, {"sample": True, "temperature": 3.0}])
def test_a_line_is_left_blank_only_where_that_is_asked_for(translator, search) -> None:
    bias = translator.model.output_bias
    learned = bias.numpy()
    bias.assign(learned + 9.0 * (np.arange(len(learned)) == EOS))  # a model that would rather write nothing
    try:
        assert all(found.tokens for found in translator.translate(SOURCES, **search))
        assert not any(found.text for found in translator.translate(["", " "], **search))
        assert not all(found.tokens for found in translator.translate(SOURCES, **search, min_length=0))
    finally:
        bias.assign(learned)


def test_of_a_text_that_no_model_reads_whole_only_its_start_is_tokenized(translator, monkeypatch) -> None:
    start = SOURCES[0]
    wanted = translator.translate([start])
    monkeypatch.setattr("nmt.inference.strings._READ", len(start))
    found = translator.translate([f"   {start} {SOURCES[1]}", start])
    assert [each.text for each in found] == [wanted[0].text] * 2
    assert [each.source_truncated for each in found] == [True, False]


def test_the_n_best_are_different_texts(translator) -> None:
    several = translator.hypotheses(SOURCES, beam=10, n_best=4)
    for best, found in zip(translator.translate(SOURCES, beam=10), several, strict=True):
        texts = [each.text for each in found]
        assert texts[0] == best.text and len(set(texts)) == len(texts) == 4
        assert [each.rank for each in found] == sorted((each.rank for each in found), reverse=True)


def test_of_equal_texts_the_best_is_kept() -> None:
    text = tf.constant([["a b", "a c", "a b", "d"], ["x", "x", "x", "y"]])
    scores = tf.constant([[-1.0, -2.0, -3.0, -4.0], [-1.0, -2.0, -3.0, -4.0]])
    tokens = tf.reshape(tf.range(8), [2, 4, 1])
    found = Hypotheses(
        tokens, lengths=tf.ones([2, 4], tf.int32), scores=scores, ranks=scores, token_scores=scores, alignment=scores
    )
    found, kept, cut_off = distinct(found, text, text == "d", 3)
    assert kept.numpy().tolist() == [[b"a b", b"a c", b"d"], [b"x", b"y", b"x"]]
    assert found.tokens[..., 0].numpy().tolist() == [[0, 1, 3], [4, 7, 5]]
    assert found.ranks.numpy().tolist() == [[-1.0, -2.0, -4.0], [-1.0, -4.0, -np.inf]]
    assert cut_off.numpy().tolist() == [[False, False, True], [False] * 3]


def test_lengths_are_kept_to(translator) -> None:
    for found in translator.translate(SOURCES, min_length=9):
        assert len(found.tokens) >= 9
    for found in translator.translate(SOURCES, beam=2, max_ratio=0.0):
        assert len(found.tokens) <= 10
    for search in ({}, {"beam": 3}):
        assert len(translator.translate(["mina"], min_length=20, **search)[0].tokens) >= 20


def test_where_no_word_is_left_there_is_an_answer_all_the_same(translator) -> None:
    for search in ({}, {"beam": 3}, {"sample": True}):
        (found,) = translator.translate(["mina bap mogo"], no_repeat=1, min_length=22, **search)
        assert len(set(found.tokens)) == len(found.tokens)
        assert "<pad>" not in found.tokens and np.isfinite(found.score)


def test_an_ensemble_of_one_model_is_that_model(translator, folder) -> None:
    both = Translator.load(folder, folder)
    assert_equal(both.translate(SOURCES[:9], beam=3), translator.translate(SOURCES[:9], beam=3), tolerance=1e-4)
    assert_equal(both.score(SOURCES, SOURCES), translator.score(SOURCES, SOURCES), tolerance=1e-4)
    with pytest.raises(InputError, match="one by one"):
        both.save(folder.parent / "both")


def test_a_translation_is_no_longer_than_the_positions_of_any_model_of_an_ensemble() -> None:
    first = untrained_transformer()  # three tokens and their end have positions
    config = with_settings(first.config, ["model.positions=sinusoidal"])
    formula = build_model(config, first.tokenizers.source.vocabulary, first.tokenizers.target.vocabulary)
    both = Translator(Ensemble([formula, first.model]), first.tokenizers, config)
    assert both.decoding().max_length == 3
    with pytest.raises(InputError, match=r"decoding.max_length = 4, and a model has learned 4 positions"):
        both.translate(["나는"], max_length=4)


def test_models_that_were_trained_apart_on_the_same_pairs_make_an_ensemble(translator, folder, tmp_path) -> None:
    apart = train_tokenizers(PAIRS, "unigram", 29, joint=False)
    Translator(translator.model, apart, CONFIG).save(tmp_path / "apart")
    both = Translator.load(folder, tmp_path / "apart")
    assert_equal(both.translate(SOURCES[:5]), translator.translate(SOURCES[:5]), tolerance=1e-4)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"beam": 30}, "larger than the vocabulary, which has 29"),
        ({"beams": 3}, "no key 'decoding.beams'"),
        ({"top_k": 3}, "would do nothing with decoding.sample = false"),
        ({"n_best": 2}, "more than decoding.beam = 1"),
    ],
)
def test_what_makes_no_sense_is_refused(translator, how, words) -> None:
    with pytest.raises(InputError, match=words):
        translator.translate(["mina"], **how)


def test_a_prefix_that_leaves_no_room_is_refused(translator) -> None:
    with pytest.raises(InputError, match="at most 23"):
        translator.translate(["mina"], ["rice " * 20])


def ids(tokenizer, pieces) -> list[int]:
    return [tokenizer.pieces(range(tokenizer.vocabulary)).index(piece) for piece in pieces]


def teacher_forcing_ids(translator, source, tokens):
    (read,) = translator.tokenizers.source.encode([source]).to_list()
    return np.array([[*read, 3]]), np.array([[2, *ids(translator.tokenizers.target, tokens)]])


# Whatever it is given

BLANK = ["", " ", "\n", "\t \r\n", "\u3000", "\u2028\u00a0"]
HOSTILE = {
    "ten thousand words": "mina bap mogo pado " * 2500,
    "one word of ten thousand letters": "x" * 10_000,
    "control characters": "".join(map(chr, range(32))) + "mina\x7f\x85\x9b bap",
    "nothing but control characters": "\x01\x02",
    "nothing to be seen": "\u200b\ufeff",
    "emoji": "mina 👩‍👩‍👧 bap 🍚",
    "newlines": "mina\nbap\r\nmogo\u2028pado\u2029tana\x0bcha\x0cmul",
    "nul": "mina\0bap",
    "right to left": "\u202emina\u202c שלום",
    "a lone surrogate": "mina \ud800 bap",
    "piled accents": "m" + "\u0301" * 500,
    "the sign of SentencePiece": "▁▁mina▁bap",
    "names of pieces": "<s> </s> <pad> <unk>",
    "markup": "[bold]mina[/bold] \x1b[31m",
}


def assert_one_line(text: str) -> None:
    assert len(text.splitlines()) <= 1
    assert not any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_any_text_has_one_line_of_translation(translator: Translator, text: str) -> None:
    before, found, after = translator.translate(["mina bap mogo", text, "juno mul pado"])
    assert_one_line(found.text)
    assert np.isfinite(found.score)
    assert len(found.source_tokens) <= LIMIT
    assert len(found.tokens) <= LIMIT
    assert_equal([before, after], translator.translate(["mina bap mogo", "juno mul pado"]), tolerance=1e-4)


def test_there_is_one_line_for_each_text(translator: Translator) -> None:
    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.text(max_size=60), max_size=7))
    def check(texts: list[str]) -> None:
        found = translator.translate(texts)
        assert len(found) == len(texts)
        for translation in found:
            assert_one_line(translation.text)

    check()


@pytest.mark.parametrize("text", BLANK)
def test_a_blank_text_has_a_blank_translation(translator: Translator, text: str) -> None:
    found = translator.translate([text, "mina bap mogo"])
    assert (found[0].text, found[0].tokens, found[0].source_tokens, found[0].score) == ("", (), (), 0.0)
    assert found[0].alignment.shape == (0, 1)
    assert found[0].words().weights.shape == (0, 0)
    assert found[1].text == translator.translate(["mina bap mogo"])[0].text


@pytest.mark.parametrize("text", ["\x01\x02", "\u2009\u3000", "\ufeff"])
def test_a_text_without_a_piece_has_a_blank_translation(translator: Translator, text: str) -> None:
    found = translator.translate([text])[0]
    assert found.source_tokens == ()
    assert found.text == ""


def test_what_is_too_long_is_cut_and_said_to_be(translator: Translator) -> None:
    pieces = translator.translate(["mina"])[0].source_tokens
    whole = " ".join(["mina"] * (LIMIT // len(pieces)))
    short, long = translator.translate([whole, f"{whole} {whole}"])
    assert not short.truncated
    assert long.truncated
    assert len(long.source_tokens) == LIMIT
    assert long.source_tokens[: len(short.source_tokens)] == short.source_tokens


# The folder


def test_a_saved_translator_is_the_same_when_loaded(translator: Translator, folder: Path) -> None:
    texts = [*SOURCES, *HOSTILE.values()]
    loaded = Translator.load(folder)
    assert loaded.config == translator.config
    assert_equal(loaded.translate(texts), translator.translate(texts))


def test_a_folder_opens_anywhere(copy: Path, translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = copy.rename(copy.with_name("moved"))
    monkeypatch.chdir(moved.parent)
    assert_equal(Translator.load("moved").translate(SOURCES[:3]), translator.translate(SOURCES[:3]))


def test_the_folder_holds_all_that_is_needed_and_no_more(folder: Path) -> None:
    names = {"checksums.json", "config.toml", "source.spm.model", "target.spm.model", "model.weights.h5"}
    assert {path.name for path in folder.iterdir()} == names
    assert list(folder.parent.iterdir()) == [folder]


def test_nothing_is_written_over(translator: Translator, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        translator.save(tmp_path)
    with pytest.raises(InputError, match=r"thesis.txt"):
        translator.save(tmp_path / "thesis.txt")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("config.toml", "is not a model folder: it has no config.toml"),
        ("model.weights.h5", "model.weights.h5 is missing"),
        ("source.spm.model", "source.spm.model cannot be read"),
        ("target.spm.model", "target.spm.model cannot be read"),
    ],
)
def test_a_missing_file_is_named(copy: Path, name: str, words: str) -> None:
    (copy / name).unlink()
    with pytest.raises(InputError, match=words):
        Translator.load(copy)


def test_there_is_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no model folder .*nowhere"):
        Translator.load(tmp_path / "nowhere")


@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_weights_that_were_cut_short_are_named(copy: Path, share: float) -> None:
    path = copy / "model.weights.h5"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"model.weights.h5 .*damaged or belongs to another model.*\w{3}"):
        Translator.load(copy)


def test_weights_that_lack_their_last_byte_are_named(copy: Path) -> None:
    path = copy / "model.weights.h5"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"model.weights.h5 .*damaged"):
        Translator.load(copy)


@pytest.mark.parametrize(
    ("old", "new"), [("units = 16", "units = 17"), ('cell = "gru"', 'cell = "rnn"'), ("_layers = 1", "_layers = 2")]
)
def test_weights_of_another_model_are_named(copy: Path, old: str, new: str) -> None:
    path = copy / "config.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=r"model.weights.h5 .*damaged or belongs to another model"):
        Translator.load(copy)


def test_a_damaged_config_is_named(copy: Path) -> None:
    (copy / "config.toml").write_text("[model\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"config.toml is not TOML"):
        Translator.load(copy)


def test_a_damaged_vocabulary_is_named(copy: Path) -> None:
    path = copy / "target.spm.model"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(InputError, match=r"target.spm.model is damaged"):
        Translator.load(copy)


def test_a_file_that_changed_since_it_was_saved_is_named(folder: Path, copy: Path) -> None:
    shutil.copy(folder / "checksums.json", copy)
    Translator.load(copy)
    content = bytearray((copy / "model.weights.h5").read_bytes())
    content[-9] ^= 1  # a weight, which no reader of HDF5 would find
    (copy / "model.weights.h5").write_bytes(content)
    with pytest.raises(InputError, match=r"model.weights.h5 is not as it was saved"):
        Translator.load(copy)


def test_a_model_of_any_size_is_refused_before_it_takes_memory(copy: Path) -> None:
    text = (copy / "config.toml").read_text(encoding="utf-8").replace("units = 16", "units = 16384")
    (copy / "config.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"too small for [2-9],\d{3},\d{3},\d{3} parameters"):
        Translator.load(copy)


def test_files_outside_the_folder_are_not_read(copy: Path, tmp_path: Path) -> None:
    (copy / "model.weights.h5").rename(tmp_path / "outside")
    (copy / "model.weights.h5").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="leads out of the folder"):
        Translator.load(copy)


@pytest.fixture(scope="module")
def lite(translator: Translator) -> Translator:
    return Translator(translator.model, translator.tokenizers, translator.config, lite=True)


ALONE = ["mina bap mogo", "  SORA cha  pado ", "", "\u200b", "漢字", "mul " * 30, "a\nb"]


def test_a_text_by_itself_may_be_searched_in_the_other_interpreter(translator: Translator, lite: Translator) -> None:
    for text in ALONE:
        found, expected = lite.translate([text]), translator.translate([text])
        assert_equal(found, expected, 1e-5)
        assert found[0].truncated == expected[0].truncated
        assert (found[0].source_words, found[0].rank) == (
            expected[0].source_words,
            pytest.approx(expected[0].rank, abs=1e-5),
        )
    # Only a text without pieces was searched by TensorFlow.
    assert len(lite.graphs) == 1
    assert_equal(lite.translate(["", ALONE[0], " "]), translator.translate(["", ALONE[0], " "]), 1e-5)


def test_what_the_other_interpreter_does_not_search_is_searched_as_ever(
    translator: Translator, lite: Translator
) -> None:
    asked: list[dict[str, Any]] = [{"beam": 2}, {"sample": True}, {"prefixes": ["Mi"]}]
    for changes in asked:
        assert_equal(lite.translate(ALONE[:1], **changes), translator.translate(ALONE[:1], **changes))
    assert_equal(lite.translate(SOURCES), translator.translate(SOURCES))


def test_a_model_that_the_converter_refuses_is_told(translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*given: object) -> bytes:
        raise type("ConverterError", (Exception,), {})("no such loop\nand more")

    monkeypatch.setattr("nmt.inference.lite.converted", refusing)
    refused = Translator(translator.model, translator.tokenizers, translator.config, lite=True)
    with pytest.raises(InputError, match=r"LiteRT: no such loop\. Open it without lite=True"):
        refused.translate(ALONE[:1])


def test_threads_take_turns_with_the_other_interpreter(translator: Translator, lite: Translator) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: lite.translate([text])[0], SOURCES))
    assert_equal(found, [translator.translate([text])[0] for text in SOURCES], 1e-5)


def test_the_other_interpreter_links_as_the_head_does(translator: Translator) -> None:
    heads = [new_head(translator.model, 5)]  # type: ignore[arg-type]
    parts = (translator.model, translator.tokenizers, translator.config)
    linked, alone = Translator(*parts, heads=heads), Translator(*parts, heads=heads, lite=True)
    assert_equal(alone.translate(ALONE[:1]), linked.translate(ALONE[:1]), 1e-5)


def test_the_other_interpreter_searches_a_transformer_and_links_by_its_attention() -> None:
    made = untrained_transformer(shifted=True)
    alone = Translator(made.model, made.tokenizers, made.config, heads=made.heads, lite=True)
    for text in ("나는 밥을 먹었다", "나는"):
        assert_equal(alone.translate([text]), made.translate([text]), 1e-5)


def test_a_glossary_is_followed_and_other_lines_stay(translator: Translator) -> None:
    texts = ["mina bap mogo", "juno cha pado", "bap kong mogo", "", "sora mul tana"]
    glossary = Glossary({"bap": "bread", "kong": "water tea"})
    # One search, so that few graphs are traced.
    search: dict[str, Any] = {"beam": 8, "n_best": 3}
    several = translator.hypotheses(texts, glossary=glossary, **search)
    found, free = [each[0] for each in several], translator.translate(texts, **search)
    for place in (1, 3, 4):
        assert found[place].text == free[place].text
    assert not any(glossary.missing(*pair) for pair in zip(texts, [each.text for each in found], strict=True))
    assert all("bread" in each.text for each in several[0]) and len(several[0]) <= 3
    alone = translator.translate(texts[:1], glossary=glossary, **search)[0]
    assert (alone.text, alone.tokens) == (found[0].text, found[0].tokens)
    assert found[0].alignment.shape == (len(found[0].tokens), len(found[0].source_tokens) + 1)


def test_a_model_of_annotations_reads_the_terms_in_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [("mina ⟦ bapun ⇒ rice ⟧ mogo", "Mina eats rice"), ("mina bapun mogo", "Mina eats rice")]
    tokenizers = train_tokenizers(pairs, "word", joint=False)
    config = with_settings(
        Config(), ["data.term_annotations=0.5", "model.units=8", "model.embedding=8", "text.kind=word"]
    )
    keras.utils.set_random_seed(1)
    model = build_model(config, tokenizers.source.vocabulary, tokenizers.target.vocabulary)
    made = Translator(model, tokenizers, config)
    line, source = pairs[0][0], pairs[1][0]
    plain, inline = made.translate([source, line])
    asked = []

    def searched(texts: list[str], **more: Any) -> list[list[Translation]]:
        asked.append((texts, more["glossary"]))
        return [[inline if text == line else replace(plain, text="forced")] for text in texts]

    monkeypatch.setattr(made, "_searched_all", searched)
    glossary = Glossary({"bapun": "rice"})
    # An untrained model does not write it, so it is searched for.
    assert [each.text for each in made.translate([source, "mina"], glossary=glossary)] == ["forced", "forced"]
    assert asked == [([line, "mina"], None), ([source], glossary)]
    monkeypatch.setattr(glossary, "missing", lambda *_: [])
    (found,) = made.translate([source], glossary=glossary)
    assert found.source_tokens == plain.source_tokens and (found.text, found.score) == (inline.text, inline.score)
    # mina, the five pieces of ⟦ bapun ⇒ rice ⟧, mogo and the end.
    sums = np.add.reduceat(inline.alignment, [0, 1, 6, 7], axis=1)
    np.testing.assert_allclose(found.alignment, sums, atol=1e-6)
    assert found.words().source == ("mina", "bapun", "mogo")
    # In front of the first mark unigram has a piece without characters, which belongs to the first word.
    spelt = train_tokenizers([("⟦ mina ⇒ rice ⟧ mogo bapun", "rice")] * 3, "unigram", joint=False)
    read = annotated("mina mogo", [Wanted(0, 4, "rice")])
    pieces = spelt.source.pieces(spelt.source.ids(read.text))
    assert spelt.source.places(read.text)[0] == (0, 0)
    weights = np.eye(1, len(pieces) + 1, dtype=np.float32)
    moved = Translator(model, spelt, config)._without_annotations(
        Translation("rice", score=0.0, source_tokens=tuple(pieces), tokens=("▁rice",), alignment=weights),
        "mina mogo",
        read,
    )
    assert moved.alignment[0, 0] == 1
    with pytest.raises(InputError, match="cannot read 'tea', the translation of 'bapun'"):
        made.check_glossary(Glossary({"bapun": "tea"}))
    with pytest.raises(InputError, match="a sample is drawn by chance"):
        made.translate([source], glossary=glossary, sample=True)


def test_what_a_glossary_cannot_have_is_refused(translator: Translator) -> None:
    with pytest.raises(InputError, match="cannot spell '쌀', the translation of 'bap'"):
        translator.check_glossary(Glossary({"bap": "쌀"}))
    with pytest.raises(InputError, match="a sample is drawn by chance"):
        translator.translate(["bap"], glossary=Glossary({"bap": "bread"}), sample=True)


def test_markup_is_kept_beside_a_glossary(translator: Translator) -> None:
    search: dict[str, Any] = {"beam": 8, "n_best": 3}
    texts = ["mina <b>bap</b> mogo {n}"]
    found = translator.translate_marked(texts, glossary=Glossary({"bap": "bread"}), **search)[0]
    assert "bread" in found.text and found.text.count("<b>") == found.text.count("</b>") == found.text.count("{n}") == 1


KOREAN = [source for source, _ in KOREAN_PAIRS]


class Shuffled(list[str]):
    """Like a column of a table that was shuffled: a number finds the row that once had it."""

    def __getitem__(self, number: Any) -> Any:
        return sorted(self)[number]


def test_texts_of_any_kind_keep_their_order() -> None:
    translator = untrained_transformer()
    texts = [KOREAN[3], KOREAN[0], "", KOREAN[1]]
    wanted = [each.source_tokens for each in translator.translate(texts)]
    for column in (Shuffled(texts), (text for text in texts)):
        assert [each.source_tokens for each in translator.translate(column)] == wanted
    scored = translator.score(texts, texts[::-1])
    for kind in (Shuffled, iter):
        found = translator.score(kind(texts), kind(texts[::-1]))
        assert [(each.text, each.score) for each in found] == [(each.text, each.score) for each in scored]
    begun = translator.translate(texts[:2], prefixes=iter(["a", "b"]))
    assert [each.text[:1] for each in begun] == ["a", "b"]


def test_one_string_is_no_list() -> None:
    translator = untrained_transformer()
    for call in (
        lambda: translator.translate("ab"),
        lambda: translator.translate(["a", "b"], prefixes="ab"),
        lambda: translator.score("ab", ["a", "b"]),
        lambda: translator.score(["a", "b"], "ab"),
        lambda: translator.translate_marked("ab"),
    ):
        with pytest.raises(TypeError, match="not one string"):
            call()
