"""The whole model: the call and the steps, what is tied, and an ordinary life in Keras."""

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.config import Config, with_settings
from nmt.decoding.constraints import Constraints
from nmt.decoding.search import greedy
from nmt.errors import InputError
from nmt.layers.attention import BahdanauAttention
from nmt.layers.decoder import Decoder
from nmt.layers.encoder import Encoder
from nmt.models.build import build_model
from nmt.models.seq2seq import Seq2Seq

SOURCE_VOCABULARY, TARGET_VOCABULARY, EMBEDDING, UNITS, ATTENTION = 11, 13, 5, 3, 2
SOURCE = np.array([[4, 5, 6, 7, 3], [8, 3, 0, 0, 0], [9, 10, 3, 0, 0]])
TARGET = np.array([[2, 4, 5, 6], [2, 7, 0, 0], [2, 8, 9, 0]])
BATCH = {"source": SOURCE, "target": TARGET}


def shaken(model):
    """Weights that are all different and none small: a bias of zero or a gradient of almost nothing would hide."""
    rng = np.random.default_rng(2)
    model.set_weights([0.5 * rng.normal(size=weight.shape) for weight in model.weights])
    return model


def tiny(tied="output", source=SOURCE_VOCABULARY, target=TARGET_VOCABULARY, cell="gru", layers=1, rate=0.0):
    """A model of a few hundred numbers."""
    model = Seq2Seq(
        source,
        target_vocabulary=target,
        embedding=EMBEDDING,
        encoder=Encoder(UNITS, cell, layers, bridge=(UNITS, layers), dropout=rate),
        decoder=Decoder(
            UNITS,
            readout=EMBEDDING,
            attention=BahdanauAttention(ATTENTION),
            cell=cell,
            layers=layers,
            dropout=rate,
            context_dropout=rate,
        ),
        tied=tied,
        embedding_dropout=rate,
        output_dropout=rate,
    )
    model.build()
    return shaken(model)


@pytest.mark.parametrize(
    ("tied", "cell", "layers"), [("none", "gru", 1), ("output", "lstm", 2), ("all", "rnn", 1), ("output", "gru", 2)]
)
def test_steps_give_the_logits_of_teacher_forcing(tied, cell, layers):
    model = tiny(tied, TARGET_VOCABULARY, cell=cell, layers=layers)
    logits, alignment = model.teacher_forcing(SOURCE, TARGET)
    assert logits.shape == (*TARGET.shape, TARGET_VOCABULARY)
    memory = model.encode(tf.constant(SOURCE))
    state = model.initial_state(memory)
    for t in range(TARGET.shape[1]):
        scores, state, weights = model.step(tf.constant(TARGET[:, t]), state, memory)
        np.testing.assert_allclose(scores, logits[:, t], atol=1e-5)
        np.testing.assert_allclose(weights, alignment[:, t], atol=1e-5)


def test_the_call_gives_the_logits():
    model = tiny()
    np.testing.assert_array_equal(model(BATCH), model.teacher_forcing(SOURCE, TARGET)[0])


def test_tied_logits_are_products_with_the_target_embeddings():
    model = tiny()
    memory = model.encode(tf.constant(SOURCE))
    tokens = tf.constant([2, 2, 2])
    vectors = model.target_embedding.embeddings.numpy()
    readout, _, _ = model.decoder.step(tf.constant(vectors[[2, 2, 2]]), model.initial_state(memory), memory)
    logits, _, _ = model.step(tokens, model.initial_state(memory), memory)
    np.testing.assert_allclose(logits, readout @ vectors.T + model.output_bias.numpy(), atol=1e-5)


def test_a_row_never_depends_on_its_padding_or_its_neighbours():
    model = tiny()
    together, alignment = model.teacher_forcing(SOURCE, TARGET)
    for row, (source, target) in enumerate([(5, 4), (2, 2), (3, 3)]):
        here = slice(row, row + 1)
        alone, weights = model.teacher_forcing(SOURCE[here, :source], TARGET[here, :target])
        np.testing.assert_allclose(together[row, :target], alone[0], atol=1e-5)
        np.testing.assert_allclose(alignment[row, :target, :source], weights[0], atol=1e-6)
        assert not alignment.numpy()[row, :, source:].any()


