"""Every combination of switches that makes sense learns, steps as it does in teacher forcing, and comes back from disk.
The others are refused, with a reason."""

import itertools
from typing import get_args, get_type_hints

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.config import Config, Model, with_settings
from nmt.errors import InputError
from nmt.layers.attention import ATTENTIONS
from nmt.layers.cells import CELLS
from nmt.layers.context import CONTEXTS
from nmt.models.build import ARCHITECTURES, build_model
from nmt.training.setup import make_training_model

SMALL = ["text.vocabulary_size=23", "training.warmup_steps=1", "training.learning_rate=0.01"]
RECURRENT = [*SMALL, "model.units=6", "model.embedding=5", "model.attention_units=8"]
# A score without units of its own.
PLAIN = [*SMALL, "model.units=6", "model.embedding=5"]
TRANSFORMER = [*SMALL, "model.architecture=transformer", "model.units=6", "model.embedding=6", "model.heads=2"]
LANGUAGE = [*SMALL, "model.architecture=language-model", "model.units=6", "model.embedding=5"]
CAUSAL = [*TRANSFORMER[:-4], "model.architecture=language-model", "model.decoder=transformer", *TRANSFORMER[-3:]]
NO_DROPOUT = [f"model.{kind}=0" for kind in ("dropout", "embedding_dropout", "output_dropout")]

# Each place is some milliseconds of every combination, so there are no more than it takes to have padding of two sizes.
SOURCE = tf.constant([[7, 9, 3, 0], [5, 3, 0, 0], [13, 17, 19, 3]])
TARGET = tf.constant([[2, 5, 6, 0, 0], [2, 7, 8, 9, 0], [2, 11, 12, 13, 14]])
WRITTEN = tf.constant([[5, 6, 3, 0, 0], [7, 8, 9, 3, 0], [11, 12, 13, 14, 3]])

SWITCHES = [
    combination
    for combination in itertools.product(CELLS, (*ATTENTIONS, "none"), CONTEXTS)
    if combination[1:] != ("none", "feed")
]
# Every second one is deep: two layers, with normalisation and residual connections.
COMBINATIONS = [(*switches, *((2, True) if i % 2 else (1, False))) for i, switches in enumerate(SWITCHES)]


def recurrent(cell, attention, context, layers, deep):
    settings = [
        *(RECURRENT if attention in ATTENTIONS and ATTENTIONS[attention].has_units else PLAIN),
        f"model.cell={cell}",
        f"model.attention={attention}",
    ]
    settings += [f"model.context={context}", f"model.encoder_layers={layers}", f"model.decoder_layers={layers}"]
    return settings + (["model.layer_norm=true", "model.residual=true"] if deep else [])


OTHERS = [
    [*RECURRENT, "model.bidirectional=false"],
    [*PLAIN, "model.attention=dot", "model.bidirectional=false", "model.context=output"],
    [*RECURRENT, "model.attention=scaled_dot", "model.heads=1"],
    [*RECURRENT, "model.tied=none"],
    [*RECURRENT, "model.tied=all", "model.word_dropout=0.2", "model.recurrent_dropout=0.3"],
    TRANSFORMER,
    [*TRANSFORMER, "model.encoder_layers=2", "model.decoder_layers=3", "model.tied=all"],
    [*TRANSFORMER, "model.positions=learned", "model.max_positions=201", "model.tied=none"],
    [*TRANSFORMER, "model.decoder_layers=2", "model.alignment_layer=1", "model.alignment_head=2"],
    LANGUAGE,
    [*LANGUAGE, "model.cell=lstm", "model.decoder_layers=2", "model.layer_norm=true", "model.residual=true"],
    [*LANGUAGE, "model.cell=rnn", "model.tied=none"],
    [*CAUSAL, "model.decoder_layers=2"],
]
ALL = [recurrent(*combination) for combination in COMBINATIONS] + OTHERS


def name(settings):
    return "-".join(s.partition("=")[2] for s in settings if s not in (*RECURRENT, *PLAIN))


def test_the_config_knows_every_architecture_cell_and_context():
    hints = get_type_hints(Model)
    for key, registry in (("architecture", ARCHITECTURES), ("cell", CELLS), ("context", CONTEXTS)):
        assert set(get_args(hints[key])) == set(registry)


