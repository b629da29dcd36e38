"""A run that begins with another model's weights."""

import json
import re
import shutil

import numpy as np
import pytest
from logged import logged

from nmt.config import Config, with_settings
from nmt.data.corpora import from_tsv
from nmt.data.tokenizers import train_tokenizers
from nmt.data.vocabulary_growth import grow, replaced
from nmt.errors import InputError
from nmt.model_folder import read_config
from nmt.models.build import build_model
from nmt.saving import load
from nmt.training.finetune import begin_with, grown_rows
from nmt.training.fit import train_model

SMALL = ["model.units=8", "model.embedding=8", "model.attention_units=7", "training.batch_size=11"]
SMALL += ["training.epochs=1", "data.buckets=2", "training.learning_rate=1e-9"]
CONFIG = with_settings(Config(), SMALL)
WHO, WHAT = ("mina", "juno", "sora"), ("bap", "cha", "mul", "kong")
PAIRS = [f"{w} {o} {v}\t{w.title()} {v} {o}\n" for w in WHO for o in WHAT for v in ("mogo", "pado")]
OTHER = [f"{w} {o} xyxyx\t{w.title()} QWQW {o}\n" for w in WHO for o in WHAT]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two corpora and a model of the first, which a rate of nearly nothing has left as it began."""
    place = tmp_path_factory.mktemp("from")
    (place / "pairs.tsv").write_text("".join(PAIRS * 2))
    (place / "other.tsv").write_text("".join(OTHER * 3))
    data, other = from_tsv(place / "pairs.tsv"), from_tsv(place / "other.tsv")
    train_model(CONFIG, data, data, place / "first")
    return place, other


def go_on(made, folder, config=CONFIG, grow=0, **options):
    place, other = made
    return train_model(config, other, other, folder, start=str(place / "first"), grow=grow, **options)


@pytest.fixture(scope="module")
def grown(made, tmp_path_factory):
    """A model that goes on from the first with new pieces, and the news of its run."""
    folder = tmp_path_factory.mktemp("grown") / "model"
    with logged() as said:
        go_on(made, folder, grow=12)
    return folder, said


def rows(folder):
    model, text, _ = load(folder)
    # Keras numbers the layers of later models: decoder_7 is a decoder.
    names = [re.sub(r"_\d+(?=/|$)", "", v.path).partition("/")[2] for v in model.trainable_variables]
    assert len(set(names)) == len(names)
    return dict(zip(names, [v.numpy() for v in model.trainable_variables], strict=True)), text


def test_it_begins_with_the_weights_and_the_text_of_the_other_and_may_be_trained_in_another_way(made, tmp_path):
    config = with_settings(CONFIG, ["model.dropout=0.5", "training.label_smoothing=0.3", "data.max_length=50"])
    go_on(made, tmp_path / "second", config)
    (before, old), (after, new) = rows(made[0] / "first"), rows(tmp_path / "second")
    assert new.source.model == old.source.model
    for name, value in before.items():
        np.testing.assert_allclose(after[name], value, atol=1e-6, err_msg=name)
    assert read_config(tmp_path / "second") == with_settings(
        config, ["decoding.max_ratio=3.0", "text.normalization=nfc"]
    )  # fitted
    assert len((tmp_path / "second" / "metrics.jsonl").read_text().splitlines()) == 1


def test_old_pieces_keep_their_rows_and_new_ones_begin_with_the_mean(made, grown):
    folder, said = grown
    (before, old), (after, new) = rows(made[0] / "first"), rows(folder)
    count = old.target.vocabulary
    assert new.target.vocabulary > count
    assert any("pieces were added to the vocabulary" in line for line in said)
    for name in ("target_embedding/embeddings", "source_embedding/embeddings", "output_bias"):
        np.testing.assert_allclose(after[name][:count], before[name], atol=1e-6)
        for place in range(count, new.target.vocabulary):
            (piece,) = new.target.pieces([place])
            wanted = before[name][replaced(old.target, piece)].mean(0)
            np.testing.assert_allclose(after[name][place], wanted, atol=1e-6, err_msg=piece)


def test_an_untied_output_layer_grows_too():
    values = np.arange(12.0, dtype=np.float32).reshape(3, 4)

    class Pieces:
        def __init__(self, count, model=b""):
            self.vocabulary, self.model = count, model

    same = grown_rows(values, 1, Pieces(4), _NoNew(4))
    np.testing.assert_array_equal(same, values)


class _NoNew:
    def __init__(self, vocabulary):
        self.vocabulary = vocabulary

    def pieces(self, ids):
        return [str(i) for i in ids]


@pytest.mark.parametrize("tied", ["none", "output", "all"])
def test_every_weight_is_taken_over(made, tied):
    config = with_settings(CONFIG, [f"model.tied={tied}"])
    _, tokenizers, _ = load(made[0] / "first")
    sizes = (tokenizers.source.vocabulary, tokenizers.target.vocabulary)
    first, second = build_model(config, *sizes), build_model(config, *sizes)
    begin_with(second, tokenizers, first, tokenizers)
    for a, b in zip(first.trainable_variables, second.trainable_variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_classifier_begins_with_a_pretrained_encoder_and_new_pieces():
    before = train_tokenizers([("", line.split("\t")[0]) for line in PAIRS])
    after = grow(before, [(line.split("\t")[0], "") for line in OTHER], "unigram", 12)
    size = ["model.units=6", "model.embedding=6", "model.heads=2", "model.feed_forward=13"]
    masked = with_settings(Config(), ["model.architecture=masked-language-model", *size])
    labelling = with_settings(Config(), ["model.architecture=classifier", "model.encoder=transformer", *size])
    start = build_model(masked, before.source.vocabulary, before.source.vocabulary)
    model = build_model(labelling, after.source.vocabulary, 2)
    begin_with(model, after, start, before)
    old, new = (each.source_embedding.embeddings.numpy() for each in (start, model))
    count = before.source.vocabulary
    assert len(new) == after.source.vocabulary > count
    np.testing.assert_array_equal(new[:count], old)
    for place, piece in enumerate(after.source.pieces(range(count, len(new))), count):
        np.testing.assert_allclose(new[place], old[replaced(before.source, piece)].mean(0), rtol=1e-6, err_msg=piece)
    known = np.array([[7, 9, 5, 3]])
    np.testing.assert_array_equal(model.annotate(known).annotations, start.annotate(known).annotations)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("model.units=16", "model.units is 8 in"),
        ("model.cell=lstm", "model.cell is 'gru' in"),
        ("model.attention=general", "model.attention is 'bahdanau' in"),
        ("text.kind=bpe", "text.kind is 'unigram' in"),
        ("text.joint=false", "text.joint is True in"),
    ],
)
def test_another_network_or_text_is_refused_before_anything_is_made(made, tmp_path, setting, words):
    units = ["model.attention_units=256"] if "attention=" in setting else []
    config = with_settings(CONFIG, [setting, *units])
    with pytest.raises(InputError) as raised:
        go_on(made, tmp_path / "no", config)
    assert words in str(raised.value) or "attention_units is 7" in str(raised.value)
    assert "the model to begin with" in str(raised.value)
    assert not (tmp_path / "no").exists()


def test_a_run_that_began_with_another_model_is_resumed_as_any_other(made, grown, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(grown[0], folder)
    config = with_settings(CONFIG, ["training.epochs=2"])
    _, other = made
    train_model(config, other, other, folder, resume=True)
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]