# By hand, with embeddings of 5, 3 units, attention of 2, vocabularies of 11 and 13:
#   a GRU that reads 5     3 * 3 * 5 + 3 * 3 * 3 + 2 * 3 * 3 = 45 + 27 + 18 = 90
#   encoder                two directions 2 * 90, bridge 6 * 3 + 3          = 201
#   decoder                90, contexts of 6 to 9 columns 54, attention 3 * 2 + 6 * 2 + 2 = 20,
#                          readout (3 + 6 + 5) * 5 + 5 = 75                 = 239
#   output bias            13                                    201 + 239 + 13 = 453
#   embeddings             target 13 * 5 = 65, source 11 * 5 = 55, an output kernel of its own 5 * 13 = 65
@pytest.mark.parametrize(
    ("tied", "source", "count"),
    [("none", 11, 453 + 65 + 55 + 65), ("output", 11, 453 + 65 + 55), ("all", 13, 453 + 65)],
)
def test_parameters_are_as_many_as_counted_by_hand(tied, source, count):
    assert tiny(tied, source).count_params() == count


def test_one_embedding_for_both_languages_needs_one_vocabulary():
    with pytest.raises(ValueError, match="one vocabulary"):
        tiny("all", source=11, target=13)


def test_an_unknown_tie_is_refused_with_those_that_are_known():
    with pytest.raises(ValueError, match=r"Seq2Seq cannot be 'both'.*: none, output, all"):
        tiny("both")


@pytest.mark.parametrize("tied", ["none", "output", "all"])
def test_every_weight_is_taught(tied):
    model = tiny(tied, TARGET_VOCABULARY)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(model(BATCH, training=True)))
    for weight, gradient in zip(model.trainable_weights, tape.gradient(loss, model.trainable_weights), strict=True):
        assert gradient is not None, weight.path
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, weight.path


@pytest.mark.parametrize("tied", ["none", "output", "all"])
def test_a_saved_model_comes_back_as_it_was(tied, tmp_path):
    model = tiny(tied, TARGET_VOCABULARY, layers=2)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.count_params() == model.count_params()
    np.testing.assert_array_equal(again(BATCH), model(BATCH))


# Files of weights name a weight by the attributes that lead to it: renamed, no file of before could be opened.
RECURRENT_GROUPS = {
    "vars",
    "layers/embedding",
    "layers/embedding_1",
    "decoder/attention",
    "decoder/cells/gru_cell",
    "decoder/cells/gru_cell_1",
    "decoder/depth/norms/layer_normalization",
    "decoder/depth/norms/layer_normalization_1",
    "decoder/readout_layer",
    "encoder/backward_cells/gru_cell",
    "encoder/bridges/dense",
    "encoder/bridges/dense_1",
    "encoder/depth/norms/layer_normalization",
    "encoder/forward_cells/gru_cell",
}
TRANSFORMER_GROUPS = {
    "vars",
    "layers/embedding",
    "layers/embedding_1",
    *[f"{side}/last_norm" for side in ("encoder", "decoder")],
    *[f"{side}/places" for side in ("encoder", "decoder")],
    *[f"{side}/networks/container/dense{i}" for side in ("encoder", "decoder") for i in ("", "_1")],
    "encoder/looks/container/scaled_dot_attention",
    *[f"decoder/looks/container/scaled_dot_attention{i}" for i in ("", "_1")],
    *[f"encoder/norms/container/layer_normalization{i}" for i in ("", "_1")],
    *[f"decoder/norms/container/layer_normalization{i}" for i in ("", "_1", "_2")],
}


@pytest.mark.parametrize(
    ("settings", "groups"),
    [
        (["model.layer_norm=true", "model.decoder_layers=2"], RECURRENT_GROUPS | {"decoder"}),
        (["model.layer_norm=true", "model.decoder_layers=2", "model.context=output"], RECURRENT_GROUPS),
        (["model.layer_norm=true", "model.decoder_layers=2", "model.context=feed"], RECURRENT_GROUPS | {"decoder"}),
        (
            ["model.architecture=transformer", "model.positions=learned", "model.max_positions=201"],
            TRANSFORMER_GROUPS,
        ),
    ],
    ids=["input", "output", "feed", "transformer"],
)
def test_files_of_weights_keep_their_names(settings, groups, tmp_path):
    model = build_model(with_settings(Config(), ["text.vocabulary_size=13", *settings]))
    model.save_weights(tmp_path / "m.weights.h5")
    found = set()
    with h5py.File(tmp_path / "m.weights.h5") as file:
        file.visititems(lambda name, part: found.add(name) if isinstance(part, h5py.Dataset) else None)
    assert {name.rpartition("/vars/")[0] or "vars" for name in found} == groups