@pytest.fixture(scope="module", params=ALL, ids=name)
def training(request):
    """A model to train, of which both tests need the network: each is built once."""
    keras.utils.set_random_seed(5)
    config = with_settings(Config(), [*request.param, *NO_DROPOUT, "training.label_smoothing=0"])
    model, _ = make_training_model(config, 100)
    model.run_eagerly = True  # tracing so many graphs would take minutes
    return model


def test_steps_equal_teacher_forcing(training):
    model = training.network
    whole, alignment = model.teacher_forcing(SOURCE, TARGET)
    memory = model.encode(SOURCE)
    state = model.initial_state(memory, TARGET.shape[1])
    for t in range(TARGET.shape[1]):
        logits, state, weights = model.step(TARGET[:, t], state, memory)
        real = np.asarray(TARGET[:, t] != 0)
        np.testing.assert_allclose(logits[real], whole[:, t][real], atol=1e-5)
        np.testing.assert_allclose(weights[real], alignment[:, t][real], atol=1e-5)
    assert alignment.shape[-1] == (SOURCE.shape[1] if model.aligned else 0)


# With a fixed context nothing reads the annotations, so the norm after the last layer of the encoder learns nothing. It
# stays, because saved models have its weights.
@pytest.mark.filterwarnings("ignore:Gradients do not exist for variables .*norm")
def test_it_learns_in_a_step(training):
    batch = ({"source": SOURCE, "target": TARGET}, WRITTEN)
    # What is reported of a step is the loss before it.
    before = float(training.train_on_batch(*batch, return_dict=True)["loss"])
    after = float(training.test_on_batch(*batch, return_dict=True)["loss"])
    assert np.isfinite(before)
    assert after < before


@pytest.mark.parametrize("settings", OTHERS, ids=name)
def test_it_comes_back_from_its_config_and_weights(settings, tmp_path):
    model = build_model(with_settings(Config(), settings))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    inputs = {"source": SOURCE, "target": TARGET}
    np.testing.assert_array_equal(again(inputs), model(inputs))


@pytest.mark.parametrize(
    "settings",
    [
        recurrent("lstm", attention=a, context=c, layers=2, deep=True)
        for a, c in (("none", "input"), ("cosine", "feed"), ("general", "output"))
    ]
    + [*OTHERS[5:10], OTHERS[-1]],
    ids=name,
)
def test_a_row_never_depends_on_its_padding_or_its_neighbours(settings):
    model = build_model(with_settings(Config(), settings))
    together, _ = model.teacher_forcing(SOURCE, TARGET)
    for row in range(3):
        source = SOURCE[row : row + 1, : int(tf.math.count_nonzero(SOURCE[row]))]
        target = TARGET[row : row + 1, : int(tf.math.count_nonzero(TARGET[row]))]
        alone, _ = model.teacher_forcing(source, target)
        np.testing.assert_allclose(alone[0], together[row, : target.shape[1]], atol=1e-5)


def test_what_a_preset_had_set_gives_way_to_a_setting():
    base = with_settings(Config(), ["model.attention_units=64", "model.bidirectional=false", "model.dropout=0.4"])
    dot = with_settings(base, ["model.attention=dot"])
    assert dot.model.attention_units == Config().model.attention_units and not dot.model.bidirectional
    transformer = with_settings(base, ["model.architecture=transformer"])
    assert transformer.model.bidirectional and transformer.model.dropout == 0.4
    with pytest.raises(InputError, match="would do nothing"):
        with_settings(base, ["model.attention=dot", "model.attention_units=64"])


