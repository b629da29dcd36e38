"""A recurrent state is dropped from as Gal and Ghahramani say: once for a sentence, and never from the state itself."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.layers.attention import FixedContext, ScaledDotAttention
from nmt.layers.cells import CELLS, make_cell
from nmt.layers.context import CONTEXTS
from nmt.layers.decoder import Decoder
from nmt.layers.encoder import Encoder
from nmt.layers.recurrent_dropout import draw_recurrent_mask

BATCH, TIME, WIDTH, UNITS, SOURCE, MEMORY = 3, 5, 7, 11, 2, 13
every_cell = pytest.mark.parametrize("kind", CELLS)
rng = np.random.default_rng(5)


def numbers(*shape):
    return tf.constant(rng.normal(size=shape), tf.float32)


def test_a_share_is_dropped_and_the_rest_makes_up_for_it():
    mask = draw_recurrent_mask((tf.ones([47, 53]),), 0.2, keras.random.SeedGenerator(3)).numpy()
    np.testing.assert_allclose(np.unique(mask), [0, 1.25])  # 1 / (1 - 0.2)
    # 47 * 53 coins: six deviations of sqrt(0.2 * 0.8 / 2491) to either side.
    assert abs((mask == 0).mean() - 0.2) < 6 * 0.008
    assert len({row.tobytes() for row in mask}) == 47  # each sentence has its own


@every_cell
def test_a_step_drops_from_the_products_with_the_state_and_not_from_the_state(kind):
    cell = make_cell(kind, UNITS, kind)
    cell.build((None, WIDTH))
    projected, state = cell.project(numbers(BATCH, WIDTH)), (numbers(BATCH, UNITS),) * cell.states
    mask = np.where(np.arange(UNITS) % 3, 1.5, 0.0)
    found = cell.step(projected, state, tf.constant(np.tile(mask, [BATCH, 1]), tf.float32))
    # U (m * h) is (U with its rows multiplied by m) h.
    cell.recurrent_kernel.assign(mask[:, None] * cell.recurrent_kernel.numpy())
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(cell.step(projected, state)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@every_cell
def test_an_encoder_drops_the_same_units_at_all_steps_of_a_sentence(kind):
    encoder = Encoder(UNITS, kind, layers=2, recurrent_dropout=0.5)
    inputs = numbers(BATCH, TIME, WIDTH)
    still, _ = encoder(inputs)
    np.testing.assert_array_equal(encoder(inputs)[0], still)
    seed = encoder.seeds.state.numpy()
    found, _ = encoder(inputs, training=True)
    encoder.seeds.state.assign(seed)
    # As many masks as there are layers and directions, forward before backward.
    masks = [draw_recurrent_mask((tf.ones([BATCH, UNITS]),), 0.5, encoder.seeds).numpy() for _ in range(4)]
    cells = [cell for pair in zip(encoder.forward_cells, encoder.backward_cells, strict=True) for cell in pair]
    kernels = [cell.recurrent_kernel.numpy() for cell in cells]
    for row in range(BATCH):
        for cell, kernel, mask in zip(cells, kernels, masks, strict=True):
            cell.recurrent_kernel.assign(mask[row][:, None] * kernel)
        np.testing.assert_allclose(found[row], encoder(inputs[row : row + 1])[0][0], atol=1e-5)


ATTENTIONS = {"an attention": lambda: ScaledDotAttention(UNITS), "one vector": lambda: FixedContext(UNITS)}
ATTENTIONS["nothing"] = lambda: None


@every_cell
@pytest.mark.parametrize(
    ("attends", "context"),
    [(attends, c) for attends in ATTENTIONS for c in CONTEXTS if c != "feed" or attends == "an attention"],
)
def test_a_decoder_drops_the_same_units_at_all_steps_of_a_sentence(kind, attends, context):
    decoder = Decoder(
        UNITS, 17, ATTENTIONS[attends](), kind, layers=2, recurrent_dropout=0.5, context=context, residual=True
    )
    inputs, values = numbers(BATCH, TIME, WIDTH), numbers(BATCH, SOURCE, MEMORY)
    state = tuple(tuple(numbers(BATCH, UNITS) for _ in range(decoder.cells[0].states)) for _ in range(2))
    still, _ = decoder(inputs, values, state)
    np.testing.assert_array_equal(decoder(inputs, values, state)[0], still)
    seed = decoder.seeds.state.numpy()
    found, _ = decoder(inputs, values, state, training=True)
    assert np.abs(found - still).max() > 0.01
    decoder.seeds.state.assign(seed)
    memory = decoder.remember(values, None, state, training=True)
    stepped = decoder.initial_state(memory)
    for i in range(TIME):
        readout, stepped, _ = decoder.step(inputs[:, i], stepped, memory)
        np.testing.assert_allclose(readout, found[:, i], atol=1e-5)
    # One sentence whose kernels have the dropped rows left out computes the same without a mask.
    kernels = [cell.recurrent_kernel.numpy() for cell in decoder.cells]
    for row in range(BATCH):
        for cell, kernel, mask in zip(decoder.cells, kernels, memory.recurrent_masks, strict=True):
            cell.recurrent_kernel.assign(mask[row].numpy()[:, None] * kernel)
        one = tf.nest.map_structure(lambda part, row=row: part[row : row + 1], (inputs, values, state))
        np.testing.assert_allclose(decoder(*one)[0][0], found[row], atol=1e-5)


def test_half_precision_has_masks_of_its_own_kind():
    encoder = Encoder(UNITS, recurrent_dropout=0.5, dtype="mixed_bfloat16")
    assert encoder(numbers(BATCH, TIME, WIDTH), training=True)[0].dtype == tf.bfloat16


def test_without_it_nothing_is_drawn_so_files_of_weights_from_before_it_still_fit():
    assert Encoder(UNITS).seeds is None
    assert draw_count(Decoder(UNITS, 17, None)) == 0


def draw_count(decoder):
    before = decoder.seeds.state.numpy()[1]
    decoder(numbers(BATCH, TIME, WIDTH), None, training=True)
    return decoder.seeds.state.numpy()[1] - before


@pytest.mark.parametrize("make", [Encoder, partial(Decoder, readout=17, attention=None)], ids=["encoder", "decoder"])
def test_it_comes_back_from_the_config(make):
    layer = make(UNITS, recurrent_dropout=0.25)
    assert type(layer).from_config(layer.get_config()).recurrent_dropout == 0.25