def test_weights_alone_fit_a_model_of_the_same_config(tmp_path):
    model, other = tiny(), tiny()
    other.set_weights([np.zeros(weight.shape) for weight in other.weights])
    assert np.abs(model(BATCH) - other(BATCH)).max() > 0.01
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(other(BATCH), model(BATCH))


def test_comes_back_from_its_config():
    model = tiny(layers=2, cell="lstm", rate=0.25)
    again = Seq2Seq.from_config(model.get_config())
    again.build()
    again.set_weights(model.get_weights())
    assert again.get_config() == model.get_config()
    assert (again.embedding_dropout, again.output_dropout, again.decoder.context_dropout) == (0.25, 0.25, 0.25)
    np.testing.assert_array_equal(again(BATCH), model(BATCH))


def test_dropout_works_in_training_only():
    model = tiny(rate=0.5)
    still = model(BATCH)
    np.testing.assert_array_equal(model(BATCH), still)
    assert np.abs(model(BATCH, training=True) - still).max() > 0.01


@pytest.mark.parametrize("kind", ["embedding_dropout", "output_dropout"])
def test_each_dropout_of_the_model_works_by_itself(kind):
    part = tiny()
    model = Seq2Seq.from_config({**part.get_config(), kind: 0.5})
    model.build()
    model.set_weights(part.get_weights())
    still = model(BATCH)
    np.testing.assert_allclose(still, part(BATCH), atol=1e-6)
    assert np.abs(model(BATCH, training=True) - still).max() > 0.01


def test_training_is_the_same_where_nothing_is_dropped():
    model = tiny(layers=2)
    np.testing.assert_allclose(model(BATCH, training=True), model(BATCH), atol=1e-5)


def test_a_search_in_a_graph_writes_what_teacher_forcing_would():
    model = tiny(cell="lstm", layers=2)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)])
    def translate(source, limits):
        memory = model.encode(source)
        state, constraints = model.initial_state(memory), Constraints(limits)
        return greedy(
            model.step, state=state, memory=memory, source=tf.shape(source)[1], constraints=constraints, bos=2, eos=3
        )

    found = translate(SOURCE, tf.constant([7, 5, 3]))
    tokens, lengths = found.tokens.numpy()[:, 0], found.lengths.numpy()[:, 0]
    written = np.concatenate([np.full([3, 1], 2), tokens], axis=1)
    logits, alignment = model.teacher_forcing(SOURCE, written)
    # Neither padding nor the start is ever written.
    log_p = tf.nn.log_softmax(logits).numpy()
    log_p[:, :, [0, 2]] = -np.inf
    best, surest = log_p.argmax(-1), log_p.max(-1)
    for row, limit in enumerate([7, 5, 3]):
        length = int(lengths[row])
        steps = min(length + 1, limit)  # EOS too, unless the limit came first
        np.testing.assert_array_equal(written[row, 1 : length + 1], best[row, :length])
        assert length == limit or best[row, length] == 3
        assert float(found.scores[row, 0]) == pytest.approx(surest[row, :steps].sum(), abs=1e-4)
        np.testing.assert_allclose(found.alignment[row, 0, :length], alignment[row, :length], atol=1e-5)
    assert lengths.max() > 0
    nothing = translate(np.zeros([0, 3], np.int32), tf.zeros([0], tf.int32))
    assert nothing.tokens.shape == (0, 1, 0)


def small(*settings):
    return with_settings(Config(), ["model.units=3", "model.embedding=5", "model.attention_units=2", *settings])


def test_a_model_is_built_as_the_config_says():
    model = build_model(small("text.vocabulary_size=13"))
    assert (model.source_vocabulary, model.target_vocabulary) == (13, 13)
    assert model.count_params() == 453 + 65 + 65  # see above
    deeper = small("text.vocabulary_size=13", "model.cell=lstm", "model.decoder_layers=2", "model.bidirectional=false")
    model = build_model(deeper, 11, 13)
    assert (model.source_vocabulary, model.target_vocabulary) == (11, 13)
    assert (model.encoder.bidirectional, model.encoder.layers, model.decoder.layers) == (False, 1, 2)
    assert [len(layer) for layer in model.encode(tf.constant(SOURCE)).initial_state] == [2, 2]


