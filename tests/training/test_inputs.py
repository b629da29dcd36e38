"""What a run begins with fits the training pairs, or a warning says where it does not."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nmt.config import Config, settled, with_settings
from nmt.data.corpora import Corpus, from_pairs
from nmt.data.features import captions_of
from nmt.data.labels import Labels
from nmt.data.mixture import mixture
from nmt.data.tokenizers import train_tokenizers
from nmt.errors import InputError
from nmt.model_folder import read_config
from nmt.saving import write_settings
from nmt.training import inputs
from nmt.training.checkpoint import fingerprint
from nmt.training.inputs import batch_order, fit_max_ratio, run_parts, run_tokenizers, source_scripts, unwritable_words

# Two pieces are read and 30 written, both with the end token beside: 31 are 10 and 10.5 for each of the two.
LONG = np.array([[5, 9], [3, 31]])


@pytest.mark.parametrize(
    ("given", "started", "ratio"),
    [
        ("auto", False, 10.5),
        ("4.0", False, 4.0),  # what was asked for
        ("4.0", True, 10.5),  # the limit of the model to begin with, which rises
        ("12.0", True, 12.0),
        ("0.5", True, 0.5),  # nobody's default: it was asked for
    ],
)
def test_all_targets_fit(given: str, started: bool, ratio: float) -> None:
    config = fit_max_ratio(with_settings(Config(), [f"decoding.max_ratio={given}"]), LONG, started)
    assert config.decoding.max_ratio == ratio


def test_the_limit_is_never_lower_than_without_pairs() -> None:
    assert fit_max_ratio(Config(), np.array([[5, 3], [7, 2]])).decoding.max_ratio == 3.0


@pytest.mark.parametrize("given", ["auto", "4.0"])
def test_targets_beyond_the_maximum_length_are_counted(given: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "nmt")
    settings = [f"decoding.max_ratio={given}", "decoding.max_length=30"]  # 30 pieces, and the end
    fit_max_ratio(with_settings(Config(), settings), LONG)
    assert "1 of 2 targets that were measured are longer than decoding.max_length = 30 pieces" in caplog.text


def test_the_scripts_of_the_sources_are_those_of_more_than_a_few_lines() -> None:
    pairs = [("나는 GPU를 샀다", "I bought a GPU")] * 80 + [("я съел рис", "I ate rice")] * 19 + [("I ate rice", "밥")]
    assert source_scripts(from_pairs(pairs)) == ["Hangul", "Cyrillic"]
    assert source_scripts(from_pairs([("7", "seven")])) == []


def test_a_language_model_has_no_such_limit() -> None:
    config = with_settings(Config(), ["model.architecture=language-model"])
    assert fit_max_ratio(config, np.array([[1, 31]])) == config


@pytest.mark.parametrize(
    ("settings", "started", "way_out"),
    [
        ([], True, "--grow N adds"),
        ([], False, "`nmt data` finds"),
        (["text.kind=word"], False, "text.kind = 'unigram'"),
    ],
)
def test_target_words_that_cannot_be_written_are_counted(settings: list[str], started: bool, way_out: str) -> None:
    known = [("나는 밥을 먹었다", "I ate rice"), ("나는 빵을 먹었다", "I ate bread")]
    tokenizers, config = train_tokenizers(known), with_settings(Config(), settings)
    assert unwritable_words(config, from_pairs(known), tokenizers, started) == ""
    # Two words of the three new pairs have a character that none of the known pairs has.
    new = [("밥", "rice ✓"), ("빵", "bread €5"), ("밥", "rice")]
    found = unwritable_words(config, from_pairs(known + new), tokenizers, started)
    assert found.startswith("Warning: 2 target words of the first 5 pairs") and way_out in found


def test_words_that_a_model_to_begin_with_cannot_write_are_named_with_what_helps() -> None:
    """More pieces help where the vocabulary lacks a character, and not where normalisation changes it."""
    pieces = train_tokenizers([("go 1 2", "on 0 1 2")] * 9, "char", normalization="nmt_nfkc")

    def warned(*targets: str) -> str:
        return unwritable_words(Config(), from_pairs([("go", target) for target in targets]), pieces, started=True)

    assert warned("on 12", "no") == ""
    lacking = warned("on ✓", "no ✓")
    assert "2 target words of the first 2 pairs" in lacking
    assert lacking.endswith("--grow N adds up to N pieces for them to the vocabulary.")
    changed = warned("on 10²", "no 10²", "①")
    assert "3 target words of the first 3 pairs" in changed and "--grow" not in changed
    assert "3 of them, as '10²', are changed by the text.normalization = 'nmt_nfkc'" in changed
    both = warned("on ✓", "10²")
    assert "--grow N" in both and "1 of them, as '10²', are changed by" in both


@pytest.mark.parametrize("blank", [0, 2])
def test_only_pairs_that_were_looked_at_are_said_to_be_left_out(
    blank: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sample of a larger corpus has whole stretches of 64 pairs."""
    caplog.set_level("INFO", "nmt")
    monkeypatch.setattr(inputs, "SAMPLE", 300)
    pairs = [("나는 밥을 먹었다", "I ate rice"), ("나는 빵을 먹었다", "I ate bread")] * 320
    corpus = from_pairs([("", "")] * blank + pairs)
    config = with_settings(Config(), ["data.buckets=1", "training.batch_size=8", "training.batch_unit=sentences"])
    _, batches = inputs.make_pipeline(config, corpus, train_tokenizers(pairs[:2]))
    left = [record.message for record in caplog.records if "left out" in record.message]
    assert left == ["2 of 256 evenly spread pairs are left out: a side is empty or over 100 pieces."][: blank // 2]
    assert batches == 80


@pytest.mark.parametrize("weight", [0.02, 0.3, 5.0])
def test_the_batches_of_an_epoch_with_weights_are_about_as_many_as_it_makes(weight: float) -> None:
    """Each bucket ends with a short batch, whatever the weight is."""
    letters = np.random.default_rng(5).integers(1, 30, [300, 2])
    pairs = [("a" * source, "b" * target) for source, target in letters.tolist()]
    config = with_settings(Config(), ["text.kind=char", "training.batch_size=8", "training.batch_unit=sentences"])
    pipeline, batches = inputs.make_pipeline(config, mixture([from_pairs(pairs)], [weight]), train_tokenizers(pairs))
    made = np.mean([sum(1 for _ in pipeline.epoch(epoch)) for epoch in range(6)])
    assert batches == pytest.approx(made, rel=0.25, abs=1)


def test_weights_that_leave_nothing_to_read_are_named() -> None:
    pairs = [("나는 밥을 먹었다", "I ate rice")] * 40
    with pytest.raises(InputError, match=r"The weights let an epoch read less than one of the 40 pairs"):
        inputs.make_pipeline(Config(), mixture([from_pairs(pairs)], [0.01]), train_tokenizers(pairs))


@pytest.mark.parametrize(
    ("pairs", "buffer", "marks"),
    [
        (50_000, 60_000, ()),
        (50_001, 60_000, ("mixed", 60_000, "short")),
        (50_001, 99_328, ("mixed", 99_328)),
        (60_001, 60_000, ("mixed", 60_000, "many places")),
    ],
)
def test_a_run_of_an_earlier_version_is_known_by_the_order_of_its_batches(
    pairs: int, buffer: int, marks: tuple[object, ...]
) -> None:
    """Those that are read in another order now are marked otherwise, and no others."""
    config = with_settings(Config(), [f"data.shuffle_buffer={buffer}", "training.batch_size=7", "training.seed=3"])
    corpus: Any = SimpleNamespace(compressed_rows=list, size=pairs, seekable=True, weighted=False)
    assert batch_order(config, corpus) == fingerprint(7, config.training.batch_unit, 3, *marks)
    # Earlier versions drew unigram pieces from the 64 likeliest cuts of a word, and BPE's as now.
    unigram = with_settings(config, ["text.kind=unigram", "text.sampling=0.3"])
    order = fingerprint(7, config.training.batch_unit, 3, "all cuts of a word", *marks)
    assert batch_order(unigram, corpus) == order != batch_order(config, corpus)
    bpe = with_settings(config, ["text.kind=bpe", "text.sampling=0.3"])
    assert batch_order(bpe, corpus) == batch_order(config, corpus)
    noisy = [batch_order(with_settings(config, [f"data.noise={share}"]), corpus) for share in (0.1, 0.2)]
    assert len({*noisy, batch_order(config, corpus)}) == 3


def test_a_beam_larger_than_the_vocabulary_is_refused_before_a_model_is_made() -> None:
    lines = from_pairs([("", "aba"), ("", "bab")] * 9)
    settings = ["model.architecture=language-model", "text.kind=char", "decoding.beam=200"]
    with pytest.raises(InputError, match=r"decoding\.beam = 200 is larger than the vocabulary, which has \d+ pieces"):
        run_parts(with_settings(Config(), settings), lines, lines)


TEXTS = [("aba", "L1"), ("bab", "L2")] * 9
NEW = [("abc", "L7"), ("cab", "L8")] * 9


@pytest.mark.parametrize(
    ("settings", "corpus"),
    [
        (["model.architecture=classifier"], from_pairs(NEW)),
        (["model.source=features"], captions_of(np.ones([len(NEW), 3, 5]), [text for text, _ in NEW])),
    ],
    ids=["labels", "features"],
)
def test_a_vocabulary_learns_and_grows_from_text_and_from_no_label_or_number(
    settings: list[str], corpus: Corpus
) -> None:
    config = with_settings(Config(), ["text.kind=char", *settings])
    known = train_tokenizers([("ab", "")] * 9, "char")
    for found in (run_tokenizers(config, corpus), run_tokenizers(config, corpus, started=known, grow=20)):
        assert set("".join(found.source.pieces(range(4, found.source.vocabulary)))) == set("abc▁")


def test_a_resumed_classifier_has_the_labels_of_its_folder(tmp_path: Path) -> None:
    """It began with a model that knows a label more than its texts have."""
    settings = ["model.architecture=classifier", "text.kind=char", "model.units=6", "model.embedding=5"]
    config = with_settings(Config(), [*settings, "training.batch_size=2", "training.epochs=9", "data.buckets=1"])
    corpus, tokenizers, labels = from_pairs(TEXTS), train_tokenizers(TEXTS, "char"), Labels(("L1", "L2", "L3"))
    write_settings(tmp_path, settled(config, tokenizers.source.normalization), tokenizers, labels)
    parts = run_parts(read_config(tmp_path), corpus, corpus, tmp_path, resume=True)
    assert parts.labels == labels and parts.kept.labels == 3
    with pytest.raises(InputError, match="has the label 'L7', which the training never saw"):
        run_parts(read_config(tmp_path), from_pairs(NEW), corpus, tmp_path, resume=True)
