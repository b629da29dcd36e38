"""Matrices in int8: rounded as the formula says, and multiplied in float32 whatever multiplies them."""

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from nmt.export.stored_in_int8 import store_in_int8
from nmt.inference.lite import all_converted

ROWS, WIDTH = 53, 37


def test_each_row_has_a_scale_of_its_own_and_nothing_else_is_rounded() -> None:
    draw = np.random.default_rng(1)
    # One matrix as embedding and as output layer; one too small to be rounded.
    table = (draw.normal(size=[ROWS, WIDTH]) * draw.uniform(0.01, 9, [ROWS, 1])).astype(np.float32)
    table[5] = 0
    small = draw.normal(size=[WIDTH, WIDTH // 2]).astype(np.float32)
    variables = [tf.Variable(table), tf.Variable(small)]

    def call(source: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = tf.gather(variables[0], source)
        return {"scores": tf.matmul(rows, variables[0], transpose_b=True), "sizes": tf.matmul(rows, variables[1])}

    converted = all_converted({"one": (call, [tf.TensorSpec([7], tf.int32, "source")])}, "none")
    stored = store_in_int8(converted)
    assert len(stored) < len(converted) - 2 * ROWS * WIDTH
    # By hand: the largest weight of a row becomes 127 or a little less, as a scale is rounded up to 64ths of the power
    # of two above it.
    scales = np.maximum(np.abs(table).max(1, keepdims=True), 1e-30) / 127
    step = 2 ** np.floor(np.log2(scales)) * 2 / 64
    scales = np.ceil(scales / step) * step
    rounded = np.round(table / scales) * scales
    source = np.array([0, 5, 1, 52, 17, 1, 2], np.int32)
    expected = {"scores": rounded[source] @ rounded.T, "sizes": rounded[source] @ small}
    for kernels in (OpResolverType.AUTO, OpResolverType.BUILTIN_REF):
        found = Interpreter(model_content=stored, experimental_op_resolver_type=kernels).get_signature_runner("one")
        for _ in range(2):
            for name, each in found(source=source).items():
                np.testing.assert_allclose(each, expected[name], rtol=1e-5, atol=1e-5)