CL = ["model.architecture=classifier"]
LM = ["model.architecture=language-model", "model.decoder=transformer"]
FEATURES = ["model.source=features"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["model.attention=none", "model.context=feed"], "attends nowhere"),
        (["model.attention=none", "training.guided_alignment=0.1"], "with model.attention = 'none' there is none"),
        (["model.architecture=language-model", "training.guided_alignment=0.1"], "no source to attend to"),
        (["model.attention=dot", "model.heads=8"], "model.heads = 8 would do nothing with model.attention = 'dot'"),
        (["model.attention=dot", "model.attention_units=64"], "would do nothing with model.attention = 'dot'"),
        (["model.attention=scaled_dot", "model.heads=3"], "3 does not divide 256"),
        (["model.architecture=transformer", "model.heads=7"], "7 does not divide 256"),
        (["model.architecture=transformer", "model.cell=lstm"], "model.cell = 'lstm' would do nothing"),
        (["model.architecture=transformer", "model.attention=dot"], "would do nothing"),
        (["model.architecture=transformer", "model.context=output"], "would do nothing"),
        (["model.architecture=transformer", "model.residual=true"], "would do nothing"),
        (["model.architecture=transformer", "model.units=128"], "as wide as its layers"),
        (["model.architecture=transformer", "model.alignment_head=5"], "only 4 heads"),
        (["model.architecture=transformer", "model.alignment_layer=2"], "only 1 layers"),
        (["model.architecture=transformer", "model.max_positions=500"], "would do nothing with sinusoidal"),
        (
            ["model.architecture=transformer", "model.positions=learned", "model.max_positions=200"],
            "is too small: data.max_length and decoding.max_length need 201",
        ),
        (["model.feed_forward=7"], "would do nothing with model.architecture = 'recurrent'"),
        (["model.positions=learned"], "would do nothing"),
        (["model.residual=true"], "there is only one"),
        (["model.architecture=language-model", "model.attention=dot"], "would do nothing"),
        (["model.architecture=language-model", "model.bidirectional=false"], "would do nothing"),
        (["model.architecture=language-model", "model.encoder_layers=2"], "would do nothing"),
        (["model.architecture=language-model", "model.tied=all"], "no source to share with"),
        (["model.decoder=transformer"], "would do nothing with model.architecture = 'recurrent'"),
        (["model.architecture=language-model", "model.heads=2"], "would do nothing"),
        (["model.encoder=transformer"], "would do nothing with model.architecture = 'recurrent'"),
        ([*CL, "model.pooling=mean", "model.attention_units=7"], "nothing with model.pooling = 'mean'"),
        ([*CL, "model.decoder_layers=2"], "classifier' and model.encoder = 'recurrent'"),
        ([*CL, "model.encoder=transformer", "model.cell=lstm"], "model.encoder = 'transformer'"),
        ([*CL, "model.encoder=transformer", "model.units=128"], "as wide as its layers"),
        ([*CL, "decoding.beam=5"], "which searches for nothing"),
        ([*CL, "text.joint=false"], "has one vocabulary"),
        ([*CL, "training.watch=bleu"], "Use 'accuracy' or 'f1'"),
        ([*CL, "training.guided_alignment=1"], "a classifier translates nothing"),
        ([*CL, "training.scheduled_sampling=.1"], "what a decoder writes"),
        (["training.watch=f1"], "for a classifier or tagger"),
        (["model.architecture=masked-language-model", "training.watch=chrf"], "Use 'perplexity'"),
        (["model.architecture=masked-language-model", "model.cell=lstm"], "would do nothing"),
        (["model.architecture=masked-language-model", "model.encoder=transformer"], "would do nothing"),
        (["model.architecture=tagger", "model.pooling=mean"], "would do nothing"),
        ([*LM, "model.cell=lstm"], "language-model' and model.decoder = 'transformer'"),
        ([*LM, "model.alignment_head=1"], "would do nothing"),
        ([*LM, "model.units=128"], "as wide as its layers"),
        ([*LM, "model.positions=learned", "model.max_positions=200"], "need 201"),
        (["model.architecture=language-model", "text.joint=false"], "no source to share with"),
        (["model.architecture=language-model", "training.watch=bleu"], "makes none"),
        ([*FEATURES, "model.tied=all"], "only one side is text"),
        ([*FEATURES, "text.joint=false"], "only one side is text"),
        ([*FEATURES, "model.bidirectional=false"], "would do nothing with model.source = 'features'"),
        ([*FEATURES, "model.architecture=transformer", "model.encoder_layers=2"], "model.source = 'features'"),
        ([*FEATURES, "model.residual=true"], "there is only one"),
        ([*FEATURES, "training.alignment_head=on"], "model.source = 'features' has none"),
        ([*FEATURES, "training.confidence=on"], "model.source = 'features' has none"),
        ([*FEATURES, "decoding.shortlist=true"], "a shortlist is of source pieces"),
        ([*LM, *FEATURES], "would do nothing with model.architecture = 'language-model'"),
        (["model.source_cells=4"], "would do nothing with model.source = 'text'"),
        (["text.kind=char", "text.sampling=0.1"], "there is only one"),
        (["text.kind=word", "text.sampling=0.1"], "there is only one"),
        (["model.attention=luong"], "model.attention cannot be 'luong'"),
        (["model.architecture=transfomer"], "Did you mean 'transformer'"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(settings, words):
    with pytest.raises(InputError) as raised:
        with_settings(Config(), settings)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
