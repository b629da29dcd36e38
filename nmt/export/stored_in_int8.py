"""Weights that are stored in int8 and multiplied in float32, for a page.

The converter's own int8 also rounds what each layer reads to 8 bits, anew in each step. There a difference in the last
bit of a sum, as between a browser and a desktop, can become one of a 255th. Here only the weights are rounded, each row
of a matrix with a scale of its own:

    w_ij = s_i q_ij,    q_ij = round(w_ij / s_i),    s_i = max_j |w_ij| / 127, rounded up to 6 bits.

So the row of a piece is rounded the same in the embedding and in the output layer, which may be one matrix. An
interpreter unpacks each matrix once, when it reads its first sentence. Scales of few bits pack well, and each signature
holds all of them; for the same reason what is inside the model loses its names.
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER = b"TFL3"
# The version of the operation that reads a scale for each row.
_BY_ROW = 5
# Smaller matrices are left as they are: rounding them would save nothing.
_SMALLEST = 1024
# Of a number below 1 and from a half on.
_BITS = 2.0**6


def store_in_int8(model: bytes) -> bytes:
    """Return a TFLite model with its matrices in int8.

    Arguments:
        model: with weights of float32, as the converter writes it.
    """
    root = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(model, 0))
    scales = {
        buffer: _round(root.buffers[buffer], shape) for buffer, shape in _matrices(root).items() if shape is not None
    }
    operation = len(root.operatorCodes)
    for graph in root.subgraphs:
        unpacked: dict[int, int] = {}
        for index, tensor in enumerate(list(graph.tensors)):
            if tensor.buffer in scales:
                unpacked[index] = len(graph.tensors)
                graph.tensors.append(_float_like(tensor))
                tensor.type, tensor.quantization = schema.TensorType.INT8, _scaled(scales[tensor.buffer])
        for each in graph.operators:
            each.inputs = [unpacked.get(index, index) for index in each.inputs]
        graph.outputs = [unpacked.get(index, index) for index in graph.outputs]
        # Operations run in their order.
        graph.operators[:0] = [_unpacking(operation, index, to) for index, to in unpacked.items()]
        for index in set(range(len(graph.tensors))) - {*graph.inputs, *graph.outputs}:
            graph.tensors[index].name = None
    code = schema.OperatorCodeT()
    code.deprecatedBuiltinCode = code.builtinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = _BY_ROW
    root.operatorCodes.append(code)
    builder = flatbuffers.Builder(len(model))
    builder.Finish(root.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _matrices(root: Any) -> dict[int, tuple[int, int] | None]:
    """Return the shape of each buffer that is a matrix; ``None`` if tensors read it in several shapes."""
    found: dict[int, tuple[int, int] | None] = {}
    for graph in root.subgraphs:
        for tensor in graph.tensors:
            shape = () if tensor.shape is None else tuple(map(int, tensor.shape))
            if tensor.type != schema.TensorType.FLOAT32 or root.buffers[tensor.buffer].data is None:
                continue
            matrix = shape if len(shape) == 2 and shape[0] * shape[1] >= _SMALLEST else None
            found[tensor.buffer] = matrix if found.get(tensor.buffer, matrix) == matrix else None
    return found


def _round(buffer: Any, shape: tuple[int, int]) -> np.ndarray:
    """Round the matrix in a buffer, and return the scale of each row."""
    weights = np.frombuffer(np.asarray(buffer.data, np.uint8).tobytes(), np.float32).reshape(shape)
    largest, exponents = np.frexp(np.maximum(np.abs(weights).max(1) / 127, np.finfo(np.float32).tiny))
    scales = np.ldexp(np.ceil(largest * _BITS) / _BITS, exponents)
    buffer.data = np.round(weights / scales[:, None]).astype(np.int8).view(np.uint8).ravel()
    return scales


def _scaled(scales: np.ndarray) -> Any:
    found = schema.QuantizationParametersT()
    found.scale, found.zeroPoint = scales.astype(np.float32), np.zeros(len(scales), np.int64)
    found.quantizedDimension = 0
    return found


def _float_like(tensor: Any) -> Any:
    made = schema.TensorT()
    made.shape, made.type, made.buffer = tensor.shape, schema.TensorType.FLOAT32, 0
    made.hasRank = True
    return made


def _unpacking(operation: int, read: int, written: int) -> Any:
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = operation, [read], [written]
    made.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
    made.builtinOptions = schema.DequantizeOptionsT()
    return made