def test_each_dropout_of_the_config_has_its_place():
    names = ("dropout", "embedding_dropout", "context_dropout", "output_dropout")
    rates = [f"model.{name}={rate}" for name, rate in zip(names, (0.1, 0.3, 0.5, 0.7), strict=True)]
    model = build_model(small("text.vocabulary_size=13", *rates))
    assert (model.encoder.depth.dropout, model.decoder.depth.dropout) == (0.1, 0.1)
    assert (model.drop_embedding.rate, model.decoder.context_dropout, model.drop_output.rate) == (0.3, 0.5, 0.7)


@pytest.mark.parametrize("sizes", [(), (11,), (None, 13)])
def test_a_vocabulary_of_unknown_size_is_an_error(sizes):
    with pytest.raises(InputError, match="size of each vocabulary"):
        build_model(small("text.vocabulary_size=auto"), *sizes)


def test_sizes_that_are_told_go_before_auto():
    model = build_model(small("text.vocabulary_size=auto"), 11, 13)
    assert (model.source_vocabulary, model.target_vocabulary) == (11, 13)


def somebody_elses_classifier():
    words = keras.Input([None], dtype="int32")
    vectors = keras.layers.Embedding(SOURCE_VOCABULARY, EMBEDDING, mask_zero=True)(words)
    annotations, state = Encoder(UNITS, bridge=(7, 1))(vectors)
    context, _ = BahdanauAttention(ATTENTION)(state[0][0], annotations)
    return keras.Model(words, keras.layers.Dense(TARGET_VOCABULARY)(context)), SOURCE, np.array([4, 7, 12])


def somebody_elses_translator():
    words, written = keras.Input([None], dtype="int32"), keras.Input([None], dtype="int32")
    vectors = keras.layers.Embedding(SOURCE_VOCABULARY, EMBEDDING, mask_zero=True)(words)
    annotations, state = Encoder(UNITS, "lstm", bridge=(7, 2))(vectors)
    begun = keras.layers.Embedding(TARGET_VOCABULARY, EMBEDDING)(written)
    readouts, _ = Decoder(7, readout=EMBEDDING, attention=BahdanauAttention(ATTENTION), cell="lstm", layers=2)(
        begun, annotations, state
    )
    return keras.Model([words, written], keras.layers.Dense(TARGET_VOCABULARY)(readouts)), [SOURCE, TARGET], TARGET


@pytest.mark.parametrize("make", [somebody_elses_classifier, somebody_elses_translator])
def test_the_layers_live_in_somebody_elses_functional_model(make, tmp_path):
    model, inputs, labels = make()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = shaken(model).get_weights()
    assert np.isfinite(model.train_on_batch(inputs, labels))
    changed = [np.abs(one - other).max() > 0 for one, other in zip(before, model.get_weights(), strict=True)]
    assert all(changed), [weight.path for weight, moved in zip(model.weights, changed, strict=True) if not moved]
    model.save(tmp_path / "theirs.keras")
    again = keras.models.load_model(tmp_path / "theirs.keras")
    np.testing.assert_array_equal(again(inputs), model(inputs))


@pytest.mark.parametrize("make", [somebody_elses_classifier, somebody_elses_translator])
def test_padding_changes_nothing_in_a_functional_model(make):
    model, inputs, _ = make()
    wider = tf.nest.map_structure(lambda ids: np.pad(ids, [[0, 0], [0, 2]]), inputs)
    found, wanted = model(wider).numpy(), model(inputs).numpy()
    if found.ndim == 3:
        found = found[:, : wanted.shape[1]]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


class OwnAttention(BahdanauAttention):
    """An attention that Keras does not know by name."""


def test_comes_back_with_an_attention_of_ones_own():
    decoder = Decoder(UNITS, readout=EMBEDDING, attention=OwnAttention(ATTENTION))
    encoder = Encoder(UNITS, bridge=(UNITS, 1))
    model = Seq2Seq(11, target_vocabulary=13, embedding=EMBEDDING, encoder=encoder, decoder=decoder)
    config = model.get_config()
    again = Seq2Seq.from_config(config, custom_objects={"OwnAttention": OwnAttention})
    assert type(again.decoder.attention) is OwnAttention
