"""What SentencePiece makes of the pairs, against the pipeline that trains on them."""

from functools import cache
from pathlib import Path

import pytest
import tensorflow as tf

from nmt.config import Config, with_settings
from nmt.data import pipeline
from nmt.data.corpora import Corpus, from_files
from nmt.data.tokenizers import UNK, train_tokenizers
from nmt.doctor import vocabulary as module
from nmt.doctor.examine import survey_corpora
from nmt.doctor.findings import Vocabulary
from nmt.doctor.vocabulary import vocabulary
from nmt.errors import InputError
from nmt.synthetic import demo

LONG = ("밥을 " * 60, "rice " * 60)


@cache
def clean() -> list[tuple[str, str]]:
    """Return pairs without a fault, made when first asked for."""
    return [(pair.source, pair.target) for pair in demo.pairs("dev")[:200]]


def train_pairs() -> list[tuple[str, str]]:
    return [*clean(), ("나는 잤다", ""), LONG]


def dev_pairs() -> list[tuple[str, str]]:
    return [("漢字를 먹었다", "I ate rice"), *clean()[:3]]


def opened(folder: Path, name: str, pairs: list[tuple[str, str]]) -> Corpus:
    files = folder / f"{name}.ko", folder / f"{name}.en"
    for side, file in enumerate(files):
        file.write_text("".join(f"{pair[side]}\n" for pair in pairs), encoding="utf-8")
    return from_files(*files)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> list[Corpus]:
    folder = tmp_path_factory.mktemp("pairs")
    return [opened(folder, "train", train_pairs()), opened(folder, "dev", dev_pairs())]


def measured(config: Config, corpora: list[Corpus]) -> Vocabulary:
    splits, _ = survey_corpora(corpora)
    return vocabulary(config, corpora, splits)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_the_figures_are_those_of_the_training(kind: str, corpora: list[Corpus]) -> None:
    config = with_settings(Config(), [f"text.kind={kind}", "data.max_length=50", "decoding.max_length=55"])
    found = measured(config, corpora)
    tokenizers = train_tokenizers(train_pairs(), kind)
    assert (found.exact, found.learned_from, found.pieces) == (True, 202, (tokenizers.source.vocabulary,))
    for use, pairs, corpus in zip(found.uses, (train_pairs(), dev_pairs()), corpora, strict=True):
        for side, cutting in enumerate((use.source, use.target)):
            ids = tokenizers.source.encode(tf.constant([pair[side] for pair in pairs]))
            # Whole sentences, where the doctor cut each word once.
            assert cutting.pieces == pytest.approx(ids.flat_values.shape[0] / len(pairs))
        kept = pipeline.lengths(corpus.pairs(), tokenizers, 50)
        assert use.dropped == len(pairs) - len(kept)
    train_use, dev_use = found.uses
    assert (train_use.dropped, train_use.too_long, train_use.shortened) == (2, 1, 1)
    assert dev_use.source.unknown == pytest.approx(1 / sum(len(source.split()) for source, _ in dev_pairs()))
    assert [(word.word, word.count) for word in dev_use.source.unknown_words] == [("漢字를", 1)]
    assert UNK not in tokenizers.source.encode(tf.constant([source for source, _ in train_pairs()])).flat_values


def test_one_very_long_line_leaves_the_others_in_the_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no vocabulary is fitted to words that it is not learned from."""
    monkeypatch.setattr(module, "_CHARACTERS", 20_000)
    monkeypatch.setattr(module, "SIZES", ())
    words = " ".join(f"w{number}" for number in range(20_000))
    found = measured(Config(), [opened(tmp_path, "long", [*clean(), (words, words)])])
    assert (found.exact, found.learned_from, found.uses[0].too_long) == (True, 201, 1)
    assert found.pieces == (train_tokenizers(clean()).source.vocabulary,)


def test_sizes_that_the_pairs_do_not_allow_are_left_out(corpora: list[Corpus]) -> None:
    found = measured(Config(), corpora)
    # 200 sentences have no 2,000 pieces; 'auto' always fits.
    assert found.sizes[-1].size == "auto"
    assert "16000" not in [size.size for size in found.sizes]
    assert found.sizes[-1].pieces == found.pieces
    assert found.sizes[-1].source.pieces == found.uses[0].source.pieces


def test_characters_are_not_compared(corpora: list[Corpus]) -> None:
    found = measured(with_settings(Config(), ["text.kind=char", "text.joint=false"]), corpora)
    assert found.sizes == ()
    assert len(found.pieces) == 2
    assert found.uses[0].source.whole == 0.0


def test_a_size_that_is_asked_for_and_impossible_is_refused(corpora: list[Corpus]) -> None:
    with pytest.raises(InputError, match="larger than the text allows"):
        measured(with_settings(Config(), ["text.vocabulary_size=30000"]), corpora)


def test_a_size_that_only_the_whole_allows_is_learned_from_the_whole(
    corpora: list[Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = with_settings(Config(), ["text.kind=bpe", "text.vocabulary_size=400"])
    assert measured(config, corpora).pieces == (400,)
    # Every hundredth pair has far fewer pieces.
    monkeypatch.setattr(module, "_LEARNED", 2)
    found = measured(config, corpora)
    assert (found.exact, found.pieces) == (False, (400,))
