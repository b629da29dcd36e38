"""A TFLite model whose matrices are stored in int8: small to send, and float32 again before it runs.

The converter's own int8 also rounds what each layer reads to 8 bits, anew in each step. There a difference in the last
bit of a sum, as between a browser and a desktop, can become one of a 255th. Here only the weights are rounded, each row
of a matrix with a scale of its own:

    w_ij = s_i q_ij,    q_ij = round(w_ij / s_i),    s_i = max_j |w_ij| / 127.

So the row of a piece is rounded the same in the embedding and in the output layer, which may be one matrix. An
operation of the model could multiply by the scales, but an interpreter would do so for each text anew.

The stored file: ``nmt8``; an integer of 4 bytes, little-endian as all numbers; as many bytes of JSON, with the ``size``
of the model and its ``matrices``, each as the place of its first byte, its rows and its columns; the scales of all
matrices, float32; their weights, int8; and the rest of the model. ``browser/stored.mjs`` reads it, too.
"""

from __future__ import annotations

import json
import struct

import numpy as np

MAGIC = b"nmt8"
# Smaller matrices are left as they are: rounding them would save nothing.
_SMALLEST = 1024


def stored(model: bytes) -> bytes:
    """Return a TFLite model, as the converter writes it with weights of float32, in the form that is stored."""
    matrices = _matrices(model)
    scales, weights, rest = [], [], []
    position = 0
    for place, rows, columns in matrices:
        matrix = np.frombuffer(model, "<f4", rows * columns, place).reshape(rows, columns)
        scale = np.maximum(np.abs(matrix).max(1) / np.float32(127), np.finfo(np.float32).tiny)
        scales.append(scale.astype("<f4").tobytes())
        weights.append(np.round(matrix / scale[:, None]).astype(np.int8).tobytes())
        rest.append(model[position:place])
        position = place + matrix.nbytes
    head = json.dumps({"size": len(model), "matrices": matrices}).encode()
    return b"".join([MAGIC, struct.pack("<I", len(head)), head, *scales, *weights, *rest, model[position:]])


def runnable(model: bytes) -> bytes:
    """Return the TFLite model of what :func:`stored` returned; any other is returned as it is."""
    if not model.startswith(MAGIC):
        return model
    (length,) = struct.unpack_from("<I", model, len(MAGIC))
    begin = len(MAGIC) + 4
    head = json.loads(model[begin : begin + length])
    found = bytearray(head["size"])
    scale = begin + length
    weight = scale + 4 * sum(rows for _, rows, _ in head["matrices"])
    rest = weight + sum(rows * columns for _, rows, columns in head["matrices"])
    position = 0
    for place, rows, columns in head["matrices"]:
        found[position:place] = model[rest : rest + place - position]
        rest += place - position
        scales = np.frombuffer(model, "<f4", rows, scale)
        matrix = np.frombuffer(model, np.int8, rows * columns, weight).reshape(rows, columns) * scales[:, None]
        position = place + matrix.nbytes
        found[place:position] = matrix.astype("<f4").tobytes()
        scale, weight = scale + 4 * rows, weight + rows * columns
    found[position:] = model[rest:]
    return bytes(found)


def _matrices(model: bytes) -> list[tuple[int, int, int]]:
    """Return where each matrix of float32 stands in a model, and its rows and columns, in their order."""
    from ai_edge_litert import schema_py_generated as schema

    root = schema.Model.GetRootAsModel(model, 0)
    begin = np.frombuffer(model, np.uint8).__array_interface__["data"][0]
    shapes: dict[int, set[tuple[int, ...]]] = {}
    for graph in map(root.Subgraphs, range(root.SubgraphsLength())):
        for tensor in map(graph.Tensors, range(graph.TensorsLength())):
            if tensor.Type() == schema.TensorType.FLOAT32 and root.Buffers(tensor.Buffer()).DataLength():
                shape = tuple(map(int, tensor.ShapeAsNumpy())) if tensor.ShapeLength() else ()
                shapes.setdefault(tensor.Buffer(), set()).add(shape)
    found = []
    for buffer, (shape, *others) in shapes.items():
        # What is read in several shapes has no rows of its own.
        if not others and len(shape) == 2 and shape[0] * shape[1] >= _SMALLEST:
            place = root.Buffers(buffer).DataAsNumpy().__array_interface__["data"][0] - begin
            found.append((place, *shape))
    return sorted(found)
