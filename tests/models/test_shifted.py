"""A Transformer linked by its own attention: by that of the step which reads a token, in searches as in scores."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from nmt.config import Config, Decoding, with_settings
from nmt.data.tokenizers import BOS, EOS
from nmt.decoding.constraints import Constraints
from nmt.decoding.strategies import search
from nmt.errors import InputError
from nmt.inference.head_file import read, write
from nmt.model_folder import HEAD, WEIGHTS
from nmt.models.build import build_model
from nmt.models.seq2seq import Seq2Seq
from nmt.models.shifted import ShiftedAttention, ShiftedModel

SETTINGS = ["model.architecture=transformer", "model.units=12", "model.embedding=12", "model.heads=3"]
SETTINGS += ["model.encoder_layers=1", "model.decoder_layers=2", "model.feed_forward=13"]
SOURCE = tf.constant([[7, 5, 11, 13, EOS], [9, EOS, 0, 0, 0]])
READ, WRITTEN = tf.constant([[BOS, 8, 6, 4], [BOS, 12, 0, 0]]), tf.constant([[8, 6, 4, EOS], [12, EOS, 0, 0]])


@pytest.fixture(scope="module")
def model() -> Seq2Seq:
    tf.keras.utils.set_random_seed(3)
    made = build_model(with_settings(Config(), SETTINGS), 17, 19)
    assert isinstance(made, Seq2Seq)
    # Larger weights than at the start of a training, so that attentions differ.
    made.set_weights([3 * weight if weight.ndim > 1 else weight for weight in made.get_weights()])
    return made


@pytest.mark.parametrize("attention", [ShiftedAttention(1), ShiftedAttention(0, 2)], ids=str)
def test_the_link_of_a_token_is_the_attention_of_the_step_that_reads_it(
    model: Seq2Seq, attention: ShiftedAttention
) -> None:
    logits, links = ShiftedModel(model, attention, BOS).score_pairs(SOURCE, READ, WRITTEN)
    # The same step by step, by the alignment that the decoder itself returns.
    decoder = model.decoder
    before = (decoder.layer, decoder.looks[attention.layer][1].head)
    decoder.layer, decoder.looks[attention.layer][1].head = attention
    try:
        memory = model.encode(SOURCE)
        state = model.initial_state(memory, 5)
        for i in range(4):
            found, state, _ = model.step(READ[:, i], state, memory)
            _, _, alignment = model.step(WRITTEN[:, i], state, memory)
            row = slice(None) if i < 1 else slice(0, 1)  # the second sentence has ended
            if i < 3:
                np.testing.assert_allclose(links[row, i], alignment[row], atol=1e-5)
            np.testing.assert_allclose(logits[row, i], found[row], atol=1e-4)
    finally:
        decoder.layer, decoder.looks[attention.layer][1].head = before
    np.testing.assert_allclose(tf.reduce_sum(links, -1), 1, atol=1e-5)
    # The end is linked as the token before it.
    np.testing.assert_array_equal(links[0, 3], links[0, 2])
    np.testing.assert_array_equal(links[1, 1], links[1, 0])
    assert (links.numpy()[1, :, 2:] == 0).all()
    # A row does not depend on its neighbours.
    alone = ShiftedModel(model, attention, BOS).score_pairs(SOURCE[1:, :2], READ[1:, :2], WRITTEN[1:, :2])[1]
    np.testing.assert_allclose(links[1:, :2, :2], alone, atol=1e-5)
    assert not np.allclose(links, model.score_pairs(SOURCE, READ, WRITTEN)[1], atol=0.01)


def test_the_longest_pair_fits_the_positions_that_were_learned() -> None:
    learned = ["model.positions=learned", "model.max_positions=5", "data.max_length=4", "decoding.max_length=4"]
    made = build_model(with_settings(Config(), SETTINGS + learned), 17, 19)
    assert isinstance(made, Seq2Seq)
    read_ids, written = tf.constant([[BOS, 8, 6, 4, 10]]), tf.constant([[8, 6, 4, 10, EOS]])
    _, links = ShiftedModel(made, ShiftedAttention(1), BOS).score_pairs(SOURCE[:1], read_ids, written)
    assert links.shape == (1, 5, 5)


@pytest.mark.parametrize("settings", [Decoding(), Decoding(beam=3, n_best=2)], ids=["greedy", "beam"])
def test_a_search_writes_as_before_and_links_as_teacher_forcing_does(model: Seq2Seq, settings: Decoding) -> None:
    shifted = ShiftedModel(model, ShiftedAttention(0, 1), BOS)
    limits = Constraints(tf.constant([6, 3]))

    def found(searched: Seq2Seq | ShiftedModel):  # type: ignore[no-untyped-def]
        mask = tf.zeros([2, 5], tf.bool)
        numbers = tf.zeros([2, 6])
        return search(
            searched,
            settings=settings,
            memory=searched.encode(SOURCE),
            mask=mask,
            constraints=limits,
            numbers=numbers,
            bos=BOS,
            eos=EOS,
        )

    one, other = found(shifted), found(model)
    for name in ("tokens", "lengths", "scores", "ranks"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for row in range(2):
        for place in range(settings.n_best):
            length = int(one.lengths[row, place])
            tokens = one.tokens[row : row + 1, place, :length]
            read_ids, written = tf.concat([[[BOS]], tokens], 1), tf.concat([tokens, [[EOS]]], 1)
            _, links = shifted.score_pairs(SOURCE[row : row + 1], read_ids, written)
            np.testing.assert_allclose(one.alignment[row, place, :length], links[0, :-1], atol=1e-5)


def test_a_folder_keeps_which_attention_it_is(model: Seq2Seq, tmp_path: Path) -> None:
    (tmp_path / WEIGHTS).write_bytes(b"weights")
    for attention in (ShiftedAttention(1), ShiftedAttention(0, 2)):
        write(tmp_path, attention)
        assert read(tmp_path, model) == attention
    for wrong in (ShiftedAttention(2), ShiftedAttention(0, 3), ShiftedAttention(-1, 0)):
        write(tmp_path, wrong)
        with pytest.raises(InputError, match=rf"{HEAD} cannot be used: it is read from .*2 layers with 3 heads"):
            read(tmp_path, model)
    recurrent = build_model(with_settings(Config(), ["model.units=4", "model.embedding=4"]), 17, 19)
    write(tmp_path, ShiftedAttention(0))
    with pytest.raises(InputError, match="0 layers with 0 heads"):
        read(tmp_path, recurrent)  # type: ignore[arg-type]
