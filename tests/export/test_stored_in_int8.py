"""Matrices in int8: rounded as the formula says, and the same model again in Python and in JavaScript."""

import base64
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from node import needs_node, run_node

from nmt import browser
from nmt.export import stored_in_int8
from nmt.export.stored_in_int8 import runnable, stored
from nmt.inference.lite import all_converted

ROWS, WIDTH = 53, 37


def test_the_bytes_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two rows of three: 127 steps of 2 and of a half. 3.1 / 2 rounds to 2, -0.2 / 0.5 to 0; a row of zeros stays one.
    matrix = np.array([[254, 3.1, -254], [63.5, -0.2, 0.7], [0, 0, 0]], "<f4")
    monkeypatch.setattr(stored_in_int8, "_matrices", lambda model: [(4, 3, 3)])
    file = stored(b"head" + matrix.tobytes() + b"end")
    (length,) = struct.unpack("<I", file[4:8])
    assert file[:4] == b"nmt8" and json.loads(file[8 : 8 + length]) == {"size": 43, "matrices": [[4, 3, 3]]}
    scales = file[8 + length :][:12]
    assert np.frombuffer(scales, "<f4")[:2].tolist() == [2, 0.5]
    assert np.frombuffer(file[20 + length :][:9], np.int8).tolist() == [127, 2, -127, 127, 0, 1, 0, 0, 0]
    assert file[29 + length :] == b"headend"
    again = runnable(file)
    assert (again[:4], again[40:]) == (b"head", b"end") and runnable(again) is again
    assert np.frombuffer(again[4:40], "<f4").tolist() == [254, 4, -254, 63.5, 0, 0.5, 0, 0, 0]


@pytest.fixture(scope="module")
def weights() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(1)
    table = (draw.normal(size=[ROWS, WIDTH]) * draw.uniform(0.01, 9, [ROWS, 1])).astype(np.float32)
    return table, draw.normal(size=[WIDTH, WIDTH // 2]).astype(np.float32)


@pytest.fixture(scope="module")
def model(weights: tuple[np.ndarray, np.ndarray]) -> bytes:
    """One matrix as embedding and as output layer, and one that is too small to be rounded."""
    variables = [tf.Variable(each) for each in weights]

    def call(source: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = tf.gather(variables[0], source)
        return {"scores": tf.matmul(rows, variables[0], transpose_b=True), "sizes": tf.matmul(rows, variables[1])}

    return all_converted({"one": (call, [tf.TensorSpec([7], tf.int32, "source")])}, "none")


def test_each_row_has_a_scale_of_its_own_and_nothing_else_is_rounded(
    model: bytes, weights: tuple[np.ndarray, np.ndarray]
) -> None:
    table, small = weights
    file = stored(model)
    assert len(file) < len(model) - 2 * ROWS * WIDTH
    scales = np.abs(table).max(1, keepdims=True) / 127
    rounded = np.round(table / scales) * scales
    source = np.array([0, 5, 1, 52, 17, 1, 2], np.int32)
    found = Interpreter(model_content=runnable(file)).get_signature_runner("one")(source=source)
    np.testing.assert_allclose(found["scores"], rounded[source] @ rounded.T, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(found["sizes"], rounded[source] @ small, rtol=1e-5, atol=1e-4)


@needs_node
def test_javascript_makes_the_same_model(model: bytes, tmp_path: Path) -> None:
    (tmp_path / "stored").write_bytes(b"before" + stored(model))
    program = f"""
import {{ readFileSync }} from "node:fs";
const {{ runnable }} = await import({json.dumps(browser.path("stored.mjs").as_uri())});
const file = readFileSync(process.argv[2]).subarray(6);
const made = runnable(file);
console.log(JSON.stringify([Buffer.from(made).toString("base64"), runnable(made) === made]));
"""
    made, same = json.loads(run_node(program, tmp_path / "stored"))
    assert base64.b64decode(made) == runnable(stored(model)) and same is True
