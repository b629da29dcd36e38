"""The operations of an export, checked before it is run.

A SavedModel is a program: its graph may read and write files. An export of this package needs none of that, so whatever
it does not need is refused. What saves and restores variables is in every SavedModel, and is allowed only where
TensorFlow calls it with the folder's own path.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nmt.errors import InputError, first_line
from nmt.tf_import import is_operation

GRAPH = "saved_model.pb"

# What the exports of all architectures and strategies use, and other operations that only compute; none reads or writes
# a file, opens a connection, prints, waits, or calls Python.
_COMPUTE = """
Abs AddN AddV2 All Any ArgMax ArgMin Assert BatchMatMulV2 BiasAdd BroadcastArgs BroadcastTo Cast Ceil ClipByValue
ConcatV2 Const Cos Cumsum Einsum Elu Equal Erf Exp ExpandDims Fill Floor FloorDiv FloorMod GatherNd GatherV2 Greater
GreaterEqual Identity IdentityN If InvertPermutation IsFinite IsInf IsNan LeakyRelu Less LessEqual Log Log1p LogSoftmax
LogicalAnd LogicalNot LogicalOr MatMul Max Maximum Mean Min Minimum Mul Neg NoOp NotEqual OneHot OnesLike Pack Pad PadV2
PartitionedCall Placeholder PlaceholderWithDefault Pow PreventGradient Prod RaggedGather RaggedRange
RaggedTensorToTensor Range Rank ReadVariableOp RealDiv Reciprocal Relu Reshape ResourceGather ReverseV2 Round Rsqrt
ScatterNd Select SelectV2 SentencepieceDetokenizeOp SentencepieceOp SentencepieceTokenizeOp Shape ShapeN Sigmoid Sign
Sin Size Slice Softmax Softplus SparseSoftmaxCrossEntropyWithLogits Split SplitV Sqrt Square SquaredDifference Squeeze
StatefulPartitionedCall StatelessIf StatelessWhile StaticRegexFullMatch StaticRegexReplace StopGradient StridedSlice
StringJoin StringLength StringStrip Sub Sum Tanh TensorListFromTensor TensorListGetItem TensorListLength
TensorListReserve TensorListSetItem TensorListStack TensorScatterUpdate Tile TopKV2 Transpose Unpack UnsortedSegmentJoin
VarHandleOp VariableShape Where While ZerosLike
"""
ALLOWED = frozenset(_COMPUTE.split())

# What saves and restores variables, at a path that is given from outside.
_SAVER = frozenset(
    ("AssignVariableOp", "DisableCopyOnRead", "MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename")
)

_LARGEST_GRAPH = 512 * 2**20
# Numbers in the constants of a graph. One that is filled with a single value takes no room in the file.
_MAX_NUMBERS = 2**26


def check_operations(folder: Path) -> None:
    """Check what a SavedModel would do if it were loaded and run.

    Raises:
        InputError: if it cannot be read, holds an operation that exports do not need, or needs more memory than its
            files suggest.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    path = folder / GRAPH
    try:
        if path.stat().st_size > _LARGEST_GRAPH:
            raise InputError(f"{path} has more than {_LARGEST_GRAPH // 2**20} MiB, which no export needs.")
        saved = SavedModel.FromString(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except (DecodeError, RecursionError) as error:
        raise InputError(f"{folder} cannot be opened as a SavedModel ({first_line(error)}).") from None
    if len(saved.meta_graphs) != 1 or not saved.meta_graphs[0].object_graph_def.nodes:
        raise InputError(f"{folder} was not written by `nmt export`: it has no single graph of TensorFlow 2.")
    if refused := next(_refused(saved.meta_graphs[0]), ""):
        raise InputError(
            f"{folder} is not opened: it {refused}, which no export of this package needs. An export is a program; if "
            "you trust who made it, add --trust."
        )
    stored = sum(each.stat().st_size for each in (folder / "variables").glob("variables.data-*"))
    try:
        needed = _variable_bytes(saved.meta_graphs[0])
    except TypeError:
        raise InputError(f"{folder} is damaged: it has a variable of a type that does not exist.") from None
    if needed > stored + 2**20:
        raise InputError(f"{folder} is damaged: its variables need {needed:,} bytes, but {stored:,} are stored.")


def _refused(graph: Any) -> Iterator[str]:
    """Yield what is not allowed in a graph."""
    library = {function.signature.name: function for function in graph.graph_def.library.function}
    # TensorFlow could run another than the one that is looked at here.
    if len(library) < len(graph.graph_def.library.function):
        yield "has two functions of one name"
    for name in library:
        if is_operation(name):
            yield f"has a function with the name of the operation {name}"
    savers = {name for name, function in library.items() if any(node.op in _SAVER for node in function.node_def)}
    if graph.asset_file_def:
        yield "names further files"
    for name in graph.object_graph_def.concrete_functions:
        if name in savers:
            yield "reads or writes files in a signature"
    filename = graph.saver_def.filename_tensor_name.partition(":")[0]
    for node in graph.graph_def.node:
        called = _called(node)
        if node.op not in ALLOWED and node.op not in library:
            yield f"uses the operation {node.op}"
        if called & savers and (not node.input or node.input[0].partition(":")[0] != filename):
            yield "reads or writes files of its own choice"
    for name, function in library.items():
        allowed = ALLOWED | _SAVER if name in savers else ALLOWED
        for node in function.node_def:
            if node.op not in allowed and node.op not in library:
                yield f"uses the operation {node.op}"
            if _called(node) & savers:
                yield "reads or writes files within a signature"
        if name in savers and not _at_the_given_path(function):
            yield "reads or writes files of its own choice"
    numbers = 0
    for nodes in (graph.graph_def.node, *(function.node_def for function in library.values())):
        for node in nodes:
            # If and While may run what they name as an operation.
            for name in _called(node) - {node.op} - set(library):
                yield f"calls {name}, which it does not hold"
            for value in node.attr.values():
                if value.WhichOneof("value") == "tensor":
                    numbers += max(0, math.prod(dim.size for dim in value.tensor.tensor_shape.dim))
    if numbers > _MAX_NUMBERS:
        yield f"holds {numbers:,} constant numbers"


def _called(node: Any) -> set[str]:
    """Return the names of the functions that a node calls."""
    called, waiting = {node.op}, [*node.attr.values()]
    while waiting:
        value = waiting.pop()
        # A field that is not set is empty.
        for function in (*([value.func] if value.HasField("func") else []), *value.list.func):
            called.add(function.name)
            waiting.extend(function.attr.values())
    return called


def _at_the_given_path(function: Any) -> bool:
    """Return whether a function that saves or restores uses no path but its first argument, or what is joined to it."""
    given = function.signature.input_arg[0].name if function.signature.input_arg else None
    nodes = {node.name: node for node in function.node_def}

    def comes_from_outside(name: str) -> bool:
        for _ in nodes:
            source = name.lstrip("^").partition(":")[0]
            if source == given:
                return True
            node = nodes.get(source)
            if node is None or node.op not in ("Identity", "StringJoin", "ShardedFilename", "Pack") or not node.input:
                return False
            name = node.input[0]
        return False

    paths = {"RestoreV2": 1, "SaveV2": 1, "MergeV2Checkpoints": 2}
    return all(
        comes_from_outside(place)
        for node in function.node_def
        if node.op in paths
        for place in node.input[: paths[node.op]]
    )


def _variable_bytes(graph: Any) -> int:
    """Return the bytes of all variables of an object graph."""
    import tensorflow as tf

    sizes = []
    for node in graph.object_graph_def.nodes:
        if node.HasField("variable"):
            shape = [abs(dim.size) for dim in node.variable.shape.dim]
            sizes.append(math.prod(shape) * tf.dtypes.as_dtype(node.variable.dtype).size)
    return sum(sizes)
