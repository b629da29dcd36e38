"""The alignment head, against its formula in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.layers.alignment_head import AlignmentHead

BATCH, TARGET, SOURCE, READOUT, EMBEDDING, WIDTH, UNITS = 2, 3, 5, 7, 11, 13, 17


@pytest.fixture(scope="module")
def parts() -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(1)
    shapes = ((BATCH, TARGET, READOUT), (BATCH, TARGET, EMBEDDING), (BATCH, SOURCE, WIDTH))
    return tuple(random.normal(size=shape).astype(np.float32) for shape in shapes)


def test_its_weights_are_those_of_the_formula_and_zero_on_padding(parts: tuple[np.ndarray, ...]) -> None:
    head = AlignmentHead(UNITS)
    mask = np.array([[True] * 5, [True] * 3 + [False] * 2])
    weights = head(*parts, mask).numpy()
    head.bias.assign(tf.range(UNITS, dtype=tf.float32) / 10)
    moved = head(*parts, mask).numpy()
    assert not np.allclose(weights, moved)
    readouts, vectors, values = parts
    kernels = [np.asarray(each) for each in (head.readout_kernel, head.vector_kernel, head.key_kernel, head.bias)]
    query = readouts @ kernels[0] + vectors @ kernels[1] + kernels[3]
    scores = query @ np.swapaxes(values @ kernels[2], 1, 2) / np.sqrt(UNITS)
    powers = np.exp(scores) * mask[:, None, :]
    np.testing.assert_allclose(moved, powers / powers.sum(-1, keepdims=True), rtol=1e-5)
    assert (moved[1, :, 3:] == 0).all()
    np.testing.assert_allclose(head(*(part[1:] for part in parts), mask[1:]).numpy()[0], moved[1], rtol=1e-6)


def test_it_is_made_again_from_its_config_and_refuses_no_units() -> None:
    config = keras.saving.serialize_keras_object(AlignmentHead(UNITS))
    assert keras.saving.deserialize_keras_object(config).units == UNITS
    with pytest.raises(ValueError, match="1 or more"):
        AlignmentHead(0)
