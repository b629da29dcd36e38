"""Of the attentions of a Transformer the one is chosen that agrees best with links."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tensorflow as tf
from command_line import PAIRS

from nmt.config import Config, with_settings
from nmt.data.corpora import Corpus, from_tsv
from nmt.data.tokenizers import Tokenizers, train_tokenizers
from nmt.data.word_links import with_links
from nmt.errors import InputError
from nmt.models.shifted import ShiftedAttention
from nmt.training.choose_attention import choose

CONFIG = with_settings(Config(), ["model.architecture=transformer"])


def attending(attentions: list[list[list[int]]]) -> Any:
    """A model with these attentions: for each layer and head, the source word of each of three target words."""

    def read_whole(vectors: tf.Tensor, memory: tf.Tensor) -> tuple[None, list[tf.Tensor]]:
        # The first row belongs to the beginning.
        rows = [tf.one_hot([[0, *row] for row in layer], tf.shape(memory)[1]) for layer in attentions]
        return None, [tf.repeat(layer[None], tf.shape(vectors)[0], 0) for layer in rows]

    decoder = SimpleNamespace(read_whole=read_whole)
    return SimpleNamespace(decoder=decoder, target_embedding=lambda ids: ids, encode=lambda ids: ids)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    place = tmp_path_factory.mktemp("linked")
    (place / "pairs.tsv").write_text("".join(f"{ko}\t{en}\n" for ko, en in PAIRS), encoding="utf-8")
    (place / "links").write_text("0-0 1-2 2-1\n" * len(PAIRS), encoding="utf-8")
    return with_links(from_tsv(place / "pairs.tsv"), place / "links")


@pytest.fixture(scope="module")
def tokenizers() -> Tokenizers:
    # One piece a word.
    return train_tokenizers(PAIRS, kind="word")


@pytest.mark.parametrize(
    ("attentions", "chosen"),
    [
        # Right is 0 2 1: a third, none; two thirds, all. The mean of the last two is right as often, and comes later.
        ([[[0, 1, 2], [2, 0, 0]], [[0, 2, 2], [0, 2, 1]]], ShiftedAttention(1, 1)),
        # Each head of the first layer errs once, elsewhere; their mean is right, as two of three are each time.
        ([[[0, 2, 2], [0, 1, 1], [1, 2, 1]], [[0, 2, 2]] * 3], ShiftedAttention(0, None)),
    ],
)
def test_the_best_is_chosen(
    corpus: Corpus, tokenizers: Tokenizers, attentions: list, chosen: ShiftedAttention, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "nmt")
    assert choose(attending(attentions), tokenizers, CONFIG, corpus) == chosen
    name = "the mean of its heads" if chosen.head is None else f"head {chosen.head}"
    assert f"layer {chosen.layer} and {name}" in caplog.text and f"100.0% of {3 * len(PAIRS)} linked" in caplog.text


def test_only_a_transformer_has_such_an_attention(corpus: Corpus, tokenizers: Tokenizers) -> None:
    with pytest.raises(InputError, match=r"Only a Transformer .* 'recurrent'.*leave out --shifted"):
        choose(attending([[[0, 2, 1]]]), tokenizers, Config(), corpus)


def test_a_corpus_without_a_link_chooses_nothing(tokenizers: Tokenizers, tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("나는 밥을\tI ate\n", encoding="utf-8")
    (tmp_path / "links").write_text("\n", encoding="utf-8")
    unlinked = with_links(from_tsv(tmp_path / "pairs.tsv"), tmp_path / "links")
    with pytest.raises(InputError, match=r"No token of .* is linked"):
        choose(attending([[[0, 2]]]), tokenizers, CONFIG, unlinked)
